"""The table of transform jobs."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata, partial_index

__all__ = ["transform_jobs"]

transform_jobs = sa.Table(
    "transform_jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),  # names are compared without case
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.Text, nullable=False),  # JSON of CreateTransformJob without its tags
    sa.Column("model", sa.Text, nullable=False),  # JSON of CreateModel; the model may be deleted meanwhile
    # The status machine of core.transform_job.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("failure_reason", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    # What the engine does about it.
    sa.Column("host", sa.Text),  # whose program it is, when several servers share a database
    sa.Column("seen_at", Time),  # when that server looked after it last
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),  # of its program, from 1
    sa.Column("n_idle_attempts", sa.SmallInteger, nullable=False, server_default="0"),  # without progress
    sa.Column("n_done", sa.BigInteger, nullable=False, server_default="0"),  # objects whose output is there
    sa.Column("n_failed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("is_settled", sa.Boolean, nullable=False, server_default=sa.false()),  # its folders are gone
    sa.UniqueConstraint("region", "name_lower"),
    sa.Index(None, "region", "created_at"),
)
partial_index("ix_transform_jobs_unsettled", transform_jobs, "id", where="NOT is_settled")
