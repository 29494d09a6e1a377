"""The profile that a provider's companies share."""

from __future__ import annotations

from typing import Any

from app.models import EventType, Provider
from app.operations.work import Work


async def update_provider_profile(work: Work, *, version: int | None = None, **changes: Any) -> dict[str, object]:
    """Edit the profile, acting for one of the provider's companies.

    changes  columns of Provider by name.
    Raises   VersionConflict  somebody changed it since `version`.
    Source   guide 7.
    """
    provider = await work.find(Provider, work.company.provider_id, "provider_id")
    work.check_version(provider, version)
    if work.change(provider, changes):
        work.touch(provider)
        await work.record(EventType.PROFILE_UPDATED, provider)
    return {"provider": provider}
