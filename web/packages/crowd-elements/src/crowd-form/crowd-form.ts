import { html, nothing } from "lit";
import type { PropertyValues } from "lit";
import { property, query, state } from "lit/decorators.js";

import { type CrowdControl, STATE_EVENT, isCrowdControl, isRevealing } from "../base/control.js";
import { CrowdElement, hasContent } from "../base/crowd-element.js";
import { icon } from "../base/icons.js";
import {
  type KeyBinding,
  type KeyGroup,
  KEYS_DIALOG,
  chordText,
  isTyping,
  keysDialog,
  pressKey,
} from "../base/keys.js";
import { msg } from "../base/messages.js";
import { modal, openModal } from "../base/modal.js";
import { WidgetElement } from "../base/widget.js";
import { CrowdButton } from "../crowd-button/crowd-button.js";
import {
  type AnyControl,
  collect,
  controlsIn,
  draftOf,
  isDisabled,
  isNativeControl,
  restoreDraft,
} from "../page/collect.js";
import { isInPortal, onParentMessage, tellParent } from "../page/context.js";
import { addPageKeys, pageKeys } from "../page/key-map.js";
import { LOOK_EVENT, isFocusMode, lookKeys } from "../page/look.js";
import { ready } from "../page/ready.js";
import { formStyles, modalStyles } from "./crowd-form.styles.js";

/** Controls in which Enter means "next line" or is a click of their own. */
const NO_ENTER = new Set(["button", "submit", "reset", "image", "checkbox", "radio", "file", "color", "hidden"]);
/** Content that takes no room and so does not keep a single widget from filling the page. */
const ROOMLESS = "script,style,link,template,meta,input[type=hidden],short-instructions,full-instructions";
const DRAFT_DELAY_MS = 400;

type Phase = "editing" | "sending" | "sent" | "locked";

/**
 * The whole task: gathers the controls inside, validates, and submits one JSON object.
 *
 * @slot - The task.
 * @slot short-instructions - Filled by a child of that tag name: the instructions pane.
 * @slot full-instructions - Filled by a child of that tag name: the instructions dialog.
 * @event submit - After validation and before the values are read; `preventDefault()` stops the submission.
 */
export class CrowdForm extends CrowdElement {
  static override styles = [...(CrowdElement.styles as []), formStyles, modalStyles];
  static override regions = ["short-instructions", "full-instructions"];

  @property({ attribute: "answer-format" }) answerFormat: string | null = null;

  /** A widget that brings this form along in its shadow tree; it is the first control, and its content belongs here. */
  @property({ attribute: false }) owner: WidgetElement | null = null;

  @state() private phase: Phase = "editing";
  @state() private notice: { kind: "error" | "done"; text: string } | null = null;
  @state() private answerText = "";
  @state() private hasOwnSubmit = false;
  @state() private isBlocked = false;
  @state() private hasKeyList = false;
  @state() private nothingWidget: WidgetElement | null = null;

  @query(".form") private readonly formElement!: HTMLFormElement;

  /** Set while one attempt runs, so that a second trigger of the same gesture does nothing. */
  #isAttempting = false;
  #observer: MutationObserver | null = null;
  #stopListening: (() => void) | null = null;
  #forgetKeys: (() => void) | null = null;
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  #pendingDraft: unknown;

  constructor() {
    super();
    this.addEventListener("submit", (event) => this.#onNativeSubmit(event), { capture: true });
    this.addEventListener("click", (event) => this.#onClick(event));
    this.addEventListener("keydown", (event) => this.#onKey(event));
    this.addEventListener(STATE_EVENT, () => this.#refresh());
    for (const type of ["input", "change", STATE_EVENT]) this.addEventListener(type, this.#keepDraft);
  }

  // ---- life ----------------------------------------------------------------------------------------------------

  override connectedCallback(): void {
    super.connectedCallback();
    this.#observer = new MutationObserver(() => this.#refresh());
    this.#observe(this);
    if (this.owner) this.#observe(this.owner);
    document.addEventListener("keydown", this.#onPageKey);
    document.addEventListener(LOOK_EVENT, this.#onLook);
    this.#forgetKeys = addPageKeys(() => [this.#formKeys]);
    this.#stopListening = onParentMessage((message) => {
      switch (message.type) {
        case "labelwright.submitted":
          this.phase = "sent";
          this.notice = { kind: "done", text: msg().submitted };
          break;
        case "labelwright.refused":
          this.phase = "editing";
          this.notice = { kind: "error", text: msg().sendFailed(message.message) };
          break;
        case "labelwright.lock":
          this.phase = "locked";
          this.notice = { kind: "error", text: message.message || msg().locked };
          break;
        case "labelwright.restore":
          this.restoreDraft(message.draft);
          break;
        case "labelwright.help":
          this.openShortcuts();
          break;
        case "labelwright.show":
          window.focus();
      }
    });
    this.#refresh();
    void ready().then(() => {
      this.#refresh();
      if (this.#pendingDraft !== undefined) this.restoreDraft(this.#pendingDraft);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer?.disconnect();
    this.#stopListening?.();
    document.removeEventListener("keydown", this.#onPageKey);
    document.removeEventListener(LOOK_EVENT, this.#onLook);
    this.#forgetKeys?.();
  }

  readonly #onLook = (): void => this.requestUpdate();

  #observe(root: Node): void {
    this.#observer?.observe(root, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ["form-action", "disabled", "type"],
    });
  }

  /** What happens at the widget around us does not pass through this element: it has to be listened to there. */
  #follow(owner: WidgetElement): void {
    this.#observe(owner);
    owner.addEventListener(STATE_EVENT, () => this.#refresh());
    for (const type of ["input", "change", STATE_EVENT]) owner.addEventListener(type, this.#keepDraft);
    this.#refresh();
  }

  /** Looks again at what the form contains: own Submit buttons, a single widget, what blocks sending. */
  #refresh(): void {
    this.hasOwnSubmit = [this, this.owner].some((root) => root?.querySelector("crowd-button[form-action=submit]"));
    const widgets = this.#controls().filter((control): control is WidgetElement => control instanceof WidgetElement);
    this.isBlocked = widgets.some((widget) => !widget.disabled && widget.isBlocked);
    const nothing = widgets.filter((widget) => widget.offersNothing);
    this.nothingWidget = nothing.length === 1 && !this.hasOwnSubmit ? nothing[0]! : null;
    for (const widget of nothing) widget.showsNothingItself = widget !== this.nothingWidget;
    const fills = this.#isOneWidget();
    this.toggleAttribute("data-fill", fills);
    for (const widget of widgets) widget.isMainContent = fills;
    for (const form of this.querySelectorAll("form")) form.noValidate = true;
    this.requestUpdate();
  }

  #isOneWidget(): boolean {
    if (this.owner) return true;
    let widgets = 0;
    for (const node of this.childNodes) {
      if (node instanceof Text && node.data.trim() !== "") return false;
      if (!(node instanceof Element) || node.matches(ROOMLESS)) continue;
      if (node instanceof WidgetElement) widgets += 1;
      else if (!(node instanceof HTMLElement && (node.hidden || node.style.display === "none"))) return false;
    }
    return widgets === 1 && !hasContent(this.regionOf("short-instructions"));
  }

  #controls(): AnyControl[] {
    const own = this.hasUpdated ? [...this.formElement.children].filter((child) => child.localName !== "slot") : [];
    const controls = controlsIn(this);
    if (this.owner) controls.unshift(this.owner, ...controlsIn(this.owner));
    for (const child of own) {
      if (isNativeControl(child) || isCrowdControl(child)) controls.push(child);
      controls.push(...controlsIn(child));
    }
    return controls;
  }

  // ---- what scripts use ----------------------------------------------------------------------------------------

  /** The native form that hosts the content. What is appended to it stands above the Submit button and is collected. */
  get form(): HTMLFormElement {
    this.renderNow();
    return this.formElement;
  }

  /** The same as pressing Submit: validation, `submit` event, collection, sending. */
  submit(): void {
    this.#attempt(false);
  }

  /** `isByWorker`: somebody is there who can be asked. A script that calls `submit()` gets its answer at once. */
  #attempt(isByWorker: boolean): void {
    if (this.#isAttempting || this.phase === "sending" || this.phase === "sent" || this.phase === "locked") return;
    this.#isAttempting = true;
    setTimeout(() => {
      this.#isAttempting = false;
    });
    this.notice = null;
    if (!this.#validate(isByWorker)) return;
    const event = new Event("submit", { bubbles: true, cancelable: true });
    if (!this.dispatchEvent(event)) return;
    this.#send(this.#answer());
  }

  /** Takes all controls back to where they began. */
  reset(): void {
    const forms = new Set<HTMLFormElement>([this.formElement, ...this.querySelectorAll("form")]);
    for (const form of forms) form.reset();
    for (const control of this.#controls()) {
      if (!isNativeControl(control)) control.resetControl();
      else if (control.form === null) resetNative(control);
    }
    this.notice = null;
    this.answerText = "";
    this.#keepDraft();
  }

  /** The answer as it would be sent now, as public scripts expect it: a JSON text of a one-element list. */
  _serializeForm(): { taskAnswers: string } {
    return { taskAnswers: JSON.stringify([this.#answer()]) };
  }

  /** Everything the worker has done so far, as plain JSON. */
  getDraft(): Record<string, unknown> {
    return draftOf(this.#controls());
  }

  /** Brings back what `getDraft` gave. Early calls wait until all elements are there. */
  restoreDraft(draft: unknown): void {
    if (typeof draft !== "object" || draft === null) return;
    if (!this.hasUpdated) {
      this.#pendingDraft = draft;
      void ready().then(() => {
        if (this.#pendingDraft === draft) this.restoreDraft(draft);
      });
      return;
    }
    this.#pendingDraft = undefined;
    restoreDraft(this.#controls(), draft as Record<string, unknown>);
    this.#refresh();
  }

  // ---- triggers ------------------------------------------------------------------------------------------------

  /** A nested native form was submitted: its own listeners are heard, then it counts as ours. */
  #onNativeSubmit(event: Event): void {
    const inner = event.target;
    if (inner === this || !(inner instanceof HTMLFormElement)) return;
    inner.addEventListener(
      "submit",
      (late) => {
        const wasPrevented = late.defaultPrevented;
        late.preventDefault();
        late.stopPropagation();
        if (!wasPrevented) this.#attempt(navigator.userActivation.isActive);
      },
      { once: true },
    );
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented) return;
    for (const node of event.composedPath()) {
      if (node === this) return;
      if (node instanceof CrowdButton) {
        if (node.formAction === "submit") this.#attempt(event.isTrusted);
        else if (node.formAction === "reset") this.reset();
        return;
      }
      const isButton = node instanceof HTMLButtonElement || node instanceof HTMLInputElement;
      if (isButton && node.getRootNode() === this.getRootNode() && !node.disabled && node.form === null) {
        if (node.type === "submit" || node.type === "image") this.#attempt(event.isTrusted);
        else if (node.type === "reset") this.reset();
        if (node instanceof HTMLButtonElement) return;
      }
    }
  }

  /** Nothing has the focus, as when the task has just been shown: the key is meant for the form all the same. */
  readonly #onPageKey = (event: KeyboardEvent): void => {
    if (event.target === document.body || event.target === document.documentElement) this.#onKey(event);
    // Where there is a widget, it hears these keys itself.
    if (
      event.defaultPrevented ||
      event.isComposing ||
      isTyping(event) ||
      this.phase === "locked" ||
      this.#widgets.length
    )
      return;
    if (pressKey([lookKeys(() => this.openShortcuts())], event)) event.preventDefault();
  };

  #onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    if (pressKey([this.#formKeys], event)) {
      event.preventDefault();
      return;
    }
    if (event.key !== "Enter") return;
    const field = event.composedPath()[0];
    if (!(field instanceof HTMLInputElement) || NO_ENTER.has(field.type) || field.closest("[data-no-enter]")) return;
    // A field of a nested native form submits that form by itself.
    if (field.form !== null) return;
    event.preventDefault();
    field.dispatchEvent(new Event("change", { bubbles: true }));
    this.#attempt(event.isTrusted);
  }

  /** Keys that work everywhere in the form, while writing too. */
  get #formKeys(): KeyGroup {
    const submit: KeyBinding = {
      keys: ["Ctrl+Enter"],
      text: msg().keySubmit,
      run: (event) => this.#attempt(event.isTrusted),
    };
    return { title: msg().keysOfForm, keys: [submit] };
  }

  // ---- the list of keys ----------------------------------------------------------------------------------------

  get #widgets(): WidgetElement[] {
    return this.#controls().filter((control): control is WidgetElement => control instanceof WidgetElement);
  }

  /** Opens the list of keys: the widget's, which names ours too, or our own where there is no widget. */
  openShortcuts(): void {
    const [widget] = this.#widgets;
    if (widget) return widget.openShortcuts();
    this.hasKeyList = true;
    void this.updateComplete.then(() => openModal(this.renderRoot as ShadowRoot, KEYS_DIALOG));
  }

  #ownKeyList(): KeyGroup[] {
    return [lookKeys(() => this.openShortcuts()), ...pageKeys()];
  }

  // ---- validation ----------------------------------------------------------------------------------------------

  #validate(isByWorker: boolean): boolean {
    const controls = this.#controls().filter((control) => !isDisabled(control));
    const crowd = controls.filter((control): control is CrowdControl => !isNativeControl(control));
    for (const control of crowd) control.showProblem(null);
    for (const control of controls) {
      if (!isNativeControl(control) || control.checkValidity()) continue;
      this.#reveal(control);
      control.reportValidity();
      const label = control.labels?.[0]?.textContent?.trim() || control.getAttribute("aria-label") || control.name;
      this.#refuse(msg().fieldProblem(label, control.validationMessage));
      return false;
    }
    for (const kind of ["input", "widget"] as const) {
      const faulty = crowd.filter((control) => control.controlKind === kind && control.problem() !== null);
      if (!faulty.length) continue;
      if (isByWorker && faulty.every((control) => control.problem()!.isEmpty && control.confirmEmpty)) {
        void this.#askAboutEmpty(faulty);
        return false;
      }
      for (const control of faulty) control.showProblem(control.problem());
      const first = faulty[0]!;
      this.#reveal(first);
      first.scrollIntoView({ block: "nearest" });
      first.focusControl();
      const label = kind === "input" ? (first.getAttribute("label") ?? "") : "";
      this.#refuse(msg().fieldProblem(label, first.problem()!.message));
      return false;
    }
    return true;
  }

  /** All is well, but nothing was marked where something is likely. */
  async #askAboutEmpty(controls: readonly CrowdControl[]): Promise<void> {
    for (const control of controls) {
      this.#reveal(control);
      if (await control.confirmEmpty!()) continue;
      control.focusControl();
      return;
    }
    this.#attempt(true);
  }

  #refuse(text: string): void {
    this.notice = { kind: "error", text };
  }

  /** Opens tabs and the like around an invalid control. */
  #reveal(control: Element): void {
    for (let node = control.parentElement; node && node !== this; node = node.parentElement) {
      if (isRevealing(node)) node.reveal(control);
    }
    if (control.closest("full-instructions")?.parentElement === this) openModal(this.renderRoot as ShadowRoot, "full");
    control.scrollIntoView({ block: "nearest" });
  }

  // ---- sending -------------------------------------------------------------------------------------------------

  #answer(): Record<string, unknown> {
    return collect(this.#controls(), this.answerFormat);
  }

  #send(answer: Record<string, unknown>): void {
    if (isInPortal()) {
      this.phase = "sending";
      clearTimeout(this.#draftTimer);
      tellParent("labelwright.submit", { answer });
      return;
    }
    this.notice = { kind: "done", text: msg().answerShown };
    this.answerText = JSON.stringify([answer], null, 2);
    this.dispatchEvent(new CustomEvent("labelwright-answer", { bubbles: true, composed: true, detail: { answer } }));
  }

  readonly #keepDraft = (): void => {
    if (!isInPortal() || this.phase !== "editing") return;
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => tellParent("labelwright.draft", { draft: this.getDraft() }), DRAFT_DELAY_MS);
  };

  // ---- drawing -------------------------------------------------------------------------------------------------

  override render(): unknown {
    const short = this.regionOf("short-instructions");
    const full = this.regionOf("full-instructions");
    const hasShort = hasContent(short);
    const hasFull = hasContent(full);
    const title = full?.getAttribute("header") || short?.getAttribute("header") || msg().instructions;
    const link = hasFull
      ? html`<button class="linkish moreInstructionsLink" type="button"
          @click=${() => openModal(this.renderRoot as ShadowRoot, "full")}>${msg().viewFullInstructions}</button>`
      : nothing;
    return html`<div class="shell">
      <div class="page">
        ${
          hasShort && !isFocusMode()
            ? html`<aside class="awsui-app-layout__navigation" aria-label=${msg().instructions}>
              <h2>${short!.getAttribute("header") || msg().instructions}</h2>
              ${hasFull ? html`<p style="margin: 0 0 10px">${link}</p>` : nothing}
              <slot name="short-instructions"></slot>
            </aside>`
            : nothing
        }
        <div class="main" role=${this.hasAttribute("data-fill") ? nothing : "main"}><form class="form" part="form" novalidate @change=${this.#keepDraft}
          @submit=${(event: Event) => event.preventDefault()}>
          ${hasFull && !hasShort ? html`<div class="only-link">${link}</div>` : nothing}<slot></slot>
        </form></div>
      </div>
      ${this.renderFoot()}
      ${
        isInPortal()
          ? nothing
          : html`<pre id="answers-box" role="region" aria-label=${msg().answer} aria-live="polite" tabindex="0">${this.answerText}</pre>`
      }
      </div>
      ${modal({ id: "full", title, boxClass: "awsui-modal-dialog" }, html`<slot name="full-instructions"></slot>`)}
      ${this.hasKeyList ? keysDialog(this.#ownKeyList()) : nothing}
      ${
        this.phase === "locked"
          ? html`<div class="veil" role="alert"><span>${this.notice?.text ?? msg().locked}</span></div>`
          : nothing
      }
    `;
  }

  private renderFoot(): unknown {
    if (this.hasOwnSubmit && !this.notice) return nothing;
    const { notice, nothingWidget } = this;
    const isBusy = this.phase === "sending";
    return html`<div class="foot" part="foot">
      <div class="status ${notice?.kind ?? ""}" role=${notice?.kind === "error" ? "alert" : "status"}>
        ${notice ? html`${icon(notice.kind === "error" ? "error" : "check-circle")}<span>${notice.text}</span>` : nothing}
      </div>
      ${
        nothingWidget
          ? html`<label class="nothing"><input type="checkbox" .checked=${nothingWidget.nothing}
              @change=${(event: Event) => this.#tickNothing(event)} />${msg().nothingToLabel}</label>`
          : nothing
      }
      ${
        this.hasOwnSubmit
          ? nothing
          : html`<crowd-button form-action="submit" variant="primary" ?loading=${isBusy}
            ?disabled=${this.isBlocked || this.phase === "sent" || this.phase === "locked"}
            title=${chordText("Ctrl+Enter")}>${isBusy ? msg().submitting : msg().submit}</crowd-button>`
      }
    </div>`;
  }

  async #tickNothing(event: Event): Promise<void> {
    const box = event.target as HTMLInputElement;
    await this.nothingWidget?.setNothing(box.checked);
    box.checked = this.nothingWidget?.nothing ?? false;
    this.requestUpdate();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("phase")) this.inert = this.phase === "locked";
    if (changed.has("owner") && this.owner) this.#follow(this.owner);
  }
}

function resetNative(control: AnyControl): void {
  if (control instanceof HTMLSelectElement) {
    for (const option of control.options) option.selected = option.defaultSelected;
  } else if (control instanceof HTMLInputElement && (control.type === "checkbox" || control.type === "radio")) {
    control.checked = control.defaultChecked;
  } else if (control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement) {
    control.value = control.defaultValue;
  }
}
