"""A checkpoint's own mistakes become pairs; what it gets right does not."""

import pytest
from typer.testing import CliRunner

from lifecycle.audit import audit_pairs
from lifecycle.on_policy import own_pairs
from lifecycle.preferences import read_pairs
from lifecycle.seed.build import seed_worlds
from lifecycle.shortcuts import Scripted
from policies import Reason
from services.domain.decision import Decision, Outcome
from tests.unit.reward_world import reward_checkpoint, reward_worlds
from workers.cli import app

MADE = {"made": "on_policy", "checkpoint": "script"}


@pytest.fixture(scope="module")
def worlds():
    return list(seed_worlds(12, 7, reply_share=1.0))


def truth_of(worlds):
    return {w.evidence(case).digest: case for w in worlds for case in w.cases}


def test_what_it_decides_and_writes_rightly_makes_no_pair(worlds):
    truth = truth_of(worlds)
    right = Scripted("right", lambda e: truth[e.digest].decision, lambda e, *_: truth[e.digest].reply or "")
    assert list(own_pairs(worlds, right, MADE)) == []


def test_wrong_approvals_and_invented_actions_become_pairs_that_pass_the_audit(worlds):
    def approve(evidence):
        first = evidence.policies[0]
        return Decision(
            reason=Reason.UNCLEAR, policy_id=first.policy_id, policy_version=first.version,
            evidence=first.sentences[0], outcome=Outcome.ELIGIBLE,
        )  # fmt: skip

    boast = Scripted("boast", approve, lambda *_: "I have cancelled your order and changed your address.")
    pairs = list(own_pairs(worlds, boast, MADE))
    faults = [pair.fault for pair in pairs]
    assert {"wrong_approval", "invented_action"} <= set(faults)
    assert all(pair.provenance["made"] == "on_policy" for pair in pairs)
    assert all(p.rejected_decision.outcome is Outcome.ELIGIBLE for p in pairs if p.fault == "wrong_approval")
    assert {finding.kind for finding in audit_pairs(pairs)} <= {"same"}


def test_the_command_asks_a_checkpoint_for_its_own_answers(tmp_path, monkeypatch):
    folder = reward_checkpoint(tmp_path / "checkpoints")
    monkeypatch.setattr("workers.checkpoints.roots", lambda _: (tmp_path / "checkpoints",))
    monkeypatch.setattr("services.inference.base.ensure_base", lambda _: folder)
    monkeypatch.setattr("lifecycle.seed.build.seed_worlds", lambda *_, **__: reward_worlds(3))
    out = tmp_path / "p.jsonl"
    options = ["data", "pairs", "--worlds", "1", "--out", str(out), "--checkpoint", "tiny", "--temperature", "1"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.stderr
    assert all(pair.provenance["checkpoint"].startswith("tiny@") for pair in read_pairs(out))
    done = CliRunner().invoke(app, [*options[:-3], "nobody"])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
