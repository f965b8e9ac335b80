import {
  type Places,
  type RankedDimension,
  type RankingDimension,
  place,
  ranksOf,
  readDimensions,
  toStringList,
} from "@labelwright/annotation-core";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";

import { type Problem } from "../base/control.js";
import type { KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { TextSource } from "../base/text-source.js";
import { WidgetElement } from "../base/widget.js";
import { rankingStyles } from "./text-ranking.styles.js";

/** A movement of less than this many pixels is a click. */
const DRAG_FROM_PX = 4;

interface Letter {
  readonly dimension: number;
  readonly response: number;
}

interface Drag extends Letter {
  readonly from: { readonly x: number; readonly y: number };
  readonly at: { readonly x: number; readonly y: number };
  readonly isMoving: boolean;
  /** The rank under the pointer; null for "not ranked", undefined for none. */
  readonly over: number | null | undefined;
}

/**
 * Rank several responses to a prompt, once per dimension. The answer is
 * `{ordinalRankingDimensions: [{name, allowTie, responseRankings}]}`; the same list stands at the top of the answer too.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A response was given another rank.
 */
export class CrowdTextRanking extends WidgetElement {
  static override structured = {
    responses: { read: toStringList, reflect: false },
    "ordinal-ranking-dimensions": { read: readDimensions, reflect: false },
  } as unknown as typeof WidgetElement.structured;
  static override requiredAttributes = ["name", "text", "responses", "ordinal-ranking-dimensions"];

  static override styles = [...WidgetElement.styles, rankingStyles];

  /** The prompt, or the address of one. */
  @property() text = "";

  /** Per dimension, the place of each response. */
  @state() private places: readonly Places[] = [];
  /** The letter that was pressed and waits for a rank. */
  @state() private active: Letter | null = null;
  @state() private drag: Drag | null = null;
  @state() private announcement = "";

  readonly #source = new TextSource(() => this.requestUpdate());
  #undo: (readonly Places[])[] = [];
  #redo: (readonly Places[])[] = [];

  // ---- attributes and values -----------------------------------------------------------------------------------

  get responses(): string[] {
    return [...(this.getStructured("responses") as string[])];
  }
  set responses(value: unknown) {
    this.setStructured("responses", value);
  }

  get ordinalRankingDimensions(): RankingDimension[] {
    return structuredClone(this.getStructured("ordinal-ranking-dimensions") as RankingDimension[]);
  }
  set ordinalRankingDimensions(value: unknown) {
    this.setStructured("ordinal-ranking-dimensions", value);
  }

  protected override structuredChanged(): void {
    const n = this.responses.length;
    const isSame = this.places.every((places) => places.length === n);
    this.places = this.ordinalRankingDimensions.map((_, i) => (isSame && this.places[i]) || Array<null>(n).fill(null));
    this.#undo = [];
    this.#redo = [];
    this.active = null;
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has("text")) this.#source.set(this.text);
  }

  protected override isMissing(attribute: string): boolean {
    if (attribute === "text") return this.text === "";
    if (attribute === "responses") return this.responses.length === 0;
    if (attribute === "ordinal-ranking-dimensions") return this.ordinalRankingDimensions.length === 0;
    return super.isMissing(attribute);
  }

  get value(): { ordinalRankingDimensions: RankedDimension[] } {
    const ranked = this.ordinalRankingDimensions.flatMap(({ name, allowTie }, i) => {
      const ranks = ranksOf(this.places[i] ?? []);
      return ranks ? [{ allowTie, name, responseRankings: ranks }] : [];
    });
    return { ordinalRankingDimensions: ranked };
  }

  get _submittableValue(): { ordinalRankingDimensions: RankedDimension[] } {
    return this.value;
  }

  /** Programs that read answers look for the list at the top. */
  moreAnswers(): Readonly<Record<string, unknown>> {
    return this.value;
  }

  protected override widgetProblem(): Problem | null {
    const i = this.places.findIndex((places) => places.includes(null));
    if (i < 0) return null;
    const missing = this.places[i]!.flatMap((rank, response) => (rank === null ? [letterOf(response)] : []));
    return { message: msg().rankAll(this.ordinalRankingDimensions[i]!.name, missing.join(", ")) };
  }

  override resetControl(): void {
    this.places = this.places.map((places) => places.map(() => null));
    this.#undo = [];
    this.#redo = [];
    this.showProblem(null);
  }

  override getDraft(): unknown {
    return this.#undo.length ? { places: this.places } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    const places = (draft as { places?: unknown } | null)?.places;
    const n = this.responses.length;
    const isRank = (rank: unknown): boolean =>
      rank === null || (Number.isInteger(rank) && (rank as number) >= 1 && (rank as number) <= n);
    const fits = (list: unknown): boolean => Array.isArray(list) && list.length === n && list.every(isRank);
    if (!Array.isArray(places) || places.length !== this.places.length || !places.every(fits)) return;
    this.#undo.push(this.places);
    this.places = places as Places[];
  }

  // ---- ranking -------------------------------------------------------------------------------------------------

  #place({ dimension, response }: Letter, rank: number | null): boolean {
    const before = this.places[dimension]!;
    if (this.disabled || before[response] === rank) return false;
    const after = place(before, response, rank, this.ordinalRankingDimensions[dimension]!.allowTie);
    this.#undo.push(this.places);
    this.#redo = [];
    this.places = this.places.map((places, i) => (i === dimension ? after : places));
    const name = msg().responseName(letterOf(response));
    this.announcement = rank === null ? msg().isTakenOff(name) : msg().isRanked(name, rank);
    this.changed();
    return true;
  }

  #step(from: (readonly Places[])[], to: (readonly Places[])[]): void {
    const places = from.pop();
    if (!places) return;
    to.push(this.places);
    this.places = places;
    this.changed();
  }

  /** The first letter without a rank, at or after a dimension. */
  #nextUnranked(dimension: number): Letter | null {
    for (let i = dimension; i < this.places.length; i++) {
      const response = this.places[i]!.indexOf(null);
      if (response >= 0) return { dimension: i, response };
    }
    return null;
  }

  #focus(letter: Letter | null): void {
    void this.updateComplete.then(() => {
      const { dimension, response } = letter ?? { dimension: 0, response: 0 };
      this.renderRoot.querySelector<HTMLElement>(`#letter-${dimension}-${response}`)?.focus();
    });
  }

  override focusControl(): void {
    this.#focus(this.#nextUnranked(0));
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override keyGroups(): KeyGroup[] {
    const m = msg();
    const n = this.responses.length;
    const rankOf = ({ dimension, response }: Letter): number | null => this.places[dimension]![response] ?? null;
    /** For the letter that has the focus. */
    const move =
      (to: (rank: number | null) => number | null) =>
      (event: KeyboardEvent): boolean => {
        const letter = this.#letterAt(event.composedPath()[0]);
        if (letter) this.#move(letter, to(rankOf(letter)));
        return letter !== null;
      };
    return [
      {
        title: m.ranking,
        keys: [
          {
            keys: Array.from({ length: Math.min(9, n) }, (_, i) => String(i + 1)),
            text: m.keyRank,
            run: (event, i) => {
              const letter = this.#letterAt(event.composedPath()[0]) ?? this.active ?? this.#nextUnranked(0);
              if (!letter) return false;
              this.#place(letter, i + 1);
              this.#focus(this.#nextUnranked(letter.dimension) ?? letter);
              return true;
            },
          },
          { keys: ["ArrowUp"], text: m.keyRankUp, run: move((rank) => (rank === null ? n : Math.max(1, rank - 1))) },
          {
            keys: ["ArrowDown"],
            text: m.keyRankDown,
            run: move((rank) => (rank === null ? 1 : Math.min(n, rank + 1))),
          },
          { keys: ["Delete", "Backspace"], text: m.keyRankOff, run: move(() => null) },
          {
            keys: ["Escape"],
            text: m.keyRankDrop,
            run: () => {
              const was = this.active !== null;
              this.active = null;
              return was;
            },
          },
          { keys: ["Ctrl+Z"], text: m.undo, run: () => this.#step(this.#undo, this.#redo) },
          { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], text: m.redo, run: () => this.#step(this.#redo, this.#undo) },
        ],
      },
    ];
  }

  #move(letter: Letter, rank: number | null): void {
    this.#place(letter, rank);
    this.#focus(letter);
  }

  #letterAt(target: EventTarget | undefined): Letter | null {
    const button = target instanceof Element ? target.closest<HTMLElement>(".letter") : null;
    return button
      ? { dimension: Number(button.dataset["dimension"]), response: Number(button.dataset["response"]) }
      : null;
  }

  // ---- pointers ------------------------------------------------------------------------------------------------

  readonly #onDown = (event: PointerEvent): void => {
    const letter = this.#letterAt(event.target ?? undefined);
    if (!letter || this.disabled || event.button !== 0) return;
    const at = { x: event.clientX, y: event.clientY };
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.drag = { ...letter, from: at, at, isMoving: false, over: undefined };
  };

  readonly #onMove = (event: PointerEvent): void => {
    const { drag } = this;
    if (!drag) return;
    const at = { x: event.clientX, y: event.clientY };
    const isMoving = drag.isMoving || Math.hypot(at.x - drag.from.x, at.y - drag.from.y) >= DRAG_FROM_PX;
    this.drag = { ...drag, at, isMoving, over: this.#slotAt(at.x, at.y, drag.dimension) };
  };

  readonly #onUp = (): void => {
    const { drag } = this;
    if (!drag) return;
    this.drag = null;
    if (!drag.isMoving)
      this.active = same(this.active, drag) ? null : { dimension: drag.dimension, response: drag.response };
    else if (drag.over !== undefined) this.#place(drag, drag.over);
  };

  readonly #onCancel = (): void => {
    this.drag = null;
  };

  /** Only the places of the letter's own dimension take it. */
  #slotAt(x: number, y: number, dimension: number): number | null | undefined {
    for (const slot of this.renderRoot.querySelectorAll<HTMLElement>(`#dimension-${dimension} .slot`)) {
      const { left, right, top, bottom } = slot.getBoundingClientRect();
      if (x < left || x > right || y < top || y > bottom) continue;
      return slot.dataset["rank"] === undefined ? null : Number(slot.dataset["rank"]);
    }
    return undefined;
  }

  #onSlotClick(dimension: number, rank: number | null, event: Event): void {
    const { active } = this;
    if (!active || active.dimension !== dimension || (event.target as Element).closest(".letter")) return;
    this.#place(active, rank);
    this.active = null;
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected override renderWork(): TemplateResult {
    const lit = this.drag?.response ?? this.active?.response;
    return html`<div class="reading" role="region" aria-labelledby="question" tabindex="0">
      <h2>${msg().prompt}</h2>
      <div class="prompt" dir="auto">${this.#source.render()}</div>
      <h2>${msg().responses}</h2>
      <div class="response-list">${this.responses.map(
        (text, i) => html`<article class="response ${i === lit ? "lit" : ""}">
        <h3>${msg().responseName(letterOf(i))}</h3><div class="body" dir="auto">${text}</div></article>`,
      )}</div>
    </div>`;
  }

  protected override renderSide(): TemplateResult {
    const { drag } = this;
    return html`<aside class="side panel" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().ranking}
        @pointerdown=${this.#onDown} @pointermove=${this.#onMove} @pointerup=${this.#onUp} @pointercancel=${this.#onCancel}>
        <p class="panel-hint">${msg().rankHint}</p>
        ${this.renderProblem()}
        ${this.ordinalRankingDimensions.map((dimension, i) => this.#renderDimension(dimension, i))}
        ${
          drag?.isMoving
            ? html`<span class="letter ghost" style="left: ${drag.at.x}px; top: ${drag.at.y}px">${letterOf(drag.response)}</span>`
            : nothing
        }
      </aside>
      <div class="visually-hidden" aria-live="polite">${this.announcement}</div>`;
  }

  #renderDimension({ name, allowTie }: RankingDimension, i: number): TemplateResult {
    const places = this.places[i] ?? [];
    const n = places.length;
    const onPlace = (rank: number | null): number[] =>
      places.flatMap((rank_, response) => (rank_ === rank ? [response] : []));
    const unranked = onPlace(null);
    const letters = (rank: number | null, responses: readonly number[]): TemplateResult =>
      html`<span class="letters">${responses.map((response) => this.#renderLetter(i, response, rank))}</span>`;
    const isTarget = (rank: number | null): boolean =>
      this.drag?.isMoving === true && this.drag.dimension === i && this.drag.over === rank;
    return html`<section class="dimension" id=${`dimension-${i}`} aria-labelledby=${`name-${i}`}>
      <div class="dimension-head"><h3 id=${`name-${i}`}>${name}</h3><span>${allowTie ? msg().tiesAllowed : msg().noTies}</span></div>
      <div class="slots">
        <div class="slot pool ${isTarget(null) ? "target" : ""}" @click=${(event: Event) => this.#onSlotClick(i, null, event)}>
          <span class="place">${unranked.length ? msg().notRanked : msg().allRanked}</span>${letters(null, unranked)}
        </div>
        ${Array.from({ length: n }, (_, at) => {
          const rank = at + 1;
          const end = rank === 1 ? msg().best : rank === n ? msg().worst : "";
          return html`<div class="slot ${isTarget(rank) ? "target" : ""}" data-rank=${rank} role="group" aria-label=${msg().rank(rank)}
            @click=${(event: Event) => this.#onSlotClick(i, rank, event)}>
            <span class="place"><b>${rank}</b> ${end}</span>${letters(rank, onPlace(rank))}</div>`;
        })}
      </div>
    </section>`;
  }

  #renderLetter(dimension: number, response: number, rank: number | null): TemplateResult {
    const name = msg().responseName(letterOf(response));
    const letter = { dimension, response };
    const isActive = same(this.active, letter);
    const isDragged = this.drag?.isMoving === true && same(this.drag, letter);
    return html`<button class="letter ${isActive ? "active" : ""} ${isDragged ? "dragged" : ""}" type="button"
      id=${`letter-${dimension}-${response}`} data-dimension=${dimension} data-response=${response} ?disabled=${this.disabled}
      aria-pressed=${isActive ? "true" : "false"} aria-label=${rank === null ? msg().isTakenOff(name) : msg().isRanked(name, rank)}
      title=${this.responses[response]!.slice(0, 120)}>${letterOf(response)}</button>`;
  }
}

function same(a: Letter | null, b: Letter): boolean {
  return a?.dimension === b.dimension && a.response === b.response;
}

/** A, B, … Z, AA, AB, … */
function letterOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letterOf(Math.floor(index / 26) - 1) + last;
}
