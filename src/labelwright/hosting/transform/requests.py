"""From records to requests: one each, or as many as a request may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from labelwright.hosting.transform.splitting import SplitType, framed

__all__ = ["Request", "requests_of"]


class Request(NamedTuple):
    """What the container is sent at a time.

    Attributes
    ----------
    body : bytes
    records : tuple of bytes
        The records in it as they lie in the object; empty where nobody will ask.
    """

    body: bytes
    records: tuple[bytes, ...] = ()


def requests_of(
    records: Iterable[bytes],
    split: SplitType,
    *,
    is_single: bool,
    bytes_max: int | None,
    prepare: Callable[[bytes], bytes] | None = None,
) -> Iterator[Request]:
    """Requests from records, in order.

    Parameters
    ----------
    records : iterable of bytes
    split : str
        Lines are joined by line feeds; records of the binary formats keep their frames where a request may
        hold several, and lose them where it holds one.
    is_single : bool
        BatchStrategy SingleRecord.
    bytes_max : int or None
        Most bytes of a request of several records.
    prepare : callable, optional
        Applied to each record; its result is what is sent, and the record is kept beside it.
    """
    if split == "None" or is_single:
        for record in records:
            yield Request(record) if prepare is None else Request(prepare(record), (record,))
        return
    glue = b"\n" if split == "Line" else b""
    parts: list[bytes] = []
    kept: list[bytes] = []
    n_bytes = 0
    for record in records:
        part = framed(record if prepare is None else prepare(record), split)
        if parts and bytes_max is not None and n_bytes + len(glue) + len(part) > bytes_max:
            yield Request(glue.join(parts), tuple(kept))
            parts, kept, n_bytes = [], [], 0
        n_bytes += len(part) + (len(glue) if parts else 0)
        parts.append(part)
        if prepare is not None:
            kept.append(record)
    if parts:
        yield Request(glue.join(parts), tuple(kept))
