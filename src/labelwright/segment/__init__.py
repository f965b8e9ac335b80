"""Help for drawing masks: a promptable segmentation model of the operator's, in a process of its own.

`sam` runs the model, `worker` is the process around it, `service` is the server's side. Without a model the
pages use their own classic method; nothing here is loaded then.
"""

from __future__ import annotations

from labelwright.segment.service import Prompt, SegmentService

__all__ = ["Prompt", "SegmentService"]
