"""Many models behind one container: each is loaded when it is first asked for, the least used ones go.

https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html. A request names the archive of its
model, below the prefix that the container definition gives. Differences: an image under Docker is not driven
by its own interface for loading models, it gets a container for each.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import PurePosixPath

from labelwright.hosting.interface import NOT_READY, Container, HostingError, OneByOne, Reply

__all__ = ["MultiModel"]

_TARGET = "x-amzn-sagemaker-target-model"
_LOADED_MAX = 16
_LOADING_S = 50.0  # then the client is asked to come again


class _Entry:
    def __init__(self) -> None:
        self.opened: Future[Container] = Future()
        self.n_in_work = 0


class MultiModel(OneByOne):
    """A `Container` that opens others.

    Parameters
    ----------
    name : str
    open_one : callable
        From a target (``shop-7.tar.gz``) to the container of that model; may take its time and may raise
        `HostingError`.
    n_loaded_max : int
        How many are kept, unless more are at work.
    """

    def __init__(
        self, name: str, open_one: Callable[[str], Container], *, n_loaded_max: int = _LOADED_MAX
    ) -> None:
        self.name = name
        self._open_one = open_one
        self._n_loaded_max = n_loaded_max
        self._lock = threading.Lock()
        self._entries: collections.OrderedDict[str, _Entry] = collections.OrderedDict()  # least used first

    def invoke(
        self,
        body: bytes,
        content_type: str,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60.0,
    ) -> Reply:
        """Ask the model that ``TargetModel`` names."""
        target = (headers or {}).get(_TARGET, "")
        path = PurePosixPath(target)
        if not target or path.is_absolute() or ".." in path.parts:
            text = f"TargetModel is {target!r}; name an archive below the model's ModelDataUrl."
            return Reply(400, text.encode(), "text/plain")
        entry = self._entry(target)
        try:
            try:
                container = entry.opened.result(min(timeout_s, _LOADING_S))
            except TimeoutError:
                return Reply(429, b"The model is still being loaded.", "text/plain", {NOT_READY: "1"})
            except HostingError as error:
                return Reply(400, str(error).encode(), "text/plain")
            return container.invoke(body, content_type, accept, headers, timeout_s=timeout_s)
        finally:
            with self._lock:
                entry.n_in_work -= 1

    def is_healthy(self) -> bool:
        """A model that ended is opened again when it is asked for."""
        return True

    def execution_parameters(self) -> Mapping[str, object] | None:
        """Nothing that holds for all models."""
        return None

    def close(self) -> None:
        """Close all that were opened."""
        with self._lock:
            entries, self._entries = list(self._entries.values()), collections.OrderedDict()
        _close(entries)

    def _entry(self, target: str) -> _Entry:
        """The entry of a target, with one request more at work; loading begins when it is new."""
        with self._lock:
            entry = self._entries.get(target)
            if entry is not None and _has_ended(entry):
                del self._entries[target]
                ended, entry = [entry], None
            else:
                ended = []
            if entry is None:
                entry = self._entries[target] = _Entry()
                threading.Thread(target=self._load, args=(target, entry), name="load", daemon=True).start()
            entry.n_in_work += 1
            self._entries.move_to_end(target)
            idle = [key for key, each in self._entries.items() if not each.n_in_work and each.opened.done()]
            for key in idle[: max(0, len(self._entries) - self._n_loaded_max)]:
                ended.append(self._entries.pop(key))
        if ended:
            threading.Thread(target=_close, args=(ended,), name="close", daemon=True).start()
        return entry

    def _load(self, target: str, entry: _Entry) -> None:
        try:
            entry.opened.set_result(self._open_one(target))
        except Exception as error:
            with self._lock:
                if self._entries.get(target) is entry:
                    del self._entries[target]  # the next request tries again
            known = error if isinstance(error, HostingError) else HostingError(f"{error}")
            entry.opened.set_exception(known)


def _has_ended(entry: _Entry) -> bool:
    done = entry.opened.done() and entry.opened.exception() is None
    return done and not entry.opened.result().is_healthy()


def _close(entries: Sequence[_Entry]) -> None:
    for entry in entries:
        if entry.opened.done() and entry.opened.exception() is None:
            entry.opened.result().close()
