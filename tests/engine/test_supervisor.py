"""The supervisor calls every kind's steps until nothing is left, and lets no row hold up another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.engine import Connection

from labelwright.config import Settings
from labelwright.engine.stepping import NOW
from labelwright.engine.supervisor import SupervisedTools, Supervisor
from labelwright.store.db import Database
from labelwright.store.schema import metadata


class Countdown:
    """Rows that need ``n`` steps each; the answer to a step is given by the test."""

    name = "countdown"

    def __init__(self, rows: dict[int, int], due: float | None = NOW) -> None:
        self.rows = rows
        self.due = due
        self.n_inside: dict[int, int] = dict.fromkeys(rows, 0)
        self.n_inside_most = 0
        self.failing: set[int] = set()
        self.lock = threading.Lock()

    def unfinished(self, connection: Connection) -> Sequence[int]:
        return [key for key, left in self.rows.items() if left > 0]

    def advance(self, tools: SupervisedTools, key: int) -> float | None:
        with self.lock:
            self.n_inside[key] += 1
            self.n_inside_most = max(self.n_inside_most, self.n_inside[key])
        try:
            if key in self.failing:
                raise ValueError("a step that fails")
            time.sleep(0.001)
            self.rows[key] -= 1
            return self.due if self.rows[key] > 0 else None
        finally:
            with self.lock:
                self.n_inside[key] -= 1


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    database.create_all(metadata)
    yield database
    database.close()


def supervise(database: Database, tmp_path: Path, kind: Countdown) -> Supervisor:
    settings = Settings(data_dir=tmp_path)
    return Supervisor(database, cast(Any, None), settings, time.time, [kind])


def wait_until_done(kind: Countdown, keys: Sequence[int]) -> None:
    end = time.monotonic() + 20
    while any(kind.rows[key] > 0 for key in keys):
        assert time.monotonic() < end, kind.rows
        time.sleep(0.005)


def test_rows_are_stepped_to_their_end_one_step_at_a_time(database: Database, tmp_path: Path) -> None:
    kind = Countdown({1: 20, 2: 3, 3: 1})
    supervisor = supervise(database, tmp_path, kind)
    supervisor.start()
    for _ in range(200):  # wake-ups beside a running step must not start a second one
        supervisor.wake(kind.name, 1)
    wait_until_done(kind, [1, 2, 3])
    supervisor.stop()
    assert kind.n_inside_most == 1


def test_a_failing_row_does_not_hold_up_others(database: Database, tmp_path: Path) -> None:
    kind = Countdown({1: 1, 2: 5})
    kind.failing = {1}
    supervisor = supervise(database, tmp_path, kind)
    supervisor.start()
    wait_until_done(kind, [2])
    kind.failing = set()
    wait_until_done(kind, [1])  # tried again by itself
    supervisor.stop()


def test_a_row_that_waits_is_woken(database: Database, tmp_path: Path) -> None:
    kind = Countdown({7: 2}, due=None)
    supervisor = supervise(database, tmp_path, kind)
    supervisor.start()
    end = time.monotonic() + 20
    while kind.rows[7] == 2 and time.monotonic() < end:
        time.sleep(0.005)
    assert kind.rows[7] == 1
    supervisor.wake(kind.name, 7)
    wait_until_done(kind, [7])
    supervisor.stop()


def test_a_database_that_is_away_is_not_asked_without_a_pause(database: Database, tmp_path: Path) -> None:
    asked_at: list[float] = []
    is_enough = threading.Event()

    class Unreadable(Countdown):
        def unfinished(self, connection: Connection) -> Sequence[int]:
            asked_at.append(time.monotonic())
            if len(asked_at) > 2:
                is_enough.set()
            raise ConnectionError("the database is away")

    supervisor = supervise(database, tmp_path, Unreadable({}))
    supervisor.start()
    assert is_enough.wait(60)
    supervisor.stop()
    assert asked_at[2] - asked_at[0] > 1  # a machine that is busy makes it longer


def test_settling_says_when_the_next_timer_is_due(database: Database, tmp_path: Path) -> None:
    kind = Countdown({1: 2}, due=12_345.0)
    supervisor = supervise(database, tmp_path, kind)
    assert supervisor.settle() == 12_345.0
    assert supervisor.settle() is None
