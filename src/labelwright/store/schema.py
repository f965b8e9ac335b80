"""The one MetaData object and the column habits shared by all tables.

Times are float epoch seconds (UTC): both databases store them the same way, they sort and subtract, and the
AWS protocols put exactly this number on the wire. Names end in ``_at``. JSON is stored as text that we wrote.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["Time", "metadata", "partial_index"]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Time = sa.Double
"""Epoch seconds, UTC."""


def partial_index(name: str, table: sa.Table, *columns: str, where: str, unique: bool = False) -> None:
    """An index over the rows for which ``where`` holds, made together with its table.

    The statement is the same for both databases. `sqlalchemy.Index` would want a keyword of each dialect
    and load every driver of PostgreSQL to check it, which is a tenth of a second at each start.
    """
    kind = "UNIQUE INDEX" if unique else "INDEX"
    statement = f"CREATE {kind} {name} ON {table.name} ({', '.join(columns)}) WHERE {where}"
    sa.event.listen(table, "after_create", sa.DDL(statement.replace("%", "%%")))  # type: ignore[no-untyped-call]  # SQLAlchemy
