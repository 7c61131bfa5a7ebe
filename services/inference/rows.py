"""Training rows in TRL's formats from a labelled case: what `data export` writes and the item page shows.

Pure text. A row is the very conversation the checkpoint reads and writes at work, so it is cut from the same segments
as serving; a chat template of the ChatML kind puts back exactly the marks that were cut. Choosing labels is the
store's job, hiding personal data `domain.redaction`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.redaction import Redactor
from services.domain.review import Answer, LabelKind, LabelledCase
from services.inference.prompt import (
    CaseView,
    Segment,
    choice_segments,
    decision_segments,
    prompt_segments,
    reply_prompt_segments,
    reply_segments,
)
from services.inference.sheet import sheet_facts, sheet_prompt, sheet_segments, tool_of

Message = dict[str, str]
Row = dict[str, Any]

START, END = "<|im_start|>", "<|im_end|>"


class NoRow(ValueError):
    """This label makes no row of the kind asked for; the message says why."""


class _Turn(NamedTuple):
    """One of the checkpoint's answers in a decision: the choice, or the reading of one clause (`part` says which)."""

    part: str
    prompt: list[Message]
    answer: Message


def sft_rows(labelled: LabelledCase) -> list[Row]:
    """Return prompt-completion rows: the choice, the reading of each clause, the reply. Raises NoRow."""
    evidence, answer = labelled.evidence, labelled.answer
    rows = [_sft(turn.prompt, turn.answer, labelled.lineage, turn.part) for turn in _turns(evidence, answer.decision)]
    if answer.reply:
        rows.append(_sft(_reply_prompt(evidence, answer), _reply(answer), labelled.lineage, "reply"))
    return rows


def preference_rows(labelled: LabelledCase) -> list[Row]:
    """Return prompt-chosen-rejected rows: about the first answer in which the two differ, decision before reply.

    After different decisions the replies answer different prompts, so they make no pair. Raises NoRow.
    """
    chosen, rejected = labelled.answer, labelled.rejected
    if rejected is None:
        raise NoRow("an approval prefers nothing to anything: it makes no pair")
    better = _turns(labelled.evidence, chosen.decision)
    try:
        worse = {turn.part: turn for turn in _turns(labelled.evidence, rejected.decision)}
    except NoRow:
        worse = {}
    for turn in better:
        other = worse.get(turn.part)
        if other is not None and other.answer != turn.answer:
            return [_pair(turn.prompt, turn.answer, other.answer, labelled.lineage, turn.part)]
    if chosen.decision != rejected.decision or chosen.reply == rejected.reply or not (chosen.reply and rejected.reply):
        raise NoRow("the two answers do not differ in anything the checkpoint writes")
    asked = _reply_prompt(labelled.evidence, chosen)
    return [_pair(asked, _reply(chosen), _reply(rejected), labelled.lineage, "reply")]


def rows_of(labelled: LabelledCase) -> dict[str, list[Row]]:
    """Return all rows the label makes, by format: `trl-sft` and `trl-preference`."""
    rows = {"trl-sft": sft_rows(labelled), "trl-preference": []}
    if labelled.kind is not LabelKind.APPROVE:
        try:
            rows["trl-preference"] = preference_rows(labelled)
        except NoRow:
            return rows
    return rows


def redacted(labelled: LabelledCase, redactor: Redactor) -> LabelledCase:
    """Return the case without personal data; prompt, answer and record are hidden alike, so they still agree."""
    evidence = labelled.evidence
    clean = evidence.model_copy(
        update={"message": redactor.text(evidence.message), "facts": redactor.facts(evidence.facts)}
    )
    return labelled._replace(
        # A copy would keep the digests cached on the original, so the evidence is built anew.
        evidence=Evidence(**{name: getattr(clean, name) for name in Evidence.model_fields}),
        answer=_redacted_answer(labelled.answer, redactor),
        rejected=_redacted_answer(labelled.rejected, redactor) if labelled.rejected else None,
    )


def _redacted_answer(answer: Answer, redactor: Redactor) -> Answer:
    calls = [
        call.model_copy(update={"arguments": redactor.value(dict(call.arguments))})
        for call in answer.decision.tool_calls
    ]
    actions = [
        action.model_copy(update={"arguments": redactor.value(dict(action.arguments)), "result": {}, "error": None})
        for action in answer.actions
    ]
    decision = answer.decision.model_copy(update={"tool_calls": tuple(calls)})
    return Answer(decision=decision, reply=redactor.text(answer.reply), actions=tuple(actions))


def _turns(evidence: Evidence, decision: Decision) -> list[_Turn]:
    """Return what the checkpoint would have had to write for this decision. Raises NoRow where it could not."""
    view = CaseView(evidence)
    try:
        choice = {"role": "assistant", "content": _content(choice_segments(view, decision))}
        turns = [_Turn("choice", _messages(prompt_segments(view)), choice)]
        for reading in decision.readings:
            letter = view.letter_of(reading.policy_id)
            policy = view.clauses[letter]
            facts = sheet_facts(policy, view.facts)
            tool = tool_of(decision, reading)
            sheet = _content(sheet_segments(policy, decision.reason, facts, reading, tool))
            turns.append(
                _Turn(f"reading {letter}", _messages(sheet_prompt(policy)), {"role": "assistant", "content": sheet})
            )
    except (KeyError, StopIteration) as error:
        raise NoRow("the decision rests on a sentence that is in no clause the checkpoint was shown") from error
    return turns


def _reply_prompt(evidence: Evidence, answer: Answer) -> list[Message]:
    """Return what stands before the reply: the case, the scratch line, and the record of the tools."""
    view = CaseView(evidence)
    scratch = decision_segments(view, answer.decision, conflict=bool(evidence.contradictions))
    decided = {"role": "assistant", "content": _content(scratch)}
    record = reply_prompt_segments(answer.actions, evidence.facts.order_id)
    return [*_messages(prompt_segments(view)), decided, *_messages(record)]


def _reply(answer: Answer) -> Message:
    return {"role": "assistant", "content": _content(reply_segments(answer.reply))}


def _messages(segments: Sequence[Segment]) -> list[Message]:
    """Cut a rendered prompt into messages, leaving out the assistant's turn that it opens at its end.

    Only control segments open and close turns: marks that a customer typed are words like any other.
    """
    messages: list[Message] = []
    role, content = "", ""
    for segment in segments:
        if not segment.control:
            content += _harmless(segment.text)
            continue
        if END in segment.text and role:
            messages.append({"role": role, "content": content})
        if START in segment.text:
            role, content = segment.text.partition(START)[2].strip(), ""
    return messages


def _content(segments: Sequence[Segment]) -> str:
    return "".join(_harmless(segment.text) for segment in segments if not segment.control)


def _harmless(text: str) -> str:
    """Break what a tokenizer would read as one of the chat format's own tokens; serving never encodes text as such."""
    return text.replace("<|", "< |")


def _sft(prompt: Sequence[Message], completion: Message, lineage: Mapping[str, str | None], part: str) -> Row:
    return {"prompt": list(prompt), "completion": [completion], "lineage": {**lineage, "part": part}}


def _pair(
    prompt: Sequence[Message], chosen: Message, rejected: Message, lineage: Mapping[str, str | None], part: str
) -> Row:
    return {
        "prompt": list(prompt),
        "chosen": [chosen],
        "rejected": [rejected],
        "lineage": {**lineage, "part": part},
    }
