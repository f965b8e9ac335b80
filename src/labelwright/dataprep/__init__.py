"""Prepare labeled data for training: join, filter, inject, split, convert, augment, look at it.

Works on manifests as streams and on files by path or ``s3://`` URI; needs no server, and never imports
torch. What the operations mean is decided here, one module each; where bytes come from is
:mod:`labelwright.dataprep.files`.
"""

from __future__ import annotations

from labelwright.dataprep.filtering import Filter, FilterSummary, filter_manifest
from labelwright.dataprep.injecting import InjectSummary, Origin, class_names, inject_classes
from labelwright.dataprep.joining import Conflict, JoinSummary, join_manifests
from labelwright.dataprep.sorting import ExternalSorter
from labelwright.dataprep.splitting import SplitPlan, SplitRule, deal, plan_split

__all__ = [
    "Conflict",
    "ExternalSorter",
    "Filter",
    "FilterSummary",
    "InjectSummary",
    "JoinSummary",
    "Origin",
    "SplitPlan",
    "SplitRule",
    "class_names",
    "deal",
    "filter_manifest",
    "inject_classes",
    "join_manifests",
    "plan_split",
]
