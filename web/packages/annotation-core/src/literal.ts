/** Structured attributes are written like JavaScript literals: read them as JSON5, never by evaluating. */

import JSON5 from "json5";

export class LiteralError extends Error {
  constructor(
    message: string,
    readonly line: number | null = null,
    readonly column: number | null = null,
  ) {
    super(message);
    this.name = "LiteralError";
  }
}

/** Reads one literal. Blank text means "nothing given" and is `undefined`. Throws LiteralError with the position. */
export function parseLiteral(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    // Most attributes come out of `to_json`; the strict parser is many times faster on hundreds of boxes.
    return JSON.parse(text);
  } catch {
    return parseJson5(text);
  }
}

function parseJson5(text: string): unknown {
  try {
    return JSON5.parse(text);
  } catch (error) {
    const { lineNumber, columnNumber, message } = error as {
      lineNumber?: number;
      columnNumber?: number;
      message: string;
    };
    throw new LiteralError(
      message.replace(/^JSON5: /, "").replace(/ at \d+:\d+$/, ""),
      lineNumber ?? null,
      columnNumber ?? null,
    );
  }
}

/** A list of strings (labels, categories). Numbers and booleans become text; anything else is refused by position. */
export function toStringList(value: unknown): string[] {
  if (value === undefined || value === null || value === "") return [];
  if (!Array.isArray(value)) throw new LiteralError(`expected a list such as ["Cat", "Dog"], got ${describe(value)}`);
  return value.map((item: unknown, i) => {
    if (typeof item === "string") return item;
    if (typeof item === "number" || typeof item === "boolean") return String(item);
    throw new LiteralError(`entry ${i + 1} must be text, got ${describe(item)}`);
  });
}

export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `${typeof value} ${JSON.stringify(value)}`;
}
