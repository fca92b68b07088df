"""`python -m bench.likeness`: what the figures of likeness find among people who are honest or not.

Everything is drawn from fixed seeds, so the shares come out the same on any machine; seconds and memory do not.
With `--write` the table goes into docs/measurements.md.

Source: R-98.
"""

from __future__ import annotations

import argparse
import resource
import time
from itertools import combinations
from pathlib import Path

import numpy as np

from cbt.paths import write_whole
from cbt.results.likeness.figures import BOUND
from cbt.statistics.likeness import (
    LEAST_OMEGA,
    Pairs,
    choice_model,
    corrected_in_two,
    generalised_binomial_test,
    holm,
    m4,
    matches,
    omega,
    screen,
)
from cbt.statistics.pace import paces
from tests.statistics.honesty import Sat, area_under_curve, copy, foreknow, honest

PAGE = Path(__file__).parents[1] / "docs" / "measurements.md"
START, END = "<!-- likeness -->", "<!-- /likeness -->"
ITEMS = 100
PEOPLE, SEEDS = 10_000, (1, 2, 3)
"""Honest sittings: three of so many people are 150 million pairs."""
ROOM = 2_000
COPIED = (0.1, 0.2, 0.3, 0.4, 0.5)
PLANTED = 150
"""So many pairs of neighbours of each share, in rooms of honest people."""
KNOWN = (0.2, 0.3, 0.5)
KNOWING = 40
ACCUSED = 1e-4
"""The chance of one in 10,000: what a single pair would be accused by."""

Row = tuple[str, str]


def neighbours(people: int) -> Pairs:
    """Return everybody with whoever has the next number."""
    return np.stack([np.arange(people - 1), np.arange(1, people)], axis=1).astype(np.int32)


def honest_sittings() -> list[Row]:
    """Count honest pairs who would be shown, and who would be accused by a chance of their own."""
    pairs = shown = rare = 0
    seconds: list[tuple[float, float]] = []
    for seed in SEEDS:
        given = honest(PEOPLE, ITEMS, np.random.default_rng(seed)).given
        begun, worked = time.perf_counter(), time.process_time()
        model = choice_model(given)
        screened = screen(given, model)
        beside = neighbours(PEOPLE)
        own = np.unique(np.concatenate([screened.pairs, beside]), axis=0)
        near = own[:, 1] - own[:, 0] == 1
        chances = generalised_binomial_test(given, model, own)
        corrected = corrected_in_two(chances, near, among=screened.looked_at, among_beside=len(beside))
        seconds.append((time.perf_counter() - begun, time.process_time() - worked))
        pairs += screened.looked_at
        shown += int(((corrected <= BOUND) & (omega(given, model, own).max(axis=1) >= LEAST_OMEGA)).sum())
        rare += int((chances <= ACCUSED).sum())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        ("honest pairs looked at", f"{pairs:,}"),
        ("of them shown", f"{shown}"),
        ("of them with ω ≥ 3.5 and GBT ≤ 1 in 10,000", f"{rare:,} ({rare / pairs * 10_000:.4f} in 10,000)"),
        (
            f"{PEOPLE:,} people × {ITEMS} items, all pairs",
            f"{min(seconds)[0]:.1f} s ({min(seconds)[1]:.1f} s of processors), {memory:.0f} MB",
        ),
    ]


def copiers() -> list[Row]:
    """Return the area under the curve for each share that neighbours copied, and how many of them are shown."""
    rng = np.random.default_rng(10)
    rows = []
    for share in COPIED:
        sat = honest(ROOM, ITEMS, rng)
        planted = np.array([(2 * at, 2 * at + 1) for at in range(PLANTED)], np.int32)
        for one, other in planted:
            copy(sat, int(one), int(other), share, rng)
        given = sat.given
        model = choice_model(given)
        others = np.array(list(combinations(range(2 * PLANTED, 2 * PLANTED + 120), 2)), np.int32)
        areas = []
        for figure in (
            lambda pairs: omega(given, model, pairs).max(axis=1),  # noqa: B023 - called at once
            lambda pairs: -generalised_binomial_test(given, model, pairs),  # noqa: B023
            lambda pairs: -m4(given, model, pairs),  # noqa: B023
            lambda pairs: matches(given, pairs).same_wrong.astype(float),  # noqa: B023
        ):
            areas.append(area_under_curve(figure(planted), figure(others)))
        beside = neighbours(ROOM)
        near = generalised_binomial_test(given, model, beside)
        corrected = np.minimum(2 * holm(near, len(beside)), 1.0)
        is_planted = np.isin(beside[:, 0], planted[:, 0])
        found = (corrected <= BOUND)[is_planted].mean()
        told = " · ".join(f"{area:.3f}" for area in areas)
        rows.append((f"{share:.0%} copied: area by ω · GBT · M4 · same wrong; shown", f"{told}; {found:.0%}"))
    return rows


def knowers() -> list[Row]:
    """Return the area under the curve of rapid and right answers for each share of items known beforehand."""
    rng = np.random.default_rng(20)
    rows = []
    for share in KNOWN:
        sat: Sat = honest(ROOM, ITEMS, rng)
        foreknow(sat, np.arange(KNOWING), rng.choice(ITEMS, round(share * ITEMS), replace=False), rng)
        chance = paces(sat.seconds, sat.given.is_right).chance
        area = area_under_curve(-chance[:KNOWING], -chance[KNOWING:])
        shown = holm(chance, len(chance)) <= BOUND
        rows.append(
            (
                f"{share:.0%} of the items known by {KNOWING} of {ROOM:,}: area; shown; honest ones shown",
                f"{area:.3f}; {shown[:KNOWING].mean():.0%}; {int(shown[KNOWING:].sum())}",
            )
        )
    return rows


def table() -> str:
    """Return all figures as a table."""
    rows = [*honest_sittings(), *copiers(), *knowers()]
    return "\n".join(["| What | Figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    """Print the figures; with `--write` put them into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/measurements.md")
    told = table()
    print(told)
    if parser.parse_args().write:
        text = PAGE.read_text("utf-8")
        head, rest = text.split(START)
        write_whole(PAGE, f"{head}{START}\n{told}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
