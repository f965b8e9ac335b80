/**
 * Annotations refer to pixels as stored, so cameras' "turn this picture" notes must not be followed. Browsers differ
 * in how they let a page say so; setting the note itself to "upright" works in all of them.
 */

const JPEG_START = 0xffd8;
const APP1 = 0xffe1;
const START_OF_SCAN = 0xffda;
const ORIENTATION_TAG = 0x0112;
const EXIF = [0x45, 0x78, 0x69, 0x66, 0, 0];

/** Sets the orientation note of a JPEG to 1 (upright), in place. Returns the note found (1 to 8), or null if none. */
export function makeUpright(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 4 || view.getUint16(0) !== JPEG_START) return null;
  let at = 2;
  while (at + 4 <= view.byteLength) {
    const marker = view.getUint16(at);
    if (marker === START_OF_SCAN || marker >> 8 !== 0xff) return null;
    const length = view.getUint16(at + 2);
    if (marker === APP1 && EXIF.every((byte, i) => bytes[at + 4 + i] === byte)) {
      return uprightTiff(view, at + 10, Math.min(view.byteLength, at + 2 + length));
    }
    at += 2 + length;
  }
  return null;
}

function uprightTiff(view: DataView, start: number, end: number): number | null {
  if (start + 8 > end) return null;
  const order = view.getUint16(start);
  if (order !== 0x4949 && order !== 0x4d4d) return null;
  const little = order === 0x4949;
  const directory = start + view.getUint32(start + 4, little);
  if (directory + 2 > end) return null;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > end) return null;
    if (view.getUint16(entry, little) !== ORIENTATION_TAG) continue;
    const found = view.getUint16(entry + 8, little);
    view.setUint16(entry + 8, 1, little);
    return found;
  }
  return null;
}
