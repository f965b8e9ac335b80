"""Where the files of automated labeling are, and the names of its runs."""

from __future__ import annotations

import re
import secrets

__all__ = [
    "auto_annotator_uri",
    "inference_uri",
    "log_uri",
    "model_arn",
    "model_uri",
    "report_uri",
    "run_name",
    "threshold_uri",
    "training_job_arn",
    "training_manifest_uri",
    "unlabeled_manifest_uri",
    "validation_manifest_uri",
    "validation_output_uri",
]

_NAME_CHARS_MAX = 63


def run_name(job_name: str, iteration: int) -> str:
    """A new name of a training job and its model: the job's name, the iteration, something random.

    Examples
    --------
    >>> run_name("Screws-Round1", 4)[:-8]
    'screws-round1-4-'
    """
    tail = f"-{iteration}-{secrets.token_hex(4)}"
    head = re.sub(r"[^a-z0-9-]", "-", job_name.lower())[: _NAME_CHARS_MAX - len(tail)].rstrip("-")
    return head + tail


def training_job_arn(region: str, account: str, name: str) -> str:
    """ARN of a training job."""
    return f"arn:aws:sagemaker:{region}:{account}:training-job/{name.lower()}"


def model_arn(region: str, account: str, name: str) -> str:
    """ARN of a model."""
    return f"arn:aws:sagemaker:{region}:{account}:model/{name.lower()}"


def training_manifest_uri(output_uri: str, iteration: int) -> str:
    """What a model was trained on."""
    return f"{output_uri}/training/{iteration}/input/training.manifest"


def model_uri(output_uri: str, iteration: int, run: str) -> str:
    """The model."""
    return f"{output_uri}/training/{iteration}/model/{run}/output/model.tar.gz"


def log_uri(output_uri: str, iteration: int, run: str) -> str:
    """What the training printed."""
    return f"{output_uri}/training/{iteration}/logs/{run}.log"


def validation_manifest_uri(output_uri: str, iteration: int) -> str:
    """The validation set."""
    return f"{output_uri}/activelearning/{iteration}/validation-input/validation.manifest"


def validation_output_uri(output_uri: str, iteration: int) -> str:
    """Confidence and quality of every validation object."""
    return f"{output_uri}/activelearning/{iteration}/validation-output/validation.jsonl"


def threshold_uri(output_uri: str, iteration: int) -> str:
    """The threshold and what is known about it."""
    return f"{output_uri}/activelearning/{iteration}/validation-output/threshold.json"


def unlabeled_manifest_uri(output_uri: str, iteration: int) -> str:
    """The objects that had no label."""
    return f"{output_uri}/activelearning/{iteration}/unlabeled-input/unlabeled.manifest"


def auto_annotator_uri(output_uri: str, iteration: int) -> str:
    """The lines that the machine labeled."""
    return f"{output_uri}/activelearning/{iteration}/auto-annotator-output/auto_annotator_output.txt"


def inference_uri(output_uri: str, iteration: int, which: str) -> str:
    """Predictions on one of the sets, ``validation`` or ``unlabeled``."""
    return f"{output_uri}/inference/{iteration}/{which}/predictions.jsonl"


def report_uri(output_uri: str) -> str:
    """What all passes came to."""
    return f"{output_uri}/activelearning/report.json"
