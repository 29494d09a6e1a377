"""What a deployment may choose: read once from the environment (TELEWORK_...), frozen."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import values
from app.clock import ReportWindow
from app.errors import ValidationFailed
from app.mail import mail_server
from app.values import is_loopback

VERSION = "0.1.0"
SANDBOX_PATH = "/sandbox"
GRAPHIQL_DIST = Path(__file__).parent.parent / "ui" / "dist"


class Claims(BaseModel):
    """Under which names the identity provider tells what of a person; the last four, of each of their establishments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    national_id: str = "national_id"
    name: str = "name"
    email: str = "email"
    mobile: str = "phone_number"
    locale: str = "locale"
    establishments: str = "establishments"  # a list of objects
    establishment_number: str = "establishment_number"  # "<labour office>-<sequence>"
    unified_number: str = "unified_number"
    name_ar: str = "name_ar"
    name_en: str = "name_en"


class Settings(BaseSettings):
    """Every setting has the prefix TELEWORK_ in the environment, e.g. TELEWORK_DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="TELEWORK_", frozen=True, extra="ignore")

    database_url: str = "sqlite+aiosqlite:///telework.db"
    database_pool_size: int = Field(default=10, ge=1)  # for reading, and as many again for writing (on SQLite one)
    sandbox_database_url: str | None = None  # the sandbox's own database, beside the live one; None: this deployment has no sandbox
    worker_seconds: float = Field(default=30, ge=0)  # between two looks at what the clock has changed; 0: `telework worker` does it
    row_security: bool = True  # on PostgreSQL the server works as a role that sees the caller's rows alone; see docs/security.md
    public_url: str = "http://127.0.0.1:8000"
    data_dir: Path = Path(".data")
    environment: Literal["LIVE", "SANDBOX"] = "LIVE"
    demo: bool = False  # the demo's own identity provider and personas; refuses any address that is not loopback

    oidc_issuer: str | None = None  # None with demo: the demo's own provider
    oidc_client_id: str = "telework"
    oidc_client_secret: SecretStr = SecretStr("")  # empty: a public client, which PKCE alone protects
    oidc_scope: str = "openid profile email phone"  # what is asked of the provider; the national id and the name must come with it
    oidc_claims: Claims = Claims()  # JSON with the names that differ: {"national_id": "nin"}
    oidc_userinfo: bool = False  # whether claims that the ID token lacks are asked for at the provider's userinfo endpoint
    oidc_leeway_seconds: int = Field(default=60, ge=0, le=600)  # that the provider's clock may be off
    oidc_patience: float = Field(default=5, gt=0, le=30)  # seconds for an answer of the provider; twice that for all of a sign-in
    session_hours: int = Field(default=12, ge=1)  # however much it is used
    session_idle_minutes: int = Field(default=120, ge=2)  # without being used
    sign_ins_a_minute: int = Field(default=120, ge=1)  # begun from one address
    failed_sign_ins_a_minute: int = Field(default=20, ge=1)  # from one address, until it has to wait
    secret_key: SecretStr = SecretStr(
        ""
    )  # signs download addresses; made at random at start when empty, so set it where several servers run

    # What a hire needs.
    wage_floor_full_time: Decimal = Field(default=Decimal(4000), ge=0)  # riyals a month
    wage_floor_part_time: Decimal = Field(default=Decimal(2000), ge=0)
    youngest_worker: int = Field(default=18, ge=1)  # years, on the first day
    oldest_worker: int = Field(default=60, ge=1)
    most_weekly_hours: int = Field(default=48, ge=1, le=168)
    hire_days_back: int = Field(default=28, ge=0)  # how far before today a first day may lie; a leave's, too
    hire_days_ahead: int = Field(default=366, ge=0)
    hires_a_minute: int = Field(default=60, ge=1)  # tried by one account, those that only validate among them
    slot_key: SecretStr = SecretStr("")  # keys people in the table of slots; set it before the first hire, and never change it

    default_language: Literal["ar", "en"] = "ar"
    guide_url: str | None = None  # where the portal's guide is to be read, as the graph tells anyone
    support_email: str | None = None  # whom to write to, as the graph tells anyone; what comes by contactUs goes there
    smtp_url: SecretStr = SecretStr("")  # smtp://user:password@host:587 (with STARTTLS, but on loopback), smtps://…; empty: no mail
    mail_from: str | None = None  # whom mails are from; None: support_email
    messages_an_hour: int = Field(default=5, ge=1)  # by contactUs, of an address
    executor: Literal["compiled", "reference"] = "compiled"  # the second is for comparing: the same answers, ten times slower
    default_page: int = 20
    largest_page: int = 1000
    download_seconds: int = 300

    documents_url: str = ""  # s3://bucket/prefix, with the usual AWS_... beside it; empty: a folder in data_dir
    most_upload_bytes: int = Field(default=10_485_760, ge=1)
    most_uploads: int = Field(default=20, ge=1)  # of a company that are attached to nothing yet
    upload_seconds: int = Field(default=900, ge=1)  # that an uploadUrl holds
    upload_arrival_seconds: float = Field(default=120, gt=0)  # until all the bytes must have arrived

    invitation_days: int = Field(default=30, ge=1, le=3650)  # until an invitation expires that names no other time
    # When a week may be reported, counted from its end, Sunday 00:00 in Riyadh.
    report_opens_hours: int = Field(default=0, ge=0)
    report_due_hours: int = Field(default=72, ge=0)  # until the end of Tuesday
    report_locks_hours: int = Field(default=28 * 24, ge=0)
    most_report_lines: int = Field(default=5000, ge=1)  # in one submission

    # Limits that hold before any work.
    most_bytes_anonymous: int = Field(default=100_000, ge=1)  # of a request's body
    most_bytes: int = Field(default=1_000_000, ge=1)  # of somebody signed in
    most_bytes_reports: int = Field(default=8_000_000, ge=1)  # of those who may write reports
    most_head_bytes: int = Field(default=32_000, ge=1000)  # of the request line with its headers
    most_address_bytes: int = Field(default=16_000, ge=1)  # of the query string of a GET
    most_batched: int = Field(default=10, ge=1)  # operations in one request
    arrival_seconds: float = Field(default=10, gt=0)  # until a head must have arrived, and after it a body
    deadline: float = Field(default=5, gt=0)  # seconds that an operation may run
    cors_origins: str = ""  # exact origins, with commas, whose pages may ask the graph in their person's name
    idempotency_hours: int = Field(default=24, ge=24)  # that the outcome of a mutation with an Idempotency-Key is kept
    remembered_seconds: float = Field(default=0.5, ge=0, le=1)  # until a token, a session, the registered documents are looked up again

    trusted_only: bool = False  # people in a browser may send no documents but those that are registered
    kept_documents: int = Field(default=1000, ge=0)  # sent with their hash once (APQ), kept in memory

    # Those on a document count what it comes to with its fragments spread out, for each operation.
    most_json_depth: int = Field(default=64, ge=1)
    most_document_characters: int = Field(default=100_000, ge=1)  # a comment or a string of 1 MB keeps the lexer busy for 0.1 to 0.4 s
    most_tokens: int = Field(default=10_000, ge=1)
    most_depth: int = Field(default=20, ge=1)
    most_fields: int = Field(default=1000, ge=1)
    most_root_fields: int = Field(default=50, ge=1)
    most_aliases: int = Field(default=100, ge=0)
    most_spreads: int = Field(default=500, ge=0)
    most_directives: int = Field(default=200, ge=0)
    most_directives_in_a_row: int = Field(default=10, ge=0)
    most_fragments: int = Field(default=100, ge=0)  # defined; comparing each with each, validation takes 50 ms for 100 and 1.1 s for 800
    most_operations: int = Field(default=20, ge=1)  # in one document, of which a request runs one
    most_introspection_depth: int = Field(default=25, ge=1)  # below __schema and __type, which count apart
    most_introspection_fields: int = Field(default=1000, ge=1)
    most_introspection_aliases: int = Field(default=2, ge=0)  # in it, and of __schema: each answers with the whole schema once more

    # Cost, in points: one for each object that an operation may answer with.
    most_cost: int = Field(default=20_000, ge=1)
    list_cost: int = Field(default=10, ge=1)  # how many objects a list without pages is taken to hold
    mutation_cost: int = Field(default=10, ge=1)
    introspection_cost: int = Field(default=100, ge=1)
    points_a_minute: int = Field(default=60_000, ge=1)  # of a token, of a person
    anonymous_points_a_minute: int = Field(default=6_000, ge=1)  # of an address
    rate_storage_url: str = "memory://"  # redis://... (Valkey, Redis) where several servers share the counts; takes the extra `shared`
    failed_attempts_of_address: int = Field(default=60, ge=1)  # bad credentials a minute; then nothing from there is looked at
    failed_attempts_of_secret: int = Field(default=10, ge=1)  # and for one secret's first six characters
    trusted_proxies: str = ""  # addresses or networks, with commas, whose X-Forwarded-For tells the caller's address

    @property
    def sandbox(self) -> Settings | None:
        """The sandbox's: the same application at an address below this one's, over data of its own; for SP-Tokens alone."""
        if self.sandbox_database_url is None or self.environment == "SANDBOX":
            return None
        apart = {
            "environment": "SANDBOX",
            "database_url": self.sandbox_database_url,
            "public_url": self.public_url.rstrip("/") + SANDBOX_PATH,
            "data_dir": self.data_dir / "sandbox",
            "demo": False,
            "oidc_issuer": None,
        }
        return self.model_copy(update=apart)

    @property
    def elsewhere(self) -> str:
        """Where the graph of the other environment answers, for those who come to this one by mistake."""
        if self.environment == "SANDBOX":
            return self.public_url.removesuffix(SANDBOX_PATH) + "/graphql"
        return self.sandbox.public_url + "/graphql" if self.sandbox else "the sandbox"

    @field_validator("guide_url")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        try:
            return values.url(address) if address else None
        except ValidationFailed as error:
            raise ValueError(str(error)) from None

    @field_validator("support_email", "mail_from")
    @classmethod
    def _is_a_mailbox(cls, address: str | None) -> str | None:
        try:
            return values.email(address) if address else None
        except ValidationFailed as error:
            raise ValueError(str(error)) from None

    @field_validator("smtp_url")
    @classmethod
    def _is_sealed(cls, url: SecretStr) -> SecretStr:
        if written := url.get_secret_value():
            mail_server(written)
        return url

    @model_validator(mode="after")
    def _mail_has_two_ends(self) -> Settings:
        if self.smtp_url.get_secret_value() and not self.support_email:
            raise ValueError("TELEWORK_SMTP_URL takes TELEWORK_SUPPORT_EMAIL as well: whom to send mails to")
        return self

    @field_validator("public_url")
    @classmethod
    def _cookies_travel_sealed(cls, address: str) -> str:
        """In the clear, sessions could be read on their way: on this very machine alone, where there is none."""
        if not address.lower().startswith("https://") and not (address.lower().startswith("http://") and is_loopback(address)):
            raise ValueError("must begin with https://, or with http:// on a loopback address")
        return address

    @model_validator(mode="after")
    def _windows_follow_each_other(self) -> Self:
        if not self.report_opens_hours < self.report_due_hours <= self.report_locks_hours:
            raise ValueError("report_opens_hours, report_due_hours and report_locks_hours must follow one another")
        return self

    @cached_property
    def report_window(self) -> ReportWindow:
        opens, due, locks = (timedelta(hours=given) for given in (self.report_opens_hours, self.report_due_hours, self.report_locks_hours))
        return ReportWindow(opens, due, locks)
