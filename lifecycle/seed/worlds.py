"""Facts for a case: what a clause asks for is set to the truth the case is to have, the rest is drawn around it.

Truth itself is never stored here: `readings` compares the finished facts again, exactly as serving does.
"""

import random
from collections.abc import Sequence

from lifecycle.seed.bank import ClauseTemplate, Item, Test, distractor_facts
from services.domain.decision import Truth
from services.domain.facts import FactValue

# Other shops' names for the facts our rules use, so that the model matches words and not one spelling.
ALIASES: dict[str, tuple[str, ...]] = {
    "damage_confirmed": (
        "damage_verified", "inspection_found_damage", "damaged_on_arrival", "damage_established", "confirmed_damaged",
        "damage_on_arrival_confirmed", "item_damaged", "damage_documented", "is_damaged", "breakage_confirmed",
    ),
    "defect_confirmed": (
        "defect_verified", "fault_confirmed", "malfunction_verified", "is_defective", "defective",
        "technician_confirmed_fault", "fault_found", "confirmed_defective", "not_working_confirmed",
    ),
    "wrong_item_confirmed": (
        "wrong_item_shipped", "shipped_wrong_item", "mispick_confirmed", "item_mismatch_confirmed",
        "wrong_article_verified", "picking_error", "wrong_item_verified", "sku_mismatch",
    ),
    "mismatch_confirmed": (
        "not_as_described_confirmed", "listing_mismatch", "description_error_confirmed", "differs_from_listing",
        "misdescribed", "description_mismatch_verified",
    ),
    "parts_missing_confirmed": (
        "missing_parts_confirmed", "parts_missing", "incomplete_delivery", "shipment_incomplete",
        "missing_part_verified",
    ),
    "spoilage_confirmed": ("spoiled_on_arrival", "spoilage_verified", "spoiled", "freshness_issue_confirmed"),
    "unopened": ("sealed", "seal_intact", "package_unopened", "factory_sealed"),
    "unused": ("not_used", "is_unused", "unworn", "in_unused_condition"),
    "final_sale": ("is_final_sale", "sold_as_final", "clearance_final", "final_sale_item"),
    "recalled": ("under_recall", "recall_active", "safety_recall", "recall_notice"),
    "proof_of_purchase": ("receipt_provided", "has_receipt", "receipt_on_file", "purchase_proven"),
    "delivered_late": ("late_delivery_confirmed", "arrived_late", "delivery_was_late", "carrier_confirmed_late"),
    "original_packaging": ("in_original_packaging", "has_original_box", "packaging_complete", "original_box"),
    "tags_attached": ("tags_on", "labels_attached", "tags_intact", "hang_tags_present"),
    "photo_provided": ("photos_received", "photo_on_file", "has_photos", "photo_evidence"),
}  # fmt: skip

_USUAL: tuple[tuple[str, tuple[FactValue, ...]], ...] = (
    ("damage_confirmed", (True, False, False, None)),
    ("defect_confirmed", (False, None)),
    ("wrong_item_confirmed", (False, None)),
    ("unopened", (True, False)),
    ("final_sale", (False, False, False, True)),
    ("delivered", (True,)),
    ("prior_returns", (0, 1, 2, 3)),
    ("proof_of_purchase", (True, False)),
    ("original_packaging", (True, False, None)),
    ("is_gift", (False, True)),
)
_TEXT_VALUES = ("standard", "web", "card", "blue", "France", "basic", "online", "warehouse 2", "regular", "Spain")


def rename(clauses: Sequence[ClauseTemplate], rng: random.Random) -> dict[str, str]:
    """Draw other names for some of the facts that the clauses test."""
    names = {test.fact for clause in clauses for alternatives in clause.conditions for test in alternatives}
    return {name: rng.choice(ALIASES[name]) for name in sorted(names) if name in ALIASES and rng.random() < 0.45}


def near(limit: int, relation: str, holds: bool, rng: random.Random) -> int:
    """Draw a number on the wanted side of a limit, often right at its edge."""
    strict = relation in ("<", ">")
    below = (relation in ("<=", "<")) == holds
    edge = 0 if (holds != strict) else 1
    distance = edge if rng.random() < 0.35 else edge + rng.randint(1, max(3, limit))
    return max(0, limit - distance) if below else limit + distance


def value_for(test: Test, holds: bool, limit: int | None, rng: random.Random) -> FactValue:
    """Return a fact value for which the test holds, or fails."""
    if limit is not None:
        return near(limit, test.relation, holds, rng)
    if test.wanted in ("true", "false"):
        return (test.wanted == "true") == holds
    equal = (test.relation == "is") == holds
    return test.wanted if equal else rng.choice([value for value in _TEXT_VALUES if value != test.wanted])


def base_facts(item: Item, order_id: str, rng: random.Random) -> dict[str, FactValue]:
    """Return what every order has, and some usual flags that most cases do not turn on."""
    facts: dict[str, FactValue] = {
        "order_id": order_id,
        "item": item.item,
        "category": item.category,
        "price_cents": rng.randint(item.price[0] // 10, item.price[1] // 10) * 10,
        "currency": rng.choice(["EUR", "EUR", "EUR", "GBP", "USD", "CHF"]),
        "days_since_delivery": rng.randint(0, 60),
    }
    for name, values in rng.sample(_USUAL, rng.randint(0, 3)):
        facts[name] = rng.choice(values)
    if rng.random() < 0.15:
        # Counted from another day than the clause's: only reading tells which count it means.
        other = rng.choice(["days_since_order", "days_since_purchase", "days_since_dispatch"])
        facts[other] = rng.randint(1, 9) + rng.randint(0, 60)
    pool = distractor_facts()
    for name, values in rng.sample(pool, min(len(pool), rng.choice([0, 0, 0, 1, 1, 2]))):
        facts[name] = rng.choice(values)
    return facts


def shuffled(facts: dict[str, FactValue], rng: random.Random) -> dict[str, FactValue]:
    """Keep the order's own facts first, as shops send them, and shuffle the rest."""
    head = [name for name in ("order_id", "item", "category", "price_cents", "currency") if name in facts]
    rest = [name for name in facts if name not in head]
    if rng.random() < 0.7:
        rng.shuffle(rest)
    return {name: facts[name] for name in [*head, *rest]}


def wanted_truths(count: int, target: Truth, rng: random.Random) -> list[Truth]:
    """Draw a truth for each of `count` conditions so that their conjunction is `target`."""
    if count == 0 or target is Truth.YES:
        return [Truth.YES] * count
    truths = [Truth.YES] * count
    truths[rng.randrange(count)] = target
    if target is Truth.NO and count > 1 and rng.random() < 0.3:
        truths[rng.randrange(count)] = rng.choice([Truth.NO, Truth.UNKNOWN])
        if Truth.NO not in truths:
            truths[rng.randrange(count)] = Truth.NO
    return truths
