"""Every table: importing this module is what puts all of them into the metadata."""

from __future__ import annotations

from labelwright.store import (
    automated_tables,
    directory_tables,
    endpoint_tables,
    event_tables,
    function_tables,
    labeling_tables,
    metric_tables,
    training_tables,
    transform_tables,
    tuning_tables,
)
from labelwright.store.schema import metadata

__all__ = ["MODULES", "metadata"]

MODULES = (
    automated_tables,
    directory_tables,
    endpoint_tables,
    event_tables,
    function_tables,
    labeling_tables,
    metric_tables,
    training_tables,
    transform_tables,
    tuning_tables,
)
