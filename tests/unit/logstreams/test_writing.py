"""Streams are written whole line by whole line, whatever happens to the writer."""

from __future__ import annotations

import fcntl
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labelwright.errors import Busy, InvalidRequest
from labelwright.logstreams import MAX_MESSAGE_BYTES, LogStore, StreamWriter, stream_path
from labelwright.logstreams.retention import remove_expired, set_retention

GROUP = "/aws/sagemaker/TrainingJobs"


def _messages(root: Path, stream: str) -> list[tuple[int, str]]:
    page = LogStore(root).events(GROUP, stream, from_head=True, limit=1 << 30, bytes_max=1 << 40)
    return [(event.timestamp_ms, event.message) for event in page.events]


def test_a_stream_appears_with_its_first_line(tmp_path: Path) -> None:
    with StreamWriter(stream_path(tmp_path, GROUP, "cats/algo-1-7")) as writer:
        assert list(LogStore(tmp_path).names(GROUP)) == []
        writer.write(5, "")
        assert list(LogStore(tmp_path).names(GROUP)) == []
        writer.write(5, "ready")
        assert list(LogStore(tmp_path).names(GROUP)) == ["cats/algo-1-7"]


def test_lines_become_events_and_times_never_go_back(tmp_path: Path) -> None:
    with StreamWriter(stream_path(tmp_path, GROUP, "s")) as writer:
        writer.write(10, "a\n\nb\r")
        writer.write(4, "the clock was set back")
        writer.write_many([(11, "häh"), (12, "\ud800")])
    assert _messages(tmp_path, "s") == [
        (10, "a"), (10, "b\r"), (10, "the clock was set back"), (11, "häh"), (12, "?"),
    ]  # fmt: skip


def test_long_lines_are_split_between_characters(tmp_path: Path) -> None:
    line = "é" * MAX_MESSAGE_BYTES + "end"
    with StreamWriter(stream_path(tmp_path, GROUP, "s")) as writer:
        writer.write(1, line)
    found = _messages(tmp_path, "s")
    assert len(found) == 3
    assert all(len(message.encode()) <= MAX_MESSAGE_BYTES for _, message in found)
    assert "".join(message for _, message in found) == line


def test_a_torn_line_is_not_seen_and_removed_by_the_next_writer(tmp_path: Path) -> None:
    place = stream_path(tmp_path, GROUP, "s")
    with StreamWriter(place) as writer:
        writer.write(10, "whole")
    file = place.with_name("s.log")
    with file.open("ab") as torn:
        torn.write(b"11 tor")
    assert _messages(tmp_path, "s") == [(10, "whole")]
    with StreamWriter(place) as writer:
        writer.write(3, "next")
    assert file.read_bytes() == b"10 whole\n10 next\n"


def test_lines_survive_the_death_of_their_writer(tmp_path: Path) -> None:
    place = stream_path(tmp_path, GROUP, "s")
    code = (
        "import sys, pathlib; from labelwright.logstreams import StreamWriter\n"
        "writer = StreamWriter(pathlib.Path(sys.argv[1]))\n"
        "for i in range(10**9):\n    writer.write(i, f'line {i}'); print(i, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        while (acknowledged := int(child.stdout.readline())) < 100:
            pass
        child.send_signal(signal.SIGKILL)
        acknowledged = int([str(acknowledged), *child.stdout.read().splitlines()][-1])
    found = _messages(tmp_path, "s")
    assert len(found) > acknowledged
    assert found == [(i, f"line {i}") for i in range(len(found))]
    with StreamWriter(place) as writer:  # the dead process holds nothing
        writer.write(2**40, "again")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    place = stream_path(tmp_path, GROUP, "s")
    with StreamWriter(place) as first, StreamWriter(place) as second:
        first.write(1, "mine")
        with pytest.raises(Busy, match="one writer"):
            second.write(1, "not mine")
        first.close()
        second.write(1, "now mine")
    assert _messages(tmp_path, "s") == [(1, "mine"), (1, "now mine")]


def test_a_stream_removed_while_it_is_opened_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between opening a file and locking it, in which old logs may be removed."""
    path = stream_path(tmp_path, GROUP, "s")
    with StreamWriter(path) as writer:
        writer.write(1, "old")
    lock = fcntl.flock

    def removed_before(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        assert remove_expired(tmp_path, now_ms=10 * 86_400_000) == 1
        lock(descriptor, operation)

    set_retention(tmp_path, GROUP, 1)
    monkeypatch.setattr(fcntl, "flock", removed_before)
    with StreamWriter(path) as writer:
        writer.write(10 * 86_400_000, "new")
    assert [message for _, message in _messages(tmp_path, "s")] == ["new"]


def test_a_stream_that_is_written_to_before_it_is_removed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between finding a stream old and locking it."""
    path = stream_path(tmp_path, GROUP, "s")
    with StreamWriter(path) as writer:
        writer.write(1, "old")
    lock = fcntl.flock

    def written_before(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        with StreamWriter(path) as writer:
            writer.write(10 * 86_400_000, "new")
        lock(descriptor, operation)

    set_retention(tmp_path, GROUP, 1)
    monkeypatch.setattr(fcntl, "flock", written_before)
    assert remove_expired(tmp_path, now_ms=10 * 86_400_000) == 0
    assert [message for _, message in _messages(tmp_path, "s")] == ["old", "new"]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    place = stream_path(tmp_path, GROUP, "s")
    code = (
        "import sys, pathlib, resource, signal; from labelwright.logstreams import StreamWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "writer = StreamWriter(pathlib.Path(sys.argv[1]))\n"
        "try:\n    writer.write_many((i, 'x' * 90) for i in range(50))\n"
        "except OSError:\n    writer.write(60, 'fits')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(place)], check=True)
    found = _messages(tmp_path, "s")
    assert found[-1] == (60, "fits")
    assert [message for _, message in found[:-1]] == ["x" * 90] * (len(found) - 1)
    assert len(found) > 5
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "a//b", "/a", "a/", ".", "a\0b", "a:b", "a*", "", "x" * 300]
)
def test_names_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        stream_path(tmp_path, GROUP, name)
    assert caught.value.field == "logStreamName"
    with pytest.raises(InvalidRequest):
        stream_path(tmp_path, f"/aws/lambda/{name}/..", "s")


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="reads are not counted here")
def test_a_page_costs_what_it_holds(tmp_path: Path) -> None:
    place, start = stream_path(tmp_path, GROUP, "s"), 1_700_000_000_000
    with StreamWriter(place) as writer:
        writer.write_many((start + i // 3, f"line {i}") for i in range(300_000))
    store = LogStore(tmp_path)
    before = _bytes_read()
    for i in range(0, 100_000, 5000):
        page = store.events(GROUP, "s", start_ms=start + i, from_head=True, limit=2)
        assert [event.message for event in page.events] == [f"line {3 * i}", f"line {3 * i + 1}"]
        page = store.events(GROUP, "s", token=page.forward, limit=1)
        assert page.events[0].message == f"line {3 * i + 2}"
    assert _bytes_read() - before < 40 * (1 << 20)  # of 8 MB, which would be read 40 times


def _bytes_read() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])
