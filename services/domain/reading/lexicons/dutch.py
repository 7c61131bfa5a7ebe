"""Words."""

from services.domain.reading.lexicon import Lexicon

DUTCH = Lexicon("nl", {}, hints="")
