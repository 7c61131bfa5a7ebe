"""The correction form: from a decision to its fields, and from fields back to a decision that the schema accepts.

The conditions are written in the checkpoint's own shorthand (one a line, `days_since_delivery <= 30`); values and
results are filled in from the trusted facts by the same code that reads the checkpoint's answers.
"""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.datastructures import FormData

from policies import Reason, ToolName
from review_ui.access import text_of
from services.domain.decision import ClauseReading, Decision, Outcome
from services.domain.evidence import Evidence
from services.inference.answer import BadAnswer, parse_decision
from services.inference.prompt import FORBIDS, CaseView, test_head, test_tail


class Fields(NamedTuple):
    """The form's fields as text; `tools` are names."""

    reason: str
    outcome: str
    sentence: str
    conditions: str
    others: str
    tools: tuple[str, ...]
    reply: str


class Draft(NamedTuple):
    """What a form says. `decision` is None where the schema refuses it, `problem` then says why."""

    fields: Fields
    decision: Decision | None
    problem: str


class Sentence(NamedTuple):
    label: str
    policy_id: str
    version: str
    text: str


def sentences_of(evidence: Evidence) -> Sequence[Sentence]:
    """Return the sentences that may be quoted, by label."""
    view = CaseView(evidence)
    return [
        Sentence(label, view.clauses[label[0]].policy_id, view.clauses[label[0]].version, text)
        for label, text in view.sentences.items()
    ]


def fields_of(evidence: Evidence, decision: Decision | None, reply: str) -> Fields:
    """Return the form's fields for a decision; empty ones where there is none."""
    if decision is None:
        return Fields(Reason.UNCLEAR.value, Outcome.REVIEW.value, "", "", "", (), reply)
    view = CaseView(evidence)
    governing = next((r for r in decision.readings if r.policy_id == decision.policy_id), None)
    others = [reading for reading in decision.readings if reading is not governing]
    return Fields(
        reason=decision.reason.value,
        outcome=decision.outcome.value,
        sentence=_label(view, decision.policy_id, decision.evidence),
        conditions=_conditions(governing) if governing else "",
        others="\n".join(
            line for reading in others for line in (_marked_label(view, reading), _conditions(reading)) if line
        ),
        tools=tuple(call.name for call in decision.tool_calls),
        reply=reply,
    )


def draft_of(form: FormData, evidence: Evidence, before: Decision | None) -> Draft:
    """Read the form back into a decision of this case; `before` is the checkpoint's, which the form started from."""
    fields = Fields(
        reason=text_of(form, "reason", 40),
        outcome=text_of(form, "outcome", 40),
        sentence=text_of(form, "sentence", 8),
        conditions=text_of(form, "conditions", 2_000),
        others=text_of(form, "others", 2_000),
        tools=tuple(str(tool) for tool in form.getlist("tools")),
        reply=text_of(form, "reply", 6_000),
    )
    view = CaseView(evidence)
    if fields.outcome in (Outcome.ELIGIBLE, Outcome.NOT_ELIGIBLE) and not fields.sentence:
        return Draft(fields, None, "Choose the sentence that carries the decision, or hold back for a person.")
    if fields.sentence and fields.sentence not in view.sentences:
        return Draft(fields, None, "This sentence is not among the clauses of the case.")
    try:
        return Draft(fields, _with_ban(parse_decision(view, _shorthand(fields)), before), "")
    except BadAnswer as error:
        return Draft(
            fields,
            None,
            f"{_kindly(str(error))} Write one condition a line, such as "
            "`days_since_delivery <= 30` or `damage_confirmed is true`.",
        )


def _with_ban(decision: Decision, before: Decision | None) -> Decision:
    """Keep that the governing clause forbids: the form chooses its sentence, and says nothing of its kind."""
    forbidding = {reading.policy_id for reading in before.readings if reading.forbids} if before else set()
    if decision.policy_id not in forbidding:
        return decision
    readings = (
        reading.model_copy(update={"forbids": True}) if reading.policy_id == decision.policy_id else reading
        for reading in decision.readings
    )
    return decision.model_copy(update={"readings": tuple(readings)})


def known_tools() -> Sequence[str]:
    return [tool.value for tool in ToolName]


def _shorthand(fields: Fields) -> str:
    lines = [fields.reason]
    if fields.sentence:
        lines += [fields.sentence, *_lines(fields.conditions)]
    lines += _lines(fields.others)
    if len(lines) == 1:
        lines.append("none")
    letter = f" {fields.sentence[0]}" if fields.sentence else ""
    lines.append(f"= {fields.outcome}{letter}" + "".join(f" {tool}" for tool in fields.tools))
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _label(view: CaseView, policy_id: str | None, evidence: str) -> str:
    try:
        return view.label_of(policy_id, evidence) if policy_id else ""
    except (KeyError, StopIteration):
        return ""


def _marked_label(view: CaseView, reading: ClauseReading) -> str:
    label = _label(view, reading.policy_id, reading.evidence)
    return FORBIDS + label if label and reading.forbids else label


def _conditions(reading: ClauseReading) -> str:
    return "\n".join(
        " or ".join(
            test_head(test) + (f": {test_tail(test)}" if test.relation == "fits" else "") for test in condition.any_of
        )
        for condition in reading.conditions
    )


def _kindly(error: str) -> str:
    return error[0].upper() + error[1:] + "."
