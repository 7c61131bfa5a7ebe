"""The shop's policies as triage asks for them: what is in force on a day and may concern the case.

Reads the catalog again when something was published, so that a worker need not be restarted for a new version.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from infra.logs import get_logger
from policies import PolicyVersion
from policies.catalog import Catalog, CatalogError, load_catalog
from policies.retrieval import retrieve
from services.domain.facts import OrderFacts

log = get_logger(__name__)

CLAUSES = 3
"""How many clauses the checkpoint reads: the right one is among three for 98 of 100 messages, more cost time."""


class PublishedPolicies:
    """Implements `flows.triage.PolicyLibrary` over a directory of published versions.

    Raises CatalogError where the directory cannot be served from the start.
    """

    def __init__(self, directory: Path, clauses: int = CLAUSES) -> None:
        self._directory = directory
        self._clauses = clauses
        self._stamp: tuple[int, int] | None = None
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """Return the catalog as published by now."""
        stat = (self._directory / "published.json").stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        if self._catalog is None:
            self._catalog = load_catalog(self._directory)
        elif stamp != self._stamp:
            self._reload()
        self._stamp = stamp
        return self._catalog

    def _reload(self) -> None:
        """Take up what was published; a directory that must not be served is said once, and the one before goes on."""
        try:
            self._catalog = load_catalog(self._directory)
        except CatalogError as error:
            log.error("the published policies cannot be served; those before go on", error=str(error))  # noqa: TRY400

    def relevant(self, shop_id: str, message: str, facts: OrderFacts, on: date) -> Sequence[PolicyVersion]:
        """Return versions in force on `on` that may govern the case, the most relevant first."""
        del shop_id  # One set of policies a desk; a shop with a text of its own is a desk of its own.
        catalog = self.catalog
        return retrieve(catalog.all_in_force(on), message, facts.values, self._clauses, catalog.facts)
