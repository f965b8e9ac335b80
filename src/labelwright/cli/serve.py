"""``labelwright serve``: one process, one port, everything embedded."""

from __future__ import annotations

import dataclasses
import fcntl
import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from labelwright import logs
from labelwright.cli.options import data_option, shown_database
from labelwright.config import Settings
from labelwright.credentials import load_or_create

if TYPE_CHECKING:
    import uvicorn

__all__ = ["serve"]


@click.command()
@data_option
@click.option("--host", default=None, help="Address to listen on [127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port [8400]; 0 takes a free one.")
@click.option("--database-url", default=None, help="postgresql+psycopg://... instead of embedded SQLite.")
@click.option("--object-store", default=None, help="s3://... instead of files; endpoint by AWS_ variables.")
@click.option("--public-url", default=None, help="Base URL under which browsers reach this server.")
@click.option("--log-level", default=None, help="DEBUG, INFO, WARNING or ERROR.")
def serve(
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    database_url: str | None,
    object_store: str | None,
    public_url: str | None,
    log_level: str | None,
) -> None:
    """Start the server and run until SIGTERM or Ctrl-C."""
    settings = Settings.load(
        data_dir=data_dir,
        host=host,
        port=port,
        database_url=database_url,
        object_store=object_store,
        public_url=public_url,
        log_level=log_level,
    )
    logs.configure(settings.log_level)
    # Stopping as asked is success. The HTTP server hands the signal back once it has finished its work.
    signal.signal(signal.SIGTERM, _leave)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}. Choose "
            "another with --data."
        ) from error
    lock = _lock(settings.data_dir)
    credentials = load_or_create(settings)
    listener = _listen(settings.host, settings.port)
    port_used = listener.getsockname()[1]
    settings = dataclasses.replace(settings, port=port_used)
    url = settings.public_url or settings.local_url
    about = {
        "url": url,
        "pid": os.getpid(),
        "access_key_id": credentials.access_key_id,
        "database": shown_database(settings),
    }
    (settings.data_dir / "server.json").write_text(json.dumps(about) + "\n")
    click.echo(f"Labelwright listens on {url}", err=True)
    click.echo(f"  portal  {url}/portal\n  console {url}/console", err=True)
    click.echo(f'  clients eval "$(labelwright env --data {settings.data_dir})"', err=True)
    try:
        _server(settings).run(sockets=[listener])
    finally:
        lock.close()


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def _server(settings: Settings) -> uvicorn.Server:
    import uvicorn

    from labelwright.app import create_app

    app = create_app(settings)
    # What was made at start stays; leaving it out of every later collection saves time and shared pages.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        date_header=True,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another one with --port, or stop the "
            "program that uses it."
        ) from error
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener


def _lock(data_dir: Path) -> TextIO:
    """Two servers on one data directory would both drive its jobs; the second is refused."""
    file = (data_dir / "server.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise click.ClickException(
            f"Another server is running on {data_dir}. Stop it first, or choose another --data directory."
        ) from error
    return file
