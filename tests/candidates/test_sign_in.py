"""Signing in at a seat: what is compared, what is counted, what opens."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from cbt.candidates import steps
from cbt.candidates.models import Registration
from cbt.candidates.seats import move_to_seat
from cbt.db.unit_of_work import reading
from cbt.delivery.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.web.models import LoginSession, Throttle
from cbt.web.throttle import MAX_FAILURES, WINDOW
from tests.candidates.door import (
    MINUTE,
    SIGN_IN_OPEN,
    acts,
    bind,
    machine,
    machine_at,
    pass_the_door,
    registration,
    seat,
    sign_in,
    work,
)
from tests.helpers import count_queries
from tests.world import PLANNED, World

SECOND = timedelta(seconds=1)


def issue_code(world: World, name: str) -> str:
    with work(world) as session:
        return steps.issue_login_code(
            session,
            registration(session, world, name),
            now=world.clock.now(),
            rng=random.Random(11),
            actor="staff:test",
        )


def test_signing_in_opens_a_login_and_records_the_moment(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 303
    assert reply.location == "/exam/confirm"
    assert client.get("/exam/confirm").status_code == 200
    with work(world) as session:
        assert registration(session, world, "theory").signed_in_at == SIGN_IN_OPEN
        login = session.scalars(select(LoginSession)).one()
        assert (login.kind, login.subject_ref) == ("candidate", world.sitters["theory"].registration_ref)
        assert acts(session)[-1] == "door.sign_in"


@pytest.mark.parametrize(
    ("ticket", "document"),
    [
        pytest.param("260 0", "x", id="not even shaped like it"),
        pytest.param("261100010001", "01001Y", id="wrong end"),
        pytest.param("261100019999", "01001X", id="nobody's ticket"),
        pytest.param("261100010002", "01001X", id="somebody else's ticket"),
    ],
)
def test_a_wrong_try_opens_nothing(world: World, ticket: str, document: str) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory", "skills")
    reply = sign_in(world, client, "theory", ticket=ticket, document=document)
    assert reply.status_code == 422
    assert client.get("/exam/confirm").status_code == 303
    with work(world) as session:
        assert session.scalars(select(LoginSession)).all() == []


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("01001x", id="small x"),
        pytest.param("０１００１Ｘ", id="full width"),
        pytest.param(" 010 01X ", id="spaces"),
        pytest.param("01001×", id="multiplication sign for X"),
    ],
)
def test_the_spelling_of_the_document_does_not_matter(world: World, document: str) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    assert sign_in(world, client, "theory", document=document).status_code == 303


def test_the_same_answer_for_a_wrong_ticket_and_a_wrong_document(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    pages = [
        sign_in(world, client, "theory", ticket=ticket, document="000000").text.replace(ticket, "")
        for ticket in ("261100010001", "261100019999")
    ]
    assert "准考证号或证件号码后六位不对" in pages[0]
    assert pages[0] == pages[1]


def test_guessing_is_stopped_per_ticket_on_whatever_machine(world: World) -> None:
    pass_the_door(world, "theory")
    for number in range(MAX_FAILURES):
        wrong = sign_in(world, machine(world, address=f"10.1.0.{number}"), "theory", document="000000")
        assert wrong.status_code == 422
    assert sign_in(world, machine(world, address="10.1.1.1"), "theory").status_code == 429
    world.clock.advance(WINDOW - SECOND)
    assert sign_in(world, machine(world, address="10.1.1.1"), "theory").status_code == 429
    world.clock.advance(SECOND)
    assert sign_in(world, machine(world, address="10.1.1.1"), "theory").status_code == 303


def test_guessing_is_stopped_per_seat_over_many_tickets(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory", "skills")
    for number in range(MAX_FAILURES):
        sign_in(world, client, "theory", ticket=f"99{number:04d}", document="000000")
    assert sign_in(world, client, "theory").status_code == 429


def test_the_other_seats_of_an_address_go_on(world: World) -> None:
    """A whole room stands behind one address: nothing is counted against it."""
    shared = [machine(world, address="10.9.9.9") for _ in range(2)]
    for client, number in zip(shared, (1, 2), strict=True):
        bind(world, client, number, replace="1")
    pass_the_door(world, "theory", "skills")
    for _ in range(MAX_FAILURES):
        sign_in(world, shared[0], "theory", document="000000")
    assert sign_in(world, shared[1], "skills").status_code == 303


def test_success_forgets_the_wrong_tries(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    sign_in(world, client, "theory", document="000000")
    sign_in(world, client, "theory")
    with work(world) as session:
        assert session.scalars(select(Throttle)).all() == []


def test_a_refusal_at_the_door_is_no_wrong_try(world: World) -> None:
    client = machine_at(world, 1)
    world.clock.set(SIGN_IN_OPEN)
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 403
    assert "还没有完成入场核验" in reply.text
    with work(world) as session:
        assert session.scalars(select(Throttle)).all() == []


def test_before_sign_in_opens_the_page_tells_when(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    world.clock.set(SIGN_IN_OPEN - SECOND)
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 425
    assert "08:40:00" in reply.text


def test_a_proctor_may_let_somebody_in_without_the_check(world: World) -> None:
    client = machine_at(world, 1)
    world.clock.set(SIGN_IN_OPEN)
    with work(world) as session:
        row = registration(session, world, "theory")
        steps.allow_sign_in(session, row, now=SIGN_IN_OPEN, actor="staff:test")
    assert sign_in(world, client, "theory").status_code == 303


def test_a_login_code_works_once(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    code = issue_code(world, "theory")
    assert sign_in(world, client, "theory", by="code", code=code).status_code == 303
    assert sign_in(world, machine_at(world, 1), "theory", by="code", code=code).status_code == 422


@pytest.mark.parametrize(
    ("after", "status"),
    [
        pytest.param(10 * MINUTE - SECOND, 303, id="a second before it runs out"),
        pytest.param(10 * MINUTE, 422, id="after ten minutes"),
    ],
)
def test_a_login_code_lives_ten_minutes(world: World, after: timedelta, status: int) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    code = issue_code(world, "theory")
    world.clock.advance(after)
    assert sign_in(world, client, "theory", by="code", code=code).status_code == status


def test_a_login_code_is_for_one_ticket(world: World) -> None:
    client = machine_at(world, 2)
    pass_the_door(world, "theory", "skills")
    code = issue_code(world, "theory")
    assert sign_in(world, client, "skills", by="code", code=code).status_code == 422


def test_at_a_wrong_seat_the_page_names_the_right_one(world: World) -> None:
    client = machine_at(world, 2)
    pass_the_door(world, "theory")
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 409
    assert "您的机位是" in reply.text
    assert '<b class="num">01</b>' in reply.text


def test_in_a_wrong_room_the_page_names_the_right_one(world: World) -> None:
    client = machine_at(world, 1)
    world.clock.set(PLANNED - 35 * MINUTE)
    pass_the_door(world, "elsewhere")
    reply = sign_in(world, client, "elsewhere")
    assert reply.status_code == 409
    assert "机房 B" in reply.text


def test_a_machine_without_a_seat_lets_people_in_and_tells_their_seat(world: World) -> None:
    client = machine(world)
    pass_the_door(world, "skills")
    assert sign_in(world, client, "skills").status_code == 303
    assert '<b class="door-chip num">02</b>' in client.get("/exam/confirm").text


def test_after_a_swap_people_sign_in_at_each_others_seats(world: World) -> None:
    first, second = machine_at(world, 1), machine_at(world, 2)
    pass_the_door(world, "theory", "skills")
    with work(world) as session:
        row = registration(session, world, "theory")
        other = move_to_seat(session, row, seat(session, world, 2), now=SIGN_IN_OPEN, actor="staff:test")
        assert other is not None
        assert other.ref == world.sitters["skills"].registration_ref
    assert sign_in(world, second, "theory").status_code == 303
    assert sign_in(world, first, "skills").status_code == 303


def test_with_a_move_allowed_a_spare_seat_takes_the_person_over(world: World) -> None:
    spare = machine_at(world, 7)
    pass_the_door(world, "theory")
    assert sign_in(world, spare, "theory").status_code == 409
    with work(world) as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        attempt.move_allowed_at = SIGN_IN_OPEN
    assert sign_in(world, spare, "theory").status_code == 303
    with work(world) as session:
        assert registration(session, world, "theory").seat_id == seat(session, world, 7).id


def test_a_closed_paper_is_not_entered_again_and_its_login_ends_at_the_seat(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    sign_in(world, client, "theory")
    world.start()
    with work(world) as session:
        session.get_one(Attempt, world.sitters["theory"].attempt_id).state = "closed"
    assert client.get("/").status_code == 303
    assert "王小明" not in client.get("/").text
    assert client.get("/exam/confirm").location == "/"
    reply = sign_in(world, client, "theory")
    assert reply.status_code == 410
    assert "您已交卷" in reply.text


def test_the_next_person_at_a_machine_ends_the_former_login(world: World) -> None:
    client = machine(world)
    pass_the_door(world, "theory", "skills")
    sign_in(world, client, "theory")
    sign_in(world, client, "skills")
    with work(world) as session:
        logins = session.scalars(select(LoginSession).order_by(LoginSession.id)).all()
        assert [login.revoked_at is None for login in logins] == [False, True]


def second_paper(world: World) -> str:
    """Give the theory candidate the seat of another person's registration in the same room."""
    with work(world) as session:
        mine = registration(session, world, "theory")
        other = registration(session, world, "skills")
        session.execute(
            update(Registration)
            .where(Registration.id == other.id)
            .values(ticket_id=mine.ticket_id, candidate_id=mine.candidate_id)
        )
        return other.ref


def test_two_open_papers_are_asked_for(world: World) -> None:
    client = machine(world)
    pass_the_door(world, "theory", "skills")
    other = second_paper(world)
    reply = sign_in(world, client, "theory")
    assert reply.location == "/sign-in/paper"
    page = client.get("/sign-in/paper").text
    assert "理论知识" in page
    assert other in page
    assert client.get("/exam/confirm").status_code == 303
    assert client.post("/sign-in/paper", data={"paper": other}).location == "/exam/confirm"
    with work(world) as session:
        assert registration(session, world, "skills").signed_in_at == SIGN_IN_OPEN
        assert registration(session, world, "theory").signed_in_at is None


def test_only_a_proved_paper_can_be_picked(world: World) -> None:
    client = machine(world)
    pass_the_door(world, "theory", "skills", "extra")
    second_paper(world)
    stranger = world.sitters["extra"].registration_ref
    assert client.post("/sign-in/paper", data={"paper": stranger}).status_code == 410
    sign_in(world, client, "theory")
    assert client.post("/sign-in/paper", data={"paper": stranger}).status_code == 404
    world.clock.advance(timedelta(minutes=2))
    own = world.sitters["theory"].registration_ref
    assert client.post("/sign-in/paper", data={"paper": own}).status_code == 410


def test_at_a_seat_only_the_paper_of_that_seat_opens(world: World) -> None:
    client = machine_at(world, 2)
    pass_the_door(world, "theory", "skills")
    second_paper(world)
    assert sign_in(world, client, "theory").location == "/exam/confirm"


def test_of_several_papers_the_one_ahead_explains_the_refusal(world: World) -> None:
    client = machine(world)
    pass_the_door(world, "theory")
    other = second_paper(world)
    with work(world) as session:
        row = session.scalars(select(Registration).where(Registration.ref == other)).one()
        closed = session.get_one(SittingRoom, row.sitting_room_id)
        session.execute(
            update(Registration)
            .where(Registration.ref == world.sitters["theory"].registration_ref)
            .values(absent_at=SIGN_IN_OPEN, absent_cause="gave_up")
        )
        assert closed.state == "admitting"
    reply = sign_in(world, client, "theory")
    assert "登记为缺考" in reply.text


def test_signing_in_asks_the_database_little(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    with count_queries(world.app) as seen:
        sign_in(world, client, "theory")
    assert len(seen) <= 24, "\n".join(seen)


def test_the_moment_of_the_first_sign_in_stays(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    sign_in(world, client, "theory")
    world.clock.advance(MINUTE)
    sign_in(world, client, "theory")
    with world.app.app_context(), reading() as session:
        assert registration(session, world, "theory").signed_in_at == SIGN_IN_OPEN
