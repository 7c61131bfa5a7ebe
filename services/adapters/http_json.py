"""One bounded HTTP exchange of JSON: a total deadline, a size limit, no redirects, errors sorted by what may mend them.

What the JSON means is the caller's business; how often to ask is `patience`'s.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from services.adapters.patience import TryAgain

MAX_BODY_BYTES = 1_000_000
_LONGEST_WISHED_WAIT_SECONDS = 3600.0


class Answer(NamedTuple):
    """A complete answer. `body` is None where the answer is no JSON."""

    status: int
    body: Any


def new_client(base_url: str, token: str | None = None) -> httpx.Client:
    """Return a client for `base_url` (http or https). Redirects are not followed, since they would carry the token.

    Raises ValueError that names the setting's remedy.
    """
    url = httpx.URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{base_url!r} is no http or https address; write it like https://orders.example.com/v1")
    headers = {"Accept": "application/json", "User-Agent": "returns-desk"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(base_url=url, headers=headers, follow_redirects=False)


def exchange(  # noqa: PLR0913 - the parts of one HTTP exchange
    client: httpx.Client,
    method: str,
    path: str,
    seconds: float,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and return the whole answer within `seconds`.

    The deadline is for all of it: a server that drips its body a byte a second is cut off at the next byte after it.
    Raises TryAgain for a broken or slow connection and for 408, 425, 429 and 5xx.
    """
    ends = time.monotonic() + seconds
    try:
        with client.stream(method, path, json=body, headers=headers, timeout=seconds) as response:
            content = _read(response, ends)
            status = response.status_code
            after = response.headers.get("Retry-After")
    except httpx.TimeoutException as error:
        raise TryAgain(f"did not answer within {seconds:.1f} s") from error
    except httpx.TransportError as error:
        raise TryAgain(f"cannot be reached: {str(error) or type(error).__name__}") from error
    except httpx.DecodingError as error:
        raise TryAgain(f"answered with a body that cannot be decoded: {error}") from error
    if status in {408, 425, 429} or status >= 500:
        raise TryAgain(f"answered {status}", _seconds_of(after))
    try:
        return Answer(status, json.loads(content))
    except (ValueError, RecursionError):  # JSON and Unicode errors are values'; a thousand brackets are the stack's
        return Answer(status, None)


def _read(response: httpx.Response, ends: float) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > MAX_BODY_BYTES:
            raise TryAgain(f"answered with more than {MAX_BODY_BYTES} bytes")
        if time.monotonic() > ends:
            raise TryAgain("did not finish its answer in time")
    return bytes(content)


def _seconds_of(retry_after: str | None) -> float | None:
    """Read the header's number of seconds; its other form, a date, is left to our own waiting."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_WISHED_WAIT_SECONDS else None
