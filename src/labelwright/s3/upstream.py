"""Where another S3 store is, and the credentials for it, from the usual AWS variables."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from labelwright.config import DEFAULT_REGION
from labelwright.errors import InvalidRequest

__all__ = ["Upstream"]


@dataclasses.dataclass(frozen=True, slots=True)
class Upstream:
    """Another S3 store.

    Attributes
    ----------
    endpoint : str
        ``http[s]://host[:port]`` without a path.
    region, access_key_id, secret_access_key, session_token : str
        ``session_token`` is empty when there is none.
    bucket : str
        Bucket that must be there at the start; empty: none.
    """

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)
    session_token: str = dataclasses.field(repr=False, default="")
    bucket: str = ""

    @classmethod
    def from_environment(cls, object_store: str, environ: Mapping[str, str] | None = None) -> Upstream:
        """The store that ``object_store`` and the usual AWS variables name.

        Raises
        ------
        InvalidRequest
            When a variable is missing or makes no sense; the message names it.
        """
        environ = os.environ if environ is None else environ
        scheme, _, rest = object_store.partition("://")
        bucket = rest.strip("/")
        if scheme != "s3" or "/" in bucket:
            raise InvalidRequest(
                f"object_store={object_store!r} must be s3:// or s3://<bucket>; objects are addressed "
                "by their own "
                "bucket names.",
                field="object_store",
                value=object_store,
            )
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
        endpoint = endpoint.rstrip("/") or f"https://s3.{region}.amazonaws.com"
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path:
            raise InvalidRequest(
                f"AWS_ENDPOINT_URL={endpoint!r} must be http[s]://host[:port].",
                field="AWS_ENDPOINT_URL",
                value=endpoint,
            )
        keys = {}
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            keys[name] = environ.get(name, "")
            if not keys[name]:
                raise InvalidRequest(f"{name} is not set; the object store {endpoint} needs it.", field=name)
        return cls(
            endpoint,
            region,
            keys["AWS_ACCESS_KEY_ID"],
            keys["AWS_SECRET_ACCESS_KEY"],
            environ.get("AWS_SESSION_TOKEN", ""),
            bucket,
        )
