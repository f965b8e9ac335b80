"""``labelwright workteam``: the teams of this installation."""

from __future__ import annotations

import json
from pathlib import Path

import click
import sqlalchemy as sa

from labelwright.cli.options import data_option, json_option, open_database, print_table
from labelwright.store.directory_tables import group_members, workteam_groups, workteams

__all__ = ["workteam"]


@click.group()
def workteam() -> None:
    """List work teams."""


@workteam.command("list")
@data_option
@json_option
def list_workteams(data_dir: Path | None, as_json: bool) -> None:
    """List the teams with the number of their workers."""
    _, database = open_database(data_dir)
    members = (
        sa.select(sa.func.count(sa.distinct(group_members.c.user_id)))
        .select_from(
            workteam_groups.join(
                group_members,
                (group_members.c.pool_id == workteam_groups.c.pool_id)
                & (group_members.c.group_name == workteam_groups.c.group_name),
            )
        )
        .where(workteam_groups.c.workteam_arn == workteams.c.arn)
        .scalar_subquery()
    )
    query = sa.select(
        workteams.c.name,
        workteams.c.region,
        members.label("workers"),
        workteams.c.description,
        workteams.c.arn,
    ).order_by(workteams.c.region, workteams.c.name)
    rows = [dict(row._mapping) for row in database.read(lambda c: c.execute(query).all())]
    database.close()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ["NAME", "REGION", "WORKERS", "DESCRIPTION"],
        [[row["name"], row["region"], row["workers"], row["description"]] for row in rows],
    )
