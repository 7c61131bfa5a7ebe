"""The one composition root: settings in, working parts out. Knows how parts fit, and nothing of what they do.

Nothing is built at import. `desk()` builds once a process, so it must not be called before a worker forks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Engine

from infra.database import engine_from
from infra.identity import surely_dead
from infra.queue import LOCAL_BROKER, Poker
from infra.settings import Environment, Settings, SettingsInvalid, get_settings
from infra.telemetry import open_tracing
from policies.catalog import BUILT_IN
from services.adapters import patience as adapters_patience
from services.adapters.dry_run import DryRunTools
from services.adapters.http_json import new_client
from services.adapters.http_tools import HttpTools
from services.adapters.local_tools import LocalTools
from services.adapters.mail import Mailbox, Smtp
from services.adapters.money import MoneyDesk
from services.adapters.orders import HttpOrders, LocalOrders
from services.adapters.parcels import ParcelDesk
from services.adapters.patience import Persistent
from services.adapters.remote_decider import RemoteDecider, patient
from services.domain.jobs import JobKind, Patience
from services.domain.reading import LexicalClaimReader
from services.domain.releases import Release
from services.domain.review import SecondAnswerRule
from services.flows.pipeline import Pipeline
from services.flows.second_answer import SecondAnswers
from services.flows.shadow import Shadows
from services.flows.triage import Beside, NoCandidate, Triage
from services.ports import Clock, Decider, SampledDecider, ToolProvider
from services.store.candidate_runs import ShadowRecords
from services.store.job_ledger import GiveUp, JobLedger
from services.store.journal import JournalBook
from services.store.ledger import ToolLedger
from services.store.orders import OrderRows
from services.store.samples import SampleRecords
from services.store.sessions import Sessions, sessions
from services.store.triage import TriageRecords, give_up
from workers.library import PublishedPolicies
from workers.observed import Observed
from workers.released import CheckpointUnusable, ReleasedDecider
from workers.tracing import Moments, Spans, TimedDecider, TimedTools
from workers.verifier import second_opinion, verify_options

SAMPLE_TEMPERATURE = 0.9


class SystemClock:
    """Implements `ports.Clock` with this machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


Orders = LocalOrders | HttpOrders


@dataclass(frozen=True)
class Desk:
    """All parts of one process, each built when it is first asked for."""

    settings: Settings

    @cached_property
    def clock(self) -> Clock:
        return SystemClock()

    @cached_property
    def engine(self) -> Engine:
        return engine_from(self.settings, application_name="returns-desk-worker")

    @cached_property
    def sessions(self) -> Sessions:
        return sessions(self.engine)

    @cached_property
    def poker(self) -> Poker:
        return Poker(self.settings.redis_url or LOCAL_BROKER)

    @cached_property
    def jobs(self) -> JobLedger:
        return make_jobs(self.settings, self.sessions, {JobKind.TRIAGE: give_up})

    @cached_property
    def orders(self) -> Orders:
        return make_orders(self.settings, self.sessions)

    @cached_property
    def policies(self) -> PublishedPolicies:
        return PublishedPolicies(self.settings.policies_dir or BUILT_IN)

    @cached_property
    def tools(self) -> ToolLedger:
        provider = make_tools(self.settings, self.sessions, self.orders, self.clock)
        name = "http" if self.settings.tool_provider_url else "local"
        return ToolLedger(self.sessions, provider, self.clock, name=name)

    @cached_property
    def tracing(self) -> Any:
        """The tracer provider, None where tracing is off."""
        return open_tracing(self.settings)

    @cached_property
    def spans(self) -> Spans | None:
        if self.tracing is None:
            return None
        return Spans(self.tracing, content=self.settings.otel_instrumentation_genai_capture_message_content)

    @cached_property
    def released(self) -> "ReleasedParts":
        """The released checkpoint, loaded: seconds, and the weights' memory; and the candidate beside it."""
        moments = self.spans.moments if self.spans is not None else None
        return make_released(self.settings, self.sessions, self.clock, moments)

    @cached_property
    def triage(self) -> Triage:
        """The triage flow, with its checkpoint loaded."""
        return Triage(
            store=Observed(TriageRecords(self.sessions, second_answer_rule(self.settings)), self.spans),
            orders=self.orders,
            library=self.policies,
            tools=TimedTools(self.tools, self.spans.moments) if self.spans is not None else self.tools,
            pipeline=Pipeline(
                decider=self.released.champion,
                reader=LexicalClaimReader(),
                options=verify_options(),
                audit_share=self.settings.audit_share,
            ),
            clock=self.clock,
            beside=self.released.beside or NoCandidate(),
        )

    @cached_property
    def shadows(self) -> Shadows:
        """The flow of a candidate in the shadow. Its tools do nothing."""
        records = ShadowRecords(self.sessions, self.clock)
        reader, tools = LexicalClaimReader(), DryRunTools()
        return Shadows(records, self.released.candidate, reader, tools, self.clock, verify_options())

    def ready(self) -> None:
        """Prove that returns can be decided: policies to serve, a checkpoint that loads. Raises what is in the way."""
        _ = self.policies.catalog, self.triage
        second_opinion(["Loaded now, so that no reply waits for it."])

    @cached_property
    def second_answers(self) -> SecondAnswers:
        """The flow that draws a second answer, on the checkpoint that triage has loaded."""
        decider = self.triage.pipeline.decider

        def drawing(seed: int) -> Decider:
            return decider.sampled(SAMPLE_TEMPERATURE, seed) if isinstance(decider, SampledDecider) else decider

        records = SampleRecords(self.sessions, self.clock)
        return SecondAnswers(records, drawing, LexicalClaimReader(), self.clock, options=verify_options())


@lru_cache(maxsize=1)
def desk() -> Desk:
    """Return the parts of this process."""
    return Desk(get_settings())


def make_jobs(settings: Settings, opener: Sessions, endings: Mapping[JobKind, GiveUp]) -> JobLedger:
    """Return the job ledger with the patience that the settings allow."""
    patience = Patience(
        attempts=settings.job_max_attempts,
        outage_attempts=settings.job_max_attempts * 3,
        backoff=timedelta(seconds=settings.job_retry_backoff_seconds),
    )
    return JobLedger(opener, timedelta(seconds=settings.lease_seconds), patience, endings, surely_dead)


def second_answer_rule(settings: Settings) -> SecondAnswerRule:
    """Return which items get a second answer to compare without anybody asking."""
    reasons = frozenset(filter(None, settings.second_answer_reasons.split(",")))
    return SecondAnswerRule(settings.second_answer_share, reasons)


def make_orders(settings: Settings, opener: Sessions) -> Orders:
    """Return the order source: the shop's service where an address is set, else our own table."""
    if settings.order_source_url:
        token = settings.order_source_token
        client = new_client(settings.order_source_url, token.get_secret_value() if token else None)
        return HttpOrders(client, _persistent(settings.order_source_timeout_seconds))
    return LocalOrders(OrderRows(opener))


def make_tools(settings: Settings, opener: Sessions, orders: Orders, clock: Clock) -> ToolProvider:
    """Return the tool provider: the shop's service where an address is set, else this machine's own."""
    if settings.tool_provider_url:
        token = settings.tool_provider_token
        client = new_client(settings.tool_provider_url, token.get_secret_value() if token else None)
        return HttpTools(client, _persistent(settings.tool_provider_timeout_seconds))
    journal = JournalBook(opener)
    secret = settings.secret_key.get_secret_value().encode()
    return LocalTools(
        orders=orders,
        parcels=ParcelDesk(settings.labels_dir, tuple(settings.return_address.split("|"))),
        money=MoneyDesk(orders, journal, clock, secret),
        mailbox=make_mailbox(settings),
        journal=journal,
        clock=clock,
    )


def _persistent(deadline_seconds: float) -> Persistent:
    return Persistent(patience=adapters_patience.Patience(deadline_seconds=deadline_seconds))


def make_mailbox(settings: Settings) -> Mailbox:
    """Return the mailbox: files in `var/mail`, and SMTP besides where it is set."""
    if not settings.smtp_host:
        return Mailbox(settings.mail_dir, settings.mail_from)
    password = settings.smtp_password
    carrier = Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=password.get_secret_value() if password else None,
        starttls=settings.smtp_starttls,
        timeout_seconds=settings.smtp_timeout_seconds,
    )
    return Mailbox(settings.mail_dir, settings.mail_from, carrier)


@dataclass(frozen=True)
class ReleasedParts:
    """What decides: the champion, and what runs beside it. A script or a server's model has nothing beside it."""

    champion: Decider
    beside: Beside | None
    candidate: Callable[[Release], Decider]


def make_released(settings: Settings, opener: Sessions, clock: Clock, moments: Moments | None = None) -> ReleasedParts:
    """Return the released checkpoint, ready to decide; a server's model where DECIDER=remote.

    DECIDER=scripted gives a script, outside production only. `moments`: where to note when runs began, for traces.
    """

    def timed(decider: Decider) -> Decider:
        return decider if moments is None else TimedDecider(decider, moments)

    if settings.decider == "scripted":
        if settings.environment is Environment.PRODUCTION:
            raise SettingsInvalid("DECIDER: `scripted` is a stand-in and is refused when ENVIRONMENT=production")
        from workers.scripted import ScriptedDecider  # noqa: PLC0415 - a stand-in that production never imports

        script = timed(ScriptedDecider())
        return ReleasedParts(script, None, lambda _: script)
    if settings.decider == "remote":
        remote = timed(make_remote(settings))
        return ReleasedParts(remote, None, lambda _: remote)
    from services.inference.checkpoint import CheckpointError  # noqa: PLC0415 - torch takes seconds, for triage only
    from services.inference.decider import load_decider  # noqa: PLC0415
    from workers.checkpoints import roots  # noqa: PLC0415
    from workers.rollout import BesideChampion, Candidate, Guarded, ReleaseWatch  # noqa: PLC0415

    def load(reference: str) -> Decider:
        try:
            return timed(load_decider(reference, roots(settings)))
        except CheckpointError as error:
            raise CheckpointUnusable(str(error)) from error

    watch, candidate = ReleaseWatch(settings, opener), Candidate(load)
    champion = ReleasedDecider(watch.champion, load)
    beside = BesideChampion(watch, champion, candidate, opener, clock)
    return ReleasedParts(champion, beside, lambda release: Guarded(candidate.of(release)))


def make_remote(settings: Settings) -> RemoteDecider:
    """Return the model of a server that speaks the OpenAI API. Raises SettingsInvalid; asks the server nothing yet."""
    if settings.checkpoint_server_url is None or settings.checkpoint_server_model is None:
        raise SettingsInvalid("DECIDER: `remote` needs CHECKPOINT_SERVER_URL and CHECKPOINT_SERVER_MODEL")
    token = settings.checkpoint_server_token
    try:
        client = new_client(settings.checkpoint_server_url, token.get_secret_value() if token else None)
    except ValueError as error:
        raise SettingsInvalid(f"CHECKPOINT_SERVER_URL: {error}") from error
    return RemoteDecider(
        client,
        settings.checkpoint_server_model,
        patient(settings.decide_timeout_seconds),
        settings.checkpoint_server_requests_at_once,
    )
