"""Signing in at a seat: what is compared, what is counted, what opens."""

from __future__ import annotations

import json
import random
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate
from cbt.door.arrival import allow_sign_in, by_candidate, issue_login_code
from cbt.door.seats import move_to_seat
from cbt.http.models import LoginSession
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import reading
from tests.door.door import (
    MINUTE,
    SIGN_IN_OPEN,
    acts,
    machine_at,
    pass_the_door,
    registration,
    seat,
    sign_in,
    work,
)
from tests.helpers import count_queries
from tests.world import World

SECOND = timedelta(seconds=1)


def issue_code(world: World, name: str) -> str:
    with work(world) as session:
        return issue_login_code(
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
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        ref = world.sitters["theory"].registration_ref
        assert (entry.subject, entry.at) == (f"registration:{ref}", SIGN_IN_OPEN)
        assert entry.actor == by_candidate(registration(session, world, "theory"))
        assert json.loads(entry.after) == {"seat": 1, "address": "10.0.0.1"}


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
    pages = []
    for ticket in ("261100010001", "261100019999"):
        reply = sign_in(world, client, "theory", ticket=ticket, document="000000")
        # What the person typed and the form's own token differ; nothing else may.
        pages.append(re.sub(r'(value|data-csrf)="[^"]*"', "", reply.text))
        assert reply.status_code == 422
    assert "准考证号或证件号码后六位不对" in pages[0]
    assert pages[0] == pages[1]


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
        allow_sign_in(session, row, now=SIGN_IN_OPEN, actor="staff:test")
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


@pytest.mark.once
def test_whose_number_cannot_be_read_any_more_is_told_of_the_code_and_enters_by_it(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    with work(world) as session:
        person = session.get_one(Candidate, registration(session, world, "theory").candidate_id)
        person.document_sealed = b"sealed under a key that is gone"
    code = issue_code(world, "theory")
    refused = sign_in(world, client, "theory")
    assert (refused.status_code, "改用登录码登录" in refused.text) == (422, True)
    wrong = sign_in(world, client, "theory", by="code", code="000000")
    assert (wrong.status_code, "改用登录码登录" in wrong.text) == (422, False)
    assert sign_in(world, client, "theory", by="code", code=code).status_code == 303


def test_a_login_code_is_for_one_ticket(world: World) -> None:
    client = machine_at(world, 2)
    pass_the_door(world, "theory", "skills")
    code = issue_code(world, "theory")
    assert sign_in(world, client, "skills", by="code", code=code).status_code == 422


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
    client = machine_at(world, 1)
    pass_the_door(world, "theory", "skills")
    sign_in(world, client, "theory")
    with work(world) as session:
        move_to_seat(
            session,
            registration(session, world, "skills"),
            seat(session, world, 1),
            now=SIGN_IN_OPEN,
            actor="staff:test",
        )
    sign_in(world, client, "skills")
    with work(world) as session:
        logins = session.scalars(select(LoginSession).order_by(LoginSession.id)).all()
        assert [login.revoked_at is None for login in logins] == [False, True]


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
