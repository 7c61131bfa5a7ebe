"""What a predicate says about its deed: done, under way, to come, conditional, denied, asked, reported, general."""

from enum import StrEnum
from typing import NamedTuple

from services.domain.reading.tags import Tag, Token


class State(StrEnum):
    DONE = "done"
    PROGRESS = "progress"
    FUTURE = "future"
    CONDITIONAL = "conditional"
    DENIED = "denied"
    ASKED = "asked"
    GENERAL = "general"
    REPORTED = "reported"
    """What records show of the time before this conversation."""
    CUSTOMERS = "customers"
    """The customer's own act or words."""
    NONE = "none"
    """A form that asserts nothing: an infinitive, a gerund, an adjective."""


CLAIMING = frozenset({State.DONE, State.PROGRESS})


class Predicate(NamedTuple):
    """A deed at token `at`, with the state its helpers give it.

    `left` is the first token of its chain of helpers; `passive` tells whether its object stands before it.
    """

    at: int
    deed: str
    state: State
    left: int
    passive: bool = False
    certainty: float = 0.95
    headless: bool = False
    inherited: bool = False
    relative: bool = False
    """In a relative clause of ours (the label we sent): asserted whatever the main clause does."""


_BOUNDARIES = frozenset({Tag.COMMA, Tag.SEP, Tag.BUT, Tag.ASSERT})
OPENS_CLAUSE = frozenset({Tag.DET, Tag.POSSESSIVE, Tag.US, Tag.IT, Tag.YOU, Tag.THING, Tag.WORD, Tag.THEY})


_SUBJECTS = frozenset({Tag.THING, Tag.US, Tag.IT, Tag.THEY})
_PREDICATES = frozenset(
    {Tag.DONE, Tag.ING, Tag.PLACE, Tag.PAST_SAFE, Tag.BE, Tag.HAVE, Tag.WAS, Tag.FUTURE, Tag.SETTLED}
)


_ARTICLES = frozenset({"der", "die", "das", "den"})


def opens_clause(tokens: list[Token], at: int) -> bool:
    """Tell whether token `at` is a 'that' after which a new clause begins (German articles look like one)."""
    token = tokens[at]
    if token.tag is not Tag.THAT or token.text in _ARTICLES or at + 1 >= len(tokens):
        return False
    return tokens[at + 1].tag in OPENS_CLAUSE


def head_start(tokens: list[Token], at: int) -> int:
    """Return the index of the first token of the stretch between commas that token `at` stands in."""
    i = at
    while i > 0 and tokens[i - 1].tag not in _BOUNDARIES:
        i -= 1
    return i


def clause_start(tokens: list[Token], at: int) -> int:
    """Return the index of the first token of the clause of `at`: as `head_start`, but not beyond a 'that'."""
    start = head_start(tokens, at)
    subject = False
    for i in range(at - 1, start, -1):
        subject = subject or tokens[i].tag in _SUBJECTS
        before = tokens[i - 1].tag
        if opens_clause(tokens, i - 1):
            return i
        if before is Tag.AND and subject and tags_between(tokens, start, i - 1) & _PREDICATES:
            return i
    return start


def tags_between(tokens: list[Token], start: int, end: int) -> set[Tag]:
    return {token.tag for token in tokens[start:end]}
