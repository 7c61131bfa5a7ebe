"""Releases at work in a triage worker: follows both aliases from batch to batch, a candidate beside the champion.

A candidate can neither stop the desk nor lose a request: where it fails, the champion answers in its place and the
failure is put on record. Moving aliases is `releasing`'s business, ruling on a canary the watch's.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import OperationalError

from infra.logs import get_logger
from infra.settings import Settings
from services.domain.actions import ToolAction
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.releases import Release, ReleaseKind, Rollout
from services.domain.review import drawn
from services.flows.shadow import CandidateFailed
from services.ports import Clock, Decided, Decider, Replied
from services.store.candidate_runs import ask_for_shadow, note_canary_failure
from services.store.releases import rollout
from services.store.sessions import Sessions
from workers.app import guarded
from workers.checkpoints import champion, note_champion
from workers.released import CheckpointUnusable

log = get_logger(__name__)


class ReleaseWatch:
    """Where the aliases point at this moment; what was last known, while the database does not answer."""

    def __init__(self, settings: Settings, opener: Sessions) -> None:
        self._settings, self._sessions = settings, opener
        self._known: Rollout | None = None
        self._noted: str | None = None

    def look(self) -> Rollout:
        """Return both aliases."""
        try:
            with self._sessions() as session:
                self._known = rollout(session)
        except OperationalError:
            log.warning("the database does not answer; what was released last goes on")
        return self._known or Rollout(None, None)

    def champion(self) -> str:
        """Return the reference of the champion: CHECKPOINT_ID where set, which no release overrides."""
        if self._settings.checkpoint_id:
            return self._settings.checkpoint_id
        release = self.look().champion
        if release is None or release.checkpoint is None:
            if self._known is not None:
                self._note(None)
            return champion(self._settings)
        self._note(None if release.kind is ReleaseKind.INITIAL else release.checkpoint.digest)
        return release.checkpoint.digest

    def _note(self, digest: str | None) -> None:
        """Tell commands on this machine, once a change."""
        key = digest or ""
        if key != self._noted:
            note_champion(self._settings, digest)
            self._noted = key


@dataclass
class Candidate:
    """The checkpoint of the candidate alias, loaded when it is first needed and let go when it is withdrawn."""

    load: Callable[[str], Decider]
    _reference: str | None = None
    _decider: Decider | None = None
    _unusable: str | None = None

    def of(self, release: Release) -> Decider:
        """Return the release's checkpoint at work. Raises CandidateFailed where it cannot be loaded."""
        wanted = release.checkpoint.digest if release.checkpoint else ""
        if wanted != self._reference:
            self.let_go()
            self._reference = wanted
            decider, error = guarded(lambda: self.load(wanted))
            self._decider, self._unusable = decider, str(error) if error else None
        if self._decider is None:
            raise CandidateFailed(f"it cannot be loaded: {self._unusable}")
        return self._decider

    def let_go(self) -> None:
        self._reference = self._decider = self._unusable = None


class Guarded:
    """A Decider whose every error is a CandidateFailed, for the shadow."""

    def __init__(self, inner: Decider) -> None:
        self._inner = inner

    @property
    def checkpoint_id(self) -> str:
        return self._inner.checkpoint_id

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        decided, error = guarded(lambda: self._inner.decide(evidence))
        if decided is None:
            raise CandidateFailed(_said(error)) from error
        return decided

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        replied, error = guarded(lambda: self._inner.reply(cases))
        if replied is None:
            raise CandidateFailed(_said(error)) from error
        return replied


class WithFallback:
    """A canary's Decider for one batch: the candidate, and the champion from where it fails on.

    Each trace names who decided.
    """

    def __init__(self, candidate: Decider, champion_: Decider, failed: Callable[[str], None]) -> None:
        self._at_work: Decider = Guarded(candidate)
        self._champion, self._failed = champion_, failed

    @property
    def checkpoint_id(self) -> str:
        return self._at_work.checkpoint_id

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        try:
            return self._at_work.decide(evidence)
        except CandidateFailed as error:
            return self._instead(error).decide(evidence)

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        try:
            return self._at_work.reply(cases)
        except CandidateFailed as error:
            return self._instead(error).reply(cases)

    def _instead(self, error: CandidateFailed) -> Decider:
        self._failed(str(error))
        self._at_work = self._champion
        return self._champion


@dataclass
class BesideChampion:
    """Implements `flows.triage.Beside` with the candidate of this moment."""

    watch: ReleaseWatch
    champion: Decider
    candidate: Candidate
    sessions: Sessions
    clock: Clock
    _release: Release | None = field(default=None)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def canary(self, return_ids: Sequence[str]) -> Mapping[str, Decider]:
        """Return the candidate for the returns that fall to its share; the same return always falls alike."""
        with self._looking:  # Returns are under way on several threads; the candidate is loaded once.
            return self._canary(return_ids)

    def _canary(self, return_ids: Sequence[str]) -> Mapping[str, Decider]:
        self._release = release = self.watch.look().candidate
        if release is None:
            self.candidate.let_go()
            return {}
        chosen = [one for one in return_ids if drawn(one, f"canary:{_cited(release)}", release.share)]
        if not chosen:
            return {}
        try:
            decider = self.candidate.of(release)
        except CandidateFailed as error:
            self._note(release, chosen, str(error))
            return {}
        shared = WithFallback(decider, self.champion, lambda error: self._note(release, chosen, error))
        return dict.fromkeys(chosen, shared)

    def decided(self, return_ids: Sequence[str]) -> None:
        """Ask for the candidate's view of returns that the champion has decided, where it is in the shadow."""
        release = self._release
        if release is None or not release.shadow_share:
            return
        try:
            with self.sessions() as session:
                ask_for_shadow(session, release, return_ids, self.clock.now())
        except OperationalError:
            log.warning("the database does not answer; these returns have no shadow", returns=list(return_ids))

    def _note(self, release: Release, return_ids: Sequence[str], error: str) -> None:
        log.error("the canary failed; the champion answers", checkpoint=_cited(release), error=error)
        try:
            with self.sessions() as session:
                for return_id in return_ids:
                    note_canary_failure(session, release, return_id, error, self.clock.now())
        except OperationalError:
            log.warning("the database does not answer; the canary's failure is not on record")


def _cited(release: Release) -> str:
    return release.checkpoint.trace_id if release.checkpoint else ""


def _said(error: Exception | None) -> str:
    if isinstance(error, CheckpointUnusable):
        return str(error)
    first = str(error).splitlines()[0] if error is not None and str(error) else "no message"
    return f"{type(error).__name__}: {first}"
