"""What a page of the console is made of: an address, a template, and a function that finds what it shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from labelwright.context import AppContext

__all__ = ["Asked", "Shown", "View"]


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: parts of the path, and the query."""

    path: Mapping[str, str]
    query: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows.

    Attributes
    ----------
    title : str
    data : Mapping
        For the template.
    is_live : bool
        It will change by itself.
    """

    title: str
    data: Mapping[str, Any]
    is_live: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """One page.

    Attributes
    ----------
    path : str
        As a route: ``/console/tuning/{region}/{name}``.
    template : str
    show : callable
        Called in a thread that may wait; None when there is no such thing.
    """

    path: str
    template: str
    show: Callable[[AppContext, Asked], Shown | None]
