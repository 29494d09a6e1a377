"""The way every mutation takes: guard, read the input, one transaction, then the payload is read on a fresh snapshot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import strawberry
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.actor import Actor
from app.auth.permissions import Permission
from app.auth.policies import plays_gateway
from app.auth.visible import scope_of
from app.engine.context import Context
from app.engine.declare import attribute, performing
from app.engine.inputs import read_input
from app.errors import (
    AccountNotSelected,
    AccountSuspended,
    AlreadyRegistered,
    AppError,
    AppErrors,
    DuplicateContract,
    ErrorCode,
    Forbidden,
    GatewayOnly,
    PersonOnly,
    Unauthenticated,
)
from app.models import Base, Environment
from app.operations.work import Work
from app.settings import Settings
from app.text import camel_case

ByGateway = Literal["never", "also", "only"]
Operation = Callable[..., Awaitable[Mapping[str, Any]]]
_audit = structlog.get_logger("audit")

# What a constraint of the database refuses that a rule let through: two callers raced. By PostgreSQL's name and by SQLite's columns.
_CONSTRAINTS: dict[str, type[AppError]] = {
    "uq_contracts_standing": DuplicateContract,
    "contracts.company_id, contracts.establishment_id": DuplicateContract,
    "uq_companies_labor_office_id_sequence_number": AlreadyRegistered,
    "companies.labor_office_id, companies.sequence_number": AlreadyRegistered,
}


@strawberry.type(description="A rule that the input broke. Nothing was changed.")
class UserError:
    code: ErrorCode = strawberry.field(description="Which rule")
    message: str = strawberry.field(description="In the language that the caller asked for")
    path: list[str] | None = strawberry.field(
        description='The input\'s field, e.g. ["input", "titleAr"]; null where no single one is at fault'
    )
    retryable: bool = strawberry.field(description="Whether the same request may succeed later unchanged")


@strawberry.type
class Payload:
    """What every payload has besides its own fields."""

    user_errors: list[UserError] = attribute(description="The rules that the input broke; empty when it was done")
    client_mutation_id: str | None = attribute(description="As it came in the input")


@dataclass(frozen=True)
class Mutation:
    """A mutation as declared.

    allow          None: whoever is signed in
    needs_account  False: also without an active company
    person_only    no token and no gateway, whatever they hold
    gateway        whether the portal's gateway may do it: never, also, or only it (in the sandbox, tokens in its place)
    anyone         nobody has to say who they are
    before         run with good input in front of the transaction, unless it is only validated
    """

    operation: Operation
    input: Any
    payload: Any
    allow: Permission | None
    needs_account: bool
    description: str
    after: Callable[[Context, Mapping[str, Any]], Awaitable[None]] | None
    person_only: bool = False
    gateway: ByGateway = "never"
    anyone: bool = False
    before: Callable[[Context], Awaitable[None]] | None = None

    def field(self) -> Any:
        needs = f". Needs {self.allow}." if self.allow else ". For the portal's gateway alone." if self.gateway == "only" else ""
        return performing(partial(_perform, self), self.input, self.payload, description=self.description + needs)


def mutation(
    operation: Operation,
    input: Any,  # noqa: A002
    payload: Any,
    *,
    description: str,
    allow: Permission | None = None,
    needs_account: bool = True,
    after: Callable[[Context, Mapping[str, Any]], Awaitable[None]] | None = None,
    person_only: bool = False,
    gateway: ByGateway = "never",
    anyone: bool = False,
    before: Callable[[Context], Awaitable[None]] | None = None,
) -> Mutation:
    """Declares a mutation.

    operation  (Work, the input's fields by Python name) -> what the payload shows: rows and values by the payload's field names
    after      run with what the payload holds once it is committed, for what must follow outside the transaction
    """
    return Mutation(operation, input, payload, allow, needs_account, description, after, person_only, gateway, anyone, before)


class _NothingWritten(Exception):
    """Ends a transaction that was only to validate."""


async def _perform(declared: Mutation, context: Context, given: Any) -> Any:
    outcome: Mapping[str, Any] = {}
    errors: list[AppError] = []
    actor = context.actor  # as they came: switching and logging out change whom the rest is answered to
    only_validating = getattr(given, "validate_only", False)
    try:
        _guard(declared, context.actor, context.settings)
        _check_account(declared, context)
        values = read_input(given)
        if declared.before and not only_validating:
            await declared.before(context)
        outcome = await _transact(declared, context, values, only_validating)
    except AppErrors as several:
        errors = several.errors
    except AppError as one:
        errors = [one]
    except Forbidden as refused:
        refused.values.setdefault("field", f"Mutation.{camel_case(declared.operation.__name__)}")
        raise
    await context.reset()
    _leave_trace(declared, context, actor, errors, only_validating)
    return _payload(declared, context, given, outcome, errors)


def _guard(declared: Mutation, actor: Actor, settings: Settings) -> None:
    if declared.anyone:
        return
    if actor.is_anonymous:
        raise Unauthenticated
    if declared.person_only and actor.user_id is None:
        raise PersonOnly
    if declared.gateway == "only" and not plays_gateway(actor, in_sandbox=settings.environment == Environment.SANDBOX):
        raise GatewayOnly
    if actor.is_gateway:
        if declared.gateway == "never":
            raise Forbidden(permission=declared.allow) if declared.allow else PersonOnly
    # A person without an account is told to choose one instead.
    elif declared.allow and actor.account_id and not actor.may(declared.allow):
        raise Forbidden(permission=declared.allow)


def _check_account(declared: Mutation, context: Context) -> None:
    if declared.needs_account and context.actor.account_id is None:
        raise AccountNotSelected
    if declared.needs_account and context.actor.suspended:
        raise AccountSuspended


async def _transact(declared: Mutation, context: Context, given: dict[str, Any], only_validating: bool) -> Mapping[str, Any]:
    outcome: Mapping[str, Any] = {}

    async def work(session: AsyncSession) -> None:
        nonlocal outcome
        unit = Work(session, context.actor, context.now, context.request_id, context.settings, context.language)
        if declared.needs_account:
            await unit.lock_account()
            _guard(declared, unit.actor, context.settings)  # as they stand now: somebody may have changed their role meanwhile
        made = await declared.operation(unit, **given)
        # Keys only, and now: a transaction that is rolled back takes its rows' values along.
        keys = {f"{name}_id": value.id for name, value in made.items() if isinstance(value, Base)}
        if only_validating:
            # What would have been made is not there to be read, a secret not to be given; what was to be changed reads as it is.
            outcome = keys
            raise _NothingWritten
        outcome = keys | {name: value for name, value in made.items() if not isinstance(value, Base)}
        await session.flush()  # what the constraints refuse is refused here
        context.commits()
        context.actor = unit.actor

    try:
        await context.database.write(work, scope_of(context.actor))
    except _NothingWritten:
        return outcome
    except IntegrityError as error:
        raise _translated(error) from None
    if declared.after:
        await declared.after(context, outcome)
    return outcome


def _translated(error: IntegrityError) -> Exception:
    name = getattr(error.orig.__cause__, "constraint_name", None) if error.orig else None
    text = str(name or error.orig)
    return next((made() for known, made in _CONSTRAINTS.items() if known in text), error)


def _leave_trace(declared: Mutation, context: Context, actor: Actor, errors: list[AppError], only_validating: bool) -> None:
    _audit.info(
        "mutation",
        operation=declared.operation.__name__,
        user=actor.user_id and str(actor.user_id),
        session=actor.session_id and str(actor.session_id),
        token=actor.token_id and str(actor.token_id),
        gateway=actor.gateway_id and str(actor.gateway_id),
        account=actor.account_id and str(actor.account_id),
        codes=[str(error.code) for error in errors],
        validate_only=only_validating,
        request_id=context.request_id,
    )


def _payload(declared: Mutation, context: Context, given: Any, outcome: Mapping[str, Any], errors: list[AppError]) -> Any:
    """An instance of the payload's type: keys where it shows rows, which the executor then reads."""
    made: Any = object.__new__(declared.payload)
    for field in declared.payload.__strawberry_definition__.fields:
        made.__dict__[getattr(field.source, "local", field.python_name)] = None
    made.__dict__.update(outcome)
    made.user_errors = [_user_error(context, error) for error in errors]
    made.client_mutation_id = given.client_mutation_id
    return made


def _user_error(context: Context, error: AppError) -> UserError:
    path = None if error.path is None else ["input", *(camel_case(str(step)) for step in error.path)]
    return UserError(code=error.code, message=error.words(context.language), path=path, retryable=error.retryable)
