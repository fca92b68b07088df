"""Say what becomes of many files: `python -m tests.bank.field_texts --all`, or `--seed 7` for one in full."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

from tests.bank.field_texts.direct import without_children
from tests.bank.field_texts.making import FLAGGED, REFUSED, RIGHT, WRONG, case, outcome

MANY, FEW = 1200, 200


def main(words: list[str]) -> None:
    """Print a line for each kind, and every file that did not come in right."""
    if "--seed" in words:
        one = case(int(words[words.index("--seed") + 1]))
        print(one.kind, one.detail, outcome(one), sep="\n")
        for content in (one.content, one.second or b""):
            print(content.decode("utf-8", "replace") if not content.startswith(b"PK") else "(docx)")
        return
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for seed in range(MANY if "--all" in words else FEW):
        one = case(seed)
        try:
            became, why = outcome(one)
        except Exception as error:
            became, why = "CRASH", repr(error)
        counts[one.kind][became] += 1
        if became != RIGHT and "--quiet" not in words:
            print(seed, one.kind, became, why[:300], one.detail[:0])
    print(f"{'':<14}{RIGHT:>9}{FLAGGED:>9}{REFUSED:>9}{WRONG:>9}")
    for kind in [*sorted(counts), "all"]:
        row = counts[kind] if kind != "all" else sum(counts.values(), Counter())
        print(f"{kind:<14}" + "".join(f"{row[name]:>9}" for name in (RIGHT, FLAGGED, REFUSED, WRONG)))


with without_children():
    main(sys.argv[1:])
