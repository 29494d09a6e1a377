"""A service provider: what its companies share."""

from __future__ import annotations

from datetime import datetime

import strawberry
from sqlalchemy import false, true

from app import models, values
from app.auth.permissions import Permission
from app.engine.declare import column, expression, graph_type, identity, related_by
from app.engine.inputs import CheckedInput, given, required
from app.engine.pages import connection
from app.models import ProviderStatus
from app.operations.provider import register_provider as _register_provider
from app.operations.provider import update_provider_profile as _update_provider_profile
from app.resolvers.mutation import Payload, mutation
from app.schema.company import COMPANY_ORDER
from app.schema.scalars import URL, EmailAddress, EstablishmentNumber, MobileNumber
from app.schema.shared import Node, name_in_language

_READ = Permission.PROFILE_READ


@graph_type(models.Provider, allow=None, description="A service provider: the profile that its companies share.")
class Provider(Node):
    id: strawberry.ID = identity(models.Provider)
    name: str = expression(name_in_language(), description="Name in the language the caller asked for")
    name_ar: str = column(models.Provider.name_ar, description="Name in Arabic")
    name_en: str | None = column(models.Provider.name_en, description="Name in English")
    description: str | None = column(models.Provider.description, description="What the provider does", allow=_READ)
    website: URL | None = column(models.Provider.website, description="Website", allow=_READ)
    contact_name: str | None = column(models.Provider.contact_name, description="Whom to contact", allow=_READ)
    email: EmailAddress | None = column(models.Provider.email, description="E-mail address", allow=_READ)
    mobile: MobileNumber | None = column(models.Provider.mobile, description="Mobile number", allow=_READ)
    national_address: str | None = column(models.Provider.national_address, description="National address", allow=_READ)
    status: ProviderStatus = column(models.Provider.status, description="Whether it may write")
    version: int = column(models.Provider.version, description="Rises with every change; sent along, it guards against lost updates")
    companies = connection(
        models.Company.provider_id,
        order=COMPANY_ORDER,
        only=lambda _, asker: false() if asker.is_gateway else true(),  # it sees each company by itself
        description="The provider's companies that the caller belongs to",
    )
    created_at: datetime = column(models.Provider.created_at, description="When it was registered")
    updated_at: datetime = column(models.Provider.updated_at, description="When it was last changed")


@strawberry.input(description="The establishment to register, and the provider's profile.")
class RegisterProviderInput(CheckedInput):
    establishment_number: EstablishmentNumber = required(
        "One of the establishments that the unified login says are the person's", values.establishment_number
    )
    name_ar: str = required("The provider's name in Arabic", values.text(200))
    name_en: str | None = given("The provider's name in English", values.text(200))
    contact_name: str | None = given("Whom to contact", values.text(200))
    email: EmailAddress = required("E-mail address", values.email)
    mobile: MobileNumber = required("Mobile number, any usual spelling", values.mobile)


@strawberry.type(description="The provider and its new company.")
class RegisterProviderPayload(Payload):
    provider = related_by(models.Provider, "provider_id", description="The provider")
    company = related_by(models.Company, "company_id", description="The company")


register_provider = mutation(
    _register_provider,
    RegisterProviderInput,
    RegisterProviderPayload,
    needs_account=False,
    person_only=True,
    description="Register an establishment of one's own as a company. Where its unified number has a provider already, it joins that one, "
    "whose profile stays as it is",
)


@strawberry.input(description="Changes to the profile: an absent field stays, null clears what may be null.")
class UpdateProviderProfileInput(CheckedInput):
    name_ar: str | None = given("Name in Arabic", values.text(200), clearable=False)
    name_en: str | None = given("Name in English", values.text(200))
    description: str | None = given("What the provider does", values.text(4000))
    website: URL | None = given("Website", values.url)
    contact_name: str | None = given("Whom to contact", values.text(200))
    email: EmailAddress | None = given("E-mail address", values.email)
    mobile: MobileNumber | None = given("Mobile number, any usual spelling", values.mobile)
    national_address: str | None = given("National address", values.text(500))
    version: int | None = given("The version that was read; another one is VERSION_CONFLICT")


@strawberry.type(description="The profile, changed.")
class UpdateProviderProfilePayload(Payload):
    provider = related_by(models.Provider, "provider_id", description="The provider")


update_provider_profile = mutation(
    _update_provider_profile,
    UpdateProviderProfileInput,
    UpdateProviderProfilePayload,
    allow=Permission.PROFILE_WRITE,
    description="Edit the profile that the provider's companies share",
)
