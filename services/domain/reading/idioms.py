"""Fixed turns of phrase that claim an effect without naming deed and thing together. One readable table a language.

Patterns run on folded text (lower case, no accents). A negation, condition or future right before one voids it.
"""

import re
from typing import NamedTuple

from services.domain.claims import Effect
from services.domain.reading.drafts import Draft
from services.domain.reading.segments import Segment


class Idiom(NamedTuple):
    pattern: re.Pattern[str]
    effect: Effect
    certainty: float


def _table(effect: Effect, certainty: float, *patterns: str) -> list[Idiom]:
    return [Idiom(re.compile(rf"(?<![a-z])(?:{pattern})"), effect, certainty) for pattern in patterns]


_MONEY = r"(?:money|funds|cash|refund|amount|sum|\W?\d[\d.,]*\W*(?:euros?|eur|dollars?|pounds?|quid|bucks)?)"

_ABLE = r"(?:(?:was|were|been) able to|managed to|took the liberty of|succeeded in|went ahead and|gone ahead and)"
_MAKE = r"(?:get|gett|make|mak|creat|generat|issu|process|arrang|sort|send|set up|put|push|approv)\w*"

IDIOMS: tuple[Idiom, ...] = (
    *_table(
        Effect.ISSUE_REFUND,
        0.75,
        rf"(?:the|your) {_MONEY}(?: \w+){{0,3}} (?:has|have) (?:already |now |just )?(?:left|gone|landed|hit|reached|been on)",
        rf"(?:the|your) {_MONEY}(?: \w+){{0,3}} (?:is|are|'s) (?:already |now |all )?(?:back|yours|on (?:its|the) way|coming|heading|winging|flying|travell?ing|headed|in the bank|with your bank|safely|good to go)",
        r"you (?:now |already )?(?:have|'ve got|got) your money back(?! guarantee)",
        r"(?:have|got) your money back,",
        r"(?:made|make) you whole",
        r"(?:wallet|account|card|bank balance) is (?:now )?\W?\d[\d.,]*\W* (?:\w+ )?(?:heavier|richer|fuller)",
        r"(?:you are|you're) (?:now )?\W?\d[\d.,]*\W* (?:\w+ )?richer",
        r"(?:we|i)(?:'ve| have)? (?:pressed|hit|pushed) the (?:refund )?button",
        r"enjoy (?:your|the) (?:refund|money)",
        r"(?:you are|you're|that's you) (?:now )?\W?\d[\d.,]*\W* (?:\w+ )?(?:better off|up|the richer)",
        r"(?:money|cash|funds|refund|\d[\d.,]*\W*(?:euros?|eur)?) (?:\w+ )?(?:is|are) (?:now |already |currently )?\w+ing (?:\w+ )?(?:back|into|to|towards) ",
        r"with (?:the|your) refund\b[^,]{0,20}\b(?:complete|done|sent|issued|in place|processed|sorted|on its way)",
        rf"{_ABLE} (?:\w+ ){{0,2}}(?:refund|reimburse|credit|repay)\b",
        rf"{_ABLE} (?:\w+ ){{0,2}}{_MAKE}[^,.]{{0,30}}\brefund",
        r"money (?:is )?back (?:on|in|with) (?:your|you)\b(?! guarantee)",
        r"(?:we|i) (?:no longer|don't) (?:have|hold) your money",
        r"(?:(?:we|i)(?:'ve| have)|have) (?:\w+ )?(?:dropped|popped|put|sent|paid|moved|returned|wired) (?:the |your )?(?:\w+ )?(?:money|cash|funds|\W?\d[\d.,]*\W*(?:euros?|eur)?) (?:back|in|on|onto|into)",
        r"refund (?:confirmation|confirmed|complete|completed|success\w*)\b",
        r"(?:your|the) refund (?:of \S+ )?(?:is|was|'s) (?:now )?(?:a success|a done deal|final|history|underway|live|thru|through|in)\b",
        r"consider (?:yourself|it|that|this) (?:fully )?(?:refunded|reimbursed|paid back)",
        r"geld (?:ist |schon |bereits |wieder ){1,3}(?:zuruck|da|bei ihnen|auf)",
        r"(?:ihr|dein) konto (?:ist|wurde) .{0,30}ausgeglichen",
        r"(?:l')?argent (?:vous )?(?:est|a) (?:deja |bien )?(?:revenu|de retour|parti|reparti|ete rendu)",
        r"(?:ya|su|el) (?:tiene |dinero |esta ){1,3}(?:de vuelta|de nuevo en)",
        r"(?:i soldi|il denaro) (?:sono|e) (?:gia |di nuovo )?(?:tornat\w|sul|in arrivo|di ritorno)",
        r"(?:het|uw|je) geld (?:is|staat) (?:al |weer |inmiddels ){0,2}(?:terug|onderweg|op uw|op je)",
    ),
    *_table(
        Effect.SEND_REPLACEMENT,
        0.7,
        r"enjoy (?:your|the) (?:new|replacement)\b",
        rf"{_ABLE} (?:\w+ ){{0,2}}(?:replace|ship|send|get|order|arrange)\w*[^,.]{{0,30}}\b(?:replacement|new one|another)",
        r"(?:new|fresh|second|another|replacement) (?:\w+ ){0,3}(?:has|have|is|'s) (?:already |just |now )?(?:left|gone|out the door|off|flying|heading|coming|winging)",
        r"(?:we|i)(?:'ve| have)? got (?:a |another |your )?(?:new|replacement) (?:\w+ ){0,2}(?:on the way|heading|out)",
    ),
    *_table(
        Effect.CREATE_RETURN_LABEL,
        0.7,
        r"(?:check|look in|have a look in|see) your (?:inbox|e-?mail|mailbox|spam)(?: folder)? for (?:the|your|a) (?:\w+ ){0,2}label",
        r"(?:attached|enclosed|below|here|herewith)(?: is| are| you(?:'ll| will)? find|'s)? (?:the|your|a) (?:\w+ ){0,2}(?:label|return slip)",
        rf"{_ABLE} (?:\w+ ){{0,2}}{_MAKE}[^,.]{{0,30}}\blabel",
        r"with (?:the|your) (?:\w+ ){0,2}label\b[^,]{0,20}\b(?:complete|done|sent|issued|in place|ready|sorted|on its way)",
        r"here(?:'s| is| comes) (?:the|your) (?:\w+ ){0,2}(?:label|return slip)",
        r"(?:anbei|im anhang|beigefugt)(?: finden sie| findest du| erhalten sie| ist)? .{0,20}(?:label|etikett|rucksendeschein|retourenschein)",
        r"(?:ci-joint|en piece jointe|vous trouverez ci-joint).{0,25}(?:etiquette|bordereau|bon de retour)",
        r"(?:adjunt\w+|le adjunto).{0,20}etiqueta",
        r"(?:in allegato|allego|allegat\w).{0,25}etichetta",
        r"(?:in de bijlage|bijgevoegd).{0,20}(?:label|etiket)",
    ),
    *_table(
        Effect.UNSPECIFIED,
        0.75,
        r"(?:everything|all|that|it)(?:'s| is| has been|s) (?:now |already |all )?(?:in place|done|sorted|set|settled|fixed|handled|arranged|finalised|finalized|resolved|dealt with|taken care of|wrapped up|squared away)(?! (?:by|as soon|once|when|within|if|after))",
        r"(?:i|we)(?:'ve| have) (?:now )?(?:done|made|taken) (?:everything|all|that|it|so|this|the necessary)",
        r"(?:i|we) (?:took|have taken|'ve taken) (?:the )?(?:necessary )?(?:steps|action|measures)",
        r"you(?:'re| are) (?:now )?(?:all )?(?:set|sorted|good to go|covered)\b",
        r":\s*(?:check|yes|completed?)\s*[!.]?$",
        r"(?:^|[,.!] |just |already |i |we )did (?:it|that|so)\b",
        rf"{_ABLE} (?:\w+ ){{0,2}}(?:do|sort|fix|take care|handle|arrange|complete|push)\w* (?:it|that|this|everything|of)",
        r"mission accomplished|job done|case closed",
    ),
)  # fmt: skip

_VOIDS = re.compile(
    r"(?:\b(?:not|no|never|cannot|if|once|when|until|before|unless|will|would|should|can|could|may|might|want|after|as soon as|to|nicht|kein\w*|wenn|sobald|"
    r"ne|pas|si|des que|quand|no|cuando|non|se|quando|niet|geen|als|zodra)|n't|'ll)(?:\s+\w+){0,2}\s*$"
)
_STRONG = re.compile(r"\b(?:if|once|when|until|before|unless|as soon as|after)\b[^,]*$")


def drafts(text: str, segment: Segment) -> list[Draft]:
    """Return a draft for each idiom of the segment that nothing voids."""
    if segment.question:
        return []
    found = []
    stretch = text[segment.start : segment.end]
    for idiom in IDIOMS:
        for match in idiom.pattern.finditer(stretch):
            before = stretch[max(match.start() - 60, 0) : match.start()]
            clause = before[max(before.rfind(","), before.rfind(":"), before.rfind(";")) + 1 :]
            if _VOIDS.search(clause) or _STRONG.search(clause):
                continue
            start = segment.start + match.start()
            found.append(Draft(idiom.effect, start, segment.start + match.end(), start, idiom.certainty))
    return found
