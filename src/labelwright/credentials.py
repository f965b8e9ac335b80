"""Root credentials: from the settings, or made at first start and kept (0600) in the data directory."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import string
from pathlib import Path

from labelwright.config import Settings
from labelwright.errors import InvalidRequest

__all__ = ["RootCredentials", "load_or_create"]

_FILE = "root-credentials.json"
_UPPER = string.ascii_uppercase + "234567"
_SECRET = string.ascii_letters + string.digits + "+/"


@dataclasses.dataclass(frozen=True, slots=True)
class RootCredentials:
    """The one pair of keys that may do everything."""

    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)

    def secret_for(self, access_key_id: str) -> str | None:
        """The secret that belongs to the key, or None when we do not know the key."""
        return self.secret_access_key if access_key_id == self.access_key_id else None


def load_or_create(settings: Settings) -> RootCredentials:
    """Root credentials of this installation.

    Raises
    ------
    InvalidRequest
        When only one of the two settings is given.
    """
    key, secret = settings.root_access_key_id, settings.root_secret_access_key
    if bool(key) != bool(secret):
        raise InvalidRequest(
            "LABELWRIGHT_ROOT_ACCESS_KEY_ID and LABELWRIGHT_ROOT_SECRET_ACCESS_KEY belong together; set both "
            "or neither.",
            field="LABELWRIGHT_ROOT_ACCESS_KEY_ID",
        )
    if key:
        return RootCredentials(key, secret)
    path = settings.data_dir / _FILE
    if path.exists():
        kept = json.loads(path.read_text())
        return RootCredentials(kept["access_key_id"], kept["secret_access_key"])
    made = RootCredentials(
        "LKIA" + "".join(secrets.choice(_UPPER) for _ in range(16)),
        "".join(secrets.choice(_SECRET) for _ in range(40)),
    )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _write_private(path, json.dumps(dataclasses.asdict(made), indent=2) + "\n")
    return made


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
