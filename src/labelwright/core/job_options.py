"""What a labeling job may choose beyond the AWS API: tags whose keys begin with ``labelwright:``.

A tag is the one free field that every client can already send. Options are read from the ``Tags`` of the
create request, so tags that are added later change nothing about a running job.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from labelwright.errors import InvalidRequest

__all__ = ["PREFIX", "JobOptions", "parse_job_options"]

PREFIX = "labelwright:"
"""Start of the keys of tags that are options."""

_WORKERS_MAX = 9  # as NumberOfHumanWorkersPerDataObject
_MONEY_MAX = Decimal(1_000_000_000)


@dataclasses.dataclass(frozen=True, slots=True)
class JobOptions:
    """Options of one job. The tag of a field is ``labelwright:`` and its name with hyphens.

    Attributes
    ----------
    consolidation : str
        Name of the consolidation algorithm; ``compatible`` gives what Ground Truth gave.
    max_workers_per_object : int or None
        1-9. Adaptive redundancy: ask one more worker, up to this many, where the answers so far leave the
        label unsure. None asks exactly ``NumberOfHumanWorkersPerDataObject``.
    ask_more_below : float
        Probability of the label, in (0, 1), below which one more worker is asked.
    auto_labeling : str
        ``certified`` chooses a threshold whose error is bounded; ``plain`` is the rule of the original.
    price_per_task : Decimal or None
        What one answer of one worker costs.
    price_per_hour : Decimal or None
        What an hour of a worker's time costs.
    price_per_machine_label : Decimal or None
        What one label made by a model costs.
    currency : str
        Three letters; only shown.
    budget : Decimal or None
        The job stops when it has cost this much.
    """

    consolidation: str = "compatible"
    max_workers_per_object: int | None = None
    ask_more_below: float = 0.9
    auto_labeling: str = "certified"
    price_per_task: Decimal | None = None
    price_per_hour: Decimal | None = None
    price_per_machine_label: Decimal | None = None
    currency: str = "USD"
    budget: Decimal | None = None


def parse_job_options(tags: Sequence[Mapping[str, Any]], *, is_task_priced: bool = False) -> JobOptions:
    """Read the options among a request's tags; other tags are left alone.

    Parameters
    ----------
    tags : sequence of {"Key": str, "Value": str}
    is_task_priced : bool
        Whether the request names a ``PublicWorkforceTaskPrice``, which a budget can count with, too.

    Raises
    ------
    InvalidRequest
        For an unknown option or a value that it cannot have.

    Examples
    --------
    >>> parse_job_options([{"Key": "labelwright:ask-more-below", "Value": "0.8"}]).ask_more_below
    0.8
    """
    values: dict[str, Any] = {}
    for tag in tags:
        key, text = str(tag["Key"]), str(tag.get("Value", "")).strip()
        if not key.startswith(PREFIX):
            continue
        name = key[len(PREFIX) :]
        parse = _PARSERS.get(name)
        if parse is None:
            known = ", ".join(PREFIX + option for option in _PARSERS)
            raise InvalidRequest(
                f"The tag {key!r} is no option of a labeling job; there are {known}.", field=key, value=text
            )
        try:
            values[name.replace("-", "_")] = parse(text)
        except ValueError as error:
            raise InvalidRequest(
                f"The tag {key!r} is {text!r}; it must be {error}.", field=key, value=text, rule=str(error)
            ) from error
    options = JobOptions(**values)
    has_price = is_task_priced or options.price_per_task or options.price_per_hour
    if options.budget is not None and not has_price:
        raise InvalidRequest(
            f"The tag {PREFIX + 'budget'!r} needs prices to count with; add {PREFIX}price-per-task or "
            f"{PREFIX}price-per-hour.",
            field=PREFIX + "budget",
            value=str(options.budget),
        )
    return options


def _name(text: str) -> str:
    if not text or not all(c.islower() or c.isdigit() or c == "-" for c in text):
        raise ValueError("a name of lower-case letters, digits and hyphens")
    return text


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _WORKERS_MAX:
        raise ValueError(f"a whole number from 1 to {_WORKERS_MAX}")
    return int(text)


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1.0:
        raise ValueError("a number between 0 and 1, such as 0.9")
    return value


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError("one of " + ", ".join(names))
        return text

    return parse


def _money(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    # The comparison also refuses NaN and infinities.
    if not (value.is_finite() and 0 < value <= _MONEY_MAX):
        raise ValueError("an amount above 0, such as 0.036")
    return value


def _currency(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.isalpha() or not text.isupper():
        raise ValueError("three capital letters, such as USD")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "consolidation": _name,
    "max-workers-per-object": _workers,
    "ask-more-below": _probability,
    "auto-labeling": _one_of("certified", "plain"),
    "price-per-task": _money,
    "price-per-hour": _money,
    "price-per-machine-label": _money,
    "currency": _currency,
    "budget": _money,
}
