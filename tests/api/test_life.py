"""A whole life through HTTP, from empty tables: both sides of the portal, and nobody else's hand."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from app.models import Event, Locale, User
from app.operations.demo.accounts import UNREGISTERED
from tests.api.test_session import _signed_in
from tests.portal import Caller, Portal
from tests.world import national_id

PERSONA = next(iter(UNREGISTERED))
NUMBER = str(UNREGISTERED[PERSONA][0]["establishment_number"])


class Life:
    """Does one thing after the other, each of which must succeed."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    async def ask(self, caller: Caller, text: str, **variables: Any) -> Any:
        reply = await self.portal(text, caller, **variables)
        assert reply.errors == []
        return reply.data

    async def do(self, caller: Caller, mutation: str, answer: str, **given: Any) -> Any:
        """The payload of a mutation, of which no rule was broken."""
        type_ = f"{mutation[:1].upper()}{mutation[1:]}Input"
        text = f"mutation($input: {type_}!) {{ {mutation}(input: $input) {{ {answer} userErrors {{ code path message }} }} }}"
        payload = (await self.ask(caller, text, input=given))[mutation]
        assert payload.pop("userErrors") == []
        return payload

    async def upload(self, caller: Caller, **given: Any) -> str:
        """A file, announced and sent; its id."""
        bytes_ = b"%PDF-1.7\n" + os.urandom(20)
        told = {"fileName": "عقد.pdf", "contentType": "application/pdf", "size": len(bytes_), "sha256": sha256(bytes_).hexdigest()}
        answer = "document { id status } uploadUrl uploadHeaders { name value }"
        made = await self.do(caller, "createDocumentUpload", answer, **told, **given)
        headers = {header["name"]: header["value"] for header in made["uploadHeaders"]}
        sent = await self.portal.http.put(made["uploadUrl"], content=bytes_, headers=headers)
        assert sent.status_code == 201
        return str(made["document"]["id"])


async def test_a_life_from_empty_tables(portal: Portal) -> None:
    life = Life(portal)
    # An operator makes the gateway's credential; the unified login knows a person.
    gateway = await portal.gateway()
    await portal.store(User(national_id=PERSONA, name="سلطان الأحمدي", locale=Locale.AR, created_at=portal.clock()))

    # They sign in and register what the login says is theirs.
    owner = await _signed_in(portal, PERSONA)
    contact = {"nameAr": "مزود الأحمدي", "email": "info@example.sa", "mobile": "0512345678"}
    made = await life.do(owner, "registerProvider", "company { id status } provider { id }", establishmentNumber=NUMBER, **contact)
    assert made["company"]["status"] == "ACTIVE"

    # A client invites them; the first invitation was a mistake, and is taken back.
    client = {
        "companyNumber": NUMBER,
        "establishmentNumber": "12-3456",
        "establishmentNameAr": "مصنع الأثاث",
        "establishmentCityKey": "riyadh",
    }
    mistaken = await life.do(gateway, "deliverInvitation", "invitation { id status }", **client, message="خطأ")
    await life.do(gateway, "withdrawInvitation", "invitation { status }", invitationId=mistaken["invitation"]["id"])
    agreement = await life.upload(gateway, companyNumber=NUMBER)
    await life.do(gateway, "deliverInvitation", "invitation { id }", **client, message="نرغب في خدماتكم", documentId=agreement)
    pending = (
        "{ viewer { account { invitations(where: {status: [PENDING]}) { nodes { id message document { status } "
        "establishment { nameAr city { key } } } } } } }"
    )
    [invitation] = (await life.ask(owner, pending))["viewer"]["account"]["invitations"]["nodes"]
    assert invitation["establishment"] == {"nameAr": "مصنع الأثاث", "city": {"key": "riyadh"}}
    assert invitation["document"] == {"status": "READY"}
    answer = "invitation { status } contract { id number status document { id } }"
    accepted = await life.do(owner, "acceptInvitation", answer, invitationId=invitation["id"])
    assert (accepted["contract"]["status"], accepted["contract"]["document"]["id"]) == ("ACTIVE", agreement)
    signed = await life.upload(owner)
    attached = await life.do(
        owner, "attachContractDocument", "contract { document { id } }", contractId=accepted["contract"]["id"], documentId=signed
    )
    assert attached["contract"]["document"]["id"] == signed

    # The client's project comes on the contract that the gateway finds; the company's own goes to the portal and back.
    find = "query($of: EstablishmentNumber!) { gateway { contracts(companyNumber: $of) { nodes { id number } } } }"
    [contract] = (await life.ask(gateway, find, of=NUMBER))["gateway"]["contracts"]["nodes"]
    assert contract == {name: accepted["contract"][name] for name in ("id", "number")}
    delivered = await life.do(gateway, "deliverProject", "project { id status }", contractId=contract["id"], titleAr="خدمة العملاء")
    own = await life.do(owner, "createProject", "project { id }", titleAr="مشروع داخلي")
    await life.do(owner, "submitProject", "project { status }", projectId=own["project"]["id"])
    waiting = "{ gateway { projects(status: [SUBMITTED]) { nodes { id company { establishmentNumber } } } } }"
    [submitted] = (await life.ask(gateway, waiting))["gateway"]["projects"]["nodes"]
    assert submitted == {"id": own["project"]["id"], "company": {"establishmentNumber": NUMBER}}
    for decision, note in (("RETURN", "أكملوا النطاق"), ("APPROVE", None)):
        await life.do(gateway, "decideProject", "project { status reviewNote }", projectId=submitted["id"], decision=decision, note=note)
        if decision == "RETURN":
            await life.do(owner, "updateProject", "project { version }", projectId=submitted["id"], scope="الدعم الفني")
            await life.do(owner, "submitProject", "project { status }", projectId=submitted["id"])

    # Jobs in both.
    places = {"titleAr": "موظف خدمة عملاء", "vacancies": 2, "employmentType": "FULL_TIME", "weeklyHours": 40}
    jobs = [
        (await life.do(owner, "addJob", "job { id status }", projectId=project, **places))["job"]
        for project in (delivered["project"]["id"], submitted["id"])
    ]
    assert [job["status"] for job in jobs] == ["OPEN", "OPEN"]

    # Somebody is hired, is away for a while, earns more and leaves; the week that ended is reported meanwhile.
    person = {"nationalId": national_id(1), "name": "نورة القحطاني", "birthDate": "1995-05-05", "gender": "FEMALE"}
    terms = {"employmentType": "FULL_TIME", "startsOn": "2026-11-10", "wage": "5000", "weeklyHours": 40, "gosiRegistered": True}
    hired = await life.do(owner, "hireTeleworker", "employment { id status } job { filled }", jobId=jobs[0]["id"], **person, **terms)
    assert (hired["employment"]["status"], hired["job"]["filled"]) == ("ACTIVE", 1)
    employment = hired["employment"]["id"]
    line = {"establishmentNumber": "12-3456", "nationalId": national_id(1), "activityLevel": "80", "loginCount": 5, "logoutCount": 5}
    work = {"assignedTasks": 9, "completedTasks": 9, "totalWorkMinutes": 2400}
    reported = await life.do(owner, "submitWeeklyReport", "week { status }", weekStart="2026-11-15", lines=[line | work])
    assert reported["week"]["status"] == "COMPLIANT"
    for change, status in (
        ({"onLeaveFrom": "2026-11-22"}, "ON_LEAVE"),
        ({"onLeaveUntil": "2026-11-24", "wage": "6000"}, "ON_LEAVE"),
    ):
        changed = await life.do(owner, "updateEmployment", "employment { status wage }", employmentId=employment, **change)
        assert changed["employment"]["status"] == status
    portal.clock.advance(days=3)
    owner = await _signed_in(portal, PERSONA)
    over = await life.do(
        owner, "endEmployment", "employment { status endsOn }", employmentId=employment, endsOn="2026-11-25", reason="انتقلت إلى عمل آخر"
    )
    assert over["employment"] == {"status": "ENDED", "endsOn": "2026-11-25"}

    # What was halted goes on; what is over stays over.
    for decision in ("SUSPEND", "RESUME", "COMPLETE"):
        await life.do(gateway, "decideProject", "project { status }", projectId=delivered["project"]["id"], decision=decision)
    figures = "{ viewer { account { dashboard { pendingInvitations activeContracts approvedProjects ownProjects openJobs } } } }"
    assert (await life.ask(owner, figures))["viewer"]["account"]["dashboard"] == {
        "pendingInvitations": 0,
        "activeContracts": 1,
        "approvedProjects": 0,
        "ownProjects": 1,
        "openJobs": 2,
    }

    # All of it stands in the account's log: gapless, in order, each under the name of who did it.
    events = await portal.fetch(select(Event).order_by(Event.sequence))
    by_gateway = [event.type.value for event in events if event.actor_name == "بوابة المنصة"]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.type.value for event in events] == [
        *("PROVIDER_REGISTERED", "MEMBER_JOINED"),
        *(
            "INVITATION_RECEIVED",
            "INVITATION_WITHDRAWN",
            "INVITATION_RECEIVED",
            "INVITATION_ACCEPTED",
            "CONTRACT_CREATED",
            "DOCUMENT_ATTACHED",
        ),
        *("PROJECT_CREATED", "PROJECT_CREATED", "PROJECT_SUBMITTED", "PROJECT_DECIDED", "PROJECT_UPDATED", "PROJECT_SUBMITTED"),
        *("PROJECT_DECIDED", "JOB_ADDED", "JOB_ADDED"),
        *("TELEWORKER_HIRED", "REPORT_SUBMITTED", "EMPLOYMENT_UPDATED", "EMPLOYMENT_UPDATED", "EMPLOYMENT_ENDED"),
        *("PROJECT_DECIDED", "PROJECT_DECIDED", "PROJECT_DECIDED"),
    ]
    assert (by_gateway.count("PROJECT_DECIDED"), by_gateway.count("INVITATION_RECEIVED"), len(by_gateway)) == (5, 2, 9)
