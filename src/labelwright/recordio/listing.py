"""Make ``.lst`` files from a folder of images, as im2rec's list mode does."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelwright.recordio.framing import RecordIOError
from labelwright.recordio.lists import ListEntry, write_list

__all__ = ["DEFAULT_EXTENSIONS", "MadeLists", "make_lists"]

DEFAULT_EXTENSIONS = (".jpeg", ".jpg", ".png")
_SEED = 100


@dataclass(frozen=True, slots=True)
class MadeLists:
    """What was written.

    Attributes
    ----------
    files : tuple of (path, int)
        Each list and its number of images.
    classes : dict of str to int
        Label of each folder, relative to the root; empty without ``is_recursive``.
    """

    files: tuple[tuple[Path, int], ...]
    classes: dict[str, int]


def make_lists(
    prefix: str | os.PathLike[str],
    root: str | os.PathLike[str],
    *,
    extensions: Sequence[str] = DEFAULT_EXTENSIONS,
    n_chunks: int = 1,
    train_ratio: float = 1.0,
    test_ratio: float = 0.0,
    is_recursive: bool = False,
    is_shuffled: bool = True,
) -> MadeLists:
    """Walk a folder and write ``PREFIX.lst``, or several lists.

    Parameters
    ----------
    prefix : path
        Beginning of the names of the lists.
    root : path
        Folder of images.
    extensions : sequence of str
        Which files count, by the lower-case end of their names.
    n_chunks : int
        With more than one, the images are divided and each list's name has ``_0``, ``_1`` ...
    train_ratio, test_ratio : float
        0 to 1, at most 1 together. With a train ratio below 1 there is ``_train``, with a test ratio
        ``_test``, and with what is left of 1 ``_val``.
    is_recursive : bool
        Look into folders: each one with images is a class, numbered in the order of the walk. Otherwise only
        the root itself, with label 0.
    is_shuffled : bool
        Shuffle with the seed of im2rec, so that the order is the same as its.

    Raises
    ------
    RecordIOError
        The ratios make no sense, or no image was found.

    Notes
    -----
    Holds the names of all images in memory, as shuffling needs them.
    """
    if not (0 <= train_ratio <= 1 and 0 <= test_ratio <= 1 and train_ratio + test_ratio <= 1 + 1e-9):
        raise RecordIOError(
            f"a train ratio of {train_ratio:g} and a test ratio of {test_ratio:g} do not divide the images: "
            "each must "
            "be 0 to 1, and both together at most 1. The default train ratio is 1."
        )
    if n_chunks < 1:
        raise RecordIOError(f"{n_chunks} lists cannot be made; the number of chunks must be at least 1.")
    base = Path(root)
    classes: dict[str, int] = {}
    wanted = tuple(extension.lower() for extension in extensions)
    found = list(_walk(base, wanted, classes) if is_recursive else _flat(base, wanted))
    if not found:
        raise RecordIOError(
            f"no image was found in {base}: there is no file that ends in {', '.join(extensions)}"
            + ("." if is_recursive else ". Images in folders below count only with --recursive.")
        )
    if is_shuffled:
        random.Random(_SEED).shuffle(found)  # noqa: S311 - an order, not a secret
    size = (len(found) + n_chunks - 1) // n_chunks
    # Multiplied as im2rec does, by the size of a full chunk, so that the lists have the same lengths.
    n_train, n_test = int(size * train_ratio), int(size * test_ratio)
    written: list[tuple[Path, int]] = []
    for i in range(n_chunks):
        chunk = found[i * size : (i + 1) * size]
        stem = f"{os.fspath(prefix)}_{i}" if n_chunks > 1 else os.fspath(prefix)
        parts = {"": chunk}
        if train_ratio < 1:
            parts = {"_test": chunk[:n_test]} if test_ratio else {}
            if train_ratio + test_ratio < 1:
                parts["_val"] = chunk[n_test + n_train :]
            parts["_train"] = chunk[n_test : n_test + n_train]
        for suffix, entries in parts.items():
            path = Path(f"{stem}{suffix}.lst")
            written.append((path, write_list(path, entries)))
    return MadeLists(tuple(written), classes)


def _flat(root: Path, extensions: tuple[str, ...]) -> Iterator[ListEntry]:
    names = sorted(entry.name for entry in os.scandir(root) if entry.is_file())
    chosen = (name for name in names if _extension(name) in extensions)
    for i, name in enumerate(chosen):
        yield ListEntry(i, (0.0,), name)


def _walk(root: Path, extensions: tuple[str, ...], classes: dict[str, int]) -> Iterator[ListEntry]:
    i, seen = 0, set()
    for folder, folders, names in os.walk(root, followlinks=True):
        status = os.stat(folder)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in seen:  # a link that leads back up would never end
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        relative = Path(folder).relative_to(root)
        for name in sorted(names):
            if _extension(name) in extensions and os.path.isfile(os.path.join(folder, name)):  # noqa: PTH113, PTH118
                label = classes.setdefault(relative.as_posix(), len(classes))
                yield ListEntry(i, (float(label),), (relative / name).as_posix())
                i += 1


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - ".jpg" alone has no extension, as in im2rec
