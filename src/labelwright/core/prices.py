"""Prices that may be asked of the public work team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.core.functions import TaskKind
from labelwright.errors import InvalidRequest

__all__ = ["PRICES_MILLS", "check_price", "price_mills"]

_BOX = (36, 48, 60, 72, 120, 240, 360, 480, 600, 720, 840, 960, 1080, 1200)

PRICES_MILLS: dict[str, tuple[int, ...]] = {
    "class": (12, 24, *_BOX),
    "box": _BOX,
    "mask": (840, 960, 1080, 1200),
}
"""Allowed prices of one task in thousandths of a US dollar, by the list a task type uses."""

_FIELD = "HumanTaskConfig.PublicWorkforceTaskPrice"


def price_mills(price: Mapping[str, Any]) -> int:
    """``PublicWorkforceTaskPrice`` in thousandths of a US dollar.

    Examples
    --------
    >>> price_mills({"AmountInUsd": {"Dollars": 0, "Cents": 3, "TenthFractionsOfACent": 6}})
    36
    """
    amount = price.get("AmountInUsd") or {}
    dollars, cents = amount.get("Dollars", 0), amount.get("Cents", 0)
    return int(1000 * dollars + 10 * cents + amount.get("TenthFractionsOfACent", 0))


def check_price(price: Mapping[str, Any] | None, kind: TaskKind) -> None:
    """Check the price of a job for the public team.

    Raises
    ------
    InvalidRequest
        When it is missing or not one of the allowed ones.
    """
    if price is None:
        raise InvalidRequest(
            f"{_FIELD} is missing; jobs for the public work team need a price per task.",
            field=_FIELD,
            rule="required with the public work team",
        )
    allowed = PRICES_MILLS[kind.price]
    mills = price_mills(price)
    if mills not in allowed:
        listed = ", ".join(f"{allowed_mills / 1000:.3f}" for allowed_mills in allowed)
        raise InvalidRequest(
            f"{_FIELD} is {mills / 1000:.3f} USD; {kind.suffix} jobs may pay one of {listed} USD a task.",
            field=f"{_FIELD}.AmountInUsd",
            value=mills / 1000,
            rule=f"one of {listed}",
        )
