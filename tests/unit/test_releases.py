"""What may be promoted, and where a rollback leads."""

from datetime import UTC, datetime

import pytest

from services.domain.releases import (
    Alias,
    CheckpointName,
    GateSaid,
    NotReleased,
    Release,
    ReleaseKind,
    allow_promotion,
    rollback_target,
)

A, B, C = (CheckpointName(letter * 64, f"v-{letter}") for letter in "abc")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def champions(*moves):
    """Return the history, newest first, of moves (kind, to, instead of)."""
    made = [
        Release(number, Alias.CHAMPION, kind, to, before, 0.0, 0.0, "kim", "why", None, False, {}, NOW)
        for number, (kind, to, before) in enumerate(moves, 1)
    ]
    return made[::-1]


FIRST, P, R = ReleaseKind.INITIAL, ReleaseKind.PROMOTE, ReleaseKind.ROLLBACK


@pytest.mark.parametrize(
    ("moves", "target", "why"),
    [
        ([(FIRST, A, None), (P, B, A)], A, "the release before"),
        ([(P, B, A)], A, "what ships with the code, although no row says so"),
        ([(FIRST, A, None), (P, B, A), (P, C, B)], B, "one step, not to the beginning"),
        ([(FIRST, A, None), (P, B, A), (P, C, B), (R, B, C)], A, "twice goes back two, never forth to what was bad"),
        ([(FIRST, A, None), (P, B, A), (R, A, B), (P, C, A)], A, "what was rolled away from is skipped"),
        ([(FIRST, A, None), (P, B, A), (P, C, B), (R, A, C), (P, C, A)], A, "a rollback over two steps drops both"),
    ],
)
def test_a_rollback_leads_to_the_release_before(moves, target, why):
    assert rollback_target(champions(*moves)) == target, why


@pytest.mark.parametrize("moves", [[], [(FIRST, A, None)], [(FIRST, A, None), (P, B, A), (R, A, B)]])
def test_there_is_nothing_before_the_first_release(moves):
    with pytest.raises(NotReleased, match=r"nothing|none before"):
        rollback_target(champions(*moves))


SHIP, BLOCK = GateSaid("5" * 64, "ship", ()), GateSaid("6" * 64, "block", ("wrong approvals went up",))


@pytest.mark.parametrize(
    ("gate", "override", "required", "allowed", "says"),
    [
        (SHIP, False, True, True, None),
        (BLOCK, False, False, False, "wrong approvals went up"),
        (BLOCK, True, True, True, "against the gate's BLOCK"),
        (None, False, True, False, "returns-desk gate --candidate bbbbbbbbbbbb"),
        (None, False, False, True, "no gate report"),
        (None, True, True, True, "no gate report"),
    ],
)
def test_the_gate_decides_on_a_promotion(gate, override, required, allowed, says):
    def ask():
        return allow_promotion(B, gate, champions((FIRST, A, None)), override=override, gate_required=required)

    if allowed:
        warning = ask()
        assert warning == says or says in warning
    else:
        with pytest.raises(NotReleased, match=says):
            ask()


def test_a_former_champion_may_return_without_the_gate():
    history = champions((FIRST, A, None), (P, B, A))
    assert allow_promotion(A, BLOCK, history, override=False, gate_required=True) is None
