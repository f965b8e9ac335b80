"""A neutral picture for instructions, in the document itself so that it needs no request."""

from __future__ import annotations

from typing import Final

__all__ = ["PLACEHOLDER_URL"]

PLACEHOLDER_URL: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 160 100'%3E"
    "%3Crect width='160' height='100' fill='%23e5e7eb'/%3E"
    "%3Cpath d='M30 78l32-38 20 22 14-16 34 32z' fill='%239ca3af'/%3E"
    "%3Ccircle cx='112' cy='30' r='9' fill='%239ca3af'/%3E%3C/svg%3E"
)
