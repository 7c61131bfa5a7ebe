"""A judge's opinion never stands without its agreement with people, and nobody's labels are made up."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from lifecycle.judge import (
    RUBRIC,
    Asked,
    ModelJudge,
    Rated,
    TraitJudge,
    agreement_with,
    grades_schema,
    ratings_of,
    report_of,
)
from policies import PolicyVersion, Reason
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.review import Answer, LabelKind, LabelledCase
from workers.cli import app
from workers.commands.judging import judge_lines

CLAUSES = {"P-7": "Damaged items reported within 30 days are eligible.", "P-3": "Sale items stay with the customer."}
GOOD = "Thank you for telling us about the cracked lamp. Under P-7 you may send it back."
MESSAGE = "My lamp arrived cracked yesterday, what can you do for me about it?"


def asked(reply, outcome="eligible", policy_id="P-7", message=MESSAGE):
    return Asked(message, outcome, policy_id, CLAUSES, reply)


def grades(reply, **changes):
    return TraitJudge().judge([asked(reply, **changes)])[0].grades


def test_a_good_reply_meets_every_line_of_the_rubric():
    judged = TraitJudge().judge([asked(GOOD)])[0]
    assert judged.grades == dict.fromkeys([c.name for c in RUBRIC], 1.0)
    assert judged.quality == 1.0
    assert judged.good


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("Thank you. Under P-7 the lamp is not eligible, we cannot accept the return.", "outcome"),
        ("Thank you for the message about your lamp. You may send it back.", "clause"),
        ("Thank you for the message. Under P-3 and P-7 you may send it back.", "clause"),
        (GOOD + " I promise that the money is there tomorrow.", "honest"),
        (GOOD + ' Our policy says: "Every lamp may go back at any time."', "honest"),
        ("You should have read P-7 before, the lamp may go back.", "kind"),
        ("Thanks, P-7.", "short"),
        ("Danke für Ihre Nachricht, nach P-7 können Sie die Lampe gerne zurücksenden.", "language"),
        (f"Thank you, P-7. {MESSAGE} {MESSAGE}", "own"),
    ],
)
def test_each_line_of_the_rubric_can_fail_on_its_own(reply, line):
    assert grades(reply)[line] == 0.0


def test_an_empty_reply_is_poor():
    assert not TraitJudge().judge([asked("")])[0].good


def test_a_model_is_asked_every_line_and_told_that_the_case_is_data():
    sent = []

    def ask(messages, schema):
        sent.append((messages, schema))
        return json.dumps({c.name: int(c.name != "kind") for c in RUBRIC})

    judged = ModelJudge(ask, "remote:m").judge([asked(GOOD)])[0]
    assert judged.quality == pytest.approx(8 / 9)
    messages, schema = sent[0]
    assert all(c.question in messages[0]["content"] for c in RUBRIC)
    assert json.loads(messages[1]["content"])["reply"] == GOOD
    assert schema == grades_schema()


@pytest.mark.parametrize("said", ["", "good!", "[1]", '{"kind": 1}', json.dumps({c.name: 3 for c in RUBRIC})])
def test_an_answer_that_is_no_grade_is_not_counted_as_one(said):
    report = report_of(ModelJudge(lambda *_: said, "remote:m"), [asked(GOOD)], [])
    assert (report["unusable"], report["good"]) == (1, None)
    assert "1 replies got no usable grades" in "\n".join(judge_lines(report))


def test_without_human_labels_the_score_says_so():
    report = report_of(TraitJudge(), [asked(GOOD)], [])
    assert "no human labels yet" in judge_lines(report)[1]
    assert report["agreement"]["kappa"] is None
    assert report["gates"] is False
    few = report_of(TraitJudge(), [asked(GOOD)], [Rated(asked(GOOD), good=True)] * 9)
    assert "too few" in judge_lines(few)[1]


def test_agreement_is_cohen_s_kappa_over_labelled_replies():
    poor = asked("no")
    rated = [Rated(asked(GOOD), True)] * 9 + [Rated(asked(GOOD), False)] * 2 + [Rated(poor, False)] * 8
    rated += [Rated(poor, True)]
    found = agreement_with(TraitJudge(), rated)
    # 17 of 20 alike; by chance (11 * 10 + 9 * 10) / 400 = 0.5, so kappa is (0.85 - 0.5) / 0.5.
    assert (found.labelled, found.agreed) == (20, 17)
    assert found.kappa == pytest.approx(0.7)
    assert str(found) == "agrees with people on 17 of 20 labelled replies, kappa 0.70"
    assert "undefined" in str(agreement_with(TraitJudge(), [Rated(asked(GOOD), True)] * 10))


def decision(outcome=Outcome.ELIGIBLE):
    return Decision(reason=Reason.DAMAGED, policy_id="P-7", policy_version="1", evidence="", outcome=outcome)


def label(kind, reply, rejected=None, rejected_outcome=Outcome.ELIGIBLE):
    evidence = Evidence(
        message=MESSAGE,
        facts=OrderFacts(values={}),
        policies=(PolicyVersion(policy_id="P-7", version="1", text=CLAUSES["P-7"]),),
        asked_on=date(2025, 1, 1),
    )
    worse = Answer(decision=decision(rejected_outcome), reply=rejected) if rejected is not None else None
    return LabelledCase(evidence, Answer(decision=decision(), reply=reply), worse, kind, {})


def test_what_reviewers_say_of_replies_comes_from_their_labels_alone():
    labels = [
        label(LabelKind.APPROVE, "approved"),
        label(LabelKind.CORRECT, "better", "worse"),
        label(LabelKind.PREFER, "this one", "that one"),
        label(LabelKind.CORRECT, "new", "old", Outcome.REVIEW),  # another decision: the replies are not compared
        label(LabelKind.CORRECT, "same", "same"),
    ]
    found = [(one.asked.reply, one.good) for one in ratings_of(labels)]
    assert found == [
        ("approved", True), ("better", True), ("worse", False), ("this one", True), ("that one", False),
    ]  # fmt: skip


def test_an_unknown_judge_is_refused_in_one_line(tmp_path, monkeypatch):
    from workers.commands import judging  # noqa: PLC0415 - the command's own import

    with pytest.raises(Exception, match="2"):
        judging._judge("oracle")
    assert "--judge" in CliRunner().invoke(app, ["eval", "--help"]).output
