"""Watches the desk: evaluates the alert rules each minute and tells people of what is new, by webhook and e-mail.

When to ring is `domain.alerts`. Every message is a row first, so that a crash loses none and sends none twice at once.
"""

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from infra.logs import get_logger
from infra.queue import TaskName
from infra.settings import Settings
from services.adapters.mail import Letter, Mailbox
from services.adapters.webhooks import guard_of, headers, next_attempt_at, send
from services.ports import Clock, ToolRefused, ToolUnavailable
from services.store.alerts import Notice, Recipient, claim_notices, evaluate, limits_of, record_notice
from services.store.sessions import Sessions
from services.store.tables import AlertRow
from workers.app import task
from workers.wiring import desk, make_mailbox

log = get_logger(__name__)

AT_ONCE = 4
LEASE = timedelta(seconds=60)


def recipients_of(settings: Settings) -> Sequence[Recipient]:
    """Return whom an alert reaches by the settings; nobody, and the operators' page alone shows it."""
    hooks = [Recipient("webhook", urlsplit(settings.alert_webhook_url).netloc)] if settings.alert_webhook_url else []
    return [*hooks, *(Recipient("mail", address) for address in settings.alert_mail_to.split(",") if address)]


class Watch:
    """Evaluates, and sends from threads of its own: a slow receiver keeps the sweeper from nothing."""

    def __init__(self, opener: Sessions, settings: Settings, clock: Clock, mailbox: Mailbox) -> None:
        self._sessions = opener
        self._settings = settings
        self._clock = clock
        self._mailbox = mailbox
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alert")

    def round(self) -> Sequence[Future[None]]:
        """Evaluate once, then start every message that is due; return what was started."""
        with self._sessions() as session:
            raised = evaluate(session, limits_of(self._settings), recipients_of(self._settings), self._clock.now())
        if raised:
            log.warning("alerts raised", alerts=list(raised))
        with self._sessions() as session:
            due = claim_notices(session, LEASE + timedelta(seconds=self._settings.webhook_timeout_seconds))
        return [self._threads.submit(self._tell, notice) for notice in due]

    def close(self) -> None:
        """Wait for what is in flight and take no more."""
        self._threads.shutdown()

    def _tell(self, notice: Notice) -> None:
        """Make one attempt and record it."""
        error, again = self._by_mail(notice) if notice.channel == "mail" else self._by_webhook(notice)
        now = self._clock.now()
        limit = self._settings.webhook_max_attempts
        next_at = next_attempt_at(notice.attempts + 1, now, limit) if error is not None and again else None
        with self._sessions() as session:
            record_notice(session, notice, error, next_at, now)
        if error is not None:
            log.warning("alert not delivered", alert_id=notice.alert.id, channel=notice.channel, error=error)

    def _by_webhook(self, notice: Notice) -> tuple[str | None, bool]:
        url, secret = self._settings.alert_webhook_url, self._settings.alert_webhook_secret
        if url is None or secret is None:
            return "ALERT_WEBHOOK_URL is no longer set", False
        body = json.dumps(self._payload(notice.alert), ensure_ascii=False, separators=(",", ":")).encode()
        signed = headers([secret.get_secret_value()], notice.id, self._clock.now(), body)
        # The operator wrote this address, not a shop: it may lie inside the own network.
        guard = guard_of(self._settings)._replace(allow_private=True, allow_loopback=True)
        attempt = send(guard, url, body, signed, self._settings.webhook_timeout_seconds)
        return (None if attempt.delivered else attempt.error or "not taken"), not attempt.gone

    def _by_mail(self, notice: Notice) -> tuple[str | None, bool]:
        alert = notice.alert
        body = f"{alert.said}\n\nSeen first at {alert.raised_at:%Y-%m-%d %H:%M} UTC. All alerts: {self._page()}\n"
        subject = f"[Returns Desk] {alert.kind.replace('_', ' ')}: {alert.subject}"
        try:
            self._mailbox.send(Letter(f"alert:{notice.id}", notice.recipient, subject, body), self._clock.now())
        except ToolRefused as error:
            return str(error), False
        except ToolUnavailable as error:
            return str(error), True
        return None, False

    def _payload(self, alert: AlertRow) -> dict[str, object]:
        data = {"alert_id": alert.id, "kind": alert.kind, "subject": alert.subject, "said": alert.said}
        return {
            "type": "alert.raised",
            "timestamp": alert.raised_at.isoformat(),
            "data": {**data, "detail": alert.detail, "url": self._page()},
        }

    def _page(self) -> str:
        return f"{self._settings.base_url}/ops/alerts"


@lru_cache(maxsize=1)
def watch() -> Watch:
    """Return the watch of this process; made after the worker forked, since threads do not survive a fork."""
    parts = desk()
    return Watch(parts.sessions, parts.settings, parts.clock, make_mailbox(parts.settings))


@task(TaskName.ALERTS)
def watch_the_desk() -> int:
    """Evaluate the rules and start what is due; return how many messages were started."""
    return len(watch().round())
