"""Stores accepted returns: key, return, job, outbox and event in one statement, which is one transaction.

Speaks psycopg directly and asynchronously: this is the one hot path of the API. What an answer means is
`flows.intake`'s business; everything that reads goes through SQLModel sessions elsewhere.
"""

import json
from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.domain.jobs import JobKind
from services.flows.intake import Intake, StoredAnswer, Taken
from services.store.ids import new_id

_COLUMNS: LiteralString = """
    %(shop_id)s::text[], %(route)s::text[], %(key)s::text[], %(fingerprint)s::text[], %(answer)s::text[],
    %(return_id)s::text[], %(order_id)s::text[], %(item)s::text[], %(message)s::text[], %(customer_email)s::text[],
    %(job_id)s::text[], %(expires_at)s::timestamptz[]
"""

# The lock is tried, never awaited: a second request with the key learns at once that the first is in flight, and a
# process that dies leaves no key behind that nobody can use. The lock ends with the transaction, so after the answer.
_TAKE: LiteralString = f"""
WITH input AS MATERIALIZED (
    SELECT *, %(now)s::timestamptz AS now FROM unnest({_COLUMNS}) WITH ORDINALITY AS row(
        shop_id, route, key, fingerprint, answer, return_id, order_id, item, message, customer_email, job_id,
        expires_at, n)
), locked AS MATERIALIZED (
    SELECT n, pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(31), shop_id, route, key), 0)) AS got
    FROM input
), known AS MATERIALIZED (
    SELECT n, NOT %(check_orders)s OR EXISTS (
        SELECT FROM shop_order o WHERE o.shop_id = input.shop_id AND o.order_id = input.order_id) AS known
    FROM input
), kept AS (
    INSERT INTO idempotency_key AS held
        (shop_id, route, key, fingerprint, state, status_code, body, created_at, expires_at)
    SELECT shop_id, route, key, fingerprint, 'done', 202, answer::jsonb, now, expires_at
    FROM input JOIN locked USING (n) JOIN known USING (n) WHERE got AND known
    ON CONFLICT (shop_id, route, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, body = excluded.body, created_at = excluded.created_at,
            expires_at = excluded.expires_at
        WHERE held.expires_at <= excluded.created_at
    RETURNING shop_id, route, key
), fresh AS MATERIALIZED (
    SELECT input.* FROM input JOIN kept USING (shop_id, route, key)
), returns AS (
    INSERT INTO return_request
        (id, shop_id, order_id, item, message, customer_email, status, received_at, updated_at)
    SELECT return_id, shop_id, order_id, item, message, customer_email, 'received', now, now FROM fresh
), jobs AS (
    INSERT INTO job (id, kind, subject_id, shop_id, state, attempt, crashes, due_at, created_at)
    SELECT job_id, %(job_kind)s, return_id, shop_id, 'ready', 0, 0, now, now FROM fresh
), events AS (
    INSERT INTO event (return_id, shop_id, kind, data, at)
    SELECT return_id, shop_id, 'return.received', jsonb_build_object('order_id', order_id), now FROM fresh
    RETURNING id, shop_id
), told AS (
    INSERT INTO outbox (topic, subject_id, created_at)
    SELECT 'job.ready', job_id, now FROM fresh
    UNION ALL
    SELECT 'return.event', events.id::text, %(now)s::timestamptz FROM events
    WHERE EXISTS (SELECT FROM webhook_endpoint w WHERE w.shop_id = events.shop_id AND w.enabled)
)
SELECT got, known, fresh.n IS NOT NULL, held.fingerprint, held.body
FROM input JOIN locked USING (n) JOIN known USING (n) LEFT JOIN fresh USING (n)
LEFT JOIN idempotency_key held ON (held.shop_id, held.route, held.key) = (input.shop_id, input.route, input.key)
    AND held.expires_at > input.now
ORDER BY n
"""  # noqa: S608 - assembled from the constant above

_FIND: LiteralString = """
SELECT fingerprint, body FROM idempotency_key WHERE shop_id = %s AND route = %s AND key = %s
"""


async def take(connection: AsyncConnection[TupleRow], intakes: Sequence[Intake], *, check_orders: bool) -> list[Taken]:
    """Store every intake that is new, and say for each what became of it, in order. All or none is committed.

    `connection` is in autocommit mode. With `check_orders` an order that the local order table does not hold is
    refused. No key may be given twice. Raises psycopg.Error.
    """
    if not intakes:
        return []
    cursor = await connection.execute(_TAKE, _parameters(intakes, check_orders=check_orders))
    rows = await cursor.fetchall()
    return [await _taken(connection, intake, row) for intake, row in zip(intakes, rows, strict=True)]


def _parameters(intakes: Sequence[Intake], *, check_orders: bool) -> dict[str, Any]:
    requests = [intake.request for intake in intakes]
    return {
        "shop_id": [intake.scope.shop_id for intake in intakes],
        "route": [intake.scope.route for intake in intakes],
        "key": [intake.scope.key for intake in intakes],
        "fingerprint": [intake.fingerprint for intake in intakes],
        "answer": [json.dumps(intake.answer) for intake in intakes],
        "return_id": [request.id for request in requests],
        "order_id": [request.order_id for request in requests],
        "item": [request.item for request in requests],
        "message": [request.message for request in requests],
        "customer_email": [request.customer_email for request in requests],
        "job_id": [new_id("job", request.received_at) for request in requests],
        "job_kind": JobKind.TRIAGE.value,
        "now": requests[0].received_at,
        "expires_at": [intake.expires_at for intake in intakes],
        "check_orders": check_orders,
    }


async def _taken(connection: AsyncConnection[TupleRow], intake: Intake, row: TupleRow) -> Taken:
    got, known, stored, fingerprint, body = row
    if stored:
        return Taken(stored=True)
    if fingerprint is not None:
        return Taken(found=StoredAnswer(fingerprint, body))
    if not got:
        return Taken(in_flight=True)
    # The first request may have committed after this statement took its snapshot and before it tried the lock.
    cursor = await connection.execute(_FIND, intake.scope)
    late = await cursor.fetchone()
    if late is not None and known:
        return Taken(found=StoredAnswer(*late))
    return Taken(unknown_order=True) if not known else Taken(in_flight=True)
