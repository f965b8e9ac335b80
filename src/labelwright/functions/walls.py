"""Whether this kernel gives functions walls (`sandbox`): tried once, in a process like a function's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["arguments", "trouble_with_walls"]

_SANDBOX = Path(__file__).with_name("sandbox.py")
_PROBE_S = 20.0


def arguments(code_dir: Path, hidden: Sequence[Path], *, memory_mb: int, temporary_mb: int) -> str:
    """What `sandbox.enter` is told, as the command line has it."""
    told: dict[str, Any] = {
        "code_dir": os.path.realpath(code_dir),
        "hidden": [os.path.realpath(path) for path in hidden],
        "memory_mb": memory_mb,
        "temporary_mb": temporary_mb,
    }
    return json.dumps(told)


def trouble_with_walls(hidden: Sequence[Path]) -> str:
    """Why functions cannot have walls here; empty when they can."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    with tempfile.TemporaryDirectory() as folder:
        told = arguments(Path(folder), hidden, memory_mb=128, temporary_mb=16)
        try:
            tried = subprocess.run(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-I", "-B", str(_SANDBOX), "-1", told],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PROBE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{type(error).__name__}: {error}"
    if tried.returncode == 0:
        return ""
    return (tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"])[-1]
