/** The pane of question and answer pairs beside the text. */

import { type PairLimits, type QuestionPair, type WordLimits, countWords } from "@labelwright/annotation-core";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { repeat } from "lit/directives/repeat.js";

import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";

export interface PairListView {
  readonly pairs: readonly QuestionPair[];
  readonly currentId: number | null;
  readonly limits: PairLimits;
  readonly tags: readonly string[];
  readonly allowsOwnTags: boolean;
  readonly isDisabled: boolean;
  readonly canAdd: boolean;
  readonly canRemove: boolean;
  colorOf(pair: QuestionPair): string;
  quoteOf(pair: QuestionPair, index: number): string;
  onCurrent(pair: QuestionPair): void;
  onChange(pair: QuestionPair, changes: Partial<QuestionPair>): void;
  /** The worker has left a field that was changed. */
  onCommit(): void;
  onAdd(): void;
  onRemove(pair: QuestionPair): void;
  onShow(pair: QuestionPair, index: number): void;
}

export function pairList(view: PairListView): TemplateResult {
  return html`<div class="pairs">${repeat(
    view.pairs,
    ({ id }) => id,
    (pair, i) => renderPair(view, pair, i),
  )}</div>
    <div class="add-row"><button class="btn bordered" type="button" id="add-pair" ?disabled=${!view.canAdd || view.isDisabled}
      @click=${() => view.onAdd()}>${icon("add")}${msg().addQuestion}</button></div>`;
}

function renderPair(view: PairListView, pair: QuestionPair, i: number): TemplateResult {
  const { tags, allowsOwnTags, isDisabled } = view;
  return html`<section class="pair ${pair.id === view.currentId ? "current" : ""}" id=${`pair-${pair.id}`}
    aria-labelledby=${`title-${pair.id}`} style="--pair: ${view.colorOf(pair)}"
    @focusin=${() => view.onCurrent(pair)} @pointerdown=${() => view.onCurrent(pair)}>
    <div class="pair-head"><h3 id=${`title-${pair.id}`}>${msg().questionNumber(i + 1)}</h3>
      <button class="btn icon" type="button" title=${msg().deleteQuestion(i + 1)} aria-label=${msg().deleteQuestion(i + 1)}
        ?disabled=${!view.canRemove || isDisabled} @click=${() => view.onRemove(pair)}>${icon("delete")}</button></div>
    ${renderField(view, pair, "question", msg().question)} ${renderField(view, pair, "answer", msg().questionAnswer)}
    ${tags.length || allowsOwnTags ? renderTags(view, pair) : nothing}
    ${renderReferences(view, pair)}
  </section>`;
}

function renderField(
  view: PairListView,
  pair: QuestionPair,
  field: "question" | "answer",
  name: string,
): TemplateResult {
  const limits = view.limits[field];
  const now = countWords(pair[field]);
  return html`<label class="pair-field"><span class="pair-label">${name}${renderCounter(now, limits)}</span>
    <textarea class="field" rows="2" id=${`${field}-${pair.id}`} dir="auto" .value=${live(pair[field])} ?disabled=${view.isDisabled}
      @input=${(event: Event) => {
        event.stopPropagation();
        view.onChange(pair, { [field]: (event.target as HTMLTextAreaElement).value });
      }}
      @change=${(event: Event) => {
        event.stopPropagation();
        view.onCommit();
      }}></textarea></label>`;
}

function renderCounter(now: number, { min, max }: WordLimits): TemplateResult {
  const rule = min > 1 || max !== Infinity ? ` (${msg().wordLimits(min, max)})` : "";
  return html`<span class="counter ${now > max ? "over" : ""}">${msg().words(now)}${rule}</span>`;
}

function renderTags(view: PairListView, pair: QuestionPair): TemplateResult {
  const all = [...new Set([...view.tags, ...pair.tags])];
  const toggle = (tag: string): void => {
    const rest = pair.tags.filter((other) => other !== tag);
    view.onChange(pair, { tags: rest.length < pair.tags.length ? rest : [...pair.tags, tag] });
    view.onCommit();
  };
  const add = (event: Event): void => {
    event.stopPropagation();
    const field = event.target as HTMLInputElement;
    const tag = field.value.trim();
    field.value = "";
    if (tag !== "" && !pair.tags.includes(tag)) toggle(tag);
  };
  return html`<div class="pair-field"><span class="pair-label">${msg().tags}</span>
    <div class="tag-list" role="group" aria-label=${msg().tags}>
      ${all.map(
        (tag) => html`<button class="tag-toggle" type="button" role="checkbox" ?disabled=${view.isDisabled}
        aria-checked=${pair.tags.includes(tag) ? "true" : "false"} @click=${() => toggle(tag)}>${tag}</button>`,
      )}
      ${
        view.allowsOwnTags
          ? html`<input class="field" placeholder=${msg().addTag} aria-label=${msg().addTag} data-no-enter ?disabled=${view.isDisabled}
            @input=${(event: Event) => event.stopPropagation()} @change=${add}
            @keydown=${(event: KeyboardEvent) => {
              if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
              event.preventDefault();
              add(event);
            }} />`
          : nothing
      }
    </div></div>`;
}

function renderReferences(view: PairListView, pair: QuestionPair): TemplateResult {
  const without = (index: number): Partial<QuestionPair> => ({
    references: pair.references.filter((_, i) => i !== index),
  });
  return html`<div class="pair-field"><span class="pair-label">${msg().references}</span>
    ${
      pair.isAboutAll
        ? nothing
        : pair.references.length
          ? html`<ul class="quotes">${pair.references.map(
              (_, i) => html`<li>
            <button class="linkish quote" type="button" dir="auto" @click=${() => view.onShow(pair, i)}>${view.quoteOf(pair, i)}</button>
            <button class="btn icon" type="button" title=${msg().removeReference} aria-label=${msg().removeReference}
              ?disabled=${view.isDisabled} @click=${() => {
                view.onChange(pair, without(i));
                view.onCommit();
              }}>${icon("close")}</button></li>`,
            )}</ul>`
          : html`<p class="note">${msg().markReference}</p>`
    }
    <label class="whole"><input type="checkbox" .checked=${live(pair.isAboutAll)} ?disabled=${view.isDisabled}
      @change=${(event: Event) => {
        event.stopPropagation();
        view.onChange(pair, { isAboutAll: (event.target as HTMLInputElement).checked });
        view.onCommit();
      }} />${msg().aboutAll}</label></div>`;
}
