"""Functions of this installation: their code, their processes, and which ARN is run where."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.engine import Connection

from labelwright.config import ACCOUNT_ID
from labelwright.core.function_names import parse_function_name
from labelwright.errors import NotFound
from labelwright.functions.code import CodeStore
from labelwright.functions.events import EventQueue
from labelwright.functions.interface import PAYLOAD_BYTES_MAX, FunctionSpec, Invocation
from labelwright.functions.runner import Runner
from labelwright.store import functions as store
from labelwright.store.functions import FunctionRow

if TYPE_CHECKING:
    from labelwright.blobs import Blobs
    from labelwright.config import Settings
    from labelwright.credentials import RootCredentials
    from labelwright.functions.remote import RemoteLambda
    from labelwright.store.db import Database

__all__ = ["Functions", "is_own"]

T = TypeVar("T")

_KEYS_S = 6 * 3600.0  # a process lives an hour and an invocation


def is_own(arn: str) -> bool:
    """Whether an ARN is of a function of this installation's account."""
    return arn.split(":")[4:5] == [ACCOUNT_ID]


class Functions:
    """The functions of a server; an `Invoker`.

    Parameters
    ----------
    database : Database
    blobs : Blobs
    settings : Settings
    credentials : RootCredentials
        Processes get temporary keys made from them.
    clock : callable
        Returns epoch seconds.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        settings: Settings,
        credentials: RootCredentials,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._settings = settings
        self._credentials = credentials
        self._clock = clock
        work_dir = (settings.data_dir / "functions").resolve()
        self.code = CodeStore(blobs, work_dir)
        self._code_lock = threading.Lock()
        self._runner = Runner(
            work_dir,
            self._environment,
            n_processes_max=max(1, settings.function_processes),
            idle_s=settings.function_idle_s,
            logs_root=settings.data_dir / "logs",
            walls=settings.function_walls,
            hidden=[settings.data_dir],
        )
        self.stats = self._runner.stats
        self.events = EventQueue(database, self, clock)
        self._remote: RemoteLambda | None = None
        if settings.lambda_endpoint_url:
            from labelwright.functions.remote import RemoteLambda

            self._remote = RemoteLambda(settings.lambda_endpoint_url)

    def _environment(self, region: str) -> Mapping[str, str]:
        settings = self._settings
        keys = self._credentials.temporary(now=self._clock(), duration_s=_KEYS_S)
        return {
            "AWS_ENDPOINT_URL": settings.local_url,
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        }

    def with_code(self, source: bytes | str, write: Callable[[Connection, str, int], T]) -> T:
        """Keep a package, then do a write that refers to it.

        Parameters
        ----------
        source : bytes or str
            The zip, or its S3 URI.
        write : callable
            Gets the connection, the package's digest and its size.
        """
        with self._code_lock:  # nobody may find the package unused in between
            sha256, n_bytes = self.code.keep(source)
            return self._database.write(lambda connection: write(connection, sha256, n_bytes))

    def delete(self, region: str, name: str, version: str | None) -> None:
        """Delete a version or a function, and the code that nothing needs any more.

        Raises
        ------
        NotFound, InvalidRequest
        """

        def write(connection: Connection) -> set[str]:
            rows = store.list_versions(connection, region, name)
            store.delete(connection, region, name, version)
            digests = {row.code_sha256 for row in rows}
            return {digest for digest in digests if not store.is_code_used(connection, digest)}

        with self._code_lock:
            for digest in self._database.write(write):
                self.code.forget(digest)
        self._runner.forget(store.function_arn(region, name))
        if version is None:
            self.stats.forget(region, name)

    def forget_code(self, sha256: str) -> None:
        """Remove a package if nothing refers to it any more."""
        with self._code_lock:
            if not self._database.read(partial(store.is_code_used, sha256=sha256)):
                self.code.forget(sha256)

    def find(self, arn: str) -> FunctionRow:
        """The version that an ARN means.

        Raises
        ------
        NotFound, InvalidRequest
        """
        named = parse_function_name(arn)
        if named.account != ACCOUNT_ID or named.region is None:
            raise NotFound(f"Function not found: {arn}", kind="function", name=arn)
        return self._database.read(
            partial(store.resolve, region=named.region, name=named.name, qualifier=named.qualifier)
        )

    def submit(
        self,
        row: FunctionRow,
        arn: str,
        event: bytes,
        *,
        timeout_s: float | None = None,
        answer_bytes_max: int = PAYLOAD_BYTES_MAX,
        client_context: Any = None,
        request_id: str | None = None,
    ) -> Future[Invocation]:
        """Run one version of a function of ours.

        Parameters
        ----------
        arn : str
            As invoked.

        Raises
        ------
        NotFound, Busy, RunnerClosed
        """
        return self._runner.submit(
            _spec(row, arn),
            self.code.unpacked(row.code_sha256),
            event,
            timeout_s=timeout_s,
            answer_bytes_max=answer_bytes_max,
            client_context=client_context,
            request_id=request_id,
        )

    def invoke(
        self, arn: str, event: bytes, *, timeout_s: float, answer_bytes_max: int = PAYLOAD_BYTES_MAX
    ) -> Invocation:
        """Run a function of ours, or of another account behind the configured endpoint; see `Invoker`."""
        if not is_own(arn) and self._remote is not None:
            return self._remote.invoke(arn, event, timeout_s=timeout_s, answer_bytes_max=answer_bytes_max)
        row = self.find(arn)
        running = self.submit(row, arn, event, timeout_s=timeout_s, answer_bytes_max=answer_bytes_max)
        return running.result()

    @property
    def n_processes(self) -> int:
        """How many function processes there are now."""
        return self._runner.n_processes

    def close(self) -> None:
        """End all processes."""
        self.events.close()
        if self._remote is not None:
            self._remote.close()
        self._runner.close()


def _spec(row: FunctionRow, arn: str) -> FunctionSpec:
    settings = row.settings
    return FunctionSpec(
        arn=arn,
        name=row.name,
        version=row.version,
        region=row.region,
        handler=settings["Handler"],
        code_sha256=row.code_sha256,
        revision_id=row.revision_id,
        timeout_s=settings.get("Timeout", 3),
        memory_mb=settings.get("MemorySize", 128),
        temporary_mb=settings.get("EphemeralStorage", {}).get("Size", 512),
        environment=settings.get("Environment", {}),
    )
