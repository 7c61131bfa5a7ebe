"""The released checkpoint at work: follows the champion from one batch to the next, without a restart.

Which checkpoint is released is `checkpoints`' and the registry's business; deciding is the checkpoint's own.
"""

import threading
from collections.abc import Callable, Sequence

from infra.logs import get_logger
from services.domain.actions import ToolAction
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.ports import Decided, Decider, Replied, SampledDecider

log = get_logger(__name__)


class CheckpointUnusable(Exception):
    """The checkpoint cannot be loaded; the message is one clear line."""


class ReleasedDecider:
    """Implements `ports.Decider` with whatever is released when a batch begins.

    A batch is decided and answered by one checkpoint; several threads may each have a batch under way, and one that
    began before a release ends with the checkpoint it began with. A new champion that cannot be loaded is said once,
    and the one at work goes on: a broken release must not stop the desk.
    """

    def __init__(self, champion: Callable[[], str], load: Callable[[str], Decider]) -> None:
        self._champion = champion
        self._load = load
        self._reference = champion()
        self._unusable: str | None = None
        self._decider = load(self._reference)
        self._following = threading.Lock()
        self._of_this_thread = threading.local()

    @property
    def checkpoint_id(self) -> str:
        return self._decider.checkpoint_id

    def sampled(self, temperature: float, seed: int) -> Decider:
        """Return the checkpoint at work drawing by chance, for a second answer; as it is where it cannot."""
        inner = self._decider
        return inner.sampled(temperature, seed) if isinstance(inner, SampledDecider) else inner

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        """Decide every case of the batch with the champion of this moment."""
        with self._following:
            self._follow()
            self._of_this_thread.decider = self._decider
        return self._at_work().decide(evidence)

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        """Write the replies with the checkpoint that decided, in this thread."""
        return self._at_work().reply(cases)

    def _at_work(self) -> Decider:
        decider: Decider = getattr(self._of_this_thread, "decider", self._decider)
        return decider

    def _follow(self) -> None:
        wanted = self._champion()
        if wanted in {self._reference, self._unusable}:
            return
        try:
            self._decider = self._load(wanted)
        except CheckpointUnusable as error:
            self._unusable = wanted
            log.error(  # noqa: TRY400 - the line says all; a stack would hide it
                "the new champion cannot be loaded; the one before goes on", wanted=wanted, error=str(error)
            )
            return
        log.info("follow the new champion", before=self._reference, now=wanted)
        self._reference, self._unusable = wanted, None
