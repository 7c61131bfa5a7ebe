"""Webhooks on the wire: signing as Standard Webhooks say, the retry schedule, the address guard, one attempt.

Not responsible for which deliveries are due or for recording attempts; the store and the worker's task are.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import random
import secrets
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from infra.settings import Environment, Settings

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, no secret
SECRET_BYTES = 32
TOLERANCE = timedelta(minutes=5)
"""How far a receiver lets the timestamp be from its own clock."""

MINUTE, HOUR = 60, 3600
DELAYS_SECONDS = (0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Seconds before each attempt, counted from the failure of the one before; the first goes out at once."""

JITTER = 0.1
ANSWER_BYTES = 1000
"""How much of a receiver's answer is kept for the person who debugs it."""

LONGEST_ERROR = 500


class SignatureRefused(Exception):
    """The signature, the timestamp or a header does not hold; the message says which."""


class AddressRefused(Exception):
    """The URL is one that deliveries must not go to; the message says why and what to do."""


class Attempt(NamedTuple):
    """How one attempt went. `gone` is 410: the receiver wants nothing more. `status` is None where no answer came."""

    delivered: bool
    gone: bool
    status: int | None
    error: str | None


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`. Raises ValueError for an unusable secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()).decode()


def headers(signing: Sequence[str], message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a delivery, with one signature for each secret (two while one is rotated out)."""
    timestamp = int(sent_at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in signing),
    }


def verify(accepted: Iterable[str], received: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check a delivery as a receiver should, in constant time. Raises SignatureRefused."""
    found = {name.lower(): value for name, value in received.items()}
    try:
        message_id, stamp, signatures = (found[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as error:
        raise SignatureRefused(f"header {error.args[0]} is missing") from error
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise SignatureRefused("webhook-timestamp is no number of seconds")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise SignatureRefused("webhook-timestamp is more than five minutes away; a replayed message or a wrong clock")
    wanted = [sign(secret, message_id, int(stamp), body).encode() for secret in accepted]
    given = [signature.encode() for signature in signatures.split(" ") if signature.startswith("v1,")]
    # Every pair is compared, so that the time taken tells nothing about which one matched.
    matches = [hmac.compare_digest(one, other) for one in wanted for other in given]
    if not any(matches):
        raise SignatureRefused("no signature in webhook-signature matches")


def _secret_bytes(secret: str) -> bytes:
    try:
        raw = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error
    if not 24 <= len(raw) <= 64:
        raise ValueError(f"a webhook secret has 24 to 64 bytes, not {len(raw)}")
    return raw


def next_attempt_at(attempts: int, failed_at: datetime, limit: int, draw: float | None = None) -> datetime | None:
    """Return when to try again after `attempts` attempts, or None when patience has ended.

    `limit` is the most attempts a delivery gets; the schedule itself ends after ten. `draw` in [0, 1) spreads retries
    over one tenth of the delay, so that a receiver that comes back is not met by all of them at once.
    """
    if attempts >= min(limit, len(DELAYS_SECONDS)):
        return None
    spread = random.random() if draw is None else draw
    return failed_at + timedelta(seconds=DELAYS_SECONDS[attempts] * (1 + JITTER * spread))


class AddressGuard(NamedTuple):
    """Which addresses deliveries may reach. Both False is the rule of production."""

    allow_private: bool = False
    allow_loopback: bool = False

    def check_url(self, url: str) -> None:
        """Check all that shows without resolving a name. Raises AddressRefused."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise AddressRefused(f"is no URL ({error}); send an https:// address") from error
        if parts.scheme not in {"http", "https"} or not host:
            raise AddressRefused("is no http(s) URL; send an https:// address")
        if parts.username is not None or parts.password is not None:
            raise AddressRefused("holds credentials; deliveries are signed instead, so remove them")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise AddressRefused("holds characters that a URL cannot hold; encode them")
        if port == 0:
            raise AddressRefused("names port 0; name the port your server listens on")
        literal = _literal(host)
        if literal is not None:
            self._check_address(literal)
        elif host == "localhost" or host.endswith(".localhost"):
            self._check_address(ipaddress.ip_address("127.0.0.1"))
        if parts.scheme == "http" and not (self.allow_private or self.allow_loopback):
            raise AddressRefused("is not encrypted; send an https:// address")

    def resolve(self, url: str) -> str:
        """Return one IP address of the URL's host, all of which may be reached. Raises AddressRefused.

        The caller connects to this very address: a name that answers differently the second time gains nothing.
        """
        self.check_url(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise AddressRefused(f"the host {host} has no address ({error})") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
        for address in addresses:
            self._check_address(address)
        return str(addresses[0])

    def _check_address(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        if mapped is not None:
            self._check_address(mapped)
        if address.is_loopback and self.allow_loopback:
            return
        usable = address.is_global and not address.is_multicast
        if not usable and not (self.allow_private and not address.is_unspecified and not address.is_multicast):
            raise AddressRefused(
                f"leads to {address}, which is not on the public internet; "
                "set WEBHOOK_ALLOW_PRIVATE_ADDRESSES=true to allow receivers inside your own network"
            )


def guard_of(settings: Settings) -> AddressGuard:
    """Return which addresses this installation's webhooks may reach: in development also this machine's own."""
    return AddressGuard(
        allow_private=settings.webhook_allow_private_addresses,
        allow_loopback=settings.environment is Environment.DEVELOPMENT,
    )


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address a host spells out, also as the short, octal or whole-number forms that resolvers accept."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def send(guard: AddressGuard, url: str, body: bytes, message_headers: Mapping[str, str], seconds: float) -> Attempt:
    """Make one attempt within `seconds`, counted from the connection to the last byte read; never raises.

    2xx is delivered, 410 is gone, all else is tried again. The connection goes to the address that the guard checked,
    with the URL's own name in Host and in TLS, so a name that later resolves elsewhere leads nowhere.
    """
    try:
        address = guard.resolve(url)
    except AddressRefused as error:
        return _failed(f"the address {error}")
    try:
        # Only a deadline over everything stops a receiver that drips its answer a byte at a time.
        return asyncio.run(asyncio.wait_for(_post(url, address, body, message_headers), seconds))
    except TimeoutError:
        return _failed(f"no whole answer within {seconds:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return _failed(f"{type(error).__name__}: {error}")


def _failed(error: str) -> Attempt:
    return Attempt(delivered=False, gone=False, status=None, error=error[:LONGEST_ERROR])


async def _post(url: str, address: str, body: bytes, message_headers: Mapping[str, str]) -> Attempt:
    target = httpx.URL(url)
    # The deadline is the caller's and covers everything; the client's own timeouts start anew with each byte.
    async with httpx.AsyncClient(timeout=None, trust_env=False, verify=_tls()) as client:  # noqa: S113
        request = client.build_request(
            "POST",
            target.copy_with(host=address),
            content=body,
            headers={
                "host": target.netloc.decode(),
                "content-type": "application/json",
                "user-agent": "returns-desk-webhooks/1",
                **message_headers,
            },
            extensions={"sni_hostname": target.host},
        )
        response = await client.send(request, stream=True)
        try:
            return await _read_answer(response)
        finally:
            await response.aclose()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return the trust of this machine, read once: reading it costs more than an attempt."""
    return ssl.create_default_context()


async def _read_answer(response: httpx.Response) -> Attempt:
    status = response.status_code
    if 200 <= status < 300:
        return Attempt(delivered=True, gone=False, status=status, error=None)
    said = b""
    async for piece in response.aiter_raw():
        said += piece
        if len(said) >= ANSWER_BYTES:
            break
    text = said[:ANSWER_BYTES].decode("utf-8", "replace").replace("\x00", "")
    why = "redirects are not followed; register the final address. " if 300 <= status < 400 else ""
    error = f"HTTP {status}: {why}{text}"[:LONGEST_ERROR]
    return Attempt(delivered=False, gone=status == 410, status=status, error=error)
