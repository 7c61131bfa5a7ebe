"""The traits of one sentence that the doubt model weighs: its words, tags, endings and what it predicates.

Each trait is a short string. They are taken from the folded text only, so case, spacing and Unicode form leave them as
they are; and from the sentence alone, so its neighbours do too. Weighing them is `doubt`'s job.
"""

from collections.abc import Callable, Iterator

from services.domain.reading.drafts import SegmentReading
from services.domain.reading.tags import Tag, Token

_PAIRED = (
    Tag.FUTURE, Tag.MODAL, Tag.IF, Tag.WHEN, Tag.NOT, Tag.US, Tag.YOU, Tag.THEY, Tag.IT, Tag.HAVE, Tag.BE, Tag.WAS,
    Tag.BEEN, Tag.DONE, Tag.ING, Tag.BASE, Tag.PAST_SAFE, Tag.THING, Tag.NOW, Tag.LATER, Tag.BEFORE, Tag.ANY, Tag.SAID,
    Tag.RECORDS, Tag.PLACE, Tag.FIND, Tag.POSSESSIVE, Tag.TO, Tag.WHAT,
)  # fmt: skip
_EDGE = "^"
_ENDINGS = (
    "ing", "ed", "ly", "en", "et", "iert", "t", "te", "ee", "es", "e", "er", "ez", "ado", "ada", "ido", "ida",
    "ato", "ata", "uto", "ito", "ita", "ando", "iendo", "s", "n", "o", "a",
)  # fmt: skip
_BY_LENGTH = sorted(_ENDINGS, key=len, reverse=True)

Known = Callable[[str], bool]
"""Tells whether a model has met a word; others are taken by their ending."""


def traits(passage: SegmentReading, known: Known) -> set[str]:
    """Return the traits of one sentence."""
    tokens = [token for token in passage.tokens if token.text not in {'"', "*", "+", "#"}]
    words = [_EDGE, *(_word(token, known) for token in tokens), _EDGE]
    kinds = [_EDGE, *(_kind(token) for token in tokens), _EDGE]
    tags = [_EDGE, *(token.tag.value for token in tokens), _EDGE]
    found = {"bias"}
    found.update(_neighbours(words, kinds, tags))
    found.update(_frame(tokens, words, kinds, passage))
    return found


def words_of(passage: SegmentReading) -> Iterator[str]:
    """Return the words whose identity the traits use."""
    return (token.text for token in passage.tokens if token.tag is not Tag.NUMBER)


def ending(word: str) -> str:
    """Return what stands for a word that a model has not met."""
    if not word.isalpha():
        return "?"
    return "?" + next((end for end in _BY_LENGTH if word.endswith(end) and len(word) > len(end) + 2), "")


def _word(token: Token, known: Known) -> str:
    if token.tag is Tag.NUMBER:
        return "0"
    return token.text if known(token.text) else ending(token.text)


def _kind(token: Token) -> str:
    if token.tag is Tag.WORD:
        return f"word{ending(token.text)}"
    return f"{token.tag.value}.{token.value}" if token.value else token.tag.value


def _neighbours(words: list[str], kinds: list[str], tags: list[str]) -> Iterator[str]:
    for i in range(1, len(words) - 1):
        yield f"w {words[i]}"
        yield f"k {kinds[i]}"
        yield f"k {kinds[i - 1]} {kinds[i]}"
        yield f"k {kinds[i - 1]} {kinds[i]} {kinds[i + 1]}"
        yield f"t {tags[i - 1]} {tags[i]} {tags[i + 1]}"
        yield f"w {words[i - 1]} {words[i]}"
        yield f"b {kinds[i - 1]} {words[i]}"
        yield f"a {words[i]} {kinds[i + 1]}"
        yield f"s {words[i - 1]} {words[i + 1]}"
        yield f"x {words[i - 1]} {kinds[i]} {words[i + 1]}"


def _frame(tokens: list[Token], words: list[str], kinds: list[str], passage: SegmentReading) -> Iterator[str]:
    tags = {token.tag for token in tokens}
    present = [tag.value for tag in _PAIRED if tag in tags]
    for i, one in enumerate(present):
        yield f"h {one}"
        yield from (f"h {one} {other}" for other in present[i + 1 :])
    yield f"n {min(len(tokens) // 3, 8)}"
    if passage.segment.question:
        yield "question"
    if passage.segment.listed:
        yield "listed"
    yield f"f {words[1]} {words[min(2, len(words) - 1)]} {kinds[min(3, len(kinds) - 1)]}"
    yield f"f {kinds[1]} {kinds[min(2, len(kinds) - 1)]} {kinds[min(3, len(kinds) - 1)]}"
    yield f"l {kinds[-2]}"
    for made in passage.found:
        yield f"d {made.state.value}"
        yield f"d {made.state.value} {made.deed}"
        yield f"d {made.state.value} {made.headless:d}{made.passive:d}"
        yield f"d {made.state.value} {words[1]}"
    if not passage.found:
        yield "d nothing"
