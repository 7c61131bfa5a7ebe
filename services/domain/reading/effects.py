"""Which effect a deed has, given the things named around it. A table of meaning, the same for every language."""

from typing import NamedTuple

from services.domain.claims import Effect
from services.domain.reading.predicates import Predicate, clause_start, opens_clause
from services.domain.reading.tags import Deed, Tag, Thing, Token


class Meaning(NamedTuple):
    """`others` are effects that the same words may also mean; a record of any of them supports the claim."""

    effect: Effect
    others: tuple[Effect, ...] = ()
    certainty: float = 1.0


_REFUND = Meaning(Effect.ISSUE_REFUND)
_MONEY_BACK = Meaning(Effect.ISSUE_REFUND, (Effect.ISSUE_STORE_CREDIT,))
_CREDIT = Meaning(Effect.ISSUE_STORE_CREDIT)
_LABEL = Meaning(Effect.CREATE_RETURN_LABEL)
_REPLACEMENT = Meaning(Effect.SEND_REPLACEMENT, (Effect.EXCHANGE,))
_EXCHANGE = Meaning(Effect.EXCHANGE, (Effect.SEND_REPLACEMENT,))
_RETURN = Meaning(Effect.RETURN_STARTED)
_EMAIL = Meaning(Effect.SEND_EMAIL)
_PHOTOS = Meaning(Effect.REQUEST_PHOTOS)
_ADDRESS = Meaning(Effect.ADDRESS_CHANGED)
_OTHER = Meaning(Effect.OTHER, (), 0.85)

_PLAIN_DEEDS = frozenset(
    {Deed.CREATE, Deed.START, Deed.COMPLETE, Deed.SEND, Deed.ADD, Deed.MARK, Deed.ATTACH, Deed.UNKNOWN}
)

_BY_THING: dict[str, Meaning] = {
    Thing.REFUND: _REFUND,
    Thing.CREDIT: _CREDIT,
    Thing.LABEL: _LABEL,
    Thing.REPLACEMENT: _REPLACEMENT,
    Thing.NEW: _REPLACEMENT,
    Thing.EXCHANGE: _EXCHANGE,
    Thing.RETURN: _RETURN,
    Thing.PICKUP: Meaning(Effect.RETURN_STARTED, (Effect.OTHER,)),
    Thing.CANCELLATION: Meaning(Effect.ORDER_CANCELLED, (Effect.CANCEL_RETURN,)),
    Thing.DISCOUNT: Meaning(Effect.ISSUE_STORE_CREDIT, (Effect.OTHER,), 0.8),
}


def meaning(deed: str, things: list[str]) -> Meaning | None:  # noqa: C901, PLR0911, PLR0912 - a table, one line a deed
    """Return the effect of `deed` on `things` (the most likely object first), or None where it has none of ours."""
    first = things[0] if things else None
    match deed:
        case Deed.REFUND:
            return _REFUND
        case Deed.PAY:
            return _paid(things)
        case Deed.PAID:
            return _paid(things) if first in {Thing.REFUND, Thing.MONEY, Thing.CREDIT, Thing.PAYMENT} else None
        case Deed.EXCHANGE | Deed.REPLACE:
            # Labels that were swapped are how a mistake happened.
            return None if first == Thing.LABEL else _EXCHANGE if deed == Deed.EXCHANGE else _REPLACEMENT
        case Deed.CANCEL:
            return _cancelled(first)
        case Deed.CHANGE:
            return _changed(things)
        case Deed.SEND | Deed.EMAIL | Deed.SHIP:
            return _sent(deed, things)
        case Deed.ASK:
            return _PHOTOS if Thing.PHOTOS in things else None
        case Deed.ESCALATE:
            return None if first == Thing.PARCEL else _OTHER
        case Deed.WAIVE:
            return _OTHER
        case Deed.MARK:
            return _marked(things)
        case Deed.ATTACH if first not in {Thing.LABEL, Thing.NOTICE, Thing.CREDIT}:
            return None
        case Deed.UNKNOWN:
            return _unknown(things)
    return _plain(deed, things)


def _marked(things: list[str]) -> Meaning | None:
    for thing in (Thing.RETURN, Thing.EXCHANGE):
        if thing in things:
            return _BY_THING[thing]
    return _OTHER if things and things[0] in {Thing.ORDER, Thing.CASE, Thing.PARCEL} else None


def _unknown(things: list[str]) -> Meaning | None:
    """Return what an unknown verb may have done: any effect that its object can undergo."""
    sense = _plain(Deed.UNKNOWN, things)
    if sense is None and Thing.MONEY in things:
        sense = _MONEY_BACK
    if sense is None and Thing.CASE in things:
        sense = Meaning(Effect.OTHER, (Effect.UNSPECIFIED,))
    if sense is None or sense.effect is not Effect.RETURN_STARTED:
        return sense
    return Meaning(sense.effect, (Effect.CANCEL_RETURN, Effect.CREATE_RETURN_LABEL))


def _paid(things: list[str]) -> Meaning | None:
    for thing in things:
        if thing in {Thing.REFUND, Thing.CREDIT}:
            return _BY_THING[thing]
        if thing == Thing.MONEY:
            break
    return _MONEY_BACK


def _cancelled(first: str | None) -> Meaning:
    if first == Thing.RETURN:
        return Meaning(Effect.CANCEL_RETURN)
    if first in {Thing.ORDER, Thing.PARCEL}:
        return Meaning(Effect.ORDER_CANCELLED)
    if first == Thing.PAYMENT:
        return Meaning(Effect.ISSUE_REFUND, (Effect.ORDER_CANCELLED, Effect.OTHER))
    if first is None:
        return Meaning(Effect.ORDER_CANCELLED, (Effect.CANCEL_RETURN,))
    return _OTHER


def _changed(things: list[str]) -> Meaning:
    if Thing.ADDRESS in things:
        return _ADDRESS
    if set(things) & {Thing.ORDER, Thing.PARCEL, Thing.REPLACEMENT}:
        return Meaning(Effect.EXCHANGE, (Effect.OTHER, Effect.ADDRESS_CHANGED))
    return Meaning(Effect.OTHER, (Effect.EXCHANGE, Effect.ADDRESS_CHANGED, Effect.UNSPECIFIED), 0.7)


def _sent(deed: str, things: list[str]) -> Meaning | None:  # noqa: C901, PLR0911 - one line a case
    if deed == Deed.SHIP and things[:1] == [Thing.CASE]:
        return _OTHER
    for thing in things:
        if thing in {Thing.LABEL, Thing.REPLACEMENT, Thing.CREDIT, Thing.REFUND, Thing.PHOTOS}:
            return _PHOTOS if thing == Thing.PHOTOS else _BY_THING[thing]
    if deed == Deed.EMAIL or set(things) & {Thing.EMAIL, Thing.NOTICE}:
        return _EMAIL
    if Thing.NEW in things:
        return _REPLACEMENT
    if Thing.MONEY in things:
        return _MONEY_BACK
    if things[:1] == [Thing.RETURN]:
        return None
    if set(things) & {Thing.PARCEL, Thing.ORDER}:
        # That the order itself was shipped is a fact of before, not an effect of ours.
        return None if deed == Deed.SHIP else Meaning(Effect.SEND_REPLACEMENT, (Effect.EXCHANGE,), 0.6)
    if Thing.DISCOUNT in things:
        return _BY_THING[Thing.DISCOUNT]
    if deed == Deed.SHIP:
        return Meaning(Effect.SEND_REPLACEMENT, (Effect.EXCHANGE,), 0.7)
    return None


def _plain(deed: str, things: list[str]) -> Meaning | None:  # noqa: C901, PLR0911 - one line a case
    if things and things[0] == Thing.PAYMENT:
        return None
    things = [t for t in things if t != Thing.NEW] + [t for t in things if t == Thing.NEW]
    for thing in things:
        if thing == Thing.RETURN and deed == Deed.COMPLETE:
            return Meaning(Effect.RETURN_STARTED, (Effect.CANCEL_RETURN,))
        if thing in _BY_THING:
            return _BY_THING[thing]
        if thing == Thing.PHOTOS and deed in {Deed.START, Deed.CREATE}:
            return _PHOTOS
        if thing == Thing.MONEY and deed == Deed.ADD and Thing.BALANCE in things:
            return _CREDIT
        if thing == Thing.MONEY and deed in {Deed.COMPLETE, Deed.CREATE, Deed.START, Deed.ADD}:
            return _MONEY_BACK
        if thing == Thing.ORDER and deed == Deed.START:
            return None
        if thing in {Thing.CASE, Thing.ORDER} and deed in {Deed.START, Deed.COMPLETE, Deed.CREATE}:
            return Meaning(Effect.UNSPECIFIED, (), 0.8)
        if thing == Thing.ADDRESS and deed in {Deed.COMPLETE, Deed.ADD}:
            return _ADDRESS
        if thing in {Thing.EMAIL, Thing.NOTICE} and deed in {Deed.CREATE, Deed.START}:
            return Meaning(Effect.SEND_EMAIL, (), 0.8)
    return None


def objects(tokens: list[Token], made: Predicate) -> list[Token]:
    """Return the things around a predicate, the grammatical object first."""
    start = clause_start(tokens, made.left)
    if made.headless and tokens[start - 1].tag is Tag.SEP and start > 0:
        start = clause_start(tokens, start - 1)
    left = _heads(tokens, start, made.at)
    right = _heads(tokens, made.at + 1, _right_end(tokens, made.at))
    if made.passive or (made.headless and left):
        return [*left, *right]
    return [*right, *left]


# The medium, not the object: sent by mail.
_BY = frozenset({"by", "per", "via", "par", "por", "tramite", "priority", "registered", "regular"})


def _heads(tokens: list[Token], start: int, end: int) -> list[Token]:
    """Return the things in the range, ungoverned first; of a compound (return label) only its last word."""
    found: list[Token] = []
    for i in range(start, end):
        token = tokens[i]
        if token.tag is not Tag.THING or token.value == Thing.NEUTRAL:
            continue
        follows = tokens[i + 1] if i + 1 < end else None
        compound = follows is not None and follows.tag is Tag.THING and follows.value not in {Thing.NEUTRAL, Thing.NEW}
        if token.value == Thing.EMAIL and i > start and tokens[i - 1].text in _BY:
            continue
        modifies = token.value != Thing.NEW or (follows is not None and follows.value != Thing.PARCEL)
        if compound and modifies and token.value not in {Thing.REPLACEMENT, Thing.MONEY}:
            continue
        found.append(token)
    return sorted(found, key=lambda t: (governed(tokens, t), t.start))


def is_of_another_subject(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Tell whether the grammatical subject is harmless (a decision, the return window) and all else hangs on it."""
    if not made.passive or any(not governed(tokens, t) for t in things):
        return False
    start = clause_start(tokens, made.left)
    harmless = [t for t in tokens[start : made.at] if t.tag is Tag.THING and t.value == Thing.NEUTRAL]
    return any(not governed(tokens, t) for t in harmless)


def joined(tokens: list[Token], things: list[Token]) -> list[Token]:
    """Return the things that an 'and' joins to the object: the label and the refund have been sorted."""
    if not things:
        return []
    found, last = [], things[0]
    for token in sorted(things[1:], key=lambda t: t.start):
        between = [t for t in tokens if last.end <= t.start and t.end <= token.start]
        if 0 < len(between) <= 4 and any(t.tag is Tag.AND for t in between) and not _opens_predicate(between, 0):
            found.append(token)
            last = token
    return found


def before_clause(tokens: list[Token], made: Predicate) -> list[Token]:
    """Return the things of the same sentence before the predicate's clause, the nearest first."""
    return _heads(tokens, 0, clause_start(tokens, made.left))[::-1]


def _right_end(tokens: list[Token], at: int) -> int:
    """Return where the predicate's own clause ends: at a comma, or at an 'and' that opens another predicate."""
    for i in range(at + 1, len(tokens)):
        if tokens[i].tag in {Tag.SEP, Tag.BUT}:
            return i
        if opens_clause(tokens, i):
            return i
        if tokens[i].tag in {Tag.AND, Tag.COMMA} and _opens_predicate(tokens, i + 1):
            return i
    return len(tokens)


def _opens_predicate(tokens: list[Token], start: int) -> bool:
    verbs = {
        Tag.DONE,
        Tag.ING,
        Tag.BASE,
        Tag.HAVE,
        Tag.BE,
        Tag.WAS,
        Tag.FUTURE,
        Tag.MODAL,
        Tag.PAST_SAFE,
        Tag.NOT,
        Tag.US,
    }
    return any(t.tag in verbs for t in tokens[start : start + 5])


def governed(tokens: list[Token], thing: Token) -> bool:
    """Tell whether a preposition stands shortly before the thing: for your return, to your account."""
    at = next(i for i, token in enumerate(tokens) if token.start == thing.start)
    for i in range(at - 1, max(at - 6, -1), -1):
        if tokens[i].tag in {Tag.PREPOSITION, Tag.TO}:
            return True
        if tokens[i].tag not in {Tag.DET, Tag.POSSESSIVE, Tag.WORD, Tag.ADVERB, Tag.NUMBER, Tag.ANY}:
            return False
    return False
