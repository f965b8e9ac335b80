"""Labeling job operations with boto3 against a real server."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from labelwright.engine.facts import facts_of
from labelwright.store import labeling_jobs as store

FUNCTIONS = "arn:aws:lambda:us-west-2:081040173940:function"
OWN = "arn:aws:lambda:eu-west-1:000000000000:function"


@pytest.fixture
def team_arn(sagemaker: Any, make_pool: Callable[..., Any]) -> str:
    pool = make_pool("night")
    arn = sagemaker.create_workteam(
        WorkteamName="night", MemberDefinitions=pool.members("night"), Description="Night shift"
    )["WorkteamArn"]
    return str(arn)


@pytest.fixture
def request_for(served: Any, team_arn: str) -> Callable[..., dict[str, Any]]:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="acme", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="acme", Key="in/texts.manifest", Body=b'{"source": "one"}\n{"source": "two"}\n')
    labels = {"document-version": "2018-11-28", "labels": [{"label": "good"}, {"label": "bad"}]}
    s3.put_object(Bucket="acme", Key="cfg/labels.json", Body=json.dumps(labels).encode())
    s3.put_object(Bucket="acme", Key="cfg/page.liquid.html", Body=b"<crowd-form></crowd-form>")
    request = {
        "LabelingJobName": "Texts-1",
        "LabelAttributeName": "mood",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://acme/in/texts.manifest"}}},
        "OutputConfig": {"S3OutputPath": "s3://acme/out", "KmsKeyId": ""},
        "RoleArn": "arn:aws:iam::111122223333:role/LabelRole",
        "LabelCategoryConfigS3Uri": "s3://acme/cfg/labels.json",
        "HumanTaskConfig": {
            "WorkteamArn": team_arn,
            "UiConfig": {"UiTemplateS3Uri": "s3://acme/cfg/page.liquid.html"},
            "PreHumanTaskLambdaArn": f"{FUNCTIONS}:PRE-TextMultiClass",
            "TaskKeywords": ["text"],
            "TaskTitle": "Judge the mood",
            "TaskDescription": "Choose one",
            "NumberOfHumanWorkersPerDataObject": 2,
            "TaskTimeLimitInSeconds": 600,
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": f"{FUNCTIONS}:ACS-TextMultiClass"
            },
        },
        "Tags": [{"Key": "line", "Value": "7"}],
    }

    def make(**changes: Any) -> dict[str, Any]:
        made = copy.deepcopy(request)
        for path, value in changes.items():
            *parents, last = path.split("__")
            target: Any = made
            for parent in parents:
                target = target[parent]
            if value is None:
                del target[last]
            else:
                target[last] = value
        return made

    return make


def wait(sagemaker: Any, name: str, *statuses: str) -> dict[str, Any]:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        job: dict[str, Any] = sagemaker.describe_labeling_job(LabelingJobName=name)
        if job["LabelingJobStatus"] in statuses:
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def test_create_describe_stop(sagemaker: Any, request_for: Callable[..., dict[str, Any]]) -> None:
    request = request_for()
    arn = sagemaker.create_labeling_job(**request)["LabelingJobArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:000000000000:labeling-job/texts-1"
    job = wait(sagemaker, "texts-1", "InProgress")
    assert job["LabelingJobName"] == "Texts-1"
    assert job["LabelCounters"] == {
        "TotalLabeled": 0,
        "HumanLabeled": 0,
        "MachineLabeled": 0,
        "FailedNonRetryableError": 0,
        "Unlabeled": 2,
    }
    for member in ("HumanTaskConfig", "InputConfig", "OutputConfig", "RoleArn", "LabelAttributeName", "Tags"):
        assert job[member] == request[member]
    assert 16 <= len(job["JobReferenceCode"]) <= 32
    sagemaker.stop_labeling_job(LabelingJobName="Texts-1")
    job = wait(sagemaker, "Texts-1", "Stopped")
    uri = job["LabelingJobOutput"]["OutputDatasetS3Uri"]
    assert uri == "s3://acme/out/Texts-1/manifests/output/output.manifest"
    with pytest.raises(ClientError, match=r"ValidationException.*Stopped"):
        sagemaker.stop_labeling_job(LabelingJobName="Texts-1")
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_labeling_job(**request_for(LabelingJobName="TEXTS-1"))
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == request["Tags"]


def test_options_are_fixed_when_the_job_is_created(
    sagemaker: Any, served: Any, request_for: Callable[..., dict[str, Any]]
) -> None:
    tags = [{"Key": "line", "Value": "7"}, {"Key": "labelwright:ask-more-below", "Value": "0.8"}]
    arn = sagemaker.create_labeling_job(**request_for(Tags=tags))["LabelingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "labelwright:ask-more-below", "Value": "0.5"}])
    job = served.app.context.database.read(lambda connection: store.named(connection, "eu-west-1", "texts-1"))
    assert facts_of(job).options.ask_more_below == 0.8
    bad = [{"Key": "labelwright:ask-more", "Value": "0.8"}]
    with pytest.raises(ClientError, match=r"ValidationException.*labelwright:ask-more-below"):
        sagemaker.create_labeling_job(**request_for(LabelingJobName="Texts-2", Tags=bad))


def test_unknown_jobs(sagemaker: Any) -> None:
    for call in (sagemaker.describe_labeling_job, sagemaker.stop_labeling_job):
        with pytest.raises(ClientError, match="ResourceNotFound"):
            call(LabelingJobName="nothing")


def test_a_bad_manifest_fails_with_line_numbers(
    sagemaker: Any, served: Any, request_for: Callable[..., dict[str, Any]]
) -> None:
    request = request_for()
    served.client("s3").put_object(
        Bucket="acme", Key="in/texts.manifest", Body=b'{"source": "one"}\n{"x": 1}\n'
    )
    sagemaker.create_labeling_job(**request)
    reason = wait(sagemaker, "Texts-1", "Failed")["FailureReason"]
    assert reason.startswith("ClientError: 1 line of the input manifest")
    assert "line 2: " in reason


PRE = "HumanTaskConfig__PreHumanTaskLambdaArn"
POST = "HumanTaskConfig__AnnotationConsolidationConfig"
SAGEMAKER = "arn:aws:sagemaker:eu-west-1"
SPECS = f"{SAGEMAKER}:027400017018:labeling-job-algorithm-specification"


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"LabelAttributeName": "mood-metadata"}, "LabelAttributeName", "must not end in -metadata"),
    ({"LabelAttributeName": "mood-ref"}, "LabelAttributeName", "must not end in -ref"),
    ({"LabelAttributeName": "source"}, "LabelAttributeName", "must not be source"),
    ({PRE: f"{FUNCTIONS}:PRE-Nothing"}, "PreHumanTaskLambdaArn", "not a built-in function"),
    ({PRE: f"{FUNCTIONS}:PRE-BoundingBox"}, "AnnotationConsolidationLambdaArn", "same task type"),
    ({PRE: f"{FUNCTIONS}:my-own"}, "PreHumanTaskLambdaArn", "both must be in the same one"),
    ({PRE: f"{OWN.replace('000000000000', '111122223333')}:mine"}, "PreHumanTaskLambdaArn", f"{OWN}:mine"),
    ({PRE: f"{OWN}:mine:live"}, "PreHumanTaskLambdaArn", "does not exist; create it with CreateFunction"),
    ({POST: {"AnnotationConsolidationLambdaArn": f"{OWN}:mine"}}, "ConsolidationLambdaArn", "CreateFunction"),
    ({PRE: None}, "PreHumanTaskLambdaArn", "needs both functions"),
    (
        {
            PRE: f"{FUNCTIONS}:PRE-VideoObjectTracking",
            POST: {"AnnotationConsolidationLambdaArn": f"{FUNCTIONS}:ACS-VideoObjectTracking"},
            "LabelAttributeName": "mood-ref",
        },
        "PreHumanTaskLambdaArn",
        "does not have yet",
    ),
    ({"HumanTaskConfig__TaskTimeLimitInSeconds": 28801}, "TaskTimeLimitInSeconds", "at most 28800"),
    (
        {"HumanTaskConfig__TaskAvailabilityLifetimeInSeconds": 60},
        "TaskTimeLimitInSeconds",
        "must not exceed TaskAvailabilityLifetimeInSeconds",
    ),
    (
        {"HumanTaskConfig__TaskAvailabilityLifetimeInSeconds": 2_592_001},
        "TaskAvailabilityLifetimeInSeconds",
        "at most 2592000",
    ),
    ({"HumanTaskConfig__UiConfig": {}}, "UiConfig", "exactly one"),
    (
        {
            "HumanTaskConfig__UiConfig": {
                "HumanTaskUiArn": f"{SAGEMAKER}:394669845002:human-task-ui/VideoObjectTracking"
            }
        },
        "HumanTaskUiArn",
        "does not fit the task type",
    ),
    (
        {"HumanTaskConfig__WorkteamArn": f"{SAGEMAKER}:000000000000:workteam/private-crowd/no"},
        "WorkteamArn",
        "does not exist",
    ),
    (
        {"HumanTaskConfig__WorkteamArn": f"{SAGEMAKER}:123456789012:workteam/vendor-crowd/v"},
        "WorkteamArn",
        "not subscribed",
    ),
    (
        {"HumanTaskConfig__WorkteamArn": "arn:aws:sagemaker:eu-west-1:123456789012:workteam/other/v"},
        "WorkteamArn",
        "not the ARN of a work team",
    ),
    (
        {
            "HumanTaskConfig__WorkteamArn": (
                "arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default"
            )
        },
        "PublicWorkforceTaskPrice",
        "is missing",
    ),
    (
        {
            "InputConfig__DataSource": {
                "SnsDataSource": {"SnsTopicArn": "arn:aws:sns:eu-west-1:000000000000:in"}
            }
        },
        "SnsTopicArn",
        "not available yet",
    ),
    ({"InputConfig__DataSource": {}}, "DataSource", "must have S3DataSource"),
    (
        {
            "LabelingJobAlgorithmsConfig": {
                "LabelingJobAlgorithmSpecificationArn": f"{SPECS}/object-detection"
            }
        },
        "LabelingJobAlgorithmSpecificationArn",
        "must end in labeling-job-algorithm-specification/text-classification",
    ),
    (
        {
            "LabelingJobAlgorithmsConfig": {
                "LabelingJobAlgorithmSpecificationArn": (
                    f"{SPECS.replace('027400017018', '111122223333')}/text-classification"
                )
            }
        },
        "LabelingJobAlgorithmSpecificationArn",
        "must be arn:aws:sagemaker:<region>:027400017018:",
    ),
    (
        {"HumanTaskConfig__NumberOfHumanWorkersPerDataObject": 10},
        "numberOfHumanWorkersPerDataObject",
        "9",
    ),
]


def test_refused_requests_name_the_member(sagemaker: Any, request_for: Callable[..., dict[str, Any]]) -> None:
    # One server for all of them: starting one takes longer than asking it.
    for changes, member, words in REFUSED:
        with pytest.raises(ClientError) as refused:
            sagemaker.create_labeling_job(**request_for(**changes))
        error = refused.value.response["Error"]
        assert error["Code"] == "ValidationException", changes
        assert member in error["Message"], changes
        assert words in error["Message"], changes
    assert sagemaker.list_labeling_jobs()["LabelingJobSummaryList"] == []


def test_listing(sagemaker: Any, team_arn: str, request_for: Callable[..., dict[str, Any]]) -> None:
    for name in ("Delta", "alpha", "Charlie", "bravo", "alpine"):
        sagemaker.create_labeling_job(**request_for(LabelingJobName=name))
    sagemaker.stop_labeling_job(LabelingJobName="bravo")
    wait(sagemaker, "bravo", "Stopped")

    def names(**query: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_labeling_jobs").paginate(
            PaginationConfig={"PageSize": 2}, **query
        )
        return [job["LabelingJobName"] for page in pages for job in page["LabelingJobSummaryList"]]

    assert names() == ["Delta", "alpha", "Charlie", "bravo", "alpine"]
    assert names(SortBy="Name") == ["alpha", "alpine", "bravo", "Charlie", "Delta"]
    assert names(SortBy="Name", SortOrder="Descending") == ["Delta", "Charlie", "bravo", "alpine", "alpha"]
    assert names(NameContains="ALP") == ["alpha", "alpine"]
    assert names(StatusEquals="Stopped") == ["bravo"]
    created = sagemaker.describe_labeling_job(LabelingJobName="Charlie")["CreationTime"]
    assert names(CreationTimeAfter=created)[-1] == "alpine"
    stopped = sagemaker.describe_labeling_job(LabelingJobName="bravo")
    for kind in ("CreationTime", "LastModifiedTime"):  # a time that was shown excludes its own job
        assert "bravo" not in names(**{f"{kind}After": stopped[kind]})
        assert "bravo" not in names(**{f"{kind}Before": stopped[kind]})
    summary = sagemaker.list_labeling_jobs(NameContains="bravo")["LabelingJobSummaryList"][0]
    assert summary["WorkteamArn"] == team_arn
    assert summary["PreHumanTaskLambdaArn"].endswith("PRE-TextMultiClass")
    assert summary["LabelCounters"]["Unlabeled"] in (0, 2)

    token = sagemaker.list_labeling_jobs(MaxResults=2)["NextToken"]
    with pytest.raises(ClientError, match="NextToken"):
        sagemaker.list_labeling_jobs(MaxResults=2, NextToken=token, SortBy="Name")

    for_team = sagemaker.list_labeling_jobs_for_workteam(WorkteamArn=team_arn, MaxResults=3)
    assert [job["LabelingJobName"] for job in for_team["LabelingJobSummaryList"]] == [
        "Delta",
        "alpha",
        "Charlie",
    ]
    first = for_team["LabelingJobSummaryList"][0]
    assert first["WorkRequesterAccountId"] == "000000000000"
    assert first["NumberOfHumanWorkersPerDataObject"] == 2
    found = sagemaker.list_labeling_jobs_for_workteam(
        WorkteamArn=team_arn, JobReferenceCodeContains=first["JobReferenceCode"][3:12]
    )["LabelingJobSummaryList"]
    assert [job["LabelingJobName"] for job in found] == ["Delta"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.list_labeling_jobs_for_workteam(WorkteamArn=f"{team_arn}-not")


def test_a_template_kept_with_create_human_task_ui(
    sagemaker: Any, request_for: Callable[..., dict[str, Any]]
) -> None:
    arn = sagemaker.create_human_task_ui(
        HumanTaskUiName="mine", UiTemplate={"Content": "<crowd-form></crowd-form>"}
    )["HumanTaskUiArn"]
    request = request_for(HumanTaskConfig__UiConfig={"HumanTaskUiArn": arn})
    sagemaker.create_labeling_job(**request)
    wait(sagemaker, "Texts-1", "InProgress")
    unknown = request_for(LabelingJobName="x", HumanTaskConfig__UiConfig={"HumanTaskUiArn": f"{arn}-not"})
    with pytest.raises(ClientError, match="HumanTaskUiArn"):
        sagemaker.create_labeling_job(**unknown)


def test_entity_recognition_has_a_page_of_its_own(
    sagemaker: Any, request_for: Callable[..., dict[str, Any]]
) -> None:
    functions = {
        PRE: f"{FUNCTIONS}:PRE-NamedEntityRecognition",
        POST: {"AnnotationConsolidationLambdaArn": f"{FUNCTIONS}:ACS-NamedEntityRecognition"},
    }
    uis = f"{SAGEMAKER}:394669845002:human-task-ui"
    ui = "HumanTaskConfig__UiConfig"
    for changes, words in (
        (
            {**functions, ui: {"HumanTaskUiArn": f"{uis}/VideoObjectTracking"}},
            "give arn:aws:sagemaker:eu-west-1",
        ),
        ({ui: {"HumanTaskUiArn": f"{uis}/NamedEntityRecognition"}}, "give UiTemplateS3Uri"),
        ({**functions, "LabelAttributeName": "ner-ref"}, "must not end in -ref"),
    ):
        with pytest.raises(ClientError, match=words):
            sagemaker.create_labeling_job(**request_for(**changes))
    request = request_for(**functions, **{ui: {"HumanTaskUiArn": f"{uis}/NamedEntityRecognition"}})
    sagemaker.create_labeling_job(**request)
    job = wait(sagemaker, "Texts-1", "InProgress", "Failed")
    assert job["LabelingJobStatus"] == "InProgress", job.get("FailureReason")
    assert job["HumanTaskConfig"]["UiConfig"] == request["HumanTaskConfig"]["UiConfig"]


def test_files_as_labels_need_a_name_that_says_so(
    sagemaker: Any, request_for: Callable[..., dict[str, Any]]
) -> None:
    def functions(suffix: str) -> dict[str, Any]:
        return {
            PRE: f"{FUNCTIONS}:PRE-{suffix}",
            POST: {"AnnotationConsolidationLambdaArn": f"{FUNCTIONS}:ACS-{suffix}"},
        }

    for suffix in ("SemanticSegmentation", "AdjustmentSemanticSegmentation"):
        with pytest.raises(ClientError, match="must end in -ref"):
            sagemaker.create_labeling_job(**request_for(**functions(suffix), LabelAttributeName="street"))
        request = request_for(**functions(suffix), LabelAttributeName="street-ref", LabelingJobName=suffix)
        sagemaker.create_labeling_job(**request)
    for suffix in ("VerificationSemanticSegmentation", "AdjustmentBoundingBox", "ImageMultiClassMultiLabel"):
        with pytest.raises(ClientError, match="must not end in -ref"):
            sagemaker.create_labeling_job(**request_for(**functions(suffix), LabelAttributeName="street-ref"))
