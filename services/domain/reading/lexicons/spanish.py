"""Words."""

from services.domain.reading.lexicon import Lexicon

SPANISH = Lexicon("es", {}, hints="")
