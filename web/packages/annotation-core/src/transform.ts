/** Screen and image coordinates. One immutable value owns the relation; nothing else multiplies by a zoom. */

import { type Box, type Point, type Size, clamp } from "./geometry.js";

/** Largest zoom: one image pixel is this many screen pixels. */
export const MAX_SCALE = 16;
/** Smallest zoom, unless the whole image needs a smaller one to fit. */
export const MIN_SCALE = 0.1;
/** At least this many screen pixels of the image stay in view. */
const KEEP_IN_VIEW_PX = 48;

export class Transform {
  constructor(
    /** Screen pixels per image pixel. */
    readonly scale: number,
    /** Screen position of the image's top left corner. */
    readonly x: number,
    readonly y: number,
  ) {}

  /** The whole image, centred, with `margin` screen pixels around it; small images are not blown up beyond `largest`. */
  static fit(image: Size, view: Size, margin = 0, largest = 4): Transform {
    const width = Math.max(1, view.width - 2 * margin);
    const height = Math.max(1, view.height - 2 * margin);
    const scale = Math.min(largest, width / Math.max(1, image.width), height / Math.max(1, image.height));
    return new Transform(scale, (view.width - image.width * scale) / 2, (view.height - image.height * scale) / 2);
  }

  toScreen(point: Point): Point {
    return { x: point.x * this.scale + this.x, y: point.y * this.scale + this.y };
  }

  toImage(point: Point): Point {
    return { x: (point.x - this.x) / this.scale, y: (point.y - this.y) / this.scale };
  }

  boxToScreen(box: Box): Box {
    return {
      left: box.left * this.scale + this.x,
      top: box.top * this.scale + this.y,
      width: box.width * this.scale,
      height: box.height * this.scale,
    };
  }

  pan(dx: number, dy: number): Transform {
    return new Transform(this.scale, this.x + dx, this.y + dy);
  }

  /** Zooms to `scale` so that the image point under the screen point `about` stays under it. */
  zoomTo(scale: number, about: Point): Transform {
    const ratio = scale / this.scale;
    return new Transform(scale, about.x - (about.x - this.x) * ratio, about.y - (about.y - this.y) * ratio);
  }

  zoomBy(factor: number, about: Point, limits: readonly [number, number]): Transform {
    return this.zoomTo(clamp(this.scale * factor, limits[0], limits[1]), about);
  }

  /** Pulls the image back so that it can never be lost outside the view. */
  keepInView(image: Size, view: Size): Transform {
    const width = image.width * this.scale;
    const height = image.height * this.scale;
    const keepX = Math.min(KEEP_IN_VIEW_PX, width, view.width);
    const keepY = Math.min(KEEP_IN_VIEW_PX, height, view.height);
    const x = clamp(this.x, keepX - width, view.width - keepX);
    const y = clamp(this.y, keepY - height, view.height - keepY);
    return x === this.x && y === this.y ? this : new Transform(this.scale, x, y);
  }

  /** Moves as little as possible so that `box` (image coordinates) lies in the view with a margin. */
  reveal(box: Box, view: Size, margin = 24): Transform {
    const screen = this.boxToScreen(box);
    const shift = (start: number, length: number, room: number): number => {
      if (length > room - 2 * margin) return (room - length) / 2 - start;
      if (start < margin) return margin - start;
      if (start + length > room - margin) return room - margin - start - length;
      return 0;
    };
    const dx = shift(screen.left, screen.width, view.width);
    const dy = shift(screen.top, screen.height, view.height);
    return dx === 0 && dy === 0 ? this : this.pan(dx, dy);
  }
}

/** Smallest and largest allowed scale for an image in a view. */
export function zoomLimits(image: Size, view: Size, margin = 0): readonly [number, number] {
  return [Math.min(MIN_SCALE, Transform.fit(image, view, margin).scale), MAX_SCALE];
}
