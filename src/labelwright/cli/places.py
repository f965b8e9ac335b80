"""Where commands that prepare data read and write: local paths and ``s3://`` URIs alike."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from tqdm import tqdm

from labelwright.cli.remote import remote_blobs
from labelwright.errors import LabelwrightError, ManifestError
from labelwright.manifests import chunks_of

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["Places", "named", "progress", "read_with_bar"]

_CHUNK_BYTES = 1 << 20


class Places:
    """Inputs and outputs of one command.

    Parameters
    ----------
    data_dir : Path or None
    region : str
        Say which server ``s3://`` URIs belong to, which is asked only when there is one.
    """

    def __init__(self, data_dir: Path | None, region: str) -> None:
        self._data_dir = data_dir
        self._region = region
        self._blobs: Blobs | None = None

    def blobs(self) -> Blobs:
        """The object store; looked for at the first call."""
        if self._blobs is None:
            hint = "give paths of local files (--map s3://bucket/prefix=FOLDER)"
            self._blobs = remote_blobs(self._data_dir, self._region, hint=hint)
        return self._blobs

    @contextlib.contextmanager
    def local(self, place: str) -> Iterator[Path]:
        """The file at this place as a local one, so that it can be read more than once."""
        if not place.startswith("s3://"):
            path = Path(place)
            try:
                with path.open("rb"):
                    pass
                if not path.is_file():
                    raise click.ClickException(f"{place} is no regular file. Save it to one first.")
            except OSError as error:
                raise click.ClickException(f"{place} cannot be read: {error.strerror}.") from error
            yield path
            return
        blobs = self.blobs()
        with tempfile.TemporaryDirectory(prefix="labelwright-") as folder:
            path = Path(folder) / (place.rpartition("/")[2] or "object")
            with _as_click():
                total = blobs.head(place).size_bytes
                with progress(total, f"fetching {path.name}") as bar, path.open("wb") as file:
                    for piece in blobs.stream(place):
                        file.write(piece)
                        bar.update(len(piece))
            yield path

    @contextlib.contextmanager
    def output(self, place: str) -> Iterator[IO[bytes]]:
        """A file to write that appears at the place whole, when the block ends well, or not at all."""
        is_remote = place.startswith("s3://")
        if is_remote:
            self.blobs()  # find out before the work, not after it
        folder = None if is_remote else Path(place).absolute().parent
        try:
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                temporary = Path(file.name)
                try:
                    yield file
                    file.flush()
                    if is_remote:
                        with _as_click():
                            self.blobs().put(place, chunks_of(temporary), content_type=_content_type(place))
                    else:
                        os.fsync(file.fileno())
                        temporary.chmod(0o644)
                        temporary.replace(place)
                finally:
                    temporary.unlink(missing_ok=True)
        except OSError as error:
            raise click.ClickException(f"{place} cannot be written: {error.strerror}.") from error

    @contextlib.contextmanager
    def new_folder(self, place: str) -> Iterator[Path]:
        """An empty folder whose content appears at the place when the block ends well, or not at all.

        The place must not be there yet, or be an empty folder.
        """
        if place.startswith("s3://"):
            self.blobs()
            with tempfile.TemporaryDirectory(prefix="labelwright-") as folder:
                yield Path(folder)
                self._upload_folder(Path(folder), place)
            return
        path = Path(place)
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise click.ClickException(f"{place} is there already. Name a folder that is not, or remove it.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".labelwright-", dir=path.absolute().parent) as folder:
                inner = Path(folder) / "data"
                inner.mkdir()
                yield inner
                inner.replace(path)
        except OSError as error:
            raise click.ClickException(f"{place} cannot be written: {error.strerror}.") from error

    @contextlib.contextmanager
    def new_files(self, place: str) -> Iterator[Path]:
        """A path to write a file to, and others beside it, all of which appear at the place, it last."""
        is_remote = place.startswith("s3://")
        if is_remote:
            self.blobs()
        parent, _, name = place.rpartition("/")
        try:
            with tempfile.TemporaryDirectory(
                prefix=".labelwright-", dir=None if is_remote else Path(place).absolute().parent
            ) as folder:
                main = Path(folder) / name
                yield main
                others = sorted(path for path in Path(folder).iterdir() if path != main)
                for path in (*others, main):
                    if is_remote:
                        with _as_click():
                            uri = f"{parent}/{path.name}"
                            self.blobs().put(uri, chunks_of(path), content_type=_content_type(uri))
                    else:
                        path.chmod(0o644)
                        path.replace(Path(place).absolute().parent / path.name)
        except OSError as error:
            raise click.ClickException(f"{place} cannot be written: {error.strerror}.") from error

    def _upload_folder(self, folder: Path, prefix: str) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        with progress(len(paths), "storing", unit="") as bar, _as_click():
            for path in paths:
                uri = f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}"
                self.blobs().put(uri, chunks_of(path), content_type=_content_type(uri))
                bar.update()

    def write_lines(self, place: str, lines: Iterable[bytes]) -> None:
        """Write a manifest, atomically."""
        with self.output(place) as file:
            for line in lines:
                file.write(line + b"\n")


def _content_type(place: str) -> str:
    suffix = Path(place).suffix.lower()
    known = {".json": "application/json", ".png": "image/png", ".jpg": "image/jpeg", ".xml": "text/xml"}
    known |= {".jpeg": "image/jpeg", ".txt": "text/plain", ".manifest": "application/x-ndjson"}
    return known.get(suffix, "application/octet-stream")


def progress(total: int | None, name: str, *, unit: str = "B") -> tqdm[Any]:
    """A bar on standard error, where that is a terminal."""
    return tqdm(total=total, unit=unit, unit_scale=unit == "B", desc=name[-40:], disable=None, leave=False)


def read_with_bar(path: Path, bar: tqdm[Any]) -> Iterator[bytes]:
    """A file's chunks, counted on a bar."""
    for chunk in chunks_of(path):
        yield chunk
        bar.update(len(chunk))


@contextlib.contextmanager
def named(place: str) -> Iterator[None]:
    """Put the name of the file before messages about its lines, and refusals into click's form."""
    try:
        yield
    except ManifestError as error:
        raise click.ClickException(f"{place}: {error}") from error
    except LabelwrightError as error:
        raise click.ClickException(error.message) from error


@contextlib.contextmanager
def _as_click() -> Iterator[None]:
    try:
        yield
    except LabelwrightError as error:
        raise click.ClickException(error.message) from error
