/** Every sentence of the portal's own pages. A translation is another object of this type in `catalogues`. */

import { signInMessages } from "./messages-sign-in.js";
import { workMessages } from "./messages-work.js";

const counted = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

export const en = {
  ...signInMessages,
  ...workMessages,

  // Page
  brand: "Labelwright",
  titleOf: (page: string) => `${page} – Labeling portal`,
  pages: "Pages",
  tasks: "Tasks",
  templates: "Templates",
  work: "Work",
  signOut: "Sign out",
  messages: "Messages",
  cancel: "Cancel",
  close: "Close",
  retry: "Retry",
  tryAgain: "Try again",
  unreachable: "The portal cannot be reached",

  // Connection
  noConnection: "The server could not be reached. Check your connection.",
  unreadableAnswer: (status: number) => `The server gave an answer that cannot be read (${status}).`,
  refused: (status: number) => `The server refused this (${status}).`,

  // Durations
  seconds: (n: number) => counted(n, "second", "seconds"),
  minutes: (n: number) => counted(n, "minute", "minutes"),
  hours: (n: number) => counted(n, "hour", "hours"),
  days: (n: number) => counted(n, "day", "days"),
  together: (larger: string, smaller: string) => `${larger} ${smaller}`,

  // List of jobs
  yourTasks: "Your tasks",
  lookingForWork: "Looking for work …",
  tryingAgain: "No connection to the server; trying again by itself.",
  noOtherTasks: "No other tasks open",
  tasksOpen: (n: number, isBesides: boolean) =>
    `${n.toLocaleString()}${isBesides ? " more" : ""} ${n === 1 ? "task" : "tasks"} open`,
  kind: "Kind",
  requester: "Requester",
  timeLimit: "Time limit",
  since: "Since",
  reference: "Reference",
  keywords: "Keywords",
  waitsUntil: (time: string) => `A task waits for you until ${time}.`,
  startWorking: "Start working",
  resume: "Resume",
  nothingToLabel: "Nothing to label right now",
  appearByThemselves: "New tasks appear here by themselves. You can leave this page open.",
  taskTypes: {
    BoundingBox: "Bounding boxes",
    ImageMultiClass: "Image classification",
    ImageMultiClassMultiLabel: "Image classification, several labels",
    TextMultiClass: "Text classification",
    TextMultiClassMultiLabel: "Text classification, several labels",
    SemanticSegmentation: "Segmentation",
    NamedEntityRecognition: "Entities in text",
    Custom: "Custom task",
  } as Readonly<Record<string, string>>,

  // Workbench
  sampleGroups: { element: "Elements", "task type": "Task types" },
  examples: "Examples",
  template: "Template",
  templateData: "Data (task.input, JSON)",
  render: "Render",
  renderKey: "Ctrl+Enter",
  livePage: "Live page",
  isPreview: "Preview – nothing is stored or sent.",
  notJson: (reason: string) => `Data is not JSON: ${reason}`,
  onLine: (line: number, problem: string) => `Line ${line}: ${problem}`,
  notInData: (name: string) => `${name} is not in the data and printed nothing.`,
  nothingRendered: "Nothing could be rendered; see the problems.",
  problems: "Problems",
  warnings: "Warnings",
};

export type Messages = typeof en;

/** By language tag, `de` or `pt-BR`. The first is what those get whose language is not here. */
export const catalogues: Readonly<Record<string, Messages>> = { en };

let current: Messages = en;

/** The catalogue in use. */
export function msg(): Messages {
  return current;
}

/**
 * Use the first of the wished languages that there is a catalogue for; says which that was.
 *
 * @param wished language tags, the best first, as `navigator.languages`
 */
export function chooseLanguage(
  wished: readonly string[],
  known: Readonly<Record<string, Messages>> = catalogues,
): string {
  const byTag = new Map(Object.keys(known).map((tag) => [tag.toLowerCase(), tag]));
  const found = wished
    .flatMap((tag) => [tag.toLowerCase(), tag.toLowerCase().split("-")[0]!])
    .map((tag) => byTag.get(tag))
    .find((tag) => tag !== undefined);
  const language = found ?? Object.keys(known)[0]!;
  current = known[language]!;
  return language;
}
