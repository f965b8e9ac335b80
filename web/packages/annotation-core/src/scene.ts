/** Shapes together with their labels: colours, what is visible, counts, and fast look-up by place. */

import type { Point, Size } from "./geometry.js";
import { shapesAt } from "./hit-test.js";
import { labelColors } from "./palette.js";
import { type Shape, kindOf } from "./shapes.js";
import { SpatialIndex } from "./spatial-index.js";
import { AnnotationStore } from "./store.js";

export class Scene {
  readonly store = new AnnotationStore();
  readonly hiddenIds = new Set<number>();
  readonly hiddenLabels = new Set<string>();
  isAllHidden = false;

  #labels: readonly string[] = [];
  #colors = new Map<string, string>();
  #size: Size = { width: 0, height: 0 };
  #index = new SpatialIndex({ width: 1, height: 1 });

  constructor() {
    this.store.subscribe((event) => {
      if (event.type !== "content") return;
      for (const id of event.ids) {
        const shape = this.store.get(id);
        if (shape) this.#index.set(id, kindOf(shape).bounds(shape));
        else this.#index.delete(id);
      }
    });
  }

  get size(): Size {
    return this.#size;
  }

  set size(size: Size) {
    this.#size = size;
    this.#index = new SpatialIndex(size);
    for (const shape of this.store.all()) this.#index.set(shape.id, kindOf(shape).bounds(shape));
  }

  get labels(): readonly string[] {
    return this.#labels;
  }

  setLabels(labels: readonly string[], overrides: readonly string[] = []): void {
    this.#labels = labels;
    const colors = labelColors(labels.length, overrides);
    this.#colors = new Map();
    labels.forEach((label, i) => {
      if (!this.#colors.has(label)) this.#colors.set(label, colors[i]!);
    });
  }

  colorOf(label: string): string {
    return this.#colors.get(label) ?? "#7f7f7f";
  }

  /** Shapes whose label is not offered (any more) are remembered, but neither shown nor part of the answer. */
  isKnown(shape: Shape): boolean {
    return this.#colors.has(shape.label);
  }

  isVisible(shape: Shape): boolean {
    return (
      !this.isAllHidden && this.isKnown(shape) && !this.hiddenIds.has(shape.id) && !this.hiddenLabels.has(shape.label)
    );
  }

  /** The shapes that count, in creation order. */
  kept(): Shape[] {
    return this.store.all().filter((shape) => this.isKnown(shape));
  }

  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const shape of this.kept()) counts.set(shape.label, (counts.get(shape.label) ?? 0) + 1);
    return counts;
  }

  /** Visible shapes at a point, best first. */
  at(point: Point, tolerance: number): Shape[] {
    return shapesAt(point, tolerance, this.#index, (id) => {
      const shape = this.store.get(id);
      return shape && this.isVisible(shape) ? shape : null;
    });
  }
}
