"""A portal behind a real uvicorn server on a free port, with a clock that tests can turn."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import uvicorn

from labelwright.config import Settings
from labelwright.context import AppContext
from labelwright.portal import site
from labelwright.store import directory_tables, labeling_tables, workteams
from labelwright.store.db import Database
from labelwright.store.schema import metadata

_TABLE_MODULES = (directory_tables, labeling_tables)
REGION = "us-east-1"


class Clock:
    """Real time plus what the test added."""

    def __init__(self) -> None:
        self.offset_s = 0.0
        self._frozen_at: float | None = None

    def __call__(self) -> float:
        return (time.time() if self._frozen_at is None else self._frozen_at) + self.offset_s

    def freeze(self) -> None:
        """From now on it moves by `advance` alone."""
        self._frozen_at = time.time()

    def advance(self, seconds: float) -> None:
        self.offset_s += seconds


class Serving:
    """A uvicorn server in a thread. The application on it may be replaced while it runs."""

    def __init__(self, app: Any = None, *, lifespan: Literal["on", "off"] = "off") -> None:
        self.app = app
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._call,
            interface="asgi3",
            http="httptools",
            lifespan=lifespan,
            log_config=None,
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            time.sleep(0.01)

    async def _call(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._listener.close()


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
