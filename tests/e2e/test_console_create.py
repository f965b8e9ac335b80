"""Making a labeling job in the console, by keyboard, in light and dark, through axe, to its first label."""

from __future__ import annotations

import ast
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from labelwright.testing.jobs import wait_for_job

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"


def _folder(office) -> None:
    blobs = office.server.app.context.blobs
    blobs.store.create_bucket("kitchen", region="us-east-1")
    for i in range(4):
        picture = io.BytesIO()
        Image.new("RGB", (320, 200), (60 * i, 90, 160)).save(picture, "PNG")
        blobs.put(f"s3://kitchen/img/{i}.png", picture.getvalue(), content_type="image/png")


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
            page.screenshot(
                path=f"{folder}/create-{len(os.listdir(folder)):02d}-{scheme}.png", full_page=True
            )
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def _step(page, name: str) -> None:
    page.locator(f'[aria-current="step"]:has-text("{name}")').wait_for()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; run `make install`")
def test_job_is_made_by_keyboard_with_a_live_preview_and_can_be_worked_on(office):
    page = office.page
    page.set_viewport_size({"width": 1366, "height": 768})
    _folder(office)
    name, password = office.worker("cooks")
    keys = office.server.app.context.credentials
    page.goto(f"{office.server.url}/console")
    page.get_by_label("Access key ID").fill(keys.access_key_id)
    page.get_by_label("Secret access key").fill(keys.secret_access_key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Create labeling job").press("Enter")

    _step(page, "Task")
    page.get_by_label("Job name", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("Choose what workers shall do.").wait_for()
    assert page.get_by_label("Job name", exact=True).get_attribute("aria-invalid") == "true"
    _axe(page)
    page.get_by_role("radio", name="Image classification Choose").focus()
    page.keyboard.press("Space")
    page.get_by_label("Job name", exact=True).focus()
    page.keyboard.type("Spoons-1")
    page.keyboard.press("Enter")

    _step(page, "Input")
    page.get_by_label("Location of the files").fill("s3://kitchen/img")
    page.get_by_role("button", name="Complete data setup").press("Enter")
    page.get_by_text("A manifest of 4 objects was made").wait_for()
    page.get_by_text("Choose objects of the manifest").press("Enter")
    page.get_by_label("Subset by query").press("Space")
    page.get_by_label("SELECT * FROM S3Object s WHERE").fill("""s."source-ref" LIKE '%/1.png'""")
    page.get_by_role("button", name="Create subset").press("Enter")
    page.get_by_text("1 of 4 objects selected").wait_for()
    page.get_by_label("Output location").fill("s3://kitchen/out")
    _axe(page)
    page.get_by_label("Output location").press("Enter")

    _step(page, "Labels and instructions")
    page.get_by_label("Labels", exact=True).fill("spoon\nfork")
    page.get_by_label("Question").fill("What lies there?")
    frame = page.frame_locator("iframe[name=preview]")
    frame.get_by_text("What lies there?").wait_for()
    frame.get_by_text("fork").first.wait_for()  # live: no button was pressed
    page.get_by_label("Short instructions").focus()
    page.keyboard.type("<p>Look twice.</p>")
    frame.get_by_text("Look twice.").first.wait_for(state="attached")  # folded away in a narrow frame
    page.keyboard.type("<p>And again.</p>")
    assert page.get_by_label("Short instructions").input_value() == "<p>Look twice.</p><p>And again.</p>"
    _axe(page)
    page.get_by_label("Question").press("Enter")

    _step(page, "Workers")
    page.get_by_label("Team").select_option(label=page.locator("#team option", has_text="cooks").inner_text())
    page.get_by_label("Workers per object", exact=True).fill("12")
    page.get_by_label("Workers per object", exact=True).press("Enter")
    page.get_by_text("must have value less than or equal to 9").wait_for()
    _axe(page)
    page.get_by_label("Workers per object", exact=True).fill("1")
    page.get_by_role("button", name="Next").press("Enter")

    _step(page, "Options")
    page.get_by_label("Price of an answer").fill("0.05")
    _axe(page)
    page.get_by_role("button", name="Next").press("Enter")

    _step(page, "Review")
    page.get_by_text("Python", exact=True).press("Enter")
    page.get_by_text("AWS CLI", exact=True).press("Enter")
    code = page.get_by_label("Python code").inner_text()
    _axe(page)
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.get_by_role("button", name="Create", exact=True).press("Enter")
    page.get_by_role("heading", name="Spoons-1").wait_for()

    job = wait_for_job(office.server, "Spoons-1", lambda job: job["LabelingJobStatus"] == "InProgress")
    assert job["LabelCounters"]["Unlabeled"] == 1
    assert {"Key": "labelwright:price-per-task", "Value": "0.05"} in job["Tags"]
    for member, asked in _members(code).items():  # what the page showed is what was asked for
        assert member in ("LabelingJobName", "Tags") or job[member] == asked
    office.sign_in(name, password)
    page.get_by_text("What lies there?").first.wait_for()


def _members(code: str) -> dict[str, object]:
    call = next(
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and len(node.keywords) > 1
    )
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
