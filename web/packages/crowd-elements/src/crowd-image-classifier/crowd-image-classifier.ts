import { css, html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";

import type { Problem } from "../base/control.js";
import { announceState } from "../base/control.js";
import { ImagePane } from "../base/image-pane.js";
import { loadImage } from "../base/image-source.js";
import type { KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { paintShape, tagFrom } from "../base/paint-shapes.js";
import { type ClassifierAnswer, SingleChoiceWidget } from "../base/single-choice.js";
import { toolButton } from "../base/stage-tools.js";
import { stageStyles } from "../base/stage.styles.js";
import { WorkerComment, commentStyles } from "../base/worker-comment.js";
import { type Overlay, maskCanvas, readOverlay } from "./overlay.js";

const DEFAULT_OPACITY = 0.6;

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
    commentStyles,
    css`
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

  @state() private isOverlayShown = true;
  @state() private opacity = DEFAULT_OPACITY;

  readonly #image = new ImagePane({
    painter: {
      paintStatic: (context, stage) => {
        const { overlay } = this;
        if (!overlay || !this.isOverlayShown) return;
        const shapes = overlay.shapes(stage.size);
        for (const shape of shapes) {
          const at = overlay.labels.indexOf(shape.label);
          const color = overlay.colors[at] ?? "#7f7f7f";
          paintShape(context, stage.transform, shape, {
            color,
            label: shape.label,
            fill: 0.25 * this.opacity,
            withTag: tagFrom(shapes.length),
          });
        }
      },
      paintActive: () => {},
    },
    refresh: () => this.requestUpdate(),
    statusChanged: () => {
      this.requestUpdate();
      announceState(this);
    },
    loaded: () => this.#placeMask(),
    moreSliders: () =>
      this.overlay
        ? [{ label: msg().opacity, value: this.opacity, min: 0, max: 100, onInput: (value) => this.#setOpacity(value) }]
        : [],
    resetSliders: () => this.#setOpacity(DEFAULT_OPACITY),
  });
  readonly #comment = new WorkerComment({
    root: () => this.renderRoot,
    region: () => this.regionOf("worker-comment"),
    changed: () => this.changed(),
  });
  #mask: HTMLCanvasElement | null = null;

  get overlay(): Overlay | null {
    return this.getStructured("overlay") as Overlay | null;
  }
  set overlay(value: unknown) {
    this.setStructured("overlay", value);
    void this.#loadMask();
  }

  override get isBlocked(): boolean {
    return super.isBlocked || this.#image.hasFailed;
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "src" ? !this.src : super.isMissing(attribute);
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#image.attach(this.renderRoot, this.src);
  }

  protected override structuredChanged(name: string): void {
    super.structuredChanged(name);
    if (name === "overlay") {
      void this.#loadMask();
      this.#image.stage?.invalidate();
    }
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("src") && changed.get("src") !== undefined) this.#image.load(this.src);
    if (!this.#mask) return;
    this.#mask.hidden = !this.isOverlayShown;
    this.#mask.style.opacity = String(this.opacity);
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
    const { stage } = this.#image;
    if (this.#mask && stage?.isReady) stage.pictureBox.append(this.#mask);
  }

  override get _submittableValue(): ClassifierAnswer | Record<string, never> {
    return this.value === null ? {} : this.#comment.addTo({ label: this.value });
  }

  protected override widgetProblem(): Problem | null {
    return this.#image.problem() ?? super.widgetProblem();
  }

  override resetControl(): void {
    super.resetControl();
    this.#comment.text = "";
  }

  override getDraft(): unknown {
    const choice = super.getDraft() as { value: string | null } | undefined;
    return choice || this.#comment.text ? { ...choice, comment: this.#comment.text } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    super.restoreDraft(draft);
    const comment = (draft as { comment?: unknown } | null)?.comment;
    if (typeof comment === "string") this.#comment.text = comment;
  }

  protected override keyGroups(): KeyGroup[] {
    const image = this.#image.keys();
    const hide = { keys: ["H"], text: msg().keyHideAnnotations, run: () => this.#toggleOverlay() };
    return [...super.keyGroups(), { ...image, keys: [...image.keys, ...(this.overlay ? [hide] : [])] }];
  }

  #toggleOverlay(): void {
    this.isOverlayShown = !this.isOverlayShown;
    this.#image.stage?.invalidate();
  }

  #setOpacity(opacity: number): void {
    this.opacity = opacity;
    this.#image.stage?.invalidate();
  }

  protected override renderWork(): TemplateResult {
    const isShown = this.isOverlayShown;
    return this.#image.render(
      this.header,
      this.overlay
        ? toolButton({
            id: "hide",
            icon: isShown ? "visibility" : "visibility-off",
            title: isShown ? msg().hideAll : msg().showAll,
            key: "H",
            isPressed: !isShown,
            onClick: () => this.#toggleOverlay(),
          })
        : nothing,
    );
  }

  protected override renderBelowChoices(): unknown {
    const { overlay } = this;
    return html`${this.#comment.renderLink()}
    ${
      overlay && overlay.labels.length
        ? html`<div class="legend"><h2>${msg().legend}</h2>
          ${overlay.labels.map((label, i) => html`<span><i style="background: ${overlay.colors[i]!}"></i>${label}</span>`)}</div>`
        : nothing
    }`;
  }

  protected override renderExtraDialogs(): unknown {
    return this.#comment.renderDialog();
  }
}
