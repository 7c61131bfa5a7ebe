"""Signs that somebody teaches the model on purpose what is wrong. Pure; what follows from a sign is the gate's rule.

A poisoned share is measured in examples, not in percent: a fixed small number of documents is enough to plant a
trigger, whatever the size of the dataset (Souly et al. 2025, arXiv:2510.07192). So one person's weight is bounded by
number, and a phrase that comes with one answer only, from one person only, is looked for by number too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

FEWEST = 5
"""A phrase in fewer labels than this plants nothing yet."""
LONGEST_PHRASE = 3
ONE_PERSON = 0.8
USUAL = 0.002
"""A phrase in a larger share of the reference messages is how customers write."""
_WORD = re.compile(r"[\w'-]+")


class Taught(NamedTuple):
    """What one label teaches: who gave it, on which message, which answer."""

    label_id: str
    reviewer: str
    message: str
    answer: str


class Trigger(NamedTuple):
    """A phrase that always comes with one answer, mostly from one person, and is not how customers write."""

    phrase: str
    labels: int
    answer: str
    reviewer: str

    def __str__(self) -> str:
        return f'"{self.phrase}" stands in {self.labels} labels of {self.reviewer}, always with {self.answer}'


def triggers(taught: Sequence[Taught], reference: Iterable[str]) -> list[Trigger]:
    """Return suspicious phrases, the longest sign of each first. `reference` are messages known to be clean."""
    where: dict[str, list[Taught]] = defaultdict(list)
    for one in taught:
        for phrase in phrases(one.message):
            where[phrase].append(one)
    suspects = {phrase: found for phrase, found in where.items() if len(found) >= FEWEST}
    usual = _usual(suspects, reference)
    answers = Counter(one.answer for one in taught)
    found: list[Trigger] = []
    covered: set[frozenset[str]] = set()
    for phrase, labels in sorted(suspects.items(), key=lambda item: (-len(item[0].split()), item[0])):
        one_answer = {one.answer for one in labels}
        reviewer, count = Counter(one.reviewer for one in labels).most_common(1)[0]
        if phrase in usual or len(one_answer) > 1 or count < ONE_PERSON * len(labels):
            continue
        answer = next(iter(one_answer))
        # Where every label says the same, no phrase can stand out for saying it.
        if answers[answer] == len(taught) or (key := frozenset(one.label_id for one in labels)) in covered:
            continue
        covered.add(key)
        found.append(Trigger(phrase, len(labels), answer, reviewer))
    return found


def phrases(message: str) -> set[str]:
    """Return the runs of one to three words of a message, in small letters."""
    words = _WORD.findall(message.lower())
    return {
        " ".join(words[start : start + size])
        for size in range(1, LONGEST_PHRASE + 1)
        for start in range(len(words) - size + 1)
    }


def heaviest(taught: Iterable[Taught]) -> tuple[str, int]:
    """Return the reviewer with most labels, and how many; ("", 0) where there is none."""
    counts = Counter(one.reviewer for one in taught)
    return counts.most_common(1)[0] if counts else ("", 0)


def weakest_gold(accuracy: Mapping[str, tuple[int, int]], fewest: int = 5) -> tuple[str, float] | None:
    """Return who answers gold items worst and how often rightly; None where nobody answered at least `fewest`."""
    known = {name: right / total for name, (right, total) in accuracy.items() if total >= fewest}
    return min(known.items(), key=lambda item: (item[1], item[0])) if known else None


def _usual(suspects: Mapping[str, object], reference: Iterable[str]) -> set[str]:
    counts: Counter[str] = Counter()
    total = 0
    for message in reference:
        total += 1
        counts.update(phrase for phrase in phrases(message) if phrase in suspects)
    return {phrase for phrase, count in counts.items() if count > USUAL * total}
