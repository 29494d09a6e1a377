"""Runs an operation: parsed and validated once for each document, executed by graphql-core, its errors coded and worded."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import strawberry
import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.engine.context import Context
from app.errors import Internal, Language, RequestError, Unavailable

DOCUMENTS = 1000  # kept parsed
LONGEST_KEPT = 20_000  # characters; a longer document is parsed each time, so that nobody fills the memory with them
TOKENS = 10_000
_log = structlog.get_logger("engine")

Refusal = Literal["parse", "document", "variables"]


@dataclass(frozen=True)
class Answer:
    """What a response holds. `refusal` says at which step a request ended that was never executed; `data` is then absent."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]]
    refusal: Refusal | None = None

    @property
    def body(self) -> dict[str, Any]:
        errors = {"errors": self.errors} if self.errors else {}
        return errors if self.refusal else {**errors, "data": self.data}


@dataclass(frozen=True)
class Document:
    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]


class Refused(Exception):
    def __init__(self, step: Refusal, errors: Sequence[GraphQLError]) -> None:
        super().__init__(step)
        self.step, self.errors = step, errors


class Executor:
    """One for each process: the schema and the documents that it has seen."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = schema._schema  # graphql-core's, whose fields know their declarations
        self._documents: OrderedDict[str, Document] = OrderedDict()

    async def execute(self, text: str, variables: dict[str, Any] | None, name: str | None, context: Context) -> Answer:
        """Closes the context's snapshot. Never raises for what a client sent."""
        try:
            operation = self.operation(text, name)
            self._check_variables(operation, variables)
        except Refused as refused:
            return Answer(None, [formatted(error, context, refused.step) for error in refused.errors], refused.step)
        try:
            result = execute(self.schema, self._documents_node(text), context_value=context, variable_values=variables, operation_name=name)
            if not isinstance(result, ExecutionResult):
                result = await result
        finally:
            await context.reset()
        return Answer(result.data, [formatted(error, context) for error in result.errors or ()])

    def operation(self, text: str, name: str | None) -> OperationDefinitionNode:
        """The operation of the document that the request means. Raises Refused."""
        operations = self._document(text).operations
        if name is None and len(operations) == 1:
            return next(iter(operations.values()))
        if name is not None and name in operations:
            return operations[name]
        said = f"There is no operation named {name!r}." if name else "Say with operationName which of the operations to run."
        raise Refused("document", [GraphQLError(said)])

    def _documents_node(self, text: str) -> DocumentNode:
        return self._document(text).node

    def _document(self, text: str) -> Document:
        if (found := self._documents.get(text)) is not None:
            self._documents.move_to_end(text)
            return found
        made = self._read(text)
        if len(text) <= LONGEST_KEPT:
            self._documents[text] = made
            if len(self._documents) > DOCUMENTS:
                self._documents.popitem(last=False)
        return made

    def _read(self, text: str) -> Document:
        try:
            node = parse(text, max_tokens=TOKENS, allow_empty_selection_sets=False)
        except GraphQLSyntaxError as error:
            raise Refused("parse", [error]) from None
        except RecursionError:
            raise Refused("parse", [GraphQLError("The document is nested too deeply.")]) from None
        if errors := validate(self.schema, node, max_errors=20):
            raise Refused("document", errors)
        found = [definition for definition in node.definitions if isinstance(definition, OperationDefinitionNode)]
        if not found:
            raise Refused("document", [GraphQLError("The document holds no operation.")])
        return Document(node, {definition.name.value if definition.name else None: definition for definition in found})

    def _check_variables(self, operation: OperationDefinitionNode, variables: dict[str, Any] | None) -> None:
        if operation.operation is OperationType.SUBSCRIPTION:
            raise Refused("document", [GraphQLError("There are no subscriptions here.")])
        coerced = get_variable_values(self.schema, operation.variable_definitions or (), variables or {}, max_errors=20)
        if isinstance(coerced, list):
            raise Refused("variables", coerced)


# ---- errors ------------------------------------------------------------------------------------------------------------

_CODES: dict[Refusal, str] = {"parse": "PARSE_FAILED", "document": "DOCUMENT_INVALID", "variables": "BAD_USER_INPUT"}
_PLACE = re.compile(r" at (?:value )?[\"']([^\"']+)[\"']")


def formatted(error: GraphQLError, context: Context, step: Refusal | None = None) -> dict[str, Any]:
    """An error as it is answered: coded, in the caller's language, and holding nothing of what is inside."""
    known = _expected(error, context, step)
    made: dict[str, Any] = {"message": error.message if known is None else known.words(context.language)}
    if error.locations:
        made["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        made["path"] = error.path
    made["extensions"] = _refusal_extensions(error, step) if known is None else known.extensions
    return made


def _expected(error: GraphQLError, context: Context, step: Refusal | None) -> RequestError | None:
    """What to tell of an error; None where graphql-core's own words are meant for the caller."""
    original = _root(error)
    if isinstance(original, RequestError):
        return original
    if step is not None or (isinstance(original, GraphQLError) and error.nodes):
        return None
    if isinstance(original, OperationalError | PoolTimeout | OSError) or (
        isinstance(original, DBAPIError) and original.connection_invalidated
    ):
        _log.error(
            "database_unavailable",
            request_id=context.request_id,
            error=type(original).__name__,
            detail=str(getattr(original, "orig", original)),
        )
        return Unavailable()
    _log.error("unexpected", request_id=context.request_id, path=error.path, exc_info=original)
    return Internal(request_id=context.request_id)


def _root(error: GraphQLError) -> BaseException:
    found: BaseException = error
    while isinstance(found, GraphQLError) and found.original_error is not None:
        found = found.original_error
    return found


def _refusal_extensions(error: GraphQLError, step: Refusal | None) -> dict[str, Any]:
    made: dict[str, Any] = {"code": _CODES[step or "variables"], "retryable": False}
    place = _PLACE.search(error.message) if step == "variables" else None
    return {**made, "path": re.split(r"[.\[\]]+", place[1].rstrip("]"))} if place else made


def refusal(error: RequestError, language: Language) -> dict[str, Any]:
    """The body of a request that was refused before any document was looked at."""
    return {"errors": [{"message": error.words(language), "extensions": error.extensions}]}
