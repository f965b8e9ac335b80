import { type SemanticSegmentationAnswer, semanticSegmentationAnswer } from "@labelwright/annotation-core";

import { MaskElement } from "../segmentation/mask-element.js";

/**
 * Paint every pixel of an image with one of the labels. The answer is `{labelMappings, labeledImage: {pngImageData},
 * inputImageProperties, initialValueModified?}`; the picture is a PNG of the size of the image, in exact colours.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - Pixels were painted, erased or cleared.
 */
export class CrowdSemanticSegmentation extends MaskElement {
  constructor() {
    super("labels");
  }

  get value(): SemanticSegmentationAnswer {
    return semanticSegmentationAnswer(this.editor.document);
  }

  get _submittableValue(): SemanticSegmentationAnswer {
    return this.value;
  }
}
