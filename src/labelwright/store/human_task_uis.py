"""Human task UIs: worker templates kept under a name."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from labelwright.config import ACCOUNT_ID
from labelwright.errors import NameInUse, NotFound
from labelwright.store.directory_tables import human_task_uis
from labelwright.store.tags import delete_all_tags

__all__ = ["HumanTaskUiRow", "create_ui", "delete_ui", "list_uis", "ui_by_arn", "ui_named"]


@dataclasses.dataclass(frozen=True, slots=True)
class HumanTaskUiRow:
    """A worker template. ``content_sha256`` is the hex digest of its UTF-8 text."""

    region: str
    name: str
    arn: str
    content: str = dataclasses.field(repr=False)
    content_sha256: str
    created_at: float


def create_ui(connection: Connection, *, region: str, name: str, content: str, now: float) -> HumanTaskUiRow:
    """Keep a template.

    Raises
    ------
    NameInUse
    """
    if _find(connection, human_task_uis.c.region == region, human_task_uis.c.name == name) is not None:
        raise NameInUse(f"A human task UI named {name} already exists in {region}; choose another name.")
    row = HumanTaskUiRow(
        region=region,
        name=name,
        arn=f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:human-task-ui/{name}",
        content=content,
        content_sha256=hashlib.sha256(content.encode()).hexdigest(),
        created_at=now,
    )
    connection.execute(human_task_uis.insert().values(dataclasses.asdict(row)))
    return row


def ui_named(connection: Connection, region: str, name: str) -> HumanTaskUiRow:
    """The template of this name.

    Raises
    ------
    NotFound
    """
    row = _find(connection, human_task_uis.c.region == region, human_task_uis.c.name == name)
    if row is None:
        raise NotFound(f"Human task UI {name} does not exist in {region}.", kind="human task UI", name=name)
    return row


def ui_by_arn(connection: Connection, arn: str) -> HumanTaskUiRow:
    """The template of this ARN.

    Raises
    ------
    NotFound
    """
    row = _find(connection, human_task_uis.c.arn == arn)
    if row is None:
        raise NotFound(f"Human task UI {arn} does not exist.", kind="human task UI", name=arn)
    return row


def list_uis(connection: Connection, region: str) -> list[HumanTaskUiRow]:
    """The templates of a region, oldest first; their content is left out."""
    columns = human_task_uis.c
    query = sa.select(
        columns.region, columns.name, columns.arn, sa.literal(""), columns.content_sha256, columns.created_at
    )
    query = query.where(columns.region == region).order_by(columns.created_at, columns.name)
    return [HumanTaskUiRow(*row) for row in connection.execute(query)]


def delete_ui(connection: Connection, region: str, name: str) -> None:
    """Forget a template; running jobs have their own copy.

    Raises
    ------
    NotFound
    """
    row = ui_named(connection, region, name)
    connection.execute(human_task_uis.delete().where(human_task_uis.c.arn == row.arn))
    delete_all_tags(connection, row.arn)


def _find(connection: Connection, *where: sa.ColumnElement[bool]) -> HumanTaskUiRow | None:
    row: Row[Any] | None = connection.execute(sa.select(human_task_uis).where(*where)).first()
    return HumanTaskUiRow(**row._mapping) if row is not None else None
