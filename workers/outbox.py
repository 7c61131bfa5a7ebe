"""The relay: tells the broker of new jobs that the API's own poke did not reach, once they are committed.

A crash between telling and noting tells twice, which is harmless. Webhooks read their own part of the outbox.
"""

from infra.queue import TaskName
from services.store.jobs import ready_among
from services.store.outbox import JOB_READY, mark_sent, unsent
from workers.app import task
from workers.wiring import Desk, desk

BATCH = 200


@task(TaskName.RELAY)
def relay() -> int:
    """Relay once; return how many messages were dealt with."""
    return relay_jobs(desk())


def relay_jobs(parts: Desk) -> int:
    """Tell the broker of each new job that still waits. While the broker is down the messages stay where they are."""
    with parts.sessions() as session:
        messages = unsent(session, JOB_READY, BATCH)
        waiting = ready_among(session, [message.subject_id for message in messages])
    heard = [
        message.id
        for message in messages
        if message.subject_id not in waiting or parts.poker.poke(waiting[message.subject_id], message.subject_id)
    ]
    with parts.sessions() as session:
        mark_sent(session, heard)
    return len(heard)
