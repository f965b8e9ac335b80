"""Models of a few nodes with the inputs and outputs of trained ones, and pictures to ask them about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

__all__ = ["BOXES", "draw_pictures", "model_of"]

BOXES = [
    [0, 0.9, 0.1, 0.2, 0.5, 0.6],
    [1, 0.4, 0.5, 0.5, 0.9, 0.9],
    [0, 0.02, 0, 0, 1, 1],
    [-1, 0, 0, 0, 0, 0],
]


def model_of(folder: Path, algorithm: str, *, classes: list[str] | None = None) -> Path:
    """A model folder: fixed boxes; classes by the mean colour; or masks by the colour of each pixel."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes, inputs, outputs, constants = _GRAPHS[algorithm]()
    graph = helper.make_graph(
        nodes, "small", inputs, outputs, [numpy_helper.from_array(v, k) for k, v in constants.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    description: dict[str, Any] = {
        "format": "labelwright-model",
        "version": 1,
        "algorithm": algorithm,
        "network": {"base_size": 64},
        "classes": classes,
        "image_shape": [3, 32, 32] if algorithm != "semantic-segmentation" else [3, 64, 64],
        "final_metrics": {},
    }
    (folder / "labelwright.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


def draw_pictures(folder: Path, n: int) -> Path:
    """JPEG files, red, green and blue in turn; every fourth in a folder of its own."""
    for i in range(n):
        place = folder / "more" if i % 4 == 3 else folder
        place.mkdir(parents=True, exist_ok=True)
        colour = [(200, 30, 30), (30, 200, 30), (30, 30, 200)][i % 3]
        Image.new("RGB", (96 + i, 64), colour).save(place / f"{i:03d}.jpg")
    return folder


def _value(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _detector() -> Any:
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["n"], axis=0),
        helper.make_node("Concat", ["n", "ones"], ["repeats"], axis=0),
        helper.make_node("Tile", ["rows", "repeats"], ["detections"]),
    ]
    constants = {
        "first": np.array([0]),
        "ones": np.array([1, 1]),
        "rows": np.array([BOXES], np.float32),
    }
    return (
        nodes,
        [_value("images", TensorProto.UINT8, ["n", 32, 32, 3])],
        [_value("detections", TensorProto.FLOAT, ["n", len(BOXES), 6])],
        constants,
    )


def _classifier() -> Any:
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    return (
        nodes,
        [_value("images", TensorProto.UINT8, ["n", 32, 32, 3])],
        [_value("probabilities", TensorProto.FLOAT, ["n", 3])],
        {"weights": np.eye(3, dtype=np.float32) * 0.02},
    )


def _segmenter() -> Any:
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    weights = np.eye(3, dtype=np.float32)[:, :, None, None] * 0.02
    return (
        nodes,
        [_value("images", TensorProto.UINT8, ["n", "h", "w", 3])],
        [_value("probabilities", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        {"weights": weights},
    )


_GRAPHS = {
    "object-detection": _detector,
    "image-classification": _classifier,
    "semantic-segmentation": _segmenter,
}
