"""Replies that are wrong in a known way, composed out of phrases: what the rejected side of a reply pair says.

Every fault can be shown on the text itself, by the verifier or by `traits`; one that does not show is not made.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from lifecycle.examples import ExampleCase, World
from lifecycle.seed import bank
from lifecycle.traits import language_of, quoted_elsewhere, traits_of
from services.domain.actions import ActionStatus
from services.domain.reading import LexicalClaimReader
from services.domain.reply_checks import cites_governing, is_telling
from services.domain.verdict import Verdict
from services.domain.verify import verify_reply

_TRIES = 6
_WHO = {
    "en": (
        "Every article", "Any {item}", "Whatever was bought from us", "Goods of every kind", "Used goods too",
        "A {item} that the customer no longer likes", "Orders above 10 EUR", "Gifts", "Items without packaging",
        "An order of a regular customer", "Reduced goods", "Articles opened or not",
    ),
    "de": ("Jeder Artikel", "Auch gebrauchte Ware", "Reduzierte Ware", "Ein Geschenk", "Jede Bestellung ab 10 EUR"),
    "fr": ("Tout article", "Un article ouvert", "Une commande de plus de 10 EUR", "Un cadeau", "Tout produit soldé"),
    "es": ("Cualquier artículo", "Un artículo usado", "Un pedido de más de 10 EUR", "Un regalo"),
    "it": ("Ogni articolo", "Anche un articolo usato", "Un ordine sopra i 10 EUR", "Un regalo"),
    "nl": ("Elk artikel", "Ook gebruikte goederen", "Een bestelling boven 10 EUR", "Een cadeau"),
}  # fmt: skip
_WHAT = {
    "en": (
        "may be returned at any time and for any reason", "may go back for {n} days, used or not",
        "can never be returned once the parcel is open", "will be paid back twice where the customer is upset",
        "needs neither receipt nor reason", "is collected at the customer's door at our cost",
        "is replaced by a better one within {n} hours", "stays with the customer and is paid back all the same",
        "is excluded from every return for {n} years", "may be exchanged as often as the customer wishes",
        "is accepted after {n} days if the customer asks kindly", "counts as damaged whenever the customer says so",
    ),
    "de": (
        "kann jederzeit ohne Grund zurückgegeben werden", "wird {n} Tage lang zurückgenommen, benutzt oder nicht",
        "ist von jeder Rückgabe ausgeschlossen", "wird dem Kunden doppelt erstattet",
    ),
    "fr": (
        "peut être rendu à tout moment et sans raison", "est repris pendant {n} jours, utilisé ou non",
        "ne peut jamais être rendu", "est remboursé deux fois",
    ),
    "es": (
        "se puede devolver en cualquier momento y sin motivo", "se admite durante {n} días, usado o no",
        "no se puede devolver nunca", "se reembolsa dos veces",
    ),
    "it": (
        "si può restituire in qualsiasi momento e senza motivo", "è accettato per {n} giorni, usato o no",
        "non si può mai restituire", "è rimborsato due volte",
    ),
    "nl": (
        "mag altijd en zonder reden terug", "wordt {n} dagen lang teruggenomen, gebruikt of niet",
        "mag nooit terug", "wordt twee keer terugbetaald",
    ),
}  # fmt: skip
_QUOTES = {
    "en": (
        'Our policy says: "{q}"', 'As the clause puts it: "{q}"', 'It is written there: "{q}"',
        '{policy} reads: "{q}"', 'To quote {policy}: "{q}"', 'The words of our terms are clear: "{q}"',
        'I quote from {policy}: "{q}"', 'The second sentence says "{q}"', 'You will find it in our terms: "{q}"',
    ),
    "de": ('In unseren Bedingungen steht: "{q}"', '{policy} lautet: "{q}"', 'Ich zitiere: "{q}"'),
    "fr": ('Nos conditions disent : "{q}"', '{policy} dit : "{q}"', 'Je cite : "{q}"'),
    "es": ('Nuestras condiciones dicen: "{q}"', '{policy} dice: "{q}"', 'Cito: "{q}"'),
    "it": ('Le nostre condizioni dicono: "{q}"', '{policy} dice: "{q}"', 'Cito: "{q}"'),
    "nl": ('In onze voorwaarden staat: "{q}"', '{policy} luidt: "{q}"', 'Ik citeer: "{q}"'),
}  # fmt: skip
_STALE = {
    "en": (
        'The older version of {policy} decides here: "{q}"', '{policy} said when you ordered: "{q}"',
        'We go by last year\'s {policy}: "{q}"', 'Until the change, {policy} read "{q}", and we keep to that.',
        'By the former wording of {policy}, "{q}", this is settled.', '{policy} (version {old}) states: "{q}"',
        'In {old} our terms read: "{q}"',
    ),
    "de": ('Es gilt die alte Fassung von {policy}: "{q}"', 'In der Fassung von {old} lautet {policy}: "{q}"'),
    "fr": ('L\'ancienne version de {policy} décide : "{q}"', 'En {old}, {policy} disait : "{q}"'),
    "es": ('Vale la versión anterior de {policy}: "{q}"', 'En {old}, {policy} decía: "{q}"'),
    "it": ('Vale la versione precedente di {policy}: "{q}"', 'Nel {old} {policy} diceva: "{q}"'),
    "nl": ('De oude versie van {policy} geldt: "{q}"', 'In {old} luidde {policy}: "{q}"'),
}  # fmt: skip
_VOWS = (
    "I promise that {x}.", "We promise that {x}.", "We guarantee that {x}.", "I assure you that {x}.",
    "Rest assured that {x}.", "You have my promise: {x}.", "It is guaranteed that {x}.",
    "I guarantee personally that {x}.",
)  # fmt: skip
_VOWED = (
    "your money will be back {when}", "this will never happen to you again", "the parcel will be with you {when}",
    "we will make an exception for you next time", "your next order will be free", "a manager will ring you {when}",
    "the decision will go your way", "you will not pay for shipping ever again", "it will all be settled {when}",
    "your case will be decided {when}", "we will take back anything you buy this year",
)  # fmt: skip
_WHEN = ("by tomorrow", "within the hour", "before the weekend", "by Friday at noon", "today", "in two days at most")
_VOWS_ELSEWHERE = {
    "de": ("Wir garantieren Ihnen, dass das Geld morgen da ist.", "Ich verspreche Ihnen eine Ausnahme."),
    "fr": ("Nous vous garantissons que ce sera réglé demain.", "Je vous promets, nous promettons une exception."),
    "es": ("Le garantizamos que el dinero llega mañana.", "Prometemos una excepción."),
    "it": ("Le garantiamo che il denaro arriva domani.", "Promettiamo un'eccezione."),
    "nl": ("Wij beloven: beloofd is beloofd, morgen is uw geld er.", "Wij garanderen het, beloofd."),
}
_RUDE = (
    "You should have read the rules before you wrote.", "Honestly, this is your own fault.",
    "Do not waste our time with this again.", "It is ridiculous to ask for that.", "Learn to look after your things.",
    "Can't you read a simple clause?", "Stop complaining about your {item}.", "That is not our problem.",
    "You should have thought of that before you bought a {item}.", "What nonsense.",
    "Please stop bothering us about order {order}.", "A child would understand {policy}; learn to read it.",
    "Are you blind, or did you not look at the {item}?", "Frankly, your message is nonsense.",
    "Only a stupid question deserves a stupid answer.", "You are wasting our time with your {item}.",
)  # fmt: skip
_RUDE_ELSEWHERE = {
    "de": ("Daran sind Sie selbst schuld.", "Das ist nicht unser Problem.", "Stehlen Sie uns nicht die Zeit."),
    "fr": ("C'est votre faute.", "Ce n'est pas notre probleme.", "Ne nous faites pas perdre notre temps."),
    "es": ("Es culpa suya.", "No es nuestro problema.", "No nos haga perder el tiempo."),
    "it": ("È colpa sua.", "Non è un nostro problema.", "Non ci faccia perdere tempo."),
    "nl": ("Dat is uw eigen schuld.", "Dat is niet ons probleem.", "Verspil onze tijd niet."),
}
_DEEDS = {
    "create_return_label": (
        "The return label is already in your inbox.", "I have just created a return label for your {item}.",
        "Your prepaid label has been sent to you.", "We have attached the return label to this mail.",
    ),
    "issue_refund": (
        "I have refunded {amount} to your card.", "Your refund of {amount} has been issued.",
        "The money for the {item} is on its way back to your account.", "We have paid {amount} back to you.",
    ),
    "send_replacement": (
        "A new {item} has been sent to you.", "Your replacement {item} left our warehouse this morning.",
        "I have ordered a replacement for you, and it is on its way.", "We have shipped you another {item}.",
    ),
    "issue_store_credit": (
        "I have added {amount} of store credit to your account.", "Your voucher over {amount} has been issued.",
        "The store credit is in your account now.",
    ),
    "request_photos": ("I have just mailed you the link for uploading photos of the {item}.",),
    "other": (
        "I have cancelled order {order} for you.", "Your address has been changed as you wished.",
        "We have booked the courier for you.", "Everything has been taken care of.", "That's all sorted for you now.",
    ),
}  # fmt: skip


class ReplyFaults:
    """Makes one wrong reply to a case for each fault that fits it."""

    def __init__(self, world: World, case: ExampleCase, rng: random.Random, reader: LexicalClaimReader) -> None:
        self._world, self._case, self._rng, self._reader = world, case, rng, reader
        self._reply = case.reply or ""
        self._lang = language_of(self._reply) or "en"

    def all(self) -> Iterator[tuple[str, str]]:
        """Yield (fault, text); the text shows its fault."""
        makers: dict[str, Callable[[], str | None]] = {
            "invented_action": self._invented,
            "wrong_clause": self._wrong_clause,
            "stale_clause": self._stale,
            "false_quote": self._false_quote,
            "promise": self._promise,
            "rude": self._rude,
        }
        for fault, make in makers.items():
            for _ in range(_TRIES):
                text = make()
                if text is not None and shows(fault, self._world, self._case, text, self._reader):
                    yield fault, text
                    break

    def _invented(self) -> str | None:
        """Claim an action that is not in the record: instead of the good reply, or as one more sentence of it."""
        done = {a.name for a in self._case.actions if a.status is ActionStatus.SUCCEEDED}
        if self._lang != "en" or self._rng.random() < 0.5:
            pool = [r for r in bank.replies() if r.action not in done | {"none"} and r.lang == self._lang]
            return self._filled(self._rng.choice(pool).text) if pool else None
        effect = self._rng.choice([name for name in _DEEDS if name not in done])
        return self._with(self._filled(self._rng.choice(_DEEDS[effect])))

    def _wrong_clause(self) -> str | None:
        cited = self._case.decision.policy_id
        if cited is None or not is_telling(cited) or cited not in self._reply:
            return None
        others = [p.policy_id for p in self._world.policies if p.policy_id != cited]
        made_up = re.sub(r"\d+", lambda m: str(int(m.group()) + self._rng.randint(1, 9)), cited)
        return self._reply.replace(cited, self._rng.choice([*others, made_up]))

    def _stale(self) -> str | None:
        """Quote the governing sentence with another number in it, as a version that is not in force might read."""
        sentence = self._case.decision.evidence
        numbers = re.findall(r"(?<![\w-])\d{1,3}(?![\w-])", sentence)
        if not numbers or self._case.decision.policy_id is None:
            return None
        number = self._rng.choice(numbers)
        other = str(max(1, int(number) + self._rng.choice([-14, -7, 7, 14, 30, 60])))
        changed = re.sub(rf"(?<![\w-]){number}(?![\w-])", other, sentence, count=1)
        text = (
            self._rng.choice(_STALE[self._lang])
            .replace("{q}", changed)
            .replace("{old}", str(self._rng.randint(2019, 2023)))
        )
        return self._with(self._filled(text))

    def _false_quote(self) -> str:
        who, what = self._rng.choice(_WHO[self._lang]), self._rng.choice(_WHAT[self._lang])
        quote = f"{who} {what}.".replace("{n}", str(self._rng.choice([2, 3, 90, 180, 365, 730])))
        return self._with(self._filled(self._rng.choice(_QUOTES[self._lang]).replace("{q}", quote)))

    def _promise(self) -> str:
        if self._lang in _VOWS_ELSEWHERE:
            return self._with(self._rng.choice(_VOWS_ELSEWHERE[self._lang]))
        vowed = self._rng.choice(_VOWED).replace("{when}", self._rng.choice(_WHEN))
        return self._with(self._rng.choice(_VOWS).replace("{x}", vowed))

    def _rude(self) -> str:
        return self._with(self._filled(self._rng.choice(_RUDE_ELSEWHERE.get(self._lang, _RUDE))))

    def _with(self, sentence: str) -> str:
        """Put a sentence before, after or inside the good reply."""
        parts = re.split(r"(?<=[.!?]) (?=[A-ZÄÖÜÉÈÀ])", self._reply)
        parts.insert(self._rng.randrange(len(parts) + 1), sentence)
        return " ".join(parts)

    def _filled(self, text: str) -> str:
        facts = self._world.facts
        slots: Mapping[str, str] = {
            "{item}": facts.item or "item",
            "{policy}": self._case.decision.policy_id or "our policy",
            "{order}": facts.order_id or "that order",
            "{amount}": f"{(facts.price_cents or 1_990) / 100:.2f} {facts.currency or 'EUR'}",
        }
        for slot, value in slots.items():
            text = text.replace(slot, value)
        return text


def shows(fault: str, world: World, case: ExampleCase, text: str, reader: LexicalClaimReader) -> bool:
    """Tell whether a reply to the case shows the fault: by the verifier where it checks for it, else by its traits."""
    if fault == "invented_action":
        return verify_reply(text, case.actions, reader).verdict is Verdict.BLOCK
    if fault == "wrong_clause":
        ids = [policy.policy_id for policy in world.policies]
        return not cites_governing(text, case.decision.policy_id, ids).passed
    if fault in ("false_quote", "stale_clause"):
        return bool(quoted_elsewhere(text, _sources(world, case)))
    found = traits_of(text)
    return {"promise": found.promises, "rude": found.harsh}.get(fault, True)


def _sources(world: World, case: ExampleCase) -> Sequence[str]:
    return [case.message, *(policy.text for policy in world.policies)]


def shown_faults(world: World, case: ExampleCase, text: str, reader: LexicalClaimReader) -> list[str]:
    """Return every fault that a reply shows; a reply that is to be preferred shows none."""
    return [f for f in ("wrong_clause", "false_quote", "promise", "rude") if shows(f, world, case, text, reader)]
