"""Features of photographs from a pretrained MobileNetV2 in torchvision. The only module here that
imports torch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labelwright.autolabel.features.images import pixels
from labelwright.errors import InvalidRequest

if TYPE_CHECKING:
    from torch import nn

__all__ = ["backbone_features", "load_backbone"]

_SIDE = 224
_CHUNK = 16
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@functools.lru_cache(maxsize=1)  # pictures come one by one, and reading the file takes longer than one
def load_backbone(weights: Path) -> nn.Module:
    """The convolutional part of MobileNetV2, frozen.

    Parameters
    ----------
    weights : Path
        State dict of torchvision's ``mobilenet_v2`` as ``torch.save`` writes it. It is read as numbers only
        (``weights_only=True``): a file that wants to run code is refused.

    Raises
    ------
    InvalidRequest
        For weights that cannot be read or belong to another network.
    """
    import pickle

    import torch
    from torchvision.models import mobilenet_v2

    net = mobilenet_v2(weights=None)
    try:
        net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (
        OSError,
        EOFError,
        RuntimeError,
        KeyError,
        AttributeError,
        TypeError,
        pickle.UnpicklingError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InvalidRequest(
            f"{weights} does not hold weights of mobilenet_v2: {reason}",
            field="backbone",
            rule="a state dict of torchvision's mobilenet_v2",
        ) from error
    body: nn.Module = net.features.eval().requires_grad_(False)
    return body


def backbone_features(
    images: Sequence[bytes | Path | NDArray[np.uint8]], *, weights: Path, device: str = "cpu"
) -> NDArray[np.float32]:
    """The network's last feature map, averaged over the picture.

    Parameters
    ----------
    images : sequence of bytes, Path or ndarray
        As for :func:`labelwright.autolabel.features.image_features`; each is stretched to 224 x 224 pixels.
    weights : Path
        See :func:`load_backbone`.
    device : str
        A torch device.

    Returns
    -------
    ndarray of shape (n_images, 1280), float32

    Raises
    ------
    InvalidRequest
        For weights that cannot be read or belong to another network; for a picture that cannot be read.
    """
    import torch

    body = load_backbone(weights).to(device)
    mean = torch.tensor(_MEAN, device=device).view(1, 3, 1, 1)
    deviation = torch.tensor(_DEVIATION, device=device).view(1, 3, 1, 1)
    rows = []
    with torch.inference_mode():
        for start in range(0, len(images), _CHUNK):
            part = images[start : start + _CHUNK]
            batch = np.stack([pixels(image, start + i, _SIDE) for i, image in enumerate(part)])
            values = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float() / 255
            rows.append(body((values - mean) / deviation).mean(dim=(2, 3)).cpu().numpy())
    return np.concatenate(rows) if rows else np.empty((0, 1280), np.float32)
