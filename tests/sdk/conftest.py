"""Scripts with the real SageMaker SDKs against a real server.

Each SDK lives in an environment of its own: ``LABELWRIGHT_SDK_V2_PYTHON`` and ``LABELWRIGHT_SDK_V3_PYTHON``
name their interpreters, else ``.make/sdk/v2`` and ``.make/sdk/v3`` have them. Without one its tests skip.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import random
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from labelwright import recordio
from labelwright.testing.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]
FLOWS = Path(__file__).parent / "flows"
LABELWRIGHT = Path(sys.executable).with_name("labelwright")
N_PICTURES = {"train": 8, "validation": 3}

collect_ignore = ["flows"]  # run by other interpreters


@dataclasses.dataclass(frozen=True)
class Flow:
    """What the steps of a script have noted.

    Attributes
    ----------
    lines : dict
        By the name of the step.
    elsewhere : list of str
        Requests that did not go to the server.
    output : str
        What the script wrote to standard output and error.
    """

    lines: dict[str, dict[str, Any]]
    elsewhere: list[str]
    output: str

    def facts(self, step: str) -> dict[str, Any]:
        """The facts of a step that went well."""
        assert step in self.lines, f"the script did not get to {step}:\n{self.output[-4000:]}"
        error = self.lines[step]["error"]
        assert not error, f"{step}: {error}"
        facts: dict[str, Any] = self.lines[step]["facts"]
        return facts

    def printed(self, step: str) -> str:
        """What a step printed."""
        self.facts(step)
        return str(self.lines[step]["printed"])


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures of a square or a disc, Ground Truth manifests of them, and RecordIO files."""
    folder: Path = tmp_path_factory.mktemp("shapes") / "images"
    folder.mkdir()
    rng = random.Random(1)
    for part, n in N_PICTURES.items():
        lines: list[str] = []
        with (folder / f"{part}.rec").open("wb") as file, recordio.RecordWriter(file) as records:
            for i in range(n):
                name, class_id = f"{part}-{i}.jpg", i % 2
                data, box = _picture(rng, class_id)
                (folder / name).write_bytes(data)
                records.write(recordio.pack(recordio.IRHeader(0, float(class_id), i), data))
                lines.append(json.dumps(_line(name, {"class_id": class_id, **box})) + "\n")
        (folder / f"{part}.manifest").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A proxy that lets nothing through: its address, and what was asked of it."""
    asked: list[str] = []

    class Refusing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode("latin-1").strip())
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}", asked
        proxy.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def sdk_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for the scripts of one module."""
    with running_server(tmp_path_factory.mktemp("sdk") / "data", training_jobs_at_once=3) as server:
        yield server


@pytest.fixture(scope="module")
def run_flow(
    sdk_server: RunningServer,
    pictures: Path,
    elsewhere: tuple[str, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Flow]:
    """Runs a script of ``flows`` with the SDK of its version, by ``labelwright exec``."""

    def run(version: str) -> Flow:
        python = _interpreter(version)
        folder = tmp_path_factory.mktemp(version)
        facts, (proxy, asked) = folder / "facts.jsonl", elsewhere
        asked.clear()
        environment = {**os.environ, **sdk_server.environment(), "HOME": str(folder)}
        environment |= {"http_proxy": proxy, "https_proxy": proxy}
        command = [LABELWRIGHT, "exec", "--", python, FLOWS / f"{version}.py", facts, pictures]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=600, cwd=folder, check=False
        )
        lines = [json.loads(line) for line in facts.read_text().splitlines()] if facts.exists() else []
        by_step = {line["step"]: line for line in lines}
        return Flow(by_step, list(asked), done.stdout + done.stderr)

    return run


def _interpreter(version: str) -> str:
    variable = f"LABELWRIGHT_SDK_{version.upper()}_PYTHON"
    python = os.environ.get(variable) or str(ROOT / ".make" / "sdk" / version / "bin" / "python")
    if not Path(python).exists():
        pytest.skip(f"the SageMaker SDK {version} is not there; `make install` makes it, or set {variable}")
    return python


def _picture(rng: random.Random, class_id: int) -> tuple[bytes, dict[str, int]]:
    picture = Image.new("RGB", (200, 160), tuple(rng.randrange(180, 256) for _ in range(3)))
    side = rng.randrange(50, 90)
    left, top = rng.randrange(200 - side), rng.randrange(160 - side)
    pen, place = ImageDraw.Draw(picture), (left, top, left + side - 1, top + side - 1)
    if class_id == 0:
        pen.rectangle(place, fill=(200, 30, 30))
    else:
        pen.ellipse(place, fill=(30, 30, 200))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue(), {"left": left, "top": top, "width": side, "height": side}


def _line(name: str, annotation: dict[str, int]) -> dict[str, Any]:
    return {
        "source-ref": name,
        "boxes": {
            "image_size": [{"width": 200, "height": 160, "depth": 3}],
            "annotations": [annotation],
        },
        "boxes-metadata": {
            "objects": [{"confidence": 0.9}],
            "class-map": {"0": "square", "1": "disc"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2026-01-01T00:00:00",
            "job-name": "labeling-job/shapes",
        },
    }
