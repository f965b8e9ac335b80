"""Checkpoints of a training job: written atomically, the last two kept, damaged ones passed over.

The folder is copied to the job's CheckpointConfig while the job runs, so a file may be cut off at any byte
there; that is why there are two.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Checkpoints"]

_NAME = re.compile(r"checkpoint-(\d+)\.pt")
_KEPT = 2


class Checkpoints:
    """The checkpoints in a folder.

    Parameters
    ----------
    folder : Path or None
        None: nothing is written and nothing found.
    settings : mapping of str to object
        What has to be equal for a checkpoint to fit, such as the network and the classes.
    """

    def __init__(self, folder: Path | None, settings: Mapping[str, object]) -> None:
        self._folder = folder
        self._settings = {name: str(value) for name, value in settings.items()}

    def save(self, n_epochs_done: int, content: Mapping[str, Any]) -> None:
        """Write the checkpoint of an epoch and remove those before the last two.

        Parameters
        ----------
        n_epochs_done : int
        content : mapping
            Tensors, numbers, strings and containers of them (state dicts).
        """
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"checkpoint-{n_epochs_done:04d}.pt"
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("wb") as file:
            torch.save(
                {"settings": self._settings, "n_epochs_done": n_epochs_done, "content": dict(content)}, file
            )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        for old in self._found()[_KEPT:]:
            with contextlib.suppress(FileNotFoundError):
                old.unlink()

    def latest(self) -> tuple[int, dict[str, Any]] | None:
        """Epochs done and content of the last whole checkpoint; None when there is none.

        Raises
        ------
        CustomerError
            It was written with other settings.
        """
        for path in self._found():
            try:
                content = torch.load(path, map_location="cpu", weights_only=True)
                settings, n_done = dict(content["settings"]), int(content["n_epochs_done"])
                inner = dict(content["content"])
            except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
                continue  # cut off while it was copied; the one before is whole
            for name, value in self._settings.items():
                if settings.get(name) != value:
                    raise CustomerError(
                        f"The checkpoint {path.name} was written with {name}={settings.get(name)}, "
                        f"this job has {name}={value}. Use equal hyperparameters or another "
                        "CheckpointConfig.S3Uri."
                    )
            return n_done, inner
        return None

    def _found(self) -> list[Path]:
        """Newest first."""
        if self._folder is None or not self._folder.is_dir():
            return []
        named = [(path, _NAME.fullmatch(path.name)) for path in self._folder.iterdir()]
        numbered = [(int(match.group(1)), path) for path, match in named if match]
        return [path for _, path in sorted(numbered, reverse=True)]
