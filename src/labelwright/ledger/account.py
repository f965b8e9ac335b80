"""What a job has cost so far, and what it did not have to cost."""

from __future__ import annotations

import dataclasses
from decimal import ROUND_HALF_UP, Decimal

from labelwright.ledger.prices import Prices, hours_cost

__all__ = ["Account", "Counts", "account"]

_MILLIONTH = Decimal("0.000001")


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """What happened in a job, without labels that came with its manifest.

    Attributes
    ----------
    n_human, n_machine : int
        Objects labeled by people and by a model in this job.
    n_failed : int
        Objects given up.
    n_left : int
        Objects that still want a label.
    n_left_people : int or None
        How many of those a model is expected to leave to people; None where nothing is known about it.
    n_answers : int
        Submitted tasks; objects that failed or are not consolidated yet count.
    seconds, seconds_squared : float
        Sum of the time spent on them, and of its square.
    n_answers_waiting : int
        Those of them whose objects have no label yet.
    n_answers_spared : int
        Answers that adaptive redundancy did not ask for.
    training_s, inference_s : float
        Processor time of models. It is shown, and has no price of its own.
    """

    n_human: int = 0
    n_machine: int = 0
    n_failed: int = 0
    n_left: int = 0
    n_left_people: int | None = None
    n_answers: int = 0
    seconds: float = 0.0
    seconds_squared: float = 0.0
    n_answers_waiting: int = 0
    n_answers_spared: int = 0
    training_s: float = 0.0
    inference_s: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """Money of a job so far, in its currency.

    Attributes
    ----------
    human, machine : Decimal
        Spent on people's answers, and on labels made by models.
    waiting : Decimal
        The share of ``human`` for answers whose objects have no label yet.
    per_human_object : Decimal or None
        ``human`` without ``waiting`` by objects that people labeled, to a millionth. What was spent on
        objects that failed is in it. None before the first label.
    per_answer : Decimal or None
        ``human`` by answers, to a millionth.
    saved_by_machine : Decimal or None
        What the machine's objects would have cost if people had labeled them, less what they did cost. Below
        zero when people would have been cheaper.
    saved_by_redundancy : Decimal or None
        What the answers that nobody had to give would have cost.
    """

    human: Decimal
    machine: Decimal
    waiting: Decimal
    per_human_object: Decimal | None
    per_answer: Decimal | None
    saved_by_machine: Decimal | None
    saved_by_redundancy: Decimal | None

    @property
    def total(self) -> Decimal:
        """All that was spent."""
        return self.human + self.machine

    @property
    def saved(self) -> Decimal:
        """All that was saved, as far as it is known."""
        return (self.saved_by_machine or Decimal(0)) + (self.saved_by_redundancy or Decimal(0))


def account(counts: Counts, prices: Prices) -> Account:
    """What the counts cost at these prices; everything without a price costs nothing.

    Examples
    --------
    >>> a = account(Counts(n_human=10, n_machine=90, n_answers=30), Prices(per_task=Decimal("0.012")))
    >>> a.total, a.per_human_object, a.saved_by_machine
    (Decimal('0.360'), Decimal('0.036000'), Decimal('3.240000'))
    """
    human = (prices.per_task or Decimal(0)) * counts.n_answers + hours_cost(prices, counts.seconds)
    machine = (prices.per_machine_label or Decimal(0)) * counts.n_machine
    waiting = (
        (human * counts.n_answers_waiting / counts.n_answers).quantize(_MILLIONTH, ROUND_HALF_UP)
        if counts.n_answers
        else Decimal(0)
    )
    finished = human - waiting
    per_object = _share(finished, counts.n_human)
    per_answer = _share(human, counts.n_answers)
    is_priced = prices.has_human_price
    return Account(
        human=human,
        machine=machine,
        waiting=waiting,
        per_human_object=per_object if is_priced else None,
        per_answer=per_answer if is_priced else None,
        saved_by_machine=(
            (finished * counts.n_machine / counts.n_human).quantize(_MILLIONTH, ROUND_HALF_UP) - machine
            if is_priced and counts.n_machine and counts.n_human
            else None
        ),
        saved_by_redundancy=(
            (human * counts.n_answers_spared / counts.n_answers).quantize(_MILLIONTH, ROUND_HALF_UP)
            if is_priced and counts.n_answers_spared and counts.n_answers
            else None
        ),
    )


def _share(amount: Decimal, n: int) -> Decimal | None:
    return (amount / n).quantize(_MILLIONTH, ROUND_HALF_UP) if n else None
