/** How shapes look on the canvas: outline with a halo that shows on any picture, light fill, name tag, handles. */

import {
  BOX_HANDLES,
  type Box,
  type Outline,
  type Point,
  type Transform,
  type Vertices,
  handlePoint,
  pathRules,
  textColorOn,
} from "@labelwright/annotation-core";

export const HANDLE_PX = 9;
/** Shapes narrower than this on the screen carry no name unless they are selected or under the pointer. */
const TAG_FROM_PX = 46;
/** With many shapes in view names would hide the picture: then only large boxes carry one. */
const CROWD = 60;
const TAG_FROM_IN_CROWD_PX = 160;

const TAG_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const widths = new Map<string, number>();
/** Names on the image grow with the screen as the rest of the page does (see widget.styles.ts). */
const tag = { font: "", height: 0, padding: 0 };

function measureScreen(): void {
  const width = globalThis.innerWidth ?? 0;
  const scale = width >= 3400 ? 1.7 : width >= 2500 ? 1.4 : 1;
  tag.font = `600 ${Math.round(12 * scale)}px ${TAG_FONT}`;
  tag.height = Math.round(18 * scale);
  tag.padding = Math.round(5 * scale);
  widths.clear();
}

measureScreen();
globalThis.addEventListener?.("resize", measureScreen);

export function tagFrom(shapesInView: number): number {
  return shapesInView > CROWD ? TAG_FROM_IN_CROWD_PX : TAG_FROM_PX;
}

export interface ShapeLook {
  readonly color: string;
  readonly label: string;
  readonly fill: number;
  readonly isStrong?: boolean;
  /** False: no name. A number: a name if the shape is at least so wide on the screen (a point: always, unless many are in view). */
  readonly withTag?: boolean | number;
}

function tagWidth(context: CanvasRenderingContext2D, text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    context.font = tag.font;
    width = Math.ceil(context.measureText(text).width) + 2 * tag.padding;
    widths.set(text, width);
  }
  return width;
}

const shortened = new Map<string, string>();

function short(text: string): string {
  if (text.length <= 28) return text;
  let cut = shortened.get(text);
  if (cut === undefined) shortened.set(text, (cut = `${text.slice(0, 27)}…`));
  return cut;
}

export function paintShape(
  context: CanvasRenderingContext2D,
  transform: Transform,
  shape: Outline,
  look: ShapeLook,
): void {
  context.beginPath();
  const { left, top, width, height } = trace(context, transform, shape);
  const isPoint = shape.kind === "keypoint";
  const isArea = shape.kind === "box" || shape.kind === "polygon";
  if (isPoint || (isArea && look.fill > 0)) {
    context.globalAlpha = isPoint ? 1 : look.fill;
    context.fillStyle = look.color;
    context.fill();
    context.globalAlpha = 1;
  }
  context.lineJoin = shape.kind === "box" ? "miter" : "round";
  context.lineCap = "round";
  const stroke = (style: string, lineWidth: number): void => {
    context.strokeStyle = style;
    context.lineWidth = lineWidth;
    context.stroke();
  };
  stroke("rgba(0, 0, 0, 0.38)", look.isStrong ? 5 : 3.5);
  if (look.isStrong || isPoint) stroke("#ffffff", look.isStrong ? 4 : 2);
  if (!isPoint) stroke(look.color, 2);
  else if (look.isStrong) {
    context.beginPath();
    context.arc(left + width / 2, top + height / 2, POINT_RADIUS_PX + 4, 0, 2 * Math.PI);
    stroke(look.color, 2);
  }
  const { withTag } = look;
  if (isPoint) {
    if (withTag === true || (withTag && withTag < TAG_FROM_IN_CROWD_PX)) {
      paintTag(context, short(look.label), look.color, left + width + 6, top + height / 2 + tag.height / 2, Infinity);
    }
  } else if (withTag === true || (typeof withTag === "number" && width >= withTag && height >= tag.height)) {
    // Above the handles of the selected shape.
    const lift = look.isStrong ? HANDLE_PX / 2 + 1 : 0;
    paintTag(context, short(look.label), look.color, left, top - lift, withTag === true ? Infinity : width);
  }
}

const POINT_RADIUS_PX = 5.5;

/** Puts the outline into the current path and gives the box on the screen that its name tag goes by. */
function trace(context: CanvasRenderingContext2D, transform: Transform, shape: Outline): Box {
  if (shape.kind === "box") {
    const screen = transform.boxToScreen(shape);
    const left = Math.round(screen.left) + 0.5;
    const top = Math.round(screen.top) + 0.5;
    const width = Math.max(1, Math.round(screen.left + screen.width) + 0.5 - left);
    const height = Math.max(1, Math.round(screen.top + screen.height) + 0.5 - top);
    context.rect(left, top, width, height);
    return { left, top, width, height };
  }
  if (shape.kind === "keypoint") {
    const { x, y } = transform.toScreen(shape);
    context.arc(x, y, POINT_RADIUS_PX, 0, 2 * Math.PI);
    return {
      left: x - POINT_RADIUS_PX,
      top: y - POINT_RADIUS_PX,
      width: 2 * POINT_RADIUS_PX,
      height: 2 * POINT_RADIUS_PX,
    };
  }
  return tracePath(context, transform, shape.vertices, pathRules[shape.kind].isClosed);
}

/** The tag of a path stands at its topmost vertex. */
function tracePath(
  context: CanvasRenderingContext2D,
  transform: Transform,
  vertices: Vertices,
  isClosed: boolean,
): Box {
  let [left, right, bottom] = [Infinity, -Infinity, -Infinity];
  let top: Point = { x: 0, y: Infinity };
  for (const vertex of vertices) {
    const at = transform.toScreen(vertex);
    context.lineTo(at.x, at.y);
    left = Math.min(left, at.x);
    right = Math.max(right, at.x);
    bottom = Math.max(bottom, at.y);
    if (at.y < top.y) top = at;
  }
  if (isClosed) context.closePath();
  return { left: top.x, top: top.y, width: right - left, height: bottom - top.y };
}

/** A piece of a path that is not there yet, or that may not be: on top of all outlines. */
export function paintEdge(
  context: CanvasRenderingContext2D,
  transform: Transform,
  [from, to]: readonly [Point, Point],
  color: string,
  dash: readonly number[] = [],
): void {
  const a = transform.toScreen(from);
  const b = transform.toScreen(to);
  context.lineCap = "round";
  for (const [style, width, pattern] of [
    ["rgba(0, 0, 0, 0.38)", 4, []],
    ["#ffffff", 3, []],
    [color, 2, dash],
  ] as const) {
    context.setLineDash([...pattern]);
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    context.stroke();
  }
  context.setLineDash([]);
}

export function paintDot(
  context: CanvasRenderingContext2D,
  at: Point,
  radius: number,
  core: string,
  ring = "#ffffff",
): void {
  for (const [style, r] of [
    ["rgba(0, 0, 0, 0.5)", radius + 1],
    [ring, radius],
    [core, radius - 1.75],
  ] as const) {
    context.fillStyle = style;
    context.beginPath();
    context.arc(at.x, at.y, Math.max(0.5, r), 0, 2 * Math.PI);
    context.fill();
  }
}

function paintTag(
  context: CanvasRenderingContext2D,
  text: string,
  color: string,
  left: number,
  top: number,
  room: number,
): void {
  const width = Math.min(tagWidth(context, text), Math.max(room, 0) + 1);
  const x = left - 1;
  const y = Math.max(0, top - tag.height);
  context.fillStyle = color;
  context.fillRect(x, y, width, tag.height);
  context.fillStyle = textColorOn(color);
  context.font = tag.font;
  context.textBaseline = "middle";
  if (width >= tagWidth(context, text)) context.fillText(text, x + tag.padding, y + tag.height / 2 + 0.5);
  else {
    context.save();
    context.beginPath();
    context.rect(x, y, width - 3, tag.height);
    context.clip();
    context.fillText(text, x + tag.padding, y + tag.height / 2 + 0.5);
    context.restore();
  }
}

export function paintBoxHandles(
  context: CanvasRenderingContext2D,
  transform: Transform,
  box: Box,
  color: string,
): void {
  const screen = transform.boxToScreen(box);
  for (const handle of BOX_HANDLES) {
    // On a small box the handles of the edges would cover those of the corners.
    if ((handle === "n" || handle === "s") && screen.width < 3 * HANDLE_PX) continue;
    if ((handle === "e" || handle === "w") && screen.height < 3 * HANDLE_PX) continue;
    const at = transform.toScreen(handlePoint(box, handle));
    const x = Math.round(at.x) - HANDLE_PX / 2 + 0.5;
    const y = Math.round(at.y) - HANDLE_PX / 2 + 0.5;
    context.fillStyle = "#ffffff";
    context.strokeStyle = "rgba(0, 0, 0, 0.55)";
    context.lineWidth = 1;
    context.fillRect(x, y, HANDLE_PX, HANDLE_PX);
    context.strokeRect(x - 0.5, y - 0.5, HANDLE_PX + 1, HANDLE_PX + 1);
    context.fillStyle = color;
    context.fillRect(x + 2, y + 2, HANDLE_PX - 4, HANDLE_PX - 4);
  }
}
