"""Which clauses fit a message: filters first, then a lexical ranking. What a clause answers is `rules`.

Source of the word part: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from policies.facts import STANDARD_FACTS, FactScalar, FactType
from policies.lexicon import COMMON_WORDS, concepts_in, words_of
from policies.model import PolicyVersion
from policies.rules import compile_rule
from policies.vocabulary import Reason, Truth

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.6
_CONCEPT_WEIGHT = 4.0
_SCOPE_WEIGHT = 2.5
_FACT_WEIGHT = 4.0
_UNCLEAR_WEIGHT = 3.0
_TITLE, _KEYWORDS, _TEXT = 3, 2, 1
_KEYWORD_CONCEPT = 0.5
_NARROW = 0.6


@dataclass(frozen=True)
class Ranked:
    """A clause with its score; higher fits better. Scores of different messages do not compare."""

    version: PolicyVersion
    score: float


def retrieve(
    versions_in_force: Iterable[PolicyVersion],
    message: str,
    facts: Mapping[str, FactScalar],
    k: int = 3,
    declared: Mapping[str, FactType] = STANDARD_FACTS,
) -> tuple[PolicyVersion, ...]:
    """Return at most `k` clauses that may concern the order, the best fitting first.

    A clause whose `applies_to` is false on the facts is left out; one whose `applies_to` is unknown stays. The same
    input gives the same order. Raises ValueError for k below 1, RuleError for a clause whose `applies_to` is unsound.
    """
    if k < 1:
        raise ValueError(f"k is {k}; ask for at least one clause")
    return tuple(ranked.version for ranked in rank(versions_in_force, message, facts, declared)[:k])


def rank(
    versions_in_force: Iterable[PolicyVersion],
    message: str,
    facts: Mapping[str, FactScalar],
    declared: Mapping[str, FactType] = STANDARD_FACTS,
) -> tuple[Ranked, ...]:
    """Return every clause that may concern the order with its score, the best first; ties keep the given order."""
    scoped = [(version, _scope(version, facts, declared)) for version in versions_in_force]
    kept = [(version, scope) for version, scope in scoped if scope is not Truth.NO]
    words = words_of(message)
    concepts = concepts_in(words)
    profiles = [_profile(version) for version, _ in kept]
    telling = [word for word in words if len(word) > 2 and word not in COMMON_WORDS]
    by_words = _bm25(Counter(map(_stem, telling)), profiles)
    by_facts = _by_facts([version for version, _ in kept], facts, declared)
    clearest = max((strength for concept, strength in concepts.items() if concept != Reason.UNCLEAR), default=0.0)
    unclear = _UNCLEAR_WEIGHT * max(0.0, 1.0 - max([clearest, *by_facts]))
    ranked = [
        Ranked(
            version,
            by_words[place]
            + _CONCEPT_WEIGHT * sum(strength * profiles[place].concepts.get(c, 0.0) for c, strength in concepts.items())
            + (_SCOPE_WEIGHT if scope is Truth.YES and version.applies_to is not None else 0.0)
            + _FACT_WEIGHT * by_facts[place]
            + (unclear if Reason.UNCLEAR in version.reasons else 0.0),
        )
        for place, (version, scope) in enumerate(kept)
    ]
    return tuple(sorted(ranked, key=lambda one: -one.score))


_REASONS = frozenset(reason.value for reason in Reason)


@dataclass(frozen=True)
class _Profile:
    """What a clause is about: `words` counted by field weight, `concepts` with a weight in [0, 1]."""

    words: Mapping[str, int]
    length: int
    concepts: Mapping[str, float]


@lru_cache(maxsize=4096)
def _profile(version: PolicyVersion) -> _Profile:
    title, keywords = words_of(version.title), words_of(" . ".join(version.keywords))
    text = words_of(version.text)
    counted: Counter[str] = Counter()
    for words, weight in ((title, _TITLE), (keywords, _KEYWORDS), (text, _TEXT)):
        for word in words:
            counted[_stem(word)] += weight
    concepts: dict[str, float] = {}
    # The header's own reason says what a clause is for; what its prose mentions in passing counts little.
    for found, share in (
        (concepts_in(text), 0.1),
        (concepts_in(keywords), _KEYWORD_CONCEPT),
        (concepts_in(title), 1.0),
    ):
        concepts |= {concept: max(share, concepts.get(concept, 0.0)) for concept in found}
    topics = {concept for concept, weight in concepts.items() if weight >= _KEYWORD_CONCEPT and concept not in _REASONS}
    # A clause about a topic of its own (gifts, bundles) is narrower than the reason it shares with the general one.
    concepts |= {reason.value: _NARROW if topics else 1.0 for reason in version.reasons}
    return _Profile(counted, sum(counted.values()), concepts)


def _bm25(query: Mapping[str, int], profiles: list[_Profile]) -> list[float]:
    if not profiles:
        return []
    average = sum(profile.length for profile in profiles) / len(profiles)
    scores = [0.0] * len(profiles)
    for word in query:
        holding = [place for place, profile in enumerate(profiles) if word in profile.words]
        if not holding:
            continue
        rarity = math.log(1 + (len(profiles) - len(holding) + 0.5) / (len(holding) + 0.5))
        for place in holding:
            count = profiles[place].words[word]
            damping = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * profiles[place].length / average
            scores[place] += rarity * count * (_SATURATION + 1) / (count + _SATURATION * damping)
    return scores


def _by_facts(
    versions: list[PolicyVersion], facts: Mapping[str, FactScalar], declared: Mapping[str, FactType]
) -> list[float]:
    """Return for each clause how much the established facts speak for it: those that few rules ask for count most."""
    asked = [_speaking_facts(version, facts, declared) for version in versions]
    how_common = Counter(fact for names in asked for fact in names)
    return [sum(1 / how_common[fact] ** 2 for fact in names) for names in asked]


def _speaking_facts(
    version: PolicyVersion, facts: Mapping[str, FactScalar], declared: Mapping[str, FactType]
) -> tuple[str, ...]:
    """Return the facts that speak for a clause: all of its rule where it grants, else those it wants and has."""
    if version.rule is None:
        return ()
    rule = compile_rule(version.rule, declared)
    if rule.evaluate(facts) is Truth.YES:
        return rule.shape.facts
    return tuple(name for name in rule.shape.wanted if facts.get(name) is True)


def _scope(version: PolicyVersion, facts: Mapping[str, FactScalar], declared: Mapping[str, FactType]) -> Truth:
    if version.applies_to is None:
        return Truth.YES
    return compile_rule(version.applies_to, declared).evaluate(facts)


def _stem(word: str) -> str:
    """Cut the commonest English endings, so that `returns` and `returned` meet `return`."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
