"""Datasets at `/ops/datasets` and lineage both ways: label, snapshot, run, checkpoint, release, and back again."""

from fastapi import APIRouter, Request, Response

from review_ui.operating import Operator
from review_ui.pages import Gone, PageRoute, page
from review_ui.parts import parts_of
from services.store import lineage, nightly

router = APIRouter(prefix="/ops/datasets", route_class=PageRoute, include_in_schema=False)
LABELS_A_PAGE = 100


@router.get("")
def datasets(request: Request, _: Operator) -> Response:
    """List snapshots and the checkpoints of this desk, the newest first."""
    parts = parts_of(request)
    with parts.sessions() as session:
        found = nightly.datasets(session)
        return page(
            "ops_datasets.html",
            request,
            datasets=[(one, lineage.learned_from(session, one.digest)) for one in found],
            checkpoints=[lineage.learned(session, one) for one in nightly.checkpoints(session)],
            now=parts.clock.now(),
        )


@router.get("/label/{label_id}")
def label(request: Request, _: Operator, label_id: str) -> Response:
    """Show what became of one label."""
    parts = parts_of(request)
    with parts.sessions() as session:
        story = lineage.label_story(session, label_id)
    if story is None:
        raise Gone(f"There is no label {label_id[:60]}.")
    return page("ops_label.html", request, story=story, now=parts.clock.now())


@router.get("/checkpoint/{digest}")
def checkpoint(request: Request, _: Operator, digest: str) -> Response:
    """Show where a checkpoint comes from, what the gate said of it, and when it answered customers."""
    parts = parts_of(request)
    with parts.sessions() as session:
        found = nightly.checkpoint(session, digest)
        if found is None:
            raise Gone(f"This desk has not trained a checkpoint {digest[:64]}.")
        return page(
            "ops_checkpoint.html",
            request,
            learned=lineage.learned(session, found),
            parents=lineage.ancestry(session, found),
            dataset=nightly.dataset(session, found.dataset_digest) if found.dataset_digest else None,
            now=parts.clock.now(),
        )


@router.get("/{digest}")
def dataset(request: Request, _: Operator, digest: str, after: str = "") -> Response:
    """Show one snapshot: its rules and counts, the labels in it, and what learned from it."""
    parts = parts_of(request)
    with parts.sessions() as session:
        found = nightly.dataset(session, digest)
        if found is None:
            raise Gone(f"There is no dataset {digest[:64]}.")
        labels = lineage.labels_in(session, digest, LABELS_A_PAGE, after)
        return page(
            "ops_dataset.html",
            request,
            dataset=found,
            labels=labels,
            more=labels[-1].id if len(labels) == LABELS_A_PAGE else None,
            learned=lineage.learned_from(session, digest),
            now=parts.clock.now(),
        )
