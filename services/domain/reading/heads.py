"""What opens or closes a clause and takes its claim away: if, when, records show, you said, no label."""

from services.domain.reading.predicates import CLAIMING, Predicate, State, head_start, tags_between
from services.domain.reading.tags import Tag, Token

# Who acts, but not for the shop.
OTHERS = frozenset(
    {"provider", "manufacturer", "carrier", "seller", "bank", "supplier", "platform", "maker", "brand", "model", "law"}
)
_BY = frozenset({"by", "von", "par", "por", "da", "dal", "door"})
_VERBS = frozenset({Tag.DONE, Tag.ING, Tag.PAST_SAFE, Tag.BASE})


def negated_object(tokens: list[Token], at: int) -> bool:
    """Read: have forwarded nothing; issued no refund."""
    return (
        at + 1 < len(tokens)
        and tokens[at + 1].tag is Tag.NOT
        and tokens[at + 1].text not in {"without", "sans", "ohne"}
    )


def _negated_subject(tokens: list[Token], start: int, left: int) -> bool:
    """Read: no label has been created; neither a refund nor a replacement was sent."""
    for i in range(left - 1, start - 1, -1):
        if tokens[i].tag is Tag.NOT:
            return True
        if tokens[i].tag in _VERBS | {Tag.AND, Tag.US, Tag.HAVE, Tag.BE, Tag.WAS} and tokens[i].text not in {
            "or",
            "nor",
        }:
            return False
    return False


def _inverted_if(tokens: list[Token]) -> bool:
    """Read: had you written earlier; should you have."""
    return (
        len(tokens) > 1 and tokens[0].text in {"had", "should", "were"} and tokens[1].tag in {Tag.YOU, Tag.US, Tag.DET}
    )


def _answers(tokens: list[Token], made: Predicate) -> bool:
    """Tell whether our own act follows what the customer said: you asked for a refund and I issued it."""
    token = tokens[made.at]
    if token.text.startswith(("i_", "we_")):
        return True
    subject = made.left - 1
    own = subject > 0 and tokens[subject].tag is Tag.US
    return own and tokens[subject - 1].tag in {Tag.AND, Tag.COMMA, Tag.BUT, Tag.SEP}


def _by_you(tokens: list[Token], at: int) -> bool:
    """Tell whether the agent is named, and is the customer or somebody outside the shop."""
    by = next((i for i in range(at + 1, min(at + 4, len(tokens))) if tokens[i].text in _BY), None)
    agent = tokens[by + 1 : by + 5] if by is not None else []
    if any(t.text in {"our", "us", "me", "my"} for t in agent):
        return False
    return any(t.tag is Tag.YOU or t.text in OTHERS for t in agent)


def under_head(tokens: list[Token], made: Predicate, start: int, chain: set[Tag]) -> Predicate:  # noqa: C901, PLR0911 - one line a case
    """Apply what opens the clause: if, when, records show, you said."""
    if made.state not in CLAIMING:
        return made
    head = tags_between(tokens, start, made.left)
    sentence = tags_between(tokens, 0, made.left)
    opener = tokens[start - 1].tag if start > 0 else None
    if opener is Tag.ASSERT:
        frame = tags_between(tokens, head_start(tokens, start - 1), start - 1)
        if frame & {Tag.NOT, Tag.IF}:
            return made._replace(state=State.DENIED)
    if made.relative and (head & {Tag.IF, Tag.WHEN, Tag.WHAT} or Tag.SAID in sentence):
        return made._replace(certainty=0.65)
    if Tag.IF in head or _inverted_if(tokens):
        return made._replace(state=State.CONDITIONAL)
    if _negated_subject(tokens, start, made.left):
        return made._replace(state=State.DENIED)
    if Tag.WHEN in head and not (chain & {Tag.WAS} or (not chain and not made.headless)):
        return made._replace(state=State.CONDITIONAL)
    last_sep = max((i for i, t in enumerate(tokens[: made.left]) if t.tag is Tag.SEP), default=0)
    if Tag.SAID in tags_between(tokens, last_sep, made.left) and not _answers(tokens, made):
        return made._replace(state=State.CUSTOMERS)
    if _by_you(tokens, made.at):
        return made._replace(state=State.CUSTOMERS)
    later = tags_between(tokens, made.at, len(tokens))
    if Tag.RECORDS in later and chain & {Tag.WAS} and Tag.NOW not in tags_between(tokens, made.left, made.at):
        return made._replace(state=State.REPORTED)
    if Tag.RECORDS in sentence and Tag.NOW not in {t.tag for t in tokens[made.left : made.at] if t.text != "already"}:
        return made._replace(state=State.REPORTED)
    if made.state is State.PROGRESS and sentence & {Tag.IF}:
        return made._replace(state=State.FUTURE)
    return made
