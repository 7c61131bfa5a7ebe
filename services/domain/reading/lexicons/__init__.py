"""One module a language, words only. The order is the order of preference where a sentence fits two."""

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.lexicons.dutch import DUTCH
from services.domain.reading.lexicons.english import ENGLISH
from services.domain.reading.lexicons.french import FRENCH
from services.domain.reading.lexicons.german import GERMAN
from services.domain.reading.lexicons.italian import ITALIAN
from services.domain.reading.lexicons.spanish import SPANISH

LEXICONS: tuple[Lexicon, ...] = (ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, DUTCH)
