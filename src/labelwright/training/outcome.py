"""How a job ended, and the sentence that says why: the documented forms of ``FailureReason``."""

from __future__ import annotations

import dataclasses
import errno
import os
from enum import StrEnum
from pathlib import Path

from labelwright.streaming import failure_reason
from labelwright.training.plain_files import open_plain

__all__ = ["CUSTOMER_ERROR", "ENGINE_ERROR", "REASON_MAX", "JobFailed", "Outcome", "exit_reason", "reason_of"]

REASON_MAX = 1024
_NOTHING_BYTES = 64 << 10  # where no file of a failure could be written

ENGINE_ERROR = 125
"""Exit code of a container engine that could not run the image at all."""

CUSTOMER_ERROR = 2
"""Exit code of a built-in algorithm for what is the customer's to mend."""


class Outcome(StrEnum):
    """How a job ends."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"


@dataclasses.dataclass
class JobFailed(Exception):
    """The job is over; ``reason`` is its FailureReason."""

    reason: str


def exit_reason(code: int, failure: Path, *, is_builtin: bool) -> str:
    """Why a job failed whose process ended with this code.

    Parameters
    ----------
    code : int
        Not 0; 128 + N after signal N.
    failure : Path
        What the algorithm may have written.
    is_builtin : bool

    Examples
    --------
    >>> exit_reason(1, Path("absent"), is_builtin=False)
    'AlgorithmError: , exit code: 1'
    """
    text = _text(failure) or ("No space left on device" if _is_full(failure.parent) else "")
    kind = "ClientError" if is_builtin and code == CUSTOMER_ERROR else "AlgorithmError"
    end = f", exit code: {code}"
    text = text.removeprefix(f"{kind}: ")[: REASON_MAX - len(end) - len(kind) - 2]
    return f"{kind}: {text}{end}"


def reason_of(error: BaseException) -> str:
    """Why a job failed whose preparation or ending raised this."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return (
                "ClientError: No space left on device: the input or the output of the training job does not "
                f"fit on the disk. Free space, or use Pipe mode. ({cause})"
            )[:REASON_MAX]
        cause = cause.__cause__
    return failure_reason(error)


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _NOTHING_BYTES


def _text(path: Path) -> str:
    try:
        with open_plain(path, path.parent) as file:
            return file.read(4 * REASON_MAX).decode("utf-8", "replace").strip()
    except OSError:
        return ""
