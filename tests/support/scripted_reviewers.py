"""Reviewers of a scripted day: they log in, read the pages and post their forms, as a browser without JavaScript does.

Not responsible for what is right for a request (`scripted_customers`), nor for customers and time (`scripted_day`).
"""

import html
import re
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import httpx

from tests.support.scripted_customers import CLAUSES, Case

Known = dict[tuple[str, str], Case]
"""Cases by order id and message."""
HOLD = ("csrf", "token", "version", "within", "opened")
SECOND = "second answer asked for"
REPLIES = {
    "eligible": "Thank you for writing to us about your {item}. Your return is eligible under {clause}.{done}",
    "not_eligible": "Thank you for writing. We are sorry, your return of the {item} is not eligible under {clause}.",
    "review": "Thank you for writing to us about your {item}. A colleague will look at your request.",
}
DONE = {
    "create_return_label": " Your return label has been created.",
    "issue_refund": " Your refund has been issued.",
}


class Page:
    """One page as a person sees it: its forms' fields and what stands in them."""

    def __init__(self, response: httpx.Response) -> None:
        self.text, self.url, self.status = response.text, str(response.url), response.status_code

    def hidden(self) -> dict[str, str]:
        """Return the fields that every form about the item carries; empty where the reader does not hold it."""
        found = {name: self._value(name) for name in HOLD}
        return {name: value for name, value in found.items() if value is not None}

    def order_and_message(self) -> tuple[str, str]:
        """Return what tells one case from another."""
        return self._first(r"<h1>(\S+?)[ <]"), self._first(r'<blockquote class="message" dir="auto">(.*?)</blockquote>')

    def chosen(self, name: str) -> str:
        """Return the value that is selected in a list of the correction form."""
        options = self._first(rf'<select name="{name}">(.*?)</select>', plain=False)
        found = re.search(r'<option value="([^"]*)" selected', options)
        return found.group(1) if found else ""

    def sentences(self) -> dict[str, tuple[str, str]]:
        """Return the sentences that may be quoted: label -> (clause, how it begins)."""
        options = self._first(r'<select name="sentence">(.*?)</select>', plain=False)
        found = {}
        for group, inside in re.findall(r'<optgroup label="([^ "]+) [^"]*">(.*?)</optgroup>', options, re.DOTALL):
            for label, text in re.findall(r'<option value="([^"]+)"[^>]*>(.*?)</option>', inside, re.DOTALL):
                found[label] = (html.unescape(group), html.unescape(text))
        return found

    def tools_to_run(self) -> list[str]:
        return re.findall(r'class="button" href="/review/items/[^/]+/tools/([a-z_]+)', self.text)

    def written(self, name: str) -> str:
        return self._first(rf'<textarea name="{name}"[^>]*>(.*?)</textarea>')

    def may_approve(self) -> bool:
        return 'data-key="a">' in self.text

    def may_draw(self) -> bool:
        """Tell whether a second answer can be asked for."""
        return re.search(r'action="/review/items/[^/]+/sample"', self.text) is not None

    def is_drawing(self) -> bool:
        return re.search(r'id="sample"[^>]+hx-trigger="every', self.text) is not None

    def problem(self) -> str:
        return re.sub(r"<[^>]+>|\s+", " ", self._first(r'role="alert">(.*?)</div>', plain=False)).strip()

    def answers(self) -> list[tuple[str, str]]:
        """Return the two answers, where there are two: (which, the words on it)."""
        found = re.findall(r"<article>(.*?)</article>", self.text, re.DOTALL)
        named = [(re.search(r'name="better" value="(\w+)"', one), one) for one in found]
        return [(which.group(1), one) for which, one in named if which]

    def _value(self, name: str) -> str | None:
        found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', self.text)
        return html.unescape(found.group(1)) if found else None

    def _first(self, pattern: str, *, plain: bool = True) -> str:
        found = re.search(pattern, self.text, re.DOTALL)
        text = found.group(1) if found else ""
        return html.unescape(text).strip() if plain else text


class Reviewer:
    """One person: an account made by the command, a login, and an own idea of when to correct and when to reject."""

    def __init__(self, url: str, name: str) -> None:
        self.name, self.given = name, Counter()
        self._seen: set[str] = set()
        self._client = httpx.Client(base_url=url, timeout=60, follow_redirects=True)
        self._log_in()

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def answer_one(self, known: Known) -> str | None:
        """Take the next item of the queue that a case is known for, and answer it; None where none waits."""
        orders = {order for order, _ in known}
        for item, order in self._queue():
            if order not in orders or item in self._seen:
                continue
            self._seen.add(item)
            page = self._post(f"/review/items/{item}/take", {"csrf": self._csrf})
            case = known.get(page.order_and_message())
            if page.status >= 400 or not page.hidden().get("token") or case is None:
                continue  # Somebody else has it; or it is about another request of that order.
            did = self._answer(item, page, case)
            if did == SECOND:
                self._post(f"/review/items/{item}/release", page.hidden())
                self._seen.discard(item)
                continue
            self.given[did] += 1
            return did
        return None

    def _queue(self) -> Iterator[tuple[str, str]]:
        """Yield (item, order) of the whole queue, the most urgent first, page by page."""
        address = "/review"
        while address:
            text = Page(self._client.get(address)).text
            yield from re.findall(r'<td class="order"><a href="/review/items/([^/?"]+)[^>]*>([^<]+)</a>', text)
            more = re.search(r'<tr class="more"><td[^>]*><a href="([^"]+)"', text)
            address = html.unescape(more.group(1)) if more else ""

    def _answer(self, item: str, page: Page, case: Case) -> str:
        if pair := page.answers():
            right = [(len(words), which) for which, words in pair if _decides(words, case)]
            if right:  # Of two right answers the shorter one.
                fields = {"better": min(right)[1], "reason_text": _why(case)}
                if (did := self._post_answer(item, page, "prefer", fields, "prefer")) == "prefer":
                    return did
        if _agrees(page, case) and (did := self._approve(item, page, case)):
            return did
        turn = int(item[-2:], 36) % 6
        if turn < 2 and not pair and (page.is_drawing() or page.may_draw()):
            if not page.is_drawing():
                self._post(f"/review/items/{item}/sample", page.hidden())
            return SECOND
        written = None if turn == 5 else self._correct(item, page, case)
        return written or self._reject(item, page, case)

    def _approve(self, item: str, page: Page, case: Case) -> str | None:
        page = self._run_tools(item, page, page.tools_to_run())
        if not page.may_approve():
            return None
        did = self._post_answer(item, page, "approve", {"reason_text": _why(case)}, "approve")
        return did if did == "approve" else None

    def _correct(self, item: str, page: Page, case: Case) -> str | None:
        """Write the right decision and a reply that says what happened; None where the page does not let that out."""
        clause = CLAUSES[case.clause]
        fitting = [
            one
            for one, (where, text) in page.sentences().items()
            if where == case.clause and text.startswith(clause.sentence)
        ]
        if not fitting:
            return None
        tools = [clause.tool] if case.outcome == "eligible" and clause.tool else []
        page = self._run_tools(item, page, tools)
        done = "".join(DONE.get(tool, "") for tool in tools)
        fields = {
            "reason": case.reason, "outcome": case.outcome, "sentence": fitting[0],
            "conditions": "\n".join(clause.conditions), "others": "", "tools": tools, "reason_text": _why(case),
            "reply": REPLIES[case.outcome].format(item=case.item, clause=case.clause, done=done),
        }  # fmt: skip
        did = self._post_answer(item, page, "correct", fields, "correct")
        return did if did == "correct" else None

    def _reject(self, item: str, page: Page, case: Case) -> str:
        owner = "retrieval" if case.clause not in {where for where, _ in page.sentences().values()} else "sft_data"
        page = Page(self._client.get(f"/review/items/{item}"))
        fields = {"reason_text": _why(case), "owner": owner, "expected": case.outcome}
        return self._post_answer(item, page, "reject", fields, "reject")

    def _run_tools(self, item: str, page: Page, tools: list[str]) -> Page:
        for tool in tools:
            confirm = Page(self._client.get(f"/review/items/{item}/tools/{tool}"))
            amount = re.search(r'name="amount" value="([^"]*)"', confirm.text)
            fields = {"csrf": self._csrf, "do": "run", "within": "", "amount": amount.group(1) if amount else ""}
            self._post(f"/review/items/{item}/tools/{tool}", fields)
        return Page(self._client.get(f"/review/items/{item}")) if tools else page

    def _post_answer(self, item: str, page: Page, verb: str, fields: dict, did: str) -> str:
        """Post one answer, and give back the next item that the desk hands out: this reviewer takes them one by one."""
        after = self._post(f"/review/items/{item}/{verb}", {**page.hidden(), **fields})
        if after.status >= 400:
            print(f"{self.name}: {verb} of {item} refused ({after.status}): {after.problem()[:300]}", flush=True)
            return f"{verb} refused"
        if following := re.search(r"/review/items/([^/?]+)", after.url):
            self._post(f"/review/items/{following.group(1)}/release", after.hidden())
        return did

    def _post(self, path: str, fields: dict) -> Page:
        return Page(self._client.post(path, data=fields))

    def _log_in(self) -> None:
        """Log in under a password of this run's own, which the command and then the account page give."""
        given, own = _password(self.name), secrets.token_urlsafe(15)
        for password in (given, own):
            self._post("/review/login", {"name": self.name, "password": password})
            account = Page(self._client.get("/review/account"))
            self._csrf = account.hidden()["csrf"]
            if password == given:
                self._post("/review/account", {"csrf": self._csrf, "old": given, "new": own})


def _password(name: str) -> str:
    """Return a fresh password of the account, which is made where there is none."""
    for verb in ("add", "password"):
        command = [sys.executable, "-m", "workers.cli", "accounts", verb, name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    sys.exit(f"scripted_day: no account for {name}: {done.stderr.strip()}")


def _agrees(page: Page, case: Case) -> bool:
    clause = page.sentences().get(page.chosen("sentence"), ("", ""))[0]
    return (page.chosen("outcome"), page.chosen("reason"), clause) == (case.outcome, case.reason, case.clause)


def _decides(words: str, case: Case) -> bool:
    """Tell whether an answer on the page decides as is right: outcome and clause stand on it."""
    return f'class="decision {case.outcome}"' in words and f"<strong>{case.clause}</strong>" in words


def _why(case: Case) -> str:
    return f"{case.clause} governs: by the order's record it comes to {case.outcome.replace('_', ' ')}"
