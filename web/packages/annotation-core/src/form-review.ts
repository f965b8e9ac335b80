/** Key-value pairs of a scanned form: out of the blocks that a recogniser found, and back into blocks after review. */

import type { Point, Size } from "./geometry.js";
import { LiteralError, describe } from "./literal.js";

/** A block as given. Fields that are not used here are kept. */
export interface Block {
  readonly id: string;
  readonly blockType?: string;
  readonly entityTypes?: readonly string[];
  readonly text?: string;
  readonly confidence?: number;
  readonly relationships?: readonly { readonly type: string; readonly ids: readonly string[] }[];
  readonly geometry?: {
    readonly boundingBox?: {
      readonly left: number;
      readonly top: number;
      readonly width: number;
      readonly height: number;
    };
    readonly polygon?: readonly Point[];
  };
  readonly selectionStatus?: string;
}

export interface ImportantKey {
  readonly importantFormKey: string;
  readonly importantFormKeyAliases: readonly string[];
}

/** `null`: not looked at yet. */
export type Verdict = "valid" | "invalid" | "key-not-found" | null;

export interface FormPair {
  /** Id of the key's block. */
  readonly id: string;
  readonly valueIds: readonly string[];
  readonly key: string;
  readonly value: string;
  readonly verdict: Verdict;
  readonly isBlank: boolean;
  /** Added by the worker: there are no blocks for it yet. */
  readonly isAdded: boolean;
  /** From 0 to 100; null when not known. */
  readonly confidence: number | null;
}

/** Reads a list of blocks. Throws LiteralError. */
export function readBlocks(value: unknown): Block[] {
  const list = value === undefined || value === null || value === "" || value === "null" ? [] : value;
  const blocks = Array.isArray(list) ? list : (list as { blocks?: unknown }).blocks;
  if (!Array.isArray(blocks))
    throw new LiteralError(`expected a list of blocks {id, blockType, ...}, got ${describe(value)}`);
  blocks.forEach((block: unknown, i) => {
    if (typeof (block as Block | null)?.id !== "string") throw new LiteralError(`entry ${i + 1} needs the text "id"`);
  });
  return blocks as Block[];
}

/** Reads `[{importantFormKey, importantFormKeyAliases}]`; bare texts will do. Throws LiteralError. */
export function readImportantKeys(value: unknown): ImportantKey[] {
  if (value === undefined || value === null || value === "" || value === "null") return [];
  if (!Array.isArray(value))
    throw new LiteralError(`expected a list such as [{importantFormKey: "Name"}], got ${describe(value)}`);
  return value.map((item: unknown, i) => {
    const given = (typeof item === "string" ? { importantFormKey: item } : (item ?? {})) as Record<string, unknown>;
    const { importantFormKey, importantFormKeyAliases } = given;
    if (typeof importantFormKey !== "string")
      throw new LiteralError(`entry ${i + 1} needs the text "importantFormKey"`);
    const aliases = Array.isArray(importantFormKeyAliases) ? importantFormKeyAliases.map(String) : [];
    return { importantFormKey, importantFormKeyAliases: aliases };
  });
}

const related = (block: Block, type: string): readonly string[] =>
  (block.relationships ?? []).filter((relation) => relation.type === type).flatMap(({ ids }) => ids);

/** The text of a block: its own, else that of its words and ticked boxes. */
function textOf(block: Block, byId: ReadonlyMap<string, Block>): string {
  if (block.text !== undefined) return block.text;
  return related(block, "CHILD")
    .flatMap((id) => {
      const child = byId.get(id);
      if (child?.blockType === "SELECTION_ELEMENT") return [child.selectionStatus === "SELECTED" ? "☑" : "☐"];
      return child?.text === undefined ? [] : [child.text];
    })
    .join(" ");
}

export function pairsFrom(blocks: readonly Block[]): FormPair[] {
  const byId = new Map(blocks.map((block) => [block.id, block]));
  return blocks
    .filter(({ blockType, entityTypes }) => blockType === "KEY_VALUE_SET" && entityTypes?.includes("KEY"))
    .map((key) => {
      const valueIds = related(key, "VALUE").filter((id) => byId.has(id));
      const values = valueIds.map((id) => byId.get(id)!);
      const known = [key, ...values].flatMap(({ confidence }) => (typeof confidence === "number" ? [confidence] : []));
      return {
        id: key.id,
        valueIds,
        key: textOf(key, byId),
        value: values.map((value) => textOf(value, byId)).join(" "),
        verdict: null,
        isBlank: false,
        isAdded: false,
        confidence: known.length ? Math.min(...known) : null,
      };
    });
}

/** The keys that no pair has yet, neither by name nor by alias. */
export function missingKeys(keys: readonly ImportantKey[], pairs: readonly FormPair[]): ImportantKey[] {
  const plain = (text: string): string => text.trim().replace(/:$/, "").toLowerCase();
  const found = new Set(pairs.map(({ key }) => plain(key)));
  return keys.filter(({ importantFormKey, importantFormKeyAliases }) =>
    [importantFormKey, ...importantFormKeyAliases].every((name) => !found.has(plain(name))),
  );
}

/**
 * The blocks after review. Pairs found wrong or not in the document are left out, with the blocks that only they used;
 * changed texts are in the blocks of the key and of the (first) value; what the worker added comes at the end.
 */
export function reviewedBlocks(blocks: readonly Block[], pairs: readonly FormPair[], withGeometry: boolean): Block[] {
  const original = new Map(pairsFrom(blocks).map((pair) => [pair.id, pair]));
  const texts = new Map<string, string>();
  const dropped = new Set<string>();
  const added: Block[] = [];
  for (const pair of pairs) {
    const value = pair.isBlank ? "" : pair.value;
    if (pair.verdict === "invalid" || pair.verdict === "key-not-found") {
      if (!pair.isAdded) for (const id of [pair.id, ...pair.valueIds]) dropped.add(id);
    } else if (pair.isAdded) added.push(...addedBlocks(pair, value));
    else {
      const before = original.get(pair.id);
      texts.set(pair.id, pair.key);
      pair.valueIds.forEach((id, i) => {
        // A value of several blocks keeps its parts until somebody changes it; then the first holds all of it.
        if (pair.valueIds.length === 1 || value !== before?.value) texts.set(id, i === 0 ? value : "");
      });
    }
  }
  const children = (ids: Iterable<string>): Set<string> => {
    const wanted = new Set(ids);
    return new Set(blocks.filter(({ id }) => wanted.has(id)).flatMap((block) => related(block, "CHILD")));
  };
  const stillUsed = children(blocks.flatMap(({ id }) => (dropped.has(id) ? [] : [id])));
  for (const id of children(dropped)) if (!stillUsed.has(id)) dropped.add(id);
  const kept = blocks.flatMap((block) => {
    if (dropped.has(block.id)) return [];
    const text = texts.get(block.id);
    const copy: Record<string, unknown> = { ...structuredClone(block), ...(text !== undefined && { text }) };
    if (!withGeometry) {
      delete copy["confidence"];
      delete copy["geometry"];
    }
    return [copy as unknown as Block];
  });
  return [...kept, ...added];
}

function addedBlocks(pair: FormPair, value: string): Block[] {
  const valueId = `${pair.id}-value`;
  return [
    {
      id: pair.id,
      blockType: "KEY_VALUE_SET",
      entityTypes: ["KEY"],
      text: pair.key,
      relationships: [{ type: "VALUE", ids: [valueId] }],
    },
    { id: valueId, blockType: "KEY_VALUE_SET", entityTypes: ["VALUE"], text: value },
  ];
}

/** The outline of a block in pixels of the image; empty when it has none. */
export function outlineOf(block: Block | undefined, { width, height }: Size): Point[] {
  const { polygon, boundingBox } = block?.geometry ?? {};
  if (polygon?.length) return polygon.map(({ x, y }) => ({ x: x * width, y: y * height }));
  if (!boundingBox) return [];
  const { left, top } = boundingBox;
  const [right, bottom] = [left + boundingBox.width, top + boundingBox.height];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ].map(([x, y]) => ({ x: x! * width, y: y! * height }));
}
