import type { TemplateResult } from "lit";

import { classificationTarget, targetStyles } from "../base/classification-target.js";
import { MultiChoiceWidget } from "../base/multi-choice.js";

/**
 * Choose any number of categories for a text, sound, video or any other content. The answer is `{labels: [...]}`.
 *
 * @slot classification-target - Filled by a child of that tag name: the content to judge.
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A category was chosen or cleared; `target.value` is the list of the texts chosen.
 */
export class CrowdClassifierMultiSelect extends MultiChoiceWidget {
  static override regions = ["classification-target", "short-instructions", "full-instructions"];

  static override styles = [...MultiChoiceWidget.styles, targetStyles];

  protected override renderWork(): TemplateResult {
    return classificationTarget();
  }
}
