import { LiteralError, describe, isGiven } from "@labelwright/annotation-core";
import type { PropertyValues, TemplateResult } from "lit";
import { property } from "lit/decorators.js";

import { type Problem, announceState } from "../base/control.js";
import { ImagePane } from "../base/image-pane.js";
import type { KeyGroup } from "../base/keys.js";
import { type Choice, MultiChoiceWidget } from "../base/multi-choice.js";
import { stageStyles } from "../base/stage.styles.js";

const DEFAULT_KEY = "AWS/Rekognition/DetectModerationLabels/Image/V3";

type Category = string | { readonly name: string; readonly parentName?: unknown };

/** Reads texts, or objects with `name`; other fields are kept. Throws LiteralError. */
export function readModerationCategories(value: unknown): Category[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value))
    throw new LiteralError(`expected a list such as [{name: "Weapons"}], got ${describe(value)}`);
  value.forEach((item: unknown, i) => {
    const name = typeof item === "object" && item !== null ? (item as { name?: unknown }).name : item;
    if (typeof name !== "string")
      throw new LiteralError(`entry ${i + 1} must be text or an object with the text "name", got ${describe(item)}`);
  });
  return value as Category[];
}

/**
 * Review which moderation labels fit an image. The answer is `{moderationLabels: [...]}`: the chosen categories as they
 * were given, under a default key when there is no name.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A category was chosen or cleared; `target.value` is the list of the names chosen.
 */
export class CrowdRekognitionDetectModerationLabels extends MultiChoiceWidget {
  static override structured = {
    ...MultiChoiceWidget.structured,
    categories: { read: readModerationCategories, reflect: true },
  };
  static override requiredAttributes = ["src", "categories"];

  static override styles = [...MultiChoiceWidget.styles, stageStyles];

  @property({ reflect: true }) src = "";

  readonly #image = new ImagePane({
    refresh: () => this.requestUpdate(),
    statusChanged: () => {
      this.requestUpdate();
      announceState(this);
    },
  });

  override get answerKey(): string {
    return this.name || DEFAULT_KEY;
  }

  /** Categories of one parent stand together, in the order in which the parents come; those without one first. */
  protected override choices(): readonly Choice[] {
    const groups = new Map<string, Choice[]>([["", []]]);
    for (const category of this.#given()) {
      const parent = typeof category === "object" && typeof category.parentName === "string" ? category.parentName : "";
      const choice = parent ? { text: this.textOf(category), group: parent } : { text: this.textOf(category) };
      const group = groups.get(parent);
      if (group) group.push(choice);
      else groups.set(parent, [choice]);
    }
    return [...groups.values()].flat();
  }

  #given(): readonly Category[] {
    return this.getStructured("categories") as Category[];
  }

  protected override textOf(category: unknown): string {
    return typeof category === "object" && category !== null
      ? String((category as { name: unknown }).name)
      : String(category);
  }

  override get _submittableValue(): { moderationLabels: unknown[] } {
    const chosen = new Set(this.value);
    return {
      moderationLabels: structuredClone(this.#given().filter((category) => chosen.has(this.textOf(category)))),
    };
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#image.attach(this.renderRoot, this.src);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("src") && changed.get("src") !== undefined) this.#image.load(this.src);
  }

  override get isBlocked(): boolean {
    return super.isBlocked || this.#image.hasFailed;
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "src" ? !this.src : super.isMissing(attribute);
  }

  protected override widgetProblem(): Problem | null {
    return this.#image.problem() ?? super.widgetProblem();
  }

  protected override keyGroups(): KeyGroup[] {
    return [...super.keyGroups(), this.#image.keys()];
  }

  protected override renderWork(): TemplateResult {
    return this.#image.render(this.header);
  }
}
