"""One transform job: open the model, carry out the plan, say how it ended.

The folder's ``input.json``::

    {"request": ...of CreateTransformJob, "model": ...of CreateModel, "spool": folder that outlives this
     program, "data_dir": the embedded store or null, "n_threads": processor cores, "log": path,
     "data_log": path}

``result.json`` is ``{"failure_reason": null or text, "n_objects": n, "n_failed": n}``. A program that is
started again for the same spool goes on where the last one was.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from labelwright.errors import LabelwrightError
from labelwright.hosting.containers import open_container
from labelwright.hosting.interface import Container, HostingError
from labelwright.hosting.predictors import PredictorContainer
from labelwright.hosting.transform.execution import Execution
from labelwright.hosting.transform.inputs import Units, open_units
from labelwright.hosting.transform.plan import Plan, batch_environment
from labelwright.hosting.transform.spool import SpoolWriter
from labelwright.logstreams import StreamWriter
from labelwright.streaming.objects import Objects, open_objects
from labelwright.streaming.problems import failure_reason
from labelwright.work import read_input, report_progress, write_result

__all__ = ["run"]

N_TOGETHER: Final = 16
"""Pictures that a built-in model takes through its network at a time."""

_LOGGED_ERRORS_MAX: Final = 10_000


def run(folder: Path) -> None:
    """Do what the folder says; nothing is raised for what is wrong with the job's data or model."""
    content = read_input(folder)
    log = _Log(Path(content["log"]))
    try:
        objects = open_objects(data_dir=content["data_dir"], local_files=False)
        spool_folder = Path(content["spool"])
        source = content["request"]["TransformInput"]["DataSource"]["S3DataSource"]
        units = open_units(source, spool_folder, objects)
        reopen = partial(
            open_container,
            content["model"],
            folder=folder / "model",
            objects=objects,
            environment=batch_environment(content["request"]),
            log=log,
            n_threads=content["n_threads"],
        )
        container = reopen()
    except (HostingError, LabelwrightError, OSError) as error:
        reason = str(error) if isinstance(error, HostingError) else failure_reason(error)
        log(f"The job cannot begin: {reason}")
        write_result(folder, {"failure_reason": _with_prefix(reason), "n_objects": 0, "n_failed": 0})
        return
    _carry_out(folder, content, units, objects, container, reopen, log)


def _carry_out(
    folder: Path,
    content: Mapping[str, Any],
    units: Units,
    objects: Objects,
    container: Container,
    reopen: Callable[[], Container],
    log: _Log,
) -> None:
    algorithm = container.algorithm if isinstance(container, PredictorContainer) else None
    plan = Plan.of_request(content["request"], container.execution_parameters(), algorithm=algorithm)
    data_log = _Log(Path(content["data_log"]))
    is_predictor = algorithm is not None
    spool = SpoolWriter(Path(content["spool"]), len(units))
    n_before = sum(spool.is_done)
    data_log(f"[sagemaker logs]: {plan.describe()}")
    log(f"{len(units)} objects, {n_before} of them done before; {plan.describe()}")
    report_progress(folder, "transforming", n_objects=len(units))
    n_logged = 0

    def on_error(name: str, reason: str) -> None:
        nonlocal n_logged
        n_logged += 1
        if n_logged <= _LOGGED_ERRORS_MAX:
            data_log(f"[sagemaker logs]: {name}: {reason}")

    started, cpu_started_s = time.monotonic(), time.process_time()
    execution = Execution(
        units,
        objects,
        container,
        plan,
        spool,
        reopen=reopen,
        n_together=N_TOGETHER if is_predictor else 1,
        n_threads=content["n_threads"] if is_predictor else plan.n_at_once,
        on_error=on_error,
    )
    ended = ""
    try:
        execution.run()
    except HostingError as error:  # the container died and could not be started again
        ended = _with_prefix(str(error))
        log(f"The job cannot go on: {ended}")
    finally:
        execution.container.close()
    spool.close()
    elapsed_s = max(1e-9, time.monotonic() - started)
    n_new = sum(spool.is_done) - n_before
    log(
        f"{n_new} objects in {elapsed_s:.1f} s ({n_new / elapsed_s:.1f} a second), "
        f"{time.process_time() - cpu_started_s:.1f} s of them computing; {spool.n_failed} failed"
    )
    reason = ended or None
    if spool.n_failed and not ended:
        kind = spool.first_error.partition(":")[0]
        reason = (
            f"{kind if kind.endswith('Error') else 'ClientError'}: See job logs for more information. "
            f"{spool.n_failed} of {len(units)} objects failed, the first one with: "
            f"{spool.first_error}"
        )
    result = {"failure_reason": reason, "n_objects": len(units), "n_failed": spool.n_failed}
    write_result(folder, result)


class _Log:
    """A stream of the job's log group, for any thread. A log that cannot be written stops no job."""

    def __init__(self, path: Path) -> None:
        self._writer = StreamWriter(path)
        self._lock = threading.Lock()

    def __call__(self, message: str) -> None:
        with self._lock, contextlib.suppress(LabelwrightError, OSError):
            self._writer.write(int(time.time() * 1000), message)


def _with_prefix(reason: str) -> str:
    return reason if reason.partition(":")[0].endswith("Error") else f"ClientError: {reason}"
