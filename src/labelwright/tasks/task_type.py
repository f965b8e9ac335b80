"""What a task type is: what it accepts, what its page gets, which answers fit, and how answers become labels.

One module of this package holds one type and offers it as ``TASK_TYPE``; `labelwright.tasks` finds it by the
suffix of the built-in functions. Everything here is pure: bytes are read and written by the engine, through
what it hands in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Protocol

from labelwright.core.limits import LABEL_NAME_CHARS_MAX
from labelwright.errors import InvalidRequest
from labelwright.tasks.worker_report import Measure, WorkerReport

__all__ = [
    "COMPATIBLE",
    "ONLY_COMPATIBLE",
    "Answer",
    "Categories",
    "Certainty",
    "Failure",
    "JobNames",
    "Label",
    "LabelFile",
    "Measure",
    "Media",
    "ObjectAnswers",
    "Outcome",
    "ReadLine",
    "TaskType",
    "WorkerReport",
    "algorithms_of",
    "certainty_of",
    "n_earlier_of",
    "parse_categories",
]

COMPATIBLE = "compatible"
"""The algorithm that gives what Ground Truth gave."""

ONLY_COMPATIBLE: Mapping[str, str] = MappingProxyType({COMPATIBLE: "1"})

Certainty = Literal["none", "posterior", "agreement"]

Media = Literal["image", "text", "video", "any"]
"""What ``source-ref`` must be: an image, nothing (the data is the text in ``source``), a video that browsers
play, or any file."""

ReadLine = Callable[[], Mapping[str, Any]]
"""Reads the object's manifest line when it is called."""


@dataclasses.dataclass(frozen=True, slots=True)
class Categories:
    """The label category file.

    Attributes
    ----------
    labels : tuple of str
        Names in file order; the position is the class index in all outputs.
    index : Mapping of str to int
    document : Mapping
        The whole file.
    """

    labels: tuple[str, ...]
    index: Mapping[str, int]
    document: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class JobNames:
    """The names that go into labels.

    Attributes
    ----------
    label_attribute_name : str
    job_name : str
        As given, with its case.
    n_workers : int
        Workers asked for per object; with adaptive redundancy the most that may be asked.
    algorithm : str
        Name of the consolidation algorithm, one of the task type's ``algorithms``.
    """

    label_attribute_name: str
    job_name: str
    n_workers: int
    algorithm: str = COMPATIBLE

    @property
    def metadata_name(self) -> str:
        """Key of the metadata."""
        return f"{self.label_attribute_name}-metadata"

    @property
    def reference(self) -> str:
        """``labeling-job/<name in lower case>``, the ``job-name`` of built-in types."""
        return f"labeling-job/{self.job_name.lower()}"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """One worker's answer: ``worker`` tells workers apart, ``content`` is ``answerContent``."""

    worker: str
    content: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class ObjectAnswers:
    """An object of a consolidation group, with its answers in order of submission.

    Attributes
    ----------
    object_no : int
    answers : sequence of Answer
        At least one.
    creation_date : str
        ``YYYY-MM-DDTHH:MM:SS.ffffff``, different for every object.
    response_uri : str
        Where the object's worker-response file is.
    line : Mapping
        The manifest line.
    output_folder : str
        URI, without a slash at the end, under which the files of labels lie.
    image_size : callable
        ``() -> (width, height)`` of the stored image in pixels, or None when it cannot be read.
    read : callable
        ``(uri) -> bytes`` of a stored object, or None when it cannot be read or is too large to be looked at.
    """

    object_no: int
    answers: Sequence[Answer]
    creation_date: str
    response_uri: str
    line: Mapping[str, Any]
    output_folder: str
    image_size: Callable[[], tuple[int, int] | None]
    read: Callable[[str], bytes | None]


@dataclasses.dataclass(frozen=True, slots=True)
class LabelFile:
    """A file that a label refers to; its name must follow from the object and its creation date."""

    uri: str
    data: bytes = dataclasses.field(repr=False)
    content_type: str


@dataclasses.dataclass(frozen=True, slots=True)
class Label:
    """What goes to the output line: keys in their order. ``files`` are written before anything names them."""

    content: dict[str, Any]
    files: tuple[LabelFile, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """No label could be made; ``reason`` follows ``ClientError: Annotation consolidation failed:``.

    A reason that begins with ``ClientError: `` itself stands alone.
    """

    reason: str


Outcome = Label | Failure


class TaskType(Protocol):
    """The contract of a task type. Types that inherit from it explicitly get the defaults.

    Attributes
    ----------
    suffixes : tuple of str
        Suffixes of the functions that select it; ``Custom`` stands for jobs without functions.
    source_keys : tuple of str
        Manifest keys that may hold the data.
    media : Media
    n_labels_min : int
        0 when a label category file is not needed.
    n_labels_max : int or None
    is_checked_in_thread : bool
        True when `validate_answer` takes long or reads the line, so that it must not run in the event loop.
    audits_labels : bool
        True when workers look at labels of an earlier job; only then are `check_line` and `problem_with`
        called.
    algorithms : Mapping of str to str
        Names of the consolidation algorithms that a job may choose, with their versions.
    certainty : str
        What `certainties` looks at: ``posterior`` of the label, given what is known of the workers from other
        objects; ``agreement`` of the answers to the object alone; or ``none``, without adaptive redundancy.
    n_reported : int
        From how many objects at most `worker_reports` are made; 0 where workers cannot be compared.
    """

    suffixes: tuple[str, ...]
    source_keys: tuple[str, ...]
    media: Media
    n_labels_min: int = 1
    n_labels_max: int | None = None
    is_checked_in_thread: bool = False
    audits_labels: bool = False
    algorithms: Mapping[str, str] = ONLY_COMPATIBLE
    certainty: Certainty = "none"
    n_reported: int = 0

    def check_categories(self, categories: Categories) -> None:
        """Check what the label category file holds besides names.

        Raises
        ------
        InvalidRequest
            The job fails before it starts.
        """
        return

    def check_line(self, line: Mapping[str, Any], label_attribute_name: str) -> None:
        """Check a manifest line while the job is set up.

        Raises
        ------
        InvalidRequest
            The job fails before it starts; the message is put after the line's number.
        """
        return

    def problem_with(self, line: Mapping[str, Any], label_attribute_name: str) -> str | None:
        """Why this object alone cannot be given to workers; None when it can."""
        return None

    def task_input(self, line: Mapping[str, Any], categories: Categories) -> dict[str, Any]:
        """``task.input`` of the template."""
        ...

    def validate_answer(
        self, answer: Mapping[str, Any], categories: Categories, line: ReadLine
    ) -> dict[str, Any]:
        """The answer as it is kept. ``line`` may only be called by types with ``is_checked_in_thread``.

        Raises
        ------
        InvalidRequest
            When consolidation could not read it; ``field`` is the path in the answer.
        """
        ...

    def consolidate(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> Iterable[Outcome]:
        """One outcome per object, in their order.

        Types whose labels have large files yield them one by one; each is written before the next is made.
        """
        ...

    def n_earlier(self, categories: Categories, names: JobNames) -> int:
        """How many objects that were consolidated before help to judge the workers of a group; 0 for none.

        `consolidate` is given so many at most after those of the group, and what it makes of them is thrown
        away. They have answers and, unless ``certainty`` is ``posterior``, their manifest line; nothing else.
        """
        return 0

    def certainties(
        self, objects: Sequence[ObjectAnswers], categories: Categories, names: JobNames
    ) -> Sequence[float]:
        """How sure each object's label is, 0 to 1, for types whose ``certainty`` is not ``none``."""
        return [0.0] * len(objects)

    def worker_reports(
        self, objects: Sequence[ObjectAnswers], categories: Categories
    ) -> Sequence[WorkerReport]:
        """How good the workers seem to be; ``objects`` are as the earlier ones of `n_earlier`."""
        return []


def algorithms_of(kind: TaskType) -> Mapping[str, str]:
    """The algorithms that jobs of a type may choose; types of other packages need not say any."""
    found: Mapping[str, str] = getattr(kind, "algorithms", ONLY_COMPATIBLE)
    return found


def certainty_of(kind: TaskType) -> Certainty:
    """What a type's `certainties` look at; types of other packages need not have it."""
    found: Certainty = getattr(kind, "certainty", "none")
    return found


def n_earlier_of(kind: TaskType, categories: Categories, names: JobNames) -> int:
    """What a type's `n_earlier` says; 0 where one worker is asked, and for types that do not have it."""
    if names.n_workers == 1 or not hasattr(kind, "n_earlier"):
        return 0
    return kind.n_earlier(categories, names)


def parse_categories(document: Any, *, n_min: int, n_max: int | None) -> Categories:
    """Check a label category file.

    Parameters
    ----------
    document : object
        The parsed JSON.
    n_min, n_max : int, int or None
        How many labels the task type takes.

    Raises
    ------
    InvalidRequest
        Naming the label and the rule.
    """
    if not isinstance(document, dict) or not isinstance(document.get("labels"), list):
        _refuse('must be a JSON object with a list "labels"', field="labels")
    index: dict[str, int] = {}
    for i, entry in enumerate(document["labels"]):
        name = entry.get("label") if isinstance(entry, dict) else None
        field = f"labels[{i}].label"
        if not isinstance(name, str) or not name:
            _refuse(f'has an entry without a name at {field}; write {{"label": "<name>"}}', field=field)
        if len(name) > LABEL_NAME_CHARS_MAX:
            length = f"{len(name)} characters at {field}; at most {LABEL_NAME_CHARS_MAX} are allowed"
            _refuse(f"has a name of {length}", field=field)
        if name in index:
            _refuse(f"has the label {name!r} twice, at {field}; labels must differ", field=field)
        index[name] = i
    if len(index) < n_min:
        _refuse(f"has {len(index)} labels; this task type needs at least {n_min}", field="labels")
    if n_max is not None and len(index) > n_max:
        _refuse(f"has {len(index)} labels; this task type takes at most {n_max}", field="labels")
    return Categories(tuple(index), index, document)


def _refuse(what: str, *, field: str) -> NoReturn:
    raise InvalidRequest(f"The label category file {what}.", field=field)
