"""A day at the sample shop, over HTTP as people have it: customers submit, reviewers log in, take items and label them.

    python -m tests.support.scripted_day --labels 60           # on the desk of this folder's settings
    python -m tests.support.scripted_day --requests 0          # label what waits already
    python -m tests.support.scripted_day --keep-submitting 300 # only customers, for so many seconds

Touches neither database nor code of the product. What is right for a request is `scripted_customers`' business, how
reviewers use the pages `scripted_reviewers`'. Try it on a desk of your own only: the sample shop's people do not exist.
"""

import argparse
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator

import httpx

from infra.run_state import RunState
from infra.settings import get_settings
from tests.support.scripted_customers import Case, cases
from tests.support.scripted_reviewers import Known, Reviewer

PEOPLE = ("ada", "bo", "cy")
SECONDS_BETWEEN_LOOKS = 5.0
ACCEPTED = 202
AT_REST = frozenset({"closed", "in_review"})


def _shop(url: str) -> httpx.Client:
    key = (get_settings().var_dir / "development_key").read_text().strip()
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def submit(url: str, wanted: list[Case], *, every: float = 0.0) -> Iterator[tuple[Case, httpx.Response]]:
    """Submit the cases as the sample shop, with the key that `returns-desk up` made for it."""
    with _shop(url) as client:
        for case in wanted:
            headers = {"Idempotency-Key": secrets.token_urlsafe(24)}
            yield case, client.post("/v1/returns", json=case.body, headers=headers)
            time.sleep(every)


def label(url: str, wanted: int, known: Known, most_seconds: float) -> Counter:
    """Let three people answer in turn until `wanted` labels that train are given, or the time is over."""
    people = [Reviewer(url, name) for name in PEOPLE]
    total, deadline = Counter(), time.monotonic() + most_seconds
    while (
        sum(total[kind] for kind in ("approve", "correct", "prefer", "reject")) < wanted and time.monotonic() < deadline
    ):
        did = [person.answer_one(known) for person in people]
        total.update(one for one in did if one)
        if any(did):
            print(json.dumps(total), flush=True)
        else:
            time.sleep(SECONDS_BETWEEN_LOOKS)
    for person in people:
        print(person.name, dict(person.given), flush=True)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the desk; default is this folder's")
    parser.add_argument("--requests", type=int, default=180, help="how many customers write (default 180)")
    parser.add_argument("--labels", type=int, default=60, help="how many labels to give (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="which words customers use")
    parser.add_argument("--keep-submitting", type=float, default=0.0, metavar="SECONDS", help="only customers")
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="pause between such customers")
    parser.add_argument("--most-seconds", type=float, default=1_800, help="how long to wait for items")
    asked = parser.parse_args()
    state = RunState(get_settings().var_dir).read()
    url = asked.url or (state.url if state else "")
    if not url:
        sys.exit("scripted_day: no desk runs on this folder's state: start one with `make run`, or name one with --url")
    written = cases(asked.seed)
    if asked.keep_submitting:
        _keep_submitting(url, written, asked.keep_submitting, asked.every)
        return
    statuses = Counter(response.status_code for _, response in submit(url, written[: asked.requests]))
    print(f"submitted: {dict(statuses)}", flush=True)
    if asked.labels:
        print(
            dict(
                label(url, asked.labels, {(case.order_id, case.message): case for case in written}, asked.most_seconds)
            )
        )


def _keep_submitting(url: str, written: list[Case], seconds: float, every: float) -> None:
    """Submit without end, then wait for the outcomes; print which checkpoint each trace names, in order of arrival."""
    started, sent, statuses = time.monotonic(), [], Counter()
    while time.monotonic() - started < seconds:
        for _, response in submit(url, written, every=every):
            statuses[response.status_code] += 1
            if response.status_code == ACCEPTED:
                sent.append(response.json()["id"])
            if time.monotonic() - started > seconds:
                break
    print(json.dumps({"answered": statuses}), flush=True)
    with _shop(url) as shop:
        by = Counter()
        for return_id in sent:
            outcome = _outcome_of(shop, return_id)
            by[outcome["checkpoint"]] += 1
            shown = {
                name: outcome[name] for name in ("received_at", "order_id", "status", "review_reason", "checkpoint")
            }
            print(json.dumps(shown), flush=True)
    print(json.dumps({"returns": len(sent), "decided by": by}), flush=True)


def _outcome_of(shop: httpx.Client, return_id: str) -> dict:
    while True:
        found = shop.get(f"/v1/returns/{return_id}").raise_for_status().json()
        if found["status"] in AT_REST:
            return found
        time.sleep(SECONDS_BETWEEN_LOOKS)


if __name__ == "__main__":
    main()
