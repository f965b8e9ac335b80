"""``labelwright exec``: run a script against this server, without one changed line."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from labelwright.cli.options import credentials_of, data_option, region_option, server_url
from labelwright.cli.remote import require_answer
from labelwright.config import Settings
from labelwright.sdk.environment import environment

__all__ = ["exec"]

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells say it


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@data_option
@region_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec(data_dir: Path | None, region: str, command: tuple[str, ...]) -> None:
    """Run COMMAND with AWS clients and the SageMaker SDK turned to this server.

    \b
    labelwright exec -- python train.py
    labelwright exec -- aws sagemaker list-training-jobs

    The command gets AWS_ENDPOINT_URL, keys and region; SageMaker's Python SDK, whatever its version and
    environment, asks this server who it is, and reports nothing to AWS. Where AWS_ENDPOINT_URL is set already
    and --data is not given, that server and the keys of the environment are used.
    """
    made = _environment(data_dir, region)
    advice = "Start the server with `labelwright serve`, or name its data directory with --data."
    require_answer(made["AWS_ENDPOINT_URL"], advice)
    program = shutil.which(command[0], path=made.get("PATH"))
    if program is None:
        click.echo(f"Error: There is no command {command[0]!r}; check its name and PATH.", err=True)
        sys.exit(_NOT_FOUND)
    try:
        os.execve(program, list(command), made)  # noqa: S606 - the user's own command
    except OSError as error:
        click.echo(f"Error: {command[0]} cannot be run: {error.strerror}.", err=True)
        sys.exit(_NOT_EXECUTABLE)


def _environment(data_dir: Path | None, region: str) -> dict[str, str]:
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint and data_dir is None:
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if not key or not secret:
            raise click.ClickException(
                "AWS_ENDPOINT_URL is set, but no keys. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY too, "
                "or name the server's data directory with --data."
            )
        token = os.environ.get("AWS_SESSION_TOKEN", "")
    else:
        settings = Settings.load(data_dir=data_dir)
        if not settings.data_dir.is_dir():
            raise click.ClickException(
                f"There is no data directory {settings.data_dir}. Name the server's with --data, or start a "
                "server on this one with `labelwright serve`."
            )
        credentials = credentials_of(settings)
        endpoint, token = server_url(settings), ""
        key, secret = credentials.access_key_id, credentials.secret_access_key
    return environment(
        os.environ,
        endpoint_url=endpoint,
        access_key_id=key,
        secret_access_key=secret,
        region=region,
        session_token=token,
    )
