"""ImageNet weights of the base networks: from a folder of the operator's, else through torchvision's loader.

``LABELWRIGHT_PRETRAINED_DIR`` names the folder. A file belongs to a network when its name begins with
torchvision's name of it (``mobilenet_v2*.pth``, ``vgg16-397923af.pth``, ``resnet50*.safetensors``). Files are
read as numbers only; a pickle that wants to run code is refused.
"""

from __future__ import annotations

import os
import pickle
import re
import urllib.error
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models import get_model_weights

from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["pretrained_weights"]

_SUFFIXES = (".pth", ".pt", ".safetensors")


def pretrained_weights(network: str, log: JobLog) -> dict[str, Tensor] | None:
    """The state dict of a network of torchvision's.

    Parameters
    ----------
    network : str
        torchvision's name: ``vgg16``, ``resnet50``, ``mobilenet_v2`` ...
    log : JobLog
        Says where the weights come from, or warns that there are none.

    Returns
    -------
    dict or None
        None when neither a file nor torchvision's download can be reached.

    Raises
    ------
    CustomerError
        The file in the folder is no state dict.
    """
    folder = os.environ.get("LABELWRIGHT_PRETRAINED_DIR", "")
    path = _file_of(network, Path(folder)) if folder else None
    if path is not None:
        log.say(f"Pretrained weights of {network}: {path.name}")
        return _read(path)
    try:
        weights: dict[str, Tensor] = _torchvision_weights(network)
    except (OSError, urllib.error.URLError, RuntimeError) as error:
        where = f"no file in {folder}" if folder else "LABELWRIGHT_PRETRAINED_DIR is not set"
        log.warn_of(
            f"There are no pretrained weights of {network}: {where}, and no download ({error}). "
            "Training starts from random weights."
        )
        return None
    log.say(f"Pretrained weights of {network}: torchvision's")
    return weights


def _file_of(network: str, folder: Path) -> Path | None:
    mark = re.compile(re.escape(network) + r"(?![0-9A-Za-z])|" + re.escape(network) + "_")
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    except OSError as error:
        raise CustomerError(f"LABELWRIGHT_PRETRAINED_DIR cannot be read: {error}.") from error
    return next((path for path in names if mark.match(path.name)), None)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise CustomerError(f"The pretrained weights {path.name} cannot be read: {error}.") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CustomerError(f"{path.name} is no state dict; save the model's state_dict().")
    return content


def _torchvision_weights(network: str) -> dict[str, Tensor]:
    import socket

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)  # a server without a way out must not wait for minutes
    try:
        state: dict[str, Tensor] = get_model_weights(network).DEFAULT.get_state_dict(
            progress=False, check_hash=True
        )
    finally:
        socket.setdefaulttimeout(before)
    return state
