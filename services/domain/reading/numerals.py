"""Reads whole numbers written in words, in six languages: forty-nine, negenenveertig, quatre-vingt-dix, centoventi.

A word, or several joined by blanks and hyphens, is cut into its parts; parts add up, a hundred and a thousand multiply
what stands before them. Fractions and ordinals are not read.
"""

import re
from functools import lru_cache

_HUNDRED, _THOUSAND = 100, 1000


def _table(text: str) -> dict[str, int]:
    pairs = (entry.split(":") for entry in text.split())
    return {word: int(value) for words, value in pairs for word in words.split("/")}


PARTS = {
    "en": _table(
        "one:1 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12 thirteen:13 "
        "fourteen:14 fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19 twenty:20 thirty:30 forty/fourty:40 "
        "fifty:50 sixty:60 seventy:70 eighty:80 ninety:90 hundred:100 thousand:1000"
    ),
    "de": _table(
        "ein/eins/einen/einem/einer:1 zwei/zwo:2 drei:3 vier:4 funf/fuenf:5 sechs:6 sieben:7 acht:8 neun:9 zehn:10 "
        "elf:11 zwolf/zwoelf:12 sechzehn:16 siebzehn:17 zwanzig:20 dreissig:30 vierzig:40 funfzig/fuenfzig:50 "
        "sechzig:60 siebzig:70 achtzig:80 neunzig:90 hundert:100 tausend:1000"
    ),
    "fr": _table(
        "un/une:1 deux:2 trois:3 quatre:4 cinq:5 six:6 sept:7 huit:8 neuf:9 dix:10 onze:11 douze:12 treize:13 "
        "quatorze:14 quinze:15 seize:16 vingt:20 trente:30 quarante:40 cinquante:50 soixante:60 septante:70 "
        "quatre-vingt/quatre-vingts:80 huitante/octante:80 nonante:90 cent/cents:100 mille:1000"
    ),
    "es": _table(
        "un/uno/una:1 dos:2 tres:3 cuatro:4 cinco:5 seis:6 siete:7 ocho:8 nueve:9 diez:10 once:11 doce:12 trece:13 "
        "catorce:14 quince:15 dieciseis:16 diecisiete:17 dieciocho:18 diecinueve:19 veinte:20 veinti:20 treinta:30 "
        "cuarenta:40 cincuenta:50 sesenta:60 setenta:70 ochenta:80 noventa:90 cien/ciento/cientos:100 "
        "quinientos:500 setecientos:700 novecientos:900 mil:1000"
    ),
    "it": _table(
        "un/uno/una:1 due:2 tre:3 quattro:4 cinque:5 sei:6 sette:7 otto:8 nove:9 dieci:10 undici:11 dodici:12 "
        "tredici:13 quattordici:14 quindici:15 sedici:16 diciassette:17 diciotto:18 diciannove:19 venti/vent:20 "
        "trenta/trent:30 quaranta/quarant:40 cinquanta/cinquant:50 sessanta/sessant:60 settanta/settant:70 "
        "ottanta/ottant:80 novanta/novant:90 cento/cent:100 mille/mila:1000"
    ),
    "nl": _table(
        "een:1 twee:2 drie:3 vier:4 vijf:5 zes:6 zeven:7 acht:8 negen:9 tien:10 elf:11 twaalf:12 dertien:13 "
        "veertien:14 vijftien:15 zestien:16 zeventien:17 achttien:18 negentien:19 twintig:20 dertig:30 veertig:40 "
        "vijftig:50 zestig:60 zeventig:70 tachtig:80 negentig:90 honderd:100 duizend:1000"
    ),
}
LINKS = {"en": "and", "de": "und", "fr": "et", "es": "y", "it": "e", "nl": "en"}
"""The word that joins the parts of a number."""


@lru_cache(maxsize=8)
def _form(code: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    parts = "|".join(sorted(PARTS[code], key=len, reverse=True))
    return re.compile(rf"(?:{parts})(?:[\s-]*(?:{LINKS[code]}[\s-]*)?(?:{parts}))*"), re.compile(parts)


def number_in(text: str, code: str) -> int | None:
    """Return the number that the folded words name, None where they name none or hold anything else."""
    if code not in PARTS:
        return None
    whole, part = _form(code)
    text = text.strip()
    if not whole.fullmatch(text):
        return None
    return _value([PARTS[code][one] for one in part.findall(text)])


def _value(parts: list[int]) -> int:
    total = current = 0
    for part in parts:
        if part == _HUNDRED:
            current = max(current, 1) * part
        elif part == _THOUSAND:
            total, current = total + max(current, 1) * part, 0
        else:
            current += part
    return total + current
