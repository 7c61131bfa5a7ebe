"""The hand-written training banks keep their format. Not responsible for what the generator makes of them."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from policies import Reason, ToolName
from policies.sentences import split_sentences

BANK = Path(__file__).resolve().parents[2] / "lifecycle" / "seed" / "bank"
CONDITION = re.compile(r"([A-Za-z]\w*) (?:(<=|>=|<|>) (\{N\}|\{M\}|\d+)|(is not|is) ([^{}]+))")
SLOT = re.compile(r"\{[^{}]*\}?|\}")
NUMBERS = {
    "zero": 0, "two": 2, "four": 4, "six": 6, "eight": 8, "one": 1, "three": 3, "five": 5, "seven": 7, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20,
    "a": 1, "an": 1, "first": 1, "half": 0.5, "couple": 2, "dozen": 12, "thirty": 30, "forty": 40, "forty-five": 45,
    "fifty": 50, "sixty": 60, "seventy": 70, "ninety": 90, "hundred": 100, "twenty-one": 21, "twenty-eight": 28,
    "twenty-four": 24, "forty-eight": 48, "seventy-two": 72, "single": 1, "second": 2, "third": 3, "once": 1,
    "twice": 2, "fortnight": 14, "quarter": 90, "thousand": 1000, "never": 0, "seventh": 7, "tenth": 10,
    "fifth": 5, "fourteenth": 14, "thirtieth": 30,
}  # fmt: skip
UNITS = (1, 7, 30, 365, 24, 1 / 24)
OUTCOMES = {"eligible", "not_eligible", "review"}


def rows(name: str) -> list[dict[str, Any]]:
    lines = (BANK / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def normalised(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def duplicates(texts: list[str]) -> list[str]:
    return [text for text, count in Counter(map(normalised, texts)).items() if count > 1]


def slots(text: str) -> set[str]:
    return set(SLOT.findall(text))


def numbers_in(text: str) -> set[float]:
    """Every number a reader may take from the text, also as weeks, months or years turned into days."""
    found = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", text))]
    found += [float(NUMBERS[w]) for w in re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower()) if w in NUMBERS]
    return {value * unit for value in found for unit in UNITS}


CLAUSES = rows("clauses.jsonl")
MESSAGES = rows("messages.jsonl")
REPLIES = rows("replies.jsonl")


def test_every_clause_has_legal_fields_and_its_key_sentence_exists() -> None:
    for clause in CLAUSES:
        name, text = clause["id"], clause["text"]
        assert clause["kind"] in {"grant", "exclude", "info"}, name
        assert set(clause["reasons"]) <= set(Reason), name
        assert bool(clause["reasons"]) == (clause["kind"] != "info"), name
        assert clause["gives"] in {"return", "refund", "replacement", "store_credit", "none"}, name
        assert 0 <= clause["key"] < len(split_sentences(text)), name
        assert not split_sentences(text)[clause["key"]].endswith("?"), f"{name}: a question decides nothing"
        assert slots(text) <= {"{N}", "{M}"}, name
        assert ("{N}" in text) == (clause["n"] is not None), name
        assert ("{M}" in text) == ("m" in clause), name
        assert (clause["kind"] == "info") == (not clause["conditions"]), name
        assert (clause["kind"] == "grant") == (clause["gives"] != "none"), name


def test_the_numbers_of_every_clause_s_conditions_stand_in_its_deciding_sentence() -> None:
    for clause in CLAUSES:
        key = split_sentences(clause["text"])[clause["key"]]
        tests = [test for alternatives in clause["conditions"] for test in alternatives]
        matches = [CONDITION.fullmatch(test) for test in tests]
        assert all(matches), f"{clause['id']}: {tests}"
        numbers = [(match[1], match[2], match[3]) for match in matches if match and match[3]]
        for fact, operator, number in numbers:
            implied = fact == "days_late" and (operator, number) in {(">=", "1"), (">", "0")}
            if number.isdigit() and not implied:
                value = int(number) / (100 if fact.endswith("_cents") else 1)
                assert value in numbers_in(key), f"{clause['id']}: {fact} {operator} {number}"
        used = {number for _, _, number in numbers if not number.isdigit()}
        assert slots(key) == used, f"{clause['id']}: the deciding sentence must hold the conditions' numbers, no other"


def test_clauses_are_many_and_varied_and_never_repeat() -> None:
    assert len({clause["id"] for clause in CLAUSES}) == len(CLAUSES) >= 600
    assert not duplicates([clause["text"] for clause in CLAUSES])
    assert len({clause["family"] for clause in CLAUSES}) >= 24
    tests = [test for clause in CLAUSES for alternatives in clause["conditions"] for test in alternatives]
    flags = {test.split(" is ")[0] for test in tests if test.endswith((" is true", " is false"))}
    assert len(flags) >= 150
    assert sum(len(clause["conditions"]) >= 3 for clause in CLAUSES) >= 60
    minimum = re.compile(r"(?!days_late >= 1$)\w+ (>=|>) ")
    assert sum(bool(minimum.match(test)) for test in tests) >= 30
    other = re.compile(r"(?!days_since_delivery)(days|hours)_since_\w+ (<|<=|>|>=) ")
    assert sum(bool(other.match(test)) for test in tests) >= 20


def test_messages_cover_every_reason_in_many_voices_and_never_repeat() -> None:
    assert len({message["id"] for message in MESSAGES}) == len(MESSAGES) >= 900
    assert not duplicates([message["text"] for message in MESSAGES])
    assert all(slots(message["text"]) <= {"{item}"} for message in MESSAGES)
    by_reason = Counter(message["reason"] for message in MESSAGES)
    assert set(by_reason) == set(Reason)
    assert min(by_reason.values()) >= 80
    assert len({message["author"] for message in MESSAGES}) >= 12
    assert {message["lang"] for message in MESSAGES} == {"en", "de", "fr", "es", "it", "nl"}
    assert sum(message["lang"] != "en" for message in MESSAGES) >= 0.18 * len(MESSAGES)
    assert sum(message["style"] == "injection" for message in MESSAGES) >= 0.14 * len(MESSAGES)


def test_replies_cite_the_policy_and_stay_short() -> None:
    actions = {str(tool) for tool in ToolName} | {"none"}
    assert len(REPLIES) >= 160
    assert not duplicates([reply["text"] for reply in REPLIES])
    for reply in REPLIES:
        assert reply["outcome"] in OUTCOMES
        assert reply["action"] in actions
        assert "{policy}" in reply["text"], reply["text"]
        assert slots(reply["text"]) <= {"{item}", "{policy}", "{order}", "{amount}"}, reply["text"]
        assert 12 <= len(reply["text"].split()) <= 48, reply["text"]
        assert 1 <= len(split_sentences(reply["text"])) <= 4, reply["text"]
    assert sum(reply["lang"] != "en" for reply in REPLIES) >= 0.2 * len(REPLIES)


def test_items_and_distractor_facts_are_usable() -> None:
    items = rows("items.jsonl")
    assert len(items) >= 150
    assert not duplicates([item["item"] for item in items])
    assert all(0 < item["price"][0] < item["price"][1] for item in items)
    facts = rows("distractor_facts.jsonl")
    assert len(facts) >= 80
    assert not duplicates([fact["name"] for fact in facts])
    assert all(fact["values"] for fact in facts)
    deciding = {
        re.split(r" (?:is|<|>)", test)[0]
        for clause in CLAUSES for alternatives in clause["conditions"] for test in alternatives
    }  # fmt: skip
    assert not deciding & {fact["name"] for fact in facts}, "a distractor must not be a fact that some clause asks for"


def test_text_facts_and_categories_of_clauses_have_values_to_draw_from() -> None:
    values = {fact["name"]: set(fact["values"]) for fact in rows("text_facts.jsonl")}
    assert {item["category"] for item in rows("items.jsonl")} == values["category"]
    assert not values.keys() & {fact["name"] for fact in rows("distractor_facts.jsonl")}
    for clause in CLAUSES:
        assert set(clause.get("categories", [])) <= values["category"], clause["id"]
        for test in (test for alternatives in clause["conditions"] for test in alternatives):
            match = CONDITION.fullmatch(test)
            if match and match[5] not in {None, "true", "false"}:
                assert match[5] in values[match[1]], f"{clause['id']}: {test}"
                assert len(values[match[1]]) >= 3, test
