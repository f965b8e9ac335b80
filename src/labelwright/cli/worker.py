"""``labelwright worker``: people who label."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import sqlalchemy as sa

from labelwright.cli.options import (
    data_option,
    json_option,
    open_database,
    print_table,
    region_option,
    server_url,
)
from labelwright.store import workteams
from labelwright.store.directory_tables import users

__all__ = ["worker"]


@click.group()
def worker() -> None:
    """Add and list workers."""


@worker.command()
@click.option("--team", required=True, help="Work team; made when absent, with the private workforce.")
@click.option("--username", required=True)
@click.option("--email", default="", help="Where the invitation goes when no password is given.")
@click.option("--password", default=None, help="A permanent password; without it a temporary one is made.")
@data_option
@region_option
@json_option
def add(
    team: str,
    username: str,
    email: str,
    password: str | None,
    data_dir: Path | None,
    region: str,
    as_json: bool,
) -> None:
    """Add a worker to a team. Works beside a running server and without one."""
    from labelwright.mail import send_invitation

    settings, database = open_database(data_dir, may_create=True)
    now = time.time()
    try:
        directory_worker = database.write(
            lambda c: workteams.add_worker(
                c, region=region, team_name=team, username=username, email=email, password=password, now=now
            )
        )
        temporary = directory_worker.temporary_password
        sent_to = ""
        if temporary is not None and email:
            sent_to = send_invitation(
                settings,
                username=username,
                email=email,
                temporary_password=temporary,
                portal_url=f"{server_url(settings)}/portal",
            )
    finally:
        database.close()
    if as_json:
        click.echo(
            json.dumps(
                {
                    "username": username,
                    "team": team,
                    "worker_id": directory_worker.user_id,
                    "temporary_password": temporary,
                    "invitation": sent_to or None,
                }
            )
        )
        return
    click.echo(f"{username} is in team {team}.")
    if password is not None and not directory_worker.is_new:
        click.echo("The worker was there already and has the new password now.")
    if temporary is not None:
        click.echo(f"Temporary password (to be changed at the first sign-in): {temporary}")
    if sent_to:
        click.echo(f"Invitation: {sent_to}")
    click.echo(f"Portal: {server_url(settings)}/portal")


@worker.command("list")
@data_option
@json_option
def list_workers(data_dir: Path | None, as_json: bool) -> None:
    """List the workers."""
    _, database = open_database(data_dir)
    query = sa.select(users.c.username, users.c.email, users.c.status, users.c.is_enabled, users.c.pool_id)
    rows = [
        dict(r._mapping) for r in database.read(lambda c: c.execute(query.order_by(users.c.username)).all())
    ]
    database.close()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    print_table(
        ["USERNAME", "EMAIL", "STATUS", "ENABLED", "POOL"],
        [[r["username"], r["email"], r["status"], r["is_enabled"], r["pool_id"]] for r in rows],
    )
