"""A folder that answers on its own: the model, our predictors, and a program of its own.

The predictors are the files of `labelwright.inference` as they are, so the folder answers as an endpoint
does. It needs onnxruntime, numpy and Pillow, and for texts numpy alone.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from labelwright import __version__
from labelwright.inference import load_predictor
from labelwright.inference.load import read_description

__all__ = ["export_runtime"]

_MODEL_FILES = ("labelwright.json", "hyperparams.json", "model.onnx", "model.bin")
_INFERENCE = {
    "blazingtext": ("text_classification", "fasttext_file", "ngrams"),
    "object-detection": ("object_detection", "images"),
    "image-classification": ("image_classification", "images"),
    "semantic-segmentation": ("semantic_segmentation", "images"),
}
_PICTURES = ("pictures", "core/__init__", "core/limits")
_ALWAYS = ("__init__", "interface", "load")


def export_runtime(model_dir: Path, target: Path) -> list[str]:
    """Write the folder.

    Parameters
    ----------
    model_dir : Path
    target : Path
        Must not be there, or be empty.

    Returns
    -------
    list of str
        The packages that ``requirements.txt`` names.

    Raises
    ------
    BadModel
        The model cannot be loaded.
    """
    load_predictor(model_dir)  # finds out before anything is written
    algorithm = str(read_description(model_dir)["algorithm"])
    model = target / "model"
    model.mkdir(parents=True, exist_ok=True)
    for name in _MODEL_FILES:
        if (model_dir / name).is_file():
            shutil.copyfile(model_dir / name, model / name)
    package = resources.files("labelwright")
    (target / "labelwright").mkdir()
    (target / "labelwright" / "__init__.py").write_text(
        f'"""The part of Labelwright {__version__} that answers requests."""\n', encoding="utf-8"
    )
    is_text = algorithm == "blazingtext"
    stems = [f"inference/{stem}" for stem in (*_ALWAYS, *_INFERENCE[algorithm])]
    for stem in ("errors", *stems, *(() if is_text else _PICTURES)):
        copied = target / "labelwright" / f"{stem}.py"
        copied.parent.mkdir(exist_ok=True)
        _copy(package.joinpath(f"{stem}.py").read_text("utf-8"), copied)
    own = resources.files("labelwright.exporting").joinpath("standalone")
    program = "predict_texts.txt" if is_text else "predict_pictures.txt"
    _copy(own.joinpath(program).read_text("utf-8"), target / "predict.py")
    _copy(own.joinpath("README.txt").read_text("utf-8"), target / "README.md")
    packages = ["numpy"] if is_text else ["numpy", "onnxruntime", "pillow"]
    (target / "requirements.txt").write_text("".join(f"{name}\n" for name in packages), encoding="utf-8")
    return packages


def _copy(text: str, target: Path) -> None:
    target.write_text(text, encoding="utf-8")
