"""``model.onnx`` of an artifact: taken out, and checked to answer as the network did in PyTorch."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from pathlib import Path

from labelwright.errors import InvalidRequest
from labelwright.exporting.comparing import Agreement, compare_graphs, example_pictures, runner_of
from labelwright.inference.images import open_session
from labelwright.inference.load import read_description

__all__ = ["Check", "described_graph", "export_graph"]

_N_EXAMPLES = 4
# Kernels add in another order than PyTorch's, so the last digits differ.
_LEAST_SHARE = 0.99
_LARGEST_DIFFERENCE = 0.01


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """What is known of an exported graph.

    Attributes
    ----------
    inputs, outputs : tuple of str
        Name, type and shape of each.
    agreement : Agreement or None
        With the network in PyTorch; None where it was not compared.
    why_not : str
        Why it was not; ``""`` when it was.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    agreement: Agreement | None
    why_not: str = ""

    @property
    def is_good(self) -> bool:
        """Nothing speaks against the graph."""
        agreement = self.agreement
        return agreement is None or (
            agreement.share >= _LEAST_SHARE and agreement.largest_difference <= _LARGEST_DIFFERENCE
        )


def described_graph(model_dir: Path) -> dict[str, object]:
    """The description of a model that has a graph.

    Raises
    ------
    InvalidRequest
        It has none.
    BadModel
        It is no model.
    """
    description = read_description(model_dir)
    if description["algorithm"] == "blazingtext":
        raise InvalidRequest(
            "A text classifier has no ONNX graph: its model.bin is fastText's own format, which every "
            "fastText library reads. Use it as it is, or export the runtime folder (--to runtime).",
            field="--to",
        )
    return description


def export_graph(model_dir: Path, target: Path, *, examples: Path | None = None) -> Check:
    """Copy the graph and check it.

    Parameters
    ----------
    model_dir : Path
    target : Path
        File to write.
    examples : Path, optional
        Folder of pictures to compare on; default: noise.

    Raises
    ------
    InvalidRequest, BadModel
        There is no graph, or onnxruntime cannot load it.
    """
    description = described_graph(model_dir)
    session = open_session(model_dir / "model.onnx")
    agreement, why_not = None, _why_not_compared(model_dir)
    if not why_not:
        from labelwright.train.reference import reference_outputs

        pictures = example_pictures(dict(description), examples, _N_EXAMPLES)
        algorithm = str(description["algorithm"])
        agreement = compare_graphs(algorithm, reference_outputs(model_dir), runner_of(session), pictures)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.part")
    shutil.copyfile(model_dir / "model.onnx", temporary)
    temporary.replace(target)
    return Check(
        tuple(f"{each.name}: {each.type} {each.shape}" for each in session.get_inputs()),
        tuple(f"{each.name}: {each.type} {each.shape}" for each in session.get_outputs()),
        agreement,
        why_not,
    )


def _why_not_compared(model_dir: Path) -> str:
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None:
        return "PyTorch is not installed (pip install 'labelwright[train]')"
    if not (model_dir / "model.safetensors").is_file():
        return "the model has no model.safetensors"
    return ""
