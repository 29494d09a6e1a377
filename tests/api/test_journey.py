"""The provider's journey (guide, sections 3 to 6), walked over HTTP from demo.json alone: what README.md shows with curl."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import Templates
from tests.server import DemoServer, demo_server, sign_in


class Browser:
    """A persona's browser on the graph."""

    def __init__(self, demo: dict[str, Any]) -> None:
        self.demo = demo
        self.http = httpx2.Client(timeout=30)

    def __call__(self, query: str, **variables: Any) -> Any:
        """The data of an operation that has no errors; a mutation's one payload without userErrors."""
        reply = self.http.post(self.demo["graphqlUrl"], json={"query": query, "variables": variables}, headers={"Accept-Language": "en"})
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def mutate(self, name: str, selection: str, /, **values: Any) -> Any:
        """One mutation; its input's values by name."""
        kind = name[0].upper() + name[1:]
        text = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {selection} userErrors {{ code path message }} }} }}"
        return self(text, input=values)[name]


def with_token(demo: dict[str, Any], secret: str, **header: str) -> httpx2.Response:
    headers = header or {"Authorization": f"Bearer {secret}"}
    return httpx2.post(demo["graphqlUrl"], json={"query": "{ viewer { token { name } } }"}, headers=headers)


@pytest.fixture
def server(backend: str, templates: Templates, tmp_path: Path) -> Iterator[DemoServer]:
    url, _ = templates.copy(backend, "blank")
    with demo_server(tmp_path, url) as running:
        yield running
    templates.drop(url)


@pytest.fixture
def browser(server: DemoServer) -> Iterator[Browser]:
    made = Browser(server.demo)
    with made.http:
        yield made


def test_a_provider_walks_the_guide(browser: Browser) -> None:
    demo = browser.demo
    persona = max(demo["personas"], key=lambda each: len(each["companies"]))
    company = next(each for each in persona["companies"] if each["role"] in ("OWNER", "ADMIN"))

    # 3. Registration: sign in, see one's companies, choose the one concerned.
    landed = sign_in(browser.http, demo["loginUrl"], persona["nationalId"])
    assert landed.url.path == "/graphiql"
    viewer = browser("{ viewer { user { name } account { id } companies { nodes { id name status } } } }")["viewer"]
    assert viewer["user"]["name"] == persona["name"]
    assert viewer["account"] is None
    assert {node["id"] for node in viewer["companies"]["nodes"]} == {each["id"] for each in persona["companies"]}
    switched = browser.mutate("switchAccount", "account { id } viewer { role permissions }", companyId=company["id"])
    assert (switched["account"]["id"], switched["viewer"]["role"]) == (company["id"], company["role"])
    figures = browser("{ viewer { account { dashboard { pendingInvitations activeContracts openJobs activeTeleworkers } } } }")
    before = figures["viewer"]["account"]["dashboard"]
    assert min(before.values()) > 0

    # 4. Contracting: read the pending invitations, accept one, read the contract that it made.
    invitations = browser("""{ viewer { account { invitations(first: 50, where: {status: [PENDING]}) { totalCount nodes {
        id viewerCanDecide establishment { name city { name } contracts(first: 50) { nodes { status } } } } } } } }""")
    pending = invitations["viewer"]["account"]["invitations"]
    assert pending["totalCount"] == before["pendingInvitations"]
    open_ = next(node for node in pending["nodes"] if not has_live_contract(node["establishment"]))
    accepted = browser.mutate(
        "acceptInvitation", "invitation { status } contract { id number status establishment { name } }", invitationId=open_["id"]
    )
    assert (accepted["userErrors"], accepted["invitation"]["status"]) == ([], "ACCEPTED")
    contract = browser(
        "query($id: ID!) { node(id: $id) { ... on Contract { number establishment { name } invitation { id } } } }",
        id=accepted["contract"]["id"],
    )["node"]
    assert contract["invitation"]["id"] == open_["id"]
    assert contract["establishment"]["name"] == open_["establishment"]["name"]

    # Documents of the contracts, as they were agreed outside the portal.
    documents = browser("{ viewer { account { contracts(first: 50) { nodes { document { downloadUrl size } } } } } }")
    document = next(node["document"] for node in documents["viewer"]["account"]["contracts"]["nodes"] if node["document"])
    assert len(browser.http.get(document["downloadUrl"]).content) == document["size"]

    # Approved projects: open one, add a job and edit it.
    projects = browser("""{ viewer { account { approvedProjects(first: 100, where: {status: [APPROVED]}) { nodes {
        id title contract { status } viewerCanDelete version jobs(first: 1) { totalCount } } } } } }""")
    active = [node for node in projects["viewer"]["account"]["approvedProjects"]["nodes"] if node["contract"]["status"] == "ACTIVE"]
    busy = next(node for node in active if not node["viewerCanDelete"])
    idle = next(node for node in active if node["viewerCanDelete"])
    added = browser.mutate(
        "addJob",
        "job { id status vacancies closesAt version }",
        projectId=idle["id"],
        titleAr="موظف خدمة عملاء",
        vacancies=2,
        employmentType="FULL_TIME",
        weeklyHours=40,
        salaryMin="٤٥٠٠",
    )
    assert (added["userErrors"], added["job"]["status"]) == ([], "OPEN")
    edited = browser.mutate("updateJob", "job { vacancies salaryMin version }", jobId=added["job"]["id"], vacancies=5, version=1)
    assert edited["job"] == {"vacancies": 5, "salaryMin": "4500.00", "version": 2}

    # Deleting: refused where people work, done where nobody does.
    refused = browser.mutate("deleteProject", "deletedProjectId", projectId=busy["id"])
    assert [error["code"] for error in refused["userErrors"]] == ["PROJECT_IN_USE"]
    deleted = browser.mutate("deleteProject", "deletedProjectId", projectId=idle["id"])
    assert (deleted["userErrors"], deleted["deletedProjectId"]) == ([], idle["id"])
    assert browser("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[idle["id"], added["job"]["id"]])["nodes"] == [None, None]

    # 6. Linking: get a token, replace it, and the old one is refused.
    made = browser.mutate("createToken", "secret token { id displayCode scopes }", name="Reports server", environment="LIVE")
    assert made["token"]["scopes"] == ["REPORTS_READ", "REPORTS_WRITE", "TELEWORKERS_READ"]
    assert with_token(demo, made["secret"]).json()["data"]["viewer"]["token"]["name"] == "Reports server"
    renewed = browser.mutate("regenerateToken", "secret token { id } replacedToken { status }", tokenId=made["token"]["id"])
    assert renewed["replacedToken"]["status"] == "REVOKED"
    assert with_token(demo, renewed["secret"], **{"Sp-Token": renewed["secret"]}).status_code == 200
    old = with_token(demo, made["secret"])
    assert (old.status_code, old.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")

    # All of it stands in the account's log, and logging out ends the session on the server.
    log = browser("{ viewer { account { events(last: 6) { nodes { type } } } } }")["viewer"]["account"]["events"]["nodes"]
    assert [event["type"] for event in log][-3:] == ["TOKEN_CREATED", "TOKEN_REGENERATED", "TOKEN_CREATED"]
    cookies = dict(browser.http.cookies)
    assert browser.mutate("logout", "loggedOut")["loggedOut"] is True
    stolen = httpx2.post(demo["graphqlUrl"], json={"query": "{ viewer { user { name } } }"}, cookies=cookies)
    assert stolen.json()["data"] == {"viewer": None}


def test_demo_tokens_do_what_their_scopes_say(server: DemoServer) -> None:
    for token in server.demo["tokens"]:
        headers = {"Authorization": f"Bearer {token['secret']}"}
        reply = httpx2.post(server.demo["graphqlUrl"], json={"query": "{ viewer { account { id } permissions } }"}, headers=headers)

        viewer = reply.json()["data"]["viewer"]

        assert (viewer["account"]["id"], viewer["permissions"]) == (token["companyId"], token["scopes"])


async def test_fifty_simultaneous_accepts_over_http_make_one_contract(server: DemoServer) -> None:
    demo = server.demo
    persona = next(each for each in demo["personas"] if any(company["role"] == "OWNER" for company in each["companies"]))
    company = next(each for each in persona["companies"] if each["role"] == "OWNER")
    cookies = await asyncio.to_thread(server.sign_in, persona["nationalId"])
    limits = httpx2.Limits(max_connections=50)
    async with httpx2.AsyncClient(cookies=cookies, timeout=60, limits=limits) as client:

        async def ask(query: str) -> Any:
            return (await client.post(demo["graphqlUrl"], json={"query": query})).json()["data"]

        await ask(f'mutation {{ switchAccount(input: {{companyId: "{company["id"]}"}}) {{ account {{ id }} }} }}')
        found = await ask("""{ viewer { account { invitations(first: 50, where: {status: [PENDING]}) { nodes {
            id establishment { contracts(first: 50) { nodes { status } } } } } } } }""")
        nodes = found["viewer"]["account"]["invitations"]["nodes"]
        chosen = next(node["id"] for node in nodes if not has_live_contract(node["establishment"]))
        accept = f'mutation {{ acceptInvitation(input: {{invitationId: "{chosen}"}}) {{ contract {{ id }} userErrors {{ code }} }} }}'
        replies = [reply["acceptInvitation"] for reply in await asyncio.gather(*(ask(accept) for _ in range(50)))]

    codes = [error["code"] for reply in replies for error in reply["userErrors"]]
    assert codes == ["INVITATION_ALREADY_DECIDED"] * 49
    assert len([reply for reply in replies if reply["contract"]]) == 1


def has_live_contract(establishment: Any) -> bool:
    return any(contract["status"] in ("SCHEDULED", "ACTIVE") for contract in establishment["contracts"]["nodes"])
