"""Lines by number, against Python's own splitting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labelwright.streaming.lines import LineIndex

TEXT = st.lists(st.sampled_from([b"a", b"{}", b"\n", b"\r\n", b" ", b"\t", b"\n\n", b"x" * 70]), max_size=30)


@given(pieces=TEXT, scan=st.integers(1, 40))
def test_lines_are_those_that_are_not_blank(pieces: list[bytes], scan: int) -> None:
    data = b"".join(pieces)
    index = LineIndex.of_chunks(iter(pieces), scan_bytes=scan)
    expected = [(i + 1, line) for i, line in enumerate(data.split(b"\n")) if line.strip()]
    assert [index[i].strip() for i in range(len(index))] == [line.strip() for _, line in expected]
    assert [index.line_number(i) for i in range(len(index))] == [number for number, _ in expected]


def test_a_byte_order_mark_is_left_out() -> None:
    index = LineIndex.of_chunks([b"\xef\xbb\xbf{}\r\n\n[]"])
    assert [index[i].strip() for i in range(len(index))] == [b"{}", b"[]"]
    assert index.line_number(1) == 3


def test_a_line_may_be_long() -> None:
    index = LineIndex.of_chunks([b"a\n", b"x" * 11_000_000, b"\nb"])
    assert [len(index[i].strip()) for i in range(3)] == [1, 11_000_000, 1]
