"""What the checkpoint reads and what it is taught to write: one rendering for serving and for every training stage.

A case becomes a `CaseView`: clauses lettered A, B, ..., their sentences numbered A1, A2, ..., facts one a line.
The checkpoint answers in two steps. First the choice, from clauses, facts and message: why the customer returns, and
which clauses grant or forbid it (`not C`):

    damaged
    A not C

Then each chosen clause is read by itself (`sheet`). What follows from the readings is computed, and the whole is
written down as a scratch line, which the reply goes on from and people and the verifier can check:

    damaged
    A1
    days_since_delivery <= 30: 12 yes
    damage_confirmed is true: true yes
    not C1
    final_sale is false: false yes
    = eligible A create_return_label

Token ids and grammars are made elsewhere; this module knows only text, split into trained and untrained segments.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from policies import PolicyVersion, Reason
from services.domain.actions import ToolAction
from services.domain.decision import Condition, Decision, FactTest
from services.domain.evidence import Evidence
from services.domain.facts import FactValue
from services.inference.relevance import leanings, most_relevant

SYSTEM = "Decide the return by policy and facts."
MAX_CLAUSES = 3
"""Clauses in the prompt; of more, the most relevant (recall at 3 was 1.00 on 235 cases of 3 to 8 clauses)."""
MAX_MESSAGE_CHARS = 1_200
MAX_FACTS = 32
NOT_STATED = "not stated"
NONE_FITS = "none"
FORBIDS = "not "
CONFLICT = "conflict"

# Ids, currencies and calendar days say nothing that a rule compares; the counts derived from the days stay.
_HIDDEN_FACTS = frozenset({"order_id", "currency", "requested_on", "customer_id", "customer_email", "customer_name"})
_NAME_PARTS = re.compile(r"[_.\-]+")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAMED_DAY = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december|christmas|easter"
    r"|black friday|holiday|\d{4}-\d{2}-\d{2})\b",
    re.IGNORECASE,
)


Step = tuple[str, tuple[str, ...]]
"""Copied text, then the choices that may follow it."""


class Segment(NamedTuple):
    """A piece of text with its role: `trained` enters the loss, `control` may hold the chat format's own tokens."""

    text: str
    trained: bool = False
    control: bool = False


@dataclass(frozen=True)
class CaseView:
    """One case in the shorthand of the prompt: which letters and facts stand for what."""

    evidence: Evidence

    @cached_property
    def clauses(self) -> dict[str, PolicyVersion]:
        policies = self.evidence.policies
        if len(policies) > MAX_CLAUSES:
            policies = most_relevant(policies, self.evidence.message, self.evidence.facts.values)[:MAX_CLAUSES]
        return {chr(ord("A") + i): policy for i, policy in enumerate(policies)}

    @cached_property
    def sentences(self) -> dict[str, str]:
        """Return label -> verbatim sentence, such as `A1`."""
        return {
            f"{letter}{number}": sentence
            for letter, policy in self.clauses.items()
            for number, sentence in enumerate(policy.sentences, start=1)
        }

    @cached_property
    def facts(self) -> dict[str, FactValue]:
        """The facts a clause may be compared with, in the order given, the derived ones last."""
        names_days = any(_NAMED_DAY.search(policy.text) for policy in self.clauses.values())
        shown: dict[str, FactValue] = {}
        for name, value in self.evidence.facts.values.items():
            is_day = isinstance(value, str) and _ISO_DAY.match(value) is not None
            if name in _HIDDEN_FACTS or (is_day and not names_days):
                continue
            shown["_".join(name.split())] = value
        return dict(list(shown.items())[:MAX_FACTS])

    def label_of(self, policy_id: str, evidence: str) -> str:
        """Return the label of a sentence of a clause. Raises KeyError where it is no sentence of that clause."""
        letter = self.letter_of(policy_id)
        for label, sentence in self.sentences.items():
            if label[0] == letter and sentence == evidence:
                return label
        raise KeyError(evidence)

    def letter_of(self, policy_id: str) -> str:
        return next(letter for letter, policy in self.clauses.items() if policy.policy_id == policy_id)


def readable(name: str) -> str:
    """Write a fact's name in words, as clauses do: a small model then finds the one in the other."""
    return " ".join(_NAME_PARTS.sub(" ", name).split())


def value_text(value: FactValue) -> str:
    """Write a fact's value on one short line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    # " or " joins alternatives in the answer, so a value must not hold it.
    return " ".join(str(value).split()).replace(" or ", " / ")[:60]


def prompt_segments(view: CaseView) -> list[Segment]:
    """Return the prompt of the decide phase: the clauses first, so that cases of one shop share a prefix."""
    segments = [Segment("<|im_start|>system\n", control=True), Segment(SYSTEM)]
    segments += [Segment("<|im_end|>\n<|im_start|>user\n", control=True)]
    segments += [Segment(_clause_text(letter, policy)) for letter, policy in view.clauses.items()]
    facts = "".join(f"{readable(name)} {value_text(value)}\n" for name, value in view.facts.items())
    segments.append(Segment(f"Facts\n{facts}Message\n"))
    return [*segments, *message_segments(view)]


def prompt_halves(view: CaseView) -> tuple[list[Segment], list[Segment]]:
    """Split the prompt into what other cases of the shop may share, and the customer's own part."""
    whole, tail = prompt_segments(view), message_segments(view)
    return whole[: len(whole) - len(tail)], tail


def message_segments(view: CaseView) -> list[Segment]:
    """Return the part of the prompt that tells customers apart: everything before it, cases of one order share."""
    segments = [Segment(_clipped(view.evidence.message))]
    segments.append(Segment("<|im_end|>\n<|im_start|>assistant\n", control=True))
    return segments


def _clause_text(letter: str, policy: PolicyVersion) -> str:
    lines = "".join(f"{letter}{n} {' '.join(s.split())}\n" for n, s in enumerate(policy.sentences, start=1))
    return f"{letter} {policy.policy_id}\n{lines}"


def _clipped(message: str) -> str:
    """Keep the head and the tail of an over-long message: the wish stands at one of the two."""
    text = " ".join(message.split())
    if len(text) <= MAX_MESSAGE_CHARS:
        return text
    return f"{text[:900]} ... {text[-300:]}"


def choice_segments(view: CaseView, decision: Decision) -> list[Segment]:
    """Return the first step's answer: the reason, and the clauses that grant, then those that forbid."""
    segments = [Segment(f"{decision.reason}\n", trained=True), Segment(choice_text(view, decision), trained=True)]
    return [*segments, Segment("<|im_end|>", trained=True, control=True)]


def choice_text(view: CaseView, decision: Decision) -> str:
    """Return the letters of the clauses that a decision read, such as `A not C`."""
    marks = [(one.forbids, view.letter_of(one.policy_id)) for one in decision.readings]
    return " ".join((FORBIDS if forbids else "") + letter for forbids, letter in marks) or NONE_FITS


def choice_steps(view: CaseView) -> list[Step]:
    """Return what the first step may say: any reason, and any one or two grants with at most one ban."""
    letters = list(view.clauses)
    grants = [*letters, *(f"{a} {b}" for i, a in enumerate(letters) for b in letters[i + 1 :])]
    bans = [f"{FORBIDS}{letter}" for letter in letters]
    both = [f"{grant} {ban}" for grant in grants for ban in bans if ban[-1] not in grant.split()]
    choices = (NONE_FITS, *grants, *bans, *both)
    return [("", tuple(f"{reason.value}\n" for reason in Reason)), ("", choices)]


def choice_leanings(view: CaseView, chosen: Sequence[str]) -> dict[str, float]:
    """Return what speaks for each clause beside the checkpoint, for the second part of the first step.

    `chosen` is the reason; the figures are added to logits. An answer that begins with no clause stands level with the
    best clause, so that the checkpoint alone says whether any clause is meant.
    """
    if len(chosen) != 1 or len(view.clauses) < 2:
        return {}
    case = view.evidence
    scores = leanings(list(view.clauses.values()), case.message, case.facts.values, Reason(chosen[0].strip()))
    return dict(zip(view.clauses, map(float, scores), strict=True)) | {"": float(scores.max())}


def chosen_clauses(view: CaseView, choice: str) -> list[tuple[PolicyVersion, bool]]:
    """Return (clause, whether it forbids) for a choice such as `A not C`."""
    found: list[tuple[PolicyVersion, bool]] = []
    words = choice.split()
    for place, word in enumerate(words):
        if word in view.clauses:
            found.append((view.clauses[word], place > 0 and words[place - 1] == FORBIDS.strip()))
    return found


def decision_segments(view: CaseView, decision: Decision, *, conflict: bool = False) -> list[Segment]:
    """Return the scratch line of a decision, its copied parts untrained, its stop token trained."""
    segments = [Segment(f"{decision.reason}\n", trained=True)]
    for reading in decision.readings:
        mark = FORBIDS if reading.forbids else ""
        segments.append(Segment(f"{mark}{view.label_of(reading.policy_id, reading.evidence)}\n", trained=True))
        for condition in reading.conditions:
            segments += _condition_segments(condition)
    if not decision.readings:
        segments.append(Segment(f"{NONE_FITS}\n", trained=True))
    if conflict:
        segments.append(Segment(f"{CONFLICT}\n", trained=True))
    letter = f" {view.letter_of(decision.policy_id)}" if decision.policy_id else ""
    tools = "".join(f" {call.name}" for call in decision.tool_calls)
    segments.append(Segment(f"= {decision.outcome}{letter}{tools}", trained=True))
    segments.append(Segment("<|im_end|>", trained=True, control=True))
    return segments


def _condition_segments(condition: Condition) -> list[Segment]:
    segments: list[Segment] = []
    for index, test in enumerate(condition.any_of):
        segments.append(Segment((" or " if index else "") + test_head(test), trained=True))
        segments.append(Segment(f": {test_tail(test)}", trained=test.relation == "fits"))
    return [*segments, Segment("\n", trained=True)]


def test_head(test: FactTest) -> str:
    """Return what the model writes of a test: which fact, and what the clause asks of it."""
    if test.fact is None:
        return NOT_STATED
    if test.relation == "fits":
        return f"{test.fact} fits"
    return f"{test.fact} {test.relation} {value_text(test.wanted)}"


def test_tail(test: FactTest) -> str:
    """Return what code writes of a test: the fact's value and the result (of `fits`, the model judges the result)."""
    return test.result.value if test.fact is None else f"{value_text(test.actual)} {test.result}"


def reply_prompt_segments(actions: Sequence[ToolAction], order_id: str | None) -> list[Segment]:
    """Return what follows the decision before the reply is written: the record of the tools, as it stands.

    Where no tool ran the record still names the order, or the reply would make a number up.
    """
    nothing = f"no action order {order_id}\n" if order_id else "no action\n"
    lines = "".join(_action_line(action) for action in actions) or nothing
    return [
        Segment("\n<|im_start|>tool\n", control=True),
        Segment(lines),
        Segment("<|im_end|>\n<|im_start|>assistant\n", control=True),
    ]


def _action_line(action: ToolAction) -> str:
    """Write one action as the reply may tell it: what, whether it succeeded, which order, how much."""
    parts = [action.name, action.status.value]
    if action.arguments.get("order_id"):
        parts.append(f"order {action.arguments['order_id']}")
    cents = action.arguments.get("amount_cents")
    if isinstance(cents, int):
        parts.append(f"amount {cents // 100}.{cents % 100:02d} {action.arguments.get('currency', '')}".strip())
    return " ".join(parts) + "\n"


def reply_segments(reply: str) -> list[Segment]:
    return [Segment(reply, trained=True), Segment("<|im_end|>", trained=True, control=True)]
