"""Words."""

from services.domain.reading.lexicon import Lexicon

GERMAN = Lexicon("de", {}, hints="")
