import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Mask, MaskPng, PngError, type Rgb, decodePng, decodeValues, fromBase64, toBase64 } from "../src/index.js";
import { adler32, adlerValue, crc32 } from "../src/mask/checksums.js";
import { codeLengths, deflateRuns } from "../src/mask/deflate-runs.js";

const pixelRuns = (values: readonly number[]) =>
  fc.array(fc.tuple(fc.constantFrom(...values), fc.integer({ min: 1, max: 700 })), { minLength: 1, maxLength: 40 });

function maskOf(width: number, height: number, runs: readonly (readonly [number, number])[]): Mask {
  const mask = new Mask({ width, height });
  const pixels = new Uint16Array(width * height);
  let at = 0;
  for (const [value, length] of runs) {
    pixels.fill(value, at, Math.min(pixels.length, at + length));
    at += length;
  }
  mask.begin();
  mask.replace(Math.max(...pixels) > 255 ? pixels : Uint8Array.from(pixels));
  mask.commit();
  return mask;
}

const packed = ([r, g, b]: Rgb): number => (r | (g << 8) | (b << 16) | (255 << 24)) >>> 0;

async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) return i;
  return -1;
}

describe("compression", () => {
  test("any bytes come back, alone and joined", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      pixelRuns([0, 1, 255, 7]).map((runs) =>
        Uint8Array.from(runs.flatMap(([value, n]) => new Array<number>(n).fill(value))),
      ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (a, b) => {
        const whole = Uint8Array.of(...deflateRuns(a), ...deflateRuns(b), 3, 0);
        expect(await inflated(whole)).toEqual(Uint8Array.of(...a, ...b));
      }),
    );
  });

  test("codes keep to the limit however uneven the frequencies are", () => {
    const fibonacci = [1, 1];
    while (fibonacci.length < 40) fibonacci.push(fibonacci.at(-1)! + fibonacci.at(-2)!);
    for (const limit of [7, 15]) {
      const lengths = [...codeLengths(fibonacci, limit)];
      expect(Math.max(...lengths)).toBeLessThanOrEqual(limit);
      expect(lengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
    }
    expect([...codeLengths([0, 5, 0], 15)]).toEqual([0, 1, 0]);
    expect([...codeLengths([0, 0], 15)]).toEqual([0, 0]);
  });

  test("an empty mask of 12 megapixels is small", () => {
    expect(new MaskPng(new Mask({ width: 4000, height: 3000 })).encode([]).length).toBeLessThan(25_000);
  });
});

describe("pictures of masks", () => {
  const side = fc.integer({ min: 1, max: 150 });

  test("colours are exact and everything else is white", async () => {
    await fc.assert(
      fc.asyncProperty(side, side, pixelRuns([0, 1, 2, 9]), async (width, height, runs) => {
        const mask = maskOf(width, height, runs);
        const colors: (Rgb | undefined)[] = [undefined, [44, 160, 44], [1, 2, 3]];
        const file = new MaskPng(mask).encode(colors) as Uint8Array<ArrayBuffer>;
        const pixels = await decodePng(file, { width, height });
        expect(
          firstDifference(
            pixels,
            Uint32Array.from(mask.pixels, (value) => packed(colors[value] ?? [255, 255, 255])),
          ),
        ).toBe(-1);
      }),
      { numRuns: 30 },
    );
  });

  test("more regions than a palette holds become true colour", async () => {
    const mask = maskOf(40, 70, [
      [0, 100],
      [300, 500],
      [256, 90],
      [1, 1000],
    ]);
    const colors: Rgb[] = [];
    colors[300] = [9, 8, 7];
    colors[1] = [1, 1, 1];
    const file = new MaskPng(mask).encode(Array.from(colors)) as Uint8Array<ArrayBuffer>;
    const pixels = await decodePng(file, { width: 40, height: 70 });
    expect(
      firstDifference(
        pixels,
        Uint32Array.from(mask.pixels, (value) => packed(colors[value] ?? [255, 255, 255])),
      ),
    ).toBe(-1);
  });

  test("values come back as they were", async () => {
    await fc.assert(
      fc.asyncProperty(side, side, pixelRuns([0, 1, 255, 256, 65535]), async (width, height, runs) => {
        const mask = maskOf(width, height, runs);
        const file = new MaskPng(mask).encodeValues() as Uint8Array<ArrayBuffer>;
        expect(firstDifference(await decodeValues(file, { width, height }), mask.pixels)).toBe(-1);
      }),
      { numRuns: 30 },
    );
  });

  test("a file after an edit equals one made anew", () => {
    const mask = maskOf(100, 300, [
      [1, 9000],
      [2, 500],
    ]);
    const kept = new MaskPng(mask);
    kept.encode([]);
    mask.begin();
    mask.fillRow(250, 10, 60, 3);
    kept.encode([]);
    mask.rollback();
    expect(kept.encode([])).toEqual(
      new MaskPng(
        maskOf(100, 300, [
          [1, 9000],
          [2, 500],
        ]),
      ).encode([]),
    );
    mask.begin();
    mask.fillRow(63, 0, 100, 4);
    const diff = mask.commit()!;
    const edited = kept.encode([]);
    mask.changedBands.fill(1);
    expect(edited).toEqual(new MaskPng(mask).encode([]));
    mask.apply(diff, true);
    mask.changedBands.fill(1);
    expect(kept.encode([])).toEqual(new MaskPng(mask).encode([]));
  });

  test("base64 comes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000 }), (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
      { numRuns: 10 },
    );
    const bytes = new Uint8Array(60_001).map((_, i) => i * 7);
    expect(toBase64(bytes)).toBe(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")));
  });
});

/** A PNG file from its head's fields and its filtered rows. */
function fileOf(
  width: number,
  height: number,
  depth: number,
  kind: number,
  interlace: number,
  rows: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const number = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  const chunk = (type: string, data: readonly number[]): number[] => {
    const body = [...new TextEncoder().encode(type), ...data];
    return [...number(data.length), ...body, ...number(crc32(Uint8Array.from(body)))];
  };
  return Uint8Array.of(
    0x89,
    0x50,
    0x4e,
    0x47,
    0x0d,
    0x0a,
    0x1a,
    0x0a,
    ...chunk("IHDR", [...number(width), ...number(height), depth, kind, 0, 0, interlace]),
    ...chunk("IDAT", [0x78, 1, ...deflateRuns(rows), 3, 0, ...number(adlerValue(adler32(rows)))]),
    ...chunk("IEND", []),
  );
}

describe("files by others", () => {
  test("interlaced", async () => {
    const passes = [
      [0, 0, 8, 8],
      [4, 0, 8, 8],
      [0, 4, 4, 8],
      [2, 0, 4, 4],
      [0, 2, 2, 4],
      [1, 0, 2, 2],
      [0, 1, 1, 2],
    ] as const;
    for (const [width, height] of [
      [13, 11],
      [1, 1],
      [3, 9],
    ] as const) {
      const values = Uint8Array.from({ length: width * height }, (_, i) => (i * 37) % 251);
      const rows: number[] = [];
      for (const [x0, y0, dx, dy] of passes) {
        for (let y = y0; y < height && x0 < width; y += dy) {
          rows.push(0);
          for (let x = x0; x < width; x += dx) rows.push(values[y * width + x]!);
        }
      }
      const file = fileOf(width, height, 8, 0, 1, Uint8Array.from(rows));
      expect(await decodeValues(file, { width, height })).toEqual(values);
    }
  });

  test("every kind of filter", async () => {
    const [width, height] = [7, 6];
    const values = Uint8Array.from({ length: width * height }, (_, i) => (i * i * 31) % 256);
    const at = (x: number, y: number): number => (x < 0 || y < 0 ? 0 : values[y * width + x]!);
    const rows: number[] = [];
    for (let y = 0; y < height; y++) {
      const filter = y % 5;
      rows.push(filter);
      for (let x = 0; x < width; x++) {
        const [left, up, corner] = [at(x - 1, y), at(x, y - 1), at(x - 1, y - 1)];
        const near = [left, up, corner].sort(
          (a, b) => Math.abs(left + up - corner - a) - Math.abs(left + up - corner - b),
        )[0]!;
        rows.push((at(x, y) - [0, left, up, (left + up) >> 1, near][filter]!) & 255);
      }
    }
    expect(await decodeValues(fileOf(width, height, 8, 0, 0, Uint8Array.from(rows)), { width, height })).toEqual(
      values,
    );
  });

  test("few bits and many bits", async () => {
    const white = packed([255, 255, 255]);
    const black = packed([0, 0, 0]);
    const bits = fileOf(10, 1, 1, 0, 0, Uint8Array.of(0, 0b10110000, 0b01000000));
    expect([...(await decodePng(bits, { width: 10, height: 1 }))]).toEqual(
      [1, 0, 1, 1, 0, 0, 0, 0, 0, 1].map((bit) => (bit ? white : black)),
    );
    const wide = fileOf(1, 1, 16, 2, 0, Uint8Array.of(0, 10, 99, 20, 99, 30, 99));
    expect([...(await decodePng(wide, { width: 1, height: 1 }))]).toEqual([packed([10, 20, 30])]);
  });
});

describe("files that are not right", () => {
  const good = new MaskPng(new Mask({ width: 8, height: 8 })).encode([]) as Uint8Array<ArrayBuffer>;

  test("another size is refused before anything is read", async () => {
    await expect(decodePng(good, { width: 8, height: 9 })).rejects.toThrow("8 x 8 pixels, and the image is 8 x 9");
  });

  test("no PNG, cut off, damaged", async () => {
    const size = { width: 8, height: 8 };
    await expect(decodePng(new Uint8Array(100), size)).rejects.toThrow(PngError);
    await expect(decodePng(good.slice(0, 60), size)).rejects.toThrow(PngError);
    const damaged = good.slice();
    damaged.fill(0x55, 60, good.length - 20);
    await expect(decodePng(damaged, size)).rejects.toThrow(PngError);
  });

  test("any file is read or refused, and never hangs", async () => {
    const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const file = good.slice();
        for (const { at, byte } of edits) file[at] = byte;
        await decodePng(file, { width: 8, height: 8 }).catch((error: unknown) =>
          expect(error).toBeInstanceOf(PngError),
        );
      }),
      { numRuns: 60 },
    );
  });
});

test("the checksum is the usual one", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});
