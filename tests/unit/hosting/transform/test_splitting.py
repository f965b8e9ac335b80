"""From pieces to records to requests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright import recordio
from labelwright.errors import InvalidRequest
from labelwright.hosting.transform.requests import Request, requests_of
from labelwright.hosting.transform.splitting import SplitType, framed, records_of

CUTS = st.lists(st.integers(0, 400), max_size=6)
RECORDS = st.lists(st.binary(max_size=40), max_size=8)
LINES = st.lists(
    st.binary(min_size=1, max_size=20).filter(lambda x: b"\n" not in x and x.strip()), max_size=8
)
BINARY: tuple[SplitType, ...] = ("RecordIO", "TFRecord")


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    places = sorted({0, len(data), *(x for x in at if x < len(data))})
    for start, stop in pairwise(places):
        yield data[start:stop]


def split(
    data: bytes, kind: SplitType, at: list[int] | None = None, bytes_max: int | None = None
) -> list[bytes]:
    return list(records_of(lambda: cut(data, at or []), kind, bytes_max=bytes_max))


@given(LINES, CUTS, st.booleans())
def test_lines_wherever_the_pieces_are_cut(lines: list[bytes], at: list[int], has_end: bool) -> None:
    data = b"\n".join(lines) + b"\n" * has_end
    assert split(data, "Line", at) == lines


@pytest.mark.parametrize("kind", BINARY)
@given(records=RECORDS, at=CUTS)
def test_binary_records_wherever_the_pieces_are_cut(
    kind: SplitType, records: list[bytes], at: list[int]
) -> None:
    data = b"".join(framed(record, kind) for record in records)
    assert split(data, kind, at) == records
    assert recordio.frame(b"x") == framed(b"x", "RecordIO")


def test_tfrecords_are_those_of_tensorflow() -> None:
    # Written by tf.io.TFRecordWriter: length, its masked CRC-32C, b"abc", its masked CRC-32C.
    made = framed(b"abc", "TFRecord")
    length, length_crc = struct.unpack("<QI", made[:12])
    crc = 0x364B3FB7  # CRC-32C of b"abc", RFC 3720 polynomial
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert (length, made[12:15], made[15:]) == (3, b"abc", struct.pack("<I", masked))
    assert length_crc == struct.unpack("<I", made[8:12])[0]


@pytest.mark.parametrize("kind", BINARY)
def test_what_does_not_begin_as_its_format_is_one_record(kind: SplitType) -> None:
    assert split(b"no such thing at all", kind, [3, 9]) == [b"no such thing at all"]
    assert split(b"x", kind) == [b"x"]


@pytest.mark.parametrize("kind", BINARY)
def test_what_breaks_off_later_is_an_error_after_the_whole_records(kind: SplitType) -> None:
    data = framed(b"one", kind) + framed(b"two", kind)[:-3]
    records = records_of(lambda: [data], kind, bytes_max=None)
    assert next(records) == b"one"
    with pytest.raises(InvalidRequest):
        next(records)


@pytest.mark.parametrize("kind", ["None", "Line", *BINARY])
def test_a_record_may_not_be_longer_than_a_request(kind: SplitType) -> None:
    data = framed(b"x" * 100, kind) if kind in BINARY else b"x" * 100
    assert split(data, kind, bytes_max=100) == [b"x" * 100]
    with pytest.raises(InvalidRequest, match="MaxPayloadInMB"):
        split(data, kind, [40], bytes_max=99)


def test_nothing_has_no_records_but_a_whole_object_is_one() -> None:
    assert split(b"", "Line") == split(b"", "RecordIO") == split(b" \n\r\n", "Line") == []
    assert split(b"", "None") == [b""]


@given(LINES, st.integers(1, 60))
def test_requests_hold_as_many_lines_as_fit(lines: list[bytes], bytes_max: int) -> None:
    lines = [line for line in lines if len(line) <= bytes_max]
    made = list(requests_of(lines, "Line", is_single=False, bytes_max=bytes_max, prepare=bytes))
    assert [record for request in made for record in request.records] == lines
    for request in made:
        assert request.body == b"\n".join(request.records)
        assert len(request.body) <= bytes_max
    for request, following in pairwise(made):  # nothing more would have gone in
        assert len(request.body) + 1 + len(following.records[0]) > bytes_max


@pytest.mark.parametrize("kind", BINARY)
def test_frames_are_kept_for_several_records_and_lost_for_one(kind: SplitType) -> None:
    records = [b"one", b"two"]
    one_each = requests_of(records, kind, is_single=True, bytes_max=None)
    assert list(one_each) == [Request(b"one"), Request(b"two")]
    (both,) = requests_of(records, kind, is_single=False, bytes_max=None)
    assert split(both.body, kind) == records and both.records == ()


def test_a_whole_object_is_sent_as_it_is_whatever_the_strategy() -> None:
    for is_single in (False, True):
        assert list(requests_of([b"a\nb"], "None", is_single=is_single, bytes_max=9)) == [Request(b"a\nb")]
