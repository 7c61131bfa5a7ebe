"""Gives each drafted claim the order, item, amount and number of effects that the text states for it."""

from dataclasses import replace

from services.domain.claims import Effect
from services.domain.reading import money
from services.domain.reading.counts import count_of
from services.domain.reading.drafts import Draft, SegmentReading
from services.domain.reading.items import items_of
from services.domain.reading.lexicons import LEXICONS
from services.domain.reading.segments import Segment
from services.domain.reading.tags import Tag, Thing

_BY_CODE = {lexicon.code: lexicon for lexicon in LEXICONS}
MONEY_EFFECTS = frozenset({Effect.ISSUE_REFUND, Effect.ISSUE_STORE_CREDIT})


def assign(text: str, segments: list[Segment], readings: list[SegmentReading]) -> list[Draft]:
    last_order: str | None = None
    amounts = [_amounts(text, s, r) for s, r in zip(segments, readings, strict=True)]
    for index, (segment, reading) in enumerate(zip(segments, readings, strict=True)):
        mentioned = money.orders(text[segment.start : segment.end], segment.start)
        reading.orders = tuple(dict.fromkeys(m.order_id for m in mentioned))
        reading.amounts = tuple(amounts[index])
        for draft in list(reading.drafts):
            draft.order_id = _heading_order(text, segments, segment) or last_order
            draft.count = count_of(reading, draft)
            _give_items(reading, draft)
        _give_orders(reading.drafts, mentioned)
        _give_amounts(reading, amounts[index])
        if mentioned:
            last_order = mentioned[-1].order_id
    _carry_amounts(readings, amounts)
    return [draft for reading in readings for draft in reading.drafts]


def _give_items(reading: SegmentReading, draft: Draft) -> None:
    """Give the claim its goods; goods joined by 'and' are a claim each."""
    items = items_of(reading, draft)
    if items:
        draft.item = items[0]
        reading.drafts.extend(replace(draft, item=item) for item in items[1:])


def _give_orders(drafts: list[Draft], mentioned: list[money.OrderMention]) -> None:
    """Give each claim the order named nearest to it; where one claim names several orders, it is one claim an order."""
    distinct = {m.order_id: m for m in mentioned}
    if not distinct:
        return
    ordered = [d for d in drafts if d.effect is not Effect.UNSPECIFIED]
    if len(ordered) == 1 and len(distinct) > 1:
        first, *others = distinct
        if ordered[0].count == len(distinct):
            ordered[0].count = 1
        drafts.extend(replace(ordered[0], order_id=other) for other in others)
        ordered[0].order_id = first
        return
    for draft in drafts:
        draft.order_id = min(mentioned, key=lambda m: abs(m.start - draft.anchor)).order_id


def _heading_order(text: str, segments: list[Segment], segment: Segment) -> str | None:
    if segment.heading is None:
        return None
    heading = segments[segment.heading]
    found = money.orders(text[heading.start : heading.end], heading.start)
    return found[-1].order_id if found else None


_PRICE = {
    "price", "prices", "priced", "cost", "costs", "worth", "paid", "originally", "instead", "preis", "kostet", "kosten",
    "prix", "coute", "precio", "cuesta", "prezzo", "costa", "prijs", "kost", "wert", "valeur", "valor", "valore", "waarde",  # noqa: E501 - a pattern is read by the line
    "voucher", "over", "above", "minimum", "fee", "deductible", "minus", "less", "gebuhr", "abzuglich", "frais", "gastos", "spese",  # noqa: E501 - a pattern is read by the line
}  # fmt: skip


def _amounts(text: str, segment: Segment, reading: SegmentReading) -> list[money.Amount]:
    """Return the segment's amounts that can be what was paid back, not what a thing cost."""
    found = money.amounts(text[segment.start : segment.end], segment.start, _BY_CODE[reading.code])
    kept = []
    for amount in found:
        before = [t.text for t in reading.tokens if t.end <= amount.start][-2:]
        after = next((t.text for t in reading.tokens if t.start >= amount.end), "")
        half = any(t.text in {"half", "part"} and t.start < amount.start for t in reading.tokens)
        if (half or not _PRICE & set(before)) and after not in {"off", "rabatt", "korting"}:
            kept.append(amount)
    return kept


def _give_amounts(reading: SegmentReading, amounts: list[money.Amount]) -> None:
    drafts = reading.drafts

    def hypothetical(amount: money.Amount) -> bool:
        between = [t for t in reading.tokens if payers[-1].anchor < t.start < amount.start]
        return any(t.tag in {Tag.FUTURE, Tag.MODAL, Tag.IF, Tag.BUT, Tag.NOT} for t in between)

    payers = [draft for draft in drafts if _pays(draft)]
    for amount in amounts:
        free = [draft for draft in payers if draft.amount is None]
        if free:
            nearest = min(free, key=lambda d: _distance(d, amount))
            nearest.amount = amount
        elif (
            payers
            and not hypothetical(amount)
            and all(d.amount is None or d.amount.cents != amount.cents for d in payers)
        ):
            # A second amount that no other claim takes is a second payment: 49 euros and then another 20.
            drafts.append(replace(payers[-1], amount=amount))


def _distance(draft: Draft, amount: money.Amount) -> int:
    points = [draft.anchor, *(t.start for t in draft.things if t.value in {Thing.REFUND, Thing.CREDIT, Thing.MONEY})]
    return min(abs(point - amount.start) for point in points)


def _pays(draft: Draft) -> bool:
    return bool({draft.effect, *draft.others} & MONEY_EFFECTS)


def _carry_amounts(readings: list[SegmentReading], amounts: list[list[money.Amount]]) -> None:
    """Give a payment without an amount the one its neighbouring sentence states."""
    for index, reading in enumerate(readings):
        lacking = [d for d in reading.drafts if _pays(d) and d.amount is None]
        if len(lacking) != 1:
            continue
        for near in (index + 1, index - 1):
            if (
                0 <= near < len(readings)
                and len({a.cents for a in amounts[near]}) == 1
                and not any(_pays(d) for d in readings[near].drafts)
                and _about_money(readings[near])
            ):
                lacking[0].amount = amounts[near][0]
                break


def _about_money(reading: SegmentReading) -> bool:
    tags = {t.tag for t in reading.tokens}
    if Tag.IF in tags or Tag.ANY in tags:
        return False
    return any(t.tag is Tag.THING and t.value in {Thing.MONEY, Thing.REFUND} for t in reading.tokens) or Tag.IT in tags
