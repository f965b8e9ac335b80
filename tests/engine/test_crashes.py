"""kill -9 at any moment: nothing acknowledged is lost, nothing is there twice, the job goes on by itself."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from labeling_workshop import Workshop, lines, make_workshop

HERE = Path(__file__).parent
N_OBJECTS = 60
N_KILLS = 4


class Server:
    """The process, and what it has said."""

    def __init__(self, data_dir: Path) -> None:
        self.said: list[str] = []
        self._errors = (data_dir / "errors.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "crashing_server.py"), str(data_dir)],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # a line cut by the kill was not heard
                self.said.append(line.strip())

    def wait(self, timeout_s: float) -> None:
        self.process.wait(timeout_s)
        self._reader.join()
        self._errors.close()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.wait(30)


def _prepare(data_dir: Path) -> None:
    shop = make_workshop(data_dir, time.time)
    manifest = lines(*({"source": f"text {i}", "n": i} for i in range(N_OBJECTS)))
    shop.create("Crash-1", manifest=manifest, kind="TextMultiClass", n_workers=2, MaxConcurrentTaskCount=40)
    _close(shop)


def _close(shop: Workshop) -> None:
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def test_killed_at_random_moments(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    _prepare(data_dir)
    chance = random.Random(7)
    acknowledged: list[str] = []
    for _ in range(N_KILLS):
        server = Server(data_dir)
        wanted = len(acknowledged) + chance.randrange(1, 25)
        end = time.monotonic() + 60
        while (
            len(acknowledged) + len(server.said) - 1 < wanted
            and server.process.poll() is None
            and time.monotonic() < end
        ):
            time.sleep(0.002)
        time.sleep(chance.random() * 0.05)
        server.kill()
        acknowledged += [line for line in server.said if line.startswith("ACK")]
    server = Server(data_dir)
    server.wait(120)
    acknowledged += [line for line in server.said if line.startswith("ACK")]
    assert server.said[-1] == "DONE", (data_dir / "errors.txt").read_text()

    shop = make_workshop(data_dir, time.time)
    try:
        job = shop.job(1)
        assert job.status == "Completed"
        assert (job.n_human, job.n_failed, job.n_objects) == (N_OBJECTS, 0, N_OBJECTS)
        output = shop.output("Crash-1")
        assert [line["n"] for line in output] == list(range(N_OBJECTS))
        assert [line["parts"] for line in output] == [i % 3 for i in range(N_OBJECTS)]

        stored: Counter[tuple[str, str]] = Counter()
        files: Counter[str] = Counter()
        for key in shop.keys("out/Crash-1/annotations/worker-response/"):
            object_id = key.split("/")[-2]
            files[object_id] += 1
            for answer in json.loads(shop.read(f"s3://acme/{key}"))["answers"]:
                stored[object_id, answer["workerMetadata"]["identityData"]["sub"]] += 1
        assert set(files.values()) == {1}
        assert set(stored.values()) == {1}
        assert len(stored) == 2 * N_OBJECTS

        subs = {row.username: row.id for row in _users(shop)}
        for line in acknowledged:
            _, name, object_id, _ = line.split()
            assert stored[object_id, subs[name]] == 1, f"lost: {line}"
        assert len(set(acknowledged)) == len(acknowledged)
    finally:
        _close(shop)


def _users(shop: Workshop) -> list:  # type: ignore[type-arg]
    from labelwright.store import directory

    return [
        user for i in range(6) for user in shop.database.read(lambda c, i=i: directory.find_users(c, f"w{i}"))
    ]
