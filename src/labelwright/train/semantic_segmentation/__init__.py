"""Semantic segmentation: FCN, PSP and DeepLab.

`program` is the training program; `networks`, `losses`, `metrics`, `pictures` and `masks` are its parts,
`serving` writes the graph that answers.
"""

from __future__ import annotations

__all__: list[str] = []
