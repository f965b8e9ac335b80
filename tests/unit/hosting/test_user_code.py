"""A user's functions, and what stands in for those that are missing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from labelwright.hosting.user_code import UnsupportedContentType, UserModel, load_script

FOLDER = Path("/model")
JSON = {"content-type": "application/json"}


def model(**functions: Any) -> UserModel:
    functions.setdefault("model_fn", lambda model_dir: lambda data: data * 2)
    return UserModel(SimpleNamespace(**functions), FOLDER)


def test_all_four_functions_get_what_is_documented() -> None:
    seen: list[Any] = []

    def output_fn(prediction: Any, accept: str) -> tuple[str, str]:
        seen.append((prediction, accept))
        return f"<{prediction}>", "text/xml"

    made = model(
        model_fn=lambda model_dir: seen.append(model_dir) or "the model",
        input_fn=lambda body, content_type: seen.append((body, content_type)) or "data",
        predict_fn=lambda data, loaded: seen.append((data, loaded)) or 42,
        output_fn=output_fn,
    )
    answer = made.answer(b"\xff\xd8", {"content-type": "image/jpeg", "accept": "text/xml"})
    assert answer == (b"<42>", "text/xml", {})
    assert seen == ["/model", (b"\xff\xd8", "image/jpeg"), ("data", "the model"), (42, "text/xml")]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", "text"),
        ("text/csv; charset=utf-8", "text"),
        ("application/jsonlines", "text"),
        ("image/png", b"text"),
        ("application/x-npy", b"text"),
    ],
)
def test_texts_are_decoded_before_they_are_handed_over(content_type: str, expected: Any) -> None:
    seen: list[Any] = []
    made = model(input_fn=lambda body, kind: seen.append(body), predict_fn=lambda d, m: [])
    made.answer(b"text", {"content-type": content_type})
    assert seen == [expected]


def test_transform_fn_stands_for_three() -> None:
    made = model(transform_fn=lambda loaded, body, kind, accept: (loaded(body), "text/plain"))
    assert made.answer(b"ab", {"content-type": "text/plain"}) == (b"abab", "text/plain", {})


def test_the_context_is_given_to_functions_with_room_for_it() -> None:
    def predict_fn(data: Any, loaded: Any, context: Any) -> Any:
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "b=2")
        return [context.get_request_header(0, "X-Mine"), context.system_properties["model_dir"]]

    def output_fn(prediction: Any, accept: str, context: Any) -> str:
        context.set_response_content_type(0, "application/mine")
        return json.dumps(prediction)

    made = model(
        model_fn=lambda model_dir, context: lambda data: data,
        input_fn=lambda body, content_type, unused=None: body,
        predict_fn=predict_fn,
        output_fn=output_fn,
    )
    body, kind, headers = made.answer(b"1", {**JSON, "x-mine": "a"})
    assert (json.loads(body), kind) == (["a", "/model"], "application/mine")
    assert headers == {"x-amzn-sagemaker-custom-attributes": "b=2"}


@pytest.mark.parametrize("accept", [None, "*/*", "application/*", "application/json"])
def test_json_is_the_default(accept: str | None) -> None:
    headers = JSON if accept is None else {**JSON, "accept": accept}
    assert model().answer(b"[1, 2]", headers) == (b"[2, 4]", "application/json", {})


def test_arrays_in_and_out() -> None:
    made = model()
    body, kind, _ = made.answer(b"1,2\n3,4\n", {"content-type": "text/csv", "accept": "text/csv"})
    assert (body, kind) == (b"2.0,4.0\n6.0,8.0\n", "text/csv")
    file = io.BytesIO()
    np.save(file, np.arange(3))
    npy = "application/x-npy"
    body, kind, _ = made.answer(file.getvalue(), {"content-type": npy, "accept": npy})
    assert np.load(io.BytesIO(body)).tolist() == [0, 2, 4]


def test_arrays_of_objects_are_not_read() -> None:
    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        model().answer(file.getvalue(), {"content-type": "application/x-npy"})


def test_what_the_defaults_do_not_know() -> None:
    with pytest.raises(UnsupportedContentType, match="image/png is not supported"):
        model().answer(b"", {"content-type": "image/png"})
    with pytest.raises(UnsupportedContentType, match="image/png is not supported"):
        model().answer(b"[1]", {**JSON, "accept": "image/png"})
    with pytest.raises(NotImplementedError, match="model_fn"):
        UserModel(SimpleNamespace(), FOLDER)
    with pytest.raises(NotImplementedError, match="predict_fn"):
        model(model_fn=lambda model_dir: object()).answer(b"[1]", JSON)


def test_a_script_finds_its_own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["unchanged"])
    (tmp_path / "serving_script.py").write_text("import serving_part\nVALUE = serving_part.VALUE\n")
    (tmp_path / "serving_part.py").write_text("VALUE = 7\n")
    assert load_script(tmp_path, "serving_script.py").VALUE == 7
    with pytest.raises(FileNotFoundError, match=r"other\.py"):
        load_script(tmp_path, "other.py")
