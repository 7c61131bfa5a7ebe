"""The shop's policies as triage asks for them: what is in force on a day and may concern the case.

Reads the catalog again when something was published, so that a worker need not be restarted for a new version.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from policies import PolicyVersion
from policies.catalog import Catalog, load_catalog
from services.domain.facts import OrderFacts

Rank = Callable[[Catalog, str, OrderFacts, date], Sequence[PolicyVersion]]
"""Chooses and ranks versions in force on a day for a message and facts."""


class PublishedPolicies:
    """Implements `flows.triage.PolicyLibrary` over a directory of published versions. Raises CatalogError."""

    def __init__(self, directory: Path, rank: Rank) -> None:
        self._directory = directory
        self._rank = rank
        self._stamp: tuple[int, int] | None = None
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """Return the catalog as published by now."""
        stat = (self._directory / "published.json").stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        if self._catalog is None or stamp != self._stamp:
            self._catalog = load_catalog(self._directory)
            self._stamp = stamp
        return self._catalog

    def relevant(self, shop_id: str, message: str, facts: OrderFacts, on: date) -> Sequence[PolicyVersion]:
        """Return versions in force on `on` that may govern the case, the most relevant first."""
        del shop_id  # One set of policies a desk; a shop of its own text is a desk of its own.
        return self._rank(self.catalog, message, facts, on)
