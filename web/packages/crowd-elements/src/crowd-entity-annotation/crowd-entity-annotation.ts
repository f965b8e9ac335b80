import {
  CodePoints,
  type EntityAnswer,
  LiteralError,
  type Range_,
  type Span,
  entitiesFrom,
  entityAnswer,
  entityLabels,
  readEntityLabels,
} from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";

import { type Problem, announceState } from "../base/control.js";
import { notOfferedHint } from "../base/earlier-work.js";
import { labelPane, labelPaneStyles } from "../base/label-pane.js";
import { focusPicker, insidePicker, labelPicker, labelPickerStyles } from "../base/label-picker.js";
import { CTRL, type KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { NothingToLabel, nothingStyles } from "../base/nothing.js";
import { revealSpan, spanList, spanListStyles } from "../base/span-list.js";
import { toolButton } from "../base/stage-tools.js";
import { stageStyles } from "../base/stage.styles.js";
import { type TextMark, TextView } from "../base/text-view.js";
import { textStyles } from "../base/text.styles.js";
import { WidgetElement } from "../base/widget.js";
import { EntityEditor } from "./entity-editor.js";
import { EntityKeyboard } from "./entity-keyboard.js";
import { labelKey } from "./entity-keys.js";

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
  @state() private announcement = "";
  @state() private listScroll = 0;
  @state() private initialError: string | null = null;
  @state() private hasOwnForm = true;

  @query(".text") private readonly textElement!: HTMLElement | null;

  readonly #editor = new EntityEditor({
    refresh: () => {
      this.requestUpdate();
      this.#drawSpans();
    },
    selectionMoved: (id) => void this.updateComplete.then(() => revealSpan(this.renderRoot, this.#editor.kept(), id)),
    changed: () => this.changed(),
    announce: (text) => this.#say(text),
    selection: () => this.#keyboard.selection(),
    clearSelection: () => this.#view?.clearSelection(),
  });
  #view: TextView | null = null;
  #points = new CodePoints("");
  #isLoaded = false;
  #isTouched = false;
  #wasPending: Range_ | null = null;
  #earlier: { readonly nLeftOut: number; readonly labels: readonly string[] } = { nLeftOut: 0, labels: [] };

  readonly #nothing = new NothingToLabel({
    root: () => this.renderRoot,
    count: () => this.#editor.kept().length,
    clear: () => this.#editor.store.replaceAll([]),
    title: (n) => msg().deleteEntitiesTitle(n),
    question: (n) => msg().nothingDeletesEntities(n),
    emptyTitle: () => msg().nothingMarkedEntitiesTitle,
    emptyQuestion: () => msg().nothingMarkedEntities,
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
    const editor = this.#editor;
    this.#keyboard = new EntityKeyboard({
      store: editor.store,
      get text() {
        return owner.text;
      },
      get labelNames() {
        return editor.names;
      },
      view: () => this.#view,
      kept: () => editor.kept(),
      chooseLabel: (index) => editor.chooseLabel(index),
      repeatLabel: () => void this.#repeatLabel(),
      toggleLabel: () => editor.toggleCurrentLabel(),
      escape: () => this.#escape(),
      select: (range) => editor.passage(range, false),
      click: (spans) => this.#clicked(spans),
      show: (span) => this.#show(span),
      remove: (id) => editor.remove(id),
      undo: (isBack) => editor.undo(isBack),
      toggleHidden: () => editor.toggleAll(),
      say: (text) => this.#say(text),
      isOnText: (event) => event.composedPath()[0] === this.textElement,
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
        selected: (range, isTouch) => this.#editor.passage(range, isTouch),
        clicked: (spans) => this.#clicked(spans),
        removed: (id) => this.#editor.remove(id),
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
    const { pending } = this.#editor;
    if (pending !== this.#wasPending) {
      this.#wasPending = pending;
      this.pickFilter = "";
      if (pending) focusPicker(this.renderRoot);
    }
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    this.#editor.isLocked = this.disabled;
    if (!this.#isLoaded) {
      this.#isLoaded = true;
      this.#loadInitial();
    }
  }

  #loadInitial(): void {
    this.#points = new CodePoints(this.text);
    this.#editor.text = this.text;
    this.initialError = null;
    this.#earlier = { nLeftOut: 0, labels: [] };
    this.#editor.dropPending();
    try {
      const { spans, warnings } = entitiesFrom(this.initialValue, this.#points);
      for (const warning of warnings) console.warn(`<crowd-entity-annotation>: ${warning}`);
      this.#earlier = { nLeftOut: warnings.length, labels: spans.map(({ label }) => label) };
      for (const label of new Set(spans.map((span) => span.label))) {
        if (this.#editor.isKnown(label)) continue;
        console.warn(`<crowd-entity-annotation>: initial-value uses "${label}", which is not in labels; not shown`);
      }
      this.#editor.store.load(spans);
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
    return entityAnswer(this.#editor.store.all, this.#editor.labels, this.#points);
  }

  get _submittableValue(): EntityAnswer {
    return this.value;
  }

  protected override structuredChanged(name: string): void {
    if (name === "labels") this.#editor.setLabels(entityLabels(this.getStructured("labels") as unknown[]));
    else if (this.#isLoaded && !this.#isTouched) this.#loadInitial();
  }

  protected override hints(): string[] {
    const { nLeftOut, labels } = this.#earlier;
    return [
      ...(nLeftOut ? [msg().leftOut(nLeftOut)] : []),
      ...notOfferedHint(labels.filter((label) => !this.#editor.isKnown(label))),
    ];
  }

  protected override get bringsForm(): boolean {
    return this.hasOwnForm;
  }

  protected override brokenReasons(): string[] {
    return this.initialError === null ? super.brokenReasons() : [...super.brokenReasons(), this.initialError];
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "text" ? this.text === "" && super.isMissing(attribute) : super.isMissing(attribute);
  }

  protected override widgetProblem(): Problem | null {
    return this.#editor.kept().length || this.#nothing.isOn ? null : { message: msg().markOrTick, isEmpty: true };
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
      spans: this.#editor.store.all.map(({ label, start, end }) => ({ label, start, end })),
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
    this.#editor.store.replaceAll(
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

  override confirmEmpty(): Promise<boolean> {
    return this.#nothing.confirmEmpty();
  }

  protected override changed(): void {
    this.#isTouched = true;
    if (this.#nothing.isOn && this.#editor.kept().length) this.#nothing.isOn = false;
    super.changed();
  }

  // ---- the text ------------------------------------------------------------------------------------------------

  #drawSpans(): void {
    const { pending } = this.#editor;
    const shown = this.#editor.shown();
    if (pending) shown.push({ ...pending, id: PENDING_ID, label: "" });
    this.#view?.setSpans(shown);
  }

  #markOf(span: Span): TextMark {
    const color = this.#editor.colorOf(span.label);
    if (span.id === PENDING_ID) return { color, tag: "", title: "", isSelected: true, canRemove: false };
    const label = this.#editor.labelOf(span.label)!;
    return {
      color,
      tag: label.shortDisplayName,
      title: label.fullDisplayName,
      isSelected: span.id === this.#editor.store.selectedId,
      canRemove: !this.disabled,
    };
  }

  #say(text: string): void {
    this.announcement = text;
  }

  #clicked(spans: readonly Span[]): void {
    this.#editor.click(spans.filter(({ id }) => id !== PENDING_ID));
  }

  #show(span: Span): void {
    this.#editor.store.select(span.id);
    this.#view?.select({ start: span.start, end: span.start });
    this.#say(msg().entityName(this.#editor.nameOf(span.label), this.#editor.quote(span)));
  }

  /** The label used last here, else in the text before this one. */
  async #repeatLabel(): Promise<void> {
    if (this.#editor.repeatLabel(this.#editor.lastLabel)) return;
    const { entities } = ((await this.previousValue()) ?? {}) as { entities?: readonly { label?: unknown }[] };
    const label = Array.isArray(entities) ? entities.at(-1)?.label : null;
    if (!this.#editor.repeatLabel(typeof label === "string" ? label : null)) this.showNote(msg().noLastLabel);
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override keyGroups(): KeyGroup[] {
    return this.#keyboard.groups();
  }

  #escape(): boolean {
    const { store, pending } = this.#editor;
    const range = this.#view?.range;
    if (pending) this.#cancelAsking();
    else if (range && range.start < range.end) this.#view!.clearSelection();
    else if (store.selectedId !== null) store.select(null);
    else return this.#editor.letGoOfLabel();
    return true;
  }

  #cancelAsking(): void {
    this.#editor.cancelAsking();
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
    const editor = this.#editor;
    const { selectedId, canUndo, canRedo } = editor.store;
    const isOff = this.disabled;
    const hint = selectedId !== null ? m.hintEntity : editor.currentLabel === null ? m.hintMarkFirst : m.hintMark;
    return html`<div class="text-wrap">
        <div class="text" tabindex="0" role="application" aria-label=${m.textHelp} aria-describedby="question"></div>
        ${this.#renderPicker()}
      </div>
      <div class="toolbar" role="toolbar" aria-label=${m.text} @click=${this.#backToText}>
        ${toolButton({ id: "undo", icon: "undo", title: m.undo, key: `${CTRL}+Z`, isDisabled: !canUndo, onClick: () => editor.undo(true) })}
        ${toolButton({ id: "redo", icon: "redo", title: m.redo, key: `${CTRL}+Y`, isDisabled: !canRedo, onClick: () => editor.undo(false) })}
        ${toolButton({
          id: "delete",
          icon: "delete",
          title: m.deleteEntity,
          key: "Delete",
          isDisabled: selectedId === null || isOff,
          onClick: () => editor.remove(selectedId),
        })}
        <span class="gap"></span>
        ${toolButton({
          id: "hide",
          icon: editor.isHidden ? "visibility-off" : "visibility",
          title: editor.isHidden ? m.showEntities : m.hideEntities,
          key: "H",
          isPressed: editor.isHidden,
          onClick: () => editor.toggleAll(),
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
    const editor = this.#editor;
    const rects = editor.pending && this.#view?.rectsOf(editor.pending);
    if (!rects) return nothing;
    const area = this.textElement!.getBoundingClientRect();
    return labelPicker({
      labels: editor.labels.map(({ label }) => label),
      filter: this.pickFilter,
      ...insidePicker(
        { x: rects.last.left - area.left, y: rects.last.bottom - area.top + 10 },
        area,
        rects.first.top - area.top - 10,
      ),
      colorOf: (label) => editor.colorOf(label),
      nameOf: (label) => editor.nameOf(label),
      keyOf: labelKey,
      last: editor.lastLabel,
      onFilter: (text) => {
        this.pickFilter = text;
      },
      onPick: (label) => {
        editor.pick(label);
        this.focusControl();
      },
      onCancel: () => this.#cancelAsking(),
    });
  }

  protected override renderSide(): TemplateResult {
    const editor = this.#editor;
    const { store } = editor;
    const colorOf = (label: string): string => editor.colorOf(label);
    const nameOf = (label: string): string => editor.nameOf(label);
    return html`<aside class="side" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().labels}>
      ${this.renderProblem()}
      <div class="label-area" @click=${this.#backToText}>${labelPane({
        labels: editor.labels.map(({ label }) => label),
        current: store.selected?.label ?? editor.currentLabel,
        counts: editor.counts(),
        hidden: editor.hiddenLabels,
        filter: this.labelFilter,
        colorOf,
        nameOf,
        keyOf: labelKey,
        countText: msg().entityCount,
        onFilter: (text) => {
          this.labelFilter = text;
        },
        onChoose: (i) => editor.chooseLabel(i),
        onToggle: (label) => editor.toggleLabel(label),
      })}</div>
      ${spanList({
        spans: editor.kept(),
        selectedId: store.selectedId,
        scrollTop: this.listScroll,
        height: this.renderRoot?.querySelector(".span-list")?.clientHeight ?? 0,
        colorOf,
        nameOf,
        textOf: (span) => editor.quote(span),
        onSelect: (span) => this.#show(span),
        onDelete: (span) => editor.remove(span.id),
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
