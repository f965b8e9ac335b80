"""The grammar: what is read, what is refused, and where."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.selection import QueryError, parse_condition, parse_query
from labelwright.selection.tree import (
    Arithmetic,
    Between,
    Compare,
    In,
    Index,
    Key,
    Like,
    Literal,
    Logic,
    Not,
    Path,
    Wildcard,
)

A, B, C = (Path((Key(name, False),)) for name in "abc")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a = 1 + 2 * 3", Compare("=", A, Arithmetic("+", Literal(1), Arithmetic("*", Literal(2), Literal(3))))),
        ("NOT a = 1 AND b", Logic("and", (Not(Compare("=", A, Literal(1))), B))),
        ("a OR b AND c", Logic("or", (A, Logic("and", (B, C))))),
        # IN binds more tightly than BETWEEN, LIKE, < and =, in this order.
        ("a = b IN (1)", Compare("=", A, In(B, (Literal(1),)))),
        ("a = b < c", Compare("=", A, Compare("<", B, C))),
        ("a < b LIKE 'x'", Compare("<", A, Like(B, ("x",)))),
        ("a BETWEEN 1 AND 2 AND b", Logic("and", (Between(A, Literal(1), Literal(2)), B))),
        ("- 2 - -3 = a", Compare("=", Arithmetic("-", Literal(-2), Literal(-3)), A)),
        ('s."a-b".c[2] != \'it\'\'s\'', Compare("<>", Path((Key("a-b", True), Key("c", False), Index(2))), Literal("it's"))),
        ("a LIKE '10!%%' ESCAPE '!'", Like(A, ("10%", None))),
        ("a -- a comment\n = b", Compare("=", A, B)),
    ],
)  # fmt: skip
def test_conditions_mean_what_the_documented_precedence_says(text: str, meaning: object) -> None:
    assert parse_condition(text).where == meaning


def test_sample_queries_of_the_active_learning_example_are_read() -> None:
    query = parse_query('select * from s3object[*] s where s."my-label" is missing LIMIT 7')
    assert (query.copies_lines, query.limit) == (True, 7)
    labels = parse_query("SELECT label FROM S3Object[*].labels[*].label")
    assert labels.root == (Key("labels", False), Wildcard(), Key("label", False))
    assert [item.name for item in labels.items or ()] == ["label"]


def test_columns_are_named_by_alias_last_key_or_number() -> None:
    query = parse_query("SELECT s.a.b, s.c AS d, s.e f, 1 + 1, s.b FROM S3Object s")
    assert [item.name for item in query.items or ()] == ["b", "d", "f", "_4", "_5"]


@pytest.mark.parametrize(
    ("text", "code", "place", "says"),
    [
        ("s.a = `x`", "LexerInvalidChar", (1, 7), "Back quotes"),
        ("s.a = 'x", "LexerInvalidChar", (1, 7), "not closed"),
        ("s.source-ref = 'x' AND ? = 1", "LexerInvalidChar", (1, 24), "'?'"),
        ("s.a =", "ParseExpectedExpression", (1, 6), "the end of the query"),
        ("s.a = 1\nAND AND", "ParseUnexpectedKeyword", (2, 5), "'AND'"),
        ("SELECT * FROM S3Object", "ParseUnexpectedToken", (1, 1), "leave 'SELECT' out"),
        ("", "ParseExpectedExpression", (1, 1), "There is no condition"),
        ("LIMIT 3", "ParseExpectedExpression", (1, 1), "There is no condition"),
        ("COUNT(*) > 3", "UnsupportedSyntax", (1, 1), "COUNT counts over all rows"),
        ("s.a IN (SELECT b)", "UnsupportedSyntax", (1, 9), "Subqueries"),
        ("s.a = 1 ORDER BY s.a", "UnsupportedSyntax", (1, 9), "keep the order of the manifest"),
        ("s.a = 1 LIMIT many", "ParseExpectedNumber", (1, 15), "whole number"),
        ("FOO(s.a) = 1", "UnsupportedFunction", (1, 1), "These are: CAST, CHARACTER_LENGTH"),
        ("LOWER(s.a, 2) = 'x'", "EvaluatorInvalidArguments", (1, 1), "takes 1 arguments, not 2"),
        ("CAST(s.a AS blob) = 1", "ParseExpectedTypeName", (1, 13), "Types are bool"),
        ("s.a IS EMPTY", "ParseExpectedKeyword", (1, 8), "NULL or MISSING"),
        ("s.a LIKE s.b", "LikeInvalidInputs", (1, 10), "single quotes"),
        ("s.a LIKE '50!' ESCAPE '!'", "LikeInvalidInputs", (1, 10), "escape character"),
        ("s.a[*] = 1", "UnsupportedSyntax", (1, 5), "FROM only"),
        ("s.a = 1 s.b = 2", "ParseUnexpectedToken", (1, 9), "AND or OR"),
        ("TO_STRING(UTCNOW(), 'yyyy-QQ') = '1'", "EvaluatorInvalidTimestampFormatPattern", (1, 1), "'Q'"),
        ("DATE_ADD(week, 1, UTCNOW()) = 1", "ParseExpectedDatePart", (1, 10), "Parts are year"),
        ("(" * 70 + "s.a" + ")" * 70, "UnsupportedSyntax", (1, 61), "nested"),
        ("1" + " + 1" * 200 + " = s.a", "UnsupportedSyntax", None, "follow one another"),
        ("s.a = '" + "x" * 300_000 + "'", "ExpressionTooLong", (0, 0), "longer than 256 KiB"),
    ],
)
def test_conditions_are_refused_with_place_and_rule(
    text: str, code: str, place: tuple[int, int] | None, says: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse_condition(text)
    assert caught.value.code == code
    assert says in caught.value.message
    if place is not None:
        assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("DELETE FROM S3Object", "UnsupportedSqlOperation", "Nothing but SELECT"),
        ("SELECT * FROM S3Object s, S3Object t", "UnsupportedSyntax", "Joins"),
        ("SELECT * FROM S3Object s JOIN S3Object t", "UnsupportedSyntax", "Joins"),
        ("SELECT * FROM (SELECT * FROM S3Object)", "UnsupportedSyntax", "Subqueries"),
        ("SELECT * FROM manifest", "InvalidDataSource", "S3Object"),
        ("SELECT s.a FROM S3Object s GROUP BY s.a", "UnsupportedSyntax", "GROUP BY"),
        ("SELECT COUNT(*), s.a FROM S3Object s", "UnsupportedSyntax", "one SELECT list"),
        ("SELECT COUNT(*) FROM S3Object s WHERE MAX(s.a) > 1", "UnsupportedSyntax", "MAX counts"),
        ("SELECT * FROM S3Object; DROP TABLE x", "ParseUnexpectedToken", "'DROP'"),
        ("SELECT s.a s.b FROM S3Object s", "ParseUnexpectedToken", "comma or FROM"),
        ("SELECT *", "ParseMissingFrom", "FROM S3Object is missing"),
        ("", "ParseSelectMissing", "begins with SELECT"),
    ],
)
def test_statements_are_refused(text: str, code: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert caught.value.code == code
    assert says in caught.value.message


@given(st.text(st.sampled_from("s.\"'a-=<>()[]*,% \n1eNOTINLIKEAND"), max_size=40))
def test_any_text_is_read_or_refused_in_its_own_way(text: str) -> None:
    for parse in (parse_condition, parse_query):
        try:
            parse(text)
        except QueryError as error:
            assert error.code
            assert error.message
