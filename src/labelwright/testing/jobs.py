"""Labeling jobs for tests: everything a job needs, made through the AWS API as a script would make it."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.session import Session

from labelwright.config import DEFAULT_REGION
from labelwright.core.job_options import PREFIX

if TYPE_CHECKING:
    from labelwright.testing.server import RunningServer

__all__ = ["aws", "start_job", "wait_for_job"]

_BUCKET = "test-data"
_FUNCTIONS = f"arn:aws:lambda:{DEFAULT_REGION}:432418664414:function"
_ALGORITHMS = f"arn:aws:sagemaker:{DEFAULT_REGION}:027400017018:labeling-job-algorithm-specification"
_PLAIN_TEMPLATE = """\
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><p>{{ task.input.source }}</p><crowd-text-area name="note"></crowd-text-area></crowd-form>
"""


@functools.cache
def _session() -> Session:
    return Session()  # parses the service models once


def aws(server: RunningServer, service: str) -> Any:
    """A botocore client of the server."""
    return _session().create_client(service, **server.client_arguments())


def start_job(
    server: RunningServer,
    name: str,
    *,
    lines: Sequence[Mapping[str, Any]],
    team_arn: str,
    task_type: str = "Custom",
    labels: Sequence[str] = (),
    template: str = _PLAIN_TEMPLATE,
    files: Mapping[str, bytes] | None = None,
    n_workers: int = 1,
    time_limit_s: int = 600,
    label_attribute_name: str = "label",
    algorithm: str = "",
    batch_size: int | None = None,
    title: str = "Look and tell",
    description: str = "Say what you see.",
    options: Mapping[str, str] | None = None,
) -> str:
    """Create a labeling job and wait until its tasks can be taken.

    Parameters
    ----------
    server : RunningServer
    name : str
        Name of the job.
    lines : sequence of mappings
        The input manifest.
    team_arn : str
        The work team.
    task_type : str
        Suffix of the built-in functions, or ``Custom`` for a job without functions.
    labels : sequence of str
        Label categories of a built-in task type.
    template : str
        The worker template.
    files : mapping of str to bytes, optional
        Objects to put into ``s3://test-data`` before, by key.

    label_attribute_name : str
        Must end in ``-ref`` where labels are files.
    algorithm : str
        ``text-classification`` and the like turn automated labeling on.
    batch_size : int, optional
        ``MaxConcurrentTaskCount``.
    options : mapping of str to str, optional
        Of the job, without ``labelwright:``: ``{"budget": "3"}``.

    Returns
    -------
    str
        ARN of the job.
    """
    s3 = aws(server, "s3")
    s3.create_bucket(Bucket=_BUCKET)
    prefix = f"s3://{_BUCKET}/{name}"
    for key, content in (files or {}).items():
        s3.put_object(Bucket=_BUCKET, Key=key, Body=content)

    def put(key: str, text: str) -> str:
        s3.put_object(Bucket=_BUCKET, Key=f"{name}/{key}", Body=text.encode())
        return f"{prefix}/{key}"

    request: dict[str, Any] = {
        "LabelingJobName": name,
        "LabelAttributeName": label_attribute_name,
        "InputConfig": {
            "DataSource": {
                "S3DataSource": {
                    "ManifestS3Uri": put("input.manifest", "".join(json.dumps(line) + "\n" for line in lines))
                }
            }
        },
        "OutputConfig": {"S3OutputPath": f"{prefix}/output/"},
        "RoleArn": "arn:aws:iam::000000000000:role/labeling",
        "HumanTaskConfig": {
            "WorkteamArn": team_arn,
            "UiConfig": {"UiTemplateS3Uri": put("template.liquid.html", template)},
            "TaskTitle": title,
            "TaskDescription": description,
            "TaskKeywords": ["test"],
            "NumberOfHumanWorkersPerDataObject": n_workers,
            "TaskTimeLimitInSeconds": time_limit_s,
        },
    }
    if batch_size is not None:
        request["HumanTaskConfig"]["MaxConcurrentTaskCount"] = batch_size
    if algorithm:
        specification = f"{_ALGORITHMS}/{algorithm}"
        request["LabelingJobAlgorithmsConfig"] = {"LabelingJobAlgorithmSpecificationArn": specification}
    if task_type != "Custom":
        request["LabelCategoryConfigS3Uri"] = put(
            "categories.json",
            json.dumps({"document-version": "2018-11-28", "labels": [{"label": label} for label in labels]}),
        )
        request["HumanTaskConfig"] |= {
            "PreHumanTaskLambdaArn": f"{_FUNCTIONS}:PRE-{task_type}",
            "AnnotationConsolidationConfig": {
                "AnnotationConsolidationLambdaArn": f"{_FUNCTIONS}:ACS-{task_type}"
            },
        }
    if options:
        request["Tags"] = [{"Key": f"{PREFIX}{key}", "Value": value} for key, value in options.items()]
    sagemaker = aws(server, "sagemaker")
    arn: str = sagemaker.create_labeling_job(**request)["LabelingJobArn"]
    wait_for_job(server, name, lambda job: job["LabelingJobStatus"] == "InProgress")
    return arn


def wait_for_job(
    server: RunningServer, name: str, condition: Any, *, timeout_s: float = 20.0
) -> dict[str, Any]:
    """Wait until DescribeLabelingJob fulfils the condition.

    Raises
    ------
    TimeoutError
        With the last description.
    """
    sagemaker = aws(server, "sagemaker")
    end = time.monotonic() + timeout_s
    while True:
        job: dict[str, Any] = sagemaker.describe_labeling_job(LabelingJobName=name)
        if condition(job):
            return job
        if time.monotonic() > end:
            raise TimeoutError(f"Job {name} is not as expected after {timeout_s} s: {job}")
        time.sleep(0.02)
