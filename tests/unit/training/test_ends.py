"""How jobs end before their time: asked, out of time, out of disk, killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labelwright.training.namespace import is_allowed
from labelwright.work import State

# Saves when it is asked to end, and has helpers that must not be asked: as loaders of pictures are.
SAVES = """
    import os, signal, subprocess, sys, time
    helper = subprocess.Popen(["sleep", "600"])
    away = subprocess.Popen(["sleep", "600"], start_new_session=True)
    def save(*_):
        assert helper.poll() is None and away.poll() is None
        open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("half")
        sys.exit(0)
    signal.signal(signal.SIGTERM, save)
    print("ready", flush=True)
    time.sleep(600)
"""
STUBBORN = """
    import os, signal, time
    signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
    open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("early")
    print("ready", flush=True)
    while True:
        time.sleep(600)
"""


def ready(workshop, name: str) -> None:
    workshop.until(lambda: "ready" in workshop.log(name), "the script did not start")


def test_a_stopped_job_saves_its_model(workshop) -> None:
    workshop.start("saves", SAVES)
    ready(workshop, "saves")
    assert workshop.runner.interrupt("saves")
    result = workshop.wait("saves")
    assert result["outcome"] == "Stopped" and result["failure_reason"] is None and result["has_model"]
    assert workshop.members("saves") == {"weights": "half"}
    assert not workshop.runner.interrupt("saves")


def test_a_job_that_will_not_end_is_ended(workshop) -> None:
    workshop.start("stubborn", STUBBORN, grace_s=0.2)
    ready(workshop, "stubborn")
    workshop.runner.interrupt("stubborn")
    result = workshop.wait("stubborn")
    assert result["outcome"] == "Stopped"
    assert workshop.members("stubborn") == {"weights": "early"}
    assert "no" in workshop.log("stubborn")


def test_a_job_may_be_stopped_before_it_has_begun(workshop) -> None:
    workshop.start("early", SAVES)
    assert workshop.runner.interrupt("early")  # most likely before its first line
    result = workshop.wait("early")
    assert result["outcome"] == "Stopped"


def test_time_runs_out(workshop) -> None:
    result = workshop.run("late", STUBBORN, grace_s=0.2, deadline=time.time() + 1.5)
    assert result["outcome"] == "MaxRuntimeExceeded" and result["failure_reason"] is None
    over = workshop.run("over", SAVES, deadline=time.time() - 1)
    assert over["outcome"] == "MaxRuntimeExceeded" and not over["has_model"]


def test_one_host_that_fails_ends_the_others(workshop) -> None:
    source = """
        import os, sys, time
        if os.environ["SM_CURRENT_HOST"] == "algo-2":
            sys.exit("no gradient")
        time.sleep(600)
    """
    result = workshop.run("pair", source, n_hosts=2)
    assert result["outcome"] == "Failed" and "no gradient" in result["failure_reason"]


def program_of(folder: Path) -> int:
    return int(json.loads((folder / "process.json").read_text())["pid"])


def test_nothing_outlives_a_program_that_is_killed(workshop) -> None:
    folder = workshop.start("killed", SAVES)
    ready(workshop, "killed")
    assert len(workshop.processes()) >= 4
    os.kill(program_of(folder), signal.SIGKILL)
    assert workshop.wait("killed") == {}
    # The lock is held for as long as anything runs.
    assert workshop.runner.poll("killed").state is State.FAILED and not workshop.processes()


def test_a_program_is_ended_at_once(workshop) -> None:
    workshop.start("ended", STUBBORN)
    ready(workshop, "ended")
    assert workshop.runner.stop("ended")
    assert workshop.runner.poll("ended").state is State.STOPPED and not workshop.processes()


@pytest.mark.parametrize("seed", range(5))
def test_processes_killed_at_any_moment(workshop, seed: int) -> None:
    """Whatever is killed, the job ends, with a reason if its program lives, and leaves nothing behind."""
    choice = random.Random(seed)
    workshop.blobs.put("s3://bucket/any/1", b"x" * 1000)
    name = f"any{seed}"
    source = """
        import itertools, os, time
        for epoch in itertools.count():  # it never comes to an end of its own
            path = f"{os.environ['SM_INPUT_DIR']}/data/train_{epoch}"
            while not os.path.exists(path):
                time.sleep(0.001)
            with open(path, "rb") as file:
                if file.read() != b"x" * 1000:
                    raise ValueError("half an epoch")
            print("epoch", epoch, flush=True)
    """
    channel = workshop.channel("train", "s3://bucket/any/", InputMode="Pipe")
    folder = workshop.start(name, source, InputDataConfig=[channel])
    workshop.until((folder / "process.json").exists)
    program = program_of(folder)
    time.sleep(choice.uniform(0, 1.0))
    family = descendants(program)
    victim = choice.choice([program, *family])
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    workshop.runner.interrupt(name)  # for the cases in which the job has survived
    result = workshop.wait(name)
    workshop.until(lambda: not workshop.processes(), "something was left behind")
    if result:
        assert result["outcome"] in ("Stopped", "Failed"), result
        assert (result["failure_reason"] is None) == (result["outcome"] == "Stopped"), result


def descendants(pid: int) -> list[int]:
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        return []
    for child in children:
        found += [child, *descendants(child)]
    return found


# Seen by the program alone, so its result is printed from within.
SMALL_DISK = """
    mount -t tmpfs -o size=2m none "$1" && cp "$2" "$1/input.json"
    "$3" -m labelwright.training.job "$1" && cat "$1/result.json" && ls "$1"
"""
FILLS = """
    import os
    with open(os.environ["SM_MODEL_DIR"] + "/weights", "wb") as file:
        file.write(os.urandom({}))
"""


@pytest.mark.skipif(not is_allowed(), reason="this kernel allows no small disk")
@pytest.mark.parametrize(
    ("name", "n_bytes", "reason"),
    [
        ("input", 5_000_000, "ClientError: No space left on device"),
        ("output", 1_200_000, "ClientError: No space left on device"),
        ("writes", 5_000_000, "AlgorithmError: No space left on device, exit code: 1"),
    ],
)
def test_a_full_disk_ends_with_a_reason(
    workshop, tmp_path: Path, name: str, n_bytes: int, reason: str
) -> None:
    more = {}
    if name == "input":
        workshop.blobs.put("s3://bucket/big/1", b"x" * n_bytes)
        more["InputDataConfig"] = [workshop.channel("train", "s3://bucket/big/")]
    content = workshop.description(f"full-{name}", FILLS.format(n_bytes), isolation="process", **more)
    (tmp_path / "content.json").write_text(json.dumps(content))
    disk = tmp_path / "disk"
    disk.mkdir()
    arguments = [str(disk), str(tmp_path / "content.json"), sys.executable]
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", SMALL_DISK, "sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    result, end = json.JSONDecoder().raw_decode(ran.stdout)
    assert result["outcome"] == "Failed" and reason in result["failure_reason"], result
    assert not result["has_model"] and "model.tar.gz" not in ran.stdout[end:]
