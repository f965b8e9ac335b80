"""Check whole manifests and list what is wrong, with line numbers.

Unlike :func:`~labelwright.manifests.read`, which stops at the first bad line, these go on and report as
many as asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from labelwright.errors import ManifestError
from labelwright.manifests.checks import check_label
from labelwright.manifests.constants import LINE_CHARACTERS_MAX, METADATA_SUFFIX, SOURCE_REF_KEY
from labelwright.manifests.lines import LineSpan, Source, chunks_of, decode_exact, index_lines, parse_object
from labelwright.manifests.records import Record

__all__ = ["Finding", "Validation", "validate_input", "validate_output"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong (or, as a warning, doubtful) with one line.

    Attributes
    ----------
    line_number : int
        1-based; 0 when the whole file is meant.
    field : str
        The attribute concerned, or the empty string.
    message : str
    is_warning : bool
    """

    line_number: int
    field: str
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        place = f"line {self.line_number}: " if self.line_number else ""
        return f"{place}{'warning: ' if self.is_warning else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Validation:
    """Outcome of a check. ``findings`` holds the first ones only; the counts are complete."""

    n_lines: int
    n_errors: int
    n_warnings: int
    findings: tuple[Finding, ...]

    @property
    def is_valid(self) -> bool:
        """Whether there was no error (warnings are allowed)."""
        return self.n_errors == 0


class _Collector:
    def __init__(self, n_kept_max: int) -> None:
        self.n_kept_max = n_kept_max
        self.kept: list[Finding] = []
        self.n_errors = 0
        self.n_warnings = 0

    def add(self, finding: Finding) -> None:
        if finding.is_warning:
            self.n_warnings += 1
        else:
            self.n_errors += 1
        if len(self.kept) < self.n_kept_max:
            self.kept.append(finding)

    def add_error(self, error: ManifestError) -> None:
        self.add(Finding(error.line_number, "", error.message))

    def result(self, n_lines: int) -> Validation:
        return Validation(n_lines, self.n_errors, self.n_warnings, tuple(self.kept))


def validate_input(source: Source, *, lines_max: int | None = None, findings_max: int = 1000) -> Validation:
    """Check an input manifest of a labeling job.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    lines_max : int, optional
        Most lines allowed (``JOB_LINES_MAX`` is what a job takes, ``AWS_JOB_LINES_MAX`` AWS's quota).
    findings_max : int
        How many findings to keep.

    Returns
    -------
    Validation
    """
    collector = _Collector(findings_max)
    n_lines = 0
    for span in _spans(source, collector):
        n_lines += 1
        try:
            data = parse_object(span.raw, span.number + 1)
        except ManifestError as error:
            collector.add_error(error)
            continue
        uri = data.get(SOURCE_REF_KEY)
        if "source" not in data and isinstance(uri, str) and not uri.startswith("s3://"):
            collector.add(
                Finding(
                    span.number + 1,
                    SOURCE_REF_KEY,
                    f"'source-ref' is {uri[:80]!r}, not an S3 URI. It must begin with s3://.",
                )
            )
    _check_count(n_lines, lines_max, collector)
    return collector.result(n_lines)


def validate_output(
    source: Source,
    *,
    label_attribute_name: str | None = None,
    input_source: Source | None = None,
    class_names: Sequence[str] | None = None,
    n_workers: int | None = None,
    findings_max: int = 1000,
) -> Validation:
    """Check an output (augmented) manifest.

    Parameters
    ----------
    source : path, open binary file, or iterable of bytes
    label_attribute_name : str, optional
        The label to check; without it every label of every line is.
    input_source : path, open binary file, or iterable of bytes, optional
        The job's input manifest: lines must correspond one to one, with input keys first and unchanged.
    class_names : sequence of str, optional
        The job's labels in the order of its label category file.
    n_workers : int, optional
        Workers per object; with 1 all confidences must be 0.
    findings_max : int
        How many findings to keep.

    Returns
    -------
    Validation

    Notes
    -----
    What needs other files (does a mask exist, does it fit its image) is not checked here.
    """
    collector = _Collector(findings_max)
    n_lines = 0
    missing = LineSpan(-1, 0, 0, b"")
    inputs: Iterable[LineSpan] = () if input_source is None else index_lines(chunks_of(input_source))
    for span, given in zip_longest(_spans(source, collector), inputs, fillvalue=missing):
        if span.number < 0:
            collector.add(
                Finding(0, "", f"the input manifest has more lines than the output, which ends at {n_lines}.")
            )
            break
        n_lines += 1
        line_number = span.number + 1
        try:
            data = parse_object(span.raw, line_number)
        except ManifestError as error:
            collector.add_error(error)
            continue
        if input_source is not None:
            _check_against_input(span, given, label_attribute_name, collector)
        record = Record(span.number, data)
        names = record.label_attribute_names if label_attribute_name is None else [label_attribute_name]
        for name in names:
            for message in check_label(record, name, class_names=class_names, n_workers=n_workers):
                collector.add(Finding(line_number, name, message))
        if span.length > LINE_CHARACTERS_MAX and len(span.raw.decode()) > LINE_CHARACTERS_MAX:
            collector.add(
                Finding(
                    line_number,
                    "",
                    f"the line is longer than {LINE_CHARACTERS_MAX} characters. Labelwright can chain it; "
                    "Amazon SageMaker Ground Truth would reject it.",
                    is_warning=True,
                )
            )
    return collector.result(n_lines)


def _spans(source: Source, collector: _Collector) -> Iterator[LineSpan]:
    """Yield lines until the file stops being made of lines, which is reported."""
    try:
        yield from index_lines(chunks_of(source), on_blank=collector.add_error)
    except ManifestError as error:
        collector.add_error(error)


def _check_count(n_lines: int, lines_max: int | None, collector: _Collector) -> None:
    if n_lines == 0 and collector.n_errors == 0:
        collector.add(Finding(0, "", "the manifest is empty. Add one JSON object per line."))
    if lines_max is not None and n_lines > lines_max:
        collector.add(
            Finding(0, "", f"the manifest has {n_lines} lines; at most {lines_max} are allowed. Split it.")
        )


def _check_against_input(
    span: LineSpan, given: LineSpan, label_attribute_name: str | None, collector: _Collector
) -> None:
    line_number = span.number + 1
    if given.number < 0:
        collector.add(Finding(line_number, "", "the input manifest has no such line."))
        return
    if given.raw == span.raw:
        return
    try:
        before, after = decode_exact(given.raw), decode_exact(span.raw)
    except ValueError as error:
        collector.add(Finding(line_number, "", f"the input line is not usable: {error}"))
        return
    own = _own_keys(before, after, label_attribute_name)
    kept = [key for key in before if key not in own]
    if list(after)[: len(kept)] != kept:
        wrong = next((key for key, other in zip_longest(kept, after) if key != other), "")
        collector.add(
            Finding(
                line_number,
                str(wrong),
                f"the keys of the input must come first and in their order; {wrong!r} is missing or out "
                "of place.",
            )
        )
        return
    for key in kept:
        if before[key] != after[key]:
            collector.add(Finding(line_number, key, f"the value of {key!r} differs from the input."))


def _own_keys(before: dict[str, object], after: dict[str, object], name: str | None) -> set[str]:
    """Names of the job's own keys: given, or else every label and failure that is not as in the input."""
    if name is not None:
        return {name, name + METADATA_SUFFIX}
    own: set[str] = set()
    for attribute in Record(0, after).label_attribute_names:
        pair = (attribute, attribute + METADATA_SUFFIX)
        if any(before.get(key) != after.get(key) for key in pair):
            own.update(pair)
    return own
