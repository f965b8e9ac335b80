import { VectorWidget } from "../base/vector/vector-widget.js";
import { BoxTool } from "./box-tool.js";

/**
 * Draw boxes on an image. The answer is `{boundingBoxes, inputImageProperties, initialValueModified?}` in whole pixels
 * of the original image, in the order of creation.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A box was added, edited, relabeled or deleted.
 */
export class CrowdBoundingBox extends VectorWidget<"box"> {
  static override kind = "box" as const;
  static override tool = BoxTool;
}
