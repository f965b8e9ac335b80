"""Raw features of objects: the same object always gives the same row, whatever else is in the job."""

from __future__ import annotations

from labelwright.autolabel.features.images import image_features
from labelwright.autolabel.features.text import text_features

__all__ = ["image_features", "text_features"]
