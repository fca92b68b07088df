"""`python -m tests.candidates.field [--all | --count N] [--from SEED]`: read made rosters, count who was right."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

from cbt.spreadsheets import intake
from tests.candidates.field.judging import here, judge, without
from tests.candidates.field.making import make

ALL = 2_000
SHOWN = 12


def main(arguments: list[str]) -> int:
    """Print outcomes by container, layout and dirt; return 1 when anything was wrong in silence."""
    intake.run = here
    count = ALL if "--all" in arguments else int(_after(arguments, "--count", "200"))
    first = int(_after(arguments, "--from", "0"))
    outcomes: Counter[str] = Counter()
    by_kind: defaultdict[str, Counter[str]] = defaultdict(Counter)
    shown: list[str] = []
    for seed in range(first, first + count):
        made = without(make(seed))
        verdict = judge(made)
        outcomes[verdict.outcome] += 1
        recipe = made.recipe
        kinds = [
            recipe.container,
            f"a row per {recipe.rows_per}",
            f"sheets {recipe.sheets}",
            f"odd {recipe.odd}",
        ]
        kinds += [f"line: {person.wrong}" for person in made.people if person.wrong]
        for kind in kinds:
            by_kind[kind][verdict.outcome] += 1
        if verdict.outcome not in {"right", "refused"}:
            shown.append(f"{verdict.outcome} {seed}: {recipe}\n    " + "\n    ".join(verdict.reasons[:3]))
    for kind in sorted(by_kind):
        said = by_kind[kind]
        print(
            f"{kind:24} {said['right']:5} right {said['asked']:4} asked"
            f" {said['refused']:4} refused {said['wrong']:4} wrong"
        )
    shown.sort(key=lambda line: not line.startswith("wrong"))
    print("\n".join(shown[: int(_after(arguments, "--show", str(SHOWN)))]))
    print(dict(outcomes))
    return 1 if outcomes["wrong"] else 0


def _after(arguments: list[str], name: str, default: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else default


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
