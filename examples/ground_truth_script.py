"""An ordinary Ground Truth script, written for AWS: nothing in it knows about Labelwright.

It uploads pictures, makes a private work team with one worker, starts a bounding-box labeling job, waits
until people have labeled everything and prints the labels. Run it with AWS_ENDPOINT_URL and keys set, for
example by ``eval "$(labelwright env --data DIR)"``::

    python examples/ground_truth_script.py FOLDER --classes bolt nut --worker ana --email ana@example.org
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import boto3

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <crowd-bounding-box name="boundingBox" src="{{ task.input.taskObject | grant_read_access }}"
    header="Draw a tight box around every object" labels="{{ task.input.labels | to_json | escape }}">
    <full-instructions header="How to draw boxes">
      <p>Include the whole object, as tightly as you can.</p>
    </full-instructions>
    <short-instructions><p>One box per object.</p></short-instructions>
  </crowd-bounding-box>
</crowd-form>
"""


def make_team(name: str, username: str, email: str) -> str:
    """User pool, client, group, user, workforce and work team; returns the team's ARN."""
    cognito = boto3.client("cognito-idp")
    sagemaker = boto3.client("sagemaker")
    pool = cognito.create_user_pool(PoolName=f"{name}-pool")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="portal", GenerateSecret=True)
    client_id = client["UserPoolClient"]["ClientId"]
    cognito.create_group(UserPoolId=pool, GroupName=name)
    cognito.admin_create_user(
        UserPoolId=pool,
        Username=username,
        UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=username, GroupName=name)
    sagemaker.create_workforce(
        WorkforceName=f"{name}-workforce", CognitoConfig={"UserPool": pool, "ClientId": client_id}
    )
    workforce = sagemaker.describe_workforce(WorkforceName=f"{name}-workforce")["Workforce"]
    print(f"Workers sign in at {workforce['SubDomain']}")
    return sagemaker.create_workteam(
        WorkteamName=name,
        WorkforceName=f"{name}-workforce",
        Description="Made by a script",
        MemberDefinitions=[
            {"CognitoMemberDefinition": {"UserPool": pool, "UserGroup": name, "ClientId": client_id}}
        ],
    )["WorkteamArn"]


def upload(bucket: str, pictures: list[Path], classes: list[str]) -> None:
    """Pictures, manifest, label category file and template."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    lines = []
    for path in pictures:
        s3.upload_file(str(path), bucket, f"in/{path.name}")
        lines.append(json.dumps({"source-ref": f"s3://{bucket}/in/{path.name}"}))
    s3.put_object(Bucket=bucket, Key="in/dataset.manifest", Body="\n".join(lines).encode() + b"\n")
    labels = {"document-version": "2018-11-28", "labels": [{"label": name} for name in classes]}
    s3.put_object(Bucket=bucket, Key="config/labels.json", Body=json.dumps(labels).encode())
    s3.put_object(Bucket=bucket, Key="config/template.liquid.html", Body=TEMPLATE.encode())


def start_job(job: str, bucket: str, team_arn: str, workers_per_object: int) -> None:
    """CreateLabelingJob with AWS's own function names."""
    region = boto3.session.Session().region_name
    manifest = f"s3://{bucket}/in/dataset.manifest"
    account = "432418664414"  # of AWS's built-in functions in us-east-1; any region's is understood
    functions = f"arn:aws:lambda:{region}:{account}:function:{{}}"
    boto3.client("sagemaker").create_labeling_job(
        LabelingJobName=job,
        LabelAttributeName=job,
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest}}},
        OutputConfig={"S3OutputPath": f"s3://{bucket}/out"},
        RoleArn="arn:aws:iam::111122223333:role/GroundTruthRole",
        LabelCategoryConfigS3Uri=f"s3://{bucket}/config/labels.json",
        HumanTaskConfig={
            "WorkteamArn": team_arn,
            "UiConfig": {"UiTemplateS3Uri": f"s3://{bucket}/config/template.liquid.html"},
            "PreHumanTaskLambdaArn": functions.format("PRE-BoundingBox"),
            "TaskTitle": "Box the objects",
            "TaskDescription": "Draw one tight box around every object",
            "NumberOfHumanWorkersPerDataObject": workers_per_object,
            "TaskTimeLimitInSeconds": 600,
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": functions.format("ACS-BoundingBox")
            },
        },
    )


def wait(job: str, poll_s: float) -> dict:
    """Poll until the job has ended."""
    sagemaker = boto3.client("sagemaker")
    while True:
        answer = sagemaker.describe_labeling_job(LabelingJobName=job)
        counters = answer["LabelCounters"]
        print(
            f"{answer['LabelingJobStatus']}: {counters['TotalLabeled']} labeled, {counters['Unlabeled']} left"
        )
        if answer["LabelingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return answer
        time.sleep(poll_s)


def main() -> None:
    """Everything in the order in which it happens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--classes", nargs="+", required=True)
    parser.add_argument("--job", default="old-script")
    parser.add_argument("--bucket", default="old-script-data")
    parser.add_argument("--worker", default="ana")
    parser.add_argument("--email", default="ana@example.org")
    parser.add_argument("--workers-per-object", type=int, default=1)
    parser.add_argument("--poll", type=float, default=15.0)
    args = parser.parse_args()
    pictures = sorted(p for p in args.pictures.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    upload(args.bucket, pictures, args.classes)
    team = make_team(f"{args.job}-team", args.worker, args.email)
    start_job(args.job, args.bucket, team, args.workers_per_object)
    answer = wait(args.job, args.poll)
    if answer["LabelingJobStatus"] == "Failed":
        raise SystemExit(answer["FailureReason"])
    bucket, _, key = answer["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://").partition("/")
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    for line in body.iter_lines():
        record = json.loads(line)
        boxes = record.get(args.job, {}).get("annotations", [])
        print(record["source-ref"], len(boxes), "boxes")


if __name__ == "__main__":
    main()
