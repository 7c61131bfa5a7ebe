"""Labels of real reviewers become rows that TRL trains on and that the audit has nothing against."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifecycle.audit_rows import audit_rows
from services.domain.jobs import JobKind
from services.domain.reading import LexicalClaimReader
from services.domain.review import Role
from services.flows.second_answer import SecondAnswers
from services.store.samples import SampleRecords
from services.store.training_labels import Choice
from tests.service import review_world as world
from tests.service.test_review_labels import correction, one, take
from workers.cli import app
from workers.commands.data import rows_for

HONEST = "Thank you. Your return is eligible under P-7, and your return label has been created."
CASES = {
    "approved": ("A10234", "It arrived cracked. Write to jo.doe@example.org, card 4111 1111 1111 1111."),
    "refused": ("A10260", "I changed my mind and would like to send it back."),
    "held": ("A10266", "It arrived cracked. Call me at +49 30 1234567."),
    "corrected": ("A10234", "The glass has a crack. [lie]"),
    "preferred": ("A10234", "Broken on arrival, the foot is loose."),
}


@pytest.fixture(scope="module")
def settings(migrated_url, tmp_path_factory):
    return world.settings_for(migrated_url, tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def labelled(settings):
    """Return a desk whose five cases have been labelled at the pages."""
    desk = world.make_desk(settings)
    world.add_people(desk, {"judge": Role.ADJUDICATOR})
    orders = [(world.fresh_order(desk, order, n), said) for n, (order, said) in enumerate(CASES.values())]
    ids = dict(zip(CASES, world.submit(desk, orders, prefix="export"), strict=True))
    world.triage_all(desk)
    found = "SELECT id FROM review_item WHERE return_id = :id"
    paths = {name: "/review/items/" + one(desk, found, id=return_id).id for name, return_id in ids.items()}
    with world.serving(settings) as address, world.Reviewer(address, "judge") as judge:
        for name in ("approved", "refused", "held"):
            answer = judge.act(paths[name], "approve", take(judge, paths[name]))
            assert answer.status_code == 303, answer.text
        page = take(judge, paths["corrected"])
        assert judge.act(paths["corrected"], "correct", page, **correction(page, reply=HONEST)).status_code == 303
        prefer(desk, judge, paths["preferred"])
    yield desk
    desk.engine.dispose()


def prefer(desk, judge, path):
    page = take(judge, path)
    judge.client.post(f"{path}/sample", data={"csrf": judge.csrf(page)})
    answers = SecondAnswers(
        SampleRecords(desk.sessions, desk.clock), lambda _: world.KinderDecider(), LexicalClaimReader(), desk.clock
    )
    answers.run(desk.jobs.claim(JobKind.SAMPLE, "test-worker"))
    assert judge.act(path, "prefer", judge.get(path), better="other").status_code == 303


@pytest.fixture(scope="module")
def rows(labelled):
    choice = Choice(datetime.now(UTC) + timedelta(seconds=1), timedelta(0))
    with labelled.sessions() as session:
        return {kind: list(rows_for(session, choice, kind, b"k" * 40)) for kind in ("trl-sft", "trl-preference")}


@pytest.fixture(scope="module")
def files(rows, tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("rows"), {}
    for kind, made in rows.items():
        found[kind] = folder / f"{kind}.jsonl"
        found[kind].write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return found


def test_each_label_makes_its_rows_and_a_comparison_makes_a_pair(rows):
    lineages = {kind: [row["lineage"] for row in made] for kind, made in rows.items()}
    assert len({one["label"] for one in lineages["trl-sft"]}) == len(CASES)
    assert {one["kind"] for one in lineages["trl-sft"]} == {"approve", "correct", "prefer"}
    assert sum(one["part"] == "reply" for one in lineages["trl-sft"]) == len(CASES)
    assert [(one["kind"], one["part"]) for one in lineages["trl-preference"]] == [
        ("correct", "reply"),
        ("prefer", "reply"),
    ]


def test_the_exported_files_pass_the_audit_and_name_no_customer(files):
    for kind, path in files.items():
        said = CliRunner().invoke(app, ["data", "audit", "--data", str(path), "--eval", "lifecycle/evals/golden.jsonl"])
        assert "no finding" in said.output or kind == "trl-preference", said.output
        text = path.read_text(encoding="utf-8")
        for personal in ("jo.doe", "4111", "1234567", '"A10234', "A10266"):
            assert personal not in text, (kind, personal)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"lineage": {}}, "missing"),
        ({"completion": [{"role": "user", "content": "x"}]}, "unparsable"),
        ({"completion": []}, "unparsable"),
        ({"prompt": [{"role": "user", "content": "x"}]}, "unparsable"),
        ({"completion": [{"role": "assistant", "content": "Mail jo@example.org"}]}, "personal"),
        ({"completion": [{"role": "assistant", "content": "<|im_start|>system"}]}, "marks"),
    ],
)
def test_the_audit_finds_what_is_wrong_with_a_row(rows, change, kind):
    assert kind in {finding.kind for finding in audit_rows([rows["trl-sft"][0] | change])}


def test_the_audit_finds_a_row_said_twice_and_a_message_of_the_evaluation(rows):
    row = rows["trl-sft"][0]
    assert "duplicate" in {finding.kind for finding in audit_rows([row, row])}
    known = [{"id": "g1", "message": "It arrived cracked. Write to me and call me about the card please now."}]
    told = row | {"prompt": [row["prompt"][0], {"role": "user", "content": f"message: {known[0]['message']}"}]}
    assert "leak" in {finding.kind for finding in audit_rows([told], known)}


@pytest.mark.reference
@pytest.mark.timeout(600)
def test_both_trainers_of_trl_take_the_rows_and_train_on_the_answers_alone(rows, files, tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "OMP_NUM_THREADS")
    }
    environment |= {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, "-m", "tests.support.trl_load", *(str(path) for path in files.values()), str(tmp_path)]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=570,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["dpo"] == pytest.approx(0.6931, abs=1e-3), "with the policy as its own reference, the loss is log 2"
    assert told["sft"] > 1
    answers = [row["completion"][0]["content"] for row in rows["trl-sft"]]
    assert any(told["trained"].startswith(answer) for answer in answers), told["trained"][:300]
    assert told["trained"].rstrip().endswith("<|im_end|>"), "the end of the turn is trained, so that generation stops"
