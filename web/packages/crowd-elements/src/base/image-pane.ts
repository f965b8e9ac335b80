/** An image to look at: the stage with its zoom tools and brightness, for widgets that do not draw by hand. */

import type { Size } from "@labelwright/annotation-core";
import { html, nothing } from "lit";
import type { TemplateResult } from "lit";

import type { Problem } from "./control.js";
import { ImageStage, type StagePainter, type StageTool } from "./image-stage.js";
import type { KeyGroup } from "./keys.js";
import { msg } from "./messages.js";
import { type SliderRow, sliderPopover, stageKeys, stagePanel, toolButton, zoomTools } from "./stage-tools.js";

export interface ImagePaneHost {
  /** Zoom, tools or sliders have changed. */
  refresh(): void;
  /** The image has come, or will not. */
  statusChanged(): void;
  readonly painter?: StagePainter;
  readonly tool?: StageTool;
  loaded?(size: Size): void;
  /** More sliders beside brightness and contrast. */
  moreSliders?(): readonly SliderRow[];
  resetSliders?(): void;
}

export class ImagePane {
  #stage: ImageStage | null = null;
  #isAdjusting = false;
  #light = { brightness: 1, contrast: 1 };

  constructor(private readonly host: ImagePaneHost) {}

  get stage(): ImageStage | null {
    return this.#stage;
  }

  /** Call once `.stage` is in the tree. */
  attach(root: ParentNode, src: string): void {
    this.#stage = new ImageStage(root.querySelector<HTMLElement>(".stage")!, {
      ...(this.host.painter && { painter: this.host.painter }),
      ...(this.host.tool && { tool: this.host.tool }),
      onState: () => this.host.refresh(),
      onStatus: () => this.host.statusChanged(),
      onLoad: (size) => this.host.loaded?.(size),
    });
    this.#stage.load(src);
  }

  load(src: string): void {
    this.#stage?.load(src);
  }

  get hasFailed(): boolean {
    return this.#stage?.status.phase === "failed";
  }

  problem(): Problem | null {
    return this.hasFailed ? { message: msg().imageFailedSubmit } : null;
  }

  keys(): KeyGroup {
    return stageKeys(this.#stage, false);
  }

  /** `more` goes to the end of the tool bar. */
  render(label: string, more: unknown = nothing): TemplateResult {
    return html`<div class="stage-wrap">
        <div class="stage" role="img" aria-label=${label || msg().image}></div>
        ${stagePanel(this.#stage)}
      </div>
      <div class="toolbar" role="toolbar">
        ${zoomTools(this.#stage)}
        <span class="gap"></span>
        <span class="pop-anchor">${toolButton({
          id: "adjust",
          icon: "contrast",
          title: msg().adjust,
          isPressed: this.#isAdjusting,
          onClick: () => {
            this.#isAdjusting = !this.#isAdjusting;
            this.host.refresh();
          },
        })}
          ${this.#isAdjusting ? this.#renderSliders() : nothing}</span>
        ${more}
      </div>`;
  }

  #renderSliders(): TemplateResult {
    const set = (light: Partial<{ brightness: number; contrast: number }>): void => {
      this.#light = { ...this.#light, ...light };
      this.#stage?.setAdjustments(this.#light.brightness, this.#light.contrast);
      this.host.refresh();
    };
    const { brightness, contrast } = this.#light;
    return sliderPopover(
      "adjustments",
      [
        {
          label: msg().brightness,
          value: brightness,
          min: 25,
          max: 300,
          onInput: (value) => set({ brightness: value }),
        },
        {
          label: msg().contrast,
          value: contrast,
          min: 25,
          max: 300,
          onInput: (value) => set({ contrast: value }),
        },
        ...(this.host.moreSliders?.() ?? []),
      ],
      () => {
        this.host.resetSliders?.();
        set({ brightness: 1, contrast: 1 });
      },
    );
  }
}
