"""The bytes of records, and reading them back however they come."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright import recordio as rio
from labelwright.recordio import spans

MAGIC = bytes.fromhex("0a23d7ce")

# Pieces from which magics arise at every alignment, and halves of them.
PIECES = st.lists(
    st.one_of(st.just(MAGIC), st.just(MAGIC[:2]), st.just(MAGIC[2:]), st.binary(max_size=5)), max_size=12
).map(b"".join)
RECORDS = st.lists(PIECES, max_size=30)

# From the specification; compared byte for byte with MXNet 1.9.1.
GOLDEN = {
    b"": "0a23d7ce 00000000",
    b"1": "0a23d7ce 01000000 31000000",
    b"hello": "0a23d7ce 05000000 68656c6c 6f000000",
    b"ABCD" + MAGIC + b"EFG": "0a23d7ce 04000020 41424344 0a23d7ce 03000060 45464700",
    MAGIC + b"XY": "0a23d7ce 00000020 0a23d7ce 02000060 58590000",
    MAGIC + MAGIC: "0a23d7ce 00000020 0a23d7ce 00000040 0a23d7ce 00000060",
    b"A" + MAGIC: "0a23d7ce 05000000 410a23d7 ce000000",
}


def framed(records: list[bytes]) -> bytes:
    return b"".join(map(rio.frame, records))


@pytest.mark.parametrize(("record", "on_disk"), GOLDEN.items())
def test_golden_bytes(record: bytes, on_disk: str) -> None:
    assert rio.frame(record) == bytes.fromhex(on_disk)
    assert list(rio.read([bytes.fromhex(on_disk)])) == [record]


@given(RECORDS, st.integers(1, 40))
@settings(deadline=None)
def test_streams_give_back_every_record_however_they_are_cut(records: list[bytes], size: int) -> None:
    data = framed(records)
    assert list(rio.read(data[i : i + size] for i in range(0, len(data), size))) == records
    assert list(rio.read(io.BytesIO(data))) == records


@given(RECORDS, st.integers(1, 9))
@settings(deadline=None)
def test_files_give_back_every_record(records: list[bytes], n_shards: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.rec"
        with rio.RecordWriter(path) as writer:
            offsets = [writer.write(record) for record in records]
        assert path.read_bytes() == framed(records)
        assert list(rio.read(path)) == records
        assert [placed.offset for placed in rio.read_placed(path)] == offsets
        assert list(rio.record_offsets(path)) == offsets
        with rio.RecordFile(path) as file:
            assert [file[i] for i in range(len(file))] == records
        shards = [list(rio.read_shard(path, i, n_shards)) for i in range(n_shards)]
        assert [record for shard in shards for record in shard] == records


@given(RECORDS)
@settings(deadline=None)
def test_magic_stands_at_no_multiple_of_four_but_at_headers(records: list[bytes]) -> None:
    data = framed(records)
    assert len(data) % 4 == 0
    position, headers = 0, set()
    while position < len(data):
        headers.add(position)
        length = int.from_bytes(data[position + 4 : position + 8], "little") & 0x1FFFFFFF
        position += 8 + (length + 3) // 4 * 4
    assert {i for i in range(0, len(data), 4) if data[i : i + 4] == MAGIC} == headers


@pytest.mark.parametrize("size", [3, 40, 70_001])
def test_both_ways_along_plain_records_agree(tmp_path: Path, size: int) -> None:
    """Small records are found by comparing words, large ones by following headers."""
    records = [bytes([i % 251]) * (size + i % 5) for i in range(min(40_000, 3_000_000 // size))]
    records[len(records) // 2] = MAGIC + b"x"
    path = tmp_path / "a.rec"
    with rio.RecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    assert list(rio.read(path)) == records
    with path.open("rb") as stream:
        assert list(rio.read(stream)) == records


def test_records_of_writers_that_do_not_cut_are_read_by_their_lengths() -> None:
    record = b"ABCD" + MAGIC + b"\x00\x00\x00\x00EFGH"
    plain = MAGIC + len(record).to_bytes(4, "little") + record
    data = framed([b"x"] * 3000) + plain * 3000 + framed([b"y"] * 3000)
    assert list(rio.read([data])) == [b"x"] * 3000 + [record] * 3000 + [b"y"] * 3000


@given(RECORDS.filter(bool), st.data())
@settings(deadline=None)
def test_truncated_data_is_told_with_its_place(records: list[bytes], data: st.DataObject) -> None:
    whole = framed(records)
    end = data.draw(st.integers(0, len(whole) - 1))
    starts = [len(framed(records[:i])) for i in range(len(records) + 1)]
    n_whole = max(i for i, start in enumerate(starts) if start <= end)
    got: list[bytes] = []
    if end in starts:
        assert list(rio.read([whole[:end]])) == records[:n_whole]
        return
    with pytest.raises(rio.RecordIOError, match="truncated") as caught:
        for record in rio.read([whole[:end]]):
            got.append(record)
    assert got == records[:n_whole]
    assert caught.value.offset == starts[n_whole]
    assert f"byte {starts[n_whole]}" in str(caught.value)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_bytes_from_outside_give_records_or_our_error(data: bytes) -> None:
    try:
        list(rio.read([data]))
    except rio.RecordIOError as error:
        assert error.offset is not None
    problems: list[rio.RecordIOError] = []
    list(rio.read([data], on_broken=problems.append))


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (b"PK\x03\x04" + bytes(20), 0, "must begin with 0a 23 d7 ce, found 50 4b 03 04"),
        (rio.frame(b"ok") + b"junkjunk", 12, "found 6a 75 6e 6b"),
        (rio.frame(b"ok") + b"ju", 12, "found 6a 75"),
        (MAGIC + b"\x00\x00\x00\x40", 0, "goes on with a record that never began"),
        (MAGIC + b"\x00\x00\x00\x20" + rio.frame(b"new"), 8, "before the last part"),
        (MAGIC + b"\x00\x00\x00\xa0", 0, "flag 5 of this part has no meaning"),
        (MAGIC + b"\xff\xff\xff\x1f" + bytes(8), 0, "needs at least 536870904 bytes more"),
    ],
)
def test_broken_files_name_place_and_reason(tmp_path: Path, data: bytes, offset: int, words: str) -> None:
    path = tmp_path / "a.rec"
    path.write_bytes(data)
    for source, name in ((path, str(path)), ([data], "")):
        with pytest.raises(rio.RecordIOError, match=words) as caught:
            list(rio.read(source))
        assert (caught.value.offset, caught.value.path) == (offset, name)


@pytest.mark.parametrize("as_stream", [False, True])
def test_reading_goes_on_behind_what_is_broken(tmp_path: Path, as_stream: bool) -> None:
    good = [rio.frame(b"a" * n) for n in (10, 20, 30, 40)]
    broken = bytearray(good[1])
    broken[0] = 0
    data = b"".join([good[0], bytes(broken), good[2], good[3][:-4]])
    path = tmp_path / "a.rec"
    path.write_bytes(data)
    problems: list[rio.RecordIOError] = []
    source = iter([data[i : i + 5] for i in range(0, len(data), 5)]) if as_stream else path
    assert list(rio.read(source, on_broken=problems.append)) == [b"a" * 10, b"a" * 30]
    assert [problem.offset for problem in problems] == [20, 20 + 28 + 40]


def test_lengths_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rio.RECORD_BYTES_MAX == 2**29 - 1
    with pytest.raises(rio.RecordIOError, match="must fit 29 bits"):
        rio.frame(_Huge())
    monkeypatch.setattr(spans, "RECORD_BYTES_MAX", 100)
    parts = [MAGIC + (1 << 29 | 64).to_bytes(4, "little") + bytes(64)]
    parts += [MAGIC + (2 << 29 | 64).to_bytes(4, "little") + bytes(64)]
    with pytest.raises(rio.RecordIOError, match="add up to more than") as caught:
        list(rio.read([b"".join(parts)]))
    assert caught.value.offset == 72


class _Huge(bytes):
    """Stands for half a GiB."""

    def __len__(self) -> int:
        return 1 << 29


def test_offsets_beyond_4_gib(tmp_path: Path) -> None:
    """A sparse file: ten records of almost half a GiB of zeros."""
    path, length = tmp_path / "a.rec", (1 << 29) - 4
    with path.open("wb") as file:
        for i in range(10):
            file.seek(i * (8 + length))
            file.write(MAGIC + length.to_bytes(4, "little"))
        file.seek(10 * (8 + length))
        file.write(rio.frame(b"last"))
    offsets = list(rio.record_offsets(path))
    assert offsets[-1] == 10 * (8 + length) > 4 << 30
    index = tmp_path / "a.idx"
    assert rio.write_index(index, rio.build_index(path)) == 11
    with rio.RecordFile(path) as records:
        assert records[-1] == b"last"


def test_named_pipe_is_read_as_it_fills(tmp_path: Path) -> None:
    pipe = tmp_path / "train_0"
    os.mkfifo(pipe)
    records = [b"image", b"1", MAGIC * 3]

    def fill() -> None:
        with pipe.open("wb", buffering=0) as stream:
            for record in records:
                stream.write(rio.frame(record))

    thread = threading.Thread(target=fill)
    thread.start()
    assert list(rio.read(pipe)) == records
    thread.join()


class TestWriter:
    def test_file_appears_whole_or_not_at_all(self, tmp_path: Path) -> None:
        rec, idx = tmp_path / "a.rec", tmp_path / "a.idx"
        rec.write_bytes(b"old"), idx.write_bytes(b"old index")
        with pytest.raises(ZeroDivisionError), rio.RecordWriter(rec, index=idx) as writer:
            writer.write(b"x" * 3_000_000)
            raise ZeroDivisionError
        assert (rec.read_bytes(), idx.read_bytes()) == (b"old", b"old index")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]
        with rio.RecordWriter(rec, index=idx) as writer:
            writer.write(b"new", key=9)
        assert (rec.read_bytes(), idx.read_bytes()) == (rio.frame(b"new"), b"9\t0\n")

    def test_index_has_a_line_for_each_record(self, tmp_path: Path) -> None:
        rec, idx = tmp_path / "a.rec", tmp_path / "a.idx"
        with rio.RecordWriter(rec, index=idx) as writer:
            for key, record in ((5, b"five"), (1000, MAGIC), (0, b"")):
                writer.write(record, key=key)
        assert idx.read_text() == "5\t0\n1000\t12\n0\t28\n"
        assert writer.n_written == 3

    def test_buffer_that_is_reused_is_copied(self) -> None:
        stream, buffer = io.BytesIO(), bytearray(b"one")
        with rio.RecordWriter(stream) as writer:
            writer.write(buffer)
            buffer[:] = b"two"
            writer.write(memoryview(buffer))
        assert list(rio.read([stream.getvalue()])) == [b"one", b"two"]


class TestRandomAccess:
    @pytest.fixture
    def rec(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.rec"
        with rio.RecordWriter(path, index=tmp_path / "a.idx") as writer:
            for key in (7, 3, 7, 2**40):
                writer.write(b"r%d" % writer.n_written + MAGIC * (key == 3), key=key)
        return path

    def test_by_number_and_by_key(self, rec: Path) -> None:
        with rio.RecordFile(rec) as records:
            assert [len(records), records[0], records[-2]] == [4, b"r0", b"r2"]
            assert records.by_key(7) == b"r2"  # the last of several
            assert records.by_key(2**40) == b"r3"
            with pytest.raises(KeyError):
                records.by_key(4)
            with pytest.raises(IndexError, match="has 4 records"):
                records[4]
            assert list(records) == [records[i] for i in range(4)]
            again = pickle.loads(pickle.dumps(records))
            assert list(again) == list(records)
            again.close()
        with pytest.raises(ValueError, match="closed"):
            records[0]

    def test_without_an_index(self, rec: Path) -> None:
        rec.with_suffix(".idx").unlink()
        with rio.RecordFile(rec) as records:
            assert (len(records), records.by_key(1)) == (4, b"r1" + MAGIC)

    def test_keys_may_be_text(self, rec: Path) -> None:
        idx = rec.with_suffix(".idx")
        idx.write_text(idx.read_text().replace("1099511627776\t", "cat\t"))
        with rio.RecordFile(rec) as records:
            assert (records.by_key("cat"), records.by_key("3")) == (b"r3", b"r1" + MAGIC)

    @pytest.mark.parametrize("text", ["7\t0\n", "0\t4\n", "1\t400\n", ""])
    def test_index_of_another_file_is_refused(self, rec: Path, text: str) -> None:
        rec.with_suffix(".idx").write_text(text)
        with pytest.raises(rio.RecordIOError, match="labelwright recordio index"):
            rio.RecordFile(rec)

    @pytest.mark.parametrize("line", ["5 12", "5\t-4", "5\t2", "5\tx", f"5\t{2**70}"])
    def test_broken_line_of_an_index_is_named(self, rec: Path, line: str) -> None:
        rec.with_suffix(".idx").write_text(f"7\t0\n{line}\n")
        with pytest.raises(rio.RecordIOError, match="line 2"):
            rio.RecordFile(rec)

    def test_empty_file(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.rec"
        with rio.RecordWriter(path):
            pass
        assert list(rio.read(path)) == []
        with rio.RecordFile(path) as records:
            assert len(records) == 0


def test_memory_does_not_grow_with_what_a_header_claims() -> None:
    """A stream that promises half a GiB and delivers little."""
    import tracemalloc

    def chunks() -> Iterator[bytes]:
        yield MAGIC + b"\xff\xff\xff\x1f"
        for _ in range(10):
            yield bytes(1000)

    tracemalloc.start()
    with pytest.raises(rio.RecordIOError, match="truncated"):
        list(rio.read(chunks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
