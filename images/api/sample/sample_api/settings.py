"""What the environment says. The names are the real app's."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    cors_origins: tuple[str, ...]
    has_auth: bool
    has_database: bool
    release: str


def read_settings(env: Mapping[str, str]) -> Settings:
    """Ends the process, with the variable's name, rather than serve with tokens that the next restart forgets."""
    has_auth = env.get("EXCELMANUS_AUTH_ENABLED", "").lower() in ("1", "true", "yes", "on")
    if has_auth and not env.get("EXCELMANUS_JWT_SECRET", "").strip():
        raise SystemExit("EXCELMANUS_JWT_SECRET is empty while EXCELMANUS_AUTH_ENABLED=true: openssl rand -hex 32")
    origins = env.get("EXCELMANUS_CORS_ALLOW_ORIGINS", "").split(",")
    return Settings(
        cors_origins=tuple(origin.strip() for origin in origins if origin.strip()),
        has_auth=has_auth,
        has_database=bool(env.get("DATABASE_URL") or env.get("EXCELMANUS_DATABASE_URL")),
        release=env.get("API_RELEASE", ""),
    )
