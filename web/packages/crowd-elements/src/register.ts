/** Which tag is which class. Defining twice (two scripts on one page) is harmless: the first one stays. */

import { CrowdAlert } from "./crowd-alert/crowd-alert.js";
import { CrowdBadge } from "./crowd-badge/crowd-badge.js";
import { CrowdBoundingBox } from "./crowd-bounding-box/crowd-bounding-box.js";
import { CrowdButton } from "./crowd-button/crowd-button.js";
import { CrowdCard } from "./crowd-card/crowd-card.js";
import { CrowdCheckbox } from "./crowd-checkbox/crowd-checkbox.js";
import { CrowdClassifierMultiSelect } from "./crowd-classifier-multi-select/crowd-classifier-multi-select.js";
import { CrowdClassifier } from "./crowd-classifier/crowd-classifier.js";
import { CrowdEntityAnnotation } from "./crowd-entity-annotation/crowd-entity-annotation.js";
import { CrowdFab } from "./crowd-fab/crowd-fab.js";
import { CrowdForm } from "./crowd-form/crowd-form.js";
import { CrowdIconButton } from "./crowd-icon-button/crowd-icon-button.js";
import { CrowdImageClassifierMultiSelect } from "./crowd-image-classifier-multi-select/crowd-image-classifier-multi-select.js";
import { CrowdImageClassifier } from "./crowd-image-classifier/crowd-image-classifier.js";
import { CrowdInput } from "./crowd-input/crowd-input.js";
import { CrowdInstanceSegmentation } from "./crowd-instance-segmentation/crowd-instance-segmentation.js";
import { CrowdInstructions } from "./crowd-instructions/crowd-instructions.js";
import { CrowdKeypoint } from "./crowd-keypoint/crowd-keypoint.js";
import { CrowdLine } from "./crowd-line/crowd-line.js";
import { CrowdModal } from "./crowd-modal/crowd-modal.js";
import { CrowdPolygon } from "./crowd-polygon/crowd-polygon.js";
import { CrowdPolyline } from "./crowd-polyline/crowd-polyline.js";
import { CrowdQuestionAnswerGeneration } from "./crowd-question-answer-generation/crowd-question-answer-generation.js";
import { CrowdRadioButton } from "./crowd-radio-button/crowd-radio-button.js";
import { CrowdRadioGroup } from "./crowd-radio-group/crowd-radio-group.js";
import { CrowdSemanticSegmentation } from "./crowd-semantic-segmentation/crowd-semantic-segmentation.js";
import { CrowdRekognitionDetectModerationLabels } from "./crowd-rekognition-detect-moderation-labels/crowd-rekognition-detect-moderation-labels.js";
import { CrowdSliderLabel } from "./crowd-slider-label/crowd-slider-label.js";
import { CrowdSlider } from "./crowd-slider/crowd-slider.js";
import { CrowdTab } from "./crowd-tab/crowd-tab.js";
import { CrowdTabs } from "./crowd-tabs/crowd-tabs.js";
import { CrowdTextArea } from "./crowd-text-area/crowd-text-area.js";
import { CrowdTextRanking } from "./crowd-text-ranking/crowd-text-ranking.js";
import { CrowdTextractAnalyzeDocument } from "./crowd-textract-analyze-document/crowd-textract-analyze-document.js";
import { CrowdToast } from "./crowd-toast/crowd-toast.js";
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
  "crowd-slider-label": CrowdSliderLabel,
  "crowd-slider": CrowdSlider,
  "crowd-alert": CrowdAlert,
  "crowd-badge": CrowdBadge,
  "crowd-card": CrowdCard,
  "crowd-modal": CrowdModal,
  "crowd-tab": CrowdTab,
  "crowd-tabs": CrowdTabs,
  "crowd-toast": CrowdToast,
  "crowd-fab": CrowdFab,
  "crowd-icon-button": CrowdIconButton,
  "crowd-instructions": CrowdInstructions,
  "crowd-classifier": CrowdClassifier,
  "crowd-classifier-multi-select": CrowdClassifierMultiSelect,
  "crowd-image-classifier": CrowdImageClassifier,
  "crowd-image-classifier-multi-select": CrowdImageClassifierMultiSelect,
  "crowd-bounding-box": CrowdBoundingBox,
  "crowd-semantic-segmentation": CrowdSemanticSegmentation,
  "crowd-instance-segmentation": CrowdInstanceSegmentation,
  "crowd-keypoint": CrowdKeypoint,
  "crowd-line": CrowdLine,
  "crowd-polyline": CrowdPolyline,
  "crowd-polygon": CrowdPolygon,
  "crowd-entity-annotation": CrowdEntityAnnotation,
  "crowd-text-ranking": CrowdTextRanking,
  "crowd-question-answer-generation": CrowdQuestionAnswerGeneration,
  "crowd-rekognition-detect-moderation-labels": CrowdRekognitionDetectModerationLabels,
  "crowd-textract-analyze-document": CrowdTextractAnalyzeDocument,
  // Last: it looks at what it contains.
  "crowd-form": CrowdForm,
};

export function registerAll(): void {
  for (const [tag, element] of Object.entries(elements)) {
    if (!customElements.get(tag)) customElements.define(tag, element);
  }
}
