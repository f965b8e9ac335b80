/** Every sentence the worker can meet. A translation is another object of this type. */

import { maskMessages } from "./messages-mask.js";
import { shapeMessages } from "./messages-shapes.js";
import { textMessages } from "./messages-text.js";

export const en = {
  ...shapeMessages,
  ...textMessages,
  ...maskMessages,

  // Frame
  instructions: "Instructions",
  shortcuts: "Shortcuts",
  viewFullInstructions: "View full instructions",
  hideInstructions: "Hide instructions",
  close: "Close",
  keyboardShortcuts: "Keyboard shortcuts",
  somethingWrong: "This task cannot be shown as it was written",

  // Form
  submit: "Submit",
  submitting: "Sending…",
  submitted: "Sent.",
  retry: "Try again",
  answer: "Answer",
  answerShown: "Preview: this is the answer that would be sent.",
  sendFailed: (reason: string) => `The answer was not sent: ${reason} Your work is kept; try again.`,
  locked: "The time for this task is over.",
  fieldProblem: (field: string, problem: string) => (field ? `${field}: ${problem}` : problem),

  // Inputs
  required: "This field is required.",
  requiredCheck: "Tick this box to go on.",
  requiredToggle: "Switch this on to go on.",
  requiredSlider: "Move the slider to set a value.",
  tooShort: (min: number, now: number) => `Use at least ${min} characters (now ${now}).`,
  tooLong: (max: number, now: number) => `Use at most ${max} characters (now ${now}).`,
  notAllowed: "This contains characters that are not allowed here.",
  chars: (now: number, max: number | null) => (max === null ? `${now}` : `${now} / ${max}`),

  // Structured attributes
  badAttribute: (name: string, reason: string, line: number | null, column: number | null) =>
    `The attribute "${name}" cannot be read${line === null ? "" : ` (line ${line}, column ${column})`}: ${reason}. ` +
    "Tell the person who made this task.",
  missingAttribute: (name: string) => `The attribute "${name}" is missing. Tell the person who made this task.`,

  outsideForm:
    "This part stands outside the form, so what is done in it is not sent. Tell the person who made this task.",
  notOffered: (n: number, labels: string) =>
    `${n === 1 ? "One earlier annotation has a label" : `${n} earlier annotations have labels`} that this task does not offer (${labels}). ` +
    `${n === 1 ? "It is" : "They are"} not shown and not sent.`,
  leftOut: (n: number) =>
    `${n === 1 ? "One earlier annotation" : `${n} earlier annotations`} cannot be read and ${n === 1 ? "is" : "are"} left out. Check what is missing.`,
  noExtent: (n: number) =>
    `${n === 1 ? "One earlier box has" : `${n} earlier boxes have`} no width or no height, so ${n === 1 ? "it is" : "they are"} drawn one pixel wide. Check ${n === 1 ? "it" : "them"}.`,

  // Choices
  categories: "Categories",
  chooseCategory: "Choose a category.",
  chooseCategories: "Choose at least one category.",
  filterChoices: "Filter…",
  nothingFound: "Nothing found",
  clickForInstructions: "Click for instructions",
  summary: "Summary",
  detailedInstructions: "Detailed Instructions",
  examples: "Examples",
  goodExample: "Good example",
  badExample: "Bad example",
  clickToOpenModal: "Click to open modal",
  dismiss: "Dismiss",

  // Comment
  addComment: "Add a comment",
  comment: "Comment",
  save: "Save",
  cancel: "Cancel",

  // Image
  image: "Image",
  imageLoading: "Loading the image…",
  imageStillLoading: "The image is still loading.",
  imageFailed: "The image could not be loaded",
  imageFailedSubmit: "The image could not be loaded, so the task cannot be sent yet. Try again or release the task.",
  reasonRefused: "The link has expired or access is refused.",
  reasonMissing: "There is no image at this address.",
  reasonStatus: (status: number) => `The store answered with status ${status}.`,
  reasonNetwork: "The store could not be reached, or it does not allow this page to read the image (CORS).",
  reasonNotImage: "The file is not an image that this browser can show.",
  noCors: "The store does not send CORS headers. If the camera turned this picture, it may be shown turned.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit the image",
  move: "Move the image",
  zoomLevel: "Zoom",
  adjust: "Brightness and contrast",
  brightness: "Brightness",
  contrast: "Contrast",
  opacity: "Fill",
  resetView: "Reset",
  crosshair: "Crosshair guides",
  legend: "Annotations",

  // Shapes
  labels: "Labels",
  undo: "Undo",
  redo: "Redo",
  hideAll: "Hide annotations",
  showAll: "Show annotations",
  hideShape: "Hide",
  showShape: "Show",
  hideLabel: (label: string) => `Hide all ${label}`,
  showLabel: (label: string) => `Show all ${label}`,
  nothingToLabel: "Nothing to label",
  deleteThem: "Delete",
  keep: "Keep",
  chooseLabelFor: "Which label?",
  undone: "Undone",
  redone: "Redone",
  nothingSelected: "Nothing selected",
  hintMove: "Drag to move the image",

  // The answer before this one
  noLastLabel: "No label was used yet.",
  noPrevious: "There is no earlier answer of yours in this job to take it from.",
  nothingToCopy: "The image done before in this job has nothing that fits here.",
  otherSize: "The image done before has another size, so its mask does not fit.",

  // Sending nothing
  goOnMarking: "Go on marking",
  sendNothing: "Nothing to mark: submit",

  // Look of the page
  darkMode: "Dark colours",
  focusMode: "Focus mode: hide instructions and all around the work",
  leaveFocusMode: "Leave focus mode",

  // Shortcut descriptions
  keysOfLabels: "Labels",
  keysOfTool: "Tool",
  keysOfImage: "Image",
  keysOfText: "Text",
  keysOfPage: "Page",
  keysOfForm: "Answer",
  keysOfPortal: "Task",
  keyFocusMode: "Focus mode: hide instructions and all around the work",
  keyScheme: "Dark or light colours",
  keyRepeat: "The label used last",
  keyRepeatCategory: "What was chosen last in this job",
  keyCopy: "Copy from the image done before in this job",
  keyHideLabel: "Hide or show the chosen label",
  keyWheel: "Mouse wheel",
  keyWheelDoes: "Zoom at the pointer",
  keyMoveHeld: "While held, dragging moves the image (so does the middle button)",
  keyArrowsMove: "Move the image (with Shift: further)",
  keyEscape: "Cancel drawing; deselect",
  keyResize: "Resize the selected box (with Shift: by 10)",
  keyHideAnnotations: "Hide or show the annotations",
  keySubmit: "Submit",
  keyHelp: "Show this list",
  keySpace: "Space",
};

export type Messages = typeof en;

let current: Messages = en;

/** The catalogue in use. */
export function msg(): Messages {
  return current;
}

/** Replaces sentences of the catalogue; those not given stay English. */
export function setMessages(messages: Partial<Messages>): void {
  current = { ...en, ...messages };
}
