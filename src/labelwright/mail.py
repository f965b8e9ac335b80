"""Invitations by e-mail: through SMTP when it is configured, else (or when that fails) as ``.eml`` files.

Callers send after the user's row is durable, and off the event loop: `send_invitation` blocks. No value given
to it can add a header: addresses are checked and everything else is in the body.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import smtplib
import ssl
import time
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from labelwright.config import Settings
from labelwright.errors import InvalidRequest

__all__ = ["invitation", "send_invitation"]

_log = logging.getLogger(__name__)

_TIMEOUT_S = 20.0
# Deliberately narrower than the standard: no quoted local parts, no comments, nothing that a header folds.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)

_SUBJECT = "Invitation to label data"
_BODY = """\
Hello,

{organization} invites you to work on labeling tasks.

Open    {portal_url}
User    {{username}}
Temporary password    {{####}}

You choose your own password when you sign in for the first time. The temporary one is valid for {days}.

{contact_line}"""


def send_invitation(
    settings: Settings,
    *,
    username: str,
    email: str,
    temporary_password: str,
    portal_url: str,
    organization: str = "",
    contact: str = "",
    valid_days: int = 7,
    subject_template: str = "",
    body_template: str = "",
) -> str:
    """Send a worker's invitation and wait until it is out.

    Parameters
    ----------
    settings : Settings
        ``smtp_url`` and ``mail_from``; without ``smtp_url`` the mail becomes a file in ``data_dir/outbox``.
    username, email, temporary_password, portal_url : str
    organization, contact : str
        Who invites, and the address for questions.
    valid_days : int
        How long the temporary password is good.
    subject_template, body_template : str
        The user pool's own texts with ``{username}`` and ``{####}``; empty means ours.

    Returns
    -------
    str
        Where it went, for people: ``sent to ann@example.org`` or the path of the file.

    Raises
    ------
    InvalidRequest
        When ``email`` is not an address we can write to.
    """
    message = invitation(
        sender=settings.mail_from,
        username=username,
        email=email,
        temporary_password=temporary_password,
        portal_url=portal_url,
        organization=organization,
        contact=contact,
        valid_days=valid_days,
        subject_template=subject_template,
        body_template=body_template,
    )
    if settings.smtp_url:
        try:
            _deliver(settings.smtp_url, message)
        except (OSError, smtplib.SMTPException, InvalidRequest, ValueError) as error:
            # The password in it exists nowhere else: no lost connection and no wrong setting may lose it.
            path = _write(settings.data_dir / "outbox", message)
            _log.warning(
                "invitation could not be sent and was kept as a file",
                extra={"action": "invite", "reason": type(error).__name__, "path": str(path)},
            )
            return str(path)
        return f"sent to {email}"
    return str(_write(settings.data_dir / "outbox", message))


def invitation(
    *,
    sender: str,
    username: str,
    email: str,
    temporary_password: str,
    portal_url: str,
    organization: str = "",
    contact: str = "",
    valid_days: int = 7,
    subject_template: str = "",
    body_template: str = "",
) -> EmailMessage:
    """The invitation as a message; see `send_invitation`."""
    days = f"{valid_days} day{'s' if valid_days != 1 else ''}"
    body = body_template or _BODY.format(
        organization=_one_line(organization) or "The operator of this labeling portal",
        portal_url=_one_line(portal_url),
        days=days,
        contact_line=f"Questions? Write to {_one_line(contact)}.\n" if contact else "",
    )
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _address(sender, "mail_from")
    message["To"] = _address(email, "email")
    message["Subject"] = _one_line(subject_template or _SUBJECT).replace("{username}", _one_line(username))[
        :200
    ]
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=message["From"].addresses[0].domain or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    # The password goes in last: a user name that holds "{####}" must not pull it into another place.
    before, placeholder, after = body.partition("{####}")
    name = _one_line(username)
    text = before.replace("{username}", name) + (temporary_password if placeholder else "")
    message.set_content(text + after.replace("{username}", name))
    return message


def _address(text: str, field: str) -> Address:
    if not _ADDRESS.fullmatch(text) or ".." in text:
        raise InvalidRequest(
            f"{field} {text[:80]!r} is not an e-mail address we can write to; give one like ann@example.org.",
            field=field,
            value=text,
        )
    return Address(addr_spec=text)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _deliver(smtp_url: str, message: EmailMessage) -> None:
    parts = urlsplit(smtp_url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise InvalidRequest(
            "LABELWRIGHT_SMTP_URL must look like smtp://user:password@host:587 or smtps://host:465.",
            field="smtp_url",
        )
    tls = ssl.create_default_context()
    connection: smtplib.SMTP
    if parts.scheme == "smtps":
        connection = smtplib.SMTP_SSL(parts.hostname, parts.port or 465, timeout=_TIMEOUT_S, context=tls)
    else:
        connection = smtplib.SMTP(parts.hostname, parts.port or 25, timeout=_TIMEOUT_S)
    with connection:
        if parts.scheme == "smtp":
            connection.ehlo()
            if connection.has_extn("starttls"):
                connection.starttls(context=tls)
                connection.ehlo()
        if parts.username:
            connection.login(unquote(parts.username), unquote(parts.password or ""))
        connection.send_message(message)


def _write(outbox: Path, message: EmailMessage) -> Path:
    outbox.mkdir(parents=True, exist_ok=True, mode=0o700)
    recipient = re.sub(r"[^A-Za-z0-9]+", "-", str(message["To"])).strip("-")[:40]
    name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{recipient}-{secrets.token_hex(3)}.eml"
    path = outbox / name
    temporary = outbox / f".{name}.part"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(message.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    return path
