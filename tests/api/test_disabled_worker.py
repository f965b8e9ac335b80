"""A worker who is disabled loses session and tasks at once; a colleague goes on with the same object."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

FUNCTIONS = "arn:aws:lambda:eu-west-1:568282634449:function"
PASSWORD = "Abc-12345"


def start_job(served: Any, sagemaker: Any, team_arn: str) -> None:
    """One text, one worker."""
    s3 = served.client("s3")
    s3.create_bucket(Bucket="texts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    labels = {"document-version": "2018-11-28", "labels": [{"label": "good"}, {"label": "bad"}]}
    for key, body in (
        ("in.manifest", b'{"source": "one"}\n'),
        ("labels.json", json.dumps(labels).encode()),
        ("page.html", b"<crowd-form></crowd-form>"),
    ):
        s3.put_object(Bucket="texts", Key=key, Body=body)
    sagemaker.create_labeling_job(
        LabelingJobName="mood",
        LabelAttributeName="mood",
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://texts/in.manifest"}}},
        OutputConfig={"S3OutputPath": "s3://texts/out"},
        RoleArn="arn:aws:iam::000000000000:role/labeling",
        LabelCategoryConfigS3Uri="s3://texts/labels.json",
        HumanTaskConfig={
            "WorkteamArn": team_arn,
            "UiConfig": {"UiTemplateS3Uri": "s3://texts/page.html"},
            "PreHumanTaskLambdaArn": f"{FUNCTIONS}:PRE-TextMultiClass",
            "TaskTitle": "Mood",
            "TaskDescription": "Choose one",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": f"{FUNCTIONS}:ACS-TextMultiClass"
            },
        },
    )
    end = time.monotonic() + 30
    while sagemaker.describe_labeling_job(LabelingJobName="mood")["LabelingJobStatus"] != "InProgress":
        assert time.monotonic() < end
        time.sleep(0.02)


def test_disabling_gives_the_tasks_back(served: Any, sagemaker: Any, cognito: Any, make_pool: Any) -> None:
    pool = make_pool("night")
    team = sagemaker.create_workteam(
        WorkteamName="night", MemberDefinitions=pool.members("night"), Description="d"
    )
    for name in ("ana", "bob"):
        key = {"UserPoolId": pool.id, "Username": name}
        cognito.admin_create_user(**key, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**key, Password=PASSWORD, Permanent=True)
        cognito.admin_add_user_to_group(**key, GroupName="night")
    start_job(served, sagemaker, team["WorkteamArn"])
    browsers = {}
    for name in ("ana", "bob"):
        browsers[name] = httpx.Client(base_url=served.url, timeout=30)
        answer = browsers[name].post("/portal/api/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text

    def take(name: str) -> httpx.Response:
        return browsers[name].post("/portal/api/jobs/mood/tasks", json={})

    task = take("ana").json()["task"]
    assert take("bob").status_code == 204
    cognito.admin_disable_user(UserPoolId=pool.id, Username="ana")
    assert browsers["ana"].get(f"/portal/api/tasks/{task['id']}").status_code == 401
    assert take("bob").json()["task"]["input"]["taskObject"] == "one"
    refused = browsers["ana"].post("/portal/api/session", json={"username": "ana", "password": PASSWORD})
    assert refused.status_code == 401
    cognito.admin_enable_user(UserPoolId=pool.id, Username="ana")
    again = browsers["ana"].post("/portal/api/session", json={"username": "ana", "password": PASSWORD})
    assert again.status_code == 200
    for browser in browsers.values():
        browser.close()
