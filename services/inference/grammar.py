"""The grammar of a reply, as llguidance reads it. Pure text: masks and tokens are `constrain`'s.

What a decision may say needs no grammar: it is copied text with choices in between (`steps`).
"""

import re
from collections.abc import Iterable

from services.domain.reply_checks import is_telling


def reply_grammar(governing: str | None, retrieved: Iterable[str]) -> str | None:
    """Return the grammar of a reply: any text in which the only clause cited is the one that governs.

    Forbidden are other ids of its form (P-3 beside P-7, retrieved or made up) and retrieved ids of another form, so a
    small model that mixes up two numbers can only write the right one. None where no id can be told from a word.
    """
    if governing is None:
        return None
    forms = [_pattern(one) for one in retrieved if is_telling(one)]
    if is_telling(governing):
        forms.append(re.sub(r"\d+", "[0-9]+", _pattern(governing)))
    if not forms:
        return None
    anything = r"/(.|\n)*/"
    return (
        f"start: TEXT\nOTHER: /{'|'.join(dict.fromkeys(forms))}/ & ~/{_pattern(governing)}/\n"
        f"TEXT: {anything} & ~({anything} OTHER (/[^0-9](.|\\n)*/)?)\n"
    )


def _pattern(policy_id: str) -> str:
    """Write an id as a pattern between lark's slashes."""
    return re.escape(policy_id).replace("/", r"\/")
