// Keeps a page up to date without reloading it: fetches the page itself and exchanges the parts marked
// data-live that changed. A part with a data-key is exchanged only with its key: its addresses are new each
// time, and pictures would flicker. When the new page no longer asks for it, this was the last time.
const everyMs = Number(document.currentScript.dataset.everyS) * 1000;

async function look() {
  if (document.hidden) return true;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return true;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const parts = [...document.querySelectorAll("[data-live]")];
  if (page.querySelector("[data-live]") === null) {
    location.reload(); // signed out
    return false;
  }
  for (const part of parts) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh) keepOpen(part, fresh);
    const isSame = part.dataset.key ? part.dataset.key === fresh?.dataset.key : part.outerHTML === fresh?.outerHTML;
    if (fresh && !isSame && !part.contains(document.activeElement)) part.replaceWith(fresh);
  }
  return page.querySelector("script[data-every-s]") !== null;
}

// What somebody opened stays open.
function keepOpen(part, fresh) {
  const all = (element) => [element, ...element.querySelectorAll("details")].filter((e) => e.matches("details"));
  const shown = all(part);
  all(fresh).forEach((found, i) => {
    found.open = shown[i]?.open ?? false;
  });
}

async function keepLooking() {
  let goOn = true;
  try {
    goOn = await look();
  } catch {
    // The server is away for a moment: what is shown stays.
  }
  if (goOn) setTimeout(keepLooking, everyMs);
}

setTimeout(keepLooking, everyMs);
