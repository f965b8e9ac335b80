"""What an endpoint captures, and when it is written."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from labelwright.engine.hosting import capture
from labelwright.engine.hosting.capture import Captured, Captures, captured_line
from labelwright.errors import Busy
from labelwright.hosting import Reply

CONFIG: dict[str, Any] = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://acme/captured/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"], "CsvContentTypes": ["text/csv"]},
}
AT = 1_735_787_045.678  # 2025-01-02 03:04:05.678 UTC


def item(body: bytes = b"1,2", kind: str = "text/csv", answer: bytes = b"[3]") -> Captured:
    return Captured(AT, "event", "", body, kind, Reply(200, answer, "application/json"))


class Store:
    """Takes objects, or refuses them for a while."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.n_refusals = 0
        self.has_come = threading.Event()

    def put(self, uri: str, data: bytes | Iterable[bytes], *, content_type: str) -> None:
        assert isinstance(data, bytes)
        if self.n_refusals:
            self.n_refusals -= 1
            raise Busy("later")
        self.objects[uri] = data
        self.has_come.set()


@pytest.fixture
def store() -> Store:
    return Store()


def captures(store: Store, every_s: float = 3600) -> Captures:
    return Captures(store, every_s=every_s)  # type: ignore[arg-type]  # all that is used of Blobs


def test_the_documented_form() -> None:
    assert captured_line(item(), CONFIG) == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": "[3]",
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": "event", "inferenceTime": "2025-01-02T03:04:05Z"},
        "eventVersion": "0",
    }


def test_what_is_no_text_is_base64() -> None:
    picture = captured_line(item(b"\xff\xd8", "image/jpeg"), CONFIG)["captureData"]["endpointInput"]
    assert (picture["encoding"], base64.b64decode(picture["data"])) == ("BASE64", b"\xff\xd8")
    damaged = captured_line(item(b"\xff\xd8", "text/csv; charset=utf-8"), CONFIG)["captureData"][
        "endpointInput"
    ]
    assert damaged["encoding"] == "BASE64"
    undeclared = {
        **CONFIG,
        "CaptureContentTypeHeader": {},
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    }
    line = captured_line(item(), undeclared)["captureData"]
    assert {side["encoding"] for side in line.values()} == {"BASE64"}
    only_input = {**CONFIG, "CaptureOptions": [{"CaptureMode": "Input"}]}
    assert set(captured_line(item(), only_input)["captureData"]) == {"endpointInput"}


def test_a_sample_is_a_sample() -> None:
    assert not Captures.wants(None)
    assert not Captures.wants({**CONFIG, "EnableCapture": False})
    assert not any(Captures.wants({**CONFIG, "InitialSamplingPercentage": 0}) for _ in range(100))
    assert all(Captures.wants(CONFIG) for _ in range(100))
    n = sum(Captures.wants({**CONFIG, "InitialSamplingPercentage": 30}) for _ in range(2000))
    assert 450 <= n <= 750


def test_one_file_for_what_waits(store: Store) -> None:
    made = captures(store)
    for i in range(3):
        made.add("shop", "A", CONFIG, item(str(i).encode()))
    made.add("shop", "B", CONFIG, item())
    assert store.objects == {}
    made.close()
    a, b = sorted(store.objects)
    assert a.startswith("s3://acme/captured/shop/A/2025/01/02/03/04-05-678-")
    assert a.endswith(".jsonl")
    assert b.startswith("s3://acme/captured/shop/B/")
    lines = [json.loads(line) for line in store.objects[a].splitlines()]
    assert [line["captureData"]["endpointInput"]["data"] for line in lines] == ["0", "1", "2"]


def test_lines_are_written_after_a_while_or_when_they_are_many(store: Store) -> None:
    soon = captures(store, every_s=0.01)
    soon.add("shop", "A", CONFIG, item())
    assert store.has_come.wait(10)
    soon.close()
    store.has_come.clear()
    full = captures(store)
    full.add("shop", "A", CONFIG, item(bytes(9 << 20)))
    assert store.has_come.wait(10)
    full.close()


def test_what_the_store_refuses_is_kept_in_order(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.n_refusals = 1
    made = captures(store)
    made.add("shop", "A", CONFIG, item(b"0"))
    made.flush()
    made.add("shop", "A", CONFIG, item(b"1"))
    assert store.objects == {}
    made.close()
    [content] = store.objects.values()
    data = [json.loads(line)["captureData"]["endpointInput"]["data"] for line in content.splitlines()]
    assert data == ["0", "1"]


def test_memory_is_bounded(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "_WAITING_BYTES_MAX", 1000)
    made = captures(store)
    for _ in range(20):
        made.add("shop", "A", CONFIG, item(bytes(297)))
    assert "captured data was dropped" in caplog.text
    made.flush()
    made.add("shop", "A", CONFIG, item(bytes(297)))
    made.close()
    assert sum(content.count(b"\n") for content in store.objects.values()) == 4
