/** Asks the portal for an object's outline, where an operator has set up a model for it. The page itself may call nobody. */

import type { Box, Point } from "@labelwright/annotation-core";

import { isInPortal, onParentMessage, tellParent } from "./context.js";

export interface OutlineQuestion {
  /** The image's address as the template has it. */
  readonly image: string;
  /** The four outermost points of the object, or null when a box was dragged. */
  readonly points: readonly Point[] | null;
  readonly box: Box | null;
  readonly label: string;
}

/** A PNG file as large as the image, 255 inside; there is nobody to ask; or why it did not work. */
export type OutlineReply =
  | { readonly is: "found"; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly is: "absent" }
  | { readonly is: "failed"; readonly message: string };

const WAIT_MS = 30_000;
/** The server has no such service, and will not have it as long as this page lives. */
const ABSENT = new Set([404, 405, 501]);

let isAbsent = false;
let lastId = 0;

export function askPortalForOutline({ image, points, box, label }: OutlineQuestion): Promise<OutlineReply> {
  if (isAbsent || !isInPortal()) return Promise.resolve({ is: "absent" });
  const id = ++lastId;
  return new Promise((resolve) => {
    const done = (reply: OutlineReply): void => {
      clearTimeout(timer);
      stop();
      resolve(reply);
    };
    const timer = setTimeout(() => done({ is: "failed", message: "" }), WAIT_MS);
    const stop = onParentMessage((message) => {
      if (message.type !== "labelwright.segmented" || message.id !== id) return;
      if (message.png instanceof ArrayBuffer) return done({ is: "found", png: new Uint8Array(message.png) });
      isAbsent = ABSENT.has(Number(message.status));
      done(
        isAbsent
          ? { is: "absent" }
          : { is: "failed", message: typeof message.message === "string" ? message.message : "" },
      );
    });
    tellParent("labelwright.segment", {
      id,
      image,
      // A click may have missed the image by a little.
      points: points && points.map(({ x, y }) => [Math.max(0, x), Math.max(0, y)]),
      box: box && [box.left, box.top, box.width, box.height],
      label,
    });
  });
}
