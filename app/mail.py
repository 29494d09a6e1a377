"""Mails that the portal sends, by the standard library: it lets no line end into a header. Blocking; threads are the caller's."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from app.values import is_loopback

SECONDS = 10  # that the mail server has for each answer


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    user: str
    password: str
    sealed: bool  # from the first byte on
    may_be_open: bool  # on this very machine

    def send(self, mail: EmailMessage) -> None:
        """Waits for the mail server. Raises OSError, smtplib.SMTPException among them."""
        trusted = ssl.create_default_context()
        made: smtplib.SMTP
        if self.sealed:
            made = smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=trusted)
        else:
            made = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        with made as server:
            if not self.sealed and (server.has_extn("starttls") or not self.may_be_open):
                server.starttls(context=trusted)
            if self.user:
                server.login(self.user, self.password)
            server.send_message(mail)


def mail_server(url: str) -> MailServer:
    """Of smtp://user:password@host:587 or smtps://host:465. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("write smtp://user:password@host:587 or smtps://user:password@host:465")
    sealed = parts.scheme == "smtps"
    port = parts.port or (465 if sealed else 587)
    return MailServer(
        parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), sealed, is_loopback(f"smtp://{parts.netloc}")
    )


def mailbox(address: str, name: str = "") -> Address:
    """Raises ValueError for a name with a line end in it."""
    return Address(name, addr_spec=address)
