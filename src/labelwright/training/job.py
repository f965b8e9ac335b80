"""The program that carries out one training job: ``python -m labelwright.training.job <folder>``.

It runs outside the server, under `labelwright.work.Runner`, and goes on when the server ends. Its input::

    {"job": {"name", "arn", "region", "account"},
     "request": {...CreateTrainingJob...},
     "host_count": 1,               ignored where the request has InstanceGroups
     "data_dir": "/var/lib/..."     of the embedded store; null: s3:// as this program's AWS variables say
     "log_folder": "/.../logs",     root of all log streams; null: none
     "endpoint_url": "http://...",  for the user's code
     "deadline": 1700000000.0}      epoch seconds; null: MaxRuntimeInSeconds from the start

and optionally ``grace_s`` (120), ``isolation`` ("auto", "namespace", "process") and ``is_local``. Keys for
the user's code come in the environment (`labelwright.training.key_environment`). It leaves

=================== =========================================================================================
``progress.jsonl``  messages ``Downloading`` (only where files are copied), ``Training``, ``Uploading``
``metrics.jsonl``   ``{"name", "value", "at"}`` lines, while it runs
``checkpoints/``    what `labelwright.training.sync_checkpoints` keeps in S3, while it runs
``model.tar.gz``    and ``output.tar.gz``, or the folders ``model/`` and ``output/``; ``intermediate/``
``result.json``     ``{"outcome", "failure_reason", "training_started_at", "training_ended_at", "has_model",
                    "has_output"}``, last of all
=================== =========================================================================================

``outcome`` is ``Completed``, ``Failed``, ``Stopped`` or ``MaxRuntimeExceeded``. A job that fails is a program
that succeeds: without ``result.json`` the program itself was ended. `labelwright.work.Runner.interrupt`
(SIGINT) stops the job in good order; SIGTERM ends all of it at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from labelwright.logstreams import stream_path
from labelwright.streaming import open_objects
from labelwright.training import keeper
from labelwright.training.channels import (
    ChannelMember,
    Feeder,
    bring_checkpoints,
    bring_files,
    bring_source,
    channels_of,
)
from labelwright.training.description import JobDescription
from labelwright.training.hosts import RunningHost
from labelwright.training.launching import Kind, Launcher
from labelwright.training.layout import HostFolders, make_host, write_configuration
from labelwright.training.logcopy import HostLog, MetricsFile
from labelwright.training.metric_scan import MetricScanner
from labelwright.training.outcome import (
    ENGINE_ERROR,
    REASON_MAX,
    JobFailed,
    Outcome,
    exit_reason,
    reason_of,
)
from labelwright.training.packing import gather, has_files, pack
from labelwright.training.publish import INTERMEDIATE, MODEL, OUTPUT
from labelwright.work import is_interrupted, read_input, report_progress, write_result

__all__ = ["LOG_GROUP", "METRICS", "TrainingProgram", "main"]

_log = logging.getLogger(__name__)

LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"
METRICS: Final = "metrics.jsonl"

_BALLAST = "ballast"
_BALLAST_BYTES = 256 << 10
_STRAY_POLL_S = 0.005
_FAILED_GRACE_S = 5.0  # for the other hosts, when one has failed

_Event = tuple[str, Any]


class TrainingProgram:
    """One job, from its description to its result.

    Parameters
    ----------
    folder : Path
    job : JobDescription
    environ : Mapping, optional
        By default this process's.
    """

    def __init__(self, folder: Path, job: JobDescription, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.job = job
        self._environ = os.environ if environ is None else environ
        # What happens elsewhere; this kind of queue may be used by signal handlers.
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._hosts: dict[str, RunningHost] = {}
        self._feeders: list[Feeder] = []
        self._launcher: Launcher  # made when the job is prepared, and with it the kind
        self._kind: Kind | None = None
        self._scanner: MetricScanner | None = None
        self._folders: list[HostFolders] = []
        self._deadline = job.deadline or time.time() + job.max_runtime_s
        self._outcome: Outcome | None = None
        self._reason: str | None = None

    def interrupt(self) -> None:
        """Stop the job in good order; from any thread, or a signal handler."""
        self._events.put(("stop", None))

    def run(self) -> dict[str, Any]:
        """Carry out the job; what goes to ``result.json``."""
        started = time.time()
        try:
            self._prepare_and_train()
        except JobFailed as failed:
            self._fail(failed.reason)
        except Exception as error:
            _log.exception("the job failed", extra={"action": "train", "job": self.job.name})
            self._fail(reason_of(error))
        finally:
            for host in self._hosts.values():
                host.kill()
            for feeder in self._feeders:
                feeder.close()
            if self._scanner is not None:
                self._scanner.close()
        ended = time.time()
        has_model = has_output = False
        with contextlib.suppress(OSError):
            (self.folder / _BALLAST).unlink()
        try:
            has_model, has_output = self._leave_artifacts()
        except Exception as error:
            _log.exception("the artifacts failed", extra={"action": "pack", "job": self.job.name})
            if self._outcome is not Outcome.FAILED:
                self._outcome, self._reason = Outcome.FAILED, reason_of(error)
        return {
            "outcome": (self._outcome or Outcome.COMPLETED).value,
            "failure_reason": self._reason,
            "training_started_at": started,
            "training_ended_at": ended,
            "has_model": has_model,
            "has_output": has_output,
        }

    def _fail(self, reason: str) -> None:
        if self._outcome is None:
            self._outcome, self._reason = Outcome.FAILED, reason

    # -- before ---------------------------------------------------------------------------------------

    def _prepare_and_train(self) -> None:
        job = self.job
        # So that there is room to say that there is no room.
        (self.folder / _BALLAST).write_bytes(b"\0" * _BALLAST_BYTES)
        channels = job.channels()
        scanner = MetricScanner(job.metric_definitions, is_trusted=job.algorithm is not None)
        self._scanner = scanner
        launcher = self._launcher = Launcher(self.folder, job, self._environ)
        self._kind = launcher.kind
        for host in job.hosts:
            folders = make_host(self.folder, job, host, is_container=launcher.kind is Kind.CONTAINER)
            self._folders.append(folders)
            of_host = channels_of(host, channels)
            write_configuration(folders, job, of_host, base=launcher.base_of(folders))
        if not self._bring(channels):
            return
        report_progress(self.folder, "Training")
        self._start(scanner, _warnings(launcher, channels))
        self._watch()

    def _bring(self, channels: Sequence[ChannelMember]) -> bool:
        """Copy data and open pipes; False when the job was stopped meanwhile."""
        if any(channel.mode != "Pipe" for channel, _ in channels):
            report_progress(self.folder, "Downloading")
        threading.Thread(target=self._bring_in_thread, args=(channels,), daemon=True).start()
        while True:
            kind, what = self._next_event()
            if kind == "brought":
                if what is not None:
                    raise JobFailed(what)
                return True
            if kind in ("stop", "deadline"):
                self._outcome = Outcome.STOPPED if kind == "stop" else Outcome.MAX_RUNTIME_EXCEEDED
                return False

    def _bring_in_thread(self, channels: Sequence[ChannelMember]) -> None:
        reason: str | None = None
        try:
            objects = open_objects(data_dir=self.job.data_dir, local_files=self.job.is_local)
            if self.job.checkpoint_uri is not None and not self.job.is_local:
                bring_checkpoints(self.folder, self.job.checkpoint_uri, objects)
            for folders in self._folders:
                of_host = channels_of(folders.host, channels)
                feeder = Feeder(folders, self.job, of_host)
                if feeder.is_needed:
                    self._feeders.append(feeder)
                launcher, is_builtin = self._launcher, self._kind is Kind.BUILTIN
                bring_files(
                    folders,
                    self.job,
                    of_host,
                    objects,
                    may_link=is_builtin or launcher.is_namespaced or self.job.is_local,
                    may_share=is_builtin and not self.job.is_local,
                )
                if launcher.kind is Kind.SCRIPT:
                    bring_source(folders, self.job, objects)
            for feeder in self._feeders:
                feeder.start(lambda ended: self._events.put(("feeder", ended)))
        except JobFailed as failed:
            reason = failed.reason
        except Exception as error:
            _log.exception("the data could not be brought", extra={"action": "download"})
            reason = reason_of(error)
        self._events.put(("brought", reason))

    # -- while the algorithm runs ---------------------------------------------------------------------

    def _start(self, scanner: MetricScanner, warnings: Sequence[str]) -> None:
        keeper.adopt_orphans()
        metrics = MetricsFile(self.folder / METRICS)
        stamp = int(time.time())
        for folders in self._folders:
            name = folders.host.name
            stream = None
            if self.job.log_root is not None:
                stream = stream_path(Path(self.job.log_root), LOG_GROUP, f"{self.job.name}/{name}-{stamp}")
            log = HostLog(stream, scanner, metrics, is_echoed=self.job.is_local)
            for line in warnings:
                log.say(line)
            self._hosts[name] = RunningHost(
                name,
                self._launcher.launch(folders),
                log,
                on_end=lambda host, code: self._events.put(("end", (host, code))),
                on_strays=self._end_strays,
            )

    def _watch(self) -> None:
        """Until every host has ended."""
        running = dict(self._hosts)
        kill_at = float("inf")
        while running:
            kind, what = self._next_event(kill_at)
            match kind:
                case "kill":
                    for host in running.values():
                        host.kill()
                    kill_at = float("inf")
                case "stop" | "deadline" if self._outcome is None:
                    self._outcome = Outcome.STOPPED if kind == "stop" else Outcome.MAX_RUNTIME_EXCEEDED
                    kill_at = self._ask(running, self.job.grace_s)
                case "feeder" if self._outcome is None:
                    self._fail(what.failure() or "InternalServerError: The data channels ended early.")
                    kill_at = self._ask(running, _FAILED_GRACE_S)
                case "end":
                    host, code = what
                    del running[host.name]
                    if code != 0 and self._outcome is None:
                        self._fail(self._channel_failure() or self._exit_reason(host.name, code))
                        kill_at = self._ask(running, _FAILED_GRACE_S)
                case _:
                    pass
        if reason := self._channel_failure():
            self._fail(reason)

    def _ask(self, running: Mapping[str, RunningHost], grace_s: float) -> float:
        for host in running.values():
            host.ask()
        return time.time() + grace_s

    def _next_event(self, kill_at: float = float("inf")) -> _Event:
        """The next thing that happens; ``kill`` and ``deadline`` are times that come."""
        deadline = self._deadline if self._outcome is None else float("inf")
        due = min(kill_at, deadline)
        if (left := due - time.time()) > 0:
            with contextlib.suppress(queue.Empty):
                return self._events.get(timeout=min(left, threading.TIMEOUT_MAX, 3600.0))
            if time.time() < due:
                return "", None
        return ("kill", None) if kill_at <= deadline else ("deadline", None)

    def _channel_failure(self) -> str | None:
        return next((reason for feeder in self._feeders if (reason := feeder.failure())), None)

    def _exit_reason(self, name: str, code: int) -> str:
        folders = next(folders for folders in self._folders if folders.host.name == name)
        if self._kind is Kind.CONTAINER and code == ENGINE_ERROR:
            said = self._hosts[name].log.last_line
            return f"ClientError: The image {self.job.image!r} could not be run: {said}"[:REASON_MAX]
        return exit_reason(code, folders.failure, is_builtin=self._kind is Kind.BUILTIN)

    def _end_strays(self) -> None:
        """Kill children that nobody here started: orphans of a keeper that was killed."""
        while True:
            known = {host.pid for host in self._hosts.values()} | {feeder.pid for feeder in self._feeders}
            if self._scanner is not None:
                known.add(self._scanner.pid)
            strays = [pid for pid in keeper.children() if pid not in known]
            if not strays:
                return
            for pid in strays:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_STRAY_POLL_S)

    # -- afterwards -----------------------------------------------------------------------------------

    def _leave_artifacts(self) -> tuple[bool, bool]:
        """Pack what there is; whether there is a model, and other output."""
        root = self.folder if self._kind is Kind.CONTAINER else None
        models = [folders.model for folders in self._folders]
        outputs = [folders.output_data for folders in self._folders]
        is_whole = self._outcome in (None, Outcome.COMPLETED)
        has_model = self._outcome is not Outcome.FAILED and (is_whole or has_files(models, root))
        has_output = has_files(outputs, root)
        if has_model or has_output:
            report_progress(self.folder, "Uploading")
        for folders in self._folders:  # room for the archives
            for place in (folders.data, folders.own / "python", folders.temporary):
                shutil.rmtree(place, ignore_errors=True)
        # The output first: it is there also where the model does not fit any more.
        for name, places, is_there in ((OUTPUT, outputs, has_output), (MODEL, models, has_model)):
            if is_there and self.job.is_compressed:
                pack(self.folder / f"{name}.tar.gz", places, root)
            elif is_there:
                gather(self.folder / name, places, root)
        if self._kind is Kind.SCRIPT:
            # As the public toolkit does it; others have no such folder by contract.
            intermediate = [folders.intermediate for folders in self._folders]
            if has_files(intermediate):
                gather(self.folder / INTERMEDIATE, intermediate)
        return has_model, has_output


def _warnings(launcher: Launcher, channels: Sequence[ChannelMember]) -> list[str]:
    found = list(launcher.warnings)
    for channel, member in channels:
        if channel.wrapper == "RecordIO" and not member.get("RecordWrapperType"):
            found.append(
                f"WARNING: channel {channel.name!r} names no RecordWrapperType; its manifest is streamed as "
                "RecordIO records."
            )
    return found


def _end_with_input() -> None:
    """End at once when whoever started this by hand is gone."""
    while os.read(0, 1 << 10):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path) -> int:
    """Do what the folder says."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        program = TrainingProgram(folder, JobDescription.from_input(read_input(folder)))
    except (KeyError, TypeError, ValueError) as error:
        print(f"{folder}/input.json is no description of a training job: {error!r}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, lambda *_: program.interrupt())
    if program.job.is_local:
        threading.Thread(target=_end_with_input, daemon=True).start()
    if is_interrupted(folder):
        program.interrupt()
    write_result(folder, program.run())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
