"""The grammar of a reply, as llguidance reads it. Pure text: masks and tokens are `constrain`'s.

What a decision may say needs no grammar: it is copied text with choices in between (`steps`).
"""

import re
from collections.abc import Iterable

from services.domain.reply_checks import is_telling


def reply_grammar(governing: str | None, retrieved: Iterable[str], order_id: str | None = None) -> str | None:
    """Return the grammar of a reply: any text in which the only clause cited is the one that governs.

    Forbidden are other ids of its form (P-3 beside P-7, retrieved or made up) and retrieved ids of another form, so a
    small model that mixes up two numbers can only write the right one. With `order_id`, long numbers other than the
    order's own are forbidden as well. None where no id can be told from a word and no order is given.
    """
    rules, text = [], [_ANYTHING]
    forms = [_pattern(one) for one in retrieved if is_telling(one)] if governing is not None else []
    if governing is not None and is_telling(governing):
        forms.append(re.sub(r"\d+", "[0-9]+", _pattern(governing)))
    if governing is not None and forms:
        rules.append(f"OTHER: /{'|'.join(dict.fromkeys(forms))}/ & ~/{_pattern(governing)}/")
        text.append(f"~({_ANYTHING} OTHER (/[^0-9](.|\\n)*/)?)")
    if order_id is not None:
        own = "|".join(re.findall(r"\d{4,}", order_id)) or "0000"
        rules.append(f"NUMBER: /#[0-9]+|[A-Z][0-9]{{3,}}|[0-9]{{4,}}/ & ~/(#|[A-Z])?({own})/")
        text.append("~((/(.|\\n)*[^0-9]/)? NUMBER (/[^0-9](.|\\n)*/)?)")
    if not rules:
        return None
    return "\n".join(["start: TEXT", *rules, f"TEXT: {' & '.join(text)}"]) + "\n"


_ANYTHING = r"/(.|\n)*/"


def _pattern(policy_id: str) -> str:
    """Write an id as a pattern between lark's slashes."""
    return re.escape(policy_id).replace("/", r"\/")
