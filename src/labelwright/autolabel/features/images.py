"""Images as histograms of oriented gradients and a small picture, or as the features of a pretrained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["image_features"]


def image_features(
    images: Sequence[bytes | Path | NDArray[np.uint8]], *, backbone: Path | None = None
) -> NDArray[np.float32]:
    """One row per image: encoded bytes, a path or pixels (h, w) or (h, w, 3); `backbone` is a MobileNetV2 weights file."""
    raise NotImplementedError
