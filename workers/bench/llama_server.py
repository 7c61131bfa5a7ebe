"""llama.cpp's own server as a process of its own: the peer of the benchmarks, and the real server of the tests.

It comes prebuilt in the wheel `xllamacpp`, whose module starts it inside a process; so this file is also that process:
`python -m workers.bench.llama_server MODEL SLOTS CONTEXT_TOKENS THREADS`.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 120
HTTP_THREADS = 80
"""Each open connection holds one; by default there are ten, and the eleventh caller is not listened to."""
_HERE = "workers.bench.llama_server"


class PeerMissing(Exception):
    """A package that only comparing needs is not installed; the message says how to install it."""


@contextmanager
def llama_server(model: Path, slots: int, context_tokens: int, threads: int, log: Path) -> Iterator[str]:
    """Serve the GGUF file with `slots` parallel slots of `context_tokens` each; yield the address, without `/v1`.

    Raises PeerMissing, and RuntimeError with the end of its log where it does not start.
    """
    if find_spec("xllamacpp") is None:
        raise PeerMissing("llama.cpp's server is not installed: pip install -e '.[test]'")
    command = [sys.executable, "-m", _HERE, str(model), str(slots), str(context_tokens), str(threads)]
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.PIPE, text=True)  # noqa: S603 - our own module
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            address = next((line for line in process.stdout if line.startswith("http")), "").strip()
            watchdog.cancel()
            if not address:
                raise RuntimeError(f"llama.cpp's server did not start: {log.read_text(errors='replace')[-500:]}")
            yield address
        finally:
            watchdog.cancel()
            process.kill()  # It holds no state, and its own shutdown waits for answers that nobody reads.
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _serve(model: str, slots: int, context_tokens: int, threads: int) -> None:
    import xllamacpp  # noqa: PLC0415 - only the child loads it

    parameters: Any = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_parallel, parameters.n_ctx = slots, slots * context_tokens
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.n_threads_http = HTTP_THREADS
    parameters.port = 0
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C at the bench is the bench's; our end comes from there.
    sys.stdin.read()  # Until whoever started us is gone.


if __name__ == "__main__":
    _serve(sys.argv[1], *(int(number) for number in sys.argv[2:5]))
