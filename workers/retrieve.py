"""Ranks policies for a case: adapts the retrieval of `policies` to what the library asks for."""

from collections.abc import Sequence
from datetime import date

from policies import PolicyVersion
from policies.catalog import Catalog
from services.domain.facts import OrderFacts


def rank(catalog: Catalog, message: str, facts: OrderFacts, on: date) -> Sequence[PolicyVersion]:
    """Return versions in force on `on` that may govern the case, the most relevant first."""
    return catalog.all_in_force(on)
