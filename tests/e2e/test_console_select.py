"""Selecting objects in the console, by keyboard, in light and dark, through axe."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"


def _set(office) -> str:
    blobs = office.server.app.context.blobs
    blobs.store.create_bucket("shelf", region="us-east-1")
    lines = []
    for i in range(9):
        picture = io.BytesIO()
        Image.new("RGB", (160, 90 + 10 * (i % 3)), (20 * i, 90, 160)).save(picture, "PNG")
        blobs.put(f"s3://shelf/img/{i}.png", picture.getvalue(), content_type="image/png")
        lines.append({"source-ref": f"s3://shelf/img/{i}.png", "camera": i % 3, "ward": "north"})
    uri = "s3://shelf/in/shelf.manifest"
    blobs.put(uri, "\n".join(map(json.dumps, lines)).encode())
    return uri


def _axe(page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            "async () => (await axe.run(document)).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        )
        assert found == [], scheme
        folder = os.environ.get("LABELWRIGHT_SCREENSHOTS")
        if folder:
            page.screenshot(path=f"{folder}/select-{len(os.listdir(folder))}-{scheme}.png", full_page=True)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `make install`")
def test_subset_is_made_by_keyboard_and_errors_stand_beside_the_field(office):
    page = office.page
    page.set_viewport_size({"width": 1366, "height": 768})
    manifest = _set(office)
    keys = office.server.app.context.credentials
    page.goto(f"{office.server.url}/console")
    page.get_by_label("Access key ID").fill(keys.access_key_id)
    page.get_by_label("Secret access key").fill(keys.secret_access_key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Select objects").click()
    _axe(page)
    page.get_by_label("Input manifest").focus()
    page.keyboard.type(manifest)
    page.keyboard.press("Tab")  # the chosen radio button: by query
    assert page.get_by_label("Subset by query").is_checked()
    page.get_by_label("SELECT * FROM S3Object").focus()
    page.keyboard.type("s.camera = `2`")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    box = page.get_by_label("SELECT * FROM S3Object")
    page.get_by_text("Line 1, column 12: Back quotes have no meaning here").wait_for()
    assert box.get_attribute("aria-invalid") == "true"
    assert box.input_value() == "s.camera = `2`"
    _axe(page)
    box.fill("s.camera = 2")
    page.get_by_role("button", name="Create subset").click()
    page.get_by_role("heading", name="3 of 9 objects selected").wait_for()
    assert page.locator("figure").count() == 3
    shown = page.get_by_alt_text("Object 1: 2.png")
    page.wait_for_function("(img) => img.complete && img.naturalWidth === 160", arg=shown.element_handle())
    page.get_by_text("Use this subset").focus()
    page.keyboard.press("Enter")
    page.get_by_text("ManifestS3Uri").wait_for()
    _axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
