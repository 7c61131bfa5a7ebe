"""A second answer to a case under review, drawn with chance, so that a person can say which of two is better.

No tool runs here, whatever the second decision asks for: the reply is written on the record as it stands. Who asked for
it and when it is tried again are others' business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.domain.jobs import Lease, LeaseLost
from services.domain.review import ReviewCase
from services.domain.routing import route
from services.domain.trace import Trace
from services.domain.verify import VerifyOptions, verify
from services.flows.review import effective_actions
from services.flows.triage import Failed
from services.ports import ClaimReader, Clock, Decider

MOST_DRAWS = 4
"""How often to draw until the second answer differs from the first."""


class SecondAnswerStore(Protocol):
    """What is read and written; each call is one short transaction, fenced by the lease."""

    def begin(self, leases: Sequence[Lease]) -> Mapping[str, ReviewCase]:
        """Return the cases by job id. Jobs without one end here."""

    def settle(self, lease: Lease, case: ReviewCase, trace: Trace | None) -> None:
        """Store the second answer, or that none was found, and end the job. Raises LeaseLost."""


@dataclass(frozen=True)
class SecondAnswers:
    """`decider_of` returns the frozen checkpoint drawing with the given seed, at a temperature above 0."""

    store: SecondAnswerStore
    decider_of: Callable[[int], Decider]
    reader: ClaimReader
    clock: Clock
    options: VerifyOptions = field(default_factory=VerifyOptions)

    def run(self, leases: Sequence[Lease]) -> dict[str, Failed]:
        """Draw second answers for the items of these jobs. Raises what the checkpoint raises."""
        for lease, case in ((lease, self.store.begin([lease]).get(lease.job_id)) for lease in leases):
            if case is None:
                continue
            try:
                self.store.settle(lease, case, self._draw(case))
            except LeaseLost:
                continue
        return {}

    def _draw(self, case: ReviewCase) -> Trace | None:
        """Return an answer that differs from the first in decision or words, None where every draw gave the same."""
        first = case.trace
        if first is None:
            return None
        actions = effective_actions(case)
        for seed in range(1, MOST_DRAWS + 1):
            decider = self.decider_of(seed)
            (decided,) = decider.decide([first.evidence])
            if decided.decision is None:
                continue
            (replied,) = decider.reply([(first.evidence, decided.decision, actions)])
            if not replied.text or (decided.decision == first.decision and replied.text == first.reply):
                continue
            claims = self.reader.read(replied.text)
            verification = verify(first.evidence, decided.decision, actions, replied.text, claims, self.options)
            return Trace(
                evidence=first.evidence,
                decision=decided.decision,
                actions=actions,
                reply=replied.text,
                verification=verification,
                route=route(verification, decided.decision, actions, 1.0, 0.0),
                deciding=decided.generation,
                replying=replied.generation,
            )
        return None
