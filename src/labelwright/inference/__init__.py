"""Answers of trained models, on numpy, Pillow and onnxruntime alone: no torch, no server.

`load_predictor` opens the folder that a training job's ``model.tar.gz`` unpacks to. What comes in and goes
out are the bytes of requests and answers, in the documented content types.
"""

from __future__ import annotations

from labelwright.inference.interface import (
    BadInput,
    BadModel,
    InferenceError,
    Predictor,
    UnsupportedContent,
)
from labelwright.inference.load import load_predictor

__all__ = ["BadInput", "BadModel", "InferenceError", "Predictor", "UnsupportedContent", "load_predictor"]
