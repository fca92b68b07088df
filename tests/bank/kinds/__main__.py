"""`python -m tests.bank.kinds [--tuning]`: read the held-back collection, or the other, and say the shares.

Beside the kinds stand files of `tests.bank.field` and `tests.bank.field_texts`: no doubt may spoil their reading.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator

from cbt.spreadsheets import intake
from tests.bank.field import making as grids
from tests.bank.field.judging import here
from tests.bank.field_texts import making as papers
from tests.bank.field_texts.direct import without_children
from tests.bank.field_texts.truth import Item
from tests.bank.kinds.judging import ANSWERED, RIGHT, SILENT, TOLD, judge
from tests.bank.kinds.making import HELD_BACK, TUNING, Made, collection

USUAL = 40
"""So many files of each of the other generators."""


def files(which: str) -> Iterator[Made]:
    """Yield the kinds of a collection, then usual files by seeds of its own."""
    yield from collection(which)
    start = 50_000 if which == HELD_BACK else 10_000
    for seed in range(start, start + USUAL):
        paper, grid = papers.case(seed), grids.make(seed)
        if paper.second is None:
            yield Made(paper.name, paper.content, list(paper.items), "usual text", str(seed))
        kept = [item for item in grid.items if item.stem not in grid.asked]
        items = [Item(one.type, one.stem, one.choices, one.key) for one in kept]
        yield Made(grid.name, grid.content, items, "usual sheet", str(seed))


def main(words: list[str]) -> int:
    """Print a line a kind and the shares of all; return 1 when anything was wrong without a word."""
    intake.run = here
    which = TUNING if "--tuning" in words else HELD_BACK
    wanted = words[words.index("--kind") + 1] if "--kind" in words else ""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    items: Counter[str] = Counter()
    for made in files(which):
        if wanted and made.kind != wanted:
            continue
        verdict = judge(made.name, made.content, made.items)
        counts[made.kind][verdict.outcome] += 1
        items["right"] += verdict.items
        items["all"] += len(made.items)
        if verdict.outcome in {TOLD, SILENT} and "--quiet" not in words:
            print(verdict.outcome, made.kind, made.mixture, verdict.why[:400])
    print(f"{which:<18}{RIGHT:>9}{ANSWERED:>9}{TOLD:>9}{SILENT:>9}")
    everything: Counter[str] = sum(counts.values(), Counter())
    for kind, row in [*sorted(counts.items()), ("all", everything)]:
        print(f"{kind:<18}" + "".join(f"{row[name]:>9}" for name in (RIGHT, ANSWERED, TOLD, SILENT)))
    good, total = everything[RIGHT] + everything[ANSWERED], everything.total()
    print(
        f"{total} files: right after at most one answer {100 * good / total:.1f} %, "
        f"wrong without a word {everything[SILENT]}, items right {100 * items['right'] / items['all']:.1f} %"
    )
    return 1 if everything[SILENT] else 0


if __name__ == "__main__":
    with without_children():
        sys.exit(main(sys.argv[1:]))
