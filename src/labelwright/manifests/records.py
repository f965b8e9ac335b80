"""Read and write augmented manifests, one record at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from labelwright.errors import ManifestError
from labelwright.manifests.constants import METADATA_SUFFIX, SOURCE_KEY, SOURCE_REF_KEY
from labelwright.manifests.labels import Label, label_from
from labelwright.manifests.lines import Source, chunks_of, earlier_label_keys, index_lines, parse_object
from labelwright.manifests.numbers import dumps

__all__ = ["Record", "Writer", "read"]


@dataclass(frozen=True, slots=True)
class Record:
    """One data object of a manifest.

    Attributes
    ----------
    number : int
        0-based line number.
    data : mapping
        The whole line, keys in their order.
    """

    number: int
    data: Mapping[str, object]

    @property
    def source(self) -> str | None:
        """The text to label, if the object holds it itself."""
        value = self.data.get(SOURCE_KEY)
        return value if isinstance(value, str) else None

    @property
    def source_ref(self) -> str | None:
        """The S3 URI of the file to label."""
        value = self.data.get(SOURCE_REF_KEY)
        return value if isinstance(value, str) else None

    @property
    def label_attribute_names(self) -> list[str]:
        """Names of all labels in the order of the line, those of failed objects included."""
        about = [key for key in self.data if key.endswith(METADATA_SUFFIX)]
        if not about:
            return []
        earlier = earlier_label_keys(self.data)
        names = [key for key in self.data if key in earlier and not key.endswith(METADATA_SUFFIX)]
        for key in about:
            value = self.data[key]
            if isinstance(value, dict) and "failure-reason" in value:
                name = key.removesuffix(METADATA_SUFFIX)
                if name not in names:
                    names.append(name)
        return names

    def label(self, attribute: str | None = None) -> Label | None:
        """Return one label, parsed.

        Parameters
        ----------
        attribute : str, optional
            The label attribute name. May be left out when the line has at most one label.

        Returns
        -------
        Label or None
            None for an object without this label.

        Raises
        ------
        ManifestError
            The label is malformed, or ``attribute`` is left out and the line has several.
        """
        if attribute is None:
            names = self.label_attribute_names
            if len(names) > 1:
                raise ManifestError(
                    f"the line has several labels: {', '.join(names)}. Name the one you want.",
                    line_number=self.number + 1,
                )
            if not names:
                return None
            attribute = names[0]
        return label_from(self.data, attribute, line_number=self.number + 1)


def read(source: Source) -> Iterator[Record]:
    """Read a manifest as a stream of records.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes

    Raises
    ------
    ManifestError
        At the first line that is not a usable data object.

    Examples
    --------
    >>> lines = [b'{"source":"Great","mood":1,"mood-metadata":{"class-name":"good","confidence":0.8,'
    ...          b'"type":"groundtruth/text-classification","human-annotated":"yes"}}']
    >>> [record.label("mood").value.name for record in read(lines)]
    ['good']
    """
    for span in index_lines(chunks_of(source)):
        yield Record(span.number, parse_object(span.raw, span.number + 1))


class Writer:
    """Write records as compact JSON Lines, each ended by ``\\n``.

    Parameters
    ----------
    stream : binary file
        Stays open; the caller closes it. Used as a context manager the writer flushes it at the end.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO()
    >>> with Writer(stream) as writer:
    ...     writer.write({"source": "é", "n": 0.5})
    >>> stream.getvalue().decode()
    '{"source":"é","n":0.5}\\n'
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_written = 0

    def write(self, record: Record | Mapping[str, object]) -> None:
        """Write one line.

        Raises
        ------
        TypeError
            A value that JSON does not have.
        """
        data = record.data if isinstance(record, Record) else record
        self._stream.write(dumps(dict(data)) + b"\n")
        self.n_written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._stream.flush()
