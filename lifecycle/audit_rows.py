"""Audits rows that `data export` wrote, as a trainer will read them: shape, lineage, personal data, leaks, balance.

What the verifier thought of an answer was settled when its label was given; here the text is all there is.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.audit import MOST_ALIKE, Finding, balance
from lifecycle.traits import shingles
from policies import Reason
from services.domain.redaction import Redactor

Row = Mapping[str, Any]

ROLES = ("system", "user", "assistant", "tool")
LINEAGE = (
    *("label", "part", "outcome", "return", "trace", "facts_digest", "evidence_digest"),
    *("checkpoint", "reviewer", "guideline"),
)
HIDDEN = ("[email]", "[iban]", "[card]", "[link]")
"""Marks of what a second redaction still finds. Numbers that look like telephones stand in clauses too."""
SHORTEST_SHINGLES = 6
_LETTERS = re.compile(r"none|(?:not )?[A-Z](?: (?:not )?[A-Z])*")


def is_row(row: Any) -> bool:
    """Tell whether this is a row in a format of TRL."""
    return isinstance(row, Mapping) and "prompt" in row


def audit_rows(rows: Sequence[Row], evaluation: Sequence[Row] = ()) -> list[Finding]:
    """Return every finding on exported rows, leaks into `evaluation` (rows of `eval`'s JSONL) among them."""
    findings: list[Finding] = []
    told: dict[str, list[str]] = defaultdict(list)
    outcomes: dict[str, str] = {}
    judged = [(str(one.get("id")), shingles(str(one.get("message", "")))) for one in evaluation]
    for number, row in enumerate(rows, start=1):
        where = f"row {number}"
        shaped = list(_shape(row, where))
        findings += shaped
        if shaped:
            continue
        findings += _lineage(row, where)
        findings += _texts(row, where)
        label = str(row["lineage"].get("label"))
        told[label].append(repr((row["prompt"], _answers(row))))
        outcomes[label] = str(row["lineage"].get("outcome"))
        if line := _unreadable(str(row["lineage"].get("part")), _answers(row)[0][0]["content"]):
            findings.append(Finding("unparsable", where, line))
        findings += _leaks(row, where, judged)
    if not rows:
        findings.append(Finding("missing", "dataset", "it holds no row"))
    findings += _duplicates(told)
    return findings + (list(balance(Counter(outcomes.values()))) if outcomes else [])


def _duplicates(told: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Yield labels that say nothing but what another says; parts, such as the reading of one clause, may recur."""
    seen: dict[tuple[str, ...], str] = {}
    for label, texts in told.items():
        if len(set(texts)) < len(texts):
            yield Finding("duplicate", label, "the same row stands twice")
        key = tuple(sorted(set(texts)))
        if key in seen:
            yield Finding("duplicate", label, f"says the same as {seen[key]}")
        seen.setdefault(key, label)


def _unreadable(part: str, answer: str) -> str | None:
    """Return what is wrong with the first answer of a part, or None; replies are free text."""
    lines = answer.split("\n")
    if part == "choice" and (len(lines) != 2 or lines[0] not in set(Reason) or not _LETTERS.fullmatch(lines[1])):
        return "the choice is not a reason and the letters of clauses"
    if part.startswith("reading") and not any(line.startswith("more: ") for line in lines):
        return "the reading does not say whether the clause asks for more"
    return None


def _shape(row: Row, where: str) -> Iterator[Finding]:
    if not isinstance(row.get("lineage"), Mapping):
        yield Finding("missing", where, "no lineage")
    if not (("completion" in row) ^ ("chosen" in row and "rejected" in row)):
        yield Finding("missing", where, "give completion, or chosen and rejected")
        return
    for part in (row.get("prompt"), *_answers(row)):
        if not isinstance(part, list) or not part or not all(_is_message(message) for message in part):
            yield Finding("unparsable", where, "a message must have a known role and words")
            return
    if row["prompt"][0]["role"] != "system" or "user" not in {message["role"] for message in row["prompt"]}:
        yield Finding("unparsable", where, "the prompt must open with the system's words and hold the customer's")
    if any(len(answer) != 1 or answer[0]["role"] != "assistant" for answer in _answers(row)):
        yield Finding("unparsable", where, "an answer is one message of the assistant")


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, Mapping)
        and message.get("role") in ROLES
        and isinstance(message.get("content"), str)
        and bool(message["content"].strip())
    )


def _lineage(row: Row, where: str) -> Iterator[Finding]:
    missing = [name for name in LINEAGE if not row["lineage"].get(name)]
    if missing:
        yield Finding("missing", where, f"lineage without {', '.join(missing)}")


def _texts(row: Row, where: str) -> Iterator[Finding]:
    redactor = Redactor(b"")
    for message in (*row["prompt"], *(answer[0] for answer in _answers(row))):
        content = message["content"]
        again = redactor.text(content)
        left = [mark for mark in HIDDEN if again.count(mark) > content.count(mark)]
        if left:
            yield Finding("personal", where, f"personal data is left in the words of the {message['role']}: {left[0]}")
        if "<|" in content:
            yield Finding("marks", where, f"a mark of the chat format in the words of the {message['role']}")
    if "chosen" in row and row["chosen"] == row["rejected"]:
        yield Finding("same", where, "chosen and rejected do not differ")


def _leaks(row: Row, where: str, judged: Sequence[tuple[str, frozenset[tuple[str, ...]]]]) -> Iterator[Finding]:
    """Yield evaluation messages that stand in the prompt; shorter ones say too little to be anybody's."""
    told = shingles(" ".join(message["content"] for message in row["prompt"] if message["role"] == "user"))
    for case_id, parts in judged:
        if len(parts) >= SHORTEST_SHINGLES and len(parts & told) / len(parts) > MOST_ALIKE:
            yield Finding("leak", where, f"the prompt holds the message of evaluation case {case_id}")


def _answers(row: Row) -> list[Any]:
    return [row["completion"]] if "completion" in row else [row["chosen"], row["rejected"]]
