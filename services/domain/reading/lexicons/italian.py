"""Words."""

from services.domain.reading.lexicon import Lexicon

ITALIAN = Lexicon("it", {}, hints="")
