"""What Prometheus reads at `/metrics`: requests, and the desk's state out of the database.

The figures of the desk come from one place, the database, so they are the same whichever process is asked. Counts of
requests are this process's; under `returns-desk up` those of every process, API and workers alike (`infra.telemetry`).
"""

import time
from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.store.desk_figures import Figure

LATENCY_BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FIGURES_KEPT_SECONDS = 5.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HttpMetrics:
    """Requests by method, route pattern and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "returns_desk_http_requests", "Requests answered", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "returns_desk_http_request_seconds",
            "Seconds from the first byte of a request to the last of its answer",
            ("method", "route"),
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} else "other"
        self._requests.labels(known, route, str(status)).inc()
        if not route.endswith("/events"):  # A stream's length says nothing about speed.
            self._seconds.labels(known, route).observe(seconds)


class DeskCollector(Collector):
    """Reads figures when asked, at most every few seconds. A database that is away shows as `returns_desk_up 0`."""

    def __init__(self, read: Callable[[], Iterable[Figure] | None]) -> None:
        self._read = read
        self._lock = Lock()
        self._kept: list[Figure] | None = None
        self._read_at = float("-inf")

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() - self._read_at > FIGURES_KEPT_SECONDS:
                found = self._read()
                self._kept = None if found is None else list(found)
                self._read_at = time.monotonic()
            kept = self._kept
        up = GaugeMetricFamily("returns_desk_database_up", "1 where the database answered the last reading")
        up.add_metric((), 0.0 if kept is None else 1.0)
        yield up
        families: dict[str, GaugeMetricFamily] = {}
        for figure in kept or ():
            if figure.name not in families:
                families[figure.name] = GaugeMetricFamily(figure.name, figure.help, labels=figure.labels)
            families[figure.name].add_metric(figure.values, figure.value)
        yield from families.values()


def exposition(registry: CollectorRegistry) -> bytes:
    return generate_latest(registry)
