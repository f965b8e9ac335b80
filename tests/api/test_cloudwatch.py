"""CloudWatch's metrics of training jobs, over both protocols that clients speak."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from labelwright.api import cloudwatch_labeling
from labelwright.store import labeling_jobs, metric_points, training_jobs, work_totals

NAMESPACE = "/aws/sagemaker/TrainingJobs"
T0 = 1_700_000_040  # a whole minute
Report = Callable[..., None]


@pytest.fixture
def report(served: Any) -> Report:
    """Makes a finished training job that has reported these values of ``validation:mAP``."""
    database = served.app.context.database

    def report(name: str, *points: tuple[float, float], metric: str = "validation:mAP") -> None:
        def write(connection: Any) -> None:
            job = training_jobs.named(connection, served.region, name)
            job_id = (
                job.id
                if job is not None
                else training_jobs.create(
                    connection, region=served.region, name=name, arn=f"arn:{name}", request={}, now=T0
                )
            )
            metric_points.add_points(
                connection, "training-job", job_id, [(metric, value, at) for at, value in points]
            )

        database.write(write)

    return report


@pytest.fixture(params=["json", "query"])
def cloudwatch(request: pytest.FixtureRequest, served: Any) -> Any:
    """A client that speaks one of the protocols; older ones speak ``query`` alone."""
    if request.param == "json":
        return served.client("cloudwatch")
    session = botocore.session.get_session()
    model = session.get_component("data_loader").load_service_model("cloudwatch", "service-2")
    older = {**model, "metadata": {**model["metadata"], "protocol": "query", "protocols": ["query"]}}
    loader = session.get_component("data_loader")
    known = loader.load_service_model

    def load(service: str, kind: str, api_version: str | None = None) -> Any:
        return older if (service, kind) == ("cloudwatch", "service-2") else known(service, kind, api_version)

    loader.load_service_model = load
    return session.create_client(
        "cloudwatch", endpoint_url=served.url, region_name=served.region,
        aws_access_key_id=served.access_key_id, aws_secret_access_key=served.secret,
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def _ask(job: str = "cats", **changes: Any) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "MetricName": "validation:mAP",
        "Dimensions": [{"Name": "TrainingJobName", "Value": job}],
        "StartTime": datetime.fromtimestamp(T0 + 8.9, UTC),
        "EndTime": datetime.fromtimestamp(T0 + 200, UTC),
        "Period": 60,
        "Statistics": ["Average"],
        **changes,
    }


def test_what_the_analytics_of_the_sdk_ask(cloudwatch: Any, report: Report) -> None:
    report("cats", (T0 - 1, 9.0), (T0 + 5, 0.1), (T0 + 30, 0.3), (T0 + 61, 0.5), (T0 + 200, 9.0))
    answer = cloudwatch.get_metric_statistics(**_ask())
    assert answer["Label"] == "validation:mAP"
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert [(p["Timestamp"].timestamp(), p["Average"], p["Unit"]) for p in points] == [
        (T0, pytest.approx(0.2), "None"), (T0 + 60, 0.5, "None"),
    ]  # fmt: skip
    every = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
    first = cloudwatch.get_metric_statistics(**_ask(Statistics=every, ExtendedStatistics=["p50"]))[
        "Datapoints"
    ][0]
    assert [first[name] for name in every] == [2.0, pytest.approx(0.2), pytest.approx(0.4), 0.1, 0.3]
    assert first["ExtendedStatistics"] == {"p50": pytest.approx(0.2)}
    for changes in ({"MetricName": "x"}, {"Namespace": "AWS/EC2"}, {"Unit": "Seconds"}, {"Dimensions": []}):
        assert cloudwatch.get_metric_statistics(**_ask(**changes))["Datapoints"] == []
    assert cloudwatch.get_metric_statistics(**_ask("none"))["Datapoints"] == []


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"Period": 61}, "InvalidParameterValue", "multiple of 60"),
        ({"EndTime": datetime(2001, 1, 1, tzinfo=UTC)}, "InvalidParameterValue", "StartTime must be less"),
        ({"EndTime": datetime(2030, 1, 1, tzinfo=UTC)}, "InvalidParameterCombination", "limit of 1440"),
        ({"ExtendedStatistics": ["best"]}, "InvalidParameterValue", "no statistic 'best'"),
    ],
)
def test_refusals(cloudwatch: Any, changes: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(ClientError) as caught:
        cloudwatch.get_metric_statistics(**_ask(**changes))
    assert caught.value.response["Error"]["Code"] == code
    assert text in caught.value.response["Error"]["Message"]


def test_several_metrics_at_once(cloudwatch: Any, report: Report) -> None:
    report("cats", (T0, 0.1), (T0 + 60, 0.3))
    report("cats", (T0, 2.0), (T0 + 1, 4.0), metric="loss")

    def query(key: str, metric: str, stat: str, **more: Any) -> dict[str, Any]:
        dimensions = [{"Name": "TrainingJobName", "Value": "cats"}]
        named = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
        return {"Id": key, "MetricStat": {"Metric": named, "Period": 60, "Stat": stat}, **more}

    times = {k: v for k, v in _ask().items() if k in ("StartTime", "EndTime")}
    queries = [
        query("a", "validation:mAP", "Average"), query("b", "loss", "p100", Label="worst"),
        query("c", "loss", "Sum", ReturnData=False),
    ]  # fmt: skip
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, **times)["MetricDataResults"]
    assert [(r["Id"], r["Label"], r["Values"]) for r in results] == [
        ("a", "validation:mAP", [0.3, 0.1]), ("b", "worst", [4.0]),
    ]  # fmt: skip
    forward = cloudwatch.get_metric_data(MetricDataQueries=queries[:1], ScanBy="TimestampAscending", **times)[
        "MetricDataResults"
    ]
    assert [t.timestamp() for t in forward[0]["Timestamps"]] == [T0, T0 + 60]
    with pytest.raises(ClientError, match="Expression"):
        cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "e", "Expression": "a+b"}], **times)


def test_which_metrics_there_are(cloudwatch: Any, report: Report) -> None:
    for name in ("cats", "dogs"):
        report(name, (T0, 0.1))
    report("cats", (T0, 1.0), metric="loss")

    def listed(**query: Any) -> list[tuple[str, str]]:
        found = cloudwatch.list_metrics(**query)["Metrics"]
        return [(m["Dimensions"][0]["Value"], m["MetricName"]) for m in found]

    assert listed() == [("cats", "loss"), ("cats", "validation:mAP"), ("dogs", "validation:mAP")]
    assert listed(MetricName="loss", Namespace=NAMESPACE) == [("cats", "loss")]
    of_dogs = [{"Name": "TrainingJobName", "Value": "dogs"}]
    assert listed(Dimensions=of_dogs) == [("dogs", "validation:mAP")]
    assert listed(Namespace="AWS/EC2") == []
    assert listed(Dimensions=[{"Name": "Host"}]) == []


AUTOMATED = {"LabelingJobAlgorithmsConfig": {"LabelingJobAlgorithmSpecificationArn": "arn:a"}}


def ended_job(served: Any, name: str, status: str, request: dict[str, Any]) -> None:
    """A job with 40 labels of people after half a minute, and 60 of a machine two minutes later."""

    def write(connection: Any) -> None:
        job_id = labeling_jobs.create(
            connection,
            region=served.region,
            name=name,
            arn=f"arn:{name}",
            request=request,
            workteam_arn="arn:team",
            task_type="TextMultiClass",
            n_workers=1,
            reference_code=f"code-{name}",
            now=T0,
        )
        labeling_jobs.add_counts(connection, job_id, now=T0 + 30, n_human=40, n_failed=1)
        labeling_jobs.set_columns(connection, job_id, status="InProgress")
        work_totals.keep_progress(connection, now=T0 + 30)
        labeling_jobs.add_counts(connection, job_id, now=T0 + 150, n_machine=60)
        labeling_jobs.set_columns(connection, job_id, status=status, ended_at=T0 + 150)

    served.app.context.database.write(write)


def test_totals_of_labeling_jobs(cloudwatch: Any, served: Any) -> None:
    ended_job(served, "Screws-1", "Completed", AUTOMATED)
    ended_job(served, "People-1", "Stopped", {})

    def asked(metric: str, job: str | None, function: str = "Maximum") -> list[float]:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker/LabelingJobs",
            MetricName=metric,
            Dimensions=[] if job is None else [{"Name": "LabelingJobName", "Value": job}],
            StartTime=datetime.fromtimestamp(T0, UTC),
            EndTime=datetime.fromtimestamp(T0 + 600, UTC),
            Period=60,
            Statistics=[function],
        )["Datapoints"]
        return [point[function] for point in sorted(points, key=lambda point: point["Timestamp"])]

    assert asked("DatasetObjectsHumanAnnotated", "screws-1") == [40, 40]
    assert asked("DatasetObjectsAutoAnnotated", "screws-1") == [0, 60]
    assert asked("TotalDatasetObjectsLabeled", "Screws-1") == [40, 100]
    assert asked("DatasetObjectsLabelingFailed", "Screws-1") == [1, 1]
    assert asked("DatasetObjectsAutoAnnotated", "People-1") == []
    assert asked("JobsStopped", None, "Sum") == asked("JobsSucceeded", None, "SampleCount") == [1]
    assert asked("JobsFailed", None, "Sum") == []
    listed = cloudwatch.list_metrics(Namespace="AWS/SageMaker/LabelingJobs")["Metrics"]
    without = [metric["MetricName"] for metric in listed if not metric["Dimensions"]]
    assert without == ["JobsStopped", "JobsSucceeded"]
    assert len(listed) == 2 + 4 + 3  # no machine labels in a job without automated labeling
    (found,) = cloudwatch.list_metrics(
        MetricName="DatasetObjectsAutoAnnotated", Dimensions=[{"Name": "LabelingJobName"}]
    )["Metrics"]
    assert found["Dimensions"] == [{"Name": "LabelingJobName", "Value": "Screws-1"}]


def test_jobs_without_a_metric_do_not_end_the_list(served: Any) -> None:
    for name in ("People-1", "People-2", "People-3"):
        ended_job(served, name, "Completed", {})
    ended_job(served, "Screws-1", "Completed", AUTOMATED)
    found = served.app.context.database.read(
        lambda connection: cloudwatch_labeling.listing(
            connection,
            served.region,
            name="DatasetObjectsAutoAnnotated",
            jobs=None,
            after=(0, ""),
            limit=2,
        )
    )
    assert [metric["Dimensions"][0]["Value"] for _, metric in found] == ["Screws-1"]


def test_metrics_of_trainings_come_before_those_of_labeling_jobs(served: Any, report: Report) -> None:
    """A page ends anywhere; the next one goes on there."""
    client = served.client("cloudwatch")
    for i in range(498):
        report("cats", (T0, 1.0), metric=f"m{i:03}")
    ended_job(served, "Screws-1", "Failed", AUTOMATED)
    pages = client.get_paginator("list_metrics").paginate()
    names = [[metric["MetricName"] for metric in page["Metrics"]] for page in pages]
    assert [len(page) for page in names] == [500, 3]
    assert names[0][:2] == ["m000", "m001"]
    assert names[0][498:] + names[1] == [
        "JobsFailed",
        "DatasetObjectsAutoAnnotated",
        "DatasetObjectsHumanAnnotated",
        "DatasetObjectsLabelingFailed",
        "TotalDatasetObjectsLabeled",
    ]
