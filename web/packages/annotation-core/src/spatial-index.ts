/** A grid over the image that answers "which shapes may be near here" without looking at all of them. */

import { type Box, type Size, boxesMeet } from "./geometry.js";

const CELLS_PER_SIDE = 32;
/** A shape over more cells than this is kept in a list of its own: it would be found nearly everywhere anyway. */
const MOST_CELLS = 96;

export class SpatialIndex {
  readonly #bounds = new Map<number, Box>();
  readonly #cells = new Map<number, Set<number>>();
  readonly #large = new Set<number>();
  readonly #cellWidth: number;
  readonly #cellHeight: number;

  constructor(size: Size) {
    this.#cellWidth = Math.max(1, size.width / CELLS_PER_SIDE);
    this.#cellHeight = Math.max(1, size.height / CELLS_PER_SIDE);
  }

  get size(): number {
    return this.#bounds.size;
  }

  set(id: number, bounds: Box): void {
    this.delete(id);
    this.#bounds.set(id, bounds);
    const cells = this.#cellsOf(bounds);
    if (cells.length > MOST_CELLS) this.#large.add(id);
    else
      for (const cell of cells) {
        const found = this.#cells.get(cell);
        if (found) found.add(id);
        else this.#cells.set(cell, new Set([id]));
      }
  }

  delete(id: number): void {
    const bounds = this.#bounds.get(id);
    if (!bounds) return;
    this.#bounds.delete(id);
    if (this.#large.delete(id)) return;
    for (const cell of this.#cellsOf(bounds)) {
      const found = this.#cells.get(cell);
      found?.delete(id);
      if (found?.size === 0) this.#cells.delete(cell);
    }
  }

  clear(): void {
    this.#bounds.clear();
    this.#cells.clear();
    this.#large.clear();
  }

  /** Ids of all shapes whose bounds meet the area, each once. */
  query(area: Box): number[] {
    const seen = new Set<number>();
    const test = (id: number): void => {
      if (!seen.has(id) && boxesMeet(this.#bounds.get(id)!, area)) seen.add(id);
    };
    this.#large.forEach(test);
    for (const cell of this.#cellsOf(area)) this.#cells.get(cell)?.forEach(test);
    return [...seen];
  }

  #cellsOf(box: Box): number[] {
    const index = (value: number, size: number): number =>
      Math.min(CELLS_PER_SIDE - 1, Math.max(0, Math.floor(value / size)));
    const x0 = index(box.left, this.#cellWidth);
    const x1 = index(box.left + box.width, this.#cellWidth);
    const y0 = index(box.top, this.#cellHeight);
    const y1 = index(box.top + box.height, this.#cellHeight);
    const cells: number[] = [];
    for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) cells.push(y * CELLS_PER_SIDE + x);
    return cells;
  }
}
