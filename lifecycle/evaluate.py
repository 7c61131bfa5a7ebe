"""Scores the output of `decide` against expected answers. Pure: what ran the cases is the caller's business.

Abstaining is not failing: a case sent to review is counted apart from a wrong answer, and the dangerous error, an
approval where the truth is none, has a line of its own.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lifecycle.traits import COPIES, Traits, language_of, quoted_elsewhere, traits_of
from services.domain.reply_checks import is_telling

Row = Mapping[str, Any]


class Share(NamedTuple):
    """`hits` of `total`, with Wilson's 95 % interval (Wilson 1927; total 0 gives 0 in [0, 1])."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        if not self.total:
            return 0.0, 1.0
        z, n, p = 1.96, self.total, self.value
        centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


class Scored(NamedTuple):
    """One case beside its output, compared."""

    case: Row
    output: Row

    @property
    def expected(self) -> str:
        return str(self.case["expected_decision"])

    @property
    def decided(self) -> str:
        return str(self.output["decision"])

    @property
    def right(self) -> bool:
        return self.expected == self.decided


def evaluate(cases: Sequence[Row], outputs: Sequence[Row]) -> dict[str, Share]:
    """Return every measure by name. Cases and outputs are in the same order; ids must agree.

    Raises ValueError where they do not, or where a case lacks `expected_decision`.
    """
    scored = [_pair(case, output) for case, output in zip(cases, outputs, strict=True)]
    clear = [s for s in scored if s.expected != "review"]
    unclear = [s for s in scored if s.expected == "review"]
    single = [s for s in scored if len(s.case["policies"]) == 1]
    several = [s for s in scored if len(s.case["policies"]) >= 3]
    return {
        "schema_valid": _share(scored, lambda s: _schema_valid(s.output)),
        "evidence_verbatim": _share(scored, _evidence_verbatim),
        "decision_right": _share(scored, lambda s: s.right),
        "decision_right_single_clause": _share(single, lambda s: s.right),
        "decision_right_3_or_more_clauses": _share(several, lambda s: s.right),
        "decision_wrong_not_abstained": _share(scored, lambda s: not s.right and s.decided != "review"),
        "must_pass_right": _share(_with(scored, "must_pass"), lambda s: s.right),
        "wrong_approvals": _share([s for s in scored if s.expected != "eligible"], lambda s: s.decided == "eligible"),
        "wrong_refusals": _share(
            [s for s in scored if s.expected != "not_eligible"], lambda s: s.decided == "not_eligible"
        ),
        "ambiguous_sent_to_review": _share(unclear, lambda s: s.decided == "review"),
        "clear_sent_to_review": _share(clear, lambda s: s.decided == "review"),
        "clear_routed_to_review": _share(clear, lambda s: s.output.get("route") == "review"),
        "clause_right": _share(_with(clear, "expected_policy_id"), _clause_right),
        "clause_right_3_or_more_clauses": _share(
            [s for s in _with(clear, "expected_policy_id") if len(s.case["policies"]) >= 3], _clause_right
        ),
        "reason_right": _share(
            _with(scored, "expected_reason"), lambda s: s.output["reason"] == s.case["expected_reason"]
        ),
        "evidence_right": _share([s for s in _with(clear, "required_evidence") if s.right], _evidence_right),
        "twins_both_right": twins(scored),
        "unsupported_claims": _share(scored, _claims_unsupported),
        **_replies(scored),
        "closed_by_itself": _share(scored, lambda s: s.output.get("route") == "auto_close"),
        "closed_wrongly": _share([s for s in scored if s.output.get("route") == "auto_close"], lambda s: not s.right),
    }


def _replies(scored: Sequence[Scored]) -> dict[str, Share]:
    """Return what can be told of the replies: cited clause, length, language, promises, quotes, copying, tone."""
    told = [one for one in scored if str(one.output.get("reply") or "").strip()]
    found = {id(one): _traits(one) for one in told}
    cited = [one for one in told if is_telling(str(one.output["policy_id"] or ""))]
    spoken = [(one, language_of(str(one.case["message"]))) for one in told]
    known = [(one, language) for one, language in spoken if language is not None]
    return {
        "reply_written": Share(len(told), len(scored)),
        "reply_cites_its_clause": _share(cited, lambda s: s.output["policy_id"] in found[id(s)].cites),
        "reply_cites_another": _share(cited, lambda s: bool(set(found[id(s)].cites) - {s.output["policy_id"]})),
        "reply_fits_in_length": _share(told, lambda s: found[id(s)].fits_in_length),
        "reply_in_customers_language": Share(sum(found[id(s)].language == lang for s, lang in known), len(known)),
        "reply_polite": _share(told, lambda s: found[id(s)].kind and not found[id(s)].harsh),
        "reply_promises": _share(told, lambda s: found[id(s)].promises),
        "reply_misquotes": _share(told, lambda s: bool(quoted_elsewhere(str(s.output["reply"]), _sources(s)))),
        "reply_copies_message": _share(told, lambda s: found[id(s)].copied > COPIES),
    }


def _traits(scored: Scored) -> Traits:
    policies = scored.case["policies"]
    ids = [str(policy["policy_id"]) for policy in policies]
    return traits_of(str(scored.output["reply"]), str(scored.case["message"]), ids, [str(p["text"]) for p in policies])


def _sources(scored: Scored) -> list[str]:
    return [str(scored.case["message"]), *(str(policy["text"]) for policy in scored.case["policies"])]


def twins(scored: Iterable[Scored]) -> Share:
    """Return how many groups of cases with the same `twin` (same message, another fact or clause) are all right."""
    groups: dict[str, list[bool]] = {}
    for one in scored:
        if one.case.get("twin") is not None:
            groups.setdefault(str(one.case["twin"]), []).append(one.right)
    complete = [rights for rights in groups.values() if len(rights) > 1]
    return Share(sum(all(rights) for rights in complete), len(complete))


def by_group(cases: Sequence[Row], outputs: Sequence[Row], field: str) -> dict[str, Share]:
    """Return the share of right decisions for every value of a field of the cases, such as `category`."""
    groups: dict[str, list[Scored]] = {}
    for case, output in zip(cases, outputs, strict=True):
        groups.setdefault(str(case.get(field)), []).append(_pair(case, output))
    return {name: _share(group, lambda s: s.right) for name, group in sorted(groups.items())}


def _pair(case: Row, output: Row) -> Scored:
    if str(case.get("id")) != str(output.get("id")):
        raise ValueError(f"case {case.get('id')!r} stands beside output {output.get('id')!r}; keep their order")
    if case.get("expected_decision") not in ("eligible", "not_eligible", "review"):
        raise ValueError(f"case {case.get('id')!r}: expected_decision must be eligible, not_eligible or review")
    return Scored(case, output)


def _share(scored: Sequence[Scored], holds: Callable[[Scored], bool]) -> Share:
    return Share(sum(1 for one in scored if holds(one)), len(scored))


def _with(scored: Iterable[Scored], field: str) -> list[Scored]:
    return [one for one in scored if one.case.get(field)]


def _schema_valid(output: Row) -> bool:
    return output.get("reason") is not None and not output.get("error")


def _clause_right(scored: Scored) -> bool:
    return bool(scored.output["policy_id"] == scored.case["expected_policy_id"])


def _evidence_verbatim(scored: Scored) -> bool:
    """Tell whether the evidence stands in the text of the clause it cites, or is empty where none governs."""
    evidence, policy_id = scored.output["evidence"], scored.output["policy_id"]
    if policy_id is None:
        return bool(evidence == "")
    texts = [p["text"] for p in scored.case["policies"] if str(p["policy_id"]) == policy_id]
    return bool(evidence) and any(evidence in text for text in texts)


def _evidence_right(scored: Scored) -> bool:
    needed, given = str(scored.case["required_evidence"]), str(scored.output["evidence"])
    return bool(given) and (needed in given or given in needed)


def _claims_unsupported(scored: Scored) -> bool:
    failed = [f for f in scored.output.get("findings", ()) if f["check"] == "claims_supported" and not f["passed"]]
    return bool(failed)
