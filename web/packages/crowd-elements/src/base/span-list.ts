/** The list of marked passages beside a text. Only the rows in view are in the tree. */

import type { Span } from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { icon } from "./icons.js";
import { msg } from "./messages.js";

const ROW_PX = 32;

export interface SpanListView {
  readonly spans: readonly Span[];
  readonly selectedId: number | null;
  readonly scrollTop: number;
  readonly height: number;
  colorOf(label: string): string;
  nameOf(label: string): string;
  textOf(span: Span): string;
  onSelect(span: Span): void;
  onDelete(span: Span): void;
  onScroll(top: number): void;
}

export function spanList(view: SpanListView): TemplateResult {
  const { spans } = view;
  const first = Math.max(0, Math.floor(view.scrollTop / ROW_PX) - 4);
  const last = Math.min(spans.length, first + Math.ceil(Math.max(view.height, 200) / ROW_PX) + 9);
  const rows = spans.slice(first, last).map((span, i) => ({ span, i: first + i }));
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || !spans.length) return;
    event.preventDefault();
    event.stopPropagation();
    const at = spans.findIndex((span) => span.id === view.selectedId);
    view.onSelect(spans[Math.min(spans.length - 1, Math.max(0, at < 0 ? 0 : at + step))]!);
  };
  return html`<div class="span-pane">
    <div class="side-head"><h2>${msg().entities}</h2>
      ${spans.length ? html`<span class="count">${spans.length}</span>` : nothing}</div>
    ${
      spans.length
        ? html`<div class="span-list" role="list" tabindex="0" aria-label=${msg().entities} @keydown=${move}
          @scroll=${(event: Event) => view.onScroll((event.target as HTMLElement).scrollTop)}>
          <div style="height: ${spans.length * ROW_PX}px; position: relative">
            ${repeat(
              rows,
              ({ span }) => span.id,
              ({ span, i }) => row(view, span, i),
            )}
          </div>
        </div>`
        : html`<p class="empty pad">${msg().noEntities}</p>`
    }
  </div>`;
}

function row(view: SpanListView, span: Span, i: number): TemplateResult {
  const text = view.textOf(span);
  const name = view.nameOf(span.label);
  return html`<div class="span-row" role="listitem" aria-current=${span.id === view.selectedId ? "true" : nothing}
    aria-posinset=${i + 1} aria-setsize=${view.spans.length} style="top: ${i * ROW_PX}px"
    title=${msg().entityName(name, text)} @click=${() => view.onSelect(span)}>
    <span class="chip small" style="background: ${view.colorOf(span.label)}"></span>
    <span class="name" dir="auto">${text}</span><span class="detail">${name}</span>
    <button class="btn icon" type="button" tabindex="-1" title=${msg().deleteEntity} aria-label=${msg().deleteEntity}
      @click=${(event: Event) => {
        event.stopPropagation();
        view.onDelete(span);
      }}>${icon("delete")}</button>
  </div>`;
}

/** Brings the row of a span into view. */
export function revealSpan(root: ParentNode, spans: readonly Span[], id: number | null): void {
  const list = root.querySelector(".span-list");
  const at = spans.findIndex((span) => span.id === id) * ROW_PX;
  if (list && at >= 0 && (at < list.scrollTop || at + ROW_PX > list.scrollTop + list.clientHeight)) {
    list.scrollTop = at - list.clientHeight / 2;
  }
}

export const spanListStyles = css`
  .span-pane {
    flex: 1;
    display: flex;
    flex-direction: column;
    min-height: 100px;
    border-top: 1px solid var(--lw-line);
  }
  .span-list {
    flex: 1;
    min-height: 0;
    overflow: auto;
    outline-offset: -2px;
  }
  .span-row {
    position: absolute;
    inset-inline: 0;
    display: flex;
    align-items: center;
    gap: 8px;
    height: 32px;
    padding-inline: 16px 12px;
    font: 400 13px/1.2 var(--lw-font);
    cursor: pointer;
  }
  .span-row:hover {
    background: var(--lw-bg-hover);
  }
  .span-row[aria-current] {
    background: var(--lw-accent-soft);
  }
  .span-row .chip.small {
    width: 10px;
    height: 10px;
    border-radius: 3px;
  }
  .span-row .name {
    flex: 1 1 0;
    min-width: 40%;
  }
  .span-row .detail {
    flex: 0 1 auto;
    overflow: hidden;
    color: var(--lw-text-soft);
    font-size: 12px;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .span-row .btn {
    display: none;
    margin-inline-end: -6px;
    flex: none;
    width: 26px;
    min-height: 26px;
    color: var(--lw-text-soft);
  }
  .span-row:hover .btn,
  .span-row[aria-current] .btn {
    display: inline-flex;
  }
  .span-row svg.icon {
    width: 15px;
    height: 15px;
  }
  .empty.pad {
    padding: 2px 16px;
  }
`;
