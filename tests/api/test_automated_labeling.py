"""Automated labeling, models and trainings with boto3 against a real server."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from labelwright.demo.aws import ensure_team
from labelwright.simulate.rehearsal import AwsClients
from labelwright.store import directory
from labelwright.testing.jobs import aws, start_job
from labelwright.testing.server import RunningServer, running_server

LABELS = ("sport", "money", "weather")
WORDS = {
    "sport": "goal match team coach player league",
    "money": "bank loan stock market price profit",
    "weather": "rain storm wind cloud sun snow",
}
ALGORITHMS = "arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("data"), autolabel_min_objects=300) as running:
        yield running


@pytest.fixture(scope="module")
def team_arn(server: RunningServer) -> str:
    clients = AwsClients(
        sagemaker=aws(server, "sagemaker"), cognito=aws(server, "cognito-idp"), s3=aws(server, "s3")
    )
    return str(ensure_team(clients, "shift", "Workers of the tests"))


def text(number: int) -> str:
    words = random.Random(number).choices(WORDS[LABELS[number % 3]].split(), k=5)
    return f"{' '.join(words)} {number}"


def work(server: RunningServer, team_arn: str, job: str) -> dict[str, Any]:
    """Let a worker who knows all answers work until the job has ended; its description."""
    app = server.app.context
    sagemaker = aws(server, "sagemaker")
    team = sagemaker.describe_workteam(WorkteamName=team_arn.rsplit("/", 1)[-1])["Workteam"]
    group = team["MemberDefinitions"][0]["CognitoMemberDefinition"]

    def hire(connection: Any) -> list[str]:
        users = [
            directory.create_user(
                connection, pool_id=group["UserPool"], username=f"{job}-{i}", now=app.clock()
            )
            for i in range(8)
        ]
        for user in users:
            directory.add_to_group(connection, user, group["UserGroup"])
        return [user.id for user in users]

    async def shift(worker_id: str) -> None:
        while (task := await app.desk.take(worker_id, job)) is not None:
            answer = {"crowd-classifier": {"label": LABELS[int(task.object_id) % 3]}}
            await app.desk.submit(worker_id, task.id, json.dumps(answer).encode())

    async def everybody(ids: list[str]) -> None:
        await asyncio.gather(*(shift(worker_id) for worker_id in ids))

    ids = app.database.write(hire)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        asyncio.run(everybody(ids))
        found: dict[str, Any] = sagemaker.describe_labeling_job(LabelingJobName=job)
        if found["LabelingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_a_job_from_request_to_report(server: RunningServer, team_arn: str) -> None:
    n = 600
    start_job(
        server,
        "tickets-1",
        lines=[{"source": text(i)} for i in range(n)],
        team_arn=team_arn,
        task_type="TextMultiClass",
        labels=LABELS,
        label_attribute_name="topic",
        algorithm="text-classification",
        batch_size=200,
    )
    sagemaker, s3 = aws(server, "sagemaker"), aws(server, "s3")
    running = sagemaker.describe_labeling_job(LabelingJobName="tickets-1")
    assert "FinalActiveLearningModelArn" not in running.get("LabelingJobOutput", {})
    config = running["LabelingJobAlgorithmsConfig"]
    assert config == {"LabelingJobAlgorithmSpecificationArn": f"{ALGORITHMS}/text-classification"}
    done = work(server, team_arn, "tickets-1")
    counters = done["LabelCounters"]
    assert done["LabelingJobStatus"] == "Completed"
    assert counters["MachineLabeled"] > 300 and counters["TotalLabeled"] == n
    arn = done["LabelingJobOutput"]["FinalActiveLearningModelArn"]

    model = sagemaker.describe_model(ModelName=arn.rsplit("/", 1)[-1])
    assert model["ModelArn"] == arn
    bucket, _, key = model["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").partition("/")
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    assert arn in [row["ModelArn"] for row in sagemaker.list_models(NameContains="TICKETS")["Models"]]
    runs = sagemaker.list_training_jobs(
        NameContains="tickets-1", StatusEquals="Completed", SortOrder="Descending"
    )
    run = sagemaker.describe_training_job(TrainingJobName=runs["TrainingJobSummaries"][-1]["TrainingJobName"])
    assert run["LabelingJobArn"] == done["LabelingJobArn"]
    assert run["TrainingJobStatus"] == "Completed"
    assert {metric["MetricName"] for metric in run["FinalMetricDataList"]} >= {"seconds"}
    # The newest one only checked the labels of the last model, which is what it shows.
    newest = sagemaker.describe_training_job(
        TrainingJobName=runs["TrainingJobSummaries"][0]["TrainingJobName"]
    )
    assert newest["ModelArtifacts"]["S3ModelArtifacts"] == model["PrimaryContainer"]["ModelDataUrl"]
    assert newest["TrainingJobName"] != model["ModelName"]
    logs, group = aws(server, "logs"), "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=run["TrainingJobName"] + "/"
    )["logStreams"]
    lines = [
        event["message"]
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]
    (said,) = [line for line in lines if "Final configuration" in line]  # once, however often it was copied
    n_trained = int(re.search(r"num_training_samples': u'(\d+)'", said)[1])  # type: ignore[index]
    assert 40 <= n_trained <= counters["HumanLabeled"]
    report = s3.get_object(Bucket="test-data", Key="tickets-1/output/tickets-1/activelearning/report.json")
    figures = json.loads(report["Body"].read())
    assert figures["machine_labels"] == counters["MachineLabeled"] and figures["error_upper"] <= 0.05

    # It is a model as any other: it can be deployed, and answers as BlazingText does.
    variant = {"VariantName": "A", "ModelName": arn.rsplit("/", 1)[-1], "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(
        EndpointConfigName="topics", ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}]
    )
    sagemaker.create_endpoint(EndpointName="topics", EndpointConfigName="topics")
    endpoint: dict[str, Any] = {"EndpointStatus": "Creating"}
    end = time.monotonic() + 60
    while endpoint["EndpointStatus"] == "Creating" and time.monotonic() < end:
        time.sleep(0.1)
        endpoint = sagemaker.describe_endpoint(EndpointName="topics")
    assert endpoint["EndpointStatus"] == "InService", endpoint
    asked = {"instances": [text(i) for i in range(7000, 7006)]}
    answer = aws(server, "sagemaker-runtime").invoke_endpoint(
        EndpointName="topics", ContentType="application/json", Body=json.dumps(asked)
    )["Body"]
    found = json.loads(answer.read())
    assert [row["label"] for row in found] == [[f"__label__{i % 3}"] for i in range(7000, 7006)]
    assert all(0.5 < row["prob"][0] <= 1 for row in found)
    sagemaker.delete_endpoint(EndpointName="topics")

    # Another job may start from the model as long as it is for the same labels and is there.
    request = {
        key: running[key]
        for key in (
            "LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn", "LabelCategoryConfigS3Uri",
        )
    }  # fmt: skip
    request["HumanTaskConfig"] = running["HumanTaskConfig"]
    config = {**config, "InitialActiveLearningModelArn": arn}
    s3.put_object(
        Bucket="test-data", Key="other.json", Body=json.dumps({"labels": [{"label": "a"}, {"label": "b"}]})
    )
    other = {**request, "LabelCategoryConfigS3Uri": "s3://test-data/other.json"}
    refused(sagemaker, "names and order must be equal", **other, LabelingJobAlgorithmsConfig=config)
    wrong = {**config, "InitialActiveLearningModelArn": arn + "-not"}
    refused(sagemaker, "does not exist", **request, LabelingJobAlgorithmsConfig=wrong)
    sagemaker.create_labeling_job(LabelingJobName="tickets-2", **request, LabelingJobAlgorithmsConfig=config)
    again = work(server, team_arn, "tickets-2")
    assert again["LabelCounters"]["MachineLabeled"] > 300
    sagemaker.delete_model(ModelName=model["ModelName"])
    refused(sagemaker, "does not exist", **request, LabelingJobAlgorithmsConfig=config)


def refused(sagemaker: Any, words: str, **request: Any) -> None:
    with pytest.raises(ClientError) as error:
        sagemaker.create_labeling_job(LabelingJobName="refused", **request)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert words in error.value.response["Error"]["Message"]


def test_what_automated_labeling_is_not_for(server: RunningServer, team_arn: str) -> None:
    functions = "arn:aws:lambda:us-east-1:432418664414:function"

    def request(task_type: str, algorithm: str, **source: Any) -> dict[str, Any]:
        return {
            "LabelAttributeName": "topic",
            "InputConfig": {
                "DataSource": source or {"S3DataSource": {"ManifestS3Uri": "s3://test-data/none"}}
            },
            "OutputConfig": {"S3OutputPath": "s3://test-data/out/"},
            "RoleArn": "arn:aws:iam::000000000000:role/labeling",
            "LabelingJobAlgorithmsConfig": {
                "LabelingJobAlgorithmSpecificationArn": f"{ALGORITHMS}/{algorithm}"
            },
            "HumanTaskConfig": {
                "WorkteamArn": team_arn,
                "UiConfig": {"UiTemplateS3Uri": "s3://test-data/page.html"},
                "PreHumanTaskLambdaArn": f"{functions}:PRE-{task_type}",
                "AnnotationConsolidationConfig": {
                    "AnnotationConsolidationLambdaArn": f"{functions}:ACS-{task_type}"
                },
                "TaskTitle": "t",
                "TaskDescription": "d",
                "NumberOfHumanWorkersPerDataObject": 1,
                "TaskTimeLimitInSeconds": 60,
            },
        }

    sagemaker = aws(server, "sagemaker")
    refused(sagemaker, "must end in", **request("TextMultiClass", "object-detection"))
    refused(sagemaker, "not possible", **request("TextMultiClassMultiLabel", "text-classification"))
    sns = {"SnsDataSource": {"SnsTopicArn": "arn:aws:sns:us-east-1:000000000000:objects"}}
    refused(sagemaker, "streaming", **request("TextMultiClass", "text-classification", **sns))


def test_registered_models(server: RunningServer) -> None:
    sagemaker, s3 = aws(server, "sagemaker"), aws(server, "s3")
    container = {"Image": "acme/serve", "ModelDataUrl": "s3://acme/model.tar.gz"}
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find model data"):
        sagemaker.create_model(ModelName="Mine", PrimaryContainer=container)
    s3.create_bucket(Bucket="acme")
    s3.put_object(Bucket="acme", Key="model.tar.gz", Body=b"")
    arn = sagemaker.create_model(
        ModelName="Mine",
        PrimaryContainer=container,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/serve",
        Tags=[{"Key": "line", "Value": "7"}],
    )["ModelArn"]
    assert arn.endswith(":model/mine")
    assert sagemaker.describe_model(ModelName="mine")["PrimaryContainer"] == container
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "line", "Value": "7"}]
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot create already existing"):
        sagemaker.create_model(ModelName="MINE", PrimaryContainer=container)
    sagemaker.delete_model(ModelName="Mine")
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find"):
        sagemaker.describe_model(ModelName="Mine")
    with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName="nothing")
