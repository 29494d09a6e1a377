"""Making, replacing and revoking SP-Tokens, and what they open."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Environment, Role, SpToken, TokenStatus
from app.operations.sp_token import TRANSITIONS
from tests.portal import Caller, Reply
from tests.world import World

_SHOWN = "id name displayCode environment scopes status createdAt createdBy { name } expiresAt lastUsedAt revokedAt"
_ERRORS = "userErrors { code path message }"
CREATE = f"mutation($input: CreateTokenInput!) {{ createToken(input: $input) {{ token {{ {_SHOWN} }} secret {_ERRORS} }} }}"
REGENERATE = f"""mutation($input: RegenerateTokenInput!) {{ regenerateToken(input: $input) {{
    token {{ {_SHOWN} }} secret replacedToken {{ {_SHOWN} }} {_ERRORS} }} }}"""
REVOKE = f"mutation($input: RevokeTokenInput!) {{ revokeToken(input: $input) {{ token {{ {_SHOWN} }} {_ERRORS} }} }}"
WHO = "query { viewer { user { id } token { id status } account { id } role permissions } }"

NOT_GRANTABLE = ["PROFILE_WRITE", "MEMBERS_READ", "MEMBERS_WRITE", "TOKENS_READ", "TOKENS_WRITE", "WEBHOOKS_WRITE"]


def _bearer(secret: str) -> Caller:
    return Caller({"Authorization": f"Bearer {secret}"})


async def _create(world: World, role: Role = Role.OWNER, **given: Any) -> Reply:
    return await world.portal(CREATE, await world.person(role), input={"name": "خادم", "environment": "LIVE", **given})


async def _made(world: World, **given: Any) -> tuple[str, str]:
    """A new token's public id and its secret."""
    payload = (await _create(world, **given)).data["createToken"]
    return payload["token"]["id"], payload["secret"]


async def _regenerate(world: World, token: str, **more: Any) -> Reply:
    return await world.portal(REGENERATE, await world.person(), input={"tokenId": token, **more})


async def _revoke(world: World, token: str) -> Reply:
    return await world.portal(REVOKE, await world.person(), input={"tokenId": token})


async def _works(world: World, secret: str) -> bool:
    """Whether the server takes it; a refusal is 401 with exactly one error."""
    reply = await world.portal(WHO, _bearer(secret))
    if reply.status == 200:
        return True
    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
    return False


# ---- createToken -------------------------------------------------------------------------------------------------------


async def test_a_token_is_made_with_the_default_scopes_and_shows_its_secret(world: World) -> None:
    reply = await _create(world, Role.ADMIN, name=" خادم التقارير ")

    payload = reply.data["createToken"]
    assert reply.codes == []
    assert payload["token"] == {
        "id": payload["token"]["id"],
        "name": "خادم التقارير",
        "displayCode": payload["secret"].removeprefix("tw_live_")[:6],
        "environment": "LIVE",
        "scopes": ["REPORTS_READ", "REPORTS_WRITE", "TELEWORKERS_READ"],
        "status": "ACTIVE",
        "createdAt": "2026-11-22T09:00:00Z",
        "createdBy": {"name": world.users[Role.ADMIN].name},
        "expiresAt": None,
        "lastUsedAt": None,
        "revokedAt": None,
    }
    assert await world.events() == [(1, "TOKEN_CREATED")]


async def test_the_secret_is_stored_nowhere(world: World) -> None:
    _, secret = await _made(world)

    held = str(await world.snapshot())

    assert len(secret) == len("tw_live_") + 128 + 8
    assert secret not in held
    assert secret[14:30] not in held  # behind the six characters that the portal shows


@pytest.mark.parametrize("header", ["Authorization", "Sp-Token"])
async def test_the_secret_opens_the_company_within_its_scopes(world: World, header: str) -> None:
    token, secret = await _made(world, scopes=["PROJECTS_READ", "JOBS_WRITE"])
    job = await world.job()
    caller = Caller({header: f"Bearer {secret}" if header == "Authorization" else secret})

    who = await world.portal(WHO, caller)
    read = await world.portal("query($id: ID!) { node(id: $id) { id } }", caller, id=job.public_id)
    written = await world.portal(
        "mutation($id: ID!) { changeJobStatus(input: {jobId: $id, status: PAUSED}) { userErrors { code } } }", caller, id=job.public_id
    )
    refused = await world.portal(
        "mutation($id: ID!) { updateProject(input: {projectId: $id}) { userErrors { code } } }", caller, id=f"prj_{job.project_id.hex}"
    )

    assert who.data["viewer"] == {
        "user": None,
        "token": {"id": token, "status": "ACTIVE"},
        "account": {"id": world.north.public_id},
        "role": None,
        "permissions": ["JOBS_WRITE", "PROJECTS_READ"],
    }
    assert read.data["node"] == {"id": job.public_id}
    assert written.codes == []
    assert refused.codes == ["FORBIDDEN"]
    assert refused.errors[0]["extensions"]["permission"] == "PROJECTS_WRITE"


async def test_a_secret_with_one_digit_wrong_opens_nothing(world: World) -> None:
    _, secret = await _made(world)

    wrong = secret[:20] + ("0" if secret[20] != "0" else "1") + secret[21:]

    assert await _works(world, secret) is True
    assert await _works(world, wrong) is False


async def test_a_sandbox_token_is_refused_here_with_the_word_where_it_belongs(world: World) -> None:
    _, secret = await _made(world, environment="SANDBOX")

    reply = await world.portal(WHO, _bearer(secret))

    assert secret.startswith("tw_sandbox_")
    assert (reply.status, reply.codes) == (403, ["WRONG_ENVIRONMENT"])
    assert "SANDBOX" in reply.errors[0]["message"]


async def test_scopes_that_no_token_may_hold_are_told_each_by_its_place(world: World) -> None:
    reply = await _create(world, scopes=["REPORTS_READ", *NOT_GRANTABLE, "EVENTS_READ"])

    assert reply.codes == ["SCOPE_NOT_GRANTABLE"] * 6
    assert reply.paths == [["input", "scopes", str(place)] for place in range(1, 7)]
    assert [scope in error["message"] for scope, error in zip(NOT_GRANTABLE, reply.data["createToken"]["userErrors"], strict=True)] == [
        True
    ] * 6
    assert reply.data["createToken"]["secret"] is None
    assert await world.portal.fetch(select(SpToken)) == []
    assert await world.events() == []


async def test_every_other_scope_is_granted_once_however_often_it_is_named(world: World) -> None:
    listed = await world.portal('query { __type(name: "Permission") { enumValues { name } } }')
    every = [value["name"] for value in listed.data["__type"]["enumValues"] if value["name"] not in NOT_GRANTABLE]

    reply = await _create(world, Role.ADMIN, scopes=every + every)

    assert reply.codes == []
    assert reply.data["createToken"]["token"]["scopes"] == sorted(every)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"scopes": []}, "scopes"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"expiresAt": "2026-11-22T08:59:59Z"}, "expiresAt"),
        ({"expiresAt": "2026-11-22T12:00:00+03:00"}, "expiresAt"),  # this very moment
    ],
)
async def test_a_token_that_breaks_a_rule_is_not_made(world: World, given: dict[str, Any], path: str) -> None:
    reply = await _create(world, **given)

    assert reply.codes == ["VALIDATION_FAILED"]
    assert reply.paths == [["input", path]]
    assert await world.portal.fetch(select(SpToken)) == []


async def test_a_token_stops_at_the_instant_of_its_end(world: World) -> None:
    token, secret = await _made(world, scopes=None, expiresAt="2026-11-22T12:01:00+03:00")
    await world.portal.token(world.north)
    world.portal.clock.advance(seconds=59, milliseconds=999)
    before = await _works(world, secret)

    world.portal.clock.advance(milliseconds=1)
    after = await _works(world, secret)
    shown = await world.portal("query($id: ID!) { node(id: $id) { ... on SpToken { status expiresAt } } }", await world.person(), id=token)

    assert (before, after) == (True, False)
    assert shown.data["node"] == {"status": "EXPIRED", "expiresAt": "2026-11-22T09:01:00Z"}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_making_tokens_takes_the_permission(world: World, role: Role) -> None:
    reply = await _create(world, role)

    assert reply.codes == ["FORBIDDEN"]
    assert reply.errors[0]["extensions"]["permission"] == "TOKENS_WRITE"
    assert await world.portal.fetch(select(SpToken)) == []


async def test_a_token_neither_makes_nor_replaces_nor_revokes_tokens(world: World) -> None:
    # As if TOKENS_WRITE had been grantable when it was made.
    caller = await world.portal.token(world.north, "TOKENS_READ", "TOKENS_WRITE", "EVENTS_READ")
    [token] = await world.portal.fetch(select(SpToken))

    replies = [
        await world.portal(CREATE, caller, input={"name": "آخر", "environment": "LIVE", "scopes": ["EVENTS_READ"]}),
        await world.portal(REGENERATE, caller, input={"tokenId": token.public_id}),
        await world.portal(REVOKE, caller, input={"tokenId": token.public_id}),
    ]

    assert [reply.codes for reply in replies] == [["FORBIDDEN"]] * 3
    assert len(await world.portal.fetch(select(SpToken))) == 1
    assert await world.events() == []


async def _many(world: World, number: int, **values: Any) -> None:
    await world.portal.store(
        *(
            SpToken(
                company_id=world.north.id,
                name="كثير",
                display_code="000000",
                secret_hash=f"{values}{n}",
                environment=Environment.LIVE,
                scopes=[],
                created_at=world.portal.clock(),
                **values,
            )
            for n in range(number)
        )
    )


async def test_a_company_has_fifty_working_tokens_at_most(world: World) -> None:
    await _many(world, 49)
    await _many(world, 3, revoked_at=world.portal.clock())
    await _many(world, 3, expires_at=world.portal.clock())

    replies = [await _create(world), await _create(world)]

    assert [reply.codes for reply in replies] == [[], ["LIMIT_REACHED"]]
    assert replies[1].paths == [None]


async def test_simultaneous_tokens_fill_the_last_place_once(world: World) -> None:
    await _many(world, 49)
    owner = await world.person()

    replies = await asyncio.gather(*(world.portal(CREATE, owner, input={"name": f"{n}", "environment": "LIVE"}) for n in range(10)))

    assert sorted(code for reply in replies for code in reply.codes) == ["LIMIT_REACHED"] * 9
    assert await world.events() == [(1, "TOKEN_CREATED")]


async def test_twenty_simultaneous_tokens_leave_no_gap_in_the_log(world: World) -> None:
    owner = await world.person()

    replies = await asyncio.gather(*(world.portal(CREATE, owner, input={"name": f"{n}", "environment": "LIVE"}) for n in range(20)))

    assert [code for reply in replies for code in reply.codes] == []
    assert len({reply.data["createToken"]["secret"] for reply in replies}) == 20
    assert await world.events() == [(n, "TOKEN_CREATED") for n in range(1, 21)]


async def test_a_validated_token_has_no_secret_and_is_not_there(world: World) -> None:
    reply = await _create(world, validateOnly=True)

    assert reply.codes == []
    assert (reply.data["createToken"]["secret"], reply.data["createToken"]["token"]) == (None, None)
    assert await world.portal.fetch(select(SpToken)) == []


# ---- regenerateToken ---------------------------------------------------------------------------------------------------


async def test_without_grace_the_old_secret_is_dead_at_once_and_the_new_one_works(world: World) -> None:
    token, secret = await _made(world, scopes=["EVENTS_READ"], expiresAt="2027-01-01T00:00:00Z")

    reply = await _regenerate(world, token)

    payload = reply.data["regenerateToken"]
    assert reply.codes == []
    assert payload["secret"] != secret
    assert (payload["token"]["id"] == token, payload["replacedToken"]["id"]) == (False, token)
    same = ("name", "environment", "scopes", "expiresAt")
    assert [payload["token"][name] for name in same] == ["خادم", "LIVE", ["EVENTS_READ"], "2027-01-01T00:00:00Z"]
    assert (payload["token"]["status"], payload["replacedToken"]["status"]) == ("ACTIVE", "REVOKED")
    assert payload["replacedToken"]["revokedAt"] == "2026-11-22T09:00:00Z"
    assert [await _works(world, secret), await _works(world, payload["secret"])] == [False, True]
    assert await world.events() == [(1, "TOKEN_CREATED"), (2, "TOKEN_REGENERATED"), (3, "TOKEN_CREATED")]


async def test_with_grace_the_old_secret_works_until_the_clock_has_passed_it(world: World) -> None:
    token, secret = await _made(world)
    reply = await _regenerate(world, token, graceMinutes=30)
    new = reply.data["regenerateToken"]["secret"]
    at_first = [await _works(world, secret), await _works(world, new)]

    world.portal.clock.advance(minutes=30, microseconds=-1)
    at_last = [await _works(world, secret), await _works(world, new)]
    world.portal.clock.advance(microseconds=1)
    after = [await _works(world, secret), await _works(world, new)]
    shown = await world.portal("query($id: ID!) { node(id: $id) { ... on SpToken { status } } }", await world.person(), id=token)

    replaced = reply.data["regenerateToken"]["replacedToken"]
    assert (replaced["status"], replaced["revokedAt"]) == ("GRACE", "2026-11-22T09:30:00Z")
    assert (at_first, at_last, after) == ([True, True], [True, True], [False, True])
    assert shown.data["node"]["status"] == "REVOKED"


async def test_grace_does_not_outlast_the_end_of_the_token(world: World) -> None:
    token, secret = await _made(world, expiresAt="2026-11-22T09:10:00Z")
    await _regenerate(world, token, graceMinutes=30)

    world.portal.clock.advance(minutes=10)

    assert await _works(world, secret) is False


@pytest.mark.parametrize(("minutes", "codes"), [(-1, ["VALIDATION_FAILED"]), (0, []), (1440, []), (1441, ["VALIDATION_FAILED"])])
async def test_grace_lasts_a_day_at_most(world: World, minutes: int, codes: list[str]) -> None:
    token, secret = await _made(world)

    reply = await _regenerate(world, token, graceMinutes=minutes)

    assert reply.codes == codes
    assert reply.paths == [["input", "graceMinutes"]] * len(codes)
    assert await _works(world, secret) is (minutes != 0)


@pytest.mark.parametrize("state", ["REVOKED", "EXPIRED", "GRACE"])
async def test_only_a_token_that_is_active_is_replaced(world: World, state: str) -> None:
    token, _ = await _made(world, expiresAt="2026-11-22T10:00:00Z")
    if state == "REVOKED":
        await _revoke(world, token)
    elif state == "GRACE":
        await _regenerate(world, token, graceMinutes=30)
    else:
        world.portal.clock.advance(hours=1)
    before = await world.events()

    reply = await _regenerate(world, token)

    assert reply.codes == ["ILLEGAL_TRANSITION"]
    assert reply.paths == [["input", "tokenId"]]
    assert state in reply.data["regenerateToken"]["userErrors"][0]["message"]
    assert reply.data["regenerateToken"]["secret"] is None
    assert await world.events() == before


async def test_a_replacement_that_is_only_validated_has_no_secret_and_leaves_the_old_one_alone(world: World) -> None:
    token, secret = await _made(world)

    reply = await _regenerate(world, token, validateOnly=True)

    payload = reply.data["regenerateToken"]
    assert reply.codes == []
    assert (payload["secret"], payload["token"], payload["replacedToken"]["status"]) == (None, None, "ACTIVE")
    assert await _works(world, secret) is True


async def test_ten_simultaneous_replacements_happen_once(world: World) -> None:
    (token, _), owner = await _made(world), await world.person()

    replies = await asyncio.gather(*(world.portal(REGENERATE, owner, input={"tokenId": token}) for _ in range(10)))

    assert sorted(code for reply in replies for code in reply.codes) == ["ILLEGAL_TRANSITION"] * 9
    assert len(await world.portal.fetch(select(SpToken))) == 2


# ---- revokeToken -------------------------------------------------------------------------------------------------------


async def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    token, secret = await _made(world)
    before = await _works(world, secret)

    reply = await _revoke(world, token)

    told = reply.data["revokeToken"]["token"]
    assert reply.codes == []
    assert (told["status"], told["revokedAt"]) == ("REVOKED", "2026-11-22T09:00:00Z")
    assert (before, await _works(world, secret)) == (True, False)
    assert await world.events() == [(1, "TOKEN_CREATED"), (2, "TOKEN_REVOKED")]


async def test_revoking_ends_a_grace(world: World) -> None:
    token, secret = await _made(world)
    await _regenerate(world, token, graceMinutes=30)

    reply = await _revoke(world, token)

    assert reply.codes == []
    assert reply.data["revokeToken"]["token"]["status"] == "REVOKED"
    assert await _works(world, secret) is False


async def test_a_token_that_has_stopped_is_not_revoked_again(world: World) -> None:
    (revoked, _), (expired, _) = await _made(world), await _made(world, expiresAt="2026-11-22T10:00:00Z")
    await _revoke(world, revoked)
    world.portal.clock.advance(hours=1)

    replies = [await _revoke(world, revoked), await _revoke(world, expired)]

    assert [reply.codes for reply in replies] == [["ILLEGAL_TRANSITION"]] * 2
    assert [reply.paths for reply in replies] == [[["input", "tokenId"]]] * 2
    [stored] = await world.portal.fetch(select(SpToken).where(SpToken.revoked_at.is_not(None)))
    assert stored.revoked_at == world.portal.clock() - timedelta(hours=1)


@pytest.mark.parametrize("first", ["revoke", "replace", "replace with grace, revoke"])
async def test_a_request_that_was_overtaken_finds_the_token_as_it_was_left(world: World, first: str) -> None:
    """It keeps the moment at which it came, however long it had to wait for those before it."""
    token, _ = await _made(world)
    world.portal.clock.advance(seconds=2)
    if first != "revoke":
        await _regenerate(world, token, graceMinutes=5 if "grace" in first else 0)
    if "revoke" in first:
        await _revoke(world, token)
    log = await world.events()
    world.portal.clock.advance(seconds=-1)

    replies = [await _revoke(world, token), await _regenerate(world, token)]

    assert [reply.codes for reply in replies] == [["ILLEGAL_TRANSITION"]] * 2
    assert await world.events() == log


async def test_a_refused_token_does_not_fall_back_to_the_cookie_beside_it(world: World) -> None:
    token, secret = await _made(world)
    await _revoke(world, token)
    owner = await world.person()

    reply = await world.portal(WHO, Caller({**owner.headers, **_bearer(secret).headers}))

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
    assert reply.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_of_a_suspended_company_reads_and_does_not_write(world: World) -> None:
    job = await world.job()
    caller = await world.portal.token(world.north, "PROJECTS_READ", "JOBS_WRITE")
    await world.alter(world.north, status="SUSPENDED")

    read = await world.portal("query($id: ID!) { node(id: $id) { id } }", caller, id=job.public_id)
    written = await world.portal("mutation($id: ID!) { deleteJob(input: {jobId: $id}) { userErrors { code } } }", caller, id=job.public_id)

    assert (read.codes, read.data["node"]) == ([], {"id": job.public_id})
    assert written.codes == ["ACCOUNT_SUSPENDED"]


# ---- networks, what is missing, and how often one may try --------------------------------------------------------------


async def test_a_token_tied_to_networks_says_so_and_its_successor_is_too(world: World) -> None:
    networks = {"addressRanges": ["203.0.113.9/24", "٢٠٣.0.113.0/24", "2001:DB8::1"]}
    asked = f"mutation($input: CreateTokenInput!) {{ createToken(input: $input) {{ token {{ id addressRanges }} secret {_ERRORS} }} }}"
    owner = await world.person()

    made = await world.portal(asked, owner, input={"name": "خادم", "environment": "LIVE", **networks})
    token = made.data["createToken"]["token"]
    again = await world.portal(
        "mutation($id: ID!) { regenerateToken(input: {tokenId: $id}) { token { addressRanges } } }", owner, id=token["id"]
    )
    wrong = [
        await world.portal(asked, owner, input={"name": "خادم", "environment": "LIVE", "addressRanges": given})
        for given in (["203.0.113.0/33"], ["here"], [], ["10.0.0.1"] * 21)
    ]

    assert token["addressRanges"] == ["2001:db8::1/128", "203.0.113.0/24"]
    assert again.data["regenerateToken"]["token"] == {"addressRanges": token["addressRanges"]}
    assert [reply.codes for reply in wrong] == [["VALIDATION_FAILED"]] * 4
    assert [reply.paths[0][:2] for reply in wrong] == [["input", "addressRanges"]] * 4
    # The requests of these tests come from 127.0.0.1.
    assert await _works(world, made.data["createToken"]["secret"]) is False


async def test_a_missing_scope_is_named_with_the_field_that_wants_it_and_those_that_are_held(world: World) -> None:
    token = await world.portal.token(world.north, "REPORTS_READ", "EVENTS_READ")
    one = await world.contract()
    read = """query($id: ID!) { viewer { account { jobs { totalCount } } } node(id: $id) { id }
        switched: viewer { account { provider { email } } } }"""
    write = 'mutation { revokeToken(input: {tokenId: "tok_0"}) { userErrors { code } } }'

    refused = await world.portal(read, token, id=one.public_id)
    written = await world.portal(write, token)
    person = await world.portal(write, await world.person(Role.VIEWER))

    told = {"code": "FORBIDDEN", "retryable": False, "scopes": ["EVENTS_READ", "REPORTS_READ"]}
    found = {error["path"][-1]: error["extensions"] for error in [*refused.errors, *written.errors]}
    assert found == {
        "jobs": {**told, "permission": "PROJECTS_READ", "field": "Company.jobs"},
        "node": {**told, "permission": "CONTRACTS_READ", "field": "Query.node"},
        "email": {**told, "permission": "PROFILE_READ", "field": "Provider.email"},
        "revokeToken": {**told, "permission": "TOKENS_WRITE", "field": "Mutation.revokeToken"},
    }
    assert person.errors[0]["extensions"] == {
        "code": "FORBIDDEN",
        "retryable": False,
        "permission": "TOKENS_WRITE",
        "field": "Mutation.revokeToken",
    }


def _guess(start: str, number: int) -> Caller:
    """A bare secret with that beginning, of which no typo can be told."""
    return Caller({"Sp-Token": f"{start}{number:0{128 - len(start)}x}"})


async def test_guesses_at_one_secret_are_limited_and_the_secret_itself_goes_on_working(world: World) -> None:
    _, secret = await _made(world)
    start = secret.removeprefix("tw_live_")[:6]

    replies = [await world.portal(WHO, _guess(start, number)) for number in range(11)]
    other = await world.portal(WHO, _guess("ffffff" if start != "ffffff" else "eeeeee", 1))

    assert [reply.status for reply in replies] == [401] * 10 + [429]
    assert (replies[-1].codes, replies[-1].headers["Retry-After"]) == (["RATE_LIMITED"], "60")
    assert replies[-1].errors[0]["extensions"] == {"code": "RATE_LIMITED", "retryable": True, "retryAfter": 60}
    assert (other.status, await _works(world, secret)) == (401, True)


async def test_an_address_that_fails_too_often_is_shut_for_its_minute_and_asks_the_database_nothing(world: World) -> None:
    _, secret = await _made(world)
    owner = await world.person()

    replies = [await world.portal(WHO, _guess(f"{number:06x}", number)) for number in range(61)]
    shut = await world.portal(WHO, _bearer(secret))
    cookie = await world.portal(WHO, owner)
    world.portal.clock.advance(seconds=60)

    assert [reply.status for reply in replies] == [401] * 60 + [429]
    assert (shut.status, shut.headers["Retry-After"], shut.statements) == (429, "60", [])
    # People behind the same address go on working.
    assert cookie.status == 200
    assert await _works(world, secret) is True


@pytest.mark.parametrize("wanted", [TokenStatus.GRACE, TokenStatus.REVOKED])
@pytest.mark.parametrize("state", list(TokenStatus))
async def test_a_tokens_states_go_as_the_table_says(world: World, state: TokenStatus, wanted: TokenStatus) -> None:
    token, _ = await _made(world)
    now = world.portal.clock()
    columns: dict[TokenStatus, dict[str, Any]] = {
        TokenStatus.ACTIVE: {},
        TokenStatus.GRACE: {"replaced_at": now, "revoked_at": now + timedelta(hours=1)},
        TokenStatus.REVOKED: {"revoked_at": now},
        TokenStatus.EXPIRED: {"expires_at": now},
    }
    [row] = await world.portal.fetch(select(SpToken))
    if columns[state]:
        await world.alter(row, **columns[state])
    events = await world.events()

    reply = await (_regenerate(world, token, graceMinutes=5) if wanted is TokenStatus.GRACE else _revoke(world, token))

    is_allowed = wanted in TRANSITIONS[state]
    assert reply.codes == ([] if is_allowed else ["ILLEGAL_TRANSITION"])
    assert (await world.events() != events) is is_allowed
