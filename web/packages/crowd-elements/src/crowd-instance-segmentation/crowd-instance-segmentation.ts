import { type InstanceSegmentationAnswer, instanceSegmentationAnswer } from "@labelwright/annotation-core";

import { MaskElement } from "../segmentation/mask-element.js";

/**
 * Paint each object of an image by itself. The answer is `{instances: [{color, label}], labeledImage: {pngImageData},
 * inputImageProperties, initialValueModified?}`; every instance has a colour of its own in the picture.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - Pixels were painted or erased; an instance was added, relabeled or deleted.
 */
export class CrowdInstanceSegmentation extends MaskElement {
  constructor() {
    super("instances");
  }

  get value(): InstanceSegmentationAnswer {
    return instanceSegmentationAnswer(this.editor.document);
  }

  get _submittableValue(): InstanceSegmentationAnswer {
    return this.value;
  }
}
