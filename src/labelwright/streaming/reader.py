"""A channel as streams: one per epoch, in order, fetched ahead in parallel."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from labelwright.recordio.framing import Buffer
from labelwright.streaming.channel import Channel
from labelwright.streaming.objects import PIECE_BYTES, Objects
from labelwright.streaming.order import epoch_order, places_of_rank
from labelwright.streaming.payloads import gunzip, gunzip_pieces, wrap
from labelwright.streaming.prefetch import OrderedPrefetch
from labelwright.streaming.problems import ChannelError
from labelwright.streaming.sources import Reference, Source, open_source

__all__ = ["BUDGET_BYTES", "ChannelReader", "EpochStream", "n_threads_for"]

BUDGET_BYTES: Final = 64 << 20
"""Bytes fetched ahead and not yet taken, by default."""

PATIENCE_S: Final = 250e-6
"""How long a file may take and still be read without a thread; from the page cache it is a tenth of that."""

_HEAD_BYTES = 8 << 20
_PIECES_MAX = 1000  # as many as one system call takes


def n_threads_for(objects: Objects, uri: str, *, together: bool = False) -> int:
    """Threads that fetch: many where reading waits for a network, few where it is a copy of memory.

    With ``together`` each thread reads several objects at a time where that costs less, so few will do.
    """
    if together and objects.reads_together(uri):
        return 3
    return 16 if objects.is_remote(uri) else 2


@dataclasses.dataclass(slots=True)
class _Payload:
    """Bytes of one emission, and the pieces of an object's rest when it is too long to hold."""

    pieces: Sequence[Buffer]
    rest: Iterator[bytes] | None = None


class ChannelReader:
    """What a channel delivers.

    Parameters
    ----------
    channel : Channel
    objects : Objects
    host : int
        Number of this host among ``n_hosts``; matters with ``ShardedByS3Key`` only.
    n_hosts : int
    n_threads : int, optional
        Threads that fetch ahead; 0 for none.
    budget_bytes : int
        See `labelwright.streaming.prefetch.OrderedPrefetch`.
    source : Source, optional
        Opened already; by default what the channel names is opened now.

    Raises
    ------
    ChannelError, labelwright.errors.BlobNotFound
        See `labelwright.streaming.sources.open_source`.
    """

    def __init__(
        self,
        channel: Channel,
        objects: Objects,
        *,
        host: int = 0,
        n_hosts: int = 1,
        n_threads: int | None = None,
        budget_bytes: int = BUDGET_BYTES,
        source: Source | None = None,
    ) -> None:
        self.channel = channel
        self.source = open_source(channel, objects) if source is None else source
        self._objects = objects
        example = self.source.example_uri()
        # Without records an object may be of any size, and its pieces are read one after the other.
        self._reads_together = channel.wrapper == "RecordIO" and objects.reads_together(example)
        self._n_threads = (
            n_threads_for(objects, example, together=self._reads_together) if n_threads is None else n_threads
        )
        self._budget_bytes = budget_bytes
        is_plain = channel.compression == "None" and not objects.is_remote(example)
        self._patience_s = PATIENCE_S if is_plain and n_threads is None else 0.0
        is_dealt = channel.distribution == "ShardedByS3Key"
        self._places = (
            places_of_rank(len(self.source), host, n_hosts) if is_dealt else range(len(self.source))
        )

    def units(self, epoch: int) -> Iterator[int]:
        """Numbers of the units that this host visits in an epoch, in its order."""
        order = epoch_order(len(self.source), self.channel.shuffle_seed, epoch)
        return (int(order[place]) for place in self._places)

    def stream(self, epoch: int) -> EpochStream:
        """The bytes of one epoch, as a pipe delivers them."""
        return EpochStream(self, self.units(epoch))

    def prefetch(self, units: Iterator[int]) -> OrderedPrefetch[int, list[_Payload]]:
        """Payloads of units, in order."""
        return OrderedPrefetch(
            self._fetch,
            lambda payloads: sum(len(piece) for payload in payloads for piece in payload.pieces),
            units,
            n_threads=self._n_threads,
            budget_bytes=self._budget_bytes,
            fetch_many=self._fetch_together if self._reads_together else None,
            patience_s=self._patience_s,
        )

    def _fetch(self, i: int) -> list[_Payload]:
        return [
            self._fetch_object(emission.uri)
            if isinstance(emission, Reference)
            else self._finished(emission, f"unit {i}")
            for emission in self.source.emissions(i)
        ]

    def _fetch_together(self, units: Sequence[int]) -> list[list[_Payload]]:
        """Records of several units, whose objects are read together."""
        rows = [self.source.emissions(i) for i in units]
        uris = [emission.uri for row in rows for emission in row if isinstance(emission, Reference)]
        bodies = iter(self._objects.read_many(uris))
        return [
            [
                self._record(next(bodies), emission.uri)
                if isinstance(emission, Reference)
                else self._finished(emission, f"unit {i}")
                for emission in row
            ]
            for i, row in zip(units, rows, strict=True)
        ]

    def _record(self, body: bytes, uri: str) -> _Payload:
        is_packed = self.channel.compression == "Gzip"
        return self._finished(gunzip(body, name=uri) if is_packed else body, uri)

    def _finished(self, payload: bytes, name: str) -> _Payload:
        return _Payload(wrap(payload, name=name) if self.channel.wrapper == "RecordIO" else [payload])

    def _fetch_object(self, uri: str) -> _Payload:
        is_packed = self.channel.compression == "Gzip"
        if self.channel.wrapper == "RecordIO":
            return self._record(self._objects.read(uri), uri)
        # Without records an object of any size can pass through piece by piece.
        head, rest = self._objects.open(uri, _HEAD_BYTES)
        if not is_packed or head[:2] != b"\x1f\x8b":
            return _Payload([head], rest)
        pieces = gunzip_pieces(head, rest or ())
        return _Payload([], _translated(pieces, uri))


class EpochStream:
    """The bytes of one epoch; iterate once.

    Parameters
    ----------
    reader : ChannelReader
    units : iterator of int
    """

    def __init__(self, reader: ChannelReader, units: Iterator[int]) -> None:
        self._prefetch = reader.prefetch(units)

    def start(self) -> None:
        """Begin to fetch, before anybody reads."""
        self._prefetch.start()

    def close(self) -> None:
        """Stop fetching."""
        self._prefetch.close()

    def __iter__(self) -> Iterator[Buffer]:
        for payloads in self._prefetch:
            for payload in payloads:
                yield from payload.pieces
                if payload.rest is not None:
                    yield from payload.rest

    def batches(self, n_bytes: int = PIECE_BYTES) -> Iterator[list[Buffer]]:
        """The same, several pieces at a time: first a few, later ``n_bytes`` together.

        What was read before an error is delivered before the error is raised.
        """
        taken: list[Buffer] = []
        size, enough = 0, 4096
        try:
            for piece in self:
                taken.append(piece)
                size += len(piece)
                if size >= enough or len(taken) == _PIECES_MAX:
                    yield taken
                    taken, size, enough = [], 0, min(n_bytes, 2 * enough)
        except Exception:
            if taken:
                yield taken
            raise
        if taken:
            yield taken


def _translated(pieces: Iterator[bytes], uri: str) -> Iterator[bytes]:
    try:
        yield from pieces
    except (zlib.error, EOFError) as error:
        raise ChannelError(f"{uri} begins like a gzip file but is broken: {error}.", value=uri) from error
