"""Passwords: hashing with argon2id, the policy of a user pool, temporary passwords.

Hashing costs tens of milliseconds on purpose. Do it in a thread and before a write: the writer of the
database serves everybody, so hand it a `PreparedPassword`.
"""

from __future__ import annotations

import dataclasses
import secrets
import string
from collections.abc import Mapping
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from labelwright.errors import PasswordRefused

__all__ = [
    "DEFAULT_POLICY",
    "PreparedPassword",
    "check_policy",
    "prepare",
    "temporary_password",
    "verify",
]

DEFAULT_POLICY: Mapping[str, Any] = {
    "MinimumLength": 8,
    "RequireUppercase": True,
    "RequireLowercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}
"""Policy of a pool that names none, in the words of ``PasswordPolicyType``."""

SYMBOLS = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= "
"""What counts as a symbol."""

MAX_LENGTH = 256

# OWASP's second choice: 19 MiB and two passes. More memory would make a burst of sign-ins the largest
# thing in the server.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# No password has this hash: it stands in for users that do not exist, so that both answers take as long.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$+bVCVXc5uL8sWcBHtUdfsA$mZsq2qHRH2+zl9j5hkU/TG1KeMh0MAVVgNu8t4kgyYM"
# Without letters and digits that look alike: temporary passwords are read from paper and typed.
_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LOWER = "abcdefghijkmnopqrstuvwxyz"
_DIGITS = "23456789"
_EASY_SYMBOLS = "!#%*-+=?"


@dataclasses.dataclass(frozen=True, slots=True)
class PreparedPassword:
    """A password with its hash, made by `prepare` outside the database's writer."""

    plain: str = dataclasses.field(repr=False)
    hashed: str = dataclasses.field(repr=False)


def prepare(password: str | PreparedPassword) -> PreparedPassword:
    """The password with its argon2id hash; slow on purpose, a prepared one passes unchanged.

    Raises
    ------
    PasswordRefused
        When it is longer than 256 characters, which nobody types and which would be a way to keep us busy.
    """
    if isinstance(password, PreparedPassword):
        return password
    if len(password) > MAX_LENGTH:
        raise PasswordRefused(
            f"The password has {len(password)} characters; at most {MAX_LENGTH} are allowed.",
            field="Password",
        )
    return PreparedPassword(password, _hasher.hash(password))


def verify(hashed: str | None, password: str) -> bool:
    """Whether the password belongs to the hash. ``None`` costs the same work and is False."""
    if len(password) > MAX_LENGTH:
        return False
    try:
        is_right = _hasher.verify(hashed or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return is_right and hashed is not None


def check_policy(password: str, policy: Mapping[str, Any]) -> None:
    """Raise when the password breaks the policy (``PasswordPolicyType``; absent members take the defaults).

    Raises
    ------
    PasswordRefused
        Naming the first rule that is broken. The password itself is not in the message.
    """
    rules = {**DEFAULT_POLICY, **policy}
    if len(password) < rules["MinimumLength"]:
        raise PasswordRefused(
            f"Password did not conform with policy: Password not long enough; use at least "
            f"{rules['MinimumLength']} characters.",
            field="Password",
            rule="MinimumLength",
        )
    for flag, alphabet, what in (
        ("RequireUppercase", string.ascii_uppercase, "uppercase characters"),
        ("RequireLowercase", string.ascii_lowercase, "lowercase characters"),
        ("RequireNumbers", string.digits, "numeric characters"),
        ("RequireSymbols", SYMBOLS, "symbol characters"),
    ):
        if rules[flag] and not any(character in alphabet for character in password):
            raise PasswordRefused(
                f"Password did not conform with policy: Password must have {what}.",
                field="Password",
                rule=flag,
            )


def temporary_password(policy: Mapping[str, Any]) -> str:
    """A random password that satisfies the policy, whatever the policy is; at least 12 characters."""
    length = max(12, int({**DEFAULT_POLICY, **policy}["MinimumLength"]))
    characters = [secrets.choice(group) for group in (_UPPER, _LOWER, _DIGITS, _EASY_SYMBOLS)]
    everything = _UPPER + _LOWER + _DIGITS
    characters += [secrets.choice(everything) for _ in range(length - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)
