"""From the strings of a request to typed hyperparameters, with the messages that scripts know.

Checked in the documented order: unknown names, required names, then types and ranges, last what concerns
several of them. The first line of a message is the one that the original's JSON schema validator writes; the
lines behind it say what would be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from labelwright.algorithms.description import Algorithm, Hyperparameter
from labelwright.errors import InvalidRequest

__all__ = ["HyperparameterError", "effective_hyperparameters", "parse_hyperparameters"]

_INTERNAL = frozenset({"_tuning_objective_metric", "_kvstore", "_num_kv_servers", "_num_gpus"})
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+(\.0*)?")


class HyperparameterError(InvalidRequest):
    """A hyperparameter is unknown, missing or has a value it cannot have. ``field`` names it."""


def parse_hyperparameters(algorithm: Algorithm, given: Mapping[str, str]) -> dict[str, Any]:
    """Check hyperparameters and turn them into values.

    Parameters
    ----------
    algorithm : Algorithm
    given : mapping of str to str
        As they stand in the request. Internal names and ``sagemaker_*`` are left out.

    Returns
    -------
    dict
        One entry for every hyperparameter of the algorithm; None where neither a value nor a default is.

    Raises
    ------
    HyperparameterError
        With the documented message, without the prefix ``ClientError:``.

    Examples
    --------
    >>> from labelwright import algorithms
    >>> parsed = parse_hyperparameters(
    ...     algorithms.get("object-detection"),
    ...     {"num_classes": "3", "num_training_samples": "205.0", "lr_scheduler_step": "10, 20"},
    ... )
    >>> parsed["num_training_samples"], parsed["lr_scheduler_step"], parsed["use_pretrained_model"]
    (205, (10, 20), True)
    """
    own = {name: value for name, value in given.items() if not _is_internal(algorithm, name)}
    known = {each.name for each in algorithm.hyperparameters}
    unknown = sorted(set(own) - known)
    if unknown:
        raise _unknown(algorithm, unknown, known)
    for each in algorithm.hyperparameters:
        if each.required and own.get(each.name) is None:
            raise HyperparameterError(
                f"{each.name!r} is a required property (caused by ValidationError)\n\n"
                f"Caused by: {algorithm.name} needs the hyperparameter {each.name!r}; give {_rule(each)}.",
                field=each.name,
            )
    parsed = {each.name: _value(each, own.get(each.name)) for each in algorithm.hyperparameters}
    if algorithm.check is not None:
        algorithm.check(parsed)
    return parsed


def effective_hyperparameters(algorithm: Algorithm, given: Mapping[str, str]) -> dict[str, str]:
    """What holds, as strings: defaults and internal names, replaced by what was given.

    This is what the line ``Final configuration`` shows and ``hyperparams.json`` holds. ``sagemaker_*`` names
    are left out.

    Examples
    --------
    >>> from labelwright import algorithms
    >>> effective_hyperparameters(algorithms.get("object-detection"), {"epochs": "5"})["epochs"]
    '5'
    """
    values = dict(algorithm.internal)
    for each in algorithm.hyperparameters:
        if each.default is not None:
            values[each.name] = each.default
    values |= {name: value for name, value in given.items() if not name.startswith("sagemaker_")}
    return values


def _is_internal(algorithm: Algorithm, name: str) -> bool:
    return name in _INTERNAL or name in algorithm.internal or name.startswith("sagemaker_")


def _unknown(algorithm: Algorithm, unknown: list[str], known: set[str]) -> HyperparameterError:
    import difflib  # the server, which reads this module, starts without it

    names = ", ".join(repr(name) for name in unknown)
    was = "was" if len(unknown) == 1 else "were"
    near = difflib.get_close_matches(unknown[0], sorted(known), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return HyperparameterError(
        f"Additional properties are not allowed ({names} {was} unexpected) (caused by ValidationError)\n\n"
        f"Caused by: {algorithm.name} has no such hyperparameter.{hint} It takes {', '.join(sorted(known))}.",
        field=unknown[0],
    )


def _value(each: Hyperparameter, given: str | None) -> Any:
    text = each.default if given is None else str(given).strip()
    if text is None or (text == "" and each.kind not in ("text", "epochs")):
        if given is not None and each.default not in (None, ""):
            raise _bad(each, given)
        return None
    if given is None and each.kind == "choice":
        return text
    try:
        return _parsed(each, text)
    except ValueError as error:
        raise _bad(each, str(given), str(error)) from None


def _parsed(each: Hyperparameter, text: str) -> Any:
    match each.kind:
        case "integer":
            if not _INTEGER.fullmatch(text):
                raise ValueError("it is no whole number")
            return _in_range(each, int(text.partition(".")[0]))
        case "number":
            if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
                raise ValueError("it is no finite number")
            return _in_range(each, value)
        case "boolean":
            if text.lower() not in _BOOLEANS:
                raise ValueError("it is neither true nor false")
            return _BOOLEANS[text.lower()]
        case "choice":
            # Of whole numbers, too: a tuning job may write 50 as 50.0.
            chosen = text if text in each.choices else text.removesuffix(".0")
            if chosen not in each.choices:
                raise ValueError("it is none of the choices")
            return chosen
        case "epochs":
            return _epochs(text)
        case "text":
            return each.parse(text) if each.parse is not None else text


def _in_range(each: Hyperparameter, value: float) -> float:
    too_low = each.minimum is not None and (
        value < each.minimum or (each.above_minimum and value == each.minimum)
    )
    too_high = each.maximum is not None and (
        value > each.maximum or (each.below_maximum and value == each.maximum)
    )
    if too_low or too_high:
        raise ValueError("it is out of range")
    return value


def _epochs(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(_INTEGER.fullmatch(part) for part in parts):
        raise ValueError("it is no list of epochs")
    epochs = tuple(int(part.partition(".")[0]) for part in parts)
    if any(epoch < 1 for epoch in epochs) or list(epochs) != sorted(epochs):
        raise ValueError("its epochs do not rise from at least 1")
    return epochs


def _bad(each: Hyperparameter, given: str, why: str = "it is empty") -> HyperparameterError:
    shown = given if len(given) <= 200 else given[:200] + "..."
    return HyperparameterError(
        f"{shown!r} is not valid under any of the given schemas (caused by ValidationError)\n\n"
        f"Caused by: the hyperparameter {each.name!r} has the value {shown!r}: {why}.\n"
        f"{each.name!r} must be {_rule(each)}.",
        field=each.name,
        value=given,
    )


def _rule(each: Hyperparameter) -> str:
    """The rule in words, to go behind "must be"."""
    match each.kind:
        case "integer" | "number":
            noun = "a whole number" if each.kind == "integer" else "a number"
            bounds = []
            if each.minimum is not None:
                bounds.append(f"{'above' if each.above_minimum else 'at least'} {each.minimum:g}")
            if each.maximum is not None:
                bounds.append(f"{'below' if each.below_maximum else 'at most'} {each.maximum:g}")
            return " ".join([noun, " and ".join(bounds)]).strip()
        case "boolean":
            return "True or False (or 1 or 0)"
        case "choice":
            return "one of " + ", ".join(each.choices)
        case "epochs":
            return "epochs in rising order with commas between them, such as '10, 20', or ''"
        case "text":
            return "text in the documented form"
