from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import serving

from labelwright.s3.store import ObjectStore


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path_factory.mktemp("s3"))
    yield store
    store.close()


@pytest.fixture(scope="session")
def url(store: ObjectStore) -> Iterator[str]:
    with serving.serving(store) as address:
        yield address


@pytest.fixture(scope="session")
def s3(url: str) -> Iterator[Any]:
    client = serving.client(url)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    global _count
    _count += 1
    name = f"bucket-{_count}"
    s3.create_bucket(Bucket=name)
    return name


_count = 0
