"""What an operation may cost: an upper bound of the objects in its answer, as a formula over its variables. It runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from app.engine.declare import ByPublicId, Many, graph_field
from app.errors import CostLimit
from app.settings import Settings
from app.words import english

_ANY = 10**9
Variables = Mapping[str, Any]  # coerced: what graphql-core's get_variable_values answers in `coerced`
_NO_VARIABLES: Variables = {}


# ---- the prices of a schema ----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Priced:
    """A field as the price list knows it.

    type   the composite type that it leads to; None: a leaf, which costs nothing but `extra`
    by     what multiplies: "page" for a connection, "ids" for rows by id, "row" for what a connection holds once for each row
    """

    type: PricedType | None
    by: str = ""
    times: int = 1
    extra: int = 0


@dataclass(slots=True, eq=False)
class PricedType:
    name: str
    is_abstract: bool
    fields: dict[str, Priced]


def price_list(schema: GraphQLSchema, settings: Settings) -> dict[str, PricedType]:
    """Composite type by name."""
    composite = {name: type_ for name, type_ in schema.type_map.items() if isinstance(type_, _COMPOSITE) and not name.startswith("__")}
    made = {name: PricedType(name, not isinstance(type_, GraphQLObjectType), {}) for name, type_ in composite.items()}
    connections = {
        get_named_type(field.type).name
        for type_ in composite.values()
        for field in _fields_of(type_).values()
        if isinstance(_source_of(field), Many)
    }
    for name, type_ in composite.items():
        for field_name, field in _fields_of(type_).items():
            extra = settings.mutation_cost if type_ is schema.mutation_type else 0
            made[name].fields[field_name] = _priced(field_name, field, made, name in connections, extra, settings)
    return made


_COMPOSITE = (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)


def _fields_of(type_: Any) -> dict[str, GraphQLField]:
    return getattr(type_, "fields", {})  # a union has none


def _source_of(field: GraphQLField) -> Any:
    declared = graph_field(field)
    return None if declared is None else declared.source


def _priced(name: str, field: GraphQLField, types: dict[str, PricedType], in_connection: bool, extra: int, settings: Settings) -> Priced:
    type_ = types.get(get_named_type(field.type).name)
    if type_ is None:
        return Priced(None, extra=extra + (in_connection and name == "totalCount"))
    source = _source_of(field)
    if isinstance(source, Many):
        return Priced(type_, "page", extra=extra)
    if isinstance(source, ByPublicId) and source.many:
        return Priced(type_, "ids", extra=extra)
    if _is_list(field.type):
        return Priced(type_, "row", extra=extra) if in_connection else Priced(type_, times=settings.list_cost, extra=extra)
    return Priced(type_, extra=extra)


def _is_list(type_: GraphQLOutputType) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)


# ---- what a document selects ---------------------------------------------------------------------------------------------


class Site:
    """A place in a document that says how many: a page's `first` or `last`, or `ids`."""

    __slots__ = ("argument", "default", "field", "largest", "most", "path", "read", "value")

    def __init__(self, node: FieldNode, path: str, by: str, settings: Settings) -> None:
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        self.field, self.path = node.name.value, path
        self.largest = self.most = settings.largest_page
        if by == "ids":
            self.argument, self.default, self.most = "ids", 0, _ANY  # charged for all of them, though more than a page's are refused
            self.value: tuple[ValueNode, ...] = (given["ids"],) if "ids" in given else ()
            self.read = _length
        else:
            self.argument = "last" if "last" in given and "first" not in given else "first"
            self.default = min(settings.default_page, self.most)
            self.value = tuple(given[name] for name in ("first", "last") if name in given)
            self.read = _number

    @property
    def constant(self) -> int | None:
        """The size where no variable tells it."""
        return None if any(isinstance(value, VariableNode) for value in self.value) else self.size(_NO_VARIABLES)

    def size(self, variables: Variables) -> int:
        said = [size for value in self.value if (size := self.read(value, variables)) is not None]
        return min(max(said), self.most) if said else self.default


def _number(node: ValueNode, variables: Variables) -> int | None:
    """None where it is left out, or is no number: validation speaks of that."""
    if isinstance(node, VariableNode):
        given = variables.get(node.name.value)
        return max(given, 0) if isinstance(given, int) else None
    if isinstance(node, IntValueNode):
        return max(int(node.value[:12]), 0)  # no page has as many digits, and int() refuses thousands of them
    return None


def _length(node: ValueNode, variables: Variables) -> int | None:
    if isinstance(node, VariableNode):
        given = variables.get(node.name.value)
        return len(given) if isinstance(given, list) else 0 if given is None else 1
    if isinstance(node, ListValueNode):
        return len(node.values)
    return 1 if isinstance(node, StringValueNode | IntValueNode) else 0 if isinstance(node, NullValueNode) else None


class Level:
    """One selection set: what it adds for each object that it is selected on.

    own      points that nothing multiplies
    fields   fields with selections: (how many times at most, or the site that tells; the selections)
    pages    connections: (site, the selections)
    rows     selections that a connection makes once for each row of its page
    spreads  fragments, by name
    cases    selections that hold for one concrete type each: an object is of one type, so the dearest counts
    """

    __slots__ = ("cases", "fields", "own", "pages", "rows", "spreads")

    def __init__(self) -> None:
        self.own = 0
        self.fields: list[tuple[int | Site, Level]] = []
        self.pages: list[tuple[Site, Level]] = []
        self.rows: list[Level] = []
        self.spreads: list[str] = []
        self.cases: dict[str, Level] = {}


# ---- the formula ---------------------------------------------------------------------------------------------------------

_Run = Callable[[Variables, list[int]], int]  # the second holds the values of fragments, each worked out once
_Term = int | _Run


class Formulas:
    """Those of one document's fragments, which its operations share.

    order  the fragments' names, each behind those that it spreads; cycles are cut, as validation refuses them
    """

    def __init__(self, fragments: Mapping[str, Level], order: Sequence[str]) -> None:
        self.fragments = {name: fragments[name] for name in order}
        self._terms: dict[str, tuple[_Term, _Term]] = {}
        self._surcharges: dict[str, int] = {}
        self._steps: list[tuple[int, _Run]] = []
        for name in order:
            flat, rows = self._compiled(fragments[name])
            self._terms[name] = self._kept(flat), self._kept(rows)
            self._surcharges[name] = self._surcharge(fragments[name])

    def of(self, level: Level) -> Formula:
        """An operation's: its answer is one object, and holds what the level selects."""
        flat, _ = self._compiled(level)
        return Formula(self, level, self._surcharge(level), _sum([1, flat]), tuple(self._steps))

    def _surcharge(self, level: Level) -> int:
        """What the level pays for no object, lists left out."""
        inner = [inner for times, inner in level.fields if times == 1] + [inner for _, inner in level.pages]
        return level.own + sum(map(self._surcharge, inner)) + sum(self._surcharges.get(name, 0) for name in level.spreads)

    def _kept(self, term: _Term) -> _Term:
        if isinstance(term, int):
            return term
        slot = len(self._steps)
        self._steps.append((slot, term))
        return lambda variables, kept: kept[slot]

    def _compiled(self, level: Level) -> tuple[_Term, _Term]:
        """What the level adds once, and what it adds for each row of the page that it describes."""
        flat: list[_Term] = [level.own]
        rows: list[_Term] = []
        for times, inner in level.fields:
            flat.append(_product(_size(times), _sum([1, self._compiled(inner)[0]])))
        for site, inner in level.pages:
            once, each = self._compiled(inner)
            flat += [1, once, _product(_size(site), each)]
        rows += [_sum([1, self._compiled(inner)[0]]) for inner in level.rows]
        for name in level.spreads:
            if name in self._terms:
                once, each = self._terms[name]
                flat.append(once)
                rows.append(each)
        if level.cases:
            flat.append(_greatest([self._compiled(inner)[0] for inner in level.cases.values()]))
        return _sum(flat), _sum(rows)


@dataclass(slots=True, eq=False)
class Formula:
    """What one operation may cost, for any values of its variables.

    surcharge  the part of every cost that pays for no object and is not given back: mutations, introspection, counts outside of lists
    """

    _formulas: Formulas
    _level: Level
    surcharge: int
    _term: _Term
    _steps: tuple[tuple[int, _Run], ...]

    def cost(self, variables: Variables) -> int:
        """At most so many objects are in the answer, its root counted too, and the surcharges. Microseconds."""
        term = self._term
        if isinstance(term, int):
            return term
        kept = [0] * len(self._steps)
        for slot, step in self._steps:
            kept[slot] = step(variables, kept)
        return term(variables, kept)

    def check(self, variables: Variables, most: int) -> int:
        """The cost. Raises CostLimit where it is over `most`, with the change that would make it fit."""
        cost = self.cost(variables)
        if cost > most:
            way_out, values = _suggestion(_Account(self._formulas.fragments, self._level, variables), cost, most)
            raise CostLimit(way_out, cost=cost, maximum=most, **values)
        return cost

    def unused(self, cost: int, objects: int) -> int:
        """What is left of a cost when the answer held so many objects."""
        return max(0, cost - self.surcharge - objects)


def _size(times: int | Site) -> _Term:
    if isinstance(times, int):
        return times
    if (constant := times.constant) is not None:
        return constant
    size = times.size
    return lambda variables, kept: size(variables)


def _sum(terms: Sequence[_Term]) -> _Term:
    constant = sum(term for term in terms if isinstance(term, int))
    runs = tuple(term for term in terms if not isinstance(term, int))
    if not runs:
        return constant
    if len(runs) == 1:
        [only] = runs
        return (lambda variables, kept: constant + only(variables, kept)) if constant else only

    def added(variables: Variables, kept: list[int]) -> int:
        total = constant
        for run in runs:
            total += run(variables, kept)
        return total

    return added


def _product(size: _Term, each: _Term) -> _Term:
    if isinstance(size, int):
        if isinstance(each, int):
            return size * each
        fixed, one = size, each
        return (lambda variables, kept: fixed * one(variables, kept)) if size != 1 else one
    count = size
    if isinstance(each, int):
        price = each
        return (lambda variables, kept: count(variables, kept) * price) if price else 0
    inner = each
    return lambda variables, kept: count(variables, kept) * inner(variables, kept)


def _greatest(terms: Sequence[_Term]) -> _Term:
    constant = max((term for term in terms if isinstance(term, int)), default=0)
    runs = tuple(term for term in terms if not isinstance(term, int))
    return (lambda variables, kept: max(constant, *(run(variables, kept) for run in runs))) if runs else constant


# ---- what to change ------------------------------------------------------------------------------------------------------

_ATTEMPTS = 5


class _Account:
    """The same sum once more, slowly and with every part of it at hand: only a refused operation is looked at so closely."""

    def __init__(self, fragments: dict[str, Level], root: Level, variables: Variables) -> None:
        self.fragments, self.root, self.variables = fragments, root, variables
        self.sizes: dict[Site, int] = {}
        self._values: dict[Level, tuple[int, int]] = {}

    def size(self, times: int | Site) -> int:
        if isinstance(times, int):
            return times
        if times not in self.sizes:
            self.sizes[times] = times.size(self.variables)
        return self.sizes[times]

    def total(self) -> int:
        self._values.clear()
        for level in self.fragments.values():  # in their order, so that none is looked into from another
            self._value(level)
        return 1 + self._value(self.root)[0]

    def _value(self, level: Level) -> tuple[int, int]:
        if (known := self._values.get(level)) is not None:
            return known
        flat = level.own + sum(self.size(times) * (1 + self._value(inner)[0]) for times, inner in level.fields)
        for site, inner in level.pages:
            once, each = self._value(inner)
            flat += 1 + once + self.size(site) * each
        rows = sum(1 + self._value(inner)[0] for inner in level.rows)
        for name in level.spreads:
            once, each = self._values.get(self.fragments[name], (0, 0)) if name in self.fragments else (0, 0)
            flat, rows = flat + once, rows + each
        flat += max((self._value(inner)[0] for inner in level.cases.values()), default=0)
        self._values[level] = flat, rows
        return flat, rows

    def weights(self) -> dict[Site, int]:
        """How much one less at each site would save. Call it after total()."""
        found: dict[Site, int] = {}
        spread: dict[str, list[int]] = {name: [0, 0] for name in self.fragments}
        self._weigh(self.root, 1, 0, found, spread)
        for name in reversed(self.fragments):  # those who spread a fragment come before it
            self._weigh(self.fragments[name], spread[name][0], spread[name][1], found, spread)
        return found

    def _weigh(self, level: Level, once: int, each: int, found: dict[Site, int], spread: dict[str, list[int]]) -> None:
        for times, inner in level.fields:
            if isinstance(times, Site):
                found[times] = found.get(times, 0) + once * (1 + self._values[inner][0])
            self._weigh(inner, once * self.size(times), 0, found, spread)
        for site, inner in level.pages:
            found[site] = found.get(site, 0) + once * self._values[inner][1]
            self._weigh(inner, once, once * self.size(site), found, spread)
        for inner in level.rows:
            self._weigh(inner, each, 0, found, spread)
        for name in level.spreads:
            if name in spread:
                spread[name][0] += once
                spread[name][1] += each
        if level.cases:
            self._weigh(max(level.cases.values(), key=lambda inner: self._values[inner][0]), once, 0, found, spread)


def _suggestion(account: _Account, cost: int, most: int) -> tuple[str, dict[str, Any]]:
    """The gentlest change that makes the operation fit: in words, and what fills their braces."""
    account.total()
    weights = account.weights()
    for site, size in _candidates(account, weights, cost - most)[:_ATTEMPTS]:
        before, account.sizes[site] = account.sizes[site], size
        # Tried, because with less here another concrete type may be the dearest.
        fits = account.total() <= most
        account.sizes[site] = before
        if fits:
            return english("lower {what} to {size}"), {"what": f"{_name(site, account.sizes)}({site.argument}:)", "size": size}
    if size := _cap(account, most):
        return english("lower every page to {size}"), {"size": size}
    return english("select fewer fields"), {}


def _candidates(account: _Account, weights: Mapping[Site, int], excess: int) -> list[tuple[Site, int]]:
    """Sites at each of which a smaller number would do, with that number; the one that takes the least from the answer first."""
    found = []
    for site, weight in weights.items():
        less = -(-excess // weight) if weight else 0
        if less and (size := account.size(site) - less) >= 1:
            found.append((weight * less, site, min(size, site.largest)))
    return [(site, size) for _, site, size in sorted(found, key=lambda each: each[0])]


def _cap(account: _Account, most: int) -> int:
    """The largest size that, put on all pages at once, makes it fit; 0 where none does."""
    sizes = dict(account.sizes)
    low, high = 0, max((size for site, size in sizes.items() if site.argument != "ids"), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        account.sizes = {site: size if site.argument == "ids" else min(size, middle) for site, size in sizes.items()}
        low, high = (middle, high) if account.total() <= most else (low, middle - 1)
    return low


def _name(site: Site, sites: Iterable[Site]) -> str:
    """The field's name, or its whole path where the name stands in several places."""
    return site.field if sum(other.field == site.field for other in sites) == 1 else site.path


# ---- afterwards ----------------------------------------------------------------------------------------------------------


def actual_cost(data: Any) -> int:
    """How many objects the answer's data holds."""
    found, open_ = 0, [data]
    while open_:
        value = open_.pop()
        if type(value) is dict:
            found += 1
            open_ += [inner for inner in value.values() if type(inner) is dict or type(inner) is list]
        elif type(value) is list:
            open_ += value
    return found


def written_cost(body: bytes) -> int:
    """The same from the answer as it is written, at memory's speed. A brace in a text counts too."""
    return body.count(b"{")
