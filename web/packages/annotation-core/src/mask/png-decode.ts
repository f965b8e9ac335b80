/**
 * Reads PNG files exactly as stored. A canvas would apply colour profiles and mix in transparency; masks must not
 * change by a single step, so the file is taken apart here and only the inflating is left to the browser.
 */

import type { Size } from "../geometry.js";

export class PngError extends Error {}

interface Parsed {
  readonly size: Size;
  readonly depth: number;
  readonly kind: number;
  readonly isInterlaced: boolean;
  readonly palette: Uint8Array;
  readonly transparency: Uint8Array | null;
  readonly data: readonly Uint8Array<ArrayBuffer>[];
}

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
/** Adam7: first column, first row, column step, row step. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The size that a PNG file says it has. Throws PngError when it is no PNG. */
export function pngSize(bytes: Uint8Array<ArrayBuffer>): Size {
  return parse(bytes).size;
}

/**
 * All pixels as `red | green << 8 | blue << 16 | alpha << 24`, by row. Throws PngError when the file is damaged or,
 * before anything large is done, when its size is not `expected`.
 */
export async function decodePng(bytes: Uint8Array<ArrayBuffer>, expected: Size): Promise<Uint32Array> {
  const parsed = parse(bytes);
  demand(parsed, expected);
  const pixels = new Uint32Array(expected.width * expected.height);
  const { kind, depth, palette, transparency } = parsed;
  // One byte of each sample decides; 16-bit samples keep their upper byte.
  const step = depth === 16 ? 2 : 1;
  const n = SAMPLES[kind]! * step;
  const key = transparency && kind !== 3 ? [...keySamples(transparency, kind, depth)] : null;
  const isKey = (samples: Uint8Array, at: number): boolean =>
    key !== null && key.every((value, k) => samples[at + k] === value);
  // Indexed and grey pixels are looked up.
  const table = kind === 3 ? paletteTable(palette, transparency) : kind === 0 || kind === 4 ? greyTable(depth) : null;
  const alphaAt = kind === 4 ? step : kind === 6 ? 3 * step : 0;
  await eachRow(parsed, (samples, start, stride) => {
    for (let at = 0, to = start; at < samples.length; at += n, to += stride) {
      let color: number;
      if (table) {
        const value = samples[at]!;
        if (value >= table.length) throw new PngError("a pixel has a colour that is not in the palette");
        color = table[value]!;
      } else color = samples[at]! | (samples[at + step]! << 8) | (samples[at + 2 * step]! << 16) | OPAQUE;
      if (alphaAt) color = (color & 0xffffff) | (samples[at + alphaAt]! << 24);
      else if (key && isKey(samples, at)) color &= 0xffffff;
      pixels[to] = color;
    }
  });
  return pixels;
}

const OPAQUE = 255 << 24;

function paletteTable(palette: Uint8Array, transparency: Uint8Array | null): Int32Array {
  return Int32Array.from(
    { length: Math.floor(palette.length / 3) },
    (_, i) =>
      palette[3 * i]! | (palette[3 * i + 1]! << 8) | (palette[3 * i + 2]! << 16) | ((transparency?.[i] ?? 255) << 24),
  );
}

function greyTable(depth: number): Int32Array {
  const levels = depth < 8 ? 2 ** depth : 256;
  return Int32Array.from({ length: levels }, (_, i) => (Math.round((i * 255) / (levels - 1)) * 0x010101) | OPAQUE);
}

/** The bare values of a grey picture that `MaskPng.encodeValues` has written. */
export async function decodeValues(
  bytes: Uint8Array<ArrayBuffer>,
  expected: Size,
): Promise<Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>> {
  const parsed = parse(bytes);
  demand(parsed, expected);
  if (parsed.kind !== 0 || parsed.depth < 8) throw new PngError("not a picture of mask values");
  const n = expected.width * expected.height;
  const isWide = parsed.depth === 16;
  const values = isWide ? new Uint16Array(n) : new Uint8Array(n);
  await eachRow(parsed, (samples, start, stride) => {
    if (isWide)
      for (let i = 0; 2 * i < samples.length; i++)
        values[start + i * stride] = (samples[2 * i]! << 8) | samples[2 * i + 1]!;
    else for (let i = 0; i < samples.length; i++) values[start + i * stride] = samples[i]!;
  });
  return values;
}

function demand(parsed: Parsed, expected: Size): void {
  const { width, height } = parsed.size;
  if (width !== expected.width || height !== expected.height) {
    throw new PngError(`it is ${width} x ${height} pixels, and the image is ${expected.width} x ${expected.height}`);
  }
}

/** The transparent colour of a file without an alpha channel, in the bytes that its samples have. */
function* keySamples(transparency: Uint8Array, kind: number, depth: number): Generator<number> {
  for (let i = 0; i < SAMPLES[kind]! && 2 * i + 1 < transparency.length; i++) {
    if (depth === 16) yield transparency[2 * i]!;
    yield transparency[2 * i + 1]!;
  }
}

function parse(bytes: Uint8Array<ArrayBuffer>): Parsed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a) {
    throw new PngError("it is not a PNG file");
  }
  let parsed: Omit<Parsed, "data" | "palette" | "transparency"> | null = null;
  let palette = new Uint8Array(0);
  let transparency: Uint8Array | null = null;
  const data: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) throw new PngError("the file is cut off");
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === "IHDR" && length === 13) {
      const size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
      const [depth, kind] = [body[8]!, body[9]!];
      if (!size.width || !size.height || !DEPTHS[kind]?.includes(depth) || body[12]! > 1)
        throw new PngError("its head is not legal");
      parsed = { size, depth, kind, isInterlaced: body[12] === 1 };
    } else if (type === "PLTE") palette = body;
    else if (type === "tRNS") transparency = body;
    else if (type === "IDAT") data.push(body);
    else if (type === "IEND") break;
    at += 12 + length;
  }
  if (!parsed || !data.length) throw new PngError("the file is not complete");
  return { ...parsed, palette, transparency, data };
}

async function inflate(parts: readonly Uint8Array<ArrayBuffer>[], length: number): Promise<Uint8Array> {
  const out = new Uint8Array(length);
  let at = 0;
  try {
    const reader = new Blob([...parts]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (at + next.value.length > length) {
        void reader.cancel();
        break;
      }
      out.set(next.value, at);
      at += next.value.length;
    }
  } catch {
    throw new PngError("its data are damaged");
  }
  if (at < length) throw new PngError("the file is not complete");
  return out;
}

/** Unfilters row after row; the i-th pixel of a row is the pixel `start + i * stride` of the whole picture. */
async function eachRow(
  parsed: Parsed,
  use: (samples: Uint8Array, start: number, stride: number) => void,
): Promise<void> {
  const { size, depth, kind, isInterlaced } = parsed;
  const bits = SAMPLES[kind]! * depth;
  const passes = (isInterlaced ? PASSES : ([[0, 0, 1, 1]] as const))
    .map(([x0, y0, dx, dy]) => ({
      x0,
      y0,
      dx,
      dy,
      n: Math.ceil((size.width - x0) / dx),
      rows: Math.ceil((size.height - y0) / dy),
    }))
    .filter((pass) => pass.n > 0 && pass.rows > 0);
  const rowBytes = (n: number): number => Math.ceil((n * bits) / 8);
  const raw = await inflate(
    parsed.data,
    passes.reduce((sum, pass) => sum + pass.rows * (1 + rowBytes(pass.n)), 0),
  );
  const distance = Math.max(1, bits >> 3);
  let at = 0;
  for (const { x0, y0, dx, dy, n, rows } of passes) {
    const length = rowBytes(n);
    let above: Uint8Array = new Uint8Array(length);
    const unpacked = depth < 8 ? new Uint8Array(n) : null;
    for (let y = 0; y < rows; y++) {
      const row = raw.subarray(at + 1, at + 1 + length);
      unfilter(raw[at]!, row, above, distance);
      at += 1 + length;
      above = row;
      if (unpacked) {
        const top = 2 ** depth - 1;
        for (let i = 0; i < n; i++) unpacked[i] = (row[(i * depth) >> 3]! >> (8 - depth - ((i * depth) & 7))) & top;
      }
      use(unpacked ?? row, (y0 + y * dy) * size.width + x0, dx);
    }
  }
}

function unfilter(filter: number, row: Uint8Array, above: Uint8Array, distance: number): void {
  const n = row.length;
  if (filter === 1) for (let i = distance; i < n; i++) row[i]! += row[i - distance]!;
  else if (filter === 2) for (let i = 0; i < n; i++) row[i]! += above[i]!;
  else if (filter === 3) {
    for (let i = 0; i < n; i++) row[i]! += ((i < distance ? 0 : row[i - distance]!) + above[i]!) >> 1;
  } else if (filter === 4) {
    for (let i = 0; i < n; i++) {
      const left = i < distance ? 0 : row[i - distance]!;
      const up = above[i]!;
      const corner = i < distance ? 0 : above[i - distance]!;
      const toLeft = Math.abs(up - corner);
      const toUp = Math.abs(left - corner);
      const toCorner = Math.abs(left + up - 2 * corner);
      row[i]! += toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
  } else if (filter !== 0) throw new PngError("its data are damaged");
}
