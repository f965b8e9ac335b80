"""From Initializing to InProgress: freeze the inputs, index the manifest, check all that can be wrong."""

from __future__ import annotations

from functools import partial

import orjson
from sqlalchemy.engine import Connection

from labelwright.core import labeling_job as machine
from labelwright.core.arn import PUBLIC_CROWD_ACCOUNT, parse_arn, team_kind
from labelwright.core.labeling_job import Status
from labelwright.core.limits import TEMPLATE_CHARS_MAX
from labelwright.engine.automated.admitting import reason_against
from labelwright.engine.facts import JobFacts
from labelwright.engine.indexing import bad_manifest_reason, index_block
from labelwright.engine.paths import input_copy_uri, s3_uri
from labelwright.engine.tools import Tools
from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest, NotFound, TemplateError
from labelwright.store import human_task_uis, labeling_jobs
from labelwright.store.labeling_jobs import JobRow
from labelwright.tasks import parse_categories

__all__ = ["initialize"]

_NO_CROWD = (
    "ClientError: No crowd marketplace is configured on this server, and Amazon Mechanical Turk closed on "
    "30 September 2026. Give the job to a private work team instead."
)
_NO_PII_FLAG = (
    "ClientError: Jobs for the public work team need FreeOfPersonallyIdentifiableInformation in "
    "InputConfig.DataAttributes.ContentClassifiers: data with personal information must not be shown to the "
    "public."
)


class _Refused(Exception):
    """The job cannot start; the message is the FailureReason."""


def initialize(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    """Do the next step of a job's initialization."""
    try:
        if job.manifest_uri is None:
            _freeze(tools, job, facts)
        elif job.index_position < job.manifest_bytes:
            index_block(tools, job, facts)
        else:
            reason = bad_manifest_reason(job, _manifest_uri(facts))
            if reason is None and facts.algorithm:
                reason = reason_against(tools, job, facts)
            if reason is not None:
                raise _Refused(reason)
            _begin(tools, job)
    except _Refused as refused:
        _fail(tools, job, str(refused))


def _manifest_uri(facts: JobFacts) -> str:
    return str(facts.request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])


def _freeze(tools: Tools, job: JobRow, facts: JobFacts) -> None:
    if team_kind(job.workteam_arn) == "public-crowd":
        attributes = facts.request["InputConfig"].get("DataAttributes") or {}
        is_free = "FreeOfPersonallyIdentifiableInformation" in (attributes.get("ContentClassifiers") or ())
        raise _Refused(_NO_CROWD if is_free else _NO_PII_FLAG)
    template = _template(tools, facts)
    categories = _categories(tools, facts)
    source = s3_uri(_manifest_uri(facts))
    target = input_copy_uri(facts.output_uri)
    try:
        tools.blobs.head(source)
    except (BlobNotFound, AccessRefused, InvalidRequest) as error:
        raise _Refused(
            f"ClientError: The input manifest {source} cannot be read: {error} Check "
            "InputConfig.DataSource.S3DataSource.ManifestS3Uri and create the job anew."
        ) from error
    try:
        copied = tools.blobs.copy(source, target)
    except (NotFound, AccessRefused, InvalidRequest) as error:
        raise _Refused(
            f"ClientError: The output location {facts.output_uri} cannot be written: {error} Check "
            "OutputConfig.S3OutputPath and create the job anew."
        ) from error

    def keep(connection: Connection) -> None:
        labeling_jobs.set_columns(
            connection,
            job.id,
            manifest_uri=target,
            manifest_bytes=copied.size_bytes,
            template=template,
            label_categories=categories,
            modified_at=tools.clock(),
        )

    tools.database.write(keep)


def _read(tools: Tools, text: str, *, field: str) -> bytes:
    uri = s3_uri(text)
    try:
        data: bytes = tools.blobs.read(uri)
        return data
    except (BlobNotFound, AccessRefused, InvalidRequest) as error:
        raise _Refused(f"ClientError: {field} {uri} cannot be read: {error}") from error


def _text(tools: Tools, uri: str, *, field: str) -> str:
    try:
        return _read(tools, uri, field=field).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refused(f"ClientError: {field} {uri} is not UTF-8 text (byte {error.start}).") from error


def _template(tools: Tools, facts: JobFacts) -> str:
    ui = facts.request["HumanTaskConfig"]["UiConfig"]
    uri = ui.get("UiTemplateS3Uri") or ui["HumanTaskUiArn"]
    if "UiTemplateS3Uri" in ui:
        text = _text(tools, uri, field="HumanTaskConfig.UiConfig.UiTemplateS3Uri")
    elif parse_arn(uri).account == PUBLIC_CROWD_ACCOUNT:
        text = _built_in_template(facts)
    else:
        text = _stored_template(tools, uri)
    if not 1 <= len(text) <= TEMPLATE_CHARS_MAX:
        raise _Refused(
            f"ClientError: The template {uri} has {len(text)} characters; it must have 1 to "
            f"{TEMPLATE_CHARS_MAX:,}."
        )
    # The template language is loaded when it is first needed: a server should be up before that.
    from labelwright.templates import parse as parse_template

    try:
        parse_template(text)
    except TemplateError as error:
        place = f" (line {error.line}, column {error.column})" if error.line else ""
        raise _Refused(
            f"ClientError: The template {uri} cannot be used: {error.code}: {error.message}{place}"
        ) from error
    return text


def _built_in_template(facts: JobFacts) -> str:
    """The page of a type that has its own; which ARN goes with which type was checked at the door."""
    from labelwright.templates.builtin import builtin, literal

    return builtin(facts.type_name, header=literal(facts.description))


def _stored_template(tools: Tools, arn: str) -> str:
    try:
        return tools.database.read(partial(human_task_uis.ui_by_arn, arn=arn)).content
    except NotFound as error:
        raise _Refused(
            f"ClientError: HumanTaskConfig.UiConfig.HumanTaskUiArn {arn} does not exist."
        ) from error


def _categories(tools: Tools, facts: JobFacts) -> str | None:
    field = "LabelCategoryConfigS3Uri"
    uri = facts.request.get(field)
    kind = facts.type
    if not uri:
        if kind.n_labels_min:
            raise _Refused(
                f"ClientError: {field} is missing; the task type {facts.type_name} needs a label category "
                f"file with at least {kind.n_labels_min} labels."
            )
        return None
    text = _text(tools, uri, field=field)
    try:
        document = orjson.loads(text)
        kind.check_categories(parse_categories(document, n_min=kind.n_labels_min, n_max=kind.n_labels_max))
    except orjson.JSONDecodeError as error:
        raise _Refused(f"ClientError: {field} {uri} is not JSON: {error}") from error
    except InvalidRequest as error:
        if kind.n_labels_min == 0 and isinstance(document, dict) and "labels" not in document:
            return text  # a custom job may keep anything in the file
        raise _Refused(f"ClientError: {field} {uri}: {error.message}") from error
    return text


def _begin(tools: Tools, job: JobRow) -> None:
    def begin(connection: Connection) -> None:
        labeling_jobs.transition(connection, job.id, machine.Initialized(at=tools.clock()))
        # There is no label yet that the output manifest would lack.
        labeling_jobs.set_columns(connection, job.id, manifest_is_stale=False)

    tools.database.write(begin)


def _fail(tools: Tools, job: JobRow, reason: str) -> None:
    def fail(connection: Connection) -> None:
        current = labeling_jobs.get(connection, job.id)
        if current is None or current.status != Status.INITIALIZING:
            return
        labeling_jobs.transition(connection, job.id, machine.Failed(at=tools.clock(), reason=reason))
        # Nothing was sent out: no object counts.
        labeling_jobs.set_columns(connection, job.id, n_objects=0, n_human=0, n_machine=0)

    tools.database.write(fail)
