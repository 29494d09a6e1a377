"""What a deployment may choose: read once from the environment (TELEWORK_...), frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

VERSION = "0.1.0"
GRAPHIQL_DIST = Path(__file__).parent.parent / "ui" / "dist"


class Settings(BaseSettings):
    """Every setting has the prefix TELEWORK_ in the environment, e.g. TELEWORK_DATABASE_URL."""

    model_config = SettingsConfigDict(env_prefix="TELEWORK_", frozen=True, extra="ignore")

    database_url: str = "sqlite+aiosqlite:///telework.db"
    database_pool_size: int = Field(default=10, ge=1)
    public_url: str = "http://127.0.0.1:8000"
    data_dir: Path = Path(".data")
    environment: Literal["LIVE", "SANDBOX"] = "LIVE"
    demo: bool = False  # the demo's own identity provider and personas; refuses any address that is not loopback

    oidc_issuer: str | None = None  # None with demo: the demo's own provider
    oidc_client_id: str = "telework"
    oidc_client_secret: SecretStr = SecretStr("")  # empty: a public client, which PKCE alone protects
    oidc_scope: str = "openid profile email phone"  # what is asked of the provider; national_id must come in the ID token with it
    session_hours: int = Field(default=12, ge=1)
    secret_key: SecretStr = SecretStr(
        ""
    )  # signs download addresses; made at random at start when empty, so set it where several servers run

    default_language: Literal["ar", "en"] = "ar"
    default_page: int = 20
    largest_page: int = 1000
    download_seconds: int = 300
