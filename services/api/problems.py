"""Errors as `application/problem+json` (RFC 9457): the catalogue of kinds, the exception and its response.

Not responsible for deciding when something is an error; handlers and flows raise, this module words the answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"


class ProblemKind(NamedTuple):
    """One kind of error: what clients may branch on. `status` is the HTTP status it always has."""

    slug: str
    status: int
    title: str
    remedy: str


def _kinds(*kinds: ProblemKind) -> dict[str, ProblemKind]:
    return {kind.slug: kind for kind in kinds}


KINDS = _kinds(
    ProblemKind("malformed-json", 400, "The body is not JSON", "Send one JSON object, encoded as UTF-8."),
    ProblemKind("invalid-encoding", 400, "The body is not UTF-8", "Encode the body as UTF-8."),
    ProblemKind("duplicate-field", 400, "A field is given twice", "Send each field once."),
    ProblemKind("missing-idempotency-key", 400, "Idempotency-Key is missing", "Send a fresh UUID as Idempotency-Key."),
    ProblemKind(
        "bad-idempotency-key", 400, "Idempotency-Key is not usable", "Send 1 to 255 visible ASCII characters, once."
    ),
    ProblemKind("bad-parameter", 400, "A query parameter is not usable", "Correct the parameter that `errors` names."),
    ProblemKind("bad-request", 400, "The request is not usable", "Correct what `detail` names and send it again."),
    ProblemKind("unauthorized", 401, "No valid API key", "Send `Authorization: Bearer <API key>`."),
    ProblemKind("forbidden", 403, "Not allowed", "Use a key that may do this."),
    ProblemKind("not-found", 404, "There is nothing here", "Check the address; the operations are listed at /docs."),
    ProblemKind("method-not-allowed", 405, "This address has no such method", "Use a method that `Allow` names."),
    ProblemKind(
        "key-in-flight", 409, "A request with this key is in flight", "Wait, then send the same request again."
    ),
    ProblemKind("conflict", 409, "The state does not allow this", "Read the current state, then try again."),
    ProblemKind("body-too-large", 413, "The body is too large", "Send less; `limit_bytes` names the limit."),
    ProblemKind("wrong-content-type", 415, "The content type is not accepted", "Send the content type `detail` names."),
    ProblemKind("invalid-body", 422, "The body does not fit the schema", "Correct the fields that `errors` names."),
    ProblemKind(
        "key-reused", 422, "This key was used with another body", "Use a new Idempotency-Key for a new request."
    ),
    ProblemKind(
        "unknown-order", 422, "The shop has no such order", "Check `order_id`; orders are known by the shop's own ids."
    ),
    ProblemKind("rate-limited", 429, "Too many requests", "Wait the seconds that `Retry-After` names."),
    ProblemKind("internal-error", 500, "The server failed", "Send the request again with the same Idempotency-Key."),
    ProblemKind(
        "unavailable", 503, "The database does not answer", "Send the request again with the same Idempotency-Key."
    ),
)


class FieldError(NamedTuple):
    """What is wrong with one field (dotted path, or a header's or parameter's name) and how to mend it."""

    field: str
    detail: str
    remedy: str


class Problem(Exception):
    """Raised to answer with a problem of the kind `slug`. `extra` becomes extension members of the object."""

    def __init__(  # noqa: PLR0913 - the members of one problem object, all but two of them rare
        self,
        slug: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        remedy: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[slug]
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.remedy = remedy or self.kind.remedy
        self.extra = dict(extra or {})

    def document(self, instance: str | None = None) -> dict[str, Any]:
        """Return the problem object. `type` resolves to its entry on this server's /docs page."""
        document: dict[str, Any] = {
            "type": f"/docs#problem-{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.errors:
            document["errors"] = [error._asdict() for error in self.errors]
        if instance:
            document["instance"] = instance
        return document | self.extra


def field_problem(slug: str, field: str, detail: str, remedy: str, **more: Any) -> Problem:
    """Return a problem about exactly one field."""
    return Problem(slug, f"{field}: {detail}", errors=[FieldError(field, detail, remedy)], remedy=remedy, **more)


def problem_response(problem: Problem, request: Request | None = None) -> Response:
    instance = request.url.path if request else None
    return JSONResponse(
        problem.document(instance), status_code=problem.kind.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def shop_gone() -> Problem:
    """Return the problem for a shop that was removed while its key was still remembered."""
    return Problem("unauthorized", "the shop of this API key does not exist any more")


def database_away() -> Problem:
    """Return the problem for a database that does not answer in time."""
    return Problem("unavailable", "the database does not answer", headers={"Retry-After": "5"})
