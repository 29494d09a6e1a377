"""The second wall between tenants, on PostgreSQL: row-level security, made from what the models say at their heads (`scoped_by`).

`visible` has every statement ask for the caller's rows; the policies have the database answer with no others, whatever was asked. They
hold for one role, `telework_app`, which the server works as and which owns nothing. What must see across tenants goes by DOORS; what the
portal's gateway reads (`for_gateway`), in a role of its own, `telework_gateway`, that writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, and_, false, literal_column, or_, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors

from app.auth import sessions, tokens
from app.auth.doors import ASKING, Door
from app.auth.searches import FOUND
from app.models import (
    Base,
    Company,
    Document,
    Establishment,
    Event,
    GatewayCredential,
    LogoutToken,
    Member,
    Provider,
    ReportDuty,
    ReportLine,
    ReportLineVersion,
    ReportSubmission,
    Session,
    SignIn,
    Slot,
    SlotHolder,
    Ticket,
    TicketCount,
    TrustedDocument,
    User,
    UserEstablishment,
)
from app.models.base import ACCOUNT, USER, Row, by_company, everyone, nobody
from app.operations import contact, entrance, establishment, kept_outcome, member, provider, sandbox, sign_in, slot, worker
from app.scope import APP_ROLE, GATEWAY_ROLE

DOORS: tuple[Door, ...] = (
    sessions.SESSION_OF_SECRET,
    sessions.SESSION_OF_PREVIOUS_SECRET,
    sessions.DEAD_SESSIONS,
    sessions.SESSIONS_LEAVING,
    tokens.TOKEN_OF_SECRET,
    tokens.GATEWAY_OF_SECRET,
    tokens.GATEWAY_USED,
    sign_in.PERSON_SIGNING_IN,
    sign_in.SESSIONS_OF_LOGIN,
    member.USER_OF_NATIONAL_ID,
    provider.COMPANY_OF_NUMBER,
    provider.PROVIDER_OF_NUMBER,
    *entrance.COMPANY_OF.values(),
    worker.ACCOUNTS_BEHIND,
    establishment.ESTABLISHMENT_OF_NUMBER,
    establishment.ESTABLISHMENT_CORRECTED,
    slot.SLOT_HOLDER,
    slot.SLOT_TAKEN,
    slot.SLOT_KEPT,
    *FOUND.values(),
    kept_outcome.OUTCOMES_FORGOTTEN,
    contact.NEXT_TICKET,
    contact.TICKET_MAILED,
)

IN_SANDBOX: tuple[Door, ...] = (sandbox.SLOTS_FREED,)

Condition = Callable[[Row], ColumnElement[bool]]
_DIALECT = postgresql.dialect()


def _own(row: Row) -> ColumnElement[bool]:
    return row.user_id == USER  # type: ignore[no-any-return]  # an alias' attributes are Any


def _somebody(_: Row) -> ColumnElement[bool]:
    return or_(USER.is_not(None), ACCOUNT.is_not(None))


def _nobody_yet(_: Row) -> ColumnElement[bool]:
    return and_(USER.is_(None), ACCOUNT.is_(None))


# Where the wall must give way a little beyond `visible`.
# Memberships tell which companies are one's own; trips to the login, and its word that somebody logged out, come before it is known
# who asks; registered documents are asked for by their text.
_ALSO: dict[type[Base], Condition] = {Member: _own, SignIn: _nobody_yet, LogoutToken: _nobody_yet, TrustedDocument: everyone}
# Rows that nobody can see yet: a provider at its registration, the person whom an administrator invites, a client new to the portal.
# A membership comes from the company, never from the person. Anybody may write to the portal, and read nothing of it.
_ADDED: dict[type[Base], Condition] = {
    Provider: _somebody,
    User: _somebody,
    Establishment: _somebody,
    Member: by_company,
    Ticket: everyone,
}
# Seen by more than may change them.
_CHANGED: dict[type[Base], Condition] = {User: lambda row: row.id == USER, Company: lambda row: row.id == ACCOUNT}
# The log is only written on, clients are shared; other rows are hidden or ended, not deleted. Documents and the gateway's credential
# are an operator's.
_GRANTED: dict[type[Base], str] = {
    Event: "SELECT, INSERT",
    Establishment: "SELECT, INSERT",
    Session: "SELECT, INSERT, UPDATE, DELETE",
    SignIn: "SELECT, INSERT, DELETE",
    LogoutToken: "SELECT, INSERT, DELETE",
    UserEstablishment: "SELECT, INSERT, DELETE",
    TrustedDocument: "SELECT",
    # What was reported is added to, and moves among the versions; nothing is changed where it lies but what says whether it is expected.
    ReportSubmission: "SELECT, INSERT",
    ReportLineVersion: "SELECT, INSERT",
    ReportLine: "SELECT, INSERT, UPDATE, DELETE",
    ReportDuty: "SELECT, INSERT, DELETE",
    GatewayCredential: "",
    SlotHolder: "",
    Slot: "",
    Ticket: "INSERT",
    TicketCount: "",
}
# Where a document's bytes lie is no business of the gateway's.
_WITHHELD_FROM_GATEWAY: dict[type[Base], frozenset[str]] = {Document: frozenset({"storage_key"})}


def models() -> list[type[Base]]:
    """Those with a table of their own: what is made of others' rows when it is asked for is behind their walls."""
    tables = (mapper.class_ for mapper in Base.registry.mappers if isinstance(mapper.local_table, Table))
    return sorted(tables, key=lambda model: model.__tablename__)


def raised(schema: str, *, in_sandbox: bool = False) -> str:
    """All statements that make the wall anew, in the schema, for whoever runs them: the tables' owner."""
    made = [_ROLE, _GATEWAY, LOWERED, f"GRANT USAGE ON SCHEMA {schema} TO {APP_ROLE}, {GATEWAY_ROLE}"]
    for model in models():
        made += _walled(model, in_sandbox)
    for door in (*DOORS, *(IN_SANDBOX if in_sandbox else ())):
        made += [
            door.definition(schema),
            f"REVOKE ALL ON FUNCTION {door.signature} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION {door.signature} TO {APP_ROLE}",
        ]
    return ";\n".join(made)


def digest(made: str) -> str:
    return hashlib.sha256(made.encode()).hexdigest()


def _walled(model: type[Base], in_sandbox: bool) -> list[str]:
    table = model.__tablename__
    granted = _granted(model, in_sandbox)
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        f"REVOKE ALL ON {table} FROM {APP_ROLE}",
        *([f"GRANT {granted} ON {table} TO {APP_ROLE}"] if granted else []),
        # Migrations, an operator's commands and the doors; FORCE would hold their owner, too.
        f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true)",
        *_policies(model, granted),
        *_gateway_policies(model),
    ]


def _gateway_policies(model: type[Base]) -> list[str]:
    """Tables that the graph may ask can be asked; without a policy they answer nothing."""
    table, withheld = model.__tablename__, _WITHHELD_FROM_GATEWAY.get(model)
    made = [f"REVOKE ALL ON {table} FROM {GATEWAY_ROLE}"]
    if model.scoped_by is not nobody:
        columns = f" ({', '.join(column.name for column in model.__table__.columns if column.name not in withheld)})" if withheld else ""
        made.append(f"GRANT SELECT{columns} ON {table} TO {GATEWAY_ROLE}")
    if model.for_gateway is not nobody:
        made.append(f"CREATE POLICY gateway_selects ON {table} FOR SELECT TO {GATEWAY_ROLE} USING ({_sql(model, model.for_gateway)})")
    return made


def _granted(model: type[Base], in_sandbox: bool) -> str:
    granted = _GRANTED.get(model, "SELECT" if model.scoped_by is everyone else "SELECT, INSERT, UPDATE")
    return f"{granted}, DELETE" if in_sandbox and sandbox.is_reset(model) and "DELETE" not in granted else granted


def _policies(model: type[Base], granted: str) -> list[str]:
    def seen(row: Row) -> ColumnElement[bool]:
        return or_(model.scoped_by(row), _ALSO[model](row)) if model in _ALSO else model.scoped_by(row)

    changed = _CHANGED.get(model, seen)
    by_command = {
        "SELECT": f"USING ({_sql(model, seen)})",
        "INSERT": f"WITH CHECK ({_sql(model, _ADDED.get(model, changed))})",
        "UPDATE": f"USING ({_sql(model, changed)})",
        "DELETE": f"USING ({_sql(model, changed)})",
    }
    return [
        f"CREATE POLICY {command.lower()}s ON {model.__tablename__} FOR {command} TO {APP_ROLE} {rule}"
        for command, rule in by_command.items()
        if command in granted
    ]


def _sql(model: type[Base], condition: Condition) -> str:
    """The condition's text over the table, with the settings for the caller's parameters."""

    def replace(element: Any, **_: Any) -> Any:
        return literal_column(ASKING[element.key], element.type) if isinstance(element, BindParameter) and element.required else None

    # Within a statement: on its own, a subquery would not know that the table is outside of it.
    whole: Any = visitors.replacement_traverse(select(model.id).where(condition(model), ~false()), {}, replace)
    return str(whole.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})).partition("\nWHERE ")[2]


_ROLE = f"""DO $role$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
        CREATE ROLE {APP_ROLE} NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        GRANT {APP_ROLE} TO CURRENT_USER;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the server was quicker
END $role$"""

# The server takes it on by name, for a transaction (SET LOCAL ROLE); what it may read must never come by inheritance, with nothing said.
_GATEWAY = f"""DO $role$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{GATEWAY_ROLE}') THEN
        CREATE ROLE {GATEWAY_ROLE} NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        ALTER ROLE {APP_ROLE} NOINHERIT;
        GRANT {GATEWAY_ROLE} TO {APP_ROLE};
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $role$"""

# As it was before there were any: migrations may then change what policies refer to.
LOWERED = r"""DO $lowered$ DECLARE made record; BEGIN
    FOR made IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = current_schema() LOOP
        EXECUTE format('DROP POLICY %I ON %I', made.policyname, made.tablename);
    END LOOP;
    FOR made IN SELECT oid::regprocedure AS signature FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND prosecdef AND proname LIKE 'telework\_%' LOOP
        EXECUTE format('DROP FUNCTION %s', made.signature);
    END LOOP;
    FOR made IN SELECT relname FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relrowsecurity LOOP
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', made.relname);
    END LOOP;
END $lowered$"""
