"""What the database of a scan cannot do, and a server's process for selections."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from labelwright.selection import Progress, QueryError
from labelwright.selection.process import query_job, run_in_child, sample_job
from labelwright.selection.scanning import _locked

LINES = b"".join(b'{"n":%d}\n' % i for i in range(200))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/labelwright-must-not-exist.csv'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_paths = ['/etc/hostname']",
        "INSTALL httpfs",
        "ATTACH '/tmp/labelwright-must-not-exist.db'",
    ],
)
def test_the_database_of_a_scan_can_do_nothing_else(tmp_path: Path, statement: str) -> None:
    database = _locked("/dev/fd/0", 64)
    try:
        with pytest.raises(duckdb.Error):
            database.execute(statement)
    finally:
        database.close()


def test_a_process_answers_over_a_file_and_over_chunks(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(LINES)
    job = query_job("s.n < 3", is_condition=True, now=0.0)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        from_file = list(run_in_child(job, descriptor=descriptor))
        sampled = list(run_in_child(sample_job(5, 7), descriptor=descriptor))
    finally:
        os.close(descriptor)
    from_chunks = list(run_in_child(job, chunks=iter([LINES[:7], LINES[7:]])))
    assert from_file == from_chunks == [b'{"n":0}\n{"n":1}\n{"n":2}\n', Progress(200, 3, len(LINES), 24)]
    assert isinstance(sampled[-1], Progress)
    assert sampled[-1].n_selected == 10


def test_a_process_hands_over_what_is_wrong() -> None:
    job = query_job("s.n = 1", is_condition=True, now=0.0)
    with pytest.raises(QueryError) as caught:
        list(run_in_child(job, chunks=[b'{"n":\n']))
    assert caught.value.code == "JSONParsingError"


def test_a_process_has_so_much_time_and_no_more() -> None:
    long = " OR ".join(f"s.n / {i} = {i}.5" for i in range(1, 2000))
    job = {**query_job(long, is_condition=True, now=0.0), "cpu_s": 1}
    with pytest.raises(QueryError, match="more than 1 s of processor time") as caught:
        list(run_in_child(job, chunks=iter(lambda: LINES * 1000, b"")))
    assert caught.value.code == "Busy"


def test_a_process_ends_when_nobody_wants_the_rest() -> None:
    job = query_job("s.n >= 0", is_condition=True, now=0.0)
    endless = run_in_child(job, chunks=iter(lambda: LINES * 1000, b""))
    assert next(piece for piece in endless if isinstance(piece, bytes))
    endless.close()  # returns only when the process has ended
