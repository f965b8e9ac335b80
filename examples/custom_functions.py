"""A Ground Truth job with Lambda functions of one's own, for AWS: nothing in it knows about Labelwright.

It creates two functions from ``examples/functions/intents.py``, uploads a few texts and a worker template,
and starts a custom labeling job for a work team that exists. It waits until people have labeled everything
and prints the labels. Run it with AWS_ENDPOINT_URL and keys set, for example by
``eval "$(labelwright env --data DIR)"``::

    labelwright worker add --data DIR --team support --username ana
    python examples/custom_functions.py --team support
"""

from __future__ import annotations

import argparse
import io
import json
import time
import zipfile
from pathlib import Path

import boto3

ROLE = "arn:aws:iam::111122223333:role/GroundTruthRole"
TEXTS = [
    "Where is my parcel?",
    "I want my money back",
    "Thanks",
    "The lamp arrived broken and nobody answers my mails",
]
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <crowd-classifier name="intent" categories="{{ task.input.intents | to_json | escape }}"
    header="What does the customer want?">
    <classification-target>{{ task.input.text }}</classification-target>
    <full-instructions header="Intents"><p>Choose what the customer asks us to do.</p></full-instructions>
    <short-instructions><p>One intent per message.</p></short-instructions>
  </crowd-classifier>
</crowd-form>
"""


def create_functions(prefix: str) -> tuple[str, str]:
    """Both functions from one zip; returns their ARNs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(Path(__file__).with_name("functions") / "intents.py", "intents.py")
    client = boto3.client("lambda")
    arns = []
    for name in ("prepare", "decide"):
        function = client.create_function(
            FunctionName=f"{prefix}-{name}",
            Runtime="python3.12",
            Handler=f"intents.{name}",
            Role=ROLE,
            Code={"ZipFile": packed.getvalue()},
            Timeout=30,
            MemorySize=256,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=function["FunctionName"])
        arns.append(function["FunctionArn"])
    return arns[0], arns[1]


def upload(bucket: str) -> None:
    """Manifest and template."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    lines = "".join(json.dumps({"source": text}) + "\n" for text in TEXTS)
    s3.put_object(Bucket=bucket, Key="in/messages.manifest", Body=lines.encode())
    s3.put_object(Bucket=bucket, Key="config/intents.liquid.html", Body=TEMPLATE.encode())


def start_job(
    job: str, bucket: str, team_arn: str, prepare_arn: str, decide_arn: str, n_workers: int
) -> None:
    """CreateLabelingJob with both functions."""
    boto3.client("sagemaker").create_labeling_job(
        LabelingJobName=job,
        LabelAttributeName="intent",
        InputConfig={
            "DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{bucket}/in/messages.manifest"}}
        },
        OutputConfig={"S3OutputPath": f"s3://{bucket}/out"},
        RoleArn=ROLE,
        HumanTaskConfig={
            "WorkteamArn": team_arn,
            "UiConfig": {"UiTemplateS3Uri": f"s3://{bucket}/config/intents.liquid.html"},
            "PreHumanTaskLambdaArn": prepare_arn,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": decide_arn},
            "TaskTitle": "What does the customer want?",
            "TaskDescription": "Choose the intent of a message",
            "NumberOfHumanWorkersPerDataObject": n_workers,
            "TaskTimeLimitInSeconds": 600,
        },
    )


def wait(job: str, poll_s: float) -> dict:
    """Poll until the job has ended."""
    sagemaker = boto3.client("sagemaker")
    while True:
        answer = sagemaker.describe_labeling_job(LabelingJobName=job)
        if answer["LabelingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return answer
        time.sleep(poll_s)


def main() -> None:
    """Everything in the order in which it happens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--team", required=True)
    parser.add_argument("--job", default="intents-1")
    parser.add_argument("--bucket", default="intent-data")
    parser.add_argument("--workers-per-object", type=int, default=1)
    parser.add_argument("--poll", type=float, default=15.0)
    args = parser.parse_args()
    team = boto3.client("sagemaker").describe_workteam(WorkteamName=args.team)["Workteam"]
    prepare_arn, decide_arn = create_functions(args.job)
    upload(args.bucket)
    start_job(args.job, args.bucket, team["WorkteamArn"], prepare_arn, decide_arn, args.workers_per_object)
    print(f"Workers sign in at {team['SubDomain']}")
    answer = wait(args.job, args.poll)
    if answer["LabelingJobStatus"] == "Failed":
        raise SystemExit(answer["FailureReason"])
    bucket, _, key = answer["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://").partition("/")
    for line in boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_lines():
        record = json.loads(line)
        print(json.dumps(record.get("intent")), record["source"])


if __name__ == "__main__":
    main()
