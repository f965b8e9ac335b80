"""Pack images into a ``.rec`` and an ``.idx``, as im2rec does, with threads."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from labelwright.recordio.atomic import atomic_file
from labelwright.recordio.encoding import Encoding, Frame
from labelwright.recordio.framing import RecordIOError
from labelwright.recordio.images import IRHeader, pack
from labelwright.recordio.lists import ListEntry, format_entry
from labelwright.recordio.writer import RecordWriter

__all__ = ["Item", "Packed", "items_of_list", "lists_of_prefix", "pack_items"]

T = TypeVar("T")
R = TypeVar("R")
Label = float | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Item:
    """An image to be packed.

    Attributes
    ----------
    key : int
        Its id and its key in the index.
    name : str
        For messages.
    load : callable
        Returns the bytes of the file; may raise OSError or RecordIOError. Called in a thread.
    label : callable
        Given where the packed image lies in the original (None: unchanged), returns a number or an array.
    labeled_size : (int, int), optional
        Width and height of the frame that the labels refer to, where they are places.
    """

    key: int
    name: str
    load: Callable[[], bytes]
    label: Callable[[Frame | None], Label]
    labeled_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """What came of packing."""

    n_packed: int
    n_skipped: int
    n_bytes: int


def pack_items(
    items: Iterable[Item],
    rec: str | os.PathLike[str],
    idx: str | os.PathLike[str] | None,
    *,
    encoding: Encoding,
    lst: str | os.PathLike[str] | None = None,
    n_threads: int = 1,
    on_skipped: Callable[[Item, Exception], None] | None = None,
    on_done: Callable[[Item], None] | None = None,
) -> Packed:
    """Pack images in their order.

    Parameters
    ----------
    items : iterable of Item
        Taken as needed; a few per thread are in memory at a time.
    rec, idx : path
        Files to write; both appear when all is written.
    encoding : Encoding
    lst : path, optional
        A list to write, too: id, labels and name of each image that was packed.
    n_threads : int
        Decoding and encoding leave Python, so threads use that many cores.
    on_skipped : callable, optional
        Called with an image that cannot be read or decoded, and why; it is left out.
    on_done : callable, optional
        Called after each image, skipped or not, in order.

    Raises
    ------
    RecordIOError
        No image could be packed; nothing is written then.
    OSError
        The files cannot be written.
    """

    def work(item: Item) -> tuple[Label, bytes] | Exception:
        try:
            data, frame = encoding.encode(item.load(), labeled_size=item.labeled_size)
            label = item.label(frame)
            return label, pack(IRHeader(0, label, item.key), data)
        except (OSError, RecordIOError) as error:
            return error

    n_skipped = 0
    with contextlib.ExitStack() as stack:
        listed = stack.enter_context(atomic_file(lst)) if lst is not None else None
        writer = stack.enter_context(RecordWriter(rec, index=idx))
        for item, outcome in _in_order(work, items, n_threads):
            if isinstance(outcome, Exception):
                n_skipped += 1
                if on_skipped is not None:
                    on_skipped(item, outcome)
            else:
                label, record = outcome
                writer.write(record, key=item.key)
                if listed is not None:
                    labels = tuple(np.atleast_1d(label).tolist())
                    listed.write(format_entry(ListEntry(item.key, labels, item.name)).encode())
            if on_done is not None:
                on_done(item)
        if not writer.n_written:
            raise RecordIOError(
                f"nothing was packed: all {n_skipped} images were skipped. Check the folder of images and "
                "the paths."
                if n_skipped
                else "nothing was packed: the list has no usable line."
            )
        return Packed(writer.n_written, n_skipped, writer.position)


def items_of_list(
    entries: Iterable[ListEntry], root: str | os.PathLike[str], *, packs_labels: bool = False
) -> Iterator[Item]:
    """Turn the lines of a list into images to be packed.

    Parameters
    ----------
    entries : iterable of ListEntry
    root : path
        Folder that the paths of the list start from.
    packs_labels : bool
        Pack all labels of a line that has several; otherwise the first alone.
    """
    base = Path(root)
    for entry in entries:
        label: Label = entry.labels[0]
        if packs_labels and len(entry.labels) > 1:
            label = np.array(entry.labels, dtype=np.float32)
        path = base / entry.path
        yield Item(entry.id, str(path), path.read_bytes, _constant(label))


def _constant(label: Label) -> Callable[[Frame | None], Label]:
    return lambda _: label


def lists_of_prefix(prefix: str | os.PathLike[str]) -> list[Path]:
    """Find the lists that im2rec packs for a prefix: files ``PREFIX*.lst``, or those in the folder PREFIX."""
    whole = Path(os.path.abspath(prefix))  # noqa: PTH100 - resolve() would follow links
    folder = whole if whole.is_dir() else whole.parent
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and str(path).startswith(str(whole)) and path.name.endswith(".lst")
    )


def _in_order(work: Callable[[T], R], items: Iterable[T], n_threads: int) -> Iterator[tuple[T, R]]:
    """Apply ``work`` in threads; results come in the order of the items, a bounded number ahead."""
    if n_threads <= 1:
        for item in items:
            yield item, work(item)
        return
    with ThreadPoolExecutor(n_threads, thread_name_prefix="pack") as pool:
        ahead: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                ahead.append((item, pool.submit(work, item)))
                if len(ahead) >= 4 * n_threads:
                    first, future = ahead.popleft()
                    yield first, future.result()
            while ahead:
                first, future = ahead.popleft()
                yield first, future.result()
        finally:
            for _, future in ahead:
                future.cancel()
