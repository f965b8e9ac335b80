import { VectorWidget } from "../base/vector/vector-widget.js";
import { KeypointTool } from "./keypoint-tool.js";

/**
 * Mark points on an image. The answer is `{inputImageProperties, keypoints, initialValueModified?}`, each point as
 * `{label, x, y}` in whole pixels of the original image, in the order of creation.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A point was added, edited, relabeled or deleted.
 */
export class CrowdKeypoint extends VectorWidget<"keypoint"> {
  static override kind = "keypoint" as const;
  static override tool = KeypointTool;
}
