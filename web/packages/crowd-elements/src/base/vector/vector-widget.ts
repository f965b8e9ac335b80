/** The base of all tools that draw shapes of one kind on an image; each kind brings its own way to draw. */

import {
  type Box,
  type KindName,
  LiteralError,
  type NewShape,
  type PathDrawing,
  type Shape,
  type ShapesAnswer,
  answerItem,
  boundsOf,
  fitPoint,
  isGiven,
  kindOf,
  pathRules,
  shapesAnswer,
  shapesFrom,
} from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { state } from "lit/decorators.js";

import { preference, setPreference } from "../../page/context.js";
import { type Problem, announceState } from "../control.js";
import { countFlat, notOfferedHint } from "../earlier-work.js";
import { ImageLabelingWidget } from "../image-labeling-widget.js";
import { ImageStage } from "../image-stage.js";
import { CTRL, type KeyGroup } from "../keys.js";
import { labelPane, labelPaneStyles } from "../label-pane.js";
import { focusPicker, insidePicker, labelPicker, labelPickerStyles, pickerKeys } from "../label-picker.js";
import { msg } from "../messages.js";
import { ROW_PX, shapeList, shapeListStyles } from "../shape-list.js";
import { sliderPopover, stagePanel, toolButton, zoomTools } from "../stage-tools.js";
import { stageStyles } from "../stage.styles.js";
import { copyPrevious, repeatLabel } from "./copy-shapes.js";
import { detailOf } from "./describe-shape.js";
import { type Asking, ShapeEditor } from "./shape-editor.js";
import { TOOL_KEYS, onShapeKeyReleased, shapeKeys } from "./shape-keys.js";
import { ShapePainter } from "./shape-painter.js";
import type { ShapeTool, ToolOwner } from "./shape-tool.js";

/** What the widget keeps over a reload. */
interface Draft {
  readonly shapes?: unknown;
  /** Points of a path that was being drawn. */
  readonly points?: unknown;
  readonly label?: unknown;
  readonly nothing?: unknown;
}

const DEFAULT_FILL = 0.14;

export abstract class VectorWidget<K extends KindName = KindName> extends ImageLabelingWidget {
  /** The kind of shape that this tool draws. */
  static kind: KindName;
  /** How it is drawn. */
  static tool: new (owner: ToolOwner) => ShapeTool;

  static override styles = [
    ...ImageLabelingWidget.styles,
    stageStyles,
    labelPaneStyles,
    shapeListStyles,
    labelPickerStyles,
    css`
      .hint.refused {
        color: var(--lw-danger);
        font-weight: 600;
      }
    `,
  ];

  @state() private adjustments = { brightness: 1, contrast: 1, fill: DEFAULT_FILL };
  @state() private withGuides = true;
  @state() private isSnapping = false;

  readonly #kind = (this.constructor as typeof VectorWidget).kind as K;
  readonly #editor = new ShapeEditor(this.#kind, {
    refresh: () => this.requestUpdate(),
    redraw: () => this.#redraw(),
    changed: () => this.changed(),
    progressed: () => {
      this.isNothing = false;
      this.shownProblem = "";
      announceState(this);
    },
    announce: (text) => {
      this.announcement = text;
    },
    reveal: (box, margin) => {
      const stage = this.#stage;
      if (stage) stage.setTransform(stage.transform.reveal(box, stage.view, margin));
    },
  });
  readonly #scene = this.#editor.scene;
  readonly #tool: ShapeTool;
  #stage: ImageStage | null = null;
  /** The normalised initial value, or null when none was given. */
  #initial: readonly NewShape[] | null = null;
  #earlierTroubles: string[] = [];
  #pendingDraft: Draft | undefined;
  #listHover: Shape | null = null;
  #wasAsking: Asking | null = null;
  #listedId: number | null = null;

  constructor() {
    super();
    const owner = this;
    const { tool: Tool } = this.constructor as typeof VectorWidget;
    this.#tool = new Tool({
      editor: this.#editor,
      get stage() {
        return owner.#stage!;
      },
      get isLocked() {
        return owner.disabled || owner.#editor.asking !== null;
      },
      get isSnapping() {
        return owner.isSnapping;
      },
    });
  }

  /** A movement in progress is on the upper canvas alone; anything else may show on both. */
  #redraw(): void {
    if (this.#scene.store.preview) this.#stage?.invalidateActive();
    else this.#stage?.invalidate();
  }

  // ---- attributes and values -----------------------------------------------------------------------------------

  get value(): ShapesAnswer<K> {
    const size = this.#stage?.size ?? { width: 0, height: 0 };
    return shapesAnswer(this.#kind, this.#scene.store.all(), this.#scene.labels, size, this.#initial);
  }

  get _submittableValue(): ShapesAnswer<K> {
    return this.value;
  }

  protected override structuredChanged(name: string): void {
    if (name === "initial-value") {
      if (this.#stage?.isReady && !this.#scene.store.canUndo) this.#loadInitial();
      return;
    }
    this.#editor.setLabels(this.labels, this.labelColors);
  }

  override get isBlocked(): boolean {
    return super.isBlocked || this.#stage?.status.phase === "failed";
  }

  protected override widgetProblem(): Problem | null {
    const phase = this.#stage?.status.phase;
    if (phase === "failed") return { message: msg().imageFailedSubmit };
    if (phase !== "ready") return { message: msg().imageStillLoading };
    if (this.#editor.isDrawing) return { message: msg().finishFirst };
    return this.#scene.kept().length || this.isNothing
      ? null
      : { message: this.#editor.texts.annotateOrTick, isEmpty: true };
  }

  override resetControl(): void {
    if (this.#stage?.isReady) this.#loadInitial();
    this.isNothing = false;
    this.showProblem(null);
  }

  override getDraft(): Draft | undefined {
    const { isDrawing, drawing, currentLabel } = this.#editor;
    if (!this.#scene.store.canUndo && !this.isNothing && !isDrawing && this.#pendingDraft === undefined)
      return undefined;
    if (!this.#stage?.isReady) return this.#pendingDraft;
    return {
      shapes: this.#scene.store.all().map(answerItem),
      ...(isDrawing && { points: drawing!.points.map(({ x, y }) => ({ x, y })), label: currentLabel }),
      nothing: this.isNothing,
    };
  }

  override restoreDraft(draft: unknown): void {
    if (typeof draft !== "object" || draft === null) return;
    if (!this.#stage?.isReady) {
      this.#pendingDraft = draft;
      return;
    }
    this.#pendingDraft = undefined;
    const given = draft as Draft;
    const { store, size, labels } = this.#scene;
    const { shapes } = shapesFrom(this.#kind, Array.isArray(given.shapes) ? given.shapes : [], size);
    store.remove(store.all().map((shape) => shape.id));
    for (const shape of shapes) store.add(shape);
    store.select(null);
    if (Array.isArray(given.points)) {
      const points = (given.points as { x: unknown; y: unknown }[]).map((at) => ({
        x: Number(at?.x),
        y: Number(at?.y),
      }));
      this.#editor.resumeDrawing(points.filter(({ x, y }) => Number.isFinite(x + y)).map((at) => fitPoint(at, size)));
      if (typeof given.label === "string") this.#editor.chooseLabel(labels.indexOf(given.label));
    }
    this.isNothing = given.nothing === true;
    announceState(this);
  }

  // ---- nothing to label ----------------------------------------------------------------------------------------

  protected override countAnnotations(): number {
    return this.#scene.kept().length;
  }

  protected override removeAnnotations(): void {
    this.#scene.store.remove(this.#scene.kept().map((shape) => shape.id));
  }

  protected override confirmTexts(n: number): { title: string; text: string } {
    const { texts } = this.#editor;
    return { title: texts.deleteAllTitle(n), text: texts.nothingDeletes(n) };
  }

  protected override emptyTexts(): { title: string; text: string } {
    const { texts } = this.#editor;
    return { title: texts.nothingMarkedTitle, text: texts.nothingMarked };
  }

  // ---- the image -----------------------------------------------------------------------------------------------

  protected override firstUpdated(_changed: PropertyValues): void {
    this.withGuides = preference(this.#guidesName, this.#kind === "box");
    this.isSnapping = this.#editor.drawing !== null && preference("snapping", false);
    const owner = this;
    this.#stage = new ImageStage(this.stageElement, {
      tool: this.#tool,
      painter: new ShapePainter({
        editor: this.#editor,
        tool: this.#tool,
        get fill() {
          return owner.adjustments.fill;
        },
        get withGuides() {
          return owner.withGuides;
        },
        get listHover() {
          return owner.#listHover;
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
      this.#editor.resumeDrawing([]);
      this.#scene.store.load([]);
      this.#stage?.load(this.src);
    }
    if (changed.has("adjustments") && changed.get("adjustments") !== undefined) {
      this.#stage?.setAdjustments(this.adjustments.brightness, this.adjustments.contrast);
      this.#stage?.invalidate();
    }
    if (changed.has("withGuides")) this.#stage?.invalidateActive();
    const { asking } = this.#editor;
    if (asking !== this.#wasAsking) {
      this.#wasAsking = asking;
      this.pickFilter = "";
      if (asking) focusPicker(this.renderRoot);
      else this.focusControl();
    }
    this.#keepSelectedRowInView();
  }

  #loadInitial(): void {
    const given = this.initialValue;
    this.#initial = null;
    this.#earlierTroubles = [];
    this.initialError = null;
    try {
      const { shapes, warnings } = shapesFrom(this.#kind, given, this.#scene.size);
      for (const warning of warnings) console.warn(`<${this.localName}>: ${warning}`);
      const unknown = new Set(
        shapes.map((shape) => shape.label).filter((label) => !this.#scene.labels.includes(label)),
      );
      for (const label of unknown) {
        console.warn(`<${this.localName}>: initial-value uses "${label}", which is not in labels; it is not shown`);
      }
      if (warnings.length) this.#earlierTroubles.push(msg().leftOut(warnings.length));
      const flat = this.#kind === "box" ? countFlat(given) : 0;
      if (flat) this.#earlierTroubles.push(msg().noExtent(flat));
      this.#scene.store.load(shapes);
      if (isGiven(given)) this.#initial = shapes;
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error;
      this.initialError = msg().badAttribute("initial-value", error.message, null, null);
    }
  }

  protected override hints(): string[] {
    const offered = new Set(this.#scene.labels);
    const labels = (this.#initial ?? []).map(({ label }) => label).filter((label) => !offered.has(label));
    return [...this.#earlierTroubles, ...notOfferedHint(labels)];
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override keyGroups(): KeyGroup[] {
    const { selectedId } = this.#scene.store;
    const editor = this.#editor;
    if (editor.asking) return [pickerKeys(this.#picker())];
    const previous = {
      value: () => this.previousValue(),
      note: (text: string) => this.showNote(text),
      isLocked: this.disabled,
    };
    return shapeKeys({
      editor,
      stage: this.#stage,
      isOnStage: (event) => {
        const focused = event.composedPath()[0];
        return focused === this.stageElement || (focused === document.body && selectedId !== null);
      },
      closePopover: () => {
        const was = this.isAdjusting;
        this.isAdjusting = false;
        return was;
      },
      toggleSnapping: () => this.#toggleSnapping(),
      repeatLabel: () => void repeatLabel(editor, previous),
      copyPrevious: () => void copyPrevious(editor, previous),
    });
  }

  protected override get hearsKeys(): boolean {
    return this.#stage?.isReady ?? false;
  }

  protected override onKeyReleased(event: KeyboardEvent): void {
    if (this.#stage) onShapeKeyReleased(event, this.#editor, this.#stage);
  }

  #toggleSnapping(): void {
    this.isSnapping = !this.isSnapping;
    setPreference("snapping", this.isSnapping);
  }

  /** Lines through the pointer help with boxes; for points they are off until somebody wants them. */
  get #guidesName(): string {
    return this.#kind === "box" ? "crosshair" : "crosshairPoints";
  }

  /** The list follows the selection, wherever that was made. */
  #keepSelectedRowInView(): void {
    const { selectedId } = this.#scene.store;
    if (selectedId === this.#listedId) return;
    this.#listedId = selectedId;
    const list = this.renderRoot.querySelector(".shape-list");
    const at = this.#scene.kept().findIndex((shape) => shape.id === selectedId) * ROW_PX;
    if (list && at >= 0 && (at < list.scrollTop || at + ROW_PX > list.scrollTop + list.clientHeight)) {
      list.scrollTop = at - list.clientHeight / 2;
    }
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected override renderWork(): TemplateResult {
    const stage = this.#stage;
    const editor = this.#editor;
    const { texts } = editor;
    const off = !stage?.isReady || this.disabled;
    const m = msg();
    const isMoving = stage?.isMoveTool ?? false;
    const { isAllHidden, store } = this.#scene;
    const hint = editor.notice || this.#hint();
    const toolId = this.#kind === "box" ? "bounding-box" : this.#kind;
    return html`<div class="stage-wrap">
        <div class="stage" tabindex="0" role="application" aria-label=${texts.canvasHelp} aria-describedby="question"></div>
        ${stagePanel(stage)} ${this.#renderPicker()}
      </div>
      <div class="toolbar" role="toolbar" aria-label=${texts.tool} @click=${this.backToStage}>
        ${toolButton({
          id: toolId,
          icon: toolId,
          title: texts.tool,
          key: TOOL_KEYS[this.#kind],
          isPressed: !isMoving,
          isDisabled: off,
          onClick: () => {
            if (stage) stage.isMoveTool = false;
          },
        })}
        ${toolButton({
          id: "move",
          icon: "move",
          title: m.move,
          key: "M",
          isPressed: isMoving,
          isDisabled: off,
          onClick: () => {
            if (stage) stage.isMoveTool = true;
          },
        })}
        <span class="gap"></span>
        ${toolButton({ id: "undo", icon: "undo", title: m.undo, key: `${CTRL}+Z`, isDisabled: !editor.canUndo, onClick: () => editor.undo() })}
        ${toolButton({ id: "redo", icon: "redo", title: m.redo, key: `${CTRL}+Y`, isDisabled: !editor.canRedo, onClick: () => editor.redo() })}
        ${toolButton({
          id: "delete",
          icon: "delete",
          title: texts.deleteOne,
          key: "Delete",
          isDisabled: store.selectedId === null && !editor.isDrawing,
          onClick: () => editor.erase(),
        })}
        <span class="gap"></span>
        ${zoomTools(stage)}
        <span class="gap"></span>
        ${toolButton({
          id: "hide",
          icon: isAllHidden ? "visibility-off" : "visibility",
          title: isAllHidden ? m.showAll : m.hideAll,
          key: "H",
          isPressed: isAllHidden,
          onClick: () => editor.toggleAll(),
        })}
        <span class="pop-anchor">${toolButton({
          id: "adjust",
          icon: "contrast",
          title: m.adjust,
          isPressed: this.isAdjusting,
          onClick: () => {
            this.isAdjusting = !this.isAdjusting;
          },
        })}
          ${this.isAdjusting ? this.#renderAdjustments() : nothing}</span>
        ${toolButton({
          id: "crosshair",
          icon: "crosshair",
          title: m.crosshair,
          isPressed: this.withGuides,
          onClick: () => {
            this.withGuides = !this.withGuides;
            setPreference(this.#guidesName, this.withGuides);
          },
        })}
        ${
          editor.drawing
            ? toolButton({
                id: "snap",
                icon: "snap",
                title: m.snapTool,
                key: "S",
                isPressed: this.isSnapping,
                onClick: () => this.#toggleSnapping(),
              })
            : nothing
        }
        <span class="hint ${editor.notice ? "refused" : ""}" title=${hint}>${hint}</span>
        ${this.showsNothingItself ? this.renderNothing() : nothing}
      </div>
      <div class="visually-hidden" aria-live="polite">${this.announcement}</div>`;
  }

  #hint(): string {
    const m = msg();
    const { texts, drawing, isDrawing, isHolding, currentLabel } = this.#editor;
    if (!this.#stage?.isReady) return "";
    if (this.#stage.isMoveTool) return m.hintMove;
    if (isDrawing) return hintWhileDrawing(drawing!);
    if (isHolding) return texts.hintSelected;
    return currentLabel === null ? texts.hintChooseLabel : texts.hintDraw;
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
    const { asking } = this.#editor;
    const stage = this.#stage;
    if (!asking || !stage) return nothing;
    const box = stage.transform.boxToScreen(areaOf(asking));
    return labelPicker({
      ...this.#picker(),
      filter: this.pickFilter,
      ...insidePicker({ x: box.left + box.width + 10, y: box.top }, stage.view),
      colorOf: (label) => this.#scene.colorOf(label),
      onFilter: (text) => {
        this.pickFilter = text;
      },
    });
  }

  #picker() {
    const editor = this.#editor;
    return {
      labels: this.#scene.labels,
      last: editor.lastLabel,
      onPick: (label: string) => editor.pick(label),
      onCancel: () => editor.cancelAsking(),
    };
  }

  protected override renderSide(): TemplateResult {
    const editor = this.#editor;
    const scene = this.#scene;
    const colorOf = (label: string): string => scene.colorOf(label);
    return html`<aside class="side" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().labels}>
      ${this.renderProblem()}
      <div class="label-area" @click=${this.backToStage}>${labelPane({
        labels: scene.labels,
        current: editor.currentLabel,
        counts: scene.counts(),
        hidden: scene.hiddenLabels,
        filter: this.labelFilter,
        colorOf,
        countText: editor.texts.count,
        onFilter: (text) => {
          this.labelFilter = text;
        },
        onChoose: (i) => editor.chooseLabel(i),
        onToggle: (label) => editor.toggleLabel(label),
      })}</div>
      ${shapeList({
        shapes: scene.kept(),
        selectedId: scene.store.selectedId,
        scrollTop: this.listScroll,
        height: this.renderRoot?.querySelector(".shape-list")?.clientHeight ?? 0,
        colorOf,
        texts: editor.texts,
        detail: detailOf,
        isVisible: (shape) => scene.isVisible(shape),
        onScroll: (event) => {
          this.listScroll = (event.target as HTMLElement).scrollTop;
        },
        onSelect: (shape) => editor.select(shape, true),
        onHover: (shape) => {
          this.#listHover = shape;
          this.#stage?.invalidateActive();
        },
        onToggle: (shape) => editor.toggleShape(shape),
        onRelabel: (shape) => editor.askFor(shape),
        onDelete: (shape) => editor.remove(shape),
      })}
    </aside>`;
  }
}

function hintWhileDrawing(drawing: PathDrawing): string {
  const { min } = pathRules[drawing.kind];
  if (drawing.kind === "line") return msg().hintLineEnd;
  if (!drawing.isEnough) return msg().hintMorePoints(min - drawing.points.length);
  return drawing.kind === "polygon" ? msg().hintClosePolygon : msg().hintFinishPolyline;
}

/** What a question is about. */
function areaOf(asking: Asking): Box {
  if (asking.for === "path") return boundsOf(asking.points);
  const outline = asking.for === "new" ? asking.outline : asking.shape;
  return kindOf(outline).bounds(outline);
}
