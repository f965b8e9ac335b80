/** The two checksums of a PNG: CRC-32 over chunks, Adler-32 over what was compressed. */

const ADLER_MODULUS = 65521;
/** So many bytes can be added up before the sums must be reduced. */
const ADLER_STRIDE = 3800;

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

export interface Adler {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

export function adler32(bytes: Uint8Array): Adler {
  let [a, b] = [1, 0];
  for (let start = 0; start < bytes.length; start += ADLER_STRIDE) {
    const end = Math.min(bytes.length, start + ADLER_STRIDE);
    for (let i = start; i < end; i++) b += a += bytes[i]!;
    a %= ADLER_MODULUS;
    b %= ADLER_MODULUS;
  }
  return { a, b, length: bytes.length };
}

/** The checksum of two pieces one after the other, from those of the pieces. */
export function joinAdler(first: Adler, second: Adler): Adler {
  return {
    a: (first.a + second.a - 1 + ADLER_MODULUS) % ADLER_MODULUS,
    b: (first.b + second.b + second.length * (first.a - 1 + ADLER_MODULUS)) % ADLER_MODULUS,
    length: first.length + second.length,
  };
}

export function adlerValue({ a, b }: Adler): number {
  return ((b << 16) | a) >>> 0;
}
