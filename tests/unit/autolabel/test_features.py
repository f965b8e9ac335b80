"""Features and embeddings: the same object, the same row; bad objects named."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labelwright.autolabel import fit_embedding, image_features, text_features
from labelwright.errors import InvalidRequest

TEXTS = ["The film was good!", "the FILM  was good !", "I lost my card", "карта не работает", "", "12 x"]


def test_text_features_ignore_case_and_spaces_and_keep_meaning_apart() -> None:
    counts = text_features(TEXTS)
    same = counts[0].minimum(counts[1]).sum() / counts[0].sum()
    other = counts[0].minimum(counts[2]).sum() / counts[0].sum()
    assert same > 0.85
    assert other < 0.2
    assert counts[3].sum() > 5
    assert counts[4].nnz == 0


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_text_has_the_same_features_in_any_company(texts: list[str], where: int) -> None:
    alone = text_features(["my card is lost"])
    together = text_features([*texts[:where], "my card is lost", *texts[where:]])
    assert (together[min(where, len(texts))] != alone[0]).nnz == 0


def test_word_order_counts() -> None:
    counts = text_features(["dog bites man", "man bites dog"])
    assert (counts[0] != counts[1]).nnz > 0


def test_no_texts_no_rows() -> None:
    assert text_features([]).shape[0] == 0
    assert image_features([]).shape[0] == 0


def encoded(pixels: np.ndarray, form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def test_image_features_of_bytes_files_and_pixels_agree(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encoded(pixels, "PNG"))
    rows = image_features([pixels, encoded(pixels, "PNG"), tmp_path / "a.png"])
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[0], rows[2])
    assert np.isfinite(rows).all()


def test_image_features_see_edges_but_not_brightness() -> None:
    ramp = np.tile(np.linspace(0, 100, 28).astype(np.uint8), (28, 1))
    rows = image_features([ramp, ramp * 2, ramp.T.copy(), np.zeros((28, 28), np.uint8)])
    assert np.abs(rows[0] - rows[1]).max() < 0.05
    assert np.linalg.norm(rows[0] - rows[2]) > 1
    assert np.isfinite(rows).all()


def test_sizes_may_be_mixed() -> None:
    rng = np.random.default_rng(1)
    small, large = rng.integers(0, 256, (8, 8), np.uint8), rng.integers(0, 256, (200, 90, 3), np.uint8)
    mixed = image_features([small, large, small])
    assert np.array_equal(mixed[0], mixed[2])
    assert np.array_equal(mixed[1], image_features([large])[0])


def test_an_unreadable_image_is_named() -> None:
    with pytest.raises(InvalidRequest, match="Image 1 "):
        image_features([np.zeros((8, 8), np.uint8), b"not a picture"])


def test_text_embedding_has_unit_rows_and_ignores_what_it_has_not_seen() -> None:
    pool = text_features(["good film", "good book", "bad film", "bad book"] * 3)
    embedding = fit_embedding(pool)
    rows = embedding(pool)
    assert np.allclose(np.sqrt(rows.multiply(rows).sum(axis=1)), 1, atol=1e-5)
    assert embedding(text_features(["zzz qqq"])).nnz == 0


def test_dense_embedding_approximates_a_gaussian_kernel() -> None:
    x = np.random.default_rng(2).normal(size=(300, 6)).astype(np.float32)
    embedding = fit_embedding(x)
    rows = embedding(x)
    squared = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    exact = np.exp(-squared / embedding.arrays["scale"])
    assert np.abs(rows @ rows.T - exact).max() < 0.01


def test_features_of_another_kind_are_refused() -> None:
    embedding = fit_embedding(np.random.default_rng(3).normal(size=(50, 4)))
    with pytest.raises(InvalidRequest, match="4 columns"):
        embedding(np.zeros((2, 5)))
