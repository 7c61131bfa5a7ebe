"""Back-test of a clause version: replays stored traces with it, by the rule and by a checkpoint. Writes nothing.

What counts as a flip is `domain.backtest`'s; printing is the command's.
"""

from collections.abc import Callable, Iterator, Sequence

from policies import PolicyVersion
from services.domain.backtest import Replayed, Side, exchanged, replayed_by_rule
from services.domain.decision import Outcome
from services.domain.evidence import Evidence
from services.ports import Decider
from services.store.traces import StoredTrace

BATCH = 16


def replay(
    traces: Sequence[StoredTrace],
    version: PolicyVersion,
    decider: Decider | None = None,
    step: Callable[[int], None] = lambda _: None,
) -> Iterator[Replayed]:
    """Yield each trace with the clause exchanged; `step` hears how many more are done.

    A checkpoint decides old and new evidence alike, so that what flips comes from the clause and not from another
    checkpoint; a trace that it decided itself is not decided again.
    """
    for start in range(0, len(traces), BATCH):
        batch = [(stored, _by_rule(stored, version)) for stored in traces[start : start + BATCH]]
        known = [(stored, ruled) for stored, ruled in batch if ruled is not None]
        if decider is None:
            yield from (ruled for _, ruled in known)
        else:
            sides = _sides([stored for stored, _ in known], version, decider)
            yield from (ruled._replace(checkpoint=side) for (_, ruled), side in zip(known, sides, strict=True))
        step(len(batch))


def _by_rule(stored: StoredTrace, version: PolicyVersion) -> Replayed | None:
    trace = stored.trace
    return replayed_by_rule(stored.id, stored.return_id, trace.evidence, trace.decision, version)


def _sides(stored: Sequence[StoredTrace], version: PolicyVersion, decider: Decider) -> list[Side]:
    """Return what the checkpoint decides before and after, a trace; one batch holds whatever must be decided."""
    asked: list[Evidence] = []
    places: list[tuple[Outcome | None, int | None, int]] = []
    for one in stored:
        after = exchanged(one.trace.evidence, version)
        if after is None:
            raise ValueError(f"{one.id}: the clause is not in its evidence")
        own = one.trace.deciding is not None and one.trace.deciding.checkpoint == decider.checkpoint_id
        before = None
        if not own:
            before = len(asked)
            asked.append(one.trace.evidence)
        places.append((one.trace.decision.outcome if one.trace.decision else None, before, len(asked)))
        asked.append(after)
    answers = [decided.decision.outcome if decided.decision else None for decided in decider.decide(asked)]
    return [Side(kept if before is None else answers[before], answers[after]) for kept, before, after in places]
