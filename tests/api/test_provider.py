"""Editing the profile that a provider's companies share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Provider, Role
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
