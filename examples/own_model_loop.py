"""Active learning with a model of your own, for AWS: nothing in it knows about Labelwright.

Automated data labeling chooses the model; this loop brings its own, with public operations only. People
label a fifth of the texts. A text classifier is trained on half of these labels, straight from the augmented
manifest in Pipe mode, and checked on the other half. It looks at all that is unlabeled in a batch transform
job; where its best class is ahead of the second by more than 0.5, its label is taken. A tenth of the rest
goes to people, and everything begins again until each text has a label. Run it with AWS_ENDPOINT_URL and
keys set, for example by ``eval "$(labelwright env --data DIR)"``::

    labelwright worker add --data DIR --team support --username ana
    python examples/own_model_loop.py texts.manifest --classes ham,spam --team support

``texts.manifest`` has one JSON object a line, each with a ``source``.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

ROLE = "arn:aws:iam::111122223333:role/GroundTruthRole"
FUNCTIONS = "arn:aws:lambda:us-east-1:432418664414:function"
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
SETTINGS = {
    "mode": "supervised",
    "epochs": "20",
    "learning_rate": "0.05",
    "min_count": "5",
    "vector_dim": "20",
    "word_ngrams": "2",
    "early_stopping": "True",
    "patience": "5",
    "min_epochs": "1",
}
MARGIN = 0.5
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <crowd-classifier name="crowd-classifier" categories="{{ task.input.labels | to_json | escape }}"
    header="What is it?">
    <classification-target>{{ task.input.taskObject }}</classification-target>
    <full-instructions header="Classes"><p>Choose the class that fits best.</p></full-instructions>
    <short-instructions><p>One class per text.</p></short-instructions>
  </crowd-classifier>
</crowd-form>
"""

Line = dict[str, Any]


class Loop:
    """Where everything is, and how it is called: ``<prefix>-<what>-<round>``."""

    def __init__(self, *, bucket: str, prefix: str, attribute: str, team_arn: str, poll_s: float) -> None:
        self.bucket, self.prefix, self.attribute = bucket, prefix, attribute
        self.team_arn, self.poll_s = team_arn, poll_s
        self.s3, self.sagemaker = boto3.client("s3"), boto3.client("sagemaker")

    # -- objects ---------------------------------------------------------------------------------------

    def put(self, key: str, lines: Iterable[Line]) -> str:
        """Write JSON lines; the URI."""
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}", Body=body.encode())
        return f"s3://{self.bucket}/{self.prefix}/{key}"

    def get(self, uri: str) -> list[Line]:
        """Read JSON lines."""
        key = uri.removeprefix(f"s3://{self.bucket}/")
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"]
        return [json.loads(line) for line in body.iter_lines()]

    def select(self, uri: str, query: str, kind: str = "LINES") -> list[Line]:
        """What a query finds in a manifest, or in a JSON document."""
        events = self.s3.select_object_content(
            Bucket=self.bucket,
            Key=uri.removeprefix(f"s3://{self.bucket}/"),
            Expression=query,
            ExpressionType="SQL",
            InputSerialization={"JSON": {"Type": kind}},
            OutputSerialization={"JSON": {"RecordDelimiter": "\n"}},
        )["Payload"]
        found = b"".join(event["Records"]["Payload"] for event in events if "Records" in event)
        return [json.loads(line) for line in found.splitlines()]

    def unlabeled(self, uri: str, most: int | None = None) -> list[Line]:
        """Lines without a label, the first ones."""
        limit = "" if most is None else f" LIMIT {most}"
        where = f's."{self.attribute}" is missing{limit}'
        return self.select(uri, f"select * from s3object[*] s where {where}")  # noqa: S608 - our own name

    def labeled_by_people(self, uri: str) -> list[Line]:
        """Lines that people have labeled."""
        where = f"""s."{self.attribute}-metadata"."human-annotated" IN ('yes')"""
        return self.select(uri, f"select * from s3object[*] s where {where}")  # noqa: S608 - our own name

    # -- jobs ------------------------------------------------------------------------------------------

    def wait(self, describe: Callable[..., Line], status: str, **name: str) -> Line:
        """The description of a job that is over."""
        while (job := describe(**name))[status] not in ("Completed", "Failed", "Stopped"):
            time.sleep(self.poll_s)
        if job[status] != "Completed":
            raise SystemExit(f"{name}: {job[status]} {job.get('FailureReason', '')}")
        return job

    def ask_people(self, lines: list[Line], labels_uri: str, i_round: int) -> list[Line]:
        """A labeling job on these lines; its output."""
        job = f"{self.prefix}-human-{i_round}"
        template = f"{self.prefix}/classes.liquid.html"
        self.s3.put_object(Bucket=self.bucket, Key=template, Body=TEMPLATE.encode())
        self.sagemaker.create_labeling_job(
            LabelingJobName=job,
            LabelAttributeName=self.attribute,
            InputConfig={
                "DataSource": {
                    "S3DataSource": {"ManifestS3Uri": self.put(f"{i_round}/human.manifest", lines)}
                }
            },
            OutputConfig={"S3OutputPath": f"s3://{self.bucket}/{self.prefix}/labeled"},
            RoleArn=ROLE,
            LabelCategoryConfigS3Uri=labels_uri,
            HumanTaskConfig={
                "WorkteamArn": self.team_arn,
                "UiConfig": {"UiTemplateS3Uri": f"s3://{self.bucket}/{template}"},
                "PreHumanTaskLambdaArn": f"{FUNCTIONS}:PRE-TextMultiClass",
                "AnnotationConsolidationConfig": {
                    "AnnotationConsolidationLambdaArn": f"{FUNCTIONS}:ACS-TextMultiClass"
                },
                "TaskTitle": "Classes of texts",
                "TaskDescription": "Choose one class per text",
                "NumberOfHumanWorkersPerDataObject": 1,
                "TaskTimeLimitInSeconds": 600,
            },
        )
        done = self.wait(self.sagemaker.describe_labeling_job, "LabelingJobStatus", LabelingJobName=job)
        return self.get(done["LabelingJobOutput"]["OutputDatasetS3Uri"])

    def train(self, train: list[Line], validation: list[Line], settings: Line, i_round: int) -> Line:
        """A training job on augmented manifests, and its model; both have one name."""
        name = f"{self.prefix}-model-{i_round}"
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"},
            HyperParameters=settings,
            InputDataConfig=[
                {
                    "ChannelName": channel,
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "AugmentedManifestFile",
                            "S3Uri": self.put(f"{i_round}/{channel}.manifest", lines),
                            "S3DataDistributionType": "FullyReplicated",
                            "AttributeNames": ["source", self.attribute],
                        }
                    },
                    "ContentType": "application/x-recordio",
                    "RecordWrapperType": "RecordIO",
                }
                for channel, lines in (("train", train), ("validation", validation))
            ],
            OutputDataConfig={"S3OutputPath": f"s3://{self.bucket}/{self.prefix}/models"},
            ResourceConfig={"InstanceType": "ml.c5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": 7200},
        )
        done = self.wait(self.sagemaker.describe_training_job, "TrainingJobStatus", TrainingJobName=name)
        artifact = done["ModelArtifacts"]["S3ModelArtifacts"]
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artifact},
        )
        return done

    def predict(self, model: str, lines: list[Line], i_round: int) -> list[Line]:
        """A transform job on these lines; each comes back with ``SageMakerOutput``."""
        name = f"{self.prefix}-inference-{i_round}"
        asked = [{"id": line["id"], "source": line["source"], "k": 2} for line in lines]
        output = f"s3://{self.bucket}/{self.prefix}/{i_round}/inference"
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": self.put(f"{i_round}/unlabeled.jsonl", asked),
                    }
                },
                "ContentType": "application/jsonlines",
                "SplitType": "Line",
            },
            TransformOutput={
                "S3OutputPath": output,
                "AssembleWith": "Line",
                "Accept": "application/jsonlines",
            },
            TransformResources={"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
            DataProcessing={"JoinSource": "Input"},
        )
        self.wait(self.sagemaker.describe_transform_job, "TransformJobStatus", TransformJobName=name)
        return self.get(f"{output}/unlabeled.jsonl.out")

    def auto_label(self, predicted: Iterable[Line], classes: list[str]) -> dict[int, Line]:
        """The label and its metadata of what the model is sure of, by id."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        sure = {}
        for line in predicted:
            best, second = [*line["SageMakerOutput"]["prob"], 0.0][:2]
            if best - second <= MARGIN:
                continue
            label = int(line["SageMakerOutput"]["label"][0].removeprefix("__label__"))
            sure[line["id"]] = {
                self.attribute: label,
                f"{self.attribute}-metadata": {
                    "job-name": f"labeling-job/{self.prefix}",
                    "confidence": round(best - second, 2),
                    "class-name": classes[label],
                    "type": "groundtruth/text-classification",
                    "creation-date": now,
                    "human-annotated": "no",
                },
            }
        return sure


def merged(lines: list[Line], labeled: dict[int, Line]) -> list[Line]:
    """All lines, with what is new about some of them."""
    return [{**line, **labeled.get(line["id"], {})} for line in lines]


def by_id(lines: Iterable[Line]) -> dict[int, Line]:
    """Lines by their id."""
    return {line["id"]: line for line in lines}


def run(loop: Loop, lines: list[Line], classes: list[str], settings: Line, *, seed: int = 0) -> list[Line]:
    """Label everything; the lines with their labels, in their order."""
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    document = {"document-version": "2018-11-28", "labels": [{"label": name} for name in classes]}
    labels_uri = loop.put("labels.json", [document])
    names = [
        row["label"] for row in loop.select(labels_uri, "select * from S3Object[*].labels[*] s", "DOCUMENT")
    ]
    lines = [{"id": i, **line} for i, line in enumerate(lines)]
    total = len(lines)
    uri = loop.put("0/all.manifest", lines)
    n_labeled = total - len(loop.unlabeled(uri))
    asked = loop.unlabeled(uri, max(0, total // 5 - n_labeled))
    i_round = 0
    while asked:
        i_round += 1
        lines = merged(lines, by_id(loop.ask_people(asked, labels_uri, i_round)))
        uri = loop.put(f"{i_round}/all.manifest", lines)
        unlabeled = loop.unlabeled(uri)
        sure: dict[int, Line] = {}
        if unlabeled:
            known = loop.labeled_by_people(uri)
            n_validation = total // 10
            trained = loop.train(known[n_validation:], known[:n_validation], settings, i_round)
            sure = loop.auto_label(loop.predict(trained["TrainingJobName"], unlabeled, i_round), names)
            metrics = {metric["MetricName"]: metric["Value"] for metric in trained["FinalMetricDataList"]}
            print(f"round {i_round}: trained on {len(known) - n_validation}, "
                  f"right on {metrics['validation:accuracy']:.3f} of {n_validation}, "
                  f"took {len(sure)} of {len(unlabeled)} labels")  # fmt: skip
            lines = merged(lines, sure)
        rest = [line for line in unlabeled if line["id"] not in sure]
        asked = chance.sample(rest, min(len(rest), total // 10 or len(rest)))
    loop.put("final/all.manifest", lines)
    return lines


def main() -> None:
    """Label a file's texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--classes", required=True, help="names, with commas between them")
    parser.add_argument("--team", required=True, help="name of a work team that exists")
    parser.add_argument("--bucket", default="own-model-data")
    parser.add_argument("--prefix", default="own-model", help="of all names and keys")
    parser.add_argument("--attribute", default="topic")
    parser.add_argument("--poll", type=float, default=30.0, help="seconds between two looks at a job")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a hyperparameter")
    given = parser.parse_args()
    sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
    team = sagemaker.describe_workteam(WorkteamName=given.team)["Workteam"]["WorkteamArn"]
    s3.create_bucket(Bucket=given.bucket)
    loop = Loop(
        bucket=given.bucket, prefix=given.prefix, attribute=given.attribute, team_arn=team, poll_s=given.poll
    )
    lines = [json.loads(line) for line in given.manifest.read_text("utf-8").splitlines() if line.strip()]
    settings = SETTINGS | dict(text.split("=", 1) for text in given.set)
    labeled = run(loop, lines, given.classes.split(","), settings)
    people = sum(line[f"{given.attribute}-metadata"]["human-annotated"] == "yes" for line in labeled)
    print(f"{people} labels by people, {len(labeled) - people} by the model: "
          f"s3://{given.bucket}/{given.prefix}/final/all.manifest")  # fmt: skip


if __name__ == "__main__":
    main()
