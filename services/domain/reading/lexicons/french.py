"""Words."""

from services.domain.reading.lexicon import Lexicon

FRENCH = Lexicon("fr", {}, hints="")
