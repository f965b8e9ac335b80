"""Which weights a classifier starts from: the channel ``model``, ImageNet, or none."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from labelwright.train.image_classification.networks import (
    Classifier,
    build_classifier,
    head_parameter_names,
)
from labelwright.train.toolkit.beginning import Job
from labelwright.train.toolkit.continuing import continue_from_channel
from labelwright.train.toolkit.log import JobLog
from labelwright.train.toolkit.pretrained import pretrained_weights
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["Start", "load_pretrained", "starting_network"]

_FEW_PICTURES = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """What training begins with.

    Attributes
    ----------
    network : Classifier
    is_trained : bool
        Its layers but the last one at least.
    keeps_statistics : bool
        Its normalisation statistics come from ImageNet and those of batches as small would be worse.
    """

    network: Classifier
    is_trained: bool = False
    keeps_statistics: bool = False


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
    network = build_classifier(
        values["base_network"], int(values["num_layers"]), values["image_shape"], values["num_classes"]
    )
    before = continue_from_channel(job, network)
    if before is not None:
        return Start(network, True, bool(before.description["network"].get("keeps_statistics")))
    if not values["use_pretrained_model"]:
        return Start(network)
    is_pretrained = load_pretrained(network, values["base_network"], int(values["num_layers"]), job.log)
    is_small = values["mini_batch_size"] < _FEW_PICTURES
    return Start(network, is_pretrained, is_pretrained and is_small)


def load_pretrained(network: Classifier, base_network: str, n_layers: int, log: JobLog) -> bool:
    """Give all layers but the last ImageNet's weights; whether there were any.

    Raises
    ------
    CustomerError
        The file at hand belongs to another network.
    """
    if base_network == "resnet" and n_layers == 200:
        log.warn_of(
            "There are no pretrained weights of a network with 200 layers. Training starts from none."
        )
        return False
    found = pretrained_weights("mobilenet_v2" if base_network == "mobilenet" else f"resnet{n_layers}", log)
    if found is None:
        return False
    head = head_parameter_names(network)
    weights: dict[str, Tensor] = {
        f"body.{name}": value for name, value in found.items() if f"body.{name}" not in head
    }
    try:
        missing, unexpected = network.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise CustomerError(f"The pretrained weights do not fit: {error}") from error
    lacking = [name for name in missing if name not in head and not name.endswith("num_batches_tracked")]
    if lacking or unexpected:
        raise CustomerError(
            f"The pretrained weights belong to another network: {len(lacking)} layers are missing and "
            f"{len(unexpected)} are too many ({', '.join([*lacking, *unexpected][:3])}). Give torchvision's "
            "weights of the same network."
        )
    return True
