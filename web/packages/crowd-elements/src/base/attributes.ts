/** How attributes become properties: booleans with "false", numbers, and structured ones written as literals. */

import { LiteralError, parseLiteral } from "@labelwright/annotation-core";
import type { ComplexAttributeConverter } from "lit";

/** Present means true, whatever the text, except "false". */
export const booleanAttribute: ComplexAttributeConverter<boolean> = {
  fromAttribute: (text) => text !== null && text.trim().toLowerCase() !== "false",
  toAttribute: (on) => (on ? "" : null),
};

/** A finite number, or null when missing or not a number. */
export const numberAttribute: ComplexAttributeConverter<number | null> = {
  fromAttribute: (text) =>
    text === null || text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text),
  toAttribute: (n) => (n === null ? null : String(n)),
};

/** Options for `@property` on a boolean that scripts may also set. */
export const booleanProperty = { converter: booleanAttribute, reflect: true } as const;

/** Reads an attribute text or a JavaScript value. Throws LiteralError. */
export function readStructured<T>(given: unknown, read: (value: unknown) => T): T {
  return read(typeof given === "string" ? parseLiteral(given) : given);
}

export { LiteralError };
