"""The sentences that the doubt model learns from, each with whether it claims an effect.

Three sources: the banks beside this module (labelled a line), the tables of replies that specify the verifier (labelled
by the row and the reader), and the reply patterns of the training seed. What checks the verifier on
replies nobody mended it for is in no source until its first look is taken: see docs/verifier.md.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lifecycle.evals.claims.table import FOLDER, rows
from lifecycle.seed import bank
from services.domain.actions import ActionStatus
from services.domain.reading import LexicalClaimReader
from services.domain.reading.drafts import SegmentReading

HERE = Path(__file__).parent


class Sentence(NamedTuple):
    passage: SegmentReading
    claims: bool
    source: str


def banked() -> Iterator[tuple[str, bool, str]]:
    """Return (language, claims, text) for each line of the banks. Raises ValueError naming a line that has no label."""
    for path in sorted(HERE.glob("bank_*.txt")):
        language = path.stem.split("_")[1]
        whole = {"claims": True, "free": False}.get(path.stem.rsplit("_", 1)[-1])
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            label, _, text = line.partition(" | ")
            if whole is None and (not text or label not in {"claim", "free"}):
                raise ValueError(f"{path.name}:{number}: begin the line with 'claim | ' or 'free | '")
            yield (language, label == "claim", text) if whole is None else (language, whole, line)


def sentences() -> Iterator[Sentence]:
    yield from of_banks(list(banked()))
    reader = LexicalClaimReader()
    for reply, told in tabled():
        yield from _as_read(reader, reply, "table", told)
    slots = {"{item}": "lamp", "{policy}": "P-7", "{order}": "A10234", "{amount}": "49.00 EUR"}
    for pattern in bank.replies():
        text = pattern.text
        for slot, value in slots.items():
            text = text.replace(slot, value)
        yield from _as_read(reader, text, "seed", None)


def of_banks(lines: Iterable[tuple[str, bool, str]]) -> Iterator[Sentence]:
    reader = LexicalClaimReader()
    for _, claims, text in lines:
        yield from _labelled(reader, text, claims)


def _labelled(reader: LexicalClaimReader, text: str, claims: bool) -> Iterator[Sentence]:
    """Label the sentences of a banked line: in one that claims, those the reader finds, else the last."""
    passages = reader.read_all(text).passages
    read = any(passage.drafts for passage in passages)
    for index, passage in enumerate(passages):
        own = bool(passage.drafts) if read else index == len(passages) - 1
        yield Sentence(passage, claims and (own or len(passages) == 1), "bank")


def tabled() -> Iterator[tuple[str, bool | None]]:
    """Return each reply of the tables, and whether it claims an effect where its rows tell: it stops with nothing done.

    None where every row has recorded actions, so that the row alone does not tell.
    """
    told: dict[str, bool | None] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        for row in rows(path):
            done = any(action.status is ActionStatus.SUCCEEDED for action in row.actions)
            told[row.reply] = told.get(row.reply) if done else not row.passes
    yield from told.items()


def _as_read(reader: LexicalClaimReader, text: str, source: str, claims: bool | None) -> Iterator[Sentence]:
    """Label sentences as the reader has them, unless the row knows better: then no sentence claims, or the only one."""
    passages = reader.read_all(text).passages
    silent = not any(passage.drafts for passage in passages)
    unread = claims is True and silent
    if (unread and len(passages) > 1) or (claims is None and silent and source == "table"):
        return
    for passage in passages:
        yield Sentence(passage, unread or (bool(passage.drafts) and claims is not False), source)
