"""Input and augmented manifests as streams, without any server.

>>> import labelwright.manifests as manifests
>>> [record.source for record in manifests.read([b'{"source": "a"}\\n{"source": "b"}\\n'])]
['a', 'b']
"""

from __future__ import annotations

from labelwright.manifests.constants import (
    ATTRIBUTE_CHARACTERS_MAX,
    AWS_JOB_LINES_MAX,
    AWS_JOB_LINES_MAX_SEGMENTATION,
    GROUNDTRUTH_TYPES,
    JOB_LINES_MAX,
    LINE_CHARACTERS_MAX,
    METADATA_SUFFIX,
    SOURCE_KEY,
    SOURCE_REF_KEY,
)
from labelwright.manifests.labels import (
    BoxesLabel,
    ClassLabel,
    CustomLabel,
    FailedLabel,
    Label,
    LabeledBox,
    LabelValue,
    Metadata,
    MultiLabel,
    ReferenceLabel,
    SegmentationClass,
    SegmentationLabel,
    Span,
    SpansLabel,
    label_from,
)
from labelwright.manifests.lines import LineSpan, Source, chunks_of, decode_exact, index_lines, parse_object
from labelwright.manifests.merge import merge_labels, merge_line
from labelwright.manifests.numbers import dumps, number
from labelwright.manifests.records import Record, Writer, read
from labelwright.manifests.stats import AttributeStats, ManifestStats, collect_stats
from labelwright.manifests.validate import Finding, Validation, validate_input, validate_output

__all__ = [
    "ATTRIBUTE_CHARACTERS_MAX",
    "AWS_JOB_LINES_MAX",
    "AWS_JOB_LINES_MAX_SEGMENTATION",
    "AttributeStats",
    "BoxesLabel",
    "ClassLabel",
    "CustomLabel",
    "FailedLabel",
    "Finding",
    "GROUNDTRUTH_TYPES",
    "JOB_LINES_MAX",
    "LINE_CHARACTERS_MAX",
    "Label",
    "LabelValue",
    "LabeledBox",
    "LineSpan",
    "METADATA_SUFFIX",
    "ManifestStats",
    "Metadata",
    "MultiLabel",
    "Record",
    "ReferenceLabel",
    "SOURCE_KEY",
    "SOURCE_REF_KEY",
    "SegmentationClass",
    "SegmentationLabel",
    "Source",
    "Span",
    "SpansLabel",
    "Validation",
    "Writer",
    "chunks_of",
    "collect_stats",
    "decode_exact",
    "dumps",
    "index_lines",
    "label_from",
    "merge_labels",
    "merge_line",
    "number",
    "parse_object",
    "read",
    "validate_input",
    "validate_output",
]
