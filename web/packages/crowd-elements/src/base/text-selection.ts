/** What the browser has selected inside a shadow tree. Every engine has its own way to tell. */

interface ComposedSelection {
  getComposedRanges?(options: { shadowRoots: ShadowRoot[] }): StaticRange[];
}

interface SelectingRoot {
  getSelection?(): Selection | null;
}

/** The selection, if it begins in the element; null otherwise. */
export function selectedIn(element: Element): AbstractRange | null {
  const root = element.getRootNode();
  const selection = document.getSelection() as (Selection & ComposedSelection) | null;
  if (!selection) return null;
  let range: AbstractRange | undefined;
  if (selection.getComposedRanges && root instanceof ShadowRoot) {
    [range] = selection.getComposedRanges({ shadowRoots: [root] });
  } else {
    const own = (root as SelectingRoot).getSelection?.() ?? selection;
    range = own.rangeCount ? own.getRangeAt(0) : undefined;
  }
  return range && element.contains(range.startContainer) ? range : null;
}
