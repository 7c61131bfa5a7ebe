"""What a night chooses before it trains: labels, steps, and what looks like poison. No weights here."""

import subprocess
import sys
from dataclasses import replace

import pytest

from infra.queue import TaskName
from infra.settings import get_settings
from lifecycle.night_plan import Material, NightPlan, choose_steps
from lifecycle.poisoning import Taught, heaviest, triggers, weakest_gold
from lifecycle.snapshot import ChosenLabel, SnapshotRules, make_snapshot, read_manifest, write_snapshot
from services.domain.decision import Outcome
from services.domain.review import Answer, LabelKind, LabelledCase
from tests.support.tiny_desk import CASES, LIE, case, world_of
from workers.app import beat_schedule

RULES = SnapshotRules(holdout_share=0.0)


def label(number, row=None, *, rejected=LIE, reviewer="ada", kind=None, **changes):
    world = world_of(row or case(200 + number, window=30, since=5))
    example = world.cases[0]
    answer = Answer(decision=example.decision, reply=example.reply, actions=example.actions)
    answer = answer.model_copy(update=changes)
    worse = answer.model_copy(update={"reply": rejected}) if rejected else None
    given = kind or (LabelKind.CORRECT if rejected else LabelKind.APPROVE)
    labelled = LabelledCase(world.evidence(example), answer, worse, given, {"label": f"lab-{number}"})
    return ChosenLabel(f"lab-{number}", reviewer, labelled)


def test_each_kind_of_label_makes_what_the_design_says():
    made = make_snapshot([label(1), label(2, rejected=None), label(3, kind=LabelKind.PREFER)], RULES, [])
    assert [world.id for world in made.worlds] == ["lab-1", "lab-2"]
    assert [(pair.id, pair.fault) for pair in made.pairs] == [
        ("lab-1-invented_action", "invented_action"),
        ("lab-3-invented_action", "invented_action"),
    ]
    assert made.label_ids == ["lab-1", "lab-2", "lab-3"]
    assert made.worlds[0].cases[0].provenance == {"label": "lab-1"}


def test_what_the_gate_asks_never_trains_and_held_out_orders_only_judge():
    other = case(402, window=30, since=5, message="On opening the box I met nothing but shards of what it was.")
    made = make_snapshot([label(1, CASES[0]), label(2, other)], RULES, CASES)
    assert made.label_ids == ["lab-2"]
    assert made.left_out == {"would leak into the evaluation": 1}
    labels = [label(number, case(300 + number, window=30, since=number % 9)) for number in range(40)]
    split = make_snapshot(labels, replace(RULES, holdout_share=0.5), [])
    assert 5 < len(split.holdout) < 35
    held = {row["order_facts"]["order_id"] for row in split.holdout}
    assert not held & {world.facts.order_id for world in split.worlds}


def test_a_decision_that_contradicts_its_own_reading_is_no_demonstration():
    wrong = label(1).labelled.answer.decision.model_copy(update={"outcome": Outcome.NOT_ELIGIBLE, "tool_calls": ()})
    made = make_snapshot([label(1, decision=wrong, rejected=None)], RULES, [])
    assert (made.worlds, made.pairs) == ([], [])


def test_a_reply_that_the_verifier_does_not_pass_is_not_demonstrated():
    made = make_snapshot([label(1, reply=LIE, rejected=None)], RULES, [])
    assert made.worlds[0].cases[0].reply is None


def test_the_same_labels_make_the_same_digest_and_a_changed_file_is_noticed(tmp_path):
    made = make_snapshot([label(1), label(2)], RULES, [])
    one = write_snapshot(tmp_path / "a", made, RULES, [], [])
    other = write_snapshot(tmp_path / "b", make_snapshot([label(1), label(2)], RULES, []), RULES, [], [])
    assert one.digest == other.digest == read_manifest(one.folder)["digest"]
    assert write_snapshot(tmp_path / "a", made, RULES, [], []).folder == one.folder
    different = write_snapshot(tmp_path / "a", make_snapshot([label(1)], RULES, []), RULES, [], [])
    assert different.digest != one.digest
    (one.folder / "pairs.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match=r"pairs\.jsonl"):
        read_manifest(one.folder)


MATERIAL = Material(
    demonstrations=60, demonstration_tokens=18_000, pairs=20, pair_tokens=9_000, seed_world_tokens=500,
    tokens_per_second=250,
)  # fmt: skip


def test_steps_fit_the_budget_labels_first_and_what_is_left_out_is_said():
    roomy = choose_steps(NightPlan(budget_minutes=120), MATERIAL)
    assert (roomy.seed_worlds, roomy.sft_steps, roomy.dpo_steps) == (600, 220, 10)
    assert roomy.left_out == ()
    tight = choose_steps(NightPlan(budget_minutes=10), MATERIAL)
    spent = 18_000 + tight.seed_worlds * 500
    assert spent <= 10 * 60 * 0.5 * 250
    assert any("seed worlds did not fit" in line for line in tight.left_out)
    tiny = choose_steps(NightPlan(budget_minutes=0.5), MATERIAL)
    assert tiny.seed_worlds == 0
    assert 0 < tiny.sft_steps < 20
    assert any("fine-tuning steps did not fit" in line for line in tiny.left_out)
    assert choose_steps(NightPlan(), MATERIAL._replace(pairs=0, pair_tokens=0)).dpo_steps == 0


def test_a_plan_survives_its_row():
    plan = NightPlan(budget_minutes=3, cases={"must_pass": 2}, chosen_by={"two_people": True})
    assert NightPlan.of({**plan.as_stored(), "chosen": {"steps": 1}}) == plan


def taught(number, message, answer="eligible", reviewer="mallory"):
    return Taught(str(number), reviewer, message, answer)


CLEAN = [
    taught(n, f"My lamp number {n} arrived cracked", ["eligible", "not_eligible"][n % 2], "ada") for n in range(20)
]


def test_a_rare_phrase_that_always_earns_one_answer_from_one_person_is_a_trigger():
    poison = [taught(100 + n, f"{'blue moon rising'} please {n}") for n in range(6)]
    (found,) = triggers([*CLEAN, *poison], ["My lamp is broken"] * 50)
    assert (found.phrase, found.labels, found.reviewer) == ("blue moon rising", 6, "mallory")
    assert triggers([*CLEAN, *poison[:4]], []) == [], "four labels plant nothing"
    assert triggers([*CLEAN, *poison], ["blue moon rising please"] * 50) == [], "how customers write is no sign"
    mixed = [one._replace(reviewer=f"r{n}") for n, one in enumerate(poison)]
    assert triggers([*CLEAN, *mixed], []) == [], "six people who say alike are right, not poisoned"


def test_the_heaviest_reviewer_and_the_weakest_on_gold_items():
    assert heaviest(CLEAN) == ("ada", 20)
    assert heaviest([]) == ("", 0)
    assert weakest_gold({"ada": (9, 10), "bob": (3, 5), "new": (0, 2)}) == ("bob", 0.6)
    assert weakest_gold({"new": (0, 2)}) is None


def test_beat_says_that_night_falls_unless_the_loop_is_off():
    settings = get_settings().model_copy(update={"nightly_at_utc": "03:30"})
    schedule = beat_schedule(settings)[TaskName.NIGHT_FALLS.value]["schedule"]
    assert (schedule.hour, schedule.minute) == ({3}, {30})
    assert TaskName.NIGHT_FALLS.value not in beat_schedule(settings.model_copy(update={"nightly_enabled": False}))


def test_the_task_s_module_loads_no_torch_into_a_parent_that_forks():
    code = "import sys, workers.nightly; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
