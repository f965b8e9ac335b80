import type { PropertyValues, TemplateResult } from "lit";
import { property } from "lit/decorators.js";

import { type Problem, announceState } from "../base/control.js";
import { ImagePane } from "../base/image-pane.js";
import type { KeyGroup } from "../base/keys.js";
import { MultiChoiceWidget } from "../base/multi-choice.js";
import { stageStyles } from "../base/stage.styles.js";
import { WorkerComment, commentStyles } from "../base/worker-comment.js";

/**
 * Choose any number of categories for an image. The answer is `{labels: [...], workerComment?: "..."}`.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @slot worker-comment - Filled by a child of that tag name: turns on the comment dialog, and says what to write.
 * @event change - A category was chosen or cleared; `target.value` is the list of the texts chosen.
 */
export class CrowdImageClassifierMultiSelect extends MultiChoiceWidget {
  static override regions = ["short-instructions", "full-instructions", "worker-comment"];
  static override requiredAttributes = ["name", "categories", "src"];

  static override styles = [...MultiChoiceWidget.styles, stageStyles, commentStyles];

  @property({ reflect: true }) src = "";

  readonly #image = new ImagePane({
    refresh: () => this.requestUpdate(),
    statusChanged: () => {
      this.requestUpdate();
      announceState(this);
    },
  });
  readonly #comment = new WorkerComment({
    root: () => this.renderRoot,
    region: () => this.regionOf("worker-comment"),
    changed: () => this.changed(),
  });

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

  override get _submittableValue(): object {
    return this.#comment.addTo(super._submittableValue);
  }

  protected override widgetProblem(): Problem | null {
    return this.#image.problem() ?? super.widgetProblem();
  }

  override resetControl(): void {
    super.resetControl();
    this.#comment.text = "";
  }

  override getDraft(): unknown {
    const choice = super.getDraft() as object | undefined;
    return choice || this.#comment.text ? { value: this.value, ...choice, comment: this.#comment.text } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    super.restoreDraft(draft);
    const comment = (draft as { comment?: unknown } | null)?.comment;
    if (typeof comment === "string") this.#comment.text = comment;
  }

  protected override keyGroups(): KeyGroup[] {
    return [...super.keyGroups(), this.#image.keys()];
  }

  protected override renderWork(): TemplateResult {
    return this.#image.render(this.header);
  }

  protected override renderBelowChoices(): unknown {
    return this.#comment.renderLink();
  }

  protected override renderExtraDialogs(): unknown {
    return this.#comment.renderDialog();
  }
}
