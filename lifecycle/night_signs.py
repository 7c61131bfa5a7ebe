"""What looks like poison in the labels of one night, as stored with its dataset. The rules for it are `poisoning`'s."""

from collections.abc import Mapping, Sequence
from typing import Any

from lifecycle.gate_measures import DataSigns
from lifecycle.poisoning import Taught, heaviest, triggers, weakest_gold
from lifecycle.seed import bank
from lifecycle.snapshot import ChosenLabel, Snapshot


def data_signs(
    labels: Sequence[ChosenLabel],
    made: Snapshot,
    gold: Mapping[str, tuple[int, int]],
    reference: Sequence[str],
) -> dict[str, Any]:
    """Return what looks like poison in the labels that train, as stored with the night."""
    training = set(made.label_ids)
    taught = [
        Taught(one.label_id, one.reviewer, one.labelled.evidence.message, one.labelled.answer.decision.outcome.value)
        for one in labels
        if one.label_id in training
    ]
    clean = list(reference) or [message.text for message in bank.messages("train")]
    name, count = heaviest(taught)
    weakest = weakest_gold({who: score for who, score in gold.items() if who in made.reviewers})
    return {
        "heaviest_reviewer": name,
        "heaviest_count": count,
        "triggers": [str(one) for one in triggers(taught, clean)],
        "weakest_gold": list(weakest) if weakest else None,
    }


def signs_of(stored: Mapping[str, Any]) -> DataSigns:
    weakest = stored.get("weakest_gold")
    return DataSigns(
        heaviest_reviewer=stored.get("heaviest_reviewer", ""),
        heaviest_count=stored.get("heaviest_count", 0),
        triggers=tuple(stored.get("triggers", ())),
        weakest_gold=(weakest[0], weakest[1]) if weakest else None,
    )
