"""The demo's providers and companies, the people who sign in to them, and their tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.auth.permissions import DEFAULT_SCOPES, GRANTABLE, Permissions
from app.auth.tokens import make_secret
from app.models import (
    City,
    Company,
    CompanyStatus,
    Environment,
    EventType,
    Locale,
    Member,
    MemberStatus,
    Provider,
    ProviderStatus,
    Role,
    SpToken,
    User,
)
from app.operations.demo.world import CLOCK, World, email, mobile, national_id
from app.operations.reference import reference_id

COMPANIES_PER_PROVIDER = 2

# Arabic name, name in Latin letters, and the roles by the company's place in app/data/demo.json.
PERSONAS: list[tuple[str, str, dict[int, Role]]] = [
    ("نورة عبدالله الحربي", "Noura Alharbi", {0: Role.OWNER, 1: Role.MEMBER, 2: Role.ADMIN}),
    ("هشام أحمد الصبياني", "Hisham Alsabyani", {0: Role.OWNER}),
    ("غادة سعود الذبياني", "Ghadah Aldhubyani", {2: Role.OWNER, 3: Role.OWNER}),
    ("عبدالملك حسن العمراني", "Abdulmalik Alomrani", {4: Role.OWNER, 5: Role.OWNER}),
    ("فهد ناصر السبيعي", "Fahad Alsubaie", {0: Role.ADMIN}),
    ("سارة محمد الرشيدي", "Sarah Alrashidi", {2: Role.ADMIN, 3: Role.ADMIN}),
    ("ماجد علي البلوي", "Majed Albalawi", {4: Role.ADMIN, 5: Role.ADMIN}),
    ("ريم فيصل الهاجري", "Reem Alhajri", {0: Role.MEMBER}),
    ("تركي سلطان السهلي", "Turki Alsahli", {0: Role.VIEWER}),
    ("لمى يوسف الفيفي", "Lama Alfaifi", {2: Role.MEMBER, 3: Role.VIEWER}),
    ("زياد عمر العصيمي", "Ziyad Alosaimi", {3: Role.MEMBER, 2: Role.VIEWER}),
    ("عبير خالد الرحيلي", "Abeer Alruhaili", {4: Role.MEMBER, 5: Role.VIEWER}),
    ("راشد مبارك اليامي", "Rashed Alyami", {5: Role.MEMBER, 4: Role.VIEWER}),
    ("سلمان حسن الجيزاني", "Salman Aljizani", {1: Role.OWNER}),
    ("أمل فهد الحويطي", "Amal Alhuwaiti", {1: Role.ADMIN}),
    ("نوف سامي البيشي", "Nouf Albishi", {1: Role.VIEWER}),
    ("مها إبراهيم الأحمدي", "Maha Alahmadi", {}),
]
# Establishments without a company here, which the demo's unified login vouches for: by national id, as it tells them.
UNREGISTERED: dict[str, list[dict[str, str | None]]] = {
    national_id(16): [
        {"establishment_number": "31-8800016", "unified_number": "7000001600", "name_ar": "مؤسسة الأحمدي", "name_en": "Alahmadi Est."},
        {"establishment_number": "32-8800017", "unified_number": "7000001600", "name_ar": "فرع الأحمدي", "name_en": "Alahmadi Branch"},
    ],
    national_id(0): [{"establishment_number": "33-8800018", "unified_number": None, "name_ar": "مكتب الحربي", "name_en": None}],
}
# People of the companies who are no personas, two for each: one invited, one who has left.
_OTHERS = [
    ("بدر سامي الروقي", "Badr Alruqi"), ("هند طلال الشيباني", "Hind Alshaibani"), ("نايف عادل الثقفي", "Nayef Althaqafi"),
    ("أروى حمد العطوي", "Arwa Alatwi"), ("مازن طارق الهذلي", "Mazen Alhudhali"), ("شهد نواف السلمي", "Shahad Alsulami"),
    ("أنس حسين الرويلي", "Anas Alruwaili"), ("دلال ماجد البقمي", "Dalal Albuqami"), ("وائل جابر النجراني", "Wael Alnajrani"),
    ("جواهر بندر الجميلي", "Jawaher Aljumaili"), ("أيمن هاني المخلفي", "Ayman Almukhlifi"), ("روان سعد المزيني", "Rawan Almuzaini"),
]  # fmt: skip
_OTHERS_FROM = 100  # the first small number of their national ids; personas have 0 and on


@dataclass
class Account:
    """A company with those who act for it."""

    place: int
    company: Company
    people: dict[Role, list[User]] = field(default_factory=lambda: {role: [] for role in Role})

    @property
    def number(self) -> str:
        return f"{self.company.labor_office_id}-{self.company.sequence_number}"

    @property
    def deciders(self) -> list[User]:
        return [*self.people[Role.OWNER], *self.people[Role.ADMIN]]

    @property
    def editors(self) -> list[User]:
        return [*self.deciders, *self.people[Role.MEMBER]]


@dataclass(frozen=True)
class DemoToken:
    """A working token with its secret, which the database does not know."""

    company_id: str
    environment: str
    scopes: list[str]
    secret: str


def persona_ids() -> list[str]:
    """The personas' national ids, in their order."""
    return [national_id(number) for number in range(len(PERSONAS))]


def add_accounts(world: World) -> list[Account]:
    """Providers, companies and everybody who is or was a member; companies in the order of app/data/demo.json."""
    accounts = []
    for which, pool in enumerate(world.pools["providers"]):
        places = range(which * COMPANIES_PER_PROVIDER, (which + 1) * COMPANIES_PER_PROVIDER)
        moments = [world.at(9 * place - 900) for place in places]
        provider = _add_provider(world, which, pool, moments[0])
        accounts += [Account(place, _add_company(world, place, provider, since)) for place, since in zip(places, moments, strict=True)]
    _add_personas(world, accounts)
    for account in accounts:
        _add_others(world, account)
    return accounts


def _add_provider(world: World, place: int, pool: dict[str, str], since: datetime) -> Provider:
    return world.add(
        Provider(
            id=world.new_id(since),
            name_ar=pool["nameAr"],
            name_en=pool["nameEn"],
            description=pool["descriptionAr"],
            website=f"https://{pool['websiteHost']}",
            contact_name=pool["contactName"],
            email=email("info", pool["websiteHost"].partition(".")[0]),
            mobile=mobile(10 + place),
            national_address=f"RDMO{1001 + place}",
            unified_number=_unified_number(place),
            status=ProviderStatus.ACTIVE,
            version=1,
            created_at=since,
            updated_at=since,
        )
    )


def _unified_number(provider: int) -> str:
    return f"70000001{provider:02d}"


def _add_company(world: World, place: int, provider: Provider, since: datetime) -> Company:
    pool = world.pools["companies"][place]
    company = world.add(
        Company(
            id=world.new_id(since),
            provider_id=provider.id,
            labor_office_id=11 + place,
            sequence_number=1_000_001 + 1_111 * place,
            unified_number=_unified_number(place // COMPANIES_PER_PROVIDER),
            name_ar=pool["nameAr"],
            name_en=pool["nameEn"],
            city_id=reference_id(City, pool["cityKey"]),
            activity=pool["activity"],
            status=CompanyStatus.ACTIVE,
            last_event=0,
            last_contract=0,
            created_at=since,
            updated_at=since,
        )
    )
    owner = next(name for name, _, roles in PERSONAS if roles.get(place) is Role.OWNER)
    world.record(company, EventType.PROVIDER_REGISTERED, provider, since, owner)
    return company


def _add_personas(world: World, accounts: list[Account]) -> None:
    belongings = []
    for number, (name, latin, roles) in enumerate(PERSONAS):
        since = min((accounts[place].company.created_at for place in roles), default=world.ago(30))
        last_login_at = world.between(world.ago(6), world.now) if roles else None
        user = _add_user(world, number, name, latin, since, last_login_at)
        belongings += [(user, accounts[place], role) for place, role in roles.items()]
    # Owners first: they invited the others.
    for user, account, role in sorted(belongings, key=lambda belonging: belonging[2] is not Role.OWNER):
        _add_persona(world, account, user, role)


def _add_persona(world: World, account: Account, user: User, role: Role) -> None:
    company = account.company
    joined = company.created_at if role is Role.OWNER else world.between(company.created_at, company.created_at + timedelta(days=20))
    member = _add_member(world, company, user, role, MemberStatus.ACTIVE, joined)
    account.people[role].append(user)
    if role is not Role.OWNER:
        world.record(company, EventType.MEMBER_INVITED, member, joined, account.people[Role.OWNER][0])
    world.record(company, EventType.MEMBER_JOINED, member, joined + timedelta(hours=2), user)


def _add_others(world: World, account: Account) -> None:
    owner = account.people[Role.OWNER][0]
    for place, status in enumerate((MemberStatus.INVITED, MemberStatus.REVOKED)):
        number = 2 * account.place + place
        name, latin = _OTHERS[number]
        earliest, latest = (9, 4) if status is MemberStatus.INVITED else (500, 400)
        since = world.between(world.ago(earliest), world.ago(latest))
        user = _add_user(world, _OTHERS_FROM + number, name, latin, since)
        member = _add_member(world, account.company, user, Role.MEMBER, status, since)
        world.record(account.company, EventType.MEMBER_INVITED, member, since, owner)
        if status is MemberStatus.REVOKED:
            user.last_login_at = member.updated_at = world.between(since + timedelta(days=60), since + timedelta(days=200))
            world.record(account.company, EventType.MEMBER_JOINED, member, since + timedelta(days=1), user)
            world.record(account.company, EventType.MEMBER_REMOVED, member, member.updated_at, owner)


def _add_user(world: World, number: int, name: str, latin: str, since: datetime, last_login_at: datetime | None = None) -> User:
    return world.add(
        User(
            id=world.new_id(since),
            national_id=national_id(number),
            name=name,
            email=email(*latin.split()),
            mobile=mobile(100 + number),
            locale=Locale.AR,
            last_login_at=last_login_at,
            created_at=since,
        )
    )


def _add_member(world: World, company: Company, user: User, role: Role, status: MemberStatus, at: datetime) -> Member:
    member = Member(id=world.new_id(at), company_id=company.id, user_id=user.id, role=role, status=status, created_at=at, updated_at=at)
    return world.add(member)


# Tokens

FULL, REPORTS = "ربط نظام الموارد البشرية", "إرسال التقارير الأسبوعية"


def add_tokens(world: World, account: Account, environment: Environment) -> list[DemoToken]:
    """Two tokens that work, and others that are past: revoked, expired, and replaced an hour ago. Answers the two."""
    owner, replaced = account.people[Role.OWNER][0], world.ago(1 / 24)
    full, full_secret = new_token(world.new_id(world.ago(200)), account.company, FULL, environment, GRANTABLE, world.ago(200))
    reports, reports_secret = new_token(world.new_id(replaced), account.company, REPORTS, environment, DEFAULT_SCOPES, replaced)
    past = {
        moment: new_token(world.new_id(world.ago(moment)), account.company, name, environment, DEFAULT_SCOPES, world.ago(moment))[0]
        for moment, name in ((400, "تجربة الربط"), (300, "ربط مؤقت"), (100, REPORTS))
    }
    revoked, expired, old = past[400], past[300], past[100]
    revoked.revoked_at, expired.expires_at, expired.end_told = world.ago(320), world.ago(210), True
    old.replaced_at, old.revoked_at = replaced, world.now + timedelta(hours=23)
    full.last_used_at, old.last_used_at, revoked.last_used_at = world.ago(1.2), world.ago(2.4), world.ago(330)
    for token in (revoked, expired, full, old):
        token.created_by_id = owner.id
        world.record(account.company, EventType.TOKEN_CREATED, world.add(token), token.created_at, owner)
    world.record(account.company, EventType.TOKEN_REVOKED, revoked, revoked.revoked_at, owner)
    world.record(account.company, EventType.TOKEN_EXPIRED, expired, expired.expires_at, CLOCK)
    world.record(account.company, EventType.TOKEN_REGENERATED, old, replaced, owner)
    reports.created_by_id = owner.id
    world.record(account.company, EventType.TOKEN_CREATED, world.add(reports), replaced, owner)
    return [full_secret, reports_secret]


def new_token(
    id_: UUID, company: Company, name: str, environment: Environment, scopes: Permissions, at: datetime
) -> tuple[SpToken, DemoToken]:
    """A token and what its maker is shown. The secret is random each time."""
    secret = make_secret(environment)
    token = SpToken(
        id=id_,
        company_id=company.id,
        name=name,
        display_code=secret.display_code,
        secret_hash=secret.secret_hash,
        environment=environment,
        scopes=sorted(scopes),
        created_at=at,
    )
    return token, DemoToken(company.public_id, environment, sorted(scopes), secret.secret)
