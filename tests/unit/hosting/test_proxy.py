"""Requests to serving processes: connections that are kept, queues that end, processes that go."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelwright.core.endpoint import Deployment, Variant
from labelwright.engine.hosting import proxy
from labelwright.engine.hosting.proxy import Instance, Saturated, Unreachable, head_of
from labelwright.engine.hosting.routes import Routes
from labelwright.errors import Busy, NotFound
from labelwright.hosting.interface import Reply
from labelwright.hosting.server import HttpServer, Request
from labelwright.hosting.sockets import listen, socket_path


class Model:
    """Echoes; waits for a word when the body says so."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.n_waiting = 0
        self.threads: set[str] = set()

    def __call__(self, request: Request) -> Reply:
        self.threads.add(threading.current_thread().name + str(threading.get_ident()))
        if request.body == b"wait":
            self.n_waiting += 1
            self.release.wait(20)
        return Reply(200, request.body, "a/b", {"x-accept": request.headers.get("accept", "")})


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def instance(tmp_path: Path, model: Model) -> Iterator[Instance]:
    path = socket_path(tmp_path)
    server = HttpServer(listen(path), model, body_bytes_max=1 << 24)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield Instance("one", path)
    model.release.set()
    server.drain(5)
    thread.join()


async def asked(instance: Instance, body: bytes, timeout_s: float = 20) -> Reply:
    return await instance.request(head_of({"accept": "x/y"}, len(body)), body, timeout_s)


async def until_waiting(model: Model, n: int) -> None:
    async with asyncio.timeout(20):
        while model.n_waiting < n:
            await asyncio.sleep(0.001)


def test_one_connection_serves_requests_in_turn(instance: Instance, model: Model) -> None:
    async def work() -> None:
        for size in (0, 3, 100_000, 5 << 20, 7):
            body = bytes(size)
            reply = await asked(instance, body)
            assert (reply.status, reply.body, reply.content_type) == (200, body, "a/b")
            assert reply.headers["x-accept"] == "x/y"
        instance.close()

    asyncio.run(work())
    assert len(model.threads) == 1


def test_requests_side_by_side(instance: Instance) -> None:
    async def work() -> None:
        bodies = [str(i).encode() for i in range(250)]
        replies = await asyncio.gather(*(asked(instance, body) for body in bodies))
        assert [reply.body for reply in replies] == bodies
        instance.close()

    asyncio.run(work())


def test_a_slow_answer_is_not_taken_for_the_next_one(instance: Instance, model: Model) -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError):
            await asked(instance, b"wait", timeout_s=0.05)
        model.release.set()
        assert (await asked(instance, b"next")).body == b"next"
        instance.close()

    asyncio.run(work())


def test_a_client_that_leaves_does_no_harm(instance: Instance, model: Model) -> None:
    async def work() -> None:
        gone = asyncio.create_task(asked(instance, b"wait"))
        await until_waiting(model, 1)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert (await asked(instance, b"next")).body == b"next"
        instance.close()

    asyncio.run(work())


def test_the_queue_of_a_process_has_an_end(
    instance: Instance, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "_CONNECTIONS_MAX", 2)
    monkeypatch.setattr(proxy, "_WAITING_MAX", 3)

    async def work() -> None:
        working = [asyncio.create_task(asked(instance, b"wait")) for _ in range(2)]
        await until_waiting(model, 2)
        waiting = [asyncio.create_task(asked(instance, str(i).encode())) for i in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Saturated):
            await asked(instance, b"too many")
        waiting[0].cancel()
        await asyncio.sleep(0)
        late = asyncio.create_task(asked(instance, b"late", timeout_s=0.01))
        with pytest.raises(TimeoutError):
            await late
        model.release.set()
        assert [(await each).body for each in working] == [b"wait", b"wait"]
        assert [(await each).body for each in waiting[1:]] == [b"1", b"2"]
        instance.close()

    asyncio.run(work())


def test_a_process_that_goes(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    listener = listen(path)

    def end_at_work() -> None:
        connection, _ = listener.accept()
        connection.recv(10)
        connection.close()
        listener.close()

    dying = threading.Thread(target=end_at_work)
    dying.start()

    async def work() -> None:
        instance = Instance("dying", path)
        with pytest.raises(Unreachable) as caught:
            await asked(instance, b"body")
        assert caught.value.was_sent
        dying.join()
        with pytest.raises(Unreachable) as caught:
            await asked(instance, b"body")
        assert not caught.value.was_sent

    asyncio.run(work())


def deployment(*variants: tuple[str, float, str]) -> Deployment:
    made = tuple(
        Variant(name, "m", {}, 1, weight, {"RoutingConfig": {"RoutingStrategy": strategy}})
        for name, weight, strategy in variants
    )
    return Deployment(1, "c", {}, 0.0, made)


LEAST = "LEAST_OUTSTANDING_REQUESTS"


def test_routes_choose_variants_and_instances() -> None:
    routes = Routes()
    assert routes.get("r", "shop") is None
    a, b, c = (Instance(name, name) for name in "abc")
    made = deployment(("A", 1.0, LEAST), ("B", 3.0, "RANDOM"))
    routes.publish("r", "Shop", 7, made, [[a, b], [c]])
    route = routes.get("r", "SHOP")
    assert route is not None
    assert (route.key, route.name) == (7, "Shop")
    counts = Counter(route.choose(None).name for _ in range(2000))
    assert 380 <= counts["A"] <= 620
    assert route.choose("B").name == "B"
    with pytest.raises(NotFound):
        route.choose("C")
    variant = route.choose("A")
    assert {variant.choose(), variant.choose()} == {a, b}
    assert (a.n_in_work, b.n_in_work) == (1, 1)
    a.n_in_work = 5
    assert variant.choose() is b
    b.is_retired = True
    assert variant.choose() is a
    a.is_retired = True
    with pytest.raises(Busy, match="No instance of variant A"):
        variant.choose()
    assert (a.n_in_work, b.n_in_work) == (6, 2)
    assert [key for key, _ in routes.stats()] == [("r", "Shop", "A"), ("r", "Shop", "B")]
    routes.remove("r", "Shop")
    assert routes.get("r", "shop") is None
    assert routes.stats() == []


def test_waiting_for_a_route() -> None:
    routes = Routes()
    assert routes.wait("r", "shop", 0.001) is None
    found: list[object] = []
    waiter = threading.Thread(target=lambda: found.append(routes.wait("r", "shop", 20)))
    waiter.start()
    routes.publish("r", "shop", 7, deployment(("A", 1.0, LEAST)), [[]])
    waiter.join()
    assert found == [routes.get("r", "shop")]


def test_an_answer_without_end_does_not_fill_the_memory(instance: Instance) -> None:
    async def work() -> None:
        body = bytes(1 << 20)
        head = head_of({}, len(body))
        reply = await instance.request(head, body, 20, reply_bytes_max=(1 << 20) - 1)
        assert reply.status == 502
        assert b"larger than allowed" in reply.body
        reply = await instance.request(head, body, 20, reply_bytes_max=1 << 20)
        assert reply.body == body
        instance.close()

    asyncio.run(work())
