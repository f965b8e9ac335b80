/** Which tag is which class. Defining twice (two scripts on one page) is harmless: the first one stays. */

import { CrowdBoundingBox } from "./crowd-bounding-box/crowd-bounding-box.js";
import { CrowdButton } from "./crowd-button/crowd-button.js";
import { CrowdCheckbox } from "./crowd-checkbox/crowd-checkbox.js";
import { CrowdClassifier } from "./crowd-classifier/crowd-classifier.js";
import { CrowdForm } from "./crowd-form/crowd-form.js";
import { CrowdImageClassifier } from "./crowd-image-classifier/crowd-image-classifier.js";
import { CrowdInput } from "./crowd-input/crowd-input.js";
import { CrowdInstructions } from "./crowd-instructions/crowd-instructions.js";
import { CrowdRadioButton } from "./crowd-radio-button/crowd-radio-button.js";
import { CrowdRadioGroup } from "./crowd-radio-group/crowd-radio-group.js";
import { CrowdTextArea } from "./crowd-text-area/crowd-text-area.js";
import { CrowdToggleButton } from "./crowd-toggle-button/crowd-toggle-button.js";
import { IronIcon } from "./iron-icon/iron-icon.js";

export const elements: Readonly<Record<string, CustomElementConstructor>> = {
  "iron-icon": IronIcon,
  "crowd-button": CrowdButton,
  "crowd-checkbox": CrowdCheckbox,
  "crowd-toggle-button": CrowdToggleButton,
  "crowd-radio-button": CrowdRadioButton,
  "crowd-radio-group": CrowdRadioGroup,
  "crowd-input": CrowdInput,
  "crowd-text-area": CrowdTextArea,
  "crowd-instructions": CrowdInstructions,
  "crowd-classifier": CrowdClassifier,
  "crowd-image-classifier": CrowdImageClassifier,
  "crowd-bounding-box": CrowdBoundingBox,
  // Last: it looks at what it contains.
  "crowd-form": CrowdForm,
};

export function registerAll(): void {
  for (const [tag, element] of Object.entries(elements)) {
    if (!customElements.get(tag)) customElements.define(tag, element);
  }
}
