"use strict";
// The viewer of a report. It works from a file: data come as scripts, which a page from a disk may load where
// it may not fetch, and only those parts are loaded that are looked at.
(() => {
  const about = JSON.parse(document.getElementById("about").textContent);
  const perPage = about.kind === "text" ? 100 : 60;
  const byId = (id) => document.getElementById(id);
  const grid = byId("grid");
  const state = { threshold: about.threshold, chosen: new Set(), order: "file", page: 0, found: [], open: -1 };
  const parts = new Map(); // number -> Promise of the part's items
  const waiting = new Map();
  let scores = []; // per item: [class, best score] in turn

  // ---- data ----
  window.labelwrightReport = {
    scores(part) { scores = scores.concat(part); },
    part(number, items) { waiting.get(number)(items); },
  };

  function script(name) {
    return new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = `${about.files}/${name}`;
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${element.src} is missing`));
      document.head.append(element);
    });
  }

  function part(number) {
    if (!parts.has(number)) {
      parts.set(number, new Promise((resolve, reject) => {
        waiting.set(number, resolve);
        script(`data/${number}.js`).catch(reject);
      }));
      if (parts.size > 200) parts.delete(parts.keys().next().value);
    }
    return parts.get(number);
  }

  async function item(index) {
    return (await part(Math.floor(index / about.perPart)))[index % about.perPart];
  }

  // ---- choosing ----
  function best(index, classes) {
    const row = scores[index];
    let highest = -1;
    for (let i = 0; i < row.length; i += 2) {
      if ((!classes.size || classes.has(row[i])) && row[i + 1] > highest) highest = row[i + 1];
    }
    return highest;
  }

  function choose() {
    const limit = about.kind === "mask" ? 0 : state.threshold;
    const isAll = !state.chosen.size && !byId("hits").checked;
    const kept = [];
    for (let i = 0; i < scores.length; i += 1) {
      if (isAll || best(i, state.chosen) >= Math.max(limit, 1e-9)) kept.push(i);
    }
    if (state.order !== "file") {
      const value = new Map(kept.map((i) => [i, best(i, state.chosen)]));
      const sign = state.order === "high" ? -1 : 1;
      kept.sort((a, b) => sign * (value.get(a) - value.get(b)) || a - b);
    }
    state.found = kept;
    state.page = Math.min(state.page, Math.max(0, Math.ceil(kept.length / perPage) - 1));
  }

  function countClasses() {
    const counts = new Map();
    for (const row of scores) {
      for (let i = 0; i < row.length; i += 2) {
        if (about.kind === "mask" || row[i + 1] >= state.threshold) counts.set(row[i], (counts.get(row[i]) || 0) + 1);
      }
    }
    return counts;
  }

  // ---- drawing ----
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "style") for (const [key, entry] of Object.entries(value)) element.style.setProperty(key, entry);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const nameOf = (id) => about.names[id] ?? (typeof id === "number" ? `class ${id}` : String(id));
  const colourOf = (id) => about.colours[id] ?? about.colours[0];
  const percent = (value) => `${(100 * value).toFixed(2)}%`;

  function frame(entry, isLarge) {
    const [, file, width, height, , boxes, mask] = entry;
    const element = make("div", { class: "frame", style: { "aspect-ratio": `${width} / ${height}` } });
    const picture = make("img", { src: `${about.files}/${file}`, alt: "", loading: isLarge ? "eager" : "lazy" });
    element.append(picture);
    if (mask) element.append(make("img", { class: "mask", src: `${about.files}/${mask}`, alt: "", loading: "lazy" }));
    for (const [id, score, left, top, right, bottom] of [...boxes].reverse()) {
      if (score < state.threshold || (state.chosen.size && !state.chosen.has(id))) continue;
      const style = { left: percent(left), top: percent(top), width: percent(right - left),
        height: percent(bottom - top), "--class": colourOf(id) };
      const box = make("div", { class: top < 0.06 ? "box high" : "box", style });
      box.append(make("span", {}, `${nameOf(id)} ${score.toFixed(2)}`));
      element.append(box);
    }
    return element;
  }

  function tags(entry) {
    const [, , , , shares, boxes] = entry;
    const element = make("div", { class: "tags" });
    const shown = about.kind === "boxes"
      ? tally(boxes) : shares.filter(([, share]) => about.kind === "mask" || share >= state.threshold)
        .map(([id, share]) => [id, about.kind === "mask" ? `${Math.round(100 * share)} %` : share.toFixed(3)]);
    for (const [id, text] of shown) {
      element.append(make("span", {}, make("i", { style: { background: colourOf(id) } }), `${nameOf(id)} ${text}`));
    }
    if (!shown.length) element.append(`nothing from ${state.threshold.toFixed(2)}`);
    return element;
  }

  function tally(boxes) {
    const counts = new Map();
    for (const [id, score] of boxes) if (score >= state.threshold) counts.set(id, (counts.get(id) || 0) + 1);
    return [...counts].map(([id, n]) => [id, `× ${n}`]);
  }

  function figure(entry, place) {
    const [name, , , , , , , error] = entry;
    const caption = make("figcaption", {}, make("b", {}, name));
    const element = make("figure", { tabindex: "0", "data-place": place });
    if (error) element.append(make("div", { class: "failed" }, error));
    else { element.append(frame(entry, false)); caption.append(tags(entry)); }
    element.append(caption);
    return element;
  }

  function row(entry, place) {
    const [text, , , , shares] = entry;
    const [id, share] = shares[0] ?? ["", 0];
    const is = share >= state.threshold;
    const label = is ? make("div", { class: "tags" }, make("span", {},
      make("i", { style: { background: colourOf(id) } }), nameOf(id))) : `nothing from ${state.threshold.toFixed(2)}`;
    return make("tr", { tabindex: "0", "data-place": place }, make("td", {}, text), make("td", {}, label),
      make("td", {}, is ? share.toFixed(3) : ""));
  }

  let drawing = 0;
  async function draw({ keepFocus = false } = {}) {
    const mine = (drawing += 1);
    const focused = keepFocus ? document.activeElement?.dataset?.place : undefined;
    choose();
    const first = state.page * perPage;
    const indices = state.found.slice(first, first + perPage);
    let entries;
    try { entries = await Promise.all(indices.map(item)); } catch (error) {
      grid.replaceChildren(make("p", { class: "empty" }, `The data of the report are incomplete: ${error.message}.`));
      return;
    }
    if (mine !== drawing) return;
    const isText = about.kind === "text";
    const made = entries.map((entry, i) => (isText ? row : figure)(entry, first + i));
    grid.className = isText ? "" : "grid";
    if (!made.length) grid.replaceChildren(make("p", { class: "empty" }, "Nothing fits this choice. Lower the score or choose other classes."));
    else if (isText) {
      const head = make("tr", {}, ...["Text", "Label", "Score"].map((name) => make("th", { scope: "col" }, name)));
      grid.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...made)));
    } else grid.replaceChildren(...made);
    if (focused !== undefined) grid.querySelector(`[data-place="${focused}"]`)?.focus();
    const nPages = Math.max(1, Math.ceil(state.found.length / perPage));
    byId("count").textContent = `${state.found.length.toLocaleString("en")} of ${scores.length.toLocaleString("en")}`;
    byId("where").textContent = `Page ${state.page + 1} of ${nPages.toLocaleString("en")}`;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page + 1 >= nPages;
    drawClasses();
  }

  function drawClasses() {
    const counts = countClasses();
    const buttons = byId("classes");
    const ids = [...new Set([...counts.keys(), ...state.chosen])].sort((a, b) => (counts.get(b) || 0) - (counts.get(a) || 0));
    const had = document.activeElement?.dataset?.class;
    buttons.replaceChildren(...ids.slice(0, 60).map((id, i) => {
      const button = make("button", { type: "button", "aria-pressed": String(state.chosen.has(id)), "data-class": String(id) },
        make("i", { style: { background: colourOf(id) } }), nameOf(id), make("span", {}, String(counts.get(id) || 0)));
      if (i < 9) button.title = `Key ${i + 1}`;
      button.onclick = () => { toggle(id); };
      return button;
    }));
    if (had !== undefined) buttons.querySelector(`[data-class="${CSS.escape(had)}"]`)?.focus();
  }

  function toggle(id) {
    if (!state.chosen.delete(id)) state.chosen.add(id);
    state.page = 0;
    draw();
  }

  function setThreshold(value) {
    state.threshold = Math.min(1, Math.max(0, Math.round(value * 100) / 100));
    byId("threshold").value = state.threshold;
    byId("shown").textContent = state.threshold.toFixed(2);
    draw({ keepFocus: true });
    if (state.open >= 0) show(state.open);
  }

  function turn(step) {
    const nPages = Math.max(1, Math.ceil(state.found.length / perPage));
    const to = Math.min(nPages - 1, Math.max(0, state.page + step));
    if (to === state.page) return;
    state.page = to;
    draw().then(() => window.scrollTo({ top: 0 }));
  }

  async function show(place) {
    if (about.kind === "text" || place < 0 || place >= state.found.length) return;
    const entry = await item(state.found[place]);
    if (entry[7]) return;
    state.open = place;
    const dialog = byId("large");
    dialog.style.setProperty("--ratio", String(entry[2] / entry[3]));
    byId("largeFrame").replaceChildren(frame(entry, true));
    byId("largeName").replaceChildren(make("b", {}, entry[0]), tags(entry));
    if (!dialog.open) dialog.showModal();
  }

  // ---- hands ----
  byId("threshold").oninput = (event) => setThreshold(Number(event.target.value));
  byId("order").onchange = (event) => { state.order = event.target.value; state.page = 0; draw(); };
  byId("hits").onchange = () => { state.page = 0; draw(); };
  byId("opacity").oninput = (event) => document.body.style.setProperty("--mask-opacity", event.target.value);
  byId("previous").onclick = () => turn(-1);
  byId("next").onclick = () => turn(1);
  byId("help").onclick = () => byId("keys").showModal();
  byId("large").onclose = () => {
    const place = state.open;
    state.open = -1;
    grid.querySelector(`[data-place="${place}"]`)?.focus();
  };
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  }
  grid.onclick = (event) => {
    const place = event.target.closest("[data-place]")?.dataset.place;
    if (place !== undefined) show(Number(place));
  };

  function columns() {
    const all = [...grid.querySelectorAll("[data-place]")];
    const top = all[0]?.offsetTop;
    return Math.max(1, all.findIndex((each) => each.offsetTop !== top) === -1 ? all.length
      : all.findIndex((each) => each.offsetTop !== top));
  }

  function move(step) {
    const all = [...grid.querySelectorAll("[data-place]")];
    const at = all.indexOf(document.activeElement);
    const to = at === -1 ? 0 : Math.min(all.length - 1, Math.max(0, at + step));
    all[to]?.focus();
    all[to]?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    const isOpen = state.open >= 0;
    const wide = about.kind === "text" ? 1 : columns();
    const keys = {
      ArrowRight: () => (isOpen ? show(state.open + 1) : move(1)),
      ArrowLeft: () => (isOpen ? show(state.open - 1) : move(-1)),
      ArrowDown: () => { if (!isOpen) move(wide); },
      ArrowUp: () => { if (!isOpen) move(-wide); },
      Enter: () => { if (event.target.dataset?.place) show(Number(event.target.dataset.place)); },
      "+": () => setThreshold(state.threshold + 0.05),
      "=": () => setThreshold(state.threshold + 0.05),
      "-": () => setThreshold(state.threshold - 0.05),
      "[": () => turn(-1),
      "]": () => turn(1),
      "0": () => { state.chosen.clear(); draw(); },
      "?": () => byId("keys").showModal(),
    };
    const digit = /^[1-9]$/.test(event.key) ? byId("classes").children[Number(event.key) - 1] : null;
    if (digit) { digit.click(); event.preventDefault(); return; }
    if (event.key === "Enter" && !event.target.dataset?.place) return;
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // ---- begin ----
  (async () => {
    for (let i = 0; i < about.nScoreParts; i += 1) await script(`data/scores-${i}.js`);
    setThreshold(state.threshold);
  })().catch((error) => grid.replaceChildren(make("p", { class: "empty" }, `The data of the report are incomplete: ${error.message}.`)));
})();
