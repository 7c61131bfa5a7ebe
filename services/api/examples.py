"""What the OpenAPI page says beyond the code: request bodies, headers, problems, and an example of each. Data only."""

from typing import Any

from services.api.problems import KINDS, MEDIA_TYPE
from services.api.schemas import AcceptedBody, EndpointChange, EndpointIn, Information, ProblemBody
from services.flows.intake import MAX_KEY_CHARS, Submission

Extra = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

SCHEMA_REFERENCE = "#/components/schemas/{model}"
RETURN_ID = "ret_0199a3c1f0a47c1d9be24f6a8d3e5b70"
ACCEPTED_EXAMPLE = {
    "id": RETURN_ID,
    "status": "received",
    "links": {
        "self": f"/v1/returns/{RETURN_ID}",
        "trace": f"/v1/returns/{RETURN_ID}/trace",
        "events": f"/v1/returns/{RETURN_ID}/events",
    },
}
SUBMISSION_EXAMPLES = {
    "damaged": {
        "summary": "A damaged lamp",
        "value": {"order_id": "A10234", "message": "My lamp arrived cracked, can I send it back?"},
    },
    "several items": {
        "summary": "One item of an order that holds several",
        "value": {
            "order_id": "A10241",
            "item": "desk lamp",
            "message": "You sent the black one, I had ordered white.",
            "customer_email": "customer@example.com",
        },
    },
}
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS},
    "example": "0b6f7c1e-7a55-4b0e-9d3c-5e1f2a8b9c0d",
}


def problems(*slugs: str) -> Responses:
    """Return the responses of an operation that may answer with these kinds of problem, with an example of each."""
    responses: Responses = {}
    for slug in slugs:
        kind = KINDS[slug]
        content = {MEDIA_TYPE: {"schema": {"$ref": SCHEMA_REFERENCE.format(model="ProblemBody")}, "examples": {}}}
        entry = responses.setdefault(kind.status, {"description": kind.title, "content": content})
        entry["content"][MEDIA_TYPE]["examples"][slug] = {
            "value": {
                "type": f"/docs#problem-{slug}",
                "title": kind.title,
                "status": kind.status,
                "detail": kind.title,
                "remedy": kind.remedy,
            }
        }
    return responses


def problem_schemas() -> Extra:
    """Return the named shapes that `problems` refers to, for the document's components."""
    schema = ProblemBody.model_json_schema(ref_template=SCHEMA_REFERENCE)
    return {**schema.pop("$defs"), "ProblemBody": schema}


def json_body(schema: Extra, examples: Extra) -> Extra:
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


READ_RESPONSES = problems("bad-parameter", "unauthorized", "not-found", "rate-limited", "unavailable")
SUBMIT_RESPONSES: Responses = {
    202: {
        "model": AcceptedBody,
        "description": "Stored. The decision follows; `links` say where to look.",
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "The return"},
            "Idempotent-Replayed": {"schema": {"type": "string"}, "description": "`true` on a repeated answer"},
        },
        "content": {"application/json": {"example": ACCEPTED_EXAMPLE}},
    },
    **problems(
        "malformed-json",
        "invalid-encoding",
        "duplicate-field",
        "missing-idempotency-key",
        "bad-idempotency-key",
        "unauthorized",
        "key-in-flight",
        "body-too-large",
        "wrong-content-type",
        "invalid-body",
        "key-reused",
        "unknown-order",
        "rate-limited",
        "unavailable",
    ),
}
SUBMIT_EXTRA: Extra = {
    "parameters": [{**KEY_HEADER, "required": True, "description": "A fresh value for each new request."}],
    "requestBody": json_body(Submission.model_json_schema(), SUBMISSION_EXAMPLES),
}

INFORMATION_EXTRA: Extra = {
    "requestBody": json_body(
        Information.model_json_schema(),
        {"answer": {"summary": "An answer", "value": {"text": "The crack runs along the foot; photos are attached."}}},
    )
}
INFORMATION_RESPONSES = problems(
    "malformed-json",
    "invalid-encoding",
    "duplicate-field",
    "unauthorized",
    "not-found",
    "conflict",
    "body-too-large",
    "wrong-content-type",
    "invalid-body",
    "rate-limited",
    "unavailable",
)

_BATCH_IN = (
    '{"idempotency_key": "r-1", "order_id": "A10234", "message": "My lamp arrived cracked."}\n'
    '{"idempotency_key": "r-2", "order_id": "A10235"}\n'
)
_BATCH_OUT = (
    f'{{"line": 1, "status": 202, "replayed": false, "id": "{RETURN_ID}", "links": {{"self": "/v1/returns/…"}}}}\n'
    '{"line": 2, "status": 422, "problem": {"title": "The body does not fit the schema", "errors": ["…"]}}\n'
)
BATCH_RESPONSES: Responses = {
    200: {
        "description": "One result a line, in the order of the request",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _BATCH_OUT}},
    },
    **problems("malformed-json", "unauthorized", "body-too-large", "wrong-content-type", "rate-limited"),
}
BATCH_EXTRA: Extra = {
    "parameters": [
        {**KEY_HEADER, "required": False, "description": "Stands for lines without a key of their own: `HEADER/N`."}
    ],
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _BATCH_IN}},
    },
}

EVENTS_RESPONSES: Responses = {
    200: {
        "description": "The stream",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": "retry: 2000\n\nid: 17\nevent: return.closed\n"
                f'data: {{"return_id": "{RETURN_ID}", "type": "return.closed", "data": {{"status": "closed"}}}}\n\n',
            }
        },
    },
    204: {"description": "The return is closed and you have every event"},
    **READ_RESPONSES,
}
EVENTS_EXTRA: Extra = {
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The last `id` received; the stream goes on after it.",
            "example": "17",
        }
    ]
}

ENDPOINT_EXTRA: Extra = {
    "requestBody": json_body(
        EndpointIn.model_json_schema(),
        {
            "all": {"summary": "Every event", "value": {"url": "https://shop.example/hooks/returns"}},
            "closed": {
                "summary": "Only outcomes",
                "value": {
                    "url": "https://shop.example/hooks/returns",
                    "kinds": ["return.closed", "return.in_review"],
                },
            },
        },
    )
}
ENDPOINT_CHANGE_EXTRA: Extra = {
    "requestBody": json_body(
        EndpointChange.model_json_schema(), {"enable": {"summary": "Enable again", "value": {"enabled": True}}}
    )
}
