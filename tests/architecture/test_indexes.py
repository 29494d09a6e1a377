"""Each page of a company's lists is walked along an index: the plans of the very statements that the engine sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from graphql import GraphQLObjectType
from sqlalchemy import Table, UniqueConstraint, inspect, select

from app.engine.declare import All, Many, One, graph_field
from app.engine.frozen import Frozen
from app.models import Company, Member, User
from app.schema import schema
from tests.portal import Caller, Portal

Sent = tuple[str, Any]


def _sources(kind: type) -> Iterator[tuple[str, str, Any]]:
    """(type, field, source) of each field of the schema whose source is of the kind."""
    for type_ in schema._schema.type_map.values():
        for name, declared in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            graph = graph_field(declared)
            if graph is not None and isinstance(graph.source, kind):
                yield type_.name, name, graph.source


def _company_lists() -> list[tuple[str, str, bool]]:
    """(field, order, whether descending) of every list that a company offers."""
    found = []
    for type_, name, source in _sources(Many):
        choice = source.order.input is not None
        if type_ == "Company":
            found += [
                (name, by, descending) for by in source.order.by for descending in ((False, True) if choice else (source.order.descending,))
            ]
    return sorted(found)


LISTS = _company_lists()


async def _owner(demo: Portal) -> Caller:
    [user] = await demo.fetch(select(User).where(User.national_id == "1000000016"))
    [company, *_] = await demo.fetch(select(Company).join(Member, Member.company_id == Company.id).where(Member.user_id == user.id))
    owner = await demo.person(user)
    await demo("mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }", owner, id=company.public_id)
    return owner


async def _paging(
    monkeypatch: pytest.MonkeyPatch,
    demo: Portal,
    owner: Caller,
    field: str,
    arguments: str,
    route: tuple[str, ...] = ("viewer", "account"),
) -> tuple[list[Sent], dict[str, Any]]:
    """The statements that read the page, and the page."""
    sent: list[Sent] = []
    run = Frozen.fetch

    async def noted(self: Frozen, driver: Any, values: Any) -> Any:
        if "LIMIT" in self.text:
            sent.append((self.text, tuple(self._argument(*slot, values) for slot in self._slots)))
        return await run(self, driver, values)

    monkeypatch.setattr(Frozen, "fetch", noted)
    asked = f"{field}({arguments}) {{ nodes {{ id }} pageInfo {{ endCursor }} }}"
    for step in reversed(route):
        asked = f"{step} {{ {asked} }}"
    reply = await demo(f"{{ {asked} }}", owner)
    monkeypatch.undo()
    assert reply.errors == []
    page: Any = reply.data
    for step in (*route, field):
        page = page[step]
    return sent, page


async def test_the_gateways_lists_are_walked_along_an_index_over_all_companies_or_one(
    demo: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, sorting = await demo.gateway(), []
    for field, given in (
        ("projects", ""),
        ("contracts", ', companyNumber: "11-1000001"'),
        ("invitations", ', companyNumber: "11-1000001"'),
    ):
        first, page = await _paging(monkeypatch, demo, gateway, field, f"first: 2{given}", ("gateway",))
        cursor = page["pageInfo"]["endCursor"]
        last, _ = await _paging(monkeypatch, demo, gateway, field, f'last: 2, before: "{cursor}"{given}', ("gateway",))
        for sent in (*first, *last):
            statement, parameters = sent
            if demo.database.is_sqlite:
                async with demo.database.engine.connect() as connection:
                    rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
                sorting += [row[3] for row in rows if "TEMP B-TREE" in row[3] or (row[3].startswith("SCAN") and "INDEX" not in row[3])]
            else:
                sorting += (await _sorts(demo, sent))[0]
        assert (len(first), len(last), len(page["nodes"])) == (1, 1, 2)

    assert sorting == []


async def _sorts(demo: Portal, sent: Sent) -> tuple[list[str], str]:
    """The sorting steps within the page (sorting the few rows of all parents' pages at the end is meant), and the whole plan."""
    statement, parameters = sent
    async with demo.database.engine.connect() as connection:
        if demo.database.is_sqlite:
            rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
            return _sqlite_sorts([(row[0], row[1], row[3]) for row in rows]), "\n".join(row[3] for row in rows)
        # With these off a sort is planned only where no index gives the order.
        for setting in ("enable_sort", "enable_seqscan", "enable_bitmapscan"):
            await connection.exec_driver_sql(f"SET LOCAL {setting} = off")
        plan = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)).scalar_one()
        made = orjson.loads(plan) if isinstance(plan, str) else plan
        return _postgresql_sorts(made[0]["Plan"], within=False), orjson.dumps(made, option=orjson.OPT_INDENT_2).decode()


def _sqlite_sorts(rows: list[tuple[int, int, str]]) -> list[str]:
    roots = {place for place, _, detail in rows if "LIST SUBQUERY" in detail}
    assert roots, rows
    inside = set(roots)
    for place, parent, _ in rows:
        if parent in inside:
            inside.add(place)
    return [detail for place, _, detail in rows if place in inside - roots and ("TEMP B-TREE" in detail or detail.startswith("SCAN"))]


def _postgresql_sorts(node: dict[str, Any], *, within: bool) -> list[str]:
    within = within or node["Node Type"] == "Limit"
    # An account's numbers are unique, so that nothing is left to sort behind them.
    numbered = node["Node Type"] == "Incremental Sort" and node["Presorted Key"][-1].endswith(".sequence")
    bad = within and not numbered and ("Sort" in node["Node Type"] or node["Node Type"] == "Seq Scan")
    below = [found for child in node.get("Plans", []) for found in _postgresql_sorts(child, within=within)]
    return [*([node["Node Type"]] if bad else []), *below]


async def test_every_list_of_a_company_is_walked_along_an_index(demo: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, sorting = await _owner(demo), []

    for field, by, descending in LISTS:
        order = "" if by == "DEFAULT" else f" orderBy: {{field: {by}, direction: {'DESC' if descending else 'ASC'}}}"
        first, page = await _paging(monkeypatch, demo, owner, field, f"first: 2{order}")
        cursor = page["pageInfo"]["endCursor"]
        pages = {"first": first}
        for name, arguments in {"after": f'first: 2 after: "{cursor}"', "before": f'last: 2 before: "{cursor}"', "last": "last: 2"}.items():
            pages[name], _ = await _paging(monkeypatch, demo, owner, field, arguments + order)
        for name, sent in pages.items():
            assert len(sent) == 1
            sorts, plan = await _sorts(demo, sent[0])
            sorting += [f"{field} by {by} {'down' if descending else 'up'}, {name}: {sorts}\n{plan}"] if sorts else []

    assert sorting == []


async def test_a_list_without_an_index_would_be_noticed(demo: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await _owner(demo)
    before, _ = await _paging(monkeypatch, demo, owner, "teleworkers", "first: 2")
    without_need, _ = await _sorts(demo, before[0])
    async with demo.database.engine.connect() as connection:
        await connection.exec_driver_sql("DROP INDEX ix_teleworkers_company_id_name_id")
        await connection.commit()
    await demo.database._readers.renew()
    await demo.database.engine.dispose()  # a driver keeps the old plan of a statement that it only explained

    after, _ = await _paging(monkeypatch, demo, owner, "teleworkers", "first: 2")

    assert without_need == []
    assert (await _sorts(demo, after[0]))[0] != []


def _leading(table: Table) -> set[str]:
    """Columns that an index, a unique constraint or the primary key begins with."""
    found = [[column.name for column in index.expressions if hasattr(column, "name")] for index in table.indexes]
    found += [list(constraint.columns.keys()) for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    found.append(list(table.primary_key.columns.keys()))
    return {columns[0] for columns in found if columns}


@pytest.mark.parametrize("kind", [Many, All, One], ids=lambda kind: kind.__name__)
def test_every_column_by_which_rows_are_looked_up_begins_an_index(kind: type) -> None:
    lacking, looked_up = set(), 0
    for type_, name, source in _sources(kind):
        column = source.remote if isinstance(source, One) else source.key
        table = inspect(source.model).local_table
        looked_up += column is not None
        if column is not None and column not in _leading(table):
            lacking.add(f"{type_}.{name}: {table.name}.{column}")

    assert lacking == set()
    assert looked_up > 0
