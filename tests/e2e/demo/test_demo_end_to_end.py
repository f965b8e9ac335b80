"""``labelwright demo --exit`` with few pictures: the steps of the real one, then a look at what it left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the demo trains: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="the demo trains: pip install 'labelwright[train]'")

from labelwright import manifests
from labelwright.demo.scene import CLASSES
from labelwright.simulate import WorkerClient, WorkerRefused
from labelwright.train.checkpoint import load_detector

pytestmark = [pytest.mark.slow, pytest.mark.train, pytest.mark.timeout(400)]

N_IMAGES = 10


def _command(data_dir: Path) -> list[str]:
    return [
        sys.executable, "-m", "labelwright.cli", "demo", "--exit", "--data", str(data_dir), "--port", "0",
        "--images", str(N_IMAGES), "--epochs", "1",
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LABELWRIGHT_"))
    }


def _demo(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_command(data_dir), *arguments], env=_environment(), capture_output=True, text=True, timeout=240
    )


def _story(run: subprocess.CompletedProcess[str], tmp_path: Path) -> str:
    """All that is needed to see why it failed."""
    log = (tmp_path / "data" / "server.log").read_text("utf-8", "replace")
    return f"{run.stdout}\n{run.stderr}\n{log[-8000:]}"


def test_demo_labels_trains_reports_and_leaves(tmp_path: Path) -> None:
    first = _demo(tmp_path / "data")
    assert first.returncode == 0, _story(first, tmp_path)
    assert "3 workers, consolidated" in first.stdout
    assert "mAP@0.5" in first.stdout
    assert "one-time password" in first.stdout

    out = tmp_path / "data" / "demo"
    records = list(manifests.read(out / "output.manifest"))
    assert len(records) == N_IMAGES
    for record in records:
        assert list(record.data) == ["source-ref", "things", "things-metadata"]
        label = record.label("things")
        assert label is not None
        assert label.metadata is not None
        assert label.metadata.type == "groundtruth/object-detection"
        assert isinstance(label.value, manifests.BoxesLabel)
        assert (label.value.image_width, label.value.image_height) == (320, 240)
    assert manifests.validate_output(out / "output.manifest").is_valid
    report = (out / "report.html").read_text("utf-8")
    assert report.count("<figure>") == 6 + N_IMAGES
    assert "worker 3: " in report  # the single answers came out of the worker-response files
    assert (out / "held-out.png").read_bytes().startswith(b"\x89PNG")
    _, names = load_detector(out / "detector.pt")
    assert names == CLASSES
    # the server is gone, so its directory can be used again: a second run adds another job
    address = json.loads((tmp_path / "data" / "server.json").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(address["pid"], 0)

    _label_by_hand_on_a_second_run(tmp_path / "data")


def _label_by_hand_on_a_second_run(data_dir: Path) -> None:
    """Without ``--exit`` it serves on: sign in as the demo's worker, box the pictures, leave by Ctrl-C."""
    command = [part for part in _command(data_dir) if part != "--exit"]
    with subprocess.Popen(
        command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Serving until"):
                    break
            printed = "".join(lines)
            url = _printed(printed, "portal: label by hand").removesuffix("/portal")
            client = WorkerClient(url)
            with pytest.raises(WorkerRefused, match="NewPasswordRequired"):
                client.sign_in("demo-worker", _printed(printed, "one-time password"))
            client.change_password("demo-worker", _printed(printed, "one-time password"), "My-0wn-password")
            jobs = client.jobs()  # that of the first run is still open
            assert [job["name"].startswith("label-by-hand-") for job in jobs] == [True, True]
            job = max(jobs, key=lambda job: str(job["name"]))
            n_tasks = 0
            while (task := client.take(job["name"])) is not None:
                assert task["input"]["labels"] == list(CLASSES)
                size = {"height": 240, "width": 320}
                answer = {"boundingBox": {"boundingBoxes": [], "inputImageProperties": size}}
                client.submit(task["id"], answer)
                n_tasks += 1
            assert n_tasks == 6
            client.close()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


def _printed(text: str, name: str) -> str:
    match = re.search(rf"{name}\s+(\S+)", text)
    assert match, text
    return match[1]


def test_busy_port_is_told_before_anything_is_done(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = _demo(tmp_path / "data", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert "Cannot listen on" in result.stderr
