"""The environment variables with which AWS clients and the SageMaker SDK use a Labelwright server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["environment"]

_HERE = Path(__file__).resolve().parent
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_ADMIN_CONFIG = Path("/etc/xdg/sagemaker/config.yaml")


def environment(
    base: Mapping[str, str],
    *,
    endpoint_url: str,
    access_key_id: str,
    secret_access_key: str,
    region: str,
    session_token: str = "",
) -> dict[str, str]:
    """A script's environment: the given one, turned to a server.

    Parameters
    ----------
    base : Mapping
        Usually ``os.environ``; left as it is.
    endpoint_url, access_key_id, secret_access_key, region, session_token : str

    Returns
    -------
    dict of str
        With the address, the keys and the region for AWS clients of every kind, without profiles that would
        take their place; with the shim of `labelwright.sdk.install` on ``PYTHONPATH``; with a configuration
        that turns the SDK's reports to AWS off, beside the user's own.
    """
    made = dict(base)
    for name in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    ):
        made.pop(name, None)
    made |= {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",  # nobody need wait for an address that is not there
    }
    if session_token:
        made["AWS_SESSION_TOKEN"] = session_token
    paths = [str(_HERE / "path"), *filter(None, [base.get("PYTHONPATH")])]
    made["PYTHONPATH"] = os.pathsep.join(paths)
    is_admin_free = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE" not in base and not _ADMIN_CONFIG.exists()
    config = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE" if is_admin_free else "SAGEMAKER_USER_CONFIG_OVERRIDE"
    made.setdefault(config, str(_HERE / "telemetry-off.yaml"))
    if any(base.get(name) or base.get(name.upper()) for name in _PROXIES):
        direct = base.get("no_proxy") or base.get("NO_PROXY") or ""
        host = urlsplit(endpoint_url).hostname or ""
        made["no_proxy"] = made["NO_PROXY"] = ",".join(filter(None, [direct, host]))
    return made
