"""The platform's side of one training job: folder, channels, processes, logs, metrics, artifacts. No torch.

`labelwright.training.job` is the program that does it outside the server; what the server needs is here.
"""

from __future__ import annotations

from labelwright.training.environment import key_environment
from labelwright.training.publish import artifact_uri, output_prefix, publish_outputs, sync_checkpoints

__all__ = [
    "PROGRAM",
    "artifact_uri",
    "key_environment",
    "output_prefix",
    "publish_outputs",
    "sync_checkpoints",
]

PROGRAM = "labelwright.training.job"
"""Module that `labelwright.work.Program` names."""
