import {
  type Box,
  LiteralError,
  type MaskPixels,
  type Point,
  type Region,
  type RegionsAre,
  decodeValues,
  fromBase64,
  readInitialMask,
  toBase64,
  valuesFromColors,
} from "@labelwright/annotation-core";
import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";

import { type Problem, announceState } from "../base/control.js";
import { notOfferedHint } from "../base/earlier-work.js";
import { ImageLabelingWidget } from "../base/image-labeling-widget.js";
import { ImageStage } from "../base/image-stage.js";
import { labelPaneStyles } from "../base/label-pane.js";
import { focusPicker, insidePicker, labelPicker, labelPickerStyles, pickerKeys } from "../base/label-picker.js";
import type { KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { shapeListStyles } from "../base/shape-list.js";
import { stagePanel } from "../base/stage-tools.js";
import { stageStyles } from "../base/stage.styles.js";
import { preference, setPreference } from "../page/context.js";
import { copyPreviousMask, repeatMaskLabel } from "./copy-mask.js";
import { MaskEditor, type MaskToolId } from "./mask-editor.js";
import { maskKeys } from "./mask-keys.js";
import { hintFor, maskOptions, maskOptionsStyles } from "./mask-options.js";
import { type Light, type MaskStatus, PLAIN_LIGHT, maskPanel, maskSliders } from "./mask-overlays.js";
import { MaskPainter } from "./mask-painter.js";
import { instanceList, maskLabelPane, maskPaneStyles } from "./mask-pane.js";
import { MaskProblem, loadMaskPixels, pixelsOf } from "./mask-source.js";
import { MaskTool } from "./mask-tool.js";
import { maskToolbar } from "./mask-toolbar.js";
import { MaskView } from "./mask-view.js";
import { type OutlineFound, type Segmenter, findObject } from "./segmenter.js";

/** What the worker is asked over the image: which label to paint with, or which one this instance shall have. */
interface Asking {
  readonly region: Region | null;
  readonly at: Point;
}

interface Draft {
  readonly mask: string;
  readonly regions: readonly Region[];
  readonly nothing: boolean;
}

/** What both segmentation elements share: everything but what a region of the mask stands for. */
export abstract class MaskElement extends ImageLabelingWidget {
  static override styles = [
    ...ImageLabelingWidget.styles,
    stageStyles,
    labelPaneStyles,
    shapeListStyles,
    labelPickerStyles,
    maskPaneStyles,
    maskOptionsStyles,
    css`
      .spacer {
        flex: 1;
      }
    `,
  ];

  @state() private light: Light = PLAIN_LIGHT;
  @state() private asking: Asking | null = null;
  @state() private maskStatus: MaskStatus = { phase: "ready" };

  /** The search for an outline: under way, or it has found nothing. */
  @state() private search: "idle" | "running" | "failed" = "idle";

  /** Why the portal's model was of no help in the last search; empty when it was, or there is none. */
  @state() private modelTrouble = "";

  /** Finds objects instead of the built-in method; a template may bring one that uses a model. */
  @property({ attribute: false }) segmenter: Segmenter | null = null;

  protected readonly editor: MaskEditor;
  readonly #tool: MaskTool;
  readonly #painter: MaskPainter;
  readonly #view = new MaskView();
  #stage: ImageStage | null = null;
  #colors: Promise<Uint8ClampedArray<ArrayBuffer> | null> | null = null;
  #maskLoading: AbortController | null = null;
  #earlierLabels: readonly string[] = [];
  #pendingDraft: unknown;

  constructor(kind: RegionsAre) {
    super();
    const owner = this;
    this.editor = new MaskEditor(kind, {
      refresh: () => this.requestUpdate(),
      painted: () => this.#stage?.invalidateActive(),
      redraw: () => {
        this.#painter.looksChanged();
        this.#stage?.invalidate();
      },
      changed: () => this.changed(),
      announce: (text) => {
        this.announcement = text;
      },
      askForLabel: () => this.#ask(null),
      get lastBrush() {
        const share = preference<unknown>("brush", null);
        return typeof share === "number" && share > 0 && share <= 1 ? share : null;
      },
      brushUsed: (share) => {
        if (preference("brush", null) !== share) setPreference("brush", share);
      },
      imageColors: () => this.#imageColors(),
    });
    this.#tool = new MaskTool({
      editor: this.editor,
      get stage() {
        return owner.#stage!;
      },
      segment: (points, box) => void this.#segment(points, box),
    });
    this.#painter = new MaskPainter(this.editor, this.#tool, this.#view);
  }

  protected get tools(): ReadonlySet<MaskToolId> {
    return new Set<MaskToolId>(["brush", "eraser", "polygon", "lasso", "bounding-box", "fill", "auto-segment"]);
  }

  // ---- attributes and values -----------------------------------------------------------------------------------

  protected override structuredChanged(name: string): void {
    if (name === "initial-value") {
      if (this.#stage?.isReady && !this.editor.document.canUndo) void this.#loadInitial();
      return;
    }
    this.editor.setLabels(this.labels, this.labelColors.map(hexOf));
  }

  /** The image is there, but its pixels may not be read: what is painted could lie on a turned picture. */
  get #isUnreadable(): boolean {
    const status = this.#stage?.status;
    return status?.phase === "ready" && !status.isReadable;
  }

  override get isBlocked(): boolean {
    return (
      super.isBlocked ||
      this.#stage?.status.phase === "failed" ||
      this.maskStatus.phase === "failed" ||
      this.#isUnreadable
    );
  }

  protected override widgetProblem(): Problem | null {
    const m = msg();
    const phase = this.#stage?.status.phase;
    if (phase === "failed") return { message: m.imageFailedSubmit };
    if (phase !== "ready") return { message: m.imageStillLoading };
    if (this.#isUnreadable) return { message: m.maskNeedsCors };
    if (this.maskStatus.phase === "failed") return { message: m.maskFailedSubmit };
    if (this.maskStatus.phase === "loading") return { message: m.maskStillLoading };
    return this.editor.document.used.length || this.isNothing ? null : { message: m.paintOrTick, isEmpty: true };
  }

  override resetControl(): void {
    if (this.#stage?.isReady) void this.#loadInitial();
    this.isNothing = false;
    this.showProblem(null);
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    this.editor.isLocked =
      this.disabled ||
      this.maskStatus.phase !== "ready" ||
      this.#isUnreadable ||
      this.asking !== null ||
      this.search === "running";
  }

  // ---- drafts --------------------------------------------------------------------------------------------------

  override getDraft(): unknown {
    if (this.#pendingDraft !== undefined) return this.#pendingDraft;
    if (!this.#stage?.isReady || (!this.editor.document.canUndo && !this.isNothing)) return undefined;
    const { regions, png } = this.editor.document.state();
    return { mask: toBase64(png), regions, nothing: this.isNothing } satisfies Draft;
  }

  override restoreDraft(draft: unknown): void {
    if (!isDraft(draft)) return;
    this.#pendingDraft = draft;
    if (this.#stage?.isReady && this.maskStatus.phase === "ready") void this.#restore(draft);
  }

  async #restore(draft: Draft): Promise<void> {
    const { document } = this.editor;
    this.maskStatus = { phase: "loading" };
    try {
      const pixels = await decodeValues(fromBase64(draft.mask), document.size);
      document.restore(draft.regions, pixels);
      this.isNothing = draft.nothing === true;
    } catch (error) {
      // Work kept for another image, or damaged: starting anew is all that can be done.
      console.warn(`<${this.localName}>: the kept work could not be read`, error);
    }
    this.#pendingDraft = undefined;
    this.maskStatus = { phase: "ready" };
    this.editor.setLabels(this.labels, this.labelColors.map(hexOf));
    announceState(this);
  }

  // ---- nothing to label ----------------------------------------------------------------------------------------

  protected override countAnnotations(): number {
    return this.editor.document.used.length;
  }

  protected override removeAnnotations(): void {
    this.editor.removeAll();
  }

  protected override confirmTexts(): { title: string; text: string } {
    return { title: msg().deleteMaskTitle, text: msg().nothingDeletesMask };
  }

  protected override emptyTexts(): { title: string; text: string } {
    return { title: msg().nothingPaintedTitle, text: msg().nothingPainted };
  }

  // ---- the image and the earlier mask --------------------------------------------------------------------------

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#stage = new ImageStage(this.stageElement, {
      tool: this.#tool,
      painter: this.#painter,
      onState: () => this.requestUpdate(),
      onStatus: () => {
        this.requestUpdate();
        announceState(this);
      },
      onLoad: (size) => {
        this.#colors = null;
        this.editor.reset(size);
        void this.#loadInitial();
      },
    });
    this.stageElement.insertBefore(this.#view.canvas, this.stageElement.querySelector(".lower-canvas"));
    this.stageElement.addEventListener("pointermove", (event) => this.#tool.note(event));
    this.#stage.load(this.src);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("src") && changed.get("src") !== undefined) {
      this.#maskLoading?.abort();
      this.maskStatus = { phase: "ready" };
      this.editor.reset({ width: 0, height: 0 });
      this.#view.clear();
      this.#stage?.load(this.src);
    }
    if (changed.has("light") && changed.get("light") !== undefined) {
      this.#stage?.setAdjustments(this.light.brightness, this.light.contrast);
    }
    if (changed.has("asking") && (this.asking || changed.get("asking"))) {
      this.pickFilter = "";
      // Later: the press that asked still has to give the focus to the image.
      if (this.asking) setTimeout(() => focusPicker(this.renderRoot));
      else this.focusControl();
    }
  }

  async #loadInitial(): Promise<void> {
    const { document } = this.editor;
    this.#maskLoading?.abort();
    const abort = new AbortController();
    this.#maskLoading = abort;
    this.initialError = null;
    this.#earlierLabels = [];
    document.reset(this.#stage!.size);
    try {
      const initial = readInitialMask(this.initialValue);
      if (initial) {
        for (const warning of initial.warnings) console.warn(`<${this.localName}>: ${warning}`);
        this.#earlierLabels = initial.regions.map(({ label }) => label);
        for (const label of new Set(initial.regions.map((region) => region.label))) {
          if (!document.labels.includes(label)) {
            console.warn(
              `<${this.localName}>: initial-value uses "${label}", which is not in labels; its pixels are not shown`,
            );
          }
        }
        this.maskStatus = { phase: "loading" };
        const pixels = await loadMaskPixels(initial, document.size, abort.signal);
        if (abort.signal.aborted) return;
        document.startFrom(this.#valuesOf(pixels, document.adoptRegions(initial.regions)));
      }
      this.maskStatus = { phase: "ready" };
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error instanceof LiteralError)
        this.initialError = msg().badAttribute("initial-value", error.message, null, null);
      else if (error instanceof MaskProblem) this.maskStatus = { phase: "failed", reason: error.message };
      else throw error;
    }
    this.editor.setLabels(this.labels, this.labelColors.map(hexOf));
    if (this.maskStatus.phase === "ready" && this.#pendingDraft !== undefined)
      await this.#restore(this.#pendingDraft as Draft);
    announceState(this);
  }

  protected override hints(): string[] {
    const { labels } = this.editor.document;
    return notOfferedHint(this.#earlierLabels.filter((label) => !labels.includes(label)));
  }

  #valuesOf(pixels: Uint32Array | null, values: ReadonlyMap<string, number>): MaskPixels | null {
    if (!pixels) return null;
    const { mask, nUnknown } = valuesFromColors(pixels, values);
    if (nUnknown)
      console.warn(`<${this.localName}>: ${nUnknown} pixels of the earlier mask have colours that belong to no label`);
    return mask;
  }

  #imageColors(): Promise<Uint8ClampedArray<ArrayBuffer> | null> {
    const picture = this.stageElement.querySelector<HTMLImageElement>("img.stage-image");
    if (!picture || this.#isUnreadable) return Promise.resolve(null);
    return (this.#colors ??= pixelsOf(picture, this.editor.document.size));
  }

  async #segment(points: readonly Point[], box: Box | null): Promise<void> {
    const { editor } = this;
    const { mask, size } = editor.document;
    const label = editor.currentLabel!;
    this.search = "running";
    let found: OutlineFound = { rows: new Int32Array(0) };
    try {
      found = await findObject({
        size,
        points,
        box,
        label,
        src: this.src,
        segmenter: this.segmenter,
        colors: () => this.#imageColors(),
      });
    } catch (error) {
      console.error(`<${this.localName}>: the outline could not be found`, error);
    }
    const { rows, modelFailed } = found;
    // Another image may have come in the meantime.
    this.search = rows.length || mask !== editor.document.mask ? "idle" : "failed";
    this.modelTrouble = modelFailed === undefined ? "" : msg().modelFailed(modelFailed);
    await this.updateComplete;
    if (mask === editor.document.mask) await editor.fillRows(rows);
    if (this.search === "failed") this.announcement = msg().segmentFailed;
    else if (this.modelTrouble) this.announcement = this.modelTrouble;
    this.#stage?.invalidateActive();
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override keyGroups(): KeyGroup[] {
    const stage = this.#stage;
    if (this.asking) return [pickerKeys(this.#picker())];
    const previous = {
      value: () => this.previousValue(),
      note: (text: string) => this.showNote(text),
      announce: (text: string) => {
        this.announcement = text;
      },
    };
    return maskKeys({
      editor: this.editor,
      stage,
      tools: this.tools,
      isOnStage: (event) => [this.stageElement, document.body].includes(event.composedPath()[0] as HTMLElement),
      closeOpen: () => {
        const was = this.isAdjusting || this.#tool.clearExtremes();
        this.isAdjusting = false;
        stage?.invalidateActive();
        return was;
      },
      repeatLabel: () => void repeatMaskLabel(this.editor, previous),
      copyPrevious: () => void copyPreviousMask(this.editor, previous),
      askLabel: (region) => this.#ask(region),
    });
  }

  protected override get hearsKeys(): boolean {
    return this.#stage?.isReady ?? false;
  }

  protected override onKeyReleased(event: KeyboardEvent): void {
    if (event.key === " " && this.#stage) this.#stage.isSpaceHeld = false;
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected override renderWork(): TemplateResult {
    const stage = this.#stage;
    const { editor } = this;
    const off = !stage?.isReady || this.disabled;
    const m = msg();
    return html`<div class="stage-wrap">
        <div class="stage" tabindex="0" role="application" aria-label=${m.maskCanvasHelp} aria-describedby="question"></div>
        ${stagePanel(stage)} ${stage?.isReady ? maskPanel(this.maskStatus, this.#isUnreadable, () => void this.#loadInitial()) : nothing} ${this.#renderPicker()}
      </div>
      ${maskOptions(editor, this.#hint(), off, () => this.requestUpdate())}
      ${maskToolbar({
        editor,
        stage,
        tools: this.tools,
        isOff: off,
        isAdjusting: this.isAdjusting,
        sliders: this.isAdjusting
          ? maskSliders(editor, this.light, (light) => {
              this.light = light;
            })
          : nothing,
        end: this.showsNothingItself ? this.renderNothing() : nothing,
        onAdjust: () => {
          this.isAdjusting = !this.isAdjusting;
        },
        onClick: this.backToStage,
      })}
      <div class="visually-hidden" aria-live="polite">${this.announcement}</div>`;
  }

  #hint(): string {
    if (!this.#stage?.isReady) return "";
    if (this.search === "running") return msg().segmenting;
    if (this.editor.isBusy) return msg().filling;
    if (this.search === "failed" && this.editor.tool === "auto-segment") return msg().segmentFailed;
    if (this.modelTrouble && this.editor.tool === "auto-segment") return this.modelTrouble;
    if (this.#stage.isMoveTool) return msg().hintMove;
    if (this.editor.currentLabel === null && this.editor.tool !== "eraser") return msg().hintChooseMaskLabel;
    return hintFor(this.editor.tool);
  }

  // ---- which label? --------------------------------------------------------------------------------------------

  #ask(region: Region | null): void {
    const stage = this.#stage;
    if (!stage) return;
    const bounds = region && this.editor.document.mask.boundsOf(region.value);
    const at = bounds
      ? stage.transform.toScreen({ x: bounds.left + bounds.width, y: bounds.top })
      : (stage.pointer?.screen ?? { x: stage.view.width / 2, y: stage.view.height / 3 });
    this.asking = { region, at };
  }

  #pick(label: string): void {
    const region = this.asking?.region;
    this.asking = null;
    if (region) this.editor.relabel(region, label);
    else this.editor.chooseLabel(this.editor.document.labels.indexOf(label));
  }

  #renderPicker(): unknown {
    const { asking } = this;
    const stage = this.#stage;
    if (!asking || !stage) return nothing;
    return labelPicker({
      ...this.#picker(),
      filter: this.pickFilter,
      ...insidePicker({ x: asking.at.x + 10, y: asking.at.y }, stage.view),
      colorOf: (label) => (this.editor.areInstances ? "transparent" : this.editor.document.colorOf(label)),
      onFilter: (text) => {
        this.pickFilter = text;
      },
    });
  }

  #picker() {
    return {
      labels: this.editor.document.labels,
      last: this.editor.lastLabel,
      onPick: (label: string) => this.#pick(label),
      onCancel: () => {
        this.asking = null;
      },
    };
  }

  // ---- the side ------------------------------------------------------------------------------------------------

  protected override renderSide(): TemplateResult {
    const { editor } = this;
    return html`<aside class="side" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().labels}>
      ${this.renderProblem()}
      <div class="label-area ${editor.areInstances ? "" : "alone"}" @click=${this.backToStage}>${maskLabelPane({
        editor,
        filter: this.labelFilter,
        onFilter: (text) => {
          this.labelFilter = text;
        },
      })}</div>
      ${
        editor.areInstances
          ? instanceList({
              editor,
              scrollTop: this.listScroll,
              height: this.renderRoot?.querySelector(".shape-list")?.clientHeight ?? 0,
              onScroll: (event) => {
                this.listScroll = (event.target as HTMLElement).scrollTop;
              },
              onReveal: (region) => this.#reveal(region),
              onRelabel: (region) => {
                editor.selectRegion(region);
                this.#ask(region);
              },
            })
          : nothing
      }
    </aside>`;
  }

  #reveal(region: Region): void {
    const bounds = this.editor.document.mask.boundsOf(region.value);
    if (bounds && this.#stage) this.#stage.setTransform(this.#stage.transform.reveal(bounds, this.#stage.view));
  }
}

function isDraft(draft: unknown): draft is Draft {
  const { mask, regions } = (draft ?? {}) as { mask?: unknown; regions?: unknown };
  return typeof mask === "string" && Array.isArray(regions);
}

/** Authors may write any CSS colour; the mask needs `#rrggbb`. What is no colour stays as it is, and is not used. */
function hexOf(color: string): string {
  const context = document.createElement("canvas").getContext("2d")!;
  context.fillStyle = "#ffffff";
  context.fillStyle = color;
  return context.fillStyle;
}
