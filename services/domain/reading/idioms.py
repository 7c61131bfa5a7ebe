"""Fixed turns of phrase that claim an effect without naming deed and thing together. One readable table a language.

Patterns run on folded text (lower case, no accents). A negation, condition or future right before one voids it.
"""

# ruff: noqa: E501 - a table is read by the line

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
_SHOULD = r"(?:should |must |will |may |now )*"
_JUST = r"(?:just |now |already |by now )*"
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
        r"you (?:now |already )?have your (?:\w+ )?(?:refund|money)\b",
        rf"you {_SHOULD}have {_JUST}(?:received|got|gotten) (?:\w+ ){{0,4}}(?:refund|money)\b",
        r"(?:we|i)(?:'ve| have)? (?:got|gotten|brought|handed|returned) (?:you )?(?:your|the) money(?: back)?\b",
        rf"(?:price|{_MONEY}|half|rest|remainder)[^,.]{{0,30}} (?:has|have|'s) (?:already |now |just )?gone (?:back|out|through|off)",
        r"(?:money|refund|cash|payment)(?:'s| is) (?:now |already )?in(?=[.!,]|$)",
        r"(?:you are|you're|that's you) (?:now )?\W?\d[\d.,]*\W* (?:\w+ )?(?:better off|up|the richer)",
        r"(?:money|cash|funds|refund|\d[\d.,]*\W*(?:euros?|eur)?) (?:\w+ )?(?:is|are) (?:now |already |currently )?\w+ing (?:\w+ )?(?:back|into|to|towards) ",
        r"with (?:the|your) refund\b[^,]{0,20}\b(?:complete|done|sent|issued|in place|processed|sorted|on its way)",
        rf"{_ABLE} (?:\w+ ){{0,2}}(?:refund|reimburse|credit|repay)\b",
        rf"{_ABLE} (?:\w+ ){{0,2}}{_MAKE}[^,.]{{0,30}}\brefund",
        r"money (?:is )?back (?:on|in|with) (?:your|you)\b(?! guarantee)",
        r"(?:we|i) (?:no longer|don't) (?:have|hold) your money",
        r"(?:(?:we|i)(?:'ve| have)|have) (?:\w+ )?(?:dropped|popped|put|sent|paid|moved|returned|wired) (?:the |your )?(?:\w+ )?(?:money|cash|funds|\W?\d[\d.,]*\W*(?:euros?|eur)?) (?:back|in|on|onto|into)",
        r"refund (?:confirmation|confirmed|complete|completed|success\w*)\b",
        r"(?:your|the) refund (?:of \S+ )?(?:is|was|'s) (?:now |already )?(?:a success|a done deal|final|history|underway|live|thru|through|in)\b",
        r"consider (?:yourself|it|that|this) (?:fully )?(?:refunded|reimbursed|paid back)",
        r"(?:reversed|voided|undone|undid|cancelled|canceled|dropped|lifted) the (?:charge|payment|transaction|debit|booking)",
        r"(?:gave|given|giving|handed|handing) you (?:all )?(?:of )?your money back",
        r"(?:settled|squared) up with you|you(?:'re| are) no longer out of pocket|we(?:'re| are) (?:now )?(?:even|square|quits)\b",
        r"every (?:last )?(?:cent|penny) (?:\w+ )?(?:is|has|was|back)",
        r"(?:statement|card|bank|account|paypal) (?:now |already )?(?:shows|reflects|lists) (?:the|your) (?:refund|money|credit)",
        r"(?:(?:happy|pleased|glad|delighted|able) to )?(?:report|announce|share|confirm) (?:a|the|your) (?:successful|completed?|full|issued|processed|finished) (?:refund|reimbursement)",
        r"(?:has|have) (?:been )?(?:found|made) (?:its|their) way (?:back )?to your (?:card|account|bank|wallet)",
        r"(?:viens|venons|vient)(?: tout)?(?: juste)? de (?:vous |te )?(?:rembours|recredit|credit|vir|revers)\w+",
        r"(?:viens|venons|vient)(?: tout)?(?: juste)? d'(?:effectuer|emettre|ordonner|executer)[^,.]{0,20}remboursement",
        r"acab(?:o|amos|a|an) de (?:reembols|abon|devolv|ingres)\w+",
        r"acab(?:o|amos|a|an) de \w+[^,.]{0,20}reembolso",
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
        r"(?:it|they)(?:'s| is| are) (?:already |now )?with (?:dhl|ups|dpd|gls|hermes|fedex|royal mail|the courier|the carrier|our courier)",
        r"(?:replacement|new (?:one|\w+)) (?:is )?(?:out|off|gone|sent) (?:today|now|already|this \w+)",
        r"you (?:now |already )?have your (?:\w+ )?replacement\b",
        r"(?:courier|carrier|driver|dhl|ups|dpd|postman) (?:now |already )?(?:has|have|'s got) (?:the|your) (?:new|replacement)",
        r"(?:ships|leaves|goes out|heads out) (?:today|now|right now|this (?:morning|afternoon|evening))",
        r"tracking (?:number |code |link |id )?(?:for|of) (?:your|the) (?:new|replacement)",
        r"(?:replacement|new) order (?:number |id )?(?:is|reads|:)",
        r"acab(?:o|amos|a|an) de (?:envia|manda|expedi|despacha)\w+[^,.]{0,40}(?:nuev|reemplazo|sustit|repuesto)",
        r"(?:viens|venons|vient)(?: tout)?(?: juste)? d(?:e |')(?:vous )?(?:envoy|expedi|renvoy|reexpedi)\w+[^,.]{0,40}(?:nouve|remplacement)",
        rf"{_ABLE} (?:\w+ ){{0,2}}(?:replace|ship|send|get|order|arrange)\w*[^,.]{{0,30}}\b(?:replacement|new one|another)",
        r"(?:new|fresh|second|another|replacement) (?:\w+ ){0,3}(?:has|have|is|'s) (?:already |just |now )?(?:left|gone|out the door|off|flying|heading|coming|winging)",
        r"(?:we|i)(?:'ve| have)? got (?:a |another |your )?(?:new|replacement) (?:\w+ ){0,2}(?:on the way|heading|out)",
    ),
    *_table(
        Effect.CREATE_RETURN_LABEL,
        0.7,
        r"(?:check|look in|have a look in|see) your (?:inbox|e-?mail|mailbox|spam)(?: folder)? for (?:the|your|a) (?:\w+ ){0,2}label",
        rf"you {_SHOULD}have {_JUST}(?:received|got|gotten) (?:\w+ ){{0,6}}(?:label|qr code)\b",
        r"you (?:now |already )?have your (?:\w+ )?label\b",
        r"(?:attached|enclosed|below|here|herewith)(?: is| are| you(?:'ll| will)? find|'s)? (?:the|your|a) (?:\w+ ){0,2}(?:label|return slip)",
        rf"{_ABLE} (?:\w+ ){{0,2}}{_MAKE}[^,.]{{0,30}}\blabel",
        r"with (?:the|your) (?:\w+ ){0,2}label\b[^,]{0,20}\b(?:complete|done|sent|issued|in place|ready|sorted|on its way)",
        r"(?:use|print|download|attach|stick|affix|tape|with) (?:the|your) (?:attached|enclosed|linked|emailed|(?:prepaid |return )?label (?:that )?(?:we|i)(?! will|'ll| can| could| would| are| am| shall|'d|'re|'m| need| may))\b",
        r"(?:scan|show|use) (?:the|your) qr[ -]code (?:we|i|in|from|that we)",
        r"you (?:now |already )?(?:have|'ve got|got) (?:a|the|your) (?:\w+ ){0,2}label (?:in|on|now|ready|already)",
        r"acab(?:o|amos|a|an) de \w+[^,.]{0,25}etiqueta",
        r"(?:viens|venons|vient)(?: tout)?(?: juste)? d(?:e |')\w+[^,.]{0,30}etiquette",
        r"here(?:'s| is| comes) (?:the|your) (?:\w+ ){0,2}(?:label|return slip)",
        r"(?:anbei|im anhang|beigefugt)(?: finden sie| findest du| erhalten sie| ist)? .{0,20}(?:label|etikett|rucksendeschein|retourenschein)",
        r"(?:ci-joint|en piece jointe|vous trouverez ci-joint).{0,25}(?:etiquette|bordereau|bon de retour)",
        r"(?:adjunt\w+|le adjunto).{0,20}etiqueta",
        r"(?:in allegato|allego|allegat\w).{0,25}etichetta",
        r"(?:in de bijlage|bijgevoegd).{0,20}(?:label|etiket)",
    ),
    *_table(
        Effect.ISSUE_STORE_CREDIT,
        0.65,
        r"(?:you can|feel free to|ready to) (?:now )?(?:spend|use|redeem) (?:your|the) (?:\S+ ){0,3}(?:voucher|store credit|credit|gift code)",
        r"(?:voucher|gift|discount|coupon|credit) code (?:is|reads|:)",
        r"gutscheincode (?:lautet|ist|:)|code (?:de l'avoir|du bon) est|(?:codigo|codice) (?:de|del) \w+ (?:es|e)\b|tegoedcode is",
        r"you (?:now |already )?have your (?:\w+ )?(?:voucher|store credit)",
    ),
    *_table(
        Effect.OTHER,
        0.8,
        r"(?:i|we)(?:'ve| have)? (?:already |now |just )?(?:told|instructed|ordered|got) (?:the|our|my) (?:\w+ ){1,2}to ",
        r"(?:i|we)(?:'ve| have)? (?:already |now |just )?let (?:my|our|the) (?:\w+ ){1,3}know\b",
    ),
    *_table(
        Effect.ADDRESS_CHANGED,
        0.7,
        r"(?:your|the) (?:\w+ )?address (?:on file |in our system )?(?:is|reads) now\b",
        r"(?:your|the) (?:\w+ )?address (?:on (?:file|your order|the order) |in our system )?now (?:is|reads)\b",
        r"we now have [^,.]{3,60} as your (?:\w+ )?address",
    ),
    *_table(
        Effect.CANCEL_RETURN,
        0.6,
        r"(?:your|the) return (?:is|has been|'s) (?:now )?(?:off|off the books|dropped|gone|no longer (?:open|active)|deleted|removed)\b",
    ),
    *_table(
        Effect.ORDER_CANCELLED,
        0.6,
        r"(?:your|the) order (?:is|has been|'s) (?:now )?(?:off|off the books|dropped|no longer active|deleted|removed)\b",
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
        r"what (?:i|we) did (?:was|is)\b",
        r"problem (?:is |has been |now )?(?:solved|fixed|sorted)",
        r"(?:indeed|which is why|and so|yes,?|and now|so) (?:it|they|yours|that) (?:has|have|was|were|did)(?: been)?(?=\s*[.!]|$)",
        r"the (?:second|third|next|last) (?:one|attempt|try|time) (?:worked|succeeded|went through)",
        r"mission accomplished|job done|case closed",
    ),
)  # fmt: skip

_VOIDS = re.compile(
    r"(?:\b(?:not|no|never|cannot|if|once|when|until|before|unless|will|would|should|can|could|may|might|want|wish|wished|after|as soon as|to|nicht|kein\w*|wenn|sobald|"
    r"ne|pas|si|des que|quand|no|cuando|non|se|quando|niet|geen|als|zodra)|n't|'ll)(?:\s+\w+){0,2}\s*$"
)
_NONE_OF = re.compile(r"\s*(?:neither|none of|no [a-z]+ (?:has|have|is|was)|weder|ni|ne|noch)\b")
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
            if _VOIDS.search(clause) or _STRONG.search(clause) or _NONE_OF.match(clause):
                continue
            start = segment.start + match.start()
            found.append(Draft(idiom.effect, start, segment.start + match.end(), start, idiom.certainty))
    return found
