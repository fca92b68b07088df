"""Saves and hand-ins a millisecond before, at and after every end: the product against an oracle of its own.

Rooms are drawn with holds, extensions, accommodations, late starters and confirmed units; the app of this
process is driven through its whole WSGI door with a clock moved by hand.

Source: R-21, R-23, R-24, R-25, R-28, R-29; I1, I2, I4.
"""

from __future__ import annotations

import random

from cbt.config import Settings
from cbt.scoring.service import score_closed
from torture.arena import arena
from torture.deadlines.acting import Run, Tried
from torture.deadlines.draw import draw_people, draw_room
from torture.deadlines.plan import Plan, in_order
from torture.deadlines.stored import check_stored

CASES_PER_LIFE = 22
"""About how many cases one drawn life gives."""


def try_deadlines(settings: Settings, *, cases: int, seed: int) -> Tried:
    """Draw lives until about `cases` cases are had, drive them, and check what was stored.

    `settings` name an empty database. The same seed draws the same lives.
    """
    rng = random.Random(seed)
    people = draw_people(max(1, -(-cases // CASES_PER_LIFE)), rng)
    with arena(settings, people, rng=rng) as built:
        fates = [draw_room(rng) for _ in built.rooms]
        plans = [
            Plan(number, wanted, sitter.paper, fates[wanted.room], rng)
            for number, (wanted, sitter) in enumerate(zip(people, built.sitters, strict=True))
        ]
        run = Run(built)
        for act in in_order(plans, fates):
            run.do(act)
        with built.app.app_context():
            score_closed(now=built.clock.now())
            check_stored(run, plans)
        return run.tried
