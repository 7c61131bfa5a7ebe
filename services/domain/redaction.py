"""Takes personal data out of text before it leaves the store as a training row. Pure; knows no name list and no model.

What it finds it replaces by a word for its kind, and an order number by a keyed pseudonym, so that a reply that repeats
the number still repeats it. What it cannot find (a name in running text without a mark such as "my name is") stays:
docs/review.md says what was measured.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from services.domain.facts import OrderFacts

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w|\.\d)")
_PHONE = re.compile(r"(?<![\w.,/-])(?:\+|00)?\(?\d{2,4}\)?(?:[ ./-]{0,3}\(?\d{2,7}\)?){1,5}(?![\w-])")
_LINK = re.compile(r"https?://\S+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_STREET = re.compile(
    r"\b\d{1,5}[a-z]?\s+(?:[A-Z][\w'-]+\s+){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Court|Ct|Way|Close|"
    r"Place|Square|Terrace|Boulevard|Blvd)\b\.?"
    r"|\b[A-ZÄÖÜ][\w'ß-]*(?:straße|strasse|str\.|weg|platz|allee|gasse)\s*\d{1,4}\s?[a-z]?\b"
    r"|\b\d{1,4}\s*(?:bis|ter)?,?\s+(?:rue|avenue|boulevard|place|chemin)\s+(?:[\w'-]+\s?){1,4}"
    r"|\b(?:via|viale|piazza|calle|avenida|plaza)\s+[A-Z][\w']+(?:\s+[A-Z][\w']+)*,?\s*\d{1,4}\b"
)
_POSTCODE_AND_TOWN = re.compile(r"\b(?:[A-Z]-)?\d{5}\s+[A-ZÄÖÜ][\w-]+|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b")
_WORD = r"[A-ZÄÖÜÀ-Þ][\w'\u2019-]+"
_NAMED = re.compile(
    r"(?P<mark>\b(?:[Mm]y name is|[Mm]y name's|[Ii]ch heiße|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]i chiamo|[Mm]e llamo"
    rf"|[Mm]ijn naam is)\s+)(?P<name>{_WORD}(?:\s+{_WORD}){{0,2}})"
)
_SIGNED = re.compile(
    r"(?P<mark>(?:[Kk]ind regards|[Bb]est regards|[Rr]egards|[Bb]est wishes|[Cc]heers|[Tt]hanks|[Tt]hank you"
    r"|[Ss]incerely|[Mm]it freundlichen Grüßen|[Vv]iele Grüße|[Ll]iebe Grüße|[Cc]ordialement|[Cc]ordiali saluti"
    rf"|[Ss]aludos|[Gg]roeten)[,.!]*\s*(?:\n\s*|,\s+))(?P<name>{_WORD}(?:\s+{_WORD}){{0,2}})\s*$"
)
_PERSONAL_FACTS = ("customer_name", "customer_email", "customer_phone", "customer_id", "address")


@dataclass(frozen=True)
class Redactor:
    """Replaces personal data of one case. `known` are values from records that must not appear anywhere."""

    secret: bytes
    order_id: str | None = None
    known: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        """Return `text` without what personal data could be found in it."""
        for value in self.known:
            text = re.sub(re.escape(value), "[customer]", text, flags=re.IGNORECASE)
        text = self._order(text)
        text = _LINK.sub("[link]", text)
        text = _EMAIL.sub("[email]", text)
        text = _IBAN.sub(_if(_is_iban, "[iban]"), text)
        text = _CARD.sub(_if(_is_card, "[card]"), text)
        text = _STREET.sub("[address]", text)
        text = _POSTCODE_AND_TOWN.sub("[address]", text)
        text = _NAMED.sub(lambda found: found["mark"] + "[name]", text)
        text = _SIGNED.sub(lambda found: found["mark"] + "[name]", text)
        return _PHONE.sub(_if(_is_phone, "[phone]"), text)

    def value(self, value: Any) -> Any:
        """Return a JSON value with every text in it redacted; names of fields stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value

    def facts(self, facts: OrderFacts) -> OrderFacts:
        """Return the facts without the customer's, the order number replaced. Other facts describe goods and days."""
        kept = {name: value for name, value in facts.values.items() if name not in _PERSONAL_FACTS}
        if isinstance(kept.get("order_id"), str):
            kept["order_id"] = self._order(str(kept["order_id"]))
        return OrderFacts(values=kept)

    def _order(self, text: str) -> str:
        if not self.order_id:
            return text
        return re.sub(rf"(?<!\w){re.escape(self.order_id)}(?!\w)", self._pseudonym, text, flags=re.IGNORECASE)

    @property
    def _pseudonym(self) -> str:
        """Return letters and digits in the pattern of the order id, the same for the same order, not to be reversed."""
        stream = hmac.new(self.secret, (self.order_id or "").encode(), hashlib.sha256).digest()
        made = (
            chr(ord("A") + byte % 26)
            if sign.isupper()
            else chr(ord("a") + byte % 26)
            if sign.isalpha()
            else str(byte % 10)
            if sign.isdigit()
            else sign
            for sign, byte in zip(self.order_id or "", stream * 4, strict=False)
        )
        return "".join(made)


def redactor_for(secret: bytes, facts: OrderFacts, known: Iterable[str | None] = ()) -> Redactor:
    """Return the redactor of a case: what its facts say of the customer is hidden wherever it appears."""
    values = [*known, *(facts.text(name) for name in _PERSONAL_FACTS)]
    kept = sorted({value for value in values if value and len(value) > 2}, key=len, reverse=True)
    return Redactor(secret=secret, order_id=facts.order_id, known=tuple(kept))


def _if(holds: Callable[[str], bool], word: str) -> Callable[[re.Match[str]], str]:
    return lambda found: word if holds(found[0]) else found[0]


def _is_card(text: str) -> bool:
    """Luhn: doubles every second digit from the right."""
    digits = [int(sign) for sign in text if sign.isdigit()][::-1]
    total = sum(sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits))
    return total % 10 == 0


def _is_iban(text: str) -> bool:
    """ISO 13616: the rearranged number, letters as 10 to 35, leaves 1 modulo 97."""
    plain = text.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    """Seven to fifteen digits that are no day; a plain run of digits counts only behind `+` or `0`."""
    digits = sum(sign.isdigit() for sign in text)
    if not 7 <= digits <= 15 or _DAY.fullmatch(text.strip()):
        return False
    return text.startswith(("+", "0", "(")) or any(sign in " ./-" for sign in text.strip())
