"""What follows from the readings of several clauses: the outcome, and the clause that governs it.

Pure logic over readings, whoever made them: the checkpoint, a person, or the author of training data.
"""

from collections.abc import Sequence

from policies.vocabulary import Reason, Truth
from services.domain.decision import ClauseReading, Outcome

FAULTS = frozenset(Reason) - {Reason.CHANGE_OF_MIND, Reason.UNCLEAR, Reason.LATE_DELIVERY}
"""Reasons that are the shop's own fault: against these, a clause that forbids is not simply applied."""


def weigh(readings: Sequence[ClauseReading], reason: Reason) -> tuple[Outcome, ClauseReading | None]:
    """Return the outcome and the governing reading; without a clause that grants or forbids, review and None.

    A ban whose condition fails refuses a change of mind; against a fault of the shop it collides with the grant, and
    a person decides. A ban that cannot be settled holds back what is granted. Among grants, one that is met wins.
    """
    grants = [one for one in readings if not one.forbids]
    bans = [one for one in readings if one.forbids]
    granted = next((one for one in grants if one.result is Truth.YES), None)
    unsure = next((one for one in grants if one.result is Truth.UNKNOWN), None)
    banned = next((one for one in bans if one.result is Truth.NO), None)
    if banned:
        if reason in FAULTS and (granted or unsure):
            return Outcome.REVIEW, granted or unsure
        return Outcome.NOT_ELIGIBLE, banned
    open_ban = next((one for one in bans if one.result is Truth.UNKNOWN), None)
    if granted:
        return (Outcome.REVIEW, open_ban) if open_ban else (Outcome.ELIGIBLE, granted)
    if unsure:
        return Outcome.REVIEW, unsure
    if grants:
        return Outcome.NOT_ELIGIBLE, grants[0]
    return Outcome.REVIEW, None
