"""Reading groups and streams: listings, pages of events, and searches over several streams."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from labelwright.errors import InvalidRequest, NotFound
from labelwright.logstreams.lines import Lines
from labelwright.logstreams.names import (
    GROUP_PATTERNS,
    STANDING_GROUPS,
    SUFFIX,
    file_of,
    group_folder,
    is_group,
    stream_path,
)

__all__ = ["Event", "EventPage", "Filtered", "FilteredEvent", "LogStore", "StreamInfo"]

_TOKEN = re.compile(r"([fb])/([0-9]{1,19})/s", re.ASCII)
_OVERHEAD_BYTES = 26  # what the service counts for an event besides its message
_MAX_SCANNED_BYTES = 16 << 20
_HELD_BYTES = 16 << 20  # of all streams of a search together


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    timestamp_ms: int
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class EventPage:
    """Events, the oldest first, and the tokens of the pages behind and before them."""

    events: list[Event]
    forward: str
    backward: str


@dataclasses.dataclass(frozen=True, slots=True)
class FilteredEvent:
    """One event that a search found."""

    id: str
    stream: str
    timestamp_ms: int
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Filtered:
    """What a search found; ``after`` is where it goes on, None at its end."""

    events: list[FilteredEvent]
    after: tuple[int, str, int] | None


@dataclasses.dataclass(frozen=True, slots=True)
class StreamInfo:
    """What is known of a stream; times are epoch milliseconds."""

    name: str
    first_ms: int
    last_ms: int
    n_bytes: int


class LogStore:
    """The logs below a folder. Holds nothing: what a writer has written is seen by the next call.

    Parameters
    ----------
    root : Path
        ``logs`` in the data directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def groups(self) -> list[str]:
        """Names of the groups that there are, sorted."""
        found = set(STANDING_GROUPS)
        for pattern in GROUP_PATTERNS:
            parent, _, last = pattern.rpartition("/")
            folder = group_folder(self._root, parent)
            if last != "*" and group_folder(self._root, pattern).is_dir():
                found.add(pattern)
            elif last == "*" and folder.is_dir():
                found |= {f"{parent}/{entry.name}" for entry in os.scandir(folder) if entry.is_dir()}
        return sorted(found)

    def has_group(self, group: str) -> bool:
        """Whether there is a group of this name."""
        return group in STANDING_GROUPS or (is_group(group) and group_folder(self._root, group).is_dir())

    def names(
        self, group: str, *, prefix: str = "", after: str | None = None, descending: bool = False
    ) -> Iterator[str]:
        """Names of a group's streams in their order, found as they are asked for.

        Parameters
        ----------
        group : str
        prefix : str
            Only streams whose names begin with it.
        after : str, optional
            Only streams behind this one in the order.
        descending : bool
            From the last to the first.

        Raises
        ------
        NotFound
            There is no such group.
        """
        self._check(group)
        folder = group_folder(self._root, group)
        return _names(folder, "", prefix, after, -1 if descending else 1)

    def info(self, group: str, stream: str) -> StreamInfo | None:
        """Times and size of a stream; None when it has no complete line yet."""
        try:
            with Lines(file_of(stream_path(self._root, group, stream))) as lines:
                first, last = lines.first(), lines.last()
                if first is None or last is None:
                    return None
                return StreamInfo(stream, first, last, lines.end)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def events(
        self,
        group: str,
        stream: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        token: str | None = None,
        from_head: bool = False,
        limit: int = 10_000,
        bytes_max: int = 1 << 20,
    ) -> EventPage:
        """One page of a stream.

        Parameters
        ----------
        group, stream : str
        start_ms, end_ms : int, optional
            Only events not before the one and before the other, epoch milliseconds.
        token : str, optional
            Of an earlier page: goes on where it ended, or ends where it began. At the end of the stream the
            forward token of an empty page is the token that was given; it goes on when there is more.
        from_head : bool
            Without a token: the oldest events instead of the newest.
        limit, bytes_max : int
            The page ends with the first of the two; it holds one event at least, if there is one.

        Raises
        ------
        NotFound
            There is no such group or stream.
        InvalidRequest
            The token is none.
        """
        self._check(group)
        is_forward, position = _read_token(token) if token else (from_head, None)
        try:
            lines = Lines(file_of(stream_path(self._root, group, stream)))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(
                "The specified log stream does not exist.", kind="log stream", name=stream
            ) from error
        with lines:
            if not lines.end:
                raise NotFound("The specified log stream does not exist.", kind="log stream", name=stream)
            low = 0 if start_ms is None else lines.at_or_after(start_ms)
            high = lines.end if end_ms is None else max(low, lines.at_or_after(end_ms))
            if position is not None:
                position = lines.clamp(position)
            if is_forward:
                return _forward(lines, max(low, position or 0), high, limit, bytes_max)
            return _backward(
                lines, low, min(high, lines.end if position is None else position), limit, bytes_max
            )

    def search(
        self,
        group: str,
        streams: Sequence[str],
        *,
        fits: Callable[[str], bool],
        start_ms: int | None = None,
        end_ms: int | None = None,
        after: tuple[int, str, int] | None = None,
        limit: int = 10_000,
        bytes_max: int = 1 << 20,
    ) -> Filtered:
        """Events of several streams that fit, in the order of their times.

        Parameters
        ----------
        group : str
        streams : sequence of str
            Sorted; those that are not there have no events.
        fits : callable
            Whether a message is wanted, such as a `FilterPattern`.
        start_ms, end_ms : int, optional
            As for `events`.
        after : tuple, optional
            Where an earlier search with the same streams ended.
        limit, bytes_max : int
            What one page holds at most. A page is also cut, and may be empty, after 16 MiB were looked
            through.

        Raises
        ------
        NotFound
            There is no such group.
        """
        self._check(group)
        block = max(2048, min(1 << 18, _HELD_BYTES // max(1, len(streams))))
        merged = heapq.merge(
            *(self._from(group, stream, start_ms, end_ms, after, block) for stream in streams)
        )
        found: list[FilteredEvent] = []
        n_scanned = n_bytes = 0
        key = after
        for timestamp_ms, stream, position, message in merged:
            n_scanned += len(message) + _OVERHEAD_BYTES
            text = message.decode("utf-8", "replace")
            is_wanted = fits(text)
            if is_wanted and found and n_bytes + len(message) + _OVERHEAD_BYTES > bytes_max:
                return Filtered(found, key)
            key = (timestamp_ms, stream, position)
            if is_wanted:
                n_bytes += len(message) + _OVERHEAD_BYTES
                found.append(FilteredEvent(_event_id(*key), stream, timestamp_ms, text))
            if len(found) >= limit or n_scanned > _MAX_SCANNED_BYTES:
                is_last = next(merged, None) is None
                return Filtered(found, None if is_last else key)
        return Filtered(found, None)

    def _from(
        self,
        group: str,
        stream: str,
        start_ms: int | None,
        end_ms: int | None,
        after: tuple[int, str, int] | None,
        block: int,
    ) -> Iterator[tuple[int, str, int, bytes]]:
        try:
            lines = Lines(file_of(stream_path(self._root, group, stream)))
        except (FileNotFoundError, NotADirectoryError):
            return
        with lines:
            position = 0 if start_ms is None else lines.at_or_after(start_ms)
            if after is not None:
                position = max(position, lines.at_or_after(after[0]))
            for begin, at, message in lines.forward(position, block=block):
                if end_ms is not None and at >= end_ms:
                    return
                if after is None or (at, stream, begin) > after:
                    yield at, stream, begin, message

    def _check(self, group: str) -> None:
        if not self.has_group(group):
            raise NotFound("The specified log group does not exist.", kind="log group", name=group)


def _names(folder: Path, begun: str, prefix: str, after: str | None, step: int) -> Iterator[str]:
    """Depth first, folders sorted as their names with the slash are: that is the order of whole names."""
    rest = prefix[len(begun) :] if prefix.startswith(begun) else ""
    head, slash, _ = rest.partition("/")
    entries: list[tuple[str, bool]] = []
    if slash:  # only one folder can hold what is asked for
        entries = (
            [(f"{begun}{head}/", True)] if head not in ("", ".", "..") and (folder / head).is_dir() else []
        )
    else:
        try:
            with os.scandir(folder) as scanned:
                for entry in scanned:
                    if entry.is_dir():
                        entries.append((f"{begun}{entry.name}/", True))
                    elif entry.name.endswith(SUFFIX):
                        entries.append((begun + entry.name.removesuffix(SUFFIX), False))
        except (FileNotFoundError, NotADirectoryError):
            return
    entries = [
        (name, is_folder)
        for name, is_folder in entries
        if name.startswith(prefix) or (is_folder and prefix.startswith(name))
    ]
    for name, is_folder in sorted(entries, reverse=step < 0):
        if is_folder:
            # All below a folder that sorts before where we stopped was seen, unless we stopped within it.
            if after is None or (name > after) == (step > 0) or after.startswith(name):
                yield from _names(folder / name[len(begun) : -1], name, prefix, after, step)
        elif after is None or (name != after and (name > after) == (step > 0)):
            yield name


def _forward(lines: Lines, position: int, stop: int, limit: int, bytes_max: int) -> EventPage:
    events: list[Event] = []
    begin, n_bytes = position, 0
    for at, timestamp_ms, message in lines.forward(position, stop=stop):
        n_bytes += len(message) + _OVERHEAD_BYTES
        if events and (len(events) >= limit or n_bytes > bytes_max):
            position = at
            break
        events.append(Event(timestamp_ms, message.decode("utf-8", "replace")))
    else:
        position = max(position, stop)
    return EventPage(events, _token("f", position), _token("b", begin))


def _backward(lines: Lines, low: int, position: int, limit: int, bytes_max: int) -> EventPage:
    events: list[Event] = []
    end, n_bytes = position, 0
    for at, timestamp_ms, message in lines.backward(position):
        n_bytes += len(message) + _OVERHEAD_BYTES
        if at < low or (events and (len(events) >= limit or n_bytes > bytes_max)):
            break
        position = at
        events.append(Event(timestamp_ms, message.decode("utf-8", "replace")))
    events.reverse()
    return EventPage(events, _token("f", end), _token("b", position))


def _token(kind: str, position: int) -> str:
    return f"{kind}/{position:019d}/s"


def _read_token(token: str) -> tuple[bool, int]:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidRequest(
            "The specified nextToken is invalid. Give one that GetLogEvents returned for this "
            "stream, or none.",
            field="nextToken",
            value=token,
        )
    return found.group(1) == "f", int(found.group(2))


def _event_id(timestamp_ms: int, stream: str, position: int) -> str:
    of_stream = int.from_bytes(hashlib.sha256(stream.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return f"{timestamp_ms:017d}{of_stream:020d}{position:019d}"
