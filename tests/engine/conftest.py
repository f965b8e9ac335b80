"""A small installation for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from labeling_workshop import Clock, Workshop, lines, make_workshop, png


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(tmp_path: Path, clock: Clock) -> Iterator[Workshop]:
    shop = make_workshop(tmp_path / "data", clock)
    yield shop
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


@pytest.fixture
def pictures(shop: Workshop) -> bytes:
    """Four pictures and their manifest."""
    for name in "abcd":
        shop.put(f"s3://acme/in/{name}.png", png())
    return lines(*({"source-ref": f"s3://acme/in/{name}.png"} for name in "abcd"))
