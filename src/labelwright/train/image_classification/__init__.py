"""Image classification: residual networks and MobileNetV2, one or several labels an image.

`program` is the training program; `networks`, `losses`, `metrics`, `pictures` and `labels` are its parts,
`serving` writes the graph that answers.
"""

from __future__ import annotations

__all__: list[str] = []
