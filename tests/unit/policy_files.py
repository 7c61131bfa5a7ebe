"""Writes policy files for tests: a sound clause whose header and prose a test then spoils."""

from pathlib import Path

SOUND = {
    "id": "P-1",
    "version": '"1"',
    "title": "Damaged",
    "effective_from": "2026-01-01",
    "reasons": "[damaged]",
    "rule": "damage_confirmed && days_since_delivery <= 30",
    "tools": "[create_return_label]",
}
PROSE = "Damaged items reported within 30 days of delivery are eligible for return."


def policy_source(prose: str = PROSE, **changes: str | None) -> str:
    """Return a policy file; a change of None leaves the field out."""
    header = {name: value for name, value in (SOUND | changes).items() if value is not None}
    return "---\n" + "".join(f"{name}: {value}\n" for name, value in header.items()) + f"---\n\n{prose}\n"


def write_policy(folder: Path, prose: str = PROSE, name: str = "draft.md", **changes: str | None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(policy_source(prose, **changes), encoding="utf-8")
    return path
