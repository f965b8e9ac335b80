"""Checking a manifest before there is a job: every line, the labels it keeps, and the files it refers to.

The line checks are those that a job's start makes; the file checks those that a task's opening makes. Found
here, a mistake costs no worker's time.
"""

from __future__ import annotations

import dataclasses
import random
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from labelwright.core.functions import TASK_KINDS
from labelwright.core.limits import MANIFEST_LINES_MAX
from labelwright.core.names import check_label_attribute_name
from labelwright.engine.line_checks import LABEL_TYPES, check_line
from labelwright.engine.media import image_size_of, problem_with
from labelwright.errors import InvalidRequest, LabelwrightError, ManifestError
from labelwright.manifests import METADATA_SUFFIX, Record, index_lines, parse_object
from labelwright.manifests.checks import check_label
from labelwright.tasks import Categories, TaskType, task_type

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["CheckResult", "ManifestCheck", "Problem"]

_KEPT_MAX = 1000
# Long and short side of images that automated labeling takes.
_AUTO_SIDES: Final = {
    "image-classification": (3840, 2160),
    "object-detection": (3840, 2160),
    "semantic-segmentation": (1920, 1080),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one line.

    Attributes
    ----------
    line_number : int
        1-based; 0 when the whole file is meant.
    about : str
        ``line``, ``label``, ``object``, ``duplicate``, ``name``, ``labels`` or ``size``.
    key : str
        The attribute concerned; empty for the whole line.
    value : str
        What stands there, cut to 200 characters; empty where the message says it.
    message : str
        The rule and the next step.
    is_warning : bool
        True for what a job would take nevertheless.
    """

    line_number: int
    about: str
    key: str
    value: str
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"line {self.line_number}: " if self.line_number else ""
        name = f"{self.key} = " if self.key else ""
        what = f"{name}{self.value!r}: " if self.value else ""
        return f"{place}{'warning: ' if self.is_warning else ''}{what}{self.message}"


@dataclasses.dataclass(slots=True)
class CheckResult:
    """What a check found: complete counts, and the first problems."""

    n_lines: int = 0
    n_labeled: int = 0
    n_objects_checked: int = 0
    n_errors: int = 0
    n_warnings: int = 0
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    problems: list[Problem] = dataclasses.field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether a job would take every line (warnings are allowed)."""
        return self.n_errors == 0

    def add(self, problem: Problem) -> None:
        """Count a problem, and keep it if it is one of the first."""
        if problem.is_warning:
            self.n_warnings += 1
        else:
            self.n_errors += 1
        self.counts[problem.about] += 1
        if len(self.problems) < _KEPT_MAX:
            self.problems.append(problem)


class ManifestCheck:
    """One check, as it will run.

    Parameters
    ----------
    type_name : str
        Suffix of the task type (``BoundingBox``).
    label_attribute_name : str
        Of the job to come; empty: labels are not looked at.
    categories : Categories, optional
        The label category file.
    blobs : Blobs, optional
        Where the files are; None: they are not looked at.
    n_objects : int or None
        How many files to look at, drawn at random; None: all.
    n_threads : int
        Files looked at at once.
    seed : int
        Of the draw.
    is_auto : bool
        Whether the job is to have automated labeling, which takes smaller images.

    Raises
    ------
    NotFound
        There is no such task type.
    """

    def __init__(
        self,
        type_name: str,
        *,
        label_attribute_name: str = "",
        categories: Categories | None = None,
        blobs: Blobs | None = None,
        n_objects: int | None = None,
        n_threads: int = 16,
        seed: int = 0,
        is_auto: bool = False,
    ) -> None:
        self._type_name = type_name
        self._kind: TaskType = task_type(type_name)
        self._name = label_attribute_name
        self._class_names = categories.labels if categories is not None and categories.labels else None
        self._blobs = blobs
        self._n_threads = n_threads
        self._n_objects = n_objects
        self._random = random.Random(seed)  # noqa: S311 - a draw that can be repeated, no secret
        documented = TASK_KINDS.get(type_name)
        self._sides = _AUTO_SIDES.get(documented.algorithm) if is_auto and documented is not None else None
        self.result = CheckResult()
        self._hashes = array("q")
        self._numbers = array("I")

    def run(
        self, chunks: Iterable[bytes], *, on_objects: Callable[[int, int], None] | None = None
    ) -> CheckResult:
        """Check a manifest.

        Parameters
        ----------
        chunks : iterable of bytes
            The file, cut anywhere.
        on_objects : callable, optional
            Gets how many files were looked at, and how many will be (0 while that is not known).
        """
        self._check_name()
        if self._blobs is None or self._kind.media not in ("image", "video"):
            for _ in self._lines(chunks):
                pass
        elif self._n_objects is None:
            self._check_objects(self._lines(chunks), 0, on_objects)
        else:
            drawn = self._draw(self._lines(chunks), self._n_objects)
            self._check_objects(iter(drawn), len(drawn), on_objects)
        self._find_duplicates()
        self.result.problems.sort(key=lambda problem: problem.line_number)
        return self.result

    def _check_name(self) -> None:
        documented = TASK_KINDS.get(self._type_name)
        if not self._name or documented is None:
            return
        try:
            check_label_attribute_name(self._name, documented)
        except InvalidRequest as error:
            self.result.add(Problem(0, "name", "LabelAttributeName", "", error.message))

    def _lines(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
        """Check all lines; yields the number and the reference of the good ones."""
        result = self.result

        def on_blank(error: ManifestError) -> None:
            result.add(Problem(error.line_number, "line", "", "", error.message))

        try:
            for span in index_lines(chunks, on_blank=on_blank):
                result.n_lines += 1
                number = span.number + 1
                try:
                    line = parse_object(span.raw, number)
                    check_line(
                        self._kind, self._type_name, line, label_attribute_name=self._name, number=number
                    )
                except (ManifestError, InvalidRequest) as error:
                    self._add_line_error(number, span.raw, error)
                    continue
                if self._name:
                    self._check_kept_label(number, line)
                source = self._source(line)
                if source is not None:
                    self._hashes.append(hash(source))
                    self._numbers.append(number)
                    if source[0] == "source-ref":
                        yield number, source[1]
        except ManifestError as error:  # it stops being made of lines
            result.add(Problem(error.line_number, "line", "", "", error.message))
        if result.n_lines == 0 and result.n_errors == 0:
            result.add(Problem(0, "line", "", "", "the manifest is empty. Add one JSON object per line."))
        if result.n_lines > MANIFEST_LINES_MAX:
            message = f"a manifest may have at most {MANIFEST_LINES_MAX:,} lines. Split it."
            result.add(Problem(0, "size", "", str(result.n_lines), message))

    def _add_line_error(self, number: int, raw: bytes, error: LabelwrightError) -> None:
        about = "label" if self._name and repr(self._name) in error.message else "line"
        self.result.add(Problem(number, about, "", raw[:80].decode("utf-8", "replace"), error.message))

    def _source(self, line: dict[str, Any]) -> tuple[str, str] | None:
        for key in ("source", "source-ref"):
            value = line.get(key)
            if key in self._kind.source_keys and isinstance(value, str):
                return key, value
        return None

    def _check_kept_label(self, number: int, line: dict[str, Any]) -> None:
        if line.get(self._name) is None:
            return
        self.result.n_labeled += 1
        record = Record(number - 1, line)
        expected = LABEL_TYPES.get(self._type_name)
        try:
            label = record.label(self._name)
        except ManifestError as error:
            shown = str(line[self._name])[:200]
            self.result.add(Problem(number, "label", self._name, shown, error.message, is_warning=True))
            return
        metadata = label.metadata if label is not None else None
        if expected and metadata is not None and metadata.type.lower() != expected:
            message = f"the kept label's type is not the job's, {expected!r}. It is kept as it is."
            key = self._name + METADATA_SUFFIX
            self.result.add(Problem(number, "label", key, metadata.type[:200], message, is_warning=True))
        for message in check_label(record, self._name, class_names=self._class_names, n_workers=None):
            self.result.add(
                Problem(number, "label", self._name, "", f"{message} It is kept as it is.", is_warning=True)
            )

    def _draw(self, sources: Iterator[tuple[int, str]], size: int) -> list[tuple[int, str]]:
        """A random sample of a stream (reservoir sampling, Vitter 1985, algorithm R), in line order."""
        drawn: list[tuple[int, str]] = []
        for i, item in enumerate(sources):
            if i < size:
                drawn.append(item)
            elif (place := self._random.randrange(i + 1)) < size:
                drawn[place] = item
        return sorted(drawn)

    def _check_objects(
        self,
        sources: Iterator[tuple[int, str]],
        n_total: int,
        on_objects: Callable[[int, int], None] | None,
    ) -> None:
        waiting: deque[tuple[int, str, Future[str | None]]] = deque()
        with ThreadPoolExecutor(self._n_threads, "manifest-check") as pool:
            for number, source in sources:
                waiting.append((number, source, pool.submit(self._object_problem, source)))
                if len(waiting) > 8 * self._n_threads:
                    self._take(waiting.popleft(), n_total, on_objects)
            while waiting:
                self._take(waiting.popleft(), n_total, on_objects)

    def _take(
        self,
        item: tuple[int, str, Future[str | None]],
        n_total: int,
        on_objects: Callable[[int, int], None] | None,
    ) -> None:
        number, source, future = item
        message = future.result()
        self.result.n_objects_checked += 1
        if message is not None:
            # The job would go on without the object, but nobody wants to find that out later.
            self.result.add(Problem(number, "object", "source-ref", source[:200], message))
        if on_objects is not None:
            on_objects(self.result.n_objects_checked, n_total)

    def _object_problem(self, source: str) -> str | None:
        blobs = self._blobs
        if blobs is None:
            return None
        try:
            problem = problem_with(blobs, source, self._kind.media)
            if problem is not None or self._sides is None:
                return None if problem is None else _with_step(problem)
            size = image_size_of(blobs, source)
        except LabelwrightError as error:
            return f"{error.message} Check the address and the access to it."
        if size is not None and (max(size) > self._sides[0] or min(size) > self._sides[1]):
            return (
                f"the image has {size[0]} x {size[1]} pixels; with automated labeling at most "
                f"{self._sides[0]} x {self._sides[1]} are allowed. Scale it down."
            )
        return None

    def _find_duplicates(self) -> None:
        """Warn of data that occurs twice, from 20 bytes a line (a set would need ten times that)."""
        if len(self._hashes) < 2:
            return
        import numpy as np

        hashes, numbers = np.asarray(self._hashes), np.asarray(self._numbers)
        ordered = np.sort(hashes)
        repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        del ordered
        if len(repeated) == 0:
            return
        # Most data occurs once: the rest is done for the lines that share theirs.
        chosen = repeated[np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)] == hashes
        hashes, numbers = hashes[chosen], numbers[chosen]
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        is_again = np.zeros(len(order), np.bool_)
        is_again[1:] = ordered[1:] == ordered[:-1]
        first_of = np.maximum.accumulate(np.where(is_again, 0, np.arange(len(order))))
        found = np.flatnonzero(is_again)
        for i in found[np.argsort(order[found])]:
            first = int(numbers[order[first_of[i]]])
            self.result.add(
                Problem(
                    int(numbers[order[i]]),
                    "duplicate",
                    "",
                    "",
                    f"the data is the same as in line {first}; workers will label it twice. Remove one of "
                    "the lines if that is not meant.",
                    is_warning=True,
                )
            )


def _with_step(problem: str) -> str:
    """The object's failure reason, with what to do about it."""
    text = problem.removeprefix("ClientError: ")
    if text.startswith("Could not access"):
        return "the object does not exist or cannot be read. Upload it, or correct the address."
    if "MB" in text or "pixels" in text:
        return f"{text} Scale the image down."
    return f"{text} Convert the file, or correct the address."
