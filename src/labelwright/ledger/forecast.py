"""What is still to come: cost and time to the end, each with a 95 % range.

Cost. Let n objects be labeled so far, k of them by people, at a human cost of c each (`account`). If the
share p = k / n stays as it is, the R objects that are left cost R (p c + (1 - p) m), m being the price of a
machine's label, less what was spent on answers to some of them already. The range is that of a sum of R new
values predicted from n seen ones,

    R x  ±  z_95 s sqrt(R (1 + R / n)),

where s combines the spread of the cost of an object with the spread of who labels it: with prices by the
hour, the times of an object's answers are taken as independent, so the variance of its cost is the answers
per object times the variance of a task's cost. This is the usual prediction interval (Hahn and Meeker,
Statistical Intervals, 1991, chapter 4), with the normal quantile in place of Student's, widened for few
objects by the factor sqrt((n + 1) / (n - 1)). No range is given before three objects.

With automated labeling the shares do not stay as they are: people come first, and then a model labels the
rest at once. Where its expectation is known (``n_left_people``), cost and time are those of the objects it
leaves to people, and of its own labels; it is an expectation of a learning curve, so no range is given.

Time. The rate is that of a window at the end of what has happened; its range takes finished objects as a
Poisson process, so a window with N of them is known to ± 1.96 / sqrt(N).
"""

from __future__ import annotations

import dataclasses
import math
from decimal import ROUND_HALF_UP, Decimal

from labelwright.ledger.account import Account, Counts
from labelwright.ledger.prices import Prices

__all__ = ["Forecast", "Range", "forecast"]

_Z = 1.959964
_N_MIN = 3
_CENT_SHARE = Decimal("0.000001")


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """A value with the range in which it lies in 95 of 100 cases; without one where too little is known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Forecast:
    """What is still to come.

    Attributes
    ----------
    cost, low, high : Decimal or None
        Of the objects that are left; None before the first label, and the range before the third.
    seconds : Range or None
        Until the last object is labeled; None when nothing was labeled in the window.
    saved : Decimal or None
        What the machine will have saved by then; None where nothing is known of what it will label.
    """

    cost: Decimal | None
    low: Decimal | None
    high: Decimal | None
    seconds: Range | None
    saved: Decimal | None = None


def forecast(
    counts: Counts, prices: Prices, money: Account, *, n_finished: int = 0, window_s: float = 0.0
) -> Forecast:
    """Predict from what was seen.

    Parameters
    ----------
    counts, prices, money
        As `account` takes and gives them.
    n_finished, window_s : int, float
        How many objects were finished in a window up to now, and how long it is. Where a model is expected to
        label the rest, those that people finished.
    """
    if counts.n_left_people is not None and counts.n_left:
        return _with_a_model(counts, counts.n_left_people, prices, money, n_finished, window_s)
    cost, spread = _cost(counts, prices, money)
    if cost is None or spread is None:
        low = high = None
    else:
        low, high = max(Decimal(0), cost - spread), cost + spread
    return Forecast(cost, low, high, _seconds(counts.n_left, n_finished, window_s))


def _with_a_model(
    counts: Counts, n_people: int, prices: Prices, money: Account, n_finished: int, window_s: float
) -> Forecast:
    cost = saved = None
    if money.per_human_object is not None:
        per_label = prices.per_machine_label or Decimal(0)
        n_machine = counts.n_left - n_people
        ahead = n_people * money.per_human_object + n_machine * per_label
        cost = max(Decimal(0), ahead - money.waiting)
        saved = (money.saved_by_machine or Decimal(0)) + n_machine * (money.per_human_object - per_label)
    seconds = _seconds(n_people, n_finished, window_s)
    return Forecast(cost, None, None, None if seconds is None else Range(seconds.value), saved)


def _cost(counts: Counts, prices: Prices, money: Account) -> tuple[Decimal | None, Decimal | None]:
    n, k, left = counts.n_human + counts.n_machine, counts.n_human, counts.n_left
    if left == 0:
        return Decimal(0), Decimal(0)
    if n == 0 or not (prices.has_human_price or prices.per_machine_label is not None):
        return None, None
    finished = money.total - money.waiting
    cost = max(Decimal(0), finished * left / n - money.waiting).quantize(_CENT_SHARE, ROUND_HALF_UP)
    if n < _N_MIN:
        return cost, None
    share = k / n
    per_object = float(money.human - money.waiting) / k if k else 0.0
    per_label = float(prices.per_machine_label or 0)
    variance = share * _object_variance(counts, prices) + share * (1 - share) * (per_object - per_label) ** 2
    factor = math.sqrt((n + 1) / (n - 1))
    spread = factor * _Z * math.sqrt(variance * left * (1 + left / n))
    return cost, Decimal(repr(spread)).quantize(_CENT_SHARE, ROUND_HALF_UP)


def _object_variance(counts: Counts, prices: Prices) -> float:
    """Variance of what people's answers to one object cost."""
    n_finished = counts.n_answers - counts.n_answers_waiting
    if counts.n_answers < 2 or n_finished <= 0 or counts.n_human == 0 or prices.per_hour is None:
        return 0.0
    mean = counts.seconds / counts.n_answers
    variance_s2 = max(0.0, counts.seconds_squared / counts.n_answers - mean * mean)
    rate = float(prices.per_hour) / 3600
    return n_finished / counts.n_human * variance_s2 * rate * rate


def _seconds(n_left: int, n_finished: int, window_s: float) -> Range | None:
    if n_left == 0:
        return Range(0.0, 0.0, 0.0)
    if n_finished <= 0 or window_s <= 0:
        return None
    value = n_left * window_s / n_finished
    error = _Z / math.sqrt(n_finished)
    if n_finished < _N_MIN or error >= 1:
        return Range(value)
    return Range(value, value / (1 + error), value / (1 - error))
