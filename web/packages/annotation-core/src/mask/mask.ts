/**
 * A picture of numbers: one per pixel of an image, 0 where nothing is labelled.
 *
 * Every change goes `begin`, any number of `fillRow`, then `commit` or `rollback`. While a change runs, a square of
 * pixels is copied before it is first touched; `commit` turns those copies into runs of changed pixels, which are all
 * that undoing needs. So the cost of a change follows the pixels it touches, never the size of the image.
 */

import type { Box, Size } from "../geometry.js";
import { atOnce } from "../slices.js";

export type MaskPixels = Uint8Array | Uint16Array;

/** Side of the squares in which changes are kept. */
const TILE = 128;
/** Rows that share one "has changed" mark for whoever encodes the mask. */
export const BAND_ROWS = 64;
/** More values than this do not fit one byte per pixel. */
const BYTE_MAX = 255;
export const MAX_VALUE = 65535;

interface TileDiff {
  readonly tile: number;
  /** Fours of (start in the tile, length, value before, value after); or, for noise, all pixels before and after. */
  readonly runs: Uint16Array | null;
  readonly before?: MaskPixels;
  readonly after?: MaskPixels;
}

/** One change, to be put back or done again. */
export interface MaskDiff {
  readonly tiles: readonly TileDiff[];
}

interface TilePlace {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export class Mask {
  readonly width: number;
  readonly height: number;
  readonly #tilesAcross: number;
  readonly #saved = new Map<number, MaskPixels>();
  readonly #isSaved: Uint8Array;
  readonly #changedBands: Uint8Array;
  #pixels: MaskPixels;
  #counts = new Uint32Array(256);
  #isChanging = false;
  #version = 0;
  #dirty: { left: number; top: number; right: number; bottom: number } | null = null;

  constructor(size: Size) {
    this.width = size.width;
    this.height = size.height;
    this.#pixels = new Uint8Array(size.width * size.height);
    this.#tilesAcross = Math.ceil(size.width / TILE);
    this.#isSaved = new Uint8Array(this.#tilesAcross * Math.ceil(size.height / TILE));
    this.#changedBands = new Uint8Array(Math.ceil(size.height / BAND_ROWS)).fill(1);
    this.#counts[0] = this.#pixels.length;
  }

  /** The pixels by row. Read only: writing here would be a change that nobody can undo. */
  get pixels(): MaskPixels {
    return this.#pixels;
  }

  /** Another number after every finished change. */
  get version(): number {
    return this.#version;
  }

  get isChanging(): boolean {
    return this.#isChanging;
  }

  get isEmpty(): boolean {
    return this.#counts[0] === this.#pixels.length;
  }

  /** How many pixels have a value, a change in progress not counted. */
  count(value: number): number {
    return this.#counts[value] ?? 0;
  }

  at(x: number, y: number): number {
    return x >= 0 && y >= 0 && x < this.width && y < this.height ? this.#pixels[y * this.width + x]! : 0;
  }

  // ---- changing ------------------------------------------------------------------------------------------------

  begin(): void {
    if (this.#isChanging) this.rollback();
    this.#isChanging = true;
  }

  /**
   * Gives the pixels from `x0` up to but not including `x1` of a row a value. What lies outside the image is cut off.
   * With `over`, only pixels whose present value is marked there are changed.
   */
  fillRow(y: number, x0: number, x1: number, value: number, over: Uint8Array | null = null): void {
    if (y < 0 || y >= this.height) return;
    if (x0 < 0) x0 = 0;
    if (x1 > this.width) x1 = this.width;
    if (x0 >= x1) return;
    if (value > BYTE_MAX) this.#widen();
    const firstTile = ((y / TILE) | 0) * this.#tilesAcross;
    for (let tile = firstTile + ((x0 / TILE) | 0), last = firstTile + (((x1 - 1) / TILE) | 0); tile <= last; tile++) {
      if (!this.#isSaved[tile]) this.#save(tile);
    }
    const pixels = this.#pixels;
    const start = y * this.width;
    if (!over) pixels.fill(value, start + x0, start + x1);
    else for (let i = start + x0; i < start + x1; i++) if (over[pixels[i]!]) pixels[i] = value;
    this.#touch(x0, y, x1, y + 1);
  }

  /** Ends a change. Null when no pixel is different from before. */
  commit(): MaskDiff | null {
    return atOnce(this.commitSteps());
  }

  /** The same, pausing now and then: comparing all of a large picture takes a while. */
  *commitSteps(): Generator<void, MaskDiff | null> {
    const tiles: TileDiff[] = [];
    for (const [tile, before] of this.#saved) {
      const diff = this.#difference(tile, before);
      if (diff) tiles.push(diff);
      yield;
    }
    this.#forgetSaved();
    if (!tiles.length) return null;
    this.#version += 1;
    for (const tile of tiles) this.#recount(tile, false);
    return { tiles };
  }

  /** Drops a change: all pixels are as they were when it began. */
  rollback(): void {
    for (const [tile, before] of this.#saved) this.#putTile(tile, before);
    this.#forgetSaved();
  }

  /** Does a change again, or backwards. */
  apply(diff: MaskDiff, backwards: boolean): void {
    if (this.#isChanging) this.rollback();
    for (const tile of diff.tiles) {
      const whole = backwards ? tile.before : tile.after;
      if (tile.runs) this.#putRuns(tile.tile, tile.runs, backwards);
      else this.#putTile(tile.tile, whole!);
      this.#recount(tile, backwards);
    }
    this.#version += 1;
  }

  /** Everything anew, as part of a change. `pixels` has the size of this mask. */
  replace(pixels: MaskPixels): void {
    for (let tile = 0; tile < this.#isSaved.length; tile++) if (!this.#isSaved[tile]) this.#save(tile);
    if (pixels instanceof Uint16Array) this.#widen();
    this.#pixels.set(pixels);
    this.#touch(0, 0, this.width, this.height);
  }

  /** Everything anew, with nothing to undo. */
  load(pixels: MaskPixels): void {
    this.#forgetSaved();
    this.#pixels = pixels;
    this.#counts = new Uint32Array(pixels instanceof Uint8Array ? 256 : MAX_VALUE + 1);
    const counts = this.#counts;
    for (let i = 0; i < pixels.length; i++) counts[pixels[i]!]!++;
    this.#version += 1;
    this.#touch(0, 0, this.width, this.height);
  }

  // ---- what has changed ----------------------------------------------------------------------------------------

  /** The part that may look different since this was last asked, changes in progress included. */
  takeDirty(): Box | null {
    const dirty = this.#dirty;
    this.#dirty = null;
    return (
      dirty && { left: dirty.left, top: dirty.top, width: dirty.right - dirty.left, height: dirty.bottom - dirty.top }
    );
  }

  /** Marks by band of `BAND_ROWS` rows; whoever encodes a band clears its mark. */
  get changedBands(): Uint8Array {
    return this.#changedBands;
  }

  /** The smallest box around all pixels of a value, or null. */
  boundsOf(value: number): Box | null {
    const { width, height } = this;
    const pixels = this.#pixels;
    let [left, top, right, bottom] = [width, -1, -1, -1];
    for (let y = 0; y < height; y++) {
      const row = pixels.subarray(y * width, (y + 1) * width);
      const first = row.indexOf(value);
      if (first < 0) continue;
      if (top < 0) top = y;
      bottom = y;
      left = Math.min(left, first);
      right = Math.max(right, row.lastIndexOf(value));
    }
    return top < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  #touch(x0: number, y0: number, x1: number, y1: number): void {
    const dirty = this.#dirty;
    if (!dirty) this.#dirty = { left: x0, top: y0, right: x1, bottom: y1 };
    else {
      if (x0 < dirty.left) dirty.left = x0;
      if (y0 < dirty.top) dirty.top = y0;
      if (x1 > dirty.right) dirty.right = x1;
      if (y1 > dirty.bottom) dirty.bottom = y1;
    }
    for (let band = (y0 / BAND_ROWS) | 0; band * BAND_ROWS < y1; band++) this.#changedBands[band] = 1;
  }

  #place(tile: number): TilePlace {
    const left = (tile % this.#tilesAcross) * TILE;
    const top = Math.floor(tile / this.#tilesAcross) * TILE;
    return { left, top, width: Math.min(TILE, this.width - left), height: Math.min(TILE, this.height - top) };
  }

  #save(tile: number): void {
    this.#isSaved[tile] = 1;
    this.#saved.set(tile, this.#copyTile(tile));
  }

  #copyTile(tile: number): MaskPixels {
    const { left, top, width, height } = this.#place(tile);
    const pixels = this.#pixels;
    const copy = pixels instanceof Uint8Array ? new Uint8Array(width * height) : new Uint16Array(width * height);
    for (let y = 0; y < height; y++) {
      const from = (top + y) * this.width + left;
      copy.set(pixels.subarray(from, from + width), y * width);
    }
    return copy;
  }

  #putTile(tile: number, content: MaskPixels): void {
    const { left, top, width, height } = this.#place(tile);
    for (let y = 0; y < height; y++) {
      this.#pixels.set(content.subarray(y * width, (y + 1) * width), (top + y) * this.width + left);
    }
    this.#touch(left, top, left + width, top + height);
  }

  #putRuns(tile: number, runs: Uint16Array, backwards: boolean): void {
    const { left, top, width, height } = this.#place(tile);
    for (let i = 0; i < runs.length; i += 4) {
      const value = runs[i + (backwards ? 2 : 3)]!;
      let at = runs[i]!;
      const end = at + runs[i + 1]!;
      while (at < end) {
        const y = (at / width) | 0;
        const stop = Math.min(end, (y + 1) * width);
        const from = (top + y) * this.width + left - y * width;
        this.#pixels.fill(value, from + at, from + stop);
        at = stop;
      }
    }
    this.#touch(left, top, left + width, top + height);
  }

  #difference(tile: number, before: MaskPixels): TileDiff | null {
    const { left, top, width, height } = this.#place(tile);
    const pixels = this.#pixels;
    const runs: number[] = [];
    const most = width * height;
    let [start, old, now] = [-1, 0, 0];
    for (let y = 0, i = 0; y < height; y++) {
      let from = (top + y) * this.width + left;
      for (const end = i + width; i < end; i++, from++) {
        const a = before[i]!;
        const b = pixels[from]!;
        if (start >= 0 && (a !== old || b !== now)) {
          runs.push(start, i - start, old, now);
          start = -1;
        }
        if (start < 0 && a !== b) [start, old, now] = [i, a, b];
      }
      // Noise is cheaper to keep as it is than as runs.
      if (runs.length > most) return { tile, runs: null, before, after: this.#copyTile(tile) };
    }
    if (start >= 0) runs.push(start, most - start, old, now);
    return runs.length ? { tile, runs: Uint16Array.from(runs) } : null;
  }

  #recount(diff: TileDiff, backwards: boolean): void {
    const counts = this.#counts;
    const sign = backwards ? -1 : 1;
    const { runs, before, after } = diff;
    if (runs) {
      for (let i = 0; i < runs.length; i += 4) {
        counts[runs[i + 2]!]! -= sign * runs[i + 1]!;
        counts[runs[i + 3]!]! += sign * runs[i + 1]!;
      }
    } else {
      for (const value of before!) counts[value]! -= sign;
      for (const value of after!) counts[value]! += sign;
    }
  }

  #forgetSaved(): void {
    for (const tile of this.#saved.keys()) this.#isSaved[tile] = 0;
    this.#saved.clear();
    this.#isChanging = false;
  }

  #widen(): void {
    if (this.#pixels instanceof Uint16Array) return;
    this.#pixels = Uint16Array.from(this.#pixels);
    const counts = new Uint32Array(MAX_VALUE + 1);
    counts.set(this.#counts);
    this.#counts = counts;
    this.#changedBands.fill(1);
  }
}
