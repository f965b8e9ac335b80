"""The keeper: nothing that a command starts outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelwright.training import keeper

PATIENCE_S = 30.0


class Kept:
    """A command under a keeper."""

    def __init__(self, folder: Path, *command: str, last: tuple[str, ...] = ()) -> None:
        control, self._control = os.pipe()
        self.folder = folder
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                keeper.__file__,
                str(control),
                "-1",
                str(len(last)),
                *last,
                *command,
            ],
            cwd=folder,
            pass_fds=[control],
            start_new_session=True,
            stderr=subprocess.PIPE,
        )
        os.close(control)

    def ask(self) -> None:
        os.write(self._control, b"T")

    def let_go(self) -> None:
        if self._control >= 0:
            os.close(self._control)
            self._control = -1

    def code(self) -> int:
        return self.process.wait(PATIENCE_S)

    def pid_in(self, name: str) -> int:
        path = self.folder / name
        end = time.monotonic() + PATIENCE_S
        while not (path.exists() and path.read_text().endswith("\n")):
            assert time.monotonic() < end
            time.sleep(0.005)
        return int(path.read_text())


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[type]:
    made: list[Kept] = []

    def make(*command: str, last: tuple[str, ...] = ()) -> Kept:
        made.append(Kept(tmp_path, *command, last=last))
        return made[-1]

    yield make  # type: ignore[misc]
    for kept in made:
        kept.let_go()
        kept.code()
        kept.process.stderr.close()  # type: ignore[union-attr]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


SH = "/bin/sh"
FAMILY = "setsid sh -c 'echo $$ > away; exec sleep 600' & while [ ! -s away ]; do :; done; "


def test_exit_codes_are_the_commands(keep) -> None:
    assert keep(SH, "-c", "exit 7").code() == 7
    assert keep("true").code() == 0
    assert keep(SH, "-c", "kill -9 $$").code() == 128 + signal.SIGKILL
    absent = keep("no-such-program-anywhere")
    assert absent.code() == 127
    assert b"no-such-program-anywhere" in absent.process.stderr.read()


def test_what_a_command_leaves_behind_is_killed(keep) -> None:
    kept = keep(SH, "-c", FAMILY + "exit 3")
    assert kept.code() == 3
    assert not is_alive(kept.pid_in("away"))


def test_everything_ends_with_the_control_pipe(keep) -> None:
    kept = keep(SH, "-c", "trap '' TERM; " + FAMILY + "sleep 600")
    away = kept.pid_in("away")
    kept.let_go()
    assert kept.code() == 128 + signal.SIGKILL
    assert not is_alive(away)


def test_only_the_command_is_asked_to_end(keep) -> None:
    kept = keep(
        SH,
        "-c",
        FAMILY + "trap 'kill -0 $(cat away) && exit 5' TERM; echo $$ > up; while :; do sleep 0.01; done",
    )
    kept.pid_in("up")
    kept.ask()
    assert kept.code() == 5  # its child was alive when it said so


def test_orphans_of_a_shell_that_died_of_it_are_asked_too(keep) -> None:
    script = "import signal, sys, time\n"
    script += "signal.signal(15, lambda *_: (open('saved', 'w').write('1\\n'), sys.exit()))\n"
    script += "open('up', 'w').write('1\\n')\ntime.sleep(600)"
    kept = keep(SH, "-c", f'{sys.executable} -S -c "{script}"; true')
    kept.pid_in("up")
    kept.ask()
    assert kept.code() == 128 + signal.SIGTERM
    assert kept.pid_in("saved") == 1


def test_a_last_command_is_run_when_all_is_over(keep) -> None:
    kept = keep(SH, "-c", FAMILY + "sleep 600", last=(SH, "-c", "cat away > last"))
    away = kept.pid_in("away")
    kept.let_go()
    kept.code()
    assert kept.pid_in("last") == away
