"""Writes clauses out of phrases: what comes back, until when, on what condition, and what makes no difference.

Every condition is a hand-written pair of clauses for one state of affairs (`bank/phrases.jsonl`), one for when it is
met and one for when it is not; the ways of joining them are here. Thousands of unlike clauses come of it, each with
its meaning, so that a checkpoint learns to read sentences rather than to know them.
"""

import random
from typing import NamedTuple

from lifecycle.seed import bank
from lifecycle.seed.bank import ClauseTemplate, Phrase, Split, Test
from policies import Reason

_SUBJECTS: dict[Reason, tuple[str, ...]] = {
    Reason.DAMAGED: (
        "Goods that arrive damaged", "Anything broken on the way", "Articles with transport damage",
        "What reaches you in pieces", "Products harmed in shipping", "Parcels with crushed contents",
        "A delivery that arrives broken", "Dented, torn or cracked articles",
    ),
    Reason.DEFECTIVE: (
        "Faulty articles", "Devices that stop working", "Products with a defect", "Anything that fails in normal use",
        "Machines that will not start", "An article with a malfunction", "Goods that prove faulty",
        "Whatever breaks down by itself",
    ),
    Reason.WRONG_ITEM: (
        "Articles you did not order", "Wrong items", "Anything we packed by mistake", "A mixed-up delivery",
        "Goods sent in place of others", "The wrong size, colour or model", "Mistakenly delivered goods",
    ),
    Reason.CHANGE_OF_MIND: (
        "Articles you no longer want", "Unwanted purchases", "Goods that do not please", "Whatever you regret buying",
        "Purchases you have second thoughts about", "Things that turn out not to suit you",
        "An order you have changed your mind on", "Gifts that nobody needs",
    ),
    Reason.LATE_DELIVERY: (
        "Orders that come too late", "Late parcels", "Deliveries after the promised day", "Delayed orders",
        "Whatever arrives behind schedule", "Goods that missed their delivery date",
    ),
    Reason.NOT_AS_DESCRIBED: (
        "Articles unlike their description", "Goods that differ from the page", "Products not as shown",
        "Whatever does not match its listing", "Items whose description was wrong", "Articles other than advertised",
    ),
    Reason.MISSING_PARTS: (
        "Incomplete articles", "Sets with parts missing", "Goods delivered without all of their parts",
        "Kits that lack something", "Deliveries with pieces left out",
    ),
    Reason.SPOILED: (
        "Food that arrives spoiled", "Spoiled goods", "Anything gone off on arrival", "Plants and food past saving",
        "Perishables that did not keep", "Rotten, mouldy or sour deliveries",
    ),
    Reason.SAFETY_RECALL: (
        "Recalled products", "Articles under a recall", "Goods that were called back", "Products with a safety notice",
        "Whatever a recall names",
    ),
}  # fmt: skip
_VERBS = (
    "may be returned{w}{c}.", "can be sent back{w}{c}.", "are taken back{w}{c}.", "are returnable{w}{c}.",
    "will be accepted as returns{w}{c}.", "qualify for a return{w}{c}.", "may come back to us{w}{c}.",
    "can be returned for a refund{w}{c}.", "are replaced{w}{c}.", "are refunded{w}{c}.",
    "are taken back against store credit{w}{c}.",
)  # fmt: skip
_FRAMES = (
    "{s} {v}", "{s} {v}", "{s} {v}", "{s}: returns are open{w}{c}.", "{s}? Send them back{w}{c}.",
    "{s}: we take them back{w}{c}.", "We accept returns of the following{w}{c}: {l}.",
    "{W}{c} you may return the following: {l}.",
)  # fmt: skip
_WINDOWS = (
    " within {n} days of {a}", " for {n} days after {a}", " until day {n} after {a}", " up to {n} days after {a}",
    " no later than {n} days after {a}", " in the first {n} days after {a}", " until {n} days have passed since {a}",
    " up to and including the {o} day after {a}", " by the {o} day after {a} at the latest", " {n} days from {a}",
    " as long as {a} was no more than {n} days ago", " during the {n} days that follow {a}",
)  # fmt: skip
_LONGER = (" within {k} {u} of {a}", " for {k} {u} after {a}", " up to {k} {u} from {a}", " in the {k} {u} after {a}")
_APART = (
    "You have {p} from {a}.", "The period is {p}, counted from {a}.", "Deadline: {p} after {a}.",
    "Tell us within {p} of {a}.", "The right ends {p} after {a}.", "Time limit: {p} from {a}.",
    "Later than {p} after {a} we cannot help.", "We must hear from you in the {p} after {a}.",
)  # fmt: skip
_ANCHORS = (
    ("days_since_delivery", 16, ("delivery",) * 5 + (
        "receipt", "arrival", "the day it reached you", "receiving the parcel", "the handover", "the date of delivery",
    )),
    ("days_since_purchase", 2, ("purchase", "the date of purchase", "buying it")),
    ("days_since_order", 2, ("the order", "the day you ordered", "placing the order")),
    ("days_since_dispatch", 1, ("dispatch", "the day we sent it")),
)  # fmt: skip
_REPORTED = (
    ", provided you tell us within {p} of {a}", " if it is reported within {p} of {a}",
    " once you have written to us, at most {p} after {a}", ", so long as we hear of it in the {p} after {a}",
    " on a report made no more than {p} after {a}", ", given notice within {p} of {a}",
)  # fmt: skip
_STRICT = (
    " in fewer than {n} days from {a}", " in less than {n} days after {a}", " before day {n} after {a}",
    " while fewer than {n} days have passed since {a}", " under {n} days after {a}",
)  # fmt: skip
_BOTH = (
    " if {one} and {two}", ", provided that {one} and that {two}", " only if {one} and {two}",
    " once it is clear that {one} and that {two}", " as long as {one}, and {two}", " when {one} and {two}",
)  # fmt: skip
_BOTH_APART = (
    "Two things have to be in order: {one}, and {two}.", "Both must hold: {one}; {two}.",
    "We look at two points. One is that {one}, the other that {two}.", "We require that {one} and that {two}.",
    "It takes two things: {one}, and {two}.",
)  # fmt: skip
_EITHER = (
    " if {one} or {two}", ", provided {one} or {two}", " where either {one} or {two}",
    " as soon as {one} or {two}", " if {one}, or else {two}",
)  # fmt: skip
_MET = (
    ", provided {met}", " if {met}", " as long as {met}", ", on condition that {met}", " once it is clear that {met}",
    " only if {met}", ", given that {met}", " when {met}", ", so long as {met}", " where {met}",
)  # fmt: skip
_NOT_FAILED = (", unless {failed}", ", except where {failed}", ", but not if {failed}", ", save where {failed}")
_MET_APART = (
    "We require that {met}.", "It is a condition that {met}.", "A return is only possible if {met}.",
    "This holds only where {met}.", "It must be established that {met}.", "Please note that we insist that {met}.",
)  # fmt: skip
_FAILED_APART = (
    "If {failed}, the return is refused.", "No return is possible where {failed}.", "This right ends if {failed}.",
    "We cannot accept it when {failed}.", "Where {failed}, this does not apply.", "Not, however, if {failed}.",
)  # fmt: skip
_IRRELEVANT = (
    "It makes no difference whether {failed}.", "This holds even if {failed}.", "Whether {met} plays no part.",
    "We do not ask whether {met}.", "That {failed} is no obstacle.", "It does not matter if {failed}.",
)  # fmt: skip
_BANS = (
    "No return if {failed}.", "Articles cannot be returned where {failed}.", "We do not take goods back if {failed}.",
    "Returns are excluded when {failed}.", "Where {failed}, there is no right of return.",
    "Goods come back only if {met}.", "Nothing is taken back unless {met}.",
)  # fmt: skip
_NUMBER_WORDS = {
    2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten", 12: "twelve",
    14: "fourteen", 20: "twenty", 21: "twenty-one", 30: "thirty", 60: "sixty", 90: "ninety",
}  # fmt: skip
_COMMON = (3, 5, 7, 10, 14, 14, 20, 21, 28, 30, 30, 30, 45, 60, 90, 100, 120, 180, 365)


class _Window(NamedTuple):
    inline: str
    apart: str
    test: Test


def grant(rng: random.Random, split: Split, reason: Reason) -> ClauseTemplate:
    """Return a clause that grants the return for `reason`: mostly a window, and none to three other conditions."""
    pool = [p for p in bank.phrases(split) if reason in p.reasons]
    chosen = rng.sample(pool, min(len(pool), rng.choice([0, 1, 1, 1, 2, 2, 3])))
    conditions: list[tuple[Test, ...]] = []
    inline, apart = "", list[str]()
    if len(chosen) > 1 and rng.random() < 0.5:
        first, second = chosen.pop(), chosen.pop()
        tests = (_test(first, rng), _test(second, rng))
        said = {"one": first.met, "two": second.met}
        if rng.random() < 0.35:
            inline = rng.choice(_EITHER).format(**said)
            conditions.append(tests)
        elif rng.random() < 0.6:
            inline = rng.choice(_BOTH).format(**said)
            conditions += [(test,) for test in tests]
        else:
            apart.append(rng.choice(_BOTH_APART).format(**said))
            conditions += [(test,) for test in tests]
    for phrase in chosen:
        conditions.append((_test(phrase, rng),))
        if not inline and rng.random() < 0.55:
            inline = rng.choice(_MET if rng.random() < 0.6 else _NOT_FAILED).format(**_said(phrase))
        else:
            apart.append(_sentence(rng.choice(_MET_APART if rng.random() < 0.5 else _FAILED_APART), phrase))
    window = _window(rng) if not conditions or rng.random() < 0.9 else None
    mentions = _mention([p for p in pool if p not in chosen], conditions, apart, rng)
    split_off = window is not None and window.test.relation == "<=" and rng.random() < 0.2
    text = _opening(rng, reason, "" if window is None or split_off else window.inline, inline)
    if window is not None:
        conditions.append((window.test,))
        if split_off:
            apart.append(window.apart)
    rng.shuffle(apart)
    sentences = [text, *apart]
    gives = {"refund": "refund", "replaced": "replacement", "store credit": "store_credit"}
    return ClauseTemplate(
        id=f"drawn-{reason.value}",
        family="drawn",
        kind="grant",
        reasons=(reason,),
        text=" ".join(sentences),
        conditions=tuple(conditions),
        gives=next((gift for word, gift in gives.items() if word in text), "return"),
        mentions=mentions,
    )


def _mention(
    rest: list[Phrase], conditions: list[tuple[Test, ...]], apart: list[str], rng: random.Random
) -> tuple[str, ...]:
    """Now and then add a sentence on what makes no difference; return the fact it speaks of."""
    if not rest or rng.random() >= 0.12:
        return ()
    phrase = rng.choice(rest)
    if {test.fact for one in conditions for test in one} & set(phrase.facts):
        return ()
    fact = rng.choice(phrase.facts)
    apart.append(_sentence(rng.choice(_IRRELEVANT), phrase))
    return (fact,)


def ban(rng: random.Random, split: Split, reason: Reason) -> ClauseTemplate | None:
    """Return a clause that forbids the return in one state of affairs, or None where no phrase fits."""
    pool = [p for p in bank.phrases(split) if reason in p.reasons]
    if not pool:
        return None
    phrase = rng.choice(pool)
    return ClauseTemplate(
        id="drawn-ban",
        family="drawn",
        kind="exclude",
        reasons=phrase.reasons,
        text=_sentence(rng.choice(_BANS), phrase),
        conditions=((_test(phrase, rng),),),
        gives="none",
    )


def _opening(rng: random.Random, reason: Reason, window: str, condition: str) -> str:
    subject = rng.choice(_SUBJECTS[reason])
    frame = rng.choice(_FRAMES)
    if frame.startswith("{W}") and (not window or window.startswith(",")):
        frame = "{s} {v}"
    verb = rng.choice(_VERBS)
    if subject.split()[0] in {"A", "An", "Anything", "Whatever", "What", "The"}:
        verb = verb.replace("are ", "is ").replace("qualify", "qualifies").replace("as returns", "as a return")
    text = frame.format(
        s=subject,
        l=subject[0].lower() + subject[1:],
        v=verb.format(w=window, c=condition),
        w=window,
        c=condition,
        W=window[1:2].upper() + window[2:],
    )
    return " ".join(text.split())


def _window(rng: random.Random) -> _Window:
    fact, _, anchors = rng.choices(_ANCHORS, [weight for _, weight, _ in _ANCHORS])[0]
    anchor, relation = rng.choice(anchors), "<="
    if rng.random() < 0.2:
        unit, days, most = rng.choice([("weeks", 7, 12), ("weeks", 7, 12), ("months", 30, 12), ("years", 365, 3)])
        count = rng.choice([1, rng.randint(2, most), rng.randint(2, most), rng.randint(2, most)])
        said = _NUMBER_WORDS.get(count, str(count)) if rng.random() < 0.6 else str(count)
        said, unit = ("a" if count == 1 else said), (unit[:-1] if count == 1 else unit)
        inline = rng.choice(_LONGER).format(k=said, u=unit, a=anchor)
        number, period = count * days, f"{said} {unit}"
    else:
        number = rng.choice(_COMMON) if rng.random() < 0.4 else rng.randint(2, 120)
        said = _NUMBER_WORDS[number] if number in _NUMBER_WORDS and rng.random() < 0.3 else str(number)
        patterns: tuple[str, ...] = _WINDOWS
        if rng.random() < 0.07:
            patterns, relation = _STRICT, "<"
        inline = rng.choice(patterns).format(n=said, a=anchor, o=_ordinal(number))
        period = f"{said} days"
    if relation == "<=" and rng.random() < 0.15:
        inline = rng.choice(_REPORTED).format(p=period, a=anchor)
    apart = rng.choice(_APART).format(p=period, a=anchor)
    return _Window(inline, apart, Test(fact=fact, relation=relation, wanted=str(number)))


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _test(phrase: Phrase, rng: random.Random) -> Test:
    return Test(fact=rng.choice(phrase.facts), relation="is", wanted="true" if phrase.wanted else "false")


def _said(phrase: Phrase) -> dict[str, str]:
    return {"met": phrase.met, "failed": phrase.failed}


def _sentence(pattern: str, phrase: Phrase) -> str:
    text = pattern.format(**_said(phrase))
    return text[0].upper() + text[1:]
