"""What operators set in motion, as the pages see it: moving aliases, and making cases of failures. Decides nothing.

The parts themselves need checkpoints and policies, which only the composition root knows: it hands in a function.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, Protocol

from fastapi import Depends, Request

from infra.settings import Settings
from review_ui.access import reads, writes
from review_ui.parts import parts_of
from services.domain.releases import CheckpointName, Release
from services.domain.review import Ability
from services.store.accounts import LoggedIn
from services.store.sessions import Sessions


class Moves(Protocol):
    """Moves the aliases. Every verb raises `domain.releases.NotReleased` with one line for the person who asked."""

    def champion(self) -> CheckpointName: ...

    def promote(self, reference: str, who: str, why: str, *, override_gate: bool = False) -> Any: ...

    def rollback(self, who: str, why: str, to: str | None = None) -> Release: ...

    def shadow(self, reference: str, share: float, who: str, why: str) -> Release: ...

    def canary(self, reference: str, share: float, who: str, why: str, shadow_share: float = 0.0) -> Release: ...

    def withdraw(self, who: str, why: str) -> Release: ...


class Failures(Protocol):
    """Ends open failures. Every verb raises `store.failures.NotAFailure` with one line for the person who asked."""

    def regress(self, failure_id: str, who: str) -> Any: ...

    def dismiss(self, failure_id: str, who: str, why: str) -> Any: ...


class Operations(NamedTuple):
    moves: Moves
    failures: Failures


MakeOperations = Callable[[Settings, Sessions], Operations]
Operator = Annotated[LoggedIn, Depends(reads(Ability.SEE_OPERATIONS))]
Operating = Annotated[LoggedIn, Depends(writes(Ability.OPERATE))]


def operations_of(request: Request) -> Operations:
    """Return the verbs of this process, built when they are first needed."""
    state = request.app.state
    found: Operations | None = getattr(state, "operations", None)
    if found is None:
        parts = parts_of(request)
        found = state.make_operations(parts.settings, parts.sessions)
        state.operations = found
    return found
