"""Outputs on their way to the server: nothing is lost, nothing is taken for whole that is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.hosting.transform import spool as module
from labelwright.hosting.transform.spool import Finished, SpoolDamaged, SpoolReader, SpoolWriter


def written(folder: Path, *names: str, n_objects: int = 9) -> SpoolWriter:
    writer = SpoolWriter(folder, n_objects)
    for name in names:
        i = int(name[0])
        if name.endswith("!"):
            writer.write(b"half an output")
            writer.fail(i, f"reason {name}")
        else:
            writer.write(name.encode())
            writer.write(b" and its rest")
            writer.finish(i, name, "text/plain")
    return writer


def kill(writer: SpoolWriter) -> None:
    """What was written last may be in the file."""
    writer._segment.close()
    writer._done.close()


def content(folder: Path, finished: Finished) -> bytes:
    return b"".join(SpoolReader(folder).pieces(finished))


def test_what_is_written_is_taken_in_order_and_once(tmp_path: Path) -> None:
    writer = written(tmp_path, "0a", "3b!", "1c")
    reader = SpoolReader(tmp_path)
    first, offset = reader.take(2)
    assert [(one.i, one.name, one.error) for one in first] == [(0, "0a", ""), (3, "", "reason 3b!")]
    assert content(tmp_path, first[0]) == b"0a and its rest"
    assert reader.take(2) == (first, offset)  # until it is marked
    reader.mark(first, offset)
    (last,), offset = SpoolReader(tmp_path).take(5)
    assert content(tmp_path, last) == b"1c and its rest" and last.content_type == "text/plain"
    SpoolReader(tmp_path).mark([last], offset)
    assert SpoolReader(tmp_path).take(5) == ([], offset)
    assert SpoolReader(tmp_path).published() == {"offset": offset, "n_done": 2, "n_failed": 1}
    writer.close()


def test_a_writer_goes_on_where_another_was_killed(tmp_path: Path) -> None:
    killed = written(tmp_path, "0a", "3b!")
    killed.write(b"half of a third one")
    kill(killed)
    with (tmp_path / "done.jsonl").open("ab") as file:
        file.write(b'{"i":5,"na')  # a torn line
    writer = SpoolWriter(tmp_path, 9)
    assert [i for i in range(9) if writer.is_done[i]] == [0, 3]
    assert (writer.n_failed, writer.first_error) == (1, "reason 3b!")
    writer.write(b"new")
    writer.finish(5, "5d", "")
    writer.close()
    taken, _ = SpoolReader(tmp_path).take(9)
    assert [one.i for one in taken] == [0, 3, 5]
    assert content(tmp_path, taken[2]) == b"new"


def test_outputs_lost_with_the_power_are_done_again(tmp_path: Path) -> None:
    written(tmp_path, "0a", "1b", "2c").close()
    (segment,) = tmp_path.glob("segment-*")
    data = bytearray(segment.read_bytes())
    data[17] ^= 1  # inside the second output
    segment.write_bytes(data)
    reader = SpoolReader(tmp_path)
    taken, _ = reader.take(9)
    pieces = reader.pieces(taken[1])
    with pytest.raises(SpoolDamaged, match="1b"):
        list(pieces)
    writer = SpoolWriter(tmp_path, 9)
    assert [i for i in range(9) if writer.is_done[i]] == [0]
    writer.close()
    assert len(reader.take(9)[0]) == 1


def test_what_was_published_need_not_be_there_any_more(tmp_path: Path) -> None:
    written(tmp_path, "0a", "1b").close()
    reader = SpoolReader(tmp_path)
    reader.mark(*reader.take(1))
    for segment in tmp_path.glob("segment-*"):
        segment.unlink()
    writer = SpoolWriter(tmp_path, 9)
    assert [i for i in range(9) if writer.is_done[i]] == [0]
    kill(writer)


def test_segments_go_when_nothing_of_them_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 10)
    writer = written(tmp_path, "0a", "1b", "2c")
    assert writer.n_bytes_waiting() == 45
    reader = SpoolReader(tmp_path)
    reader.mark(*reader.take(2))
    assert module.segments(tmp_path) == [2, 3, 4]
    reader.mark(*reader.take(2))
    assert module.segments(tmp_path) == [3, 4]
    assert writer.n_bytes_waiting() == 0  # nothing waits, though the last one is still there
    writer.close()


@given(name=st.text(min_size=1), error=st.text(min_size=1), size=st.integers(0, 1 << 40))
def test_lines_are_read_as_they_were_written(name: str, error: str, size: int) -> None:
    for finished in (Finished(1, name, 2, 3, size, 5, "text/plain"), Finished(4, error=error)):
        try:
            line = finished.line()
        except TypeError:  # half a surrogate pair: no key or message of ours has one
            continue
        assert line.count(b"\n") == 1 and Finished.of_line(line) == finished
