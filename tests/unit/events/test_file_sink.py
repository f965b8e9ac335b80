"""The file of events: rotation, torn lines, trouble with the disk."""

from __future__ import annotations

import resource
import stat
from pathlib import Path

import pytest

from labelwright.events.file_sink import FileSink


def sink(path: Path, *, max_bytes: int = 1 << 20, n_kept: int = 2) -> FileSink:
    return FileSink(path, max_bytes=max_bytes, n_kept=n_kept)


def test_batches_are_appended_as_lines(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "er" / "events.jsonl"
    first = sink(file)
    first.take([b'{"n":1}', b'{"n":2}'])
    first.close()
    second = sink(file)
    second.take([b'{"n":3}'])
    second.close()
    assert file.read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_torn_line_is_removed_before_it_is_written_again(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"n":1}\n{"n":2')
    again = sink(file)
    again.take([b'{"n":2}'])
    again.close()
    assert file.read_bytes() == b'{"n":1}\n{"n":2}\n'


def test_a_torn_line_longer_than_what_is_looked_at_first(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"whole\n" + b"x" * (3 << 20))
    again = sink(file)
    again.take([b"next"])
    again.close()
    assert file.read_bytes() == b"whole\nnext\n"
    file.write_bytes(b"y" * (2 << 20))  # nothing but a torn line
    again.take([b"first"])
    again.close()
    assert file.read_bytes() == b"first\n"


def test_full_files_are_numbered_and_the_oldest_goes(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    small = sink(file, max_bytes=10)
    for i in range(5):
        small.take([b"event %d" % i])  # 8 bytes each with its line feed
    small.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "events.jsonl": b"event 4\n",
        "events.jsonl.1": b"event 3\n",
        "events.jsonl.2": b"event 2\n",
    }


def test_none_may_be_kept(tmp_path: Path) -> None:
    small = sink(tmp_path / "events.jsonl", max_bytes=10, n_kept=0)
    for i in range(3):
        small.take([b"event %d" % i])
    small.close()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"event 2\n"]


def test_a_batch_larger_than_a_file_is_still_taken(tmp_path: Path) -> None:
    small = sink(tmp_path / "events.jsonl", max_bytes=4)
    small.take([b"a long event", b"another"])
    small.close()
    assert (tmp_path / "events.jsonl").read_bytes() == b"a long event\nanother\n"


def test_a_file_that_logrotate_took_away_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    kept = sink(file)
    kept.take([b"one"])
    file.rename(tmp_path / "taken")
    kept.take([b"two"])
    kept.close()
    assert (tmp_path / "taken").read_bytes() == b"one\n"
    assert file.read_bytes() == b"two\n"


def test_a_write_that_is_cut_off_leaves_no_half_batch(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    kept = sink(file)
    kept.take([b"one"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6, hard))  # room for two bytes more
    try:
        with pytest.raises(OSError, match="too large"):
            kept.take([b"two"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == b"one\n"
    kept.take([b"two"])
    kept.close()
    assert file.read_bytes() == b"one\ntwo\n"
