/** A path while it is being drawn, point by point: what may come next, and steps back and forth through its points. */

import { type Point, type Size, distance } from "./geometry.js";
import { type Vertices, crossingEdges, edgeCount, fitPoint, samePoint } from "./path.js";
import { type PathKindName, pathRules } from "./shapes.js";

/** What became of a point: taken, refused, or the path is complete. */
export type Placed = "added" | "same" | "crosses" | "tooFew" | "complete";

export class PathDrawing {
  readonly kind: PathKindName;
  #points: Point[] = [];
  #undone: Point[] = [];

  constructor(kind: PathKindName) {
    this.kind = kind;
  }

  get points(): Vertices {
    return this.#points;
  }

  get isEmpty(): boolean {
    return !this.#points.length;
  }

  get canUndo(): boolean {
    return this.#points.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /** Enough points for the shape to be finished. */
  get isEnough(): boolean {
    return this.#points.length >= pathRules[this.kind].min;
  }

  /** The point that completes the path when it is clicked: a polygon's first, a polyline's last. */
  get goal(): Point | null {
    const { isClosed, max } = pathRules[this.kind];
    if (!this.isEnough || max === this.#points.length) return null;
    return isClosed ? this.#points[0]! : this.#points.at(-1)!;
  }

  /** Whether `point` is so near to the goal (image pixels) that a click there completes the path. */
  isAtGoal(point: Point, reach: number): boolean {
    return this.goal !== null && distance(this.goal, point) <= reach;
  }

  /** Whether the edge to a next point would cross the edges there are. */
  wouldCross(point: Point): boolean {
    if (pathRules[this.kind].mayCross || !this.#points.length) return false;
    const points = [...this.#points, point];
    return crossingEdges(points, false, points.length - 1).length > 0;
  }

  /** Whether the edge that closes the path would cross the others. */
  get closingCrosses(): boolean {
    const { mayCross, isClosed } = pathRules[this.kind];
    return !mayCross && isClosed && crossingEdges(this.#points, true, 0).includes(edgeCount(this.#points, true) - 1);
  }

  /** The next point, brought to whole pixels inside the image. "complete": the path has all the points it can have. */
  add(point: Point, bounds: Size): Placed {
    const at = fitPoint(point, bounds);
    if (this.#points.length && samePoint(this.#points.at(-1)!, at)) return "same";
    if (this.wouldCross(at)) return "crosses";
    this.#points.push(at);
    this.#undone = [];
    return this.#points.length === pathRules[this.kind].max ? "complete" : "added";
  }

  /** Whether the path may end here. */
  finish(): Placed {
    if (!this.isEnough) return "tooFew";
    return this.closingCrosses ? "crosses" : "complete";
  }

  undo(): boolean {
    const point = this.#points.pop();
    if (point) this.#undone.push(point);
    return point !== undefined;
  }

  redo(): boolean {
    const point = this.#undone.pop();
    if (point) this.#points.push(point);
    return point !== undefined;
  }

  /** Starts anew, with the given points if any; nothing can be redone then. */
  reset(points: Vertices = []): void {
    this.#points = [...points];
    this.#undone = [];
  }

  /** Another edit came in between: points taken back before it do not come again. */
  forgetUndone(): void {
    this.#undone = [];
  }
}
