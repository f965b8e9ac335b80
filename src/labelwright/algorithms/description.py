"""The values a description of an algorithm is made of. All frozen, all plain Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

__all__ = ["Algorithm", "ChannelRule", "Direction", "Hyperparameter", "Kind", "MetricDefinition"]

Kind = Literal["integer", "number", "boolean", "choice", "epochs", "text"]
Direction = Literal["Maximize", "Minimize"]


@dataclasses.dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter: what may be given, and what holds when nothing is given.

    Attributes
    ----------
    name : str
    kind : {"integer", "number", "boolean", "choice", "epochs", "text"}
        What the text is parsed into: int, float, bool, str out of ``choices``, tuple of rising int
        (``"10, 20"``), str.
    default : str or None
        In the form in which it is written to ``hyperparams.json``; ``""`` and None parse to None, except
        that a text stays ``""`` and epochs become ``()``.
    required : bool
    minimum, maximum : float or None
        Of numbers; included unless ``above_minimum`` or ``below_maximum`` says otherwise.
    above_minimum, below_maximum : bool
        The bound itself is not allowed.
    choices : tuple of str
    tunable : tuple
        What the documentation recommends to search: (lowest, highest) of a number, the values of a choice;
        empty when it is not meant to be tuned.
    parse : callable or None
        For texts with a syntax of their own: takes the text, returns the value, raises ValueError with the
        reason.
    """

    name: str
    kind: Kind
    default: str | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above_minimum: bool = False
    below_maximum: bool = False
    choices: tuple[str, ...] = ()
    tunable: tuple[float, float] | tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class MetricDefinition:
    """A metric read from the log: the first group of ``regex``, searched in every line."""

    name: str
    regex: str


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelRule:
    """One channel that an algorithm knows.

    Attributes
    ----------
    name : str
    required : {"always", "with-images", "never"}
        "with-images": only where the train channel holds image files instead of records.
    content_types : tuple of str
        Without parameters; empty when any will do. An absent content type is always accepted.
    """

    name: str
    required: Literal["always", "with-images", "never"] = "always"
    content_types: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Algorithm:
    """A built-in algorithm as its users see it.

    Attributes
    ----------
    name : str
        Also the repository name of its images.
    hyperparameters : tuple of Hyperparameter
    metrics : tuple of MetricDefinition
        What DescribeTrainingJob reports.
    objectives : mapping of str to {"Maximize", "Minimize"}
        Metrics a tuning job may optimise.
    channels : tuple of ChannelRule
    can_checkpoint : bool
        Writes to the checkpoint folder and resumes from it.
    can_continue : bool
        Incremental training: accepts a channel ``model``.
    must_match : tuple of str
        Hyperparameters that have to be equal in the artifact of the channel ``model``.
    internal : mapping of str to str
        Names that are no hyperparameters but belong into ``hyperparams.json``, with their values.
    more_metrics : callable or None
        Metrics whose names depend on hyperparameters; takes the given strings. Use `metrics_of`.
    check : callable or None
        Rules that concern several hyperparameters; takes the parsed values, raises HyperparameterError.
    """

    name: str
    hyperparameters: tuple[Hyperparameter, ...]
    metrics: tuple[MetricDefinition, ...]
    objectives: Mapping[str, Direction]
    channels: tuple[ChannelRule, ...]
    can_checkpoint: bool = False
    can_continue: bool = False
    must_match: tuple[str, ...] = ()
    internal: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    more_metrics: Callable[[Mapping[str, str]], tuple[MetricDefinition, ...]] | None = None
    check: Callable[[Mapping[str, Any]], None] | None = None

    def metrics_of(self, given: Mapping[str, str]) -> tuple[MetricDefinition, ...]:
        """What a job with these hyperparameters reports."""
        return self.metrics + (self.more_metrics(given) if self.more_metrics is not None else ())

    def hyperparameter(self, name: str) -> Hyperparameter | None:
        """The hyperparameter of this name, None when there is none."""
        return next((each for each in self.hyperparameters if each.name == name), None)
