/**
 * Compresses bytes that are mostly long runs, such as the rows of a mask: runs of one byte become repetitions, all
 * else is entropy-coded. The output is deflate (RFC 1951) made of blocks that can be joined: it ends on a whole byte
 * and is not marked as the end. Synchronous, and many times faster on masks than a search for repeated strings.
 */

const END_OF_BLOCK = 256;
const N_LITERALS = 286;
const LONGEST = 258;
const SHORTEST = 3;

/** First length of each length code, from code 257 on. */
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const lengthCode = new Uint8Array(LONGEST + 1);
LENGTH_BASE.forEach((base, code) => lengthCode.fill(code, base, LENGTH_BASE[code + 1] ?? LONGEST + 1));

const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

class BitWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;
  #bits = 0;
  #nBits = 0;

  /** At most 16 bits, the lowest first. */
  put(value: number, nBits: number): void {
    this.#bits |= value << this.#nBits;
    this.#nBits += nBits;
    while (this.#nBits >= 8) this.#byte();
  }

  align(): void {
    if (this.#nBits > 0) this.#byte();
    this.#bits = this.#nBits = 0;
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #byte(): void {
    if (this.#length === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = this.#bits & 255;
    this.#bits >>>= 8;
    this.#nBits -= 8;
  }
}

/** Code lengths of a Huffman code with none longer than `limit`; 0 for symbols that do not occur. */
export function codeLengths(frequencies: ArrayLike<number>, limit: number): Uint8Array {
  const lengths = new Uint8Array(frequencies.length);
  const symbols = Array.from({ length: frequencies.length }, (_, i) => i).filter((i) => frequencies[i]! > 0);
  symbols.sort((a, b) => frequencies[a]! - frequencies[b]! || a - b);
  const n = symbols.length;
  if (n === 0) return lengths;
  if (n === 1) {
    lengths[symbols[0]!] = 1;
    return lengths;
  }
  // Leaves and inner nodes both come in growing weight, so the two lightest stand at the front of two queues.
  const weight = new Float64Array(2 * n - 1);
  const parent = new Int32Array(2 * n - 1);
  symbols.forEach((symbol, i) => (weight[i] = frequencies[symbol]!));
  let [leaf, inner] = [0, n];
  for (let node = n; node < 2 * n - 1; node++) {
    for (let child = 0; child < 2; child++) {
      const taken = leaf < n && (inner >= node || weight[leaf]! <= weight[inner]!) ? leaf++ : inner++;
      weight[node] = weight[node]! + weight[taken]!;
      parent[taken] = node;
    }
  }
  const depth = new Uint8Array(2 * n - 1);
  const perLength = new Array<number>(limit + 1).fill(0);
  let room = 0;
  for (let node = 2 * n - 3; node >= 0; node--) {
    depth[node] = Math.min(250, depth[parent[node]!]! + 1);
    if (node >= n) continue;
    const length = Math.min(limit, depth[node]!);
    perLength[length]! += 1;
    room += 2 ** (limit - length);
  }
  // Codes that were cut to the limit take more room than there is: lengthen others until all fit.
  for (; room > 2 ** limit; room--) {
    perLength[limit]! -= 1;
    let length = limit - 1;
    while (perLength[length] === 0) length--;
    perLength[length]! -= 1;
    perLength[length + 1]! += 2;
  }
  for (let length = limit, i = 0; length > 0; length--) {
    for (let k = perLength[length]!; k > 0; k--) lengths[symbols[i++]!] = length;
  }
  return lengths;
}

/** The codes for given lengths, with their bits in the order in which they are written. */
function codesOf(lengths: Uint8Array): Uint16Array {
  const next = new Uint16Array(17);
  const counts = new Uint16Array(17);
  for (const length of lengths) if (length) counts[length]!++;
  for (let length = 1, code = 0; length <= 16; length++) {
    code = (code + (length > 1 ? counts[length - 1]! : 0)) << 1;
    next[length] = code;
  }
  return Uint16Array.from(lengths, (length) => {
    let code = length ? next[length]!++ : 0;
    let reversed = 0;
    for (let i = 0; i < length; i++, code >>= 1) reversed = (reversed << 1) | (code & 1);
    return reversed;
  });
}

/** Literals as they are; a repetition of the byte before as 256 + its length. */
function tokensOf(bytes: Uint8Array): Uint16Array {
  const tokens = new Uint16Array(bytes.length);
  let n = 0;
  for (let i = 0; i < bytes.length;) {
    const byte = bytes[i]!;
    let end = i + 1;
    while (end < bytes.length && bytes[end] === byte) end++;
    tokens[n++] = byte;
    let left = end - i - 1;
    for (; left >= SHORTEST; left -= Math.min(left, LONGEST)) tokens[n++] = 256 + Math.min(left, LONGEST);
    for (; left > 0; left--) tokens[n++] = byte;
    i = end;
  }
  return tokens.subarray(0, n);
}

/** Compresses into blocks to which more blocks can be appended. */
export function deflateRuns(bytes: Uint8Array): Uint8Array {
  const tokens = tokensOf(bytes);
  const frequencies = new Uint32Array(N_LITERALS);
  frequencies[END_OF_BLOCK] = 1;
  for (const token of tokens) frequencies[token < 256 ? token : 257 + lengthCode[token - 256]!]!++;
  const lengths = codeLengths(frequencies, 15);
  const codes = codesOf(lengths);

  const out = new BitWriter();
  out.put(0b100, 3);
  writeLengths(out, lengths);
  for (const token of tokens) {
    if (token < 256) out.put(codes[token]!, lengths[token]!);
    else {
      const length = token - 256;
      const code = lengthCode[length]!;
      out.put(codes[257 + code]!, lengths[257 + code]!);
      out.put(length - LENGTH_BASE[code]!, LENGTH_EXTRA[code]!);
      // The only distance is 1, and its code is the single bit 0.
      out.put(0, 1);
    }
  }
  out.put(codes[END_OF_BLOCK]!, lengths[END_OF_BLOCK]!);
  // An empty stored block brings the stream to a whole byte.
  out.put(0, 3);
  out.align();
  out.put(0, 16);
  out.put(0xffff, 16);
  return out.done();
}

/** The table of code lengths in front of a block: literals and lengths, then one distance of one bit. */
function writeLengths(out: BitWriter, lengths: Uint8Array): void {
  const all = [...lengths, 1];
  const items: { code: number; extra: number; nBits: number }[] = [];
  for (let i = 0; i < all.length;) {
    const length = all[i]!;
    let run = 1;
    while (i + run < all.length && all[i + run] === length) run++;
    i += run;
    if (length !== 0) {
      items.push({ code: length, extra: 0, nBits: 0 });
      run -= 1;
    }
    while (run >= 3) {
      const most = length === 0 ? 138 : 6;
      const now = Math.min(run, most);
      if (length !== 0) items.push({ code: 16, extra: now - 3, nBits: 2 });
      else if (now <= 10) items.push({ code: 17, extra: now - 3, nBits: 3 });
      else items.push({ code: 18, extra: now - 11, nBits: 7 });
      run -= now;
    }
    for (; run > 0; run--) items.push({ code: length, extra: 0, nBits: 0 });
  }
  const frequencies = new Uint32Array(19);
  for (const { code } of items) frequencies[code]!++;
  const itemLengths = codeLengths(frequencies, 7);
  const itemCodes = codesOf(itemLengths);
  let last = 18;
  while (last > 3 && itemLengths[CODE_LENGTH_ORDER[last]!] === 0) last--;
  out.put(N_LITERALS - 257, 5);
  out.put(0, 5);
  out.put(last + 1 - 4, 4);
  for (let i = 0; i <= last; i++) out.put(itemLengths[CODE_LENGTH_ORDER[i]!]!, 3);
  for (const { code, extra, nBits } of items) {
    out.put(itemCodes[code]!, itemLengths[code]!);
    out.put(extra, nBits);
  }
}
