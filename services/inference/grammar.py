"""The grammar of one case's answer, as llguidance reads it. Pure text: masks and tokens are `constrain`'s.

Whatever is fixed or can be copied is a constant here, so the engine appends it instead of sampling: fact values,
comparison results, labels. What remains to choose: reason, sentence, conditions, outcome, tools.
"""

import json
import re
from collections.abc import Iterable

from policies import PolicyVersion, Reason, ToolName
from policies.numbers import numbers_in
from services.domain.decision import FactTest, Outcome, Truth
from services.domain.facts import FactValue
from services.domain.reply_checks import is_telling
from services.inference.prompt import CONFLICT, NONE_FITS, NOT_STATED, CaseView, test_head, test_tail

MAX_CONDITIONS = 7
MAX_ALTERNATIVES = 3
MAX_READINGS = 3
MAX_TOOLS = 2
_COMPARISONS = ("<=", ">=", "<", ">")


def decision_grammar(view: CaseView) -> str:
    """Return the lark grammar of every answer that is true to the case's facts and clauses.

    A case whose facts contradict each other may only end in review, whatever the model would say.
    """
    contradicted = bool(view.evidence.contradictions)
    lines = [f"reason: {_choice(reason.value for reason in Reason)}"]
    if not view.clauses:
        return "\n".join(["start: reason " + _text(f"\n{NONE_FITS}\n= {Outcome.REVIEW}"), *lines])
    conflict = _text(f"{CONFLICT}\n") if contradicted else f"{_text(CONFLICT + chr(10))}?"
    letters = list(view.clauses)
    lines.append('start: reason "\\n" body')
    lines.append(f"body: {_text(f'{NONE_FITS}{chr(10)}= {Outcome.REVIEW}')} | readings {conflict} final")
    lines.append(f"readings: reading{{1,{MAX_READINGS}}}")
    lines.append("reading: " + " | ".join(f"reading_{letter.lower()}" for letter in letters))
    lines.append('final: "= " (' + " | ".join(f"final_{letter.lower()}" for letter in letters) + ")")
    lines.append(f"tests: {_choice(_common_tests(view))}")
    for letter, policy in view.clauses.items():
        lines += _clause_rules(view, letter, policy, only_review=contradicted)
    return "\n".join(lines)


def reply_grammar(governing: str | None, retrieved: Iterable[str]) -> str | None:
    """Return the grammar of a reply: any text in which the only clause cited is the one that governs.

    Forbidden are other ids of its form (P-3 beside P-7, retrieved or made up) and retrieved ids of another form, so a
    small model that mixes up two numbers can only write the right one. None where no id can be told from a word.
    """
    if governing is None:
        return None
    forms = [_pattern(one) for one in retrieved if is_telling(one)]
    if is_telling(governing):
        forms.append(re.sub(r"\d+", "[0-9]+", _pattern(governing)))
    if not forms:
        return None
    anything = r"/(.|\n)*/"
    return (
        f"start: TEXT\nOTHER: /{'|'.join(dict.fromkeys(forms))}/ & ~/{_pattern(governing)}/\n"
        f"TEXT: {anything} & ~({anything} OTHER (/[^0-9](.|\\n)*/)?)\n"
    )


def _pattern(policy_id: str) -> str:
    """Write an id as a pattern between lark's slashes."""
    return re.escape(policy_id).replace("/", r"\/")


def _clause_rules(view: CaseView, letter: str, policy: PolicyVersion, *, only_review: bool) -> list[str]:
    low = letter.lower()
    labels = [label for label in view.sentences if label[0] == letter]
    own = list(_number_tests(view, policy))
    test = f"test_{low}: tests" + (f" | numbers_{low}" if own else "")
    rules = [
        f"reading_{low}: label_{low} condition_{low}{{0,{MAX_CONDITIONS}}}",
        f"label_{low}: {_choice(f'{label}{chr(10)}' for label in labels)}",
        f'condition_{low}: test_{low} (" or " test_{low}){{0,{MAX_ALTERNATIVES - 1}}} "\\n"',
        test,
    ]
    if own:
        rules.append(f"numbers_{low}: {_choice(own)}")
    photos = policy.grant(ToolName.REQUEST_PHOTOS) is not None
    endings = [_text(f"{Outcome.REVIEW} {letter}") + (f" {_text(f' {ToolName.REQUEST_PHOTOS}')}?" if photos else "")]
    if not only_review:
        tools = _choice(f" {grant.name}" for grant in policy.tools)
        with_tools = f" ({tools}){{0,{MAX_TOOLS}}}" if policy.tools else ""
        endings += [_text(f"{Outcome.NOT_ELIGIBLE} {letter}"), _text(f"{Outcome.ELIGIBLE} {letter}") + with_tools]
    rules.append(f"final_{low}: " + " | ".join(endings))
    return rules


def _common_tests(view: CaseView) -> Iterable[str]:
    """Yield the tests that any clause may ask for: flags, texts, what is unknown, what no fact states."""
    yield _line(FactTest(fact=None, relation="is", wanted=None, actual=None, result=Truth.UNKNOWN))
    for name, value in view.facts.items():
        if value is None or isinstance(value, bool):
            for wanted in (True, False):
                yield _line(flag_test(name, wanted, value))
        if value is None or isinstance(value, str):
            results = (Truth.UNKNOWN,) if value is None else (Truth.YES, Truth.NO)
            for result in results:
                yield _line(FactTest(fact=name, relation="fits", wanted=None, actual=value, result=result))


def _number_tests(view: CaseView, policy: PolicyVersion) -> Iterable[str]:
    """Yield the comparisons of number facts with the numbers that stand in this clause, and no others."""
    for name, value in view.facts.items():
        if isinstance(value, bool | str):
            continue
        for wanted in numbers_in(policy.text):
            for relation in _COMPARISONS:
                yield _line(number_test(name, relation, wanted, value))


def flag_test(name: str, wanted: bool, actual: FactValue) -> FactTest:
    """Compare a yes/no fact; one that is not established is unknown."""
    result = Truth.UNKNOWN if actual is None else (Truth.YES if actual is wanted else Truth.NO)
    return FactTest(fact=name, relation="is", wanted=wanted, actual=actual, result=result)


def number_test(name: str, relation: str, wanted: float, actual: FactValue) -> FactTest:
    """Compare a number fact with a number of the clause; "within N days" is `<=` and includes day N."""
    if actual is None or isinstance(actual, bool | str):
        result = Truth.UNKNOWN
    else:
        holds = {"<=": actual <= wanted, ">=": actual >= wanted, "<": actual < wanted, ">": actual > wanted}[relation]
        result = Truth.YES if holds else Truth.NO
    return FactTest(fact=name, relation=relation, wanted=wanted, actual=actual, result=result)


def _line(test: FactTest) -> str:
    return f"{test_head(test)}: {test_tail(test)}"


def _text(text: str) -> str:
    """Quote a constant for lark; JSON's escapes are lark's."""
    return json.dumps(text, ensure_ascii=False)


def _choice(options: Iterable[str]) -> str:
    return " | ".join(_text(option) for option in dict.fromkeys(options))


__all__ = ["MAX_READINGS", "NOT_STATED", "decision_grammar", "flag_test", "number_test"]
