"""Whole runs: files and streams, line ends, limits, aggregates, broken lines."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.selection import (
    QueryError,
    Selection,
    count_lines,
    parse_condition,
    parse_query,
    sample_lines,
    sample_size,
)
from labelwright.selection.blocks import blocks
from labelwright.selection.plans import plan_of
from labelwright.selection.rows import RowPlan
from labelwright.selection.scanning import Scanner


@pytest.fixture(scope="module", params=["\\n", "\\r\\n", "mixed", "lone \\r"])
def big(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A manifest large enough for DuckDB, with everything that lines may have."""
    ends = {"\\n": (b"\n",), "\\r\\n": (b"\r\n",), "lone \\r": (b"\r \n", b"\n")}
    chosen = ends.get(request.param, (b"\r\n", b"\n", b"\n"))
    lines: list[bytes] = []
    for i in range(24_000):
        line: dict[str, Any] = {"source-ref": f"s3://b/{'night' if i % 7 == 0 else 'tag'}/é{i}.jpg", "i": i}
        if i % 3 == 0:
            line["label" if i % 30 else "LABEL"] = i % 5
        lines.append(orjson.dumps(line) + chosen[i % len(chosen)])
    file = tmp_path_factory.mktemp("selection") / "a [name] of 'its' own*.manifest"
    file.write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    assert file.stat().st_size > 1 << 20
    return file


@pytest.mark.parametrize(
    "condition",
    [
        "s.\"source-ref\" LIKE '%/night/%'",
        "s.label IS MISSING",
        "s.label IN (1, 2) LIMIT 1234",
        "s.i / 7 * 7 = s.i AND s.\"source-ref\" LIKE '%night%'",
        "s.i >= 0",
        "s.i < 0",
    ],
)
def test_file_and_stream_give_the_same_bytes(big: Path, condition: str) -> None:
    query = parse_condition(condition)
    by_file, by_stream = Selection(query, now=0), Selection(query, now=0)
    from_file = b"".join(by_file.over_file(big))
    whole = big.read_bytes()
    pieces = (whole[i : i + 99_999] for i in range(0, len(whole), 99_999))
    assert from_file == b"".join(by_stream.over_chunks(pieces))
    plan, n_most = RowPlan(query, now=0), query.limit or len(whole)
    lines = (line + b"\n" for line in whole[3:].removesuffix(b"\n").split(b"\n"))
    assert from_file == b"".join(islice((x for x in lines if plan.holds(orjson.loads(x))), n_most))
    assert by_file.progress.n_selected == by_stream.progress.n_selected == from_file.count(b"\n")
    if query.limit is None:
        assert by_file.progress.n_lines == by_stream.progress.n_lines == 24_000


def test_duckdb_cuts_the_file_as_we_do(big: Path, request: pytest.FixtureRequest) -> None:
    plan = plan_of(parse_condition("s.i >= 0"))
    assert plan is not None
    scanner = Scanner(plan, memory_mib=256)
    try:
        n_flags = len(scanner.flags([big.read_bytes()]))
    finally:
        scanner.close()
    # A lone carriage return is a line end to DuckDB: then the row evaluator takes over.
    assert (n_flags == 24_000) == ("lone" not in request.node.name)


def test_lines_are_copied_byte_for_byte(big: Path) -> None:
    query = parse_condition("s.i >= 0")
    assert b"".join(Selection(query, now=0).over_file(big)) == big.read_bytes()[3:]


def test_aggregates_over_file(big: Path) -> None:
    query = parse_query(
        "SELECT COUNT(*), MAX(s.i) AS top, AVG(s.i) + 1 AS mean FROM S3Object s WHERE s.i < 10"
    )
    answer = b"".join(Selection(query, now=0).over_file(big))
    assert orjson.loads(answer) == {"_1": 10, "top": 9, "mean": 5.5}
    everything = parse_query("SELECT COUNT(*) FROM S3Object")
    assert b"".join(Selection(everything, now=0).over_file(big)) == b'{"_1":24000}\n'


def test_projection_over_file(big: Path) -> None:
    query = parse_query("SELECT s.i, s.gone, s.i * 2 AS twice FROM S3Object s WHERE s.i IN (3, 5)")
    assert b"".join(Selection(query, now=0).over_file(big)) == b'{"i":3,"twice":6}\n{"i":5,"twice":10}\n'


@pytest.mark.parametrize(
    ("bad", "code", "says"),
    [
        (b'{"i": 1,,}\n', "JSONParsingError", "Line 20002 of the input is not valid JSON"),
        (b'{"i": "\xff"}\n', "InvalidTextEncoding", "Line 20002 of the input is not UTF-8"),
    ],
)
def test_bad_line_is_named_and_what_was_before_it_is_given(
    tmp_path: Path, bad: bytes, code: str, says: str
) -> None:
    good = b'{"i": 1, "padding": "' + b"x" * 60 + b'"}\n'
    file = tmp_path / "m"
    file.write_bytes(good * 10_000 + b"\n" + good * 10_000 + bad + good)
    with pytest.raises(QueryError) as caught:
        list(Selection(parse_condition("s.i = 1"), now=0).over_file(file))
    assert caught.value.code == code
    assert says in caught.value.message


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    good = b'{"i": 1, "padding": "' + b"x" * 200 + b'"}\n'
    file = tmp_path / "m"
    file.write_bytes(good * 6000 + b"\n  \n" + good + b"\r\n\n")
    selection = Selection(parse_condition("s.gone IS MISSING"), now=0)
    assert b"".join(selection.over_file(file)) == good * 6001
    assert selection.progress.n_lines == 6001


@given(st.binary(max_size=200).map(lambda b: b.replace(b"\xef", b"x")), st.lists(st.integers(0, 200)))
def test_blocks_lose_nothing_and_end_at_line_ends(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    found = list(blocks(data[a:b] for a, b in pairwise(edges)))
    assert b"".join(found) == data
    assert all(block.endswith(b"\n") for block in found[:-1])


@given(
    st.lists(st.sampled_from([b'{"a":1}\n', b'{"b":2}\r\n', b"\n", b" \n"]), max_size=60),
    st.integers(1, 100),
    st.integers(0, 2**64),
)
def test_sample_has_its_exact_size_and_keeps_the_order(lines: list[bytes], percent: int, seed: int) -> None:
    numbered = [line.replace(b"}", b',"n":%d}' % i) for i, line in enumerate(lines)]
    data = b"".join(numbered)
    n_lines = count_lines([data])
    assert n_lines == sum(not line.isspace() for line in lines)
    size = sample_size(n_lines, percent)
    halves = [data[: len(data) // 2], data[len(data) // 2 :]]
    picked = b"".join(sample_lines(halves, n_lines=n_lines, size=size, seed=seed)).splitlines(keepends=True)
    assert len(picked) == size == (max(1, int(n_lines * percent / 100 + 0.5)) if n_lines else 0)
    positions = [numbered.index(line) for line in picked]
    assert positions == sorted(set(positions))


def test_sample_depends_on_the_seed_alone() -> None:
    data = b"".join(b'{"n":%d}\n' % i for i in range(1000))
    first, again, other = (
        b"".join(sample_lines([data], n_lines=1000, size=5, seed=seed)) for seed in (7, 7, 8)
    )
    assert first == again != other
    # Said once and for all: a sample can be drawn again anywhere.
    assert [orjson.loads(line)["n"] for line in first.splitlines()] == [106, 130, 256, 422, 548]


def test_sample_is_fair() -> None:
    data = b"".join(b"%d\n" % i for i in range(10))
    counts = [0] * 10
    for seed in range(3000):
        for line in b"".join(sample_lines([data], n_lines=10, size=3, seed=seed)).split():
            counts[int(line)] += 1
    # Each is drawn with probability 0.3: 900 times, standard deviation 25.
    assert all(abs(count - 900) < 125 for count in counts)


def test_sample_of_a_changed_file_is_refused() -> None:
    with pytest.raises(QueryError, match="changed while"):
        list(sample_lines([b"1\n2\n"], n_lines=3, size=1, seed=0))
