"""Failures at work: routes what is new, tries published clause versions as cures, makes regression cases.

For the periodic process, the command line and the operator's page alike. The table of owners is `domain.failures`'.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.settings import Settings
from policies import PolicyVersion
from policies.catalog import Catalog
from services.domain.backtest import exchanged
from services.domain.failure_cases import Located, cure_among, of_trace, with_words
from services.domain.failures import Cure, FailureStatus, Routed, route_failure
from services.domain.redaction import redactor_for
from services.ports import Clock, Decider
from services.store import failures as records
from services.store.failure_finding import Found, failed_traces, overturning_labels
from services.store.failures import Failure, NotAFailure, RegressionCase
from services.store.sessions import Sessions

_CHUNK = 50
MOST_OPEN = 10_000


def confirmed(
    cure: Cure | None, located: Located, versions: Sequence[PolicyVersion], decider: Decider | None
) -> Cure | None:
    """Return the cure where the checkpoint too decides rightly on it, None where it does not follow the new wording."""
    if cure is None or decider is None or located.evidence is None:
        return cure
    version = next(one for one in versions if f"{one.policy_id}@{one.version}" == cure.version)
    after = exchanged(located.evidence, version)
    (decided,) = decider.decide([after]) if after is not None else (None,)
    right = decided is not None and decided.decision is not None and decided.decision.outcome is located.expected
    return cure._replace(by=(*cure.by, "the checkpoint")) if right else None


@dataclass
class FailureDesk:
    """The verbs. `catalog` offers the published versions that may cure a failure; None tries none."""

    settings: Settings
    sessions: Sessions
    clock: Clock
    catalog: Catalog | None = None
    _seen: dict[str, datetime] = field(default_factory=dict)
    _tried: frozenset[str] = frozenset()

    def route(self) -> int:
        """Give every failure that is not on record yet its owner and next action; return how many were written.

        This object remembers how far it came, so that asking again is cheap.
        """
        written, began = 0, self.clock.now()
        with self.sessions() as session:
            for kind, news in (("trace", failed_traces), ("label", overturning_labels)):
                pending: list[Found] = []
                for one in news(session, self._seen.get(kind)):
                    pending.append(one)
                    if len(pending) == _CHUNK:
                        written += self._keep_all(pending)
                        pending = []
                written += self._keep_all(pending)
                self._seen[kind] = began
        with self.sessions() as session:
            records.dismiss_approved(session, self.clock.now())
        self._try_published()
        return written

    def would_cure(self, drafts: Sequence[PolicyVersion], decider: Decider | None = None) -> dict[str, Routed]:
        """Return, by failure, how open ones would be routed were one of the drafts published. Writes nothing.

        With a checkpoint, a draft cures only what that decides rightly on it too.
        """
        found: dict[str, Routed] = {}
        for failure, located in self._open_cases():
            cure = confirmed(cure_among(located, drafts), located, drafts, decider)
            routed = route_failure(located.case, cure) if cure is not None else None
            if routed is not None:
                found[failure.id] = routed
        return found

    def regress(self, failure_id: str, who: str) -> RegressionCase:
        """Turn an open failure into a case that the gate asks of every candidate. Raises NotAFailure.

        What is right must be known, from a label or from the clause's rule; personal data is taken out.
        """
        with self.sessions() as session:
            parts = records.case_parts(session, failure_id)
            located = of_trace(parts.failure.trace_id, parts.trace, parts.label)
            order_id = parts.trace.evidence.facts.order_id or parts.failure.return_id
            document = self._document(parts.failure, located, parts.known)
            return records.add_regression(session, failure_id, document, order_id, who, self.clock.now())

    def dismiss(self, failure_id: str, who: str, why: str) -> Failure:
        """End an open failure that is none. Raises NotAFailure."""
        return self._close(failure_id, FailureStatus.DISMISSED, who, why)

    def cured(self, failure_id: str, who: str, why: str) -> Failure:
        """End an open failure that a clause version or a release mended. Raises NotAFailure."""
        return self._close(failure_id, FailureStatus.CURED, who, why)

    def _close(self, failure_id: str, status: FailureStatus, who: str, why: str) -> Failure:
        if not why.strip():
            raise NotAFailure("say why; it stands in the audit log")
        with self.sessions() as session:
            return records.close_failure(session, failure_id, status, who, why.strip(), self.clock.now())

    def _keep_all(self, found: Sequence[Found]) -> int:
        """Write a chunk in a transaction of its own; return how many of it are failures."""
        written = 0
        with self.sessions() as session:
            for one in found:
                located = with_words(of_trace(one.trace_id, one.trace, one.label), one.said)
                routed = route_failure(located.case, cure_among(located, self._versions()))
                if routed is not None:
                    expected = located.expected.value if located.expected else None
                    records.keep_failure(session, one, routed, expected, self.clock.now())
                    written += 1
        return written

    def _try_published(self) -> None:
        """Route open failures again where versions were published since this object last did."""
        versions = self._versions()
        published = frozenset(one.digest for one in versions)
        if published == self._tried:
            return
        for failure, located in self._open_cases():
            cure = cure_among(located, versions)
            routed = route_failure(located.case, cure)
            if routed is not None and (routed.cured_by, routed.owner) != (failure.cured_by, failure.owner):
                with self.sessions() as session:
                    records.reroute(session, failure.id, routed, self.clock.now())
        self._tried = published

    def _open_cases(self) -> Iterator[tuple[Failure, Located]]:
        with self.sessions() as session:
            found = records.failures(session, limit=MOST_OPEN)
        for failure in found:
            with self.sessions() as session:
                try:
                    parts = records.case_parts(session, failure.id)
                except NotAFailure:
                    continue  # Closed meanwhile.
            yield failure, with_words(of_trace(failure.trace_id, parts.trace, parts.label), parts.said)

    def _versions(self) -> Sequence[PolicyVersion]:
        return self.catalog.versions if self.catalog is not None else ()

    def _document(self, failure: Failure, located: Located, known: Sequence[str]) -> dict[str, Any]:
        evidence = located.evidence
        if evidence is None or located.expected is None:
            raise NotAFailure(
                f"{failure.id}: nobody says yet what is right; label its return first, then make it a case"
            )
        redactor = redactor_for(self.settings.secret_key.get_secret_value().encode(), evidence.facts, known)
        return {
            "id": f"reg-{failure.id.removeprefix('fail_')}",
            "policies": [
                {
                    "policy_id": one.policy_id,
                    "version": one.version,
                    **({"effective_from": one.effective_from.isoformat()} if one.effective_from else {}),
                    "text": one.text,
                }
                for one in evidence.policies
            ],
            "order_facts": dict(redactor.facts(evidence.facts).values)
            | ({} if evidence.facts.requested_on else {"requested_on": evidence.asked_on.isoformat()}),
            "message": redactor.text(evidence.message),
            "expected_decision": located.expected.value,
            **({"expected_policy_id": located.policy_id} if located.policy_id else {}),
            "cause": failure.cause,
        }
