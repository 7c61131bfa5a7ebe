"""Metrics and traces of real triage: counted once, summed over processes, sent to a real collector."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.schemas import Schemas
from prometheus_client import REGISTRY

from infra.settings import SettingsInvalid
from infra.telemetry import open_tracing
from services.domain.jobs import JobKind
from tests.service import review_world as world
from workers import app as worker
from workers import telemetry_names as names

DASHBOARD = Path(__file__).parents[2] / "infra" / "grafana" / "returns-desk.json"


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"), audit_share=0.0)


@pytest.fixture
def desk(settings):
    made = world.make_desk(settings)
    yield made
    made.engine.dispose()


def triage(desk, provider=None, prefix="one") -> list[str]:
    """Decide two returns with the desk's own parts, traced where a provider is given."""
    desk.__dict__["tracing"] = provider
    ids = world.submit(desk, [("A10234", "It arrived cracked."), ("A10250", "My phone number is 0151.")], prefix=prefix)
    while leases := desk.jobs.claim(JobKind.TRIAGE, "test-worker", limit=8):
        desk.triage.run(leases)
    return ids


def value(name: str, **labels) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def traced(desk, *, content: bool, prefix: str):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    wanted = desk.settings.model_copy(update={"otel_instrumentation_genai_capture_message_content": content})
    asked = type(desk)(wanted)
    ids = triage(asked, provider, prefix)
    asked.engine.dispose()
    return ids, exporter.get_finished_spans()


def test_each_settled_return_is_counted_once(desk):
    def passed():
        return value("returns_desk_findings_total", check="decision_present", result="passed")

    def decided():
        found = [one for metric in REGISTRY.collect() for one in metric.samples]
        return sum(one.value for one in found if one.name == "returns_desk_decisions_total")

    before, checks = decided(), passed()
    triage(desk, prefix="count")
    assert decided() - before == 2
    assert passed() - checks == 2
    assert value("returns_desk_run_seconds_count", part="decide") >= 2


def test_a_return_is_one_trace_with_its_runs_and_tools_under_it(desk):
    ids, spans = traced(desk, content=False, prefix="span")
    roots = [span for span in spans if span.parent is None]
    assert sorted(span.attributes[names.CONVERSATION] for span in roots) == sorted(ids)
    for root in roots:
        children = [span for span in spans if span.parent and span.parent.span_id == root.context.span_id]
        assert {span.context.trace_id for span in children} == {root.context.trace_id}
        kinds = [span.attributes[names.OPERATION] for span in children]
        assert kinds.count(names.TEXT_COMPLETION) == 2, "decide and reply"
        assert all(root.start_time <= span.start_time <= span.end_time <= root.end_time for span in children)
    eligible = next(one for one in roots if one.attributes.get(names.DECISION) == "eligible")
    tools = [one for one in spans if one.parent and one.parent.span_id == eligible.context.span_id]
    assert f"{names.EXECUTE_TOOL} create_return_label" in [one.name for one in tools]
    run = next(one for one in spans if one.attributes[names.OPERATION] == names.TEXT_COMPLETION)
    assert run.attributes[names.RESPONSE_MODEL] == "scripted-stand-in"
    assert run.attributes[names.PROVIDER] == names.PROVIDER_VALUE


@pytest.mark.parametrize("content", [False, True])
def test_what_customers_wrote_is_in_a_trace_only_where_it_was_asked_for(desk, content):
    _, spans = traced(desk, content=content, prefix=f"content{content}")
    carried = {name for span in spans for name in span.attributes} & set(names.CONTENT)
    everything = json.dumps([dict(span.attributes) for span in spans], default=str)
    assert ("0151" in everything) is content
    assert carried == (set(names.CONTENT) if content else set())


class Collector:
    """A real OTLP receiver: keeps what is posted to /v1/traces."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces":
                    outer.bodies.append(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_spans_reach_a_collector_over_http(desk, settings):
    collector = Collector()
    provider = open_tracing(settings.model_copy(update={"otel_exporter_otlp_endpoint": collector.endpoint}))
    ids = triage(desk, provider, prefix="wire")
    assert provider.force_flush()
    provider.shutdown()
    collector.close()
    found = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    resources = [one for request in found for one in request.resource_spans]
    services = {a.value.string_value for one in resources for a in one.resource.attributes if a.key == "service.name"}
    assert services == {"returns-desk"}
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    seen = {a.value.string_value for span in spans for a in span.attributes if a.key == names.CONVERSATION}
    assert seen == set(ids)


def test_tracing_is_off_without_an_endpoint_and_an_unusable_one_is_named(settings, monkeypatch):
    assert open_tracing(settings) is None
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsInvalid, match="telemetry extra is not installed"):
        open_tracing(settings.model_copy(update={"otel_exporter_otlp_endpoint": "http://127.0.0.1:9"}))


def test_the_names_are_those_of_the_conventions_that_the_file_pins():
    known = {getattr(gen_ai_attributes, name) for name in dir(gen_ai_attributes) if name.startswith("GEN_AI_")}
    ours = {text for name, text in vars(names).items() if isinstance(text, str) and text.startswith("gen_ai.")}
    assert len(ours) > 15
    assert ours <= known
    assert list(Schemas)[-1].value == names.SCHEMA
    operations = {one.value for one in gen_ai_attributes.GenAiOperationNameValues}
    assert {names.INVOKE_WORKFLOW, names.TEXT_COMPLETION, names.EXECUTE_TOOL} <= operations


def test_every_metric_that_the_dashboard_asks_for_exists(settings, desk):
    triage(desk, prefix="board")
    with world.serving(settings) as address:
        shown = httpx.get(f"{address}/metrics", trust_env=False).text
        shown = httpx.get(f"{address}/metrics", trust_env=False).text
    assert worker.TASKS  # Its metrics are those of every worker.
    ours = {line.split("{")[0].split(" ")[0] for line in shown.splitlines() if not line.startswith("#")}
    families = set(re.findall(r"^# TYPE (\S+) gauge", shown, flags=re.MULTILINE))
    workers = {
        name for metric in REGISTRY.collect() for name in (*(one.name for one in metric.samples), *_made_of(metric))
    }
    asked = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            asked |= set(re.findall(r"returns_desk_[a-z0-9_]+", target["expr"]))
    assert len(asked) > 20
    # These gauges have a row only once there is something to tell; that they are asked for is checked by their query.
    from services.store.desk_figures import metric_names  # noqa: PLC0415

    assert asked - ours - families - workers - set(metric_names()) == set()


def _made_of(metric):
    if metric.type == "histogram":
        return [f"{metric.name}_{part}" for part in ("bucket", "sum", "count")]
    return [f"{metric.name}_total"] if metric.type == "counter" else [metric.name]


COUNT_ONE = "from workers.app import TASKS; TASKS.labels('one', 'succeeded').inc()"
SHOW = (
    "from infra.telemetry import shown_registry; from prometheus_client import generate_latest; "
    "print(generate_latest(shown_registry()).decode())"
)


def test_counts_of_many_processes_are_shown_as_one(tmp_path):
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(code: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True, timeout=120
        ).stdout

    run(COUNT_ONE)
    run(COUNT_ONE)
    assert 'returns_desk_tasks_total{outcome="succeeded",task="one"} 2.0' in run(SHOW)
