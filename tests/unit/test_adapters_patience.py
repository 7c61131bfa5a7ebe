import threading

import pytest

from services.adapters.patience import CircuitBreaker, CircuitOpen, Patience, Persistent, TryAgain


class Hands:
    """Time that moves only when told, and attempts that fail as scripted."""

    def __init__(self, *failures: Exception | None) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.script = list(failures)
        self.seen: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def attempt(self, remaining: float) -> str:
        self.seen.append(remaining)
        failure = self.script.pop(0)
        if failure is not None:
            raise failure
        return "answer"

    def persistent(self, draw: float = 1.0, **bounds: float) -> Persistent:
        breaker = CircuitBreaker(failures=2, rest_seconds=10, monotonic=lambda: self.now)
        return Persistent(breaker, Patience(**bounds), lambda: self.now, self.sleep, lambda: draw)


def test_a_passing_failure_is_tried_again_with_waits_that_double():
    hands = Hands(TryAgain("a"), TryAgain("b"), None)
    assert hands.persistent(first_wait_seconds=0.1).call(hands.attempt) == "answer"
    assert hands.slept == [0.1, 0.2]


def test_each_wait_is_drawn_between_zero_and_its_bound():
    hands = Hands(TryAgain("a"), TryAgain("b"), None)
    hands.persistent(draw=0.25, first_wait_seconds=0.4).call(hands.attempt)
    assert hands.slept == [0.1, 0.2]


def test_waits_are_bounded():
    hands = Hands(*[TryAgain("a")] * 9, None)
    hands.persistent(attempts=10, deadline_seconds=100, longest_wait_seconds=2).call(hands.attempt)
    assert max(hands.slept) == 2


def test_attempts_are_bounded_and_the_last_failure_is_told():
    hands = Hands(TryAgain("a"), TryAgain("b"), TryAgain("the last"))
    with pytest.raises(TryAgain, match="the last"):
        hands.persistent(attempts=3).call(hands.attempt)


def test_the_other_sides_wish_is_followed_inside_the_deadline():
    hands = Hands(TryAgain("busy", after_seconds=3), None)
    hands.persistent(deadline_seconds=5).call(hands.attempt)
    assert hands.slept == [3]
    assert hands.seen == [5, 2]


def test_a_wish_beyond_the_deadline_ends_the_call_at_once():
    hands = Hands(TryAgain("busy", after_seconds=60), None)
    with pytest.raises(TryAgain, match="busy"):
        hands.persistent(deadline_seconds=5).call(hands.attempt)
    assert hands.slept == []


def test_after_failures_in_a_row_nobody_calls_until_it_has_rested_and_then_one_tries():
    hands = Hands(*[TryAgain("down")] * 3, None, None)
    persistent = hands.persistent(attempts=1)
    for _ in range(2):
        with pytest.raises(TryAgain):
            persistent.call(hands.attempt)
    with pytest.raises(CircuitOpen, match="after 2 failures; next try in 10 s"):
        persistent.call(hands.attempt)
    assert len(hands.seen) == 2
    hands.now += 10
    with pytest.raises(TryAgain):
        persistent.call(hands.attempt)  # the probe fails, and the rest begins anew
    with pytest.raises(CircuitOpen):
        persistent.call(hands.attempt)
    hands.now += 10
    assert persistent.call(hands.attempt) == "answer"
    assert persistent.call(hands.attempt) == "answer"


def test_while_one_probes_the_others_wait():
    breaker = CircuitBreaker(failures=1, rest_seconds=10, monotonic=lambda: now[0])
    now = [0.0]
    breaker.failed()
    now[0] = 10.0
    let_through = []

    def ask() -> None:
        try:
            breaker.before()
        except CircuitOpen:
            return
        let_through.append(1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_through) == 1


def test_an_answer_that_is_a_refusal_shows_that_the_other_side_lives():
    hands = Hands(TryAgain("down"), LookupError("no such order"), TryAgain("down"), None)
    persistent = hands.persistent(attempts=1)
    for expected in (TryAgain, LookupError, TryAgain):
        with pytest.raises(expected):
            persistent.call(hands.attempt)
    assert persistent.call(hands.attempt) == "answer"
