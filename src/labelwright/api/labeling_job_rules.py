"""What CreateLabelingJob refuses beyond the service model's own constraints.

Every refusal names the member, the value and the rule. What only shows when files are read (the manifest, the
label category file, the template) is left to the engine, which fails the job with a reason.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import orjson
from sqlalchemy.engine import Connection

from labelwright.config import ACCOUNT_ID
from labelwright.core.arn import ALGORITHM_ACCOUNT, PUBLIC_CROWD_ACCOUNT, parse_arn, team_kind
from labelwright.core.function_names import parse_function_name
from labelwright.core.functions import CUSTOM, BuiltIn, TaskKind, kind_of, recognise
from labelwright.core.job_options import PREFIX, parse_job_options
from labelwright.core.limits import LIFETIME_S_MAX, LIFETIME_S_MAX_PUBLIC
from labelwright.core.names import check_label_attribute_name
from labelwright.core.prices import check_price
from labelwright.errors import InvalidRequest, NotFound
from labelwright.store import functions, human_task_uis, models, workteams
from labelwright.tasks import algorithms_of, certainty_of, implemented, task_type

__all__ = ["check_request"]

_NEED_TORCH = frozenset({"object-detection", "semantic-segmentation"})
_PRE = "HumanTaskConfig.PreHumanTaskLambdaArn"
_POST = "HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn"


def check_request(
    connection: Connection,
    request: Mapping[str, Any],
    *,
    region: str,
    labels: Sequence[str] | None = None,
    has_lambda_endpoint: bool = False,
) -> TaskKind:
    """Check a request to create a labeling job.

    Parameters
    ----------
    request : Mapping
        Wire names, already valid by the service model.
    region : str
    labels : sequence of str, optional
        Names in the label category file, where they were read; an initial model must have the same.
    has_lambda_endpoint : bool
        Whether functions of other accounts can be invoked.

    Returns
    -------
    TaskKind
        What its functions select.

    Raises
    ------
    InvalidRequest
    NotFound
        For a public work team that does not exist.
    """
    human = request["HumanTaskConfig"]
    kind = _kind(human)
    for field, arn in _own_functions(human):
        _check_function(connection, arn, field=field, region=region, has_endpoint=has_lambda_endpoint)
    check_label_attribute_name(request["LabelAttributeName"], kind)
    _check_sources(request)
    _check_team(connection, human["WorkteamArn"], kind, region=region)
    _check_ui(connection, human["UiConfig"], kind)
    _check_times(human, kind)
    if team_kind(human["WorkteamArn"]) == "public-crowd":
        check_price(human.get("PublicWorkforceTaskPrice"), kind)
    n_workers = human["NumberOfHumanWorkersPerDataObject"]
    if kind.is_single_worker and n_workers != 1:
        _refuse(
            "HumanTaskConfig.NumberOfHumanWorkersPerDataObject", n_workers, f"must be 1 for {kind.suffix}"
        )
    _check_algorithm(connection, request, kind, labels)
    _check_options(request, kind, n_workers)
    return kind


def _check_options(request: Mapping[str, Any], kind: TaskKind, n_workers: int) -> None:
    options = parse_job_options(
        request.get("Tags") or (),
        is_task_priced="PublicWorkforceTaskPrice" in request["HumanTaskConfig"],
    )
    chosen = task_type(kind.suffix)
    known = algorithms_of(chosen)
    if options.consolidation not in known:
        _refuse(
            f"The tag {PREFIX}consolidation",
            options.consolidation,
            f"is no algorithm for {kind.suffix}; there are {', '.join(known)}",
        )
    most = options.max_workers_per_object
    if most is None or most == n_workers:
        return
    field = f"The tag {PREFIX}max-workers-per-object"
    if most < n_workers:
        _refuse(field, most, f"must not be below NumberOfHumanWorkersPerDataObject ({n_workers})")
    if certainty_of(chosen) == "none":
        _refuse(field, most, f"is not for {kind.suffix}: nothing tells how sure its labels are")
    if kind.is_single_worker:
        _refuse(field, most, f"is not for {kind.suffix}, which takes one worker")


def _refuse(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidRequest(f"{field} {value!r} {rule}.", field=field, value=value, rule=rule)


def _kind(human: Mapping[str, Any]) -> TaskKind:
    pre_arn = human.get("PreHumanTaskLambdaArn")
    post_arn = (human.get("AnnotationConsolidationConfig") or {}).get("AnnotationConsolidationLambdaArn")
    pre = _function(pre_arn, field=_PRE, role="PRE")
    post = _function(post_arn, field=_POST, role="ACS")
    kind = kind_of(
        pre, post, has_own_pre=bool(pre_arn) and pre is None, has_own_post=bool(post_arn) and post is None
    )
    if kind.suffix not in implemented():
        field = _PRE if pre is not None else _POST
        _refuse(
            field,
            pre_arn or post_arn,
            f"selects the task type {kind.suffix}, which this server does not have yet. Available are "
            f"{', '.join(sorted(implemented()))}",
        )
    return kind


def _function(arn: str | None, *, field: str, role: str) -> BuiltIn | None:
    if arn is None:
        return None
    found = recognise(arn, field=field, added=implemented() - {CUSTOM})
    if found is None:
        return None  # of the user's own
    if found.role != role:
        _refuse(field, arn, f"must be a function whose name begins with {role}-")
    return found


def _own_functions(human: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Member and ARN of the functions of the user's own that a job names."""
    post_arn = (human.get("AnnotationConsolidationConfig") or {}).get("AnnotationConsolidationLambdaArn")
    arns = ((_PRE, human.get("PreHumanTaskLambdaArn")), (_POST, post_arn))
    added = implemented() - {CUSTOM}
    return [(field, arn) for field, arn in arns if arn and recognise(arn, field=field, added=added) is None]


def _check_function(connection: Connection, arn: str, *, field: str, region: str, has_endpoint: bool) -> None:
    named = parse_function_name(arn, field=field)
    if named.region != region:
        where = f"is in the region {named.region}, the job in {region}"
        _refuse(field, arn, f"{where}; both must be in the same one")
    if named.account != ACCOUNT_ID:
        if has_endpoint:
            return  # whether it exists shows at the first call
        _refuse(
            field,
            arn,
            f"does not exist: functions of this server have the account {ACCOUNT_ID}. Create it here with "
            f"CreateFunction and name it {functions.function_arn(region, named.name)}, or set "
            "LABELWRIGHT_LAMBDA_ENDPOINT_URL to use functions of other accounts",
        )
    try:
        functions.resolve(connection, region, named.name, named.qualifier)
    except NotFound:
        _refuse(field, arn, "does not exist; create it with CreateFunction of the Lambda API")


def _check_sources(request: Mapping[str, Any]) -> None:
    source = request["InputConfig"]["DataSource"]
    if source.get("SnsDataSource"):
        _refuse(
            "InputConfig.DataSource.SnsDataSource.SnsTopicArn",
            source["SnsDataSource"].get("SnsTopicArn"),
            "makes this a streaming labeling job, which is not available yet; give S3DataSource",
        )
    if not source.get("S3DataSource"):
        _refuse("InputConfig.DataSource", dict(source), "must have S3DataSource.ManifestS3Uri")
    for field, uri in (
        ("InputConfig.DataSource.S3DataSource.ManifestS3Uri", source["S3DataSource"]["ManifestS3Uri"]),
        ("OutputConfig.S3OutputPath", request["OutputConfig"]["S3OutputPath"]),
    ):
        if not uri.partition("://")[2].strip("/"):
            _refuse(field, uri, "must name a bucket: s3://<bucket>/<key>")


def _check_team(connection: Connection, arn: str, kind: TaskKind, *, region: str) -> None:
    field = "HumanTaskConfig.WorkteamArn"
    try:
        team = team_kind(arn)
    except InvalidRequest as error:
        raise InvalidRequest(f"{field}: {error.message}", field=field, value=arn) from error
    parsed = parse_arn(arn)
    if team == "public-crowd":
        if parsed.account != PUBLIC_CROWD_ACCOUNT or not parsed.resource.endswith("/default"):
            raise NotFound(
                f"{field}: the public work team {arn} does not exist; its ARN is arn:aws:sagemaker:{region}:"
                f"{PUBLIC_CROWD_ACCOUNT}:workteam/public-crowd/default.",
                kind="work team",
                name=arn,
            )
        if kind.price == "none":
            _refuse(field, arn, f"is the public team, which {kind.suffix} jobs cannot use")
    elif team == "vendor-crowd":
        _refuse(field, arn, "is the team of a vendor to which this account is not subscribed")
    else:
        try:
            workteams.workteam_by_arn(connection, arn)
        except NotFound:
            _refuse(field, arn, "does not exist; create it with CreateWorkteam, or see ListWorkteams")
    if parsed.region != region:
        _refuse(
            field, arn, f"is in the region {parsed.region}, the job in {region}; both must be in the same one"
        )


def _check_ui(connection: Connection, ui: Mapping[str, Any], kind: TaskKind) -> None:
    field = "HumanTaskConfig.UiConfig"
    template, arn = ui.get("UiTemplateS3Uri"), ui.get("HumanTaskUiArn")
    if bool(template) == bool(arn):
        _refuse(field, dict(ui), "must have exactly one of UiTemplateS3Uri and HumanTaskUiArn")
    if not arn:
        if kind.ui == "built-in":
            _refuse(f"{field}.UiTemplateS3Uri", template, f"is not for {kind.suffix}, which has its own page")
        return
    parsed = parse_arn(arn)
    if parsed.account == PUBLIC_CROWD_ACCOUNT:
        if kind.ui == "template" or parsed.resource != f"human-task-ui/{kind.ui_name}":
            wanted = (
                f"give {arn.rpartition('/')[0]}/{kind.ui_name}" if kind.ui_name else "give UiTemplateS3Uri"
            )
            _refuse(f"{field}.HumanTaskUiArn", arn, f"does not fit the task type {kind.suffix}; {wanted}")
        return
    try:
        human_task_uis.ui_by_arn(connection, arn)
    except NotFound:
        _refuse(f"{field}.HumanTaskUiArn", arn, "does not exist; create it with CreateHumanTaskUi")


def _check_times(human: Mapping[str, Any], kind: TaskKind) -> None:
    field = "HumanTaskConfig.TaskTimeLimitInSeconds"
    time_limit_s = human["TaskTimeLimitInSeconds"]
    if time_limit_s > kind.time_limit_s_max:
        _refuse(field, time_limit_s, f"must be at most {kind.time_limit_s_max} for {kind.suffix}")
    lifetime_s = human.get("TaskAvailabilityLifetimeInSeconds")
    if lifetime_s is None:
        return
    is_public = team_kind(human["WorkteamArn"]) == "public-crowd"
    most_s = LIFETIME_S_MAX_PUBLIC if is_public else LIFETIME_S_MAX
    if lifetime_s > most_s:
        _refuse("HumanTaskConfig.TaskAvailabilityLifetimeInSeconds", lifetime_s, f"must be at most {most_s}")
    if time_limit_s > lifetime_s:
        _refuse(
            field,
            time_limit_s,
            f"must not exceed TaskAvailabilityLifetimeInSeconds ({lifetime_s}): a task would be gone before "
            "its time is over",
        )


def _check_algorithm(
    connection: Connection, request: Mapping[str, Any], kind: TaskKind, labels: Sequence[str] | None
) -> None:
    config = request.get("LabelingJobAlgorithmsConfig")
    if not config:
        return
    field = "LabelingJobAlgorithmsConfig.LabelingJobAlgorithmSpecificationArn"
    arn = config["LabelingJobAlgorithmSpecificationArn"]
    if not kind.algorithm:
        _refuse(
            field, arn, f"turns automated labeling on, which is not possible for the task type {kind.suffix}"
        )
    if _own_functions(request["HumanTaskConfig"]):
        _refuse(field, arn, "turns automated labeling on, which is not possible with functions of your own")
    if parse_arn(arn).resource != f"labeling-job-algorithm-specification/{kind.algorithm}":
        wanted = f"labeling-job-algorithm-specification/{kind.algorithm}"
        _refuse(field, arn, f"must end in {wanted} for the task type {kind.suffix}")
    parsed = parse_arn(arn)
    if (parsed.service, parsed.account) != ("sagemaker", ALGORITHM_ACCOUNT):
        _refuse(field, arn, f"must be arn:aws:sagemaker:<region>:{ALGORITHM_ACCOUNT}:{parsed.resource}")
    if kind.algorithm in _NEED_TORCH and importlib.util.find_spec("torch") is None:
        _refuse(
            field,
            arn,
            "needs PyTorch on the server, which is not installed; install labelwright[train] or leave "
            "LabelingJobAlgorithmsConfig out",
        )
    model_arn = config.get("InitialActiveLearningModelArn")
    if model_arn:
        _check_initial_model(connection, model_arn, kind, labels)


def _check_initial_model(
    connection: Connection, arn: str, kind: TaskKind, labels: Sequence[str] | None
) -> None:
    field = "LabelingJobAlgorithmsConfig.InitialActiveLearningModelArn"
    model = models.by_arn(connection, arn)
    if model is None:
        _refuse(field, arn, "does not exist (any more); see ListModels")
    if model.algorithm is None:
        _refuse(field, arn, "was not trained by a labeling job")
    if model.algorithm != kind.algorithm:
        _refuse(field, arn, f"is a model for {model.algorithm}, the job is for {kind.algorithm}")
    theirs = orjson.loads(model.labels or "[]")
    if labels is not None and theirs != list(labels):
        _refuse(
            field,
            arn,
            f"was trained for the labels {theirs[:10]}, which are not those of LabelCategoryConfigS3Uri "
            f"({list(labels)[:10]}); names and order must be equal",
        )
