"""Documented quotas, and the few of ours where the documents leave room."""

from __future__ import annotations

__all__ = [
    "BATCH_SIZE_DEFAULT",
    "BATCH_SIZE_MAX",
    "GROUP_SIZE",
    "IMAGE_BYTES_MAX",
    "IMAGE_FORMATS",
    "IMAGE_PIXELS_MAX",
    "IMAGE_PIXELS_READ_MAX",
    "JOB_AGE_S_MAX",
    "LABEL_NAME_CHARS_MAX",
    "LIFETIME_S_MAX",
    "LIFETIME_S_MAX_PUBLIC",
    "LIFETIME_S_DEFAULT_PUBLIC",
    "MANIFEST_ATTRIBUTE_CHARS_MAX",
    "MANIFEST_LINES_MAX",
    "MANIFEST_LINE_CHARS_MAX",
    "TASK_TIME_S_MAX",
    "TASK_TIME_S_MAX_FRAMES",
    "TEMPLATE_CHARS_MAX",
]

_DAY_S = 86_400

MANIFEST_LINE_CHARS_MAX = 100_000
MANIFEST_ATTRIBUTE_CHARS_MAX = 20_000
MANIFEST_LINES_MAX = 10_000_000
"""AWS stops at 100,000 lines because of its own queues; nothing here needs that limit."""

IMAGE_BYTES_MAX = 40 * 1024 * 1024
IMAGE_PIXELS_MAX = 100_000_000
IMAGE_PIXELS_READ_MAX = 178_956_970
"""Of pictures that are only converted: Pillow's own line between a large one and an attack."""
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
"""What is opened as a picture, as Pillow calls it. It knows many more; for PostScript it would run another
program on what somebody sent."""

LABEL_NAME_CHARS_MAX = 256
TEMPLATE_CHARS_MAX = 128_000

TASK_TIME_S_MAX = 28_800
TASK_TIME_S_MAX_FRAMES = 30 * _DAY_S
LIFETIME_S_MAX = 30 * _DAY_S
LIFETIME_S_MAX_PUBLIC = 43_200
LIFETIME_S_DEFAULT_PUBLIC = 21_600
JOB_AGE_S_MAX = 30 * _DAY_S

BATCH_SIZE_DEFAULT = 1000
BATCH_SIZE_MAX = 5000
GROUP_SIZE = 50
"""Objects in one consolidation call: the largest group seen in real output."""
