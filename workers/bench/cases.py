"""The requests of the benchmarks: customers of a shop with a few sets of three clauses, each with facts of its own."""

import random
from collections.abc import Sequence

from lifecycle.seed.cases import make_world
from services.domain.evidence import Evidence
from services.domain.facts import FactValue, OrderFacts

CLAUSES = 3
CLAUSE_SETS = 16


def bench_cases(count: int, seed: int = 7) -> Sequence[Evidence]:
    """Return `count` cases in an order that mixes the sets. The same seed gives the same cases.

    Clauses repeat, as they do in a shop; orders and facts do not, so only the clauses can be shared.
    """
    rng = random.Random(seed)
    customers = -(-count // CLAUSE_SETS)
    cases: list[Evidence] = []
    while len(cases) < customers * CLAUSE_SETS:
        world = make_world(rng, "heldout", customers)
        if len(world.cases[0].evidence.policies) == CLAUSES and not world.cases[0].evidence.contradictions:
            cases += [_own_order(rng, case.evidence) for case in world.cases]
    rng.shuffle(cases)
    return cases[:count]


def _own_order(rng: random.Random, evidence: Evidence) -> Evidence:
    """Return the case about another order: what can differ without contradicting the dates, differs."""
    values = {name: _drawn(rng, name, value) for name, value in evidence.facts.values.items()}
    # Copied and not changed: digests are cached on the original.
    known = {name: getattr(evidence, name) for name in Evidence.model_fields}
    changed = Evidence(**known | {"facts": OrderFacts(values=values)})
    return Evidence(**known) if changed.contradictions else changed


def _drawn(rng: random.Random, name: str, value: FactValue) -> FactValue:
    if name == "order_id":
        return f"A{rng.randrange(10_000, 100_000)}"
    if isinstance(value, bool):
        return value if rng.random() < 0.7 else not value
    if isinstance(value, int):
        return max(0, value + rng.randrange(-9, 10)) if name != "price_cents" else rng.randrange(500, 90_000)
    return value
