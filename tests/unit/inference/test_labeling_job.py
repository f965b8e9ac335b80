"""Models of labeling jobs, served."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labelwright.autolabel import Learner
from labelwright.autolabel.embeddings import fit_embedding
from labelwright.autolabel.features import image_features, text_features
from labelwright.inference import BadInput, BadModel, UnsupportedContent, load_predictor

TEXTS = ["the goal of the match", "a loan from the bank", "goal and match", "bank and loan"] * 8


def _folder(path: Path, raw: Any, task: str, **more: Any) -> Path:
    embedding = fit_embedding(raw, seed=1)
    Learner(2, embedding=embedding).fit(embedding(raw), np.arange(raw.shape[0]) % 2).save(path / "model.npz")
    about = {"format": "labelwright-model", "version": 1, "algorithm": "labeling-job", "task": task, **more}
    (path / "labelwright.json").write_text(json.dumps(about))
    return path


def _picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 60, (40, 40, 3)).astype(np.uint8)
    pixels[:20, :, 0 if number % 2 == 0 else 2] += 190
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_texts_are_answered_as_by_blazingtext(tmp_path: Path) -> None:
    predictor = load_predictor(_folder(tmp_path, text_features(TEXTS), "text-classification"))
    body = json.dumps({"instances": ["goal", "a bank"], "configuration": {"k": 2}}).encode()
    answer, content_type = predictor.predict(body, "application/json", None)
    assert content_type == "application/json"
    first, second = json.loads(answer)
    assert first["label"] == ["__label__0", "__label__1"] and second["label"][0] == "__label__1"
    assert sum(first["prob"]) == pytest.approx(1) and first["prob"][0] > 0.5
    lines, _ = predictor.predict(b'{"source": "match"}\n', "application/jsonlines", None)
    assert json.loads(lines)["label"] == ["__label__0"]
    with pytest.raises(BadInput, match="instances"):
        predictor.predict(b"{}", "application/json", None)


def test_pictures_are_answered_as_by_image_classification(tmp_path: Path) -> None:
    raw = image_features([_picture(i) for i in range(24)])
    predictor = load_predictor(_folder(tmp_path, raw, "image-classification"))
    good, bad, other = predictor.predict_many(
        [_picture(100), b"no picture", _picture(101)], "image/png", "*/*"
    )
    assert isinstance(bad, BadInput)
    assert not isinstance(good, Exception) and not isinstance(other, Exception)
    shares = json.loads(good[0])
    assert len(shares) == 2 and sum(shares) == pytest.approx(1)
    assert shares[0] > 0.5 > json.loads(other[0])[0]
    line, content_type = predictor.predict(_picture(100), "application/x-image", "application/jsonlines")
    assert content_type == "application/jsonlines" and json.loads(line) == {"prediction": shares}
    with pytest.raises(UnsupportedContent, match="image/png"):
        predictor.predict(b"", "text/csv", None)


def test_what_needs_more_than_its_artifact_is_refused_in_words(tmp_path: Path) -> None:
    folder = _folder(tmp_path, text_features(TEXTS), "object-detection")
    with pytest.raises(BadModel, match=r"'object-detection'.*Train the built-in algorithm"):
        load_predictor(folder)
    folder = _folder(tmp_path, text_features(TEXTS), "image-classification", needs_network=True)
    with pytest.raises(BadModel, match="a network of the operator's"):
        load_predictor(folder)
    (folder / "model.npz").write_bytes(b"PK nothing")
    with pytest.raises(BadModel, match=r"model\.npz is not a model"):
        load_predictor(folder)
