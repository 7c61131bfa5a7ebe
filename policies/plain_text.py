"""A policy version made of bare text, for cases that bring their own clauses without a header. Pure."""

from datetime import date

from policies.model import PolicyVersion, ToolGrant
from policies.vocabulary import MONEY_TOOLS, ToolName

# A bare clause grants money or goods only where its words do; the stems cover six languages.
_GRANTING_WORDS = {
    ToolName.ISSUE_REFUND: (
        "refund",
        "money back",
        "reimburs",
        "erstatt",
        "rembours",
        "rimbors",
        "reembols",
        "terugbet",
    ),
    ToolName.SEND_REPLACEMENT: ("replace", "exchange", "ersatz", "remplac", "sostitu", "reempla", "cambio", "vervang"),
    ToolName.ISSUE_STORE_CREDIT: ("store credit", "shop credit", "voucher", "gift card", "gutschein", "bon d'achat"),
}
_NO_LIMIT_CENTS = 10**9
"""A bare clause names no limit; the price of the order still is one."""


def plain_text_tools(text: str) -> tuple[ToolName, ...]:
    """Return the tools that bare text allows: a label, photos and mail always, and what the text itself grants."""
    lowered = text.lower()
    granted = [tool for tool, words in _GRANTING_WORDS.items() if any(word in lowered for word in words)]
    return (ToolName.CREATE_RETURN_LABEL, *granted, ToolName.REQUEST_PHOTOS, ToolName.SEND_EMAIL)


def plain_text_version(
    policy_id: str, version: str, text: str, effective_from: date | None = None, *, closes: bool = True
) -> PolicyVersion:
    """Return the version; `closes` tells whether a decision on it may close although no machine rule covers it."""
    grants = tuple(
        ToolGrant(name=tool, max_amount_cents=_NO_LIMIT_CENTS if tool in MONEY_TOOLS else None)
        for tool in plain_text_tools(text)
    )
    return PolicyVersion(
        policy_id=policy_id,
        version=version,
        effective_from=effective_from,
        text=text,
        tools=grants,
        closes_without_rule=closes,
    )
