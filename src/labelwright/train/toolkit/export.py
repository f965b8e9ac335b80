"""From a PyTorch module to ``model.onnx``: the graph that answers requests without PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ["OPSET", "export_onnx"]

OPSET = 17
"""Version of ONNX's operators; onnxruntime reads it since 1.12 (2022)."""


def export_onnx(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    *,
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Write a module's inference graph; put in place whole.

    Parameters
    ----------
    module : Module
        On any device; left as it was.
    inputs : tuple of Tensor
        An example of each input.
    path : Path
    input_names, output_names : sequence of str
    dynamic_axes : mapping
        Of every input and output the axes whose length is free, with a name for it.

    Notes
    -----
    The exporter that traces is used: it takes a second where the one on ``torch.export`` takes ten and more,
    and the graphs of our networks are the same.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    modes = [(part, part.training) for part in module.modules()]
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    module.eval()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # It is called legacy, and traced sizes look like constants to it though they stay free.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(each.to(device) for each in inputs),
                str(temporary),
                input_names=list(input_names),
                output_names=list(output_names),
                dynamic_axes={name: dict(axes) for name, axes in dynamic_axes.items()},
                opset_version=OPSET,
                dynamo=False,
            )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        for part, was_training in modes:
            part.training = was_training
