/** The label pane of the segmentation tools: what each label covers, with switches to hide, clear or add. */

import type { Region } from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import { repeat } from "lit/directives/repeat.js";

import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";
import { FILTER_FROM } from "../base/single-choice.js";
import type { MaskEditor } from "./mask-editor.js";

export const ROW_PX = 32;

export interface MaskPaneView {
  readonly editor: MaskEditor;
  readonly filter: string;
  onFilter(text: string): void;
}

/** A share of the image in few digits. */
export function shareText(share: number): string {
  if (share <= 0) return "";
  const percent = 100 * share;
  return percent < 0.1 ? "< 0.1 %" : `${percent >= 10 ? Math.round(percent) : percent.toFixed(1)} %`;
}

export function maskLabelPane(view: MaskPaneView): TemplateResult {
  const { editor } = view;
  const { labels } = editor.document;
  const wanted = view.filter.trim().toLowerCase();
  const shown = labels.map((label, i) => ({ label, i })).filter(({ label }) => label.toLowerCase().includes(wanted));
  return html`<div class="label-pane">
    <div class="side-head"><h2>${msg().labels}</h2></div>
    ${
      labels.length >= FILTER_FROM
        ? html`<div class="label-filter"><input class="field" type="search" data-no-enter placeholder=${msg().filterChoices}
          aria-label=${msg().filterChoices} .value=${live(view.filter)}
          @change=${(event: Event) => event.stopPropagation()}
          @input=${(event: Event) => {
            event.stopPropagation();
            view.onFilter((event.target as HTMLInputElement).value);
          }}
          @keydown=${(event: KeyboardEvent) => {
            if (event.key === "Enter" && shown[0]) editor.chooseLabel(shown[0].i);
            else if (event.key !== "Escape") return;
            event.preventDefault();
            event.stopPropagation();
            view.onFilter("");
            (event.target as HTMLElement).blur();
          }} /></div>`
        : nothing
    }
    <div class="label-pane-content">
      ${shown.map(({ label, i }) => labelRow(editor, label, i))}
      ${shown.length || !wanted ? nothing : html`<p class="empty">${msg().nothingFound}</p>`}
    </div>
  </div>`;
}

function labelRow(editor: MaskEditor, label: string, i: number): TemplateResult {
  const m = msg();
  const isCurrent = label === editor.currentLabel;
  const isHidden = editor.hiddenLabels.has(label);
  const regions = editor.document.regionsOf(label);
  const region = regions[0];
  const share = editor.areInstances || !region ? "" : shareText(editor.shareOf(region));
  const isUsed = editor.areInstances ? regions.length > 0 : share !== "";
  const hide = isHidden ? m.showLabel(label) : m.hideLabel(label);
  return html`<div class="label-row">
    <button class="label-button ${isCurrent ? "selected" : ""}" type="button" title=${label}
      aria-pressed=${isCurrent ? "true" : "false"} @click=${() => editor.chooseLabel(i)}>
      ${editor.areInstances ? nothing : html`<span class="chip" style="background: ${editor.document.colorOf(label)}"></span>`}
      <span class="name ${isHidden ? "dim" : ""}">${label}</span>
      ${
        editor.areInstances && regions.length
          ? html`<span class="count"><span class="visually-hidden">${m.instanceCount(regions.length)}</span><span aria-hidden="true">${regions.length}</span></span>`
          : nothing
      }
      ${share ? html`<span class="detail"><span class="visually-hidden">${m.share(share)}</span><span aria-hidden="true">${share}</span></span>` : nothing}
      ${i < 10 ? html`<kbd>${(i + 1) % 10}</kbd>` : nothing}
    </button>
    ${
      editor.areInstances
        ? html`<button class="btn icon eye on add" type="button" title=${m.addInstance(label)} aria-label=${m.addInstance(label)}
          @click=${() => editor.addInstance(label)}>${icon("add")}</button>`
        : html`<button class="btn icon eye clear" type="button" ?disabled=${!isUsed} title=${m.clearLabel(label)} aria-label=${m.clearLabel(label)}
          @click=${() => region && editor.remove(region)}>${icon("delete")}</button>`
    }
    <button class="btn icon eye ${isHidden ? "on" : ""}" type="button" ?disabled=${!isUsed} title=${hide} aria-label=${hide}
      @click=${() => editor.toggleLabel(label)}>${icon(isHidden ? "visibility-off" : "visibility")}</button>
  </div>`;
}

export interface InstanceListView {
  readonly editor: MaskEditor;
  readonly scrollTop: number;
  readonly height: number;
  onScroll(event: Event): void;
  onReveal(region: Region): void;
  onRelabel(region: Region): void;
}

/** All instances, by label in the labels' order. Only the rows in view are in the tree. */
export function instanceList(view: InstanceListView): TemplateResult {
  const { editor } = view;
  const { labels } = editor.document;
  const regions = [...editor.document.regions].sort(
    (a, b) => labels.indexOf(a.label) - labels.indexOf(b.label) || a.value - b.value,
  );
  const numbers = new Map<string, number>();
  const named = regions.map((region) => {
    const n = (numbers.get(region.label) ?? 0) + 1;
    numbers.set(region.label, n);
    return { region, name: `${region.label} ${n}` };
  });
  const first = Math.max(0, Math.floor(view.scrollTop / ROW_PX) - 4);
  const last = Math.min(named.length, first + Math.ceil(Math.max(view.height, 200) / ROW_PX) + 9);
  const rows = named.slice(first, last).map((item, i) => ({ ...item, i: first + i }));
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || !regions.length) return;
    event.preventDefault();
    event.stopPropagation();
    const at = regions.findIndex((region) => region.value === editor.current?.value);
    editor.selectRegion(regions[Math.min(regions.length - 1, Math.max(0, at < 0 ? 0 : at + step))]!);
  };
  return html`<div class="shape-pane">
    <div class="side-head"><h2>${msg().instances}</h2>${regions.length ? html`<span class="count total">${regions.length}</span>` : nothing}</div>
    ${
      regions.length
        ? html`<div class="shape-list" role="list" tabindex="0" aria-label=${msg().instances} @scroll=${(event: Event) => view.onScroll(event)}
          @keydown=${move} @mouseleave=${() => (editor.highlighted = 0)}>
          <div style="height: ${regions.length * ROW_PX}px; position: relative">
            ${repeat(
              rows,
              ({ region }) => region.value,
              ({ region, name, i }) => instanceRow(view, region, name, i, regions.length),
            )}
          </div>
        </div>`
        : html`<p class="empty pad">${msg().noInstances}</p>`
    }
  </div>`;
}

function instanceRow(view: InstanceListView, region: Region, name: string, i: number, n: number): TemplateResult {
  const { editor } = view;
  const m = msg();
  const isVisible = !editor.isAllHidden && editor.isRegionVisible(region);
  const act = (action: () => void) => (event: Event) => {
    event.stopPropagation();
    action();
  };
  return html`<div class="shape-row" role="listitem" aria-current=${region.value === editor.current?.value ? "true" : nothing}
    aria-posinset=${i + 1} aria-setsize=${n} style="top: ${i * ROW_PX}px" @click=${() => editor.selectRegion(region)}
    @dblclick=${() => view.onReveal(region)} @mouseenter=${() => (editor.highlighted = region.value)}>
    <span class="chip small" style="background: ${region.color}"></span>
    <span class="name ${isVisible ? "" : "dim"}">${name}</span>
    <span class="detail">${shareText(editor.shareOf(region))}</span>
    <span class="acts">
      <button class="btn icon" type="button" tabindex="-1" title=${m.chooseLabelFor} aria-label=${m.chooseLabelFor}
        @click=${act(() => view.onRelabel(region))}>${icon("edit")}</button>
      <button class="btn icon" type="button" tabindex="-1" title=${isVisible ? m.hideShape : m.showShape} aria-label=${isVisible ? m.hideShape : m.showShape}
        @click=${act(() => editor.toggleRegion(region))}>${icon(isVisible ? "visibility" : "visibility-off")}</button>
      <button class="btn icon" type="button" tabindex="-1" title=${m.deleteInstance} aria-label=${m.deleteInstance}
        @click=${act(() => editor.remove(region))}>${icon("delete")}</button>
    </span>
  </div>`;
}

export const maskPaneStyles = css`
  .label-area.alone {
    flex: 1;
    max-height: none;
  }
  .label-button .detail {
    color: var(--lw-text-soft);
    font-size: 11.5px;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .shape-list .shape-row {
    height: ${ROW_PX}px;
  }
`;
