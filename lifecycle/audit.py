"""Audits a dataset before anything trains on it: one line a finding, none where all is well. Mends nothing."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from lifecycle.examples import ExampleCase, World
from lifecycle.faults import shown_faults, shows
from lifecycle.preferences import PreferencePair, differs, passes
from lifecycle.traits import SHINGLE_WORDS, shingles
from policies import Reason
from services.domain.decision import Decision, Outcome
from services.domain.reading import LexicalClaimReader
from services.domain.verify import verify_reply
from services.inference.answer import BadAnswer, parse_decision
from services.inference.prompt import CaseView, decision_segments

MOST_ALIKE = 0.8
"""Messages that are alike by more than this count as the same message."""
RAREST_OUTCOME = 0.1
ENOUGH_TO_BALANCE = 200
"""From so many rows on, every reason must occur and no fault may be nearly all."""
RAREST_REASON = 0.01
MOST_OF_ONE_FAULT = 0.8
_WORD = re.compile(r"\w+")


class Finding(NamedTuple):
    """What is wrong, and where: the id of a world, pair or case."""

    kind: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.detail}"


def audit_worlds(worlds: Sequence[World], evaluation: Sequence[Mapping[str, Any]] = ()) -> list[Finding]:
    """Return every finding on training worlds, leaks into `evaluation` (rows of `eval`'s JSONL) among them."""
    reader = LexicalClaimReader()
    findings: list[Finding] = []
    seen: dict[tuple[str, str], str] = {}
    for world in worlds:
        for number, case in enumerate(world.cases):
            where = f"{world.id}/{number}"
            findings += _case(world, case, where, reader)
            key = (world.evidence(case).digest, case.reply or "")
            if key in seen:
                findings.append(Finding("duplicate", where, f"says the same as {seen[key]}"))
            seen.setdefault(key, where)
        findings += _sheets(world)
    decisions = [case.decision for world in worlds for case in world.cases]
    findings += balance(Counter(decision.outcome.value for decision in decisions))
    findings += _reasons(Counter(decision.reason for decision in decisions))
    return findings + list(leaks(worlds, evaluation))


def supported(worlds: Iterable[World]) -> Iterator[World]:
    """Yield the worlds without the replies that the verifier would not let out; their decisions stay."""
    reader = LexicalClaimReader()
    for world in worlds:
        cases = tuple(
            case
            if case.reply is None or passes(case, case.reply, reader)
            else case.model_copy(update={"reply": None, "actions": ()})
            for case in world.cases
        )
        yield world.model_copy(update={"cases": cases})


def audit_pairs(pairs: Sequence[PreferencePair], evaluation: Sequence[Mapping[str, Any]] = ()) -> list[Finding]:
    """Return every finding on preference pairs: that each rejected side shows its fault, and the chosen one none."""
    reader = LexicalClaimReader()
    findings: list[Finding] = []
    seen: dict[str, str] = {}
    for pair in pairs:
        keys = pair.id, repr((pair.world.evidence(pair.case).digest, pair.rejected_reply, pair.rejected_decision))
        findings += [Finding("duplicate", pair.id, f"says the same as {seen[key]}") for key in keys if key in seen]
        seen |= dict.fromkeys(keys, pair.id)
        findings += _case(pair.world, pair.case, pair.id, reader)
        findings += _sides(pair, reader)
    faults = Counter(pair.fault for pair in pairs)
    if len(pairs) >= ENOUGH_TO_BALANCE and max(faults.values()) > MOST_OF_ONE_FAULT * len(pairs):
        findings.append(Finding("balance", "dataset", f"nearly all pairs are about {faults.most_common(1)[0][0]}"))
    return findings + list(leaks([pair.world for pair in pairs], evaluation))


def _sides(pair: PreferencePair, reader: LexicalClaimReader) -> Iterator[Finding]:
    case, reply = pair.case, pair.rejected_reply
    if (reply is None) == (pair.rejected_decision is None):
        yield Finding("missing", pair.id, "give rejected_reply or rejected_decision, one of the two")
    elif reply is None:
        if not differs(pair):
            yield Finding("same", pair.id, "chosen and rejected differ in nothing that the checkpoint writes")
        if pair.fault == "wrong_approval" and not _approves_wrongly(pair):
            yield Finding("not_shown", pair.id, "neither is the rejected decision eligible nor the chosen one another")
    elif case.reply is None:
        yield Finding("missing", pair.id, "the case has no reply to choose")
    elif case.reply == reply:
        yield Finding("same", pair.id, "chosen and rejected do not differ")
    else:
        if not shows(pair.fault, pair.world, case, reply, reader):
            kind = "not_blocked" if pair.fault == "invented_action" else "not_shown"
            yield Finding(kind, pair.id, f"the rejected reply does not show what is wrong with it ({pair.fault})")
        for fault in shown_faults(pair.world, case, case.reply, reader):
            yield Finding("unsupported", pair.id, f"the chosen reply shows a fault: {fault}")


def _approves_wrongly(pair: PreferencePair) -> bool:
    rejected = pair.rejected_decision
    eligible = Outcome.ELIGIBLE
    return rejected is not None and rejected.outcome is eligible and pair.case.decision.outcome is not eligible


def leaks(worlds: Iterable[World], evaluation: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what training shares with evaluation: an order, the wording of a clause, a message all but the same."""
    orders = {str(row["order_facts"].get("order_id")): str(row.get("id")) for row in evaluation if _facts(row)}
    clauses = {_plain(p["text"]): str(row.get("id")) for row in evaluation for p in row.get("policies", ())}
    judged = [(str(row.get("id")), str(row.get("message", ""))) for row in evaluation]
    index: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for number, (_, message) in enumerate(judged):
        # A word or two ("ok") is nobody's message.
        for part in shingles(message) if len(_WORD.findall(message)) >= SHINGLE_WORDS else ():
            index[part].add(number)
    for world in worlds:
        order = world.facts.order_id
        if order is not None and order in orders:
            yield Finding("leak", world.id, f"order {order} is that of evaluation case {orders[order]}")
        for policy in world.policies:
            if case_id := clauses.get(_plain(policy.text)):
                yield Finding("leak", world.id, f"clause {policy.policy_id} reads as one of evaluation case {case_id}")
        for case in world.cases:
            shared = Counter(number for part in shingles(case.message) for number in index.get(part, ()))
            for number, _ in shared.most_common(3):
                alike = likeness(case.message, judged[number][1])
                if alike > MOST_ALIKE:
                    where = f"evaluation case {judged[number][0]}"
                    yield Finding("leak", world.id, f"message is {alike:.0%} that of {where}")
                    break


def likeness(one: str, other: str) -> float:
    """Return in [0, 1] how much of two texts' words stand in the same order (Ratcliff and Obershelp 1988)."""
    words: list[list[str]] = [_WORD.findall(text.lower()) for text in (one, other)]
    return SequenceMatcher[str](None, words[0], words[1], autojunk=False).ratio()


def _case(world: World, case: ExampleCase, where: str, reader: LexicalClaimReader) -> Iterator[Finding]:
    if not case.message.strip():
        yield Finding("missing", where, "the message is empty")
    if not case.provenance:
        yield Finding("missing", where, "no provenance: say which label or which templates it comes from")
    view = CaseView(world.evidence(case))
    try:
        written = "".join(s.text for s in decision_segments(view, case.decision, conflict=case.conflict)[:-1])
        read = parse_decision(view, written)
    except (BadAnswer, KeyError, StopIteration) as error:
        yield Finding("unparsable", where, f"the decision cannot be written and read back: {error!r}")
    else:
        if _essence(read) != _essence(case.decision):
            yield Finding("unparsable", where, "the decision reads back as another one")
    if case.reply is not None and not passes(case, case.reply, reader):
        worst = verify_reply(case.reply, case.actions, reader).worst
        yield Finding("unsupported", where, worst.detail if worst else "the verifier does not pass the reply")


def _sheets(world: World) -> Iterator[Finding]:
    """Yield readings that could not be taught: of a clause, a sentence or a fact that is not the world's."""
    policies = {policy.policy_id: policy for policy in world.policies}
    for sheet in world.sheets:
        reading = sheet.reading
        policy = policies.get(reading.policy_id)
        if policy is None or reading.evidence not in policy.sentences:
            yield Finding("unparsable", world.id, f"a reading quotes what is in no clause: {reading.policy_id}")
        tests = [test for condition in reading.conditions for test in condition.any_of]
        asked = {test.fact for test in tests if test.fact is not None}
        if unknown := asked - set(world.facts.values):
            yield Finding("unparsable", world.id, f"a reading compares a fact nobody states: {min(unknown)}")


def _reasons(reasons: Counter[Reason]) -> Iterator[Finding]:
    total = sum(reasons.values())
    for reason in Reason if total >= ENOUGH_TO_BALANCE else ():
        if reasons[reason] < RAREST_REASON * total:
            yield Finding("balance", "dataset", f"only {reasons[reason] / total:.1%} of the cases are {reason.value}")


def _essence(decision: Decision) -> tuple[Any, ...]:
    """Return what the answer must carry over: all but the inner order of equal parts."""
    tools = [(call.name, dict(call.arguments)) for call in decision.tool_calls]
    results = [(r.policy_id, r.evidence, r.result) for r in decision.readings]
    return decision.reason, decision.policy_id, decision.evidence, decision.outcome, tools, results


def balance(outcomes: Counter[str]) -> Iterator[Finding]:
    """Yield a finding for each outcome that is too rare to be learned."""
    total = sum(outcomes.values())
    if not total:
        yield Finding("missing", "dataset", "it holds no case")
        return
    for outcome in ("eligible", "not_eligible", "review"):
        share = outcomes[outcome] / total
        if share < RAREST_OUTCOME:
            yield Finding("balance", "dataset", f"only {share:.1%} of the cases are {outcome}")


def _facts(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("order_facts"), Mapping) and row["order_facts"].get("order_id") is not None


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
