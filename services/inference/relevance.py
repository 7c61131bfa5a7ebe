"""Which of many clauses concern a case: how near their meanings are to the message and to the facts' names.

Three witnesses, added up: the sentence encoder on the customer's words, the encoder on the names of the facts that the
shop established (`holiday_purchase` points at the clause on purchases before a holiday), and the retrieval's own
lexical ranking. Decides nothing: the checkpoint chooses among the best, and `leanings` weighs with it in that choice.
A small checkpoint knows why a customer returns long before it knows which clause that is about; the encoder, told the
reason in plain words, finds the clause. Measured: docs/checkpoint.md.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from policies import PolicyVersion, Reason
from policies.retrieval import rank
from services.domain.facts import FactValue

if TYPE_CHECKING:
    from services.inference.encoder import Encoder

_MEANING, _FACTS, _NAMES, _RETRIEVAL, _ITEM = 1.0, 0.6, 0.1, 0.05, 0.2
_SHARP = 12.0
"""How fast a fact's vote falls from the clause nearest to it: cosines of unlike clauses differ by about 0.2."""
_FAR = 0.3
"""A fact whose nearest clause is no nearer than this cosine speaks of something else."""
_FALSE = 0.4
_ELSEWHERE = 0.2
"""A fact whose name is nearer by this cosine to another clause of the shop is that clause's (measured: in 57 shops of
golden and exam 0 of 144 facts that a clause asks for were taken from it, and 47 of 82 others on the exam)."""
_STEM = 5
_WORD = re.compile(r"[^\W\d_]+")
# Facts that every order has, and words that say nothing of a clause.
_EVERYWHERE = frozenset(
    {"order_id", "item", "category", "price_cents", "currency", "delivered_on", "requested_on", "days_since_delivery"}
)
_COMMON = frozenset({"a", "confirmed", "days", "delivery", "for", "has", "in", "is", "of", "on", "since", "the", "was"})

_LEAN_CASE, _LEAN_REASON = 5.0, 10.0
"""How much a cosine weighs beside the checkpoint's logits."""
_PLAINLY: Mapping[Reason, tuple[str, ...]] = {
    Reason.DAMAGED: (
        "The item arrived damaged or broken in transit.",
        "Goods broken, dented or scratched on delivery.",
    ),
    Reason.DEFECTIVE: ("The item is defective and stopped working.", "A fault or malfunction of the device."),
    Reason.WRONG_ITEM: (
        "The wrong item was sent, another size, colour or model than ordered.",
        "A delivery that does not match the order.",
    ),
    Reason.NOT_AS_DESCRIBED: (
        "The item is not as described on the product page.",
        "Goods that differ from the advertisement or data sheet.",
    ),
    Reason.MISSING_PARTS: ("Parts or accessories are missing from the parcel.", "An incomplete delivery."),
    Reason.LATE_DELIVERY: ("The order arrived late, after the promised delivery date.", "Delay of the delivery."),
    Reason.CHANGE_OF_MIND: (
        "The customer changed their mind and no longer wants the item, unused and unopened.",
        "Return for any reason, without giving reasons.",
    ),
    Reason.SPOILED: ("Food arrived spoiled, rotten or past its date.", "Perished goods."),
    Reason.SAFETY_RECALL: ("The product was recalled for safety reasons.", "A recall by the manufacturer."),
    Reason.UNCLEAR: ("The customer gives no reason.", "Return for any reason, without giving reasons."),
}

Scores = NDArray[np.float32]


def _encoder() -> "Encoder":
    # Parents that fork import this module, and torch must not be loaded in them.
    from services.inference.encoder import shared_encoder  # noqa: PLC0415

    return shared_encoder()


def most_relevant(
    policies: Sequence[PolicyVersion], message: str, facts: Mapping[str, FactValue]
) -> tuple[PolicyVersion, ...]:
    """Return the clauses, the most relevant first; ties keep the given order."""
    order = np.argsort(-relevance(policies, message, facts), kind="stable")
    return tuple(policies[place] for place in order)


def relevance(policies: Sequence[PolicyVersion], message: str, facts: Mapping[str, FactValue]) -> Scores:
    """Return one score a clause, float32 [clauses]; only differences between clauses of one call mean anything."""
    if not policies:
        return np.zeros(0, np.float32)
    encoder = _encoder()
    retrieved = {id(one.version): one.score for one in rank(policies, message, facts)}
    lexical = np.array([min(20.0, max(-5.0, retrieved.get(id(policy), -5.0))) for policy in policies], np.float32)
    scores = _MEANING * _by_meaning(encoder, policies, message) + _RETRIEVAL * lexical
    scores += _FACTS * _by_facts(encoder, policies, facts) + _NAMES * _by_names(policies, facts)
    if item := str(facts.get("item") or ""):
        scores += _ITEM * _nearest(encoder, policies, item)
    return np.asarray(scores, np.float32)


def leanings(policies: Sequence[PolicyVersion], message: str, facts: Mapping[str, FactValue], reason: Reason) -> Scores:
    """Return what to add to the checkpoint's logit of each clause, once it has said the reason; float32 [clauses]."""
    by_reason = np.array([_nearest(_encoder(), policies, text) for text in _PLAINLY[reason]]).max(axis=0)
    scores = _LEAN_CASE * relevance(policies, message, facts) + _LEAN_REASON * by_reason
    return np.asarray(scores, np.float32)


def facts_for(
    policy: PolicyVersion, policies: Sequence[PolicyVersion], facts: Mapping[str, FactValue]
) -> dict[str, FactValue]:
    """Return the facts that one of the shop's clauses may ask for: not those that plainly belong to another one."""
    encoder = _encoder()
    kept: dict[str, FactValue] = {}
    for name, value in facts.items():
        if name in _EVERYWHERE or name.startswith("days_"):
            kept[name] = value
            continue
        wanted = encoder.embed([" ".join(_WORD.findall(name))])[0]
        near = {id(one): float((encoder.embed(one.sentences) @ wanted).max()) for one in (policy, *policies)}
        if max(near.values()) - near[id(policy)] <= _ELSEWHERE:
            kept[name] = value
    return kept


def _by_meaning(encoder: "Encoder", policies: Sequence[PolicyVersion], message: str) -> Scores:
    """Return how near each clause is to the message: as a whole, and its nearest sentence."""
    whole = encoder.embed([policy.text for policy in policies]) @ encoder.embed([message])[0]
    return np.asarray((whole + _nearest(encoder, policies, message)) / 2, np.float32)


def _nearest(encoder: "Encoder", policies: Sequence[PolicyVersion], text: str) -> Scores:
    wanted = encoder.embed([text])[0]
    return np.array([(encoder.embed(policy.sentences) @ wanted).max() for policy in policies], np.float32)


def _by_facts(encoder: "Encoder", policies: Sequence[PolicyVersion], facts: Mapping[str, FactValue]) -> Scores:
    """Return for each clause how many facts it is the nearest clause to; what was found true counts most."""
    scores = np.zeros(len(policies), np.float32)
    for name, value in facts.items():
        if name in _EVERYWHERE:
            continue
        near = _nearest(encoder, policies, " ".join(_WORD.findall(name)))
        best = float(near.max())
        weight = max(0.0, best - _FAR) * (1.0 if value is True else _FALSE)
        scores += weight * np.exp(_SHARP * (near - best))
    return scores


def _by_names(policies: Sequence[PolicyVersion], facts: Mapping[str, FactValue]) -> Scores:
    """Return for each clause the share of fact-name words it uses; words that few clauses use count more."""
    texts = [{word[:_STEM] for word in _WORD.findall(policy.text.lower())} for policy in policies]
    scores = np.zeros(len(policies), np.float32)
    for name in facts:
        words = [word[:_STEM] for word in _WORD.findall(name.lower().replace("_", " ")) if word not in _COMMON]
        if name in _EVERYWHERE or not words:
            continue
        for word in words:
            using = [place for place, text in enumerate(texts) if word in text]
            for place in using:
                scores[place] += 1 / len(using) / len(words)
    return scores
