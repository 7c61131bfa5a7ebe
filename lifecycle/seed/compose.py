"""Puts hand-written pieces together: longer clauses, clauses that yield to one another, letters about two articles.

What a composed piece means is composed with it; `truth` needs to know nothing of how it was made.
"""

import random
from collections.abc import Sequence

from lifecycle.seed import bank
from lifecycle.seed.bank import ClauseTemplate, MessageTemplate, Split
from lifecycle.seed.truth import Filled
from policies import Reason
from policies.plain_text import plain_text_version
from policies.sentences import split_sentences

_ASIDE_SHARE, _EXCEPTION_SHARE = 0.25, 0.35
_MOST_SENTENCES = 6
_YIELDING = (
    "{other} is not applied here.", "{other} does not apply to these returns.", "This goes before {other}.",
    "{other} yields to this clause.", "In these cases {other} has no effect.", "{other} notwithstanding.",
    "{other} cannot be held against such a return.", "This clause takes precedence over {other}.",
    "Where this clause applies, {other} does not.", "This holds in spite of {other}.",
    "{other} is set aside by this.", "{other} gives way here.", "Never mind {other} in these cases.",
    "{other} is no obstacle to it.", "This is an exception to {other}.", "{other} makes room for this clause.",
)  # fmt: skip
_STANDING = (
    "This also holds against {other}.", "{other} changes nothing about this.", "This goes before {other}.",
    "Not even {other} makes an exception.", "{other} does not help in such cases.", "This prevails over {other}.",
    "{other} is not applied to these articles.", "This overrides {other}.",
    "That is so whatever {other} grants.", "{other} gives way to this.", "No appeal to {other} changes it.",
)  # fmt: skip
_AND_ALSO = (
    " Also, about something else: {other}", " And a second thing. {other}", " Second article, same order: {other}",
    " Besides that, my other order: {other}", " One more, please also take care of this: {other}",
    " Then there is the {item2}: {other}", " And while I have you, the {item2} too. {other}",
    " By the way, the {item2} has to go back as well. {other}", " Both of them should go back, the {item2} as well.",
    " I want to return the {item2} and this one together, for different reasons. {other}",
    " The {item2} from last month is also not right. {other}", " Same with the {item2} from my other order.",
)  # fmt: skip


def enriched(template: ClauseTemplate, split: Split, rng: random.Random) -> ClauseTemplate:
    """Return the clause, now and then with a sentence that decides nothing, or with an exception of its own."""
    if template.kind == "info" or template.also or len(split_sentences(template.text)) > _MOST_SENTENCES:
        return template
    if template.kind == "grant" and rng.random() < _EXCEPTION_SHARE:
        template = _with_exception(template, split, rng)
    if rng.random() < _ASIDE_SHARE:
        asides = [c for c in bank.clauses(split) if c.kind == "info" and "{" not in c.text]
        aside = rng.choice(asides)
        if rng.random() < 0.6:
            template = template.model_copy(update={"text": f"{template.text} {aside.text}"})
        else:
            shift = len(split_sentences(aside.text))
            template = template.model_copy(
                update={"text": f"{aside.text} {template.text}", "key": template.key + shift}
            )
    return template


def _with_exception(template: ClauseTemplate, split: Split, rng: random.Random) -> ClauseTemplate:
    """Append a sentence of another clause that forbids, as an exception of this one: its conditions join."""
    mine = {test.fact for alternatives in template.conditions for test in alternatives}
    fitting = [
        one
        for one in bank.clauses(split)
        if one.kind == "exclude"
        and "{" not in one.text
        and set(one.reasons) & set(template.reasons)
        and not mine & {test.fact for alternatives in one.conditions for test in alternatives}
        and not any(test.fact == "category" for alternatives in one.conditions for test in alternatives)
        and len(split_sentences(one.text)) == 1
    ]
    alternatives = sum(len(one) > 1 for one in template.conditions)
    fitting = [one for one in fitting if not (alternatives and any(len(c) > 1 for c in one.conditions))]
    if not fitting:
        return template
    other = rng.choice(fitting)
    return template.model_copy(
        update={
            "id": f"{template.id}+{other.id}",
            "text": f"{template.text} {other.text}",
            "conditions": (*template.conditions, *other.conditions),
        }
    )


def with_precedence(filled: Sequence[Filled], rng: random.Random) -> list[Filled]:
    """Let a clause that grants and one that forbids say which of them goes first, where there are both."""
    grant = next((f for f in filled if f.template.kind == "grant"), None)
    ban = next((f for f in filled if f.template.kind == "exclude"), None)
    if grant is None or ban is None:
        return list(filled)
    yields = rng.random() < 0.6
    speaker, other, wordings = (grant, ban, _YIELDING) if yields else (ban, grant, _STANDING)
    text = f"{speaker.policy.text} {rng.choice(wordings).format(other=other.policy.policy_id)}"
    version = speaker.policy.version
    spoken = speaker._replace(policy=plain_text_version(speaker.policy.policy_id, version, text))
    ban_now = (ban if yields else spoken)._replace(yields=yields)
    grant_now = (spoken if yields else grant)._replace(yields=not yields)
    return [grant_now if f is grant else ban_now if f is ban else f for f in filled]


def several_items(message: MessageTemplate, split: Split, rng: random.Random) -> MessageTemplate:
    """Return a letter about two articles; no single clause decides it, so a person should."""
    other = rng.choice([m for m in bank.messages(split) if m.lang == message.lang and m.reason != message.reason])
    items = [item.item for item in rng.sample(bank.items(), 2)]
    tail = rng.choice(_AND_ALSO).replace("{item2}", items[0])
    text = message.text + tail.replace("{other}", other.text.replace("{item}", items[1]))
    return message.model_copy(update={"id": f"{message.id}+{other.id}", "reason": Reason.UNCLEAR, "text": text})
