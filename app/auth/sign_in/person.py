"""What the provider says of a person: its claims, under the names that the settings give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import values
from app.auth.sign_in.failures import ProviderAtFault
from app.errors import ValidationFailed
from app.models import Locale
from app.settings import Claims

_MOST_ESTABLISHMENTS = 1000
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Owned:
    """An establishment that is the person's."""

    labor_office_id: int
    sequence_number: int
    unified_number: str | None
    name_ar: str | None
    name_en: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """What the provider vouches for."""

    issuer: str
    subject: str
    national_id: str
    name: str
    email: str | None
    mobile: str | None
    locale: Locale
    establishments: tuple[Owned, ...] = ()


def person_of(claims: Mapping[str, Any], names: Claims, *, issuer: str) -> Person:
    """Raises ProviderAtFault where what makes a person is missing or not valid; the rest may be."""
    subject = claims["sub"]
    if not _VISIBLE.fullmatch(subject):
        raise ProviderAtFault("sub")
    national_id = _valid(values.national_id, claims.get(names.national_id))
    name = _valid(values.text(200), claims.get(names.name))
    if national_id is None or name is None:
        raise ProviderAtFault("national_id or name")
    return Person(
        issuer=issuer,
        subject=subject,
        national_id=national_id,
        name=name,
        email=_valid(values.email, claims.get(names.email)),
        mobile=_valid(values.mobile, claims.get(names.mobile)),
        locale=Locale.EN if str(claims.get(names.locale, "")).lower().startswith("en") else Locale.AR,
        establishments=_establishments(claims.get(names.establishments), names),
    )


def _establishments(claimed: Any, names: Claims) -> tuple[Owned, ...]:
    """All or nothing: one that was left out unread would look to its owner as if it were not theirs."""
    if claimed is None:
        return ()
    if not isinstance(claimed, list) or len(claimed) > _MOST_ESTABLISHMENTS:
        raise ProviderAtFault("establishments")
    found: dict[str, Owned] = {}
    for each in claimed:
        if not isinstance(each, dict):
            raise ProviderAtFault("establishments")
        number = _valid(_spelt, each.get(names.establishment_number))
        if number is None:
            raise ProviderAtFault("establishment number")
        office, _, sequence = number.partition("-")
        owned = Owned(
            labor_office_id=int(office),
            sequence_number=int(sequence),
            unified_number=_valid(values.unified_number, each.get(names.unified_number)),
            name_ar=_valid(values.text(200), each.get(names.name_ar)),
            name_en=_valid(values.text(200), each.get(names.name_en)),
        )
        found.setdefault(number, owned)
    return tuple(found.values())


def _spelt(number: str) -> str:
    """In the one spelling."""
    return "-".join(map(str, values.establishment_number(number)))


def _valid(rule: values.Rule, value: Any) -> str | None:
    """What the rule makes of a claim; None of one that is missing or that it refuses."""
    try:
        return str(rule(value)) if isinstance(value, str) else None
    except ValidationFailed:
        return None
