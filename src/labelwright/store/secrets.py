"""Secrets of others that must be kept readable, such as an OIDC client secret: sealed before they are stored.

The key lies beside the database, not in it: a copy or an export of the database alone gives nothing away.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from labelwright.errors import InvalidRequest

__all__ = ["SecretBox"]

_FILE = "secret-key"


class SecretBox:
    """Seals and opens short texts with the key of one installation.

    Parameters
    ----------
    data_dir : Path
        Holds the key file (0600), which is made on first use.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE

    def seal(self, text: str) -> str:
        """Encrypt and sign a text; safe to store."""
        from cryptography.fernet import Fernet  # OpenSSL's memory only where a secret exists

        return Fernet(self._key()).encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The text that was sealed.

        Raises
        ------
        InvalidRequest
            It was sealed with another key.
        """
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Fernet(self._key()).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise InvalidRequest(
                f"A stored secret was not sealed with the key in {self._path}; put the right key file back, "
                "or set "
                "the secret again."
            ) from error

    def _key(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return self._make_key()

    def _make_key(self) -> bytes:
        from cryptography.fernet import Fernet

        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f"{_FILE}.{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # somebody else was quicker: theirs counts
            self._path.hardlink_to(temporary)
        temporary.unlink()
        return self._path.read_bytes()
