"""Mail to customers: one letter a key, as an `.eml` file in the outbox folder and, where configured, over SMTP.

What a letter says is `letters`'; whether it may be sent is the permission layer's question.
"""

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from services.adapters.files import file_name, write_once
from services.ports import ToolRefused, ToolUnavailable


class Attachment(NamedTuple):
    """A PDF that goes with a letter."""

    name: str
    content: bytes


class Letter(NamedTuple):
    """What to send, to whom. `key` makes it one letter, however often it is asked for."""

    key: str
    recipient: str
    subject: str
    body: str
    attachments: tuple[Attachment, ...] = ()


class Carrier(Protocol):
    """Takes a finished message to the recipient's server."""

    def carry(self, message: EmailMessage) -> None:
        """Raise ToolRefused when the recipient or the message is refused for good, ToolUnavailable to try again."""


@dataclass(frozen=True)
class Smtp:
    """Submission to a mail server. Without `starttls` the words travel in the clear: only for a server next door."""

    host: str
    port: int = 587
    user: str | None = None
    password: str | None = None
    starttls: bool = True
    timeout_seconds: float = 10.0

    def carry(self, message: EmailMessage) -> None:
        """Hand `message` over. Raises ToolRefused (5xx) and ToolUnavailable (4xx, no connection, silence)."""
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password or "")
                server.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise ToolUnavailable(f"mail server {self.host} refuses SMTP_USER or SMTP_PASSWORD") from error
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise self._judged(code, said) from error
        except smtplib.SMTPResponseException as error:
            raise self._judged(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ToolUnavailable(f"mail server {self.host}: {str(error) or type(error).__name__}") from error

    def _judged(self, code: int, said: bytes | str) -> ToolRefused | ToolUnavailable:
        words = said.decode("utf-8", errors="replace") if isinstance(said, bytes) else said
        sentence = f"mail server {self.host} answered {code}: {words[:200]}"
        return ToolRefused(sentence) if code >= 500 else ToolUnavailable(sentence)


class Mailbox:
    """Sends each letter once. Every letter stays as a file to look at, whether or not a server carries it further.

    With a carrier, a crash in the instant between its "accepted" and our note of it makes the next attempt send again;
    the letter then has the same Message-ID, by which mail programs know it as one. SMTP offers nothing stronger.
    """

    def __init__(self, folder: Path, sender: str, carrier: Carrier | None = None) -> None:
        self._folder = folder
        self._sender = sender
        self._carrier = carrier

    def send(self, letter: Letter, now: datetime) -> Path:
        """Send `letter` unless it went out before; return its file.

        Raises ToolRefused (no such address, refused for good), ToolUnavailable (repeat later).
        """
        path = self._folder / f"{file_name(letter.key)}.eml"
        carried = path.with_suffix(".sent")
        try:
            write_once(path, self._written(letter, now).as_bytes())
            if self._carrier is None or carried.exists():
                return path
            # What goes out is what is on file: an earlier attempt may have written it on another day.
            self._carrier.carry(_read(path))
            write_once(carried, b"")
        except OSError as error:
            raise ToolUnavailable(f"mail folder {self._folder.name}: {error.strerror or error}") from error
        return path

    def _written(self, letter: Letter, now: datetime) -> EmailMessage:
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = self._sender
        message["To"] = checked_address(letter.recipient)
        message["Subject"] = re.sub(r"\s+", " ", letter.subject)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{file_name(letter.key)}@{self._sender.rpartition('@')[2].strip('<> ')}>"
        # RFC 3834: out-of-office robots do not answer, so two robots never talk to each other.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.body)
        for attachment in letter.attachments:
            message.add_attachment(attachment.content, maintype="application", subtype="pdf", filename=attachment.name)
        return message


def checked_address(text: str) -> str:
    """Return the bare address. Raises ToolRefused where `text` is none, or more than one, or hides a header."""
    try:
        address = Address(addr_spec=text.strip())
    except (MessageError, ValueError, IndexError) as error:
        raise ToolRefused(f"{text[:100]!r} is no e-mail address") from error
    if not address.username or "." not in address.domain.strip(".") or re.search(r"[\s,;<>]", text.strip()):
        raise ToolRefused(f"{text[:100]!r} is no e-mail address")
    return address.addr_spec


def first_address(candidates: Sequence[str | None]) -> str | None:
    """Return the first address that is there."""
    return next((one for one in candidates if one and one.strip()), None)


def _read(path: Path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.SMTP).parsebytes(path.read_bytes())
