"""Runs an operation: compiled where it can be, by graphql-core otherwise, and counts why."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Literal

import strawberry
import structlog
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    OperationType,
    execute,
    get_named_type,
)
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import VariableValues, get_argument_values

from app.database import driver_of
from app.engine.answers import Answer, Refused, formatted
from app.engine.context import Context
from app.engine.declare import GraphField, Many, Perform, graph_field
from app.engine.documents import Document, Operation, read_document
from app.engine.limits import Meter
from app.engine.plan import Plan, Planner
from app.engine.search import settled
from app.engine.steps import Run, Unplannable
from app.engine.texts import Marked
from app.errors import DeadlineExceeded, RequestError, StoppedAfterWriting
from app.words import english

DOCUMENTS, PLANS = 1000, 2000  # kept; the one least recently used goes first
LONGEST_KEPT = 20_000  # characters; a longer document is parsed each time, so that nobody fills the memory with them
_GRACE = 0.05  # seconds between stopping the SQL and stopping everything
_log = structlog.get_logger("engine")

Way = Literal["compiled", "reference"]


@dataclass(frozen=True)
class Prepared:
    """An operation that may run: valid, its variables read, its cost within the limit."""

    operation: Operation
    name: str | None
    given: dict[str, Any] | None
    variables: VariableValues
    cost: int

    @property
    def is_mutation(self) -> bool:
        return self.operation.kind is OperationType.MUTATION

    def unused(self, objects: int) -> int:
        """What is left of the cost when the answer held so many objects."""
        return self.operation.formula.unused(self.cost, objects) if self.operation.formula else 0


class Executor:
    """One for each process: the schema, the documents it has seen, their plans.

    in_arabic  the schema that answers questions about itself in Arabic

    counts   "compiled", or "fallback: " and why not; "planned" and "plan reused"; "document read" and "document reused"
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        way: Way = "compiled",
        meter: Meter | None = None,
        in_arabic: Callable[[], strawberry.Schema] | None = None,
    ) -> None:
        self.strawberry, self.schema, self.way, self.meter = schema, schema._schema, way, meter
        self._in_arabic = in_arabic or (lambda: schema)
        self.counts: Counter[str] = Counter()
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._plans: OrderedDict[Any, Plan] = OrderedDict()
        # One: whoever sends much that is new waits for their like, and everybody else for none of them.
        self._aside, self._lock = ThreadPoolExecutor(1, "aside"), Lock()

    async def execute(self, text: str, variables: dict[str, Any] | None, name: str | None, context: Context) -> Answer:
        """Both steps at once. Raises RequestError where a limit refuses the operation."""
        try:
            prepared = self.prepare(text, variables, name)
        except Refused as refused:
            return refused_answer(refused, context)
        return await self.run(prepared, context)

    def prepare(self, text: str, variables: dict[str, Any] | None, name: str | None, *, most_cost: int | None = None) -> Prepared:
        """Everything that needs no database. Raises Refused, DocumentTooComplex, CostLimit."""
        operation = self.operation(text, name)
        coerced = operation.variables(variables)
        if operation.kind is OperationType.SUBSCRIPTION:
            raise Refused("document", [GraphQLError(english("There are no subscriptions here."))])
        if operation.formula is None:
            cost = 0
        else:
            cost = operation.formula.cost(coerced.coerced) if most_cost is None else operation.formula.check(coerced.coerced, most_cost)
        return Prepared(operation, name, variables, coerced, cost)

    async def prepare_aside(self, *arguments: Any, **options: Any) -> Prepared:
        """As `prepare`, while others are served: for what takes many milliseconds."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, partial(self.prepare, *arguments, **options))

    async def run(self, prepared: Prepared, context: Context) -> Answer:
        """Closes the context. Raises DeadlineExceeded, with the SQL stopped and what was being written rolled back; nothing else."""
        seconds, loop, late, stopped = context.settings.deadline, asyncio.get_running_loop(), False, False
        main: Any = asyncio.current_task()
        alarm: asyncio.TimerHandle

        # First the SQL, then the task: SQLite's thread would run on after a cancellation, and whoever cleans up wait for it.
        def interrupt() -> None:
            nonlocal late, alarm
            late, alarm = True, loop.call_later(_GRACE, stop)
            context.interrupt(main)

        def stop() -> None:
            nonlocal stopped
            stopped = True
            main.cancel()

        alarm = loop.call_later(seconds, interrupt)
        try:
            try:
                answer = await self._answer(prepared, context)
            except asyncio.CancelledError:
                if not stopped or main.uncancel() > 0:  # somebody else's wish
                    raise
                raise TimeoutError from None
            if late and not prepared.is_mutation:  # its errors are the interruption's; what a mutation did is told
                raise DeadlineExceeded(seconds=seconds)
            return answer
        except Exception:
            if not late:
                raise
            _log.warning("deadline", request_id=context.request_id, seconds=seconds)
            if context.committed:
                raise StoppedAfterWriting(seconds=seconds, performed=list(context.committed)) from None
            raise DeadlineExceeded(seconds=seconds) from None
        finally:
            alarm.cancel()
            await context.close()

    async def _answer(self, prepared: Prepared, context: Context) -> Answer:
        operation = prepared.operation
        if self.way == "compiled" and (answer := await self._compiled(operation, prepared.variables, context)) is not None:
            return answer
        await context.reset()
        answer = await self._reference(operation, prepared.given, prepared.name, context)
        if answer.data is not None:  # a payload that was read before the next mutation was done tells how things stood then
            for key, read in context.read.items():
                answer.data[key] = read[0]
                told = [formatted(error, context) for error in read[1]]
                answer.errors[:] = [*told, *(error for error in answer.errors if (error.get("path") or [None])[0] != key)]
        return answer

    def mutations(self, prepared: Prepared) -> int:
        """How many mutations it would perform."""
        root, operation = self.schema.mutation_type, prepared.operation
        if root is None or not prepared.is_mutation:
            return 0
        fields = collect_fields(self.schema, operation.fragments, prepared.variables, root, operation.node).grouped_field_set
        return sum(details[0].node.name.value != "__typename" for details in fields.values())

    def knows(self, text: str) -> bool:
        """Whether the document has been read and found valid before."""
        return text in self._documents

    def operation(self, text: str, name: str | None) -> Operation:
        """The operation of the document that the request means. Raises Refused, DocumentTooComplex."""
        with self._lock:
            if (found := self._documents.get(text)) is not None:
                self._documents.move_to_end(text)
                self.counts["document reused"] += 1
        if found is None:
            self.counts["document read"] += 1
            found = read_document(self.strawberry, text, self.meter)
            if len(text) <= LONGEST_KEPT:
                with self._lock:
                    self._documents[text] = found
                    if len(self._documents) > DOCUMENTS:
                        self._documents.popitem(last=False)
        return found.operation(name)

    # ---- the reference ---------------------------------------------------------------------------------------------------

    async def _reference(self, operation: Operation, variables: dict[str, Any] | None, name: str | None, context: Context) -> Answer:
        schema = self._in_arabic()._schema if context.language == "ar" and operation.asks_about_schema else self.schema
        run = partial(execute, schema, operation.document, context_value=context, variable_values=variables, operation_name=name)
        # The whole schema takes 40 ms to tell, and no database.
        result = await asyncio.get_running_loop().run_in_executor(self._aside, run) if operation.is_introspection else run()
        if not isinstance(result, ExecutionResult):
            result = await result
        return Answer(result.data, [formatted(error, context) for error in result.errors or ()])

    # ---- plans -----------------------------------------------------------------------------------------------------------

    async def _compiled(self, operation: Operation, variables: VariableValues, context: Context) -> Answer | None:
        """None where the reference executor is to answer; why is counted."""
        try:
            if operation.kind is OperationType.QUERY:
                data, errors = await self._query(operation, variables, context)
            else:
                data, errors = await self._mutation(operation, variables, context)
        except Unplannable as reason:
            self.counts[f"fallback: {reason}"] += 1
        except (RequestError, GraphQLError) as error:  # bad arguments; a refusal by a batch: the reference knows which field to blame
            self.counts[f"fallback: {type(error).__name__}"] += 1
        except Exception as error:
            self.counts["fallback: surprise"] += 1
            _log.warning("surprise", request_id=context.request_id, exc_info=error)
        else:
            self.counts["compiled"] += 1
            return Answer(data, [formatted(error, context) for error in errors])
        return None

    async def _query(self, operation: Operation, variables: VariableValues, context: Context) -> tuple[dict[str, Any], list[GraphQLError]]:
        requests = operation.requests(variables, context.settings)
        data, errors = await self._planned(operation, variables, requests, context, "", Planner.plan_query)
        return data, [_placed(error, path) for path, error in errors]

    async def _mutation(
        self, operation: Operation, variables: VariableValues, context: Context
    ) -> tuple[dict[str, Any], list[GraphQLError]]:
        """One field after the other: performed, then its payload read. What was performed is remembered, should the reference take over."""
        root = self.schema.mutation_type
        if root is None:
            raise Unplannable("no mutation type")
        fields = collect_fields(self.schema, operation.fragments, variables, root, operation.node).grouped_field_set
        data: dict[str, Any] = {}
        errors: list[GraphQLError] = []
        for key, details in fields.items():
            node = details[0].node
            if node.name.value == "__typename":
                data[key] = root.name
                continue
            gql = root.fields[node.name.value]
            declared = graph_field(gql)
            if declared is None or not isinstance(declared.source, Perform):
                raise Unplannable(f"Mutation.{node.name.value}")
            given = operation.input(declared, get_argument_values(gql, node, variables))
            try:
                payload = await context.perform(key, declared.source, given)
            except RequestError as error:
                errors.append(GraphQLError(str(error), nodes=[detail.node for detail in details], path=[key], original_error=error))
                data[key] = None
                continue
            data[key], found = await self._payload(operation, variables, context, key, declared, payload)
            told = [_placed(error, [key, *path]) for path, error in found]
            context.read[key] = data[key], told
            errors += told
        return data, errors

    async def _payload(
        self, operation: Operation, variables: VariableValues, context: Context, key: str, declared: GraphField, payload: Any
    ) -> tuple[dict[str, Any], Sequence[Any]]:
        requests = operation.requests(variables, context.settings)
        root: Any = self.schema.mutation_type
        details = collect_fields(self.schema, operation.fragments, variables, root, operation.node).grouped_field_set[key]
        type_ = get_named_type(root.fields[details[0].node.name.value].type)
        if not isinstance(type_, GraphQLObjectType):
            raise Unplannable("a payload that is no object")
        make: Callable[[Planner], Plan] = lambda planner: planner.plan_object(type_, details)  # noqa: E731  # typed, and used once
        return await self._planned(operation, variables, requests, context, key, make, payload)

    async def _planned(
        self,
        operation: Operation,
        variables: VariableValues,
        requests: Sequence[Any],
        context: Context,
        part: str,
        make: Callable[[Planner], Plan],
        source: Any = None,
    ) -> tuple[dict[str, Any], Sequence[tuple[list[str | int], GraphQLError]]]:
        requests = [await _settled(operation, place, request, context) for place, request in enumerate(requests)]
        plan = self._plan(operation, variables, requests, context, part, make)
        try:
            data, errors = await self._run(plan, requests, context, source)
        except Marked:
            self.counts["read again by rows"] += 1
            plan = self._plan(operation, variables, requests, context, part, make, by_rows=True)
            data, errors = await self._run(plan, requests, context, source)
        if errors and plan.text != operation.text:  # its errors tell places of another document
            plan = self._plan(operation, variables, requests, context, part, make, own=True, by_rows=plan.by_rows)
            data, errors = await self._run(plan, requests, context, source)
        return data, errors

    def _plan(
        self,
        operation: Operation,
        variables: VariableValues,
        requests: Sequence[Any],
        context: Context,
        part: str,
        make: Callable[[Planner], Plan],
        *,
        own: bool = False,
        by_rows: bool = False,
    ) -> Plan:
        """The plan for these rights, switches and shapes of arguments; for all documents that differ in literals only, unless `own`."""
        switches = tuple(variables.coerced.get(name) for name in operation.switches)
        shapes = tuple(request.shape for request in requests)
        key = ((operation.text, operation.name) if own else operation.signature, part, context.asker, switches, shapes, by_rows)
        if (plan := self._plans.get(key)) is not None:
            self._plans.move_to_end(key)
            self.counts["plan reused"] += 1
            return plan
        planner = Planner(
            self.schema,
            context.dialect,
            operation.node,
            operation.fragments,
            variables,
            context.asker,
            requests,
            operation.request_of,
            by_rows,
        )
        plan = make(planner)
        plan.text, plan.by_rows = operation.text, by_rows
        self.counts["planned"] += 1
        self._plans[key] = plan
        if len(self._plans) > PLANS:
            self._plans.popitem(last=False)
        return plan

    async def _run(
        self, plan: Plan, requests: Sequence[Any], context: Context, source: Any
    ) -> tuple[dict[str, Any], Sequence[tuple[list[str | int], GraphQLError]]]:
        connection = await context.connection(snapshot=not plan.is_single)
        parameters = context.parameters
        for place in plan.inner:
            parameters.update((f"r{place}_{name}", value) for name, value in requests[place].parameters.items())
        run = Run(driver_of(connection), context, parameters, requests)
        return await plan.run(run, (None, *(read(getattr(source, name)) for name, read in plan.attributes)))


async def _settled(operation: Operation, place: int, request: Any, context: Context) -> Any:
    declared = operation.declared(place)
    if not isinstance(declared.source, Many) or context.actor.missing(declared.needs | request.needs):
        return request
    return await settled(declared.source, request, context)


def refused_answer(refused: Refused, context: Context) -> Answer:
    return Answer(None, [formatted(error, context, refused.step) for error in refused.errors], refused.step)


def _placed(error: GraphQLError, path: Sequence[str | int]) -> GraphQLError:
    return GraphQLError(error.message, nodes=error.nodes, path=list(path), original_error=error.original_error)
