"""Customers of the sample shop: one request for each order that has a story, with what a fair reader would decide.

The truth is worked out from `infra/samples/orders.json` by the short table below, not by the product's own rules, so
that a reviewer who follows it is somebody else than the verifier. Articles whose right clause is open to debate are
left out. Submitting and labelling is `scripted_day`.
"""

import json
import random
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

ORDERS = Path(__file__).resolve().parents[2] / "infra" / "samples" / "orders.json"
STORIES = "A2"
"""The drawn orders' ids begin so; the others belong to `requests.jsonl`."""


class Clause(NamedTuple):
    """How a clause reads: how its deciding sentence begins, its conditions in the pages' shorthand, what it gives."""

    sentence: str
    conditions: tuple[str, ...]
    tool: str


class Case(NamedTuple):
    """A request and what is right for it."""

    order_id: str
    item: str
    message: str
    reason: str
    clause: str
    outcome: str

    @property
    def body(self) -> dict[str, str]:
        return {"order_id": self.order_id, "item": self.item, "message": self.message}


def _fault(sentence: str, confirmed: str, days: int, tool: str = "create_return_label") -> Clause:
    return Clause(sentence, (f"days_since_delivery <= {days}", f"{confirmed} is true"), tool)


CLAUSES = {
    "P-1": Clause("If you changed", ("unopened is true", "days_since_delivery <= 30"), "create_return_label"),
    "P-2": _fault("If we sent", "wrong_item_confirmed", 30),
    "P-3": _fault("An article with", "defect_confirmed", 30),
    "P-4": _fault("If an article", "mismatch_confirmed", 30),
    "P-6": _fault("If a part", "parts_missing_confirmed", 14),
    "P-7": _fault("Damaged items", "damage_confirmed", 30),
    "P-8": Clause("Articles marked", ("final_sale is false",), ""),
    "P-9": Clause("For the health", ("unopened is true", "final_sale is false", "days_since_delivery <= 30"),
                  "create_return_label"),
    "P-11": Clause("An order placed", ("is_gift is true", "unopened is true", "days_since_delivery <= 90"),
                   "create_return_label"),
    "P-12": _fault("Our warranty", "defect_confirmed", 730),
    "P-13": _fault("If they are", "spoilage_confirmed", 3, "issue_refund"),
    "P-15": Clause("You may return", ("recalled is true",), "create_return_label"),
    "P-16": Clause("Digital goods", ("downloaded is false", "days_since_purchase <= 14"), "issue_refund"),
}  # fmt: skip

FAULTS = {
    "damage_confirmed": ("damaged", "P-7"),
    "wrong_item_confirmed": ("wrong_item", "P-2"),
    "defect_confirmed": ("defective", "P-3"),
    "mismatch_confirmed": ("not_as_described", "P-4"),
    "parts_missing_confirmed": ("missing_parts", "P-6"),
    "spoilage_confirmed": ("spoiled", "P-13"),
    "recalled": ("safety_recall", "P-15"),
}

WORDS: dict[str, tuple[str, ...]] = {
    "damaged": (
        "Took the {item} out of the parcel this morning and there is a long crack right across it.",
        "The box was soaked and squashed, and what is left of the {item} has a big dent. Can this go back?",
        "So the {item} is chipped in two places. I did not drop it, it was like that under the wrapping.",
        "Der Karton war eingerissen und an der Ware ({item}) ist eine Ecke abgebrochen. Was kann ich tun?",
        "Scratches everywhere on this {item}! Looks as if somebody dragged it over gravel before packing it.",
        "Broken on arrival: {item}. I only lifted the lid and half of it came out in splinters.",
    ),
    "wrong_item": (
        "I asked for the {item} and somebody at your end packed a thing I have never seen before.",
        "This is not the {item} from my order. Colour and model are both another one.",
        "you mixed something up, the label says {item}, inside is a different article altogether",
        "Ich habe etwas anderes bekommen als bestellt, statt {item} lag ein fremder Artikel im Paket.",
        "The {item} came in a completely different model than the one on my invoice. Swap it please?",
    ),
    "defective": (
        "The {item} gave up on its second day. It was never dropped, it just does not do its job any more.",
        "Something is wrong inside the {item}: it worked once and has been dead since.",
        "hello, my {item} has a fault, the seam / the mechanism came apart all by itself in normal use",
        "Le produit ({item}) ne fonctionne pas, il est tombé en panne tout seul.",
        "I am afraid this {item} is faulty. It fails every single time that I try to use it.",
    ),
    "not_as_described": (
        "Your page shows the {item} quite differently: other material, other measurements. Please take it back.",
        "The {item} has nothing to do with its description. I feel a bit cheated by the photo.",
        "According to the website the {item} is twice as big as what I am holding now.",
        "What I read about the {item} and what I unpacked are two different things, starting with the material.",
    ),
    "missing_parts": (
        "I unpacked the {item} and counted: some of what belongs to it is not in the parcel.",
        "Half of the accessories of the {item} were not in there, and the manual neither.",
        "incomplete {item}, two pieces short. can you send the rest or take all of it back",
        "Beim Artikel {item} fehlen Teile, ich habe alles zweimal durchsucht.",
    ),
    "spoiled": (
        "The {item} was past saving when I opened the parcel. It smells and nobody here wants to touch it.",
        "Everything about the {item} says rotten. It must have stood in the heat for days.",
        "the {item} arrived spoiled, brown and limp. i cannot give that to anyone",
    ),
    "safety_recall": (
        "A notice in the shop window says that the {item} is recalled for safety. Mine is the same one.",
        "The manufacturer warns that the {item} can hurt somebody. May I send it back to you?",
    ),
    "change_of_mind": (
        "I have thought about it again and do not need the {item} after all. Nothing is wrong with it.",
        "The {item} is fine, only not my taste once I saw it at home. How do I send it back?",
        "bought the {item} on a whim, regret it, would like to give it back",
        "We already had a {item}, my partner ordered one the same week. May ours come back to you?",
        "Der Artikel ({item}) gefällt mir doch nicht so gut, ich möchte ihn gern zurückgeben.",
        "Wrong size for me, my own mistake. Everything else about the {item} is in order. Return possible?",
        "J'ai changé d'avis au sujet de cet article ({item}), puis-je le renvoyer ?",
        "I was going to give the {item} to a friend who moved away. Can I still return it?",
    ),
}
"""Words of customers that are none of the evaluation suites': a label that repeats a case of the gate never trains."""


def cases(seed: int = 1) -> list[Case]:
    """Return the cases of the drawn orders, in a fixed order; another seed puts other words into their mouths."""
    document = json.loads(ORDERS.read_text(encoding="utf-8"))
    today, rng = date.fromisoformat(document["as_of"]), random.Random(seed)
    turn = dict.fromkeys(WORDS, seed)
    found: list[Case] = []
    for order in document["orders"]:
        if not order["order_id"].startswith(STORIES) or order["delivered_on"] is None:
            continue
        line = rng.choice(order["lines"])
        known = _facts_of(order, line, today)
        told = _story(known)
        if told is None:
            continue
        reason, clause, outcome = told
        message = WORDS[reason][turn[reason] % len(WORDS[reason])].format(item=line["item"])
        turn[reason] += 1
        found.append(Case(order["order_id"], line["item"], message, reason, clause, outcome))
    return found


def _facts_of(order: dict[str, Any], line: dict[str, Any], today: date) -> dict[str, Any]:
    since = {
        f"days_since_{what}": (today - date.fromisoformat(order[f"{key}_on"])).days
        for what, key in (("delivery", "delivered"), ("purchase", "purchased"))
    }
    return {"category": line["category"], **order["facts"], **line["facts"], **since}


def _story(known: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return (reason, clause, outcome) of what this customer may write about; None where that is open to debate."""
    for fact, (reason, clause) in FAULTS.items():
        if fact in known:
            late = reason == "defective" and known["days_since_delivery"] > 30
            governs = "P-12" if late else clause
            return reason, governs, _outcome(known, CLAUSES[governs].conditions)
    special = [
        clause
        for clause, fits in (
            ("P-8", known["final_sale"]),
            ("P-9", known["category"] in {"beauty", "hygiene"}),
            ("P-11", known["is_gift"]),
            ("P-16", known["category"] == "digital"),
        )
        if fits
    ]
    if len(special) > 1 or "bundle_complete" in known or known["category"] in {"food", "flowers"}:
        return None
    clause = special[0] if special else "P-1"
    return "change_of_mind", clause, _outcome(known, CLAUSES[clause].conditions)


def _outcome(known: dict[str, Any], conditions: tuple[str, ...]) -> str:
    """Return what the conditions come to: one that fails refuses, else one that is unknown leaves it to a person."""
    results = []
    for condition in conditions:
        fact, relation, wanted = condition.split()
        value = known.get(fact)
        if value is None:
            results.append(None)
        else:
            results.append(value <= int(wanted) if relation == "<=" else value == (wanted == "true"))
    if False in results:
        return "not_eligible"
    return "review" if None in results else "eligible"
