import { PathTool } from "../base/vector/path-tool.js";
import { VectorWidget } from "../base/vector/vector-widget.js";

/**
 * Outline objects on an image. The answer is `{inputImageProperties, polygons, initialValueModified?}`, each as
 * `{label, vertices}` in whole pixels of the original image, in the order of creation.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A polygon was added, edited, relabeled or deleted.
 */
export class CrowdPolygon extends VectorWidget<"polygon"> {
  static override kind = "polygon" as const;
  static override tool = PathTool;
}
