/** The part of the catalogue for drawing shapes on an image: one set of sentences for each kind of shape. */

import type { KindName } from "@labelwright/annotation-core";

/** Sentences that differ only in the name of the thing. A language with cases and genders writes each set out. */
function shapeSentences(one: string, many: string) {
  const One = one[0]!.toUpperCase() + one.slice(1);
  const Many = many[0]!.toUpperCase() + many.slice(1);
  return {
    title: Many,
    tool: `Draw ${many}`,
    count: (n: number) => (n === 1 ? `1 ${one}` : `${n} ${many}`),
    name: (label: string, i: number, n: number) => `${label}, ${one} ${i} of ${n}`,
    deleteOne: `Delete ${one}`,
    deleted: `${One} deleted`,
    annotateOrTick: `Draw at least one ${one}, or tick “Nothing to label”.`,
    nothingDeletes: (n: number) =>
      `“Nothing to label” is for an image without ${many}. ${n === 1 ? `One ${one} is` : `${n} ${many} are`} drawn here.`,
    deleteAllTitle: (n: number) => (n === 1 ? `Delete the ${one}?` : `Delete the ${many}?`),
    keyLabel: `With a ${one} selected, the key of a label relabels it`,
    keyTool: `${One} tool`,
    keyEnter: `Add a ${one} in the middle of the view`,
    keyDelete: `Delete the selected ${one}`,
    keyArrows: `Move the selected ${one} by 1 pixel (with Shift: 10)`,
    keyNext: `Next ${one}`,
    keyPrevious: `Previous ${one}`,
    nothingMarkedTitle: `No ${many} drawn`,
    nothingMarked: `This image has no ${many} yet. Is there really nothing to mark in it?`,
    copied: (n: number) =>
      n === 1 ? `1 ${one} copied from the image before` : `${n} ${many} copied from the image before`,
    keyHideOne: `Hide or show the selected ${one}`,
    keyAskLabel: `Choose another label for the selected ${one} from the list`,
    keyHide: `Hide or show the ${many}`,
  };
}

const pathSentences = {
  hintDraw: "Click to add points · an outline selects",
  hintSelected: "Drag points · rings add points · a number relabels",
  keyArrows: "Move the selection or its chosen point by 1 pixel (with Shift: 10)",
  keyDelete: "Delete the chosen point or the selection; while drawing: the last point",
};

const HELP =
  "Enter adds one, Tab goes through them, V through the points of the selected one, I adds a point, arrow keys move.";

export const shapeMessages = {
  shapes: {
    box: {
      ...shapeSentences("box", "boxes"),
      none: "No boxes yet. Choose a label and drag over the image.",
      hintDraw: "Drag to draw · click a box to select it",
      hintSelected: "Drag to move or resize · a number relabels",
      hintChooseLabel: "Choose a label, or draw first and choose then",
      canvasHelp:
        "Image with boxes. Enter adds a box, Tab goes through the boxes, arrow keys move, Control and arrow keys resize.",
    },
    keypoint: {
      ...shapeSentences("point", "points"),
      none: "No points yet. Choose a label and click on the image.",
      hintDraw: "Click to place a point · drag a point to move it",
      hintSelected: "Drag to move · a number relabels",
      hintChooseLabel: "Choose a label, or click first and choose then",
      canvasHelp:
        "Image with points. Enter adds a point, Tab goes through the points, arrow keys move the selected one.",
    },
    line: {
      ...shapeSentences("line", "lines"),
      ...pathSentences,
      none: "No lines yet. Choose a label and click where a line starts and ends.",
      hintDraw: "Click start and end, or drag · a line selects",
      hintSelected: "Drag an end or the line · a number relabels",
      hintChooseLabel: "Choose a label, then click start and end",
      canvasHelp:
        "Image with lines. Enter adds a line, Tab goes through the lines, V through the ends, arrow keys move.",
    },
    polyline: {
      ...shapeSentences("polyline", "polylines"),
      ...pathSentences,
      none: "No polylines yet. Choose a label and click from point to point.",
      hintChooseLabel: "Choose a label, then click from point to point",
      canvasHelp: `Image with polylines. ${HELP}`,
    },
    polygon: {
      ...shapeSentences("polygon", "polygons"),
      ...pathSentences,
      none: "No polygons yet. Choose a label and click around the object.",
      hintChooseLabel: "Choose a label, then click around the object",
      canvasHelp: `Image with polygons. ${HELP}`,
    },
  } satisfies Record<KindName, unknown>,
  boxPlace: (left: number, top: number, width: number, height: number) =>
    `left ${left}, top ${top}, ${width} by ${height} pixels`,
  pointPlace: (x: number, y: number) => `left ${x}, top ${y}`,
  linePlace: (x0: number, y0: number, x1: number, y1: number) => `from left ${x0}, top ${y0} to left ${x1}, top ${y1}`,
  pathPlace: (n: number, place: string) => `${n} points, ${place}`,
  pointCount: (n: number) => (n === 1 ? "1 point" : `${n} points`),

  // Drawing point by point
  hintLineEnd: "Click where the line ends · Esc cancels",
  hintFinishPolyline: "Enter or the green point finishes · Esc cancels",
  hintClosePolygon: "Enter or the green point closes · Esc cancels",
  hintMorePoints: (missing: number) =>
    `At least ${missing === 1 ? "one more point" : `${missing} more points`} · Esc cancels`,
  edgesCross: "Edges must not cross.",
  tooFewPoints: (min: number) => `At least ${min} points are needed.`,
  finishFirst: "Finish the drawing with Enter, or cancel it with Esc.",
  pointAdded: (n: number) => `Point ${n} added`,
  pointTaken: "Point taken back",
  pointBack: "Point placed again",
  drawingCancelled: "Drawing cancelled",
  vertexName: (i: number, n: number, x: number, y: number) => `Point ${i} of ${n}: left ${x}, top ${y}`,
  vertexDeleted: "Point deleted",
  snapTool: "Snap to other shapes, to the border and to edges in the picture",
  keyFinishOrAdd: "Finish drawing; else add one in the middle of the view",
  keyNextVertex: "Next point of the selection",
  keyPreviousVertex: "Previous point of the selection",
  keyInsert: "Add a point after the chosen one",
  keySnap: "Snap to other shapes, to the border and to edges in the picture (with Shift held: the other way round)",
  keyEscapePath: "Cancel drawing; let go of the point; deselect",
};

export type ShapeSentences = (typeof shapeMessages)["shapes"][KindName];
