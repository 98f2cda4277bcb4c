"""Mail by SMTP (RFC 5321): one letter a connection, and its failures told apart.

A server's answer may quote an address, so no error here repeats its text: only its code.
"""

import re
import smtplib
import ssl
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from plugin.config import Config
from plugin.config.sections import MailSection
from plugin.errors import MailError, MailMisconfigured, MailRefused
from plugin.ledger.keys import private_files

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # Persian and Indic names need them, and they steer nothing
_LONGEST_LINE = 500
_LONGEST_NAME = 60  # of a sender: what of it a mail program shows
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_NO_ADDRESS = "the address is not one that mail can be sent to: correct it"
_SOON = range(400, 500)  # RFC 5321 4.2.1: a transient answer


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter; `kind` is a media type such as `application/pdf`."""

    name: str
    kind: str
    body: bytes


@dataclass(frozen=True)
class Outgoing:
    """One letter to one address. `id` makes its Message-ID: the same each time it is sent."""

    id: str
    to: str
    subject: str
    text: str
    written_at: datetime
    attachments: Sequence[Attachment] = ()


class _Whole(EmailPolicy):
    """Folds what is not ASCII as a whole (RFC 2047): the library's newer folding doubles and loses spaces in it."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        text = str(value)
        if text.isascii() or name not in ("Subject", "From"):
            return super().fold_binary(name, value)
        end = ""
        if name == "From":
            text, end = value.addresses[0].display_name, f"\r\n <{value.addresses[0].addr_spec}>"
        folded = Header(text, "utf-8", header_name=name).encode(linesep="\r\n")
        return f"{name}: {folded}{end}\r\n".encode("ascii")


_POLICY = _Whole(linesep="\r\n")


def one_line(text: str) -> str:
    """`text` as it may be in a header or a line: no line break, no control character."""
    bare = "".join(sign if _is_visible(sign) else " " for sign in text)
    return " ".join(bare.split())[:_LONGEST_LINE]


def _is_visible(sign: str) -> bool:
    return sign in _JOINERS or unicodedata.category(sign) not in _INVISIBLE


def _clean_heading(text: str) -> str:
    """`text` for a header. The library would decode an "encoded word" in it, line breaks included."""
    return one_line(text).replace("=?", "= ?")


def compose(letter: Outgoing, sender: str, name: str) -> EmailMessage:
    """The letter as a message (RFC 5322) from `sender`, called `name`. Raises MailRefused for no address."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(display_name=_clean_heading(name)[:_LONGEST_NAME], addr_spec=sender)
    message["To"] = _parse_address(letter.to)
    message["Subject"] = _clean_heading(letter.subject)
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.id}@{_encode_domain(sender)}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notice comes back
    message.set_content(letter.text, cte="quoted-printable")
    for item in letter.attachments:
        main, sub = item.kind.split("/")
        message.add_attachment(item.body, maintype=main, subtype=sub, filename=one_line(item.name))
    return message


def _parse_address(text: str) -> Address:
    """One address; of a domain with other letters its ASCII form (RFC 5890)."""
    try:
        found = Address(addr_spec=text)
        domain = found.domain.encode("idna").decode("ascii")
    # What the library raises for what is no address: its parser stumbles in more than one way.
    except (ValueError, IndexError, AttributeError, MessageError) as error:
        raise MailRefused(_NO_ADDRESS) from error
    if not (found.username and _HOST.fullmatch(domain)):
        raise MailRefused(_NO_ADDRESS)
    return Address(username=found.username, domain=domain)


def _encode_domain(sender: str) -> str:
    return sender.rsplit("@", 1)[1].encode("idna").decode("ascii")


class MailServer:
    """The mail server of the configuration. Every call opens a connection of its own."""

    def __init__(self, mail: MailSection, password: str = "", ca_file: str | None = None) -> None:
        self._mail = mail
        self._password = password
        self._ca_file = ca_file

    @classmethod
    def from_config(cls, config: Config) -> "MailServer":
        """Raises MailMisconfigured without a host, or where the password cannot be read by us alone."""
        mail = config.mail
        if not mail.host:
            raise MailMisconfigured("mail.host: name the mail server, or hand links over by hand")
        ca_file = str(config.path(mail.ca_file)) if mail.ca_file else None
        return cls(mail, _read_password(config) if mail.user else "", ca_file)

    def send(self, message: EmailMessage) -> None:
        """Hand the message over; returning means that the server has taken it.

        Raises MailRefused (never), MailMisconfigured (not before it is mended), MailError (later).
        """
        with self._connected() as smtp, _translated_errors():
            smtp.send_message(message)

    def check(self) -> str:
        """What the server says of itself after connection, encryption and sign-in. Raises as `send` does."""
        with self._connected() as smtp, _translated_errors():
            code, _ = smtp.noop()
            if code != 250:
                raise smtplib.SMTPResponseException(code, b"")
        security = {"starttls": "STARTTLS", "tls": "TLS", "none": "on this machine"}[self._mail.security]
        signed_in = "signed in" if self._mail.user else "no account"
        return f"{self._mail.host}:{self._mail.port}, {security}, {signed_in}"

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        with _translated_errors():
            smtp = self._connect()
        try:
            with _translated_errors():
                if self._mail.security == "starttls":
                    smtp.starttls(context=self._trust())
                if self._mail.user:
                    smtp.login(self._mail.user, self._password)
            yield smtp
        finally:
            # What was taken stays taken: a farewell that fails must not make it be sent again.
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        mail, name = self._mail, _encode_domain(self._mail.sender)
        if mail.security == "tls":
            trust = self._trust()
            return smtplib.SMTP_SSL(mail.host, mail.port, local_hostname=name, timeout=mail.seconds, context=trust)
        return smtplib.SMTP(mail.host, mail.port, local_hostname=name, timeout=mail.seconds)

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise MailMisconfigured(f"mail.ca_file: {self._ca_file} cannot be read as certificates (PEM)") from error


def _read_password(config: Config) -> str:
    path = config.path(config.mail.password_file)
    try:
        private_files.refuse_open_to_others(path, MailMisconfigured)
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MailMisconfigured(
            f"mail.password_file: {path} cannot be read: put the password of mail.user in it"
        ) from error


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Translate the library's errors into ours, by whether a retry makes sense."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise _choose_error(error.smtp_code, MailMisconfigured, "the account or its password") from error
    except smtplib.SMTPSenderRefused as error:
        raise _choose_error(error.smtp_code, MailMisconfigured, "the sender") from error
    except smtplib.SMTPRecipientsRefused as error:
        code = max((answer[0] for answer in error.recipients.values()), default=550)
        raise _choose_error(code, MailRefused, "the address") from error
    except smtplib.SMTPDataError as error:
        raise _choose_error(error.smtp_code, MailRefused, "the letter") from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailMisconfigured(
            "mail.security or mail.user: the mail server does not offer what they ask for"
        ) from error
    except smtplib.SMTPResponseException as error:
        raise _choose_error(error.smtp_code, MailMisconfigured, "us") from error
    except ssl.SSLCertVerificationError as error:
        raise MailMisconfigured(
            f"mail.host: the server's certificate is not trusted ({error.verify_message})"
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(f"the mail server did not answer as it should ({type(error).__name__})") from error


def _choose_error(code: int, kind: type[MailError], what: str) -> MailError:
    if code in _SOON:
        return MailError(f"the mail server asks for patience (it answered {code})")
    return kind(f"the mail server refuses {what} (it answered {code})")
