"""Settings of watching the desk: when operators are told and where, and what is traced. Mixed into `settings.Settings`.

Kept apart only for length. Names of OpenTelemetry's own variables are theirs, so that its documentation holds here.
"""

import base64
import binascii
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, no secret


class AlertSettings(BaseModel):
    """When an alert is raised, and whom it reaches besides the operators' page. Ages in minutes, shares in [0, 1]."""

    alerts_every_seconds: Annotated[float, Field(gt=0)] = 60
    alert_webhook_url: str | None = None
    alert_webhook_secret: SecretStr | None = None
    alert_mail_to: Annotated[str, Field(pattern=r"^([^\s,@]+@[^\s,@]+(,[^\s,@]+@[^\s,@]+)*)?$")] = ""
    alert_review_age_minutes: Annotated[int, Field(ge=1)] = 480
    alert_queue_age_minutes: Annotated[int, Field(ge=1)] = 10
    alert_drift_share: Annotated[float, Field(gt=0, le=1)] = 0.15
    alert_drift_decisions: Annotated[int, Field(ge=10)] = 50
    alert_quiet_minutes: Annotated[int, Field(ge=1)] = 30

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> "AlertSettings":
        if self.alert_webhook_url is None:
            return self
        if urlsplit(self.alert_webhook_url).scheme not in {"http", "https"}:
            raise ValueError("ALERT_WEBHOOK_URL: must begin with https:// (or http:// inside your own network)")
        secret = self.alert_webhook_secret.get_secret_value() if self.alert_webhook_secret else ""
        if not secret.startswith(SECRET_PREFIX) or not 24 <= _bytes_of(secret) <= 64:
            raise ValueError(
                "ALERT_WEBHOOK_SECRET: messages to ALERT_WEBHOOK_URL are signed; set it to whsec_ and base64 of 24 to "
                '64 bytes, for example from `echo "whsec_$(openssl rand -base64 32)"`'
            )
        return self


class TelemetrySettings(BaseModel):
    """Metrics of many processes, and traces. Traces are off without an endpoint; content is never in them unasked."""

    prometheus_multiproc_dir: str | None = None
    otel_exporter_otlp_endpoint: str | None = None
    otel_service_name: str = "returns-desk"
    otel_instrumentation_genai_capture_message_content: bool = False

    @model_validator(mode="after")
    def _endpoint_is_http(self) -> "TelemetrySettings":
        endpoint = self.otel_exporter_otlp_endpoint
        if endpoint is not None and urlsplit(endpoint).scheme not in {"http", "https"}:
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT: must begin with http:// or https://, such as http://collector:4318"
            )
        return self


def _bytes_of(secret: str) -> int:
    try:
        return len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except binascii.Error:
        return 0
