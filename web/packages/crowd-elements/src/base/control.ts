/** What crowd-form asks of every element that can be part of an answer. */

/** One control's part of the answer. Booleans of one name are merged; of the rest, the later one wins. */
export type Contribution =
  | { readonly kind: "boolean"; readonly value: Record<string, boolean> }
  | { readonly kind: "value"; readonly value: unknown };

export interface Problem {
  /** The sentence the worker reads. */
  readonly message: string;
  /** All that is wrong is that nothing was marked, which may be right: the worker can be asked. */
  readonly isEmpty?: boolean;
}

export interface CrowdControl extends HTMLElement {
  readonly isCrowdControl: true;
  /** Inputs are validated before widgets. */
  readonly controlKind: "input" | "widget";
  name: string;
  disabled: boolean;
  /** The key in the answer; empty: contributes nothing. */
  readonly answerKey: string;
  /** Nothing to say (an empty text field, say) is null. */
  contribution(): Contribution | null;
  /** Keys that stand beside the element's own in the answer. */
  moreAnswers?(): Readonly<Record<string, unknown>>;
  /** Why the answer cannot be sent yet, shown at the control too; null when all is well. */
  problem(): Problem | null;
  /** Asks whether there really is nothing to mark. True: yes, and the answer says so now. */
  confirmEmpty?(): Promise<boolean>;
  /** Shows or clears the message at the control. */
  showProblem(problem: Problem | null): void;
  focusControl(): void;
  resetControl(): void;
  /** State worth keeping over a reload, as plain JSON; undefined when there is none. */
  getDraft(): unknown;
  restoreDraft(draft: unknown): void;
}

export function isCrowdControl(node: unknown): node is CrowdControl {
  return node instanceof HTMLElement && (node as Partial<CrowdControl>).isCrowdControl === true;
}

/** Something that can bring hidden content into view (a tab, a modal) before an invalid control inside is focused. */
export interface Revealing extends HTMLElement {
  reveal(content: Element): void;
}

export function isRevealing(node: unknown): node is Revealing {
  return node instanceof HTMLElement && typeof (node as Partial<Revealing>).reveal === "function";
}

/** Bubbles from controls when something crowd-form shows has changed (ready to send, nothing to label, ...). */
export const STATE_EVENT = "labelwright-state";

export function announceState(control: HTMLElement): void {
  control.dispatchEvent(new CustomEvent(STATE_EVENT, { bubbles: true, composed: true }));
}
