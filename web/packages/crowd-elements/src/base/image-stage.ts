/**
 * The zoomable image under every image tool. From bottom to top: the picture (an element the browser's compositor
 * moves), a canvas with the shapes at rest, a canvas with what is being worked on, and an empty canvas that lies
 * exactly over the displayed image as public scripts expect it. Each is redrawn only when its own content changes,
 * at most once per frame.
 *
 * The stage turns pointers into image coordinates, and handles zooming, panning and pinching by itself; the rest goes
 * to the tool.
 */

import { type Box, type Point, type Size, Transform, clearestEdge, zoomLimits } from "@labelwright/annotation-core";

import { ImageProblem, type LoadedImage, loadImage } from "./image-source.js";
import { StaticLayer, clearAndPaint } from "./static-layer.js";

export interface StagePointer {
  readonly image: Point;
  readonly screen: Point;
  readonly event: PointerEvent;
}

/** What an image tool does with the pointer. `down` returning false leaves the gesture alone. */
export interface StageTool {
  down(pointer: StagePointer): boolean;
  move(pointer: StagePointer): void;
  up(pointer: StagePointer): void;
  cancel(): void;
  hover(pointer: StagePointer | null): void;
  cursor(pointer: StagePointer | null): string;
}

export interface StagePainter {
  /** `part`: only what lies there (screen pixels) is wanted; the rest is on the canvas already, or cut off. */
  paintStatic(context: CanvasRenderingContext2D, stage: ImageStage, part?: Box): void;
  /** There is so much to paint that it cannot be done anew for each frame while the view moves. */
  readonly isHeavy?: boolean;
  paintActive(context: CanvasRenderingContext2D, stage: ImageStage): void;
}

export type StageStatus =
  | { readonly phase: "empty" | "loading" }
  | { readonly phase: "ready"; readonly isReadable: boolean }
  | { readonly phase: "failed"; readonly reason: string };

export interface StageOptions {
  readonly tool?: StageTool;
  readonly painter?: StagePainter;
  /** Zoom or tool state has changed. */
  readonly onState: () => void;
  /** The picture has come, or will not. */
  readonly onStatus: () => void;
  /** The picture is there; its size is known. */
  readonly onLoad?: (size: Size) => void;
}

const FIT_MARGIN = 16;
const ZOOM_STEP = 1.25;
const WHEEL_STEP = 0.0018;
const PINCH_STEP = 0.012;
/** From this many screen pixels per image pixel on, pixels are shown as squares. */
const PIXELATED_FROM = 3;
/** Pixels on each side of the small copy in which an edge of the picture is looked for. */
const PROBE_SIDE = 25;

export class ImageStage {
  readonly host: HTMLElement;
  readonly #options: StageOptions;
  readonly #lower: StaticLayer;
  readonly #active: HTMLCanvasElement;
  readonly #upper: HTMLCanvasElement;
  readonly #pictureBox: HTMLDivElement;
  readonly #resize: ResizeObserver;
  readonly #cleanup: (() => void)[] = [];

  #image: LoadedImage | null = null;
  #status: StageStatus = { phase: "empty" };
  #loading: AbortController | null = null;
  #src = "";
  #transform = new Transform(1, 0, 0);
  #view: Size = { width: 0, height: 0 };
  #isFitted = true;

  #frame = 0;
  #dirty = { view: true, lower: true, active: true };
  #probe: CanvasRenderingContext2D | null = null;
  #pending: StagePointer | null = null;
  #last: StagePointer | null = null;

  #pointers = new Map<number, Point>();
  #gesture: "none" | "tool" | "pan" | "pinch" = "none";
  #panFrom: Point = { x: 0, y: 0 };
  #isMoveTool = false;
  #isSpaceHeld = false;

  constructor(host: HTMLElement, options: StageOptions) {
    this.host = host;
    this.#options = options;
    const canvas = (className: string): HTMLCanvasElement => {
      const made = document.createElement("canvas");
      made.className = className;
      made.setAttribute("aria-hidden", "true");
      return made;
    };
    this.#pictureBox = document.createElement("div");
    this.#pictureBox.className = "stage-picture";
    this.#lower = new StaticLayer(canvas("lower-canvas"), this, options.painter ?? null);
    this.#active = canvas("active-canvas");
    this.#upper = canvas("upper-canvas");
    this.#upper.width = this.#upper.height = 1;
    host.append(this.#pictureBox, this.#lower.canvas, this.#active, this.#upper);
    this.#resize = new ResizeObserver(() => this.#measure());
    this.#resize.observe(host);
    this.#listen();
  }

  destroy(): void {
    this.#resize.disconnect();
    this.#loading?.abort();
    this.#image?.dispose();
    cancelAnimationFrame(this.#frame);
    this.#lower.destroy();
    for (const undo of this.#cleanup) undo();
    this.host.replaceChildren();
  }

  // ---- the picture ---------------------------------------------------------------------------------------------

  get status(): StageStatus {
    return this.#status;
  }

  /** Size of the picture in its own pixels; 0 x 0 until it is there. */
  get size(): Size {
    return this.#image?.size ?? { width: 0, height: 0 };
  }

  get view(): Size {
    return this.#view;
  }

  get pictureBox(): HTMLElement {
    return this.#pictureBox;
  }

  load(src: string): void {
    this.#loading?.abort();
    this.#src = src;
    this.#image?.dispose();
    this.#image = null;
    this.#pictureBox.replaceChildren();
    if (!src) return this.#setStatus({ phase: "empty" });
    const abort = new AbortController();
    this.#loading = abort;
    this.#setStatus({ phase: "loading" });
    loadImage(src, abort.signal).then(
      (image) => {
        if (abort.signal.aborted) return image.dispose();
        this.#image = image;
        image.element.className = "stage-image";
        image.element.style.width = `${image.size.width}px`;
        image.element.style.height = `${image.size.height}px`;
        this.#pictureBox.replaceChildren(image.element);
        this.#pictureBox.style.width = `${image.size.width}px`;
        this.#pictureBox.style.height = `${image.size.height}px`;
        this.#measure();
        this.fit();
        this.#options.onLoad?.(image.size);
        this.#setStatus({ phase: "ready", isReadable: image.isReadable });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        this.#setStatus({ phase: "failed", reason: error instanceof ImageProblem ? error.message : String(error) });
      },
    );
  }

  retry(): void {
    this.load(this.#src);
  }

  #setStatus(status: StageStatus): void {
    this.#status = status;
    this.invalidate();
    this.#options.onStatus();
  }

  /** 1 is the picture as it is. */
  setAdjustments(brightness: number, contrast: number): void {
    this.#pictureBox.style.filter =
      brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
  }

  // ---- the view ------------------------------------------------------------------------------------------------

  get transform(): Transform {
    return this.#transform;
  }

  get isReady(): boolean {
    return this.#image !== null;
  }

  setTransform(transform: Transform): void {
    const { scale } = this.#transform;
    this.#transform = transform.keepInView(this.size, this.#view);
    this.#isFitted = false;
    this.#dirty.view = true;
    this.invalidateActive();
    if (scale !== this.#transform.scale) this.#options.onState();
  }

  fit(): void {
    if (!this.#view.width || !this.isReady) return;
    this.setTransform(Transform.fit(this.size, this.#view, FIT_MARGIN));
    this.#isFitted = true;
  }

  zoomBy(factor: number, about: Point = { x: this.#view.width / 2, y: this.#view.height / 2 }): void {
    if (!this.isReady) return;
    this.setTransform(this.#transform.zoomBy(factor, about, zoomLimits(this.size, this.#view, FIT_MARGIN)));
  }

  zoomIn(): void {
    this.zoomBy(ZOOM_STEP, this.#hoverPoint());
  }

  zoomOut(): void {
    this.zoomBy(1 / ZOOM_STEP, this.#hoverPoint());
  }

  #hoverPoint(): Point | undefined {
    return this.#last?.screen;
  }

  get isMoveTool(): boolean {
    return this.#isMoveTool;
  }

  set isMoveTool(on: boolean) {
    this.#isMoveTool = on;
    this.updateCursor();
    this.#options.onState();
  }

  set isSpaceHeld(held: boolean) {
    if (this.#isSpaceHeld === held) return;
    this.#isSpaceHeld = held;
    this.updateCursor();
  }

  /** Whether a gesture of the tool is under way. */
  get isBusy(): boolean {
    return this.#gesture === "tool";
  }

  get pointer(): StagePointer | null {
    return this.#last;
  }

  /** The clearest edge in the picture within `reach` image pixels of a place; null when there is none, or it may not be read. */
  edgeNear(point: Point, reach: number): Point | null {
    const picture = this.#image;
    if (!picture?.isReadable) return null;
    this.#probe ??= Object.assign(document.createElement("canvas"), {
      width: PROBE_SIDE,
      height: PROBE_SIDE,
    }).getContext("2d", {
      willReadFrequently: true,
    })!;
    const side = 2 * reach;
    const [left, top] = [point.x - reach, point.y - reach];
    try {
      this.#probe.drawImage(picture.element, left, top, side, side, 0, 0, PROBE_SIDE, PROBE_SIDE);
      const edge = clearestEdge(this.#probe.getImageData(0, 0, PROBE_SIDE, PROBE_SIDE).data, PROBE_SIDE);
      return edge && { x: left + (edge.x / PROBE_SIDE) * side, y: top + (edge.y / PROBE_SIDE) * side };
    } catch {
      // A picture that the browser will not have read.
      return null;
    }
  }

  #measure(): void {
    const view = { width: this.host.clientWidth, height: this.host.clientHeight };
    const isFirst = this.#view.width === 0;
    if (view.width === this.#view.width && view.height === this.#view.height) return;
    const { width, height } = this.#view;
    this.#view = view;
    this.#dirty = { view: true, lower: true, active: true };
    if (this.#isFitted || isFirst) this.fit();
    // A pane was opened or closed: what was in the middle stays there.
    else this.setTransform(this.#transform.pan((view.width - width) / 2, (view.height - height) / 2));
    this.invalidate();
    // Canvases that lag behind the layout flash; a new size is painted in the same frame.
    this.#paint();
  }

  // ---- painting ------------------------------------------------------------------------------------------------

  /** Both canvases. */
  invalidate(): void {
    this.#dirty.lower = this.#dirty.active = true;
    this.#schedule();
  }

  /** Only what is being worked on. */
  invalidateActive(): void {
    this.#dirty.active = true;
    this.#schedule();
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#pending) {
      const pointer = this.#pending;
      this.#pending = null;
      this.#moved(pointer);
    }
    if (!this.#view.width) return;
    if (this.#dirty.view) this.#place();
    if (this.#dirty.lower || (this.#dirty.view && !this.#lower.follow())) this.#lower.paint();
    if (this.#dirty.view || this.#dirty.active) {
      clearAndPaint(this.#active, this, (context) => this.#options.painter?.paintActive(context, this));
    }
    this.#dirty = { view: false, lower: false, active: false };
  }

  #place(): void {
    const { scale, x, y } = this.#transform;
    this.#pictureBox.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.#pictureBox.classList.toggle("pixelated", scale >= PIXELATED_FROM);
    const { width, height } = this.isReady ? this.size : { width: this.#view.width, height: this.#view.height };
    const style = this.#upper.style;
    style.left = `${this.isReady ? x : 0}px`;
    style.top = `${this.isReady ? y : 0}px`;
    style.width = `${this.isReady ? width * scale : width}px`;
    style.height = `${this.isReady ? height * scale : height}px`;
  }

  // ---- pointers ------------------------------------------------------------------------------------------------

  #listen(): void {
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      listener: (event: HTMLElementEventMap[K]) => void,
      options?: AddEventListenerOptions,
    ): void => {
      this.host.addEventListener(type, listener, options);
      this.#cleanup.push(() => this.host.removeEventListener(type, listener, options));
    };
    on("pointerdown", (event) => this.#onDown(event));
    on("pointermove", (event) => this.#onMove(event));
    on("pointerup", (event) => this.#onUp(event));
    on("pointercancel", (event) => this.#onCancel(event));
    on("pointerleave", () => {
      if (this.#gesture !== "none") return;
      this.#pending = null;
      this.#last = null;
      this.#options.tool?.hover(null);
      this.invalidateActive();
    });
    on("wheel", (event) => this.#onWheel(event), { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("dragstart", (event) => event.preventDefault());
  }

  #pointerOf(event: PointerEvent): StagePointer {
    const rect = this.host.getBoundingClientRect();
    const screen = { x: event.clientX - rect.left, y: event.clientY - rect.top };
    return { screen, image: this.#transform.toImage(screen), event };
  }

  #onDown(event: PointerEvent): void {
    if (!this.isReady || (event.target as Element).closest("button,input,label,[data-no-draw]")) return;
    const pointer = this.#pointerOf(event);
    this.host.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, pointer.screen);
    if (event.pointerType === "touch" && this.#pointers.size === 2) {
      if (this.#gesture === "tool") this.#options.tool?.cancel();
      this.#gesture = "pinch";
      return;
    }
    if (this.#gesture !== "none") return;
    this.host.focus({ preventScroll: true });
    if (event.button === 1 || (event.button === 0 && (this.#isMoveTool || this.#isSpaceHeld))) {
      event.preventDefault();
      this.#gesture = "pan";
      this.#panFrom = pointer.screen;
      this.updateCursor();
    } else if (event.button === 0 && this.#options.tool?.down(pointer)) {
      this.#gesture = "tool";
      this.#last = pointer;
    } else if (event.button === 0 && !this.#options.tool) {
      // Nothing to draw here: dragging moves the image.
      this.#gesture = "pan";
      this.#panFrom = pointer.screen;
      this.updateCursor();
    }
  }

  #onMove(event: PointerEvent): void {
    const pointer = this.#pointerOf(event);
    const before = this.#pointers.get(event.pointerId);
    if (this.#gesture === "pinch" && before) {
      this.#pinch(event.pointerId, before, pointer.screen);
      return;
    }
    if (before) this.#pointers.set(event.pointerId, pointer.screen);
    if (this.#gesture === "pan") {
      const { x, y } = pointer.screen;
      this.setTransform(this.#transform.pan(x - this.#panFrom.x, y - this.#panFrom.y));
      this.#panFrom = pointer.screen;
      return;
    }
    // Only the newest place matters; it is looked at once, when the frame is painted.
    this.#pending = pointer;
    this.#schedule();
  }

  #moved(pointer: StagePointer): void {
    // The view may have moved since the event came.
    const now = { ...pointer, image: this.#transform.toImage(pointer.screen) };
    this.#last = now;
    if (this.#gesture === "tool") this.#options.tool?.move(now);
    else if (this.#gesture === "none" && this.isReady) this.#options.tool?.hover(now);
    this.updateCursor();
    this.#dirty.active = true;
  }

  #onUp(event: PointerEvent): void {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#gesture === "pinch") {
      if (!this.#pointers.size) this.#gesture = "none";
      return;
    }
    if (this.#gesture === "tool") {
      const pointer = this.#pointerOf(event);
      this.#pending = null;
      this.#moved(pointer);
      this.#gesture = "none";
      this.#options.tool?.up(pointer);
    }
    this.#gesture = "none";
    this.updateCursor();
    this.invalidateActive();
  }

  #onCancel(event: PointerEvent): void {
    this.#pointers.delete(event.pointerId);
    this.cancelGesture();
  }

  /** Drops the tool's gesture in progress, as Esc does. True when there was one. */
  cancelGesture(): boolean {
    const was = this.#gesture === "tool";
    if (was) this.#options.tool?.cancel();
    this.#gesture = "none";
    this.#pending = null;
    this.invalidateActive();
    return was;
  }

  #pinch(id: number, before: Point, now: Point): void {
    const other = [...this.#pointers].find(([key]) => key !== id)?.[1];
    this.#pointers.set(id, now);
    if (!other) return;
    const spread = (a: Point): number => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y));
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const zoomed = this.#transform.zoomBy(
      spread(now) / spread(before),
      { x: (before.x + other.x) / 2, y: (before.y + other.y) / 2 },
      zoomLimits(this.size, this.#view, FIT_MARGIN),
    );
    this.setTransform(zoomed.pan(middle.x - (before.x + other.x) / 2, middle.y - (before.y + other.y) / 2));
  }

  #onWheel(event: WheelEvent): void {
    if (!this.isReady || (event.target as Element).closest("[data-no-draw]")) return;
    event.preventDefault();
    const rect = this.host.getBoundingClientRect();
    const lines =
      event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : event.deltaMode === WheelEvent.DOM_DELTA_PAGE ? 300 : 1;
    const delta = Math.max(-300, Math.min(300, (event.deltaY || event.deltaX) * lines));
    this.zoomBy(Math.exp(-delta * (event.ctrlKey ? PINCH_STEP : WHEEL_STEP)), {
      x: event.clientX - rect.left,
      y: event.clientY - rect.top,
    });
  }

  updateCursor(): void {
    let cursor = this.#options.tool?.cursor(this.#last) ?? "grab";
    if (this.#gesture === "pan") cursor = "grabbing";
    else if (this.#isMoveTool || this.#isSpaceHeld) cursor = "grab";
    if (this.host.style.cursor !== cursor) this.host.style.cursor = cursor;
  }
}
