"""One bounded HTTP exchange of JSON: a total deadline, a size limit, no redirects, errors sorted by what may mend them.

What the JSON means is the caller's business; how often to ask is `patience`'s.
"""

import json
import socket
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

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

    Each exchange has a connection of its own: a shared one could not be cut off at a deadline, and one that the other
    side closed while it was idle would look like a failure. Raises ValueError that names the remedy.
    """
    url = httpx.URL(base_url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{base_url!r} is no http or https address; write it like https://orders.example.com/v1")
    headers = {"Accept": "application/json", "User-Agent": "returns-desk"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=url, headers=headers, follow_redirects=False, limits=limits)


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

    The deadline is for all of it: a server that drips its headers or its body a byte a second is cut off too.
    Raises TryAgain for a broken or slow connection and for 408, 425, 429 and 5xx.
    """
    with _Deadline(seconds) as deadline:
        try:
            extensions = {"trace": deadline.trace}
            with client.stream(
                method, path, json=body, headers=headers, timeout=seconds, extensions=extensions
            ) as response:
                content = _read(response)
                status = response.status_code
                after = response.headers.get("Retry-After")
        except httpx.TimeoutException as error:
            raise TryAgain(f"did not answer within {seconds:.1f} s") from error
        except httpx.TransportError as error:
            if deadline.passed:
                raise TryAgain(f"did not finish its answer within {seconds:.1f} s") from error
            raise TryAgain(f"cannot be reached: {str(error) or type(error).__name__}") from error
        except httpx.DecodingError as error:
            raise TryAgain(f"answered with a body that cannot be decoded: {error}") from error
    if deadline.passed:  # An answer without a length ends where its connection does: this one may lack the rest.
        raise TryAgain(f"did not finish its answer within {seconds:.1f} s")
    if status in {408, 425, 429} or status >= 500:
        raise TryAgain(f"answered {status}", _seconds_of(after))
    try:
        return Answer(status, json.loads(content))
    except (ValueError, RecursionError):  # JSON and Unicode errors are values'; a thousand brackets are the stack's
        return Answer(status, None)


class _Deadline:
    """Cuts the exchange's connection when its time is up, whatever it waits for.

    The client's own timeouts begin anew with every byte, so they alone would wait for a dripping server for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of the connection as the client opens it (httpx calls this for each step)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        self.passed = True
        if self._socket is None:
            return
        try:
            # The plain shutdown, also for a TLS socket: its own would wait for the reader that it is to wake.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            return  # It was closed in this very moment.


def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > MAX_BODY_BYTES:
            raise TryAgain(f"answered with more than {MAX_BODY_BYTES} bytes")
    return bytes(content)


def _seconds_of(retry_after: str | None) -> float | None:
    """Read the header's number of seconds; its other form, a date, is left to our own waiting."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_WISHED_WAIT_SECONDS else None
