"""Human review as rules: who may do what, what a label says, whether an answer may go out, where an item goes next.

Pure. Storing labels and holding leases is the store's job, gathering what a ruling needs the flow's, pages the UI's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.domain.actions import ToolAction
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence
from services.domain.trace import Trace
from services.domain.verdict import FailureOwner, Finding, Verdict, Verification


class LabelKind(StrEnum):
    APPROVE = "approve"
    CORRECT = "correct"
    PREFER = "prefer"
    REJECT = "reject"
    SKIP = "skip"
    ESCALATE = "escalate"
    NEEDS_INFORMATION = "needs_information"
    UNDO = "undo"


class Stage(StrEnum):
    """Whose turn an unfinished item is: any reviewer's, an adjudicator's, or the customer's."""

    LABEL = "label"
    ADJUDICATE = "adjudicate"
    WAITING = "waiting"


class Role(StrEnum):
    REVIEWER = "reviewer"
    ADJUDICATOR = "adjudicator"
    OPERATOR = "operator"
    ADMIN = "admin"


class Ability(StrEnum):
    """What an account may do. Routes name the ability they need, never a role."""

    SEE = "see"
    LABEL = "label"
    RUN_TOOLS = "run_tools"
    ADJUDICATE = "adjudicate"
    SEE_PEOPLE = "see_people"
    SEE_AUDIT = "see_audit"
    SEE_OPERATIONS = "see_operations"
    OPERATE = "operate"
    QUARANTINE = "quarantine"
    MANAGE_ACCOUNTS = "manage_accounts"


_REVIEWER = frozenset({Ability.SEE, Ability.LABEL, Ability.RUN_TOOLS})
_OPERATOR = frozenset(
    {
        Ability.SEE,
        Ability.SEE_PEOPLE,
        Ability.SEE_AUDIT,
        Ability.SEE_OPERATIONS,
        Ability.OPERATE,
        Ability.QUARANTINE,
    }
)
ABILITIES: Mapping[Role, frozenset[Ability]] = {
    Role.REVIEWER: _REVIEWER,
    Role.ADJUDICATOR: _REVIEWER | {Ability.ADJUDICATE, Ability.SEE_PEOPLE},
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Ability),
}


def may(role: Role, ability: Ability) -> bool:
    return ability in ABILITIES[role]


class Answer(BaseModel):
    """One whole answer to a case: what is decided, what was done, what the customer reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision
    reply: str
    actions: tuple[ToolAction, ...] = ()


class LabelDocument(BaseModel):
    """What a label holds beside its kind. `answer` is the one to learn, `rejected` the one to unlearn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Answer | None = None
    rejected: Answer | None = None
    verdict: Verdict | None = None
    """The verifier's verdict over `answer` when it was given."""
    owner: FailureOwner | None = None
    expected: Outcome | None = None
    question: str | None = None
    other_trace_id: str | None = None
    seconds: float | None = Field(default=None, ge=0)
    """How long the reviewer held the item."""

    @property
    def outcome(self) -> Outcome | None:
        return self.answer.decision.outcome if self.answer else self.expected


class GivenLabel(NamedTuple):
    """A label that counts: not an undo, not undone, not a skip."""

    id: str
    reviewer: str
    kind: LabelKind
    document: LabelDocument
    created_at: datetime


class LabelledCase(NamedTuple):
    """A label with the evidence it was given on: what a dataset is made of. `lineage` names where all of it came from.

    `rejected` is None where the label only approves.
    """

    evidence: Evidence
    answer: Answer
    rejected: Answer | None
    kind: LabelKind
    lineage: Mapping[str, str | None]


class Sending(NamedTuple):
    """May this answer leave the desk? `needs_reason`: only with a written reason. `stops` say why not."""

    allowed: bool
    needs_reason: bool
    stops: tuple[Finding, ...]


def sending(verification: Verification) -> Sending:
    """Rule on an answer a person wants to send: a person may overrule doubt, never a block."""
    failed = tuple(finding for finding in verification.findings if not finding.passed)
    if verification.verdict is Verdict.BLOCK:
        return Sending(False, False, tuple(f for f in failed if f.severity is Verdict.BLOCK))
    return Sending(True, verification.verdict is Verdict.AMBIGUOUS, failed)


class Ending(StrEnum):
    """What becomes of the item with this label.

    `send`: the answer goes out and the return closes. `by_hand`: the return closes without an answer of ours.
    `second`: another reviewer answers it blind. `back`: it waits again as it was.
    """

    SEND = "send"
    BY_HAND = "by_hand"
    SECOND = "second"
    ADJUDICATE = "adjudicate"
    WAIT = "wait"
    BACK = "back"
    GOLD = "gold"


_ALWAYS: Mapping[LabelKind, Ending] = {
    LabelKind.SKIP: Ending.BACK,
    LabelKind.ESCALATE: Ending.ADJUDICATE,
    LabelKind.NEEDS_INFORMATION: Ending.WAIT,
}


def ending_of(
    kind: LabelKind, document: LabelDocument, earlier: Sequence[GivenLabel], wanted: int, *, final: bool
) -> Ending:
    """Return where an item goes with this label. `earlier` count; `wanted` labels are asked for in all.

    `final`: an adjudicator's word ends the matter, whatever others said.
    """
    always = _ALWAYS.get(kind)
    if always is not None:
        return always
    settled = Ending.BY_HAND if kind is LabelKind.REJECT else Ending.SEND
    if final:
        return settled
    if any(not same_answer(label.document, document) for label in earlier):
        return Ending.ADJUDICATE
    return settled if len(earlier) + 1 >= wanted else Ending.SECOND


def same_answer(one: LabelDocument, other: LabelDocument) -> bool:
    """Tell whether two labels give the customer the same right: outcome, and the clause where both name one."""
    if one.outcome is not other.outcome:
        return False
    if one.answer is None or other.answer is None:
        return one.answer is other.answer
    return one.answer.decision.policy_id == other.answer.decision.policy_id


def drawn(subject: str, purpose: str, share: float) -> bool:
    """Tell whether `subject` is among the share in [0, 1] that `purpose` takes; always the same answer for it."""
    value = int.from_bytes(hashlib.sha256(f"{purpose}:{subject}".encode()).digest()[:6])
    return value / 2**48 < share


class SecondAnswerRule(NamedTuple):
    """Which items get a second answer to compare without anybody asking: a share in [0, 1] of those with a reason."""

    share: float = 0.0
    reasons: frozenset[str] = frozenset()

    def draws(self, item_id: str, reason: str) -> bool:
        return reason in self.reasons and drawn(item_id, "second", self.share)


class Hold(NamedTuple):
    """The right to answer an item for a while. Every write names it, so a click that comes too late changes nothing."""

    item_id: str
    reviewer: str
    token: str
    version: int


class ReviewCase(NamedTuple):
    """What a ruling on an item needs. `trace` is None where nothing was decided; `actions` are the ledger's, now."""

    item_id: str
    return_id: str
    purpose: str
    stage: Stage
    trace_id: str | None
    trace: Trace | None
    actions: tuple[ToolAction, ...]


class NewLabel(NamedTuple):
    """A label about to be stored."""

    kind: LabelKind
    reason: str | None
    document: LabelDocument
    guideline_version: str


class Stored(NamedTuple):
    label_id: str
    ending: Ending


class Conflict(Exception):
    """Someone else's doing stands against this write; nothing was stored. The message is for the reviewer."""


class Refused(Exception):
    """The rules do not allow this; nothing was stored. `findings` say what the verifier objects to."""

    def __init__(
        self, message: str, findings: Sequence[Finding] = (), verification: Verification | None = None
    ) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.verification = verification
