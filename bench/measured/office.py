"""Saves beside an office at work: none of what an officer does is felt by a candidate.

Source: R-21.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from bench import rows
from bench.figures import Figure
from bench.installation import choose_answers, installation
from bench.measured.declaring import NONE_LOST, NONE_REFUSED, Ground, Group, Stage, Target, most
from bench.measured.elsewhere import PREFIX
from bench.office.acts import ACTS, Done, OfficeSize
from bench.office.day import OfficeDay
from bench.office.world import build_office, undone
from bench.servers.serve import PRODUCT, serving
from bench.traffic import loads
from bench.traffic.open_loop import Paced
from bench.traffic.paced import allow_files, run_paced
from bench.traffic.papers import open_papers
from cbt.rehearsal.http_client import percentile_ms
from tests.databases import start_postgres

NAME = "office_beside_exam"
PEOPLE, EVERY_SECONDS = 5000, 5.0
FORMS = 200
"""So many go round: a save does not ask whose form it is, and to draw thousands takes longer than all the acts."""
SMALL = OfficeSize(drawn=20, scores=60, roster=40, items=60, destroyed=20, certified=10, applied=4)
TIMES_ALONE, ALWAYS_MS = 2.0, 100.0
"""A p99 of so many times that alone is allowed beside an act, and so many milliseconds in any case."""


def measure(ground: Ground) -> list[Figure]:
    """Measure it on the embedded database and, where that is here, on PostgreSQL."""
    figures = []
    if NAME in ground.names:
        figures.append(measured_on(ground, NAME, ""))
    if ground.size.others:
        server = start_postgres(durable=True)
        if server is None:
            ground.tell("no PostgreSQL here: not measured")
            return figures
        try:
            figures.append(measured_on(ground, PREFIX + NAME, server.create(NAME)))
        finally:
            server.stop()
    return figures


def measured_on(ground: Ground, name: str, url: str) -> Figure:
    """Measure the row of this name on the embedded database, or on the empty one of PostgreSQL at `url`."""
    size, folder = ground.size, ground.folder / name
    people, every = size.of(PEOPLE, 60), size.of(EVERY_SECONDS, 1.0)
    folder.mkdir(parents=True)
    allow_files(people)
    ground.tell(f"building: {people} candidates, an office at work" + (" on PostgreSQL" if url else ""))
    with installation(
        folder, attempts=people, forms=min(FORMS, people), database_url=url, tell=ground.tell
    ) as built:
        choose_answers(built)
        office = build_office(built, size.of(OfficeSize(), SMALL), folder)
        with serving(PRODUCT, built.environ) as port:
            open_papers(port, built)
            ledger = loads.Ledger()
            day = OfficeDay(size, ground.tell, port, office, ACTS, per_second=people / every)
            # The first of a server's life are no measure.
            run_paced(port, built.sitters, ledger, every=every, seconds=size.of(every, 0.5))
            with day:
                paced = run_paced(
                    port, built.sitters, ledger, every=every, seconds=day.longest, going=day.goes_on
                )
        figure = Figure(name)
        figure.add(paced, None)
        figure.lost = rows.lost_answers(ledger.saved)
        figure.refused += len(paced.turned_away_at) + paced.unanswered
        figure.facts = {"candidates": people, "unanswered": paced.unanswered}
        done = zip(day.done, day.settled, strict=False)  # the last may not have settled
        figure.facts |= facts_of(paced, done, day.alone, wanted=ACTS, missing=undone(office))
    for line in _table(figure.facts["acts"]):
        ground.tell(line)
    return figure


def facts_of(
    paced: Paced,
    done: Iterable[tuple[Done, float]],
    alone: Iterable[tuple[float, float]],
    *,
    wanted: Collection[str],
    missing: Collection[str] = (),
) -> dict[str, Any]:
    """Return what a row says: the saves' p99 alone, beside each act and at worst, and how each act went.

    With an act goes the instant at which saves were answered as usual again (`back_s` after its end); what was due
    until then is that act's. `of_allowed`: the worst p99 as a share of what is allowed, twice that alone or 100 ms,
    whichever is more. `undone` counts those of the `wanted` acts that were refused, took too long, were not come
    to, or of which the database does not hold all (`missing`).
    """
    saves, acts = _Saves(paced), dict[str, dict[str, Any]]()
    by_itself = [latency for stretch in alone for latency in saves.between(*stretch)]
    alone_ms = percentile_ms(by_itself, 0.99)
    for one, settled in done:
        beside = saves.between(one.began, settled)
        acts[one.name] = {
            "seconds": round(one.ended - one.began, 2),
            "back_s": round(settled - one.ended, 1),
            "saves": len(beside),
            "p99_ms": _ms(percentile_ms(beside, 0.99)),
            "max_ms": _ms(percentile_ms(beside, 1)),
            "refused": saves.turned_away(one.began, settled),
            "officer_again": one.turned_away,
            "said": one.said or ("the database holds less" if one.name in missing else ""),
        }
    worst = max(acts, key=lambda name: acts[name]["p99_ms"] or 0, default="")
    facts: dict[str, Any] = {
        "alone_p99_ms": _ms(alone_ms),
        "alone_saves": len(by_itself),
        "worst_act": worst,
        "worst_p99_ms": acts[worst]["p99_ms"] if worst else None,
        "acts_s": round(sum(one["seconds"] for one in acts.values()), 1),
        "undone": sum(name not in acts or bool(acts[name]["said"]) for name in wanted),
        "acts": acts,
    }
    if alone_ms is not None and facts["worst_p99_ms"] is not None:
        allowed = max(TIMES_ALONE * alone_ms, ALWAYS_MS)
        facts["of_allowed"] = round(facts["worst_p99_ms"] / allowed, 2)
    return facts


class _Saves:
    """The saves of a run, found by an instant (`time.perf_counter`): the answered ones by when they were due."""

    def __init__(self, paced: Paced) -> None:
        self._began = paced.began_at
        self._saves = sorted(zip(paced.due_at, paced.latencies, strict=True))
        self._due_at = [at for at, _ in self._saves]
        self._turned_away_at = sorted(paced.turned_away_at)

    def between(self, begin: float, end: float) -> list[float]:
        """Return the latencies of those that were due between two instants."""
        return [latency for _, latency in self._saves[self._stretch(self._due_at, begin, end)]]

    def turned_away(self, begin: float, end: float) -> int:
        """Return how often one was answered with 503 between two instants."""
        return len(self._turned_away_at[self._stretch(self._turned_away_at, begin, end)])

    def _stretch(self, seconds: Sequence[float], begin: float, end: float) -> slice:
        return slice(bisect_left(seconds, begin - self._began), bisect_left(seconds, end - self._began))


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _table(acts: dict[str, Any]) -> list[str]:
    wide = max(map(len, acts), default=0)
    return [
        f"    {name:<{wide}}  " + "  ".join(f"{key} {value}" for key, value in one.items() if value != "")
        for name, one in acts.items()
    ]


_BOUNDS = (
    most("of_allowed", 1.0, None, ("worst p99 {:.2f} × allowed", "最慢 p99 为允许值的 {:.2f} 倍")),
    most("undone", 0, None, ("{:.0f} acts not done", "未办成 {:.0f} 项")),
    NONE_REFUSED,
    NONE_LOST,
)
GROUPS = (
    Group(
        (
            Target(
                NAME,
                "1,000 saves/s beside an office at work",
                "每秒 1000 次保存，同时考务办公",
                _BOUNDS,
                paced=True,
            ),
            Target(
                PREFIX + NAME,
                "1,000 saves/s beside an office at work, PostgreSQL",
                "每秒 1000 次保存，同时考务办公，PostgreSQL",
                _BOUNDS,
                paced=True,
            ),
        ),
        Stage.OWN,
        measure,
    ),
)
