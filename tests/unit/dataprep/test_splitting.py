from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from dataprep_making import boxes_line, class_line, lines_of
from hypothesis import given
from hypothesis import strategies as st

from labelwright.dataprep.quotas import part_sizes, stratum_quotas
from labelwright.dataprep.splitting import SplitRule, deal, plan_split
from labelwright.errors import InvalidRequest, ManifestError

TWO = (("train", Fraction(4, 5)), ("val", Fraction(1, 5)))


def parts(source: list[bytes], rule: SplitRule) -> list[list[dict[str, Any]]]:
    plan = plan_split(source, rule, again=source)
    found: list[list[dict[str, Any]]] = [[] for _ in rule.parts]
    for part, line in deal(source, plan):
        found[part].append(json.loads(line))
    assert [len(part) for part in found] == plan.sizes
    return found


@given(
    strata=st.lists(st.integers(0, 60), min_size=1, max_size=12),
    ratios=st.lists(st.fractions(min_value=Fraction(1, 50), max_value=5), min_size=2, max_size=5),
)
def test_quotas_add_up_and_are_never_negative(strata: list[int], ratios: list[Fraction]) -> None:
    sizes = part_sizes(sum(strata), ratios)
    quotas = stratum_quotas(strata, sizes)
    assert [sum(row) for row in quotas] == strata
    assert [sum(column) for column in zip(*quotas, strict=True)] == sizes
    assert all(count >= 0 for row in quotas for count in row)
    if len(ratios) == 2 and sum(strata):
        for row, size in zip(quotas, strata, strict=True):
            for got, part in zip(row, sizes, strict=True):
                assert abs(got - Fraction(size * part, sum(strata))) <= 1


def test_classes_are_shared_out_alike_and_counts_are_exact() -> None:
    lines = [
        class_line(f"s3://b/{i}", int(i % 10 == 0), "rare" if i % 10 == 0 else "common") for i in range(100)
    ]
    train, val = parts(lines_of(*lines), SplitRule(TWO, attribute="kind", seed=3))
    assert (len(train), len(val)) == (80, 20)
    assert sum(line["kind"] for line in val) == 2
    assert {line["source-ref"] for line in train}.isdisjoint(line["source-ref"] for line in val)


def test_a_seed_gives_the_same_parts_and_another_seed_others() -> None:
    source = lines_of(*({"source": str(i)} for i in range(200)))
    first = parts(source, SplitRule(TWO, seed=1))
    assert first == parts(source, SplitRule(TWO, seed=1))
    assert first != parts(source, SplitRule(TWO, seed=2))


def test_an_image_counts_for_its_rarest_class() -> None:
    names = {0: "car", 1: "bus"}
    lines = [
        boxes_line(f"s3://b/{i}", [(0, 1, 1, 2, 2)] + ([(1, 1, 1, 2, 2)] if i < 10 else []), names)
        for i in range(50)
    ]
    plan = plan_split(lines_of(*lines), SplitRule(TWO, attribute="parts"), again=lines_of(*lines))
    assert plan.strata == {"bus": [8, 2], "car": [32, 8]}


@given(sizes=st.lists(st.integers(1, 9), min_size=3, max_size=20), seed=st.integers(0, 5))
def test_no_group_is_in_two_parts_and_no_part_is_empty(sizes: list[int], seed: int) -> None:
    lines = [
        class_line(f"s3://b/{group}_{i}", i % 2, str(i % 2), patient=group)
        for group, size in enumerate(sizes)
        for i in range(size)
    ]
    three = (*TWO, ("test", Fraction(1, 5)))
    rule = SplitRule(three, attribute="kind", group="patient", seed=seed)
    found = parts(lines_of(*lines), rule)
    groups = [{line["patient"] for line in part} for part in found]
    assert all(groups)
    assert sum(map(len, groups)) == len(set().union(*groups)) == len(sizes)
    assert sum(map(len, found)) == len(lines)


def test_groups_by_pattern() -> None:
    source = lines_of(*({"source-ref": f"s3://b/v{i % 7}_{i}.jpg"} for i in range(70)))
    train, val = parts(source, SplitRule(TWO, group_pattern=r"/(v\d)_"))
    assert len(train) + len(val) == 70
    assert len(val) in (10, 20)
    with pytest.raises(ManifestError, match=r"not found in 's3://b/v0_0\.jpg'"):
        parts(source, SplitRule(TWO, group_pattern="w"))


def test_impossible_splits_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="1 lines, fewer than the 2 parts"):
        parts(lines_of({"source": "x"}), SplitRule(TWO))
    with pytest.raises(InvalidRequest, match="no regular expression"):
        SplitRule(TWO, group_pattern="(")
    with pytest.raises(InvalidRequest, match="different names"):
        SplitRule((TWO[0], TWO[0]))
