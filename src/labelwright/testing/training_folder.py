"""A folder with the shape of ``/opt/ml``, to run the program of a built-in algorithm without a platform."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelwright.streaming import Channel, ChannelReader, PipeFeeder
from labelwright.streaming.objects import Objects

__all__ = ["TrainingFolder"]


class TrainingFolder:
    """One training job's folder.

    Parameters
    ----------
    base : Path
        Made when absent.
    hyperparameters : mapping of str to object
        Written as strings.
    checkpoints : bool
        Whether the job has a CheckpointConfig.

    Examples
    --------
    ::

        folder = TrainingFolder(tmp_path, {"num_classes": 2, "num_training_samples": 8})
        (folder.channel("train", content_type="application/x-recordio") / "a.rec").write_bytes(...)
        folder.run("image-classification")
    """

    def __init__(
        self, base: Path, hyperparameters: Mapping[str, object], *, checkpoints: bool = False
    ) -> None:
        self.base = base
        self.model = base / "model"
        self._config = base / "input" / "config"
        self._config.mkdir(parents=True, exist_ok=True)
        self._channels: dict[str, dict[str, Any]] = {}
        self._readers: list[ChannelReader] = []
        self._write("hyperparameters.json", {name: str(value) for name, value in hyperparameters.items()})
        self._write("resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})
        if checkpoints:
            self._write("checkpointconfig.json", {"LocalPath": "/opt/ml/checkpoints"})

    def channel(self, name: str, *, content_type: str | None = None) -> Path:
        """Add a channel in File mode; its folder, to be filled."""
        self._add(name, content_type, mode="File", wrapper="None")
        folder = self.base / "input" / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def pipe(
        self,
        name: str,
        manifest: Path,
        attributes: Sequence[str],
        *,
        objects: Objects,
        content_type: str = "application/x-recordio",
    ) -> None:
        """Add a channel in Pipe mode that streams an augmented manifest while `feeding`."""
        self._add(name, content_type, mode="Pipe", wrapper="RecordIO")
        channel = Channel(
            name,
            str(manifest),
            data_type="AugmentedManifestFile",
            attribute_names=tuple(attributes),
            mode="Pipe",
            wrapper="RecordIO",
        )
        self._readers.append(ChannelReader(channel, objects))

    @contextlib.contextmanager
    def feeding(self) -> Iterator[None]:
        """Feed the pipes meanwhile."""
        with PipeFeeder(self.base / "input" / "data", self._readers):
            yield

    def start(self, algorithm: str, **environment: str) -> subprocess.Popen[str]:
        """Start the program as a process of its own; output and errors together at its ``stdout``."""
        return subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "labelwright.train", algorithm],
            env={**os.environ, "SAGEMAKER_BASE_DIR": str(self.base), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, algorithm: str) -> int:
        """Run the program in this process; its exit code. Output goes to ``sys.stdout``."""
        from labelwright.train.__main__ import main

        before = os.environ.get("SAGEMAKER_BASE_DIR")
        os.environ["SAGEMAKER_BASE_DIR"] = str(self.base)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            with self.feeding():
                return main([algorithm])
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            if before is None:
                del os.environ["SAGEMAKER_BASE_DIR"]
            else:
                os.environ["SAGEMAKER_BASE_DIR"] = before

    @property
    def failure(self) -> str:
        """What the program left for FailureReason; ``""`` when nothing."""
        path = self.base / "output" / "failure"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _add(self, name: str, content_type: str | None, *, mode: str, wrapper: str) -> None:
        entry: dict[str, Any] = {
            "TrainingInputMode": mode,
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": wrapper,
        }
        if content_type is not None:
            entry["ContentType"] = content_type
        self._channels[name] = entry
        self._write("inputdataconfig.json", self._channels)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        (self._config / name).write_text(json.dumps(content), encoding="utf-8")
