"""Worker templates: kept under a name, and rendered to see what a worker would see.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RenderUiTemplate.html and its neighbours.
Differences: the rendered page loads our build of the crowd elements, so that it opens without AWS;
``DescribeHumanTaskUi`` shows the digest of the content but no URL to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation, reads, writes
from labelwright.api.paging import page_of
from labelwright.core.arn import PUBLIC_CROWD_ACCOUNT, parse_arn
from labelwright.core.functions import TASK_KINDS
from labelwright.errors import InvalidRequest, NotFound, TemplateError
from labelwright.store import human_task_uis as store
from labelwright.store.tags import add_tags

if TYPE_CHECKING:
    from labelwright.templates import RenderProblem

__all__: list[str] = []

LINK_VALID_S = 3600


@operation("sagemaker", "RenderUiTemplate")
def render_ui_template(
    context: RequestContext,
    *,
    task: dict[str, str],
    role_arn: str,
    ui_template: dict[str, str] | None = None,
    human_task_ui_arn: str | None = None,
) -> dict[str, Any]:
    """The page that a worker would get for this input; what is wrong goes into ``Errors``."""
    if (ui_template is None) == (human_task_ui_arn is None):
        raise InvalidRequest(
            "Exactly one of UiTemplate and HumanTaskUiArn must be given; the request has "
            f"{'neither' if ui_template is None else 'both'}.",
            field="UiTemplate",
        )
    if ui_template is not None:
        content = ui_template["Content"]
    else:
        content = _kept_content(context, human_task_ui_arn or "")
    try:
        task_input = json.loads(task["Input"])
    except ValueError as error:
        return _failed("InvalidTaskInput", f"Task.Input is not JSON: {error}.")
    except RecursionError:
        return _failed("InvalidTaskInput", "Task.Input is nested too deeply; flatten it.")
    if not isinstance(task_input, dict):
        return _failed(
            "InvalidTaskInput", 'Task.Input is JSON, but not an object; give one such as {"a": 1}.'
        )
    from labelwright import templates  # late: a start need not wait for the template language

    hosts = frozenset({context.host})
    try:
        rendered = templates.parse(content).render(task_input, sign=_signer(context), storage_hosts=hosts)
    except TemplateError as error:
        return _failed(error.code, _placed(error))
    page = rendered.html
    if page:
        page = templates.assemble(
            page,
            bundle_url=f"{context.base_url}/portal/static/crowd-html-elements.js",
            task_context={"taskId": "preview", "mode": "preview", "locale": "en", "nonce": ""},
        )
    problems = [{"Code": problem.code, "Message": _placed(problem)} for problem in rendered.errors]
    return {"RenderedContent": page, "Errors": problems}


@writes("sagemaker", "CreateHumanTaskUi")
def create_human_task_ui(
    context: RequestContext,
    connection: Connection,
    *,
    human_task_ui_name: str,
    ui_template: dict[str, str],
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Keep a template under a name."""
    ui = store.create_ui(
        connection,
        region=context.region,
        name=human_task_ui_name,
        content=ui_template["Content"],
        now=context.now,
    )
    if tags:
        add_tags(connection, ui.arn, tags)
    return {"HumanTaskUiArn": ui.arn}


@reads("sagemaker", "DescribeHumanTaskUi")
def describe_human_task_ui(
    context: RequestContext, connection: Connection, *, human_task_ui_name: str
) -> dict[str, Any]:
    """One kept template."""
    ui = store.ui_named(connection, context.region, human_task_ui_name)
    return {
        "HumanTaskUiArn": ui.arn,
        "HumanTaskUiName": ui.name,
        "HumanTaskUiStatus": "Active",
        "CreationTime": ui.created_at,
        "UiTemplate": {"ContentSha256": ui.content_sha256},
    }


@reads("sagemaker", "ListHumanTaskUis")
def list_human_task_uis(
    context: RequestContext,
    connection: Connection,
    *,
    creation_time_after: float | None = None,
    creation_time_before: float | None = None,
    sort_order: str = "Ascending",
    next_token: str | None = None,
    max_results: int | None = None,
) -> dict[str, Any]:
    """The kept templates by creation time."""
    found = [
        ui
        for ui in store.list_uis(connection, context.region)
        # As shown, in milliseconds: a time that was shown must not select its own template.
        if (creation_time_after is None or round(ui.created_at, 3) > creation_time_after)
        and (creation_time_before is None or round(ui.created_at, 3) < creation_time_before)
    ]
    page = page_of(
        context,
        found,
        key=lambda ui: (ui.created_at, ui.name),
        descending=sort_order == "Descending",
        next_token=next_token,
        max_results=max_results,
    )
    summaries = [
        {"HumanTaskUiName": ui.name, "HumanTaskUiArn": ui.arn, "CreationTime": ui.created_at}
        for ui in page.items
    ]
    return {"HumanTaskUiSummaries": summaries, "NextToken": page.next_token}


@writes("sagemaker", "DeleteHumanTaskUi")
def delete_human_task_ui(context: RequestContext, connection: Connection, *, human_task_ui_name: str) -> None:
    """Forget a template."""
    store.delete_ui(connection, context.region, human_task_ui_name)


def _kept_content(context: RequestContext, arn: str) -> str:
    """The template behind an ARN: one that was kept, or the page of a task type that has its own."""
    parsed = parse_arn(arn)
    if parsed.account != PUBLIC_CROWD_ACCOUNT:
        return context.app.database.read(lambda c: store.ui_by_arn(c, arn)).content
    from labelwright.templates import BUILTIN_TASK_TYPES, builtin

    name = parsed.resource.removeprefix("human-task-ui/")
    if name not in BUILTIN_TASK_TYPES or not TASK_KINDS[name].ui_name:
        raise NotFound(
            f"The human task UI {arn} does not exist here; of the built-in ones there is "
            f"arn:aws:sagemaker:{context.region}:{PUBLIC_CROWD_ACCOUNT}:human-task-ui/NamedEntityRecognition.",
            kind="human task UI",
            name=arn,
        )
    return builtin(name, header="{{ task.input.header }}")


def _signer(context: RequestContext) -> Callable[[str, str], str]:
    """What ``grant_read_access`` calls: a link to the object, refused when there is no such object."""
    blobs = context.app.blobs

    def sign(bucket: str, key: str) -> str:
        uri = f"s3://{bucket}/{key}"
        blobs.head(uri)
        return blobs.presign_get(uri, base_url=context.base_url, expires_s=LINK_VALID_S, now=context.now)

    return sign


def _placed(problem: TemplateError | RenderProblem) -> str:
    if not problem.line:
        return problem.message
    return f"{problem.message} (line {problem.line}, column {problem.column})"


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"RenderedContent": "", "Errors": [{"Code": code, "Message": message}]}
