/** The base of all tools that annotate one image: its attributes, "Nothing to label", and where the focus belongs. */

import { toStringList } from "@labelwright/annotation-core";
import type { TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";

import { announceState } from "./control.js";
import { NothingToLabel, nothingStyles } from "./nothing.js";
import { WidgetElement } from "./widget.js";

export abstract class ImageLabelingWidget extends WidgetElement {
  static override structured = {
    labels: { read: toStringList, reflect: true },
    "label-colors": { read: toStringList, reflect: false },
    "initial-value": { read: (value: unknown) => value, reflect: false },
  };
  static override requiredAttributes = ["name", "src", "labels"];

  static override styles = [...WidgetElement.styles, nothingStyles];

  @property({ reflect: true }) src = "";

  @state() protected labelFilter = "";
  @state() protected pickFilter = "";
  @state() protected isAdjusting = false;
  @state() protected listScroll = 0;
  @state() protected announcement = "";
  /** Why the initial value cannot be used. */
  @state() protected initialError: string | null = null;

  @query(".stage") protected readonly stageElement!: HTMLElement;

  readonly #nothing = new NothingToLabel({
    root: () => this.renderRoot as ShadowRoot,
    count: () => this.countAnnotations(),
    clear: () => this.removeAnnotations(),
    title: (n) => this.confirmTexts(n).title,
    question: (n) => this.confirmTexts(n).text,
    emptyTitle: () => this.emptyTexts().title,
    emptyQuestion: () => this.emptyTexts().text,
    changed: () => {
      this.shownProblem = "";
      this.requestUpdate();
      announceState(this);
    },
  });

  /** How many annotations the answer has now. */
  protected abstract countAnnotations(): number;

  /** Takes away all that `countAnnotations` counts, as one step that can be undone. */
  protected abstract removeAnnotations(): void;

  /** The question that is asked before: its title and text, for so many annotations. */
  protected abstract confirmTexts(n: number): { readonly title: string; readonly text: string };

  /** The question before an answer without any annotation is sent. */
  protected abstract emptyTexts(): { readonly title: string; readonly text: string };

  // ---- attributes ----------------------------------------------------------------------------------------------

  get labels(): string[] {
    return [...(this.getStructured("labels") as string[])];
  }
  set labels(value: unknown) {
    this.setStructured("labels", value);
  }

  get labelColors(): string[] {
    return [...(this.getStructured("label-colors") as string[])];
  }
  set labelColors(value: unknown) {
    this.setStructured("label-colors", value);
  }

  get initialValue(): unknown {
    return this.getStructured("initial-value");
  }
  set initialValue(value: unknown) {
    this.setStructured("initial-value", value);
  }

  protected override isMissing(attribute: string): boolean {
    // A script may take all labels away for a while, so an empty list is legal.
    return attribute === "src" ? !this.src : super.isMissing(attribute);
  }

  protected override brokenReasons(): string[] {
    return this.initialError === null ? super.brokenReasons() : [...super.brokenReasons(), this.initialError];
  }

  // ---- nothing to label ----------------------------------------------------------------------------------------

  override get offersNothing(): boolean {
    return true;
  }

  override get nothing(): boolean {
    return this.isNothing;
  }

  protected get isNothing(): boolean {
    return this.#nothing.isOn;
  }

  protected set isNothing(on: boolean) {
    this.#nothing.isOn = on;
    this.requestUpdate();
  }

  override setNothing(on: boolean): Promise<void> {
    return this.#nothing.set(on);
  }

  override confirmEmpty(): Promise<boolean> {
    return this.#nothing.confirmEmpty();
  }

  protected override changed(): void {
    if (this.isNothing && this.countAnnotations()) this.isNothing = false;
    super.changed();
  }

  protected renderNothing(): TemplateResult {
    return this.#nothing.renderBox();
  }

  protected override renderExtraDialogs(): unknown {
    return this.#nothing.renderDialog();
  }

  // ---- focus ---------------------------------------------------------------------------------------------------

  override focusControl(): void {
    this.stageElement?.focus({ preventScroll: true });
  }

  /** After a click by mouse the keys belong to the image again, not to the button. */
  protected readonly backToStage = (event: MouseEvent): void => {
    const isByMouse = event.detail > 0;
    if (isByMouse && !(event.target as Element).closest(".popover, label, input")) this.focusControl();
  };
}
