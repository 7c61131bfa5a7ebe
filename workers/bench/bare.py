"""The least that a server could do with a request: one insert, committed, then 202. The yardstick of ingestion."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request, Response
from psycopg_pool import AsyncConnectionPool

TABLE = "CREATE TABLE IF NOT EXISTS bench_bare (id text PRIMARY KEY, body jsonb NOT NULL)"
INSERT = "INSERT INTO bench_bare VALUES (%s, %s)"


def make_app() -> FastAPI:
    """Return the application; DATABASE_URL names the database."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=5, open=False) as pool:
            async with pool.connection() as connection:
                await connection.execute(TABLE)
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=life)

    @app.post("/v1/returns", status_code=202)
    async def insert(request: Request) -> Response:
        body = await request.json()
        async with app.state.pool.connection() as connection:
            await connection.execute(INSERT, (secrets.token_hex(16), json.dumps(body)))
        return Response(status_code=202)

    @app.get("/healthz")
    async def alive() -> Response:
        return Response()

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(), host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None, access_log=False)
