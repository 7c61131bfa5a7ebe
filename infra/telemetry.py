"""Opens tracing where OTEL_EXPORTER_OTLP_ENDPOINT is set; gathers metrics of many processes. Knows no span's meaning.

Both are off by default: without an endpoint the OpenTelemetry packages are not even imported.
"""

import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from infra.settings import Settings, SettingsInvalid

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


def open_tracing(settings: Settings) -> Any:
    """Return a tracer provider that sends spans in the background, None where tracing is off.

    Call it after a fork: its thread does not survive one. Raises SettingsInvalid where the packages are missing.
    """
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise SettingsInvalid(
            "OTEL_EXPORTER_OTLP_ENDPOINT: the telemetry extra is not installed; `pip install returns-desk[telemetry]`"
        ) from error
    resource = Resource.create({"service.name": settings.otel_service_name, "service.version": version("returns-desk")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/")
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=5)))
    return provider


def many_processes() -> bool:
    """Tell whether metrics of all processes of this machine meet in one directory."""
    return bool(os.environ.get(MULTIPROCESS))


def fresh_metrics_directory(var_dir: Path) -> dict[str, str]:
    """Empty the directory in which the processes of one desk meet; return the variable that sends them there.

    Call it once, before any of them starts: counts of a desk that ended would come back otherwise.
    """
    directory = var_dir / "metrics"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return {MULTIPROCESS: str(directory)}


def shown_registry() -> CollectorRegistry:
    """Return what a process shows to Prometheus: the metrics of all processes together, or else its own."""
    if not many_processes():
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
