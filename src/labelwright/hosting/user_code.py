"""A user's inference script, by the contract of the public SageMaker inference toolkit.

The script defines some of ``model_fn``, ``input_fn``, ``predict_fn`` and ``output_fn``, or ``transform_fn``
in place of the last three; what it leaves out is done as the toolkit does it: JSON, CSV and NPY in and out,
and a model that is called. A function may take one argument more than documented: the context of the request.

https://github.com/aws/sagemaker-inference-toolkit describes the contract. Differences: arrays with Python
objects are neither read nor written, and the default functions need numpy only when they are used.
"""

from __future__ import annotations

import importlib
import inspect
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["RequestContext", "UnsupportedContentType", "UserModel", "load_script"]

_JSON, _CSV, _NPY = "application/json", "text/csv", "application/x-npy"
_TEXT = (_JSON, _CSV, "application/jsonlines", "text/plain")
_ANY = ("", "*/*", "application/*", "text/*")


class UnsupportedContentType(Exception):
    """Neither the script nor the defaults know the content type; answered with 415."""


class RequestContext:
    """What a function that takes a context gets; the members that the toolkit documents.

    Attributes
    ----------
    system_properties : dict
        ``model_dir`` and ``gpu_id``.
    """

    def __init__(self, model_dir: Path, headers: Mapping[str, str]) -> None:
        self.system_properties: dict[str, Any] = {"model_dir": str(model_dir), "gpu_id": None}
        self._headers = headers
        self.response_headers: dict[str, str] = {}

    def get_request_header(self, _index: int, key: str) -> str | None:
        """A header of the request, by name without case."""
        return self._headers.get(key.lower())

    def get_all_request_header(self, _index: int) -> dict[str, str]:
        """All headers of the request."""
        return dict(self._headers)

    def set_response_content_type(self, _index: int, value: str) -> None:
        """Say what the answer is."""
        self.response_headers["content-type"] = value

    def set_response_header(self, _index: int, key: str, value: str) -> None:
        """Set a header of the answer."""
        self.response_headers[key.lower()] = value


def load_script(code_dir: Path, program: str) -> ModuleType:
    """Import a script from its folder, with the folder and its ``lib`` on the path.

    Raises
    ------
    FileNotFoundError
        When there is no such file; anything that importing it raises.
    """
    script = code_dir / program
    if not script.is_file():
        raise FileNotFoundError(
            f"There is no file {program} in the model's code; SAGEMAKER_PROGRAM names it."
        )
    sys.path[:0] = [str(code_dir), str(script.parent), str(code_dir / "lib")]
    return importlib.import_module(script.stem)


class UserModel:
    """A loaded model with the functions that serve it.

    Parameters
    ----------
    script : module
        Or anything with the functions as attributes.
    model_dir : Path
    default_accept : str
        What the answer is when the client does not say (``SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT``).

    Raises
    ------
    NotImplementedError
        When the script has no ``model_fn``.
    """

    def __init__(self, script: Any, model_dir: Path, *, default_accept: str = _JSON) -> None:
        self._model_dir = model_dir
        self._default_accept = default_accept
        model_fn = getattr(script, "model_fn", None)
        if model_fn is None:
            raise NotImplementedError(
                "Please provide a model_fn implementation: it gets the model's folder and returns the model."
            )
        context = RequestContext(model_dir, {})
        self._model = _called(model_fn, 1, context, str(model_dir))
        self._transform = getattr(script, "transform_fn", None)
        self._input: Callable[..., Any] = getattr(script, "input_fn", None) or _decoded
        self._predict: Callable[..., Any] = getattr(script, "predict_fn", None) or _predicted
        self._output: Callable[..., Any] = getattr(script, "output_fn", None) or _encoded

    def answer(self, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, str, dict[str, str]]:
        """The answer to one request: body, content type, further headers.

        Parameters
        ----------
        body : bytes
        headers : Mapping
            Lower-case names; ``content-type`` and ``accept`` are looked at.

        Raises
        ------
        UnsupportedContentType
            From the default functions; anything that the script raises.
        """
        context = RequestContext(self._model_dir, headers)
        content_type = headers.get("content-type", _JSON)
        accept = headers.get("accept", "")
        accept = self._default_accept if accept.strip() in _ANY else accept
        is_text = content_type.partition(";")[0].strip().lower() in _TEXT
        data: Any = body.decode("utf-8") if is_text else body
        if self._transform is not None:
            made = _called(self._transform, 4, context, self._model, data, content_type, accept)
        else:
            given = _called(self._input, 2, context, data, content_type)
            prediction = _called(self._predict, 2, context, given, self._model)
            made = _called(self._output, 2, context, prediction, accept)
        content, made_type = made if isinstance(made, tuple) and len(made) == 2 else (made, accept)
        named = context.response_headers.pop("content-type", None) or made_type or accept
        return _bytes_of(content), str(named), context.response_headers


def _called(function: Callable[..., Any], n: int, context: RequestContext, *arguments: Any) -> Any:
    """Call a function, with the context when it has room for one more argument than documented."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return function(*arguments)
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in named if p.default is p.empty]
    takes_context = len(needed) > n or (len(named) > n and named[n].name == "context")
    return function(*arguments, context) if takes_context else function(*arguments)


def _bytes_of(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, bytearray | memoryview):
        return bytes(content)
    if isinstance(content, str):
        return content.encode()
    body = getattr(content, "response", None)  # the Response class of older containers
    if isinstance(body, bytes | str):
        return _bytes_of(body)
    return json.dumps(content, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Arrays, tensors and numbers of numpy as plain lists and numbers."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"An object of type {type(value).__name__} is not JSON; write an output_fn.")


def _decoded(data: Any, content_type: str) -> Any:
    import numpy as np

    kind = content_type.partition(";")[0].strip().lower()
    if kind == _JSON:
        return np.array(json.loads(data))
    if kind == _CSV:
        return np.genfromtxt(io.StringIO(data), delimiter=",")
    if kind == _NPY:
        return np.load(io.BytesIO(data), allow_pickle=False)
    raise UnsupportedContentType(
        f"Content type {content_type} is not supported by this framework. Please implement input_fn to "
        "deserialize the request data."
    )


def _predicted(data: Any, model: Any) -> Any:
    predict = model if callable(model) else getattr(model, "predict", None)
    if predict is None:
        raise NotImplementedError("Please provide a predict_fn implementation: the model cannot be called.")
    return predict(data)


def _encoded(prediction: Any, accept: str) -> tuple[bytes, str]:
    for kind in (part.partition(";")[0].strip().lower() for part in accept.split(",")):
        if kind == _JSON:
            return json.dumps(prediction, default=_plain).encode(), _JSON
        if kind in (_CSV, _NPY):
            import numpy as np

            array = np.asarray(prediction.tolist() if hasattr(prediction, "tolist") else prediction)
            if kind == _NPY:
                file = io.BytesIO()
                np.save(file, array, allow_pickle=False)
                return file.getvalue(), _NPY
            text = io.StringIO()
            np.savetxt(text, np.atleast_1d(array), delimiter=",", fmt="%s")
            return text.getvalue().encode(), _CSV
    raise UnsupportedContentType(
        f"Accept type {accept} is not supported by this framework. Please implement output_fn to serialize "
        "the prediction."
    )


def default_accept(environ: Mapping[str, str] = os.environ) -> str:
    """What an answer is when nobody says."""
    return environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or _JSON
