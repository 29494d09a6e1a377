"""The Arabic catalogue against the code: what is said and not in it, what is in it and nobody says, what does not agree.

python -m tests.catalogue           tells
python -m tests.catalogue --write   sorts it, adds empty entries for what is missing, drops what nobody says; keeps every translation
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from app.engine.descriptions import described, plain
from app.schema import schema
from app.words import CATALOGUE

ROOT = Path(__file__).parents[1]
# Of these calls' arguments, those at these places are words; `en=` is of any call.
_CALLS = {
    "BadUserInput": (0,),
    "BadRequest": (0,),
    "CostLimit": (0,),
    "DocumentTooComplex": (0,),
    "HttpError": (1,),
    "_both": (0,),
    "_matching": (1,),
    "english": (0,),
    "plain_words": (1,),
    "said": (0,),
}
_NO_WORDS = {"PersistedQueryNotFound"}  # a sign to programs, the same in any language
_BRACES = re.compile(r"\{([a-z_]+)[^}]*\}")
_ARABIC = re.compile(r"[\u0621-\u064a]")
_LATIN = re.compile(r"[A-Za-z]{2,}")


@dataclass
class Said:
    """words: each with where it is said first; plural: of one -> of many; contexts: by words, the types that are described by them.

    unreadable   where words are put together before anybody could translate them
    """

    words: dict[str, str] = field(default_factory=dict)
    plural: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, set[str]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def said_by_code() -> Said:
    found = Said()
    for path in sorted((ROOT / "app").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = str(path.relative_to(ROOT))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                _of_class(node, where, found)
            elif isinstance(node, ast.Call):
                for words in _of_call(node):
                    if isinstance(words, ast.JoinedStr):
                        found.unreadable.append(f"{where}:{words.lineno}")
                    else:
                        found.words.setdefault(words, where)
    for name, each in described(schema._schema):
        if each.description:
            words = plain(each.description)
            found.words.setdefault(words, "schema")
            found.contexts.setdefault(words, set()).add(name)
    return found


def _of_class(node: ast.ClassDef, where: str, found: Said) -> None:
    own = {
        target.id: each.value.value
        for each in node.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    if not own.get("en") or own["en"] in _NO_WORDS or own.get("ar"):
        return
    if own.get("en_one"):
        found.plural[own["en_one"]] = own["en"]
        found.words.setdefault(own["en_one"], where)
    else:
        found.words.setdefault(own["en"], where)


def _of_call(node: ast.Call) -> Iterator[str | ast.JoinedStr]:
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    given: list[ast.expr] = [node.args[place] for place in _CALLS.get(name, ()) if place < len(node.args)]
    given += [keyword.value for keyword in node.keywords if keyword.arg == "en"]
    if any(_ARABIC.search(ast.unparse(each)) for each in (*node.args, *(keyword.value for keyword in node.keywords))):
        return  # its Arabic stands beside it
    for each in given:
        if isinstance(each, ast.JoinedStr):
            yield each
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value:
            yield each.value


def catalogue() -> Catalog:
    return read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="ar")


def _english(entry: Any) -> str:
    return str(entry.id[0] if entry.pluralizable else entry.id)


def _arabic(entry: Any) -> tuple[str, ...]:
    return tuple(entry.string) if entry.pluralizable else (entry.string,)


def faults(said: Said, known: Catalog) -> Iterator[str]:
    entries = [entry for entry in known if entry.id]
    yield from (f"an f-string cannot be translated, braces can: {where}" for where in said.unreadable)
    there = {(entry.context, _english(entry)) for entry in entries if all(_arabic(entry)) and not entry.fuzzy}
    for words, where in said.words.items():
        contexts = said.contexts.get(words, set())
        if (None, words) not in there and not (contexts and all((context, words) in there for context in contexts)):
            yield f"missing ({where}): {words}"
    for entry in entries:
        words, arabic = _english(entry), _arabic(entry)
        known_context = entry.context is None or entry.context in said.contexts.get(words, ())
        if words not in said.words or not known_context or said.plural.get(words) != (entry.id[1] if entry.pluralizable else None):
            yield f"obsolete: {entry.context or ''} {words}"
        elif entry.pluralizable and len(arabic) != 6:
            yield f"six forms: {words}"
        elif any(not _ARABIC.search(form) for form in arabic if form) and _LATIN.search(words):
            yield f"no Arabic: {words}"
        elif not _agree(entry, arabic):
            yield f"braces differ: {words}"


def _agree(entry: Any, arabic: tuple[str, ...]) -> bool:
    """Whether the same values fill both; what is counted may go without saying."""
    if not entry.pluralizable:
        return set(_BRACES.findall(entry.id)) == set(_BRACES.findall(arabic[0]))
    most, least = set(_BRACES.findall(entry.id[1])), set(_BRACES.findall(entry.id[0])) & set(_BRACES.findall(entry.id[1]))
    return all(least - set(_BRACES.findall(form)) == set() and set(_BRACES.findall(form)) <= most for form in arabic)


def write(said: Said, known: Catalog) -> None:
    kept = Catalog(locale="ar", header_comment=known.header_comment, fuzzy=False, charset="utf-8")
    translated = {(entry.context, _english(entry)): _arabic(entry) for entry in known if entry.id}
    for words in sorted(said.words):
        contexts = said.contexts.get(words, set())
        id_: Any = (words, said.plural[words]) if words in said.plural else words
        wanted: list[str | None] = [context for context in sorted(contexts) if (context, words) in translated]
        if set(wanted) != contexts or not contexts:
            wanted.insert(0, None)
        for context in wanted:
            arabic: Any = translated.get((context, words), ("",) * 6 if words in said.plural else ("",))
            kept.add(id_, arabic if words in said.plural else arabic[0], context=context)
    text = io.BytesIO()
    write_po(text, kept, width=0, omit_header=True)
    head = CATALOGUE.read_text(encoding="utf-8").partition("\n\n")[0]  # as it stands: Babel's own holds a date and a version
    CATALOGUE.write_text(f"{head}\n\n{text.getvalue().decode().strip()}\n", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write(said_by_code(), catalogue())
    found = list(faults(said_by_code(), catalogue()))
    print("\n".join([*found, f"{len(found)} faults"]))
    sys.exit(bool(found))
