"""`python -m tests.bank.field [--all | --count N] [--from SEED]`: read made files and say how many were right."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

from cbt.spreadsheets import intake
from tests.bank.field.judging import here, judge
from tests.bank.field.making import make

ALL = 2_000
SHOWN = 12


def main(arguments: list[str]) -> int:
    """Print outcomes by container, choices, key and header; return 1 when anything was wrong in silence."""
    intake.run = here
    count = ALL if "--all" in arguments else int(_after(arguments, "--count", "200"))
    first = int(_after(arguments, "--from", "0"))
    outcomes: Counter[str] = Counter()
    by_kind: defaultdict[str, Counter[str]] = defaultdict(Counter)
    shown: list[str] = []
    for seed in range(first, first + count):
        made = make(seed)
        verdict = judge(made)
        outcomes[verdict.outcome] += 1
        recipe = made.recipe
        for kind in (
            recipe.container,
            recipe.choices,
            f"key {recipe.key}",
            f"head {recipe.placed}",
            f"types {recipe.types}",
        ):
            by_kind[kind][verdict.outcome] += 1
        if verdict.outcome != "right":
            shown.append(f"{verdict.outcome} {seed}: {recipe}\n    " + "\n    ".join(verdict.reasons))
    for kind in sorted(by_kind):
        said = by_kind[kind]
        print(
            f"{kind:24} {said['right']:5} right {said['asked']:4} asked"
            f" {said['refused']:4} refused {said['wrong']:4} wrong"
        )
    print(
        "\n".join(
            sorted(shown, key=lambda line: not line.startswith("wrong"))[
                : int(_after(arguments, "--show", str(SHOWN)))
            ]
        )
    )
    print(dict(outcomes))
    return 1 if outcomes["wrong"] else 0


def _after(arguments: list[str], name: str, default: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else default


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
