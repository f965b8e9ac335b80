/** Building DOM without strings of HTML: the page's policy allows no HTML from strings at all. */

type Child = Node | string | null | undefined | false;

type Properties = {
  [name: string]: unknown;
  class?: string;
  on?: Record<string, (event: Event) => void>;
};

/**
 * An element with attributes, listeners and children.
 *
 * A boolean attribute is set when true and left out when false; `undefined` and `null` leave out as well.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value as Record<string, (event: Event) => void>)) {
        element.addEventListener(event, listener);
      }
    } else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

function append(parent: Element, children: Child[]): void {
  for (const child of children) if (child !== null && child !== undefined && child !== false) parent.append(child);
}

const SVG = "http://www.w3.org/2000/svg";

/** A line icon from the path data of a 24 x 24 drawing; decoration only, hidden from screen readers. */
export function icon(...paths: string[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const data of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", data);
    svg.append(path);
  }
  return svg;
}

export const ICONS = {
  logo: ["M4 4h16v16H4z", "M8 12.5l3 3 5.5-7"],
  clock: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z", "M12 7.5V12l3 2"],
  skip: ["M5 5l7 7-7 7", "M13 5l7 7-7 7"],
  decline: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z", "M5.7 5.7l12.6 12.6"],
  release: ["M9 14L4 9l5-5", "M4 9h10a6 6 0 0 1 0 12h-3"],
  pause: ["M9 5v14", "M15 5v14"],
  info: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z", "M12 11v5", "M12 8v.01"],
  back: ["M15 5l-7 7 7 7"],
  signOut: ["M10 4H5v16h5", "M14 8l4 4-4 4", "M18 12H9"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  eye: [
    "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z",
    "M12 9.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5z",
  ],
  tray: ["M4 13l2.5-8h11L20 13v6H4z", "M4 13h5l1.5 2.5h3L15 13h5"],
  trophy: ["M8 4h8v6a4 4 0 0 1-8 0z", "M8 6H5a3 3 0 0 0 3 4", "M16 6h3a3 3 0 0 1-3 4", "M12 14v4", "M8.5 20h7"],
} as const;

/** Resolves once the changes made now have been drawn; a page out of sight draws nothing, so soon will do there. */
export function nextPaint(): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, 100);
    requestAnimationFrame(() => {
      window.clearTimeout(timer);
      window.setTimeout(resolve);
    });
  });
}
