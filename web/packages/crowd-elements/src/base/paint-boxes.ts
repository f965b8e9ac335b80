/** How boxes look on the canvas: outline with a halo that shows on any picture, light fill, name tag, handles. */

import { BOX_HANDLES, type Box, type Transform, handlePoint, textColorOn } from "@labelwright/annotation-core";

export const HANDLE_PX = 9;
const TAG_FONT = "600 12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const TAG_HEIGHT = 18;
/** Boxes narrower than this on the screen carry no name unless they are selected or under the pointer. */
const TAG_FROM_PX = 46;
/** With many boxes in view names would hide the picture: then only large boxes carry one. */
const CROWD = 60;
const TAG_FROM_IN_CROWD_PX = 160;

export function tagFrom(boxesInView: number): number {
  return boxesInView > CROWD ? TAG_FROM_IN_CROWD_PX : TAG_FROM_PX;
}

export interface BoxLook {
  readonly color: string;
  readonly label: string;
  readonly fill: number;
  readonly isStrong?: boolean;
  /** False: no name. A number: a name if the box is at least so wide on the screen. */
  readonly withTag?: boolean | number;
}

const widths = new Map<string, number>();

function tagWidth(context: CanvasRenderingContext2D, text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    context.font = TAG_FONT;
    width = Math.ceil(context.measureText(text).width) + 10;
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

export function paintBox(context: CanvasRenderingContext2D, transform: Transform, box: Box, look: BoxLook): void {
  const screen = transform.boxToScreen(box);
  const left = Math.round(screen.left) + 0.5;
  const top = Math.round(screen.top) + 0.5;
  const width = Math.max(1, Math.round(screen.left + screen.width) + 0.5 - left);
  const height = Math.max(1, Math.round(screen.top + screen.height) + 0.5 - top);
  if (look.fill > 0) {
    context.globalAlpha = look.fill;
    context.fillStyle = look.color;
    context.fillRect(left, top, width, height);
    context.globalAlpha = 1;
  }
  context.lineJoin = "miter";
  context.strokeStyle = "rgba(0, 0, 0, 0.38)";
  context.lineWidth = look.isStrong ? 5 : 3.5;
  context.strokeRect(left, top, width, height);
  if (look.isStrong) {
    context.strokeStyle = "#ffffff";
    context.lineWidth = 4;
    context.strokeRect(left, top, width, height);
  }
  context.strokeStyle = look.color;
  context.lineWidth = 2;
  context.strokeRect(left, top, width, height);
  const { withTag } = look;
  if (withTag === true || (typeof withTag === "number" && width >= withTag && height >= TAG_HEIGHT)) {
    // Above the handles of the selected box.
    const lift = look.isStrong ? HANDLE_PX / 2 + 1 : 0;
    paintTag(context, short(look.label), look.color, left, top - lift, withTag === true ? Infinity : width);
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
  const y = Math.max(0, top - TAG_HEIGHT);
  context.fillStyle = color;
  context.fillRect(x, y, width, TAG_HEIGHT);
  context.fillStyle = textColorOn(color);
  context.font = TAG_FONT;
  context.textBaseline = "middle";
  if (width >= tagWidth(context, text)) context.fillText(text, x + 5, y + TAG_HEIGHT / 2 + 0.5);
  else {
    context.save();
    context.beginPath();
    context.rect(x, y, width - 3, TAG_HEIGHT);
    context.clip();
    context.fillText(text, x + 5, y + TAG_HEIGHT / 2 + 0.5);
    context.restore();
  }
}

export function paintHandles(context: CanvasRenderingContext2D, transform: Transform, box: Box, color: string): void {
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
