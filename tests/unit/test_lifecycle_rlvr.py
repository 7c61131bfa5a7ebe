"""Learning from verifiable rewards: losses worked by hand, a reward that rises, shortcuts that stop a run."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from lifecycle.choices import chosen_log_probs
from lifecycle.examples import write_worlds
from lifecycle.rewards import RewardWeights, reward_terms, total
from lifecycle.rlvr import RLVRSettings, group_advantages, grpo_loss, train_rlvr
from lifecycle.rollouts import Sampler
from lifecycle.runs import Run, RunError
from lifecycle.shortcuts import Limits, Scripted, habits, heldout_cases, rewards_of_shortcuts, taken, what_pays
from services.adapters.dry_run import DryRunTools
from services.domain.decision import Outcome
from services.domain.reading import LexicalClaimReader
from services.flows.pipeline import Pipeline
from services.inference import lora
from services.inference.checkpoint import load_checkpoint, read_card
from services.inference.constrain import Grammars
from tests.unit.reward_world import reward_checkpoint, reward_worlds
from workers.cli import app

ANY = Limits(*[1.0] * 7)
HELD = heldout_cases(reward_worlds(), 8)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    return read_card(reward_checkpoint(root)).digest, [root]


def settings(base, **changes):
    known = {"steps": 4, "batch_cases": 2, "group": 4, "rate": 1e-2, "warmup": 1, "rank": 4, "alpha": 8.0}
    known |= {"beta": 0.02, "probe_every": 50, "probe_cases": 4, "replies": False, "limits": ANY, "save_every": 2}
    return RLVRSettings(base=base[0], dataset_digest="d", **(known | changes))


def train(base, folder, **changes):
    return train_rlvr(settings(base, **changes), reward_worlds(), reward_worlds(), DryRunTools(), folder, base[1], "x")


def test_advantages_compare_an_answer_with_its_group():
    found = group_advantages(torch.tensor([1.0, 2.0, 3.0]))  # mean 2, sample deviation 1
    assert found.tolist() == pytest.approx([-1.0, 0.0, 1.0], abs=1e-3)
    assert group_advantages(torch.full((4,), 0.7)).tolist() == [0.0] * 4


def test_the_loss_of_answers_just_drawn_is_the_negative_mean_advantage():
    log_probs = torch.tensor([[-1.0, -2.0], [-0.5, 0.0]])
    mask = torch.tensor([[True, True], [True, False]])
    result = grpo_loss(log_probs, log_probs, None, torch.tensor([1.0, -0.5]), mask, 0.2, 0.0)
    assert result.loss.item() == pytest.approx(-(1.0 - 0.5) / 2)
    assert (result.kl.item(), result.clipped.item()) == (0.0, 0.0)


def test_the_gain_is_clipped_and_the_distance_from_the_reference_weighed():
    policy = torch.tensor([[math.log(0.6)], [math.log(0.1)]])
    old = torch.tensor([[math.log(0.4)], [math.log(0.2)]])  # ratios 1.5 and 0.5
    reference = torch.tensor([[math.log(0.3)], [math.log(0.1)]])  # r = 0.5 and 1
    mask = torch.ones(2, 1, dtype=torch.bool)
    result = grpo_loss(policy, old, reference, torch.tensor([1.0, -1.0]), mask, 0.2, 0.1)
    distance = 0.5 - math.log(0.5) - 1
    # The first may gain 1.2 at most; the second, worse and already rarer, loses no more than 0.8.
    assert result.loss.item() == pytest.approx(-((1.2 - 0.1 * distance) + (-0.8)) / 2, abs=1e-6)
    assert result.kl.item() == pytest.approx(distance / 2, abs=1e-6)
    assert result.clipped.item() == 1.0


def test_the_log_probabilities_are_those_that_the_engine_drew_from(base):
    loaded = load_checkpoint(base[0], base[1], merged=False)
    lora.attach(loaded.model, lora.LoraConfig(2, 4.0))
    sampler = Sampler(loaded.model, loaded.tokenizer, DryRunTools(), Grammars(loaded.tokenizer))
    groups = sampler.groups([one.evidence for one in HELD[:2]], 2, 1.3, 7)
    assert [len(group) for group in groups] == [2, 2]
    together, mask = chosen_log_probs(loaded.model, groups[0], 1.3)
    for number, episode in enumerate(groups[0]):
        values = []
        for turn in episode.turns:
            ids = torch.tensor([*turn.prompt, *turn.answer])
            logits = loaded.model.head(loaded.model(ids[None])[0]).float() / 1.3
            for place, options in turn.choices:
                row = logits[len(turn.prompt) + place - 1]
                among = row if options is None else row[torch.from_numpy(options)]
                values.append((row[turn.answer[place]] - among.logsumexp(0)).item())
        assert together[number][mask[number]].tolist() == pytest.approx(values, abs=1e-4)
    again = sampler.groups([one.evidence for one in HELD[1:2]], 2, 1.3, 7)
    answers = [[[turn.answer for turn in e.turns] for e in group] for group in (again[0], groups[1])]
    assert answers[0] == answers[1], "company must not change what a case gets"
    together.sum().backward()
    assert all(parameter.grad is not None for parameter in lora.parameters(loaded.model))


def test_the_reward_rises_and_every_term_is_on_record(tmp_path, base):
    folder = train(base, tmp_path / "run", steps=14, batch_cases=4, group=8, probe_every=7, probe_cases=8)
    rows = Run(tmp_path / "run", {}).metrics()
    first, last = (sum(row["reward"] for row in part) / 3 for part in (rows[:3], rows[-3:]))
    assert last > first + 0.3
    assert sum(row["outcome"] for row in rows[-3:]) > sum(row["outcome"] for row in rows[:3]) + 0.5
    terms = set(RewardWeights.__dataclass_fields__)
    assert terms < set(rows[0])
    assert total({name: rows[0][name] for name in terms}, RewardWeights()) == pytest.approx(rows[0]["reward"], abs=1e-4)
    probes = [json.loads(line) for line in (tmp_path / "run" / "habits.jsonl").read_text().splitlines()]
    assert probes[-1]["heldout_reward"] > 2.0
    assert (tmp_path / "run" / "curve.png").stat().st_size > 1000
    card = read_card(folder).details
    assert (card["stage"], card["parent"]) == ("rlvr", base[0])
    assert card["shortcuts_earn"]["right answers"] > card["shortcuts_earn"]["always review"]


def test_a_run_that_stops_in_mid_step_ends_with_the_very_same_weights(tmp_path, base, monkeypatch):
    small = {"replies": True, "steps": 2, "batch_cases": 1, "group": 2, "updates": 2, "save_every": 1}
    calls = []

    def dies(*args):
        calls.append(1)
        if len(calls) == 4:  # in the second step, after its first update
            raise KeyboardInterrupt
        return grpo_loss(*args)

    with monkeypatch.context() as patch:
        patch.setattr("lifecycle.rlvr.grpo_loss", dies)
        with pytest.raises(KeyboardInterrupt):
            train(base, tmp_path / "b", **small)
    cut = load_file(train(base, tmp_path / "b", **small) / "adapter_model.safetensors")
    whole = load_file(train(base, tmp_path / "a", **small) / "adapter_model.safetensors")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert any(tensor.any() for name, tensor in whole.items() if "lora_B" in name)


@pytest.mark.parametrize(
    ("weights", "shortcut"),
    [
        (RewardWeights(needless_review=0, outcome=0, clause=0, evidence=0, reason=0), "always review"),
        (RewardWeights(verdict=0, reply=0), "empty reply"),
        (RewardWeights(reply=0, claims=0), "copied message"),
        (RewardWeights(claims=0, verdict=0, reply=0), "every claim"),
    ],
)
def test_a_reward_that_a_shortcut_earns_is_refused_before_training(tmp_path, base, weights, shortcut):
    earned = rewards_of_shortcuts(HELD, weights, DryRunTools())
    assert earned["right answers"] - earned[shortcut] < 0.25
    assert what_pays(earned)
    with pytest.raises(RunError, match=r"earns .* on held-out cases, the right answers"):
        train(base, tmp_path / "run", weights=weights)


def test_the_stated_weights_let_no_shortcut_pay():
    assert what_pays(rewards_of_shortcuts(HELD, RewardWeights(), DryRunTools())) is None


def outputs(decide, text):
    script = Scripted("script", decide, text)
    return Pipeline(script, LexicalClaimReader()).run_batch([one.evidence for one in HELD], DryRunTools())


def right(evidence):
    return next(one.case.decision for one in HELD if one.evidence.digest == evidence.digest)


def review(evidence):
    return right(evidence).model_copy(update={"outcome": Outcome.REVIEW})


def approve(evidence):
    return right(evidence).model_copy(update={"outcome": Outcome.ELIGIBLE})


def said(evidence, decision, actions):
    return f"Thank you, we have read order {evidence.facts.order_id} under P-7: {decision.outcome}."


@pytest.mark.parametrize(
    ("decide", "text", "habit"),
    [
        (review, said, "needless_review"),
        (approve, said, "wrong_approval"),
        (right, lambda *_: "", "empty_reply"),
        (right, lambda evidence, *_: evidence.message + " " + evidence.message, "copied_message"),
        (right, lambda *_: "We have issued your refund of 20 EUR today.", "unsupported_claim"),
        (right, lambda *_: "Thank you for writing to us about it.", "one_reply"),
    ],
)
def test_each_shortcut_is_caught_on_held_out_cases(decide, text, habit):
    start = habits(HELD, outputs(right, lambda e, *_: f"Thank you, {e.message} Ours is P-7, and so we decide."))
    start["one_reply"] = 0.2
    found = habits(HELD, outputs(decide, text))
    assert found[habit] > start[habit] + getattr(Limits(), habit)
    only = replace(ANY, **{habit: getattr(Limits(), habit)})
    assert taken(found, start, only).startswith(f"shortcut {habit}: ")
    assert taken(start, start, Limits()) is None


def test_a_run_in_which_a_shortcut_grows_is_stopped_in_one_line(tmp_path, base, monkeypatch):
    monkeypatch.setattr("lifecycle.rlvr._habits_at_start", lambda *_: dict.fromkeys(Limits.__dataclass_fields__, -1.0))
    with pytest.raises(RunError, match="shortcut needless_review"):
        train(base, tmp_path / "run", probe_every=1, limits=Limits())


def test_held_out_customers_press_and_the_truth_stays():
    pressed = [one for one in HELD if one.case.message.rstrip()[-6:] != "broke."]
    assert len(pressed) == 4
    assert reward_terms(HELD[0].case, outputs(right, said)[0])["outcome"] == 1.0


def test_the_command_trains_and_refuses_in_one_line(tmp_path, base, monkeypatch):
    data = tmp_path / "w.jsonl"
    write_worlds(data, reward_worlds())
    monkeypatch.setattr("workers.checkpoints.roots", lambda _: tuple(base[1]))
    options = ["train", "rlvr", "--base", base[0], "--name", "x", "--run", str(tmp_path / "run"), "--steps", "1"]
    options += ["--heldout", str(data), "--group", "2", "--batch-cases", "1", "--decisions-only"]
    done = CliRunner().invoke(app, [*options, "--data", str(data)])
    assert done.exit_code == 0, done.stderr
    assert read_card(next(f for f in base[1][0].iterdir() if str(f) == done.stdout.strip())).details["stage"] == "rlvr"
    data.write_text("")
    done = CliRunner().invoke(app, [*options, "--data", str(data)])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "dataset" in done.stderr
