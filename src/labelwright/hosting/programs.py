"""Containers that are processes of their own and answer over HTTP: a user's script, an image under Docker."""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import labelwright
from labelwright.hosting.artifacts import fetched_archive
from labelwright.hosting.children import Child, wait_for_ping
from labelwright.hosting.client import HttpClient
from labelwright.hosting.docker import Engine, free_port, run_command
from labelwright.hosting.interface import (
    CUSTOM_ATTRIBUTES,
    FORWARDED,
    HostingError,
    OneByOne,
    PingFailed,
    Reply,
)
from labelwright.hosting.interpreters import local_folder, python_of
from labelwright.hosting.sockets import socket_path
from labelwright.streaming.objects import Objects
from labelwright.work.containers import variable_options

__all__ = ["HttpContainer", "open_image", "open_script", "script_of"]

_IN_IMAGE = "/opt/ml/model"
# What a script finds of the environment of the process that starts it; everything else is its own.
_KEPT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "CUDA_VISIBLE_DEVICES")


class HttpContainer(OneByOne):
    """A `Container` over processes that answer ``/ping`` and ``/invocations``.

    Parameters
    ----------
    name : str
    workers : sequence of (HttpClient, Child)
        All serve the same model; a request goes to the one with the fewest in work.
    on_close : callable, optional
        Called once at the end.
    """

    def __init__(
        self,
        name: str,
        workers: Sequence[tuple[HttpClient, Child]],
        *,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._workers = list(workers)
        self._n_in_work = [0] * len(self._workers)
        self._lock = threading.Lock()
        self._on_close = on_close

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        """Post it to ``/invocations``; status 0 when nothing comes in time, 502 when the process ends."""
        sent = {"content-type": content_type, "accept": accept or "*/*"}
        sent |= {name: value for name, value in (headers or {}).items() if name in FORWARDED}
        with self._lock:
            i = self._n_in_work.index(min(self._n_in_work))
            self._n_in_work[i] += 1
        client = self._workers[i][0]
        try:
            reply = client.request("POST", "/invocations", sent, body, timeout_s=timeout_s)
        except TimeoutError:
            return Reply(0, b"")
        except (OSError, ValueError) as error:
            return Reply(502, f"The container did not answer: {error}".encode(), "text/plain")
        finally:
            with self._lock:
                self._n_in_work[i] -= 1
        kept = {name: value for name, value in reply.headers.items() if name == CUSTOM_ATTRIBUTES}
        return Reply(reply.status, reply.body, reply.content_type, kept)

    def is_healthy(self) -> bool:
        """Whether all of its processes run."""
        return all(child.is_alive for _, child in self._workers)

    def execution_parameters(self) -> Mapping[str, object] | None:
        """What the container says, if it does."""
        try:
            reply = self._workers[0][0].request("GET", "/execution-parameters", timeout_s=10.0)
            found = json.loads(reply.body) if reply.is_ok else None
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def close(self) -> None:
        """End the processes."""
        for client, child in self._workers:
            client.close()
            child.end()
        if self._on_close is not None:
            self._on_close()
            self._on_close = None


def script_of(model_dir: Path, variables: Mapping[str, str]) -> str | None:
    """The entry point of a model that is served by a Python script; None when it is not."""
    program = variables.get("SAGEMAKER_PROGRAM")
    if program:
        return program
    return "inference.py" if (model_dir / "code" / "inference.py").is_file() else None


def open_script(
    program: str,
    *,
    image: str,
    name: str,
    model_dir: Path,
    folder: Path,
    objects: Objects,
    variables: Mapping[str, str],
    log: Callable[[str], None],
    n_threads: int,
    startup_s: float,
) -> HttpContainer:
    """Start processes of a user's script, ``SAGEMAKER_MODEL_SERVER_WORKERS`` (1) of them.

    The code is in the model's ``code`` folder, or where ``SAGEMAKER_SUBMIT_DIRECTORY`` says: a ``.tar.gz``
    under ``s3://``, or a path that begins with ``/opt/ml/model``; or in the folder that the image names.
    """
    submitted = variables.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    here = local_folder(image)
    if here is not None and not (here / "bin" / "python").exists():
        code_dir = here
    else:
        code_dir = _code_dir(submitted, model_dir, folder, objects, name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    python = python_of(image, code_dir=code_dir, folder=folder, variables=variables, log=log)
    run = folder / f"run-{uuid.uuid4().hex[:12]}"
    run.mkdir(mode=0o700, parents=True)
    if not python.startswith((sys.executable, str(folder))):
        # Another environment need not have us installed: it sees this package, and nothing beside it.
        (run / "packages").mkdir()
        (run / "packages" / "labelwright").symlink_to(Path(labelwright.__file__).parent)
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ} | {
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(n_threads),
        "SAGEMAKER_BASE_DIR": str(folder),
        "SM_MODEL_DIR": str(model_dir),
        **variables,
        **({"PYTHONPATH": str(run / "packages")} if (run / "packages").exists() else {}),
        "HOME": str(run),
        "SAGEMAKER_PROGRAM": program,
        "SAGEMAKER_SUBMIT_DIRECTORY": str(code_dir),
    }
    workers: list[tuple[HttpClient, Child]] = []

    def clean() -> None:
        for client, _ in workers:
            Path(str(client.address)).unlink(missing_ok=True)
        for path in (*run.glob("*.json"), *run.glob("*/socket")):
            path.unlink(missing_ok=True)

    container = HttpContainer(name, workers, on_close=clean)
    try:
        for i in range(_n_workers(variables)):
            own = run / str(i)
            own.mkdir(mode=0o700)
            about = {
                "socket": socket_path(own),
                "code_dir": str(code_dir),
                "model_dir": str(model_dir),
                "program": program,
            }
            workers.append(_script_worker(python, about, run / f"{i}.json", environment, run, log))
        container = HttpContainer(name, workers, on_close=clean)
        for client, child in workers:
            if not wait_for_ping(client, lambda child=child: child.is_alive, startup_s):  # type: ignore[misc]  # bound early
                raise PingFailed(name)
    except BaseException:
        container.close()
        raise
    return container


def _script_worker(
    python: str,
    about: Mapping[str, str],
    configuration: Path,
    environment: Mapping[str, str],
    folder: Path,
    log: Callable[[str], None],
) -> tuple[HttpClient, Child]:
    def command(life_fd: int) -> list[str]:
        configuration.write_text(json.dumps({**about, "life_fd": life_fd}))
        return [python, "-m", "labelwright.hosting.script", str(configuration)]

    return HttpClient(about["socket"]), Child(command, environment=environment, folder=folder, log=log)


def _n_workers(variables: Mapping[str, str]) -> int:
    asked = variables.get("SAGEMAKER_MODEL_SERVER_WORKERS", "1")
    if not asked.isdigit() or not 1 <= int(asked) <= 64:
        raise HostingError(f"SAGEMAKER_MODEL_SERVER_WORKERS is {asked!r}; it must be a number from 1 to 64.")
    return int(asked)


def _code_dir(submitted: str, model_dir: Path, folder: Path, objects: Objects, name: str) -> Path:
    if submitted.startswith("s3://"):
        return fetched_archive(submitted, folder / "code", objects, name=name)
    if submitted.startswith(_IN_IMAGE):
        inside = (model_dir / submitted.removeprefix(_IN_IMAGE).strip("/")).resolve()
        if not inside.is_relative_to(model_dir.resolve()):
            raise HostingError(f"SAGEMAKER_SUBMIT_DIRECTORY is {submitted!r}, which is outside of the model.")
        return inside
    if submitted:
        raise HostingError(
            f"SAGEMAKER_SUBMIT_DIRECTORY is {submitted!r}; give an s3:// URI of a tar.gz, or a folder of the "
            f"model below {_IN_IMAGE}."
        )
    return model_dir / "code"


def open_image(
    engine: Engine,
    image: str,
    *,
    name: str,
    model_dir: Path,
    folder: Path,
    variables: Mapping[str, str],
    log: Callable[[str], None],
    startup_s: float,
) -> HttpContainer:
    """Run an image with the argument ``serve`` and the model under ``/opt/ml/model``."""
    port = free_port()
    own_name = f"labelwright-{uuid.uuid4().hex[:16]}"
    command = run_command(
        engine, image, container=own_name, port=port, model_dir=model_dir, variables=variables
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment: dict[str, Any] = {**os.environ, **variable_options(variables)[1]}
    child = Child(lambda _life: command, environment=environment, folder=folder, log=log)
    client = HttpClient(("127.0.0.1", port))
    # The client's process may be gone while the container is not.
    container = HttpContainer(name, [(client, child)], on_close=lambda: engine.remove(own_name))
    if not wait_for_ping(client, lambda: child.is_alive, startup_s):
        container.close()
        raise PingFailed(name)
    return container
