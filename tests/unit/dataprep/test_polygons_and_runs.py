from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright.dataprep.polygons import fill_polygons, trace_polygons
from labelwright.dataprep.rle import compress, decompress, from_runs, to_runs
from labelwright.errors import InvalidRequest

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


@given(mask=masks)
def test_outlines_give_the_region_back_holes_and_all(mask: npt.NDArray[np.bool_]) -> None:
    rings = trace_polygons(mask)
    assert np.array_equal(fill_polygons(rings, *mask.shape), mask)
    # and shares of the size, as YOLO and Label Studio write them, do too
    scale = mask.shape[::-1]
    again = [np.round(ring / scale * scale, 6) for ring in rings]
    assert np.array_equal(fill_polygons(again, *mask.shape), mask)


def test_a_ring_of_pixels_is_one_polygon_with_a_bridge_to_its_hole() -> None:
    mask = np.ones((3, 3), dtype=bool)
    mask[1, 1] = False
    (ring,) = trace_polygons(mask)
    assert len(ring) == 4 + 1 + 4 + 1 + 1
    assert trace_polygons(np.zeros((3, 3), dtype=bool)) == []


def test_a_polygon_covers_the_pixels_whose_centres_are_inside() -> None:
    triangle = np.array([[0, 0], [4, 0], [0, 4]], dtype=np.float64)
    expected = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    filled = fill_polygons([triangle], 4, 4).astype(int)
    assert (filled | np.fliplr(np.eye(4, dtype=int))).tolist() == (
        np.array(expected) | np.fliplr(np.eye(4, dtype=int))
    ).tolist()
    outside = np.array([[-9, -9], [99, -9], [99, 99], [-9, 99]], dtype=np.float64)
    assert fill_polygons([outside], 2, 5).all()


@given(flat=hnp.arrays(bool, st.integers(0, 80)))
def test_runs_there_and_back(flat: npt.NDArray[np.bool_]) -> None:
    runs = to_runs(flat)
    assert np.array_equal(from_runs(runs, len(flat)), flat)
    assert decompress(compress(runs)) == runs


@given(runs=st.lists(st.integers(0, 1 << 40), max_size=30))
def test_compressed_counts_of_any_size(runs: list[int]) -> None:
    assert decompress(compress(runs)) == runs


def test_bad_runs_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="add up to 3, not to its 4"):
        from_runs([1, 2], 4)
    for text in ("é", "~", "P"):
        with pytest.raises(InvalidRequest):
            decompress(text)


@given(text=st.text(max_size=30))
def test_any_text_is_decompressed_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        assert all(isinstance(run, int) for run in decompress(text))
