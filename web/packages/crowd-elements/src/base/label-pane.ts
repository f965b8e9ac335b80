/** The label pane of the image tools: one entry per label with colour, key, count, and a switch to hide its shapes. */

import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { live } from "lit/directives/live.js";

import { icon } from "./icons.js";
import { digitKey } from "./keys.js";
import { msg } from "./messages.js";
import { FILTER_FROM } from "./single-choice.js";

export interface LabelPaneView {
  readonly labels: readonly string[];
  readonly current: string | null;
  readonly counts: ReadonlyMap<string, number>;
  readonly hidden: ReadonlySet<string>;
  readonly filter: string;
  colorOf(label: string): string;
  /** The label's name for people; otherwise the label itself. */
  nameOf?(label: string): string;
  /** The key of the i-th label; otherwise the first ten have digits. */
  keyOf?(index: number): string | null;
  /** What a count is a count of, in words. */
  countText?(count: number): string;
  onFilter(text: string): void;
  onChoose(index: number): void;
  onToggle(label: string): void;
}

export function labelPane(view: LabelPaneView): TemplateResult {
  const wanted = view.filter.trim().toLowerCase();
  const nameOf = (label: string): string => view.nameOf?.(label) ?? label;
  const shown = view.labels
    .map((label, i) => ({ label, i }))
    .filter(({ label }) => nameOf(label).toLowerCase().includes(wanted));
  return html`<div class="label-pane">
    <div class="side-head"><h2>${msg().labels}</h2></div>
    ${
      view.labels.length >= FILTER_FROM
        ? html`<div class="label-filter"><input class="field" type="search" data-no-enter placeholder=${msg().filterChoices}
          aria-label=${msg().filterChoices} .value=${live(view.filter)}
          @input=${(event: Event) => {
            event.stopPropagation();
            view.onFilter((event.target as HTMLInputElement).value);
          }}
          @keydown=${(event: KeyboardEvent) => {
            if (event.key === "Enter" && shown[0]) {
              event.preventDefault();
              event.stopPropagation();
              view.onChoose(shown[0].i);
              view.onFilter("");
              (event.target as HTMLElement).blur();
            } else if (event.key === "Escape") {
              event.preventDefault();
              view.onFilter("");
              (event.target as HTMLElement).blur();
            }
          }} /></div>`
        : nothing
    }
    <div class="label-pane-content">
      ${shown.map(({ label, i }) => {
        const isCurrent = label === view.current;
        const count = view.counts.get(label) ?? 0;
        const isHidden = view.hidden.has(label);
        const name = nameOf(label);
        const key = view.keyOf ? view.keyOf(i) : digitKey(i);
        return html`<div class="label-row">
          <button class="label-button ${isCurrent ? "selected" : ""}" type="button" title=${name}
            aria-pressed=${isCurrent ? "true" : "false"} @click=${() => view.onChoose(i)}>
            <span class="chip" style="background: ${view.colorOf(label)}"></span>
            <span class="name ${isHidden ? "dim" : ""}">${name}</span>
            ${count ? html`<span class="count" aria-label=${view.countText?.(count) ?? count}>${count}</span>` : nothing}
            ${key === null ? nothing : html`<kbd>${key}</kbd>`}
          </button>
          <button class="btn icon eye ${isHidden ? "on" : ""}" type="button" ?disabled=${!count}
            title=${isHidden ? msg().showLabel(name) : msg().hideLabel(name)}
            aria-label=${isHidden ? msg().showLabel(name) : msg().hideLabel(name)}
            @click=${() => view.onToggle(label)}>${icon(isHidden ? "visibility-off" : "visibility")}</button>
        </div>`;
      })}
      ${shown.length || !wanted ? nothing : html`<p class="empty">${msg().nothingFound}</p>`}
    </div>
  </div>`;
}

export const labelPaneStyles = css`
  .label-area {
    flex: 0 1 auto;
    display: flex;
    min-height: 96px;
    max-height: 58%;
  }
  .label-pane {
    flex: 1;
    min-width: 0;
    display: flex;
    flex-direction: column;
  }
  .label-filter {
    padding: 2px 12px 6px;
  }
  .label-pane-content {
    min-height: 0;
    padding: 0 8px 8px;
    overflow: auto;
  }
  .label-row {
    display: flex;
    align-items: center;
    border-radius: var(--lw-radius-small);
  }
  .label-button {
    appearance: none;
    flex: 1;
    display: flex;
    align-items: center;
    gap: 9px;
    min-width: 0;
    min-height: 34px;
    padding: 4px 8px;
    border: 1px solid transparent;
    border-radius: var(--lw-radius-small);
    background: none;
    color: var(--lw-text);
    font: 500 13.5px/1.3 var(--lw-font);
    text-align: start;
    cursor: pointer;
  }
  .label-button:hover {
    background: var(--lw-bg-hover);
  }
  .label-button.selected {
    border-color: var(--lw-accent);
    background: var(--lw-accent-soft);
  }
  .label-button:focus-visible {
    outline: 2px solid var(--lw-accent);
    outline-offset: 1px;
  }
  .chip {
    flex: none;
    width: 14px;
    height: 14px;
    border-radius: 4px;
    box-shadow: inset 0 0 0 1px #0003;
  }
  .name {
    flex: 1;
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .dim {
    opacity: 0.5;
  }
  .count {
    min-width: 20px;
    padding: 1px 6px;
    border-radius: 10px;
    background: var(--lw-bg-pressed);
    color: var(--lw-text-soft);
    font: 600 11px/1.5 var(--lw-font);
    text-align: center;
    font-variant-numeric: tabular-nums;
  }
  .eye {
    width: 28px;
    min-height: 28px;
    color: var(--lw-text-soft);
    opacity: 0;
  }
  .eye:disabled {
    opacity: 0;
  }
  .eye svg.icon {
    width: 16px;
    height: 16px;
  }
  .label-row:hover .eye:not(:disabled),
  .label-row:focus-within .eye:not(:disabled),
  .eye.on {
    opacity: 1;
  }
  @media (hover: none) {
    .eye:not(:disabled) {
      opacity: 1;
    }
  }
  .empty {
    margin: 0;
    padding: 8px;
    color: var(--lw-text-soft);
    font-size: 13px;
  }
`;
