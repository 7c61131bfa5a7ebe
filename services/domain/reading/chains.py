"""The grammar of languages whose helpers stand before the verb: English, French, Spanish, Italian.

For each deed it walks left over adverbs and helpers and reads the state off them. Which effect it is, is `effects`.
"""

from services.domain.reading.heads import OTHERS, negated_object, under_head
from services.domain.reading.predicates import Predicate, State, clause_start, head_start, tags_between
from services.domain.reading.tags import Deed, Tag, Thing, Token

_HELPERS = frozenset({Tag.HAVE, Tag.BE, Tag.WAS, Tag.BEEN, Tag.BEING, Tag.FUTURE, Tag.MODAL, Tag.TO, Tag.NOT})
_SKIP = frozenset({Tag.ADVERB, Tag.NOW, Tag.TICK, Tag.QUOTE})
# A date to come does not make these uncertain: the arranging itself is done.
ARRANGED = frozenset(
    """
    scheduled booked arranged planned organised organized geplant gebucht terminiert vereinbart prevu prevue
    planifie planifiee programado programada reservado programmato programmata prenotato gepland ingepland
    geboekt
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_EFFECTS = frozenset({Thing.REFUND, Thing.LABEL, Thing.REPLACEMENT, Thing.CREDIT, Thing.MONEY, Thing.RETURN, Thing.NEW})
_INDEFINITE = frozenset({"a", "an", "un", "une", "una", "uno"})
_ACTORS = frozenset({Tag.US, Tag.THEY})
_VERBS = frozenset({Tag.DONE, Tag.ING, Tag.PAST_SAFE, Tag.BASE})


def predicates(tokens: list[Token]) -> list[Predicate]:
    """Return the predicates of one sentence, left to right."""
    found: list[Predicate] = []
    for at, token in enumerate(tokens):
        if token.tag in {Tag.DONE, Tag.ING}:
            found.append(_predicate(tokens, at, found))
        elif token.tag is Tag.WORD and (_stands_as_participle(tokens, at) or _stands_as_progressive(tokens, at)):
            made = _predicate(tokens, at, found)
            passive = made.passive and not token.text.endswith("ing")
            found.append(made._replace(deed=Deed.UNKNOWN, certainty=min(made.certainty, 0.5), passive=passive))
    return found


def _stands_as_participle(tokens: list[Token], at: int) -> bool:
    """Tell whether an unknown word follows a perfect helper: have pulled, has been whisked away."""
    i = at - 1
    while i >= 0 and tokens[i].tag in {Tag.ADVERB, Tag.NOW}:
        i -= 1
    if i >= 0 and tokens[i].tag is Tag.US and tokens[at].text.endswith("ed") and len(tokens[at].text) > 4:
        return True
    return (i >= 0 and tokens[i].tag is Tag.HAVE and tokens[i].text != "a" and tokens[at].text.isalpha()) or (
        i >= 1 and tokens[i].tag is Tag.BEEN and tokens[i - 1].tag is not Tag.FUTURE and tokens[at].text.endswith("ed")
    )


def _stands_as_progressive(tokens: list[Token], at: int) -> bool:
    """Tell whether an unknown -ing follows 'is' with a thing as subject: your new blender is travelling."""
    if not tokens[at].text.endswith("ing"):
        return False
    i = at - 1
    while i >= 0 and tokens[i].tag in {Tag.ADVERB, Tag.NOW}:
        i -= 1
    around = [*tokens[clause_start(tokens, at) : max(i, 0)], *tokens[at + 1 : at + 4]]
    subject = {t.value for t in around if t.tag is Tag.THING}
    return i > 0 and tokens[i].tag is Tag.BE and bool(subject & _EFFECTS) and tokens[i - 1].tag not in {Tag.US, Tag.YOU}


def helpers(tokens: list[Token], at: int) -> tuple[set[Tag], int, bool]:
    """Return the helper tags left of `at`, the index of the first of them, and whether an adverb binds it to now."""
    chain: set[Tag] = set()
    left, i, now = at, at - 1, False
    while i >= 0:
        tag = tokens[i].tag
        if tag in _HELPERS:
            # A finite form of be has no helper before it: in "the label you need is attached", need is another clause's.  # noqa: E501 - a pattern is read by the line
            if tag in {Tag.MODAL, Tag.FUTURE, Tag.TO} and tokens[left].tag in {Tag.BE, Tag.WAS} and chain:
                break
            chain.add(tag)
            left = i
        elif tag in _SKIP:
            now = now or tag is Tag.NOW
            left = i
        elif tag is Tag.COMMA and (start := _parenthesis(tokens, i)) is not None:
            i = start
        elif (
            tag is Tag.IT and chain & {Tag.BE, Tag.WAS, Tag.HAVE, Tag.BEEN} and i > 0 and tokens[i - 1].tag in _HELPERS
        ):
            pass
        else:
            break
        i -= 1
    return chain, left, now


def _parenthesis(tokens: list[Token], comma: int) -> int | None:
    """Return the opening comma of a short insertion that ends at `comma` and follows a helper, or None."""
    for i in range(comma - 1, max(comma - 7, 0), -1):
        if tokens[i].tag is Tag.COMMA and i > 0 and tokens[i - 1].tag in _HELPERS | {Tag.NOW}:
            return i
    return None


def _predicate(tokens: list[Token], at: int, earlier: list[Predicate]) -> Predicate:
    deed, ing = tokens[at].value, tokens[at].tag is Tag.ING
    chain, left, now = helpers(tokens, at)
    now = now or (at + 1 < len(tokens) and tokens[at + 1].tag is Tag.NOW)
    before = tokens[left - 1].tag if left > 0 else None
    start = head_start(tokens, left)
    if not chain:
        made = _bare(tokens, at, left, before, earlier)
    elif ing:
        made = _progressive(tokens, at, left, chain, before)
    else:
        made = _with_helpers(tokens, at, left, chain, before, now)
    made = made._replace(deed=deed)
    if negated_object(tokens, at):
        return made._replace(state=State.DENIED)
    if deed == Deed.UNKNOWN:
        made = made._replace(certainty=min(made.certainty, 0.5))
    return under_head(tokens, made, start, chain)


def _with_helpers(tokens: list[Token], at: int, left: int, chain: set[Tag], before: Tag | None, now: bool) -> Predicate:  # noqa: C901, PLR0911, PLR0913, PLR0917 - one line a case
    passive = bool(chain & {Tag.BE, Tag.WAS, Tag.BEEN, Tag.BEING})
    base = Predicate(at, "", State.DONE, left, passive)
    if Tag.NOT in chain:
        return base._replace(state=State.DENIED)
    if chain & {Tag.FUTURE, Tag.MODAL, Tag.TO}:
        likely = any(t.text in {"should", "must"} for t in tokens[left:at])
        if Tag.HAVE in chain and likely:
            return base._replace(certainty=0.5)
        return base._replace(state=State.FUTURE)
    if chain == {Tag.BEEN} and before is not Tag.AND:
        return base._replace(state=State.NONE)
    if Tag.BEEN in chain and Tag.BE in chain:
        return base
    if Tag.BEING in chain:
        progressive = bool(chain & {Tag.BE, Tag.WAS})
        return base._replace(state=State.PROGRESS if progressive else State.NONE, certainty=0.9)
    if Tag.HAVE in chain:
        if before is Tag.YOU and Tag.BEEN not in chain:
            return base._replace(state=State.CUSTOMERS)
        return base
    if Tag.WAS in chain:
        return base._replace(certainty=0.85)
    if Tag.BE in chain:
        return _present_passive(tokens, base, now)
    return base._replace(certainty=0.8)


def _present_passive(tokens: list[Token], made: Predicate, now: bool) -> Predicate:  # noqa: PLR0911 - one line a case
    """Is refunded: holds now with such an adverb or of a thing of the customer's, else how it is done in general."""
    tags = tags_between(tokens, 0, len(tokens))
    relative = made.left > 1 and tokens[made.left - 1].tag is Tag.MODAL and tokens[made.left - 2].tag is Tag.YOU
    before = tags_between(tokens, 0, made.left - 1 if relative else made.left)
    arranged = tokens[made.at].value in {Deed.START, Deed.MARK} and not before & {Tag.IF, Tag.WHEN, Tag.ANY, Tag.FUTURE}
    if arranged and tokens[made.at].text in ARRANGED:
        return made._replace(certainty=0.85)
    if tags & {Tag.ANY, Tag.LATER} or before & {Tag.FUTURE, Tag.MODAL} or (tags & {Tag.IF, Tag.WHEN} and not now):
        return made._replace(state=State.GENERAL)
    if now:
        return made._replace(certainty=0.9)
    subject = tokens[max(made.left - 4, clause_start(tokens, made.left)) : made.left]
    if not subject and made.left > 0:
        return made._replace(certainty=0.7)
    if subject[:1] and subject[0].text in {"our", "its", "their"} and not tokens[made.at].text.endswith("ing"):
        return made._replace(state=State.GENERAL)
    if any(
        t.tag in {Tag.POSSESSIVE, Tag.IT, Tag.US} or (t.tag is Tag.DET and t.text not in _INDEFINITE) for t in subject
    ):
        return made._replace(certainty=0.75)
    if subject and subject[-1].tag is Tag.YOU and subject[-1].text == "you" and tokens[made.at].value == Deed.REFUND:
        return made._replace(certainty=0.75)
    things = [t for t in subject if t.tag is Tag.THING and t.value != Thing.NEUTRAL]
    if things and not things[0].text.endswith("s") and not any(t.tag is Tag.DET for t in subject):
        return made._replace(certainty=0.7)
    return made._replace(state=State.GENERAL)


def _progressive(tokens: list[Token], at: int, left: int, chain: set[Tag], before: Tag | None) -> Predicate:
    base = Predicate(at, "", State.PROGRESS, left, certainty=0.85)
    if Tag.NOT in chain:
        return base._replace(state=State.DENIED)
    if chain & {Tag.FUTURE, Tag.MODAL, Tag.TO}:
        return base._replace(state=State.FUTURE)
    if before is Tag.YOU and not chain & {Tag.BEING}:
        return base._replace(state=State.CUSTOMERS)
    after = tags_between(tokens, at, len(tokens))
    if Tag.LATER in after or Tag.IF in after:
        return base._replace(state=State.FUTURE)
    if not chain & {Tag.BE, Tag.WAS, Tag.BEEN, Tag.HAVE}:
        return base._replace(state=State.NONE)
    return base


def _bare(tokens: list[Token], at: int, left: int, before: Tag | None, earlier: list[Predicate]) -> Predicate:  # noqa: PLR0911 - one line a case
    """Read a deed without helpers: a simple past, a coordinated or headless participle, or an adjective."""
    ing = tokens[at].tag is Tag.ING
    base = Predicate(at, tokens[at].value, State.PROGRESS if ing else State.DONE, left, headless=True)
    if before is Tag.THEY and tokens[left - 1].text in OTHERS:
        return base._replace(state=State.CUSTOMERS)
    if before in _ACTORS and not ing:
        relative = left > 1 and tokens[left - 2].tag in {Tag.THING, Tag.WORD, Tag.THAT}
        return base._replace(headless=False, relative=relative)
    if before is Tag.YOU:
        return base._replace(state=State.CUSTOMERS)
    if before is Tag.FIND and base.deed == Deed.ATTACH:
        return base._replace(certainty=0.75)
    if before in {Tag.AND, Tag.COMMA} and (kept := _coordinated(tokens, at, left, earlier)) is not None:
        return base._replace(
            state=kept.state, certainty=kept.certainty, passive=kept.passive, headless=False, inherited=True
        )
    if ing:
        return _bare_ing(tokens, base, left, before)
    if before in {None, Tag.SEP, Tag.TICK, Tag.COMMA, Tag.BUT, Tag.AND}:
        return base._replace(certainty=0.85)
    if before in {Tag.DET, Tag.POSSESSIVE}:
        adjective = tokens[at].value != Deed.ATTACH
        return base._replace(state=State.NONE) if adjective else base._replace(certainty=0.75)
    if before in {Tag.ANY, Tag.PREPOSITION, Tag.IF, Tag.WHEN, Tag.BASE, Tag.CROSS}:
        return base._replace(state=State.CONDITIONAL if before in {Tag.IF, Tag.WHEN} else State.NONE)
    return _after_noun(tokens, base, left)


def _bare_ing(tokens: list[Token], base: Predicate, left: int, before: Tag | None) -> Predicate:
    if before is Tag.DONE and tokens[left - 1].value == Deed.START:
        return base._replace(certainty=0.8)
    by = left > 0 and tokens[left - 1].text == "by"
    if (
        by
        and Tag.HAVE in tags_between(tokens, 0, left)
        and not tags_between(tokens, 0, left) & {Tag.NOT, Tag.IF, Tag.MODAL}
    ):
        return base._replace(state=State.DONE, certainty=0.7)
    if any(t.tag in {Tag.WAS, Tag.BE, Tag.MODAL} for t in tokens[base.at : base.at + 4]):
        # Refunding you was not possible: the form is a subject here.
        return base._replace(state=State.NONE)
    now = any(t.tag is Tag.NOW for t in tokens[base.at : base.at + 6])
    if before in {None, Tag.SEP, Tag.TICK} and now:
        return base._replace(certainty=0.8)
    return base._replace(state=State.NONE)


def _after_noun(tokens: list[Token], base: Predicate, left: int) -> Predicate:
    """Refund issued; the refund we issued; a colleague refunded: done, unless the sentence is general."""
    start = clause_start(tokens, left)
    tags = tags_between(tokens, start, left)
    if tags & {Tag.ANY, Tag.NOT}:
        return base._replace(state=State.GENERAL)
    causative = any(t.text in {"get", "have", "make", "let"} and t.tag is Tag.BASE for t in tokens[start:left])
    if causative or (tags & {Tag.TO, Tag.MODAL, Tag.FUTURE} and (not tags & _ACTORS or Tag.IT in tags)):
        return base._replace(state=State.NONE)
    if tags & _ACTORS:
        return base._replace(certainty=0.85, headless=False)
    if Tag.YOU in tags:
        return base._replace(state=State.CUSTOMERS, certainty=0.6)
    region = tokens[start:left]
    things = [t for t in region if t.tag is Tag.THING and t.value != Thing.NEUTRAL]
    if not things:
        right = tokens[base.at + 1 : base.at + 7]
        ours = any(t.tag is Tag.YOU or t.text == "your" or (t.tag is Tag.THING and t.value in _EFFECTS) for t in right)
        short = len(tokens) <= 6 or base.deed == Deed.REFUND or tags & {Tag.IT, Tag.THAT}
        return base._replace(certainty=0.55) if ours or short else base._replace(state=State.NONE)
    plural = things[0].text.endswith("s") and not things[0].text.endswith("ss") and len(tokens) > 3
    general = plural and not tags & {Tag.POSSESSIVE, Tag.DET, Tag.NUMBER}
    return base._replace(state=State.GENERAL) if general else base._replace(certainty=0.8)


def _coordinated(tokens: list[Token], at: int, left: int, earlier: list[Predicate]) -> Predicate | None:
    """Return the predicate whose helpers this one shares: have cancelled ... and sent; will be checked and sent."""
    i = left - 1
    while i >= 0 and tokens[i].tag in {Tag.AND, Tag.COMMA, Tag.ADVERB, Tag.NOW}:
        i -= 1
    for k in range(i, -1, -1):
        tag = tokens[k].tag
        if tag in {Tag.BUT, Tag.SEP}:
            return None
        if tag is Tag.US:
            return Predicate(at, "", State.DONE, k, certainty=0.85)
        if tag in {Tag.DONE, Tag.ING}:
            found = next((p for p in reversed(earlier) if p.at == k), None)
            if found is None or tag is Tag.DONE or found.state is not State.NONE:
                return found
        if tag in {Tag.PAST_SAFE, Tag.BASE}:
            return _safe_head(tokens, k, at)
    return None


def _safe_head(tokens: list[Token], verb: int, at: int) -> Predicate | None:
    """Give the state that a harmless verb's helpers would lend to a coordinated deed."""
    chain, left, _ = helpers(tokens, verb)
    before = tokens[left - 1].tag if left > 0 else None
    if tokens[verb].tag is Tag.BASE:
        return Predicate(at, "", State.FUTURE, verb) if chain & {Tag.FUTURE, Tag.MODAL, Tag.TO} else None
    if Tag.NOT in chain:
        return Predicate(at, "", State.DENIED, verb)
    if chain & {Tag.FUTURE, Tag.MODAL, Tag.TO}:
        return Predicate(at, "", State.FUTURE, verb)
    if before is Tag.YOU:
        return Predicate(at, "", State.CUSTOMERS, verb)
    if chain or before in _ACTORS:
        return Predicate(at, "", State.DONE, verb, Tag.BEEN in chain or Tag.WAS in chain, 0.85)
    return None
