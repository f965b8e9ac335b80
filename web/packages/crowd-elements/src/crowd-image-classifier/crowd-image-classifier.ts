import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";

import type { Problem } from "../base/control.js";
import { announceState } from "../base/control.js";
import { loadImage } from "../base/image-source.js";
import { ImageStage } from "../base/image-stage.js";
import { icon } from "../base/icons.js";
import { msg } from "../base/messages.js";
import { closeAround, modal, openModal } from "../base/modal.js";
import { paintBox, tagFrom } from "../base/paint-boxes.js";
import { type ClassifierAnswer, SingleChoiceWidget } from "../base/single-choice.js";
import { onStageKey, sliderPopover, stagePanel, toolButton, zoomTools } from "../base/stage-tools.js";
import { stageStyles } from "../base/stage.styles.js";
import type { Shortcut } from "../base/widget.js";
import { type Overlay, maskCanvas, readOverlay } from "./overlay.js";

/**
 * Choose one category for an image; with `overlay`, judge earlier annotations drawn over it. The answer is
 * `{label: "...", workerComment?: "..."}`.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @slot worker-comment - Filled by a child of that tag name: turns on the comment dialog, and says what to write.
 * @event change - A category was chosen; `target.value` is its text.
 */
export class CrowdImageClassifier extends SingleChoiceWidget {
  static override regions = ["short-instructions", "full-instructions", "worker-comment"];
  static override structured = {
    ...SingleChoiceWidget.structured,
    overlay: { read: readOverlay, reflect: false },
  } as unknown as typeof SingleChoiceWidget.structured;
  static override requiredAttributes = ["name", "categories", "src"];

  static override styles = [
    ...SingleChoiceWidget.styles,
    stageStyles,
    css`
      .comment {
        padding: 0 14px 14px;
      }
      .comment .text {
        margin: 4px 0 0;
        color: var(--lw-text-soft);
        font-size: 13px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .comment-form {
        display: grid;
        gap: 12px;
      }
      .comment-form textarea {
        min-height: 110px;
        resize: vertical;
        font-size: 14px;
      }
      .actions {
        display: flex;
        justify-content: flex-end;
        gap: 8px;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 14px;
        padding: 2px 14px 14px;
        border-top: 1px solid var(--lw-line);
      }
      .legend h2 {
        width: 100%;
        padding-top: 10px;
      }
      .legend span {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        font-size: 13px;
      }
      .legend i {
        width: 12px;
        height: 12px;
        border-radius: 3px;
      }
      .mask {
        width: 100%;
        height: 100%;
        image-rendering: pixelated;
      }
    `,
  ];

  @property({ reflect: true }) src = "";

  @state() private comment = "";
  @state() private isOverlayShown = true;
  @state() private isAdjusting = false;
  @state() private adjustments = { brightness: 1, contrast: 1, opacity: 0.6 };

  @query(".stage") private readonly stageElement!: HTMLElement;

  #stage: ImageStage | null = null;
  #mask: HTMLCanvasElement | null = null;

  get overlay(): Overlay | null {
    return this.getStructured("overlay") as Overlay | null;
  }
  set overlay(value: unknown) {
    this.setStructured("overlay", value);
    void this.#loadMask();
  }

  override get isBlocked(): boolean {
    return super.isBlocked || this.#stage?.status.phase === "failed";
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "src" ? !this.src : super.isMissing(attribute);
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#stage = new ImageStage(this.stageElement, {
      painter: {
        paintStatic: (context, stage) => {
          const { overlay } = this;
          if (!overlay || !this.isOverlayShown) return;
          const shapes = overlay.shapes(stage.size);
          for (const shape of shapes) {
            const at = overlay.labels.indexOf(shape.label);
            const color = overlay.colors[at] ?? "#7f7f7f";
            paintBox(context, stage.transform, shape, {
              color, label: shape.label, fill: 0.25 * this.adjustments.opacity, withTag: tagFrom(shapes.length),
            });
          }
        },
        paintActive: () => {},
      },
      onState: () => this.requestUpdate(),
      onStatus: () => {
        this.requestUpdate();
        announceState(this);
      },
      onLoad: () => this.#placeMask(),
    });
    this.#stage.load(this.src);
  }

  protected override structuredChanged(name: string): void {
    super.structuredChanged(name);
    if (name === "overlay") {
      void this.#loadMask();
      this.#stage?.invalidate();
    }
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("src") && changed.get("src") !== undefined) this.#stage?.load(this.src);
    if (this.#mask) {
      this.#mask.hidden = !this.isOverlayShown;
      this.#mask.style.opacity = String(this.adjustments.opacity);
    }
    this.#stage?.setAdjustments(this.adjustments.brightness, this.adjustments.contrast);
  }

  async #loadMask(): Promise<void> {
    const url = this.overlay?.maskUrl;
    this.#mask?.remove();
    this.#mask = null;
    if (!url) return;
    try {
      const loaded = await loadImage(url, new AbortController().signal);
      this.#mask = maskCanvas(loaded.element);
      this.#mask.className = "mask";
      loaded.dispose();
      this.#placeMask();
      this.requestUpdate();
    } catch (error) {
      console.error("crowd-image-classifier: the overlay could not be loaded", error);
    }
  }

  #placeMask(): void {
    if (this.#mask && this.#stage?.isReady) this.#stage.pictureBox.append(this.#mask);
  }

  override get _submittableValue(): ClassifierAnswer | Record<string, never> {
    if (this.value === null) return {};
    const comment = this.comment.trim();
    return comment ? { label: this.value, workerComment: comment } : { label: this.value };
  }

  protected override widgetProblem(): Problem | null {
    if (this.#stage?.status.phase === "failed") return { message: msg().imageFailedSubmit };
    return super.widgetProblem();
  }

  override resetControl(): void {
    super.resetControl();
    this.comment = "";
  }

  override getDraft(): unknown {
    const choice = super.getDraft() as { value: string | null } | undefined;
    return choice || this.comment ? { ...choice, comment: this.comment } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    super.restoreDraft(draft);
    const comment = (draft as { comment?: unknown } | null)?.comment;
    if (typeof comment === "string") this.comment = comment;
  }

  protected override shortcuts(): Shortcut[] {
    return [
      ...super.shortcuts(),
      { keys: ["+", "-", "F"], text: msg().keyZoom },
      { keys: [msg().keyWheel], text: msg().keyWheelDoes },
      ...(this.overlay ? [{ keys: ["H"], text: msg().keyHide }] : []),
    ];
  }

  protected override onKey(event: KeyboardEvent): boolean {
    if (super.onKey(event)) return true;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key.toLowerCase() === "h" && this.overlay) {
      this.#toggleOverlay();
      return true;
    }
    return event.key.toLowerCase() !== "m" && onStageKey(this.#stage, event);
  }

  #toggleOverlay(): void {
    this.isOverlayShown = !this.isOverlayShown;
    this.#stage?.invalidate();
  }

  protected override renderWork(): TemplateResult {
    const { overlay } = this;
    return html`<div class="stage-wrap">
        <div class="stage" role="img" aria-label=${this.header || msg().image}></div>
        ${stagePanel(this.#stage)}
      </div>
      <div class="toolbar" role="toolbar">
        ${zoomTools(this.#stage)}
        <span class="gap"></span>
        <span class="pop-anchor">${toolButton({ id: "adjust", icon: "contrast", title: msg().adjust, isPressed: this.isAdjusting,
          onClick: () => { this.isAdjusting = !this.isAdjusting; } })}
          ${this.isAdjusting ? this.#renderAdjustments(overlay !== null) : nothing}</span>
        ${overlay
          ? toolButton({ id: "hide", icon: this.isOverlayShown ? "visibility" : "visibility-off",
              title: this.isOverlayShown ? msg().hideAll : msg().showAll, key: "H", isPressed: !this.isOverlayShown,
              onClick: () => this.#toggleOverlay() })
          : nothing}
      </div>`;
  }

  #renderAdjustments(hasOverlay: boolean): TemplateResult {
    const set = (key: "brightness" | "contrast" | "opacity") => (value: number) => {
      this.adjustments = { ...this.adjustments, [key]: value };
      if (key === "opacity") this.#stage?.invalidate();
    };
    const { brightness, contrast, opacity } = this.adjustments;
    return sliderPopover(
      "adjustments",
      [
        { label: msg().brightness, value: brightness, min: 25, max: 300, onInput: set("brightness") },
        { label: msg().contrast, value: contrast, min: 25, max: 300, onInput: set("contrast") },
        ...(hasOverlay ? [{ label: msg().opacity, value: opacity, min: 0, max: 100, onInput: set("opacity") }] : []),
      ],
      () => {
        this.adjustments = { brightness: 1, contrast: 1, opacity: 0.6 };
        this.#stage?.invalidate();
      },
    );
  }

  protected override renderBelowChoices(): unknown {
    const region = this.regionOf("worker-comment");
    const { overlay } = this;
    return html`${region
      ? html`<div class="comment">
          <button class="linkish" type="button" id="comment-link" @click=${this.#openComment}>
            ${region.getAttribute("link-text") || msg().addComment}</button>
          ${this.comment.trim() ? html`<p class="text">${this.comment.trim()}</p>` : nothing}
        </div>`
      : nothing}
    ${overlay && overlay.labels.length
      ? html`<div class="legend"><h2>${msg().legend}</h2>
          ${overlay.labels.map((label, i) => html`<span><i style="background: ${overlay.colors[i]!}"></i>${label}</span>`)}</div>`
      : nothing}`;
  }

  readonly #openComment = (): void => {
    const root = this.renderRoot as ShadowRoot;
    root.querySelector<HTMLTextAreaElement>("#comment")!.value = this.comment;
    openModal(root, "comment-dialog");
    root.querySelector<HTMLTextAreaElement>("#comment")!.focus();
  };

  protected override renderExtraDialogs(): unknown {
    const region = this.regionOf("worker-comment");
    if (!region) return nothing;
    const save = (event: Event): void => {
      this.comment = this.renderRoot.querySelector<HTMLTextAreaElement>("#comment")!.value;
      closeAround(event);
      this.changed();
    };
    return modal(
      { id: "comment-dialog", title: region.getAttribute("header") || msg().addComment },
      html`<div class="comment-form">
        <slot name="worker-comment"></slot>
        <textarea class="field" id="comment" aria-label=${msg().comment} @input=${(event: Event) => event.stopPropagation()} placeholder=${region.getAttribute("placeholder") ?? ""}></textarea>
        <div class="actions">
          <button class="btn bordered" type="button" @click=${closeAround}>${msg().cancel}</button>
          <button class="btn primary" type="button" id="save-comment" @click=${save}>${icon("check")}${msg().save}</button>
        </div>
      </div>`,
    );
  }
}
