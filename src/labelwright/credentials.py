"""Root credentials: from the settings, or made at first start and kept (0600) in the data directory."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
import os
import re
import secrets
import string
import time
from pathlib import Path

from labelwright.config import Settings
from labelwright.errors import InvalidRequest

__all__ = ["RootCredentials", "TemporaryCredentials", "load_or_create"]

_FILE = "root-credentials.json"
_UPPER = string.ascii_uppercase + "234567"
_TEMPORARY = "LTIA"
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{3,128}")
_SECRET = string.ascii_letters + string.digits + "+/"


@dataclasses.dataclass(frozen=True, slots=True)
class RootCredentials:
    """The one pair of keys that may do everything."""

    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)

    def secret_for(self, access_key_id: str, now: float | None = None) -> str | None:
        """The secret that belongs to the key, or None when we do not know the key or it has ended.

        Parameters
        ----------
        now : float, optional
            Epoch seconds, by default the system's; decides whether temporary keys have ended.
        """
        if access_key_id == self.access_key_id:
            return self.secret_access_key
        if access_key_id.startswith(_TEMPORARY):
            ends_at = _end_of(access_key_id)
            if ends_at is not None and (time.time() if now is None else now) < ends_at:
                return self._derived(access_key_id)
        return None

    def temporary(self, *, now: float, duration_s: float) -> TemporaryCredentials:
        """Credentials that may do the same until they end; nothing about them is stored.

        The key id holds the time at which they end, and the secret is derived from the key id and the root
        secret: whoever changes the time no longer knows the secret.
        """
        ends_at = int(now + duration_s)
        raw = ends_at.to_bytes(5, "big") + secrets.token_bytes(5)
        key = _TEMPORARY + base64.b32encode(raw).decode()
        return TemporaryCredentials(key, self._derived(key), float(ends_at))

    def _derived(self, access_key_id: str) -> str:
        text = f"temporary credentials\0{access_key_id}".encode()
        return base64.b64encode(hmac.digest(self.secret_access_key.encode(), text, hashlib.sha256)).decode()[
            :40
        ]


@dataclasses.dataclass(frozen=True, slots=True)
class TemporaryCredentials:
    """A pair of keys that ends at ``expires_at``, epoch seconds."""

    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)
    expires_at: float


def load_or_create(settings: Settings) -> RootCredentials:
    """Root credentials of this installation.

    Raises
    ------
    InvalidRequest
        When only one of the two settings is given, or the key id is no key id.
    """
    key, secret = settings.root_access_key_id, settings.root_secret_access_key
    if bool(key) != bool(secret):
        raise InvalidRequest(
            "LABELWRIGHT_ROOT_ACCESS_KEY_ID and LABELWRIGHT_ROOT_SECRET_ACCESS_KEY belong together; set both "
            "or neither.",
            field="LABELWRIGHT_ROOT_ACCESS_KEY_ID",
        )
    if key:
        if not _KEY_ID.fullmatch(key):
            raise InvalidRequest(
                f"LABELWRIGHT_ROOT_ACCESS_KEY_ID={key!r} must be 3 to 128 letters, digits, hyphens and "
                "underscores, or clients cannot send it.",
                field="LABELWRIGHT_ROOT_ACCESS_KEY_ID",
                value=key,
            )
        return RootCredentials(key, secret)
    path = settings.data_dir / _FILE
    if path.exists():
        kept = json.loads(path.read_text())
        return RootCredentials(kept["access_key_id"], kept["secret_access_key"])
    made = RootCredentials(
        "LKIA" + "".join(secrets.choice(_UPPER) for _ in range(16)),
        "".join(secrets.choice(_SECRET) for _ in range(40)),
    )
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(path, json.dumps(dataclasses.asdict(made), indent=2) + "\n")
    return made


def _end_of(access_key_id: str) -> int | None:
    try:
        raw = base64.b32decode(access_key_id.removeprefix(_TEMPORARY))
    except binascii.Error:
        return None
    return int.from_bytes(raw[:5], "big") if len(raw) == 10 else None


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
