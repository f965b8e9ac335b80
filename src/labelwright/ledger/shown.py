"""Amounts and durations as people read them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["amount_text", "duration_text"]


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
    """A duration by its two largest units.

    Examples
    --------
    >>> [duration_text(s) for s in (0.4, 59.6, 3600, 11_520, 200_000)]
    ['less than 1 s', '1 min', '1 h', '3 h 12 min', '2 d 7 h']
    """
    total = round(seconds)
    if total < 1:
        return "less than 1 s"
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
