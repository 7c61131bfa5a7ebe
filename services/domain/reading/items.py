"""Finds the goods that a claim names: the refund for the lamp, your kettle has been replaced, a new pair of shoes."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.goods_names import concept_of
from services.domain.reading.drafts import Draft, SegmentReading
from services.domain.reading.tags import Tag, Thing, Token

_OPENERS = frozenset({Tag.DET, Tag.POSSESSIVE})
# Words in the place of goods that name none, in six languages.
_NO_GOODS = frozenset(
    """
    inconvenience trouble hassle hassles record records convenience full card visa mastercard paypal bank
    original method entire reference delay wait damage defect time customer days reason name first next month
    whole rest part cost costs return way statement inbox patience loyalty shipping postage faulty damaged
    broken defective today now account same total value case spam folder back apple pay wallet credit debit
    business day week weeks hour hours good faith sake behalf benefit help sorry joint new happy difference
    customs fee fees fault error mistake mix-up mixup confusion gift iban sepa klarna transfer number
    reservation voucher store shop goodwill gesture quick quickly home door doorstep kosten umstande
    unannehmlichkeiten karte konto wert volle vollen gesamten kauf betrag zahlung weg rest grund visa
    desagrement desagrements carte compte gene totalite integralite moyen banque frais attente mode molestias
    tarjeta cuenta totalidad banco gastos completo completa metodo integro disagio inconveniente carta conto
    totale banca spese intero disguido metodo ongemak kaart rekening volledige bank verzendkosten gehele
    betaalmethode mr mrs ms madam sir dear hello hi hallo bonjour hola buongiorno beste herr frau monsieur
    madame euro euros eur usd gbp dollars pounds chf moment minute minutes morning afternoon evening
    yesterday monday tuesday wednesday thursday friday earlier ago
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_GENERIC = frozenset({Thing.PARCEL, Thing.ORDER})
_CONTAINERS = frozenset(
    "pair set paire par paio pack packet box bottle jar bag bunch can tube roll copy kit crate sack".split()  # noqa: SIM905
)
_REACH = 7


def _openers(code: str) -> frozenset[Tag]:
    """German and Dutch articles are also relative pronouns, and tagged as such."""
    return _OPENERS | {Tag.THAT} if code in {"de", "nl"} else _OPENERS


def items_of(reading: SegmentReading, draft: Draft) -> list[str]:
    """Return the noun phrases that name the goods of `draft`: several where they are joined (the lamp and the kettle)."""
    first = _first_item(reading, draft)
    tokens = reading.tokens
    if first is None or concept_of(first.split()[-1]) is None:
        named = goods_in(tokens)
        if len(set(named.values())) == 1 and (first is None or len(reading.drafts) == 1):
            return [next(iter(named))]
    if first is None:
        return []
    last_word = first.split()[-1]
    at = next((i for i, t in enumerate(tokens) if t.text == last_word), len(tokens))
    found = [first]
    while at + 2 < len(tokens) and tokens[at + 1].tag is Tag.AND and tokens[at + 2].tag in _openers(reading.code):
        following = _noun_phrase(tokens, at + 3, len(tokens))
        if following is None:
            break
        found.append(following)
        at += 2 + len(following.split())
    return found


def _first_item(reading: SegmentReading, draft: Draft) -> str | None:
    tokens = reading.tokens
    at = next((i for i, t in enumerate(tokens) if t.start >= draft.anchor), len(tokens) - 1)
    start, end = _bounds(tokens, at, draft)
    openers = _openers(reading.code)
    for thing in draft.things:
        index = next((i for i in range(start, end) if tokens[i].start == thing.start), None)
        if index is not None and (found := _after(tokens, index, end, thing, openers)):
            return found
    if tokens[at].tag is Tag.DONE and (found := _object(tokens, at, end, openers)):
        return found
    return _subject(tokens, start, at, openers)


def _bounds(tokens: list[Token], at: int, draft: Draft) -> tuple[int, int]:
    stops = {Tag.COMMA, Tag.SEP, Tag.BUT}
    start = at
    floor = min([draft.anchor, *(t.start for t in draft.things)])
    while start > 0 and (tokens[start - 1].tag not in stops or tokens[start - 1].start >= floor):
        start -= 1
    end = at
    while end < len(tokens) and tokens[end].tag not in stops:
        end += 1
    return start, end


def _after(tokens: list[Token], index: int, end: int, thing: Token, openers: frozenset[Tag]) -> str | None:
    """Read: replacement kettle; new pair of shoes; refund for your lamp; label for the office chair."""
    if thing.value in {Thing.NEW, Thing.REPLACEMENT}:
        skip = 2 if index + 1 < end and tokens[index + 1].text in {"of", "de", "di"} else 1
        if found := _noun_phrase(tokens, index + skip, end):
            return found
    i = index + 1
    while i < min(end, index + _REACH):
        if tokens[i].tag is Tag.PREPOSITION and i + 1 < end and tokens[i + 1].tag in openers:
            return _noun_phrase(tokens, i + 2, end)
        if tokens[i].tag not in {Tag.NUMBER, Tag.THING, Tag.PREPOSITION, Tag.ADVERB}:
            return None
        i += 1
    return None


def _object(tokens: list[Token], at: int, end: int, openers: frozenset[Tag]) -> str | None:
    """Read: refunded the kettle; replaced your lamp."""
    i = at + 1
    while i < end and tokens[i].tag in {Tag.YOU, Tag.ADVERB, Tag.NOW, Tag.PREPOSITION, Tag.IT}:
        i += 1
    if i < end and tokens[i].tag in openers:
        return _noun_phrase(tokens, i + 1, end)
    return None


def _subject(tokens: list[Token], start: int, at: int, openers: frozenset[Tag]) -> str | None:
    """Read: your blender has been refunded; the lamp was replaced; haben wir den Wasserkocher erstattet."""
    for i in range(start, at):
        governed = i > start and tokens[i - 1].tag is Tag.PREPOSITION
        if tokens[i].tag in openers and not governed and (found := _noun_phrase(tokens, i + 1, at)):
            return found
    return None


def _noun_phrase(tokens: list[Token], start: int, end: int) -> str | None:
    words: list[str] = []
    for i in range(start, min(end, start + 6)):
        token = tokens[i]
        if token.tag in {Tag.WORD, Tag.THEY} and token.text.isascii() and len(token.text) > 2:
            words.append(token.text)
        elif (words and token.text in {"of", "de", "di", "da"} and words[-1] in _CONTAINERS) or (
            not words and token.tag is Tag.THING and token.value in {Thing.NEW, Thing.REPLACEMENT}
        ):
            continue
        else:
            break
    if not words or _NO_GOODS & set(words):
        return None
    follows = tokens[start + len(words)] if start + len(words) < len(tokens) else None
    if follows is not None and follows.tag is Tag.THING and follows.value not in _GENERIC:
        return None
    return " ".join(words)


def goods_in(tokens: list[Token]) -> dict[str, str]:
    """Return the known goods that the tokens name, word to thing; of two side by side (desk lamp) only the last."""
    found: dict[str, str] = {}
    last: tuple[int, str] | None = None
    for at, token in enumerate(tokens):
        thing = concept_of(token.text) if token.tag in {Tag.WORD, Tag.THEY} else None
        if thing is None:
            continue
        if last is not None and last[0] == at - 1:
            found.pop(last[1], None)
        if last is None or not (at - last[0] == 2 and tokens[at - 1].text in {"de", "di", "da", "du"}):
            found[token.text] = thing
        last = (at, token.text)
    return found
