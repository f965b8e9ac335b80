"""Incremental training: weights out of the channel ``model``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from torch import nn

from labelwright.train.toolkit.artifact import Artifact, read_model_channel
from labelwright.train.toolkit.beginning import Job
from labelwright.train.toolkit.problems import CustomerError

__all__ = ["continue_from_channel"]

_SHOWN = 500  # characters of a message that names every layer


def continue_from_channel(job: Job, network: nn.Module) -> Artifact | None:
    """Give a network the weights of the channel ``model``; None where there is no such channel.

    Parameters
    ----------
    job : Job
    network : Module
        As the job's hyperparameters say.

    Raises
    ------
    CustomerError
        The channel's model cannot be read, is of other hyperparameters, or its weights do not fit.
    """
    channel = job.environment.channels.get("model")
    if channel is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        artifact = read_model_channel(channel, job.algorithm, job.effective, Path(scratch))
        try:
            network.load_state_dict(artifact.weights)
        except RuntimeError as error:
            why = " ".join(str(error).split())
            raise CustomerError(
                f"The weights in channel 'model' do not fit: {why[:_SHOWN]} Give the "
                "hyperparameters that the model was trained with."
            ) from error
    job.log.say("Training goes on from the model in channel 'model'; use_pretrained_model is ignored.")
    return artifact
