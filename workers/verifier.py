"""How this product verifies: the domain's checks, with the sentence encoder beside them, loaded when first asked."""

from collections.abc import Sequence

from infra.settings import get_settings
from services.domain.reading.doubt import Opinion
from services.domain.verify import VerifyOptions


class EncoderMissing(Exception):
    """The sentence encoder cannot be loaded; the text says the remedy."""


def verify_options(*, require_rule: bool = False) -> VerifyOptions:
    """Return the options under which replies are judged wherever a checkpoint or the command line is at work."""
    languages = get_settings().reply_languages
    trusted = frozenset(languages.split(",")) if languages else None
    return VerifyOptions(require_rule=require_rule, second=second_opinion, languages=trusted)


def second_opinion(sentences: Sequence[str]) -> Sequence[Opinion]:
    """Ask the encoder; the first call of a process loads it. Raises EncoderMissing."""
    # torch takes a second to import, and many a reply holds no sentence to ask about.
    from services.inference.second_opinion import shared_opinion  # noqa: PLC0415
    from services.inference.wheels import WeightsUnavailable  # noqa: PLC0415

    try:
        return shared_opinion()(sentences)
    except WeightsUnavailable as error:
        raise EncoderMissing(str(error)) from error
