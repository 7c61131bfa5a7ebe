"""What the benchmarks compare must be comparable: same cases, same weights, same constraints, and an honest table."""

import json
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from services.inference.base import locate_base
from services.inference.checkpoint import load_checkpoint
from services.inference.constrain import Grammars
from services.inference.device import Compute
from services.inference.engine import Engine
from services.inference.gguf import GGUFFile
from services.inference.request import GenerationRequest
from services.inference.steps import StepsConstraint
from tests.unit.inference_tiny import tiny_checkpoint
from workers.bench.cases import CLAUSES, bench_cases
from workers.bench.load import NothingAnswered, Timed, percentiles, under_load
from workers.bench.peers import LlamaClient, TransformersEngine, lean_schema
from workers.bench.plots import draw
from workers.bench.report import lines_of
from workers.bench.weights import _PACK, _pairs_together, write_hugging_face
from workers.commands.bench import why_failed

CPU = Compute(torch.device("cpu"), torch.float32)


def test_the_cases_are_the_same_each_time_share_clauses_and_no_order():
    cases = bench_cases(24)
    assert [case.digest for case in cases] == [case.digest for case in bench_cases(24)]
    assert len({case.digest for case in cases}) == 24
    assert all(len(case.policies) == CLAUSES for case in cases)
    assert len({tuple(policy.digest for policy in case.policies) for case in cases}) < 24
    assert not any(case.contradictions for case in cases)


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore")  # theirs, not ours
def test_transformers_in_our_engines_place_gives_our_answers(tmp_path):
    loaded = load_checkpoint(tiny_checkpoint(tmp_path, seed=4), [], CPU)
    tokenizer = loaded.tokenizer
    grammars = Grammars(tokenizer)
    lark = 'start: ("damaged" | "late")"\\n" ("yes" | "no"){1,3} " " ("A" | "B")?'
    steps = [("sure: ", (" yes", " no")), ("\nclause: ", ("A", "B", "A not B"))]
    constraints = [partial(grammars.compile, lark), partial(StepsConstraint, steps, tokenizer), None]
    requests = [
        GenerationRequest(tokenizer.encode(text), constraint=constraint, max_new_tokens=60)
        for text in ("it broke", "the wrong one came, may I send it back?")
        for constraint in constraints[:2]
    ]
    ours = Engine(loaded.model, tokenizer.stop_id).generate(requests)
    peer = TransformersEngine(write_hugging_face(loaded, tmp_path / "hf"), tokenizer.stop_id, tokenizer.pad_id)
    theirs = peer.generate(requests)
    assert [(one.ids, one.steps, one.error) for one in theirs] == [(one.ids, one.steps, one.error) for one in ours]


def test_a_gguf_file_written_again_from_its_own_weights_is_nearly_itself():
    base = GGUFFile(locate_base())
    for name in ("blk.0.attn_k.weight", "blk.3.ffn_norm.weight"):
        info, before = base.tensors[name], base.read(name)
        raw = _PACK[info.kind](before)
        begin = base.data_start + info.offset
        original = locate_base().read_bytes()[begin : begin + len(raw)]
        same = np.frombuffer(raw, np.uint8) == np.frombuffer(original, np.uint8)
        assert same.mean() > 0.97, name
    rows = np.arange(24, dtype=np.float32).reshape(8, 3)
    assert _pairs_together(rows, 2)[:4, 0].tolist() == [0, 6, 3, 9]


def test_the_peer_is_asked_for_the_shortest_answer_of_the_contract():
    schema = lean_schema(bench_cases(1)[0])
    assert "conditions" not in json.dumps(schema)
    assert schema["x-guidance"] == {"whitespace_flexible": False}


def test_a_load_is_timed_in_order_and_with_its_percentiles():
    row, answers = under_load(lambda case: Timed(1.0, case, 10, 5, case), [3, 1, 2, 4], 2)
    assert [one.answer for one in answers] == [3, 1, 2, 4]
    assert (row["decisions"], row["latency_p50_ms"], row["latency_p99_ms"]) == (4, 3, 4)
    assert percentiles("x", [5.0]) == {"x_p50_ms": 5.0, "x_p95_ms": 5.0, "x_p99_ms": 5.0}


def test_a_failed_request_is_counted_and_not_timed_and_a_run_of_failures_is_no_figure():
    ends = {
        1: Timed(5.0, 9.0, 10, 5, "yes"),
        2: Timed(0.0, 90.0, 0, 0, None, "closed"),
        3: Timed(7.0, 8.0, 12, 5, "no"),
    }
    row, answers = under_load(ends.__getitem__, [1, 2, 3], 1)
    assert (row["decisions"], row["failed"], row["latency_p99_ms"], row["prompt_tokens"]) == (2, 1, 9.0, 11.0)
    assert answers[1].failed == "closed"
    with pytest.raises(NothingAnswered, match="closed"):
        under_load(ends.__getitem__, [2], 1)


class _Closing(BaseHTTPRequestHandler):
    """A server that closes the connection on the first request of each message, or on all."""

    always, asked = False, 0

    def do_POST(self):
        type(self).asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.always or self.asked % 2:
            self.close_connection = True
            return
        self.send_response(200)
        self.end_headers()
        last = {"content": "{}", "stop": True, "stop_type": "eos", "tokens_evaluated": 3, "tokens_predicted": 1}
        self.wfile.write(f"data: {json.dumps(last)}\n\n".encode())

    def log_message(self, *_):
        pass


def test_a_peer_that_closes_the_connection_is_asked_once_more_and_then_counted_as_failed():
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Closing", (_Closing,), {}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        ask, case = LlamaClient(f"http://127.0.0.1:{server.server_port}"), bench_cases(1)[0]
        assert (ask(case).answer, ask(case).failed) == ({}, "")
        server.RequestHandlerClass.always = True
        given_up = ask(case)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "RemoteProtocolError" in given_up.failed
    assert server.RequestHandlerClass.asked == 6


def test_a_part_that_breaks_says_why_in_the_table():
    assert not why_failed([sys.executable, "-c", "import sys; print('busy', file=sys.stderr)"])
    assert why_failed([sys.executable, "-c", "raise MemoryError('no room')"]) == "exit 1: MemoryError: no room"


def _run(in_flight, rate, **more):
    times = {f"{what}_p{p}_ms": 100.0 for what in ("latency", "ttft") for p in (50, 95, 99)}
    return {"in_flight": in_flight, "decisions_per_s": rate, "output_tokens": 30, "failed": 0, **times, **more}


def test_the_table_and_the_plots_hold_what_ran_and_nothing_else(tmp_path):
    mine = {"gflop_per_s": 60.0, "matrix_share": 0.6}
    rate = {"gflop_per_s": 100.0, "rows": 256}
    report = {
        "when": "1 May 2026",
        "machine": "2 cores",
        "ours": {"runs": [_run(16, 4.0, **mine)], "matrix_rate": rate, "same_as_alone": ["16 of 16"]},
        "llama": {"runs": [_run(16, 0.5)]},
        "training": {"failed": "exit 1: no memory"},
    }
    text = "\n".join(lines_of(report))
    assert (
        "| decisions/s, best of each, against llama.cpp server, 8 slots, policies first seen | 4.00 | 0.50 | 8.0 | 8 |"
        in text
    )
    assert "transformers" not in text
    assert "TRL" not in text
    assert "Part `training` failed: exit 1: no memory" in text
    drawn = draw(report, tmp_path)
    assert [path.name for path in drawn] == ["decisions.svg", "latency.svg", "ttft.svg"]
    assert "llama.cpp" in drawn[0].read_text()
