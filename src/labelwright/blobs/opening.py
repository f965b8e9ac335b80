"""Which store the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelwright.blobs.interface import Blobs
from labelwright.config import DEFAULT_REGION

if TYPE_CHECKING:
    from labelwright.config import Settings
    from labelwright.credentials import RootCredentials

__all__ = ["open_blobs"]


def open_blobs(settings: Settings, credentials: RootCredentials) -> Blobs:
    """The object store of a server.

    Parameters
    ----------
    settings : Settings
        ``object_store`` empty: files under ``data_dir``. ``s3://`` or ``s3://<bucket>``: the S3-compatible
        store that the usual AWS variables lead to (``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``,
        ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``,
        ``AWS_DEFAULT_REGION``); a bucket named there must exist. Objects are addressed by their own bucket
        names in either case.
    credentials : RootCredentials
        With them the links to the embedded store are signed.

    Raises
    ------
    labelwright.errors.InvalidRequest
        When ``object_store`` is something else, or the store or its bucket cannot be reached.
    """
    if not settings.object_store:
        # Late: it brings the database along, which programs that only read from an endpoint do not need.
        from labelwright.blobs.embedded import EmbeddedBlobs
        from labelwright.s3.store import ObjectStore

        return EmbeddedBlobs(ObjectStore(settings.data_dir), credentials, region=DEFAULT_REGION)
    from labelwright.blobs.external import ExternalBlobs
    from labelwright.s3.upstream import Upstream

    return ExternalBlobs(Upstream.from_environment(settings.object_store), credentials)
