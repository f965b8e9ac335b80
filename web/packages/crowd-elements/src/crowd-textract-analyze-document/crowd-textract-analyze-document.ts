import {
  type Block,
  type FormPair,
  type ImportantKey,
  type Point,
  type Verdict,
  missingKeys,
  outlineOf,
  pairsFrom,
  readBlocks,
  readImportantKeys,
  reviewedBlocks,
  toStringList,
} from "@labelwright/annotation-core";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { repeat } from "lit/directives/repeat.js";

import { booleanProperty } from "../base/attributes.js";
import { type Problem, announceState } from "../base/control.js";
import { icon } from "../base/icons.js";
import { ImagePane } from "../base/image-pane.js";
import type { KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { stageStyles } from "../base/stage.styles.js";
import { WidgetElement } from "../base/widget.js";
import { formPainter, isInBlock } from "./form-painter.js";
import { formReviewStyles } from "./form-review.styles.js";

const DEFAULT_KEY = "AWS/Textract/AnalyzeDocument/Forms/V1";
/** A press that moves more than this drags the document. */
const CLICK_PX = 4;

/**
 * Review the key-value pairs that were found in a scanned form. The answer is `{blocks: [...]}`: the blocks as given,
 * with what the worker has changed, under a default key when there is no name.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A pair was judged, edited, added or removed.
 */
export class CrowdTextractAnalyzeDocument extends WidgetElement {
  static override structured = {
    "initial-value": { read: readBlocks, reflect: false },
    keys: { read: readImportantKeys, reflect: false },
    "block-types": { read: toStringList, reflect: false },
  } as unknown as typeof WidgetElement.structured;
  static override requiredAttributes = ["src", "keys", "block-types"];

  static override styles = [...WidgetElement.styles, stageStyles, formReviewStyles];

  @property({ reflect: true }) src = "";
  @property({ ...booleanProperty, attribute: "no-key-edit", reflect: false }) noKeyEdit = false;
  @property({ ...booleanProperty, attribute: "no-geometry-edit", reflect: false }) noGeometryEdit = false;

  @state() private pairs: readonly FormPair[] = [];
  @state() private currentId: string | null = null;

  #isTouched = false;
  #added = 0;
  #pressedAt: Point | null = null;

  readonly #image = new ImagePane({
    painter: formPainter({
      pairBlocks: () =>
        this.pairs.map((pair) => ({
          isCurrent: pair.id === this.currentId,
          key: this.#block(pair.id),
          values: this.#values(pair),
        })),
    }),
    refresh: () => this.requestUpdate(),
    statusChanged: () => {
      this.requestUpdate();
      announceState(this);
    },
  });

  // ---- attributes and values -----------------------------------------------------------------------------------

  get initialValue(): Block[] {
    return structuredClone(this.getStructured("initial-value") as Block[]);
  }
  set initialValue(value: unknown) {
    this.setStructured("initial-value", value);
  }

  get keys(): ImportantKey[] {
    return structuredClone(this.getStructured("keys") as ImportantKey[]);
  }
  set keys(value: unknown) {
    this.setStructured("keys", value);
  }

  get blockTypes(): string[] {
    return [...(this.getStructured("block-types") as string[])];
  }
  set blockTypes(value: unknown) {
    this.setStructured("block-types", value);
  }

  get #blocks(): readonly Block[] {
    return this.getStructured("initial-value") as Block[];
  }

  #block(id: string): Block | undefined {
    return this.#blocks.find((block) => block.id === id);
  }

  #values(pair: FormPair): Block[] {
    return pair.valueIds.flatMap((id) => this.#block(id) ?? []);
  }

  override get answerKey(): string {
    return this.name || DEFAULT_KEY;
  }

  protected override structuredChanged(name: string): void {
    if (name === "initial-value" && !this.#isTouched) this.#load();
  }

  #load(): void {
    this.pairs = pairsFrom(this.#blocks);
    this.currentId = this.pairs[0]?.id ?? null;
  }

  override get isBlocked(): boolean {
    return super.isBlocked || this.#image.hasFailed;
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "src" ? !this.src : super.isMissing(attribute);
  }

  get value(): { blocks: Block[] } {
    return { blocks: reviewedBlocks(this.#blocks, this.pairs, !this.noGeometryEdit) };
  }

  get _submittableValue(): { blocks: Block[] } {
    return this.value;
  }

  #faulty(): { pair: FormPair; message: string } | null {
    for (const pair of this.pairs) {
      if (pair.verdict === null) return { pair, message: msg().reviewPair(pair.key) };
      const needsValue = pair.verdict === "valid" && !pair.isBlank && pair.value.trim() === "";
      if (needsValue) return { pair, message: msg().valueMissing(pair.key) };
    }
    return null;
  }

  protected override widgetProblem(): Problem | null {
    const faulty = this.#faulty();
    return this.#image.problem() ?? (faulty && { message: faulty.message });
  }

  override focusControl(): void {
    const faulty = this.#faulty();
    if (faulty) this.#select(faulty.pair.id);
    this.#focusCurrent();
  }

  override resetControl(): void {
    this.#isTouched = false;
    this.#load();
    this.showProblem(null);
  }

  override getDraft(): unknown {
    return this.#isTouched ? { pairs: this.pairs, added: this.#added } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    const { pairs, added } = (draft ?? {}) as { pairs?: unknown; added?: unknown };
    if (!Array.isArray(pairs)) return;
    // Only what the worker decided is taken from the draft; the blocks are those of the task.
    const saved = new Map((pairs as FormPair[]).map((pair) => [pair.id, pair]));
    const merged = pairsFrom(this.#blocks).map((pair) => {
      const { key = pair.key, value = pair.value, verdict = null, isBlank = false } = saved.get(pair.id) ?? {};
      return { ...pair, key: String(key), value: String(value), verdict, isBlank };
    });
    this.pairs = [...merged, ...(pairs as FormPair[]).filter((pair) => pair.isAdded)];
    this.#added = typeof added === "number" ? added : this.pairs.length;
    this.#isTouched = true;
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#image.attach(this.renderRoot, this.src);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("src") && changed.get("src") !== undefined) this.#image.load(this.src);
    if (changed.has("pairs") || changed.has("currentId")) this.#image.stage?.invalidate();
  }

  // ---- reviewing -----------------------------------------------------------------------------------------------

  #select(id: string): void {
    if (id === this.currentId) return;
    this.currentId = id;
    const pair = this.pairs.find((other) => other.id === id);
    const { stage } = this.#image;
    if (!pair || !stage?.isReady) return;
    const points = [this.#block(id), ...this.#values(pair)].flatMap((block) => outlineOf(block, stage.size));
    if (!points.length) return;
    const [left, right] = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))];
    const [top, bottom] = [Math.min(...points.map(({ y }) => y)), Math.max(...points.map(({ y }) => y))];
    stage.setTransform(stage.transform.reveal({ left, top, width: right - left, height: bottom - top }, stage.view));
  }

  #focusCurrent(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(".pair.current .pair-top")?.focus());
  }

  #change(pair: FormPair, changes: Partial<FormPair>): void {
    if (this.disabled) return;
    this.#isTouched = true;
    this.pairs = this.pairs.map((other) => (other.id === pair.id ? { ...other, ...changes } : other));
  }

  #judge(pair: FormPair, verdict: Verdict): void {
    this.#change(pair, { verdict });
    this.changed();
  }

  #judgeAndGoOn(pair: FormPair, verdict: Verdict): void {
    this.#judge(pair, verdict);
    const at = this.pairs.findIndex(({ id }) => id === pair.id);
    const open = [...this.pairs.slice(at + 1), ...this.pairs.slice(0, at)].find((other) => other.verdict === null);
    if (open) this.#select(open.id);
    this.#focusCurrent();
  }

  #restAreRight(): void {
    this.#isTouched = true;
    this.pairs = this.pairs.map((pair) => (pair.verdict === null ? { ...pair, verdict: "valid" } : pair));
    this.changed();
  }

  readonly #addKey = (event: Event): void => {
    event.stopPropagation();
    const choice = event.target as HTMLSelectElement;
    const key = choice.value;
    choice.value = "";
    if (key === "" || this.disabled) return;
    let id: string;
    do id = `added-${++this.#added}`;
    while (this.#block(id));
    const pair: FormPair = {
      id,
      valueIds: [],
      key,
      value: "",
      verdict: "valid",
      isBlank: false,
      isAdded: true,
      confidence: null,
    };
    this.pairs = [...this.pairs, pair];
    this.currentId = id;
    this.#isTouched = true;
    this.changed();
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(".pair.current textarea")?.focus());
  };

  #removeAdded(pair: FormPair): void {
    this.pairs = this.pairs.filter(({ id }) => id !== pair.id);
    this.currentId = this.pairs.at(-1)?.id ?? null;
    this.changed();
    this.#focusCurrent();
  }

  // ---- keys and pointers ---------------------------------------------------------------------------------------

  protected override keyGroups(): KeyGroup[] {
    const m = msg();
    const at = this.pairs.findIndex(({ id }) => id === this.currentId);
    const pair = this.pairs[at];
    const does = (act: (pair: FormPair) => void) => (): void => {
      if (pair) act(pair);
    };
    const go = (step: 1 | -1) => (): boolean => {
      const next = this.pairs[at + step];
      if (!next) return false;
      this.#select(next.id);
      this.#focusCurrent();
      return true;
    };
    return [
      {
        title: m.keyValuePairs,
        keys: [
          { keys: ["Y"], text: m.keyRight, run: does((it) => this.#judgeAndGoOn(it, "valid")) },
          { keys: ["N"], text: m.keyWrong, run: does((it) => this.#judgeAndGoOn(it, "invalid")) },
          {
            keys: ["E"],
            text: m.keyEditValue,
            run: () => this.renderRoot.querySelector<HTMLElement>(".pair.current textarea")?.focus(),
          },
          {
            keys: ["K"],
            text: m.keyNotFound,
            run: does((it) => this.#judge(it, it.verdict === "key-not-found" ? null : "key-not-found")),
          },
          { keys: ["B"], text: m.valueIsBlank, run: does((it) => this.#setBlank(it, !it.isBlank)) },
          { keys: ["ArrowDown"], text: m.keyNextPair, run: go(1) },
          { keys: ["ArrowUp"], text: m.keyPreviousPair, run: go(-1) },
        ],
      },
      this.#image.keys(),
    ];
  }

  #setBlank(pair: FormPair, isBlank: boolean): void {
    this.#change(pair, { isBlank, ...(isBlank && { verdict: "valid" as const }) });
    this.changed();
  }

  readonly #onDown = (event: PointerEvent): void => {
    this.#pressedAt = { x: event.clientX, y: event.clientY };
  };

  readonly #onUp = (event: PointerEvent): void => {
    const pressed = this.#pressedAt;
    const { stage } = this.#image;
    this.#pressedAt = null;
    if (!pressed || !stage?.isReady || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > CLICK_PX)
      return;
    const { left, top } = stage.host.getBoundingClientRect();
    const point = stage.transform.toImage({ x: event.clientX - left, y: event.clientY - top });
    const hit = this.pairs.find((pair) =>
      [this.#block(pair.id), ...this.#values(pair)].some((block) => isInBlock(block, point, stage.size)),
    );
    if (!hit) return;
    this.#select(hit.id);
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector(".pair.current")?.scrollIntoView({ block: "nearest" }),
    );
  };

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected override renderWork(): TemplateResult {
    return html`<div class="document" @pointerdown=${this.#onDown} @pointerup=${this.#onUp}>
      ${this.#image.render(msg().documentHelp)}</div>`;
  }

  protected override renderSide(): TemplateResult {
    const done = this.pairs.filter(({ verdict }) => verdict !== null).length;
    const missing = missingKeys(this.keys, this.pairs);
    return html`<aside class="side pairs-panel" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().keyValuePairs}>
      <div class="side-head"><h2>${msg().keyValuePairs}</h2>
        <span class="progress">${msg().reviewedOf(done, this.pairs.length)}</span></div>
      ${this.renderProblem()}
      ${this.pairs.length ? nothing : html`<p class="no-pairs">${msg().noPairs}</p>`}
      <div class="pairs">${repeat(
        this.pairs,
        ({ id }) => id,
        (pair) => this.#renderPair(pair),
      )}</div>
      <div class="pair-actions">
        ${
          missing.length
            ? html`<select class="field" aria-label=${msg().addKey} ?disabled=${this.disabled} @change=${this.#addKey}>
              <option value="">${msg().addKey}…</option>
              ${missing.map(({ importantFormKey }) => html`<option>${importantFormKey}</option>`)}</select>`
            : nothing
        }
        ${
          done < this.pairs.length
            ? html`<button class="btn bordered" type="button" id="rest" ?disabled=${this.disabled}
              @click=${() => this.#restAreRight()}>${icon("check")}${msg().restAreRight}</button>`
            : nothing
        }
      </div>
    </aside>`;
  }

  #isImportant(pair: FormPair): boolean {
    return missingKeys(this.keys, [pair]).length < this.keys.length;
  }

  #renderPair(pair: FormPair): TemplateResult {
    const isCurrent = pair.id === this.currentId;
    const isWrong = pair.verdict === "invalid" || pair.verdict === "key-not-found";
    return html`<section class="pair ${isCurrent ? "current" : ""}" aria-label=${pair.key}>
      <button class="pair-top" type="button" aria-expanded=${isCurrent ? "true" : "false"} @click=${() => this.#select(pair.id)}>
        <span class="pair-key" dir="auto" title=${this.#isImportant(pair) ? msg().importantKey : nothing}>${pair.key}${this.#isImportant(pair) ? " ★" : ""}</span>
        ${this.#renderNote(pair)}
        <span class="pair-value ${isWrong ? "struck" : ""}" dir="auto">${pair.isBlank ? msg().blank : pair.value || "–"}</span>
        ${this.#renderVerdict(pair)}
      </button>
      ${isCurrent ? this.#renderBody(pair) : nothing}
    </section>`;
  }

  #renderNote(pair: FormPair): TemplateResult {
    if (pair.isAdded) return html`<span class="pair-note">${msg().addedByYou}</span>`;
    return pair.confidence === null
      ? html`<span></span>`
      : html`<span class="pair-note" title=${msg().confidenceTitle}>${msg().confidence(Math.round(pair.confidence))}</span>`;
  }

  #renderVerdict({ verdict }: FormPair): TemplateResult {
    if (verdict === "valid") return html`<span class="verdict valid">${icon("check")}${msg().verdictValid}</span>`;
    if (verdict === null) return html`<span></span>`;
    return html`<span class="verdict wrong">${icon("close")}${verdict === "invalid" ? msg().verdictInvalid : msg().keyNotFound}</span>`;
  }

  #renderBody(pair: FormPair): TemplateResult {
    const m = msg();
    const { disabled } = this;
    const answer = (verdict: Verdict, text: string, key: string): TemplateResult =>
      html`<button class="btn bordered" type="button" aria-pressed=${pair.verdict === verdict ? "true" : "false"} title=${key}
        ?disabled=${disabled} @click=${() => this.#judge(pair, verdict)}>${text}</button>`;
    const type = (changes: (text: string) => Partial<FormPair>) => (event: Event) => {
      event.stopPropagation();
      this.#change(pair, changes((event.target as HTMLInputElement).value));
    };
    const commit = (event: Event): void => {
      event.stopPropagation();
      this.changed();
    };
    return html`<div class="pair-body">
      ${
        pair.isAdded
          ? nothing
          : html`<div class="asking" role="group" aria-label=${m.isPairValid}><span>${m.isPairValid}</span>
            ${answer("valid", m.yes, "Y")}${answer("invalid", m.no, "N")}</div>`
      }
      ${
        this.noKeyEdit || pair.isAdded
          ? nothing
          : html`<label class="pair-field">${m.formKey}<input class="field" dir="auto" data-no-enter .value=${live(pair.key)}
            ?disabled=${disabled} @input=${type((key) => ({ key }))} @change=${commit} /></label>`
      }
      <label class="pair-field">${m.formValue}<textarea class="field" rows="1" dir="auto" .value=${live(pair.isBlank ? "" : pair.value)}
        ?disabled=${disabled || pair.isBlank} @input=${type((value) => ({ value, verdict: pair.verdict ?? "valid" }))}
        @change=${commit}></textarea></label>
      <div class="ticks">
        ${
          pair.isAdded
            ? html`<button class="btn bordered" type="button" @click=${() => this.#removeAdded(pair)}>${icon("delete")}${m.removeAdded(pair.key)}</button>`
            : html`<label><input type="checkbox" .checked=${live(pair.verdict === "key-not-found")} ?disabled=${disabled}
              @change=${(event: Event) => {
                event.stopPropagation();
                this.#judge(pair, (event.target as HTMLInputElement).checked ? "key-not-found" : null);
              }} />${m.keyNotFound}</label>`
        }
        <label><input type="checkbox" .checked=${live(pair.isBlank)} ?disabled=${disabled}
          @change=${(event: Event) => {
            event.stopPropagation();
            this.#setBlank(pair, (event.target as HTMLInputElement).checked);
          }} />${m.valueIsBlank}</label>
      </div>
    </div>`;
  }

  protected override changed(): void {
    this.#isTouched = true;
    const wasRefused = this.shownProblem !== "";
    super.changed();
    // Leaving a field is a change too: what is still missing must not vanish with it.
    if (wasRefused) this.shownProblem = this.widgetProblem()?.message ?? "";
  }
}
