/** The frame of every widget: header bar, instructions pane and dialog, work area, side pane, shortcuts, problems. */

import { html, nothing } from "lit";
import type { TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";

import { modalStyles } from "../crowd-form/crowd-form.styles.js";
import { onPreferences, preference, setPreference } from "../page/context.js";
import { pageKeys } from "../page/key-map.js";
import {
  LOOK_EVENT,
  canChooseScheme,
  isDark,
  isFocusMode,
  lookKeys,
  toggleFocusMode,
  toggleScheme,
} from "../page/look.js";
import { previousAnswer } from "../page/previous.js";
import { pageIsReady, ready } from "../page/ready.js";
import { booleanProperty } from "./attributes.js";
import { type Contribution, type CrowdControl, type Problem, announceState } from "./control.js";
import { CrowdElement, hasContent } from "./crowd-element.js";
import { icon } from "./icons.js";
import { type KeyGroup, KEYS_DIALOG, chordText, isTyping, keysDialog, pressKey } from "./keys.js";
import { msg } from "./messages.js";
import { modal, openModal } from "./modal.js";
import { widgetStyles } from "./widget.styles.js";

/** Below this the panes stand one above the other, and the instructions wait until they are asked for. */
const NARROW_PX = 860;

/** The widget that the page's keys go to: the one used last, else the first. */
let current: WidgetElement | null = null;

export abstract class WidgetElement extends CrowdElement implements CrowdControl {
  static override styles = [...(CrowdElement.styles as []), modalStyles, widgetStyles];

  static override regions: readonly string[] = ["short-instructions", "full-instructions"];

  /** Attributes without which the widget cannot work. */
  static requiredAttributes: readonly string[] = [];

  readonly isCrowdControl = true as const;
  readonly controlKind = "widget" as const;

  @property({ reflect: true }) name = "";
  @property({ reflect: true }) header = "";
  @property(booleanProperty) disabled = false;

  /** The form shows "Nothing to label" beside Submit, unless it cannot; then the widget does. */
  @property({ attribute: false }) showsNothingItself = false;

  /** The widget is all there is on the page; else it is a part among others and brings no landmarks of its own. */
  @property({ attribute: false }) isMainContent = false;

  @state() protected isPaneOpen = true;
  /** The list of keys was opened at least once; before, it is not worth making. */
  @state() private hasKeyList = false;
  @state() protected shownProblem = "";
  /** What the worker should know and may have to check: said as long as it is so. */
  protected hints(): string[] {
    return [];
  }

  /** Nobody collects what is done here: the element stands in no form. */
  get #isOutsideForm(): boolean {
    const root = this.getRootNode();
    const inShadowOf = root instanceof ShadowRoot ? root.host.localName : "";
    return pageIsReady() && !this.closest("crowd-form") && inShadowOf !== "crowd-form" && !this.bringsForm;
  }

  /** The element has a form of its own. */
  protected get bringsForm(): boolean {
    return false;
  }

  /** What the worker should know but need not act on; goes away with the next change. */
  @state() private note = "";

  #wasTold = false;
  #forgetPreferences: (() => void) | null = null;

  constructor() {
    super();
    this.addEventListener("pointerdown", () => this.#becomeCurrent());
    this.addEventListener("focusin", () => this.#becomeCurrent());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.dataset["widget"] = "";
    if (!this.#wasTold) {
      this.#wasTold = true;
      this.isPaneOpen = preference("instructionsOpen", window.innerWidth > NARROW_PX);
    }
    current ??= this;
    // What is missing is said only now: until then a script may still set it.
    void ready().then(() => this.requestUpdate());
    document.addEventListener("keydown", this.#onKeyDown);
    document.addEventListener("keyup", this.#onKeyUp);
    document.addEventListener(LOOK_EVENT, this.#onLook);
    this.#forgetPreferences = onPreferences(() => {
      this.isPaneOpen = preference("instructionsOpen", this.isPaneOpen);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (current === this) current = null;
    document.removeEventListener("keydown", this.#onKeyDown);
    document.removeEventListener("keyup", this.#onKeyUp);
    document.removeEventListener(LOOK_EVENT, this.#onLook);
    this.#forgetPreferences?.();
  }

  readonly #onLook = (): void => this.requestUpdate();

  #becomeCurrent(): void {
    current = this;
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  readonly #onKeyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || !this.#isForUs(event)) return;
    const own = this.hearsKeys ? this.keyGroups() : [];
    if (pressKey([...own, ...this.#pageKeys()], event)) event.preventDefault();
  };

  readonly #onKeyUp = (event: KeyboardEvent): void => {
    if (this.#isForUs(event)) this.onKeyReleased(event);
  };

  #isForUs(event: KeyboardEvent): boolean {
    if ((current ?? this) !== this || this.disabled || this.closest("[inert]")) return false;
    // The form may also be one that the widget has brought along.
    if (this.renderRoot.querySelector("crowd-form")?.hasAttribute("inert")) return false;
    return !isTyping(event);
  }

  /** Every key of the widget: what the list shows, and what is done when one is pressed outside text fields. */
  protected abstract keyGroups(): KeyGroup[];

  /** False: the widget's keys wait (its image is loading, a question is open). */
  protected get hearsKeys(): boolean {
    return true;
  }

  protected onKeyReleased(_event: KeyboardEvent): void {}

  #pageKeys(): KeyGroup[] {
    return [lookKeys(() => this.openShortcuts()), ...pageKeys()];
  }

  openShortcuts(): void {
    this.hasKeyList = true;
    void this.updateComplete.then(() => openModal(this.renderRoot as ShadowRoot, KEYS_DIALOG));
  }

  // ---- the form's side -----------------------------------------------------------------------------------------

  get answerKey(): string {
    return this.name;
  }

  /** Sending makes no sense now (the image could not be loaded, an attribute cannot be read). */
  get isBlocked(): boolean {
    return this.brokenReasons().length > 0;
  }

  get offersNothing(): boolean {
    return false;
  }

  get nothing(): boolean {
    return false;
  }

  setNothing(_on: boolean): Promise<void> {
    return Promise.resolve();
  }

  confirmEmpty(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** What stands in the way of working at all, one sentence each. */
  protected brokenReasons(): string[] {
    const { requiredAttributes } = this.constructor as typeof WidgetElement;
    const missing = requiredAttributes.filter((name) => pageIsReady() && this.isMissing(name));
    return [...this.attributeErrors(), ...missing.map((name) => msg().missingAttribute(name))];
  }

  protected isMissing(attribute: string): boolean {
    return !this.hasAttribute(attribute);
  }

  abstract get _submittableValue(): unknown;

  contribution(): Contribution {
    return { kind: "value", value: this._submittableValue };
  }

  problem(): Problem | null {
    const [broken] = this.brokenReasons();
    return broken === undefined ? this.widgetProblem() : { message: broken };
  }

  protected abstract widgetProblem(): Problem | null;

  showProblem(problem: Problem | null): void {
    this.shownProblem = problem?.message ?? "";
  }

  focusControl(): void {
    this.renderRoot.querySelector<HTMLElement>("[data-first-focus]")?.focus({ preventScroll: true });
  }

  abstract resetControl(): void;
  abstract getDraft(): unknown;
  abstract restoreDraft(draft: unknown): void;

  /** The worker has changed the value. */
  protected changed(): void {
    this.shownProblem = "";
    this.note = "";
    this.emit("change");
    announceState(this);
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected abstract renderWork(): TemplateResult;
  protected abstract renderSide(): TemplateResult | typeof nothing;

  /** Why sending was refused; each widget shows it where the worker has to act. */
  protected renderProblem(): unknown {
    if (this.shownProblem && !this.brokenReasons().length)
      return html`<p class="problem" role="alert">${this.shownProblem}</p>`;
    return html`<div role="status">${this.note ? html`<p class="note">${this.note}</p>` : nothing}</div>`;
  }

  protected showNote(text: string): void {
    this.note = text;
  }

  /** This element's part of the answer that the worker sent before in this job; null when there is none. */
  protected async previousValue(): Promise<unknown> {
    return (await previousAnswer())?.[this.answerKey] ?? null;
  }

  protected renderBarEnd(): unknown {
    return nothing;
  }

  protected renderExtraDialogs(): unknown {
    return nothing;
  }

  override render(): unknown {
    const short = this.regionOf("short-instructions");
    const full = this.regionOf("full-instructions");
    const hasFull = hasContent(full);
    const hasPane = hasContent(short) || hasFull;
    const broken = this.brokenReasons();
    const root = (): ShadowRoot => this.renderRoot as ShadowRoot;
    const isFocused = isFocusMode();
    return html`<div class="shell ${this.isMainContent ? "" : "boxed"}"><div class="frame ${isFocused ? "focus" : ""}">
        <div class="bar">
          <div class="headerButtonsContainer">
            <button class="btn" type="button" ?hidden=${!hasPane} aria-expanded=${hasPane && this.isPaneOpen ? "true" : "false"}
              @click=${this.togglePane}>${icon("book")}${msg().instructions}</button>
            <button class="btn" type="button" title="?" @click=${() => this.openShortcuts()}>${icon("keyboard")}${msg().shortcuts}</button>
          </div>
          <h1 class="question" id="question">${this.header}</h1>
          ${this.renderBarEnd()}
          ${
            canChooseScheme()
              ? html`<button class="btn icon" type="button" id="dark-mode" title=${`${msg().darkMode} (${chordText("Shift+D")})`}
                aria-label=${msg().darkMode} aria-pressed=${isDark() ? "true" : "false"} @click=${toggleScheme}>${icon("dark-mode")}</button>`
              : nothing
          }
          <button class="btn icon" type="button" id="focus-mode" title=${`${msg().focusMode} (${chordText("Shift+F")})`}
            aria-label=${msg().focusMode} @click=${toggleFocusMode}>${icon("focus")}</button>
        </div>
        ${
          isFocused
            ? html`<button class="btn icon leave-focus" type="button" title=${`${msg().leaveFocusMode} (${chordText("Shift+F")})`}
              aria-label=${msg().leaveFocusMode} @click=${toggleFocusMode}>${icon("focus-off")}</button>`
            : nothing
        }
        ${
          broken.length
            ? html`<div class="broken" role="alert"><strong>${msg().somethingWrong}</strong>
              <ul>${broken.map((reason) => html`<li>${reason}</li>`)}</ul></div>`
            : nothing
        }
        ${this.#isOutsideForm ? html`<p class="aside-note" role="status">${msg().outsideForm}</p>` : nothing}
        ${this.hints().map((hint) => html`<p class="aside-note" role="status">${hint}</p>`)}
        <div class="columns">
          <aside class="awsui-app-layout__navigation" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().instructions} ?hidden=${!hasPane || !this.isPaneOpen}>
            <div class="pane-head">
              <h2>${short?.getAttribute("header") || msg().instructions}</h2>
              <button class="btn icon" type="button" title=${msg().hideInstructions} aria-label=${msg().hideInstructions}
                @click=${this.togglePane}>${icon("chevron-left")}</button>
            </div>
            <div class="pane-body">
              ${
                hasFull
                  ? html`<button class="linkish moreInstructionsLink" type="button"
                    @click=${() => openModal(root(), "full")}>${msg().viewFullInstructions}</button>`
                  : nothing
              }
              <slot name="short-instructions"></slot>
            </div>
          </aside>
          <div class="work" role=${this.isMainContent ? "main" : nothing}>${this.renderWork()}</div>
          ${this.renderSide()}
        </div>
      </div>
      <slot></slot></div>
      ${modal(
        { id: "full", title: full?.getAttribute("header") || msg().instructions, boxClass: "awsui-modal-dialog" },
        html`<slot name="full-instructions"></slot>`,
      )}
      ${keysDialog(this.hasKeyList ? [...this.keyGroups(), ...this.#pageKeys()] : [])} ${this.renderExtraDialogs()}`;
  }

  protected readonly togglePane = (): void => {
    this.isPaneOpen = !this.isPaneOpen;
    setPreference("instructionsOpen", this.isPaneOpen);
  };
}
