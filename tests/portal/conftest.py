"""A portal behind a real uvicorn server on a free port, with a clock that tests can turn."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from labelwright.config import Settings
from labelwright.context import AppContext
from labelwright.portal import site
from labelwright.store import directory_tables, labeling_tables, workteams
from labelwright.store.db import Database
from labelwright.store.schema import metadata
from labelwright.testing.server import Clock as TurnedClock
from labelwright.testing.server import running_asgi

_TABLE_MODULES = (directory_tables, labeling_tables)
REGION = "us-east-1"


class Clock(TurnedClock):
    """Real time plus what the test added; one that can be stopped besides."""

    def __init__(self) -> None:
        super().__init__()
        self._frozen_at: float | None = None

    def __call__(self) -> float:
        return super().__call__() if self._frozen_at is None else self._frozen_at + self.offset_s

    def freeze(self) -> None:
        """From now on it moves by `advance` alone."""
        self._frozen_at = time.time()


class Serving:
    """A server in a thread. The application on it may be replaced while it runs."""

    def __init__(self, app: Any = None, *, lifespan: Literal["on", "off"] = "off") -> None:
        self.app = app
        self._running = running_asgi(self._call, lifespan=lifespan)
        self.url = self._running.__enter__()

    async def _call(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def stop(self) -> None:
        self._running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def serving() -> Iterator[Serving]:
    server = Serving()
    yield server
    server.stop()


@dataclasses.dataclass
class Portal:
    """What account tests need: the address, the clock, and the database behind it."""

    url: str
    clock: Clock
    database: Database
    settings: Settings
    desk: Any
    clients: list[httpx.Client] = dataclasses.field(default_factory=list)

    def client(self) -> httpx.Client:
        """A browser without a session; closed with the portal at the latest."""
        client = httpx.Client(base_url=self.url, timeout=20)
        self.clients.append(client)
        return client

    def worker(
        self, username: str, password: str | None = "Str0ng-enough", team: str = "crew"
    ) -> workteams.NewWorker:
        now = self.clock()
        return self.database.write(
            lambda c: workteams.add_worker(
                c, region=REGION, team_name=team, username=username, password=password, now=now
            )
        )

    def signed_in(self, username: str, password: str = "Str0ng-enough") -> httpx.Client:
        client = self.client()
        answer = client.post("/portal/api/session", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return client


class NoDesk:
    """A desk that nobody should come to; tests may hang single methods on it."""


@pytest.fixture
def portal_for(tmp_path: Path, serving: Serving) -> Iterator[Callable[..., Portal]]:
    """The portal's door alone, with settings of the test's choice."""
    running: list[Portal] = []

    def start(**chosen: Any) -> Portal:
        settings = Settings(data_dir=tmp_path, **chosen)
        database = Database(settings.effective_database_url)
        database.create_all(metadata)
        parts: dict[str, Any] = dict.fromkeys(
            (
                "blobs",
                "credentials",
                "verifier",
                "engine",
                "supervisor",
                "routes",
                "captures",
                "async_invocations",
                "functions",
            )
        )
        portal = Portal(serving.url, Clock(), database, settings, NoDesk())
        context = AppContext(
            settings=settings, database=database, clock=portal.clock, desk=portal.desk, **parts
        )
        serving.app = site.build(context)
        running.append(portal)
        return portal

    yield start
    for portal in running:
        for client in portal.clients:
            client.close()
        portal.database.close()


@pytest.fixture
def portal(portal_for: Callable[..., Portal]) -> Portal:
    """The portal's door alone: enough for accounts, sessions, headers and refusals."""
    return portal_for()
