"""The tables as they were when there began to be revisions."""

from __future__ import annotations

from alembic import op

from labelwright.store.migrations import first_statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    connection = op.get_bind()
    for statement in first_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)
