"""What a heading promises of the list under it: done, to come, to be confirmed, records."""

from services.domain.reading.predicates import CLAIMING, Predicate, State
from services.domain.reading.tags import Tag, Token


def heading_state(tokens: list[Token], found: list[Predicate]) -> State:  # noqa: PLR0911 - one line a case
    tags = {token.tag for token in tokens}
    if tags & {Tag.IF, Tag.MODAL}:
        return State.CONDITIONAL
    if Tag.FUTURE in tags or Tag.LATER in tags:
        return State.FUTURE
    if Tag.RECORDS in tags:
        return State.REPORTED
    if Tag.SAID in tags:
        return State.CUSTOMERS
    if Tag.ANY in tags:
        return State.GENERAL
    if any(p.state in CLAIMING for p in found) or tags & {Tag.SETTLED, Tag.TICK}:
        return State.DONE
    if Tag.NOT in tags or Tag.BASE in tags:
        return State.FUTURE
    return State.NONE
