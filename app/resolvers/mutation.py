"""The way every mutation takes: guard, read the input, one transaction, then the payload is read on a fresh snapshot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal
from uuid import UUID

import strawberry
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry.types.base import StrawberryList

from app.auth.actor import Actor
from app.auth.permissions import Permission
from app.auth.policies import plays_gateway
from app.auth.visible import scope_of
from app.database import assume
from app.engine.context import Context
from app.engine.declare import Attribute, attribute, performing
from app.engine.inputs import input_hash, read_fields, read_input
from app.errors import (
    AccountNotSelected,
    AccountSuspended,
    AlreadyRegistered,
    AppError,
    AppErrors,
    BadRequest,
    DuplicateContract,
    ErrorCode,
    Forbidden,
    GatewayOnly,
    IdempotencyConflict,
    IdempotencyInProgress,
    InvitationAlreadyPending,
    PersonOnly,
    Unauthenticated,
    VacanciesExhausted,
)
from app.models import Base, Environment
from app.operations.kept_outcome import Keyed, Outcome, keyed
from app.operations.work import Work
from app.scope import Scope
from app.settings import Settings
from app.text import camel_case

ByGateway = Literal["never", "also", "only"]
Operation = Callable[..., Awaitable[Mapping[str, Any]]]
_audit = structlog.get_logger("audit")

# What a constraint of the database refuses that a rule let through: two callers raced. By PostgreSQL's name and by SQLite's columns.
_CONSTRAINTS: dict[str, type[AppError] | type[IdempotencyInProgress]] = {
    "uq_contracts_standing": DuplicateContract,
    "contracts.company_id, contracts.establishment_id": DuplicateContract,
    "uq_invitations_pending": InvitationAlreadyPending,
    "invitations.company_id, invitations.establishment_id": InvitationAlreadyPending,
    "uq_companies_labor_office_id_sequence_number": AlreadyRegistered,
    "companies.labor_office_id, companies.sequence_number": AlreadyRegistered,
    "ck_jobs_filled": VacanciesExhausted,
    "uq_kept_outcomes_owner_id_key_hash": IdempotencyInProgress,
    "kept_outcomes.owner_id, kept_outcomes.key_hash": IdempotencyInProgress,
}


@strawberry.type(description="A rule that the input broke. Nothing was changed.")
class UserError:
    code: ErrorCode = attribute(description="Which rule")
    message: str = attribute(description="In the language that the caller asked for")
    path: list[str] | None = attribute(description='The input\'s field, e.g. ["input", "titleAr"]; null where no single one is at fault')
    retryable: bool = attribute(description="Whether the same request may succeed later unchanged")


@dataclass(frozen=True, slots=True)
class Broken:
    """What a UserError shows."""

    code: ErrorCode
    message: str
    path: list[str] | None
    retryable: bool


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
    gateway        whether the portal's gateway may do it: never, also, or only it (in the sandbox, tokens in its place). It has no
                   account of its own: the operation enters its target's (app/operations/entrance.py), whatever `needs_account` says
    tells_all      the operation takes what is wrong with the input's values as `broken`, and tells it along with the rules that it checks
    attempts       how often a minute an account may try it, those that only validate among them; None: as often as it likes
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
    tells_all: bool = False
    attempts: Callable[[Settings], int] | None = None
    results: Callable[[Context, Mapping[str, Any]], Mapping[str, Any]] | None = None
    anyone: bool = False
    before: Callable[[Context], Awaitable[None]] | None = None

    @property
    def name(self) -> str:
        return camel_case(self.operation.__name__)

    @cached_property
    def _shown(self) -> dict[str, bool]:
        """What the payload shows, and whether it is told but once."""
        return {_source_of(field): _is_told_once(field) for field in self.payload.__strawberry_definition__.fields}

    def kept(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What of an outcome is kept under a key: what the payload shows or is made of, but for secrets."""
        return {name: value for name, value in values.items() if not self._shown.get(name, self.results is None)}

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
    tells_all: bool = False,
    attempts: Callable[[Settings], int] | None = None,
    results: Callable[[Context, Mapping[str, Any]], Mapping[str, Any]] | None = None,
    anyone: bool = False,
    before: Callable[[Context], Awaitable[None]] | None = None,
) -> Mutation:
    """Declares a mutation.

    operation  (Work, the input's fields by Python name) -> what the payload shows: rows and values by the payload's field names.
               `broken` are rules that the input broke where something is kept all the same
    results    makes values of what the operation answered that are told even if nothing is written, being only validated. All that
               it answered is then kept under a key
    after      run with what the payload holds once it is committed, for what must follow outside the transaction
    """
    for field in payload.__strawberry_definition__.fields:
        if "secret" in field.python_name and not _is_told_once(field):
            raise TypeError(f"{payload.__name__}.{field.python_name} is to be told `once`")
    return Mutation(
        operation,
        input,
        payload,
        allow,
        needs_account,
        description,
        after,
        person_only=person_only,
        gateway=gateway,
        tells_all=tells_all,
        attempts=attempts,
        results=results,
        anyone=anyone,
        before=before,
    )


class _NothingWritten(Exception):
    """Ends a transaction that was only to validate."""


@dataclass(frozen=True, slots=True)
class Done(Outcome):
    """An outcome, and whether it is an earlier request's."""

    replayed: bool = False


async def _perform(declared: Mutation, context: Context, given: Any) -> Any:
    return _payload(declared, context, given, await perform(declared, context, given, partial(_read, declared)))


async def perform(declared: Mutation, context: Context, given: Any, read: Callable[[Any], dict[str, Any]]) -> Done:
    """Whatever way it came: guarded, in one transaction, once under the context's key.

    read     makes the operation's arguments of what was given. Raises AppError, AppErrors
    Raises   RequestError
    """
    done = Done({}, [])
    actor = context.actor  # as they came: switching and logging out change whom the rest is answered to
    only_validating = getattr(given, "validate_only", False)
    try:
        _guard(declared, context.actor, context.settings)
        key = _keyed(declared, context, given)
        _check_account(declared, context.actor, key)
        if key is None:
            await _count(declared, context)
        values = read(given)
        if declared.before and not only_validating and key is None:
            await declared.before(context)
        done = await _transact(declared, context, values, only_validating, key)
    except (AppError, AppErrors) as broken:
        done = Done({}, _rules(broken))
    except Forbidden as refused:
        refused.values.setdefault("field", f"Mutation.{declared.name}")
        raise
    except (IdempotencyConflict, IdempotencyInProgress) as refused:
        context.signals["refused"] = refused  # the whole request is, as it has no other mutation
        raise
    if done.replayed:
        context.signals["replayed"] = True
    await context.reset()
    _leave_trace(declared, context, actor, done, only_validating)
    return done


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


async def _count(declared: Mutation, context: Context) -> None:
    """Raises TriedTooOften."""
    if declared.attempts and context.attempt:
        # What is rehearsed in the sandbox, where attempts are counted as well, keeps nobody from doing it.
        what = f"{context.settings.environment}:{declared.operation.__name__}:{context.actor.account_id}"
        await context.attempt(what, declared.attempts(context.settings))


def _keyed(declared: Mutation, context: Context, given: Any) -> Keyed | None:
    """The request's key; None where it has none, or only validates.

    Raises BadRequest for an anonymous caller: nobody is there whom a key could belong to, so it would promise what does not hold.
    """
    if context.idempotency_key is None or getattr(given, "validate_only", False):
        return None
    if (owner := _owner(declared, context.actor)) is None:
        raise BadRequest(en="An Idempotency-Key takes a caller who is signed in, or a token.")
    now, hours = context.now, context.settings.idempotency_hours
    scope = scope_of(context.actor) if context.actor.gateway_id is None else Scope(person=owner)
    return keyed(context.idempotency_key, owner, scope, input_hash=input_hash(declared.name, given), now=now, hours=hours)


def _owner(declared: Mutation, actor: Actor) -> UUID | None:
    """Whose key it is: the account's. The person's in what they do for none: switching would change the owner on the way."""
    account = actor.account_id if declared.needs_account else None
    return account or actor.user_id or actor.account_id or actor.gateway_id


def _in_account(declared: Mutation, actor: Actor) -> bool:
    return declared.needs_account and not actor.is_gateway


def _check_account(declared: Mutation, actor: Actor, key: Keyed | None) -> None:
    if _in_account(declared, actor) and actor.account_id is None:
        raise AccountNotSelected
    # With a key, what was done before is told first: the lock tells the rest.
    if _in_account(declared, actor) and actor.suspended and key is None:
        raise AccountSuspended


def _read(declared: Mutation, given: Any) -> dict[str, Any]:
    if not declared.tells_all:
        return read_input(given)
    read, broken = read_fields(given)
    return {**read, "broken": broken}


async def _transact(declared: Mutation, context: Context, given: dict[str, Any], only_validating: bool, key: Keyed | None) -> Done:
    """Raises AppError, AppErrors, RequestError. With a key, rules that the input broke are an outcome, too."""
    done = Done({}, [])

    async def work(session: AsyncSession) -> None:
        nonlocal done
        if key is not None:
            if (kept := await key.recall(session)) is not None:
                done = Done(kept.values, kept.errors, replayed=True)
                return
            # A repetition is no second time.
            await _count(declared, context)
            if declared.before:
                await declared.before(context)
            await assume(session, scope_of(context.actor))
        unit = Work(session, context.actor, context.rules_now, context.request_id, context.settings, context.now, context.language)
        if _in_account(declared, context.actor):
            await unit.lock_account()
            _guard(declared, unit.actor, context.settings)  # as they stand now: somebody may have changed their role meanwhile
        try:
            # What broke a rule is undone, the outcome that says so is not.
            async with nullcontext() if key is None else session.begin_nested():
                made = await declared.operation(unit, **given)
                # Keys only, and now: a transaction that is rolled back takes its rows' values along.
                keys = {f"{name}_id": value.id for name, value in made.items() if isinstance(value, Base)}
                rest = {name: value for name, value in made.items() if not isinstance(value, Base)}
                if only_validating:
                    # What would have been made is not there to be read, a secret not to be given; what was to be changed reads as it is.
                    done = Done(keys | (rest if declared.results else {}), rest.get("broken", []))
                    raise _NothingWritten
                done = Done(keys | rest, rest.get("broken", []))
                await session.flush()  # what the constraints refuse is refused here
            context.commits()
            if not unit.actor.is_gateway:  # whom it acted for ends with the transaction
                context.actor = unit.actor
        except (AppError, AppErrors, IntegrityError) as broken:
            done = Done({}, _rules(_translated(broken)))
            if key is None or any(error.retryable for error in done.errors):
                raise
        if key is not None:
            await key.keep(session, Outcome(declared.kept(done.values), done.errors))

    try:
        with nullcontext() if key is None else key.alone(context.database):
            await context.database.write(work, scope_of(context.actor))
    except _NothingWritten:
        return done
    except IntegrityError as error:
        raise _translated(error) from None
    if declared.after and done.values and not done.replayed:
        await declared.after(context, done.values)
    return done


def _rules(broken: Exception) -> list[AppError]:
    """The rules that were broken. Raises what is no rule."""
    if isinstance(broken, AppErrors):
        return broken.errors
    if isinstance(broken, AppError):
        return [broken]
    raise broken


def _translated(error: Exception) -> Exception:
    if not isinstance(error, IntegrityError):
        return error
    name = getattr(error.orig.__cause__, "constraint_name", None) if error.orig else None
    text = str(name or error.orig)
    return next((made() for known, made in _CONSTRAINTS.items() if known in text), error)


def _leave_trace(declared: Mutation, context: Context, actor: Actor, done: Done, only_validating: bool) -> None:
    _audit.info(
        "mutation",
        operation=declared.operation.__name__,
        user=actor.user_id and str(actor.user_id),
        session=actor.session_id and str(actor.session_id),
        token=actor.token_id and str(actor.token_id),
        gateway=actor.gateway_id and str(actor.gateway_id),
        account=actor.account_id and str(actor.account_id),
        codes=[str(error.code) for error in done.errors],
        validate_only=only_validating,
        replayed=done.replayed,
        request_id=context.request_id,
    )


def _payload(declared: Mutation, context: Context, given: Any, done: Done) -> Any:
    """An instance of the payload's type: keys where it shows rows, which the executor then reads."""
    made: Any = object.__new__(declared.payload)
    for field in declared.payload.__strawberry_definition__.fields:
        made.__dict__[_source_of(field)] = [] if isinstance(field.type, StrawberryList) else None
    made.__dict__.update(done.values)
    if declared.results and done.values:
        made.__dict__.update(declared.results(context, done.values))
    made.user_errors = [told(context, error) for error in done.errors]
    made.client_mutation_id = given.client_mutation_id
    return made


def _is_told_once(field: Any) -> bool:
    return isinstance(field.source, Attribute) and field.source.once


def _source_of(field: Any) -> str:
    """The attribute that a payload's field is read from."""
    return str(getattr(field.source, "local", field.python_name))


def told(context: Context, error: AppError) -> Broken:
    path = None if error.path is None else input_path(error.path)
    return Broken(code=error.code, message=error.words(context.language), path=path, retryable=error.retryable)


def input_path(steps: Sequence[str | int]) -> list[str]:
    """A place in the input as callers know it."""
    return ["input", *(camel_case(str(step)) for step in steps)]
