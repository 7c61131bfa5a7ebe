"""What a clause's rule says about facts: yes, no, or unknown. Choosing the clause, and judging a decision, are others'.

A rule is a CEL expression. CEL's own `&&` and `||` absorb an error on either side when the other side decides, so a
fact that is not established is simply not handed over: where it matters the evaluation fails and the answer is
unknown, where it does not the answer stands. That is Kleene's logic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from policies.facts import STANDARD_FACTS, FactScalar, FactType, fits
from policies.rule_check import RuleError, RuleShape, check_rule
from policies.vocabulary import Truth

if TYPE_CHECKING:
    import cel

__all__ = ["Rule", "RuleError", "compile_rule", "evaluate"]


@dataclass(frozen=True)
class Rule:
    """A checked and compiled rule. `shape` holds the facts, numbers and texts it mentions."""

    source: str
    shape: RuleShape
    types: tuple[tuple[str, FactType], ...]
    program: "cel.Program"

    def evaluate(self, facts: Mapping[str, FactScalar]) -> Truth:
        """Return the rule's answer on `facts`; a value that is null, absent or of another type is not established."""
        try:
            answer = self.program.execute(self._established(facts))
        except (RuntimeError, OverflowError):
            # The checked subset fails in two ways: a fact that was not handed over, or a product beyond 64 bits.
            return Truth.UNKNOWN
        return Truth.YES if answer is True else Truth.NO

    def missing(self, facts: Mapping[str, FactScalar]) -> tuple[str, ...]:
        """Return the rule's facts that are not established, in order of their names."""
        established = self._established(facts)
        return tuple(name for name, _ in self.types if name not in established)

    def _established(self, facts: Mapping[str, FactScalar]) -> dict[str, FactScalar]:
        return {name: facts[name] for name, kind in self.types if name in facts and fits(facts[name], kind)}


def compile_rule(source: str, declared: Mapping[str, FactType] = STANDARD_FACTS) -> Rule:
    """Return the rule, checked against the declared facts; raise RuleError with one sentence where it is wrong."""
    # Nearly every caller means the standard facts; sorting them each time would cost more than the rule itself.
    if declared is STANDARD_FACTS:
        return _compile_standard(source)
    return _compile(source, tuple(sorted(declared.items())))


@lru_cache(maxsize=1024)
def _compile_standard(source: str) -> Rule:
    return _compile(source, tuple(sorted(STANDARD_FACTS.items())))


@lru_cache(maxsize=1024)
def _compile(source: str, declared: tuple[tuple[str, FactType], ...]) -> Rule:
    # The package loads its own terminal interface when imported; only a rule needs it, a `--help` does not.
    import cel  # noqa: PLC0415

    kinds = dict(declared)
    shape = check_rule(source, kinds)
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise RuleError(f"the rule is no CEL expression: {str(error).splitlines()[0]}") from error
    return Rule(source, shape, tuple((name, kinds[name]) for name in shape.facts), program)


def evaluate(source: str, facts: Mapping[str, FactScalar], declared: Mapping[str, FactType] = STANDARD_FACTS) -> Truth:
    """Return the answer of the rule `source` on `facts`. Compiling is cached; an evaluation takes microseconds."""
    return compile_rule(source, declared).evaluate(facts)
