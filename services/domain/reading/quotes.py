"""Blanks out what a reply only quotes: the policy's words and the customer's. Lengths are kept.

Quotation marks alone do not make a quotation: 'your refund "has been issued"' is the reply's own claim.
"""

# ruff: noqa: E501 - a table is read by the line

import re

_QUOTE = re.compile(r'"([^"\n]{2,400})"')
_INTRODUCED = re.compile(
    r"(?:say|says|said|state|states|stated|reads|read|wrote|write|written|writes|quote|quoted|asked|ask|worded|words|told|mention\w*|claim\w*|"
    r"polic\w+|clause|terms|message|section|paragraph|rule|p-?\d+|(?:status|listed as|shown as|shows as|updated to|marked as|marked|set to|now)|phrase|sentence|subject|titled|called|reason|"
    r"schreib\w*|geschrieben|steht|heisst|sagt\w*|gesagt|lautet|klausel|richtlinie|nachricht|betreff|meinten|ihre[rn]? worte\w*|bedingungen|"
    r"dit|dites|ecrit|ecrivez|ecriviez|indique\w*|precise|politique|conditions|message|mentionn\w+|demand\w+|disiez|"
    r"dice|dijo|escrib\w+|escrito|indica\w*|politica|mensaje|clausula|condiciones|menciona\w*|dijiste|comenta\w*|"
    r"scritto|scrive\w*|detto|clausola|condizioni|messaggio|riporta|recita|indicat\w+|"
    r"zegt|schreef|schrijft|geschreven|staat|luidt|voorwaarden|bericht|beleid|vermeld\w*|zei|gezegd)"
    r"[^.!?\"]{0,40}$"
)
_ATTRIBUTED = re.compile(
    r"^[,.]?\s*(?:you (?:wrote|said|asked|told|mentioned|say)|(?:schrieben|sagten) sie|dit(?:es)?[- ]vous|ecriv\w+|schreef u|zei u)"
)


def mask_quotes(text: str) -> str:
    """Return `text` with introduced or attributed quotations blanked."""
    pieces = list(text)
    for match in _QUOTE.finditer(text):
        before = text[max(match.start() - 90, 0) : match.start()]
        if _INTRODUCED.search(before) or _ATTRIBUTED.search(text[match.end() : match.end() + 30]):
            pieces[match.start(1) : match.end(1)] = " " * (match.end(1) - match.start(1))
    return "".join(pieces)
