"""Offline augmentation: more pictures out of labeled ones, with labels that move along."""

from __future__ import annotations

from labelwright.dataprep.augment.geometry import Move, clip_boxes, move_boxes
from labelwright.dataprep.augment.recipe import Draw, Recipe
from labelwright.dataprep.augment.running import AugmentPlaces, AugmentSummary, augment_manifest

__all__ = [
    "AugmentPlaces",
    "AugmentSummary",
    "Draw",
    "Move",
    "Recipe",
    "augment_manifest",
    "clip_boxes",
    "move_boxes",
]
