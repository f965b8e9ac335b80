"""A model with the inputs and outputs of Segment Anything's export that fills the prompted box.

The encoder shrinks the image; the decoder draws the box on a 256 x 256 grid, and only where the embedding is
not black, so that both halves matter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, GRID, LOW = 1024, 64, 256


def write(folder: Path, *, decoder_input: str = "orig_im_size") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / "encoder.onnx", _encoder())
    _save(folder / "decoder.onnx", _decoder(decoder_input))
    return folder


def _save(path: Path, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _float(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _constant(name: str, value: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def _encoder() -> onnx.GraphProto:
    step = SIDE // GRID
    node = helper.make_node(
        "AveragePool", ["image"], ["image_embeddings"], kernel_shape=[step, step], strides=[step, step]
    )
    return helper.make_graph(
        [node], "encoder", [_float("image", 1, 3, SIDE, SIDE)], [_float("image_embeddings", 1, 3, GRID, GRID)]
    )


def _decoder(last_input: str) -> onnx.GraphProto:
    step = SIDE // LOW
    across = (np.arange(LOW, dtype=np.float32) * step + step / 2)[None, :]
    constants = [
        _constant("x", across),
        _constant("y", across.T.copy()),
        _constant("first", np.array(0)),
        _constant("second", np.array(1)),
        _constant("dark", np.array(-1.5, np.float32)),  # black is near -2 after normalisation
        _constant("half", np.array(0.5, np.float32)),
        _constant("scores", np.array([[0.5]], np.float32)),
        _constant("shape", np.array([1, 1, LOW, LOW])),
        _constant("larger", np.array([1, 1, LOW / GRID, LOW / GRID], np.float32)),
    ]
    make = helper.make_node
    nodes = [
        make("Squeeze", ["point_coords"], ["corners"]),
        make("Gather", ["corners", "first"], ["low"], axis=0),
        make("Gather", ["corners", "second"], ["high"], axis=0),
        make("Gather", ["low", "first"], ["left"], axis=0),
        make("Gather", ["low", "second"], ["top"], axis=0),
        make("Gather", ["high", "first"], ["right"], axis=0),
        make("Gather", ["high", "second"], ["bottom"], axis=0),
        make("GreaterOrEqual", ["x", "left"], ["a"]),
        make("LessOrEqual", ["x", "right"], ["b"]),
        make("GreaterOrEqual", ["y", "top"], ["c"]),
        make("LessOrEqual", ["y", "bottom"], ["d"]),
        make("And", ["a", "b"], ["in_x"]),
        make("And", ["c", "d"], ["in_y"]),
        make("And", ["in_x", "in_y"], ["in_box"]),
        make("ReduceMean", ["image_embeddings"], ["grey"], axes=[1], keepdims=1),
        make("Resize", ["grey", "", "larger"], ["grey_large"], mode="nearest"),
        make("Greater", ["grey_large", "dark"], ["is_lit"]),
        make("And", ["in_box", "is_lit"], ["inside"]),
        make("Cast", ["inside"], ["number"], to=TensorProto.FLOAT),
        make("Sub", ["number", "half"], ["centred"]),
        make("Reshape", ["centred", "shape"], ["low_res_masks"]),
        make("Identity", ["scores"], ["iou_predictions"]),
    ]
    inputs = [
        _float("image_embeddings", 1, 3, GRID, GRID),
        _float("point_coords", 1, 2, 2),
        _float("point_labels", 1, 2),
        _float("mask_input", 1, 1, LOW, LOW),
        _float("has_mask_input", 1),
        _float(last_input, 2),
    ]
    outputs = [_float("iou_predictions", 1, 1), _float("low_res_masks", 1, 1, LOW, LOW)]
    return helper.make_graph(nodes, "decoder", inputs, outputs, constants)
