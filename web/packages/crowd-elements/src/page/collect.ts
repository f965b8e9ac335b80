/** From the content of a form to the answer: one walk in document order, rules per kind of control. */

import { flattenObjects, sortKeys } from "@labelwright/annotation-core";

import { type Contribution, type CrowdControl, isCrowdControl } from "../base/control.js";

export type NativeControl = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
export type AnyControl = NativeControl | CrowdControl;

const BUTTON_TYPES = new Set(["button", "submit", "reset", "image"]);

export function isNativeControl(node: unknown): node is NativeControl {
  return node instanceof HTMLInputElement || node instanceof HTMLSelectElement || node instanceof HTMLTextAreaElement;
}

/** All controls below the roots in document order. Shadow trees are not entered. */
export function controlsIn(...roots: readonly Node[]): AnyControl[] {
  const found: AnyControl[] = [];
  for (const root of roots) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (isNativeControl(node) || isCrowdControl(node)) found.push(node);
    }
  }
  return found;
}

export function isDisabled(control: AnyControl): boolean {
  if (isNativeControl(control)) return control.matches(":disabled");
  if (control.disabled) return true;
  for (
    let set = control.closest("fieldset:disabled");
    set;
    set = set.parentElement?.closest("fieldset:disabled") ?? null
  ) {
    // What stands in a fieldset's first legend stays usable, as with native controls.
    const legend = [...set.children].find((child) => child.localName === "legend");
    if (!legend?.contains(control)) return true;
  }
  return false;
}

function nativeContribution(control: NativeControl): Contribution | null {
  if (control instanceof HTMLSelectElement) {
    if (!control.multiple) return control.value === "" ? null : { kind: "value", value: control.value };
    const values = [...control.selectedOptions].map((option) => option.value);
    return values.length ? { kind: "value", value: values } : null;
  }
  if (control instanceof HTMLInputElement) {
    if (BUTTON_TYPES.has(control.type)) return null;
    if (control.type === "checkbox" || control.type === "radio") {
      return { kind: "boolean", value: { [control.value]: control.checked } };
    }
    if (control.type === "file") {
      const names = [...(control.files ?? [])].map((file) => file.name).join(", ");
      return names === "" ? null : { kind: "value", value: names };
    }
  }
  const text = control.value.replace(/\r\n?/g, "\n");
  return text === "" ? null : { kind: "value", value: text };
}

/** The answer object. Pure reading: nothing on the page changes. */
export function collect(controls: readonly AnyControl[], format: string | null = null): Record<string, unknown> {
  const entries = new Map<string, Contribution>();
  for (const control of controls) {
    const native = isNativeControl(control);
    const key = native ? control.name : control.answerKey;
    if (key === "" || isDisabled(control)) continue;
    const part = native ? nativeContribution(control) : control.contribution();
    if (!part) continue;
    const earlier = entries.get(key);
    if (part.kind === "boolean" && earlier?.kind === "boolean") {
      const merged: Record<string, boolean> = { ...earlier.value };
      for (const [name, on] of Object.entries(part.value)) merged[name] = merged[name] === true || on;
      entries.set(key, { kind: "boolean", value: merged });
    } else entries.set(key, part);
    const more = native ? undefined : control.moreAnswers?.();
    for (const [name, value] of Object.entries(more ?? {})) entries.set(name, { kind: "value", value });
  }
  const answer = Object.fromEntries([...entries].map(([key, part]) => [key, part.value]));
  return sortKeys(format === "flatten-objects" ? flattenObjects(answer) : answer);
}

/** A key that names the same control again after a reload of the same page. */
function draftKeys(controls: readonly AnyControl[]): string[] {
  const seen = new Map<string, number>();
  return controls.map((control) => {
    const key = `${control.localName}:${control.name}`;
    const n = seen.get(key) ?? 0;
    seen.set(key, n + 1);
    return `${key}:${n}`;
  });
}

export function draftOf(controls: readonly AnyControl[]): Record<string, unknown> {
  const keys = draftKeys(controls);
  const draft: Record<string, unknown> = {};
  controls.forEach((control, i) => {
    const state = isNativeControl(control) ? nativeDraft(control) : control.getDraft();
    if (state !== undefined) draft[keys[i]!] = state;
  });
  return draft;
}

function nativeDraft(control: NativeControl): unknown {
  if (control instanceof HTMLSelectElement) return [...control.selectedOptions].map((option) => option.value);
  if (control instanceof HTMLInputElement) {
    if (control.type === "checkbox" || control.type === "radio") return control.checked;
    if (BUTTON_TYPES.has(control.type) || control.type === "file" || control.type === "password") return undefined;
  }
  return control.value;
}

export function restoreDraft(controls: readonly AnyControl[], draft: Readonly<Record<string, unknown>>): void {
  const keys = draftKeys(controls);
  controls.forEach((control, i) => {
    const state = draft[keys[i]!];
    if (state === undefined) return;
    if (!isNativeControl(control)) control.restoreDraft(state);
    else if (control instanceof HTMLSelectElement) {
      if (Array.isArray(state)) for (const option of control.options) option.selected = state.includes(option.value);
    } else if (typeof state === "boolean" && control instanceof HTMLInputElement) control.checked = state;
    else if (typeof state === "string") control.value = state;
  });
}
