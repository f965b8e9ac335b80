"""What is left after a crash, under contention, and in memory; all over a real server process."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import serving

from labelwright.errors import LabelwrightError
from labelwright.s3 import index as ix
from labelwright.s3.index import ObjectRow
from labelwright.s3.store import NewObject, ObjectStore

MIB = 1 << 20


def version(key: str, i: int) -> bytes:
    """A body that says what it is, so that a mixture of two shows."""
    mark = f"{key}:{i};".encode()
    return mark * (1 + 40_000 // len(mark))


@pytest.mark.slow
def test_killed_in_the_middle_of_puts(tmp_path: Path) -> None:
    """Every answered put is there, every object is one whole version, nothing is left over."""
    keys = ["a", "a/b", "dir/x", "..", "odd//key", "dir/sub/y"]
    acknowledged = dict.fromkeys(keys, -1)
    sent = dict.fromkeys(keys, -1)
    for life in range(3):
        process = serving.Process(tmp_path)
        client = serving.client(process.url, retries={"total_max_attempts": 1})
        if life == 0:
            client.create_bucket(Bucket="crash")
        stop = threading.Event()

        def write(key: str, client: Any = client, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                i = sent[key] + 1
                sent[key] = i
                try:
                    client.put_object(Bucket="crash", Key=key, Body=version(key, i), Metadata={"i": str(i)})
                except Exception:
                    return
                acknowledged[key] = i

        threads = [threading.Thread(target=write, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        before = dict(acknowledged)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and any(acknowledged[k] < before[k] + 3 + life for k in keys):
            time.sleep(0.002)
        process.kill()
        stop.set()
        for thread in threads:
            thread.join()
        client.close()
        store = ObjectStore(tmp_path)
        for key in keys:
            entry = store.entry("crash", key)
            i = int(entry.row.parsed["metadata"]["i"])
            assert acknowledged[key] <= i <= sent[key]
            body = entry.file.read(0, entry.row.size)
            assert body == version(key, i)
            assert entry.row.etag == hashlib.md5(body).hexdigest()
            acknowledged[key] = sent[key] = i
        assert (tmp_path / "objects/crash/dir/x").read_bytes() == version("dir/x", acknowledged["dir/x"])
        with store.index.reading() as connection:
            kept = {r[0] for r in connection.execute("SELECT staged FROM objects WHERE staged IS NOT NULL")}
        assert set(store.files.staged_names()) == kept
        store.close()


def committed_only(store: ObjectStore, key: str, body: bytes) -> str:
    """The state right after the commit of a put, before its rename."""
    staged = store.files.stage()
    staged.write(body)
    store.files.finish(staged)
    row = ObjectRow("data", key, len(body), "e", 1.0, ix.MOVING, staged.name, "a/b", None)
    store.index.database.write(lambda connection: ix.put_object(connection, row))
    return staged.name


def put(store: ObjectStore, key: str, body: bytes) -> None:
    staged = store.files.stage()
    staged.write(body)
    store.files.finish(staged)
    store.commit(staged, NewObject("data", key, hashlib.md5(body).hexdigest())).result()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path)
    store.create_bucket("data", region="us-east-1")
    yield store
    store.close()


def test_steps_a_crash_left_undone_are_done_at_the_start(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    store.create_bucket("data", region="us-east-1")
    put(store, "x", b"old")
    put(store, "gone", b"deleted")
    committed_only(store, "x", b"new")
    committed_only(store, "conflict", b"file")
    committed_only(store, "conflict/below", b"below")
    renamed = committed_only(store, "renamed", b"already")
    os.rename(store.files.staged_path(renamed), store.files.path_of("data", "renamed"))
    store.index.database.write(lambda connection: ix.delete_object(connection, "data", "gone"))
    orphan = store.files.stage()
    os.close(orphan.fd)
    orphan.fd = -1
    # Before the steps are done, readers see the new state already.
    assert store.entry("data", "x").file.read(0, 3) == b"new"
    store.index.close()
    os.close(store._owner)
    store.files.close()
    again = ObjectStore(tmp_path)
    for key, body in (
        ("x", b"new"),
        ("conflict", b"file"),
        ("conflict/below", b"below"),
        ("renamed", b"already"),
    ):
        entry = again.entry("data", key)
        assert entry.file.read(0, entry.row.size) == body
    assert (tmp_path / "objects/data/x").read_bytes() == b"new"
    assert not (tmp_path / "objects/data/gone").exists()
    assert orphan.name not in again.files.staged_names()
    assert len(again.files.staged_names()) == 1  # of the two in conflict, one has no place
    again.close()


def test_concurrent_puts_and_deletes_of_one_key(store: ObjectStore) -> None:
    bodies = [version("k", i) for i in range(8)]
    whole = set(bodies)

    def work(i: int) -> None:
        for _ in range(10):
            put(store, "k", bodies[i])
            if i % 3 == 0:
                store.delete("data", ["k"]).result()

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(work, i) for i in range(8)]
        while not all(future.done() for future in running):
            try:
                entry = store.entry("data", "k")
            except LabelwrightError:
                continue
            assert entry.file.read(0, entry.row.size) in whole
        for future in running:
            future.result()
    put(store, "k", b"last")
    assert Path(store.files.path_of("data", "k")).read_bytes() == b"last"
    store.delete("data", ["k"]).result()
    assert not Path(store.files.path_of("data", "k")).exists()
    assert store.files.staged_names() == []


def test_empty_directories_go_with_their_last_object(store: ObjectStore) -> None:
    put(store, "a/b/c/d", b"1")
    put(store, "a/x", b"2")
    store.delete("data", ["a/b/c/d"]).result()
    assert sorted(p.name for p in (store.files.root / "data" / "a").iterdir()) == ["x"]
    store.delete("data", ["a/x"]).result()
    assert list((store.files.root / "data").iterdir()) == []


def test_a_file_changed_by_hand_is_an_error_and_not_a_mixture(store: ObjectStore) -> None:
    put(store, "k", b"12345")
    put(store, "m", b"12345")
    Path(store.files.path_of("data", "k")).write_bytes(b"1234567")
    Path(store.files.path_of("data", "m")).unlink()
    for key in ("k", "m"):
        with pytest.raises(LabelwrightError, match="changed behind the store"):
            store.entry("data", key)
    put(store, "m", b"again")
    assert store.entry("data", "m").file.read(0, 5) == b"again"


def test_one_process_owns_the_store(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(LabelwrightError, match="in use by another process"):
        ObjectStore(tmp_path)


def test_refused_puts_leave_nothing(store: ObjectStore) -> None:
    staged = store.files.stage()
    staged.write(b"x")
    store.files.finish(staged)

    def refuse(_: ObjectRow | None) -> None:
        raise LabelwrightError("no")

    with pytest.raises(LabelwrightError, match="no"):
        store.commit(staged, NewObject("data", "k", "e"), condition=refuse).result()
    assert store.files.staged_names() == []


class Endless:
    """A body that is made while it is sent."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.block = os.urandom(MIB)
        self.md5 = hashlib.md5()

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            piece = self.block[: min(self.left, MIB)]
            self.left -= len(piece)
            self.md5.update(piece)
            yield piece


@pytest.mark.slow
def test_memory_does_not_grow_with_the_object(tmp_path: Path) -> None:
    import httpx

    process = serving.Process(tmp_path)
    client = serving.client(process.url, signature_version="s3v4")
    client.create_bucket(Bucket="memory")
    client.put_object(Bucket="memory", Key="warm", Body=b"x" * 3 * MIB)
    client.get_object(Bucket="memory", Key="warm")["Body"].read()
    server = psutil.Process(process.popen.pid)
    before = server.memory_info().rss
    peak = before
    size = 128 * MIB
    body = Endless(size)
    link = client.generate_presigned_url("put_object", Params={"Bucket": "memory", "Key": "big"})

    def watched() -> Iterator[bytes]:
        nonlocal peak
        for piece in body:
            peak = max(peak, server.memory_info().rss)
            yield piece

    answer = httpx.put(link, content=watched(), headers={"content-length": str(size)}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{body.md5.hexdigest()}"'
    received = hashlib.md5()
    for piece in client.get_object(Bucket="memory", Key="big")["Body"].iter_chunks(MIB):
        received.update(piece)
        peak = max(peak, server.memory_info().rss)
    assert received.digest() == body.md5.digest()
    assert peak - before < 40 * MIB
    client.close()
    process.stop()
    assert process.popen.returncode == 0
