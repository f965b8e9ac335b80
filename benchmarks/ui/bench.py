"""How fast the image tools are in headless Chromium: 500 boxes, 200 polygons, a mask of 12 megapixels.

Run it with ``python -m benchmarks.ui.bench``. It prints a table and writes ``benchmarks/results/ui.json``.
The page is served from memory, without a server of ours, so the numbers are those of the element alone.
Chromium draws in software here, which is slower than any machine with a screen.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import json
import math
import random
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src" / "labelwright" / "portal" / "static"
RESULTS = ROOT / "benchmarks" / "results" / "ui.json"
N_BOXES = 500
N_POLYGONS = 200
N_VERTICES = 50
WIDTH, HEIGHT = 4000, 3000
OPEN_RUNS = 5
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

MASK_TOOL = "document.querySelector('crowd-semantic-segmentation')"
POLYGON_TOOL = "document.querySelector('crowd-polygon')"

PROBE = f"""
window.work = [];
window.frames = [];
const raf = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = callback => raf(time => {{
  const start = performance.now();
  callback(time);
  work.push(performance.now() - start);
}});
let last = null;
raf(function tick(time) {{
  if (last !== null) frames.push(time - last);
  last = time;
  const tool = document.querySelector('crowd-bounding-box');
  if (!window.openedAt && tool?.value?.boundingBoxes.length === {N_BOXES}) {{
    raf(() => setTimeout(() => {{ window.openedAt ??= performance.now(); }}));
  }}
  raf(tick);
}});
"""
TOOL = "document.querySelector('crowd-bounding-box').shadowRoot"


def picture() -> bytes:
    """A JPEG of the size and weight of a camera's."""
    rng = random.Random(7)
    small = Image.effect_noise((WIDTH // 8, HEIGHT // 8), 60).convert("RGB")
    small.putpixel((0, 0), (rng.randrange(256),) * 3)
    out = io.BytesIO()
    small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def boxes() -> list[dict[str, Any]]:
    rng = random.Random(11)
    made = []
    for i in range(N_BOXES):
        width, height = rng.randrange(40, 400), rng.randrange(40, 300)
        left, top = rng.randrange(WIDTH - width), rng.randrange(HEIGHT - height)
        made.append({"label": f"label {i % 8}", "left": left, "top": top, "width": width, "height": height})
    return made


def document() -> bytes:
    labels = json.dumps([f"label {i}" for i in range(8)]).replace('"', "&quot;")
    initial = json.dumps(boxes()).replace('"', "&quot;")
    return f"""<!DOCTYPE html><script src="/crowd-html-elements.js"></script><crowd-form><crowd-bounding-box
    name="b" src="/picture.jpg" labels="{labels}" initial-value="{initial}" header="Draw boxes">
    </crowd-bounding-box></crowd-form>""".encode()


def polygons() -> list[dict[str, Any]]:
    """Wavy outlines all over the picture; many lie over each other."""
    rng = random.Random(13)
    made = []
    for i in range(N_POLYGONS):
        radius = rng.randrange(60, 360)
        x, y = rng.randrange(radius, WIDTH - radius), rng.randrange(radius, HEIGHT - radius)
        vertices = []
        for j in range(N_VERTICES):
            angle, far = math.tau * j / N_VERTICES, radius * rng.uniform(0.75, 1.0)
            vertices.append({"x": round(x + far * math.cos(angle)), "y": round(y + far * math.sin(angle))})
        made.append({"label": f"label {i % 8}", "vertices": vertices})
    return made


def polygon_document() -> bytes:
    labels = json.dumps([f"label {i}" for i in range(8)]).replace('"', "&quot;")
    initial = json.dumps(polygons()).replace('"', "&quot;")
    return f"""<!DOCTYPE html><script src="/crowd-html-elements.js"></script><crowd-form><crowd-polygon
    name="p" src="/picture.jpg" labels="{labels}" initial-value="{initial}" header="Draw polygons">
    </crowd-polygon></crowd-form>""".encode()


def mask_document() -> bytes:
    labels = json.dumps([f"label {i}" for i in range(8)]).replace('"', "&quot;")
    return f"""<!DOCTYPE html><script src="/crowd-html-elements.js"></script><crowd-form>
    <crowd-semantic-segmentation name="m" src="/picture.jpg" labels="{labels}" header="Paint">
    </crowd-semantic-segmentation></crowd-form>""".encode()


def serve(routes: dict[str, tuple[str, bytes]]) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, body = routes.get(self.path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(page: Any, act: Callable[[], None]) -> dict[str, float]:
    """Frame times (ms from frame to frame) and our own work per frame while something happens."""
    page.evaluate("work.length = 0; frames.length = 0")
    act()
    work, frames = page.evaluate("[work, frames]")
    return {
        "frames": len(frames),
        "frame_p50_ms": round(statistics.median(frames), 2),
        "frame_p95_ms": round(percentile(frames, 0.95), 2),
        "work_p50_ms": round(statistics.median(work or [0.0]), 2),
        "work_p95_ms": round(percentile(work or [0.0], 0.95), 2),
    }


def sweep(page: Any, start: tuple[float, float], *, n: int = 240) -> None:
    """Moves the mouse in small steps for some seconds, about one step a frame."""
    x, y = start
    for i in range(n):
        page.mouse.move(x + (i % 120) * 1.5, y + (i % 90))
        time.sleep(0.006)


def measure_polygons(page: Any, url: str) -> dict[str, Any]:
    """Frame times with all polygons in view: hovering, moving one or a vertex of it, drawing, panning."""
    page.goto(url + "polygons")
    page.wait_for_function(f"{POLYGON_TOOL}.value.polygons.length === {N_POLYGONS}")
    page.wait_for_timeout(500)
    rect = page.evaluate(
        f"(() => {{ const canvas = {POLYGON_TOOL}.shadowRoot.querySelector('.upper-canvas');"
        "const r = canvas.getBoundingClientRect(); return [r.x, r.y, r.width, r.height] })()"
    )
    scale = rect[2] / WIDTH
    vertices = polygons()[-1]["vertices"]

    def on_screen(x: float, y: float) -> tuple[float, float]:
        return rect[0] + x * scale, rect[1] + y * scale

    found: dict[str, Any] = {"hover": measure(page, lambda: sweep(page, (rect[0] + 40, rect[1] + 40)))}
    page.locator(".shape-list").evaluate("list => { list.scrollTop = list.scrollHeight; }")
    page.wait_for_timeout(200)
    page.locator(".shape-row").last.click()
    n = len(vertices)
    middle = on_screen(sum(at["x"] for at in vertices) / n, sum(at["y"] for at in vertices) / n)
    grips = {"drag_a_polygon": middle, "drag_a_vertex": on_screen(vertices[7]["x"], vertices[7]["y"])}
    for name, start in grips.items():
        page.mouse.move(*start)
        page.mouse.down()
        found[name] = measure(page, functools.partial(sweep, page, start))
        page.mouse.up()
        page.wait_for_function(f"{POLYGON_TOOL}.value.initialValueModified")
        page.keyboard.press("Control+z")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.down("Control")
    page.mouse.click(rect[0] + 30, rect[1] + 30)
    page.mouse.click(rect[0] + 30, rect[1] + 300)
    page.keyboard.up("Control")
    found["draw_a_polygon"] = measure(page, lambda: sweep(page, (rect[0] + 60, rect[1] + 60)))
    page.keyboard.press("Escape")
    middle = (rect[0] + rect[2] / 2, rect[1] + rect[3] / 2)
    for _ in range(2):
        page.keyboard.press("+")
    page.mouse.move(*middle)
    page.mouse.down(button="middle")
    found["pan"] = measure(page, lambda: sweep(page, middle))
    page.mouse.up(button="middle")
    return found


def measure_mask(page: Any, url: str) -> dict[str, Any]:
    """Painting, undoing and reading the answer of a mask as large as the picture. Times in milliseconds."""
    page.goto(url + "mask")
    page.wait_for_function(f"{MASK_TOOL}.value.inputImageProperties.width > 0")
    page.wait_for_timeout(500)
    rect = page.evaluate(
        f"(() => {{ const r = {MASK_TOOL}.shadowRoot.querySelector('.upper-canvas').getBoundingClientRect();"
        "return [r.x, r.y, r.width, r.height] })()"
    )
    start = (rect[0] + 60, rect[1] + 60)
    found: dict[str, Any] = {}

    def paint(size: int, key: str) -> dict[str, float]:
        page.keyboard.press(key)
        page.keyboard.press("r")
        page.evaluate(f"{MASK_TOOL}.editor.brushSize = {size}")
        page.mouse.move(*start)
        page.mouse.down()
        row = measure(page, lambda: sweep(page, start))
        page.mouse.up()
        return row

    found["paint_100_px"] = paint(100, "1")
    found["paint_500_px"] = paint(500, "2")

    def took(script: str) -> float:
        """Until the frame after it is drawn: what the worker waits."""
        script = f"async () => {{ const t = performance.now(); {script}; await new Promise(done => "
        script += "requestAnimationFrame(() => setTimeout(done))); return performance.now() - t; }"
        return round(float(page.evaluate(script)), 1)

    found["first_answer_ms"] = took(f"{MASK_TOOL}.value")
    page.keyboard.press("b")
    page.keyboard.press("3")
    page.mouse.move(rect[0] + 1, rect[1] + 1)
    page.mouse.down()
    page.mouse.move(rect[0] + rect[2] - 1, rect[1] + rect[3] - 1)
    page.mouse.up()
    page.wait_for_timeout(300)
    undone = []
    for _ in range(5):
        undone.append(took(f"{MASK_TOOL}.editor.undo()"))
        took(f"{MASK_TOOL}.editor.redo()")
    found["undo_whole_image_ms"] = statistics.median(undone)
    page.evaluate(f"{MASK_TOOL}.value")
    page.evaluate(f"{MASK_TOOL}.editor.undo()")
    page.evaluate(f"{MASK_TOOL}.value")
    page.keyboard.press("r")
    page.evaluate(f"{MASK_TOOL}.editor.brushSize = 40")
    page.mouse.click(rect[0] + 200, rect[1] + 150)
    found["answer_after_a_dab_ms"] = took(f"{MASK_TOOL}.value")

    found.update(measure_fill(page, took))
    for _ in range(3):
        page.keyboard.press("+")
    middle = (rect[0] + rect[2] / 2, rect[1] + rect[3] / 2)
    page.mouse.move(*middle)
    page.mouse.down(button="middle")
    found["pan"] = measure(page, lambda: sweep(page, middle))
    page.mouse.up(button="middle")
    return found


def measure_fill(page: Any, took: Callable[[str], float]) -> dict[str, float]:
    """Fill by colour of nearly the whole picture, the most it can be; the page must go on drawing."""
    page.keyboard.press("g")
    page.keyboard.press("4")
    page.evaluate(f"{MASK_TOOL}.editor.tolerance = 255")
    fill = f"await {MASK_TOOL}.editor.flood({{ x: {WIDTH - 5}, y: {HEIGHT - 5} }})"
    found = {"first_fill_by_colour_ms": took(fill)}
    again = []
    for _ in range(3):
        took(f"{MASK_TOOL}.editor.undo()")
        page.evaluate("frames.length = 0")
        again.append(took(fill))
    n_filled = page.evaluate(f"{MASK_TOOL}.editor.document.mask.count(4)")
    if n_filled < WIDTH * HEIGHT / 2:
        raise RuntimeError(f"only {n_filled} pixels were filled")
    found["fill_by_colour_ms"] = statistics.median(again)
    found["longest_frame_while_filling_ms"] = round(max(page.evaluate("frames")), 1)
    return found


def main() -> int:
    bundle = STATIC / "crowd-html-elements.js"
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None or not bundle.exists():
        print("needs a Chromium, and the bundle: run `npm ci && npm run build` in web/", file=sys.stderr)
        return 1
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("needs playwright: pip install playwright", file=sys.stderr)
        return 1

    sizes = {
        path.name: len(gzip.compress(path.read_bytes(), 9))
        for path in sorted(STATIC.glob("*.[jc]s*"))
        if path.suffix in {".js", ".css"}
    }
    server = serve(
        {
            "/": ("text/html; charset=utf-8", document()),
            "/polygons": ("text/html; charset=utf-8", polygon_document()),
            "/mask": ("text/html; charset=utf-8", mask_document()),
            "/crowd-html-elements.js": ("text/javascript", bundle.read_bytes()),
            "/picture.jpg": ("image/jpeg", picture()),
        }
    )
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    results: dict[str, Any] = {"gzipped_bytes": sizes}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        results["chromium"] = browser.version
        opened = []
        page = None
        for _ in range(OPEN_RUNS):
            if page:
                page.context.close()
            page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
            page.add_init_script(PROBE)
            page.goto(url)
            page.wait_for_function("window.openedAt")
            opened.append(page.evaluate("window.openedAt"))
        results["open_500_boxes_ms"] = {
            "median": round(statistics.median(opened), 1),
            "best": round(min(opened), 1),
        }
        assert page is not None
        rect = page.evaluate(
            f"(() => {{ const r = {TOOL}.querySelector('.upper-canvas').getBoundingClientRect();"
            "return [r.x, r.y, r.width, r.height] })()"
        )
        scale = rect[2] / WIDTH
        target = max(boxes(), key=lambda box: box["width"] * box["height"])
        at = (
            rect[0] + (target["left"] + target["width"] / 2) * scale,
            rect[1] + (target["top"] + target["height"] / 2) * scale,
        )

        results["idle"] = measure(page, lambda: time.sleep(1.5))
        results["hover"] = measure(page, lambda: sweep(page, (rect[0] + 40, rect[1] + 40)))

        page.mouse.click(*at)
        page.mouse.down()
        results["drag_a_box"] = measure(page, lambda: sweep(page, at))
        page.mouse.up()
        page.wait_for_function("document.querySelector('crowd-bounding-box').value.initialValueModified")

        page.keyboard.press("Escape")
        page.keyboard.press("1")
        start = (rect[0] + 60, rect[1] + 60)
        page.mouse.move(*start)
        page.mouse.down()
        results["draw_a_box"] = measure(page, lambda: sweep(page, start))
        page.mouse.up()

        for _ in range(3):
            page.keyboard.press("+")
        middle = (rect[0] + rect[2] / 2, rect[1] + rect[3] / 2)
        page.mouse.move(*middle)
        page.mouse.down(button="middle")
        results["pan"] = measure(page, lambda: sweep(page, middle))
        page.mouse.up(button="middle")

        def zoom() -> None:
            for i in range(120):
                page.mouse.wheel(0, -30 if i < 60 else 30)
                time.sleep(0.006)

        results["zoom"] = measure(page, zoom)
        results["polygons_200_of_50_points"] = measure_polygons(page, url)
        results["mask_12_megapixels"] = measure_mask(page, url)
        browser.close()
    server.shutdown()

    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    show(results)
    return 0


def show_row(name: str, row: dict[str, Any]) -> None:
    print(
        f"  {name:<20} frame p50 {row['frame_p50_ms']:6.1f} p95 {row['frame_p95_ms']:6.1f} ms (aim 16.7)"
        f"   own work p50 {row['work_p50_ms']:5.2f} p95 {row['work_p95_ms']:5.2f} ms"
    )


def show(results: dict[str, Any]) -> None:
    print(f"Chromium {results['chromium']}, {N_BOXES} boxes on {WIDTH} x {HEIGHT}, software drawing")
    opened = results["open_500_boxes_ms"]
    print(f"  open                 {opened['median']:8.0f} ms (best {opened['best']:.0f}; aim 500)")
    for name in ("idle", "hover", "drag_a_box", "draw_a_box", "pan", "zoom"):
        show_row(name, results[name])
    print(f"{N_POLYGONS} polygons of {N_VERTICES} points on {WIDTH} x {HEIGHT}")
    for name, row in results["polygons_200_of_50_points"].items():
        show_row(name, row)
    mask = results["mask_12_megapixels"]
    print(f"A mask of {WIDTH} x {HEIGHT}")
    for name in ("paint_100_px", "paint_500_px", "pan"):
        show_row(name, mask[name])
    for name in (
        "undo_whole_image_ms",
        "first_answer_ms",
        "answer_after_a_dab_ms",
        "first_fill_by_colour_ms",
        "fill_by_colour_ms",
        "longest_frame_while_filling_ms",
    ):
        print(f"  {name.removesuffix('_ms'):<30} {mask[name]:8.1f} ms")
    for name, size in results["gzipped_bytes"].items():
        print(f"  {name:<28} {size / 1000:7.1f} kB gzipped")


if __name__ == "__main__":
    raise SystemExit(main())
