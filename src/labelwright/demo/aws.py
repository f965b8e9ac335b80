"""The requester's side of the demo: only what any AWS script would do, with botocore clients.

Buckets, a private workforce with teams, uploads, labeling jobs; and reading what a job has written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from labelwright.config import ACCOUNT_ID, DEFAULT_REGION, Settings
from labelwright.credentials import load_or_create
from labelwright.errors import LabelwrightError
from labelwright.simulate.people import Team, call, new_password, team_of
from labelwright.simulate.rehearsal import AwsClients

__all__ = [
    "clients_of",
    "create_box_job",
    "ensure_bucket",
    "ensure_team",
    "get_object",
    "list_keys",
    "one_time_worker",
    "put_object",
    "wait_until_over",
]

_PRE_AND_POST_ACCOUNT = "432418664414"  # AWS's account of the built-in functions in us-east-1
_ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/labelwright-demo"
_OVER = frozenset({"Completed", "Failed", "Stopped"})


def clients_of(url: str, data_dir: Path) -> AwsClients:
    """botocore clients of the server on this data directory, with its root credentials."""
    credentials = load_or_create(Settings.load(data_dir=data_dir))
    session = Session()

    def client(service: str) -> Any:
        return session.create_client(
            service,
            region_name=DEFAULT_REGION,
            endpoint_url=url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    return AwsClients(sagemaker=client("sagemaker"), cognito=client("cognito-idp"), s3=client("s3"))


def ensure_bucket(s3: Any, bucket: str) -> None:
    """Make the bucket unless it is there."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError:
        call(s3, "create_bucket", Bucket=bucket)


def put_object(s3: Any, uri: str, body: bytes, content_type: str) -> None:
    """Upload one object."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    call(s3, "put_object", Bucket=bucket, Key=key, Body=body, ContentType=content_type)


def get_object(s3: Any, uri: str) -> bytes:
    """Download one object."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body: bytes = call(s3, "get_object", Bucket=bucket, Key=key)["Body"].read()
    return body


def list_keys(s3: Any, prefix_uri: str) -> Iterator[str]:
    """URIs of the objects under a prefix, in key order."""
    bucket, _, prefix = prefix_uri.removeprefix("s3://").partition("/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            yield f"s3://{bucket}/{entry['Key']}"


def ensure_team(clients: AwsClients, team_name: str, description: str) -> str:
    """ARN of a private work team; workforce, user pool, client and group are made when they are missing."""
    try:
        found = clients.sagemaker.describe_workteam(WorkteamName=team_name)
        return str(found["Workteam"]["WorkteamArn"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFound", "ValidationException"):
            raise LabelwrightError(f"describe_workteam failed: {error}") from error
    workforces = call(clients.sagemaker, "list_workforces")["Workforces"]
    if workforces:
        pool_id = workforces[0]["CognitoConfig"]["UserPool"]
        client_id = workforces[0]["CognitoConfig"]["ClientId"]
    else:
        pool = call(clients.cognito, "create_user_pool", PoolName="labelwright-demo")
        pool_id = pool["UserPool"]["Id"]
        client = call(
            clients.cognito,
            "create_user_pool_client",
            UserPoolId=pool_id,
            ClientName="labelwright-demo",
            GenerateSecret=True,
        )
        client_id = client["UserPoolClient"]["ClientId"]
        config = {"UserPool": pool_id, "ClientId": client_id}
        call(clients.sagemaker, "create_workforce", WorkforceName="demo-workforce", CognitoConfig=config)
    call(clients.cognito, "create_group", UserPoolId=pool_id, GroupName=team_name)
    member = {"UserPool": pool_id, "UserGroup": team_name, "ClientId": client_id}
    created = call(
        clients.sagemaker,
        "create_workteam",
        WorkteamName=team_name,
        Description=description,
        MemberDefinitions=[{"CognitoMemberDefinition": member}],
    )
    return str(created["WorkteamArn"])


def one_time_worker(clients: AwsClients, workteam_arn: str, username: str) -> str:
    """Put a worker into the team; returns a password that must be changed at the first sign-in."""
    team: Team = team_of(clients.sagemaker, workteam_arn)
    password = new_password()
    try:
        clients.cognito.admin_create_user(
            UserPoolId=team.user_pool, Username=username, TemporaryPassword=password, MessageAction="SUPPRESS"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "UsernameExistsException":
            raise LabelwrightError(f"admin_create_user failed: {error}") from error
        call(
            clients.cognito,
            "admin_set_user_password",
            UserPoolId=team.user_pool,
            Username=username,
            Password=password,
            Permanent=False,
        )
    call(
        clients.cognito,
        "admin_add_user_to_group",
        UserPoolId=team.user_pool,
        Username=username,
        GroupName=team.user_group,
    )
    return password


def create_box_job(
    sagemaker: Any,
    *,
    name: str,
    attribute: str,
    manifest_uri: str,
    template_uri: str,
    categories_uri: str,
    output_uri: str,
    workteam_arn: str,
    n_workers: int,
    title: str,
    description: str,
) -> None:
    """CreateLabelingJob for bounding boxes with the built-in functions."""
    functions = f"arn:aws:lambda:{DEFAULT_REGION}:{_PRE_AND_POST_ACCOUNT}:function"
    call(
        sagemaker,
        "create_labeling_job",
        LabelingJobName=name,
        LabelAttributeName=attribute,
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest_uri}}},
        OutputConfig={"S3OutputPath": output_uri},
        RoleArn=_ROLE_ARN,
        LabelCategoryConfigS3Uri=categories_uri,
        HumanTaskConfig={
            "WorkteamArn": workteam_arn,
            "UiConfig": {"UiTemplateS3Uri": template_uri},
            "PreHumanTaskLambdaArn": f"{functions}:PRE-BoundingBox",
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": f"{functions}:ACS-BoundingBox"
            },
            "TaskTitle": title,
            "TaskDescription": description,
            "TaskKeywords": ["image", "object detection"],
            "NumberOfHumanWorkersPerDataObject": n_workers,
            "TaskTimeLimitInSeconds": 600,
            "TaskAvailabilityLifetimeInSeconds": 864_000,
        },
    )


def wait_until_over(sagemaker: Any, job_name: str, *, limit_s: float) -> dict[str, Any]:
    """The job's description once it is Completed.

    Raises
    ------
    LabelwrightError
        It failed, was stopped, or was not done in time.
    """
    give_up_at = time.monotonic() + limit_s
    while True:
        job = call(sagemaker, "describe_labeling_job", LabelingJobName=job_name)
        status = job["LabelingJobStatus"]
        if status == "Completed":
            return job
        if status in _OVER:
            raise LabelwrightError(f"{job_name} is {status}: {job.get('FailureReason', 'no reason given')}")
        if time.monotonic() > give_up_at:
            raise LabelwrightError(
                f"{job_name} is still {status} after {limit_s:g} s ({json.dumps(job['LabelCounters'])})."
            )
        time.sleep(0.2)
