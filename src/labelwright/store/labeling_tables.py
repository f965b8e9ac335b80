"""Tables about work: labeling jobs, data objects, tasks (one object shown to one worker), groups, labels.

What must never break is a constraint here: a worker has at most one live task per object, an answer exists
exactly when the task is submitted, an object has at most one label.
"""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata, partial_index

__all__ = [
    "batches",
    "consolidation_groups",
    "data_objects",
    "group_lineage",
    "job_events",
    "labeling_jobs",
    "labels",
    "tasks",
    "worker_identities",
]

labeling_jobs = sa.Table(
    "labeling_jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_lower", sa.Text, nullable=False),  # names are compared without case
    sa.Column("arn", sa.Text, nullable=False, unique=True),
    sa.Column("reference_code", sa.Text, nullable=False, unique=True),
    sa.Column("workteam_arn", sa.Text, nullable=False, index=True),
    sa.Column("request", sa.Text, nullable=False),  # JSON of CreateLabelingJob as given
    sa.Column("n_workers", sa.SmallInteger, nullable=False, server_default="1"),  # per object
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("failure_reason", sa.Text),
    sa.Column("stop_cause", sa.Text),  # why it is stopping: request, condition, age
    sa.Column("stop_requested_at", Time),
    # Frozen at initialization, so that later changes of the S3 objects do not touch a running job.
    sa.Column("task_type", sa.Text, nullable=False),  # suffix of the built-in function, or "Custom"
    sa.Column("template", sa.Text),
    sa.Column("label_categories", sa.Text),  # JSON of the label category file
    sa.Column("manifest_uri", sa.Text),  # our copy of the input manifest
    sa.Column("manifest_bytes", sa.BigInteger, nullable=False, server_default="0"),
    # How far the copy is indexed: n_objects lines lie before this byte. A half-done import goes on here.
    sa.Column("index_position", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_bad_lines", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("bad_lines", sa.Text),  # JSON list of the first few: "line 7: <reason>"
    sa.Column("n_objects", sa.BigInteger, nullable=False, server_default="0"),
    # Counters, kept in the transaction that changes them.
    sa.Column("n_human", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_machine", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_failed", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_human_here", sa.BigInteger, nullable=False, server_default="0"),  # without chained labels
    sa.Column("n_machine_here", sa.BigInteger, nullable=False, server_default="0"),  # likewise
    sa.Column("iteration", sa.Integer, nullable=False, server_default="0"),  # current batch, from 1
    # The batch holds the pending objects of [batch_first_no, next_object_no).
    sa.Column("batch_first_no", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("batch_opened_at", Time),
    sa.Column("next_object_no", sa.BigInteger, nullable=False, server_default="0"),  # first one not yet sent
    sa.Column("manifest_written_at", Time),
    sa.Column("manifest_is_stale", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.UniqueConstraint("region", "name_lower"),
    sa.Index("ix_labeling_jobs_status", "status"),
)

data_objects = sa.Table(
    "data_objects",
    metadata,
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("object_no", sa.BigInteger, primary_key=True, autoincrement=False),  # line number from 0
    sa.Column("state", sa.SmallInteger, nullable=False),  # core.human_task.ObjectState
    sa.Column("position", sa.BigInteger, nullable=False),  # byte offset of the line in our manifest copy
    sa.Column("length", sa.Integer, nullable=False),  # bytes of the line without its line end
    sa.Column("iteration", sa.Integer),
    # How many more workers may take it now: n - answers - workers on it. 0 outside state OPEN.
    sa.Column("n_free", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("n_answers", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("n_declined", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("group_id", sa.Integer),
    sa.CheckConstraint("n_free >= 0 AND n_answers >= 0 AND n_declined >= 0", name="counts"),
    sqlite_with_rowid=False,
)
# What is being worked on (open, ready, grouped): a batch at most, so the index stays small.
partial_index(
    "ix_data_objects_active", data_objects, "job_id", "state", "object_no", where="state IN (1, 2, 3)"
)
# Reserved for a batch that is being opened: a batch of automated labeling at most.
partial_index(
    "ix_data_objects_reserved",
    data_objects,
    "job_id",
    "iteration",
    "object_no",
    where="state = 0 AND iteration IS NOT NULL",
)
# The queue: what can be taken, closest to completion first, then in manifest order.
partial_index("ix_data_objects_queue", data_objects, "job_id", "n_free", "object_no", where="n_free > 0")

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("object_no", sa.BigInteger, nullable=False),
    sa.Column("worker_id", sa.Text, nullable=False),  # users.id, or simulated
    # reserved (fetched ahead), working, paused | submitted, declined | returned, withdrawn
    sa.Column("state", sa.Text, nullable=False),
    sa.Column(
        "is_live", sa.Boolean, nullable=False
    ),  # reserved, working or paused: holds a slot of the object
    sa.Column("taken_at", Time, nullable=False),
    sa.Column("accepted_at", Time),
    sa.Column("expires_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.Column("time_spent_s", sa.Double),
    sa.Column("answer", sa.LargeBinary),  # compact JSON with sorted keys
    sa.Column("answer_sha256", sa.Text),
    sa.ForeignKeyConstraint(
        ["job_id", "object_no"], ["data_objects.job_id", "data_objects.object_no"], ondelete="CASCADE"
    ),
    sa.CheckConstraint("(state = 'submitted') = (answer IS NOT NULL)", name="answer"),
)
# A worker sees an object once: live, submitted and declined tasks exclude another one of the same worker.
partial_index(
    "uq_tasks_object_worker",
    tasks,
    "job_id",
    "object_no",
    "worker_id",
    where="state IN ('reserved', 'working', 'paused', 'submitted', 'declined')",
    unique=True,
)
# ... and works on one task of a job at a time, with one more reserved.
partial_index(
    "uq_tasks_worker_at_work",
    tasks,
    "worker_id",
    "job_id",
    "state",
    where="state IN ('reserved', 'working')",
    unique=True,
)
partial_index("ix_tasks_live_worker", tasks, "worker_id", "job_id", where="is_live")
partial_index("ix_tasks_live_expiry", tasks, "expires_at", where="is_live")

batches = sa.Table(
    # Objects [first_no, end_no) that were pending when the batch began; iteration counts from 1.
    "batches",
    metadata,
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("iteration", sa.Integer, primary_key=True),
    sa.Column("first_no", sa.BigInteger, nullable=False),
    sa.Column("end_no", sa.BigInteger, nullable=False),
    sa.Column("opened_at", Time, nullable=False),
    # Its intermediate files are up to date when both are equal.
    sa.Column("n_changes", sa.Integer, nullable=False, server_default="1"),
    sa.Column("n_written", sa.Integer, nullable=False, server_default="0"),
)

consolidation_groups = sa.Table(
    "consolidation_groups",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("iteration", sa.Integer, nullable=False),
    sa.Column("frozen_at", Time, nullable=False),
    sa.Column("stamp", sa.Text, nullable=False),  # YYYY-MM-DD_HH:MM:SS of its files, unique in iteration
    sa.Column("is_done", sa.Boolean, nullable=False),
    sa.UniqueConstraint("job_id", "iteration", "stamp"),
)

group_lineage = sa.Table(
    # How the labels of a group were made; their answers are the submitted tasks of its objects.
    "group_lineage",
    metadata,
    sa.Column("group_id", sa.ForeignKey("consolidation_groups.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("algorithm", sa.Text, nullable=False),  # name, or the ARN of a function
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),  # JSON
    sa.Column("made_at", Time, nullable=False),
)

worker_identities = sa.Table(
    # Who a worker is in output files; kept here because a user may be deleted while the answers stay.
    "worker_identities",
    metadata,
    sa.Column("worker_id", sa.Text, primary_key=True),  # tasks.worker_id
    sa.Column("public_id", sa.Text, nullable=False),  # private.<region>.<16 hex digits>
    sa.Column("provider", sa.Text, nullable=False),  # Cognito or Oidc, empty when not known
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
)

labels = sa.Table(
    "labels",
    metadata,
    sa.Column("job_id", sa.Integer, primary_key=True),
    sa.Column("object_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("group_id", sa.Integer),
    # Compact JSON object of the keys that go to the output line, in order: label and metadata, or
    # metadata alone with the failure.
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.ForeignKeyConstraint(
        ["job_id", "object_no"], ["data_objects.job_id", "data_objects.object_no"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)

job_events = sa.Table(
    # The story of a job: what happened and when, for support and for the activity log.
    "job_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.ForeignKey("labeling_jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", Time, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),  # JSON
)
