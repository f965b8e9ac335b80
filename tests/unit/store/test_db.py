"""The group-committing writer: alone, together, failing, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from labelwright.errors import LabelwrightError
from labelwright.store.db import Database

META = sa.MetaData()
LEDGER = sa.Table("ledger", META, sa.Column("n", sa.Integer, primary_key=True))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    if request.param == "postgres":
        url = os.environ.get("LABELWRIGHT_TEST_POSTGRES_URL", "")
        if not url:
            pytest.skip("set LABELWRIGHT_TEST_POSTGRES_URL to run this on PostgreSQL")
    database = Database(url)
    META.drop_all(database.engine)
    database.create_all(META)
    yield database
    database.close()


def _insert(n: int) -> None:
    def write(connection: sa.Connection) -> int:
        connection.execute(LEDGER.insert().values(n=n))
        return n

    return write  # type: ignore[return-value]


def _all(database: Database) -> list[int]:
    return database.read(lambda c: list(c.execute(sa.select(LEDGER.c.n).order_by(LEDGER.c.n)).scalars()))


def test_a_write_returns_its_result_and_is_visible_to_readers(database: Database) -> None:
    assert database.write(_insert(7)) == 7
    assert _all(database) == [7]


def test_a_failing_write_is_undone_alone(database: Database) -> None:
    def half_then_fail(connection: sa.Connection) -> None:
        connection.execute(LEDGER.insert().values(n=2))
        raise ValueError("changed my mind")

    # Hold the writer so that all three certainly share one group.
    gate = threading.Event()
    hold = database.submit(lambda c: gate.wait(5))
    futures = [database.submit(w) for w in (_insert(1), half_then_fail, _insert(3))]
    gate.set()
    assert hold.result()
    assert futures[0].result() == 1
    with pytest.raises(ValueError, match="changed my mind"):
        futures[1].result()
    assert futures[2].result() == 3
    assert _all(database) == [1, 3]


def test_many_threads_write_without_losing_any(database: Database) -> None:
    def work(start: int) -> None:
        for n in range(start, start + 50):
            database.write(_insert(n))

    threads = [threading.Thread(target=work, args=(1000 * i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_all(database)) == 400


def test_writes_that_wait_for_the_disk_and_writes_that_do_not_may_be_mixed(database: Database) -> None:
    futures = [database.submit(_insert(n), waits_for_disk=n % 3 == 0) for n in range(60)]
    assert [future.result() for future in futures] == list(range(60))
    assert _all(database) == list(range(60))


def test_the_writer_waits_for_the_disk_unless_told_otherwise(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    database.create_all(META)

    def level(connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    full, normal = 2, 1
    assert database.write(level) == full
    assert database.submit(level, waits_for_disk=False).result() == normal
    assert database.write(level) == full
    database.close()


def test_a_closed_database_refuses_writes_and_says_what_to_do(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    database.create_all(META)
    database.write(_insert(1))
    database.close()
    with pytest.raises(LabelwrightError, match="start the server again"):
        database.submit(_insert(2))


def test_every_write_queued_while_closing_is_done_or_refused(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    database.create_all(META)
    outcomes: list[object] = []

    def work(start: int) -> None:
        for n in range(start, start + 2000):
            try:
                outcomes.append(database.submit(_insert(n)))
            except LabelwrightError:
                return

    threads = [threading.Thread(target=work, args=(10_000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    while not outcomes:
        time.sleep(0.001)
    database.close()
    for thread in threads:
        thread.join()
    assert all(future.done() for future in outcomes)  # type: ignore[attr-defined]


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    program = """
import sys, threading
import sqlalchemy as sa
from labelwright.store.db import Database
meta = sa.MetaData()
ledger = sa.Table("ledger", meta, sa.Column("n", sa.Integer, primary_key=True))
database = Database(sys.argv[1])
database.create_all(meta)
lock = threading.Lock()
def work(start):
    for n in range(start, start + 100000):
        database.write(lambda c, n=n: c.execute(ledger.insert().values(n=n)) and None)
        with lock:
            sys.stdout.write(f"{n}\\n"); sys.stdout.flush()
for i in range(4):
    threading.Thread(target=work, args=(i * 100000,), daemon=True).start()
threading.Event().wait()
"""
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    process = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [
        int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")
    ]
    process.wait()
    process.stdout.close()
    database = Database(url)
    assert set(acknowledged) <= set(_all(database))
    database.close()
