"""An unmodified Ground Truth script against a real server, with a person's answers in between."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw

from labelwright.testing.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]
N_PICTURES = 4


def _draw(folder: Path) -> None:
    for i in range(N_PICTURES):
        picture = Image.new("RGB", (160, 120), (200, 210, 220))
        ImageDraw.Draw(picture).rectangle((20 + i, 30, 79 + i, 89), fill=(180, 40, 40))
        picture.save(folder / f"part-{i}.png")


def _invitation(server: RunningServer) -> tuple[str, str]:
    """User name and temporary password, read from the mail as a person would."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for path in (server.data_dir / "outbox").glob("*.eml"):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = message.get_body(("plain",))
            assert body is not None
            text = body.get_content()
            username = re.search(r"^User\s+(\S+)", text, re.M)
            password = re.search(r"^Temporary password\s+(\S+)", text, re.M)
            assert username is not None, text
            assert password is not None, text
            return username.group(1), password.group(1)
        time.sleep(0.05)
    raise AssertionError("no invitation was written")


def _work(server: RunningServer, done: list[dict[str, object]]) -> None:
    username, temporary = _invitation(server)
    with httpx.Client(base_url=server.url, timeout=30) as browser:
        first = browser.post("/portal/api/session", json={"username": username, "password": temporary})
        assert first.status_code == 409
        assert first.json()["error"] == "NewPasswordRequired"
        changed = browser.post(
            "/portal/api/session/password",
            json={"username": username, "password": temporary, "new_password": "Grass-9-house!"},
        )
        assert changed.status_code == 200, changed.text
        end = time.monotonic() + 60
        while len(done) < N_PICTURES and time.monotonic() < end:
            answer = browser.post("/portal/api/jobs/old-script/tasks", json={})
            if answer.status_code != 200:
                time.sleep(0.1)
                continue
            task = answer.json()["task"]
            i = int(re.search(r"part-(\d)", task["input"]["taskObject"]).group(1))  # type: ignore[union-attr]
            box = {"label": "nut", "left": 20 + i, "top": 30, "width": 60, "height": 60}
            size = {"width": 160, "height": 120}
            content = {"boundingBox": {"boundingBoxes": [box], "inputImageProperties": size}}
            sent = browser.post(f"/portal/api/tasks/{task['id']}/submission", json={"answer": content})
            assert sent.status_code == 200, sent.text
            done.append(task)


@pytest.mark.slow
def test_an_old_ground_truth_script_runs_unchanged(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    _draw(pictures)
    with running_server(tmp_path / "data") as server:
        done: list[dict[str, object]] = []
        person = threading.Thread(target=_work, args=(server, done))
        person.start()
        script = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "ground_truth_script.py"), str(pictures),
             "--classes", "bolt", "nut", "--poll", "0.2"],
            env={**os.environ, **server.environment()},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        person.join(60)
        assert script.returncode == 0, script.stderr
        assert script.stdout.count("1 boxes") == N_PICTURES, script.stdout
        output = server.app.context.blobs.read(
            "s3://old-script-data/out/old-script/manifests/output/output.manifest"
        )
        lines = [json.loads(line) for line in output.splitlines()]
        assert [line["source-ref"].rpartition("/")[2] for line in lines] == [
            f"part-{i}.png" for i in range(N_PICTURES)
        ]
        assert lines[2]["old-script"] == {
            "image_size": [{"width": 160, "height": 120, "depth": 3}],
            "annotations": [{"class_id": 1, "top": 30, "left": 22, "height": 60, "width": 60}],
        }
        metadata = lines[2]["old-script-metadata"]
        assert metadata["objects"] == [{"confidence": 0.0}]
        assert metadata["class-map"] == {"1": "nut"}
        assert metadata["type"] == "groundtruth/object-detection"
        assert metadata["job-name"] == "labeling-job/old-script"
