/**
 * What is painted on one image: the mask, the regions its values stand for, and the history of both.
 *
 * Of `labels`, each label is one region, there from the start. Of `instances`, a region is one object: it comes with
 * `addRegion`, goes with `removeRegion`, and both can be undone like painting.
 */

import type { Size } from "../geometry.js";
import { atOnce } from "../slices.js";
import { freeColor, maskColors, rgbOf } from "./mask-colors.js";
import { type InitialRegion, valuesFromColors } from "./mask-initial.js";
import { MAX_VALUE, Mask, type MaskDiff, type MaskPixels } from "./mask.js";
import { MaskPng, type Rgb } from "./png-encode.js";

export interface Region {
  /** The region's number in the mask, from 1. Never given to another one. */
  readonly value: number;
  readonly label: string;
  readonly color: string;
}

export type RegionsAre = "labels" | "instances";

interface Step {
  readonly diff: MaskDiff | null;
  readonly before: readonly Region[];
  readonly after: readonly Region[];
}

interface Snapshot {
  readonly pixels: MaskPixels;
  readonly regions: readonly Region[];
}

export interface DocumentState {
  readonly regions: readonly Region[];
  /** The mask's values as a PNG file. */
  readonly png: Uint8Array;
}

export class MaskDocument {
  readonly kind: RegionsAre;
  #mask = new Mask({ width: 0, height: 0 });
  #png = new MaskPng(this.#mask);
  #regions: readonly Region[] = [];
  #labels: readonly string[] = [];
  #known = new Set<string>();
  #labelColors = new Map<string, string>();
  #overrides: readonly string[] = [];
  #earlierColors = new Map<string, string>();
  #nextValue = 1;
  #nextColor = 0;
  /** Colours of all instances there ever were: one that undoing brings back must still be alone with its own. */
  #takenColors = new Set<string>();
  #undo: Step[] = [];
  #redo: Step[] = [];
  #regionsBefore: readonly Region[] | null = null;
  #initial: Snapshot | null = null;
  #modified: { version: number; regions: readonly Region[]; labels: readonly string[]; answer: boolean } | null = null;

  constructor(kind: RegionsAre) {
    this.kind = kind;
  }

  get mask(): Mask {
    return this.#mask;
  }

  get size(): Size {
    return { width: this.#mask.width, height: this.#mask.height };
  }

  get labels(): readonly string[] {
    return this.#labels;
  }

  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  get canRedo(): boolean {
    return this.#redo.length > 0;
  }

  /** An empty mask for a new image. Regions stay. */
  reset(size: Size): void {
    this.#mask = new Mask(size);
    this.#png = new MaskPng(this.#mask);
    this.#undo = [];
    this.#redo = [];
    this.#initial = null;
    this.#modified = null;
    this.#regionsBefore = null;
    this.#earlierColors = new Map();
    this.#regions = [];
    this.#nextColor = 0;
    this.#takenColors = new Set();
    this.#nextValue = 1;
    this.setLabels(this.#labels, this.#overrides);
  }

  // ---- labels and regions --------------------------------------------------------------------------------------

  /** Regions of labels that are taken away are remembered, and come back with them. */
  setLabels(labels: readonly string[], overrides: readonly string[] = []): void {
    this.#labels = labels;
    this.#overrides = overrides;
    this.#known = new Set(labels);
    this.#labelColors = maskColors(labels, this.#earlierColors, overrides);
    if (this.kind === "instances") return;
    for (const label of labels) {
      if (!this.#regions.some((region) => region.label === label)) {
        this.#regions = [...this.#regions, { value: this.#nextValue++, label, color: "" }];
      }
    }
    this.#regions = this.#regions.map((region) => ({
      ...region,
      color: this.#labelColors.get(region.label) ?? region.color,
    }));
  }

  /** All regions, in the order in which they came; also those whose label is not offered. */
  get allRegions(): readonly Region[] {
    return this.#regions;
  }

  /** The regions that count. */
  get regions(): readonly Region[] {
    return this.#regions.filter((region) => this.#known.has(region.label));
  }

  /** The regions that count and have pixels. */
  get used(): readonly Region[] {
    return this.regions.filter((region) => this.#mask.count(region.value) > 0);
  }

  region(value: number): Region | null {
    return this.#regions.find((region) => region.value === value) ?? null;
  }

  regionsOf(label: string): readonly Region[] {
    return this.#regions.filter((region) => region.label === label);
  }

  /** The colour that stands for a label beside the image. */
  colorOf(label: string): string {
    return this.#labelColors.get(label) ?? "#7f7f7f";
  }

  /** A new object of a label. A change of its own, unless one is in progress. */
  addRegion(label: string): Region {
    if (this.#nextValue > MAX_VALUE) throw new RangeError(`a mask holds at most ${MAX_VALUE} regions`);
    const color = freeColor(this.#nextColor++, this.#takenColors);
    this.#takenColors.add(color);
    const region = { value: this.#nextValue++, label, color };
    this.#changeRegions([...this.#regions, region]);
    return region;
  }

  /** Takes an object away, with its pixels. */
  removeRegion(value: number): void {
    const isAlone = !this.#mask.isChanging;
    if (isAlone) this.begin();
    this.#paintOver(value);
    this.#regions = this.#regions.filter((region) => region.value !== value);
    if (isAlone) this.commit();
  }

  relabel(value: number, label: string): void {
    this.#changeRegions(this.#regions.map((region) => (region.value === value ? { ...region, label } : region)));
  }

  /** Unlabels all pixels of these regions, in one step. */
  clear(values: readonly number[]): void {
    this.begin();
    for (const value of values) this.#paintOver(value);
    this.commit();
  }

  /** Inside a change: takes an instance away, or unlabels all pixels of a label. */
  removeOrClear(value: number): void {
    if (this.kind === "instances") this.removeRegion(value);
    else this.#paintOver(value);
  }

  #changeRegions(regions: readonly Region[]): void {
    const isAlone = !this.#mask.isChanging;
    if (isAlone) this.begin();
    this.#regions = regions;
    if (isAlone) this.commit();
  }

  #paintOver(value: number): void {
    const { width, height, pixels } = this.#mask;
    if (!this.#mask.count(value)) return;
    for (let y = 0; y < height; y++) {
      const row = pixels.subarray(y * width, (y + 1) * width);
      for (let x = row.indexOf(value); x >= 0; x = row.indexOf(value, x)) {
        const start = x;
        while (x < width && row[x] === value) x++;
        this.#mask.fillRow(y, start, x, 0);
      }
    }
  }

  // ---- history -------------------------------------------------------------------------------------------------

  begin(): void {
    if (this.#mask.isChanging) this.rollback();
    this.#regionsBefore = this.#regions;
    this.#mask.begin();
  }

  /**
   * Ends a change. False when nothing is different; then there is nothing to undo either. A change that is `painting`
   * keeps its new regions only if it has changed a pixel.
   */
  commit(isPainting = false): boolean {
    return atOnce(this.commitSteps(isPainting));
  }

  /** The same, pausing now and then. */
  *commitSteps(isPainting = false): Generator<void, boolean> {
    const before = this.#regionsBefore ?? this.#regions;
    const diff = yield* this.#mask.commitSteps();
    this.#regionsBefore = null;
    if (!diff && isPainting) this.#regions = before;
    if (!diff && before === this.#regions) return false;
    this.#undo.push({ diff, before, after: this.#regions });
    this.#redo = [];
    return true;
  }

  rollback(): void {
    this.#mask.rollback();
    if (this.#regionsBefore) this.#regions = this.#regionsBefore;
    this.#regionsBefore = null;
  }

  undo(): boolean {
    const step = this.#undo.pop();
    if (!step) return false;
    this.#redo.push(step);
    this.#go(step, true);
    return true;
  }

  redo(): boolean {
    const step = this.#redo.pop();
    if (!step) return false;
    this.#undo.push(step);
    this.#go(step, false);
    return true;
  }

  #go(step: Step, backwards: boolean): void {
    this.rollback();
    if (step.diff) this.#mask.apply(step.diff, backwards);
    // The labels' regions may have been given other colours since; they do not come and go by undoing.
    if (this.kind === "instances") this.#regions = backwards ? step.before : step.after;
  }

  // ---- earlier work --------------------------------------------------------------------------------------------

  /** Regions for earlier work. Gives the mask value for each of its colours. */
  adoptRegions(initial: readonly InitialRegion[]): Map<string, number> {
    const values = new Map<string, number>();
    if (this.kind === "labels") {
      this.#earlierColors = new Map(initial.map(({ label, color }) => [label, color]));
      this.setLabels(this.#labels, this.#overrides);
      for (const { label, color } of initial) {
        let region = this.#regions.find((other) => other.label === label);
        if (!region) {
          region = { value: this.#nextValue++, label, color };
          this.#regions = [...this.#regions, region];
        }
        values.set(color, region.value);
      }
      return values;
    }
    this.#regions = initial.map(({ label, color }) => ({ value: this.#nextValue++, label, color }));
    for (const { color, value } of this.#regions) {
      values.set(color, value);
      this.#takenColors.add(color);
    }
    return values;
  }

  /** The state from which "modified" is judged; undoing ends here. */
  startFrom(pixels: MaskPixels | null): void {
    if (pixels) this.#mask.load(pixels);
    this.#undo = [];
    this.#redo = [];
    this.#initial = { pixels: this.#mask.pixels.slice(), regions: this.#regions };
    this.#modified = null;
  }

  /** Whether the answer differs from the one that the initial state would give; null without initial state. */
  get isModified(): boolean | null {
    const initial = this.#initial;
    if (!initial) return null;
    const { version } = this.#mask;
    const kept = this.#modified;
    if (kept && kept.version === version && kept.regions === this.#regions && kept.labels === this.#labels)
      return kept.answer;
    const answer = this.#differs(initial);
    this.#modified = { version, regions: this.#regions, labels: this.#labels, answer };
    return answer;
  }

  #differs(initial: Snapshot): boolean {
    const now = this.#shown(this.#regions);
    const then = this.#shown(initial.regions);
    const pixels = this.#mask.pixels;
    for (let i = 0; i < pixels.length; i++) {
      const a = pixels[i]!;
      const b = initial.pixels[i]!;
      if (a !== b && (now[a] ?? null) !== (then[b] ?? null)) return true;
      if (a === b && a !== 0 && now[a] !== then[a]) return true;
    }
    return false;
  }

  /** What a value means in the answer, as text to compare; nothing for regions whose label is not offered. */
  #shown(regions: readonly Region[]): string[] {
    const names: string[] = [];
    for (const { value, label, color } of regions) {
      if (this.#known.has(label)) names[value] = this.kind === "labels" ? label : JSON.stringify([label, color]);
    }
    return names;
  }

  /**
   * Paints what another mask of this size shows wherever nothing is labelled yet, as one step. Each of its instances
   * becomes a new one here. False when nothing came of it.
   */
  copyIn(initial: readonly InitialRegion[], pixels: Uint32Array): boolean {
    this.begin();
    const values = new Map<string, number>();
    for (const { label, color } of initial) {
      if (!this.#known.has(label)) continue;
      const region =
        this.kind === "instances" ? this.addRegion(label) : this.#regions.find((own) => own.label === label)!;
      values.set(color, region.value);
    }
    const { mask: given } = valuesFromColors(pixels, values);
    const over = new Uint8Array(this.#nextValue).fill(0);
    over[0] = 1;
    const { width, height } = this.#mask;
    for (let y = 0; y < height; y++) {
      for (let x = y * width, end = x + width; x < end;) {
        const value = given[x]!;
        const start = x;
        while (x < end && given[x] === value) x++;
        if (value) this.#mask.fillRow(y, start - y * width, x - y * width, value, over);
      }
    }
    return this.commit(true);
  }

  // ---- out and in ----------------------------------------------------------------------------------------------

  /** The picture of the answer: the colours of the regions that count, all else white. */
  encode(): Uint8Array {
    const colors: (Rgb | undefined)[] = [undefined];
    for (const { value, color } of this.regions) colors[value] = rgbOf(color);
    return this.#png.encode(Array.from(colors));
  }

  state(): DocumentState {
    return { regions: this.#regions, png: this.#png.encodeValues() };
  }

  /** Takes over kept work as one step that can be undone. */
  restore(regions: readonly Region[], pixels: MaskPixels): void {
    this.begin();
    let values = pixels;
    if (this.kind === "instances") {
      this.#regions = regions;
      for (const { color, value } of regions) {
        this.#takenColors.add(color);
        this.#nextValue = Math.max(this.#nextValue, value + 1);
      }
    } else {
      // Labels may have got other numbers since.
      const renumbered = new Map<number, number>();
      for (const { value, label } of regions) {
        let region = this.#regions.find((other) => other.label === label);
        if (!region) {
          region = { value: this.#nextValue++, label, color: this.colorOf(label) };
          this.#regions = [...this.#regions, region];
        }
        renumbered.set(value, region.value);
      }
      if ([...renumbered].some(([from, to]) => from !== to)) values = pixels.map((value) => renumbered.get(value) ?? 0);
    }
    this.#mask.replace(values);
    this.commit();
  }
}
