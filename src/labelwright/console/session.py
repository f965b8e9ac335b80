"""Who may see the console: whoever knows the root credentials. The session is a signed, expiring cookie.

Nothing is stored: the cookie holds its end and a MAC under a key derived from the root secret, so that
changing the credentials ends every session.
"""

from __future__ import annotations

import hashlib
import hmac

from labelwright.credentials import RootCredentials

__all__ = ["COOKIE", "LIFETIME_S", "holds", "issue", "may_enter"]

COOKIE = "labelwright_console"
LIFETIME_S = 12 * 3600


def may_enter(credentials: RootCredentials, access_key_id: str, secret_access_key: str) -> bool:
    """Whether the pair of keys is the root pair; takes the same time for every wrong one."""
    key_ok = hmac.compare_digest(access_key_id.encode(), credentials.access_key_id.encode())
    secret_ok = hmac.compare_digest(secret_access_key.encode(), credentials.secret_access_key.encode())
    return key_ok and secret_ok


def issue(credentials: RootCredentials, now: float) -> str:
    """A cookie value that is good for `LIFETIME_S` seconds."""
    end = str(int(now) + LIFETIME_S)
    return f"{end}.{_mac(credentials, end)}"


def holds(credentials: RootCredentials, cookie: str, now: float) -> bool:
    """Whether the cookie is ours and not over."""
    end, _, mac = cookie.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(credentials, end).encode()):
        return False
    return end.isdigit() and int(end) > now


def _mac(credentials: RootCredentials, text: str) -> str:
    key = hashlib.sha256(b"labelwright console\0" + credentials.secret_access_key.encode()).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
