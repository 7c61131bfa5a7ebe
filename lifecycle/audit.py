"""Audits a dataset before anything trains on it: one line a finding, none where all is well. Mends nothing."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lifecycle.examples import ExampleCase, World
from lifecycle.preferences import PreferencePair, passes
from services.domain.decision import Decision
from services.domain.reading import LexicalClaimReader
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply
from services.inference.answer import BadAnswer, parse_decision
from services.inference.prompt import CaseView, decision_segments

SHINGLE_WORDS = 4
MOST_ALIKE = 0.8
"""Messages whose word shingles overlap more than this (Jaccard, Broder 1997) count as the same message."""
RAREST_OUTCOME = 0.1
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
    findings += _balance(Counter(case.decision.outcome.value for world in worlds for case in world.cases))
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
    """Return every finding on preference pairs: what the verifier thinks of both sides above all."""
    reader = LexicalClaimReader()
    findings: list[Finding] = []
    ids: set[str] = set()
    for pair in pairs:
        case = pair.case
        if pair.id in ids:
            findings.append(Finding("duplicate", pair.id, "a pair of this id stands before"))
        ids.add(pair.id)
        findings += _case(pair.world, case, pair.id, reader)
        if (pair.rejected_reply is None) == (pair.rejected_decision is None):
            findings.append(Finding("missing", pair.id, "give rejected_reply or rejected_decision, one of the two"))
        elif pair.rejected_reply is not None and case.reply is None:
            findings.append(Finding("missing", pair.id, "the case has no reply to choose"))
        if case.decision == pair.rejected_decision or (case.reply and case.reply == pair.rejected_reply):
            findings.append(Finding("same", pair.id, "chosen and rejected do not differ"))
        if pair.fault == "invented_action" and pair.rejected_reply is not None:
            verdict = verify_reply(pair.rejected_reply, case.actions, reader).verdict
            if verdict is not Verdict.BLOCK:
                findings.append(Finding("not_blocked", pair.id, f"the verifier says {verdict} of an invented action"))
    return findings + list(leaks([pair.world for pair in pairs], evaluation))


def leaks(worlds: Iterable[World], evaluation: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what training shares with evaluation: an order, the wording of a clause, a message all but the same."""
    orders = {str(row["order_facts"].get("order_id")): str(row.get("id")) for row in evaluation if _facts(row)}
    clauses = {_plain(p["text"]): str(row.get("id")) for row in evaluation for p in row.get("policies", ())}
    judged = [(str(row.get("id")), shingles(str(row.get("message", "")))) for row in evaluation]
    index: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for number, (_, parts) in enumerate(judged):
        for part in parts:
            index[part].add(number)
    for world in worlds:
        order = world.facts.order_id
        if order is not None and order in orders:
            yield Finding("leak", world.id, f"order {order} is that of evaluation case {orders[order]}")
        for policy in world.policies:
            if case_id := clauses.get(_plain(policy.text)):
                yield Finding("leak", world.id, f"clause {policy.policy_id} reads as one of evaluation case {case_id}")
        for case in world.cases:
            parts = shingles(case.message)
            shared = Counter(number for part in parts for number in index.get(part, ()))
            for number, count in shared.most_common(1):
                alike = count / len(parts | judged[number][1])
                if alike > MOST_ALIKE:
                    yield Finding(
                        "leak", world.id, f"message is {alike:.0%} that of evaluation case {judged[number][0]}"
                    )


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the word shingles of a text; one shorter than a shingle is one of its own."""
    words = _WORD.findall(text.lower())
    starts = range(max(1, len(words) - SHINGLE_WORDS + 1))
    return frozenset(tuple(words[i : i + SHINGLE_WORDS]) for i in starts)


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


def _essence(decision: Decision) -> tuple[Any, ...]:
    """Return what the answer must carry over: all but the inner order of equal parts."""
    tools = [(call.name, dict(call.arguments)) for call in decision.tool_calls]
    results = [(r.policy_id, r.evidence, r.result) for r in decision.readings]
    return decision.reason, decision.policy_id, decision.evidence, decision.outcome, tools, results


def _balance(outcomes: Counter[str]) -> Iterator[Finding]:
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
