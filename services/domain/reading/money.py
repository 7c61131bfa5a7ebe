"""Reads amounts of money and order numbers out of folded text. Whose they are is the reader's business."""

import re
from typing import NamedTuple

from services.domain.reading.lexicon import Lexicon

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
_BEFORE = re.compile(rf"(?P<sign>us\$|ca\$|a\$|[€$£¥₹]|\b(?:{_CODES})\b)\s?\.?(?P<number>{_NUMBER})")
_AFTER = re.compile(rf"(?<![\w.,])(?P<number>{_NUMBER})\s?-?(?P<sign>[€$£¥₹]|(?:{_CODES})\b|[a-z]{{3,8}}\b)")
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
    found = [_amount(match, _currency(match.group("sign"), lexicon), offset) for match in _BEFORE.finditer(text)]
    for match in _AFTER.finditer(text):
        currency = _currency(match.group("sign"), lexicon)
        if currency is not None:
            found.append(_amount(match, currency, offset))
    found.extend(_spelled(text, offset, lexicon))
    found.extend(_amount(match, None, offset) for match in _BARE.finditer(text))
    kept: list[Amount] = []
    for amount in found:
        if all(amount.end <= k.start or amount.start >= k.end for k in kept):
            kept.append(amount)
    return sorted(kept, key=lambda a: a.start)


def _amount(match: re.Match[str], currency: str | None, offset: int) -> Amount:
    cents = parse_number(match.group("number"))
    if currency is not None and currency.endswith("/100"):
        cents, currency = cents // 100, currency.removesuffix("/100") or None
    return Amount(cents, currency, match.start() + offset, match.end() + offset)


def _currency(sign: str, lexicon: Lexicon) -> str | None:
    if sign in _SIGNS:
        return _SIGNS[sign]
    if re.fullmatch(_CODES, sign):
        return sign.upper()
    return lexicon.currencies.get(sign)


def _spelled(text: str, offset: int, lexicon: Lexicon) -> list[Amount]:
    """Read forty-nine euros; only before a word for a currency."""
    found: list[Amount] = []
    words = list(_WORDS.finditer(text))
    for i, word in enumerate(words):
        currency = lexicon.currencies.get(word.group())
        if currency is None or currency.endswith("/100"):
            continue
        first = i
        while first > 0 and (words[first - 1].group() in lexicon.number_words or words[first - 1].group() == "and"):
            first -= 1
        while first < i and words[first].group() == "and":
            first += 1
        if first < i:
            values = [lexicon.number_words[w.group()] for w in words[first:i] if w.group() in lexicon.number_words]
            cents, end = _spelled_cents(words, i, lexicon)
            total = _value(values) * 100 + cents
            found.append(Amount(total, currency, words[first].start() + offset, end + offset))
    return found


def _spelled_cents(words: list[re.Match[str]], at: int, lexicon: Lexicon) -> tuple[int, int]:
    """Return the cents that follow the currency at `at` (dollars and fifty cents), and where they end."""
    i = at + 1
    while i < len(words) and words[i].group() in {"and", "und", "et", "y", "e", "en"}:
        i += 1
    first = i
    while i < len(words) and words[i].group() in lexicon.number_words:
        i += 1
    smaller = i > first and i < len(words) and words[i].group() in {"cents", "cent", "pence", "centimes", "centimos"}
    if not smaller:
        return 0, words[at].end()
    return _value([lexicon.number_words[w.group()] for w in words[first:i]]), words[i].end()


def _value(parts: list[int]) -> int:
    total = current = 0
    for part in parts:
        if part >= 100:
            current = max(current, 1) * part
            if part >= 1000:
                total, current = total + current, 0
        else:
            current += part
    return total + current


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
