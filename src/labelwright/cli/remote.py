"""The way from a command to the objects of a running server, or of any S3-compatible store."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from labelwright.cli.options import credentials_of, server_url
from labelwright.config import Settings

if TYPE_CHECKING:
    from labelwright.blobs import Blobs

__all__ = ["remote_blobs", "require_answer"]


def remote_blobs(data_dir: Path | None, region: str, *, hint: str) -> Blobs:
    """The objects of the server on this data directory, or of ``AWS_ENDPOINT_URL``, over S3.

    Parameters
    ----------
    data_dir : Path or None
    region : str
    hint : str
        What to do instead when nothing answers, without a full stop.

    Raises
    ------
    click.ClickException
        There are no credentials, or nothing answers at the address.
    """
    from botocore.session import Session

    from labelwright.blobs.external import ExternalBlobs
    from labelwright.credentials import RootCredentials
    from labelwright.s3.upstream import Upstream

    if os.environ.get("AWS_ENDPOINT_URL") and data_dir is None:
        found = Session().get_credentials()
        if found is None:
            raise click.ClickException(
                "AWS_ENDPOINT_URL is set, but no credentials. Set AWS_ACCESS_KEY_ID too."
            )
        endpoint = os.environ["AWS_ENDPOINT_URL"].rstrip("/")
        credentials = RootCredentials(found.access_key, found.secret_key)
        token = found.token or ""
    else:
        settings = Settings.load(data_dir=data_dir)
        credentials, endpoint, token = credentials_of(settings), server_url(settings), ""
    advice = f"Start the server, name its data directory with --data, or {hint}."
    require_answer(endpoint, advice, failed="The files cannot be looked at: ")
    upstream = Upstream(endpoint, region, credentials.access_key_id, credentials.secret_access_key, token)
    return ExternalBlobs(upstream, credentials)


def require_answer(endpoint: str, advice: str, *, failed: str = "") -> None:
    """Find out at once whether there is a server, not after the retries of whatever follows.

    Parameters
    ----------
    endpoint : str
        ``http://host:port``
    advice : str
        What to do when nothing answers.
    failed : str
        Stands before all.

    Raises
    ------
    click.ClickException
    """
    where = urlsplit(endpoint)
    port = where.port or (443 if where.scheme == "https" else 80)
    try:
        with socket.create_connection((where.hostname or "", port), timeout=5):
            pass
    except OSError as error:
        raise click.ClickException(f"{failed}{endpoint} does not answer ({error}). {advice}") from error
