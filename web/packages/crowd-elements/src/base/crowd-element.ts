/** The base of all elements: open shadow root, regions by tag name, structured attributes, `change` and `input`. */

import { LitElement } from "lit";
import type { CSSResultGroup, PropertyValues } from "lit";

import { LiteralError, readStructured } from "./attributes.js";
import { msg } from "./messages.js";
import { controls, tokens } from "./tokens.js";

interface StructuredRule {
  readonly read: (value: unknown) => unknown;
  /** Written back to the attribute as compact strict JSON after parsing. */
  readonly reflect: boolean;
}

export abstract class CrowdElement extends LitElement {
  static override styles: CSSResultGroup = [tokens, controls];

  /** Attributes written as literals, by attribute name. */
  static structured: Readonly<Record<string, StructuredRule>> = {};

  /** Child tags that go into the slot of the same name. */
  static regions: readonly string[] = [];

  readonly #structured = new Map<string, { value: unknown; error: string | null }>();
  /** The text last written back, by attribute: seeing it come in again is no news. */
  readonly #reflected = new Map<string, string>();
  #regionObserver: MutationObserver | null = null;

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, ...Object.keys(this.structured)];
  }

  get #rules(): Readonly<Record<string, StructuredRule>> {
    return (this.constructor as typeof CrowdElement).structured;
  }

  override attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    if (!(name in this.#rules)) super.attributeChangedCallback(name, old, value);
    // A flag around setAttribute would not do: while an element is created, that call also delivers other attributes.
    else if (value === null || this.#reflected.get(name) !== value) this.setStructured(name, value ?? undefined);
  }

  /** The parsed value of a structured attribute; what the rule makes of "nothing given" when absent or unreadable. */
  protected getStructured(name: string): unknown {
    const kept = this.#structured.get(name);
    return kept && kept.error === null ? kept.value : this.#rules[name]!.read(undefined);
  }

  /** Takes attribute text or a JavaScript value. An unreadable one is kept as an error that `attributeErrors` names. */
  protected setStructured(name: string, given: unknown): void {
    const rule = this.#rules[name]!;
    try {
      this.#structured.set(name, { value: readStructured(given, rule.read), error: null });
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error;
      const message = msg().badAttribute(name, error.message, error.line, error.column);
      this.#structured.set(name, { value: undefined, error: message });
      console.error(`<${this.localName}>: ${message}`);
    }
    this.#reflectStructured(name);
    this.structuredChanged(name);
    this.requestUpdate();
  }

  #reflectStructured(name: string): void {
    const { value, error } = this.#structured.get(name)!;
    this.#reflected.delete(name);
    if (!this.#rules[name]!.reflect || error !== null) return;
    const text = JSON.stringify(value);
    const now = this.getAttribute(name);
    if (text === undefined || (now === null && text === "[]")) return;
    this.#reflected.set(name, text);
    if (now !== text) this.setAttribute(name, text);
  }

  /** Called after a structured attribute or property was set. */
  protected structuredChanged(_name: string): void {}

  /** One sentence per structured attribute that cannot be read. */
  protected attributeErrors(): string[] {
    return [...this.#structured.values()].flatMap(({ error }) => (error === null ? [] : [error]));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const { regions } = this.constructor as typeof CrowdElement;
    if (!regions.length) return;
    const assign = (): void => {
      for (const child of this.children) {
        if (regions.includes(child.localName) && child.slot !== child.localName) child.slot = child.localName;
      }
      this.regionsChanged();
    };
    this.#regionObserver = new MutationObserver(assign);
    this.#regionObserver.observe(this, { childList: true });
    assign();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#regionObserver?.disconnect();
  }

  /** Called when children may have come or gone. */
  protected regionsChanged(): void {
    this.requestUpdate();
  }

  protected regionOf(tag: string): HTMLElement | null {
    for (const child of this.children) if (child.localName === tag) return child as HTMLElement;
    return null;
  }

  /** Makes sure that the shadow tree is there now, for scripts that reach inside at once. */
  protected renderNow(): void {
    if (!this.hasUpdated && this.isConnected) this.performUpdate();
  }

  protected emit(type: "change" | "input"): void {
    this.dispatchEvent(new Event(type, { bubbles: true }));
  }

  protected override willUpdate(_changed: PropertyValues): void {}
}

/** Whether a region holds anything to see. */
export function hasContent(element: Element | null): boolean {
  if (!element) return false;
  return (
    (element.textContent ?? "").trim() !== "" ||
    element.querySelector("img,video,audio,iframe,svg,canvas,input,select,textarea,button,object,embed") !== null
  );
}
