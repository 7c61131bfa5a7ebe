"""Submitting many returns at once: `/v1/returns/batch`, newline-delimited JSON in and out, each line its own result."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from fastapi import APIRouter, Request
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.responses import StreamingResponse

from services.api import examples
from services.api.auth import CallerDep
from services.api.bodies import read_object, require_content_type
from services.api.keyring import Caller
from services.api.problems import Problem, database_away, field_problem, shop_gone
from services.api.resources import Resources, resources_of
from services.api.returns import concluded, ordered, read_submission, usable_key
from services.flows.intake import MAX_KEY_CHARS, Accepted, Intake, Taken, prepare

router = APIRouter(prefix="/v1/returns", tags=["returns"])

LINES_A_GROUP = 64
"""Lines stored in one transaction."""

MEDIA_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")


class Line(NamedTuple):
    """One line: its number from 1, and the intake or what is wrong with it."""

    number: int
    intake: Intake | None
    problem: Problem | None


@router.post(
    "/batch",
    summary="Submit many returns",
    response_class=StreamingResponse,
    responses=examples.BATCH_RESPONSES,
    openapi_extra=examples.BATCH_EXTRA,
)
async def submit_batch(request: Request, caller: CallerDep) -> StreamingResponse:
    """Accept one return a line, each with its own result in the same order; a bad line does not disturb the others.

    A line is the body of a single submission plus `idempotency_key`. With an `Idempotency-Key` header lines may leave
    it out: line N then has the key `HEADER/N`. Either way the same batch sent again replays its answers. Lines count
    against the shop's rate like single requests; a batch that is ahead of it is slowed down, not refused.
    """
    resources = resources_of(request)
    require_content_type(request, *MEDIA_TYPES)
    headers = request.headers.getlist("idempotency-key")
    if len(headers) > 1:
        raise field_problem("bad-idempotency-key", "Idempotency-Key", "is given twice", "Send it once.")
    prefix = usable_key(headers[0], "Idempotency-Key") if headers else None
    raw = (await request.body()).split(b"\n")
    if not any(line.strip() for line in raw):
        raise field_problem("malformed-json", "body", "holds no line", "Send one JSON object a line.")
    lines = _read_lines(resources, caller, prefix, raw)
    return StreamingResponse(_answers(resources, caller, lines), media_type="application/x-ndjson")


def _read_lines(resources: Resources, caller: Caller, prefix: str | None, raw: Sequence[bytes]) -> Iterator[Line]:
    for number, text in enumerate(raw, start=1):
        if not text.strip():
            continue
        try:
            yield Line(number, _read_line(resources, caller, prefix, number, text), None)
        except Problem as problem:
            yield Line(number, None, problem)


def _read_line(resources: Resources, caller: Caller, prefix: str | None, number: int, text: bytes) -> Intake:
    limit = resources.settings.max_body_bytes
    if len(text) > limit:
        raise Problem(
            "body-too-large",
            f"the line has {len(text)} bytes; at most {limit} are accepted",
            extra={"limit_bytes": limit},
        )
    body = read_object(text)
    given = body.pop("idempotency_key", None)
    if given is None and prefix is not None:
        given = f"{prefix[: MAX_KEY_CHARS - 12]}/{number}"
    if given is None:
        remedy = "Add idempotency_key to the line, or send an Idempotency-Key header for the whole batch."
        raise field_problem("missing-idempotency-key", "idempotency_key", "is missing", remedy)
    if not isinstance(given, str):
        raise field_problem("bad-idempotency-key", "idempotency_key", "is not a text", "Send a JSON string.")
    key = usable_key(given, "idempotency_key")
    submission = read_submission(resources, body)
    return prepare(caller.shop_id, key, submission, datetime.now(UTC), resources.key_lifetime)


async def _answers(resources: Resources, caller: Caller, lines: Iterator[Line]) -> AsyncIterator[bytes]:
    group: list[Line] = []
    keys: set[str] = set()
    for line in lines:
        key = line.intake.scope.key if line.intake else None
        if len(group) == LINES_A_GROUP or key in keys:
            yield await _store(resources, caller, group)
            group, keys = [], set()
        group.append(line)
        if key is not None:
            keys.add(key)
    if group:
        yield await _store(resources, caller, group)


async def _store(resources: Resources, caller: Caller, group: Sequence[Line]) -> bytes:
    """Store the good lines of a group in one transaction and return the results of all, in order."""
    await _wait_for_turn(resources, caller, len(group))
    intakes = [line.intake for line in group if line.intake is not None]
    taken: list[Taken] | Problem
    try:
        taken = await resources.writer.take_all(intakes)
    except (psycopg.OperationalError, PoolTimeout, TooManyRequests):
        taken = database_away()
    except psycopg.errors.ForeignKeyViolation:
        taken = shop_gone()
    else:
        resources.poke()
    results, stored = [], iter(taken if isinstance(taken, list) else ())
    for line in group:
        if line.intake is None:
            results.append(_refused(line.number, line.problem))
        elif isinstance(taken, Problem):
            results.append(_refused(line.number, taken))
        else:
            results.append(_result(line.number, line.intake, next(stored)))
    return b"".join(json.dumps(result, ensure_ascii=False).encode() + b"\n" for result in results)


async def _wait_for_turn(resources: Resources, caller: Caller, lines: int) -> None:
    cost = min(lines, resources.rate.burst)
    wait = await resources.limiter.wait_seconds(f"shop:{caller.shop_id}", resources.rate, cost)
    while wait:
        await asyncio.sleep(wait)  # Time itself is waited for: tokens come in at the shop's rate.
        wait = await resources.limiter.wait_seconds(f"shop:{caller.shop_id}", resources.rate, cost)


def _result(number: int, intake: Intake, taken: Taken) -> dict[str, Any]:
    try:
        accepted: Accepted = concluded(intake, taken)
    except Problem as problem:
        return _refused(number, problem)
    answer = ordered(accepted.answer)
    return {"line": number, "status": 202, "replayed": accepted.replayed, "id": answer["id"], "links": answer["links"]}


def _refused(number: int, problem: Problem | None) -> dict[str, Any]:
    document = problem.document() if problem else {}
    return {"line": number, "status": document["status"], "problem": document}
