"""Tools behind a shop's own service: `POST {base}/tools/{name}`, as docs/tool-service.openapi.yaml has it.

Makes nothing happen at most once by itself: it passes the Idempotency-Key on, and the service keeps that promise.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from policies import ToolName
from services.adapters.http_json import Answer, exchange
from services.adapters.patience import CircuitOpen, Persistent, TryAgain
from services.domain.actions import ToolCall
from services.ports import ToolCase, ToolRefused, ToolUnavailable


class HttpTools:
    """Sends each call with its key. Repeating is safe, so slow and broken connections are tried again."""

    def __init__(self, client: httpx.Client, persistent: Persistent | None = None) -> None:
        self._client = client
        self._persistent = persistent or Persistent()

    def execute(self, call: ToolCall, idempotency_key: str, case: ToolCase) -> Mapping[str, Any]:
        """Return what the service answers. Raises ToolRefused (4xx) and ToolUnavailable (outcome unknown)."""
        if call.name not in set(ToolName):
            raise ToolRefused(f"there is no tool named {call.name!r}; there are: {', '.join(ToolName)}")
        body = {
            "shop_id": case.shop_id,
            "return_id": case.return_id,
            "customer_email": case.customer_email,
            "arguments": dict(call.arguments),
        }
        headers = {"Idempotency-Key": idempotency_key}
        try:
            answer = self._persistent.call(
                lambda seconds: exchange(
                    self._client, "POST", f"tools/{call.name}", seconds, body=body, headers=headers
                )
            )
        except (TryAgain, CircuitOpen) as error:
            raise ToolUnavailable(f"tool service {self._client.base_url}: {error}") from error
        return self._understood(answer, call)

    def _understood(self, answer: Answer, call: ToolCall) -> Mapping[str, Any]:
        service = f"tool service {self._client.base_url}"
        if answer.status == 409:
            raise ToolUnavailable(f"{service}: a call with this key is still running")
        if answer.status in {401, 403}:
            # No refusal of this call: once the token is right, the same call may succeed.
            raise ToolUnavailable(f"{service} refuses our credentials; check TOOL_PROVIDER_TOKEN")
        if 400 <= answer.status < 500:
            raise ToolRefused(f"{service} refused {call.name}: {_detail(answer)}")
        if answer.status not in {200, 201} or not isinstance(answer.body, dict):
            # It may well have happened. The same key, asked again, can tell.
            what = "a body that is no JSON object" if answer.status in {200, 201} else f"{answer.status}"
            raise ToolUnavailable(f"{service} answered with {what}")
        return answer.body


def _detail(answer: Answer) -> str:
    """Read the reason from problem+json, where there is one."""
    if isinstance(answer.body, dict):
        for field in ("detail", "title", "message"):
            said = answer.body.get(field)
            if isinstance(said, str) and said:
                return said[:300]
    return f"it answered {answer.status}"
