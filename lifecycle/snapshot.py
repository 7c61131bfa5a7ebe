"""A dataset snapshot: reviewers' labels, already chosen and redacted, as files named by the digest of their content.

Beside demonstrations and pairs it holds the seed examples that keep old skills alive, so the files are all that
training reads. Which labels may train is the store's rule, hiding personal data `domain.redaction`'s.
"""

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from lifecycle.audit import audit_worlds, leaks
from lifecycle.examples import ExampleCase, World, write_worlds
from lifecycle.preferences import Fault, PreferencePair, write_pairs
from services.domain import checks
from services.domain.canonical import canonical_json, digest_of
from services.domain.decision import Decision, Outcome
from services.domain.reading import LexicalClaimReader
from services.domain.review import Answer, LabelKind, LabelledCase, drawn
from services.domain.verdict import Verdict
from services.domain.verify import VerifyOptions, verify_reply

SFT, PAIRS, HOLDOUT, MANIFEST = "sft.jsonl", "pairs.jsonl", "holdout.jsonl", "manifest.json"
_DEMONSTRATIONS = {LabelKind.APPROVE, LabelKind.CORRECT}


class ChosenLabel(NamedTuple):
    """A label that may train, its case without personal data."""

    label_id: str
    reviewer: str
    labelled: LabelledCase


@dataclass(frozen=True)
class SnapshotRules:
    """How rows are made of labels. `holdout_share` of the orders judge the candidate and train nothing.

    The store's own rules (undo window, caps, two people) stand in `chosen_by`, for the record.
    """

    holdout_share: float = 0.1
    seed: int = 17
    chosen_by: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Snapshot:
    """Rows in memory. `label_ids` are the labels that train; `left_out` counts the others by reason."""

    worlds: list[World] = field(default_factory=list)
    pairs: list[PreferencePair] = field(default_factory=list)
    holdout: list[dict[str, Any]] = field(default_factory=list)
    label_ids: list[str] = field(default_factory=list)
    reviewers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


class Written(NamedTuple):
    """A snapshot on disk: `digest` names its content for ever, `manifest` is the file of that name."""

    folder: Path
    digest: str
    manifest: Mapping[str, Any]


def make_snapshot(
    labels: Iterable[ChosenLabel], rules: SnapshotRules, evaluation: Sequence[Mapping[str, Any]]
) -> Snapshot:
    """Return the rows: deduplicated, split by order, and without any that leaks into `evaluation` (rows of `eval`)."""
    made = Snapshot()
    reader = LexicalClaimReader()
    for one in _distinct(labels, made):
        world = _world(one)
        if (leak := _leak(world, evaluation)) is not None:
            made.left_out["would leak into the evaluation"] += 1
            made.notes.append(f"label {one.label_id}: {leak}")
            continue
        order = world.facts.order_id or one.label_id
        if drawn(order, "holdout", rules.holdout_share):
            made.holdout.append(_case_row(one))
            made.left_out["kept to judge with"] += 1
            continue
        if not _add(made, one, world, reader):
            made.left_out["teaches nothing: its answers do not differ, or the verifier does not pass it"] += 1
            continue
        made.label_ids.append(one.label_id)
        made.reviewers[one.reviewer] += 1
        made.kinds[one.labelled.kind.value] += 1
    return made


def write_snapshot(
    root: Path, made: Snapshot, rules: SnapshotRules, seed_worlds: Sequence[World], seed_pairs: Sequence[PreferencePair]
) -> Written:
    """Write the files under `root`, whole or not at all, in a folder named by their digest; return it.

    Labels stand before the seed examples, so that whoever stops early has met them.
    """
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    try:
        write_worlds(work / SFT, [*made.worlds, *seed_worlds])
        write_pairs(work / PAIRS, [*made.pairs, *seed_pairs])
        (work / HOLDOUT).write_text("".join(canonical_json(row) + "\n" for row in made.holdout), encoding="utf-8")
        files = {name: sha256((work / name).read_bytes()).hexdigest() for name in (SFT, PAIRS, HOLDOUT)}
        manifest: dict[str, Any] = {
            "digest": digest_of({"files": files, "labels": made.label_ids}),
            "files": files,
            "labels": made.label_ids,
            "counts": counts_of(made, len(seed_worlds), len(seed_pairs)),
            "rules": {"holdout_share": rules.holdout_share, "seed": rules.seed, **rules.chosen_by},
            "notes": made.notes,
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1, default=str) + "\n", encoding="utf-8")
        target = root / manifest["digest"][:12]
        work.chmod(0o755)
        try:
            work.rename(target)
        except OSError:
            if not (target / MANIFEST).exists():
                raise
        return Written(target, manifest["digest"], json.loads((target / MANIFEST).read_text(encoding="utf-8")))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def counts_of(made: Snapshot, seed_worlds: int = 0, seed_pairs: int = 0) -> dict[str, Any]:
    """Return what the snapshot holds, by file, kind and reviewer, and what was left out by reason."""
    return {
        "labels": len(made.label_ids),
        "demonstrations": len(made.worlds),
        "pairs": len(made.pairs),
        "holdout": len(made.holdout),
        "seed_worlds": seed_worlds,
        "seed_pairs": seed_pairs,
        "kinds": dict(sorted(made.kinds.items())),
        "reviewers": dict(sorted(made.reviewers.items())),
        "left_out": dict(sorted(made.left_out.items())),
    }


def _distinct(labels: Iterable[ChosenLabel], made: Snapshot) -> Iterator[ChosenLabel]:
    """Yield one label a case: the last that says a thing; none where people answered the same case differently."""
    by_case: dict[str, list[ChosenLabel]] = {}
    for one in labels:
        by_case.setdefault(one.labelled.evidence.digest, []).append(one)
    for group in by_case.values():
        if len({one.labelled.answer.decision.outcome for one in group}) > 1:
            made.left_out["people contradict each other on the same case"] += len(group)
            continue
        made.left_out["says what another label says"] += len(group) - 1
        yield group[-1]
    made.left_out = +made.left_out


def _leak(world: World, evaluation: Sequence[Mapping[str, Any]]) -> str | None:
    """Return how the world repeats an evaluation case: its order, or its message all but word for word.

    A clause's wording alone is no leak here: it is the shop's policy in force, which reaches the model as evidence.
    """
    for finding in leaks([world], evaluation):
        if not finding.detail.startswith("clause "):
            return finding.detail
    return None


def _world(one: ChosenLabel) -> World:
    evidence, answer = one.labelled.evidence, one.labelled.answer
    case = ExampleCase(
        message=evidence.message,
        decision=answer.decision,
        conflict=bool(evidence.contradictions),
        actions=answer.actions,
        reply=answer.reply or None,
        provenance={key: value for key, value in one.labelled.lineage.items() if value is not None},
    )
    return World(
        id=one.label_id, policies=evidence.policies, facts=evidence.facts, asked_on=evidence.asked_on, cases=(case,)
    )


def _add(made: Snapshot, one: ChosenLabel, world: World, reader: LexicalClaimReader) -> bool:
    """Add the label's rows; False where it makes none. A reply the verifier does not pass is never demonstrated."""
    case = world.cases[0]
    if any(finding.kind == "unparsable" for finding in audit_worlds([world])):
        made.notes.append(f"label {one.label_id}: no answer in the checkpoint's own words leads to this decision")
        return False
    if case.reply is not None and verify_reply(case.reply, case.actions, reader).verdict is not Verdict.PASS:
        world = world.model_copy(update={"cases": (case.model_copy(update={"reply": None, "actions": ()}),)})
    added = False
    if one.labelled.kind in _DEMONSTRATIONS and _follows(one):
        made.worlds.append(world)
        added = True
    if one.labelled.rejected is not None and (pair := _pair(one, world, one.labelled.rejected, reader)) is not None:
        made.pairs.append(pair)
        added = True
    return added


def _follows(one: ChosenLabel) -> bool:
    """Tell whether the decision follows from its own scratch line; one that does not would teach not to read."""
    case = checks.Case(one.labelled.evidence, one.labelled.answer.decision, (), VerifyOptions().answer)
    return checks.readings_agree(case).passed


def _pair(one: ChosenLabel, world: World, rejected: Answer, reader: LexicalClaimReader) -> PreferencePair | None:
    """Return the pair about the decision where the two differ in it, else about the reply; None where in neither."""
    case = world.cases[0]
    chosen, worse = case.decision, rejected.decision
    # Another scratch line with the same result is no other decision: the pair is then about the words.
    fault_of_decision = _decision_fault(chosen, worse)
    rejected_values: dict[str, Any]
    fault: Fault
    if fault_of_decision is not None:
        known = {policy.policy_id for policy in world.policies}
        if worse.policy_id is not None and (worse.policy_id not in known or not worse.readings):
            return None
        fault, rejected_values = fault_of_decision, {"rejected_decision": worse}
    else:
        if not case.reply or not rejected.reply or case.reply == rejected.reply:
            return None
        blocked = verify_reply(rejected.reply, case.actions, reader).verdict is Verdict.BLOCK
        fault = "invented_action" if blocked else "reviewer"
        rejected_values = {"rejected_reply": rejected.reply}
    provenance = world.cases[0].provenance
    return PreferencePair(
        id=f"{one.label_id}-{fault}", fault=fault, world=world, provenance=provenance, **rejected_values
    )


def _decision_fault(chosen: Decision, worse: Decision) -> Fault | None:
    """Return what is wrong with the rejected decision, None where the two come to the same."""
    if worse.outcome is not chosen.outcome:
        return "wrong_approval" if worse.outcome is Outcome.ELIGIBLE else "wrong_outcome"
    if worse.policy_id != chosen.policy_id:
        return "other_clause"
    if worse.evidence != chosen.evidence:
        return "wrong_evidence"
    return "wrong_reason" if worse.reason is not chosen.reason else None


def _case_row(one: ChosenLabel) -> dict[str, Any]:
    """Return the label as a case of `eval`, its answer the expected one."""
    evidence, decision = one.labelled.evidence, one.labelled.answer.decision
    return {
        "id": one.label_id,
        "policies": [
            {
                "policy_id": policy.policy_id,
                "version": policy.version,
                "effective_from": policy.effective_from.isoformat() if policy.effective_from else None,
                "text": policy.text,
            }
            for policy in evidence.policies
        ],
        "order_facts": {"requested_on": evidence.asked_on.isoformat(), **evidence.facts.values},
        "message": evidence.message,
        "expected_reason": decision.reason.value,
        "expected_policy_id": decision.policy_id,
        "expected_decision": decision.outcome.value,
        "required_evidence": decision.evidence,
        "category": "holdout",
    }


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """Return a written snapshot's manifest after checking every file against it.

    Raises ValueError naming the file that differs, OSError where there is none.
    """
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name, digest in manifest["files"].items():
        if sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{folder / name}: not what {MANIFEST} says; remove the folder {os.fspath(folder)}")
    return manifest
