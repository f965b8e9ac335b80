/**
 * PNG files of masks, exact to the pixel: no canvas, no colour management, no transparency is involved.
 *
 * The rows are compressed in bands that do not depend on each other, each in a chunk of its own. A band is compressed
 * again only when one of its pixels has changed, so asking for the file after a small edit costs next to nothing, even
 * for 12 megapixels. Colours are in the palette alone: another colour, or a label taken away, compresses nothing anew.
 */

import { type Adler, adler32, adlerValue, crc32, joinAdler } from "./checksums.js";
import { deflateRuns } from "./deflate-runs.js";
import { BAND_ROWS, type Mask } from "./mask.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const GREY = 0;
const RGB = 2;
const INDEXED = 3;
const FILTER_SUB = 1;
const FILTER_UP = 2;
/** Start of a zlib stream with the usual window, fastest method. */
const ZLIB_HEAD = Uint8Array.of(0x78, 0x01);

export type Rgb = readonly [red: number, green: number, blue: number];

interface Band {
  readonly chunk: Uint8Array;
  readonly adler: Adler;
}

/** Writes one row of the mask as PNG samples. */
type RowWriter = (y: number, out: Uint8Array) => void;

export class MaskPng {
  readonly #mask: Mask;
  readonly #bands: (Band | undefined)[] = [];
  /** A band of full height with nothing in it, which most bands are at first. */
  #blank: Band | null = null;
  #isWide = false;

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /**
   * The mask as a picture. `colors[v]` is the colour of value v; values without one are white.
   * Up to 255 values the file is indexed and its indices are the mask's values; beyond that it is true colour.
   */
  encode(colors: readonly (Rgb | null | undefined)[]): Uint8Array {
    const { width, height, pixels } = this.#mask;
    const head = (depth: number, kind: number): Uint8Array => header(width, height, depth, kind);
    if (pixels instanceof Uint8Array) {
      const palette = new Uint8Array(3 * Math.max(1, Math.min(256, colors.length))).fill(255);
      colors.slice(0, 256).forEach((color, i) => color && palette.set(color, 3 * i));
      // The palette must reach as far as the values do.
      let most = palette.length / 3;
      for (let value = most; value < 256; value++) if (this.#mask.count(value)) most = value + 1;
      const whole = new Uint8Array(3 * most).fill(255);
      whole.set(palette);
      return assemble([head(8, INDEXED), chunk("PLTE", whole)], this.#byteBands());
    }
    const bands = this.#encodeAll(3, (y, out) => {
      const row = pixels.subarray(y * width, (y + 1) * width);
      for (let x = 0; x < width; x++) {
        const color = colors[row[x]!];
        out[3 * x] = color ? color[0] : 255;
        out[3 * x + 1] = color ? color[1] : 255;
        out[3 * x + 2] = color ? color[2] : 255;
      }
    });
    return assemble([head(8, RGB)], bands);
  }

  /** The bare values as a grey picture of 8 or 16 bits: for keeping work, read back by `decodeValues`. */
  encodeValues(): Uint8Array {
    const { width, height, pixels } = this.#mask;
    if (pixels instanceof Uint8Array) return assemble([header(width, height, 8, GREY)], this.#byteBands());
    const bands = this.#encodeAll(2, (y, out) => {
      const row = pixels.subarray(y * width, (y + 1) * width);
      for (let x = 0; x < width; x++) {
        out[2 * x] = row[x]! >> 8;
        out[2 * x + 1] = row[x]! & 255;
      }
    });
    return assemble([header(width, height, 16, GREY)], bands);
  }

  /** Bands of one byte per pixel, those that have not changed from the last time. */
  #byteBands(): Band[] {
    const { width, height, pixels, changedBands } = this.#mask;
    const bands: Band[] = [];
    for (let i = 0; i < changedBands.length; i++) {
      if (changedBands[i] || !this.#bands[i]) {
        const [top, bottom] = [i * BAND_ROWS, Math.min(height, (i + 1) * BAND_ROWS)];
        const write: RowWriter = (y, out) => out.set(pixels.subarray(y * width, (y + 1) * width));
        if (bottom - top < BAND_ROWS || !isBlank(pixels, top * width, bottom * width)) {
          this.#bands[i] = encodeBand(width, top, bottom, 1, write);
        } else this.#bands[i] = this.#blank ??= encodeBand(width, top, bottom, 1, write);
        // Pixels of a change in progress may be taken back without another mark.
        changedBands[i] = this.#mask.isChanging ? 1 : 0;
      }
      bands.push(this.#bands[i]!);
    }
    return bands;
  }

  #encodeAll(bytesPerPixel: number, write: RowWriter): Band[] {
    if (!this.#isWide) this.#bands.length = 0;
    this.#isWide = true;
    const { width, height } = this.#mask;
    const bands: Band[] = [];
    for (let top = 0; top < height; top += BAND_ROWS) {
      bands.push(encodeBand(width, top, Math.min(height, top + BAND_ROWS), bytesPerPixel, write));
    }
    return bands;
  }
}

function encodeBand(width: number, top: number, bottom: number, bytesPerPixel: number, write: RowWriter): Band {
  const length = width * bytesPerPixel;
  const filtered = new Uint8Array((bottom - top) * (length + 1));
  let above = new Uint8Array(length);
  let row = new Uint8Array(length);
  for (let y = top, at = 0; y < bottom; y++) {
    write(y, row);
    if (y === top) {
      filtered[at++] = FILTER_SUB;
      for (let i = 0; i < length; i++) filtered[at++] = row[i]! - (i < bytesPerPixel ? 0 : row[i - bytesPerPixel]!);
    } else {
      filtered[at++] = FILTER_UP;
      if (equal(row, above)) at += length;
      else for (let i = 0; i < length; i++) filtered[at++] = row[i]! - above[i]!;
    }
    [above, row] = [row, above];
  }
  return { chunk: chunk("IDAT", deflateRuns(filtered)), adler: adler32(filtered) };
}

function isBlank(pixels: ArrayLike<number>, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (pixels[i] !== 0) return false;
  return true;
}

/** Most rows of a mask are like the one above; words are compared faster than bytes. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  const words = a.length >> 2;
  const [p, q] = [new Uint32Array(a.buffer, 0, words), new Uint32Array(b.buffer, 0, words)];
  for (let i = 0; i < words; i++) if (p[i] !== q[i]) return false;
  for (let i = words << 2; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function header(width: number, height: number, depth: number, kind: number): Uint8Array {
  const data = new Uint8Array(13);
  const view = new DataView(data.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  data[8] = depth;
  data[9] = kind;
  return chunk("IHDR", data);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const made = new Uint8Array(data.length + 12);
  const view = new DataView(made.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) made[4 + i] = type.charCodeAt(i);
  made.set(data, 8);
  view.setUint32(8 + data.length, crc32(made.subarray(4, 8 + data.length)));
  return made;
}

function assemble(heads: readonly Uint8Array[], bands: readonly Band[]): Uint8Array {
  const adler = bands.map((band) => band.adler).reduce(joinAdler, { a: 1, b: 0, length: 0 });
  // An empty last block, then the checksum of everything.
  const tail = Uint8Array.of(0x03, 0x00, 0, 0, 0, 0);
  new DataView(tail.buffer).setUint32(2, adlerValue(adler));
  const parts = [
    SIGNATURE,
    ...heads,
    chunk("IDAT", ZLIB_HEAD),
    ...bands.map((band) => band.chunk),
    chunk("IDAT", tail),
    chunk("IEND", new Uint8Array(0)),
  ];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
