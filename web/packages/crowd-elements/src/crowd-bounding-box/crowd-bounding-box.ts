import {
  type Box, type BoundingBoxAnswer, type NewShape, Scene, type Shape, boundingBoxAnswer, boxesFrom, edit, fitBox, isGiven,
  LiteralError, toStringList,
} from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";

import { type Problem, announceState } from "../base/control.js";
import { ImageStage } from "../base/image-stage.js";
import { labelPane, labelPaneStyles } from "../base/label-pane.js";
import { focusPicker, labelPicker, labelPickerStyles } from "../base/label-picker.js";
import { msg } from "../base/messages.js";
import { closeAround, modal, openModal } from "../base/modal.js";
import { shapeList, shapeListStyles } from "../base/shape-list.js";
import { onStageKey, sliderPopover, stagePanel, toolButton, zoomTools } from "../base/stage-tools.js";
import { stageStyles } from "../base/stage.styles.js";
import { CTRL, type Shortcut, WidgetElement } from "../base/widget.js";
import { preference, setPreference } from "../page/context.js";
import { BoxPainter } from "./box-painter.js";
import { BoxTool } from "./box-tool.js";

const DEFAULT_FILL = 0.14;
const ARROWS: Readonly<Record<string, { x: number; y: number }>> = {
  ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 },
};
const PICKER_SIZE = { width: 236, height: 316 };

/** A question over the image: which label for this new box, or for this box that exists? */
type Asking = { readonly for: "new"; readonly box: Box; readonly byKey: boolean } | { readonly for: "old"; readonly shape: Shape };

/**
 * Draw boxes on an image. The answer is `{boundingBoxes, inputImageProperties, initialValueModified?}` in whole pixels
 * of the original image, in the order of creation.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A box was added, edited, relabeled or deleted.
 */
export class CrowdBoundingBox extends WidgetElement {
  static override structured = {
    labels: { read: toStringList, reflect: true },
    "label-colors": { read: toStringList, reflect: false },
    "initial-value": { read: (value: unknown) => value, reflect: false },
  };
  static override requiredAttributes = ["name", "src", "labels"];

  static override styles = [
    ...WidgetElement.styles,
    stageStyles,
    labelPaneStyles,
    shapeListStyles,
    labelPickerStyles,
    css`
      .nothing {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        padding-inline: 8px;
        white-space: nowrap;
      }
      .side > .problem {
        margin-top: 12px;
      }
      .actions {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
        margin-top: 18px;
      }
    `,
  ];

  @property({ reflect: true }) src = "";

  @state() private labelFilter = "";
  @state() private pickFilter = "";
  @state() private asking: Asking | null = null;
  @state() private isAdjusting = false;
  @state() private adjustments = { brightness: 1, contrast: 1, fill: DEFAULT_FILL };
  @state() private withGuides = true;
  @state() private listScroll = 0;
  @state() private isNothing = false;
  @state() private announcement = "";

  @query(".stage") private readonly stageElement!: HTMLElement;

  readonly #scene = new Scene();
  #stage: ImageStage | null = null;
  readonly #tool: BoxTool;
  #currentLabel: string | null = null;
  /** The normalised initial value, or null when none was given. */
  #initial: readonly NewShape[] | null = null;
  #initialError: string | null = null;
  #pendingDraft: unknown;
  /** The box just drawn: choosing a label now means the next box, until the worker takes hold of this one. */
  #freshId: number | null = null;
  /** Runs of one held key are one undo step; this tells them apart. */
  #nudgeRun = 0;
  #listHover: Shape | null = null;
  #answerConfirm: ((sure: boolean) => void) | null = null;

  constructor() {
    super();
    const owner = this;
    this.#tool = new BoxTool({
      scene: this.#scene,
      get stage() {
        return owner.#stage!;
      },
      get isLocked() {
        return owner.disabled || owner.asking !== null;
      },
      drawn: (box) => this.#drawn(box, false),
      touched: () => {
        this.#freshId = null;
      },
      edited: () => {},
    });
    this.#scene.store.subscribe((event) => {
      if (event.type === "preview") return this.#stage?.invalidateActive();
      this.#stage?.invalidate();
      if (event.type === "content") this.changed();
      if (event.type === "selection" || event.type === "content") this.requestUpdate();
    });
  }

  // ---- attributes and values -----------------------------------------------------------------------------------

  get labels(): string[] {
    return [...(this.getStructured("labels") as string[])];
  }
  set labels(value: unknown) {
    this.setStructured("labels", value);
  }

  get labelColors(): string[] {
    return [...(this.getStructured("label-colors") as string[])];
  }
  set labelColors(value: unknown) {
    this.setStructured("label-colors", value);
  }

  get initialValue(): unknown {
    return this.getStructured("initial-value");
  }
  set initialValue(value: unknown) {
    this.setStructured("initial-value", value);
  }

  get value(): BoundingBoxAnswer {
    return boundingBoxAnswer(this.#scene.store.all(), this.#scene.labels, this.#stage?.size ?? { width: 0, height: 0 }, this.#initial);
  }

  get _submittableValue(): BoundingBoxAnswer {
    return this.value;
  }

  protected override structuredChanged(name: string): void {
    if (name === "initial-value") {
      if (this.#stage?.isReady && !this.#scene.store.canUndo) this.#loadInitial();
      return;
    }
    this.#scene.setLabels(this.labels, this.labelColors);
    const { labels } = this.#scene;
    if (this.#currentLabel !== null && !labels.includes(this.#currentLabel)) this.#currentLabel = null;
    if (labels.length === 1) this.#currentLabel = labels[0]!;
    const { selected } = this.#scene.store;
    if (selected && !this.#scene.isKnown(selected)) this.#scene.store.select(null);
    this.#stage?.invalidate();
  }

  protected override isMissing(attribute: string): boolean {
    // A script may take all labels away for a while, so an empty list is legal.
    return attribute === "src" ? !this.src : super.isMissing(attribute);
  }

  protected override brokenReasons(): string[] {
    return this.#initialError === null ? super.brokenReasons() : [...super.brokenReasons(), this.#initialError];
  }

  override get isBlocked(): boolean {
    return super.isBlocked || this.#stage?.status.phase === "failed";
  }

  protected override widgetProblem(): Problem | null {
    const phase = this.#stage?.status.phase;
    if (phase === "failed") return { message: msg().imageFailedSubmit };
    if (phase !== "ready") return { message: msg().imageStillLoading };
    return this.#scene.kept().length || this.isNothing ? null : { message: msg().annotateOrTick };
  }

  override resetControl(): void {
    if (this.#stage?.isReady) this.#loadInitial();
    this.isNothing = false;
    this.showProblem(null);
  }

  override getDraft(): unknown {
    if (!this.#scene.store.canUndo && !this.isNothing && this.#pendingDraft === undefined) return undefined;
    if (!this.#stage?.isReady) return this.#pendingDraft;
    const boxes = this.#scene.store.all().map(({ label, left, top, width, height }) => ({ label, left, top, width, height }));
    return { boxes, nothing: this.isNothing };
  }

  override restoreDraft(draft: unknown): void {
    if (typeof draft !== "object" || draft === null) return;
    if (!this.#stage?.isReady) {
      this.#pendingDraft = draft;
      return;
    }
    this.#pendingDraft = undefined;
    const { boxes, nothing } = draft as { boxes?: unknown; nothing?: unknown };
    const { store } = this.#scene;
    const { shapes } = boxesFrom(Array.isArray(boxes) ? boxes : [], this.#scene.size);
    store.remove(store.all().map((shape) => shape.id));
    for (const shape of shapes) store.add(shape);
    store.select(null);
    this.isNothing = nothing === true;
    announceState(this);
  }

  // ---- nothing to label ----------------------------------------------------------------------------------------

  override get offersNothing(): boolean {
    return true;
  }

  override get nothing(): boolean {
    return this.isNothing;
  }

  override async setNothing(on: boolean): Promise<void> {
    const kept = this.#scene.kept();
    if (on && kept.length) {
      const sure = await new Promise<boolean>((resolve) => {
        this.#answerConfirm = resolve;
        openModal(this.renderRoot as ShadowRoot, "confirm-nothing");
      });
      if (!sure) return;
      this.#scene.store.remove(kept.map((shape) => shape.id));
    }
    this.isNothing = on;
    this.shownProblem = "";
    announceState(this);
  }

  protected override changed(): void {
    if (this.isNothing && this.#scene.kept().length) this.isNothing = false;
    super.changed();
  }

  // ---- the image -----------------------------------------------------------------------------------------------

  protected override firstUpdated(_changed: PropertyValues): void {
    this.withGuides = preference("crosshair", true);
    const owner = this;
    this.#stage = new ImageStage(this.stageElement, {
      tool: this.#tool,
      painter: new BoxPainter({
        scene: this.#scene,
        tool: this.#tool,
        get currentLabel() {
          return owner.asking ? null : owner.#currentLabel;
        },
        get fill() {
          return owner.adjustments.fill;
        },
        get withGuides() {
          return owner.withGuides && !owner.asking;
        },
        get highlighted() {
          return owner.#tool.hovered ?? owner.#listHover;
        },
        get unlabeled() {
          return owner.asking?.for === "new" ? owner.asking.box : null;
        },
      }),
      onState: () => this.requestUpdate(),
      onStatus: () => {
        this.requestUpdate();
        announceState(this);
      },
      onLoad: (size) => {
        this.#scene.size = size;
        this.#loadInitial();
        if (this.#pendingDraft !== undefined) this.restoreDraft(this.#pendingDraft);
      },
    });
    this.#stage.load(this.src);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("src") && changed.get("src") !== undefined) {
      this.#scene.store.load([]);
      this.#stage?.load(this.src);
    }
    if (changed.has("adjustments") && changed.get("adjustments") !== undefined) {
      this.#stage?.setAdjustments(this.adjustments.brightness, this.adjustments.contrast);
      this.#stage?.invalidate();
    }
    if (changed.has("asking") || changed.has("withGuides")) this.#stage?.invalidateActive();
    if (changed.has("asking") && this.asking) focusPicker(this.renderRoot);
  }

  #loadInitial(): void {
    const given = this.initialValue;
    this.#initial = null;
    this.#initialError = null;
    try {
      const { shapes, warnings } = boxesFrom(given, this.#scene.size);
      for (const warning of warnings) console.warn(`<crowd-bounding-box>: ${warning}`);
      const unknown = new Set(shapes.map((shape) => shape.label).filter((label) => !this.#scene.labels.includes(label)));
      for (const label of unknown) {
        console.warn(`<crowd-bounding-box>: initial-value uses "${label}", which is not in labels; these boxes are not shown`);
      }
      this.#scene.store.load(shapes);
      if (isGiven(given)) this.#initial = shapes;
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error;
      this.#initialError = msg().badAttribute("initial-value", error.message, null, null);
    }
  }

  // ---- labels --------------------------------------------------------------------------------------------------

  get currentLabel(): string | null {
    return this.#currentLabel;
  }

  /** The worker has chosen a label: for the selected box if one is held, and for those that come. */
  #chooseLabel(index: number): void {
    const label = this.#scene.labels[index];
    if (label === undefined) return;
    this.#currentLabel = label;
    const { store } = this.#scene;
    const { selected } = store;
    if (selected && selected.id === this.#freshId) store.select(null);
    else if (selected) store.update({ ...selected, label });
    this.#freshId = null;
    this.#announce(label);
    this.#stage?.invalidateActive();
    this.requestUpdate();
  }

  /** A box without a label yet: it gets the current one, or the worker is asked. */
  #drawn(box: Box, byKey: boolean): void {
    this.#scene.isAllHidden = false;
    if (this.#currentLabel === null) {
      this.#scene.store.select(null);
      if (this.#scene.labels.length) this.asking = { for: "new", box, byKey };
      return;
    }
    this.#add(box, this.#currentLabel, byKey);
  }

  #add(box: Box, label: string, byKey: boolean): void {
    this.#scene.hiddenLabels.delete(label);
    const shape = this.#scene.store.add({ kind: "box", label, ...box });
    this.#freshId = byKey ? null : shape.id;
    this.#announceShape(shape);
  }

  readonly #picked = (label: string): void => {
    const { asking } = this;
    this.#closePicker();
    if (!asking) return;
    this.#currentLabel = label;
    if (asking.for === "new") this.#add(asking.box, label, asking.byKey);
    else {
      const shape = this.#scene.store.get(asking.shape.id);
      if (shape) this.#scene.store.update({ ...shape, label });
    }
    this.requestUpdate();
  };

  readonly #closePicker = (): void => {
    this.asking = null;
    this.pickFilter = "";
    this.stageElement.focus({ preventScroll: true });
  };

  // ---- shapes --------------------------------------------------------------------------------------------------

  #select(shape: Shape | null, reveal: boolean): void {
    this.#scene.store.select(shape?.id ?? null);
    this.#freshId = null;
    if (!shape) return this.#announce(msg().nothingSelected);
    if (reveal && this.#stage) this.#stage.setTransform(this.#stage.transform.reveal(shape, this.#stage.view));
    this.#scrollListTo(shape);
    this.#announceShape(shape);
  }

  #scrollListTo(shape: Shape): void {
    const list = this.renderRoot.querySelector(".shape-list");
    const at = this.#scene.kept().findIndex((other) => other.id === shape.id) * 30;
    if (list && (at < list.scrollTop || at + 30 > list.scrollTop + list.clientHeight)) {
      list.scrollTop = at - list.clientHeight / 2;
    }
  }

  #remove(shape: Shape): void {
    this.#scene.store.remove([shape.id]);
    this.#announce(msg().boxDeleted);
  }

  #toggleShape(shape: Shape): void {
    const { hiddenIds } = this.#scene;
    if (!hiddenIds.delete(shape.id)) hiddenIds.add(shape.id);
    this.#redrawAll();
  }

  #toggleLabel(label: string): void {
    const { hiddenLabels } = this.#scene;
    if (!hiddenLabels.delete(label)) hiddenLabels.add(label);
    this.#redrawAll();
  }

  #toggleAll(): void {
    this.#scene.isAllHidden = !this.#scene.isAllHidden;
    this.#redrawAll();
  }

  #redrawAll(): void {
    this.#stage?.invalidate();
    this.requestUpdate();
  }

  #undo(): void {
    this.#freshId = null;
    if (this.#scene.store.undo()) this.#announce(msg().undone);
  }

  #redo(): void {
    this.#freshId = null;
    if (this.#scene.store.redo()) this.#announce(msg().redone);
  }

  /** The next or previous visible box after the selected one; null past the end. */
  #neighbour(step: 1 | -1): Shape | null {
    const visible = this.#scene.kept().filter((shape) => this.#scene.isVisible(shape));
    const at = visible.findIndex((shape) => shape.id === this.#scene.store.selectedId);
    if (at < 0) return visible[step === 1 ? 0 : visible.length - 1] ?? null;
    return visible[at + step] ?? null;
  }

  #announce(text: string): void {
    this.announcement = text;
  }

  #announceShape(shape: Shape): void {
    const kept = this.#scene.kept();
    const at = kept.findIndex((other) => other.id === shape.id) + 1;
    this.#announce(
      `${msg().boxName(shape.label, at, kept.length)}: ${msg().boxPlace(shape.left, shape.top, shape.width, shape.height)}`,
    );
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override shortcuts(): Shortcut[] {
    const m = msg();
    return [
      { keys: ["1", "…", "9", "0"], text: m.keyLabel },
      { keys: ["B"], text: m.keyBox },
      { keys: ["Enter"], text: m.keyEnter },
      { keys: ["←", "↑", "→", "↓"], text: m.keyArrows },
      { keys: [CTRL, "←", "→"], text: m.keyResize },
      { keys: ["Tab", "Shift+Tab"], text: m.keyTab },
      { keys: ["Delete", "Backspace"], text: m.keyDelete },
      { keys: ["Esc"], text: m.keyEscape },
      { keys: [`${CTRL}+Z`, `${CTRL}+Y`], text: m.keyUndo },
      { keys: ["+", "-", "F"], text: m.keyZoom },
      { keys: [m.keyWheel], text: m.keyWheelDoes },
      { keys: ["M", m.keySpace], text: m.keyMove },
      { keys: ["H"], text: m.keyHide },
    ];
  }

  protected override onKey(event: KeyboardEvent): boolean {
    const stage = this.#stage;
    if (!stage?.isReady || this.asking) return false;
    const { store } = this.#scene;
    const { selected } = store;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;

    const direction = ARROWS[key];
    if (direction) {
      // A list or a radio group that has the focus moves by itself.
      if (this.isOnButton(event) || stage.isBusy) return false;
      this.#onArrow(direction, event.shiftKey ? 10 : 1, command || event.altKey);
      return true;
    }
    if (command && !event.altKey) {
      if (key === "z") event.shiftKey ? this.#redo() : this.#undo();
      else if (key === "y") this.#redo();
      else return false;
      return true;
    }
    if (event.altKey) return false;

    if (/^[0-9]$/.test(key)) {
      this.#chooseLabel((Number(key) + 9) % 10);
      return true;
    }
    switch (key) {
      case "b":
        stage.isMoveTool = false;
        return true;
      case "h":
        this.#toggleAll();
        return true;
      case "Delete":
      case "Backspace":
        if (stage.isBusy) stage.cancelGesture();
        else if (selected) this.#remove(selected);
        return true;
      case "Escape":
        if (!stage.cancelGesture()) {
          if (this.isAdjusting) this.isAdjusting = false;
          else if (stage.isMoveTool) stage.isMoveTool = false;
          else this.#select(null, false);
        }
        return true;
      case "Enter":
        if (this.isOnButton(event) || stage.isBusy) return false;
        this.#addByKey();
        return true;
      case " ":
        if (this.isOnButton(event)) return false;
        stage.isSpaceHeld = true;
        return true;
      case "Tab": {
        const focused = event.composedPath()[0];
        const isOurs = focused === this.stageElement || (focused === document.body && selected !== null);
        if (!isOurs) return false;
        const next = this.#neighbour(event.shiftKey ? -1 : 1);
        // Past the last box the focus goes on its way, so nobody is caught on the image.
        if (!next) {
          this.#select(null, false);
          return false;
        }
        this.#select(next, true);
        return true;
      }
    }
    return onStageKey(stage, event);
  }

  protected override onKeyReleased(event: KeyboardEvent): void {
    if (event.key === " " && this.#stage) this.#stage.isSpaceHeld = false;
    if (event.key in ARROWS) {
      this.#nudgeRun += 1;
      const { selected } = this.#scene.store;
      if (selected) this.#announceShape(selected);
    }
  }

  #onArrow(direction: { x: number; y: number }, step: number, isResize: boolean): void {
    const { store, size } = this.#scene;
    const { selected } = store;
    if (!selected) {
      this.#stage!.setTransform(this.#stage!.transform.pan(-direction.x * 8 * (step + 4), -direction.y * 8 * (step + 4)));
      return;
    }
    this.#freshId = null;
    const delta = { x: direction.x * step, y: direction.y * step };
    // Resizing keeps the top left corner; a box never gets thinner than one pixel or turns round.
    const box = isResize
      ? fitBox(
          { ...selected, width: Math.max(1, selected.width + delta.x), height: Math.max(1, selected.height + delta.y) },
          size,
        )
      : edit(selected, "body", delta, size);
    store.update({ ...selected, ...box }, `nudge:${selected.id}:${this.#nudgeRun}`);
    this.#stage!.setTransform(this.#stage!.transform.reveal(box, this.#stage!.view, 8));
  }

  /** A box in the middle of what is in view, a fifth of it in size. */
  #addByKey(): void {
    const { transform, view } = this.#stage!;
    const { size } = this.#scene;
    const a = transform.toImage({ x: 0, y: 0 });
    const b = transform.toImage({ x: view.width, y: view.height });
    const left = Math.max(0, a.x);
    const top = Math.max(0, a.y);
    const right = Math.min(size.width, b.x);
    const bottom = Math.min(size.height, b.y);
    const side = Math.max(1, Math.min(right - left, bottom - top) / 5);
    const x = (left + right) / 2 - side / 2;
    const y = (top + bottom) / 2 - side / 2;
    this.#drawn(fitBox({ left: x, top: y, width: side, height: side }, size), true);
  }

  override focusControl(): void {
    this.stageElement?.focus({ preventScroll: true });
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected override renderWork(): TemplateResult {
    const stage = this.#stage;
    const { store } = this.#scene;
    const off = !stage?.isReady || this.disabled;
    const m = msg();
    const isMoving = stage?.isMoveTool ?? false;
    const { isAllHidden } = this.#scene;
    return html`<div class="stage-wrap">
        <div class="stage" tabindex="0" role="application" aria-label=${m.canvasHelp} aria-describedby="question"></div>
        ${stagePanel(stage)} ${this.#renderPicker()}
      </div>
      <div class="toolbar" role="toolbar" aria-label=${m.boxTool} @click=${this.#backToStage}>
        ${toolButton({ id: "bounding-box", icon: "bounding-box", title: m.boxTool, key: "B", isPressed: !isMoving, isDisabled: off,
          onClick: () => { if (stage) stage.isMoveTool = false; } })}
        ${toolButton({ id: "move", icon: "move", title: m.move, key: "M", isPressed: isMoving, isDisabled: off,
          onClick: () => { if (stage) stage.isMoveTool = true; } })}
        <span class="gap"></span>
        ${toolButton({ id: "undo", icon: "undo", title: m.undo, key: `${CTRL}+Z`, isDisabled: !store.canUndo, onClick: () => this.#undo() })}
        ${toolButton({ id: "redo", icon: "redo", title: m.redo, key: `${CTRL}+Y`, isDisabled: !store.canRedo, onClick: () => this.#redo() })}
        ${toolButton({ id: "delete", icon: "delete", title: m.deleteBox, key: "Delete", isDisabled: store.selectedId === null,
          onClick: () => { if (store.selected) this.#remove(store.selected); } })}
        <span class="gap"></span>
        ${zoomTools(stage)}
        <span class="gap"></span>
        ${toolButton({ id: "hide", icon: isAllHidden ? "visibility-off" : "visibility", title: isAllHidden ? m.showAll : m.hideAll,
          key: "H", isPressed: isAllHidden, onClick: () => this.#toggleAll() })}
        <span class="pop-anchor">${toolButton({ id: "adjust", icon: "contrast", title: m.adjust, isPressed: this.isAdjusting,
          onClick: () => { this.isAdjusting = !this.isAdjusting; } })}
          ${this.isAdjusting ? this.#renderAdjustments() : nothing}</span>
        ${toolButton({ id: "crosshair", icon: "crosshair", title: m.crosshair, isPressed: this.withGuides,
          onClick: () => { this.withGuides = !this.withGuides; setPreference("crosshair", this.withGuides); } })}
        <span class="hint">${this.#hint()}</span>
        ${this.showsNothingItself ? this.#renderNothing() : nothing}
      </div>
      <div class="visually-hidden" aria-live="polite">${this.announcement}</div>`;
  }

  /** After a click by mouse the keys belong to the image again, not to the button. */
  readonly #backToStage = (event: MouseEvent): void => {
    const isByMouse = event.detail > 0;
    if (isByMouse && !(event.target as Element).closest(".popover, label, input")) this.focusControl();
  };

  #hint(): string {
    const m = msg();
    if (!this.#stage?.isReady) return "";
    if (this.#stage.isMoveTool) return m.hintMove;
    if (this.#scene.store.selectedId !== null && this.#scene.store.selectedId !== this.#freshId) return m.hintSelected;
    return this.#currentLabel === null ? m.hintChooseLabel : m.hintDraw;
  }

  #renderNothing(): TemplateResult {
    return html`<label class="nothing"><input type="checkbox" .checked=${this.isNothing}
      @change=${async (event: Event) => {
        event.stopPropagation();
        const box = event.target as HTMLInputElement;
        await this.setNothing(box.checked);
        box.checked = this.isNothing;
      }} />${msg().nothingToLabel}</label>`;
  }

  #renderAdjustments(): TemplateResult {
    const set = (key: "brightness" | "contrast" | "fill") => (value: number) => {
      this.adjustments = { ...this.adjustments, [key]: value };
    };
    const { brightness, contrast, fill } = this.adjustments;
    return sliderPopover(
      "adjustments",
      [
        { label: msg().brightness, value: brightness, min: 25, max: 300, onInput: set("brightness") },
        { label: msg().contrast, value: contrast, min: 25, max: 300, onInput: set("contrast") },
        { label: msg().opacity, value: fill, min: 0, max: 80, onInput: set("fill") },
      ],
      () => {
        this.adjustments = { brightness: 1, contrast: 1, fill: DEFAULT_FILL };
      },
    );
  }

  #renderPicker(): unknown {
    const { asking } = this;
    const stage = this.#stage;
    if (!asking || !stage) return nothing;
    const box = stage.transform.boxToScreen(asking.for === "new" ? asking.box : asking.shape);
    const inside = (value: number, room: number, size: number): number => Math.max(8, Math.min(value, room - size - 8));
    return labelPicker({
      labels: this.#scene.labels,
      filter: this.pickFilter,
      x: inside(box.left + box.width + 10, stage.view.width, PICKER_SIZE.width),
      y: inside(box.top, stage.view.height, PICKER_SIZE.height),
      colorOf: (label) => this.#scene.colorOf(label),
      onFilter: (text) => {
        this.pickFilter = text;
      },
      onPick: this.#picked,
      onCancel: this.#closePicker,
    });
  }

  protected override renderSide(): TemplateResult {
    const scene = this.#scene;
    const colorOf = (label: string): string => scene.colorOf(label);
    return html`<aside class="side" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().labels}>
      ${this.renderProblem()}
      <div class="label-area" @click=${this.#backToStage}>${labelPane({
        labels: scene.labels,
        current: this.#currentLabel,
        counts: scene.counts(),
        hidden: scene.hiddenLabels,
        filter: this.labelFilter,
        colorOf,
        onFilter: (text) => {
          this.labelFilter = text;
        },
        onChoose: (i) => this.#chooseLabel(i),
        onToggle: (label) => this.#toggleLabel(label),
      })}</div>
      ${shapeList({
        shapes: scene.kept(),
        selectedId: scene.store.selectedId,
        scrollTop: this.listScroll,
        height: this.renderRoot?.querySelector(".shape-list")?.clientHeight ?? 0,
        colorOf,
        detail: (shape) => `${shape.width} × ${shape.height}`,
        isVisible: (shape) => scene.isVisible(shape),
        onScroll: (event) => {
          this.listScroll = (event.target as HTMLElement).scrollTop;
        },
        onSelect: (shape) => this.#select(shape, true),
        onHover: (shape) => {
          this.#listHover = shape;
          this.#stage?.invalidateActive();
        },
        onToggle: (shape) => this.#toggleShape(shape),
        onRelabel: (shape) => {
          this.#select(shape, true);
          this.asking = { for: "old", shape };
        },
        onDelete: (shape) => this.#remove(shape),
      })}
    </aside>`;
  }

  protected override renderExtraDialogs(): unknown {
    const answer = (sure: boolean) => (event: Event) => {
      this.#answerConfirm?.(sure);
      this.#answerConfirm = null;
      closeAround(event);
    };
    const n = this.#scene.kept().length;
    return modal(
      {
        id: "confirm-nothing",
        title: msg().deleteBoxesTitle(n),
        onClose: () => {
          this.#answerConfirm?.(false);
          this.#answerConfirm = null;
        },
      },
      html`${msg().nothingDeletes(n)}
        <div class="actions">
          <button class="btn bordered" type="button" @click=${answer(false)}>${msg().keep}</button>
          <button class="btn primary" type="button" id="confirm-delete" @click=${answer(true)}>${msg().deleteThem}</button>
        </div>`,
    );
  }
}
