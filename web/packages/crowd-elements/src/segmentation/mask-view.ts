/**
 * Shows the mask over the image. One canvas of the size of the view, not of the image: each of its pixels looks up
 * its mask pixel, so a repaint costs the same for one megapixel and for a hundred, and zoomed in the pixels are exact
 * squares. After a stroke only the part that has changed is looked up again. Regions get an outline of one pixel.
 */

import { type Box, type Mask, type Region, rgbOf } from "@labelwright/annotation-core";

import type { ImageStage } from "../base/image-stage.js";

const STRESS = 0.22;
const OUTLINE = 0.4;

export interface RegionLook {
  readonly region: Region;
  /** 0 is not shown at all. */
  readonly opacity: number;
  readonly isStressed: boolean;
}

export class MaskView {
  readonly canvas = document.createElement("canvas");
  readonly #context = this.canvas.getContext("2d")!;
  #image: ImageData | null = null;
  #out = new Uint32Array(0);
  /** Mask column of each canvas column. */
  #columns = new Int32Array(0);
  #above = new Uint16Array(0);
  #fill = new Uint32Array(256);
  #edge = new Uint32Array(256);

  constructor() {
    this.canvas.className = "mask-canvas";
    this.canvas.setAttribute("aria-hidden", "true");
  }

  /** How regions look; those not given are invisible. Shows with the next repaint. */
  setLooks(looks: readonly RegionLook[]): void {
    const most = looks.reduce((max, { region }) => Math.max(max, region.value), 255);
    this.#fill = new Uint32Array(most + 1);
    this.#edge = new Uint32Array(most + 1);
    for (const { region, opacity, isStressed } of looks) {
      if (opacity <= 0) continue;
      const [r, g, b] = rgbOf(region.color);
      const color = r | (g << 8) | (b << 16);
      const alpha = (part: number): number => Math.round(255 * Math.min(1, part)) << 24;
      this.#fill[region.value] = (color | alpha(opacity + (isStressed ? STRESS : 0))) >>> 0;
      this.#edge[region.value] = (color | alpha(opacity + OUTLINE)) >>> 0;
    }
  }

  /** Shows nothing until the next repaint. */
  clear(): void {
    this.#context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Everything in view. */
  paintAll(stage: ImageStage, mask: Mask): void {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(stage.view.width * ratio));
    const height = Math.max(1, Math.round(stage.view.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height || !this.#image) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.#image = new ImageData(width, height);
      this.#out = new Uint32Array(this.#image.data.buffer);
      this.#columns = new Int32Array(width);
      this.#above = new Uint16Array(width);
    }
    this.#out.fill(0);
    const { scale, x } = stage.transform;
    for (let i = 0; i < width; i++) {
      const column = Math.floor(((i + 0.5) / ratio - x) / scale);
      this.#columns[i] = column >= 0 && column < mask.width ? column : -1;
    }
    this.#look(stage, mask, 0, 0, width, height);
    this.#context.putImageData(this.#image, 0, 0);
  }

  /** Only what lies over a part of the image. */
  paintPart(stage: ImageStage, mask: Mask, part: Box): void {
    if (!this.#image) return this.paintAll(stage, mask);
    const ratio = window.devicePixelRatio || 1;
    const screen = stage.transform.boxToScreen(part);
    // One more pixel all around: outlines lie beside what has changed.
    const x0 = Math.max(0, Math.floor(screen.left * ratio) - 1);
    const y0 = Math.max(0, Math.floor(screen.top * ratio) - 1);
    const x1 = Math.min(this.canvas.width, Math.ceil((screen.left + screen.width) * ratio) + 2);
    const y1 = Math.min(this.canvas.height, Math.ceil((screen.top + screen.height) * ratio) + 2);
    if (x0 >= x1 || y0 >= y1) return;
    this.#look(stage, mask, x0, y0, x1, y1);
    this.#context.putImageData(this.#image, 0, 0, x0, y0, x1 - x0, y1 - y0);
  }

  #look(stage: ImageStage, mask: Mask, x0: number, y0: number, x1: number, y1: number): void {
    const ratio = window.devicePixelRatio || 1;
    const { scale, y: top } = stage.transform;
    const columns = this.#columns;
    const out = this.#out;
    const fill = this.#fill;
    const edge = this.#edge;
    const above = this.#above;
    const { pixels, width, height } = mask;
    const across = this.canvas.width;
    while (x0 < x1 && columns[x0]! < 0) x0++;
    while (x1 > x0 && columns[x1 - 1]! < 0) x1--;
    if (x0 === x1) return;
    const rowOf = (y: number): number => Math.floor(((y + 0.5) / ratio - top) / scale);
    const before = rowOf(y0 - 1);
    if (before < 0 || before >= height) above.fill(0, x0, x1);
    else for (let x = x0; x < x1; x++) above[x] = pixels[before * width + columns[x]!]!;
    const beside = x0 > 0 ? columns[x0 - 1]! : -1;
    // The last two rows looked at: when the same mask row comes a third time, the picture of it repeats.
    let [last, lastButOne] = [before, -1];
    for (let y = y0; y < y1; y++) {
      const row = rowOf(y);
      const at = y * across;
      if (row < 0 || row >= height) continue;
      if (row === last && row === lastButOne && y > y0 + 1) {
        out.copyWithin(at + x0, at - across + x0, at - across + x1);
        continue;
      }
      lastButOne = last;
      last = row;
      const start = row * width;
      let left = beside < 0 ? 0 : pixels[start + beside]!;
      for (let x = x0; x < x1; x++) {
        const value = pixels[start + columns[x]!]!;
        if (value === left && value === above[x]) out[at + x] = fill[value]!;
        else {
          const other = value || (left !== value ? left : above[x]!);
          out[at + x] = edge[other]!;
          above[x] = value;
          left = value;
        }
      }
    }
  }
}
