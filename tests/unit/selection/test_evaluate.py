"""What expressions mean on one row."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from labelwright.selection import parse_query
from labelwright.selection.rows import RowPlan

_ROW: dict[str, Any] = {
    "source-ref": "s3://acme/Night/1.jpg",
    "camera": 3,
    "Camera": 4,
    "SPEED": 2.5,
    "text": "  padded  ",
    "nothing": None,
    "tags": ["a", {"b": [1, 2]}],
    "when": "2024-02-29T10:20:30.5+02:00",
    "n": "12",
}


def _value(expression: str, row: Any = None) -> Any:
    query = parse_query(f"SELECT {expression} AS v FROM S3Object s")
    plan = RowPlan(query, now=1_700_000_000.0)
    return orjson.loads(plan.answer(_ROW if row is None else row)).get("v", "MISSING")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        # names
        ("s.camera", 3), ('s."Camera"', 4), ("s.CAMERA", 3), ("s.speed", 2.5), ('s."speed"', "MISSING"),
        ("s.tags[1].b[0]", 1), ("s.tags[7]", "MISSING"), ("s.tags.b", "MISSING"), ("s.nothing", None),
        # null, MISSING and other types
        ("s.gone IS MISSING", True), ("s.gone IS NULL", True), ("s.nothing IS MISSING", False),
        ("s.nothing IS NOT NULL", False), ("s.gone = 1", None), ("s.nothing <> 1", None),
        ("s.camera = '3'", False), ("s.camera <> '3'", True), ("s.camera < '4'", None),
        ("NOT s.gone = 1", None), ("s.gone = 1 OR s.camera = 3", True), ("s.gone = 1 AND s.camera = 4", False),
        ("s.camera IN (1, NULL)", None), ("s.camera IN (3, NULL)", True), ("s.camera", 3),
        ("TRUE = 1", False), ("s.tags[1] = s.tags[1]", True), ("s.tags < s.tags", None),
        # arithmetic
        ("7 / 2", 3), ("-7 / 2", -3), ("7 / 2.0", 3.5), ("-7 % 3", -1), ("1 / 0", None), ("'1' + 1", None),
        ("s.camera * 2 - 1", 5), ("- s.camera", -3), ("9007199254740993 = 9007199254740992", False),
        # text
        ("LOWER('ÄB')", "äb"), ("CHAR_LENGTH('🙂b')", 2), ("SUBSTRING('abcdef' FROM 2 FOR 3)", "bcd"),
        ("SUBSTRING('abcdef', 0, 3)", "ab"), ("SUBSTRING('abc', 2)", "bc"), ("TRIM(s.text)", "padded"),
        ("TRIM(LEADING 'x' FROM 'xxaxx')", "axx"), ("TRIM(TRAILING FROM 'a ')", "a"), ("UPPER(s.camera)", None),
        ("s.\"source-ref\" LIKE '%/night/%'", False), ("s.\"source-ref\" LIKE '%/N_ght/%'", True),
        ("'50%' LIKE '50!%' ESCAPE '!'", True), ("s.camera LIKE '3'", None), ("'a\nb' LIKE 'a%b'", True),
        # choice
        ("CASE WHEN s.camera > 2 THEN 'high' ELSE 'low' END", "high"), ("CASE s.camera WHEN 4 THEN 1 END", None),
        ("COALESCE(s.gone, s.nothing, 5)", 5), ("COALESCE(s.gone)", "MISSING"), ("NULLIF(s.camera, 3)", None),
        # conversion
        ("CAST(s.n AS int) + 1", 13), ("CAST('x' AS int)", None), ("CAST(3.9 AS integer)", 3),
        ("CAST('2.345' AS decimal(5,2))", 2.35), ("CAST(123456 AS numeric(3,0))", None),
        ("CAST('TRUE' AS bool)", True), ("CAST(s.camera AS string)", "3"), ("CAST(s.gone AS string)", None),
        # dates
        ("EXTRACT(year FROM TO_TIMESTAMP(s.when))", 2024),
        ("EXTRACT(timezone_hour FROM CAST(s.when AS timestamp))", 2),
        ("TO_STRING(TO_TIMESTAMP(s.when), 'dd.MM.yy HH:mm X')", "29.02.24 10:20 +02"),
        ("TO_STRING(TO_TIMESTAMP(s.when), 'MMMM d, y h:mm a')", "February 29, 2024 10:20 AM"),
        ("DATE_DIFF(day, TO_TIMESTAMP('2024-01-01'), TO_TIMESTAMP(s.when))", 59),
        ("DATE_DIFF(month, TO_TIMESTAMP('2024-03-31'), TO_TIMESTAMP('2024-01-31'))", -2),
        ("DATE_ADD(year, 1, TO_TIMESTAMP('2024-02-29T'))", "2025-02-28T00:00:00Z"),
        ("TO_TIMESTAMP(s.when) < UTCNOW()", False), ("TO_TIMESTAMP('yesterday')", None),
        ("UTCNOW()", "2023-11-14T22:13:20Z"),
    ],
)  # fmt: skip
def test_expression_has_its_documented_value(expression: str, value: object) -> None:
    assert _value(expression) == value


def test_exact_spelling_wins_over_the_first_other_one() -> None:
    assert _value("s.key", {"KEY": 1, "key": 2}) == 2
    assert _value("s.key", {"KEY": 1, "Key": 2}) == 1


def test_rows_that_are_no_objects_have_one_column() -> None:
    plan = RowPlan(parse_query("SELECT * FROM S3Object[*].labels[*].label"), now=0)
    line = {"labels": [{"label": "bolt"}, {"label": "nut"}, {"other": 1}]}
    assert [plan.answer(row) for row in plan.rows(line)] == [b'{"_1":"bolt"}', b'{"_1":"nut"}', b"{}"]


def test_no_pattern_makes_like_slow() -> None:
    query = parse_query(f"SELECT s.t LIKE '{'%a_' * 40}b' AS v FROM S3Object s")
    started = time.process_time()
    RowPlan(query, now=0).answer({"t": "a" * 3000})
    assert time.process_time() - started < 5  # exponential time would take years
