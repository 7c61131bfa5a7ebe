"""`/healthz`, `/readyz` and `/metrics`: is the process alive, can the desk do its work, and how much of it is there."""

import time
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from services.api import metrics
from services.api.resources import Resources, resources_of
from services.store.desk_figures import freshest_checkpoint

router = APIRouter(tags=["operations"])

WORKER_SILENT_SECONDS = 60.0
"""A worker that was not heard of for longer is taken for dead."""


class Check(BaseModel):
    """One part the desk needs: whether it answers, what it said, and what to do where it does not."""

    name: Literal["database", "broker", "checkpoint"]
    ok: bool
    detail: str
    remedy: str | None = None


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    status: Literal["ready", "not_ready"]
    checks: list[Check]


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Alive:
    """Answer as soon as the process can; depends on nothing else."""
    return Alive()


@router.get("/readyz", summary="Can the desk do its work?", responses={503: {"model": Readiness}})
async def readyz(request: Request) -> Response:
    """Check database, broker and checkpoint. 503 names each part that is away and the remedy.

    Returns are accepted as long as the database answers, also while the broker or the workers are away.
    """
    resources = resources_of(request)
    database, checkpoint = await run_in_threadpool(_database_and_checkpoint, resources)
    checks = [database, await _broker(resources), checkpoint]
    ready = all(check.ok for check in checks)
    body = Readiness(status="ready" if ready else "not_ready", checks=checks)
    return JSONResponse(body.model_dump(exclude_none=True), status_code=200 if ready else 503)


def _database_and_checkpoint(resources: Resources) -> tuple[Check, Check]:
    started = time.perf_counter()
    try:
        with resources.sessions() as session:
            session.execute(text("SELECT 1"))
            took = (time.perf_counter() - started) * 1000
            found = freshest_checkpoint(session)
    except SQLAlchemyError as error:
        remedy = "Start PostgreSQL, or correct DATABASE_URL."
        database = Check(name="database", ok=False, detail=f"does not answer ({_kind(error)})", remedy=remedy)
        unknown = "Mend the database first; workers report through it."
        return database, Check(name="checkpoint", ok=False, detail="unknown without the database", remedy=unknown)
    database = Check(name="database", ok=True, detail=f"answered in {took:.0f} ms")
    remedy = "Start a triage worker (`returns-desk up` does); its log says why a checkpoint does not load."
    if found is None:
        return database, Check(name="checkpoint", ok=False, detail="no worker has loaded one", remedy=remedy)
    silent = f"{found.checkpoint}, loaded by {found.process}, last heard of {found.silent_seconds:.0f} s ago"
    if found.silent_seconds > WORKER_SILENT_SECONDS:
        return database, Check(name="checkpoint", ok=False, detail=silent, remedy=remedy)
    return database, Check(name="checkpoint", ok=True, detail=silent)


async def _broker(resources: Resources) -> Check:
    remedy = "Start Redis or Valkey, or correct REDIS_URL. Returns are accepted meanwhile, and worked on later."
    if resources.broker is None:
        return Check(name="broker", ok=False, detail="REDIS_URL is not set and none is embedded", remedy=remedy)
    started = time.perf_counter()
    try:
        await resources.broker.ping()
    except (RedisError, OSError, TimeoutError) as error:
        return Check(name="broker", ok=False, detail=f"does not answer ({_kind(error)})", remedy=remedy)
    return Check(name="broker", ok=True, detail=f"answered in {(time.perf_counter() - started) * 1000:.0f} ms")


def _kind(error: BaseException) -> str:
    return type(getattr(error, "orig", None) or error).__name__


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def read_metrics(request: Request) -> Response:
    """Return HTTP counts and latencies, and queue depth, ages, outcomes, review, nights and alerts of the desk."""
    return Response(metrics.exposition(request.app.state.registry), media_type=metrics.CONTENT_TYPE)
