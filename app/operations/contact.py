"""What people write to the portal: kept, numbered, and passed on to those who answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

import structlog
from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.doors import Door
from app.clock import RIYADH
from app.database import Database
from app.mail import mail_server, mailbox
from app.models import Environment, Locale, Ticket, TicketCount
from app.models.base import Instant
from app.operations.operator import OperatorError
from app.operations.work import Work
from app.settings import Settings

_log = structlog.get_logger("mail")
_WAITING = 100  # mails; beyond, a ticket waits for `telework tickets --send`

# The row stays locked until the ticket is there: numbers follow one another, without a gap.
NEXT_TICKET = Door("next_ticket", update(TicketCount).values(last=TicketCount.last + 1).returning(TicketCount.last))
TICKET_MAILED = Door(
    "ticket_mailed",
    update(Ticket)
    .where(Ticket.id == bindparam("ticket"), Ticket.mailed_at.is_(None))
    .values(mailed_at=bindparam("now", type_=Instant()))
    .returning(Ticket.id),
)


@dataclass(frozen=True)
class Outgoing:
    """A ticket that is kept, to be mailed."""

    ticket: Ticket


async def contact_us(work: Work, *, name: str, email: str, subject: str, message: str) -> dict[str, object]:
    """Keep a message to those who run the portal, from anybody. Answers its number. Source: guide, contact us."""
    [last] = (await work.session.execute(NEXT_TICKET.on(work.session))).one()
    now = work.wall_clock  # whatever a sandbox's clock says: people read it
    ticket = Ticket(
        number=f"T-{now.astimezone(RIYADH):%Y}-{last:06}",
        name=name,
        email=email,
        subject=subject,
        message=message,
        language=Locale(work.language.upper()),
        user_id=work.actor.user_id,
        company_id=work.actor.account_id,
        created_at=now,
    )
    await work.add(ticket)
    return {"ticket_number": ticket.number, "outgoing": Outgoing(ticket)}


# ---- passing it on -------------------------------------------------------------------------------------------------------


def written(ticket: Ticket, settings: Settings) -> EmailMessage:
    """The ticket as a mail to those who answer it; an answer goes to whoever wrote."""
    mail = EmailMessage()
    support = settings.support_email or ""
    mail["From"], mail["To"] = mailbox(settings.mail_from or support), mailbox(support)
    mail["Reply-To"] = mailbox(ticket.email, ticket.name)
    # Either environment counts its own.
    where = "SANDBOX " if settings.environment == Environment.SANDBOX else ""
    mail["Subject"] = f"[{where}{ticket.number}] {ticket.subject}"
    mail["Message-ID"] = f"<{ticket.number}.{ticket.id.hex}@{support.partition('@')[2]}>"  # sent twice, it shows once
    mail["Date"] = ticket.created_at
    mail["Auto-Submitted"] = "auto-generated"
    came = f"{ticket.created_at.astimezone(RIYADH):%Y-%m-%d %H:%M}"
    mail.set_content(f"{ticket.number} · {came} · {ticket.language}\n{ticket.name} <{ticket.email}>\n\n{ticket.message}\n")
    return mail


class Mailer:
    """Sends tickets one after the other, after they are kept: no request waits for a mail server, and none fails with it.

    What is not sent, because the mail server did not take it or the portal stopped, stays marked so.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = settings.smtp_url.get_secret_value()
        self._server = mail_server(url) if url else None
        self._thread = ThreadPoolExecutor(1, "mail")
        self._waiting: set[asyncio.Task[bool]] = set()

    def pass_on(self, outgoing: Outgoing, database: Database, *, now: datetime) -> None:
        """Sends it when its turn comes."""
        if self._server is None:
            return
        ticket = outgoing.ticket
        if len(self._waiting) >= _WAITING:
            _log.warning("mail_not_sent", ticket=ticket.number, error="too many wait")
            return
        task = asyncio.ensure_future(self.send(ticket, database, now=now))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def send(self, ticket: Ticket, database: Database, *, now: datetime) -> bool:
        """Sends it and marks it as sent; False, with a line in the log, where the mail server did not take it."""
        if self._server is None:
            return False
        try:
            mail = written(ticket, self._settings)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._server.send, mail)
            given = {"ticket": ticket.id, "now": now}

            async def mark(session: AsyncSession) -> None:
                await session.execute(TICKET_MAILED.on(session), given)

            await database.write(mark)
        except Exception as error:  # whatever a mail server, or a database, may come to: nobody waits for this
            _log.error("mail_not_sent", ticket=ticket.number, error=type(error).__name__)  # not its words: they may hold addresses
            return False
        _log.info("mail_sent", ticket=ticket.number)
        return True

    async def close(self) -> None:
        """What has begun is finished; what waits stays marked as not sent."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        for task in list(self._waiting):
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)


# ---- an operator's commands ------------------------------------------------------------------------------------------------


async def tickets(session: AsyncSession, *, closed: bool = False) -> Sequence[Ticket]:
    """Those that are open, or all; the latest first."""
    chosen = select(Ticket).order_by(Ticket.created_at.desc(), Ticket.id.desc())
    return (await session.scalars(chosen if closed else chosen.where(Ticket.closed_at.is_(None)))).all()


async def unsent(session: AsyncSession) -> Sequence[Ticket]:
    """Open ones that no mail server took, the earliest first."""
    waiting = Ticket.mailed_at.is_(None), Ticket.closed_at.is_(None)
    return (await session.scalars(select(Ticket).where(*waiting).order_by(Ticket.created_at, Ticket.id))).all()


async def mark_tickets(session: AsyncSession, numbers: Sequence[str], *, closed_at: datetime | None) -> int:
    """Marks them as done, or as open again, all or, raising OperatorError, none. Answers how many were otherwise before."""
    rows = (await session.scalars(select(Ticket).where(or_(*(func.upper(Ticket.number) == number.upper() for number in numbers))))).all()
    if missing := {number.upper() for number in numbers} - {row.number for row in rows}:
        raise OperatorError(f"there is no ticket {', '.join(sorted(missing))}")
    changed = [row for row in rows if (row.closed_at is None) is not (closed_at is None)]
    for row in changed:
        row.closed_at = closed_at
    return len(changed)
