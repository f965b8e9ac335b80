"""One server for the pages of what the API makes, and a browser that has signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hosting_workshop import with_model_cache
from sqlalchemy.engine import Connection

from labelwright.testing.server import RunningServer, running_server

Write = Callable[[Callable[[Connection], Any]], Any]


@pytest.fixture(scope="session")
def console_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(with_model_cache(tmp_path_factory.mktemp("console") / "data")) as server:
        yield server


@pytest.fixture(scope="session")
def write(console_server: RunningServer) -> Write:
    """Runs a function of a connection as one write of the server's database."""
    return console_server.app.context.database.write


@pytest.fixture(scope="session")
def console(console_server: RunningServer) -> Iterator[httpx.Client]:
    keys = console_server.app.context.credentials
    pair = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    with httpx.Client(base_url=console_server.url, follow_redirects=True, timeout=20) as client:
        client.post("/console/sign-in", data=pair)
        yield client
