"""`returns-desk submit`: sends return requests to the queue API as any shop would, and prints what became of them.

Not responsible for wording an outcome (`outcome_lines`).
"""

import hashlib
import json
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from workers.commands.outcome_lines import outcome_line, refusal_line
from workers.commands.output import NEGATIVE, bad_input

if TYPE_CHECKING:
    import httpx

    from infra.settings import Settings

KEY_FILE = "development_key"
POLL_SECONDS = 0.5
AT_REST = frozenset({"closed", "in_review"})
MOST_TRIES = 8


class Case(NamedTuple):
    """One request of the file: its line, the key that makes repeating safe, and the body."""

    line: int
    key: str
    body: dict[str, Any]

    @property
    def order_id(self) -> str:
        return str(self.body.get("order_id", "?"))


def submit(
    file: Annotated[str, typer.Argument(help="JSONL, one request a line; `-` reads standard input.")],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for outcomes and print each as it arrives.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for outcomes.", min=1)] = 600,
    repeatable: Annotated[
        bool,
        typer.Option("--repeatable", help="Take keys from the contents: the same file again is not submitted twice."),
    ] = False,
    url: Annotated[str | None, typer.Option(envvar="RETURNS_DESK_URL", help="The API; default is this desk.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="RETURNS_DESK_API_KEY", help="A shop's key; default is this desk's development key."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Submit requests and print id and outcome, one line each, beginning with the order id.

    Example: returns-desk submit infra/samples/requests.jsonl --wait
    """
    import httpx  # noqa: PLC0415 - keeps --help fast

    from infra.settings import SettingsInvalid, get_settings  # noqa: PLC0415

    try:
        settings = get_settings()
    except SettingsInvalid as error:
        bad_input(str(error))
    cases = list(_read(file, repeatable=repeatable))
    key = api_key or _development_key(settings)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    say = Sayer(as_json=as_json)
    try:
        with httpx.Client(base_url=url or _own_address(settings), headers=headers, timeout=30) as client:
            accepted, refused = _send_all(client, cases, say, announce=not wait)
            unfinished = _await_outcomes(client, accepted, timeout, say) if wait else {}
    except httpx.HTTPError as error:
        bad_input(
            f"the API at {url or _own_address(settings)} does not answer ({type(error).__name__}): "
            "start it with `returns-desk up`, or say where it is with --url"
        )
    for return_id, case in unfinished.items():
        typer.echo(f"{case.order_id}  {return_id} has no outcome after {timeout:g} s", err=True)
    if refused or unfinished:
        raise typer.Exit(NEGATIVE)


def _read(file: str, *, repeatable: bool) -> Iterator[Case]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        bad_input(f"FILE: {file}: {error.strerror}; name a JSONL file, or `-` for standard input")
    except UnicodeDecodeError as error:
        bad_input(f"FILE: {file}: byte {error.start} is not UTF-8; encode the file as UTF-8")
    found = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found += 1
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            bad_input(f"FILE: line {number} is not JSON ({error}); write one object a line")
        if not isinstance(body, dict):
            bad_input(f"FILE: line {number} is not an object; write one object a line")
        key = body.pop("idempotency_key", None) or _key_of(body, number, repeatable=repeatable)
        yield Case(number, str(key), body)
    if not found:
        bad_input(f"FILE: {file} holds no request; write one JSON object a line")


def _key_of(body: dict[str, Any], number: int, *, repeatable: bool) -> str:
    if not repeatable:
        return secrets.token_urlsafe(24)
    contents = json.dumps(body, sort_keys=True)
    return f"file-{hashlib.sha256(contents.encode()).hexdigest()[:40]}-{number}"


def _development_key(settings: "Settings") -> str | None:
    """Return the key that `up` made for the sample shop of this machine's desk, where there is one."""
    try:
        return (settings.var_dir / KEY_FILE).read_text().strip()
    except OSError:
        return None


def _own_address(settings: "Settings") -> str:
    host = "127.0.0.1" if settings.bind_address in {"0.0.0.0", "::"} else settings.bind_address  # noqa: S104
    return f"http://{host}:{settings.port}"


def _send_all(
    client: "httpx.Client", cases: list[Case], say: "Sayer", *, announce: bool
) -> tuple[dict[str, Case], int]:
    accepted: dict[str, Case] = {}
    refused = 0
    for case in cases:
        status, answer = _send(client, case)
        if status == 202:
            accepted[answer["id"]] = case
            if announce:
                say(
                    {"line": case.line, "order_id": case.order_id, **answer},
                    f"{case.order_id}  accepted  {answer['id']}",
                )
        else:
            refused += 1
            say({"line": case.line, "order_id": case.order_id, "problem": answer}, refusal_line(case.order_id, answer))
    return accepted, refused


def _send(client: "httpx.Client", case: Case) -> tuple[int, dict[str, Any]]:
    """Send one request until it is settled: the key makes sending again safe, so a full queue is waited for."""
    for _ in range(MOST_TRIES - 1):
        response = client.post("/v1/returns", json=case.body, headers={"Idempotency-Key": case.key})
        if response.status_code not in {409, 429, 503}:
            break
        time.sleep(float(response.headers.get("Retry-After", 1)))
    try:
        answer = response.json()
    except ValueError:
        answer = {"detail": f"HTTP {response.status_code} without JSON; is this the queue API?"}
    return response.status_code, answer


def _await_outcomes(
    client: "httpx.Client", waiting: dict[str, Case], timeout_seconds: float, say: "Sayer"
) -> dict[str, Case]:
    """Print each outcome as it arrives; return what had none in time."""
    deadline = time.monotonic() + timeout_seconds
    waiting = dict(waiting)
    while waiting and time.monotonic() < deadline:
        for return_id, case in list(waiting.items())[:50]:
            response = client.get(f"/v1/returns/{return_id}")
            if response.status_code == 200 and response.json()["status"] in AT_REST:
                outcome = response.json()
                say({"line": case.line, **outcome}, outcome_line(outcome))
                del waiting[return_id]
            elif response.status_code not in {200, 429, 503}:
                say({"line": case.line, "problem": response.json()}, refusal_line(case.order_id, response.json()))
                del waiting[return_id]
        if waiting:
            time.sleep(POLL_SECONDS)
    return waiting


class Sayer:
    """Prints each result at once, also into a pipe: as JSON, or as the line for people."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def __call__(self, document: dict[str, Any], line: str) -> None:
        print(json.dumps(document, ensure_ascii=False) if self._as_json else line, flush=True)
