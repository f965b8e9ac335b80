"""The statements that make the tables as they are in the code, for either database; nothing is connected.

``python -m labelwright.store.migrations.dump sqlite`` prints them in the form of ``0001_sqlite.sql``: before
the first release that file is made anew, afterwards a revision says what is different.
"""

from __future__ import annotations

import sys
from typing import Any

import sqlalchemy as sa

from labelwright.store.tables import metadata

__all__ = ["statements"]

_URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}


def statements(dialect: str) -> list[str]:
    """In an order in which they can be run; indexes of a table by name.

    Parameters
    ----------
    dialect : str
        ``sqlite`` or ``postgresql``.
    """
    found: list[str] = []

    def keep(statement: Any, *_: Any, **__: Any) -> None:
        found.append(str(statement.compile(dialect=engine.dialect)))

    engine = sa.create_mock_engine(_URLS[dialect], keep)
    engine.exec_driver_sql = found.append  # type: ignore[attr-defined]  # what listeners of tables call
    metadata.create_all(engine, checkfirst=False)
    lines = ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in found]
    # SQLAlchemy makes the indexes of a table in no particular order.
    ordered: list[str] = []
    for text in lines:
        at = len(ordered)
        while (
            text.startswith("CREATE INDEX ix_")
            and at
            and text < ordered[at - 1].strip()
            and (ordered[at - 1].startswith("CREATE INDEX ix_"))
        ):
            at -= 1
        ordered.insert(at, text)
    return ordered


if __name__ == "__main__":
    sys.stdout.write("\n;;\n".join(statements(sys.argv[1])) + "\n")
