"""Marking a text in the worker portal, inside its sandboxed frame, up to the output manifest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labelwright.testing.jobs import aws, wait_for_job

pytestmark = pytest.mark.browser

TEXT = "😀 Ann Smith moved to Bonn."
TEMPLATE = """\
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-entity-annotation name="ner" header="Mark names" text="{{ task.input.source }}"
  labels="[{label: 'PER', fullDisplayName: 'Person'}, {label: 'LOC', fullDisplayName: 'Location'}]">
  <short-instructions>Mark every name.</short-instructions>
</crowd-entity-annotation>
"""
ELEMENT = "document.querySelector('crowd-entity-annotation')"


def entities(frame: Any) -> list[tuple[str, str]]:
    found = frame.evaluate(f"{ELEMENT}.value.entities")
    return [(entity["label"], TEXT[entity["startOffset"] : entity["endOffset"]]) for entity in found]


def test_entities_survive_a_reload_and_reach_the_manifest(office: Any, team: str) -> None:
    job = office.job(team, lines=[{"source": TEXT}], template=TEMPLATE)
    office.sign_in(*office.worker(team))
    frame = office.start_working()
    frame.wait_for_function(f"{ELEMENT}.shadowRoot.querySelector('.line')")
    frame.locator(".text").focus()
    page = office.page
    page.keyboard.press("Control+Home")
    for key in ("Control+ArrowRight", " ", " ", "1", "Control+End", "ArrowLeft", " ", "2"):
        page.keyboard.press(key)
    expected = [("PER", "Ann Smith"), ("LOC", "Bonn")]
    assert entities(frame) == expected

    office.wait("Object.values(localStorage).some(kept => kept.includes('LOC'))")
    page.reload()
    frame = office.task_frame()
    frame.wait_for_function(f"{ELEMENT}.value?.entities.length === 2")
    assert entities(frame) == expected

    frame.get_by_role("button", name="Submit").click()
    done = wait_for_job(office.server, job, lambda j: j["LabelingJobStatus"] == "Completed")
    bucket, _, key = done["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://").partition("/")
    s3 = aws(office.server, "s3")
    line = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    answers = line["label-metadata"]["worker-response-ref"].removeprefix(f"s3://{bucket}/")
    (answer,) = json.loads(s3.get_object(Bucket=bucket, Key=answers)["Body"].read())["answers"]
    assert answer["answerContent"] == {
        "ner": {
            "entities": [
                {"endOffset": 11, "label": "PER", "startOffset": 2},
                {"endOffset": 25, "label": "LOC", "startOffset": 21},
            ]
        }
    }
