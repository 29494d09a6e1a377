"""Mutations that are repeated with their Idempotency-Key: the first outcome again, and nothing changed."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from app.auth.secrets import hash_of
from app.auth.tokens import make_gateway_secret
from app.models import Base, Company, GatewayCredential, Job, KeptOutcome, Member, Role, Session, User
from app.operations.gateway import add_gateway
from app.operations.kept_outcome import Outcome, forget_outcomes, keyed
from app.scope import Scope
from tests.engine.differential import CORE
from tests.engine.operations import Generator, Made
from tests.isolation.twins import make_twins
from tests.portal import NOBODY, Caller, Portal, Reply
from tests.traces import indiscreet
from tests.world import World

ADD = """mutation($input: AddJobInput!) { addJob(input: $input) {
    job { id titleAr version } userErrors { code path message } clientMutationId } }"""
RENAME = """mutation($input: UpdateProviderProfileInput!) { updateProviderProfile(input: $input) {
    provider { nameEn version } userErrors { code message } } }"""
CREATE = """mutation($input: CreateTokenInput!) { createToken(input: $input) { token { id name } secret userErrors { code } } }"""
JOB = {"titleAr": "موظف", "vacancies": 2, "employmentType": "FULL_TIME", "weeklyHours": 40}
HOURS = 24


def under(caller: Caller, key: str) -> Caller:
    return Caller({**caller.headers, "Idempotency-Key": key})


def replayed(reply: Reply) -> bool:
    return "idempotency-replayed" in reply.headers


async def jobs(world: World) -> int:
    return len(await world.portal.fetch(select(Job.id)))


async def kept(world: World) -> int:
    return len(await world.portal.fetch(select(KeptOutcome.id)))


async def given(world: World, **more: Any) -> dict[str, Any]:
    return {"projectId": (await world.project()).public_id, **JOB, **more}


# ---- the first outcome again ---------------------------------------------------------------------------------------------


async def test_a_repetition_gives_the_first_outcome_for_its_own_selection_and_changes_nothing(world: World) -> None:
    owner, admin = under(await world.person(), '"a-key"'), under(await world.person(Role.ADMIN), "a-key")
    input_ = await given(world, clientMutationId="first")

    first = await world.portal(ADD, owner, input=input_)
    before = await world.snapshot()
    again = await world.portal(ADD, owner, input=input_)
    other = ADD.replace("id titleAr version", "id project { id }")
    elsewise = await world.portal(other, admin, input={**input_, "clientMutationId": "other"})

    assert (replayed(first), replayed(again), replayed(elsewise)) == (False, True, True)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.body == first.body
    job = {"id": first.data["addJob"]["job"]["id"], "project": {"id": input_["projectId"]}}
    assert elsewise.data == {"addJob": {"job": job, "userErrors": [], "clientMutationId": "other"}}
    assert (await jobs(world), await world.events()) == (1, [(1, "JOB_ADDED")])
    assert await world.snapshot() == before


@pytest.mark.parametrize(
    "same",
    [
        'projectId: $project, titleAr: "موظف", vacancies: 2, employmentType: FULL_TIME, weeklyHours: $hours',
        'weeklyHours: $hours, projectId: $project, titleAr: "موظف", vacancies: 2, employmentType: FULL_TIME, validateOnly: false',
    ],
    ids=["literals", "another order and defaults"],
)
async def test_what_agrees_is_the_input_however_it_is_written(world: World, same: str) -> None:
    owner, input_ = under(await world.person(), "k"), await given(world)
    await world.portal(ADD, owner, input=input_)

    document = f"mutation($project: ID!, $hours: Int! = 40) {{ addJob(input: {{{same}}}) {{ job {{ id }} userErrors {{ code }} }} }}"
    again = await world.portal(document, owner, project=input_["projectId"])

    assert (again.codes, replayed(again), await jobs(world)) == ([], True, 1), again.body


async def test_another_input_or_another_mutation_under_the_key_is_a_conflict(world: World) -> None:
    owner, input_ = under(await world.person(), "k"), await given(world)
    await world.portal(ADD, owner, input=input_)
    before = await world.snapshot()

    replies = [
        await world.portal(ADD, owner, input={**input_, **more}) for more in ({"vacancies": 3}, {"publish": False}, {"titleEn": None})
    ]
    replies.append(await world.portal(RENAME, owner, input={"nameEn": "Renamed"}))
    arabic = await world.portal(ADD, owner, "ar", input={**input_, "vacancies": 3})

    assert [(reply.status, reply.codes, reply.data) for reply in replies] == [(422, ["IDEMPOTENCY_CONFLICT"], None)] * 4
    assert arabic.errors[0]["message"].startswith("سبق إرسال")
    assert await world.snapshot() == before


async def test_a_key_is_its_accounts_and_a_persons_in_what_they_do_for_none(world: World) -> None:
    renamed = {"nameEn": "Renamed"}
    await world.join(world.stranger, world.north, Role.OWNER)
    [north, south] = [under(await world.person(), "k"), under(await world.intruder(), "k")]
    await world.portal(f'mutation {{ switchAccount(input: {{companyId: "{world.south.public_id}"}}) {{ account {{ id }} }} }}', south)
    switch = f'mutation {{ switchAccount(input: {{companyId: "{world.north.public_id}"}}) {{ account {{ id }} userErrors {{ code }} }} }}'
    away = under(await world.intruder(), "to-the-north")

    replies = [await world.portal(RENAME, caller, input=renamed) for caller in (north, south, north, south)]
    switched = [await world.portal(switch, away) for _ in range(2)]

    assert [(replayed(reply), reply.codes) for reply in replies] == [(False, []), (False, []), (True, []), (True, [])]
    assert (await world.events(), await world.events(world.south)) == ([(1, "PROFILE_UPDATED")],) * 2
    assert [(replayed(reply), reply.codes) for reply in switched] == [(False, []), (True, [])]


async def test_rules_that_the_input_broke_are_an_outcome_in_whatever_language(world: World) -> None:
    project = await world.project(status="SUSPENDED")
    owner, input_ = under(await world.person(), "k"), {"projectId": project.public_id, **JOB}
    plain = [await world.portal(ADD, await world.person(), language, input=input_) for language in ("en", "ar")]

    first = await world.portal(ADD, owner, input=input_)
    await world.alter(project, status="APPROVED")
    again = [await world.portal(ADD, owner, language, input=input_) for language in ("en", "ar")]

    assert first.codes == ["PROJECT_NOT_APPROVED"]
    assert [reply.body for reply in again] == [reply.body for reply in plain]
    assert ([replayed(reply) for reply in again], await jobs(world)) == ([True, True], 0)


async def test_what_was_refused_before_it_was_tried_is_not_kept(world: World) -> None:
    """The same request may do it later, under the same key."""
    input_, key = await given(world), "k"
    viewer, owner = under(await world.person(Role.VIEWER), key), under(await world.person(), key)
    wrong = {**input_, "titleAr": " "}

    refused = [await world.portal(ADD, viewer, input=input_), await world.portal(ADD, owner, input=wrong)]
    await world.alter(world.north, status="SUSPENDED")
    refused.append(await world.portal(ADD, owner, input=input_))
    await world.alter(world.north, status="ACTIVE")
    checked = await world.portal(ADD, owner, input={**input_, "validateOnly": True})
    found = await kept(world)
    first = await world.portal(ADD, owner, input=input_)

    assert [reply.codes for reply in refused] == [["FORBIDDEN"], ["VALIDATION_FAILED"], ["ACCOUNT_SUSPENDED"]]
    assert (checked.codes, found) == ([], 0)
    assert (first.codes, replayed(first), await jobs(world)) == ([], False, 1)


async def test_a_repetition_is_answered_with_the_rights_of_now(world: World) -> None:
    """Of whoever may not do it any more, nothing; while the account is suspended, what was done before."""
    admin, input_ = await world.person(Role.ADMIN), await given(world)
    first = await world.portal(ADD, under(admin, "k"), input=input_)

    await world.alter(world.north, status="SUSPENDED")
    suspended = await world.portal(ADD, under(admin, "k"), input=input_)
    await world.alter(world.north, status="ACTIVE")
    [member] = await world.portal.fetch(select(Member).where(Member.user_id == world.users[Role.ADMIN].id))
    await world.alter(member, role="VIEWER")
    lowered = await world.portal(ADD, under(admin, "k"), input=input_)

    assert (suspended.body, replayed(suspended)) == (first.body, True)
    assert (lowered.codes, lowered.data) == (["FORBIDDEN"], {"addJob": None})


async def test_secrets_are_told_once_and_kept_nowhere(world: World) -> None:
    owner = await world.person()
    made = await world.portal(CREATE, under(owner, "k"), input={"name": "x", "environment": "LIVE"})
    token, secret = made.data["createToken"]["token"], made.data["createToken"]["secret"]
    regenerate = f'mutation {{ regenerateToken(input: {{tokenId: "{token["id"]}"}}) {{ token {{ name }} secret userErrors {{ code }} }} }}'
    fresh = await world.portal(regenerate, under(owner, "r"))
    switch = f'mutation {{ switchAccount(input: {{companyId: "{world.north.public_id}"}}) {{ account {{ id }} }} }}'
    switched = await world.portal(switch, under(owner, "s"))

    again = [
        await world.portal(CREATE, under(owner, "k"), input={"name": "x", "environment": "LIVE"}),
        await world.portal(regenerate, under(owner, "r")),
        await world.portal(switch, under(owner, "s")),
    ]

    assert again[0].data == {"createToken": {"token": token, "secret": None, "userErrors": []}}
    assert again[1].data == {"regenerateToken": {"token": {"name": "x"}, "secret": None, "userErrors": []}}
    assert again[2].data == switched.data
    assert "set-cookie" in switched.headers
    assert "set-cookie" not in again[2].headers
    stored = " ".join(await world.portal.fetch(select(KeptOutcome.outcome)))
    session = re.search(r"telework_session=([^;]+)", switched.headers["set-cookie"])
    assert session is not None
    secrets = [secret, fresh.data["regenerateToken"]["secret"], session[1]]
    assert (await kept(world), indiscreet(stored, secrets)) == (3, [])


# ---- the key, and what it may stand on ------------------------------------------------------------------------------------

GOOD = ["8e03978e-40d5-43dd-bc93-6e0fbeb6a2e5", '"8e03978e-40d5-43dd-bc93-6e0fbeb6a2e5"', r'"a \"b\" \\"', '"k";v=1', '" "', "x" * 255]
BAD = [
    "",
    '""',
    '"',
    '"a',
    'a"b',
    '"a" b',
    '"a" "a"',
    "a b",
    "a,b",
    '"a", "a"',
    r'"\a"',
    "ключ",
    '"\x7f"',
    "x" * 256,
    '"' + "x" * 256 + '"',
]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_key_is_a_structured_string_or_a_plain_one(world: World) -> None:
    async def send(*keys: str) -> tuple[int, list[str], bool]:
        headers = [(name.encode(), value.encode()) for name, value in owner.headers.items()]
        headers += [(b"Idempotency-Key", key.encode()) for key in keys]
        response = await world.portal.http.post("/graphql", json={"query": RENAME, "variables": {"input": renamed}}, headers=headers)
        codes = [error["extensions"]["code"] for error in response.json().get("errors", [])]
        return response.status_code, codes, "idempotency-replayed" in response.headers

    owner, renamed = await world.person(), {"nameEn": "Renamed"}

    good = [await send(key) for key in GOOD]
    bad = [await send(key) for key in BAD] + [await send("a", "a")]
    quoted, plain = await send('"one"'), await send("one")

    assert good == [(200, [], False), (200, [], True), *[(200, [], False)] * 4]  # the first two are one key
    assert bad == [(400, ["BAD_REQUEST"], False)] * (len(BAD) + 1)
    assert (quoted[2], plain[2]) == (False, True)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_keyed_request_has_one_mutation(world: World) -> None:
    owner = under(await world.person(), "k")
    one = 'updateProviderProfile(input: {nameEn: "Renamed"}) { userErrors { code } }'
    other = 'other: updateProviderProfile(input: {nameEn: "Again"}) { userErrors { code } }'
    body = {"query": f"mutation {{ {one} }}"}

    two = await world.portal(f"mutation {{ {one} {other} }}", owner)
    batch = await world.portal.http.post("/graphql", json=[body, body], headers=owner.headers)
    before = await world.events()
    skipped = await world.portal(f"mutation {{ __typename {one} ... @skip(if: true) {{ {other} }} }}", owner)
    query = await world.portal("{ viewer { role } }", under(await world.person(), "a b"))
    anonymous = await world.portal(f"mutation {{ {one} }}", under(NOBODY, "k"))

    assert (two.status, two.codes, batch.status_code) == (422, ["BAD_REQUEST"], 422)
    assert batch.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert (before, skipped.codes, await world.events()) == ([], [], [(1, "PROFILE_UPDATED")])
    assert query.data == {"viewer": {"role": "OWNER"}}
    assert anonymous.codes == ["UNAUTHENTICATED"]


# ---- how long -------------------------------------------------------------------------------------------------------------


async def test_an_outcome_is_kept_for_a_day_and_swept_after_it(world: World) -> None:
    owner, input_ = under(await world.person(), "k"), await given(world)

    async def sweep() -> int:
        now = world.portal.clock()
        swept: int = await world.portal.server_database.write(lambda session: forget_outcomes(session, now=now, hours=HOURS))
        return swept

    async def add() -> bool:
        return replayed(await world.portal(ADD, under(await world.person(), "k"), input=input_))

    first = await world.portal(ADD, owner, input=input_)
    await world.portal(RENAME, under(await world.intruder(), "k"), input={"nameEn": "Renamed"})
    world.portal.clock.advance(hours=HOURS, seconds=-1)
    in_time, swept_in_time = await add(), await sweep()
    world.portal.clock.advance(seconds=1)
    anew = await add(), await add()
    swept = await sweep()
    left = await kept(world)

    assert (first.codes, in_time, swept_in_time) == ([], True, 0)
    assert (anew, await jobs(world)) == ((False, True), 2)
    assert (swept, left) == (1, 1)  # the stranger's; what was done anew is young


# ---- many at once ---------------------------------------------------------------------------------------------------------


async def test_of_fifty_at_once_one_is_done_and_the_others_are_told(world: World) -> None:
    owner, input_ = under(await world.person(), "k"), await given(world)

    async def send() -> Reply:
        for _ in range(100):
            reply = await world.portal(ADD, owner, input=input_)
            if reply.status != 409:
                return reply
            assert (reply.codes, reply.headers["retry-after"]) == (["IDEMPOTENCY_IN_PROGRESS"], "1")
            await asyncio.sleep(0.1)
        raise AssertionError("never done")

    replies = await asyncio.gather(*(send() for _ in range(50)))

    assert Counter(replayed(reply) for reply in replies) == {False: 1, True: 49}
    assert len({reply.data["addJob"]["job"]["id"] for reply in replies}) == 1
    assert (await jobs(world), await world.events()) == (1, [(1, "JOB_ADDED")])


async def test_those_who_come_while_it_runs_take_no_connection(world: World) -> None:
    """The first waits for the account; fifty that repeat it are told so at once, and others are served."""
    owner, input_ = under(await world.person(), "k"), await given(world)
    other = await world.intruder()
    async with world.portal.database.writing() as session:
        await session.execute(select(Company).where(Company.id == world.north.id).with_for_update())
        first = asyncio.create_task(world.portal(ADD, owner, input=input_))
        await asyncio.sleep(0.2)
        told = await asyncio.gather(*(world.portal(ADD, owner, input=input_) for _ in range(50)))
        pool: Any = world.portal.server_database.writer.sync_engine.pool
        lent = pool.checkedout()
        read = await world.portal("{ viewer { role } }", other)

    assert {reply.status for reply in told} == {409}
    assert told[0].body == {
        "errors": [
            {
                "message": told[0].errors[0]["message"],
                "extensions": {"code": "IDEMPOTENCY_IN_PROGRESS", "retryable": True, "retryAfter": 1},
            }
        ]
    }
    assert lent <= 1
    assert read.data == {"viewer": {"role": "OWNER"}}
    assert ((await first).codes, replayed(await world.portal(ADD, owner, input=input_))) == ([], True)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_another_process_neither_does_it_nor_waits_for_it(world: World) -> None:
    """What this process knows of itself is forgotten, as if the first were another's."""
    owner, input_ = under(await world.person(), "k"), await given(world)
    async with world.portal.database.writing() as session:
        await session.execute(select(Company).where(Company.id == world.north.id).with_for_update())
        first = asyncio.create_task(world.portal(ADD, owner, input=input_))
        await asyncio.sleep(0.2)
        world.portal.server_database.under_way.clear()
        told = await world.portal(ADD, owner, input=input_)

    assert told.codes == ["IDEMPOTENCY_IN_PROGRESS"]
    assert ((await first).codes, await jobs(world)) == ([], 1)


# ---- every mutation -------------------------------------------------------------------------------------------------------


class Single(Generator):
    """Operations of one mutation, each tried in earnest."""

    one = ""

    def roots(self, root: Any) -> list[str]:
        return [self.one] if root is CORE.mutation_type else super().roots(root)

    def of(self, mutation: str) -> Made:
        self.one = mutation
        while not (made := self.fresh()).is_mutation or "validateOnly" in made.text or "Other(" in made.text:
            pass
        return made


async def _held(portal: Portal) -> dict[str, list[str]]:
    """All that the database holds, but for what is noted of a request whatever it does."""
    noted = {"last_used_at", "idle_at", "address"}
    async with portal.database.writing() as session:
        return {
            name: sorted(str(row) for row in await session.execute(select(*(each for each in table.c if each.name not in noted))))
            for name, table in Base.metadata.tables.items()
        }


async def test_every_mutation_replays_whatever_it_came_to(portal: Portal) -> None:
    """Random inputs, the same each time, by an owner to whose company each kind of thing belongs; some succeed, most do not."""
    twins = await make_twins(portal)
    pick = random.Random("once")
    generator = Single(CORE, pick, {rows[0].prefix: [row.public_id for row in rows] for rows in twins.north.rows.values() if rows})
    # Not the session that asks: who ends that is not there to repeat it.
    [owner] = await portal.fetch(select(Session.user_id).where(Session.secret_hash == hash_of(twins.north.owner.headers["Cookie"][-43:])))
    others = [await portal.person(User(id=owner)) for _ in range(4)]
    hashes = [hash_of(caller.headers["Cookie"][-43:]) for caller in others]
    generator.ids["ses"] = [f"ses_{key.hex}" for key in await portal.fetch(select(Session.id).where(Session.secret_hash.in_(hashes)))]
    # Nor their own membership: who takes that away reads nothing of it any more.
    mine = {f"mem_{key.hex}" for key in await portal.fetch(select(Member.id).where(Member.user_id == owner))}
    generator.ids["mem"] = [each for each in generator.ids["mem"] if each not in mine]
    assert CORE.mutation_type
    done: Counter[str] = Counter()
    for number, name in enumerate([name for name in CORE.mutation_type.fields if name != "logout"]):  # that ends the session
        made = generator.of(name)
        sent: dict[str, Any] = {
            "json": {"query": made.text, "variables": made.variables},
            "headers": under(twins.north.owner, f"key-{number}").headers,
        }

        first = await portal.http.post("/graphql", **sent)
        held = await _held(portal)
        again = await portal.http.post("/graphql", **sent)
        portal.http.cookies.clear()

        assert await _held(portal) == held, (name, made)
        assert _told(again) == _told(first), (name, made)
        done[name] += "idempotency-replayed" in again.headers
        if renewed := first.headers.get("set-cookie"):  # a switch changes it
            twins.north.owner.headers["Cookie"] = renewed.partition(";")[0]
    assert len(+done) >= 12, done


def _told(response: Any) -> Any:
    """Without secrets, which the first answer alone tells, and what is told of the request itself."""
    body = re.sub(r'"tw_(live|sandbox)_[0-9a-f]+"', "null", response.text)
    return re.sub(r'"extensions":{"cost".*', "", re.sub(r'"requestId":"[0-9a-f]+"', "", re.sub("request id [0-9a-f]+", "", body)))


# ---- the gateway's ---------------------------------------------------------------------------------------------------------


async def test_the_gateways_keys_are_its_own(world: World) -> None:
    """Before it is known which company a mutation of its concerns: the wall lets it see its own outcomes alone."""
    made = make_gateway_secret()
    database, now = world.portal.server_database, world.portal.clock()
    async with world.portal.database.writing() as session:
        await add_gateway(session, "portal", made, now=now)
    [gateway] = await world.portal.fetch(select(GatewayCredential))

    def key(owner: Base, scope: Scope) -> Any:
        return keyed("k", owner.id, scope, input_hash="hash", now=now, hours=HOURS)

    mine, norths = key(gateway, Scope(person=gateway.id)), key(world.north, Scope(world.north.id))
    async with database.writing() as session:
        empty = [await mine.recall(session), await norths.recall(session)]
        await mine.keep(session, Outcome({"invitation_id": world.north.id}, []))
    async with database.writing() as session:
        found = [await mine.recall(session), await norths.recall(session)]

    assert empty == [None, None]
    assert found == [Outcome({"invitation_id": world.north.id}, []), None]
