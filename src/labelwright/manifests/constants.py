"""Limits, reserved names and type names of input and augmented manifests.

References
----------
AWS documentation, "Input Data" and "Output Data" of SageMaker Ground Truth. Where AWS leaves a value open the
comment says so.
"""

from __future__ import annotations

import re
from typing import Final

from labelwright.core.limits import MANIFEST_LINES_MAX

__all__ = [
    "AWS_JOB_LINES_MAX",
    "AWS_JOB_LINES_MAX_SEGMENTATION",
    "ATTRIBUTE_CHARACTERS_MAX",
    "CREATION_DATE_PATTERN",
    "GROUNDTRUTH_TYPES",
    "JOB_LINES_MAX",
    "LINE_BYTES_MAX",
    "LINE_CHARACTERS_MAX",
    "METADATA_SUFFIX",
    "SOURCE_KEY",
    "SOURCE_REF_KEY",
]

SOURCE_KEY: Final = "source"
SOURCE_REF_KEY: Final = "source-ref"
METADATA_SUFFIX: Final = "-metadata"

LINE_CHARACTERS_MAX: Final = 100_000
ATTRIBUTE_CHARACTERS_MAX: Final = 20_000
# Ours: bounds the memory of one line. Earlier labels may make a line longer than the documented limit, a file
# without line breaks must still not be read into memory as a whole.
LINE_BYTES_MAX: Final = 64 * 1024 * 1024

JOB_LINES_MAX: Final = MANIFEST_LINES_MAX
# What Amazon SageMaker Ground Truth takes; nothing here needs to stop there.
AWS_JOB_LINES_MAX: Final = 100_000
AWS_JOB_LINES_MAX_SEGMENTATION: Final = 20_000

CREATION_DATE_PATTERN: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", re.ASCII)

# `type` of the metadata, in lower case (the guide prints `groundTruth/custom`) -> kind of label.
GROUNDTRUTH_TYPES: Final[dict[str, str]] = {
    "groundtruth/image-classification": "class",
    "groundtruth/text-classification": "class",
    "groundtruth/video-classification": "class",
    "groundtruth/label-verification": "verification",
    "groundtruth/image-classification-multilabel": "multi-label",
    "groundtruth/text-classification-multilabel": "multi-label",
    "groundtruth/object-detection": "boxes",
    "groundtruth/semantic-segmentation": "segmentation",
    "groundtruth/text-span": "spans",
    "groundtruth/video-object-detection": "reference",
    "groundtruth/video-object-tracking": "reference",
    "groundtruth/point_cloud_object_detection": "custom",
    "groundtruth/point_cloud_object_tracking": "reference",
    "groundtruth/point_cloud_single_frame_semantic_segmentation": "reference",
    "groundtruth/custom": "custom",
}
