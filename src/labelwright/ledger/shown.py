"""Amounts, durations and accounts as people read them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from labelwright.ledger.account import Account, Counts
from labelwright.ledger.forecast import Forecast
from labelwright.ledger.prices import Prices

__all__ = ["amount_text", "cost_rows", "duration_text"]

_MINUTES_ONLY_S = 600


def amount_text(amount: Decimal, currency: str) -> str:
    """An amount with two decimals, or four when it is below one unit and they say more.

    Examples
    --------
    >>> amount_text(Decimal("1234.5"), "USD"), amount_text(Decimal("0.0362"), "EUR")
    ('1,234.50 USD', '0.0362 EUR')
    >>> amount_text(Decimal("0.4"), "USD"), amount_text(Decimal("-0.004"), "USD")
    ('0.40 USD', '-0.0040 USD')
    """
    hundredths = amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    if abs(amount) < 1 and hundredths != amount:
        return f"{amount.quantize(Decimal('0.0001'), ROUND_HALF_EVEN):,} {currency}"
    return f"{hundredths:,} {currency}"


def duration_text(seconds: float) -> str:
    """A duration by its two largest units, by one where the second says nothing.

    Examples
    --------
    >>> [duration_text(s) for s in (0.4, 61, 1801, 3600, 11_520, 200_000)]
    ['less than 1 s', '1 min 1 s', '30 min', '1 h', '3 h 12 min', '2 d 7 h']
    """
    total = round(seconds)
    if total < 1:
        return "less than 1 s"
    if total >= _MINUTES_ONLY_S:
        total = 60 * round(total / 60)
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        n, total = divmod(total, size)
        if n:
            parts.append(f"{n} {name}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def cost_rows(
    counts: Counts, prices: Prices, money: Account, outlook: Forecast | None, *, budget: Decimal | None = None
) -> list[tuple[str, str, str]]:
    """Name, value and range of what was spent, saved and is to come, without what is not known."""

    def amount(value: Decimal | None) -> str:
        return "" if value is None else amount_text(value, prices.currency)

    rows: list[tuple[str, str]] = [
        ("Answers", f"{counts.n_answers:,}"),
        ("Worker time", duration_text(counts.seconds) if counts.seconds else ""),
        ("Training", duration_text(counts.training_s) if counts.training_s else ""),
        ("Inference", duration_text(counts.inference_s) if counts.inference_s else ""),
    ]
    if prices.has_human_price or prices.per_machine_label is not None:
        rows += [
            ("Spent on people", amount(money.human)),
            ("Spent on machine labels", amount(money.machine) if counts.n_machine else ""),
            ("Spent in all", amount(money.total)),
            ("Budget", amount(budget)),
            ("An object by people", amount(money.per_human_object)),
            ("Saved by the machine", amount(money.saved_by_machine)),
            ("Saved by asking fewer workers", amount(money.saved_by_redundancy)),
        ]
    shown = [(name, value, "") for name, value in rows if value]
    if outlook is not None and counts.n_left:
        if outlook.cost is not None:
            low, high = amount(outlook.low), amount(outlook.high)
            shown.append(("Cost to the end", amount(outlook.cost), _range(low, high)))
        if outlook.seconds is not None:
            s = outlook.seconds
            low, high = ("" if v is None else duration_text(v) for v in (s.low, s.high))
            shown.append(("Time to the end", duration_text(s.value), _range(low, high)))
        if outlook.saved is not None:
            shown.append(("Saved by the machine by then", amount(outlook.saved), "as it expects"))
    return shown


def _range(low: str, high: str) -> str:
    return f"{low} to {high}" if low and low != high else ""
