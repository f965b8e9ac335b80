"""Invitations: as files, through a real SMTP server, and without a way to add headers."""

from __future__ import annotations

import email
import logging
import socket
import stat
from email import policy

import pytest
from aiosmtpd.controller import Controller

from labelwright.config import Settings
from labelwright.errors import InvalidRequest
from labelwright.mail import invitation, send_invitation

INVITATION = {
    "username": "ann",
    "email": "ann@example.org",
    "temporary_password": "Xy7!abcdEFGH",
    "portal_url": "https://label.example.org/portal",
    "organization": "Acme Fields",
    "contact": "help@example.org",
}


def _read(path):
    return email.message_from_bytes(path.read_bytes(), policy=policy.default)


def test_without_smtp_the_invitation_is_a_private_file(tmp_path):
    where = send_invitation(Settings(data_dir=tmp_path), **INVITATION)
    (path,) = (tmp_path / "outbox").iterdir()
    assert where == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    message = _read(path)
    assert (message["To"], message["From"]) == ("ann@example.org", "labelwright@localhost")
    text = message.get_content()
    for part in INVITATION.values():
        assert part == "ann@example.org" or part in text


class Box:
    def __init__(self) -> None:
        self.envelopes: list[object] = []

    async def handle_DATA(self, _server, _session, envelope):
        self.envelopes.append(envelope)
        return "250 OK"


def test_with_smtp_the_invitation_is_sent(tmp_path):
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        settings = Settings(data_dir=tmp_path, smtp_url=f"smtp://127.0.0.1:{controller.port}")
        assert send_invitation(settings, **INVITATION) == "sent to ann@example.org"
    finally:
        controller.stop()
    (envelope,) = box.envelopes
    assert envelope.rcpt_tos == ["ann@example.org"]
    assert "Xy7!abcdEFGH" in email.message_from_bytes(envelope.content, policy=policy.default).get_content()
    assert not (tmp_path / "outbox").exists()


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:{port}", "mail.example.org", "smtp://host:none"])
def test_an_invitation_that_cannot_be_sent_is_kept(tmp_path, caplog, url):
    settings = Settings(data_dir=tmp_path, smtp_url=url.format(port=_free_port()))
    with caplog.at_level(logging.WARNING):
        where = send_invitation(settings, **INVITATION)
    assert "Xy7!abcdEFGH" in _read(next((tmp_path / "outbox").iterdir())).get_content()
    assert where.endswith(".eml")
    assert "Xy7!abcdEFGH" not in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nBcc: x@y",
        "a@b\n",
        "a",
        "a b@c",
        "a@b, c@d",
        "<a@b>",
        "a@b>c",
        "",
        "a@-b",
        "a..b@c",
        "a@b\x00",
        "ü@b",
    ],
)
def test_an_address_that_could_add_headers_is_refused(tmp_path, address):
    with pytest.raises(InvalidRequest) as caught:
        send_invitation(Settings(data_dir=tmp_path), **{**INVITATION, "email": address})
    assert caught.value.field == "email"
    assert not (tmp_path / "outbox").exists()


def test_no_other_value_can_add_a_header_or_a_line():
    evil = "x\r\nBcc: victim@example.org\r\n\r\nHi"
    message = invitation(
        sender="a@b.org",
        username=evil,
        email="ann@example.org",
        temporary_password="pw",
        portal_url=evil,
        organization=evil,
        contact=evil,
        subject_template="Hello {username}\r\nBcc: victim@example.org",
    )
    parsed = email.message_from_bytes(message.as_bytes(), policy=policy.default)
    assert parsed["Bcc"] is None
    assert set(parsed.keys()) <= {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
    assert not any(line.startswith("Bcc:") for line in parsed.get_content().splitlines())


def test_the_pools_own_texts_are_used():
    message = invitation(
        sender="a@b.org",
        username="ann{####}",
        email="ann@example.org",
        temporary_password="pw-123",
        portal_url="u",
        subject_template="For {username}",
        body_template="{username} may enter with {####}.",
    )
    assert message["Subject"] == "For ann{####}"
    assert message.get_content() == "ann{####} may enter with pw-123.\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
