"""DuckDB's flags against the row evaluator, on generated lines and conditions."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.selection import parse_condition
from labelwright.selection.evaluate import compile_expression
from labelwright.selection.plans import ASK, YES, plan_of
from labelwright.selection.scanning import Scanner

_KEYS = ("a", "A", "b", "source-ref", "label-metadata", "é", "x y")
_TEXTS = (
    "", "a", "A", "yes", "no", "night", "b/night/1.jpg", "100%", "a_b", "ß", "İx", "3", "-7", "+5", "4.5",
    "1e3", "true", "FALSE", "007", "9007199254740993", "it's", 'q"q', "back\\slash", "zeile\n2", "🙂b",
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 3, 4, 4.5, -0.5, 1e3, 0.1, 2**53, 2**53 + 1, -(2**63), 2**64 - 1, 1e300, 5e-324)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_TEXTS),
    st.integers(-9, 9),
    st.text(max_size=3),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3),
    max_leaves=6,
)
_lines = st.dictionaries(st.sampled_from(_KEYS), _values, max_size=5)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_PATHS = (
    "s.a", "a", "A", "s.b", 's."a"', 's."A"', 's."source-ref"', "s.a.b", 's."a"."b"', "s.a[0]", 's."b"[1]',
    "s.b.a[0]", 's."label-metadata"."a"', 's."é"', 's."x y"', "s.missing",
)  # fmt: skip
_paths = st.sampled_from(_PATHS)
_literals = st.one_of(
    st.sampled_from(_TEXTS).filter(lambda t: "\n" not in t).map(_quoted),
    st.sampled_from(["0", "1", "-1", "2", "4.5", "1e3", "0.1", "9007199254740993", "TRUE", "FALSE", "NULL"]),
)
_patterns = st.text(st.sampled_from("a%_n3!'/ßA"), max_size=5).map(_quoted)


def _values_of(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(
            "CAST({} AS {})".format,
            inner,
            st.sampled_from(["int", "float", "string", "bool", "decimal(5,2)"]),
        ),
        st.builds("{}({})".format, st.sampled_from(["LOWER", "UPPER", "CHAR_LENGTH"]), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%"), inner),
        st.builds("(- {})".format, inner),
        st.builds("COALESCE({}, {})".format, inner, inner),
        st.builds("CASE WHEN {} = {} THEN {} END".format, inner, inner, inner),
    )


_operands = st.recursive(_paths | _literals, _values_of, max_leaves=3)
_simple = st.one_of(
    st.builds(
        "{} {} {}".format, _operands, st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]), _operands
    ),
    st.builds("{} {}LIKE {}".format, _operands, st.sampled_from(["", "NOT "]), _patterns),
    st.builds("{} {}IN ({}, {})".format, _operands, st.sampled_from(["", "NOT "]), _literals, _literals),
    st.builds(
        "{} {}BETWEEN {} AND {}".format, _operands, st.sampled_from(["", "NOT "]), _literals, _operands
    ),
    st.builds(
        "{} IS {}{}".format, _operands, st.sampled_from(["", "NOT "]), st.sampled_from(["NULL", "MISSING"])
    ),
    _paths,
)
_conditions = st.recursive(
    _simple,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT ({}))".format, inner),
        st.builds("({}) = ({})".format, inner, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.tuples(_lines, st.integers(0, 3)), min_size=1, max_size=12), condition=_conditions)
def test_duckdb_says_what_the_row_evaluator_says(
    lines: list[tuple[dict[str, Any], int]], condition: str
) -> None:
    _check([_spelled(line, how) for line, how in lines], condition)


def _spelled(line: dict[str, Any], how: int) -> bytes:
    """The same JSON, written as different programs write it."""
    if how == 0:
        return orjson.dumps(line)
    text = json.dumps(line, ensure_ascii=how > 1, separators=(" ,", " : ") if how == 3 else None)
    if how == 3:  # every letter may be escaped, and so may the slash
        text = text.replace("/", "\\/").replace("e", "\\u0065" if "true" not in text else "e")
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:  # in a number or a name of the language
            text = json.dumps(line)
    return text.encode()


@pytest.mark.parametrize(
    ("condition", "n_asked"),
    [
        ('s."source-ref" LIKE \'%/night/%\' AND CAST(s."camera" AS int) BETWEEN 2 AND 4', 0),
        ('s."species" IS MISSING', 0),
        ("s.species IS MISSING", 1),  # the line that spells it otherwise
        ('s."species-metadata"."human-annotated" IN (\'yes\')', 0),
        ("s.camera = 3 OR NOT (s.\"source-ref\" LIKE 's3%')", 0),
        ("s.camera / 2 > 1", None),
    ],
)
def test_common_conditions_are_decided_by_duckdb(condition: str, n_asked: int | None) -> None:
    lines: list[dict[str, Any]] = [
        {"source-ref": "s3://b/night/1.jpg", "camera": 3},
        {
            "source-ref": "s3://b/night/2.jpg",
            "camera": "4",
            "species": 1,
            "species-metadata": {"human-annotated": "yes"},
        },
        {"source-ref": "s3://b/day/3.jpg", "camera": None, "SPECIES": 2},
        {"camera": "left"},
    ]
    flags = _check([orjson.dumps(line) for line in lines], condition)
    if n_asked is None:
        assert flags is None
    else:
        assert flags is not None
        assert flags.count(ASK) == n_asked


def _check(texts: list[bytes], condition: str) -> list[int] | None:
    query = parse_condition(condition)
    plan = plan_of(query)
    if plan is None or query.where is None:
        return None
    scanner = Scanner(plan, memory_mib=256)
    try:
        found = scanner.flags([b"\n".join(texts) + b"\n"]).tolist()
    finally:
        scanner.close()
    assert [n >> 2 for n in found] == [len(text) for text in texts]
    evaluate = compile_expression(query.where, now=0.0)
    for text, flag in zip(texts, (n & 3 for n in found), strict=True):
        if flag != ASK:
            assert (flag == YES) == (evaluate(orjson.loads(text)) is True), (condition, text)
    return [n & 3 for n in found]
