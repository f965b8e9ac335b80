from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labelwright.dataprep.sorting import ExternalSorter


@given(
    records=st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=9)), max_size=300),
    memory=st.sampled_from([1, 500, 10_000, 1 << 20]),
)
def test_any_memory_gives_the_order_of_sorted(records: list[tuple[bytes, bytes]], memory: int) -> None:
    with ExternalSorter(memory_bytes=memory) as sorter:
        for key, payload in records:
            sorter.add(key, payload)
        assert list(sorter) == sorted(records)
        assert list(sorter) == sorted(records)  # and may be read again
