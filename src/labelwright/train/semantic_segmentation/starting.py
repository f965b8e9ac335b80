"""Which weights a segmentation network starts from: the channel ``model``, ImageNet, or none."""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch

from labelwright.train.semantic_segmentation.networks import Segmenter, build_segmenter
from labelwright.train.toolkit.beginning import Job
from labelwright.train.toolkit.continuing import continue_from_channel
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.pretrained import pretrained_weights
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Start", "load_pretrained", "starting_network"]


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """What training begins with.

    Attributes
    ----------
    network : Segmenter
    origin : {"random", "pretrained", "continued"}
        Of the weights; "pretrained" are those of the backbone alone.
    keeps_statistics : bool
        The backbone's normalisation statistics come from ImageNet: those of small batches would be worse.
    """

    network: Segmenter
    origin: Literal["random", "pretrained", "continued"] = "random"
    keeps_statistics: bool = False


_TORCHVISION_NAMES = {
    "resnet-18": "resnet18",
    "resnet-50": "resnet50",
    "resnet-101": "resnet101",
    "mobilenet": "mobilenet_v2",
}


def starting_network(job: Job, *, seed: int) -> Start:
    """The network of a job.

    Parameters
    ----------
    job : Job
    seed : int
        Of random weights.

    Raises
    ------
    CustomerError
        The channel's model or the pretrained weights do not fit.
    """
    values = job.values
    torch.manual_seed(seed)
    network = build_segmenter(values["backbone"], values["algorithm"], values["num_classes"])
    before = continue_from_channel(job, network)
    if before is not None:
        return Start(network, "continued", bool(before.description["network"].get("keeps_statistics")))
    if values["use_pretrained_model"] and load_pretrained(network, values["backbone"], job.log):
        return Start(network, "pretrained", True)
    return Start(network)


def load_pretrained(network: Segmenter, backbone: str, log: JobLog) -> bool:
    """Give the backbone ImageNet's weights; whether there were any.

    Raises
    ------
    CustomerError
        The file at hand belongs to another network.
    """
    found = pretrained_weights(_TORCHVISION_NAMES[backbone], log)
    if found is None:
        return False
    try:
        missing, _ = network.backbone.load_state_dict(found, strict=False)
    except RuntimeError as error:
        raise CustomerError(f"The pretrained weights do not fit: {error}") from error
    lacking = [name for name in missing if not name.endswith("num_batches_tracked")]
    if lacking:
        raise CustomerError(
            f"The pretrained weights belong to another network: {len(lacking)} layers are missing "
            f"({', '.join(lacking[:3])}). Give torchvision's weights of {_TORCHVISION_NAMES[backbone]}."
        )
    return True
