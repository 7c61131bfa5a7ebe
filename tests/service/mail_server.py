"""A small real SMTP server for tests: it keeps what it accepts, or answers as scripted. Holds no tests."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser


class _Session(socketserver.StreamRequestHandler):
    server: "MailServer"

    def handle(self) -> None:
        if self.server.silent:
            self.server.over.wait(30)
            return
        self.say("220 test")
        while line := self.rfile.readline():
            verb = line.split()[0].upper().decode() if line.split() else ""
            if verb in self.server.answers:
                self.say(self.server.answers[verb])
            elif verb == "DATA":
                self.say("354 go on")
                self.server.accepted.append(self.letter())
                self.say(self.server.answers.get("END", "250 kept"))
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def letter(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        return BytesParser(EmailMessage, policy=policy.SMTP).parsebytes(b"".join(lines))

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, answers: Mapping[str, str], *, silent: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.answers = dict(answers)
        self.silent = silent
        self.accepted: list[EmailMessage] = []
        self.over = threading.Event()

    @property
    def port(self) -> int:
        return self.server_address[1]

    def handle_error(self, *_: object) -> None:
        """Clients that leave are what these tests are about."""


@contextmanager
def receiving(answers: Mapping[str, str] | None = None, *, silent: bool = False) -> Iterator[MailServer]:
    """Run a server; `answers` replaces its answer to a verb, `END` the one after a letter's last line."""
    server = MailServer(answers or {}, silent=silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
