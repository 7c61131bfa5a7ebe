"""Builds the seed dataset: a file of worlds, the same for the same seed, with the provenance of every case."""

import random
from collections.abc import Iterator

from lifecycle.examples import ExampleCase, World
from lifecycle.seed.bank import Split
from lifecycle.seed.cases import SeedCase, make_world
from lifecycle.seed.replies import act, write_reply


def seed_worlds(count: int, seed: int, split: Split = "train", reply_share: float = 0.2) -> Iterator[World]:
    """Yield `count` worlds of two to four cases; about `reply_share` of the cases carry a reply."""
    rng = random.Random(seed)
    for number in range(count):
        cases, sheets = make_world(rng, split, rng.choice([2, 3, 4, 4]))
        first = cases[0].evidence
        yield World(
            id=f"seed-{seed}-{number:05d}",
            policies=first.policies,
            facts=first.facts,
            asked_on=first.asked_on,
            cases=tuple(_example(case, rng, reply_share) for case in cases),
            sheets=sheets,
        )


def _example(case: SeedCase, rng: random.Random, reply_share: float) -> ExampleCase:
    actions = act(case, rng)
    reply = write_reply(case, actions, rng) if rng.random() < reply_share else None
    return ExampleCase(
        message=case.evidence.message,
        decision=case.decision,
        conflict=case.conflict,
        actions=actions if reply is not None else (),
        reply=reply,
        provenance=case.provenance,
    )
