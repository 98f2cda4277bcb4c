"""Mail over a real server: it arrives whole, and each thing that can go wrong is told from the others."""

import smtplib
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from plugin.config import Config, parse
from plugin.errors import ConfigError, MailError, MailMisconfigured, MailRefused
from plugin.flows.mail.smtp import Attachment, MailServer, Outgoing, compose, one_line
from tests import mailbox
from tests.mailbox import Mailbox

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LETTER = Outgoing("a1b2", "asa@example.org", "Foto's van u", "Beste Åsa,\n\n.\nDag.\n", NOON)


def _config(box: Mailbox, **mail: Any) -> Config:
    return parse({"mail": box.section(**mail)})


def _send(box: Mailbox, letter: Outgoing = LETTER, **mail: Any) -> None:
    config = _config(box, **mail)
    MailServer.from_config(config).send(compose(letter, config.mail.sender, "Museum Åkerø"))


def test_a_letter_arrives_whole(box: Mailbox) -> None:
    """Over STARTTLS and signed in: headers, words with a lone full stop, and attachments byte for byte."""
    files = (
        Attachment("receipt.pdf", "application/pdf", b"%PDF\r\n.\r\n\0"),
        Attachment("r.json", "application/json", b"{}"),
    )
    _send(box, Outgoing(LETTER.id, LETTER.to, LETTER.subject, LETTER.text, NOON, files))
    letter, text = box.last()
    assert (letter["Subject"], letter["To"], letter["Message-ID"]) == (
        "Foto's van u",
        "asa@example.org",
        "<a1b2@example.org>",
    )
    assert letter["From"].addresses[0].display_name == "Museum Åkerø"
    assert (letter["Auto-Submitted"], letter["Date"].datetime) == ("auto-generated", NOON)
    assert text == LETTER.text
    assert [part.get_content() for part in letter.iter_attachments()] == [b"%PDF\r\n.\r\n\0", b"{}"]


@pytest.mark.parametrize(
    "subject",
    [
        "For Clara: you decide now about your photographs at Museum Åkerø",
        "Åsa 😀 👩‍👩‍👧 " * 12,
        "é" * 200,
        "word " * 30 + "é " * 30,
        "a" * 70 + " é b",
    ],
)
def test_a_long_header_keeps_its_spaces(subject: str) -> None:
    """Folded and encoded, it reads as it was written, and no line is longer than a server must take."""
    raw = compose(
        Outgoing("id", "a@example.org", subject, "t", NOON), "photos@example.org", "Stichting " + "Åkerø " * 9
    )
    read = message_from_bytes(raw.as_bytes())
    found = [str(make_header(decode_header(read[name]))) for name in ("Subject", "From")]
    assert found == [one_line(subject), one_line("Stichting " + "Åkerø " * 9)[:60] + " <photos@example.org>"]
    assert max(map(len, raw.as_bytes().split(b"\r\n"))) <= 78


def test_the_server_says_that_it_would_take_mail(box: Mailbox) -> None:
    """The check connects, encrypts and signs in, and sends nothing."""
    assert MailServer.from_config(_config(box)).check() == f"127.0.0.1:{box.port}, STARTTLS, signed in"
    assert box.seen == 0


@pytest.mark.parametrize(
    ("rcpt", "data", "kind", "said"),
    [
        ("550 5.1.1 <asa@example.org> unknown", "", MailRefused, "refuses the address (it answered 550)"),
        ("451 4.7.1 <asa@example.org> greylisted", "", MailError, "patience (it answered 451)"),
        ("", "552 too large for asa@example.org", MailRefused, "refuses the letter (it answered 552)"),
        ("", "452 disk full", MailError, "patience (it answered 452)"),
    ],
)
def test_answers_are_told_apart(box: Mailbox, rcpt: str, data: str, kind: type[MailError], said: str) -> None:
    """For good or for now; and nobody's address is repeated."""
    box.rcpt = lambda _address: rcpt or mailbox.TAKEN
    box.data = lambda _number: data or mailbox.TAKEN
    with pytest.raises(MailError) as caught:
        _send(box)
    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert "asa@" not in str(caught.value)
    assert box.got == []


def test_a_server_that_says_nothing_is_asked_again_later(box: Mailbox) -> None:
    """A time-out after the letter was handed over is no refusal."""
    box.late = lambda _number: 2.0
    with pytest.raises(MailError) as caught:
        _send(box, seconds=0.5)
    assert type(caught.value) is MailError


def test_a_farewell_that_fails_undoes_nothing(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken is taken, whatever becomes of the connection after that."""

    def broken(_self: smtplib.SMTP) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(smtplib.SMTP, "quit", broken)
    _send(box)
    assert len(box.got) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user": "somebody"}, "refuses the account or its password"),
        ({"user": "", "password_file": ""}, "refuses the sender"),
        ({"ca_file": ""}, "certificate is not trusted"),
        ({"ca_file": "/nowhere"}, "mail.ca_file"),
        ({"password_file": "/nowhere"}, "mail.password_file"),
        ({"host": ""}, "mail.host"),
        ({"security": "tls"}, "."),
    ],
)
def test_what_is_set_wrongly_is_said(box: Mailbox, change: dict[str, Any], said: str) -> None:
    """With the key to correct, or what the server refused; nothing is sent, least of all in the open."""
    with pytest.raises(MailError, match=said):
        _send(box, **change)
    assert box.seen == 0


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    """Somebody in between does not get the password."""
    with mailbox.running(tmp_path / "mail", names=("elsewhere.example.org",)) as box:
        with pytest.raises(MailMisconfigured, match="not trusted"):
            _send(box)
        assert box.seen == 0


def test_a_password_that_others_can_read_is_refused(box: Mailbox) -> None:
    """Before it is used."""
    (box.folder / "password").chmod(0o640)
    with pytest.raises(MailMisconfigured, match="chmod 600"):
        _send(box)


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    """No route, no listener, no name: later may help."""
    with mailbox.running(tmp_path / "mail") as box:
        pass
    with pytest.raises(MailError) as caught:
        _send(box)
    assert type(caught.value) is MailError


def test_mail_in_the_open_goes_to_this_machine_only() -> None:
    """The configuration refuses anything else."""
    parse({"mail": {"host": "127.0.0.1", "security": "none", "sender": "a@example.org"}})
    with pytest.raises(ConfigError, match=r"mail: security: use starttls or tls"):
        parse({"mail": {"host": "mail.example.org", "security": "none", "sender": "a@example.org"}})


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@",
        "a@",
        "@b.nl",
        "a@b.nl\r\nRCPT TO:<x@y.nl>",
        "a@b.nl\nBcc: x@y.nl",
        "a@b.nl, x@y.nl",
        "A <a@b.nl>",
        "<a@b.nl>",
        "a@b.nl\0",
        "a@b..nl",
        "a@[127.0.0.1]",
        "jörg@b.nl",
        "a@b.nl x",
        "\ud800@b.nl",
        "a@" + "b" * 70 + ".nl",
    ],
)
def test_what_is_no_address_gets_no_mail(address: str) -> None:
    """One address and nothing but an address; another text is refused for good."""
    with pytest.raises(MailRefused, match="address"):
        compose(Outgoing("id", address, "s", "t", NOON), "photos@example.org", "Museum")


def test_a_domain_with_other_letters_is_reached() -> None:
    """By its ASCII form (RFC 5890)."""
    message = compose(Outgoing("id", "a@bücher.example", "s", "t", NOON), "photos@example.org", "Museum")
    assert message["To"] == "a@xn--bcher-kva.example"
