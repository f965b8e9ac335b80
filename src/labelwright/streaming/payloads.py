"""From an object's bytes to what goes down the pipe: gunzipped if asked, wrapped if asked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from labelwright.recordio.framing import RECORD_BYTES_MAX, Buffer, frame_pieces
from labelwright.streaming.objects import PIECE_BYTES
from labelwright.streaming.problems import ChannelError

__all__ = ["gunzip", "gunzip_pieces", "wrap"]

GZIP_MAGIC: Final = b"\x1f\x8b"


def gunzip_pieces(first: bytes, rest: Iterable[bytes] = ()) -> Iterator[bytes]:
    """Unpack gzip as a stream, all its members; bytes that do not begin like gzip pass as they are.

    Raises
    ------
    zlib.error
        The data are broken.
    EOFError
        They end too early.
    """
    if first[:2] != GZIP_MAGIC:
        yield first
        yield from rest
        return
    unpacker = zlib.decompressobj(31)
    for piece in chain((first,), rest):
        data: bytes = piece
        while data:
            if unpacker.eof:  # another member follows, or zero padding that gzip allows
                data = data.lstrip(b"\0")
                if not data:
                    break
                unpacker = zlib.decompressobj(31)
            unpacked = unpacker.decompress(data, PIECE_BYTES)
            if unpacked:
                yield unpacked
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        tail = unpacker.flush()
        if tail:
            yield tail
        if not unpacker.eof:
            raise EOFError("the gzip data end too early")


def gunzip(data: bytes, *, bytes_max: int = RECORD_BYTES_MAX, name: str = "") -> bytes:
    """Unpack one object that begins like gzip; others are returned as they are.

    Raises
    ------
    ChannelError
        The data are broken, or become more than ``bytes_max``.
    """
    if data[:2] != GZIP_MAGIC:
        return data
    pieces, n_bytes = [], 0
    try:
        for piece in gunzip_pieces(data):
            n_bytes += len(piece)
            if n_bytes > bytes_max:
                raise ChannelError(
                    f"{name or 'An object'} unpacks to more than {bytes_max} bytes, the most a record can "
                    "hold. Split it, or use no RecordWrapperType.",
                    value=name,
                )
            pieces.append(piece)
    except (zlib.error, EOFError) as error:
        raise ChannelError(
            f"{name or 'An object'} begins like a gzip file but is broken: {error}.", value=name
        ) from error
    return b"".join(pieces)


def wrap(payload: bytes, *, name: str = "") -> list[Buffer]:
    """One record, as pieces to be written one after the other.

    Raises
    ------
    ChannelError
        The payload is 512 MiB or longer.
    """
    if len(payload) > RECORD_BYTES_MAX:
        raise ChannelError(
            f"{name or 'A payload'} has {len(payload)} bytes; a RecordIO record holds at most "
            f"{RECORD_BYTES_MAX}. Split it, or use no RecordWrapperType.",
            value=name,
        )
    return frame_pieces(payload)
