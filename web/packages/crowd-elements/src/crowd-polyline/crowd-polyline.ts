import { PathTool } from "../base/vector/path-tool.js";
import { VectorWidget } from "../base/vector/vector-widget.js";

/**
 * Draw lines with any number of points on an image. The answer is `{inputImageProperties, polylines,
 * initialValueModified?}`, each as `{label, vertices}` in whole pixels of the original image, in the order of creation.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A polyline was added, edited, relabeled or deleted.
 */
export class CrowdPolyline extends VectorWidget<"polyline"> {
  static override kind = "polyline" as const;
  static override tool = PathTool;
}
