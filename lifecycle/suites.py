"""The cases that the gate judges with: which files, in which order, how many of each. Runs none of them."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from lifecycle.preferences import PreferencePair
from services.domain.canonical import canonical_json, digest_of
from services.ports import Decider

EVALS = Path(__file__).parent / "evals"
GOLDEN, INJECTION = EVALS / "golden.jsonl", EVALS / "injection.jsonl"
LESSON = Path(__file__).parent / "lesson" / "policy_cases.jsonl"
NAMES = ("must_pass", "injection", "regression")
"""In the order in which a short night fills them: what must never fail comes first."""

Case = Mapping[str, Any]
RunCases = Callable[[Sequence[Case], Decider], Iterable[Mapping[str, Any]]]
"""Runs rows of `eval` through the product loop with a decider; yields a row of `decide` a case, in order."""


@dataclass(frozen=True)
class Suites:
    """Cases by suite, in the order in which a short night takes them; `digests` name the files they come from."""

    cases: Mapping[str, Sequence[Case]]
    digests: Mapping[str, str] = field(default_factory=dict)
    pairs: Sequence[PreferencePair] = ()
    """Pairs whose chosen side is weighed; the fixed ones of `gate_probe` where none are given."""

    def counts(self) -> dict[str, int]:
        return {name: len(self.cases.get(name, ())) for name in NAMES}

    def first(self, counts: Mapping[str, int]) -> "Suites":
        """Return the suites cut to so many cases each."""
        cut = {name: list(self.cases.get(name, ()))[: counts.get(name, 0)] for name in NAMES}
        return replace(self, cases=cut)

    def with_regressions(self, cases: Sequence[Case]) -> "Suites":
        """Return the suites with these cases before the other regressions."""
        return replace(self, cases={**self.cases, "regression": [*cases, *self.cases.get("regression", ())]})

    def all_cases(self) -> list[Case]:
        return [case for name in NAMES for case in self.cases.get(name, ())]


def load_suites(seed: int, extra: Sequence[Path] = (), golden: Path = GOLDEN, injection: Path = INJECTION) -> Suites:
    """Return the suites: must-pass cases (the lesson's first), other golden ones, injections, and those in `extra`.

    Cases of `extra` (what went wrong in production, what was held out of tonight's labels) come before the golden
    ones. The rest is in an order that only `seed` decides, so that a short night meets a fair sample.
    """
    files = [path for path in (LESSON, golden, injection, *extra) if path.exists()]
    rows = {path: read_cases(path) for path in files}
    everything = rows.get(golden, [])
    own = [case for path in extra for case in rows.get(path, ())]
    return Suites(
        {
            "must_pass": [
                *rows.get(LESSON, ()),
                *_shuffled([case for case in everything if case.get("must_pass")], seed),
            ],
            "injection": _shuffled(rows.get(injection, []), seed),
            "regression": [*own, *_shuffled([case for case in everything if not case.get("must_pass")], seed)],
        },
        {path.name: sha256(path.read_bytes()).hexdigest() for path in files},
    )


def read_cases(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of `eval` cases."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def cases_digest(cases: Sequence[Case]) -> str:
    """Return the digest of exactly these cases in this order."""
    return digest_of([canonical_json(dict(case)) for case in cases])


def shares(available: Mapping[str, int], affordable: int, fewest: Mapping[str, int]) -> dict[str, int]:
    """Return how many cases of each suite to run where `affordable` fit in all.

    Every suite gets its fewest even where they do not fit: a gate on nothing says nothing. What is left goes to
    the suites in the order of NAMES, each filled before the next.
    """
    chosen = {name: min(available.get(name, 0), fewest.get(name, 0)) for name in NAMES}
    left = affordable - sum(chosen.values())
    for name in NAMES:
        more = max(0, min(available.get(name, 0) - chosen[name], left))
        chosen[name] += more
        left -= more
    return chosen


def _shuffled(cases: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    return sorted(cases, key=lambda case: digest_of([seed, str(case.get("id"))]))
