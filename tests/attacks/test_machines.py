"""Login, lease and machine belong together: taken from one machine they are worth nothing on another (R-42).

A machine is known by a token the server made and signed; the address of the connection stands for one whose disk
was restored; nothing a client invents stands for any (R-16).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import inspect, select, text
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.http.auth.machine import MACHINE_COOKIE, MachineTokens, token_hash, tokens_of
from cbt.http.models import LoginSession
from cbt.runner.attempt_changes import send_message
from cbt.runner.models import Attempt, JournalEntry, LateEntry, UnitDone
from cbt.runner.save.batch import GAP
from cbt.sittings.models import Room
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.delivery.starts import by_the_view
from tests.door.door import (
    bind,
    machine,
    machine_at,
    pass_the_door,
    seat,
    sign_in,
    work,
)
from tests.proctoring.desk import Desk, attempt, audited, done, refused, running
from tests.world import World

pytestmark = pytest.mark.once

MINUTE = timedelta(minutes=1)
FORGERIES = {
    "nothing": lambda _own, _app: None,
    "an empty value": lambda _own, _app: "",
    "the name without its signature": lambda own, _app: own.rsplit(".", 1)[0],
    "the name with another signature": lambda own, _app: own.rsplit(".", 1)[0] + "." + "A" * 43,
    "another name with the signature": lambda own, _app: "seat-5." + own.rsplit(".", 1)[1],
    "the hash the server keeps": lambda own, _app: token_hash(own.rsplit(".", 1)[0]),
    "the token of another installation": lambda own, _app: MachineTokens("k" * 32, MACHINE_COOKIE).issue(
        own.rsplit(".", 1)[0]
    ),
    "the address as a name": lambda _own, _app: "addr:127.0.0.1",
    "another machine's own token": lambda _own, app: tokens_of(app).issue("seat-9"),
    "a token of 4,000 characters": lambda own, _app: own + "A" * 4000,
    "two tokens in one": lambda own, _app: f"x; {own}",
}
"""What a thief can send in place of the machine's own token, from another address."""


@pytest.fixture
def page(world: World) -> Page:
    """李娜 is in unit 1 of the skills paper, at her own machine."""
    return running(world, "skills")["skills"]


def thief(page: Page, forged: str | None, *, signed_in: bool = True) -> Page:
    """Return a page on another machine that holds the session cookie and the lease of `page`."""
    other = Page.__new__(Page)
    other.__dict__.update(page.__dict__)
    other.client = page.world.app.test_client()
    other.client.environ_base["REMOTE_ADDR"] = "10.99.0.1"
    if signed_in:
        with page.client.session_transaction() as own, other.client.session_transaction() as taken:
            taken.update(own)
    if forged is not None:
        other.client.set_cookie(MACHINE_COOKIE, forged)
    return other


def forged_for(page: Page, forgery: str) -> str | None:
    cookie = page.client.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    value: str | None = FORGERIES[forgery](cookie.value, page.world.app)  # type: ignore[no-untyped-call]
    return value


def kept(world: World) -> list[int]:
    with world.app.app_context(), reading() as session:
        tables: list[Any] = [JournalEntry, LateEntry, UnitDone]
        return [len(session.scalars(select(table)).all()) for table in tables]


def read_first_message(page: Page) -> TestResponse:
    return page.client.post(
        f"/attempts/{page.ref}/messages/1/read", json={}, headers={"X-CBT-Lease": page.lease}
    )


def ask_the_clock(page: Page) -> TestResponse:
    return page.client.get(f"/attempts/{page.ref}/clock", headers={"X-CBT-Lease": page.lease})


UNDER_THE_LEASE: dict[str, Callable[[Page], TestResponse]] = {
    "a heartbeat": lambda page: page.send(),
    "an answer": lambda page: page.answer(1, "B"),
    "a note": lambda page: page.answer(1, "x", "note"),
    "a unit's end": lambda page: page.advance(1, completed=True),
    "a unit's end with an answer": lambda page: page.advance(
        1, completed=True, entries=(page.entry(1, "B"),)
    ),
    "a hand-in": lambda page: page.submit(),
    "a hand-in with an answer": lambda page: page.submit(page.entry(1, "B")),
    "a reminder confirmed": read_first_message,
    "the clock": ask_the_clock,
}
STARTS = {"by the short way": lambda page: page.start(), "by the view": by_the_view}


@pytest.mark.parametrize("way", UNDER_THE_LEASE)
@pytest.mark.parametrize("signed_in", [True, False], ids=["with the login", "without the login"])
def test_a_stolen_lease_does_nothing_on_another_machine(
    page: Page, world: World, way: str, signed_in: bool
) -> None:
    with world.app.app_context(), unit_of_work() as session:
        found = session.get_one(Attempt, world.sitters["skills"].attempt_id)
        send_message(session, found, now=world.clock.now(), text="请安静", actor="staff:test")
    world.clock.advance(31 * MINUTE if "hand-in" in way else MINUTE)
    before, state = kept(world), attempt(world, "skills").state
    reply = UNDER_THE_LEASE[way](thief(page, None, signed_in=signed_in))
    assert reply.status_code == 403, reply.text
    assert reply.get_json()["code"] == "machine.other"
    assert kept(world) == before
    assert attempt(world, "skills").state == state


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_lease_is_refused_whatever_is_sent_as_the_machine(page: Page, world: World, forgery: str) -> None:
    reply = thief(page, forged_for(page, forgery)).answer(1, "B")
    assert (reply.status_code, reply.get_json()["code"]) == (403, "machine.other")
    assert kept(world) == [0, 0, 0]


@pytest.mark.parametrize("way", STARTS)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_login_opens_no_paper_whatever_is_sent_as_the_machine(
    page: Page, world: World, way: str, forgery: str
) -> None:
    world.clock.advance(GAP + MINUTE)
    reply = STARTS[way](thief(page, forged_for(page, forgery)))
    assert reply.status_code in {401, 403}, reply.text
    assert "paper" not in (reply.get_json(silent=True) or {})
    assert attempt(world, "skills").lease_epoch == 1


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_login_shows_no_page_whatever_is_sent_as_the_machine(page: Page, forgery: str) -> None:
    other = thief(page, forged_for(page, forgery))
    reply = other.client.get(f"/exam/{page.ref}", headers={"Accept": "text/html"})
    assert reply.status_code in {303, 403}
    assert "李娜" not in reply.text


def test_the_own_machine_goes_on_meanwhile(page: Page) -> None:
    assert thief(page, None).answer(1, "B").status_code == 403
    assert page.answer(1, "A").status_code == 200


def test_the_board_and_the_log_tell_of_it_and_the_proctor_answers(page: Page, world: World) -> None:
    thief(page, None).answer(1, "B")
    desk = Desk(world)
    assert "10.99.0.1" in desk.page()
    with world.app.app_context(), reading() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.act == "door.elsewhere"))
    assert "10.99.0.1" in str(entry.after)
    done(desk.act("seen", "skills", alert="elsewhere"))
    assert "10.99.0.1" not in desk.page()
    assert "door.clear_elsewhere" in audited(world)


def test_a_stolen_lease_cannot_make_the_server_write_without_end(page: Page, world: World) -> None:
    other = thief(page, None)
    for _ in range(30):
        other.answer(1, "B")
        world.clock.advance(timedelta(seconds=1))
    assert audited(world).count("door.elsewhere") == 1


def test_another_machine_may_when_the_proctor_allows_the_move(page: Page, world: World) -> None:
    done(Desk(world).act("move", "skills", reason="主机故障"))
    moved = Page(world, "skills", machine="seat-9")
    assert moved.start().status_code == 200
    assert moved.answer(1, "A").status_code == 200
    assert page.answer(1, "B").status_code in {403, 409}


def test_a_second_sign_in_by_a_forged_machine_value_takes_no_lease(world: World) -> None:
    own = at_the_seat(world)
    world.clock.advance(GAP + MINUTE)
    cookie = own.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    invented = ("seat:1", "seat-1", cookie.value[::-1], token_hash(cookie.value), "addr:10.0.0.1")
    for value in invented:
        other = machine(world, address="10.99.0.1")
        other.set_cookie(MACHINE_COOKIE, value)
        assert sign_in(world, other, "theory").status_code == 403
    assert attempt(world, "theory").lease_epoch == 1


def at_the_seat(world: World) -> FlaskClient:
    """Return the browser of 王小明 at seat 1, who has opened the paper."""
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    assert sign_in(world, client, "theory").status_code == 303
    with world.app.app_context(), unit_of_work() as session:
        row = session.get_one(Registration, world.sitters["theory"].registration_id)
        row.confirmed_at = row.pledged_at = world.clock.now()
    world.start()
    assert start(world, client).status_code == 200
    return client


def start(world: World, client: FlaskClient) -> TestResponse:
    return client.post(f"/attempts/{world.sitters['theory'].attempt_ref}/start", json={})


def test_a_machine_whose_disk_was_restored_goes_on_by_its_address(world: World) -> None:
    at_the_seat(world)
    world.clock.advance(GAP + timedelta(seconds=1))
    restored = machine(world, address="10.0.0.1")
    restored.get("/")
    assert sign_in(world, restored, "theory").status_code == 303
    reply = start(world, restored)
    assert reply.status_code == 200
    assert reply.get_json()["epoch"] == 2


def test_at_another_address_it_does_not(world: World) -> None:
    at_the_seat(world)
    world.clock.advance(GAP + timedelta(seconds=1))
    other = machine(world, address="10.0.0.250")
    other.get("/")
    assert sign_in(world, other, "theory").status_code == 403
    assert start(world, other).status_code in {302, 303, 401, 403}


def test_at_another_seats_machine_the_lease_stays(world: World) -> None:
    at_the_seat(world)
    world.clock.advance(GAP + timedelta(seconds=1))
    neighbour = machine_at(world, 2)
    assert sign_in(world, neighbour, "theory").status_code != 303
    assert attempt(world, "theory").lease_epoch == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP", "Via"])
def test_an_address_in_a_header_is_nobodys(world: World, header: str) -> None:
    at_the_seat(world)
    other = machine(world, address="10.99.0.1")
    value = "for=10.0.0.1" if header == "Forwarded" else "10.0.0.1"
    assert "本机还没有绑定机位" in other.get("/", headers={header: value}).text


def test_no_token_lies_in_the_database(world: World) -> None:
    client = at_the_seat(world)
    cookie = client.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    with client.session_transaction() as kept_in_cookie:
        login = str(kept_in_cookie["_user_id"])
    raw = [cookie.value, cookie.value.rsplit(".", 1)[0], login]
    with world.app.app_context(), reading() as session:
        for table in inspect(db.engine).get_table_names():
            rows = repr(session.execute(text(f'SELECT * FROM "{table}"')).all())
            assert not any(one in rows for one in raw), table
        logins = session.scalars(select(LoginSession.token_hash)).all()
    assert token_hash(login) in logins


def test_the_room_code_alone_takes_no_seat_from_a_machine(world: World) -> None:
    first = machine_at(world, 3)
    second = machine(world, address="10.0.0.77")
    for fields in ({}, {"replace": "1"}, {"replace": "on", "force": "1"}):
        assert bind(world, second, 3, **fields).status_code == 409
    assert "本机还没有绑定机位" in second.get("/").text
    assert '<b class="num">03</b>' in first.get("/").text


def test_behind_one_address_the_room_code_takes_no_seat_either(world: World) -> None:
    """Machines behind one address: it does not say that a machine is the seat's own after a restored disk."""
    first = machine(world, address="10.0.0.9")
    for number, client in ((1, first), (2, machine(world, address="10.0.0.9"))):
        assert bind(world, client, number).status_code == 303
    assert bind(world, machine(world, address="10.0.0.9"), 1).status_code == 409
    assert '<b class="num">01</b>' in first.get("/").text


def test_the_proctors_act_gives_the_seat_to_the_machine_that_asked(world: World) -> None:
    first = machine_at(world, 2)  # 李娜's seat
    second = machine(world, address="10.0.0.77")
    world.admit_all()
    bind(world, second, 2)
    desk = Desk(world)
    assert "10.0.0.77" in desk.page()
    done(desk.act("rebind", "skills"))
    assert '<b class="num">02</b>' in second.get("/").text
    assert "本机还没有绑定机位" in first.get("/").text
    assert refused(desk.act("rebind", "skills")) == "proctoring.none_apply"


def test_somebody_else_who_asked_later_gets_nothing_by_it(world: World) -> None:
    machine_at(world, 2)
    one, other = machine(world, address="10.0.0.77"), machine(world, address="10.0.0.78")
    world.admit_all()
    bind(world, one, 2)
    done(Desk(world).act("rebind", "skills"))
    assert bind(world, other, 2).status_code == 409
    assert '<b class="num">02</b>' in one.get("/").text


def test_the_code_is_worth_nothing_when_every_seat_has_a_machine(world: World) -> None:
    code = world.room_code
    for number in range(1, 9):
        machine_at(world, number)
    with work(world) as session:
        room = session.get_one(Room, world.room_id)
        assert (room.room_code == code, room.code_until) == (False, None)
    assert bind(world, machine(world, address="10.0.0.99"), 1).status_code == 422


def test_the_code_is_worth_nothing_after_its_round(world: World) -> None:
    with work(world) as session:
        until = session.get_one(Room, world.room_id).code_until
    assert until is not None
    world.clock.set(until)
    assert bind(world, machine(world), 1).status_code == 422


def test_a_new_round_has_a_new_code_and_ends_the_former(world: World) -> None:
    officer = world.staff("officer")
    with work(world) as session:
        ref = session.get_one(Room, world.room_id).ref
    assert officer.post(f"/office/rooms/{ref}/code").status_code == 303
    assert bind(world, machine(world), 1).status_code == 422
    with work(world) as session:
        fresh = session.get_one(Room, world.room_id).room_code
    assert machine(world).post("/seat/bind", data={"room_code": fresh, "number": "1"}).status_code == 303
    assert officer.post(f"/office/rooms/{ref}/code", data={"act": "close"}).status_code == 303
    assert machine(world).post("/seat/bind", data={"room_code": fresh, "number": "2"}).status_code == 422


@pytest.mark.parametrize("role", ["author", "reviewer", "proctor"])
def test_a_round_is_begun_by_those_who_may(world: World, role: str) -> None:
    with work(world) as session:
        room = session.get_one(Room, world.room_id)
        ref, code = room.ref, room.room_code
    assert world.staff(role).post(f"/office/rooms/{ref}/code").status_code in {403, 404}
    with work(world) as session:
        assert session.get_one(Room, world.room_id).room_code == code


def test_a_cloned_disk_alerts_and_moves_nothing(world: World) -> None:
    cloned = machine_at(world, 1)
    machine_at(world, 2)
    cloned.environ_base["REMOTE_ADDR"] = "10.0.0.2"
    pass_the_door(world, "theory")
    sign_in(world, cloned, "theory")
    with work(world) as session:
        first = seat(session, world, 1)
        assert (first.claim_alert_at, first.machine_address) == (world.clock.now(), "10.0.0.1")


def ask_held(client: FlaskClient, ref: str) -> dict[str, Any]:
    body = {"attempt": ref, "keys": [{"epoch": 1, "seq": 1}]}
    reply = client.post("/exam/held", json=body)
    assert reply.status_code == 200
    return dict(reply.get_json())


def test_only_the_machine_that_had_the_lease_is_told_what_the_server_holds(page: Page) -> None:
    page.answer(1, "A")
    own = machine_only(page)
    assert ask_held(own, page.ref) == {"held": [True], "over": False}
    assert ask_held(thief(page, None).client, page.ref) == {"held": [False], "over": False}


def machine_only(page: Page) -> FlaskClient:
    """Return the same machine's browser after everybody has signed out."""
    client = page.world.app.test_client()
    cookie = page.client.get_cookie(MACHINE_COOKIE)
    assert cookie is not None
    client.set_cookie(MACHINE_COOKIE, cookie.value)
    return client


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"attempt": ["a", "b"], "keys": []}, id="two refs"),
        pytest.param({"attempts": ["a", "b"], "keys": []}, id="the former list of refs"),
        pytest.param({"attempt": {"a": 1}, "keys": []}, id="an object"),
        pytest.param({"attempt": "a" * 41, "keys": []}, id="a long ref"),
        pytest.param({"attempt": "a", "keys": [{"epoch": 1, "seq": 1}] * 100_000}, id="too many keys"),
    ],
)
def test_one_ref_at_a_time_is_asked_about(page: Page, body: dict[str, Any]) -> None:
    reply = machine_only(page).post("/exam/held", data=json.dumps(body), content_type="application/json")
    assert reply.status_code in {413, 422}


def test_an_unbound_machine_where_those_may_sign_in_has_no_lease_of_anothers(world: World) -> None:
    settings = world.app.extensions["cbt_settings"]
    world.app.extensions["cbt_settings"] = replace(settings, unbound_sign_in=True)
    at_the_seat(world)
    world.clock.advance(GAP + timedelta(seconds=1))
    other = machine(world, address="10.99.0.1")
    other.get("/")
    sign_in(world, other, "theory")
    assert start(world, other).status_code in {401, 403, 409}
    assert attempt(world, "theory").lease_epoch == 1
