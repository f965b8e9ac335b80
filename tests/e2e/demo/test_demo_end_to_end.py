"""``labelwright demo --exit`` with few pictures: the steps of the real one, then a look at what it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the demo trains: pip install 'labelwright[train]'")
pytest.importorskip("torchvision", reason="the demo trains: pip install 'labelwright[train]'")

from labelwright import manifests
from labelwright.demo.scene import CLASSES
from labelwright.train.checkpoint import load_detector

pytestmark = [pytest.mark.slow, pytest.mark.train]

N_IMAGES = 10


def _demo(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LABELWRIGHT_"))
    }
    return subprocess.run(
        [
            sys.executable, "-m", "labelwright.cli", "demo", "--exit", "--data", str(data_dir), "--port", "0",
            "--images", str(N_IMAGES), "--epochs", "1", *arguments,
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )  # fmt: skip


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

    second = _demo(tmp_path / "data", "--seed", "1")
    assert second.returncode == 0, _story(second, tmp_path)


def test_busy_port_is_told_before_anything_is_done(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = _demo(tmp_path / "data", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 1
    assert "Cannot listen on" in result.stderr
