# ruff: noqa: E501 - tables of cases read best one case a line
from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest
from labelwright.templates import BUILTIN_TASK_TYPES, assemble, builtin, parse

LABELS = ["screw", "n\"u't", "<b>&"]
LINE = {
    "source-ref": "s3://b/k.png",
    "parts": {"annotations": [{"class_id": 1, "left": 4, "top": 5.5, "width": 6, "height": 7}]},
    "parts-metadata": {"class-map": {"1": LABELS[1]}},
    "mask-ref": "s3://b/m.png",
    "mask-ref-metadata": {
        "internal-color-map": {
            "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"},
            "1": {"class-name": LABELS[1], "hex-color": "#2ca02c"},
            "2": {"class-name": LABELS[2], "hex-color": "#1f77b4"},
        }
    },
}


class Page(HTMLParser):
    """Elements with attributes, and the text of one element."""

    def __init__(self, text_of: str = "") -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.handlers: list[str] = []
        self._text_of = text_of
        self._is_inside = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self._is_inside = self._is_inside or tag == self._text_of

    def handle_endtag(self, tag: str) -> None:
        if tag == self._text_of:
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.text += data

    def one(self, tag: str) -> dict[str, str]:
        (found,) = [attributes for name, attributes in self.elements if name == tag]
        return found


def rendered(task_type: str, task_object: str = "s3://b/k.png", text_of: str = "") -> Page:
    prior = "mask-ref" if "Segmentation" in task_type else "parts"
    template = parse(builtin(task_type, header='Is "it" <ok>?', prior_label_attribute_name=prior))
    result = template.render(
        {"taskObject": task_object, "labels": LABELS, "manifestLine": LINE},
        sign=lambda bucket, key: f"https://store/{bucket}/{key}?a=1&b=2",
    )
    assert result.errors == []
    document = Page(text_of)
    document.feed(result.html)
    return document


# task type, element, its name, its attribute for the labels
FRAMES = [
    ("ImageMultiClass", "crowd-image-classifier", "crowd-image-classifier", "categories"),
    ("ImageMultiClassMultiLabel", "crowd-image-classifier-multi-select", "crowd-image-classifier-multi-select", "categories"),
    ("BoundingBox", "crowd-bounding-box", "boundingBox", "labels"),
    ("SemanticSegmentation", "crowd-semantic-segmentation", "crowd-semantic-segmentation", "labels"),
    ("TextMultiClass", "crowd-classifier", "crowd-classifier", "categories"),
    ("TextMultiClassMultiLabel", "crowd-classifier-multi-select", "crowd-classifier-multi-select", "categories"),
    ("NamedEntityRecognition", "crowd-entity-annotation", "crowd-entity-annotation", "labels"),
    ("VideoClassification", "crowd-classifier", "crowd-classifier", "categories"),
    ("VideoMultiClass", "crowd-classifier", "crowd-classifier", "categories"),
    ("AdjustmentBoundingBox", "crowd-bounding-box", "boundingBox", "labels"),
    ("AdjustmentSemanticSegmentation", "crowd-semantic-segmentation", "crowd-semantic-segmentation", "labels"),
    ("VerificationBoundingBox", "crowd-image-classifier", "crowd-image-classifier", "categories"),
    ("VerificationSemanticSegmentation", "crowd-image-classifier", "crowd-image-classifier", "categories"),
]  # fmt: skip


@pytest.mark.parametrize(("task_type", "element", "name", "labels"), FRAMES)
def test_frames_have_the_elements_that_consolidation_expects(
    task_type: str, element: str, name: str, labels: str
) -> None:
    document = rendered(task_type)
    attributes = document.one(element)
    assert attributes["name"] == name
    assert json.loads(attributes[labels]) == LABELS
    assert attributes["header"] == 'Is "it" <ok>?'
    has_form = any(tag == "crowd-form" for tag, _ in document.elements)
    assert has_form == (task_type != "NamedEntityRecognition")
    document.one("short-instructions")
    document.one("full-instructions")
    if "src" in attributes:
        assert attributes["src"] == "https://store/b/k.png?a=1&b=2"
    assert document.elements[0] == ("script", {"src": "https://assets.crowd.aws/crowd-html-elements.js"})


def test_every_type_is_covered() -> None:
    assert sorted(BUILTIN_TASK_TYPES) == sorted(frame[0] for frame in FRAMES)


def json5(text: str) -> object:
    """Read the object notation that element attributes allow: bare keys and trailing commas."""
    text = re.sub(r",(\s*[\]}])", r"\1", text)
    return json.loads(re.sub(r"(?<=[{,\s])([A-Za-z]+):", r'"\1":', text))


def test_earlier_boxes_are_shown() -> None:
    expected = [{"label": LABELS[1], "left": 4, "top": 5.5, "width": 6, "height": 7}]
    attributes = rendered("AdjustmentBoundingBox").one("crowd-bounding-box")
    assert json5(attributes["initial-value"]) == expected
    document = rendered("VerificationBoundingBox")
    overlay = json5(document.one("crowd-image-classifier")["overlay"])
    assert overlay == {"boundingBox": {"labels": [LABELS[1]], "value": expected}}
    document.one("worker-comment")


def test_earlier_masks_are_shown() -> None:
    mappings = {LABELS[1]: {"color": "#2ca02c"}, LABELS[2]: {"color": "#1f77b4"}}
    mask = {"src": "https://store/b/m.png?a=1&b=2", "labelMappings": mappings}
    attributes = rendered("AdjustmentSemanticSegmentation").one("crowd-semantic-segmentation")
    assert json5(attributes["initial-value"]) == mask
    attributes = rendered("VerificationSemanticSegmentation").one("crowd-image-classifier")
    assert json5(attributes["overlay"]) == {"semanticSegmentation": {"labels": LABELS[1:], **mask}}


def test_instructions_are_put_in_as_they_are() -> None:
    text = builtin(
        "BoundingBox", header="{{ 'a' | upcase }} & b", short_instructions="<b>s</b>", full_instructions=""
    )
    assert "<b>s</b>" in text
    assert "header=\"{{ 'a' | upcase }} &amp; b\"" in text
    assert "<ol>" not in text


def test_entity_instructions_come_from_the_label_file() -> None:
    template = parse(builtin("NamedEntityRecognition", header="h"))
    data = {"taskObject": "x", "labels": [], "instructions": {"shortInstruction": "<p>Mark</p>"}}
    html = template.render(data, sign=lambda b, k: "").html
    assert "<p>Mark</p>" in html and "<ol>" in html


def test_unknown_types_and_missing_priors_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        builtin("PointCloud", header="h")
    assert caught.value.field == "task_type"
    for prior in (None, "", "a b", "x }}"):
        with pytest.raises(InvalidRequest) as caught:
            builtin("AdjustmentBoundingBox", header="h", prior_label_attribute_name=prior)
        assert caught.value.field == "prior_label_attribute_name"


attacks = st.sampled_from(
    ["<script>alert(1)</script>", '" onload="x', "' onload='x", "{{ 7 | times: 7 }}", "</crowd-form>", "]]>-->", "\r\n"]
)  # fmt: skip


@given(st.lists(st.text(max_size=8) | attacks, max_size=5).map("".join), st.sampled_from(BUILTIN_TASK_TYPES))
def test_data_never_becomes_markup_in_a_frame(text: str, task_type: str) -> None:
    prior = "mask-ref" if "Segmentation" in task_type else "parts"
    line = json.loads(json.dumps(LINE))
    line["parts-metadata"]["class-map"]["1"] = text
    line["mask-ref-metadata"]["internal-color-map"]["1"]["class-name"] = text
    line["mask-ref-metadata"]["internal-color-map"]["1"]["hex-color"] = text
    template = parse(builtin(task_type, header="h", prior_label_attribute_name=prior))

    def tags(data: dict[str, object]) -> list[tuple[str, list[str]]]:
        result = template.render(data, sign=lambda bucket, key: f"https://store/{bucket}/{key}")
        html = assemble(result.html, bundle_url="/b.js", task_context={"taskId": text})
        document = Page()
        document.feed(html)
        assert document.handlers == []
        return [(tag, sorted(attributes)) for tag, attributes in document.elements]

    harmless = tags({"taskObject": "s3://b/k", "labels": ["a"], "manifestLine": LINE})
    assert tags({"taskObject": "s3://b/" + text, "labels": [text], "manifestLine": line}) == harmless


def test_text_is_shown_to_the_letter() -> None:
    text = "a < b & \"c\"\n  'd' {{ x }} </p>"
    document = rendered("TextMultiClass", text, text_of="classification-target")
    assert document.text == text
