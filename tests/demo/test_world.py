"""A world follows from what it is asked for: people, seats, papers and forms, and the years before."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import flask
from sqlalchemy import select

from bench.history import Years, write_years
from cbt.assembly.models import Form
from cbt.candidates.models import Registration
from cbt.demo.people import invent
from cbt.demo.world import Entrant, StoredPaper, Variant, gather, prepare_papers, seat_everybody
from cbt.runner.models import Attempt
from cbt.sittings.models import Seat, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.world import PLANNED, START, World

THEORY = Variant("customer-service-l3", "theory")
SKILLS = Variant("customer-service-l3", "skills")
SHORT = Variant("customer-service-l3", "skills", (("grace = 3", "grace = 1"),))


def papers_of(app: flask.Flask, *variants: Variant, forms: int, seed: int = 1) -> dict[Variant, StoredPaper]:
    return prepare_papers(
        app.extensions["cbt_settings"], variants, forms=forms, now=START, rng=random.Random(seed)
    )


def contents(paper: StoredPaper) -> list[str]:
    with reading() as session:
        return [session.get_one(Form, number).content for number in paper.forms]


def test_the_seed_decides_what_is_drawn(app: flask.Flask) -> None:
    with app.app_context():
        first, again, other = (
            contents(papers_of(app, THEORY, forms=2, seed=seed)[THEORY]) for seed in (5, 5, 6)
        )
    assert first == again
    assert len({*first, *other}) == 4


def test_a_variant_has_its_own_terms_and_the_paper_its_own(app: flask.Flask) -> None:
    with app.app_context():
        papers = papers_of(app, SKILLS, SHORT, forms=0)
    assert papers[SKILLS].terms.clock.grace == timedelta(seconds=3)
    assert papers[SHORT].terms.clock.grace == timedelta(seconds=1)


def test_everybody_sits_at_a_seat_of_their_own_with_a_form_before_them(app: flask.Flask) -> None:
    extra = Entrant(1, SKILLS, factor=Decimal("1.5"), extra=timedelta(minutes=10))
    with app.app_context():
        papers = papers_of(app, THEORY, SKILLS, forms=2)
        built = gather([*[Entrant(0, THEORY)] * 5, extra], papers, at=PLANNED)
        with reading() as session:
            rows = session.execute(select(Registration, Attempt).join(Attempt).order_by(Attempt.id)).all()
            states = set(session.scalars(select(SittingRoom.state)))
    assert [(one.seat, one.paper) for one in built.seated] == [
        *[(number, "theory") for number in range(1, 6)],
        (1, "skills"),
    ]
    assert [(row.ref, entry.ref) for row, entry in rows] == [
        (one.registration_ref, one.attempt_ref) for one in built.seated
    ]
    assert [row.confirmed_at for row, _ in rows] == [PLANNED] * 6
    assert (rows[-1][0].factor, rows[-1][0].extra) == (extra.factor, extra.extra)
    assert sorted(Counter(entry.form_id for _, entry in rows).values()) == [1, 2, 3]
    assert states == {"admitting"}
    names = [one.name for one in built.seated]
    assert all(mine not in other for mine in names for other in names if mine != other)


def test_who_comes_later_gets_a_seat_that_is_free_and_no_spare_one(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.add(Seat(room_id=world.room_id, number=40, spare=False, undelivered=0))
        room = session.get_one(SittingRoom, world.sitting_room_id)
        (late,) = seat_everybody(session, [Entrant(0, THEORY)], world.papers, [room], now=world.clock.now())
    assert (late.seat, late.attempt_ref) == (40, "")


def test_the_seed_decides_what_the_years_hold(app: flask.Flask) -> None:
    token = f"{random.Random(9).getrandbits(48):012x}"
    with app.app_context():
        papers = papers_of(app, THEORY, forms=2)
        past = Years(attempts=3, items=4)
        write_years(past, THEORY, papers[THEORY], now=START, rng=random.Random(9), tell=lambda _said: None)
        built = gather([Entrant(0, THEORY)], papers, at=PLANNED)
        with reading() as session:
            refs = dict(session.execute(select(Attempt.id, Attempt.ref)).all())
    assert refs[1] == f"at-{token}0000"
    assert len(set(refs.values())) == 4
    assert built.seated[0].attempt_id == 4


def test_no_two_invented_people_have_one_number() -> None:
    given: set[str] = set()
    first = {person.document for person in invent(random.Random(3), given)}
    again = {person.document for person in invent(random.Random(3), given)}
    assert len(first | again) == len(first) + len(again) == len(given)
