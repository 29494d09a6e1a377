"""Doors in the second wall: statements that have to see across tenants, before it is known on whose behalf.

On PostgreSQL each is a function that runs as the tables' owner and answers this one statement, nothing else; the server's role may call
it and cannot read past row-level security otherwise. SQLite runs the statement itself. `app/operations/walls.py` lists them all.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import BindParameter, Function, column, func, literal_column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql import visitors

from app.database import driver_of
from app.models.base import ACCOUNT, USER
from app.scope import ACCOUNT_SETTING, PERSON_SETTING

_DIALECT = postgresql.dialect()
_DRIVER = asyncpg.dialect()
# Who asks, as it was told ahead. Each is read once a statement, and compared with like a parameter: indexes serve. Unset, or set in a
# transaction before, is ''.
ASKING = {
    key: f"(SELECT nullif(current_setting('{name}', true), '')::uuid)"
    for key, name in ((ACCOUNT.key, ACCOUNT_SETTING), (USER.key, PERSON_SETTING))
}


class Door:
    """One statement, a SELECT or one with RETURNING; its open parameters are the function's.

    name      of the function, after `telework_`
    settings  of PostgreSQL's that hold while it runs

    Where it reads ACCOUNT or USER, the function reads who asks by itself: it cannot be called for somebody else.
    """

    def __init__(self, name: str, statement: Any, **settings: str) -> None:
        self.name, self.statement, self.settings = f"telework_{name}", statement, settings
        self._columns = list(statement.exported_columns)
        binds = statement.compile(dialect=_DIALECT).binds
        self._parameters = {name: bound.type for name, bound in sorted(binds.items()) if bound.required and name not in ASKING}
        arguments = [BindParameter(name, type_=kind, required=True) for name, kind in self._parameters.items()]
        called: Function[Any] = getattr(func, self.name)(*arguments)
        rows = called.table_valued(*[column(each.name, each.type) for each in self._columns], name="found")
        self.call = select(*rows.c)
        self.text = str(self.call.compile(dialect=_DRIVER))
        self._readers = [each.type.dialect_impl(_DRIVER).result_processor(_DRIVER, None) for each in self._columns]
        self._row: Callable[..., Any] = namedtuple("_row", " ".join(each.name for each in self._columns))  # type: ignore[misc]  # made now

    def on(self, connection: AsyncConnection | AsyncSession) -> Any:
        """What to execute there."""
        bind: Any = connection.bind if isinstance(connection, AsyncSession) else connection
        return self.statement if bind.dialect.name == "sqlite" else self.call

    async def one(self, connection: AsyncConnection | AsyncSession, values: Mapping[str, Any]) -> Any:
        """The one row that it answers, None where there is none."""
        if isinstance(connection, AsyncSession) or connection.dialect.name == "sqlite":
            return (await connection.execute(self.on(connection), values)).one_or_none()
        # On the driver: a look-up for each request, and SQLAlchemy takes 0.3 ms of its 0.4.
        found = await self.on_driver(driver_of(connection), values)
        return found and self._row(*(read(value) if read else value for read, value in zip(self._readers, found, strict=True)))

    async def on_driver(self, driver: Any, values: Mapping[str, Any]) -> Any:
        return await driver.fetchrow(self.text, *(values[name] for name in self._parameters))

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(_type(kind) for kind in self._parameters.values())})"

    def definition(self, search_path: str) -> str:
        """CREATE FUNCTION. In plpgsql, which keeps its plans: planning four joins costs more than running them."""
        parameters = ", ".join(f"_{name} {_type(kind)}" for name, kind in self._parameters.items())
        columns = ", ".join(f"{each.name} {_type(each.type)}" for each in self._columns)
        settings = "".join(f" SET {name} = {value}" for name, value in self.settings.items())
        return (
            f"CREATE OR REPLACE FUNCTION {self.name}({parameters}) RETURNS TABLE ({columns})\n"
            f"LANGUAGE plpgsql SECURITY DEFINER SET search_path = {search_path}, pg_temp{settings} AS $door$\n"
            f"#variable_conflict use_column\nBEGIN\nRETURN QUERY {self._body()};\nEND $door$"
        )

    def _body(self) -> str:
        def replace(element: Any, **_: Any) -> Any:
            if isinstance(element, BindParameter) and element.required:
                return literal_column(ASKING.get(element.key, f"_{element.key}"), element.type)
            return None

        body = visitors.replacement_traverse(self.statement, {}, replace)
        return str(body.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _type(kind: Any) -> str:
    return str(kind.compile(dialect=_DIALECT)).partition(" COLLATE")[0]
