import type { TemplateResult } from "lit";

import { classificationTarget, targetStyles } from "../base/classification-target.js";
import { SingleChoiceWidget } from "../base/single-choice.js";

/**
 * Choose one category for a text, sound, video or any other content. The answer is `{label: "..."}`.
 *
 * @slot classification-target - Filled by a child of that tag name: the content to judge.
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A category was chosen; `target.value` is its text.
 */
export class CrowdClassifier extends SingleChoiceWidget {
  static override regions = ["classification-target", "short-instructions", "full-instructions"];

  static override styles = [...SingleChoiceWidget.styles, targetStyles];

  protected override renderWork(): TemplateResult {
    return classificationTarget();
  }
}
