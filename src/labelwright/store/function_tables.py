"""Tables about functions: versions, aliases, policies, events that wait, and what a job's function made.

The code itself lies in the object store, named by its digest.
"""

from __future__ import annotations

import sqlalchemy as sa

from labelwright.store.schema import Time, metadata

__all__ = ["function_aliases", "function_events", "function_policies", "functions", "task_inputs"]

functions = sa.Table(
    # One row for each version; what is changed is the row of version $LATEST.
    "functions",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("code_sha256", sa.Text, nullable=False, index=True),  # hex
    sa.Column("code_bytes", sa.BigInteger, nullable=False),
    sa.Column("revision_id", sa.Text, nullable=False),
    # JSON: Handler, Runtime, Role, Timeout, MemorySize, Environment, Description, ...
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("modified_at", Time, nullable=False),
    # Of $LATEST: the last number given to a version.
    sa.Column("n_versions", sa.Integer, nullable=False, server_default="0"),
)

function_aliases = sa.Table(
    "function_aliases",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("revision_id", sa.Text, nullable=False),
)

function_policies = sa.Table(
    # Statements as given; nothing is decided by them here.
    "function_policies",
    metadata,
    sa.Column("region", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("qualifier", sa.Text, primary_key=True),  # empty for the function itself
    sa.Column("statement_id", sa.Text, primary_key=True),
    sa.Column("statement", sa.Text, nullable=False),  # JSON
)

function_events = sa.Table(
    # Events of asynchronous invocations that were accepted and have not been dealt with.
    "function_events",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the request id
    sa.Column("arn", sa.Text, nullable=False),
    sa.Column("event", sa.LargeBinary, nullable=False),
    sa.Column("n_attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("due_at", Time, nullable=False, index=True),
)

task_inputs = sa.Table(
    # What a job's pre-annotation function made of an object: task.input of the template, while it is needed.
    "task_inputs",
    metadata,
    sa.Column("job_id", sa.Integer, primary_key=True),
    sa.Column("object_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("input", sa.LargeBinary, nullable=False),  # JSON object
    sa.ForeignKeyConstraint(
        ["job_id", "object_no"], ["data_objects.job_id", "data_objects.object_no"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)
