/** The answer that this worker sent before for this job. The portal keeps it; the page, without storage, asks for it. */

import { isInPortal, onParentMessage, tellParent } from "./context.js";

const WAIT_MS = 2000;

let asked: Promise<Record<string, unknown> | null> | null = null;

/** Null when there is none, or nobody who keeps it. */
export function previousAnswer(): Promise<Record<string, unknown> | null> {
  if (!isInPortal()) return Promise.resolve(null);
  // Pressed twice before the answer came: one question will do.
  asked ??= ask().finally(() => (asked = null));
  return asked;
}

function ask(): Promise<Record<string, unknown> | null> {
  return new Promise((resolve) => {
    const done = (answer: Record<string, unknown> | null): void => {
      clearTimeout(timer);
      stop();
      resolve(answer);
    };
    const timer = setTimeout(() => done(null), WAIT_MS);
    const stop = onParentMessage((message) => {
      if (message.type !== "labelwright.previous") return;
      const { answer } = message;
      done(
        typeof answer === "object" && answer !== null && !Array.isArray(answer)
          ? (answer as Record<string, unknown>)
          : null,
      );
    });
    tellParent("labelwright.previous");
  });
}
