"""Tables of training jobs: what was asked, how far it is, and the story of its secondary status."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata, partial_index

__all__ = ["training_jobs", "training_transitions"]

training_jobs = sa.Table(
    "training_jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),  # names are compared without case
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.Text, nullable=False),  # JSON of CreateTrainingJob without its tags
    sa.Column("changes", sa.Text, nullable=False, server_default="{}"),  # JSON of what UpdateTrainingJob set
    sa.Column("tuning_job_id", sa.Integer, index=True),  # whose trial it is
    sa.Column("tuning_job_arn", sa.Text),
    sa.Column("keep_alive_s", sa.Integer),  # of a warm pool; None when none was asked for
    sa.Column("training_plan_arn", sa.Text),
    # The status machine of core.training_job.
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("secondary", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("failure_reason", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    sa.Column("started_at", Time),
    sa.Column("run_started_at", Time),
    sa.Column("earlier_s", sa.Double, nullable=False, server_default="0"),
    sa.Column("ended_at", Time),
    # What the engine does about it.
    sa.Column("host", sa.Text),  # whose program it is, when several servers share a database
    sa.Column("seen_at", Time),  # when that server looked after it last
    sa.Column("attempt", sa.SmallInteger, nullable=False, server_default="0"),  # of its program, from 1
    sa.Column("launched_at", Time),  # when its first program got a place
    sa.Column("stop_requested_at", Time),
    sa.Column("interrupted_at", Time),  # when its program was asked to end
    sa.Column("progress_position", sa.BigInteger, nullable=False, server_default="0"),  # bytes read so far
    sa.Column("metrics_position", sa.BigInteger, nullable=False, server_default="0"),
    # Its programs' folders are gone, and nothing is left to do.
    sa.Column("is_settled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("deleted_at", Time),  # it is not shown any more, and keeps its name
    sa.UniqueConstraint("region", "name_lower"),
    sa.Index(None, "region", "created_at"),
)
partial_index("ix_training_jobs_unsettled", training_jobs, "id", where="NOT is_settled")

training_transitions = sa.Table(
    # SecondaryStatusTransitions; one ends when the next begins.
    "training_transitions",
    metadata,
    sa.Column("job_id", sa.ForeignKey("training_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("started_at", Time, nullable=False),
    sqlite_with_rowid=False,
)
