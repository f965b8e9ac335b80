"""What things cost: prices from a job's options, or from the price of the public work team."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from labelwright.core.job_options import JobOptions
from labelwright.core.prices import price_mills

__all__ = ["Prices", "hours_cost", "prices_of", "task_cost"]

_MILLIONTH = Decimal("0.000001")
_MS_PER_HOUR = 3_600_000


@dataclasses.dataclass(frozen=True, slots=True)
class Prices:
    """Unit prices of one job; None where there is none.

    Attributes
    ----------
    per_task : Decimal or None
        One answer of one worker.
    per_hour : Decimal or None
        One hour of a worker's time. Comes on top of ``per_task`` when both are set.
    per_machine_label : Decimal or None
        One label made by a model.
    currency : str
        Three letters.
    """

    per_task: Decimal | None = None
    per_hour: Decimal | None = None
    per_machine_label: Decimal | None = None
    currency: str = "USD"

    @property
    def has_human_price(self) -> bool:
        """Whether people's work costs anything that is known."""
        return self.per_task is not None or self.per_hour is not None


def prices_of(options: JobOptions, public_price: Mapping[str, Any] | None = None) -> Prices:
    """The prices of a job.

    Parameters
    ----------
    options : JobOptions
    public_price : mapping, optional
        ``PublicWorkforceTaskPrice`` of the request; used where the options name no price of human work.

    Examples
    --------
    >>> prices_of(JobOptions(), {"AmountInUsd": {"Cents": 3, "TenthFractionsOfACent": 6}}).per_task
    Decimal('0.036')
    """
    per_task = options.price_per_task
    if per_task is None and options.price_per_hour is None and public_price:
        mills = price_mills(public_price)
        per_task = Decimal(mills) / 1000 if mills else None
    return Prices(
        per_task=per_task,
        per_hour=options.price_per_hour,
        per_machine_label=options.price_per_machine_label,
        currency=options.currency,
    )


def hours_cost(prices: Prices, seconds: float) -> Decimal:
    """What a worker's time costs, to a millionth; seconds count in whole milliseconds.

    Examples
    --------
    >>> hours_cost(Prices(per_hour=Decimal(18)), 90.0)
    Decimal('0.450000')
    """
    if prices.per_hour is None:
        return Decimal(0)
    exact = prices.per_hour * round(seconds * 1000) / _MS_PER_HOUR
    return exact.quantize(_MILLIONTH, ROUND_HALF_UP)


def task_cost(prices: Prices, *, expected_seconds: float) -> Decimal:
    """What one more answer is expected to cost."""
    return (prices.per_task or Decimal(0)) + hours_cost(prices, expected_seconds)
