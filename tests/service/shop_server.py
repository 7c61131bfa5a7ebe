"""A shop's own server for tests: real HTTP on a real socket, and every way a server can misbehave. Holds no tests."""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


Answer = Callable[["Reply", Request], None]


class Reply(BaseHTTPRequestHandler):
    """Hands each request to the server's script and offers it ways to answer, well or badly."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "ShopServer"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        request = Request(self.command, self.path, dict(self.headers), body)
        self.server.seen.append(request)
        self.server.script(self, request)

    do_POST = do_GET  # noqa: N815 - the name is the base class's

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def json(self, status: int, body: Any, **headers: str) -> None:
        self.raw(status, json.dumps(body).encode(), **headers)

    def raw(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.server.over.wait(30)
        self.close_connection = True

    def drip(self) -> None:
        """Send the body a byte at a time, for ever."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self._drip(b" ")

    def drip_without_length(self) -> None:
        """Send a whole JSON object and then spaces for ever, so that only the end of the connection ends the body."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")
        self._drip(b" ")

    def drip_headers(self) -> None:
        """Send the headers a byte at a time, for ever."""
        self.send_response(200)
        self.flush_headers()
        self.wfile.write(b"X-Drip: ")
        self._drip(b"x")

    def _drip(self, piece: bytes) -> None:
        self.close_connection = True
        try:
            while not self.server.over.is_set():
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(0.02)
        except OSError:
            return

    def stop_in_the_middle(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"order_id": "A1"')
        self.close_connection = True

    def reset(self) -> None:
        """Close without a word, so that the other side sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


class ShopServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Reply)
        self.script = script
        self.seen: list[Request] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Broken pipes are what these tests are about."""


@contextmanager
def serving(script: Answer) -> Iterator[ShopServer]:
    server = ShopServer(script)
    # A developer's proxy must not be asked for an address of this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
