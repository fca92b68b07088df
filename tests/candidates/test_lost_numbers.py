"""After `personal.key` was lost: what shows a number says so, and a roster brought again gives the numbers back."""

from __future__ import annotations

import flask
import pytest
from sqlalchemy import func, select

from cbt.accounts.models import Staff, StaffFactor
from cbt.accounts.second_factor import judge
from cbt.candidates.corrections import corrections_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import InvalidInput, NotAllowed
from cbt.http.auth.machine import Machine
from cbt.ops.backup.verification import _personal
from cbt.results.my_results import look_up
from cbt.rules.roles import Role
from cbt.storage.crypto import name_lost
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.accounts.test_signing_in import hire
from tests.candidates.rosters import HEADERS, resident, row
from tests.candidates.test_export import export
from tests.candidates.test_importing import bring
from tests.door.door import let_unbound_in, machine, registration, sign_in, work
from tests.door.test_corrections import VALID, correct
from tests.helpers import FakeClock
from tests.sittings.conftest import Day
from tests.sittings.test_planning import browser
from tests.world import World

LOST = "读不出来"


def lose(app: flask.Flask) -> None:
    """Go on without the key that the numbers were sealed under."""
    with app.app_context(), unit_of_work() as session:
        name_lost(session, former="a" * 16, print_="b" * 16)
    app.config["PERSONAL_KEY"] = b"n" * 32


def full(day: Day) -> str:
    return export(day, format="csv", reveal="1", reason="上报")[1].decode("utf-8-sig")


@pytest.mark.parametrize(
    ("data", "unreadable"),
    [
        pytest.param({"reveal": "1", "reason": "上报"}, 2, id="in full"),
        pytest.param({}, 1, id="the number masked"),
    ],
)
def test_an_export_says_what_cannot_be_read(day: Day, data: dict[str, str], unreadable: int) -> None:
    bring(day, [[*row(1), "13800000001"]], [*HEADERS, "联系电话"])
    lose(day.app)
    told = export(day, format="csv", **data)[1].decode("utf-8-sig")
    assert told.count(LOST) == unreadable
    assert resident(1) not in told


def test_the_page_of_a_candidate_says_what_cannot_be_read(day: Day) -> None:
    bring(day, [[*row(1), "13800000001"]], [*HEADERS, "联系电话"])
    with day.read() as session:
        ref = session.scalars(select(Registration.ref)).one()
    lose(day.app)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    shown = client.post(f"/office/registrations/{ref}/reveal", data={"reason": "家长来电"})
    assert (shown.status_code, shown.text.count(LOST)) == (200, 2)


def test_a_correction_of_before_says_that_it_cannot_be_read(world: World) -> None:
    assert correct(world, document=("resident_id", VALID)) is None
    lose(world.app)
    with work(world) as session:
        person = session.get_one(Candidate, registration(session, world, "theory").candidate_id)
        [kept] = corrections_of(session, person.id)
        assert (kept.before, kept.after) == ({}, {})
        assert LOST in kept.evidence


def test_who_has_a_second_factor_is_told_of_the_recovery_codes(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", Role.PROCTOR)
    with app.app_context():
        with unit_of_work() as session:
            staff = session.scalars(select(Staff)).one()
            session.add(
                StaffFactor(staff_id=staff.id, secret_sealed=b"x" * 40, created_at=clock.now(), last_step=0)
            )
        with reading() as session, pytest.raises(NotAllowed) as refused:
            judge(session.scalars(select(Staff)).one(), "123456", now=clock.now())
    assert refused.value.code == "factor.unreadable"


def test_the_same_roster_gives_number_and_phone_back(day: Day) -> None:
    headers = [*HEADERS, "联系电话"]
    bring(day, [[*row(1), "13800000001"], [*row(2), "13800000002"]], headers)
    lose(day.app)
    again = bring(day, [[*row(1), "13800000001"], [*row(2), "13800000002"], row(3)], headers)
    assert (len(again.plan.renewed), again.plan.already, len(again.plan.placements)) == (2, 2, 1)
    told = full(day)
    assert LOST not in told
    assert all(resident(number) in told for number in (1, 2, 3))
    assert "13800000002" in told
    with day.read() as session:
        assert session.scalar(select(func.count()).select_from(Candidate)) == 3
    assert len(bring(day, [row(1)]).plan.renewed) == 0


def test_a_ticket_finds_whose_number_was_put_right_meanwhile(day: Day) -> None:
    bring(day, [row(1)])
    with day.read() as session:
        ticket = session.scalars(select(AdmissionTicket.number)).one()
    lose(day.app)
    again = bring(day, [[*row(2, "考生1"), ticket]], [*HEADERS, "准考证号"])
    assert (len(again.plan.renewed), again.plan.already) == (1, 1)


def test_somebody_else_of_that_ticket_is_refused_as_ever(day: Day) -> None:
    bring(day, [row(1)])
    with day.read() as session:
        ticket = session.scalars(select(AdmissionTicket.number)).one()
    lose(day.app)
    with pytest.raises(InvalidInput) as refused:
        bring(day, [[*row(2, "别人"), ticket]], [*HEADERS, "准考证号"])
    assert refused.value.code == "roster.refused"


def test_a_candidate_is_sent_to_the_proctor_for_a_code(world: World) -> None:
    world.admit_all()
    let_unbound_in(world)
    lose(world.app)
    answer = sign_in(world, machine(world), "theory")
    assert answer.status_code == 422
    assert "登录码" in answer.get_data(as_text=True).partition("核对不了证件号")[2]


def test_results_are_asked_for_at_the_office(world: World) -> None:
    lose(world.app)
    sitter, asker = world.sitters["theory"], Machine(None, "10.0.0.9")
    with world.app.app_context(), pytest.raises(InvalidInput) as refused:
        look_up(ticket=sitter.ticket, document=sitter.document[-6:], machine=asker, now=world.clock.now())
    assert refused.value.code == "results.number_unreadable"


def test_what_was_given_up_is_no_damage(day: Day) -> None:
    bring(day, [row(1)])
    with day.read() as session:
        assert _personal(session) == (1, [])
    lose(day.app)
    with day.read() as session:
        assert _personal(session) == (0, [])
