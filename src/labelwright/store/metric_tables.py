"""Tables of metrics: the values that training jobs and the like have reported, and the last one of each."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata

__all__ = ["metric_last", "metric_points"]

metric_points = sa.Table(
    # Append-only, in the order in which the values were seen.
    "metric_points",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("resource_kind", sa.Text, nullable=False),  # training-job ...
    sa.Column("resource_id", sa.BigInteger, nullable=False),  # its row
    sa.Column("name", sa.Text, nullable=False),  # validation:mAP
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Index("ix_metric_points_series", "resource_kind", "resource_id", "name", "at"),
)

metric_last = sa.Table(
    # One row for each series, so that describing a job does not read its series.
    "metric_last",
    metadata,
    sa.Column("resource_kind", sa.Text, primary_key=True),
    sa.Column("resource_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("at", Time, nullable=False),
    sqlite_with_rowid=False,
)
