"""Registering establishments, and editing the profile that a provider's companies share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Company, Member, Provider, Role, User, UserEstablishment
from tests.portal import Reply
from tests.world import World

_SHOWN = "id name nameAr nameEn description website contactName email mobile nationalAddress version updatedAt"
UPDATE = f"""mutation($input: UpdateProviderProfileInput!) {{ updateProviderProfile(input: $input) {{
    provider {{ {_SHOWN} }} userErrors {{ code path message }} }} }}"""
READ = f"query {{ viewer {{ account {{ provider {{ {_SHOWN} }} }} }} }}"


async def _update(world: World, **changes: Any) -> Reply:
    return await world.portal(UPDATE, await world.person(), input=changes)


async def _provider(world: World) -> Provider:
    provider: Provider
    [provider] = await world.portal.fetch(select(Provider).where(Provider.id == world.north.provider_id))
    return provider


async def test_editing_the_profile_keeps_one_spelling_of_what_was_sent(world: World) -> None:
    world.portal.clock.advance(minutes=5)

    reply = await _update(
        world,
        nameAr=" مزود الشمال ",
        nameEn="North",
        description="سطر\nوسطر",
        website="https://north.example.sa",
        contactName="سارة",
        email=" sara@example.sa ",
        mobile="٠٥١ ٢٣٤ ٥٦٧٨",
        nationalAddress="RAAA1234",
        version=1,
    )

    provider = await _provider(world)
    assert reply.codes == []
    assert reply.data["updateProviderProfile"]["provider"] == {
        "id": provider.public_id,
        "name": "North",
        "nameAr": "مزود الشمال",
        "nameEn": "North",
        "description": "سطر\nوسطر",
        "website": "https://north.example.sa",
        "contactName": "سارة",
        "email": "sara@example.sa",
        "mobile": "+966512345678",
        "nationalAddress": "RAAA1234",
        "version": 2,
        "updatedAt": "2026-11-22T09:05:00Z",
    }
    assert (await world.portal(READ, await world.person())).data["viewer"]["account"]["provider"]["mobile"] == "+966512345678"
    assert await world.events() == [(1, "PROFILE_UPDATED")]


async def test_another_providers_profile_stays_as_it_was(world: World) -> None:
    reply = await _update(world, nameEn="Renamed")

    others = await world.portal.fetch(select(Provider.name_en).where(Provider.id == world.south.provider_id))
    assert reply.codes == []
    assert others == ["South provider"]
    assert await world.events(world.south) == []


async def test_an_absent_field_of_the_profile_stays_and_null_clears_it(world: World) -> None:
    await _update(
        world, description="وصف", website="https://example.sa", contactName="سارة", mobile="0512345678", nationalAddress="RAAA1234"
    )

    kept = await _update(world, nameAr="آخر")
    clearable = ("nameEn", "description", "website", "contactName", "email", "mobile", "nationalAddress")
    cleared = await _update(world, **dict.fromkeys(clearable))

    told = kept.data["updateProviderProfile"]["provider"]
    assert [told[name] for name in ("description", "website", "mobile")] == ["وصف", "https://example.sa", "+966512345678"]
    told = cleared.data["updateProviderProfile"]["provider"]
    assert [told[name] for name in clearable] == [None] * 7
    assert told["nameAr"] == "آخر"


async def test_all_broken_rules_of_the_profile_are_told_at_once(world: World) -> None:
    reply = await _update(
        world,
        nameAr=None,
        nameEn="",
        description="x" * 4001,
        website="example.sa",
        contactName="a\u202eb",
        email="nobody",
        mobile="0612345678",
        nationalAddress="x" * 501,
    )

    wrong = ("contactName", "description", "email", "mobile", "nameAr", "nameEn", "nationalAddress", "website")
    assert reply.codes == ["VALIDATION_FAILED"] * 8
    assert sorted(reply.paths) == [["input", name] for name in wrong]
    assert (await _provider(world)).version == 1
    assert await world.events() == []


async def test_the_same_number_in_another_spelling_changes_nothing(world: World) -> None:
    await _update(world, mobile="0512345678")
    owner = await world.person()
    before = await world.snapshot()

    reply = await world.portal(UPDATE, owner, input={"mobile": "00966 51 234 5678", "email": "info@example.sa"})

    assert reply.codes == []
    assert reply.data["updateProviderProfile"]["provider"]["version"] == 2
    assert await world.snapshot() == before


@pytest.mark.parametrize("version", [0, 2])
async def test_another_version_of_the_profile_than_the_current_one_changes_nothing(world: World, version: int) -> None:
    reply = await _update(world, nameAr="آخر", version=version)

    assert reply.codes == ["VERSION_CONFLICT"]
    assert reply.paths == [["input", "version"]]
    assert (await _provider(world)).version == 1


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER])
async def test_the_profile_is_the_owners_alone_to_edit(world: World, role: Role) -> None:
    caller = await world.person(role)

    reply = await world.portal(UPDATE, caller, input={"nameAr": "آخر"})
    read = await world.portal(READ, caller)

    assert reply.codes == ["FORBIDDEN"]
    assert reply.errors[0]["extensions"]["permission"] == "PROFILE_WRITE"
    assert read.data["viewer"]["account"]["provider"]["email"] == "info@example.sa"
    assert (await _provider(world)).version == 1


async def test_an_owner_of_any_of_its_companies_edits_the_shared_profile(world: World) -> None:
    sister = await world.company("شركة شقيقة", "Sister", provider=await _provider(world))
    await world.join(world.stranger, sister, Role.OWNER)
    caller = await world.intruder()
    await world.portal("mutation($id: ID!) { switchAccount(input: {companyId: $id}) { userErrors { code } } }", caller, id=sister.public_id)

    reply = await world.portal(UPDATE, caller, input={"nameEn": "Renamed"})
    seen = await world.portal(READ, await world.person())

    assert reply.codes == []
    assert seen.data["viewer"]["account"]["provider"]["nameEn"] == "Renamed"
    # Whose log: that of the company that was acted for.
    assert (await world.events(sister), await world.events()) == ([(1, "PROFILE_UPDATED")], [])


async def test_fifteen_simultaneous_edits_from_two_companies_leave_one_winner(world: World) -> None:
    sister = await world.company("شركة شقيقة", "Sister", provider=await _provider(world))
    person = await world.user()
    await world.join(person, sister, Role.OWNER)
    owners = [await world.person(), await world.portal.person(person)]

    replies = await asyncio.gather(
        *(world.portal(UPDATE, owners[n % 2], input={"nameEn": f"Renamed {n}", "version": 1}) for n in range(15))
    )

    assert sorted(code for reply in replies for code in reply.codes) == ["VERSION_CONFLICT"] * 14
    assert sorted(await world.events() + await world.events(sister)) == [(1, "PROFILE_UPDATED")]


@pytest.mark.parametrize("suspended", ["company", "provider"])
async def test_a_suspended_profile_is_read_and_not_edited(world: World, suspended: str) -> None:
    await world.alter(world.north if suspended == "company" else await _provider(world), status="SUSPENDED")

    reply = await _update(world, nameAr="آخر")
    read = await world.portal(READ, await world.person())

    assert reply.codes == ["ACCOUNT_SUSPENDED"]
    assert reply.paths == [None]
    assert read.codes == []
    assert read.data["viewer"]["account"]["provider"]["nameAr"] == "مزود شركة الشمال"


# ---- registerProvider --------------------------------------------------------------------------------------------------

REGISTER = """mutation($input: RegisterProviderInput!) { registerProvider(input: $input) {
    provider { id nameAr nameEn email status version companies { nodes { establishmentNumber } } }
    company { id establishmentNumber unifiedNumber nameAr nameEn status }
    userErrors { code path message } } }"""
WHO = "query { viewer { account { establishmentNumber } role permissions companies { totalCount } } }"


async def _establishment(world: World, person: User, sequence: int, unified_number: str | None = "7000000001") -> None:
    names = {"name_ar": f"منشأة {sequence}", "name_en": f"Establishment {sequence}"}
    await world.store(
        UserEstablishment(user_id=person.id, labor_office_id=9, sequence_number=sequence, unified_number=unified_number, **names)
    )


def _registration(number: str, **given: Any) -> dict[str, Any]:
    return {"establishmentNumber": number, "nameAr": "مزود جديد", "email": "info@example.sa", "mobile": "0512345678", **given}


async def test_registering_makes_a_provider_its_first_company_and_its_owner(world: World) -> None:
    person = await world.user()
    await _establishment(world, person, 1)
    caller = await world.portal.person(person)

    reply = await world.portal(REGISTER, caller, input=_registration("٩-١", nameEn="New", contactName="سارة"))
    who = await world.portal(WHO, caller)

    made = reply.data["registerProvider"]
    assert reply.codes == []
    assert made["provider"] == {
        "id": made["provider"]["id"],
        "nameAr": "مزود جديد",
        "nameEn": "New",
        "email": "info@example.sa",
        "status": "ACTIVE",
        "version": 1,
        "companies": {"nodes": [{"establishmentNumber": "9-1"}]},
    }
    told = {"establishmentNumber": "9-1", "unifiedNumber": "7000000001", "nameAr": "منشأة 1", "nameEn": "Establishment 1"}
    assert made["company"] == {"id": made["company"]["id"], **told, "status": "ACTIVE"}
    # Their first company is the active one at once; a second one is switched to.
    assert (who.data["viewer"]["account"], who.data["viewer"]["role"]) == ({"establishmentNumber": "9-1"}, "OWNER")
    [company] = await world.portal.fetch(select(Company).where(Company.labor_office_id == 9))
    assert await world.events(company) == [(1, "PROVIDER_REGISTERED"), (2, "MEMBER_JOINED")]


async def test_further_establishments_of_the_number_join_the_provider_whoever_registers_them(world: World) -> None:
    first, second = await world.user(), await world.user()
    for person, sequence in ((first, 1), (first, 2), (second, 3)):
        await _establishment(world, person, sequence)
    callers = [await world.portal.person(first), await world.portal.person(second)]
    await world.portal(REGISTER, callers[0], input=_registration("9-1"))

    own = await world.portal(REGISTER, callers[0], input=_registration("9-2", nameAr="اسم آخر"))
    others = await world.portal(REGISTER, callers[1], input=_registration("9-3", nameAr="اسم آخر"))
    who = await world.portal(WHO, callers[0])

    assert (own.codes, others.codes) == ([], [])
    providers = [reply.data["registerProvider"]["provider"] for reply in (own, others)]
    assert [provider["nameAr"] for provider in providers] == ["مزود جديد"] * 2
    # Each sees their own companies of it.
    assert [len(provider["companies"]["nodes"]) for provider in providers] == [2, 1]
    assert (who.data["viewer"]["account"]["establishmentNumber"], who.data["viewer"]["companies"]["totalCount"]) == ("9-1", 2)
    assert len(await world.portal.fetch(select(Provider).where(Provider.unified_number == "7000000001"))) == 1


@pytest.mark.parametrize("number", ["9-2", "9-3", "9-9"])
async def test_only_ones_own_establishments_are_registered(world: World, number: str) -> None:
    """Another person's, a registered company's and one that does not exist are told alike."""
    person, other = await world.user(), await world.user()
    await _establishment(world, person, 1)
    await _establishment(world, other, 2)
    await _establishment(world, other, 3, None)
    await world.portal(REGISTER, await world.portal.person(other), input=_registration("9-3"))
    caller, before = await world.portal.person(person), await world.snapshot()

    reply = await world.portal(REGISTER, caller, input=_registration(number))

    assert (reply.codes, reply.paths) == (["NOT_FOUND"], [["input", "establishmentNumber"]])
    assert reply.data["registerProvider"]["company"] is None
    assert await world.snapshot() == before


async def test_a_registered_establishment_is_not_registered_again_and_a_suspended_provider_takes_none(world: World) -> None:
    person, partner = await world.user(), await world.user()
    await _establishment(world, person, 1)
    await _establishment(world, partner, 1)
    await _establishment(world, partner, 2)
    await world.portal(REGISTER, await world.portal.person(person), input=_registration("9-1"))
    caller = await world.portal.person(partner)

    again = await world.portal(REGISTER, caller, input=_registration("9-1"))
    [provider] = await world.portal.fetch(select(Provider).where(Provider.unified_number == "7000000001"))
    await world.alter(provider, status="SUSPENDED")
    joining = await world.portal(REGISTER, caller, input=_registration("9-2"))

    assert (again.codes, again.paths) == (["ALREADY_REGISTERED"], [["input", "establishmentNumber"]])
    assert joining.codes == ["ACCOUNT_SUSPENDED"]
    assert await world.portal.fetch(select(Member).where(Member.user_id == partner.id)) == []


async def test_two_who_register_at_once_make_one_provider_and_each_company_once(world: World) -> None:
    people = [await world.user() for _ in range(2)]
    for person in people:
        for sequence in (1, 2):
            await _establishment(world, person, sequence)
    callers = [await world.portal.person(person) for person in people]

    replies = await asyncio.gather(*(world.portal(REGISTER, callers[n % 2], input=_registration(f"9-{1 + n // 2 % 2}")) for n in range(12)))

    assert sorted(code for reply in replies for code in reply.codes) == ["ALREADY_REGISTERED"] * 10
    assert len(await world.portal.fetch(select(Provider).where(Provider.unified_number == "7000000001"))) == 1
    assert len(await world.portal.fetch(select(Company).where(Company.labor_office_id == 9))) == 2


async def test_a_token_and_a_stranger_register_nothing_and_a_validation_leaves_nothing(world: World) -> None:
    person = await world.user()
    await _establishment(world, person, 1)
    caller, token = await world.portal.person(person), await world.portal.token(world.north, "PROFILE_READ")
    before = await world.snapshot()

    refused = await world.portal(REGISTER, token, input=_registration("9-1"))
    nobody = await world.portal(REGISTER, input=_registration("9-1"))
    wrong = await world.portal(REGISTER, caller, input=_registration("9", nameAr="", email="x", mobile="1"))
    only = await world.portal(REGISTER, caller, input=_registration("9-1", validateOnly=True))

    assert (refused.codes, nobody.codes) == (["FORBIDDEN"], ["UNAUTHENTICATED"])
    assert wrong.codes == ["VALIDATION_FAILED"] * 4
    assert (only.codes, only.data["registerProvider"]["company"]) == ([], None)
    after = await world.snapshot()
    assert {name for name in after if after[name] != before[name]} <= {"sp_tokens"}  # the time of its last use
