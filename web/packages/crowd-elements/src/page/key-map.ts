/** Keys that belong to the page rather than to one widget: the form's, and those that the portal around us says it has. */

import type { KeyGroup, KeyNote } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { onParentMessage } from "./context.js";

type Source = () => readonly KeyGroup[];

const sources = new Set<Source>();
let portalKeys: readonly KeyNote[] = [];

/** Adds keys to the list; the function returned takes them out again. */
export function addPageKeys(source: Source): () => void {
  sources.add(source);
  return () => sources.delete(source);
}

export function pageKeys(): KeyGroup[] {
  return [...[...sources].flatMap((source) => source()), { title: msg().keysOfPortal, keys: portalKeys }];
}

/** The portal tells once which keys it has; what is no such list is not shown. */
export function hearPortalKeys(): void {
  onParentMessage((message) => {
    if (message.type !== "labelwright.keys" || !Array.isArray(message.keys)) return;
    portalKeys = message.keys.flatMap((entry: unknown) => {
      const { key, text } = (entry ?? {}) as { key?: unknown; text?: unknown };
      return typeof key === "string" && typeof text === "string" ? [{ shown: [key], text }] : [];
    });
  });
}
