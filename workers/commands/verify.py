"""`returns-desk verify`: only the claim check, replies against recorded actions. No database, no model."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from workers.commands.jsonl import read_rows, write_line, writer
from workers.commands.output import NEGATIVE, bad_input

_EXAMPLE = """Example:

returns-desk verify --in replies.jsonl --out verdicts.jsonl

Exit code 0: every reply was judged (with --strict: and passed). 1: --strict, and one did not pass. 2: bad input.
"""


def verify(
    source: Annotated[str, typer.Option("--in", help="JSONL of replies with their recorded actions; - for stdin.")],
    target: Annotated[str, typer.Option("--out", help="JSONL of verdicts, in input order; - for stdout.")],
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Certainty from which an unsupported claim blocks.")
    ] = None,
    encoder: Annotated[
        bool, typer.Option(help="Ask the sentence encoder about doubted sentences, as the desk does.")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where any reply is blocked or ambiguous.")] = False,
) -> None:
    """Check replies against recorded actions: every claimed effect must be matched by a succeeded action."""
    from services.domain.reading import LexicalClaimReader  # noqa: PLC0415 - keeps --help fast
    from services.domain.verify import DEFAULT_THRESHOLD, verify_reply  # noqa: PLC0415
    from workers.verifier import EncoderMissing, second_opinion  # noqa: PLC0415

    reader = LexicalClaimReader()
    limit = DEFAULT_THRESHOLD if threshold is None else threshold
    passed = True
    outputs: list[dict[str, Any]] = []
    for number, case in _cases(source):
        actions = _actions(case, number)
        try:
            result = verify_reply(
                case["reply"], actions, reader, threshold=limit, second=second_opinion if encoder else None
            )
        except EncoderMissing as error:
            bad_input(f"{error}, or give --no-encoder")
        passed = passed and result.verdict.value == "pass"
        outputs.append(_output(case, result))
    # Written only when all could be read: a bad line leaves no half a file behind.
    with writer(target) as out:
        for output in outputs:
            write_line(out, output)
    if strict and not passed:
        raise typer.Exit(NEGATIVE)


verify.__doc__ = f"{verify.__doc__}\n\n{_EXAMPLE}"


def _cases(source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, case in read_rows(source):
        if not isinstance(case, dict) or not isinstance(case.get("reply"), str):
            bad_input(f"--in: line {number}: field reply is missing or not a string")
        yield number, case


def _actions(case: dict[str, Any], number: int) -> list[Any]:
    from services.domain.verify import recorded_action  # noqa: PLC0415

    recorded = case.get("recorded_actions") or []
    if not isinstance(recorded, list):
        bad_input(f"line {number}: field recorded_actions must be a list of names or of actions")
    actions = []
    for position, entry in enumerate(recorded):
        try:
            actions.append(recorded_action(entry))
        except ValueError as error:
            bad_input(f"line {number}: recorded_actions[{position}]: {error}")
    return actions


def _output(case: dict[str, Any], result: Any) -> dict[str, Any]:
    claims = []
    for claim in result.claims:
        entry: dict[str, Any] = {"effect": claim.effect.value, "text": claim.text, "supported_by": claim.supported_by}
        entry.update(start=claim.start, end=claim.end, certainty=claim.certainty, in_progress=claim.in_progress)
        stated = {
            name: getattr(claim, name)
            for name in ("order_id", "item", "amount_cents", "currency")
            if getattr(claim, name) is not None
        }
        claims.append(entry | stated)
    findings = [
        {"check": f.check, "passed": f.passed, "detail": f.detail, "span": list(f.span) if f.span else None}
        for f in result.findings
    ]
    return {"id": case.get("id"), "verdict": result.verdict.value, "claims": claims, "findings": findings}
