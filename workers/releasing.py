"""Moves the aliases for whoever asks: the command line, the night, the operator's page. One way for all of them.

A checkpoint is checked file by file before an alias points to it. The rules are `domain.releases`', the rows the
store's; that workers follow is `rollout`'s doing.
"""

from dataclasses import dataclass

from infra.settings import Environment, Settings
from services.domain.releases import Alias, CheckpointName, NotReleased, Release, ReleaseKind, Rollout
from services.inference.cards import CheckpointError
from services.ports import Clock
from services.store import releases
from services.store.releases import Promoted, Signed
from services.store.sessions import Sessions
from workers.checkpoints import named, note_champion, shipped_reference


@dataclass(frozen=True)
class Releasing:
    """The verbs of a release. Each raises NotReleased with one line that says why and what to do."""

    settings: Settings
    sessions: Sessions
    clock: Clock

    def champion(self) -> CheckpointName:
        """Return what answers customers: the newest release, else what ships with the code."""
        return self.shown().champion

    def shown(self) -> "Shown":
        """Return where the aliases point, with the champion named also where nothing was recorded yet."""
        with self.sessions() as session:
            found = releases.rollout(session)
        at_work = found.champion.checkpoint if found.champion else None
        return Shown(at_work or self._shipped(), found)

    def promote(self, reference: str, who: str, why: str, *, override_gate: bool = False) -> Promoted:
        """Make a checkpoint the champion. The gate's newest report on it decides whether it may be."""
        wanted, shipped = self._wanted(reference), self._shipped()
        with self.sessions() as session:
            promoted = releases.promote(
                session,
                wanted,
                shipped,
                self._signed(who, why),
                override_gate=override_gate,
                gate_required=self.settings.environment is Environment.PRODUCTION,
            )
        note_champion(self.settings, wanted.digest)
        return promoted

    def rollback(self, who: str, why: str, to: str | None = None) -> Release:
        """Release the champion before the present one again, or `to`."""
        target = self._wanted(to) if to else None
        with self.sessions() as session:
            release = releases.rollback(session, self._shipped(), self._signed(who, why), target)
            if release.checkpoint is not None:
                # Within the transaction: an alias never comes to point to what this desk cannot load.
                self._check(release.checkpoint)
        note_champion(self.settings, release.checkpoint.digest if release.checkpoint else None)
        return release

    def shadow(self, reference: str, share: float, who: str, why: str) -> Release:
        """Let a candidate decide `share` of live returns beside the champion; nothing of it leaves."""
        wanted = self._wanted(reference)
        with self.sessions() as session:
            return releases.stage(session, wanted, self._shipped(), self._signed(who, why), shadow_share=share)

    def canary(self, reference: str, share: float, who: str, why: str, shadow_share: float = 0.0) -> Release:
        """Let a candidate answer `share` of live returns, and look at `shadow_share` of the others."""
        wanted = self._wanted(reference)
        with self.sessions() as session:
            return releases.stage(
                session, wanted, self._shipped(), self._signed(who, why), share=share, shadow_share=shadow_share
            )

    def withdraw(self, who: str, why: str) -> Release:
        """Leave the desk without a candidate."""
        with self.sessions() as session:
            return releases.withdraw(session, self._signed(who, why))

    def note_initial(self) -> CheckpointName | None:
        """Record the release that ships with the code; return it where that was new."""
        shipped = self._shipped()
        with self.sessions() as session:
            return shipped if releases.note_initial(session, shipped, self.clock.now()) else None

    def _wanted(self, reference: str) -> CheckpointName:
        """Return the checkpoint that a reference or an alias names, checked file by file."""
        if reference in set(Alias):
            with self.sessions() as session:
                found = releases.rollout(session)
            release = found.champion if reference == Alias.CHAMPION.value else found.candidate
            if release is None or release.checkpoint is None:
                if reference == Alias.CANDIDATE.value:
                    raise NotReleased("there is no candidate; `returns-desk release shadow REF` names one")
                return self._shipped()
            reference = release.checkpoint.digest
        try:
            return named(self.settings, reference, whole=True)
        except CheckpointError as error:
            raise NotReleased(str(error)) from error

    def _check(self, checkpoint: CheckpointName) -> None:
        try:
            named(self.settings, checkpoint.digest, whole=True)
        except CheckpointError as error:
            raise NotReleased(f"{error}; name another one with --to") from error

    def _shipped(self) -> CheckpointName:
        try:
            return named(self.settings, shipped_reference())
        except CheckpointError as error:
            raise NotReleased(f"the release that ships with the code cannot be read: {error}") from error

    def _signed(self, who: str, why: str) -> Signed:
        if not who.strip():
            raise NotReleased("who: name whoever releases")
        if not why.strip():
            raise NotReleased("why: give the reason; it stands in the history and in the audit log")
        return Signed(who.strip(), why.strip(), self.clock.now())


@dataclass(frozen=True)
class Shown:
    """`champion` is what answers customers; `rollout` what was recorded."""

    champion: CheckpointName
    rollout: Rollout

    @property
    def initial(self) -> bool:
        """Tell whether the champion is still what ships with the code."""
        release = self.rollout.champion
        return release is None or release.kind is ReleaseKind.INITIAL
