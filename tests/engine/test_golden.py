"""What people are shown is compiled: the benchmark's queries, the README's, GraphiQL's examples, none of them left to the reference."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Company, User
from bench.queries import QUERIES, Query
from tests.portal import Caller, Portal, Reply
from tests.server import ROOT

OWNER = "1000000008"  # the demo provider's owner

SUBJECTS = """{ viewer { account { id
  invitations(first: 50, where: {status: [PENDING]}) { nodes { id establishment { contracts { nodes { status } } } } }
  approvedProjects(first: 100, where: {status: [APPROVED]}) { nodes { id viewerCanDelete contract { status } } } } } }"""


def examples() -> list[tuple[str, dict[str, Any]]]:
    """GraphiQL's tabs: operation and variables."""
    text = (ROOT / "ui" / "src" / "examples.js").read_text(encoding="utf-8")
    found = re.findall(r"query: `([^`]*)`,(?:\s*variables: `([^`]*)`)?", text)
    return [(query, json.loads(re.sub(r"^\s*//.*$", "", variables, flags=re.MULTILINE) or "{}")) for query, variables in found]


def readme() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"graph '([^']+)'", text) + re.findall(r'\{"query": "([^"]+)"\}', text)


async def owner_of(demo: Portal) -> tuple[Caller, dict[str, str]]:
    """The demo's owner, acting for a company, and for each mutation something there that it succeeds with."""
    [user] = await demo.fetch(select(User).where(User.national_id == OWNER))
    caller = await demo.person(user)
    companies = await demo("{ viewer { companies { nodes { id } } } }", caller)
    for company in companies.data["viewer"]["companies"]["nodes"]:
        await demo("mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }", caller, id=company["id"])
        account = (await demo(SUBJECTS, caller)).data["viewer"]["account"]
        free = [each["id"] for each in account["invitations"]["nodes"] if not _has_contract(each["establishment"])]
        projects = account["approvedProjects"]["nodes"]
        idle = [each["id"] for each in projects if each["viewerCanDelete"] and each["contract"]["status"] == "ACTIVE"]
        if free and idle:
            return caller, {"switchAccount": company["id"], "acceptInvitation": free[0], "addJob": idle[0], "deleteProject": idle[0]}
    raise AssertionError("the demo has nothing to walk the journey with")


def _has_contract(establishment: Any) -> bool:
    return bool({"SCHEDULED", "ACTIVE"} & {contract["status"] for contract in establishment["contracts"]["nodes"]})


async def check(demo: Portal, text: str, caller: Caller, variables: dict[str, Any]) -> Reply:
    counts = demo.app.state.executor.counts
    before = Counter(counts)

    reply = await demo(text, caller, **variables)

    assert reply.codes == []
    moved = counts - before
    assert moved["compiled"] == 1
    assert [name for name in moved if name.startswith("fallback")] == []
    return reply


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
async def test_a_query_of_the_benchmark_is_compiled(demo: Portal, query: Query) -> None:
    company = (await demo.fetch(select(Company).order_by(Company.id)))[0]
    token = await demo.token(company, "CONTRACTS_READ", "PROJECTS_READ", "REPORTS_READ")

    reply = await check(demo, query.documents["graph"], token, {**query.variables, "id": company.public_id})

    assert reply.data[next(iter(reply.data))] is not None


async def test_what_the_readme_and_graphiql_show_is_compiled(demo: Portal) -> None:
    caller, subjects = await owner_of(demo)
    shown = [*examples(), *((text, {}) for text in readme())]

    for text, variables in shown:
        mutation = (re.findall(r"mutation[^{]*{\s*(\w+)", text) or [""])[0]
        subject = subjects.get(mutation, "")
        given = {"id": subject} if "$id" in text else _filled(variables, subject)
        reply = await check(demo, text, caller, given)
        for name, made, kind in (("addJob", "updateJob", "job"), ("createToken", "regenerateToken", "token")):
            if name == mutation and reply.data[name][kind]:
                subjects[made] = reply.data[name][kind]["id"]
    assert len(shown) > 18


def _filled(value: Any, subject: str) -> Any:
    """The examples leave ids empty, to be copied in by hand."""
    if isinstance(value, dict):
        return {name: _filled(each, subject) for name, each in value.items()}
    return subject if value == "" else value
