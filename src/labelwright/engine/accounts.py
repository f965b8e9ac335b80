"""A job's account: the counts are in the database, the arithmetic is in `labelwright.ledger`."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labelwright.core.arn import team_kind
from labelwright.core.labeling_job import TERMINAL, Status
from labelwright.engine.facts import JobFacts, facts_of
from labelwright.ledger import Account, Counts, Forecast, Prices, account, forecast, prices_of
from labelwright.store import automated, machine_time, redundancy, work_totals
from labelwright.store.labeling_jobs import JobRow

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["JobAccount", "account_of", "counts_of", "prices_of_job"]

_WINDOW_S = 3600.0
_N_POINTS = 120


@dataclasses.dataclass(frozen=True, slots=True)
class JobAccount:
    """Everything the ledger says of a job.

    Attributes
    ----------
    counts, prices, money, outlook
        See `labelwright.ledger`. ``outlook`` is None once the job has ended.
    n_workers : int
        Workers who have taken a task.
    points : list of Point
        How the counters grew, thinned; the last one is now.
    """

    counts: Counts
    prices: Prices
    money: Account
    outlook: Forecast | None
    n_workers: int
    points: list[work_totals.Point]
    budget: Decimal | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: amounts as decimal text, times in seconds, what is not known as None."""
        counts, money, outlook = self.counts, self.money, self.outlook
        return {
            "currency": self.prices.currency,
            "prices": {
                "per_task": _text(self.prices.per_task),
                "per_hour": _text(self.prices.per_hour),
                "per_machine_label": _text(self.prices.per_machine_label),
            },
            "objects": {
                "human": counts.n_human,
                "machine": counts.n_machine,
                "failed": counts.n_failed,
                "left": counts.n_left,
            },
            "work": {
                "workers": self.n_workers,
                "answers": counts.n_answers,
                "answers_spared": counts.n_answers_spared,
                "worker_seconds": round(counts.seconds, 3),
                "training_seconds": round(counts.training_s, 3),
                "inference_seconds": round(counts.inference_s, 3),
            },
            "cost": {
                "human": _text(money.human),
                "machine": _text(money.machine),
                "total": _text(money.total),
                "per_human_object": _text(money.per_human_object),
                "per_answer": _text(money.per_answer),
            },
            "budget": _text(self.budget),
            "saved": {
                "by_machine": _text(money.saved_by_machine),
                "by_adaptive_redundancy": _text(money.saved_by_redundancy),
            },
            "estimate": (
                None
                if outlook is None
                else {
                    "cost_to_end": _text(outlook.cost),
                    "cost_to_end_low": _text(outlook.low),
                    "cost_to_end_high": _text(outlook.high),
                    "saved_by_machine_to_end": _text(outlook.saved),
                    "seconds_to_end": None if outlook.seconds is None else outlook.seconds.value,
                    "seconds_to_end_low": None if outlook.seconds is None else outlook.seconds.low,
                    "seconds_to_end_high": None if outlook.seconds is None else outlook.seconds.high,
                }
            ),
        }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def prices_of_job(facts: JobFacts) -> Prices:
    """The prices of a job, from its options and from its request."""
    return prices_of(facts.options, facts.request["HumanTaskConfig"].get("PublicWorkforceTaskPrice"))


def counts_of(job: JobRow, facts: JobFacts, work: work_totals.Work) -> Counts:
    """The counts of a job and its people's work, as far as money that was spent depends on them."""
    n_left = max(0, job.counters.n_unlabeled)
    n_needed = facts.stopping.n_still_needed(job.counters)
    if n_needed is not None:  # a stopping condition ends the job before
        n_left = min(n_left, n_needed)
    return Counts(
        n_human=job.n_human_here,
        n_machine=job.n_machine_here,
        n_failed=job.n_failed,
        n_left=n_left,
        n_answers=work.n_submitted,
        seconds=work.seconds,
        seconds_squared=work.seconds_squared,
    )


def account_of(connection: Connection, job: JobRow, *, now: float) -> JobAccount:
    """A job's account at this moment."""
    facts = facts_of(job)
    work = work_totals.of_job(connection, job.id)
    training_s, inference_s = machine_time.seconds_of_job(connection, job.id)
    counts = counts_of(job, facts, work)
    n_left_people = _n_left_people(connection, job, facts, counts.n_left)
    counts = dataclasses.replace(
        counts,
        n_left_people=n_left_people,
        n_answers_waiting=min(work.n_submitted, work_totals.n_waiting(connection, job.id)),
        n_answers_spared=_n_spared(connection, facts),
        training_s=training_s,
        inference_s=inference_s,
    )
    prices = prices_of_job(facts)
    money = account(counts, prices)
    points = _points(connection, job, now=now)
    n_finished, window_s = _window(points, is_people_only=n_left_people is not None)
    is_over = Status(job.status) in TERMINAL
    return JobAccount(
        counts=counts,
        prices=prices,
        money=money,
        outlook=(
            None if is_over else forecast(counts, prices, money, n_finished=n_finished, window_s=window_s)
        ),
        n_workers=work.n_workers,
        points=points,
        budget=facts.options.budget,
    )


def _n_spared(connection: Connection, facts: JobFacts) -> int:
    """Answers that nobody had to give: up to the most that a job, and its team, would have been asked for."""
    most = facts.options.max_workers_per_object
    if most is None or most <= facts.n_workers:
        return 0
    if team_kind(facts.workteam_arn) == "private-crowd":
        most = min(most, redundancy.team_size(connection, facts.workteam_arn))
    return redundancy.counts(connection, facts.id, n_workers=facts.n_workers, n_workers_max=most).n_saved


def _points(connection: Connection, job: JobRow, *, now: float) -> list[work_totals.Point]:
    end = now if job.ended_at is None else job.ended_at
    n_kept_human, n_kept_machine = job.n_human - job.n_human_here, job.n_machine - job.n_machine_here
    kept = work_totals.progress(connection, job.id, n_points=_N_POINTS)
    points = [work_totals.Point(job.created_at, n_kept_human, n_kept_machine, 0)]
    points += [point for point in kept if job.created_at < point.at < end]
    points.append(work_totals.Point(end, job.n_human, job.n_machine, job.n_failed))
    return points


def _n_left_people(connection: Connection, job: JobRow, facts: JobFacts, n_left: int) -> int | None:
    """How many of the objects that are left a model expects to leave to people."""
    if not facts.algorithm:
        return None
    state = automated.get(connection, job.id)
    if state is not None and state.stage == "people":
        return n_left
    share = automated.expected_coverage(connection, job.id)
    if share is None:
        return None
    return max(0, n_left - max(0, round(share * job.n_objects) - job.n_machine_here))


def _window(points: list[work_totals.Point], *, is_people_only: bool) -> tuple[int, float]:
    """Objects finished in the last hour, or in the last of it that is known, and how long that was."""
    last = points[-1]
    first = next((point for point in points if point.at >= last.at - _WINDOW_S), points[0])
    n = (last.n_human + last.n_failed) - (first.n_human + first.n_failed)
    if not is_people_only:
        n += last.n_machine - first.n_machine
    return n, last.at - first.at
