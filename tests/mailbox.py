"""A real mail server on this machine for the tests: STARTTLS under a certificate of its own, accounts, and moods."""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugin.flows.access import token_digest
from tests.processes import free_port

USER, PASSWORD = "facelease", "correct horse"
PUBLIC = "https://lease.example.org"
TAKEN = "250 taken"


@dataclass
class Mailbox:
    """What arrived, and how the server answers: change `rcpt` and `data` to put it in a mood.

    `data` is asked with the number of the message, from 1, and returns the answer; what it answers
    with 250 counts as taken. `late` seconds pass before an answer to DATA is given.
    """

    folder: Path
    port: int
    got: list[bytes] = field(default_factory=list)
    rcpt: Callable[[str], str] = lambda _address: TAKEN
    data: Callable[[int], str] = lambda _number: TAKEN
    late: Callable[[int], float] = lambda _number: 0.0
    seen: int = 0

    @property
    def letters(self) -> list[EmailMessage]:
        """Every message that was taken, read by the standard library."""
        return [message_from_bytes(raw, policy=policy.default) for raw in self.got]

    def last(self) -> tuple[EmailMessage, str]:
        """The newest message and its text."""
        letter = self.letters[-1]
        return letter, text_of(letter)

    def section(self, **others: Any) -> dict[str, Any]:
        """The section [mail] that reaches this server."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "sender": "photos@example.org",
            "seconds": 3,
            "password_file": str(self.folder / "password"),
            "ca_file": str(self.folder / "cert.pem"),
            "owner": "owner@example.org",
        } | others

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.rcpt(address)
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.seen += 1
        number = self.seen
        answer = self.data(number)
        if answer == TAKEN:
            assert isinstance(envelope.content, bytes)
            self.got.append(envelope.content)
        await asyncio.sleep(self.late(number))
        return answer


def text_of(letter: EmailMessage) -> str:
    """The plain text of a message, with the line ends of this machine."""
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def token(text: str) -> str:
    """The token of the one link in a letter."""
    found = [line for line in text.split() if line.startswith(f"{PUBLIC}/s/")]
    assert len(found) == 1, text
    return found[0].rsplit("/", 1)[1]


def digest(text: str) -> str:
    """What the store holds of the one link in a letter."""
    return token_digest.digest(token(text))


def certificate(folder: Path, names: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A key and a certificate that vouches for itself, as files; for 127.0.0.1, or else for `names`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of the tests")])
    alternative: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternative or [x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def _allowed(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=right)


@contextmanager
def running(folder: Path, names: tuple[str, ...] = ()) -> Iterator[Mailbox]:
    """The server, up; its certificate and the account's password lie in `folder`."""
    folder.mkdir(exist_ok=True)
    box = Mailbox(folder, free_port())
    (folder / "password").touch(0o600)
    (folder / "password").write_text(PASSWORD + os.linesep)
    server = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        tls_context=certificate(folder, names),
        require_starttls=True,
        auth_required=True,
        authenticator=_allowed,
    )
    server.start()
    try:
        yield box
    finally:
        server.stop()
