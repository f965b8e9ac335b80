"""``labelwright env``: the exports that point AWS clients at this server."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from labelwright.cli.options import credentials_of, data_option, region_option, server_url
from labelwright.config import Settings

__all__ = ["env"]


@click.command()
@data_option
@region_option
@click.option("--port", type=int, default=None, help="Port of the server, when it has not been started yet.")
def env(data_dir: Path | None, region: str, port: int | None) -> None:
    """Print ``export AWS_...`` lines for ``eval "$(labelwright env --data DIR)"``."""
    settings = Settings.load(data_dir=data_dir, port=port)
    if not (settings.data_dir / "server.json").exists():  # to standard error: `eval` reads the other one
        click.echo(
            f"No server has been started on {settings.data_dir} yet; check --data, or start one with "
            "`labelwright serve`.",
            err=True,
        )
    credentials = credentials_of(settings)
    values = {
        "AWS_ENDPOINT_URL": server_url(settings),
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_DEFAULT_REGION": region,
    }
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")
