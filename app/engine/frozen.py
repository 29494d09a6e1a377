"""A statement compiled once: its text for the driver, and how to lay out the values of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.engine.dialects import Dialect, Statement

_KEYS = {"key", "keys"}  # what the driver gave goes back as it came


class Frozen:
    """Compiled by SQLAlchemy when a plan is made; run on the driver, which costs 0.1 to 0.25 ms less than running it through SQLAlchemy."""

    def __init__(self, dialect: Dialect, statement: Statement) -> None:
        compiled: Any = statement.compile(dialect=dialect.sql)
        if compiled.post_compile_params:
            raise TypeError(f"a statement that is only known at run time: {statement}")
        self.text: str = compiled.string
        self._fetch = dialect.fetch
        self._pack = dialect.pack
        self._slots: list[tuple[str, Any, Callable[[Any], Any] | None]] = []  # a parameter's name or "", its constant, its converter
        for name in compiled.positiontup or ():
            bound = compiled.binds[name]
            convert = None if name in _KEYS else bound.type.dialect_impl(dialect.sql).bind_processor(dialect.sql)
            constant = None if bound.required else convert(bound.value) if convert else bound.value
            self._slots.append((name if bound.required else "", constant, convert))

    async def fetch(self, driver: Any, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return await self._fetch(driver, self.text, [self._argument(*slot, values) for slot in self._slots])

    def _argument(self, name: str, constant: Any, convert: Callable[[Any], Any] | None, values: Mapping[str, Any]) -> Any:
        if not name:
            return constant
        value = values[name]
        if type(value) is tuple:  # the members of a filter
            return self._pack(value)
        return convert(value) if convert else value
