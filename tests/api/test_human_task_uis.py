"""Worker templates: previewed and kept."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/labeling"
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><img src="{{ task.input.photo | grant_read_access }}"><p>{{ task.input.text }}</p></crowd-form>"""


def render(sagemaker: Any, task_input: Any, **source: Any) -> Any:
    source = source or {"UiTemplate": {"Content": TEMPLATE}}
    text = task_input if isinstance(task_input, str) else json.dumps(task_input)
    return sagemaker.render_ui_template(Task={"Input": text}, RoleArn=ROLE, **source)


@pytest.fixture
def photo(served: Any) -> str:
    """An object in the store."""
    s3 = served.client("s3")
    s3.create_bucket(Bucket="pics", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="pics", Key="a b.txt", Body=b"picture")
    return "s3://pics/a b.txt"


def test_preview_is_a_page_with_links_that_work(sagemaker: Any, served: Any, photo: str) -> None:
    answer = render(sagemaker, {"photo": photo, "text": "<b>"})
    assert answer["Errors"] == []
    page = answer["RenderedContent"]
    assert "<p>&lt;b&gt;</p>" in page
    assert f'src="{served.url}/portal/static/crowd-html-elements.js"' in page
    link = re.search(r'<img src="([^"]+)"', page)
    assert link is not None
    url = link.group(1).replace("&amp;", "&")
    assert url.startswith(served.url)
    with urllib.request.urlopen(url, timeout=10) as answer_of_link:
        assert answer_of_link.read() == b"picture"


def test_the_page_of_a_task_type_that_has_its_own_is_rendered(sagemaker: Any) -> None:
    builtin = "arn:aws:sagemaker:eu-west-1:394669845002:human-task-ui"
    task_input = {"taskObject": "Acme opened", "labels": [{"label": "org"}], "header": "Mark names"}
    answer = render(sagemaker, task_input, HumanTaskUiArn=f"{builtin}/NamedEntityRecognition")
    assert answer["Errors"] == []
    assert 'header="Mark names"' in answer["RenderedContent"]
    assert 'text="Acme opened"' in answer["RenderedContent"]
    for name in ("BoundingBox", "PointCloudObjectDetection", "x"):
        with pytest.raises(ClientError, match=r"ResourceNotFound.*human-task-ui/NamedEntityRecognition"):
            render(sagemaker, task_input, HumanTaskUiArn=f"{builtin}/{name}")


@pytest.mark.parametrize(
    ("template", "task_input", "code", "words"),
    [
        ("a\nb {{ task.input.x | nofilter }}", {}, "UnknownFilter", "(line 2, column 21)"),
        ("a\n{% for x %}", {}, "TemplateSyntaxError", "(line 2, column "),
        ("x", "[]", "InvalidTaskInput", "not an object"),
        ("x", "{oh", "InvalidTaskInput", "JSON"),
        ("x", '{"a":' + "[" * 50_000 + "]" * 50_000 + "}", "InvalidTaskInput", "too deeply"),
        ("{{ 's3://pics/none.jpg' | grant_read_access }}", {}, "S3ObjectNotFound", "(line 1, column 27)"),
    ],
)
def test_problems_are_reported_in_the_answer(
    sagemaker: Any, photo: str, template: str, task_input: Any, code: str, words: str
) -> None:
    answer = render(sagemaker, task_input, UiTemplate={"Content": template})
    assert [error["Code"] for error in answer["Errors"]] == [code]
    assert words in answer["Errors"][0]["Message"]


def test_kept_templates(sagemaker: Any) -> None:
    names = ["c-ui", "a-ui", "b-ui"]
    arns = [
        sagemaker.create_human_task_ui(
            HumanTaskUiName=name, UiTemplate={"Content": f"<p>{name}</p>"}, Tags=[{"Key": "k", "Value": "v"}]
        )["HumanTaskUiArn"]
        for name in names
    ]
    assert arns[0] == "arn:aws:sagemaker:eu-west-1:000000000000:human-task-ui/c-ui"
    with pytest.raises(ClientError, match=r"ResourceInUse.*c-ui"):
        sagemaker.create_human_task_ui(HumanTaskUiName="c-ui", UiTemplate={"Content": "x"})
    described = sagemaker.describe_human_task_ui(HumanTaskUiName="c-ui")
    assert described["HumanTaskUiStatus"] == "Active"
    assert described["UiTemplate"]["ContentSha256"] == hashlib.sha256(b"<p>c-ui</p>").hexdigest()
    assert sagemaker.list_tags(ResourceArn=arns[0])["Tags"] == [{"Key": "k", "Value": "v"}]

    pages = sagemaker.get_paginator("list_human_task_uis").paginate(PaginationConfig={"PageSize": 2})
    listed = [ui["HumanTaskUiName"] for page in pages for ui in page["HumanTaskUiSummaries"]]
    assert listed == names
    after = sagemaker.list_human_task_uis(
        CreationTimeAfter=described["CreationTime"], SortOrder="Descending", MaxResults=1
    )
    assert [ui["HumanTaskUiName"] for ui in after["HumanTaskUiSummaries"]] == ["b-ui"]

    assert "<p>c-ui</p>" in render(sagemaker, {}, HumanTaskUiArn=arns[0])["RenderedContent"]
    sagemaker.delete_human_task_ui(HumanTaskUiName="c-ui")
    for call in (
        lambda: sagemaker.describe_human_task_ui(HumanTaskUiName="c-ui"),
        lambda: sagemaker.delete_human_task_ui(HumanTaskUiName="c-ui"),
        lambda: render(sagemaker, {}, HumanTaskUiArn=arns[0]),
    ):
        with pytest.raises(ClientError, match=r"ResourceNotFound.*c-ui"):
            call()


def test_preview_needs_exactly_one_template(sagemaker: Any) -> None:
    arn = "arn:aws:sagemaker:eu-west-1:000000000000:human-task-ui/x"
    with pytest.raises(ClientError, match=r"ValidationException.*both"):
        render(sagemaker, {}, UiTemplate={"Content": "x"}, HumanTaskUiArn=arn)
    with pytest.raises(ClientError, match=r"ValidationException.*neither"):
        sagemaker.render_ui_template(Task={"Input": "{}"}, RoleArn=ROLE)
