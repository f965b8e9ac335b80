"""Options shared by commands, and the way from a command to a running server or to its data directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from labelwright.config import DEFAULT_REGION, Settings
from labelwright.credentials import RootCredentials, load_or_create
from labelwright.store.db import Database
from labelwright.store.revision import prepare

__all__ = [
    "aws_client",
    "credentials_of",
    "data_option",
    "json_option",
    "json_text",
    "open_database",
    "print_table",
    "region_option",
    "server_url",
    "shown_database",
]

F = TypeVar("F", bound=Callable[..., Any])

data_option = click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), default=None, help="Data directory of the server."
)
region_option = click.option(
    "--region", default=DEFAULT_REGION, show_default=True, envvar="AWS_DEFAULT_REGION", help="AWS region."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def open_database(data_dir: Path | None, *, may_create: bool = False) -> tuple[Settings, Database]:
    """The database of a data directory or of LABELWRIGHT_DATABASE_URL; works beside a running server.

    Raises
    ------
    click.ClickException
        There is no such data directory, and the command is not one that may begin an installation; or its
        server keeps its data in another database.
    """
    settings = Settings.load(data_dir=data_dir)
    if not may_create and not settings.data_dir.is_dir():
        raise click.ClickException(
            f"There is no data directory {settings.data_dir}. Name the server's with --data, or start a "
            "server on this one with `labelwright serve`."
        )
    expected = _server(settings).get("database")
    if expected is not None and expected != shown_database(settings):
        raise click.ClickException(
            f"The server on {settings.data_dir} was last started with the database {expected}. Set "
            "LABELWRIGHT_DATABASE_URL here as it was set for it."
        )
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.effective_database_url)
    prepare(database, may_upgrade=False)
    return settings, database


def shown_database(settings: Settings) -> str:
    """The database URL without its password; ``embedded`` for the one in the data directory."""
    if not settings.database_url:
        return "embedded"
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(settings.database_url).render_as_string(hide_password=True)
    except ArgumentError:  # said in full when it is opened
        return "unknown"


def aws_client(service: str, data_dir: Path | None, region: str) -> Any:
    """A botocore client of the server that runs on this data directory.

    ``AWS_ENDPOINT_URL`` and the usual AWS variables win; without them the address and the root credentials
    of the data directory are used.
    """
    import os

    from botocore.session import Session

    session = Session()
    if os.environ.get("AWS_ENDPOINT_URL") and data_dir is None:
        return session.create_client(service, region_name=region)
    settings = Settings.load(data_dir=data_dir)
    credentials = credentials_of(settings)
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=server_url(settings),
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
    )


def credentials_of(settings: Settings) -> RootCredentials:
    """The root credentials of this data directory's server.

    Raises
    ------
    click.ClickException
        The server was started with other credentials than those known here.
    """
    credentials = load_or_create(settings)
    expected = _server(settings).get("access_key_id", credentials.access_key_id)
    if credentials.access_key_id != expected:
        raise click.ClickException(
            f"The server on {settings.data_dir} was last started with the access key id {expected}. Set "
            "LABELWRIGHT_ROOT_ACCESS_KEY_ID and LABELWRIGHT_ROOT_SECRET_ACCESS_KEY here as they were set for "
            "it."
        )
    return credentials


def server_url(settings: Settings) -> str:
    """Where the server of this data directory listens: what it wrote at start, else the settings."""
    if settings.public_url:
        return settings.public_url
    return str(_server(settings).get("url") or settings.local_url)


def _server(settings: Settings) -> dict[str, Any]:
    """What the server said about itself when it was started last; empty before that."""
    try:
        about = json.loads((settings.data_dir / "server.json").read_text())
    except (OSError, ValueError):  # not started yet, or being started now
        return {}
    return about if isinstance(about, dict) else {}


def json_text(value: object) -> str:
    """JSON to print; times as ISO 8601."""
    return json.dumps(value, indent=2, default=lambda v: v.isoformat() if isinstance(v, datetime) else str(v))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table on standard output; widths follow the content."""
    lines = [list(columns), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
