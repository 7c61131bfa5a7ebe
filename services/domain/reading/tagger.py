"""Turns a stretch of folded text into tagged tokens of one language: longest phrase first, then words, then repairs."""

import re
from collections.abc import Iterable
from functools import lru_cache

from services.domain.reading.fuzzy import repair
from services.domain.reading.lexicon import Entry, Lexicon
from services.domain.reading.tags import Tag, Thing, Token

_WORD = re.compile(
    r"[€$£¥₹]|[a-z]{1,3}-\d+|#?[a-z]*\d[\w.,/#@$-]*\w|\d+%?|\[x\]|[a-z@](?:[a-z\d@$]|(?<=[a-z])[-'](?=[a-z])|\.(?=[a-z]\.))*|[✔✘⌛¦]|[,:;|()\"&+=*#-]",
)
_CLAUSE_ID = re.compile(r"[a-z]-\d{1,3}")
_CUT = re.compile(r"\b([a-z]{1,8})[.\-_|/\\]([a-z]{1,8})\b")
_SPACED = re.compile(r"(?<![a-z])[a-z](?:[ .\-_*|]{1,2}[a-z]){3,}(?![a-z])")
_ELISION = re.compile(r"(?:qu|jusqu|lorsqu|puisqu|dell|all|nell|sull|dall|un|quest|gliel|aujourd|[cdjlmnst])'(?=[a-z])")
_CLITIC = re.compile(r"(n't|'(?:ve|s|ll|re|m|d))$")
_SIGNS: dict[str, Tag] = {
    ",": Tag.COMMA,
    "(": Tag.COMMA,
    ")": Tag.COMMA,
    ":": Tag.SEP,
    "|": Tag.SEP,
    "-": Tag.SEP,
    "=": Tag.SEP,
}
_LONGEST = 6


# Written without their apostrophe; the value is the word before it.
_BARE_CLITICS = {
    "thats": "that", "youre": "you", "youve": "you", "weve": "we", "ive": "i", "im": "i", "theres": "there", "heres": "here",  # noqa: E501 - a pattern is read by the line
    "whats": "what", "theyve": "they", "itll": "it", "youll": "you", "dont": "do", "didnt": "did", "hasnt": "has",
    "isnt": "is", "wasnt": "was", "cant": "ca", "havent": "have", "doesnt": "does", "couldnt": "could", "wouldnt": "would",  # noqa: E501 - a pattern is read by the line
}  # fmt: skip


def _clitic_of(letters: str) -> str:
    return "n't" if letters in {"nt", "t"} else f"'{letters}"


def _split(text: str, offset: int) -> list[tuple[str, int, int]]:
    """Return (word, start, end); clitics are words of their own: don't is do + n't."""
    words: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text):
        word, start = match.group(), match.start() + offset
        if word in _BARE_CLITICS:
            cut = len(_BARE_CLITICS[word])
            words.append((word[:cut], start, start + cut))
            words.append((_clitic_of(word[cut:]), start + cut, start + len(word)))
            continue
        while (elision := _ELISION.match(word)) is not None:
            words.append((elision.group(), start, start + elision.end()))
            word, start = word[elision.end() :], start + elision.end()
        clitic = _CLITIC.search(word)
        if clitic and clitic.start() > 0:
            cut = clitic.start()
            words.append((word[:cut], start, start + cut))
            words.append((word[cut:], start + cut, start + len(word)))
        else:
            words.append((word, start, start + len(word)))
    return words


def rejoin(text: str, lexicons: Iterable[Lexicon]) -> str:
    """Join a word that a point or dash was put into (re.fund), where only the joined form is one that matters."""

    def join(match: re.Match[str]) -> str:
        whole = match.group(1) + match.group(2)
        known = any(whole in lexicon.critical for lexicon in lexicons)
        return whole + " " * (len(match.group()) - len(whole)) if known else match.group()

    return _CUT.sub(join, text)


def close_up(text: str) -> str:
    """Join spaced-out letters (r e f u n d) to words, keeping the length of the text."""

    def join(match: re.Match[str]) -> str:
        letters = re.sub(r"[^a-z]", "", match.group())
        return letters + " " * (len(match.group()) - len(letters))

    return _SPACED.sub(join, text)


@lru_cache(maxsize=20_000)
def _entry(word: str, lexicon: Lexicon) -> tuple[Entry, bool]:  # noqa: PLR0911 - one line a case
    found = lexicon.look_up(word)
    if found is not None:
        return found, False
    if _CLAUSE_ID.fullmatch(word):
        return (Tag.ANY, ""), False
    if word.startswith("re-") and (found := lexicon.look_up(word[3:])) is not None:
        return found, False
    if any(char.isdigit() for char in word) and not any(char.isalpha() for char in word):
        return (Tag.NUMBER, ""), False
    mended = repair(word, (lexicon,)) if word not in lexicon.hints else None
    if mended is not None:
        return mended, True
    if any(char.isdigit() for char in word):
        return (Tag.NUMBER, ""), False
    if "-" in word and (tail := lexicon.look_up(word.rsplit("-", 1)[1])) is not None and tail[0] is Tag.THING:
        return tail, False
    return (Tag.WORD, ""), False


def tag(text: str, offset: int, lexicon: Lexicon) -> list[Token]:
    """Return the tokens of `text`, whose first character stands at `offset` of the folded reply."""
    words = _split(close_up(text), offset)
    tokens: list[Token] = []
    i = 0
    while i < len(words):
        token, width = _phrase(words, i, lexicon)
        if token is None:
            word, start, end = words[i]
            token, width = _single(word, start, end, lexicon), 1
        tokens.append(token)
        i += width
    return tokens


def _phrase(words: list[tuple[str, int, int]], i: int, lexicon: Lexicon) -> tuple[Token | None, int]:
    for parts, (kind, value) in lexicon.phrases.get(words[i][0], ()):
        width = len(parts)
        if width <= len(words) - i and all(words[i + k][0] == parts[k] for k in range(1, width)):
            return Token("_".join(parts), words[i][1], words[i + width - 1][2], kind, value), width
    return None, 1


def _single(word: str, start: int, end: int, lexicon: Lexicon) -> Token:
    if word in _SIGNS:
        return Token(word, start, end, _SIGNS[word])
    if word in {"€", "$", "£", "¥", "₹"}:
        return Token(word, start, end, Tag.THING, Thing.MONEY)
    (kind, value), repaired = _entry(word, lexicon)
    return Token(word, start, end, kind, value, repaired)
