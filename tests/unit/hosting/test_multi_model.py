"""Many models behind one container: loading, keeping, letting go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labelwright.hosting import HostingError, Reply, multi_model
from labelwright.hosting.interface import NOT_READY
from labelwright.hosting.multi_model import MultiModel


class Model:
    """Answers with its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = True
        self.may_answer = threading.Event()
        self.may_answer.set()

    def invoke(self, body: bytes, *_: Any, **__: Any) -> Reply:
        self.may_answer.wait(20)
        return Reply(200, self.name.encode())

    def is_healthy(self) -> bool:
        return self.is_open

    def close(self) -> None:
        self.is_open = False


class Opener:
    """Opens models; keeps what it opened."""

    def __init__(self) -> None:
        self.opened: list[Model] = []
        self.may_open = threading.Event()
        self.may_open.set()

    def __call__(self, target: str) -> Any:
        self.may_open.wait(20)
        if target == "absent":
            raise HostingError("There is no such model.")
        if target == "broken":
            raise ValueError("broken")
        self.opened.append(Model(target))
        return self.opened[-1]


def headers(target: str) -> Mapping[str, str]:
    return {"x-amzn-sagemaker-target-model": target}


def asked(container: MultiModel, target: str) -> Reply:
    return container.invoke(b"", "a/b", None, headers(target))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_model_is_loaded_once() -> None:
    opener = Opener()
    container = MultiModel("primary", opener)
    with ThreadPoolExecutor(8) as pool:
        replies = pool.map(lambda i: asked(container, f"m{i % 2}"), range(40))
        assert [reply.body for reply in replies] == [b"m0", b"m1"] * 20
    assert sorted(model.name for model in opener.opened) == ["m0", "m1"]
    container.close()
    assert not any(model.is_open for model in opener.opened)


def test_the_least_used_go_unless_they_are_at_work() -> None:
    opener = Opener()
    container = MultiModel("primary", opener, n_loaded_max=2)
    asked(container, "a")
    a = opener.opened[0]
    a.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(asked, container, "a")
        until(lambda: container._entries["a"].n_in_work == 1)
        for target in "bcd":
            asked(container, target)
        b, c, d = opener.opened[1:]
        until(lambda: not b.is_open and not c.is_open)
        assert a.is_open
        assert d.is_open
        a.may_answer.set()
        assert working.result().body == b"a"
    asked(container, "d")
    asked(container, "e")
    until(lambda: not a.is_open)
    container.close()


def test_what_cannot_be_loaded_is_tried_again() -> None:
    container = MultiModel("primary", Opener())
    for target, said in (("absent", b"There is no such model."), ("broken", b"broken")):
        for _ in range(2):
            reply = asked(container, target)
            assert (reply.status, reply.body) == (400, said)
    for target in ("", "/a", "a/../../b"):
        assert asked(container, target).status == 400
    assert container._entries == {}


def test_a_model_that_ended_is_loaded_again() -> None:
    opener = Opener()
    container = MultiModel("primary", opener)
    asked(container, "a")
    opener.opened[0].is_open = False
    assert asked(container, "a").body == b"a"
    assert len(opener.opened) == 2


def test_clients_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multi_model, "_LOADING_S", 0.01)
    opener = Opener()
    opener.may_open.clear()
    container = MultiModel("primary", opener)
    reply = asked(container, "a")
    assert (reply.status, NOT_READY in reply.headers) == (429, True)
    opener.may_open.set()
    until(lambda: asked(container, "a").is_ok)
    assert len(opener.opened) == 1
