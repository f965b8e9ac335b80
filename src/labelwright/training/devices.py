"""GPUs of this machine, shared among the hosts of a job: each gets some of its own, or none gets any."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence

__all__ = ["VISIBLE", "devices_of_host", "visible_devices"]

VISIBLE = "CUDA_VISIBLE_DEVICES"
_LIST_S = 20


def visible_devices(environ: Mapping[str, str]) -> list[str]:
    """GPUs that a process with this environment may use, named as in ``CUDA_VISIBLE_DEVICES``."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        asked = subprocess.run(  # noqa: S603 - a program that was looked up
            [program, "--list-gpus"], capture_output=True, text=True, timeout=_LIST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    n_gpus = sum(line.startswith("GPU ") for line in asked.stdout.splitlines())
    wanted = environ.get(VISIBLE)
    if wanted is None:
        return [str(i) for i in range(n_gpus)]
    return [name.strip() for name in wanted.split(",") if name.strip() and name.strip() != "-1"][:n_gpus]


def devices_of_host(devices: Sequence[str], i_host: int, n_hosts: int) -> list[str]:
    """The GPUs of one host of several on this machine.

    Where there are fewer GPUs than hosts none gets any: two processes of one training cannot share a GPU, and
    cannot train together when one has a GPU and the other has not.

    Examples
    --------
    >>> [devices_of_host(["0", "1", "2", "3", "4"], i, 2) for i in range(2)]
    [['0', '1'], ['2', '3']]
    >>> devices_of_host(["0"], 0, 2)
    []
    """
    n_each = len(devices) // n_hosts
    return list(devices[i_host * n_each : (i_host + 1) * n_each])
