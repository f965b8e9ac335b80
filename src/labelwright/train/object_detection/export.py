"""The ONNX graph that answers requests: pixels in, detections out, suppression inside.

The network with softmax and decoding comes out of torch's exporter. Choosing the best and suppressing are
added as standard operators, so that runtimes without our code can do it. Input ``images``: uint8 of shape
(n, side, side, 3). Output ``detections``: float32 of shape (n, k, 6), rows ``class, score, left, top, right,
bottom`` by falling score, class -1 where there is none.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from labelwright.train.object_detection.detecting import LEAST_SCORE, Suppression, best_of_anchors
from labelwright.train.object_detection.network import Detector
from labelwright.train.toolkit.convolutions import prepare_for_export

__all__ = ["export_onnx"]

OPSET = 18


class _Answering(nn.Module):
    """From uint8 pixels to the best class and the box of every anchor."""

    def __init__(self, model: Detector) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pictures = images.permute(0, 3, 1, 2).float() / 255
        scores, offsets = self.model(pictures)
        probability, class_id, boxes = best_of_anchors(scores, offsets, self.model.anchors)
        return probability, class_id.float(), boxes


def export_onnx(model: Detector, path: Path, suppression: Suppression) -> None:
    """Write the graph of a trained detector.

    Parameters
    ----------
    model : Detector
    path : Path
        Replaced when it is there.
    suppression : Suppression
    """
    plain = copy.deepcopy(model).float().cpu().eval()
    prepare_for_export(plain)
    answering = _Answering(plain)
    side = model.shape.image_side_px
    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    with _quiet():
        program = torch.onnx.export(
            answering,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["probability", "class_id", "boxes"],
            dynamic_shapes={"images": {0: torch.export.Dim("n", min=1, max=4096)}},
            verbose=False,
        )
    if program is None:  # never, with ``dynamo=True``
        raise RuntimeError("torch.onnx.export gave no program")
    graph = program.model_proto
    n_best = min(suppression.nms_topk, len(model.anchors))
    _add_suppression(graph.graph, n_best, suppression.nms_threshold)
    onnx.checker.check_model(graph)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(graph.SerializeToString())
    temporary.replace(path)


def _add_suppression(graph: onnx.GraphProto, n_best: int, nms_threshold: float) -> None:
    """Behind ``probability`` (n, a), ``class_id`` (n, a), ``boxes`` (n, a, 4)."""

    def constant(name: str, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        graph.node.append(helper.make_node(kind, inputs, [output], name=f"suppress_{output}", **attributes))
        return output

    k = constant("k", np.array([n_best], np.int64))
    graph.node.append(
        helper.make_node("TopK", ["probability", k], ["best", "best_at"], name="suppress_topk", axis=1)
    )  # (n, k) by falling score
    classes = node("GatherElements", ["class_id", "best_at"], "best_class", axis=1)
    at = node("Unsqueeze", ["best_at", constant("axis_2", np.array([2], np.int64))], "best_at_1")
    at_4 = node("Tile", [at, constant("by_4", np.array([1, 1, 4], np.int64))], "best_at_4")
    boxes = node("GatherElements", ["boxes", at_4], "best_boxes", axis=1)  # (n, k, 4)
    scores = node("Unsqueeze", ["best", constant("axis_1", np.array([1], np.int64))], "best_scores")
    chosen = node(
        "NonMaxSuppression",
        [
            boxes, scores, "k",
            constant("nms_threshold", np.array([nms_threshold], np.float32)),
            constant("least_score", np.array([LEAST_SCORE], np.float32)),
        ],
        "chosen",
    )  # (m, 3): picture, 0, rank  # fmt: skip
    places = node("Gather", [chosen, constant("columns", np.array([0, 2], np.int64))], "places", axis=1)
    nothing = node("Sub", [classes, classes], "zeros")  # (n, k); of its shape, whatever n is
    count = node("Shape", [places], "places_shape")
    n_chosen = node("Gather", [count, constant("first", np.array([0], np.int64))], "n_chosen", axis=0)
    ones = node("Expand", [constant("one", np.array([1.0], np.float32)), n_chosen], "ones")
    kept = node("ScatterND", [nothing, places, ones], "kept")  # (n, k): 1 where it stays
    is_kept = node("Greater", [kept, constant("half", np.array(0.5, np.float32))], "is_kept")
    final = node("Where", [is_kept, classes, constant("none", np.array(-1.0, np.float32))], "final_class")
    final_1 = node("Unsqueeze", [final, "axis_2"], "final_class_1")
    best_1 = node("Unsqueeze", ["best", "axis_2"], "best_1")
    node("Concat", [final_1, best_1, boxes], "detections", axis=2)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["n", n_best, 6]))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's notes on its own workings."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
