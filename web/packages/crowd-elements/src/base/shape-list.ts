/** The list of shapes beside the image. Only the rows in view are in the tree, so 5000 shapes scroll like 5. */

import type { Shape } from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { icon } from "./icons.js";
import type { ShapeSentences } from "./messages-shapes.js";
import { msg } from "./messages.js";

export const ROW_PX = 30;

export interface ShapeListView {
  readonly shapes: readonly Shape[];
  readonly selectedId: number | null;
  readonly scrollTop: number;
  readonly height: number;
  readonly texts: ShapeSentences;
  colorOf(label: string): string;
  detail(shape: Shape): string;
  isVisible(shape: Shape): boolean;
  onScroll(event: Event): void;
  onSelect(shape: Shape): void;
  onHover(shape: Shape | null): void;
  onToggle(shape: Shape): void;
  onRelabel(shape: Shape): void;
  onDelete(shape: Shape): void;
}

export function shapeList(view: ShapeListView): TemplateResult {
  const { shapes } = view;
  const first = Math.max(0, Math.floor(view.scrollTop / ROW_PX) - 4);
  const last = Math.min(shapes.length, first + Math.ceil(Math.max(view.height, 200) / ROW_PX) + 9);
  const rows = shapes.slice(first, last).map((shape, i) => ({ shape, i: first + i }));
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || !shapes.length) return;
    event.preventDefault();
    event.stopPropagation();
    const at = shapes.findIndex((shape) => shape.id === view.selectedId);
    const next = shapes[Math.min(shapes.length - 1, Math.max(0, at < 0 ? 0 : at + step))]!;
    view.onSelect(next);
  };
  return html`<div class="shape-pane">
    <div class="side-head"><h2>${view.texts.title}</h2>${shapes.length ? html`<span class="count total">${shapes.length}</span>` : nothing}</div>
    ${
      shapes.length
        ? html`<div class="shape-list" role="list" tabindex="0" aria-label=${view.texts.title}
          @scroll=${(event: Event) => view.onScroll(event)} @keydown=${move} @mouseleave=${() => view.onHover(null)}>
          <div style="height: ${shapes.length * ROW_PX}px; position: relative">
            ${repeat(
              rows,
              ({ shape }) => shape.id,
              ({ shape, i }) => row(view, shape, i),
            )}
          </div>
        </div>`
        : html`<p class="empty pad">${view.texts.none}</p>`
    }
  </div>`;
}

function row(view: ShapeListView, shape: Shape, i: number): TemplateResult {
  const isVisible = view.isVisible(shape);
  const act = (action: (shape: Shape) => void) => (event: Event) => {
    event.stopPropagation();
    action.call(view, shape);
  };
  return html`<div class="shape-row" role="listitem" aria-current=${shape.id === view.selectedId ? "true" : nothing}
    aria-posinset=${i + 1} aria-setsize=${view.shapes.length} style="top: ${i * ROW_PX}px"
    @click=${() => view.onSelect(shape)} @dblclick=${act(view.onRelabel)} @mouseenter=${() => view.onHover(shape)}>
    <span class="chip small" style="background: ${view.colorOf(shape.label)}"></span>
    <span class="name ${isVisible ? "" : "dim"}">${shape.label}</span>
    <span class="detail">${view.detail(shape)}</span>
    <span class="acts">
      <button class="btn icon" type="button" tabindex="-1" title=${msg().chooseLabelFor} aria-label=${msg().chooseLabelFor}
        @click=${act(view.onRelabel)}>${icon("edit")}</button>
      <button class="btn icon" type="button" tabindex="-1" title=${isVisible ? msg().hideShape : msg().showShape}
        aria-label=${isVisible ? msg().hideShape : msg().showShape} @click=${act(view.onToggle)}>${icon(isVisible ? "visibility" : "visibility-off")}</button>
      <button class="btn icon" type="button" tabindex="-1" title=${view.texts.deleteOne} aria-label=${view.texts.deleteOne}
        @click=${act(view.onDelete)}>${icon("delete")}</button>
    </span>
  </div>`;
}

export const shapeListStyles = css`
  .shape-pane {
    flex: 1;
    display: flex;
    flex-direction: column;
    min-height: 100px;
    border-top: 1px solid var(--lw-line);
  }
  .shape-list {
    flex: 1;
    min-height: 0;
    overflow: auto;
    outline-offset: -2px;
  }
  .shape-row {
    position: absolute;
    inset-inline: 0;
    display: flex;
    align-items: center;
    gap: 9px;
    height: 30px;
    padding: 0 8px 0 16px;
    font: 400 13px/1.2 var(--lw-font);
    cursor: pointer;
  }
  .shape-row:hover {
    background: var(--lw-bg-hover);
  }
  .shape-row[aria-current] {
    background: var(--lw-accent-soft);
  }
  .chip.small {
    width: 10px;
    height: 10px;
    border-radius: 3px;
  }
  .shape-row .detail {
    color: var(--lw-text-soft);
    font-size: 11.5px;
    font-variant-numeric: tabular-nums;
  }
  .acts {
    display: none;
  }
  .shape-row:hover .acts,
  .shape-row[aria-current] .acts {
    display: flex;
  }
  .shape-row:hover .detail,
  .shape-row[aria-current] .detail {
    display: none;
  }
  @media (hover: none) {
    .acts {
      display: flex;
    }
  }
  .acts .btn {
    width: 26px;
    min-height: 26px;
    color: var(--lw-text-soft);
  }
  .acts svg.icon {
    width: 15px;
    height: 15px;
  }
  .empty.pad {
    padding: 2px 16px;
  }
`;
