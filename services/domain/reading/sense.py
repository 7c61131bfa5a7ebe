"""What a predicate in its clause claims: the effect, or nothing. The words of effects are `effects`."""

from dataclasses import replace

from services.domain.claims import Effect
from services.domain.reading.chains import ARRANGED
from services.domain.reading.dates import MONTHS
from services.domain.reading.drafts import Draft
from services.domain.reading.effects import (
    Meaning,
    before_clause,
    governed,
    is_of_another_subject,
    joined,
    meaning,
    objects,
)
from services.domain.reading.predicates import CLAIMING, Predicate, State, clause_start
from services.domain.reading.tags import Deed, Tag, Thing, Token

_OWN = frozenset(
    {"our", "its", "their", "notre", "nos", "unsere", "unseren", "nuestra", "nuestro", "onze", "nostro", "nostra"}
)
_OF_THE_ORDER = frozenset(
    {Thing.ORDER, Thing.PARCEL, Thing.NOTICE, Thing.EMAIL, Thing.DISCOUNT, Thing.ACCOUNT, Thing.PAYMENT}
)
_WRONG = frozenset(
    {
        "wrong",
        "falsche",
        "falschen",
        "falscher",
        "falsches",
        "mauvais",
        "mauvaise",
        "equivocado",
        "equivocada",
        "sbagliato",
        "sbagliata",
        "verkeerde",
    }
)
_YOURS = frozenset({"your", "votre", "vos"})
_LIGHT = frozenset(
    {
        Deed.UNKNOWN,
        Deed.PAID,
        Deed.CHANGE,
        Deed.COMPLETE,
        Deed.START,
        Deed.CREATE,
        Deed.SEND,
        Deed.PAY,
        Deed.ADD,
        Deed.SHIP,
        Deed.EMAIL,
    }
)


def drafts_of(tokens: list[Token], made: Predicate, topic: str) -> list[Draft]:
    """Return the claims of one predicate: one, or one a thing where its objects are joined by 'and'."""
    first = draft_of(tokens, made, topic)
    if first is None:
        return []
    found = [first]
    for thing in joined(tokens, list(first.things)):
        sense = meaning(made.deed, [thing.value])
        # Instructions that go with a label or a refund are part of its own message.
        separate = sense is not None and sense.effect not in {Effect.UNSPECIFIED, Effect.SEND_EMAIL}
        if sense is not None and separate and all(sense.effect is not d.effect for d in found):
            found.append(replace(first, effect=sense.effect, others=sense.others, things=(thing,)))
    if first.effect is Effect.SEND_EMAIL and any(t.value == Thing.PHOTOS for t in tokens[made.at :]):
        first.others = (*first.others, Effect.REQUEST_PHOTOS)
    return found


def draft_of(tokens: list[Token], made: Predicate, topic: str) -> Draft | None:  # noqa: C901, PLR0911, PLR0912 - one line a case
    if made.state not in CLAIMING and made.state is not State.REPORTED:
        return None
    things = objects(tokens, made)
    if made.deed == Deed.MARK and _marks_nothing_of_ours(tokens, made, things):
        return None
    if made.deed in _LIGHT | {Deed.MARK} and is_of_another_subject(tokens, made, things):
        return None
    if (
        _hangs_on_another(tokens, made, things)
        or _is_the_shops_own(tokens, made)
        or _is_of_before(tokens, made, things)
    ):
        return None
    sense = meaning(made.deed, [t.value for t in things])
    certainty = made.certainty
    beside = [*tokens[made.at + 1 : made.at + 2], *tokens[max(made.left - 1, 0) : made.left]]
    pronoun = any(t.tag is Tag.IT for t in beside) and all(governed(tokens, t) for t in things)
    if (sense is None or not things or pronoun) and made.deed in _LIGHT and _is_carried(tokens, made, things):
        for carried in [*(t.value for t in before_clause(tokens, made)), *_listed_after(tokens, made), topic]:
            if carried and (resolved := meaning(made.deed, [carried])) is not None:
                sense, certainty = _widened(resolved), min(certainty, 0.8)
                break
    if made.deed == Deed.CHANGE and not things and not made.passive and not _is_ours(tokens, made):
        return None
    if sense is None:
        sense = _effect_of_another_kind(tokens, made)
    if sense is None and made.deed in _LIGHT - {Deed.UNKNOWN}:
        sense = _unspecified(tokens, made)
    if sense is None or (sense.effect is Effect.UNSPECIFIED and things and things[0].text.endswith("s")):
        return None
    if made.deed == Deed.UNKNOWN:
        if made.headless and sense.effect is Effect.RETURN_STARTED:
            return None
        certainty = min(certainty, 0.5)
    return Draft(
        effect=sense.effect,
        others=sense.others,
        start=tokens[made.left].start,
        end=tokens[made.at].end,
        anchor=tokens[made.at].start,
        certainty=certainty * sense.certainty,
        in_progress=made.state is State.PROGRESS,
        things=tuple(things),
    )


def _listed_after(tokens: list[Token], made: Predicate) -> list[str]:
    """Return the things of a list that a headless deed opens: issued today: one refund, one label."""
    if not made.headless or not any(t.tag is Tag.SEP for t in tokens[made.at : made.at + 4]):
        return []
    after = tokens[made.at + 1 :]
    verbs = {Tag.FUTURE, Tag.MODAL, Tag.BE, Tag.HAVE, Tag.WAS, Tag.DONE, Tag.US, Tag.YOU}
    if any(t.tag in verbs for t in after):
        return []
    return [t.value for t in after if t.tag is Tag.THING and t.value != Thing.NEUTRAL]


def _widened(sense: Meaning) -> Meaning:
    """Return what a carried return may have undergone: the pronoun does not say whether it was opened or cancelled."""
    if sense.effect is not Effect.RETURN_STARTED:
        return sense
    return Meaning(sense.effect, (Effect.CANCEL_RETURN, Effect.CREATE_RETURN_LABEL), sense.certainty)


def _is_ours(tokens: list[Token], made: Predicate) -> bool:
    return not made.passive and made.left > 0 and tokens[made.left - 1].tag is Tag.US


def _goes_on(token: Token) -> bool:
    """Tell whether a started deed is another verb that does nothing: started looking into it."""
    return token.tag in {Tag.WORD, Tag.BASE} and token.text.endswith("ing")


def _is_the_shops_own(tokens: list[Token], made: Predicate) -> bool:
    """Read as no effect in this case: we have updated our returns page; the carrier changed its prices."""
    if made.deed in {Deed.START, Deed.CANCEL} and made.at + 1 < len(tokens) and _goes_on(tokens[made.at + 1]):
        return True
    if made.deed in {Deed.SEND, Deed.SHIP} and _names_a_mistake(tokens, made):
        return True
    if made.deed not in {Deed.CHANGE, Deed.REPLACE, Deed.UNKNOWN, Deed.ADD, Deed.ESCALATE}:
        return False
    if made.passive and tokens[clause_start(tokens, made.left)].text in _OWN:
        return True
    after = next((t for t in tokens[made.at + 1 :] if t.tag not in {Tag.ADVERB, Tag.NOW}), None)
    return after is not None and after.text in {
        "our",
        "its",
        "their",
        "notre",
        "nos",
        "unsere",
        "unseren",
        "nuestra",
        "onze",
    }


def _hangs_on_another(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Tell whether a passive's subject is a word of no list, and its things only hang on it: was made for another model."""  # noqa: E501 - a pattern is read by the line
    if not made.passive or made.deed not in {Deed.CREATE, Deed.START, Deed.COMPLETE} or not things:
        return False
    subject = tokens[clause_start(tokens, made.left) : made.left]
    named = any(t.tag is Tag.WORD for t in subject) and not any(t.tag is Tag.THING for t in subject)
    return named and all(governed(tokens, t) for t in things)


def _names_a_mistake(tokens: list[Token], made: Predicate) -> bool:
    near = tokens[clause_start(tokens, made.left) : made.at + 6]
    return any(t.text in _WRONG for t in near)


def _is_dated(tokens: list[Token]) -> bool:
    """Tell whether the sentence names a calendar day, as statements of the order's past do."""
    for i, token in enumerate(tokens):
        around = tokens[max(i - 2, 0) : i] + tokens[i + 1 : i + 2]
        if token.text in MONTHS and any(t.tag is Tag.NUMBER for t in around):
            return True
    return False


def _is_of_before(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Read as state of before: your order was placed on Monday; the invoice was issued on 2 March."""
    if not made.passive or any(t.tag is Tag.NOW for t in tokens[made.left : made.at + 3]):
        return False
    was = any(t.tag is Tag.WAS for t in tokens[made.left : made.at])
    values = {t.value for t in things}
    if (was or _is_dated(tokens)) and values and values <= _OF_THE_ORDER:
        of_customer = any(t.tag is Tag.WHEN for t in tokens[made.at :])
        ordinary = made.deed in {Deed.START, Deed.COMPLETE, Deed.CREATE} and values <= {Thing.ORDER, Thing.PARCEL}
        return ordinary or of_customer or _is_dated(tokens)
    return was and made.deed == Deed.SHIP and not values & {Thing.NEW, Thing.REPLACEMENT, Thing.LABEL, Thing.CASE}


def _marks_nothing_of_ours(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Read as state, not as effect: the courier marked it; the order has been marked as delivered."""
    returned = any(t.value in {Thing.RETURN, Thing.EXCHANGE} for t in things)
    return (made.left > 0 and tokens[made.left - 1].tag is Tag.THEY) or (made.passive and not returned)


def _effect_of_another_kind(tokens: list[Token], made: Predicate) -> Meaning | None:
    """Return `other` for what was done for or to the customer with a thing that no lexicon lists."""
    anything = (Effect.UNSPECIFIED, Effect.SEND_EMAIL, Effect.SEND_REPLACEMENT)
    if _is_ours(tokens, made):
        to_you = any(t.tag is Tag.YOU for t in tokens[made.at + 1 : made.at + 3])
        if made.deed == Deed.UNKNOWN:
            # Of other languages too few harmless verbs are listed to take an unknown one for an effect.
            return Meaning(Effect.OTHER, anything) if tokens[made.left - 1].text in {"i", "we"} else None
        if made.deed == Deed.ADD and any(t.tag is Tag.PLACE for t in tokens[made.at :]):
            return Meaning(Effect.SEND_REPLACEMENT, anything, 0.6)
        placed = any(t.text in {"on", "onto", "back", "through"} for t in tokens[made.at + 1 : made.at + 8])
        if made.deed == Deed.ADD and placed:
            return Meaning(Effect.OTHER, anything, 0.6)
        return Meaning(Effect.OTHER, anything, 0.6) if made.deed == Deed.SEND and to_you else None
    arranged = tokens[made.at].text in ARRANGED and made.deed == Deed.START
    perfect = arranged or any(t.tag is Tag.HAVE for t in tokens[made.left : made.at])
    subject = tokens[clause_start(tokens, made.left) : made.left]
    if made.passive and perfect and subject and subject[0].text in _YOURS:
        return Meaning(Effect.OTHER, anything, 0.7)
    return None


def _is_carried(tokens: list[Token], made: Predicate, things: list[Token]) -> bool:
    """Tell whether a pronoun, or nothing at all, stands where the object should."""
    near = tokens[max(made.left - 2, 0) : made.left] + tokens[made.at + 1 : made.at + 3]
    if any(t.tag is Tag.IT for t in near) or (made.left > 0 and tokens[made.left - 1].tag is Tag.THAT):
        return True
    if made.deed == Deed.UNKNOWN and made.headless:
        return False
    subject = tokens[clause_start(tokens, made.left) : made.left]
    named = any(t.tag is Tag.WORD or (t.tag is Tag.THING and t.value == Thing.NEUTRAL) for t in subject)
    return not things and not named


def _unspecified(tokens: list[Token], made: Predicate) -> Meaning | None:
    clause = tokens[clause_start(tokens, made.left) :]
    alone = len(tokens) <= 3 or len(clause) <= 2
    subject = tokens[clause_start(tokens, made.left) : made.left]
    present = not any(t.tag is Tag.HAVE for t in tokens[made.left : made.at])
    if made.passive and present and any(t.tag is Tag.WORD for t in subject):
        return None
    if made.deed == Deed.COMPLETE and (alone or not made.headless):
        return Meaning(Effect.UNSPECIFIED, (), 0.75)
    if made.deed in {Deed.SEND, Deed.SHIP, Deed.CREATE, Deed.PAID} and (made.headless or made.passive):
        return None
    it = any(t.tag is Tag.IT for t in [*tokens[max(made.left - 2, 0) : made.left], *tokens[made.at + 1 : made.at + 2]])
    if it and (made.passive or not made.headless):
        return Meaning(Effect.UNSPECIFIED, (), 0.75)
    return None
