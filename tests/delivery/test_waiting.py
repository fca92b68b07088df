"""The waiting room at the WSGI door: the same as the view says, as soon as the log tells it; nobody is missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from sqlalchemy import select, update

from cbt.audit.chain import record
from cbt.candidates.models import Registration
from cbt.http.auth.machine import MACHINE_COOKIE
from cbt.http.models import LoginSession
from cbt.http.server import deferred as parking_module
from cbt.http.server.deferred import ParkedRequest, Parking, Wait
from cbt.rules.door import share_of
from cbt.runner.waiting.hall import WaitingHall
from cbt.sittings.models import SittingRoom
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading, unit_of_work
from tests.delivery.driver import Page
from tests.delivery.fronted import Fronted, play, said
from tests.proctoring.desk import Desk, change, done
from tests.world import PLANNED, World

STATE = "/exam/wait/state"
JSON = {"accept": "application/json"}


@pytest.fixture
def page(world: World) -> Page:
    """Everybody is in the waiting room; 王小明's page asks."""
    world.admit_all()
    world.clock.set(PLANNED)
    return Page(world, "theory")


def hall_of(page: Page) -> WaitingHall:
    return cast(WaitingHall, page.world.app.extensions["cbt_waiting_hall"])


def told(protocol: Any) -> dict[str, Any]:
    status, body = said(protocol)
    assert status == 200, body
    return cast(dict[str, Any], json.loads(body))


async def ask(hall: Fronted, since: int | None = None) -> tuple[int, dict[str, Any]]:
    """Ask and return status and what is said; what waits is not asked here."""
    protocol, asked = hall.poll(STATE + ("" if since is None else f"?since={since}"), **JSON)
    await asked
    status, body = said(protocol)
    return status, json.loads(body)


def by_the_view(page: Page) -> tuple[int, dict[str, Any]]:
    reply = page.client.get(STATE, headers=JSON)
    return reply.status_code, reply.get_json()


def alike(answer: tuple[int, dict[str, Any]]) -> tuple[Any, ...]:
    status, body = answer
    return status, *(body.get(name) for name in ("go", "url", "evacuated", "code"))


def logged(page: Page, act: str, subject: str) -> Callable[..., None]:
    """Return what writes values into a table, with the entry that such an act leaves."""

    def write(table: Any, where: Any, **values: object) -> None:
        with page.world.app.app_context(), unit_of_work() as session:
            session.execute(update(table).where(where).values(**values))
            record(session, at=page.world.clock.now(), actor="cli", act=act, subject=subject)

    return write


def mine(page: Page) -> str:
    return page.world.sitters["theory"].registration_ref


def started(page: Page) -> None:
    done(Desk(page.world).act("start"))


def started_unpledged(page: Page) -> None:
    logged(page, "registration.change", f"registration:{mine(page)}")(
        Registration, Registration.ref == mine(page), pledged_at=None
    )
    started(page)


def moved(page: Page) -> None:
    """To the other room, which is evacuated."""
    with page.world.app.app_context(), unit_of_work() as session:
        other = session.get_one(Registration, page.world.sitters["elsewhere"].registration_id)
        room_id = other.sitting_room_id
        session.execute(
            update(Registration).where(Registration.ref == mine(page)).values(seat_id=other.seat_id + 1)
        )
        session.execute(
            update(SittingRoom).where(SittingRoom.id == room_id).values(evacuated_at=page.world.clock.now())
        )
    logged(page, "registration.change", f"registration:{mine(page)}")(
        Registration, Registration.ref == mine(page), sitting_room_id=room_id
    )


def evacuated(page: Page) -> None:
    done(Desk(page.world).act("evacuate"))


def left(page: Page) -> None:
    """The login is ended, and the browser goes on sending its cookie."""
    name = page.world.app.config["SESSION_COOKIE_NAME"]
    cookie = page.client.get_cookie(name)
    assert cookie is not None
    page.client.post("/exam/leave")
    page.client.set_cookie(name, cookie.value)


def another_machine(page: Page) -> None:
    page.client.delete_cookie(MACHINE_COOKIE)


def signed_out(page: Page) -> None:
    page.client.delete_cookie(page.world.app.config["SESSION_COOKIE_NAME"])


def next_day(page: Page) -> None:
    page.world.clock.advance(timedelta(hours=15))


CHANGES = [started, started_unpledged, moved, evacuated, left, another_machine, signed_out, next_day]
"""In what may change while somebody waits."""


@pytest.mark.parametrize("happens", CHANGES)
def test_what_happens_is_told_as_the_view_tells_it(page: Page, happens: Callable[[Page], None]) -> None:
    """The process knows the candidate before; one look later it says what the view says."""

    async def scene(hall: Fronted) -> None:
        before = await ask(hall)
        assert alike(before)[:4] == (200, False, None, False)
        await asyncio.to_thread(happens, page)
        hall_of(page)._logins_at = 0.0
        hall.watcher.look()
        assert alike(await ask(hall)) == alike(await asyncio.to_thread(by_the_view, page))

    play(page, scene)


def test_whoever_is_known_is_answered_without_view_or_query(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(hall: Fronted) -> None:
        await ask(hall)
        monkeypatch.setitem(page.world.app.view_functions, "delivery.wait_state", None)
        monkeypatch.setattr("cbt.runner.waiting.hall.raw_reading", None)
        assert (await ask(hall))[0] == 200

    play(page, scene)


def test_a_staff_cookie_and_another_query_go_to_the_view(page: Page) -> None:
    async def scene(hall: Fronted) -> None:
        protocol, asked = hall.poll(f"{STATE}?since=x", **JSON)
        await asked
        assert told(protocol)["next_ms"] > 1000  # the view lets nobody wait
        await ask(hall)
        page.client = page.world.staff("proctor")
        assert (await ask(hall))[0] == (await asyncio.to_thread(by_the_view, page))[0] != 200

    play(page, scene)


WAKES = [
    pytest.param(started, lambda told: told["go"] and told["url"], id="the room begins"),
    pytest.param(evacuated, lambda told: told["evacuated"], id="everybody leaves"),
    pytest.param(moved, lambda told: told["evacuated"], id="somebody is moved"),
]


@pytest.mark.parametrize(("happens", "expected"), WAKES)
def test_a_request_waits_until_something_happens(
    page: Page, happens: Callable[[Page], None], expected: Callable[[dict[str, Any]], object]
) -> None:
    async def scene(hall: Fronted) -> None:
        number = (await ask(hall))[1]["number"]
        protocol, asked = hall.poll(f"{STATE}?since={number}", **JSON)
        await hall.waiting(1)
        await asyncio.to_thread(change, page.world, "skills", left_at=None)
        await asyncio.to_thread(
            logged(page, "door.note", f"registration:{page.world.sitters['skills'].registration_ref}"),
            Registration,
            Registration.ref == "",
            left_at=None,
        )
        hall.watcher.look()
        await asyncio.sleep(0.01)
        assert protocol.answer is None  # what others do is no news
        await asyncio.to_thread(happens, page)
        hall.watcher.look()
        await asked
        assert expected(told(protocol))
        assert told(protocol)["number"] > number

    play(page, scene)


def test_a_login_that_is_ended_ends_its_wait(page: Page) -> None:
    async def scene(hall: Fronted) -> None:
        number = (await ask(hall))[1]["number"]
        protocol, asked = hall.poll(f"{STATE}?since={number}", **JSON)
        await hall.waiting(1)
        await asyncio.to_thread(left, page)
        hall_of(page)._logins_at = 0.0
        hall.watcher.look()
        await asked
        assert said(protocol)[0] == by_the_view(page)[0] != 200

    play(page, scene)


def test_what_happened_before_the_page_asked_is_told_at_once(page: Page) -> None:
    async def scene(hall: Fronted) -> None:
        number = (await ask(hall))[1]["number"]
        await asyncio.to_thread(evacuated, page)
        hall.watcher.look()
        status, body = await ask(hall, number)
        assert (status, body["evacuated"], body["next_ms"]) == (200, True, 50)
        assert (await ask(hall, 10**9))[1]["number"] < 10**9  # a number of another log

    play(page, scene)


def test_nothing_is_lost_between_an_answer_and_its_wait(page: Page) -> None:
    async def scene(hall: Fronted) -> None:
        number = (await ask(hall))[1]["number"]
        take = hall.parking.take

        def late(held: Any) -> bool:  # the room begins, and that is looked at, after the answer was made
            hall.parking.take = take  # type: ignore[method-assign]
            started(page)
            vars(hall.parking).update(wake=at_once)
            hall.watcher.look()
            return take(held)

        def at_once(changes: Any, *, since: int, upto: int, forced: Any) -> None:
            hall.parking._wake(changes, since, upto, tuple(forced))

        hall.parking.take = late  # type: ignore[method-assign]
        protocol, asked = hall.poll(f"{STATE}?since={number}", **JSON)
        await asked
        assert told(protocol)["go"]

    play(page, scene)


def test_what_was_read_while_somebody_looked_is_not_kept(page: Page) -> None:
    """Who was read before an act, and comes to be kept after the look that saw it, would be known as they were."""

    class Slow:
        """A cursor that gives its rows after an act that was looked at."""

        def __init__(self, cursor: Any) -> None:
            self._cursor = cursor

        def __getattr__(self, name: str) -> Any:
            return getattr(self._cursor, name)

        def fetchall(self) -> Any:
            vars(self)["fetchall"] = self._cursor.fetchall
            rows = self._cursor.fetchall()
            logged(page, "registration.change", f"registration:{mine(page)}")(
                Registration, Registration.ref == mine(page), pledged_at=None
            )
            watcher.look()
            return rows

    app, hall = page.world.app, hall_of(page)
    watcher = app.extensions["cbt_news"]
    with app.app_context():
        watcher.look()
        with unit_of_work() as session:
            login = session.scalars(
                select(LoginSession.token_hash).where(LoginSession.subject_ref == mine(page))
            ).all()[-1]
        with raw_reading(db.engine) as cursor:
            found = hall.read(Slow(cursor), [login])[login]
        assert found.waiter.pledged
        assert hall.find(login) is None
        with raw_reading(db.engine) as cursor:
            found = hall.read(cursor, [login])[login]
        assert not found.waiter.pledged


def test_those_who_begin_together_open_one_after_another(page: Page) -> None:
    """Each at its own instant of the span, which is as long as there are people; later ones wait for nobody."""
    hall = hall_of(page)
    hall._servers = 1000  # so many of them are a hall of thousands

    async def scene(fronted: Fronted) -> None:
        await ask(fronted)
        await asyncio.to_thread(started, page)
        fronted.watcher.look()
        assert hall.span == timedelta(seconds=1)
        first = (await ask(fronted))[1]["opens_ms"]
        assert first == hall.span * share_of(mine(page)) // timedelta(milliseconds=1)
        page.world.clock.advance(timedelta(milliseconds=max(first - 1, 0)))
        assert (await ask(fronted))[1]["opens_ms"] <= 1
        page.world.clock.advance(timedelta(seconds=1))
        assert (await ask(fronted))[1]["opens_ms"] == 0

    play(page, scene)


def test_a_hall_is_woken_a_few_at_a_time() -> None:
    """What is sent meanwhile waits for no more than a few, and whoever was sent away is passed over."""
    later: list[Callable[[], None]] = []

    class Loop:
        def time(self) -> float:
            return 0.0

        def call_at(self, _when: float, _call: Any, *_args: Any) -> Any:
            return asyncio.TimerHandle(0.0, lambda: None, (), cast(Any, self))

        def call_later(self, _pause: float, call: Callable[[], None]) -> None:
            later.append(call)

        def get_debug(self) -> bool:
            return False

        def _timer_handle_cancelled(self, _handle: Any) -> None:
            pass

    parking = Parking()
    parking.open(cast(Any, Loop()))
    parking._wake({}, 0, 5, ())
    again: list[int] = []
    many = 2 * parking_module.MOST_ANSWERED_AT_ONCE + 5
    held = [
        ParkedRequest(Wait(f"w{number}", frozenset({"room"}), 5), lambda: None, partial(again.append, number))
        for number in range(many)
    ]
    for one in held:
        assert parking.take(one)
    parking._wake({"room": 6}, 5, 6, ())
    assert (len(again), len(parking)) == (
        parking_module.MOST_ANSWERED_AT_ONCE,
        many - parking_module.MOST_ANSWERED_AT_ONCE,
    )
    parking._over(next(one for one in held if parking._held.get(one.wait.key) is one))  # its time is over
    while later:
        later.pop()()
    assert (len(again), len(parking)) == (many - 1, 0)
