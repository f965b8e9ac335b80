/** Points, sizes and the rounding rules that all shapes share. Image coordinates: pixels, origin top left. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}

/** Rounds to the nearest integer, halves upwards (also below zero), never to -0. */
export function roundHalfUp(value: number): number {
  return Math.floor(value + 0.5) + 0;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

export function boxArea(box: Box): number {
  return box.width * box.height;
}

export function boxContains(box: Box, point: Point, margin = 0): boolean {
  return (
    point.x >= box.left - margin &&
    point.x <= box.left + box.width + margin &&
    point.y >= box.top - margin &&
    point.y <= box.top + box.height + margin
  );
}

export function boxesMeet(a: Box, b: Box): boolean {
  return (
    a.left <= b.left + b.width && b.left <= a.left + a.width && a.top <= b.top + b.height && b.top <= a.top + a.height
  );
}
