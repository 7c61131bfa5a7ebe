"""Scores the verifier on tables of replies: `python -m lifecycle.evals.claims.score [TABLE ...]`.

Prints recall (unsupported claims stopped), pass rate (supported or claim-free replies passed) and pairs both right,
in all, per language and per category, with 95 % Wilson intervals, and every miss with `--misses`. The second opinion
is asked, as the product does, unless `--without-encoder` is given.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from math import sqrt
from pathlib import Path

from lifecycle.evals.claims.table import FOLDER, Row, rows
from services.domain.reading import LexicalClaimReader
from services.domain.reading.doubt import SecondOpinion
from services.domain.verdict import Verdict
from services.domain.verify import DEFAULT_THRESHOLD, verify_reply
from services.inference.second_opinion import shared_opinion


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of right out of total."""
    if total == 0:
        return 0.0, 1.0
    z = 1.96
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def judge(
    cases: Iterable[Row], threshold: float = DEFAULT_THRESHOLD, second: SecondOpinion | None = None
) -> list[tuple[Row, bool, str]]:
    """Return (row, right, verdict) for every row."""
    reader = LexicalClaimReader()
    judged = []
    for row in cases:
        verdict = verify_reply(row.reply, row.actions, reader, threshold=threshold, second=second).verdict
        judged.append((row, (verdict is Verdict.PASS) == row.passes, verdict.value))
    return judged


def table(judged: list[tuple[Row, bool, str]]) -> str:
    groups: defaultdict[str, list[tuple[Row, bool, str]]] = defaultdict(list)
    for entry in judged:
        groups["all"].append(entry)
        groups[f"language {entry[0].language}"].append(entry)
        groups[f"category {entry[0].category}"].append(entry)
    lines = [f"{'group':32} {'stopped':>22} {'passed':>22} {'pairs':>12}"]
    for name, entries in sorted(groups.items(), key=lambda g: (g[0] != "all", not g[0].startswith("language"), g[0])):
        stops = [right for row, right, _ in entries if not row.passes]
        passes = [right for row, right, _ in entries if row.passes]
        pairs: defaultdict[str, list[bool]] = defaultdict(list)
        for row, right, _ in entries:
            if row.pair:
                pairs[row.id].append(right)
        both = [all(pair) for pair in pairs.values()]
        lines.append(f"{name:32} {_rate(stops):>22} {_rate(passes):>22} {f'{sum(both)}/{len(both)}':>12}")
    return "\n".join(lines)


def _rate(results: list[bool]) -> str:
    if not results:
        return "-"
    low, high = wilson(sum(results), len(results))
    return f"{sum(results)}/{len(results)} [{low:.2f}-{high:.2f}]"


def main(arguments: list[str]) -> int:
    paths = [Path(a) for a in arguments if not a.startswith("--")] or sorted(FOLDER.glob("*.txt"))
    cases = [row for path in paths for row in rows(path)]
    started = time.perf_counter()
    judged = judge(cases, second=None if "--without-encoder" in arguments else shared_opinion())
    seconds = time.perf_counter() - started
    print(table(judged))
    print(f"{len(cases)} replies in {seconds:.2f} s, {1000 * seconds / max(len(cases), 1):.1f} ms a reply")
    if "--misses" in arguments:
        for row, right, verdict in judged:
            if not right:
                actions = ", ".join(f"{a.name}:{a.status.value}" for a in row.actions)
                print(
                    f"{row.id} {row.category} {verdict}, should {'pass' if row.passes else 'stop'} [{actions}] {row.reply!r}"  # noqa: E501 - a pattern is read by the line
                )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
