"""Reads amounts of money and order numbers out of folded text. Whose they are is the reader's business."""

import re
from typing import NamedTuple

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.numerals import LINKS, number_in

_NUMBER = r"\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,](?:\d{1,2}(?!\d)|-))?"
_CODES = "eur|usd|gbp|chf|sek|nok|dkk|pln|czk|huf|jpy|cad|aud|nzd|ron|bgn"
_SIGNS = {
    "€": "EUR",
    "$": "$",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "us$": "USD",
    "ca$": "CAD",
    "a$": "AUD",
    "fr": "CHF",
    "zł": "PLN",
}
# Words for currencies that are the same in most of the languages, and those that tell a shared one apart.
_WORDS_FOR = {
    "peso": "peso", "pesos": "peso", "rupees": "INR", "rupien": "INR", "roupies": "INR", "rupias": "INR",
    "rupie": "INR",
    "yuan": "CNY", "renminbi": "CNY", "forint": "HUF", "zlotys": "PLN", "zlotych": "PLN", "kronen": "kr", "krone": "kr",
    "kroner": "kr", "kronor": "kr", "kroon": "kr", "couronnes": "kr", "coronas": "kr", "corone": "kr",
    "francos": "CHF", "franchi": "CHF", "frank": "CHF", "franc": "CHF", "dolares": "$",
    "dollaro": "$", "libra": "GBP", "sterlina": "GBP", "sterling": "GBP", "livre": "GBP", "yens": "JPY",
}  # fmt: skip
_QUALIFIED = {
    ("us", "$"): "USD", ("american", "$"): "USD", ("u.s.", "$"): "USD", ("australian", "$"): "AUD",
    ("canadian", "$"): "CAD", ("mexican", "peso"): "MXN", ("argentine", "peso"): "ARS", ("swiss", "CHF"): "CHF",
    ("swedish", "SEK"): "SEK", ("swedish", "kr"): "SEK", ("norwegian", "kr"): "NOK", ("danish", "kr"): "DKK",
    ("indian", "INR"): "INR", ("japanese", "JPY"): "JPY", ("polish", "PLN"): "PLN", ("british", "GBP"): "GBP",
}  # fmt: skip
_QUALIFIERS = "|".join(sorted({re.escape(word) for word, _ in _QUALIFIED}))
_BEFORE = re.compile(
    rf"(?P<sign>us\$|ca\$|a\$|[€$£¥₹]|\b(?:{_CODES})(?![a-z]))\s?\.?(?P<number>{_NUMBER})(?P<kilo>k\b)?"
)
_AFTER = re.compile(
    rf"(?<![\w.,])(?P<number>{_NUMBER})\s?-?(?:(?P<kind>{_QUALIFIERS})\s)?(?P<sign>[€$£¥₹]|(?:{_CODES})\b|[a-z]{{3,8}}\b)"
)
# 19€90, 49 euros 90: the cents follow. A word after them would be what they count.
_MIXED = re.compile(
    r"(?<![\w.,])(?P<whole>\d{1,6})(?:[€£](?P<close>\d{2})(?![\w.,%]\w|\w)|\s?(?P<sign>[€£]|[a-z]{4,6})\s(?P<cents>\d{2})(?=[.,;:!?)]?(?:\s*$|\s*\n|[.;!?)]\s)))"
)
_PENCE = re.compile(r"(?<![\w.,])(?P<number>\d{1,2})\s?p\b(?!\.\w)")
_SLANG = re.compile(r"\ba (?P<note>fiver|tenner)\b")
_NOTES = {"fiver": 500, "tenner": 1000}
_BARE = re.compile(r"(?<![\w.,#/:-])(?P<number>\d{1,4}[.,]\d{2})(?![\w.,/:%-]|\s?(?:%|kg|cm|mm|m|l|uhr|h)\b)")
_WORDS = re.compile(r"[a-z]+")

_ORDER_WORD = r"(?:order|bestell\w*|auftrag\w*|commande|pedido|ordine|bestelling|bestelnummer|ordernummer|orden)"
_NUMBER_WORD = r"(?:\s?(?:number|num|no|nr|n|id|ref|reference|nummer|numero|num\.?)\b\.?o?)?"
_ORDER = re.compile(
    rf"\b{_ORDER_WORD}{_NUMBER_WORD}\s?(?:[:#°.]|n°)*\s?#?(?P<named>[a-z]{{1,5}}-[a-z]{{1,3}}-\d+|[a-z]{{0,5}}-?\d[\w-]{{1,}}\w|\d{{3,}})"
    r"|#(?P<hashed>[a-z]{0,4}-?\d[\w-]{2,}\w)"
    r"|(?<![\w-])(?P<plain>[a-z]{1,2}\d{4,9})(?![\w-])"
    r"|(?<![\w-])(?P<dashed>(?!(?:rma|dhl|ups|sku|inv|ref|tkt|iso|din|usb|utf|covid|ean|gtin|case|code|a|p)-)"
    r"(?:[a-z]{2,5}-\d{2,9}|[a-z]{1,5}-[a-z]{1,3}-\d{1,9}))(?![\w-])"
)
_OTHER_NUMBER = re.compile(
    r"(?:tracking|track|sendungs\w*|suivi|seguimiento|invoice|rechnung\w*|facture|ticket|case|rma|ending in|ref\w*|model|article|sku|item|voucher|code|gutschein\w*)"  # noqa: E501 - a pattern is read by the line
    r"(?:\s?(?:number|no|nr|id|code|is|nummer|numero))*\W{0,4}$"
)


class Amount(NamedTuple):
    """Cents are hundredths of the unit. `currency` is an ISO code, a sign that several share ($, kr), or None."""

    cents: int
    currency: str | None
    start: int
    end: int


class OrderMention(NamedTuple):
    order_id: str
    start: int
    end: int


def parse_number(text: str) -> int:
    """Return hundredths: the last point or comma is decimal where one or two digits (or a dash) follow it."""
    text = text.replace("'", "").replace(" ", "")
    match = re.fullmatch(r"(?P<whole>[\d.,]*?\d)(?:[.,](?P<part>\d{1,2}|-))?", text)
    if match is None:
        return int(re.sub(r"\D", "", text) or 0) * 100
    whole = int(re.sub(r"\D", "", match.group("whole")))
    part = (match.group("part") or "").replace("-", "")
    return whole * 100 + int(part.ljust(2, "0") or 0)


def amounts(text: str, offset: int, lexicon: Lexicon) -> list[Amount]:
    """Return the amounts in `text`, left to right, none inside another."""
    found = [_mixed(match, lexicon, offset) for match in _MIXED.finditer(text)]
    found += [_amount(match, _currency(match.group("sign"), lexicon), offset) for match in _BEFORE.finditer(text)]
    for match in _AFTER.finditer(text):
        currency = _currency(match.group("sign"), lexicon)
        if currency is not None:
            found.append(_amount(match, _QUALIFIED.get((match.group("kind"), currency), currency), offset))
    found.extend(_spelled(text, offset, lexicon))
    found.extend(Amount(int(m["number"]), "GBP", m.start() + offset, m.end() + offset) for m in _PENCE.finditer(text))
    found.extend(Amount(_NOTES[m["note"]], None, m.start() + offset, m.end() + offset) for m in _SLANG.finditer(text))
    found.extend(_amount(match, None, offset) for match in _BARE.finditer(text))
    kept: list[Amount] = []
    for amount in found:
        if amount is not None and all(amount.end <= k.start or amount.start >= k.end for k in kept):
            kept.append(amount)
    return sorted(kept, key=lambda a: a.start)


def _mixed(match: re.Match[str], lexicon: Lexicon, offset: int) -> Amount | None:
    sign = match.group("sign") or _sign_of(match)
    currency = _currency(sign, lexicon)
    if currency is None or currency.endswith("/100"):
        return None
    cents = int(match.group("whole")) * 100 + int(match.group("close") or match.group("cents"))
    return Amount(cents, currency, match.start() + offset, match.end() + offset)


def _sign_of(match: re.Match[str]) -> str:
    """Return the sign that stands between the digits."""
    return match.group()[len(match.group("whole"))]


def _amount(match: re.Match[str], currency: str | None, offset: int) -> Amount:
    cents = parse_number(match.group("number"))
    if match.groupdict().get("kilo"):
        # "$1.5k": the number was read in hundredths, so a thousand of it.
        cents *= 1000
    if currency is not None and currency.endswith("/100"):
        cents, currency = cents // 100, currency.removesuffix("/100") or None
    return Amount(cents, currency, match.start() + offset, match.end() + offset)


def _currency(sign: str, lexicon: Lexicon) -> str | None:
    if sign in _SIGNS:
        return _SIGNS[sign]
    if re.fullmatch(_CODES, sign):
        return sign.upper()
    return lexicon.currencies.get(sign) or _WORDS_FOR.get(sign)


_SMALLER = {"cents", "cent", "pence", "centimes", "centimos", "centimo", "centesimi", "penny", "p"}
_LONGEST = 8
"""Words of the longest number that is looked for."""


def _spelled(text: str, offset: int, lexicon: Lexicon) -> list[Amount]:
    """Read forty-nine euros; only before a word for a currency."""
    found: list[Amount] = []
    words = list(_WORDS.finditer(text))
    for i, word in enumerate(words):
        currency = _currency(word.group(), lexicon)
        if currency is None or currency.endswith("/100"):
            continue
        last = i
        if i and (words[i - 1].group(), currency) in _QUALIFIED:
            last, currency = i - 1, _QUALIFIED[words[i - 1].group(), currency]
        read = _number_before(text, words, last, lexicon)
        if read is not None:
            first, value = read
            cents, end = _spelled_cents(text, words, i, lexicon)
            found.append(Amount(value * 100 + cents, currency, words[first].start() + offset, end + offset))
    return found


def _number_before(text: str, words: list[re.Match[str]], last: int, lexicon: Lexicon) -> tuple[int, int] | None:
    """Return where the longest number in words that ends before word `last` begins, and its value."""
    best = None
    for first in range(last - 1, max(last - 1 - _LONGEST, -1), -1):
        value = number_in(text[words[first].start() : words[last - 1].end()], lexicon.code)
        if value is not None:
            best = first, value
    return best


def _spelled_cents(text: str, words: list[re.Match[str]], at: int, lexicon: Lexicon) -> tuple[int, int]:
    """Return the cents that follow the currency at `at` (dollars and fifty cents), and where they end."""
    i = at + 1
    linked = i < len(words) and words[i].group() == LINKS.get(lexicon.code)
    i += linked
    best = 0, words[at].end()
    for last in range(i, min(i + 4, len(words))):
        value = number_in(text[words[i].start() : words[last].end()], lexicon.code)
        if value is None or value > 99:
            continue
        named = last + 1 < len(words) and words[last + 1].group() in _SMALLER
        ends = not linked and not re.match(r"\s*[a-z]", text[words[last].end() :])
        if named or ends:
            best = value, words[last + 1].end() if named else words[last].end()
    return best


def orders(text: str, offset: int) -> list[OrderMention]:
    """Return the order numbers in `text`; tracking, invoice and card numbers are none."""
    found: list[OrderMention] = []
    for match in _ORDER.finditer(text):
        group = next(name for name in ("named", "hashed", "plain", "dashed") if match.group(name))
        if group != "named" and _OTHER_NUMBER.search(text, max(match.start() - 40, 0), match.start()):
            continue
        found.append(
            OrderMention(normal_order(match.group(group)), match.start(group) + offset, match.end(group) + offset)
        )
    return found


def normal_order(order_id: str) -> str:
    """Return the form in which two spellings of one order number are equal."""
    return re.sub(r"[^a-z0-9]", "", order_id.casefold()).upper()
