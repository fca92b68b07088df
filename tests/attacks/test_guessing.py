"""Guessing uses up the guesser's own budget: nobody is locked out by it, and people are told of it (R-14).

A try is counted before it is verified, so that of many which arrive together exactly as many are verified as the
budget has.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts import passwords
from cbt.audit.models import AuditEntry
from cbt.door import store as door_store
from cbt.http.auth import rate_limit, throttle
from cbt.http.auth.machine import MACHINE_COOKIE, tokens_of
from cbt.http.auth.rate_limit import FROM_ELSEWHERE, MAX_FAILURES, MOST_OF_STRANGERS, SLOWER, WINDOW
from cbt.http.models import KnownMachine, Throttle
from cbt.storage.unit_of_work import reading
from tests.accounts.test_signing_in import OWN, hire, sign_in
from tests.attacks.briefly import open_briefly, tell_briefly
from tests.attacks.second_scene import Scene, allow
from tests.door.door import machine, machine_at, pass_the_door
from tests.door.door import sign_in as sign_in_at
from tests.door.test_sign_in import issue_code
from tests.helpers import FakeClock
from tests.proctoring.desk import Desk, done
from tests.world import World

SECOND = timedelta(seconds=1)
AT_ONCE = 3 * MAX_FAILURES
WRONG = "wrong wrong wrong"


@pytest.fixture(autouse=True)
def _told_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_briefly(monkeypatch)
    open_briefly(monkeypatch)


def browsers(app: flask.Flask, count: int) -> list[FlaskClient]:
    """Return new browsers, each with a token of its own and an address of its own."""
    found = []
    for number in range(count):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.66.{number // 250}.{number % 250 + 1}"
        client.set_cookie(MACHINE_COOKIE, tokens_of(app).issue(f"browser-{number}"))
        found.append(client)
    return found


def at_once(calls: list[Callable[[], int]]) -> list[int]:
    """Let every call begin in the same moment, each in a thread; return what they return."""
    gate = Barrier(len(calls))

    def run(call: Callable[[], int]) -> int:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the passwords that were really verified."""
    seen: list[str] = []

    def watched(_hash: str | None, password: str) -> bool:
        seen.append(password)
        return password != WRONG

    monkeypatch.setattr(passwords, "matches", watched)
    return seen


def test_of_parallel_tries_at_a_password_exactly_the_budget_is_verified(
    app: flask.Flask, clock: FakeClock, verified: list[str]
) -> None:
    hire(app, clock, "zhou")
    (attacker,) = browsers(app, 1)
    cookies = attacker.get_cookie("cbt_machine")
    assert cookies is not None
    verified.clear()

    def one() -> int:
        client = app.test_client()
        client.set_cookie("cbt_machine", cookies.value)
        return sign_in(client, "zhou", WRONG)

    said = at_once([one] * AT_ONCE)
    assert len(verified) == MAX_FAILURES
    assert (said.count(403), said.count(429)) == (MAX_FAILURES, AT_ONCE - MAX_FAILURES)


def test_of_parallel_tries_from_many_machines_exactly_the_accounts_budget_is_verified(
    app: flask.Flask, clock: FakeClock, verified: list[str]
) -> None:
    hire(app, clock, "zhou")
    attackers = browsers(app, SLOWER.tries + 8)
    for client in attackers:
        client.environ_base["REMOTE_ADDR"] = "10.66.0.1"
    verified.clear()
    said = [sign_in(client, "zhou", WRONG) for client in attackers[8:-8]]
    said += at_once([lambda client=client: sign_in(client, "zhou", WRONG) for client in attackers[:8]])
    said += at_once([lambda client=client: sign_in(client, "zhou", WRONG) for client in attackers[-8:]])
    assert len(verified) == SLOWER.tries + FROM_ELSEWHERE.tries
    assert said.count(429) == 8 - FROM_ELSEWHERE.tries


def test_forty_strangers_do_not_lock_the_owner_of_a_new_machine_out(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "zhou")
    *strangers, own = browsers(app, SLOWER.tries + 30)
    said = [sign_in(client, "zhou", WRONG) for client in strangers]
    assert said == [403] * len(strangers)
    assert sign_in(own, "zhou", OWN) == 303


def test_what_strangers_may_guess_stays_bounded(
    app: flask.Flask, clock: FakeClock, verified: list[str]
) -> None:
    """40 tries of all machines in a quarter of an hour, then 3 an address, and never more than 400."""
    hire(app, clock, "zhou")
    verified.clear()
    said = []
    for number in range(MOST_OF_STRANGERS.tries + 40):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.{66 + number // 200}.0.{number % 200}"
        said.append(sign_in(client, "zhou", WRONG))
    assert len(verified) == MOST_OF_STRANGERS.tries
    assert said[-40:] == [429] * 40
    clock.advance(SLOWER.window)
    assert sign_in(app.test_client(), "zhou", OWN) == 303


def test_an_address_of_strangers_is_held_to_its_few(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    attackers = browsers(app, SLOWER.tries + FROM_ELSEWHERE.tries + 2)
    for client in attackers:
        client.environ_base["REMOTE_ADDR"] = "10.66.0.1"
    said = [sign_in(client, "zhou", WRONG) for client in attackers]
    assert said == [403] * (SLOWER.tries + FROM_ELSEWHERE.tries) + [429] * 2
    clock.advance(SLOWER.window)
    assert sign_in(attackers[-1], "zhou", WRONG) == 403


def test_of_parallel_tries_at_a_ticket_exactly_the_budget_is_verified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    cookie = client.get_cookie("cbt_machine")
    assert cookie is not None
    looked: list[str] = []
    real = door_store.doors_of_ticket

    def watched(session: Session, number: str) -> Any:
        looked.append(number)
        return real(session, number)

    monkeypatch.setattr(door_store, "doors_of_ticket", watched)

    def one() -> int:
        again = machine(world, address="10.0.0.1")
        again.set_cookie("cbt_machine", cookie.value)
        return sign_in_at(world, again, "theory", document="000000").status_code

    said = at_once([one] * AT_ONCE)
    assert (said.count(422), said.count(429)) == (MAX_FAILURES, AT_ONCE - MAX_FAILURES)
    assert len(looked) == MAX_FAILURES


@pytest.mark.once
def test_a_machine_that_signed_the_account_in_before_is_not_locked_out(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "zhou")
    own, *attackers = browsers(app, 1 + SLOWER.tries + 1)
    assert sign_in(own, "zhou", OWN) == 303
    own.post("/staff/sign-out")
    for client in attackers:
        client.environ_base["REMOTE_ADDR"] = "10.66.0.1"
        sign_in(client, "zhou", WRONG)
        sign_in(client, "zhou", WRONG)
    assert sign_in(attackers[0], "zhou", OWN) == 429
    assert sign_in(own, "zhou", OWN) == 303


@pytest.mark.once
def test_a_machine_of_ones_own_has_its_own_budget_all_the_same(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    (own,) = browsers(app, 1)
    assert sign_in(own, "zhou", OWN) == 303
    own.post("/staff/sign-out")
    for _ in range(MAX_FAILURES):
        assert sign_in(own, "zhou", WRONG) == 403
    assert sign_in(own, "zhou", OWN) == 429


@pytest.mark.once
def test_throwing_the_cookie_away_makes_no_new_budget_at_the_same_address(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "zhou")
    said = []
    for _ in range(SLOWER.tries + 5):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = "10.66.0.1"
        said.append(sign_in(client, "zhou", WRONG))
    assert said.count(403) <= SLOWER.tries
    assert said[-1] == 429


@pytest.mark.once
@pytest.mark.parametrize("invented", ["x", "a" * 64, "seat-1", "seat-1.AAAA", "../..", "addr:10.0.0.9"])
def test_an_invented_machine_value_makes_no_new_budget(
    app: flask.Flask, clock: FakeClock, invented: str
) -> None:
    hire(app, clock, "zhou")
    said = []
    for number in range(MAX_FAILURES + 2):
        client = app.test_client()
        client.set_cookie("cbt_machine", f"{invented}{number}")
        said.append(sign_in(client, "zhou", WRONG))
    assert said == [403] * MAX_FAILURES + [429] * 2


@pytest.mark.once
def test_a_login_code_works_though_the_ticket_and_the_seat_were_guessed_at(world: World) -> None:
    client = machine_at(world, 1)
    others = [machine_at(world, number) for number in (2, 3, 4, 5, 6, 7, 8)]
    pass_the_door(world, "theory")
    code = issue_code(world, "theory")
    for one in [client, *others]:
        for _ in range(MAX_FAILURES + 1):
            sign_in_at(world, one, "theory", document="000000")
    assert sign_in_at(world, client, "theory").status_code == 429
    assert sign_in_at(world, client, "theory", by="code", code=code).status_code == 303


@pytest.mark.once
def test_a_login_code_works_though_other_seats_guessed_at_the_code(world: World) -> None:
    client, *others = [machine_at(world, number) for number in range(1, 9)]
    pass_the_door(world, "theory")
    for one in others:
        for _ in range(6):
            sign_in_at(world, one, "theory", by="code", code="000000")
    code = issue_code(world, "theory")
    assert sign_in_at(world, client, "theory", by="code", code=code).status_code == 303


@pytest.mark.once
def test_a_login_code_has_five_tries_at_a_seat(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    code = issue_code(world, "theory")
    wrong = "000000" if code != "000000" else "000001"
    said = [sign_in_at(world, client, "theory", by="code", code=wrong).status_code for _ in range(6)]
    assert said == [422] * 5 + [429]


@pytest.mark.once
def test_the_own_seat_of_a_ticket_signs_in_though_the_ticket_is_guessed_at_everywhere(world: World) -> None:
    own, *others = [machine_at(world, number) for number in range(1, 9)]
    pass_the_door(world, "theory")
    for one in others:
        for _ in range(MAX_FAILURES):
            sign_in_at(world, one, "theory", document="000000")
    assert sign_in_at(world, own, "theory").status_code == 303


@pytest.mark.once
@pytest.mark.parametrize("way", ["own session", "one-time code", "password"])
def test_the_second_persons_approval_works_though_their_account_is_guessed_at(world: World, way: str) -> None:
    scene = Scene(world)
    chief = scene.as_("chief_proctor")
    for client in browsers(world.app, SLOWER.tries + 2):
        sign_in(client, world.people["chief_proctor"].login, WRONG)
    if way == "password":
        allow(world, by_password=True)
        done(scene.desk.act("force", "theory", second="chief_proctor", reason="不服从管理"))
    else:
        ref = scene.ask("force")
        if way == "own session":
            done(scene.step(ref, "approve", "chief_proctor", chief))
        else:
            code = scene.code(ref, "chief_proctor")
            done(scene.step(ref, "enter", "proctor", code=code))
    assert scene.closed


@pytest.mark.once
def test_a_seats_count_survives_its_own_success(world: World) -> None:
    """Otherwise a candidate who may sign in clears the count and guesses at others' tickets for ever."""
    client = machine_at(world, 1)
    pass_the_door(world, "theory", "skills")
    for _ in range(MAX_FAILURES - 1):
        assert sign_in_at(world, client, "skills", document="000000").status_code == 422
    assert sign_in_at(world, client, "theory").status_code == 303
    assert sign_in_at(world, client, "skills", document="000000").status_code == 422
    assert sign_in_at(world, client, "skills", document="000000").status_code == 429


@pytest.mark.once
@pytest.mark.parametrize("by", ["document", "code"])
def test_a_machine_bound_to_no_seat_signs_no_candidate_in(world: World, by: str) -> None:
    pass_the_door(world, "theory")
    code = issue_code(world, "theory")
    reply = sign_in_at(world, machine(world), "theory", by=by, code=code)
    assert reply.status_code == 403
    assert "没有绑定机位" in reply.text


@pytest.mark.once
def test_where_unbound_machines_may_sign_in_they_have_a_budget(world: World) -> None:
    settings = world.app.extensions["cbt_settings"]
    world.app.extensions["cbt_settings"] = replace(settings, unbound_sign_in=True)
    pass_the_door(world, "theory")
    client = machine(world)
    client.get("/")
    said = [sign_in_at(world, client, "theory", document="000000").status_code for _ in range(10)]
    assert said == [422] * MAX_FAILURES + [429] * 2


@pytest.mark.once
def test_many_failures_at_a_seat_show_on_the_board_with_their_address(world: World) -> None:
    client = machine_at(world, 1)
    pass_the_door(world, "theory")
    for _ in range(MAX_FAILURES):
        sign_in_at(world, client, "theory", document="000000")
    page = Desk(world).page()
    assert "10.0.0.1" in page
    assert "登录" in page
    done(Desk(world).act("seen", "theory", alert="guessing"))
    assert "10.0.0.1" not in Desk(world).page()


@pytest.mark.once
def test_many_failures_at_an_account_show_to_those_who_look_after_accounts(world: World) -> None:
    login = world.people["officer"].login
    for client in browsers(world.app, SLOWER.tries // 2):
        sign_in(client, login, WRONG)
    page = world.staff("admin").get("/staff/people").text
    assert 'id="guesses"' in page
    assert login in page.split('id="guesses"', 1)[1].split("</div>", 1)[0]
    assert "10.66.0.20" in page


def test_many_failures_are_one_entry_of_the_log_with_login_address_and_machine(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "zhou")
    for client in browsers(app, SLOWER.tries):
        sign_in(client, "zhou", WRONG)
    with app.app_context(), reading() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.act == "guessing.staff"))
    assert entry.subject == "staff:zhou"
    assert "10.66.0." in str(entry.after)
    assert "machine" in str(entry.after)


@pytest.mark.once
def test_a_list_of_names_cannot_flood_the_log(app: flask.Flask, clock: FakeClock) -> None:
    del clock
    with app.app_context():
        before = entries()
        now = app.extensions["cbt_clock"].now()
        for number in range(rate_limit.ALERTS.tries + 20):
            for turn in range(SLOWER.tries // 2):
                throttle.reserve(
                    scope="staff", subject=f"nobody{number}", machine=f"m{turn}", now=now, address="10.1.1.1"
                )
        assert entries() - before <= rate_limit.ALERTS.tries


def entries() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


@pytest.mark.once
def test_guessed_codes_of_rooms_are_stopped(world: World) -> None:
    client = machine(world, address="10.7.7.7")
    client.get("/")
    said = [
        client.post("/seat/bind", data={"room_code": f"AAAAA{number}", "number": "1"}).status_code
        for number in range(MAX_FAILURES + 1)
    ]
    assert said == [422] * MAX_FAILURES + [429]


@pytest.mark.once
def test_machines_that_throw_their_token_away_share_the_budget_of_their_address(world: World) -> None:
    said = [
        machine(world, address="10.7.7.7")
        .post("/seat/bind", data={"room_code": f"AAAAA{number}", "number": "1"})
        .status_code
        for number in range(MAX_FAILURES + 1)
    ]
    assert said == [422] * MAX_FAILURES + [429]


def test_a_window_ends(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    (client,) = browsers(app, 1)
    for _ in range(MAX_FAILURES):
        sign_in(client, "zhou", WRONG)
    clock.advance(WINDOW - SECOND)
    assert sign_in(client, "zhou", OWN) == 429
    clock.advance(SECOND)
    assert sign_in(client, "zhou", OWN) == 303


def test_counters_and_machines_are_purged(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "zhou")
    own, other = browsers(app, 2)
    sign_in(own, "zhou", OWN)
    sign_in(other, "zhou", WRONG)
    with app.app_context():
        assert rate_limit.purge(now=clock.now(), most=100) == 0
        clock.advance(rate_limit.LONGEST)
        rate_limit.purge(now=clock.now(), most=100)
        with reading() as session:
            assert session.scalars(select(Throttle)).all() == []
            assert len(session.scalars(select(KnownMachine)).all()) == 1
        clock.advance(rate_limit.KNOWN_FOR)
        rate_limit.purge(now=clock.now(), most=100)
        with reading() as session:
            assert session.scalars(select(KnownMachine)).all() == []
