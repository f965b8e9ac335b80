"""Tables of tuning jobs and of the training jobs that they try."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata, partial_index

__all__ = ["tuning_jobs", "tuning_trials"]

tuning_jobs = sa.Table(
    "tuning_jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),  # names are compared without case
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.Text, nullable=False),  # JSON of CreateHyperParameterTuningJob without its tags
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),  # RandomSeed, or one that was drawn
    sa.Column("status", sa.Text, nullable=False),
    # Decided before its training jobs have ended: the status with which it ends, and why when it failed.
    sa.Column("end_status", sa.Text),
    sa.Column("failure_reason", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.Column("converged_at", Time),
    sa.Column("deleted_at", Time),  # it is not shown any more, and keeps its name
    sa.UniqueConstraint("region", "name_lower"),
)
partial_index("ix_tuning_jobs_open", tuning_jobs, "id", where="ended_at IS NULL")

tuning_trials = sa.Table(
    # One training job of a tuning job. Numbers have no gaps; the row and its training job are made together.
    "tuning_trials",
    metadata,
    sa.Column("tuning_job_id", sa.ForeignKey("tuning_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # from 1
    sa.Column("definition", sa.Integer, nullable=False),  # index among the training job definitions
    sa.Column("training_job_id", sa.ForeignKey("training_jobs.id"), nullable=False, unique=True),
    sa.Column("tuned", sa.Text, nullable=False),  # JSON: tuned hyperparameters as text
    sa.Column("is_stopped_early", sa.Boolean, nullable=False, server_default=sa.false()),
    # Once its training job has ended:
    sa.Column("outcome", sa.Text),  # Completed, RetryableError, NonRetryableError, Stopped
    sa.Column("value", sa.Double),  # of the objective; absent when there was none
    sa.Column("ended_no", sa.Integer),  # order in which they ended, from 1
    sqlite_with_rowid=False,
)
