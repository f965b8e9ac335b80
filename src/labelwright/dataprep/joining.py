"""Join manifests: the union of their lines, with the labels of equal objects put together.

Two external sorts, one by object and one back into the order of first sight, keep memory constant. A line
whose object occurs once is copied byte for byte.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from labelwright.dataprep.classes import (
    ClassTable,
    annotation_classes,
    annotation_confidences,
    key_of,
    renumber,
)
from labelwright.dataprep.sorting import ExternalSorter
from labelwright.errors import InvalidRequest, LabelwrightError, ManifestError
from labelwright.manifests import (
    METADATA_SUFFIX,
    FailedLabel,
    Record,
    Source,
    chunks_of,
    decode_exact,
    dumps,
    index_lines,
    label_from,
    parse_object,
)

__all__ = ["CONFLICT_RULES", "Conflict", "ConflictRule", "JoinSummary", "join_manifests"]

ConflictRule = Literal["error", "first", "last", "newest", "confident", "human"]
"""What happens when one object has two different labels under one name: see `join_manifests`."""

CONFLICT_RULES: tuple[str, ...] = get_args(ConflictRule)
_N_CONFLICTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two values for one attribute of one object. Places are ``file line n``."""

    key: str
    attribute: str
    kept: str
    dropped: str


@dataclass(slots=True)
class JoinSummary:
    """What a join did. ``conflicts`` holds the first hundred; ``n_conflicts`` counts all by attribute."""

    n_lines_in: list[int] = field(default_factory=list)
    n_lines_out: int = 0
    n_merged: int = 0
    n_failures_replaced: int = 0
    n_conflicts: Counter[str] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    data: dict[str, Any]
    place: str


def join_manifests(
    sources: Sequence[tuple[str, Source]],
    summary: JoinSummary,
    *,
    key: str | None = None,
    rule: ConflictRule = "error",
    renumbers_classes: bool = False,
    memory_bytes: int = 64 << 20,
) -> Iterator[bytes]:
    """Join manifests into one.

    Parameters
    ----------
    sources : sequence of (name, source)
        The name goes into messages.
    summary : JoinSummary
        Filled while the result is read.
    key : str, optional
        The attribute that tells objects apart; ``source-ref``, else ``source``, without it.
    rule : {"error", "first", "last", "newest", "confident", "human"}
        Which of two different labels (or other values) of one object under one name is kept: none, the one
        of the manifest named first or last, the one with the later creation date, with the higher mean
        confidence, or the one made by people. Where a rule does not decide, the first is kept. A label always
        wins over a recorded failure.
    renumbers_classes : bool
        Classes are told apart by name, and get new indices where two manifests use one index for two names.
    memory_bytes : int
        Of each of the two sorts.

    Yields
    ------
    bytes
        Lines without line ends, in the order in which objects occur first.

    Raises
    ------
    LabelwrightError
        A bad line, a conflict under the rule ``error``, or one class index with two names.
    """
    with ExternalSorter(memory_bytes=memory_bytes) as by_place:
        with ExternalSorter(memory_bytes=memory_bytes) as by_object:
            for i_source, (name, source) in enumerate(sources):
                summary.n_lines_in.append(0)
                for digest, number, raw in _keyed_lines(name, source, key):
                    place = i_source.to_bytes(4, "big") + number.to_bytes(8, "big")
                    by_object.add(digest + place, raw)
                    summary.n_lines_in[-1] += 1
            for first_place, group in _groups(by_object):
                if len(group) == 1:
                    by_place.add(first_place, group[0][1])
                else:
                    lines = [_Line(decode_exact(raw), _place(sources, place)) for place, raw in group]
                    by_place.add(first_place, dumps(_merged(lines, summary, key, rule, renumbers_classes)))
                    summary.n_merged += len(group) - 1
        tables: dict[str, ClassTable] = {}
        for place, raw in by_place:
            summary.n_lines_out += 1
            yield _with_one_class_table(raw, tables, renumbers_classes, _place(sources, place))


def _keyed_lines(name: str, source: Source, key: str | None) -> Iterator[tuple[bytes, int, bytes]]:
    try:
        for span in index_lines(chunks_of(source)):
            data = parse_object(span.raw, span.number + 1)
            value = key_of(data, key, line_number=span.number + 1)
            digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            yield digest, span.number, span.raw
    except ManifestError as error:
        raise LabelwrightError(f"{name}: {error}") from error


def _groups(sorter: ExternalSorter) -> Iterator[tuple[bytes, list[tuple[bytes, bytes]]]]:
    """Records of equal objects, each with its place; the place of the first comes first."""
    digest, group = b"", list[tuple[bytes, bytes]]()
    for record_key, raw in sorter:
        if record_key[:16] != digest and group:
            yield group[0][0], group
            group = []
        digest = record_key[:16]
        group.append((record_key[16:], raw))
    if group:
        yield group[0][0], group


def _place(sources: Sequence[tuple[str, Source]], place: bytes) -> str:
    return f"{sources[int.from_bytes(place[:4], 'big')][0]} line {int.from_bytes(place[4:], 'big') + 1}"


def _merged(
    lines: list[_Line], summary: JoinSummary, key: str | None, rule: ConflictRule, by_name: bool
) -> dict[str, Any]:
    """One line of several; labels and their metadata stay together and come after the plain attributes."""
    plain: dict[str, tuple[Any, str]] = {}
    labels: dict[str, _Line] = {}
    for line in lines:
        names = Record(0, line.data).label_attribute_names
        own = {name + suffix for name in names for suffix in ("", METADATA_SUFFIX)}
        for name, value in line.data.items():
            if name in own:
                continue
            if name not in plain:
                plain[name] = (value, line.place)
            elif plain[name][0] != value:
                kept_first = rule != "last"
                _report(summary, rule, lines[0], key, name, (plain[name][1], line.place), kept_first)
                if not kept_first:
                    plain[name] = (value, line.place)
        for name in names:
            labels[name] = (
                _better(labels[name], line, name, summary, key, rule, by_name) if name in labels else line
            )
    merged: dict[str, Any] = {name: value for name, (value, _) in plain.items()}
    for name, line in labels.items():
        for part in (name, name + METADATA_SUFFIX):
            merged.pop(part, None)
            if part in line.data:
                merged[part] = line.data[part]
    return merged


def _better(
    first: _Line,
    second: _Line,
    name: str,
    summary: JoinSummary,
    key: str | None,
    rule: ConflictRule,
    by_name: bool,
) -> _Line:
    one, two = (label_from(line.data, name) for line in (first, second))
    if one is None or two is None:
        return first if two is None else second
    if isinstance(one.value, FailedLabel) or isinstance(two.value, FailedLabel):
        if isinstance(one.value, FailedLabel) and not isinstance(two.value, FailedLabel):
            summary.n_failures_replaced += 1
            return second
        return first
    if first.data[name] == second.data[name] and (
        by_name or annotation_classes(one) == annotation_classes(two)
    ):
        return first
    is_first = True
    match rule:
        case "last":
            is_first = False
        case "newest":
            dates = [label.metadata.creation_date if label.metadata else "" for label in (one, two)]
            is_first = dates[1] <= dates[0]
        case "confident":
            means = [sum(c) / len(c) if c else 0.0 for c in map(annotation_confidences, (one, two))]
            is_first = means[1] <= means[0]
        case "human":
            human = [label.metadata is None or label.metadata.is_human_annotated for label in (one, two)]
            is_first = human[0] or not human[1]
        case "error" | "first":
            pass
    _report(summary, rule, first, key, name, (first.place, second.place), is_first)
    return first if is_first else second


def _report(
    summary: JoinSummary,
    rule: ConflictRule,
    line: _Line,
    key: str | None,
    attribute: str,
    places: tuple[str, str],
    is_first: bool,
) -> None:
    identity = key_of(line.data, key, line_number=0)
    if rule == "error":
        raise InvalidRequest(
            f"{places[0]} and {places[1]} give {identity[:200]!r} different values of {attribute!r}. Choose "
            "which one is kept with --on-conflict first, last, newest, confident or human.",
            field=attribute,
            value=identity,
            rule="one value per object and attribute",
        )
    summary.n_conflicts[attribute] += 1
    if len(summary.conflicts) < _N_CONFLICTS_KEPT:
        kept, dropped = places if is_first else places[::-1]
        summary.conflicts.append(Conflict(identity, attribute, kept, dropped))


def _with_one_class_table(raw: bytes, tables: dict[str, ClassTable], renumbers: bool, place: str) -> bytes:
    """Check, or see to it, that a class index means the same class in all lines."""
    data = parse_object(raw, 0)
    is_changed = False
    for name in Record(0, data).label_attribute_names:
        label = label_from(data, name)
        if label is None:
            continue
        table = tables.setdefault(name, ClassTable(name))
        classes = [item for item in annotation_classes(label) if item[0] >= 0]
        if not renumbers:
            for index, class_name in classes:
                table.note(index, class_name, place=f"{place}: ")
        elif any(table.index_for(index, class_name) != index for index, class_name in classes):
            if not is_changed:
                data = decode_exact(raw)
            is_changed = True
            renumber(data, name, table.index_for)
    return dumps(data) if is_changed else raw
