"""National ids: masked for everybody, whole for who may see them, and what that leaves behind."""

from __future__ import annotations

from app.models import Role
from tests.world import World

IDS = """query($reveal: Boolean!) { viewer { account { teleworkers(first: 10) { nodes { nationalId(reveal: $reveal) }
    edges { node { again: nationalId(reveal: $reveal) masked: nationalId } } } } } }"""


async def _ids(world: World, role: Role, *, reveal: bool) -> tuple[list[str], list[str], list[str | None]]:
    """Codes of errors, what was shown masked, what was asked for."""
    reply = await world.portal(IDS, await world.person(role), reveal=reveal)
    page = reply.data["viewer"]["account"]["teleworkers"]
    edges = [edge["node"] for edge in page["edges"]]
    shown = [node["nationalId"] for node in page["nodes"]]
    assert [edge["again"] for edge in edges] == shown
    return reply.codes, [edge["masked"] for edge in edges], shown


async def test_a_whole_id_takes_the_permission_and_leaves_one_event_an_operation(world: World) -> None:
    for number in ("1000000008", "1000000016"):
        await world.teleworker(national_id=number)
    masked, whole = ["1*******08", "1*******16"], ["1000000008", "1000000016"]

    plain = [await _ids(world, role, reveal=False) for role in Role]
    refused = [await _ids(world, role, reveal=True) for role in (Role.MEMBER, Role.VIEWER)]
    untold = await world.events()
    revealed = [await _ids(world, role, reveal=True) for role in (Role.OWNER, Role.ADMIN)]

    assert [(codes, sorted(there), sorted(ids)) for codes, there, ids in plain] == [([], masked, masked)] * 4  # type: ignore[type-var]
    assert [(set(codes), sorted(there), ids) for codes, there, ids in refused] == [({"FORBIDDEN"}, masked, [None, None])] * 2
    assert untold == []
    assert [(codes, sorted(there), sorted(ids)) for codes, there, ids in revealed] == [([], masked, whole)] * 2  # type: ignore[type-var]
    assert await world.events() == [(1, "NATIONAL_IDS_REVEALED"), (2, "NATIONAL_IDS_REVEALED")]


async def test_a_suspended_company_may_still_reveal_and_it_is_told(world: World) -> None:
    await world.teleworker(national_id="1000000008")
    await world.alter(world.north, status="SUSPENDED")

    codes, _, shown = await _ids(world, Role.OWNER, reveal=True)

    assert (codes, shown) == ([], ["1000000008"])
    assert await world.events() == [(1, "NATIONAL_IDS_REVEALED")]


async def test_an_operation_that_switches_tells_each_account_what_was_revealed_of_it(world: World) -> None:
    await world.join(world.users[Role.OWNER], world.south, Role.ADMIN)
    for company in (world.north, world.south):
        await world.teleworker(company, national_id="1000000008")
    ids = "account { teleworkers { nodes { nationalId(reveal: true) } } } userErrors { code }"
    text = f"""mutation($north: ID!, $south: ID!) {{ a: switchAccount(input: {{companyId: $north}}) {{ {ids} }}
        b: switchAccount(input: {{companyId: $south}}) {{ {ids} }} c: switchAccount(input: {{companyId: $north}}) {{ {ids} }} }}"""

    reply = await world.portal(text, await world.person(), north=world.north.public_id, south=world.south.public_id)

    assert reply.codes == []
    assert [payload["account"]["teleworkers"]["nodes"] for payload in reply.data.values()] == [[{"nationalId": "1000000008"}]] * 3
    assert [await world.events(company) for company in (world.north, world.south)] == [[(1, "NATIONAL_IDS_REVEALED")]] * 2


async def test_a_search_never_looks_at_ids(world: World) -> None:
    await world.teleworker(national_id="1000000008")
    text = "query($s: String) { viewer { account { teleworkers(where: {search: $s}) { totalCount } } } }"

    replies = [await world.portal(text, await world.person(), s=term) for term in ("1000000008", "00000", "08")]

    assert [reply.data["viewer"]["account"]["teleworkers"]["totalCount"] for reply in replies] == [0] * 3
