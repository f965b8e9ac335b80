"""The one MetaData object and the column habits shared by all tables.

Times are float epoch seconds (UTC): both databases store them the same way, they sort and subtract, and the
AWS protocols put exactly this number on the wire. Names end in ``_at``. JSON is stored as text that we wrote.
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["Time", "metadata"]

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
