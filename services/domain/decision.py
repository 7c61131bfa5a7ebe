"""The model's decision and the scratch line it wrote on the way. Judging it is `verify`."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from policies.vocabulary import Reason
from policies.vocabulary import Truth as Truth  # noqa: PLC0414 - the domain's users import it from here
from services.domain.actions import ToolCall
from services.domain.facts import FactValue


class Outcome(StrEnum):
    """What the customer is entitled to. `review` is abstaining, and is counted apart from being wrong."""

    ELIGIBLE = "eligible"
    NOT_ELIGIBLE = "not_eligible"
    REVIEW = "review"


class FactTest(BaseModel):
    """One fact compared with what the clause asks, such as `days_since_delivery <= 30`.

    `fact` is None where the clause asks for something no fact states; `result` is then unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fact: str | None
    relation: str
    """`<=`, `>=`, `<`, `>`, `is`, `fits` (a text fact whose fit the model itself judged)."""
    wanted: FactValue
    actual: FactValue
    result: Truth


class Condition(BaseModel):
    """Alternatives, one of which must hold (one alternative in most cases)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any_of: tuple[FactTest, ...]

    @property
    def result(self) -> Truth:
        results = {test.result for test in self.any_of}
        if Truth.YES in results:
            return Truth.YES
        return Truth.UNKNOWN if Truth.UNKNOWN in results else Truth.NO


class ClauseReading(BaseModel):
    """How the model read one clause: the sentence it rests on and the conditions it found there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy_id: str
    evidence: str
    conditions: tuple[Condition, ...]
    forbids: bool = False
    """Whether the clause takes the return away unless its conditions hold, rather than granting it when they do."""

    @property
    def result(self) -> Truth:
        """Kleene conjunction; one failed condition decides whatever else is unknown."""
        results = {condition.result for condition in self.conditions}
        if Truth.NO in results:
            return Truth.NO
        return Truth.UNKNOWN if Truth.UNKNOWN in results else Truth.YES


class Decision(BaseModel):
    """Reason, governing clause, verbatim evidence, outcome and the tools asked for.

    `policy_id`, `policy_version` and `evidence` are None, None and "" where no clause governs.
    `readings` is the scratch line: what the model compared before it decided, open to the verifier.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason
    policy_id: str | None
    policy_version: str | None
    evidence: str
    outcome: Outcome
    tool_calls: tuple[ToolCall, ...] = ()
    readings: tuple[ClauseReading, ...] = ()
    sureness: float | None = None
    """How sure the checkpoint was of what the outcome follows from, in (0, 1]; None where nobody measured it."""
