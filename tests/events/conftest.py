"""Fixtures of the tests of events."""

from __future__ import annotations

import pytest


@pytest.fixture
def quick_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat soon what failed."""
    monkeypatch.setattr("labelwright.events.delivery._BACK_OFF_S", (0.02, 0.05))
    monkeypatch.setattr("labelwright.events.delivery._POLL_S", 0.05)
