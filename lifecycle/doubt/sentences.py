"""The sentences that the doubt model learns from, each with whether it claims an effect.

Three sources: the banks beside this module (labelled a line), the tables of replies that specify the verifier (labelled
by the row and the reader), and the reply patterns of the training seed. What checks the verifier on
replies nobody mended it for is in no source until its first look is taken: see docs/verifier.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lifecycle.evals.claims.table import FOLDER, rows
from lifecycle.seed import bank
from services.domain.actions import ActionStatus
from services.domain.claims import Effect
from services.domain.matching import effects_of
from services.domain.reading import LexicalClaimReader
from services.domain.reading.drafts import SegmentReading

HERE = Path(__file__).parent
_EFFECTS = {
    "refund": Effect.ISSUE_REFUND,
    "credit": Effect.ISSUE_STORE_CREDIT,
    "label": Effect.CREATE_RETURN_LABEL,
    "replacement": Effect.SEND_REPLACEMENT,
    "exchange": Effect.EXCHANGE,
    "cancel": Effect.CANCEL_RETURN,
    "order_cancelled": Effect.ORDER_CANCELLED,
    "started": Effect.RETURN_STARTED,
    "address": Effect.ADDRESS_CHANGED,
    "photos": Effect.REQUEST_PHOTOS,
    "email": Effect.SEND_EMAIL,
    "other": Effect.OTHER,
    "done": Effect.UNSPECIFIED,
}


class Sentence(NamedTuple):
    """`effects` are what a claiming sentence may mean, empty where nobody said so. `file` is where it stands."""

    passage: SegmentReading
    claims: bool
    source: str
    text: str = ""
    effects: frozenset[Effect] = frozenset()
    file: str = ""


class Line(NamedTuple):
    language: str
    claims: bool
    text: str
    effect: Effect | None = None
    file: str = ""


def banked() -> Iterator[Line]:
    """Return each line of the banks. Raises ValueError naming a line that has no label, or one of an unknown effect."""
    for path in sorted(HERE.glob("bank_*.txt")):
        language = path.stem.split("_")[1]
        whole = {"claims": True, "free": False}.get(path.stem.rsplit("_", 1)[-1])
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            if whole is not None:
                yield Line(language, whole, line, None, path.stem)
                continue
            label, _, text = line.partition(" | ")
            kind, _, effect = label.partition(":")
            if not text or kind not in {"claim", "free"}:
                raise ValueError(f"{path.name}:{number}: begin the line with 'claim | ' or 'free | '")
            if effect and (kind != "claim" or effect not in _EFFECTS):
                raise ValueError(f"{path.name}:{number}: {effect!r} is no effect; one of {', '.join(_EFFECTS)}")
            yield Line(language, kind == "claim", text, _EFFECTS.get(effect), path.stem)


def sentences(without: Sequence[str] = ()) -> Iterator[Sentence]:
    """Return every sentence to learn from, but those of the tables whose names begin with one of `without`."""
    yield from of_banks(list(banked()))
    reader = LexicalClaimReader()
    for told in tabled(without):
        yield from _as_read(reader, told, "table")
    slots = {"{item}": "lamp", "{policy}": "P-7", "{order}": "A10234", "{amount}": "49.00 EUR"}
    for pattern in bank.replies():
        text = pattern.text
        for slot, value in slots.items():
            text = text.replace(slot, value)
        yield from _as_read(reader, Told(text, None, frozenset(), "seed"), "seed")


def of_banks(lines: Iterable[Line]) -> Iterator[Sentence]:
    reader = LexicalClaimReader()
    for line in lines:
        yield from _labelled(reader, line)


def _labelled(reader: LexicalClaimReader, line: Line) -> Iterator[Sentence]:
    """Label the sentences of a banked line: in one that claims, those the reader finds, else the last."""
    reading = reader.read_all(line.text)
    passages = reading.passages
    read = any(passage.drafts for passage in passages)
    stated = frozenset({line.effect} if line.effect else ())
    for index, passage in enumerate(passages):
        own = bool(passage.drafts) if read else index == len(passages) - 1
        claims = line.claims and (own or len(passages) == 1)
        effects = (stated or _read_effects(passage)) if claims else frozenset()
        yield Sentence(passage, claims, "bank", reading.sentence(passage), effects, line.file)


def _read_effects(passage: SegmentReading) -> frozenset[Effect]:
    return frozenset(effect for draft in passage.drafts for effect in (draft.effect, *draft.others))


class Told(NamedTuple):
    """A reply, whether it claims an effect where that is known, and which a record of its rows says it may be."""

    reply: str
    claims: bool | None
    effects: frozenset[Effect]
    file: str


def tabled(without: Sequence[str] = ()) -> Iterator[Told]:
    """Return each reply of the tables, and whether it claims an effect where its rows tell: it stops with nothing done.

    None where every row has recorded actions, so that the row alone does not tell.
    """
    told: dict[str, Told] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        if any(path.stem.startswith(name) for name in without):
            continue
        for row in rows(path):
            before = told.get(row.reply, Told(row.reply, None, frozenset(), path.stem))
            done = [action for action in row.actions if action.status is ActionStatus.SUCCEEDED]
            effects = before.effects
            if row.passes and len(done) == 1:
                effects |= {Effect(name) for name in effects_of(done[0])}
            told[row.reply] = Told(row.reply, before.claims if done else not row.passes, effects, before.file)
    yield from told.values()


def _as_read(reader: LexicalClaimReader, told: Told, source: str) -> Iterator[Sentence]:
    """Label sentences as the reader has them, unless the row knows better: then no sentence claims, or the only one."""
    reading = reader.read_all(told.reply)
    passages = reading.passages
    silent = not any(passage.drafts for passage in passages)
    unread = told.claims is True and silent
    if (unread and len(passages) > 1) or (told.claims is None and silent and source == "table"):
        return
    for passage in passages:
        claims = unread or (bool(passage.drafts) and told.claims is not False)
        effects = (_read_effects(passage) or told.effects) if claims else frozenset()
        yield Sentence(passage, claims, source, reading.sentence(passage), effects, told.file)
