"""Folds a reply to plain lower-case Latin text, and remembers where each character came from.

It undoes what hides a claim from a reader of bytes but not from a customer: Unicode forms, look-alike letters,
invisible characters, Markdown, HTML, emoji. It does not correct spelling (`fuzzy`) and knows no language.
"""

import html
import re
import unicodedata
from typing import NamedTuple

TICK, CROSS, WAITING, BREAK = "✔", "✘", "⌛", "¦"
LINK = "urllink"
"""Stands for an address: a label with a link to it is a label that was made."""

# The look-alikes are meant: they are what this table folds.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝвкмнтгпАВЕКМНОРСТХІЈЅαοεικρτυνχβηɡıłøđæœℓ",
    "aeopcyxijshdqwbkmhtrnabekmhopctxijsaoeikptuvxbngilodaol",
)
_TICKS = frozenset("✓✔✅☑🗹👍🆗")
_CROSSES = frozenset("✗✘❌❎🚫⛔☒")
_WAITING = frozenset("⌛⏳☐🕐🕑🕒⬜🔜")
_PLAIN = {
    **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),  # noqa: RUF001
    **dict.fromkeys("“”„‟″«»‹›", '"'),  # noqa: RUF001 - the look-alikes are meant
    **dict.fromkeys("‐‑‒–—―−", "-"),  # noqa: RUF001
    **dict.fromkeys("→⇒➜➡►▶", ":"),
    **dict.fromkeys("•‣▪●◦∙", "*"),
    "…": ".",
}
_MARKUP = re.compile(
    r"<!--.*?-->|</?[a-zA-Z][^<>]{0,200}>|\*{1,3}(?=\S)|(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|~~|`{1,3}|!?\[(?P<text>[^\]\n]{1,200})\]\([^)\s]{1,500}\)|[hH][tT]{2}[pP][sS]?://\S+|&(?:#\d{1,6}|#x[0-9a-fA-F]{1,6}|\w{2,8});",
    re.DOTALL,
)
_BLOCK_TAG = re.compile(r"</?(?:br|p|li|ul|ol|tr|div|h\d|table)\b", re.IGNORECASE)


class Folded(NamedTuple):
    """`text[i]` stems from the reply's character `origin[i]`; `origin` has one more entry, the reply's length."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the reply's offsets for the folded range, trimmed to what it holds."""
        if start >= end:
            return self.origin[start], self.origin[start]
        return self.origin[start], self.origin[end - 1] + 1


def fold(reply: str) -> Folded:
    chars: list[str] = []
    origin: list[int] = []
    for index, piece in _pieces(reply):
        for char in _fold_char(piece):
            if char == " " and chars and chars[-1] == " ":
                continue
            chars.append(char)
            origin.append(index)
    return Folded("".join(chars), (*origin, len(reply)))


def _pieces(reply: str) -> list[tuple[int, str]]:
    """Return (offset, character) with markup removed, entities resolved and link texts kept."""
    pieces: list[tuple[int, str]] = []
    last = 0
    for match in _MARKUP.finditer(reply):
        pieces.extend(enumerate(reply[last : match.start()], last))
        last = match.end()
        token = match.group()
        if token.startswith("&"):
            pieces.extend((match.start(), char) for char in html.unescape(token))
        elif match.group("text"):
            pieces.extend(enumerate(match.group("text"), match.start("text")))
        elif token[:4].lower() == "http":
            pieces.extend((match.start(), char) for char in f" {LINK} ")
        elif _BLOCK_TAG.match(token):
            pieces.append((match.start(), "\n"))
    pieces.extend(enumerate(reply[last:], last))
    return pieces


def _fold_char(char: str) -> str:  # noqa: PLR0911 - one line a case
    if char.isascii():
        return " " if char in "\t\r\x0b\x0c" else char.lower()
    for group, sign in ((_TICKS, TICK), (_CROSSES, CROSS), (_WAITING, WAITING)):
        if char in group:
            return sign
    if char in _PLAIN:
        return _PLAIN[char]
    category = unicodedata.category(char)
    if category in {"Cf", "Mn", "Me", "Cc"}:
        return ""
    if char in "€£¥₹":
        return char
    if category.startswith("Z"):
        return "\n" if category in {"Zl", "Zp"} else " "
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold())
    folded = "".join(c for c in folded if unicodedata.category(c) not in {"Mn", "Me"}).translate(_LOOKALIKES)
    if category in {"So", "Sk"} and not folded.isalnum():
        return BREAK
    return folded.lower()


def has_hidden_direction(reply: str) -> bool:
    """Tell whether bidirectional overrides show the customer another order of letters than the stored one."""
    return any(char in "\u202d\u202e\u2066\u2067\u2068" for char in reply)
