"""The grammar of languages that split their verb around the clause: German and Dutch."""

from services.domain.reading.predicates import Predicate
from services.domain.reading.tags import Token


def predicates(tokens: list[Token]) -> list[Predicate]:
    return []
