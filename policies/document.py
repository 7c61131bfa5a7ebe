"""Reads one policy file: a YAML header between two lines of `---`, then prose. Knows nothing of other files."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from policies.model import PolicyVersion
from policies.yaml_text import load_yaml

_FORM = re.compile(r"\A---[ \t]*\n(?P<header>.*?)\n---[ \t]*\n(?P<text>.*)\Z", re.DOTALL)
_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)])\s")


class PolicyFileError(ValueError):
    """A policy file that cannot be read; the message names the file, the field and the remedy in one line."""


def read_policy(path: Path) -> PolicyVersion:
    """Return the policy version that the file holds. Raises PolicyFileError."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyFileError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    return parse_policy(source, str(path))


def parse_policy(source: str, name: str) -> PolicyVersion:
    """Return the policy version in `source`; `name` is what errors call it. Raises PolicyFileError."""
    form = _FORM.match(source.removeprefix("\ufeff").replace("\r\n", "\n"))
    if form is None:
        raise PolicyFileError(f"{name}: no header; begin with a line '---', the YAML header, a line '---', then prose")
    try:
        header = load_yaml(form["header"])
    except yaml.YAMLError as error:
        raise PolicyFileError(f"{name}: the header is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(header, dict):
        raise PolicyFileError(f"{name}: the header must be 'name: value' lines")
    try:
        return PolicyVersion.model_validate(_fields(header) | {"text": unwrap(form["text"])})
    except ValidationError as error:
        raise PolicyFileError(f"{name}: {_first_problem(error)}") from error


def unwrap(prose: str) -> str:
    """Return the prose with each paragraph and list item on one line, so that a quoted sentence holds no line break."""
    paragraphs: list[str] = []
    for block in re.split(r"\n\s*\n", prose.strip()):
        lines: list[str] = []
        for line in block.splitlines():
            if lines and not _LIST_ITEM.match(line):
                lines[-1] = f"{lines[-1]} {line.strip()}"
            else:
                lines.append(line.strip())
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def _fields(header: dict[Any, Any]) -> dict[str, Any]:
    """Return the header under the model's names: `id` is `policy_id`, and a bare tool name is a grant without limit."""
    fields = {str(name): value for name, value in header.items()}
    if "text" in fields:
        # Refused as an unknown field: the prose has one place, below the header.
        fields["text in the header"] = fields.pop("text")
    if "id" in fields:
        fields["policy_id"] = fields.pop("id")
    # YAML reads an unquoted 2026 as a number; a version is a name.
    if isinstance(fields.get("version"), (int, float)):
        fields["version"] = str(fields["version"])
    tools = fields.get("tools")
    if isinstance(tools, list):
        fields["tools"] = [{"name": tool} if isinstance(tool, str) else tool for tool in tools]
    return fields


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in problem["loc"]).replace("policy_id", "id")
    if problem["type"] == "extra_forbidden":
        known = ["id" if name == "policy_id" else name for name in PolicyVersion.model_fields if name != "text"]
        return f"unknown header field {place!r}; known are {', '.join(known)}"
    return f"header field {place!r}: {problem['msg']}"
