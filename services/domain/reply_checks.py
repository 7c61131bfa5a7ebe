"""The checks on a reply's text, its claims apart: empty, over-long, leftovers, hidden text, the outcome's opposite."""

import re
from collections.abc import Iterable

from services.domain.checks import failed, passed
from services.domain.decision import Outcome
from services.domain.reading.folding import fold, has_hidden_direction
from services.domain.verdict import FailureOwner, Finding, Verdict

MAX_REPLY_CHARS = 4_000
_LEFTOVER = re.compile(
    r"\{\{.*?\}\}|\{[a-z_]+\}|\[(?:your |customer |insert |order |date|name|amount|tbd|xx)[^\]]{0,40}\]|<(?:name|order|amount|insert)[^>]{0,30}>"  # noqa: E501 - a pattern is read by the line
    r"|<\|[^|]{0,40}\|>|\bTODO\b|\bXXX+\b|\blorem ipsum\b|</?(?:system|assistant|user|tool_call|think)>|^\s*(?:assistant|system|user):|^\s*=\s*\w|[\x00-\x08\x0b\x0c\x0e-\x1f]"  # noqa: E501 - a pattern is read by the line
    r"|\"(?:tool_calls|arguments|decision)\"\s*:|\bas an? (?:AI|language model)\b",
    re.IGNORECASE | re.MULTILINE,
)
_ENCODED = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}|(?:%[0-9A-Fa-f]{2}){8,}|(?:\\x[0-9a-f]{2}|\\u[0-9a-f]{4}){4,}")
_REFUSES = re.compile(
    r"\b(?:not|isn't|n't|no longer|un)\s?(?:be |been )?(?:eligible|accept\w*|approve[d]?|returnable|refundable|covered|qualify|entitled)"  # noqa: E501 - a pattern is read by the line
    r"|\b(?:can(?:no|')t|cannot|unable to|not able to|won't) (?:be )?(?:accept|approve|refund|return|take (?:it )?back|offer|process|honou?r)\w*"  # noqa: E501 - a pattern is read by the line
    r"|\b(?:declined?|rejected?|refuse[d]?|denied?|deny) (?:your|the|this) (?:return|request|refund)|(?:request|return) (?:is|was|has been) (?:declined|rejected|refused|denied)"  # noqa: E501 - a pattern is read by the line
    r"|\boutside (?:of )?(?:the|our) (?:return )?(?:window|period)"
    r"|\bnicht (?:moglich|berechtigt|erstatt\w+|zurucknehm\w+|annehm\w+)|\bleider ablehnen|\babgelehnt"
    r"|\bn'est pas (?:eligible|possible)|\bne pouvons pas|\brefuse[er]?e?\b|\bpas eligible"
    r"|\bno (?:es|podemos|cumple|puede)\b|\brechazad\w+|\bnon (?:e|possiamo|puo|rientra)\b|\brifiutat\w+"
    r"|\bniet (?:mogelijk|terug\w+|accepteren|in aanmerking)|\bafgewezen"
)
_GRANTS = re.compile(
    r"(?<!not )(?<!n't )\b(?:is|are|was|has been|you're|you are) (?:now |also |fully )?(?:eligible|approved|accepted|entitled|covered)\b"  # noqa: E501 - a pattern is read by the line
    r"|\b(?:we|i)(?:'ve| have)? (?:approve|accept|grant)(?:ed)? (?:your|the|this)\b|\b(?:you|we) (?:can|will|may|'ll) (?:return|refund|take it back)"  # noqa: E501 - a pattern is read by the line
    r"|\bist (?:genehmigt|berechtigt)|\bgenehmigt\b|\best (?:eligible|accepte\w*|approuve\w*)|\besta aprobad\w+|\bcumple\b(?<!no cumple)"  # noqa: E501 - a pattern is read by the line
    r"|\be (?:idone\w+|approvat\w+|accettat\w+)|\bis (?:goedgekeurd|akkoord)"
)


def reply_present(reply: str) -> Finding:
    if reply.strip():
        return passed("reply_present", "there is a reply")
    return failed("reply_present", "the reply is empty", owner=FailureOwner.SERVING, remedy="write the reply by hand")


def reply_length(reply: str) -> Finding:
    if len(reply) <= MAX_REPLY_CHARS:
        return passed("reply_length", f"{len(reply)} characters")
    return failed(
        "reply_length",
        f"the reply has {len(reply)} characters, at most {MAX_REPLY_CHARS} go out",
        owner=FailureOwner.SERVING,
        remedy="shorten the reply",
    )


def no_leftovers(reply: str) -> Finding:
    match = _LEFTOVER.search(reply)
    if match is None:
        return passed("no_leftovers", "no placeholder, markup token or raw structure is left in the text")
    return failed(
        "no_leftovers",
        f"the reply still holds {match.group()[:40]!r}",
        owner=FailureOwner.SERVING,
        remedy="fill in or remove it",
        span=match.span(),
    )


def readable(reply: str) -> Finding:
    """Say whether a customer sees what the verifier read: no reversed, encoded or foreign-script text."""
    if has_hidden_direction(reply):
        detail = "the reply holds characters that reverse the order in which letters are shown"
    elif match := _ENCODED.search(reply):
        detail = f"the reply holds encoded text: {match.group()[:30]}"
    elif _foreign_share(reply) > 0.2:
        detail = "the reply is in a script that the verifier does not read"
    else:
        return passed("readable", "the text shows what was read")
    return failed(
        "readable", detail, owner=FailureOwner.SERVING, remedy="have a person read it", severity=Verdict.AMBIGUOUS
    )


def _foreign_share(reply: str) -> float:
    letters = [char for char in fold(reply).text if char.isalpha()]
    return sum(not "a" <= char <= "z" for char in letters) / len(letters) if letters else 0.0


def agrees_with_outcome(reply: str, outcome: Outcome) -> Finding:
    name = "agrees_with_outcome"
    text = fold(reply).text
    refuses, grants = _REFUSES.search(text), _GRANTS.search(text)
    if refuses is not None and grants is not None:
        # Both occur in honest replies (the return is granted, its shipping cost is not): no contradiction is proven.
        return passed(name, "the reply grants one thing and refuses another")
    if outcome is Outcome.ELIGIBLE and refuses is not None:
        detail, found = "the decision is eligible, the reply refuses", refuses
    elif outcome is not Outcome.ELIGIBLE and grants is not None:
        detail, found = f"the decision is {outcome.value}, the reply grants", grants
    else:
        return passed(name, f"the reply says nothing against {outcome.value}")
    return failed(
        name,
        f"{detail}: {found.group()!r}",
        owner=FailureOwner.PREFERENCE_DATA,
        remedy="make the reply say what was decided",
        severity=Verdict.AMBIGUOUS,
        span=fold(reply).span(*found.span()),
    )


def cites_governing(reply: str, governing: str | None, retrieved: Iterable[str]) -> Finding:
    """Look for a clause cited in the reply that is not the one the decision rests on.

    Cited is a retrieved clause's id, or another id of the governing one's form: P-3 beside P-7. Ids without both a
    letter and a digit are left alone, since an "A" or a "4.1" may stand in any sentence.
    """
    name = "cites_governing"
    if governing is None:
        return passed(name, "no clause governs, so none can be mistaken for it")
    forms = [re.escape(one) for one in retrieved if is_telling(one)]
    if is_telling(governing):
        forms.append(re.sub(r"\d+", r"\\d+", re.escape(governing)))
    for found in re.finditer(r"(?<![\w-])(?:" + "|".join(forms) + r")(?![\w-])", reply) if forms else ():
        if found.group() != governing:
            return failed(
                name,
                f"the reply cites {found.group()}, the decision rests on {governing}",
                owner=FailureOwner.PREFERENCE_DATA,
                remedy=f"cite {governing}, or decide on {found.group()}",
                severity=Verdict.AMBIGUOUS,
                span=found.span(),
            )
    return passed(name, f"the reply cites no other clause than {governing}")


def is_telling(policy_id: str) -> bool:
    """Tell whether an id can be recognised in running text: it has both a letter and a digit."""
    return any(map(str.isdigit, policy_id)) and any(map(str.isalpha, policy_id))
