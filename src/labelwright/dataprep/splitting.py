"""Split a manifest into parts: at random, with the same mix of classes, or whole groups at a time.

Two passes: the first counts, the second deals the lines out. Without groups memory holds one number per
stratum and part; with groups also a few numbers per group.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from labelwright.dataprep.classes import annotation_classes, key_of, usable_label
from labelwright.dataprep.quotas import part_sizes, stratum_quotas
from labelwright.errors import InvalidRequest, ManifestError
from labelwright.manifests import Source, chunks_of, index_lines, parse_object

__all__ = ["SplitPlan", "SplitRule", "deal", "plan_split"]

_UNLABELED = "(unlabeled)"
_NO_ANNOTATION = "(no annotation)"


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How to split.

    Attributes
    ----------
    parts : tuple of (str, Fraction)
        Names and shares (or counts) of the parts; shares are scaled to sum to one.
    attribute : str or None
        The label whose classes are mixed evenly. An object with several classes counts for its rarest one.
    group : str or None
        The attribute whose value names an object's group; objects of a group stay together.
    group_pattern : str or None
        A regular expression that is searched in ``group`` (or, without it, in ``source-ref`` or ``source``);
        its first group, or else all of it, names the group.
    seed : int
    """

    parts: tuple[tuple[str, Fraction], ...]
    attribute: str | None = None
    group: str | None = None
    group_pattern: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        names = [name for name, _ in self.parts]
        if len(names) < 2 or len(set(names)) != len(names):
            raise InvalidRequest("A split needs two or more parts with different names.", field="part")
        if any(share <= 0 for _, share in self.parts):
            raise InvalidRequest("The share of each part must be positive.", field="part")
        if self.group_pattern is not None:
            try:
                re.compile(self.group_pattern)
            except re.error as error:
                raise InvalidRequest(
                    f"The group pattern {self.group_pattern!r} is no regular expression: {error}.",
                    field="group_pattern",
                    value=self.group_pattern,
                ) from error

    @property
    def has_groups(self) -> bool:
        """Whether objects are kept together."""
        return self.group is not None or self.group_pattern is not None


@dataclass(slots=True)
class SplitPlan:
    """What the first pass found and decided.

    Attributes
    ----------
    n_lines : int
    sizes : list of int
        Objects per part.
    strata : dict of str to list of int
        Objects per stratum and part.
    n_groups : list of int
        Groups per part; empty without groups.
    """

    rule: SplitRule
    n_lines: int = 0
    sizes: list[int] = field(default_factory=list)
    strata: dict[str, list[int]] = field(default_factory=dict)
    n_groups: list[int] = field(default_factory=list)
    class_counts: Counter[str] = field(default_factory=Counter)
    part_of_group: dict[bytes, int] = field(default_factory=dict)


def plan_split(source: Source, rule: SplitRule, *, again: Source | None = None) -> SplitPlan:
    """Count objects and decide how many, or which groups, go where.

    Parameters
    ----------
    source : path, or chunks of bytes
    rule : SplitRule
    again : path or chunks of bytes, optional
        The same manifest once more. Needed with an attribute, because which class of an object is its rarest
        one is known only when all are counted; a path for ``source`` is opened again by itself.

    Raises
    ------
    ManifestError
        At the first bad line, or where a line names no group.
    InvalidRequest
        There are fewer objects, or groups, than parts.
    """
    plan = SplitPlan(rule)
    if rule.attribute is not None:
        for data, number in _objects(source):
            plan.class_counts.update(_classes(data, rule.attribute, number))
        if again is None and not isinstance(source, str) and not hasattr(source, "__fspath__"):
            raise TypeError("a stream cannot be read twice: give it once more as `again`")
        source = source if again is None else again
    strata: Counter[str] = Counter()
    groups: dict[bytes, Counter[str]] = {}
    for data, number in _objects(source):
        plan.n_lines += 1
        stratum = _stratum(data, plan, number)
        strata[stratum] += 1
        if rule.has_groups:
            groups.setdefault(_group(data, rule, number), Counter())[stratum] += 1
    n_units = len(groups) if rule.has_groups else plan.n_lines
    if n_units < len(rule.parts):
        what = "groups" if rule.has_groups else "lines"
        raise InvalidRequest(
            f"The manifest has {n_units} {what}, fewer than the {len(rule.parts)} parts asked for.",
            field="part",
        )
    sizes = part_sizes(plan.n_lines, [share for _, share in rule.parts])
    if rule.has_groups:
        _place_groups(plan, groups, sizes, strata)
    else:
        names = sorted(strata)
        quotas = stratum_quotas([strata[name] for name in names], sizes)
        plan.strata = dict(zip(names, quotas, strict=True))
        plan.sizes = sizes
    return plan


def deal(source: Source, plan: SplitPlan) -> Iterator[tuple[int, bytes]]:
    """Yield part number and line, byte for byte and in the order of the manifest.

    The same plan gives the same parts; without groups, each stratum's lines are drawn without replacement,
    so that every choice of lines with these counts is equally likely.
    """
    rule = plan.rule
    left = {name: list(quota) for name, quota in plan.strata.items()}
    rng = random.Random(rule.seed)  # noqa: S311 - a reproducible draw, no secret
    for span in index_lines(chunks_of(source)):
        data = parse_object(span.raw, span.number + 1)
        if rule.has_groups:
            part = plan.part_of_group[_group(data, rule, span.number + 1)]
        else:
            quota = left[_stratum(data, plan, span.number + 1)]
            draw = rng.randrange(sum(quota))
            part = 0
            while draw >= quota[part]:
                draw -= quota[part]
                part += 1
            quota[part] -= 1
        yield part, span.raw


def _objects(source: Source) -> Iterator[tuple[dict[str, object], int]]:
    for span in index_lines(chunks_of(source)):
        yield parse_object(span.raw, span.number + 1), span.number + 1


def _classes(data: dict[str, object], attribute: str, line_number: int) -> set[str]:
    label = usable_label(data, attribute, line_number=line_number)
    if label is None:
        return {_UNLABELED}
    return {name or f"#{index}" for index, name in annotation_classes(label)} or {_NO_ANNOTATION}


def _stratum(data: dict[str, object], plan: SplitPlan, line_number: int) -> str:
    if plan.rule.attribute is None:
        return ""
    names = _classes(data, plan.rule.attribute, line_number)
    return min(names, key=lambda name: (plan.class_counts[name], name))


def _group(data: dict[str, object], rule: SplitRule, line_number: int) -> bytes:
    text = key_of(data, rule.group, line_number=line_number)
    if rule.group_pattern is not None:
        found = re.search(rule.group_pattern, text)
        if found is None:
            raise ManifestError(
                f"the group pattern {rule.group_pattern!r} is not found in {text[:200]!r}. Every line must "
                "belong to a group; mend the pattern.",
                line_number=line_number,
            )
        text = found[1] if found.re.groups and found[1] is not None else found[0]
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _place_groups(
    plan: SplitPlan, groups: dict[bytes, Counter[str]], sizes: Sequence[int], strata: Counter[str]
) -> None:
    """Give each group, large ones first, to the part that lacks its objects most, class by class."""
    n = plan.n_lines
    lacks = [{name: count * size / n for name, count in strata.items()} for size in sizes]
    room = [float(size) for size in sizes]
    order = sorted(groups)
    random.Random(plan.rule.seed).shuffle(order)  # noqa: S311 - a reproducible draw, no secret
    order.sort(key=lambda group: -groups[group].total())
    plan.sizes = [0] * len(sizes)
    plan.n_groups = [0] * len(sizes)
    plan.strata = {name: [0] * len(sizes) for name in sorted(strata)}
    for i, group in enumerate(order):
        counts = groups[group]
        empty = [p for p, n_groups in enumerate(plan.n_groups) if not n_groups]
        # The last groups are for parts that still have none.
        candidates = empty if len(order) - i <= len(empty) else range(len(sizes))
        part = max(candidates, key=lambda p: _gain(lacks[p], room[p], sizes[p], strata, counts))
        plan.part_of_group[group] = part
        plan.n_groups[part] += 1
        plan.sizes[part] += counts.total()
        room[part] -= counts.total()
        for name, count in counts.items():
            lacks[part][name] -= count
            plan.strata[name][part] += count


def _gain(
    lacks: dict[str, float], room: float, size: int, strata: Counter[str], counts: Counter[str]
) -> float:
    """How much nearer to its ideal a part comes: the fall of squared relative errors, of classes and size."""
    gain = (room * room - (room - counts.total()) ** 2) / max(1, size)
    for name, count in counts.items():
        before, after = lacks[name], lacks[name] - count
        gain += (before * before - after * after) / strata[name]
    return gain
