"""Metrics in log lines."""

from __future__ import annotations

import os
import re
import signal
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright import algorithms
from labelwright.errors import InvalidRequest
from labelwright.training import metric_search
from labelwright.training.metric_scan import MetricScanner, needed_text

PUBLISHED = "Train_error=0.138318;  Valid_error=0.324557;"


def test_the_published_example() -> None:
    scanner = MetricScanner(
        [("train:error", "Train_error=(.*?);"), ("validation:error", "Valid_error=(.*?);")]
    )
    found = list(scanner.scan(["nothing", PUBLISHED, "Train_error=oops;", "Train_error=nan;"]))
    assert found == [("train:error", 0.138318), ("validation:error", 0.324557)]


def test_values_may_stand_in_parentheses_and_last_ones_come_last() -> None:
    scanner = MetricScanner([("loss", r"loss>=(\S+)"), ("none", "no group"), ("nothing", "a(b)?c")])
    lines = ["#q <loss>=(0.25)", "loss>=1e-3 ac no group", "loss>=-2"]
    assert list(scanner.scan(lines)) == [("loss", 0.25), ("loss", 1e-3), ("loss", -2.0)]


def test_a_wrong_expression_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"metric 'm'.*unterminated"):
        MetricScanner([("m", "(")])


def test_the_built_in_definitions_are_quick_to_rule_out() -> None:
    for metric in algorithms.get("object-detection").metrics:
        assert len(needed_text(metric.regex)) > 3, metric


piece = st.sampled_from(
    [
        *("a", "b", "=", ":", ";", "#", "^", "$", r"\.", r"\(", r"\)", r"\d", r"\s", ".", "[ab]", "[^]a]"),
        *("(a)", "(b*)", "a*", "b+", "c?", "d{2}", "e{0,3}", r"\w*?"),
    ]
)
subject = st.text(alphabet="abcde=:;#.() 0123", max_size=30)


@given(st.lists(piece, min_size=1, max_size=6).map("".join), subject)
def test_no_match_is_missed(regex: str, text: str) -> None:
    if re.search(regex, text):
        assert needed_text(regex) in text


@given(st.lists(piece, min_size=1, max_size=5).map(lambda parts: "".join(parts)), st.data())
def test_no_match_is_missed_in_texts_made_to_match(regex: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(regex))
    assert needed_text(regex) in text


ENDLESS = r"loss=(a+)+b"


def test_an_expression_that_never_ends_holds_nothing_up() -> None:
    scanner = MetricScanner([("endless", ENDLESS), ("loss", r"loss=\S* (\d+)")], is_trusted=False)
    with closing(scanner):
        assert list(scanner.scan(["nothing", "loss=0 1"])) == [("loss", 1.0)]
        assert scanner.warnings() == []
        assert list(scanner.scan(["loss=" + "a" * 60 + " 2", "loss=3 3"])) == [("loss", 2.0), ("loss", 3.0)]
        assert "'endless'" in "".join(scanner.warnings()) and scanner.warnings() == []
        assert list(scanner.scan(["loss=" + "a" * 60 + " 4"])) == [("loss", 4.0)]
        assert scanner.warnings() == []


def test_a_search_that_was_killed_begins_anew() -> None:
    with closing(MetricScanner([("loss", r"loss=(.*)")], is_trusted=False)) as scanner:
        assert scanner.pid == -1
        assert list(scanner.scan(["\ud800 loss=1 \u2028", "loss=2"])) == [("loss", 1.0), ("loss", 2.0)]
        os.kill(scanner.pid, signal.SIGKILL)
        assert list(scanner.scan(["loss=3"])) == [("loss", 3.0)]


@given(st.lists(piece, min_size=1, max_size=5).map(lambda parts: f"({''.join(parts)})"))
def test_both_ways_agree(regex: str) -> None:
    patterns = {"m": re.compile(regex)}
    lines = ["a=1", "ab:;#", "(a) 12.5", ""]
    found = [
        (name, group or "")
        for name, group in MetricScanner([("m", regex)])._here(lines, [("m", "", patterns["m"])])
    ]
    assert metric_search.search(patterns, lines) == {"found": found, "slow": []}
