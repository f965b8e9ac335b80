"""True labels by object: what simulated workers look at instead of the picture.

Objects are found by the value of their ``source-ref`` or ``source``, never by their order, so the manifest of
truth may be longer than the job's, shuffled, or the output of another job.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import (
    BoxesLabel,
    ClassLabel,
    LabeledBox,
    MultiLabel,
    Record,
    SegmentationLabel,
    Source,
    SpansLabel,
    read,
)
from labelwright.tasks._png import BadPng, read_mask

__all__ = [
    "BoxTruth",
    "ClassTruth",
    "MaskTruth",
    "SpansTruth",
    "TicksTruth",
    "TrueBox",
    "TrueSpan",
    "Truth",
    "TruthBook",
    "read_truth",
]


_N_MASKS = 32  # kept in memory: workers come by one after the other


@dataclasses.dataclass(frozen=True, slots=True)
class TrueBox:
    """A true box; ``class_id`` is the index in the job's labels. Pixels, origin top-left."""

    class_id: int
    left: float
    top: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True, slots=True)
class BoxTruth:
    """What is truly in one picture of ``image_width`` by ``image_height`` pixels."""

    image_width: int
    image_height: int
    boxes: tuple[TrueBox, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ClassTruth:
    """The true class of one picture or text, as an index in the job's labels."""

    class_id: int


@dataclasses.dataclass(frozen=True, slots=True)
class TicksTruth:
    """All true classes of one picture or text, as indices in the job's labels."""

    class_ids: frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class TrueSpan:
    """A true span of text: code points, ``end`` exclusive."""

    start: int
    end: int
    class_id: int


@dataclasses.dataclass(frozen=True, slots=True)
class SpansTruth:
    """What is truly in one text of ``length`` code points."""

    length: int
    spans: tuple[TrueSpan, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class MaskTruth:
    """The true mask of one picture, read when it is needed.

    Attributes
    ----------
    load : callable
        Gives an ndarray of shape (height, width), uint8: 0 is the background, ``i + 1`` the job's label
        ``i``.
    """

    load: Callable[[], npt.NDArray[np.uint8]]


Truth = BoxTruth | ClassTruth | MaskTruth | TicksTruth | SpansTruth


class TruthBook(Mapping[str, Truth]):
    """True labels by task object (an S3 URI or a text).

    Parameters
    ----------
    by_object : mapping
    """

    def __init__(self, by_object: Mapping[str, Truth]) -> None:
        self._by_object = dict(by_object)

    def __getitem__(self, task_object: str) -> Truth:
        """The truth about one object; KeyError when it is not known."""
        return self._by_object[task_object]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_object)

    def __len__(self) -> int:
        return len(self._by_object)


def read_truth(
    source: Source,
    attribute: str,
    labels: Sequence[str],
    *,
    read_object: Callable[[str], bytes] | None = None,
) -> TruthBook:
    """Read an augmented manifest of true labels.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    attribute : str
        Label attribute name that holds the truth: boxes, a class, several classes, spans of text, or
        masks.
    labels : sequence of str
        The job's labels. Where the manifest names its classes (``class-map``, ``class-name``), they are
        matched by name; where it does not, its indices are taken as indices of these labels.

    read_object : callable, optional
        ``(s3 uri) -> bytes``, for masks; without it they cannot be simulated.

    Returns
    -------
    TruthBook
        Without the lines that lack the attribute. Of two lines about the same object the later counts.

    Raises
    ------
    ManifestError
        A line is malformed, or of a kind that cannot be simulated, or its class is not among the labels.
    InvalidRequest
        No line has the attribute.
    """
    index = {label: i for i, label in enumerate(labels)}
    load = lru_cache(_N_MASKS)(partial(_mask, read_object)) if read_object is not None else None
    by_object: dict[str, Truth] = {}
    seen: set[str] = set()
    for record in read(source):
        seen.update(record.label_attribute_names)
        label = record.label(attribute)
        task_object = record.source if record.source is not None else record.source_ref
        if label is None or label.is_failed or task_object is None:
            continue
        match label.value:
            case BoxesLabel(image_width, image_height, _, boxes):
                by_object[task_object] = BoxTruth(
                    image_width,
                    image_height,
                    tuple(_true_box(box, index, labels, record, attribute) for box in boxes),
                )
            case ClassLabel(class_index, name):
                by_object[task_object] = ClassTruth(
                    _class_id(class_index, name, index, labels, record, attribute)
                )
            case MultiLabel(classes):
                by_object[task_object] = TicksTruth(
                    frozenset(
                        _class_id(c.class_index, c.name, index, labels, record, attribute) for c in classes
                    )
                )
            case SpansLabel(spans) if record.source is not None:
                by_object[task_object] = SpansTruth(
                    len(record.source),
                    tuple(
                        TrueSpan(s.start, s.end, _class_id(-1, s.label, index, labels, record, attribute))
                        for s in spans
                    ),
                )
            case SegmentationLabel(uri, classes) if load is not None:
                colors = tuple(
                    (c.hex_color.lower(), 1 + _class_id(-1, c.name, index, labels, record, attribute))
                    for c in classes
                    if c.hex_color is not None and c.class_index != 0
                )
                by_object[task_object] = MaskTruth(partial(load, uri, colors))
            case other:
                raise ManifestError(
                    f"{attribute} is a {type(other).__name__}; only bounding boxes, classes, spans of "
                    "text and masks can be simulated.",
                    line_number=record.number + 1,
                )
    if not by_object:
        known = f" It has {', '.join(sorted(seen))}." if seen else " No line has any label."
        raise InvalidRequest(
            f"--attribute {attribute}: no line of the truth manifest has this label.{known}",
            field="attribute",
        )
    return TruthBook(by_object)


def _mask(
    read_object: Callable[[str], bytes], uri: str, colors: tuple[tuple[str, int], ...]
) -> npt.NDArray[np.uint8]:
    try:
        return read_mask(read_object(uri), dict(colors))
    except BadPng as error:
        raise InvalidRequest(f"--truth: the mask {uri} {error}.", field="truth", value=uri) from error


def _true_box(
    box: LabeledBox, index: Mapping[str, int], labels: Sequence[str], record: Record, attribute: str
) -> TrueBox:
    class_id = _class_id(box.class_id, box.name, index, labels, record, attribute)
    return TrueBox(class_id, box.left, box.top, box.width, box.height)


def _class_id(
    class_index: int,
    name: str | None,
    index: Mapping[str, int],
    labels: Sequence[str],
    record: Record,
    attribute: str,
) -> int:
    if name is not None:
        if name in index:
            return index[name]
        raise ManifestError(
            f"{attribute} has the class {name!r}, which is not a label of the job ({', '.join(labels)}). "
            "Give the truth in the job's labels.",
            line_number=record.number + 1,
        )
    if not 0 <= class_index < len(labels):
        raise ManifestError(
            f"{attribute} has the class index {class_index}, but the job has {len(labels)} labels.",
            line_number=record.number + 1,
        )
    return class_index
