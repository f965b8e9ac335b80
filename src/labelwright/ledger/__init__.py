"""What a labeling job costs, what it saved and what it will still take: arithmetic on counts, no I/O.

`account` turns counts and prices into money, `forecast` says how much is to come. Money is `decimal.Decimal`
throughout and is rounded once, where a duration becomes an amount, to a millionth.
"""

from __future__ import annotations

from labelwright.ledger.account import Account, Counts, account
from labelwright.ledger.forecast import Forecast, Range, forecast
from labelwright.ledger.prices import Prices, prices_of, task_cost
from labelwright.ledger.shown import amount_text, cost_rows, duration_text

__all__ = [
    "Account",
    "Counts",
    "Forecast",
    "Prices",
    "Range",
    "account",
    "amount_text",
    "cost_rows",
    "duration_text",
    "forecast",
    "prices_of",
    "task_cost",
]
