"""Typed settings from the environment and `.env`. Reads no policy, order or checkpoint, and opens no connection.

Environment names are the field names in capitals, without a prefix: `PORT`, `DATABASE_URL`, `UNDO_WINDOW_SECONDS`.
Every name carries its unit. Add a field to the group it belongs to; the groups are mixed into one flat `Settings`.
"""

import json
import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.settings_operations import AlertSettings, TelemetrySettings

PLACEHOLDER_SECRETS = frozenset({"", "changeme", "change-me", "secret", "development-only-placeholder"})
SHORTEST_SECRET_CHARACTERS = 32
RUNNING_ADDRESSES = Path("run") / "addresses.json"
OWN_SECRET = Path("secret_key")  # Under VAR_DIR; written by `returns-desk up`.


class SettingsInvalid(ValueError):
    """A setting is missing or wrong; the message is one line that names it and the remedy."""


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"
    TESTING = "testing"


class LogFormat(StrEnum):
    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class _Process(BaseModel):
    """Where this installation lives and how it speaks."""

    environment: Environment = Environment.DEVELOPMENT
    secret_key: SecretStr = SecretStr("development-only-placeholder")
    var_dir: Path = Path("var")
    log_format: LogFormat = LogFormat.AUTO
    log_level: Annotated[str, Field(pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    omp_num_threads: Annotated[int, Field(ge=1, default_factory=lambda: min(8, os.cpu_count() or 1))]


class _Servers(BaseModel):
    """The servers we listen as and connect to. A URL left empty means the embedded server of `returns-desk up`."""

    bind_address: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: str | None = None
    database_url: str | None = None
    redis_url: str | None = None
    database_pool_size: Annotated[int, Field(ge=1)] = 5
    database_pool_overflow: Annotated[int, Field(ge=0)] = 10
    database_connect_timeout_seconds: Annotated[int, Field(ge=1)] = 5
    database_statement_timeout_seconds: Annotated[float, Field(gt=0)] = 30
    database_lock_timeout_seconds: Annotated[float, Field(gt=0)] = 10
    redis_timeout_seconds: Annotated[float, Field(gt=0)] = 3


class _Intake(BaseModel):
    """Limits of the queue API."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 65_536
    max_batch_bytes: Annotated[int, Field(ge=1024)] = 8_388_608
    max_message_characters: Annotated[int, Field(ge=1)] = 8_000
    rate_limit_requests_per_minute: Annotated[int, Field(ge=1)] = 60_000
    rate_limit_burst_requests: Annotated[int, Field(ge=1)] = 6_000
    idempotency_retention_hours: Annotated[int, Field(ge=1)] = 24


class _Jobs(BaseModel):
    """Leases, attempts and beats of the jobs that the database owns."""

    lease_seconds: Annotated[int, Field(ge=1)] = 60
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 15
    job_max_attempts: Annotated[int, Field(ge=1)] = 3
    job_retry_backoff_seconds: Annotated[float, Field(gt=0)] = 5
    sweep_every_seconds: Annotated[float, Field(gt=0)] = 10
    outbox_every_seconds: Annotated[float, Field(gt=0)] = 2
    worker_metrics_port: Annotated[int | None, Field(ge=1, le=65533)] = None
    nightly_at_utc: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "02:00"
    triage_at_once: Annotated[int, Field(ge=1)] = 16


class _Nightly(BaseModel):
    """What a night may take and cost, and when the gate lets its candidate go."""

    nightly_enabled: bool = True
    nightly_max_minutes: Annotated[float, Field(gt=0)] = 60
    nightly_min_labels: Annotated[int, Field(ge=1)] = 20
    nightly_most_labels_per_reviewer: Annotated[int, Field(ge=1)] = 200
    nightly_two_people: bool = False
    nightly_holdout_share: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    nightly_release: bool = True
    nightly_seed: int = 17
    nightly_rlvr_steps: Annotated[int, Field(ge=0)] = 0
    gate_memory_mib: Annotated[int, Field(ge=1)] = 2048


class _Outward(BaseModel):
    """Systems of record and providers outside the desk. An empty URL means the local, real implementation."""

    order_source_url: str | None = None
    order_source_token: SecretStr | None = None
    order_source_timeout_seconds: Annotated[float, Field(gt=0)] = 5
    tool_provider_url: str | None = None
    tool_provider_token: SecretStr | None = None
    tool_provider_timeout_seconds: Annotated[float, Field(gt=0)] = 10
    smtp_host: str | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = True
    smtp_timeout_seconds: Annotated[float, Field(gt=0)] = 10
    mail_from: str = "returns@localhost"
    webhook_timeout_seconds: Annotated[float, Field(gt=0)] = 10
    webhook_max_attempts: Annotated[int, Field(ge=1)] = 8
    webhook_allow_private_addresses: bool = False


class _Desk(BaseModel):
    """What the desk decides by setting rather than by policy."""

    sample_shop_id: str = "sample-shop"
    audit_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    undo_window_seconds: Annotated[int, Field(ge=0)] = 1800
    review_claim_seconds: Annotated[int, Field(ge=1)] = 600
    review_overlap_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    review_gold_share: Annotated[float, Field(ge=0, le=1)] = 0.03
    review_wait_hours: Annotated[float, Field(gt=0)] = 72
    reply_languages: Annotated[str, Field(pattern=r"^([a-z]{2}(,[a-z]{2})*)?$")] = "en"
    second_answer_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    second_answer_reasons: Annotated[str, Field(pattern=r"^([a-z_]+(,[a-z_]+)*)?$")] = "ambiguous"
    reviewer_limit_cents: Annotated[int, Field(ge=0)] = 20_000
    policies_dir: Path | None = None
    return_address: str = "Returns Desk|Returns department|1 Warehouse Road"
    decider: Annotated[str, Field(pattern=r"^(checkpoint|remote|scripted)$")] = "checkpoint"
    checkpoint_id: str | None = None
    checkpoint_server_url: str | None = None
    checkpoint_server_token: SecretStr | None = None
    checkpoint_server_model: str | None = None
    checkpoint_server_requests_at_once: Annotated[int, Field(ge=1)] = 8
    decide_timeout_seconds: Annotated[float, Field(gt=0)] = 120


class Settings(
    _Process, _Servers, _Intake, _Jobs, _Nightly, _Outward, _Desk, AlertSettings, TelemetrySettings, BaseSettings
):
    """All settings, flat: `settings.port`, `settings.lease_seconds`."""

    model_config = SettingsConfigDict(env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, frozen=True)

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must begin with postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("redis://", "rediss://", "valkey://", "sentinel://")):
            raise ValueError("must begin with redis://, rediss://, valkey:// or sentinel://")
        return value

    @model_validator(mode="after")
    def _real_secret_outside_development(self) -> "Settings":
        secret = self.secret_key.get_secret_value()
        weak = secret.lower() in PLACEHOLDER_SECRETS or len(secret) < SHORTEST_SECRET_CHARACTERS
        if weak and self.environment is not Environment.DEVELOPMENT:
            raise ValueError(
                f"SECRET_KEY: a placeholder is refused when ENVIRONMENT={self.environment.value}; set it to at least "
                f"{SHORTEST_SECRET_CHARACTERS} random characters, for example from `openssl rand -hex 32`"
            )
        return self

    @model_validator(mode="after")
    def _lease_outlives_heartbeat(self) -> "Settings":
        if self.heartbeat_seconds * 2 > self.lease_seconds:
            raise ValueError(
                f"HEARTBEAT_SECONDS: {self.heartbeat_seconds} must be at most half of LEASE_SECONDS "
                f"({self.lease_seconds}), or a healthy worker loses its job"
            )
        return self

    @property
    def base_url(self) -> str:
        """The address people and webhooks use: PUBLIC_URL where set, else bind address and port."""
        return (self.public_url or f"http://{self.bind_address}:{self.port}").rstrip("/")

    @property
    def checkpoints_dir(self) -> Path:
        return self.var_dir / "checkpoints"

    @property
    def datasets_dir(self) -> Path:
        return self.var_dir / "datasets"

    @property
    def nights_dir(self) -> Path:
        return self.var_dir / "nights"

    @property
    def mail_dir(self) -> Path:
        return self.var_dir / "mail"

    @property
    def labels_dir(self) -> Path:
        return self.var_dir / "labels"


def load_settings() -> Settings:
    """Read the environment and `.env`, nothing else.

    Under ENVIRONMENT=testing `.env` is not read, so that a developer's file cannot change a test.

    Raises:
        SettingsInvalid: one line that names the variable and the remedy.
    """
    env_file = None if os.environ.get("ENVIRONMENT") == Environment.TESTING.value else ".env"
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsInvalid(_one_line(error)) from error


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings, read once a process; a URL left empty is that of the embedded server now running.

    `get_settings.cache_clear()` reads again. Raises SettingsInvalid.
    """
    settings = load_settings()
    running = _running_addresses(settings.var_dir)
    update: dict[str, object] = {}
    for name in ("database_url", "redis_url"):
        if name in running and getattr(settings, name) is None:
            update[name] = running[name]
    if (
        settings.environment is Environment.DEVELOPMENT
        and settings.secret_key.get_secret_value() in PLACEHOLDER_SECRETS
    ):
        update |= _own_secret(settings.var_dir)
    return settings.model_copy(update=update) if update else settings


def _own_secret(var_dir: Path) -> dict[str, object]:
    """Read the secret that `returns-desk up` made for this development desk, so that every command signs alike."""
    try:
        return {"secret_key": SecretStr((var_dir / OWN_SECRET).read_text())}
    except OSError:
        return {}


def _running_addresses(var_dir: Path) -> dict[str, str]:
    """Read where `returns-desk up` says its embedded servers are; empty when it is not running."""
    try:
        found = json.loads((var_dir / RUNNING_ADDRESSES).read_text())
    except (OSError, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _one_line(error: ValidationError) -> str:
    parts = []
    for item in error.errors():
        name = "_".join(str(part) for part in item["loc"]).upper()
        message = item["msg"].removeprefix("Value error, ")
        shown = "" if name.endswith(("_URL", "_KEY", "_TOKEN", "_PASSWORD")) else f" (got {item['input']!r})"
        parts.append(f"{name}: {message}{shown}" if name else message)
    return "; ".join(parts)
