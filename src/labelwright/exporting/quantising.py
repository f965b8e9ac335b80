"""int8 for edge devices: weights and what flows between convolutions in eight bits, and what it costs.

Convolutions and matrix products are quantised (quantise-dequantise pairs in the graph, weights per channel),
together with what lies between them, so that ranges are measured behind the activation and not before it;
scaling of pixels, softmax, decoding and suppression stay as they are, for they cost little and need the
digits. So does the first layer, and where answers suffer, the first three (the first depthwise convolution
of a MobileNet mixes channels of very different ranges) and the last.

With calibration pictures the ranges of activations are measured beforehand (static); without, only weights
are stored in eight bits, and graphs of convolutions gain size but no speed (dynamic).
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labelwright.errors import InvalidRequest
from labelwright.exporting.comparing import (
    Agreement,
    Pictures,
    compare_graphs,
    example_pictures,
    milliseconds,
    runner_of,
)
from labelwright.exporting.graph import described_graph
from labelwright.inference.images import open_session

__all__ = ["Quantised", "export_int8"]

_LAYERS = ("Conv", "Gemm", "MatMul")
_BETWEEN = ("Clip", "Relu", "Add", "GlobalAveragePool", "AveragePool", "MaxPool")
_GOOD_SHARE = 0.99
_SMALL_GRAPH = 8  # layers; leaving some out would leave little


@dataclasses.dataclass(frozen=True, slots=True)
class Quantised:
    """What int8 costs and saves.

    Attributes
    ----------
    is_static : bool
        Ranges of activations were measured on calibration pictures.
    n_calibration : int
        Pictures they were measured on.
    bytes_before, bytes_after : int
    ms_before, ms_after : float
        Median of one picture on one thread of this processor.
    n_float_layers : int
        Convolutions and matrix products that were left in float32 for the sake of the answers.
    agreement : Agreement
        With the graph in float32, on pictures that were not used for calibration where there are enough.
    """

    is_static: bool
    n_calibration: int
    bytes_before: int
    bytes_after: int
    ms_before: float
    ms_after: float
    n_float_layers: int
    agreement: Agreement


def export_int8(
    model_dir: Path,
    target: Path,
    *,
    calibration: Path | None = None,
    n_calibration: int = 64,
    n_compared: int = 32,
) -> Quantised:
    """Write a quantised graph with the inputs and outputs of ``model.onnx``.

    Parameters
    ----------
    model_dir : Path
    target : Path
        File to write.
    calibration : Path, optional
        Folder of typical pictures; some dozens will do.
    n_calibration, n_compared : int
        At most.

    Raises
    ------
    InvalidRequest, BadModel
        There is no graph, no picture, or the package ``onnx`` is missing.
    """
    description = dict(described_graph(model_dir))
    source = model_dir / "model.onnx"
    before = open_session(source)
    pictures = example_pictures(description, calibration, n_calibration + n_compared)
    if not pictures:
        raise InvalidRequest(
            f"There are no JPEG or PNG files in {calibration} to calibrate with.",
            field="--calibration",
            value=str(calibration),
        )
    measured, compared = _dealt(pictures, n_compared)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".labelwright-", dir=target.absolute().parent) as scratch,
        _quiet(),
    ):
        folder = Path(scratch)
        prepared = _prepared(source, folder)
        tried: list[tuple[Agreement, int, Path]] = []
        for number, kept in enumerate(_ways_to_leave_out(prepared)):
            made = folder / f"int8-{number}.onnx"
            if calibration is not None:
                _quantise_static(prepared, made, measured, kept)
            else:
                _quantise_weights(prepared, made, kept)
            agreement = compare_graphs(
                str(description["algorithm"]), runner_of(before), runner_of(open_session(made)), compared
            )
            tried.append((agreement, len(kept.layers), made))
            if agreement.share >= _GOOD_SHARE:
                break
        agreement, n_float_layers, made = max(tried, key=lambda each: each[0].share)
        times = milliseconds([runner_of(before), runner_of(open_session(made))], compared)
        found = Quantised(
            is_static=calibration is not None,
            n_calibration=len(measured) if calibration is not None else 0,
            bytes_before=source.stat().st_size,
            bytes_after=made.stat().st_size,
            ms_before=times[0],
            ms_after=times[1],
            n_float_layers=n_float_layers,
            agreement=agreement,
        )
        made.chmod(0o644)
        made.replace(target)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _LeftOut:
    """Names of nodes that stay in float32: layers, and all that comes behind the last layers."""

    layers: tuple[str, ...]
    behind: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [*self.layers, *self.behind]


def _ways_to_leave_out(graph_file: Path) -> Iterator[_LeftOut]:
    """From the fastest to the most careful."""
    import onnx

    nodes = onnx.load(graph_file).graph.node
    layers = [node.name for node in nodes if node.op_type in _LAYERS]
    maker = {output: node for node in nodes for output in node.output}
    before: set[str] = set()  # nodes that lead to a layer
    waiting = [name for node in nodes if node.op_type in _LAYERS for name in node.input]
    while waiting:
        node = maker.get(waiting.pop())
        if node is not None and node.name not in before:
            before.add(node.name)
            waiting += node.input
    behind = tuple(node.name for node in nodes if node.name not in before and node.op_type not in _LAYERS)
    last = [name for name in layers if name not in before]
    if len(layers) < _SMALL_GRAPH:
        yield _LeftOut((), behind)
        return
    yield _LeftOut(tuple(layers[:1]), behind)
    yield _LeftOut(tuple(dict.fromkeys([*layers[:3], *last])), behind)


def _dealt(pictures: Sequence[Pictures], n_compared: int) -> tuple[list[Pictures], list[Pictures]]:
    """Those to measure on and those to compare on: apart, unless there are too few to part them."""
    if len(pictures) < 8:
        return list(pictures), list(pictures)
    n_compared = min(n_compared, len(pictures) // 3)
    step = len(pictures) // n_compared
    compared = list(range(0, n_compared * step, step))
    kept = set(compared)
    return [each for i, each in enumerate(pictures) if i not in kept], [pictures[i] for i in compared]


def _prepared(source: Path, scratch: Path) -> Path:
    """The graph with shapes inferred and norms folded, as quantisation wants it."""
    try:
        import onnx
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise InvalidRequest(
            "Quantisation needs the package onnx: pip install 'labelwright[train]'.", field="--to"
        ) from error
    del onnx
    prepared = scratch / "prepared.onnx"
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    return prepared


def _quantise_static(source: Path, target: Path, pictures: Sequence[Pictures], kept: _LeftOut) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # untyped base
        def __init__(self) -> None:
            self._left = iter(pictures)

        def get_next(self) -> dict[str, Pictures] | None:
            picture = next(self._left, None)
            return None if picture is None else {"images": picture}

    quantize_static(
        str(source),
        str(target),
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[*_LAYERS, *_BETWEEN],
        nodes_to_exclude=kept.names,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
    )


def _quantise_weights(source: Path, target: Path, kept: _LeftOut) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(source),
        str(target),
        op_types_to_quantize=list(_LAYERS),
        nodes_to_exclude=kept.names,
        weight_type=QuantType.QUInt8,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the tools' notes on their own workings."""
    root: Any = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(before)
