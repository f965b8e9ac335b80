import {
  CodePoints,
  type EntityAnswer,
  type EntityLabel,
  LiteralError,
  type Range_,
  type Span,
  SpanStore,
  entitiesFrom,
  entityAnswer,
  entityLabels,
  labelColors,
  readEntityLabels,
  trimRange,
} from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";

import { type Problem, announceState } from "../base/control.js";
import { labelPane, labelPaneStyles } from "../base/label-pane.js";
import { focusPicker, labelPicker, labelPickerStyles } from "../base/label-picker.js";
import { msg } from "../base/messages.js";
import { NothingToLabel, nothingStyles } from "../base/nothing.js";
import { revealSpan, spanList, spanListStyles } from "../base/span-list.js";
import { toolButton } from "../base/stage-tools.js";
import { stageStyles } from "../base/stage.styles.js";
import { TextView } from "../base/text-view.js";
import { textStyles } from "../base/text.styles.js";
import { CTRL, type Shortcut, WidgetElement } from "../base/widget.js";
import { EntityKeyboard } from "./entity-keyboard.js";
import { entityShortcuts, labelKey } from "./entity-keys.js";

const PICKER_SIZE = { width: 236, height: 316 };
/** Stands for the passage whose label is being asked for. */
const PENDING_ID = -1;

/**
 * Mark passages of a text and give each a label. The answer is `{entities: [{endOffset, label, startOffset}]}`, offsets
 * in code points. Brings its own crowd-form with Submit, unless one stands around it.
 *
 * @slot - Anything else: shown below the text; controls in it are part of the answer.
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - An entity was added, relabeled or deleted.
 */
export class CrowdEntityAnnotation extends WidgetElement {
  static override structured = {
    labels: { read: readEntityLabels, reflect: true },
    "initial-value": { read: (value: unknown) => value, reflect: false },
  };
  static override requiredAttributes = ["name", "text", "labels"];

  static override styles = [
    ...WidgetElement.styles,
    stageStyles,
    labelPaneStyles,
    labelPickerStyles,
    spanListStyles,
    nothingStyles,
    textStyles,
    css`
      :host([data-own-form]) {
        height: auto;
      }
      .own {
        height: 100%;
      }
      .shell > slot::slotted(*) {
        padding-inline: 24px;
      }
    `,
  ];

  /** The text to mark. Never read as HTML. */
  @property() text = "";

  @state() private labelFilter = "";
  @state() private pickFilter = "";
  @state() private currentLabel: string | null = null;
  @state() private isHidden = false;
  @state() private announcement = "";
  @state() private listScroll = 0;
  @state() private initialError: string | null = null;
  /** The passage that waits for a label. */
  @state() private pending: Range_ | null = null;
  @state() private hasOwnForm = true;

  @query(".text") private readonly textElement!: HTMLElement | null;

  readonly #store = new SpanStore((what) => this.#storeChanged(what));
  #view: TextView | null = null;
  #points = new CodePoints("");
  #labels: readonly EntityLabel[] = [];
  #colors = new Map<string, string>();
  readonly #hiddenLabels = new Set<string>();
  #isLoaded = false;
  #isTouched = false;

  readonly #nothing = new NothingToLabel({
    root: () => this.renderRoot,
    count: () => this.#kept().length,
    clear: () => this.#store.replaceAll([]),
    title: (n) => msg().deleteEntitiesTitle(n),
    question: (n) => msg().nothingDeletesEntities(n),
    changed: () => {
      this.#isTouched = true;
      this.shownProblem = "";
      this.requestUpdate();
      announceState(this);
    },
  });
  readonly #keyboard: EntityKeyboard;

  constructor() {
    super();
    const owner = this;
    this.#keyboard = new EntityKeyboard({
      store: this.#store,
      get text() {
        return owner.text;
      },
      get labelCount() {
        return owner.#labels.length;
      },
      view: () => this.#view,
      kept: () => this.#kept(),
      chooseLabel: (index) => this.#chooseLabel(index),
      escape: () => this.#escape(),
      select: (range) => this.#selected(range, false),
      click: (spans) => this.#clicked(spans),
      show: (span) => this.#show(span),
      remove: (id) => this.#remove(id),
      undo: (isBack) => this.#undo(isBack),
      toggleHidden: () => {
        this.isHidden = !this.isHidden;
      },
      say: (text) => this.#say(text),
    });
  }

  // ---- life ----------------------------------------------------------------------------------------------------

  override connectedCallback(): void {
    super.connectedCallback();
    this.hasOwnForm = this.parentElement?.closest("crowd-form") == null;
    this.toggleAttribute("data-own-form", this.hasOwnForm);
    this.#view?.connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#view?.disconnect();
  }

  protected override updated(changed: PropertyValues): void {
    const element = this.textElement;
    if (!element) return;
    // The own form comes and goes with the place of the element, and the text with it.
    if (this.#view?.element !== element) {
      this.#view?.disconnect();
      this.#view = new TextView(element, {
        markOf: (span) => this.#markOf(span),
        selected: (range, isTouch) => this.#selected(range, isTouch),
        clicked: (spans) => this.#clicked(spans),
        removed: (id) => this.#remove(id),
        announce: (text) => this.#say(text),
      });
      this.#view.connect();
      this.#view.setText(this.text);
      this.#drawSpans();
    }
    if (changed.has("text") && this.#isLoaded) {
      this.#loadInitial();
      this.#view.setText(this.text);
      this.#drawSpans();
    }
    if (changed.has("pending") || changed.has("isHidden")) this.#drawSpans();
    if (changed.has("pending") && this.pending) focusPicker(this.renderRoot);
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (!this.#isLoaded) {
      this.#isLoaded = true;
      this.#loadInitial();
    }
  }

  #loadInitial(): void {
    this.#points = new CodePoints(this.text);
    this.initialError = null;
    this.pending = null;
    try {
      const { spans, warnings } = entitiesFrom(this.initialValue, this.#points);
      for (const warning of warnings) console.warn(`<crowd-entity-annotation>: ${warning}`);
      for (const label of new Set(spans.map((span) => span.label))) {
        if (this.#colors.has(label)) continue;
        console.warn(
          `<crowd-entity-annotation>: initial-value uses "${label}", which is not in labels; not shown`,
        );
      }
      this.#store.load(spans);
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error;
      this.initialError = msg().badAttribute("initial-value", error.message, null, null);
    }
  }

  // ---- attributes and values -----------------------------------------------------------------------------------

  get labels(): unknown[] {
    return structuredClone(this.getStructured("labels") as unknown[]);
  }
  set labels(value: unknown) {
    this.setStructured("labels", value);
  }

  get initialValue(): unknown {
    return this.getStructured("initial-value");
  }
  set initialValue(value: unknown) {
    this.setStructured("initial-value", value);
  }

  get value(): EntityAnswer {
    return entityAnswer(this.#store.all, this.#labels, this.#points);
  }

  get _submittableValue(): EntityAnswer {
    return this.value;
  }

  protected override structuredChanged(name: string): void {
    if (name === "initial-value") {
      if (this.#isLoaded && !this.#isTouched) this.#loadInitial();
      return;
    }
    this.#labels = entityLabels(this.getStructured("labels") as unknown[]);
    const colors = labelColors(this.#labels.length);
    this.#colors = new Map(this.#labels.map(({ label }, i) => [label, colors[i]!]));
    if (this.currentLabel !== null && !this.#colors.has(this.currentLabel)) this.currentLabel = null;
    if (this.#labels.length === 1) this.currentLabel = this.#labels[0]!.label;
    this.#drawSpans();
  }

  /** The spans that count: those whose label is offered. The others come back with their label. */
  #kept(): Span[] {
    return this.#store.all.filter(({ label }) => this.#colors.has(label));
  }

  protected override brokenReasons(): string[] {
    return this.initialError === null ? super.brokenReasons() : [...super.brokenReasons(), this.initialError];
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "text" ? this.text === "" && super.isMissing(attribute) : super.isMissing(attribute);
  }

  protected override widgetProblem(): Problem | null {
    return this.#kept().length || this.#nothing.isOn ? null : { message: msg().markOrTick };
  }

  override resetControl(): void {
    this.#loadInitial();
    this.#isTouched = false;
    this.#nothing.isOn = false;
    this.showProblem(null);
  }

  override getDraft(): unknown {
    if (!this.#isTouched) return undefined;
    return {
      spans: this.#store.all.map(({ label, start, end }) => ({ label, start, end })),
      nothing: this.#nothing.isOn,
    };
  }

  override restoreDraft(draft: unknown): void {
    const { spans, nothing } = (draft ?? {}) as { spans?: unknown; nothing?: unknown };
    if (!Array.isArray(spans)) return;
    const { length } = this.text;
    const fits = ({ label, start, end }: Span): boolean =>
      typeof label === "string" &&
      Number.isInteger(start) &&
      Number.isInteger(end) &&
      0 <= start &&
      start < end &&
      end <= length;
    this.#isLoaded ||= (this.#loadInitial(), true);
    this.#store.replaceAll(
      (spans as Span[]).filter(fits).map(({ label, start, end }) => ({ label, start, end })),
    );
    this.#isTouched = true;
    this.#nothing.isOn = nothing === true;
    this.requestUpdate();
    announceState(this);
  }

  override get offersNothing(): boolean {
    return true;
  }

  override get nothing(): boolean {
    return this.#nothing.isOn;
  }

  override setNothing(on: boolean): Promise<void> {
    return this.#nothing.set(on);
  }

  protected override changed(): void {
    this.#isTouched = true;
    if (this.#nothing.isOn && this.#kept().length) this.#nothing.isOn = false;
    super.changed();
  }

  // ---- marking -------------------------------------------------------------------------------------------------

  #storeChanged(what: "content" | "selection"): void {
    this.requestUpdate();
    this.#drawSpans();
    const { selectedId } = this.#store;
    if (what === "selection" || selectedId !== null) {
      void this.updateComplete.then(() => revealSpan(this.renderRoot, this.#kept(), selectedId));
    }
  }

  #drawSpans(): void {
    if (!this.#view) return;
    const shown = this.isHidden ? [] : this.#kept().filter(({ label }) => !this.#hiddenLabels.has(label));
    if (this.pending) shown.push({ ...this.pending, id: PENDING_ID, label: "" });
    this.#view.setSpans(shown);
  }

  #markOf(span: Span): {
    color: string;
    tag: string;
    title: string;
    isSelected: boolean;
    canRemove: boolean;
  } {
    if (span.id === PENDING_ID) {
      return { color: "#7f7f7f", tag: "", title: "", isSelected: true, canRemove: false };
    }
    const label = this.#labels.find((known) => known.label === span.label)!;
    return {
      color: this.#colors.get(span.label)!,
      tag: label.shortDisplayName,
      title: label.fullDisplayName,
      isSelected: span.id === this.#store.selectedId,
      canRemove: !this.disabled,
    };
  }

  #nameOf(label: string): string {
    return this.#labels.find((known) => known.label === label)?.fullDisplayName ?? label;
  }

  /** The passage as one short line. */
  #textOf({ start, end }: Range_): string {
    const text = this.text.slice(start, Math.min(end, start + 80)).replace(/\s+/g, " ");
    return end > start + 80 ? `${text}…` : text;
  }

  #say(text: string): void {
    this.announcement = text;
  }

  #selected(given: Range_, isTouch: boolean): void {
    const range = this.disabled ? null : trimRange(this.text, given.start, given.end);
    if (!range) return;
    this.isHidden = false;
    if (this.currentLabel !== null && !isTouch) this.#mark(range, this.currentLabel);
    else this.#ask(range);
  }

  #ask(range: Range_): void {
    this.#store.select(null);
    this.pickFilter = "";
    this.pending = range;
  }

  #mark(range: Range_, label: string): void {
    const before = this.#store.all.length;
    const span = this.#store.add({ label, ...range });
    this.pending = null;
    this.#view?.clearSelection();
    this.#say(msg().entityLabeled(this.#nameOf(label), this.#textOf(span)));
    if (this.#store.all.length !== before) this.changed();
  }

  /** A click goes to the shortest entity there, the next one to the entity around it. */
  #clicked(spans: readonly Span[]): void {
    const own = spans.filter(({ id }) => id !== PENDING_ID);
    const at = own.findIndex(({ id }) => id === this.#store.selectedId);
    this.#store.select(own.length ? own[(at + 1) % own.length]!.id : null);
  }

  #remove(id: number): void {
    if (this.disabled) return;
    this.#store.remove([id]);
    this.#say(msg().entityDeleted);
    this.changed();
  }

  #chooseLabel(index: number): void {
    const label = this.#labels[index]?.label;
    if (label === undefined || this.disabled) return;
    const { selected } = this.#store;
    const range = this.pending ?? this.#keyboard.selection();
    if (range) this.#mark(range, label);
    else if (selected && this.#colors.has(selected.label)) {
      if (selected.label === label) return;
      this.#store.relabel(selected.id, label);
      this.#say(msg().entityLabeled(this.#nameOf(label), this.#textOf(selected)));
      this.changed();
    } else this.currentLabel = this.currentLabel === label && this.#labels.length > 1 ? null : label;
  }

  #undo(back: boolean): void {
    this.pending = null;
    if (!(back ? this.#store.undo() : this.#store.redo())) return;
    this.#say(back ? msg().undone : msg().redone);
    this.changed();
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override shortcuts(): Shortcut[] {
    return entityShortcuts();
  }

  protected override onKey(event: KeyboardEvent): boolean {
    return this.#keyboard.onKey(event, event.composedPath()[0] === this.textElement);
  }

  #escape(): boolean {
    const range = this.#view?.range;
    if (this.pending) this.#cancelAsking();
    else if (range && range.start < range.end) this.#view!.clearSelection();
    else if (this.#store.selectedId !== null) this.#store.select(null);
    else if (this.currentLabel !== null && this.#labels.length > 1) this.currentLabel = null;
    else return false;
    return true;
  }

  #show(span: Span): void {
    this.#store.select(span.id);
    this.#view?.select({ start: span.start, end: span.start });
    this.#say(msg().entityName(this.#nameOf(span.label), this.#textOf(span)));
  }

  #cancelAsking(): void {
    this.pending = null;
    this.#view?.clearSelection();
    this.focusControl();
  }

  override focusControl(): void {
    this.textElement?.focus({ preventScroll: true });
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  override render(): unknown {
    const frame = super.render();
    return this.hasOwnForm
      ? html`<crowd-form .owner=${this}><div class="own" data-widget>${frame}</div></crowd-form>`
      : frame;
  }

  protected override renderWork(): TemplateResult {
    const m = msg();
    const { selectedId, canUndo, canRedo } = this.#store;
    const isOff = this.disabled;
    const hint =
      selectedId !== null ? m.hintEntity : this.currentLabel === null ? m.hintMarkFirst : m.hintMark;
    return html`<div class="text-wrap">
        <div class="text" tabindex="0" role="application" aria-label=${m.textHelp} aria-describedby="question"></div>
        ${this.#renderPicker()}
      </div>
      <div class="toolbar" role="toolbar" aria-label=${m.text} @click=${this.#backToText}>
        ${toolButton({ id: "undo", icon: "undo", title: m.undo, key: `${CTRL}+Z`, isDisabled: !canUndo, onClick: () => this.#undo(true) })}
        ${toolButton({ id: "redo", icon: "redo", title: m.redo, key: `${CTRL}+Y`, isDisabled: !canRedo, onClick: () => this.#undo(false) })}
        ${toolButton({
          id: "delete",
          icon: "delete",
          title: m.deleteEntity,
          key: "Delete",
          isDisabled: selectedId === null || isOff,
          onClick: () => {
            if (selectedId !== null) this.#remove(selectedId);
          },
        })}
        <span class="gap"></span>
        ${toolButton({
          id: "hide",
          icon: this.isHidden ? "visibility-off" : "visibility",
          title: this.isHidden ? m.showEntities : m.hideEntities,
          key: "H",
          isPressed: this.isHidden,
          onClick: () => {
            this.isHidden = !this.isHidden;
          },
        })}
        <span class="hint">${hint}</span>
        ${this.showsNothingItself ? this.#nothing.renderBox() : nothing}
      </div>
      <div class="visually-hidden" aria-live="polite">${this.announcement}</div>`;
  }

  /** After a click by mouse the keys belong to the text again, not to the button. */
  readonly #backToText = (event: MouseEvent): void => {
    if (event.detail > 0 && !(event.target as Element).closest("label, input")) this.focusControl();
  };

  #renderPicker(): unknown {
    const rects = this.pending && this.#view?.rectsOf(this.pending);
    if (!rects) return nothing;
    const area = this.textElement!.getBoundingClientRect();
    const inside = (value: number, room: number, size: number): number =>
      Math.max(8, Math.min(value, room - size - 8));
    const below = rects.last.bottom - area.top + 10;
    const hasRoom = below + PICKER_SIZE.height < area.height;
    return labelPicker({
      labels: this.#labels.map(({ label }) => label),
      filter: this.pickFilter,
      x: inside(rects.last.left - area.left, area.width, PICKER_SIZE.width),
      y: hasRoom
        ? below
        : inside(rects.first.top - area.top - PICKER_SIZE.height - 10, area.height, PICKER_SIZE.height),
      colorOf: (label) => this.#colors.get(label) ?? "#7f7f7f",
      nameOf: (label) => this.#nameOf(label),
      keyOf: labelKey,
      onFilter: (text) => {
        this.pickFilter = text;
      },
      onPick: (label) => {
        if (this.pending) this.#mark(this.pending, label);
        this.focusControl();
      },
      onCancel: () => this.#cancelAsking(),
    });
  }

  protected override renderSide(): TemplateResult {
    const kept = this.#kept();
    const counts = new Map<string, number>();
    for (const { label } of kept) counts.set(label, (counts.get(label) ?? 0) + 1);
    const colorOf = (label: string): string => this.#colors.get(label) ?? "#7f7f7f";
    const nameOf = (label: string): string => this.#nameOf(label);
    return html`<aside class="side" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().labels}>
      ${this.renderProblem()}
      <div class="label-area" @click=${this.#backToText}>${labelPane({
        labels: this.#labels.map(({ label }) => label),
        current: this.#store.selected?.label ?? this.currentLabel,
        counts,
        hidden: this.#hiddenLabels,
        filter: this.labelFilter,
        colorOf,
        nameOf,
        keyOf: labelKey,
        countText: msg().entityCount,
        onFilter: (text) => {
          this.labelFilter = text;
        },
        onChoose: (i) => this.#chooseLabel(i),
        onToggle: (label) => {
          if (!this.#hiddenLabels.delete(label)) this.#hiddenLabels.add(label);
          this.#drawSpans();
          this.requestUpdate();
        },
      })}</div>
      ${spanList({
        spans: kept,
        selectedId: this.#store.selectedId,
        scrollTop: this.listScroll,
        height: this.renderRoot?.querySelector(".span-list")?.clientHeight ?? 0,
        colorOf,
        nameOf,
        textOf: (span) => this.#textOf(span),
        onSelect: (span) => this.#show(span),
        onDelete: (span) => this.#remove(span.id),
        onScroll: (top) => {
          this.listScroll = top;
        },
      })}
    </aside>`;
  }

  protected override renderExtraDialogs(): unknown {
    return this.#nothing.renderDialog();
  }
}
