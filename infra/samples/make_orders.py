"""Write `orders.json`: a sample shop's orders, told as of one fixed day. Run it again only to change the sample shop.

    python infra/samples/make_orders.py > infra/samples/orders.json

The orders that the sample requests are about are spelled out; the others are drawn with a fixed seed. Nobody in it
exists: addresses are of example.com. Imports nothing of ours; `services.adapters.order_file` reads and checks the file.
"""

import json
import random
import sys
from datetime import date, timedelta
from typing import Any

AS_OF = date(2026, 11, 24)
SEED = 10234
DRAWN = 200

# Category, item, price in cents.
CATALOGUE = (
    ("home", "floor lamp", 8900), ("home", "desk lamp", 3900), ("home", "wall mirror", 6400),
    ("home", "wool blanket", 5900), ("home", "ceramic vase", 2900), ("home", "bookshelf", 12900),
    ("home", "kitchen scale", 2500), ("home", "espresso cups, set of 6", 3400), ("home", "cast iron pan", 7400),
    ("home", "wall clock", 4200), ("home", "storage basket", 1900), ("home", "bed linen", 6900),
    ("electronics", "bluetooth headphones", 8900), ("electronics", "coffee machine", 24900),
    ("electronics", "tablet", 37900), ("electronics", "electric kettle", 4500), ("electronics", "smart watch", 19900),
    ("electronics", "usb charger", 2200), ("electronics", "e-reader", 12900), ("electronics", "hand blender", 5400),
    ("electronics", "vacuum cleaner", 18900), ("electronics", "monitor, 27 inch", 28900),
    ("fashion", "running shoes", 11900), ("fashion", "wool sweater", 7900), ("fashion", "rain jacket", 13900),
    ("fashion", "leather belt", 3500), ("fashion", "summer dress", 5900), ("fashion", "linen shirt", 4900),
    ("fashion", "hiking boots", 15900), ("fashion", "silk scarf", 4400), ("fashion", "jeans", 6900),
    ("beauty", "face cream", 3200), ("beauty", "lipstick", 1900), ("beauty", "perfume", 6900),
    ("beauty", "hair dryer", 4900), ("hygiene", "electric toothbrush", 7900), ("hygiene", "swimsuit", 4500),
    ("hygiene", "earphones", 5900), ("food", "cheese box", 3900), ("food", "olive oil, 3 bottles", 3600),
    ("food", "coffee beans, 1 kg", 2100), ("food", "chocolate box", 2400), ("flowers", "tulip bouquet", 2900),
    ("flowers", "orchid", 3400), ("toys", "wooden train", 4900), ("toys", "building blocks", 3900),
    ("toys", "board game", 3400), ("toys", "stuffed bear", 2600), ("sports", "yoga mat", 3900),
    ("sports", "tent, 2 persons", 17900), ("sports", "bicycle helmet", 6900), ("sports", "dumbbells, pair", 5400),
    ("books", "cookbook", 2900), ("books", "atlas", 4900), ("books", "novel", 1400),
    ("garden", "garden chair", 6900), ("garden", "hedge shears", 3900), ("garden", "planter", 2500),
    ("digital", "e-book", 1200), ("digital", "photo software licence", 8900), ("digital", "audio book", 1700),
)  # fmt: skip
CURRENCIES = ("EUR",) * 16 + ("GBP", "USD", "SEK", "CHF")
PAYMENTS = ("card", "card", "card", "paypal", "paypal", "invoice", "bank_transfer", "gift_card")
CONFIRMATIONS = (
    "damage_confirmed",
    "defect_confirmed",
    "wrong_item_confirmed",
    "parts_missing_confirmed",
    "mismatch_confirmed",
)


def days_before(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def line(item: str, category: str, price_cents: int, **facts: bool | None) -> dict[str, Any]:
    """Return one line; whatever `facts` leaves out is as on most orders: opened, no final sale."""
    common: dict[str, bool | None] = {"final_sale": False, "unopened": False}
    return {"item": item, "category": category, "price_cents": price_cents, "facts": common | facts}


def order(order_id: str, lines: list[dict[str, Any]], *, delivered: int | None, **changed: Any) -> dict[str, Any]:
    """Return one order, delivered so many days ago, or None for not yet. `changed` replaces what is usual."""
    promised = changed.pop("promised", delivered if delivered is not None else -2)
    purchased = changed.pop("purchased", max(promised, delivered or 0, 0) + 4)
    facts = {"payment_method": "card", "is_gift": False, "prior_returns_12m": 0} | changed.pop("facts", {})
    return {
        "order_id": order_id,
        "currency": "EUR",
        "purchased_on": days_before(purchased),
        "promised_on": days_before(promised),
        "delivered_on": None if delivered is None else days_before(delivered),
        "customer_email": f"{order_id.lower()}@example.com",
        "facts": facts,
        "lines": lines,
    } | changed


def told() -> list[dict[str, Any]]:
    """Return the orders that the sample requests are about, each with a story of its own."""
    bundle = line("garden furniture set", "garden", 24900, unopened=True, bundle_complete=False)
    tea = [line("teapot", "home", 3900), line("mug", "home", 1200), line("tray", "home", 2400, damage_confirmed=True)]
    return [
        order("A10234", [line("lamp", "home", 4900, damage_confirmed=True)], delivered=12),
        order("A10241", [line("running shoes", "fashion", 11900, wrong_item_confirmed=True)], delivered=6),
        order("A10250", [line("bluetooth headphones", "electronics", 8900, defect_confirmed=True)], delivered=210),
        order("A10257", [line("wool sweater", "fashion", 7900, unopened=True)], delivered=14),
        order("A10260", [line("summer dress", "fashion", 2900, unopened=True, final_sale=True)], delivered=5),
        order("A10266", [line("coffee machine", "electronics", 24900, damage_confirmed=None)], delivered=3),
        order("A10271", [line("cheese box", "food", 3900, spoilage_confirmed=True, perishable=True)], delivered=1),
        order("A10275", [line("bookshelf", "home", 12900, parts_missing_confirmed=True)], delivered=9),
        order("A10280", [line("wooden train", "toys", 4900, unopened=True)], delivered=75, facts={"is_gift": True}),
        order("A10288", [bundle], delivered=8),
        order("A10290", [line("electric blanket", "home", 5900, recalled=True)], delivered=300),
        order("A10295", [line("lipstick", "beauty", 1900, hygiene_item=True)], delivered=4),
        order("A10300", [line("e-book", "digital", 1200, digital=True, downloaded=True)], delivered=2),
        order("A10305", [line("standing desk", "home", 39900, unopened=None)], delivered=None, promised=14),
        order("A10306", [line("rain jacket", "fashion", 13900, unopened=None)], delivered=None, promised=-7),
        order("A10312", [line("backpack", "sports", 7400, mismatch_confirmed=True)], delivered=11),
        order("A10318", [line("wall mirror", "home", 6400, damage_confirmed=True)], delivered=54),
        order("A10320", tea, delivered=7),
        order("A10325", [line("ceramic vase", "home", 2900, damage_confirmed=False)], delivered=10),
        order("A10331", [line("television", "electronics", 129900, damage_confirmed=True)], delivered=2),
        order(
            "A10340", [line("phone", "electronics", 49900, defect_confirmed=None, damage_confirmed=None)], delivered=16
        ),
        order("A10344", [line("board game", "toys", 3400, unopened=True)], delivered=33),
        order("A10351", [line("face cream", "beauty", 3200, unopened=True, hygiene_item=True)], delivered=3),
        order("A10358", [line("tulip bouquet", "flowers", 2900, perishable=True)], delivered=6, promised=8),
    ]


def drawn(order_id: str, random_source: random.Random) -> dict[str, Any]:
    """Return an order like many others: one to three articles, now and then late, opened, reduced or inspected."""
    lines = [_drawn_line(article, random_source) for article in _articles(random_source)]
    delivered = None if random_source.random() < 0.08 else min(800, int(random_source.expovariate(1 / 25)))
    if delivered is None:  # Nobody has opened or inspected what has not arrived.
        for one in lines:
            one["facts"] = {"final_sale": one["facts"]["final_sale"]}
    late = random_source.choice((0, 0, 0, 0, 1, 2, 5, 9, 15))
    promised = (delivered if delivered is not None else random_source.randint(-8, 4)) + late
    return order(
        order_id,
        lines,
        delivered=delivered,
        promised=promised,
        currency=random_source.choice(CURRENCIES),
        already_refunded_cents=lines[0]["price_cents"] // 2 if random_source.random() < 0.04 else 0,
        facts={
            "payment_method": random_source.choice(PAYMENTS),
            "is_gift": random_source.random() < 0.1,
            "prior_returns_12m": random_source.choice((0, 0, 0, 0, 1, 1, 2, 3, 7)),
        },
    )


def _articles(random_source: random.Random) -> list[tuple[str, str, int]]:
    return random_source.sample(CATALOGUE, random_source.choice((1, 1, 1, 1, 1, 1, 2, 2, 3)))


def _drawn_line(article: tuple[str, str, int], random_source: random.Random) -> dict[str, Any]:
    category, item, price_cents = article
    quantity = random_source.choice((1, 1, 1, 1, 1, 2, 3))
    reduced = random_source.random() < 0.12
    made = line(item, category, price_cents * quantity * (6 if reduced else 10) // 10, final_sale=reduced)
    facts = made["facts"]
    facts["unopened"] = random_source.choice((True, True, False, False, None))
    for name in CONFIRMATIONS:
        if random_source.random() < 0.2:
            facts[name] = random_source.random() < 0.6
    if category in {"food", "flowers"}:
        facts |= {"perishable": True, "spoilage_confirmed": random_source.choice((True, False, None))}
    if category in {"beauty", "hygiene"}:
        facts["hygiene_item"] = True
    if category == "digital":
        facts |= {"digital": True, "downloaded": random_source.choice((True, False))}
    if "set of" in item or "pair" in item or "bottles" in item:
        facts["bundle_complete"] = random_source.choice((True, False, None))
    if random_source.random() < 0.03:
        facts["recalled"] = True
    return made | ({"quantity": quantity} if quantity > 1 else {})


def main() -> None:
    random_source = random.Random(SEED)
    orders = {one["order_id"]: one for one in told()}
    for number in range(DRAWN):
        order_id = f"A{20001 + 7 * number}"
        orders[order_id] = drawn(order_id, random_source)
    head = json.dumps({"as_of": AS_OF.isoformat()})[:-1]
    body = ",\n".join(json.dumps(one, ensure_ascii=False) for one in orders.values())
    sys.stdout.write(f'{head}, "orders": [\n{body}\n]}}\n')


if __name__ == "__main__":
    main()
