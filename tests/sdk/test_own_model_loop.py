"""The loop with a model of one's own: people, select, training, transform, labels of earlier jobs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from labelwright.demo.aws import ensure_team
from labelwright.simulate import WorkerClient
from labelwright.simulate.people import hire, team_of
from labelwright.simulate.rehearsal import AwsClients
from labelwright.testing.jobs import aws
from labelwright.testing.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]
LABELS = ("sport", "money", "weather")
WORDS = {
    "sport": ("goal", "match", "team"),
    "money": ("bank", "loan", "stock"),
    "weather": ("rain", "snow", "wind"),
}
N_TEXTS, N_LABELED, SILENT = 90, 4, (31, 62, 88)
# So few texts need more and longer steps than the settings of the example; a small table of n-grams will do.
FAST = ("learning_rate=0.5", "min_count=1", "early_stopping=False", "epochs=60", "buckets=1000")


def _lines() -> list[dict[str, Any]]:
    """Easy texts, the first ones labeled already, and some that say nothing."""
    chance = random.Random(1)
    lines: list[dict[str, Any]] = []
    for i in range(N_TEXTS):
        words = chance.choices(WORDS[LABELS[i % 3]], k=4)
        lines.append({"source": f"{'' if i in SILENT else ' '.join(words)} #{i}"})
    for i in range(N_LABELED):
        lines[i] |= {
            "topic": i % 3,
            "topic-metadata": {
                "class-name": LABELS[i % 3],
                "confidence": 0.8,
                "human-annotated": "yes",
                "job-name": "labeling-job/earlier",
                "creation-date": "2024-04-03T12:40:19.118274",
                "type": "groundtruth/text-classification",
            },
        }
    return lines


def _work(server: RunningServer, account: Any, seen: list[int], is_over: threading.Event) -> None:
    worker = WorkerClient(server.url)
    worker.sign_in(account.username, account.password)
    while not is_over.is_set():
        jobs = [job["name"] for job in worker.jobs() if job["available_tasks"]]
        task = worker.take(jobs[0]) if jobs else None
        if task is None:
            time.sleep(0.05)
            continue
        number = int(task["input"]["taskObject"].rpartition("#")[2])
        seen.append(number)
        worker.submit(task["id"], {"crowd-classifier": {"label": LABELS[number % 3]}})
    worker.close()


@pytest.mark.slow
def test_a_loop_with_a_model_of_ones_own(tmp_path: Path) -> None:
    lines = _lines()
    (tmp_path / "texts.manifest").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with running_server(tmp_path / "data") as server:
        clients = AwsClients(
            sagemaker=aws(server, "sagemaker"), cognito=aws(server, "cognito-idp"), s3=aws(server, "s3")
        )
        team_arn = ensure_team(clients, "support", "People who know")
        (account,) = hire(clients.cognito, team_of(clients.sagemaker, team_arn), 1)
        seen: list[int] = []
        is_over = threading.Event()
        person = threading.Thread(target=_work, args=(server, account, seen, is_over))
        person.start()
        try:
            script = subprocess.run(
                [sys.executable, str(ROOT / "examples" / "own_model_loop.py"),
                 str(tmp_path / "texts.manifest"),
                 "--classes", ",".join(LABELS), "--team", "support", "--poll", "0.1",
                 *(part for text in FAST for part in ("--set", text))],
                env={**os.environ, **server.environment()},
                capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
        finally:
            is_over.set()
            person.join(60)
        assert script.returncode == 0, script.stderr
        body = clients.s3.get_object(Bucket="own-model-data", Key="own-model/final/all.manifest")["Body"]
        labeled = [json.loads(line) for line in body.iter_lines()]
    assert [line["source"] for line in labeled] == [line["source"] for line in lines]
    people = {i for i, line in enumerate(labeled) if line["topic-metadata"]["human-annotated"] == "yes"}
    # A fifth less what was labeled, the first ones; then what the model was not sure of.
    n_first = N_TEXTS // 5 - N_LABELED
    assert sorted(seen[:n_first]) == list(range(N_LABELED, N_LABELED + n_first))
    assert people == {*range(N_LABELED), *seen} and people >= set(SILENT)
    assert labeled[0] == {"id": 0, **lines[0]}
    machine = [line for line in labeled if line["topic-metadata"]["human-annotated"] == "no"]
    assert len(machine) > 40
    for line in machine:
        about = line["topic-metadata"]
        assert 0.5 < about["confidence"] <= 1 and about["job-name"] == "labeling-job/own-model"
        assert about["class-name"] == LABELS[line["topic"]]
    wrong = [line for line in machine if line["topic"] != line["id"] % 3]
    assert len(wrong) <= 2
