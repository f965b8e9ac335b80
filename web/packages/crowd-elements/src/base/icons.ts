/** A small icon set of our own: strokes on a 24 x 24 grid, under the names that the open iron-icons set uses. */

import { type SVGTemplateResult, html, svg } from "lit";
import type { TemplateResult } from "lit";

const CIRCLE = "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18";
const LENS = "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M15.200 15.200l5.300 5.300";
const EYE =
  "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6";
const UNKNOWN = "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8";

const paths: Readonly<Record<string, string>> = {
  add: "M12 5v14M5 12h14",
  "arrow-back": "M20 12H4M10 6l-6 6 6 6",
  "arrow-forward": "M4 12h16M14 6l6 6-6 6",
  "arrow-drop-down": "M7 10l5 5 5-5",
  book: "M12 6.500C10.500 5.200 8 4.500 4 4.500v13c4 0 6.500.700 8 2 1.500-1.300 4-2 8-2v-13c-4 0-6.500.700-8 2ZM12 6.500v13",
  bookmark: "M7 4h10v16l-5-4-5 4Z",
  "bounding-box":
    "M7 5h10M19 7v10M17 19H7M5 17V7M3.200 3.200h3.600v3.600H3.200ZM17.200 3.200h3.600v3.600h-3.600ZM17.200 17.200h3.600v3.600h-3.600ZM3.200 17.200h3.600v3.600H3.200Z",
  brightness:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  "auto-segment": "M4 20L14 10M12.500 8.500l3 3M17 3v4M15 5h4M20 11v3M18.500 12.500h3M8 4v3M6.500 5.500h3",
  brush:
    "M20 3.500L10.500 13M8 12a4 4 0 0 0-4 4c0 2-1.500 3-1.500 3 1.500 1.500 8.500 2 9.500-2.500.500-2-1.500-4.500-4-4.500Z",
  build:
    "M14.500 6.500a4 4 0 0 0 5 5L12 19a2.500 2.500 0 0 1-3.500-3.500ZM14.500 6.500A4.500 4.500 0 0 1 19 4l-2 3 1 1 3-2",
  camera: "M4 7h4l1.500-2.500h5L16 7h4v12H4ZM12 9.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7",
  cancel: `${CIRCLE}M9 9l6 6M15 9l-6 6`,
  chat: "M4 5h16v11H10l-4 4v-4H4Z",
  check: "M5 12.500l4.500 4.500L19 7.500",
  "check-box": "M4.500 4.500h15v15h-15ZM8 12.200l3 3 5-6",
  "check-circle": `${CIRCLE}M8 12.300l2.800 2.800L16 9.800`,
  "chevron-left": "M14.500 6l-6 6 6 6",
  "chevron-right": "M9.500 6l6 6-6 6",
  clear: "M6 6l12 12M18 6L6 18",
  close: "M6 6l12 12M18 6L6 18",
  comment: "M4 5h16v11H10l-4 4v-4H4ZM8 9h8M8 12h5",
  contrast: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 4v16M12 8h6.900M12 12h8M12 16h6.900",
  "content-copy": "M9 9h11v11H9ZM15 9V4H4v11h5",
  crop: "M7 2.500V17h14.500M2.500 7H17v14.500",
  crosshair: "M12 2.500v7M12 14.500v7M2.500 12h7M14.500 12h7",
  "dark-mode": "M19.500 14.200A8 8 0 1 1 9.800 4.500a6.500 6.500 0 0 0 9.700 9.700Z",
  delete:
    "M4.500 7h15M9.500 7V4h5v3M6.500 7l.800 12.100a1 1 0 0 0 1 .900h7.400a1 1 0 0 0 1-.900L17.500 7M10 11v5M14 11v5",
  description: "M6 3h8l4 4v14H6ZM14 3v4h4M9 12h6M9 16h6",
  done: "M5 12.500l4.500 4.500L19 7.500",
  edit: "M4 20l1-4L16 5l3 3L8 19ZM14 7l3 3",
  eraser: "M9 20l-5.500-5.500L14 4l6.500 6.500L11 20ZM8 10l6.500 6.500M9 20h11",
  error: `${CIRCLE}M12 7.500v5.500M12 16.300v.100`,
  event: "M4 6h16v14H4ZM4 10h16M8 3.500V7M16 3.500V7",
  "expand-less": "M6 15l6-6 6 6",
  "expand-more": "M6 9l6 6 6-6",
  favorite:
    "M12 20S4.500 15.400 3.300 10.700C2.500 7.400 4.700 5 7.300 5c2.100 0 3.700 1.200 4.700 3 1-1.800 2.600-3 4.700-3 2.600 0 4.800 2.400 4 5.700C19.500 15.400 12 20 12 20Z",
  "file-download": "M12 4v11M7 10.500l5 5 5-5M5 20h14",
  "file-upload": "M12 16V5M7 9.500l5-5 5 5M5 20h14",
  fill: "M11 3.500l8 8-8 8-8-8ZM3 11.500h16M21 15.500s-1.500 2-1.500 3.200a1.500 1.500 0 0 0 3 0c0-1.200-1.500-3.200-1.500-3.200",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  flag: "M6 21V4h12l-3 4 3 4H6",
  fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  focus:
    "M4 8V5.500A1.500 1.500 0 0 1 5.500 4H8M16 4h2.500A1.500 1.500 0 0 1 20 5.500V8M20 16v2.500a1.500 1.500 0 0 1-1.500 1.500H16M8 20H5.500A1.500 1.500 0 0 1 4 18.500V16M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  "focus-off": "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  help: `${CIRCLE}M9.500 9.700a2.500 2.500 0 1 1 3.600 2.200c-.800.400-1.100.900-1.100 1.900M12 16.700v.100`,
  "help-outline": `${CIRCLE}M9.500 9.700a2.500 2.500 0 1 1 3.600 2.200c-.800.400-1.100.900-1.100 1.900M12 16.700v.100`,
  "highlight-off": `${CIRCLE}M9 9l6 6M15 9l-6 6`,
  home: "M4 11l8-7 8 7M6 9.500V20h12V9.500",
  image: "M4 5h16v14H4ZM4 16l4.500-4.500L13 16l3-3 4 4M15 9v.100",
  info: `${CIRCLE}M12 11v5.500M12 7.700v.100`,
  "info-outline": `${CIRCLE}M12 11v5.500M12 7.700v.100`,
  keyboard: "M3 6.500h18v11H3ZM6.500 10v.100M10 10v.100M13.500 10v.100M17.500 10v.100M7.500 14h9",
  keypoint: "M12 2.500v5M12 16.500v5M2.500 12h5M16.500 12h5M12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5",
  label: "M4 6h11l5 6-5 6H4Z",
  lasso:
    "M12 4c5 0 8.500 2.300 8.500 5.500S17 15 12 15s-8.500-2.300-8.500-5.500S7 4 12 4M7 14a2.200 2.200 0 1 0-.500 3.500C8 16.500 8.500 15.500 8 14M7 17.500c0 2-1 3-2.500 3.500",
  launch: "M10 5H5v14h14v-5M13 4h7v7M20 4l-9 9",
  line: "M7.200 16.800L16.800 7.200M3.200 16.800h4v4h-4ZM16.800 3.200h4v4h-4Z",
  link: "M10 14a4 4 0 0 0 6 .400l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.400l-3 3a4 4 0 0 0 5.700 5.700L12 17",
  list: "M9 6h11M9 12h11M9 18h11M4.500 6v.100M4.500 12v.100M4.500 18v.100",
  lock: "M6 11h12v9H6ZM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  mail: "M4 6h16v12H4ZM4 7l8 6 8-6",
  menu: "M4 7h16M4 12h16M4 17h16",
  "more-vert": "M12 5.500v.100M12 12v.100M12 18.500v.100",
  move: "M12 3v18M3 12h18M9.500 5.500L12 3l2.500 2.500M9.500 18.500L12 21l2.500-2.500M5.500 9.500L3 12l2.500 2.500M18.500 9.500L21 12l-2.500 2.500",
  "open-in-new": "M10 5H5v14h14v-5M13 4h7v7M20 4l-9 9",
  "open-with":
    "M12 3v18M3 12h18M9.500 5.500L12 3l2.500 2.500M9.500 18.500L12 21l2.500-2.500M5.500 9.500L3 12l2.500 2.500M18.500 9.500L21 12l-2.500 2.500",
  pause: "M8.500 5v14M15.500 5v14",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.500 20c.500-4 3.500-6 7.500-6s7 2 7.500 6",
  "play-arrow": "M8 5l11 7-11 7Z",
  polygon: "M12 4l8 6-3 9.500H7L4 10ZM12 4v.100M20 10v.100M17 19.500v.100M7 19.500v.100M4 10v.100",
  polyline: "M3 18.500l5.500-9 6 5.500L21 5M3 18.500v.100M8.500 9.500v.100M14.500 15v.100M21 5v.100",
  print: "M7 9V4h10v5M5 9h14v8h-2M7 17H5M7 14h10v6H7Z",
  "question-answer": "M4 4h12v8H8l-4 3.500ZM18.500 8.500H20v11L17 17H9v-2",
  redo: "M16 4.500L20.500 9 16 13.500M20.500 9H9.500a5.250 5.250 0 0 0 0 10.500H13",
  refresh: "M19.500 12a7.500 7.500 0 1 1-2.200-5.300L19.500 9M19.500 4v5h-5",
  remove: "M5 12h14",
  "report-problem": "M12 4L2.800 19.500h18.400ZM12 10v4.500M12 17v.100",
  save: "M5 4h11l3 3v13H5ZM8 4v5h7V4M8 20v-6h8v6",
  schedule: `${CIRCLE}M12 7v5.300l3.500 2`,
  search: LENS,
  send: "M4 12L3.500 4.500 21 12 3.500 19.500ZM4 12h8",
  settings: "M5 7h8M17 7h2M5 17h2M11 17h8M15 5a2 2 0 1 0 0 4 2 2 0 0 0 0-4M9 15a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  "skip-next": "M6 5l9 7-9 7ZM18 5v14",
  snap: "M6 3v8.500a6 6 0 0 0 12 0V3M6 3h3.500v8.500a2.500 2.500 0 0 0 5 0V3H18M6 7.500h3.500M14.500 7.500H18",
  star: "M12 3.500l2.600 5.400 5.900.800-4.300 4.100 1.100 5.900L12 16.900l-5.300 2.800 1.100-5.900-4.300-4.100 5.900-.800Z",
  stop: "M6 6h12v12H6Z",
  "thumb-down":
    "M7 4v9H3.500V4ZM7 12l4 8c1.500 0 2.200-1 2-2.500l-.500-3.500H19a1.500 1.500 0 0 0 1.500-1.800l-1.200-6.500A2 2 0 0 0 17.300 4H7",
  "thumb-up":
    "M7 20v-9H3.500v9ZM7 12l4-8c1.500 0 2.200 1 2 2.500l-.500 3.500H19a1.500 1.500 0 0 1 1.500 1.800l-1.200 6.500a2 2 0 0 1-2 1.700H7",
  today: "M4 6h16v14H4ZM4 10h16M8 3.500V7M16 3.500V7",
  tune: "M5 7h8M17 7h2M5 17h2M11 17h8M15 5a2 2 0 1 0 0 4 2 2 0 0 0 0-4M9 15a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  undo: "M8 4.500L3.500 9 8 13.500M3.500 9h11a5.250 5.250 0 0 1 0 10.500H11",
  visibility: EYE,
  "visibility-off": `${EYE}M4 4l16 16`,
  warning: "M12 4L2.800 19.500h18.400ZM12 10v4.500M12 17v.100",
  "zoom-in": `${LENS}M10.500 7.500v6M7.500 10.500h6`,
  "zoom-out": `${LENS}M7.500 10.500h6`,
};

/** Names that the set knows; `av:play-arrow` means the same as `play-arrow`. */
export function iconPath(name: string): string {
  return paths[name.slice(name.lastIndexOf(":") + 1)] ?? UNKNOWN;
}

export function isKnownIcon(name: string): boolean {
  return name.slice(name.lastIndexOf(":") + 1) in paths;
}

function glyph(name: string): SVGTemplateResult {
  return svg`<path d=${iconPath(name)}></path>`;
}

/** An icon as decoration beside text or inside a labelled button. */
export function icon(name: string): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${glyph(name)}</svg>`;
}
