/** What can be done with the mask of one image, whoever asks for it: mouse, keys, panes or the tool bar. */

import {
  type Box,
  type InitialRegion,
  MAX_BRUSH,
  MIN_BRUSH,
  MaskDocument,
  type Point,
  type Region,
  type RegionsAre,
  type RowSink,
  type Size,
  boxRows,
  clamp,
  floodSteps,
  inSlices,
  pathRows,
  polygonRows,
} from "@labelwright/annotation-core";

import { msg } from "../base/messages.js";

export type MaskToolId = "brush" | "eraser" | "polygon" | "lasso" | "bounding-box" | "fill" | "auto-segment";

/** How far the fill tool goes: over one connected region of the mask, or over similar colours within it. */
export type FillReach = "colors" | "region";

/** What each tool is called. */
export function toolNames(): Readonly<Record<MaskToolId, string>> {
  const m = msg();
  return {
    brush: m.brushTool,
    eraser: m.eraserTool,
    polygon: m.maskPolygonTool,
    lasso: m.lassoTool,
    "bounding-box": m.maskBoxTool,
    fill: m.fillTool,
    "auto-segment": m.autoSegmentTool,
  };
}

export interface MaskEditorHost {
  /** Something that is drawn beside the image has changed. */
  refresh(): void;
  /** Pixels were painted; what has changed is known to the mask. */
  painted(): void;
  /** Something about the look of the whole mask has changed: colours, what is hidden, what is stressed. */
  redraw(): void;
  /** The answer may be another one now. */
  changed(): void;
  /** Said to those who do not see the image. */
  announce(text: string): void;
  /** The worker painted without a label: which one? */
  askForLabel(): void;
  /** The brush this worker painted with last, as a part of the shorter side of the image; null: never yet. */
  readonly lastBrush: number | null;
  /** The worker has painted with a brush of this size, in the same measure. */
  brushUsed(share: number): void;
  /** Colours of the image by pixel; null when they cannot be had. */
  imageColors(): Promise<Uint8ClampedArray | null>;
}

/** Part of the shorter side of the image that the brush has at first. */
const FIRST_BRUSH = 1 / 36;
const BRUSH_STEP = 1.2;
const FIRST_OPACITY = 0.55;

export class MaskEditor {
  readonly document: MaskDocument;
  readonly hiddenLabels = new Set<string>();
  readonly hiddenValues = new Set<number>();
  /** Opacity of single labels, as a part of that of the mask. */
  readonly labelOpacity = new Map<string, number>();
  readonly #host: MaskEditorHost;

  isAllHidden = false;
  opacity = FIRST_OPACITY;
  tolerance = 20;
  fillReach: FillReach = "colors";
  /** Painting and erasing leave the pixels of other labels alone. */
  keepsOthers = false;
  #isLocked = false;
  #isBusy = false;

  #tool: MaskToolId = "brush";
  #brushSize = 20;
  #currentLabel: string | null = null;
  #lastLabel: string | null = null;
  #currentValue = 0;
  #highlighted = 0;
  #outline: Point[] = [];
  #takenBack: Point[] = [];
  #strokeValue = 0;
  #over: Uint8Array | null = null;

  constructor(kind: RegionsAre, host: MaskEditorHost) {
    this.document = new MaskDocument(kind);
    this.#host = host;
  }

  get areInstances(): boolean {
    return this.document.kind === "instances";
  }

  /** A new image: nothing is painted, and the brush fits its size. */
  reset(size: Size): void {
    this.document.reset(size);
    this.hiddenValues.clear();
    this.#currentValue = 0;
    this.#outline = [];
    const share = this.#host.lastBrush ?? FIRST_BRUSH;
    this.#brushSize = clamp(Math.round(Math.min(size.width, size.height) * share), MIN_BRUSH, MAX_BRUSH);
    this.#host.redraw();
  }

  /** Painting has to wait: the earlier mask is loading, the widget is disabled, or long work is under way. */
  get isLocked(): boolean {
    return this.#isLocked || this.#isBusy;
  }

  set isLocked(on: boolean) {
    this.#isLocked = on;
  }

  /** Long work is under way; meanwhile nothing can be painted. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  async #whileBusy(work: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#host.refresh();
    try {
      await work();
    } finally {
      this.#isBusy = false;
      this.#host.refresh();
    }
  }

  // ---- labels and regions --------------------------------------------------------------------------------------

  get currentLabel(): string | null {
    return this.#currentLabel;
  }

  /** The region that is painted; null when none is chosen, or an instance that comes with the first stroke. */
  get current(): Region | null {
    if (this.#currentLabel === null) return null;
    if (!this.areInstances) return this.document.regionsOf(this.#currentLabel)[0] ?? null;
    return this.document.region(this.#currentValue);
  }

  /** The label painted with last on this image. */
  get lastLabel(): string | null {
    return this.#lastLabel !== null && this.document.labels.includes(this.#lastLabel) ? this.#lastLabel : null;
  }

  /** Chooses a label by its text. False: it is not offered here. */
  repeatLabel(label: string | null): boolean {
    const at = label === null ? -1 : this.document.labels.indexOf(label);
    if (at >= 0) this.chooseLabel(at);
    return at >= 0;
  }

  /** Takes over another image's mask where nothing is painted yet. False when nothing came of it. */
  copyIn(regions: readonly InitialRegion[], pixels: Uint32Array): boolean {
    if (this.isLocked || !this.document.copyIn(regions, pixels)) return false;
    this.isAllHidden = false;
    this.#edited();
    return true;
  }

  get color(): string | null {
    return this.current?.color ?? (this.#currentLabel === null ? null : this.document.colorOf(this.#currentLabel));
  }

  setLabels(labels: readonly string[], colors: readonly string[]): void {
    this.document.setLabels(labels, colors);
    if (this.#currentLabel !== null && !labels.includes(this.#currentLabel)) this.#currentLabel = null;
    if (labels.length === 1) this.#currentLabel = labels[0]!;
    if (this.current?.label !== this.#currentLabel) this.#currentValue = 0;
    this.#host.redraw();
    this.#host.refresh();
  }

  /** The label at a place of the list; for instances, the next stroke begins a new one. */
  chooseLabel(index: number): void {
    const label = this.document.labels[index];
    if (label === undefined) return;
    this.#currentLabel = label;
    this.#currentValue = this.areInstances ? (this.#emptyInstance(label)?.value ?? 0) : 0;
    this.hiddenLabels.delete(label);
    this.#host.announce(label);
    this.#shown();
  }

  /** A new instance of a label, made current. One that is still empty is used first. */
  addInstance(label: string | null = this.#currentLabel): void {
    if (!this.areInstances) return;
    if (label === null) return this.#host.askForLabel();
    this.#currentLabel = label;
    this.hiddenLabels.delete(label);
    const empty = this.#emptyInstance(label);
    this.#currentValue = (empty ?? this.document.addRegion(label)).value;
    this.#host.announce(msg().instanceAdded(label, this.document.regionsOf(label).length));
    if (empty) this.#shown();
    else this.#edited();
  }

  #emptyInstance(label: string): Region | undefined {
    return this.document.regionsOf(label).find((region) => !this.document.mask.count(region.value));
  }

  selectRegion(region: Region): void {
    this.#currentLabel = region.label;
    this.#currentValue = region.value;
    this.#host.announce(this.nameOf(region));
    this.#shown();
  }

  /** Takes the label (or instance) of the pixel under a point. */
  pickAt(point: Point): void {
    const region = this.document.region(this.document.mask.at(Math.floor(point.x), Math.floor(point.y)));
    if (region && this.document.regions.includes(region)) this.selectRegion(region);
  }

  /** The next or previous region that has something to select; null past the end. */
  neighbour(step: 1 | -1): Region | null {
    const { regions } = this.document;
    const at = regions.findIndex((region) => region.value === this.current?.value);
    return (at < 0 ? regions[step === 1 ? 0 : regions.length - 1] : regions[at + step]) ?? null;
  }

  nameOf(region: Region): string {
    if (!this.areInstances) return region.label;
    return `${region.label} ${this.document.regionsOf(region.label).findIndex(({ value }) => value === region.value) + 1}`;
  }

  /** Part of the image that a region covers, 0 to 1. */
  shareOf(region: Region): number {
    return this.document.mask.count(region.value) / Math.max(1, this.document.mask.pixels.length);
  }

  relabel(region: Region, label: string): void {
    this.document.relabel(region.value, label);
    if (region.value === this.#currentValue) this.#currentLabel = label;
    this.#edited();
  }

  /** Deletes an instance, or unlabels all pixels of a label. */
  remove(region: Region | null = this.current): void {
    if (!region || this.isLocked) return;
    if (this.areInstances) {
      const name = this.nameOf(region);
      this.document.removeRegion(region.value);
      if (region.value === this.#currentValue) this.#currentValue = 0;
      this.#host.announce(msg().instanceDeleted(name));
    } else {
      this.document.clear([region.value]);
      this.#host.announce(msg().labelCleared(region.label));
    }
    this.#edited();
  }

  /** Unlabels everything that counts, as one step. */
  removeAll(): void {
    const { regions } = this.document;
    this.document.begin();
    for (const { value } of regions) this.document.removeOrClear(value);
    this.document.commit();
    this.#currentValue = 0;
    this.#edited();
  }

  // ---- tools ---------------------------------------------------------------------------------------------------

  get tool(): MaskToolId {
    return this.#tool;
  }

  set tool(tool: MaskToolId) {
    this.#tool = tool;
    if (tool !== "polygon" && tool !== "auto-segment") this.cancelOutline();
    this.#host.painted();
    this.#host.refresh();
  }

  get brushSize(): number {
    return this.#brushSize;
  }

  set brushSize(size: number) {
    this.#brushSize = clamp(Math.round(size), MIN_BRUSH, MAX_BRUSH);
    this.#host.painted();
    this.#host.refresh();
  }

  resizeBrush(direction: 1 | -1): void {
    const scaled = Math.round(this.#brushSize * BRUSH_STEP ** direction);
    this.brushSize = scaled === this.#brushSize ? scaled + direction : scaled;
  }

  /** Whether there is something to paint with; asks for a label when there is not. */
  canPaint(): boolean {
    if (this.isLocked) return false;
    if (this.#currentLabel !== null) return true;
    if (this.document.labels.length) this.#host.askForLabel();
    return false;
  }

  /** Begins a change that paints the current region, or erases. */
  #start(isErasing: boolean): boolean {
    if (isErasing ? this.isLocked : !this.canPaint()) return false;
    this.document.begin();
    if (this.isAllHidden) {
      this.isAllHidden = false;
      this.#host.redraw();
    }
    this.#strokeValue = 0;
    if (!isErasing) {
      let region = this.current;
      if (!region) {
        region = this.document.addRegion(this.#currentLabel!);
        this.#currentValue = region.value;
        this.#host.redraw();
      }
      this.#strokeValue = region.value;
      this.#lastLabel = region.label;
    }
    this.#over = this.#mayPaintOver(this.current?.value ?? 0);
    return true;
  }

  /** Marks of the values that painting may replace; null when it may replace everything. */
  #mayPaintOver(own: number): Uint8Array | null {
    const fixed = this.document.regions.filter(
      (region) => region.value !== own && (this.keepsOthers || !this.isRegionVisible(region)),
    );
    if (!fixed.length) return null;
    const over = new Uint8Array(1 + Math.max(own, ...this.document.allRegions.map((region) => region.value))).fill(1);
    for (const { value } of fixed) over[value] = 0;
    return over;
  }

  readonly #paintRow: RowSink = (y, x0, x1) => this.document.mask.fillRow(y, x0, x1, this.#strokeValue, this.#over);

  startStroke(isErasing: boolean): boolean {
    if (!this.#start(isErasing)) return false;
    const { width, height } = this.document.size;
    this.#host.brushUsed(this.#brushSize / Math.min(width, height));
    return true;
  }

  paintPath(points: readonly Point[]): void {
    pathRows(points, this.#brushSize, this.document.size, this.#paintRow);
    this.#host.painted();
  }

  /** Ends what `startStroke` began. */
  endStroke(): void {
    this.#finish();
  }

  cancelStroke(): void {
    this.document.rollback();
    if (!this.document.region(this.#currentValue)) this.#currentValue = 0;
    this.#host.redraw();
    this.#host.refresh();
  }

  #finish(): void {
    this.#finished(this.document.commit(true));
  }

  #finished(isNew: boolean): void {
    if (!this.document.region(this.#currentValue)) this.#currentValue = 0;
    if (isNew) this.#edited();
    else this.#shown();
  }

  fillOutline(points: readonly Point[], isErasing: boolean): void {
    if (points.length < 3 || !this.#start(isErasing)) return;
    polygonRows(points, this.document.size, this.#paintRow);
    this.#host.painted();
    this.#finish();
  }

  fillBox(box: Box, isErasing: boolean): void {
    if (!this.#start(isErasing)) return;
    boxRows(box, this.document.size, this.#paintRow);
    this.#host.painted();
    this.#finish();
  }

  /** Rows as threes of (y, x0, x1). */
  async fillRows(rows: Int32Array): Promise<void> {
    if (!rows.length || !this.#start(false)) return;
    const { mask } = this.document;
    await this.#whileBusy(async () => {
      // Another image may come in the meantime, or something else begin a change of its own.
      const isWanted = (): boolean => mask === this.document.mask && mask.isChanging;
      const isNew = await inSlices(this.#fillSteps(rows), isWanted);
      this.#host.painted();
      if (isNew !== null) this.#finished(isNew);
    });
  }

  *#fillSteps(rows: Int32Array): Generator<void, boolean> {
    for (let i = 0; i < rows.length; i += 3) {
      this.#paintRow(rows[i]!, rows[i + 1]!, rows[i + 2]!);
      if (i % 1536 === 0) yield;
    }
    return yield* this.document.commitSteps(true);
  }

  async flood(point: Point): Promise<void> {
    if (!this.canPaint()) return;
    const { mask, size } = this.document;
    let rows: Int32Array | null = null;
    await this.#whileBusy(async () => {
      const colors = this.fillReach === "colors" ? await this.#host.imageColors() : null;
      if (this.fillReach === "colors" && !colors) return this.#host.announce(msg().noImageColors);
      const alike = colors ? { rgba: colors, tolerance: this.tolerance } : null;
      const work = floodSteps(mask.pixels, size, Math.floor(point.x), Math.floor(point.y), alike);
      rows = await inSlices(work, () => mask === this.document.mask);
    });
    if (rows && mask === this.document.mask) await this.fillRows(rows);
  }

  // ---- an outline in progress ----------------------------------------------------------------------------------

  /** Corners placed so far by the polygon tool. */
  get outline(): readonly Point[] {
    return this.#outline;
  }

  addCorner(point: Point): void {
    const { width, height } = this.document.size;
    this.#outline = [...this.#outline, { x: clamp(point.x, 0, width), y: clamp(point.y, 0, height) }];
    this.#takenBack = [];
    this.#outlineChanged();
  }

  takeBackCorner(): void {
    const last = this.#outline.at(-1);
    if (!last) return;
    this.#takenBack.push(last);
    this.#outline = this.#outline.slice(0, -1);
    this.#outlineChanged();
  }

  /** Fills the outline. False when it has too few corners. */
  closeOutline(isErasing: boolean): boolean {
    if (this.#outline.length < 3) return false;
    const points = this.#outline;
    this.#outline = [];
    this.#takenBack = [];
    this.fillOutline(points, isErasing);
    this.#outlineChanged();
    return true;
  }

  /** True when there was one. */
  cancelOutline(): boolean {
    const was = this.#outline.length > 0;
    this.#outline = [];
    this.#takenBack = [];
    if (was) this.#outlineChanged();
    return was;
  }

  #outlineChanged(): void {
    this.#host.painted();
    this.#host.refresh();
  }

  // ---- history -------------------------------------------------------------------------------------------------

  get canUndo(): boolean {
    return this.#outline.length > 0 || this.document.canUndo;
  }

  get canRedo(): boolean {
    return this.#takenBack.length > 0 || this.document.canRedo;
  }

  undo(): void {
    if (this.isLocked) return;
    if (this.#outline.length) this.takeBackCorner();
    else if (this.document.undo()) this.#wentTo(msg().undone);
  }

  redo(): void {
    if (this.isLocked) return;
    const corner = this.#takenBack.pop();
    if (corner) {
      this.#outline = [...this.#outline, corner];
      this.#outlineChanged();
    } else if (this.document.redo()) this.#wentTo(msg().redone);
  }

  #wentTo(text: string): void {
    if (this.#currentValue && !this.document.region(this.#currentValue)) this.#currentValue = 0;
    this.#host.announce(text);
    this.#edited();
  }

  // ---- visibility ----------------------------------------------------------------------------------------------

  isRegionVisible(region: Region): boolean {
    return !this.hiddenLabels.has(region.label) && !this.hiddenValues.has(region.value);
  }

  toggleLabel(label: string): void {
    if (!this.hiddenLabels.delete(label)) this.hiddenLabels.add(label);
    this.#shown();
  }

  toggleCurrentLabel(): boolean {
    if (this.#currentLabel === null) return false;
    this.toggleLabel(this.#currentLabel);
    return true;
  }

  toggleRegion(region: Region): void {
    if (!this.hiddenValues.delete(region.value)) this.hiddenValues.add(region.value);
    this.#shown();
  }

  toggleAll(): void {
    this.isAllHidden = !this.isAllHidden;
    this.#shown();
  }

  setOpacity(opacity: number, label: string | null = null): void {
    if (label === null) this.opacity = opacity;
    else this.labelOpacity.set(label, opacity);
    this.#shown();
  }

  resetLook(): void {
    this.opacity = FIRST_OPACITY;
    this.labelOpacity.clear();
    this.#shown();
  }

  /** The instance stressed because the pointer is on its row; 0 is none. */
  get highlighted(): number {
    return this.#highlighted;
  }

  set highlighted(value: number) {
    if (value === this.#highlighted) return;
    this.#highlighted = value;
    this.#host.redraw();
  }

  #shown(): void {
    this.#host.redraw();
    this.#host.refresh();
  }

  #edited(): void {
    this.#host.changed();
    this.#shown();
  }
}
