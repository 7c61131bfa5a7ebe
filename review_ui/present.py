"""Prepares everything an item's page shows as plain values, so that templates hold loops and little else."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from policies import PolicyVersion
from review_ui import words
from review_ui.checking import Draft, Fields, Sentence, fields_of, sentences_of
from review_ui.guidelines import Guideline, guideline_for
from review_ui.parts import ReviewParts
from review_ui.present_reply import Piece, claimed, quoted
from review_ui.texts import t
from services.domain.actions import ToolCall
from services.domain.decision import Decision
from services.domain.facts import FactValue
from services.domain.redaction import redactor_for
from services.domain.review import Answer, LabelKind, LabelledCase, Sending, sending
from services.domain.verdict import Verification
from services.flows.review import calls_not_run, effective_actions
from services.inference.prompt import value_text
from services.inference.rows import NoRow, redacted, rows_of
from services.store.review_desk import OpenCase


class Moment(NamedTuple):
    """One step on the timeline. `state` colours it: good, bad, waiting or nothing."""

    at: datetime | None
    title: str
    detail: str
    state: str = ""


class Clause(NamedTuple):
    policy: PolicyVersion
    governs: bool
    pieces: Sequence[Piece]


class Judged(NamedTuple):
    """An answer with the verifier's word on it, now."""

    decision: Decision
    reply: str
    pieces: Sequence[Piece]
    verification: Verification
    sending: Sending


class Fact(NamedTuple):
    """One trusted fact in words. `decides`: the decision compared it."""

    name: str
    value: str
    missing: bool
    decides: bool


class Parts(NamedTuple):
    """Of an item that was decided: what people compare."""

    item_name: str
    facts: Sequence[Fact]
    clauses: Sequence[Clause]
    model: Judged | None
    calls_left: Sequence[ToolCall]
    sentences: Sequence[Sentence]
    fields: Fields


def parts_of_case(found: OpenCase, parts: ReviewParts, draft: Draft | None = None) -> Parts | None:
    """Return what is compared on the page; None where nothing was decided."""
    trace = found.case.trace
    if trace is None:
        return None
    decision, evidence = trace.decision, trace.evidence
    compared = _compared(decision)
    return Parts(
        item_name=evidence.facts.item or "",
        facts=[
            Fact(name, _fact(name, value), value is None, name in compared)
            for name, value in _shown(evidence.facts.values, compared)
        ],
        clauses=[
            Clause(
                policy,
                _governs(policy, decision),
                quoted(policy.text, decision.evidence if _governs(policy, decision) and decision else ""),
            )
            for policy in sorted(evidence.policies, key=lambda policy: not _governs(policy, decision))
        ],
        model=judged(found, parts, decision, trace.reply) if decision else None,
        calls_left=calls_not_run(found.case, decision) if decision else (),
        sentences=sentences_of(evidence),
        fields=draft.fields if draft else fields_of(evidence, decision, trace.reply),
    )


def judged(found: OpenCase, parts: ReviewParts, decision: Decision, reply: str) -> Judged:
    """Judge an answer now; the trace's own verification stands where nothing ran since."""
    trace = found.case.trace
    if trace is not None and (trace.decision, trace.reply) == (decision, reply) and _same_actions(found):
        verification, actions = trace.verification, trace.actions
    else:
        verification, actions = parts.review.judge(found.case, decision, reply), effective_actions(found.case)
    pieces = claimed(reply, verification, actions)
    return Judged(decision, reply, pieces, verification, sending(verification))


def _same_actions(found: OpenCase) -> bool:
    trace = found.case.trace
    old = [(action.name, action.status, action.idempotency_key) for action in trace.actions] if trace else []
    return old == [(action.name, action.status, action.idempotency_key) for action in found.case.actions]


def timeline(found: OpenCase) -> list[Moment]:
    """Return what happened to the return, oldest first."""
    trace, item = found.case.trace, found.item
    moments = [Moment(found.request.received_at, "Received", f"from shop {item.shop_id}")]
    if trace is not None and trace.deciding is not None:
        run = trace.deciding
        detail = f"{run.checkpoint}, {run.latency_ms:.0f} ms" + (f", failed: {run.error}" if run.error else "")
        moments.append(Moment(None, "Decided", detail, "bad" if run.error else ""))
    for row in found.action_rows:
        state = {"succeeded": "good", "failed": "bad"}.get(row.state, "waiting")
        said = f"{words.say('action', row.state)}{money_of(row.arguments)}, by {row.actor}"
        moments.append(
            Moment(
                row.finished_at or row.created_at,
                words.say("tool", row.tool),
                said + (f": {row.error}" if row.error else ""),
                state,
            )
        )
    if trace is not None and trace.reply:
        moments.append(Moment(None, "Reply written", f"{len(trace.reply)} characters"))
    if trace is not None:
        verdict = trace.verification.verdict.value
        state = {"pass": "good", "block": "bad"}.get(verdict, "waiting")
        moments.append(
            Moment(None, f"Verifier: {words.say('verdict', verdict)}", words.say("reason", item.reason), state)
        )
    moments.append(Moment(item.created_at, "Put before people", item.detail[:200]))
    return moments


def money_of(arguments: dict[str, Any]) -> str:
    """Return the amount of a call in words, with a leading space; empty where it has none."""
    cents = arguments.get("amount_cents")
    if not isinstance(cents, int):
        return ""
    return f" {arguments.get('currency') or ''} {cents // 100:,}.{cents % 100:02d}".replace("  ", " ")


def guideline_of(found: OpenCase) -> Guideline:
    return guideline_for(found.item.reason)


def row_preview(  # noqa: PLR0913, PLR0917 - a label in the making
    found: OpenCase, parts: ReviewParts, answer: Answer, rejected: Answer | None, kind: LabelKind, reviewer: str
) -> list[tuple[str, str]]:
    """Return the rows the label becomes, as (format, JSON), personal data hidden as in the export."""
    trace = found.case.trace
    if trace is None:
        return []
    labelled = LabelledCase(trace.evidence, answer, rejected, kind, lineage_of(found, answer, reviewer))
    redactor = redactor_for(parts.secret, trace.evidence.facts, [found.request.customer_email])
    try:
        rows = rows_of(redacted(labelled, redactor))
    except NoRow as error:
        return [("none", str(error))]
    return [(name, json.dumps(row, ensure_ascii=False, indent=1)) for name, made in rows.items() for row in made]


def lineage_of(found: OpenCase, answer: Answer, reviewer: str) -> dict[str, str | None]:
    """Return the lineage of a row as the page knows it before the label has an id."""
    trace = found.case.trace
    policy = trace.evidence.policy(answer.decision.policy_id) if trace else None
    return {
        "outcome": answer.decision.outcome.value,
        "return": found.item.return_id,
        "trace": found.item.trace_id,
        "clause": f"{policy.policy_id}@{policy.version}" if policy else None,
        "clause_digest": policy.digest if policy else None,
        "facts_digest": trace.evidence.facts.digest if trace else None,
        "checkpoint": found.item.checkpoint,
        "reviewer": reviewer,
        "guideline": guideline_of(found).version,
    }


def _governs(policy: PolicyVersion, decision: Decision | None) -> bool:
    return decision is not None and policy.policy_id == decision.policy_id


def _compared(decision: Decision | None) -> frozenset[str]:
    readings = decision.readings if decision else ()
    tests = [test for reading in readings for condition in reading.conditions for test in condition.any_of]
    return frozenset(test.fact for test in tests if test.fact)


def _shown(values: Any, compared: frozenset[str]) -> list[tuple[str, FactValue]]:
    """Put first what the decision compared, then counted days, then what is known."""
    return sorted(
        values.items(), key=lambda pair: (pair[0] not in compared, not pair[0].startswith("days_"), pair[1] is None)
    )


def _fact(name: str, value: FactValue) -> str:
    if name.endswith("_cents") and isinstance(value, int):
        return f"{value // 100:,}.{value % 100:02d}"
    if value is None:
        return t("decision.unknown")
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value_text(value)
