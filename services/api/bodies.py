"""Reads request bodies strictly: bytes to one JSON object to a typed value, or a Problem that names the field.

Not responsible for limits on size (`limits`) or for what a body means (flows).
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from services.api.problems import FieldError, Problem, field_problem

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_DEPTH = 32
"""Levels of nesting: far more than any body here has, far less than what exhausts the stack."""


class _TwiceError(ValueError):
    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object and refuse a name given twice, which plain `json` would settle silently."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(name)
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`.

    Raises Problem: invalid-encoding, malformed-json (also for nesting deeper than MAX_DEPTH), duplicate-field,
    invalid-body (another JSON type; a NUL or half a surrogate pair in a text, which no database here can store).
    """
    value = _decode(_text(raw))
    if not isinstance(value, dict):
        raise field_problem("invalid-body", "body", f"is {_json_name(value)}, not an object", "Send one JSON object.")
    _check_texts(value, "", 0)
    return value


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8"
        raise field_problem("invalid-encoding", "body", detail, "Encode the body as UTF-8.") from error
    if not text.strip():
        raise field_problem("malformed-json", "body", "is empty", "Send one JSON object.")
    return text


def _decode(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except _TwiceError as error:
        shown = error.field[:100]
        raise field_problem("duplicate-field", shown, "is given twice", "Send each field once.") from error
    except json.JSONDecodeError as error:
        detail = f"{error.msg} at line {error.lineno} column {error.colno}"
        raise field_problem("malformed-json", "body", detail, "Send one JSON object, encoded as UTF-8.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        # A number of thousands of digits, or NaN: the parser accepts the syntax and refuses the value.
        raise field_problem("malformed-json", "body", str(error)[:200], "Send plain JSON values.") from error


def _too_deep() -> Problem:
    return field_problem("malformed-json", "body", f"is nested deeper than {MAX_DEPTH}", "Send a flat object.")


def _check_texts(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name, path or "body")
            _check_texts(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_texts(inner, f"{path}[{index}]", depth + 1)


def _check_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise field_problem("invalid-body", path, "holds a NUL character", "Remove U+0000 from the text.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        detail = f"holds half a surrogate pair at character {error.start}"
        raise field_problem("invalid-body", path, detail, "Send whole Unicode characters.") from error


def parse(model: type[ModelT], body: Mapping[str, Any]) -> ModelT:
    """Return `body` as a `model`, without coercion. Raises Problem invalid-body that lists every wrong field."""
    try:
        return model.model_validate(body, strict=True)
    except ValidationError as error:
        errors = [_field_error(detail, model) for detail in error.errors(include_url=False, include_context=True)]
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise Problem(
            "invalid-body", f"{first.field}: {first.detail}{more}", errors=errors, remedy=first.remedy
        ) from error


def _field_error(detail: ErrorDetails, model: type[BaseModel]) -> FieldError:
    field = ".".join(str(part) for part in detail["loc"])[:200] or "body"
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            said = "is missing", f"Add {field}."
        case "extra_forbidden":
            said = "is not a known field", f"Remove it; known fields are {', '.join(model.model_fields)}."
        case "string_type":
            said = f"is {_json_name(given)}, not a text", "Send a JSON string."
        case "string_too_long":
            said = f"has {len(given)} characters; at most {context['max_length']} are accepted", "Shorten it."
        case "string_too_short":
            said = "is empty" if not given else "is too short", "Send the whole value, or leave an optional field out."
        case "value_error":
            said = str(context["error"]), "Correct the value."
        case _:
            said = detail["msg"], "Correct the value."
    return FieldError(field, *said)


def _json_name(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def require_content_type(request: Request, *accepted: str) -> None:
    """Raise Problem wrong-content-type unless the request's media type is one of `accepted`, in UTF-8."""
    given = request.headers.get("content-type", "")
    media_type, _, parameters = given.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() in accepted and charset in {"", "utf-8", "utf8"}:
        return
    shown = f"is {given[:100]!r}" if given else "is missing"
    raise field_problem("wrong-content-type", "Content-Type", shown, f"Send {' or '.join(accepted)}.")
