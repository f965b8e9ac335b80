"""The report of predictions in a real browser, opened from the disk: filters, keys, pages, large view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from labelwright.prediction import read_results, summarise, write_html_report
from labelwright.prediction.pdf_report import Report

pytestmark = pytest.mark.browser

N_PICTURES = 130


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    results = folder / "results.json"
    with results.open("w") as file:
        for i in range(N_PICTURES):
            Image.new("RGB", (80, 60), (i, 120, 200 - i)).save(folder / f"{i:03d}.jpg")
            rows = [[0, 0.3 + i / 400, 0.1, 0.3, 0.4, 0.8]] + (
                [[1, 0.9, 0.5, 0.5, 0.9, 0.9]] if i % 10 == 0 else []
            )
            file.write(json.dumps({"image": f"{i:03d}.jpg", "prediction": rows}) + "\n")
    about = Report("Hens", [("Model", "a </script> model")], 0.2, ["hen", "fox"], folder, folder)
    write_html_report(folder / "r.html", about, summarise(read_results(results), 0.2), read_results(results))
    return folder / "r.html"


@pytest.fixture
def page(browser: Browser, report: Path) -> Page:
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(report.as_uri())
    expect(page.locator("figure")).to_have_count(60)
    yield page  # type: ignore[misc]
    page.close()
    assert not faults


def test_the_threshold_hides_boxes_and_counts_again(page: Page) -> None:
    expect(page.locator("#count")).to_have_text("130 of 130")
    first = page.locator("figure").first
    expect(first.locator(".box")).to_have_count(2)
    page.locator("#threshold").fill("0.5")
    expect(page.locator("#shown")).to_have_text("0.50")
    expect(first.locator(".box")).to_have_count(1)
    expect(first.locator(".box span")).to_have_text("fox 0.90")
    page.get_by_label("only with a result").check()
    expect(page.locator("#count")).to_have_text("58 of 130")


def test_classes_and_order_choose_what_is_shown(page: Page) -> None:
    page.get_by_role("button", name="fox 13").click()
    expect(page.locator("figure")).to_have_count(13)
    expect(page.get_by_role("button", name="fox 13")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="fox 13").click()
    page.locator("#order").select_option("low")
    expect(page.locator("figure b").first).to_have_text("001.jpg")
    page.locator("#order").select_option("high")
    expect(page.locator("figure b").first).to_have_text("000.jpg")


def test_keys_lead_through_pictures_and_pages(page: Page) -> None:
    page.keyboard.press("]")
    expect(page.locator("#where")).to_have_text("Page 2 of 3")
    expect(page.locator("figure b").first).to_have_text("060.jpg")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#largeName b")).to_have_text("061.jpg")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#largeName b")).to_have_text("062.jpg")
    page.keyboard.press("Escape")
    expect(page.locator("#large")).not_to_be_visible()
    page.keyboard.press("2")
    expect(page.locator("figure")).to_have_count(13)
    page.keyboard.press("0")
    page.keyboard.press("+")
    expect(page.locator("#shown")).to_have_text("0.25")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_pictures_far_below_wait_until_they_are_looked_at(page: Page) -> None:
    last = page.locator("figure img").last
    assert last.get_attribute("loading") == "lazy"
    assert page.locator("header").inner_text().count("a </script> model") == 1
