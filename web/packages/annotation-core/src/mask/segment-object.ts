/**
 * Finds the outline of an object from its four outermost points (or the middles of the sides of a box around it).
 *
 * A classic method that needs no trained model: colours of the inside and the outside are counted, every pixel gets a
 * chance to belong to the object, and the chances are evened out between neighbours of similar colour. From the
 * result colours are counted anew, a few times over. All of this happens on a small copy of the surroundings.
 */

import { type Box, type Point, type Size, clamp } from "../geometry.js";

/** Longer side of the small copy. */
const GRID = 190;
/** Surroundings that are looked at, as part of the longer side of the box. */
const AROUND = 0.2;
const LEAST_AROUND_PX = 6;
const ROUNDS = 5;
const SWEEPS = 48;
/** Sweeps between two pauses. */
const PAUSE_EVERY = 8;
/** More than 1 lets news travel faster through the grid. */
const OVERSHOOT = 1.7;
/** How much the colour of a pixel counts against its neighbours. */
const OWN_WEIGHT = 0.08;
const BINS = 16;
/** The part of the box, around its centre, that is taken for the object at first. */
const CORE = 0.75;
/** Holes up to this part of the object are closed; separate pieces down to this part are kept. */
const SMALL_HOLE = 0.04;
const SMALL_PIECE = 0.12;
const LEAST_FOUND = 0.02;

interface Grid {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  /** Cells per image pixel. */
  readonly scale: number;
  /** Red, green, blue of each cell. */
  readonly colors: Float32Array;
}

/**
 * The object as threes of (y, x0, x1), `x1` not included; empty when nothing was found. Pauses at every `yield`, so
 * that whoever runs it can keep the page alive.
 */
export function* segmentObject(
  rgba: Uint8ClampedArray | Uint8Array,
  size: Size,
  points: readonly Point[],
): Generator<void, Int32Array> {
  const box = boxAround(points, size);
  if (points.length < 2 || box.width < 2 || box.height < 2) return new Int32Array(0);
  const grid = shrink(rgba, size, box);
  const n = grid.width * grid.height;
  const isInside = new Uint8Array(n);
  const geometry = new Float32Array(n);
  let chance: Float32Array = new Float32Array(n);
  const [cx, cy] = [box.left + box.width / 2, box.top + box.height / 2];
  for (let i = 0; i < n; i++) {
    const x = grid.left + ((i % grid.width) + 0.5) / grid.scale;
    const y = grid.top + (Math.floor(i / grid.width) + 0.5) / grid.scale;
    const [dx, dy] = [(2 * (x - cx)) / box.width, (2 * (y - cy)) / box.height];
    if (Math.max(Math.abs(dx), Math.abs(dy)) > 1) continue;
    isInside[i] = 1;
    // Corners of a box rarely belong to what touches its four sides.
    geometry[i] = 0.7 - 0.5 * clamp(Math.hypot(dx, dy) - 0.6, 0, 1);
    chance[i] = Math.abs(dx) + Math.abs(dy) < CORE * 1.2 ? 1 : Math.hypot(dx, dy) < 1 ? 0.5 : 0.1;
  }
  const [across, down] = likeness(grid);
  yield;
  for (let round = 0; round < ROUNDS; round++) {
    const own = colorChances(grid, chance);
    for (let i = 0; i < n; i++) own[i] = isInside[i] ? combined(own[i]!, geometry[i]!) : 0;
    chance = own.slice();
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      relax(grid, chance, own, isInside, across, down);
      if (sweep % PAUSE_EVERY === 0) yield;
    }
    for (let i = 0; i < n; i++) own[i] = chance[i]!;
    chance = own;
  }
  tidy(grid, chance);
  yield;
  return enlarge(grid, chance, box, LEAST_FOUND);
}

function boxAround(points: readonly Point[], size: Size): Box {
  const xs = points.map((point) => clamp(point.x, 0, size.width));
  const ys = points.map((point) => clamp(point.y, 0, size.height));
  const [left, top] = [Math.floor(Math.min(...xs)), Math.floor(Math.min(...ys))];
  return { left, top, width: Math.ceil(Math.max(...xs)) - left, height: Math.ceil(Math.max(...ys)) - top };
}

/** The surroundings of the box in few cells, each the mean of up to 9 of its pixels. */
function shrink(rgba: Uint8ClampedArray | Uint8Array, size: Size, box: Box): Grid {
  const around = Math.max(LEAST_AROUND_PX, AROUND * Math.max(box.width, box.height));
  const left = Math.max(0, Math.floor(box.left - around));
  const top = Math.max(0, Math.floor(box.top - around));
  const right = Math.min(size.width, Math.ceil(box.left + box.width + around));
  const bottom = Math.min(size.height, Math.ceil(box.top + box.height + around));
  const scale = Math.min(1, GRID / Math.max(right - left, bottom - top));
  const width = Math.max(1, Math.round((right - left) * scale));
  const height = Math.max(1, Math.round((bottom - top) * scale));
  const colors = new Float32Array(3 * width * height);
  const parts = scale === 1 ? [0.5] : [1 / 6, 1 / 2, 5 / 6];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = 3 * (y * width + x);
      for (const dy of parts) {
        for (const dx of parts) {
          const px = Math.min(right - 1, left + Math.floor((x + dx) / scale));
          const py = Math.min(bottom - 1, top + Math.floor((y + dy) / scale));
          const at = 4 * (py * size.width + px);
          for (let k = 0; k < 3; k++) colors[cell + k]! += rgba[at + k]! / parts.length ** 2;
        }
      }
    }
  }
  return { width, height, left, top, scale, colors };
}

/** How alike each cell is to its right and to its lower neighbour, 0 to 1, measured by how much cells differ at all. */
function likeness({ width, height, colors }: Grid): [across: Float32Array, down: Float32Array] {
  const n = width * height;
  const square = (i: number, j: number): number =>
    (colors[3 * i]! - colors[3 * j]!) ** 2 +
    (colors[3 * i + 1]! - colors[3 * j + 1]!) ** 2 +
    (colors[3 * i + 2]! - colors[3 * j + 2]!) ** 2;
  const across = new Float32Array(n);
  const down = new Float32Array(n);
  let [sum, count] = [0, 0];
  for (let i = 0; i < n; i++) {
    if ((i + 1) % width) sum += across[i] = square(i, i + 1);
    if (i + width < n) sum += down[i] = square(i, i + width);
    count += 2;
  }
  const sharpness = 1 / (2 * Math.max(4, sum / Math.max(1, count)));
  for (let i = 0; i < n; i++) {
    across[i] = (i + 1) % width ? Math.exp(-sharpness * across[i]!) + 0.001 : 0;
    down[i] = i + width < n ? Math.exp(-sharpness * down[i]!) + 0.001 : 0;
  }
  return [across, down];
}

/** The chance of each cell by its colour alone. */
function colorChances(grid: Grid, chance: Float32Array): Float32Array {
  const n = grid.width * grid.height;
  const bins = new Uint16Array(n);
  const inside = new Float32Array(BINS ** 3);
  const outside = new Float32Array(BINS ** 3);
  let [insideSum, outsideSum] = [0, 0];
  for (let i = 0; i < n; i++) {
    const bin = (k: number): number => Math.min(BINS - 1, (grid.colors[3 * i + k]! * BINS) >> 8);
    bins[i] = (bin(0) * BINS + bin(1)) * BINS + bin(2);
    inside[bins[i]!]! += chance[i]!;
    outside[bins[i]!]! += 1 - chance[i]!;
    insideSum += chance[i]!;
    outsideSum += 1 - chance[i]!;
  }
  for (const counts of [inside, outside]) for (const step of [1, BINS, BINS * BINS]) blur(counts, step);
  const least = 0.02 / n;
  return Float32Array.from(bins, (bin) => {
    const a = inside[bin]! / Math.max(1, insideSum) + least;
    const b = outside[bin]! / Math.max(1, outsideSum) + least;
    return clamp(a / (a + b), 0.02, 0.98);
  });
}

/** Spreads counts to the neighbouring bins of one channel. */
function blur(counts: Float32Array, step: number): void {
  const before = counts.slice();
  for (let i = 0; i < counts.length; i++) {
    const place = Math.floor(i / step) % BINS;
    counts[i] =
      0.6 * before[i]! + 0.2 * (place > 0 ? before[i - step]! : 0) + 0.2 * (place < BINS - 1 ? before[i + step]! : 0);
  }
}

function combined(a: number, b: number): number {
  return (a * b) / (a * b + (1 - a) * (1 - b));
}

/** One sweep towards the balance between what a cell says itself and what its neighbours say. */
function relax(
  { width, height }: Grid,
  chance: Float32Array,
  own: Float32Array,
  isInside: Uint8Array,
  across: Float32Array,
  down: Float32Array,
): void {
  const n = width * height;
  for (let i = 0; i < n; i++) {
    if (!isInside[i]) continue;
    let weight = OWN_WEIGHT;
    let sum = OWN_WEIGHT * own[i]!;
    const add = (w: number, value: number): void => {
      weight += w;
      sum += w * value;
    };
    if (i % width) add(across[i - 1]!, chance[i - 1]!);
    if ((i + 1) % width) add(across[i]!, chance[i + 1]!);
    if (i >= width) add(down[i - width]!, chance[i - width]!);
    if (i + width < n) add(down[i]!, chance[i + width]!);
    chance[i] = clamp(chance[i]! + OVERSHOOT * (sum / weight - chance[i]!), 0, 1);
  }
}

/** Drops small pieces and closes small holes. */
function tidy(grid: Grid, chance: Float32Array): void {
  const n = grid.width * grid.height;
  const pieces = components(grid, (i) => chance[i]! > 0.5);
  const largest = pieces.reduce((most, piece) => Math.max(most, piece.length), 0);
  for (const piece of pieces) if (piece.length < SMALL_PIECE * largest) for (const i of piece) chance[i] = 0;
  const onBorder = (i: number): boolean =>
    i < grid.width || i >= n - grid.width || i % grid.width === 0 || (i + 1) % grid.width === 0;
  for (const hole of components(grid, (i) => chance[i]! <= 0.5)) {
    if (hole.length < SMALL_HOLE * largest && !hole.some(onBorder)) for (const i of hole) chance[i] = 1;
  }
}

function components({ width, height }: Grid, belongs: (i: number) => boolean): number[][] {
  const n = width * height;
  const seen = new Uint8Array(n);
  const found: number[][] = [];
  for (let seed = 0; seed < n; seed++) {
    if (seen[seed] || !belongs(seed)) continue;
    const piece = [seed];
    seen[seed] = 1;
    for (const i of piece) {
      const near = [i % width ? i - 1 : -1, (i + 1) % width ? i + 1 : -1, i - width, i + width];
      for (const j of near) {
        if (j < 0 || j >= n || seen[j] || !belongs(j)) continue;
        seen[j] = 1;
        piece.push(j);
      }
    }
    found.push(piece);
  }
  return found;
}

/** Back to image pixels: chances in between cells are mixed, so the outline is smooth. */
function enlarge(grid: Grid, chance: Float32Array, box: Box, least: number): Int32Array {
  const rows: number[] = [];
  let area = 0;
  const at = (x: number, y: number): number =>
    chance[clamp(y, 0, grid.height - 1) * grid.width + clamp(x, 0, grid.width - 1)]!;
  for (let y = box.top; y < box.top + box.height; y++) {
    const gy = (y + 0.5 - grid.top) * grid.scale - 0.5;
    const y0 = Math.floor(gy);
    let start = -1;
    for (let x = box.left; x <= box.left + box.width; x++) {
      const gx = (x + 0.5 - grid.left) * grid.scale - 0.5;
      const x0 = Math.floor(gx);
      const upper = at(x0, y0) * (1 - gx + x0) + at(x0 + 1, y0) * (gx - x0);
      const lower = at(x0, y0 + 1) * (1 - gx + x0) + at(x0 + 1, y0 + 1) * (gx - x0);
      const isIn = x < box.left + box.width && upper * (1 - gy + y0) + lower * (gy - y0) > 0.5;
      if (isIn && start < 0) start = x;
      if (!isIn && start >= 0) {
        rows.push(y, start, x);
        area += x - start;
        start = -1;
      }
    }
  }
  return area < least * box.width * box.height ? new Int32Array(0) : Int32Array.from(rows);
}

/** The pixels of a picture of numbers that are not 0, as threes of (y, x0, x1). */
export function rowsWhere(values: ArrayLike<number>, size: Size): Int32Array {
  const rows: number[] = [];
  for (let y = 0; y < size.height; y++) {
    const start = y * size.width;
    for (let x = 0; x < size.width; x++) {
      if (!values[start + x]) continue;
      const x0 = x;
      while (x < size.width && values[start + x]) x++;
      rows.push(y, x0, x);
    }
  }
  return Int32Array.from(rows);
}
