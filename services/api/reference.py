"""Turns the OpenAPI document into plain values for the documentation page. Knows no endpoint."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

METHODS = ("post", "get", "put", "patch", "delete")
Document = Mapping[str, Any]


class Parameter(NamedTuple):
    name: str
    place: str
    required: bool
    type: str
    description: str
    example: str


class Example(NamedTuple):
    summary: str
    text: str


class Answer(NamedTuple):
    status: str
    description: str
    media_type: str
    schema: str | None
    examples: tuple[Example, ...]


class Operation(NamedTuple):
    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    body_type: str
    body_examples: tuple[Example, ...]
    answers: tuple[Answer, ...]
    needs_key: bool


class Field(NamedTuple):
    name: str
    type: str
    required: bool
    description: str


class Schema(NamedTuple):
    name: str
    description: str
    fields: tuple[Field, ...]


def operations_of(document: Document) -> dict[str, list[Operation]]:
    """Return all operations by their first tag, in the document's order."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                tag = methods[method].get("tags", ["other"])[0]
                groups.setdefault(tag, []).append(_operation(path, method, methods[method]))
    return groups


def _operation(path: str, method: str, found: Document) -> Operation:
    body_type, body = next(iter(found.get("requestBody", {}).get("content", {}).items()), ("", {}))
    return Operation(
        anchor=found.get("operationId", f"{method}-{path}"),
        method=method.upper(),
        path=path,
        summary=found.get("summary", ""),
        description=found.get("description", ""),
        parameters=tuple(_parameter(one) for one in found.get("parameters", ())),
        body_type=body_type,
        body_examples=_examples(body),
        answers=tuple(_answer(status, one) for status, one in found.get("responses", {}).items()),
        needs_key=bool(found.get("security")),
    )


def _parameter(found: Document) -> Parameter:
    return Parameter(
        found["name"],
        found["in"],
        bool(found.get("required")),
        _type_of(found.get("schema", {})),
        found.get("description", ""),
        str(found.get("example", "")),
    )


def _answer(status: str, found: Document) -> Answer:
    content = found.get("content", {})
    media_type = next(reversed(content), "") if content else ""
    shown = content.get(media_type, {})
    schema = next((name for one in content.values() if (name := _reference(one.get("schema", {})))), None)
    return Answer(status, found.get("description", ""), media_type, schema, _examples(shown))


def _examples(content: Document) -> tuple[Example, ...]:
    found = [(one.get("summary", name), one["value"]) for name, one in content.get("examples", {}).items()]
    if "example" in content:
        found.append(("Example", content["example"]))
    return tuple(
        Example(summary, value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))
        for summary, value in found
    )


def schemas_of(document: Document) -> list[Schema]:
    """Return the named shapes that answers refer to, without the framework's own error shapes."""
    schemas = document.get("components", {}).get("schemas", {})
    return [
        Schema(name, one.get("description", ""), _fields(one))
        for name, one in sorted(schemas.items())
        if "properties" in one
    ]


def _fields(schema: Document) -> tuple[Field, ...]:
    required = set(schema.get("required", ()))
    return tuple(
        Field(name, _type_of(one), name in required, one.get("description", ""))
        for name, one in schema["properties"].items()
    )


def _reference(schema: Document) -> str | None:
    reference: str | None = schema.get("$ref")
    return reference.rsplit("/", 1)[-1] if reference else None


def _type_of(schema: Document) -> str:
    """Return a schema in a few words, such as `text or null` or `list of ActionBody`."""
    match schema:
        case {"$ref": _}:
            words = _reference(schema) or ""
        case {"anyOf": choices}:
            words = " or ".join(_type_of(one) for one in choices)
        case {"enum": values}:
            words = " | ".join(str(one) for one in values)
        case {"const": value}:
            words = str(value)
        case {"type": "array"}:
            words = f"list of {_type_of(schema.get('items', {}))}"
        case {"type": "string"}:
            words = "time" if schema.get("format") == "date-time" else "text"
        case _:
            words = str(schema.get("type", "any"))
    return words
