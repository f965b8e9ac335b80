import { PathTool } from "../base/vector/path-tool.js";
import { VectorWidget } from "../base/vector/vector-widget.js";

/**
 * Draw straight lines on an image. The answer is `{inputImageProperties, lines, initialValueModified?}`, each line as
 * `{label, vertices: [start, end]}` in whole pixels of the original image, in the order of creation.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A line was added, edited, relabeled or deleted.
 */
export class CrowdLine extends VectorWidget<"line"> {
  static override kind = "line" as const;
  static override tool = PathTool;
}
