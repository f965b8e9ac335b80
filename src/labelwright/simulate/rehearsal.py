"""Rehearse a job: from its name and a manifest of truth to numbers on quality, speed and cost."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.core.functions import recognise
from labelwright.core.job_options import PREFIX, parse_job_options
from labelwright.errors import InvalidRequest, LabelwrightError
from labelwright.manifests import Source
from labelwright.simulate.answering import answering_for
from labelwright.simulate.cost import cost_usd
from labelwright.simulate.crowd import Crowd
from labelwright.simulate.error_models import draw_skills
from labelwright.simulate.people import call, hire, team_of
from labelwright.simulate.truth import read_truth

__all__ = ["AwsClients", "Rehearsal", "simulate_job"]

_NAME_CHARS_MAX = 40  # as much of a job's name is in those of its trainings
_OVER = frozenset({"Completed", "Failed", "Stopping", "Stopped"})


@dataclasses.dataclass(frozen=True, slots=True)
class AwsClients:
    """botocore clients of the server."""

    sagemaker: Any
    cognito: Any
    s3: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came out.

    Attributes
    ----------
    job_name, task_type, job_status : str
        The status as it was when the crowd went home.
    n_workers, n_workers_per_object : int
    worker_accuracies : tuple of float
        The skill each worker was given.
    n_objects, n_answers, n_declined, n_without_truth, n_late : int
    duration_s, answers_per_s : float
    single_quality, consolidated_quality : dict of str to float
        Agreement with the truth of single answers, and of the labels that consolidating them gives:
        ``accuracy`` for classes; ``precision``, ``recall``, ``f1`` and ``mean_iou`` (at IoU 0.5) for boxes;
        the first three for lists of classes and spans of text; ``accuracy`` and ``mean_iou`` of pixels for
        masks.
        Measured on at most 5,000 objects.
    cost_usd : float
        What these answers would cost at published prices; see `labelwright.simulate.cost`.
    """

    job_name: str
    task_type: str
    job_status: str
    n_workers: int
    n_workers_per_object: int
    worker_accuracies: tuple[float, ...]
    n_objects: int
    n_answers: int
    n_declined: int
    n_without_truth: int
    n_late: int
    duration_s: float
    answers_per_s: float
    single_quality: dict[str, float]
    consolidated_quality: dict[str, float]
    cost_usd: float


def simulate_job(
    job_name: str,
    *,
    clients: AwsClients,
    base_url: str,
    truth: Source,
    attribute: str,
    n_workers: int | None = None,
    accuracy: float = 0.9,
    seed: int = 0,
    patience_s: float = 10.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Rehearsal:
    """Answer a job's tasks with synthetic workers.

    Parameters
    ----------
    job_name : str
        A job that is Initializing or InProgress, with a private team.
    clients : AwsClients
    base_url : str
        Address of the server, for the worker API.
    truth : str, path, open binary file, or iterable of bytes
        Manifest of true labels: a local file or, as a string, an ``s3://`` URI.
    attribute : str
        Label attribute name of the truth.
    n_workers : int, optional
        Default: two more than the job asks for per object, at least 5.
    accuracy : float
        Mean accuracy of the crowd, above 0 and at most 1.
    seed : int
        Decides the skills and, for each worker and object, the answer. Who gets which object is up to the
        server, so two runs are alike but not equal.
    patience_s : float
        Give up when nobody has got a task for so long, and no model learns for the job.
    on_progress : callable, optional
        ``on_progress(n_answers, n_expected)``, called about 20 times a second.

    Raises
    ------
    InvalidRequest
        The job cannot be simulated, or a parameter is out of range.
    ManifestError
        The truth cannot be read.
    LabelwrightError
        The server refused something.
    """
    skills_rng = np.random.default_rng([seed, 1])
    job = _running_job(clients.sagemaker, job_name)
    task = job["HumanTaskConfig"]
    n_asked = _n_asked_at_most(job)
    if n_workers is None:
        n_workers = max(5, n_asked + 2)
    skills = draw_skills(n_workers, accuracy, skills_rng)
    arn = task.get("PreHumanTaskLambdaArn", "")
    built_in = recognise(arn, field="PreHumanTaskLambdaArn") if arn else None
    task_type = built_in.suffix if built_in else ""
    answering_for(task_type, ["?"], seed)  # says at once when the type cannot be simulated
    labels = _labels(clients.s3, job)
    answering = answering_for(task_type, labels, seed)
    truths = read_truth(
        _open(clients.s3, truth),
        attribute,
        labels,
        read_object=lambda uri: b"".join(_read_s3(clients.s3, uri)),
    )
    n_expected = int(job["LabelCounters"]["Unlabeled"]) * min(n_asked, n_workers)
    accounts = hire(clients.cognito, team_of(clients.sagemaker, task["WorkteamArn"]), n_workers)
    crowd = Crowd(
        base_url=base_url,
        job_name=job_name,
        truths=truths,
        answering=answering,
        accounts=accounts,
        skills=skills,
        seed=seed,
    )
    started = time.monotonic()
    work = crowd.run(
        n_expected=n_expected,
        is_over=lambda: _describe(clients.sagemaker, job_name)["LabelingJobStatus"] in _OVER,
        patience_s=patience_s,
        on_progress=(lambda n_done: on_progress(n_done, n_expected)) if on_progress is not None else None,
        is_learning=lambda: "LabelingJobAlgorithmsConfig" in job and _is_learning(clients.sagemaker, job),
    )
    duration_s = time.monotonic() - started
    kept = work.kept()
    n_objects = len(kept)
    return Rehearsal(
        job_name=job_name,
        task_type=task_type,
        job_status=_describe(clients.sagemaker, job_name)["LabelingJobStatus"],
        n_workers=n_workers,
        n_workers_per_object=n_asked,
        worker_accuracies=tuple(skill.accuracy for skill in skills),
        n_objects=n_objects,
        n_answers=work.n_answers,
        n_declined=work.n_declined,
        n_without_truth=work.n_without_truth,
        n_late=work.n_late,
        duration_s=duration_s,
        answers_per_s=work.n_answers / duration_s if duration_s > 0 else 0.0,
        single_quality=answering.single_quality([(t, a) for t, answers in kept for _, a in answers]),
        consolidated_quality=answering.consolidated_quality(kept, n_asked) if kept else {},
        cost_usd=cost_usd(task_type, n_objects=n_objects, n_answers=work.n_answers),
    )


def _describe(sagemaker: Any, job_name: str) -> dict[str, Any]:
    return call(sagemaker, "describe_labeling_job", LabelingJobName=job_name)


def _is_learning(sagemaker: Any, job: dict[str, Any]) -> bool:
    """Whether a training of the job's automated labeling is running."""
    start = job["LabelingJobName"].lower()[:_NAME_CHARS_MAX]
    running = call(sagemaker, "list_training_jobs", NameContains=start, StatusEquals="InProgress")
    return any(row["TrainingJobName"].startswith(start) for row in running["TrainingJobSummaries"])


def _running_job(sagemaker: Any, job_name: str, *, limit_s: float = 120.0) -> dict[str, Any]:
    """The job's description once it is in progress."""
    give_up_at = time.monotonic() + limit_s
    pause_s = 0.05
    while True:
        job = _describe(sagemaker, job_name)
        status = job["LabelingJobStatus"]
        if status == "InProgress":
            return job
        if status != "Initializing":
            reason = f" ({job['FailureReason']})" if job.get("FailureReason") else ""
            raise InvalidRequest(
                f"{job_name} is {status}{reason}; only a job in progress has tasks. Clone it under another "
                "name.",
                field="JOB",
                value=job_name,
            )
        if time.monotonic() > give_up_at:
            raise LabelwrightError(
                f"{job_name} has been Initializing for {limit_s:g} s; look at the server's log."
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def _n_asked_at_most(job: dict[str, Any]) -> int:
    """Workers per object; with adaptive redundancy the most that may be asked."""
    tags = [tag for tag in job.get("Tags") or () if tag["Key"] == f"{PREFIX}max-workers-per-object"]
    most = parse_job_options(tags).max_workers_per_object
    return max(int(job["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"]), most or 1)


def _labels(s3: Any, job: dict[str, Any]) -> list[str]:
    uri = job.get("LabelCategoryConfigS3Uri", "")
    if not uri:
        raise InvalidRequest(
            f"{job['LabelingJobName']} has no label category file (LabelCategoryConfigS3Uri), so there is "
            "nothing to choose from.",
            field="LabelCategoryConfigS3Uri",
        )
    content = json.loads(b"".join(_read_s3(s3, uri)))
    return [entry["label"] for entry in content["labels"]]


def _open(s3: Any, truth: Source) -> Source:
    if isinstance(truth, str) and truth.startswith("s3://"):
        return _read_s3(s3, truth)
    if isinstance(truth, str | Path) and not Path(truth).exists():
        raise InvalidRequest(
            f"--truth {truth}: there is no such file. Give a local path or an s3:// URI.", field="truth"
        )
    return truth


def _read_s3(s3: Any, uri: str) -> Iterator[bytes]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = call(s3, "get_object", Bucket=bucket, Key=key)["Body"]
    with body:
        yield from body.iter_chunks(1 << 20)
