"""Tables of automated labeling: models, runs of programs, the set each object is in, passes of the loop."""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata

__all__ = ["automated_jobs", "automated_members", "automated_passes", "models", "runs"]

models = sa.Table(
    "models",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),  # names are compared without case
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.Text, nullable=False),  # JSON of CreateModel, as given or as we would give it
    sa.Column("created_at", Time, nullable=False),
    # Only of models that a labeling job trained:
    sa.Column("job_id", sa.Integer, index=True),
    sa.Column("algorithm", sa.Text),  # image-classification ...
    sa.Column("labels", sa.Text),  # JSON list of label names, in order
    sa.Column("artifact_uri", sa.Text),
    sa.UniqueConstraint("region", "name_lower"),
)

runs = sa.Table(
    # A program that works for a job, outside the server process; its folder has the run's name.
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("iteration", sa.Integer, nullable=False),
    sa.Column("attempt", sa.SmallInteger, nullable=False),
    sa.Column("host", sa.Text, nullable=False),  # whose program it is, when several servers share a database
    sa.Column("status", sa.Text, nullable=False),  # InProgress, Completed, Failed, Stopped
    sa.Column("created_at", Time, nullable=False),
    sa.Column("started_at", Time),
    sa.Column("modified_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.Column("failure_reason", sa.Text),
    sa.Column("detail", sa.Text, nullable=False, server_default="{}"),  # JSON: metrics, sizes
    sa.UniqueConstraint("job_id", "iteration", "attempt"),
)

automated_jobs = sa.Table(
    # What the loop of a job has decided; everything else follows from its objects, sets and passes.
    "automated_jobs",
    metadata,
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("n_training", sa.BigInteger, nullable=False),  # objects of the first training batch
    sa.Column("n_validation", sa.BigInteger, nullable=False),  # objects of the validation set
    sa.Column("stage", sa.Text, nullable=False),  # sampling, learning, people
    sa.Column("reason", sa.Text),  # why people do the rest
    sa.Column("start_model_arn", sa.Text),
    sa.Column("model_arn", sa.Text),  # of the last pass
    sa.Column("n_labels_at_model", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("advice", sa.Text),
)

automated_members = sa.Table(
    # One row for each object that was drawn or labeled by the machine. The set comes first in the key: sets
    # are read as a whole. An object is put into a set once, in the transaction that sends or labels it.
    "automated_members",
    metadata,
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("object_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("iteration", sa.Integer, nullable=False),
    sa.Column("draw", sa.Integer, nullable=False, server_default="0"),  # place in the order of its draw
    sqlite_with_rowid=False,
)

automated_passes = sa.Table(
    # One try to label with a model: train, find the threshold, label what is above it.
    "automated_passes",
    metadata,
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("iteration", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),  # learning, labeling, done, failed
    sa.Column("started_at", Time, nullable=False),
    sa.Column("labeled_at", Time),  # date of its labels, fixed before the first of them
    sa.Column("ended_at", Time),
    sa.Column("run_name", sa.Text),  # the run whose result counts
    sa.Column("n_labels", sa.BigInteger, nullable=False),  # human labels there were
    sa.Column("n_applied", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("report", sa.Text, nullable=False, server_default="{}"),  # JSON, see engine.automated.report
)
