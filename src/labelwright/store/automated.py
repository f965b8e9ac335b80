"""State of automated labeling: the loop's decisions, the sets of objects, the passes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from labelwright.core.human_task import ObjectState
from labelwright.store.automated_tables import automated_jobs, automated_members, automated_passes
from labelwright.store.data_objects import ObjectRow
from labelwright.store.labeling_tables import data_objects, labels

__all__ = [
    "AutomatedRow",
    "PassRow",
    "Role",
    "add_members",
    "begin",
    "begin_pass",
    "expected_coverage",
    "get",
    "get_pass",
    "labeled_members",
    "kept_lines",
    "last_pass",
    "move_all",
    "n_members",
    "passes",
    "pending_among",
    "pending_lines",
    "pending_numbers",
    "reserve",
    "set_columns",
    "set_pass",
]

_j, _m, _p, _o = automated_jobs, automated_members, automated_passes, data_objects
_PAGE = 20_000


class Role(IntEnum):
    """The set an object is in."""

    PROBE = 1
    TRAINING = 2
    VALIDATION = 3
    AUTO = 4


@dataclasses.dataclass(frozen=True, slots=True)
class AutomatedRow:
    """One row of ``automated_jobs``; the columns are described with the table."""

    job_id: int
    seed: int
    n_training: int
    n_validation: int
    stage: str
    reason: str | None
    start_model_arn: str | None
    model_arn: str | None
    n_labels_at_model: int
    advice: str | None


_JOB = sa.select(*(_j.c[field.name] for field in dataclasses.fields(AutomatedRow)))


def get(connection: Connection, job_id: int) -> AutomatedRow | None:
    """The loop's decisions; None before its first step."""
    row = connection.execute(_JOB.where(_j.c.job_id == job_id)).first()
    return None if row is None else AutomatedRow(*row)


def begin(connection: Connection, row: AutomatedRow) -> None:
    """Keep the first decisions."""
    connection.execute(sa.insert(_j), dataclasses.asdict(row))


def set_columns(connection: Connection, job_id: int, **values: Any) -> None:
    """Set columns of a job's row."""
    connection.execute(sa.update(_j).where(_j.c.job_id == job_id).values(**values))


# -- sets ------------------------------------------------------------------------------------------


def add_members(
    connection: Connection, job_id: int, numbers: Sequence[int], *, role: Role, iteration: int
) -> None:
    """Put objects into a set, in the order of their draw."""
    if numbers:
        rows = [
            {"job_id": job_id, "role": int(role), "object_no": number, "iteration": iteration, "draw": draw}
            for draw, number in enumerate(numbers)
        ]
        connection.execute(sa.insert(_m), rows)


def n_members(connection: Connection, job_id: int, *roles: Role) -> int:
    """How many objects are in these sets."""
    query = sa.select(sa.func.count()).where(_m.c.job_id == job_id, _m.c.role.in_([int(r) for r in roles]))
    return int(connection.execute(query.select_from(_m)).scalar_one())


def move_all(connection: Connection, job_id: int, *, source: Role, target: Role) -> None:
    """Make one set part of another."""
    connection.execute(
        sa.update(_m).where(_m.c.job_id == job_id, _m.c.role == int(source)).values(role=int(target))
    )


def labeled_members(
    connection: Connection, job_id: int, role: Role
) -> Iterator[tuple[ObjectRow, bytes, int, int]]:
    """(where the line is, label, iteration, draw) of the labeled objects of a set, in manifest order."""
    after = -1
    while True:
        query = (
            sa.select(
                _o.c.object_no,
                _o.c.position,
                _o.c.length,
                _o.c.iteration,
                labels.c.content,
                _m.c.iteration,
                _m.c.draw,
            )
            .select_from(
                _m.join(_o, (_o.c.job_id == _m.c.job_id) & (_o.c.object_no == _m.c.object_no)).join(
                    labels, (labels.c.job_id == _m.c.job_id) & (labels.c.object_no == _m.c.object_no)
                )
            )
            .where(
                _m.c.job_id == job_id,
                _m.c.role == int(role),
                _m.c.object_no > after,
                _o.c.state == int(ObjectState.LABELED),
            )
            .order_by(_m.c.object_no)
            .limit(_PAGE)
        )
        rows = connection.execute(query).all()
        for row in rows:
            yield ObjectRow(*row[:4]), bytes(row[4]), int(row[5]), int(row[6])
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]


def pending_numbers(connection: Connection, job_id: int) -> Iterator[list[int]]:
    """Numbers of the objects that are not labeled and not sent, in manifest order, page by page."""
    after = -1
    while True:
        query = (
            sa.select(_o.c.object_no)
            .where(_o.c.job_id == job_id, _o.c.object_no > after, _o.c.state == int(ObjectState.PENDING))
            .order_by(_o.c.object_no)
            .limit(_PAGE)
        )
        numbers = list(connection.execute(query).scalars())
        if numbers:
            yield numbers
        if len(numbers) < _PAGE:
            return
        after = numbers[-1]


def pending_lines(connection: Connection, job_id: int) -> Iterator[list[ObjectRow]]:
    """The objects that are not labeled and not sent, in manifest order, page by page."""
    return _pages(connection, job_id, ObjectState.PENDING)


def kept_lines(connection: Connection, job_id: int) -> Iterator[list[ObjectRow]]:
    """The objects that came with a label, in manifest order, page by page."""
    return _pages(connection, job_id, ObjectState.KEPT)


def _pages(connection: Connection, job_id: int, state: ObjectState) -> Iterator[list[ObjectRow]]:
    after = -1
    while True:
        query = (
            sa.select(_o.c.object_no, _o.c.position, _o.c.length, _o.c.iteration)
            .where(_o.c.job_id == job_id, _o.c.object_no > after, _o.c.state == int(state))
            .order_by(_o.c.object_no)
            .limit(_PAGE)
        )
        rows = [ObjectRow(*row) for row in connection.execute(query)]
        if rows:
            yield rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].object_no


def pending_among(connection: Connection, job_id: int, numbers: Sequence[int]) -> set[int]:
    """Those of some objects that are not labeled and not sent."""
    found: set[int] = set()
    for first in range(0, len(numbers), 500):
        query = sa.select(_o.c.object_no).where(
            _o.c.job_id == job_id,
            _o.c.object_no.in_(list(numbers[first : first + 500])),
            _o.c.state == int(ObjectState.PENDING),
        )
        found.update(connection.execute(query).scalars())
    return found


def reserve(connection: Connection, job_id: int, numbers: Sequence[int], *, iteration: int) -> list[int]:
    """Mark pending objects as members of a batch that is about to be opened; those that were pending."""
    kept: list[int] = []
    for first in range(0, len(numbers), 500):
        part = list(numbers[first : first + 500])
        rows = connection.execute(
            sa.update(_o)
            .where(_o.c.job_id == job_id, _o.c.object_no.in_(part), _o.c.state == int(ObjectState.PENDING))
            .values(iteration=iteration)
            .returning(_o.c.object_no)
        )
        found = set(rows.scalars())
        kept += [number for number in part if number in found]
    return kept


# -- passes ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class PassRow:
    """One row of ``automated_passes``; ``report`` is parsed."""

    job_id: int
    iteration: int
    status: str
    started_at: float
    labeled_at: float | None
    ended_at: float | None
    run_name: str | None
    n_labels: int
    n_applied: int
    report: dict[str, Any]


_PASS = sa.select(*(_p.c[field.name] for field in dataclasses.fields(PassRow)))


def _pass(row: Any) -> PassRow:
    values = dict(row._mapping)
    return PassRow(**{**values, "report": orjson.loads(values["report"])})


def begin_pass(connection: Connection, job_id: int, *, iteration: int, n_labels: int, now: float) -> None:
    """Add a pass that is learning."""
    row = {
        "job_id": job_id,
        "iteration": iteration,
        "status": "learning",
        "started_at": now,
        "n_labels": n_labels,
    }
    connection.execute(sa.insert(_p), row)


def get_pass(connection: Connection, job_id: int, iteration: int) -> PassRow | None:
    """The pass of an iteration."""
    row = connection.execute(_PASS.where(_p.c.job_id == job_id, _p.c.iteration == iteration)).first()
    return None if row is None else _pass(row)


def last_pass(connection: Connection, job_id: int) -> PassRow | None:
    """The latest pass that has ended well."""
    query = _PASS.where(_p.c.job_id == job_id, _p.c.status == "done").order_by(_p.c.iteration.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else _pass(row)


def passes(connection: Connection, job_id: int) -> list[PassRow]:
    """All passes of a job, oldest first."""
    query = _PASS.where(_p.c.job_id == job_id).order_by(_p.c.iteration)
    return [_pass(row) for row in connection.execute(query)]


def expected_coverage(connection: Connection, job_id: int) -> float | None:
    """Share of a job's objects that its last model expects the machine to label in the end, if said."""
    for row in reversed(passes(connection, job_id)):
        share = (row.report.get("metrics") or {}).get("expected_coverage")
        if share is not None:
            return float(share)
    return None


def set_pass(connection: Connection, job_id: int, iteration: int, **values: Any) -> None:
    """Set columns of a pass; ``report`` may be a dictionary."""
    if "report" in values:
        values["report"] = orjson.dumps(values["report"], option=orjson.OPT_SERIALIZE_NUMPY).decode()
    connection.execute(
        sa.update(_p).where(_p.c.job_id == job_id, _p.c.iteration == iteration).values(**values)
    )
