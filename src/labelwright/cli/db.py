"""``labelwright db``: the revision of the database."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from labelwright.cli.options import data_option, json_option, json_text
from labelwright.config import Settings
from labelwright.store.db import Database
from labelwright.store.revision import HEAD, current, prepare

__all__ = ["db"]

_url = click.option(
    "--database-url", default=None, help="postgresql+psycopg://... instead of embedded SQLite."
)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    return data_option(_url(command))


@click.group()
def db() -> None:
    """Show and migrate the revision of the database."""


@db.command("current")
@_options
@json_option
def show_current(data_dir: Path | None, database_url: str | None, as_json: bool) -> None:
    """Print the revision of the database, and the one that this version needs."""
    with _opened(data_dir, database_url) as (_, database):
        found = database.read(current)
    if as_json:
        click.echo(json_text({"revision": found, "needed": HEAD}))
        return
    state = "up to date" if found == HEAD else "run `labelwright db upgrade`, or start the server"
    click.echo(f"{found or 'no revision'} (needs {HEAD}: {state})")


@db.command()
@_options
def upgrade(data_dir: Path | None, database_url: str | None) -> None:
    """Migrate the database to the revision that this version needs.

    An embedded database is copied first, beside itself; copy a PostgreSQL database yourself. The server does
    the same when it starts, and must not be running.
    """
    with (
        _opened(data_dir, database_url) as (settings, database),
        (settings.data_dir / "server.lock").open("a") as lock,
    ):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise click.ClickException(
                f"A server is running on {settings.data_dir}. Stop it first; it migrates by itself when it "
                "starts."
            ) from error
        before = prepare(database)
    if before is None:
        click.echo(f"{HEAD}: up to date")
    else:
        click.echo(f"{before} -> {HEAD}")


@contextmanager
def _opened(data_dir: Path | None, database_url: str | None) -> Iterator[tuple[Settings, Database]]:
    settings = Settings.load(data_dir=data_dir, database_url=database_url)
    if not settings.data_dir.is_dir():
        raise click.ClickException(
            f"There is no data directory {settings.data_dir}. Name the server's with --data."
        )
    database = Database(settings.effective_database_url)
    try:
        yield settings, database
    finally:
        database.close()
