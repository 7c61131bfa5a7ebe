"""Fills a database with many items under review, in SQL: copies of one real case, for benchmarks and crowd tests."""

from sqlalchemy import Engine, text

REASONS = ("blocked", "ambiguous", "audit", "awaiting_approval", "decision_is_review", "processing_failed")
FINDINGS = ("claims_supported", "rule_agrees", "amounts_within_grant", "evidence_verbatim", None)


def copy_items(engine: Engine, return_id: str, count: int, prefix: str = "bulk") -> None:
    """Copy a return that is under review, with trace and item, `count` times."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(
            text(
                "INSERT INTO return_request SELECT c.* FROM return_request r, generate_series(1, :count) n,"
                " LATERAL jsonb_populate_record(r, jsonb_build_object("
                " 'id', :prefix || '-' || n, 'order_id', 'B' || n, 'trace_id', null,"
                " 'message', r.message || ' case ' || n || CASE WHEN n % 97 = 0 THEN ' umbrella' ELSE '' END,"
                " 'received_at', now() - n * interval '7 s')) c"
                " WHERE r.id = :id"
            ),
            {"prefix": prefix, "count": count, "id": return_id},
        )
        connection.execute(
            text(
                "INSERT INTO trace SELECT c.* FROM trace t, generate_series(1, :count) n,"
                " LATERAL jsonb_populate_record(t, jsonb_build_object("
                " 'id', 'trc-' || :prefix || '-' || n, 'return_id', :prefix || '-' || n)) c"
                " WHERE t.return_id = :id AND t.purpose = 'live'"
            ),
            {"prefix": prefix, "count": count, "id": return_id},
        )
        connection.execute(
            text(
                "INSERT INTO review_item SELECT c.* FROM review_item i, generate_series(1, :count) n,"
                " LATERAL jsonb_populate_record(i, jsonb_build_object("
                " 'id', 'rev-' || :prefix || '-' || lpad(n::text, 7, '0'), 'return_id', :prefix || '-' || n,"
                " 'trace_id', 'trc-' || :prefix || '-' || n, 'order_id', 'B' || n,"
                " 'state', 'open', 'lease_token', null, 'leased_by', null, 'lease_until', null, 'done_at', null,"
                " 'reason', (cast(:reasons AS text[]))[1 + n % 6],"
                " 'worst_finding', (cast(:findings AS text[]))[1 + n % 5],"
                " 'policy_id', 'P-' || (1 + n % 17), 'priority', 1 + n % 8,"
                " 'created_at', now() - n * interval '7 s', 'due_at', now() - n * interval '5 s' + interval '8 h')) c"
                " WHERE i.return_id = :id"
            ),
            {"prefix": prefix, "count": count, "id": return_id, "reasons": list(REASONS), "findings": list(FINDINGS)},
        )
        connection.execute(
            text("UPDATE return_request SET trace_id = 'trc-' || id WHERE id LIKE :prefix || '-%'"), {"prefix": prefix}
        )


def analyze(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
