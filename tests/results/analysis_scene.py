"""A sitting of many people with answers of all kinds, closed and scored by the product's own steps."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from cbt.assembly.draw import DrawSources, draw_and_freeze
from cbt.candidates.models import Candidate, Registration
from cbt.demo.build import FormPlace, places_in
from cbt.demo.world import ACTOR, Entrant, Gathering, StoredPaper, Variant, gather, numbered
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import LETTERS
from cbt.rules.states import ClosedBy, Event
from cbt.runner.attempt_states import move
from cbt.runner.close.closure import close_attempts
from cbt.runner.models import Attempt, JournalEntry
from cbt.scoring.service import score_closed
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import end_room, start_room
from cbt.storage.unit_of_work import unit_of_work
from tests.world import PLANNED, World

DAY = timedelta(days=1)
THEORY = Variant("customer-service-l3", "theory")
OVER = PLANNED + DAY + timedelta(minutes=50)

Answer = Callable[[FormPlace, float, random.Random], Any]
"""What somebody of an ability (standard normal) answers at a place; None for nothing."""


def usual(place: FormPlace, ability: float, rng: random.Random) -> Any:
    """Answer the likelier right the abler, and an easier item sooner; what is wrong is one of the other choices."""
    easiness = place.case.difficulty - 3
    if rng.random() < 1 / (1 + math.exp(-(1.3 * ability - 0.5 * easiness + 0.7))):
        return place.right()
    others = [letter for letter in LETTERS[: len(place.shape["order"])] if letter not in str(place.right())]
    return rng.choice([*others, None] if len(others) > 1 else others)


def hold(
    world: World,
    people: int,
    *,
    forms: int = 1,
    rooms: int = 2,
    answer: Answer = usual,
    seed: int = 5,
    first: int = 1,
) -> Gathering:
    """Hold a sitting of the theory paper with so many people and forms, and score it; the clock stands after it.

    People are numbered from `first` on, so that several sittings have different ones.
    """
    rng = random.Random(seed)
    world.clock.set(PLANNED + DAY)
    with world.app.app_context():
        with unit_of_work() as session:
            sources, stored = DrawSources(session), world.papers[THEORY]
            drawn = [
                draw_and_freeze(
                    session,
                    sources,
                    blueprint_version_id=stored.version_id,
                    paper_code=THEORY.paper,
                    now=PLANNED,
                    rng=rng,
                ).id
                for _number in range(forms)
            ]
        paper: StoredPaper = replace(stored, forms=tuple(drawn))
        entrants = [
            Entrant(number % rooms, THEORY, person=numbered(first + number)) for number in range(people)
        ]
        held = gather(entrants, {THEORY: paper}, at=PLANNED + DAY)
        with unit_of_work() as session:
            _sit(session, held, answer, rng)
        score_closed(now=OVER)
    world.clock.set(OVER)
    return held


def _sit(session: Any, held: Gathering, answer: Answer, rng: random.Random) -> None:
    at = PLANNED + DAY
    rooms = session.scalars(
        select(SittingRoom).where(SittingRoom.id.in_([room for room, _ in held.rooms]))
    ).all()
    for room in rooms:
        start_room(session, room, now=at, actor=ACTOR)
    ids = [one.attempt_id for one in held.seated]
    attempts = session.scalars(select(Attempt).where(Attempt.id.in_(ids)).order_by(Attempt.id)).all()
    people = session.scalars(
        select(Candidate)
        .join(Registration, Registration.candidate_id == Candidate.id)
        .where(Registration.id.in_([one.registration_id for one in held.seated]))
    ).all()
    for number, person in enumerate(people):
        person.gender = ("female", "male")[number % 2]
    places: dict[int, list[FormPlace]] = {}
    entries = []
    for attempt in attempts:
        move(attempt, Event.START)
        attempt.started_at, attempt.lease_epoch = at, 1
        if attempt.form_id not in places:
            places[attempt.form_id] = places_in(session, attempt.id)
        ability = rng.gauss(0, 1)
        for seq, place in enumerate(places[attempt.form_id], 1):
            value = answer(place, ability, rng)
            if value is not None:
                entries.append(
                    {
                        "attempt_id": attempt.id,
                        "lease_epoch": 1,
                        "seq": seq,
                        "position": place.position,
                        "kind": "answer",
                        "value": canonical_json(value),
                        "received_at": at + seq * timedelta(seconds=9),
                        "in_grace": False,
                    }
                )
    session.flush()
    session.execute(insert(JournalEntry), entries)
    over = {"now": OVER, "closed_at": OVER, "closed_by": ClosedBy.CANDIDATE, "actor": ACTOR}
    close_attempts(session, attempts, **over)
    for room in rooms:
        end_room(session, room, now=OVER, actor=ACTOR)
