"""What kind of goods a clause speaks of, read from its words: a clause on footwear says nothing of a lamp."""

import re
from functools import lru_cache

_WORDS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (pattern, frozenset(categories.split()))
    for pattern, categories in (
        (
            r"cloth|garment|\bdress|apparel|textile|fashion|swim|underwear|wearable|kleidung|vêtement|abbigliamento",
            "clothing",
        ),
        (r"shoes?\b|footwear|boots?\b|sneaker|schuh|chaussure|scarpe|zapato", "shoes"),
        (
            r"electronic|electrical|device|gadget|headphone|laptop|phone|camera|console|appareil|gerät",
            "electronics appliances",
        ),
        (r"appliance|washing machine|fridge|\bovens?\b|white goods", "appliances kitchen"),
        (r"food|grocer|meat|cheese|\begg|fruit|chilled|perishable|frozen|chocolate|fresh|lebensmittel|aliment", "food"),
        (r"furniture|sofa|wardrobe|mattress|bulky|flat.?pack|möbel|meuble|mobili", "furniture"),
        (r"software|licen[cs]e|download|digital|activation key|product key", "software"),
        (r"plants?\b|bulbs?\b|seedling|pflanze", "garden"),
        (r"animals?\b|aquari|\bpets?\b|livestock", "pets"),
        (r"tickets?\b|admission|concert|vouchers? for events", "tickets"),
        (r"cosmetic|make-?up|perfume|beauty|hygien|toothbrush|shav|razor|intimate", "beauty health"),
        (r"jewel|watches\b|\brings?\b|earrings?\b|engrav", "jewellery"),
        (r"\btoys?\b|spielzeug|jouet", "toys"),
        (r"\bbooks?\b|magazine", "books"),
        (r"subscri|monthly box", "subscription"),
        (r"instrument|guitar|piano", "music"),
        (r"car parts?|tyres?|automotive", "auto"),
    )
)


@lru_cache(maxsize=4096)
def scope_of(text: str) -> frozenset[str]:
    """Return the categories that a sentence restricts itself to; empty means any goods."""
    lowered = text.lower()
    return frozenset[str]().union(*(kinds for pattern, kinds in _WORDS if re.search(pattern, lowered)))
