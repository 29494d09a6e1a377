"""The queries: their documents in each rival's dialect, their variables, and answers brought to one form to be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bench.data import Company

JOB = "id titleAr titleEn vacancies salaryMin status weeklyHours createdAt"
COMPANY = "id establishmentNumber unifiedNumber name nameAr nameEn activity status"
CONTRACT = "id number status startsOn endsOn createdAt"
ESTABLISHMENT = "id establishmentNumber nameAr nameEn activity"
PROJECT = "id title status startsOn endsOn"
SHORT_JOB = "id title vacancies salaryMin status weeklyHours"
DASHBOARD = "pendingInvitations activeContracts approvedProjects ownProjects openJobs openVacancies activeTeleworkers"


def _ours(name: str, fields: str, parameters: str = "") -> str:
    return f"query {name}($id: ID!{parameters}) {{ node(id: $id) {{ ... on Company {{ {fields} }} }} }}"


# PostGraphile names what it finds in the tables; aliases bring its answers into shape.
_NEWEST = "orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]"
_LIVING = "condition: {deletedAt: null}"


def _tables(name: str, fields: str, parameters: str = "") -> str:
    renamed = re.sub(r"\bid\b", "id: rowId", fields)
    return f"query {name}($id: UUID!{parameters}) {{ node: ownCompany(id: $id) {{ {renamed} }} }}"


def _state(fields: str) -> str:
    """For types whose status is computed."""
    return re.sub(r"\bstatus\b", "status: state", fields)


def _theirs(name: str, fields: str, parameters: str = "") -> str:
    return f"query {name}($id: ID!{parameters}) {{ node: company(id: $id) {{ {fields} }} }}"


@dataclass(frozen=True)
class Query:
    """One of those measured; documents by dialect: the graph's own, Mercurius's lists, PostGraphile's tables."""

    name: str
    title: str
    documents: dict[str, str]
    variables: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, float] = field(default_factory=dict)  # rival -> at most so many times its CPU

    def body(self, dialect: str, company: Company) -> dict[str, Any]:
        """What a server of that dialect is asked on behalf of the company."""
        variables = dict(self.variables)
        if "$id" in self.documents[dialect]:
            variables["id"] = company.public_id if dialect == "graph" else str(company.key)
        return {"query": self.documents[dialect], "operationName": self.name, "variables": variables}


_FIRST = ", $first: Int!"
QUERIES = [
    Query(
        "Q1",
        "one row",
        {"graph": _ours("Q1", COMPANY), "lists": _theirs("Q1", COMPANY), "tables": _tables("Q1", COMPANY)},
        targets={"reference": 1 / 5, "hand": 2, "mercurius": 1.3, "postgraphile": 0.6},
    ),
    Query(
        "Q2",
        "50 rows + relation",
        {
            "graph": _ours("Q2", f"contracts(first: $first) {{ nodes {{ {CONTRACT} establishment {{ {ESTABLISHMENT} }} }} }}", _FIRST),
            "lists": _theirs("Q2", f"contracts(first: $first) {{ {CONTRACT} establishment {{ {ESTABLISHMENT} }} }}", _FIRST),
            "tables": _tables(
                "Q2",
                f"contracts: contractsByCompanyIdList(first: $first, {_NEWEST}) {{ {_state(CONTRACT)} "
                f"establishment: establishmentByEstablishmentId {{ {ESTABLISHMENT} }} }}",
                _FIRST,
            ),
        },
        {"first": 50},
        {"reference": 1 / 12, "hand": 1.6, "mercurius": 0.7, "postgraphile": 0.6},
    ),
    Query(
        "Q3",
        "10 x 10 x 10",
        {
            "graph": _ours(
                "Q3",
                "contracts(first: $first) { nodes { id number status projects(first: 10) { nodes { "
                f"{PROJECT} jobs(first: 10) {{ nodes {{ {SHORT_JOB} }} }} }} }} }} }}",
                _FIRST,
            ),
            "lists": _theirs(
                "Q3",
                f"contracts(first: $first) {{ id number status projects(first: 10) {{ {PROJECT} jobs(first: 10) {{ {SHORT_JOB} }} }} }}",
                _FIRST,
            ),
            "tables": _tables(
                "Q3",
                f"contracts: contractsByCompanyIdList(first: $first, {_NEWEST}) {{ id number status: state "
                f"projects: projectsByContractIdList(first: 10, {_NEWEST}, {_LIVING}) {{ {PROJECT} "
                f"jobs: jobsByProjectIdList(first: 10, {_NEWEST}, {_LIVING}) {{ {_state(SHORT_JOB)} }} }} }}",
                _FIRST,
            ),
        },
        {"first": 10},
        {"reference": 1 / 20, "hand": 1.4, "mercurius": 0.5, "postgraphile": 0.35},
    ),
    Query(
        "Q4",
        "1,000 rows",
        {
            "graph": _ours("Q4", f"jobs(first: $first) {{ nodes {{ {JOB} }} }}", _FIRST),
            "lists": _theirs("Q4", f"jobs(first: $first) {{ {JOB} }}", _FIRST),
            "tables": _tables("Q4", f"jobs: jobsByCompanyIdList(first: $first, {_NEWEST}, {_LIVING}) {{ {_state(JOB)} }}", _FIRST),
        },
        {"first": 1000},
        {"reference": 1 / 15, "hand": 1.2, "mercurius": 0.8, "postgraphile": 0.4},
    ),
    Query("Q5", "viewer with dashboard", {"graph": f"query Q5 {{ viewer {{ account {{ id name dashboard {{ {DASHBOARD} }} }} }} }}"}),
]


def jobs_of_size(rows: int, cursors: list[str]) -> Query:
    """So many jobs of a company; with cursors the graph reads them by as many pages of 1,000 and one more, in one operation."""
    documents = dict(QUERIES[3].documents)
    variables: dict[str, Any] = {"first": rows}
    if cursors:
        marks = [f"c{number}" for number in range(len(cursors))]
        pages = ["first: 1000", *(f"first: 1000, after: ${mark}" for mark in marks)]
        fields = " ".join(f"page{number}: jobs({page}) {{ nodes {{ {JOB} }} }}" for number, page in enumerate(pages))
        # What a document does not declare is ignored: $first here, the cursors by the others.
        documents["graph"] = _ours("Q4", fields, "".join(f", ${mark}: String!" for mark in marks))
        variables |= dict(zip(marks, cursors, strict=True))
    return Query("Q4", f"{rows:,} rows", documents, variables)


# A name that the generator replaces by another for each request, so that each document is new to the server.
COLD = "x00000000"


def cold(query: Query) -> Query:
    """The same with a field under a name that changes from request to request."""
    key = {"graph": " id ", "lists": " id ", "tables": " id: rowId "}
    documents = {
        dialect: text.replace(key[dialect], f"{key[dialect]}{COLD}: {key[dialect].split()[-1]} ", 1)
        for dialect, text in query.documents.items()
    }
    return Query(query.name, f"{query.title}, a new document each time", documents, query.variables)


# ---- answers ------------------------------------------------------------------------------------------------------------

_PUBLIC_ID = re.compile(r"[a-z]{3}_([0-9a-f]{32})")


def normal(answer: Any, name: str = "") -> Any:
    """An answer's data without what dialects may differ in: the wrapping of lists, the spelling of ids, instants and amounts."""
    if isinstance(answer, list):
        return [normal(each) for each in answer]
    if isinstance(answer, dict):
        if set(answer) == {"nodes"}:
            return normal(answer["nodes"])
        return {key: normal(answer[key], key) for key in sorted(answer)}
    if answer is None:
        return None
    if name in ("id", COLD):
        found = _PUBLIC_ID.fullmatch(answer)
        return found[1] if found else answer.replace("-", "")
    if name == "createdAt":
        return datetime.fromisoformat(answer).astimezone(UTC).isoformat()
    if name == "salaryMin":
        return str(Decimal(answer).quantize(Decimal("0.01")))
    return answer
