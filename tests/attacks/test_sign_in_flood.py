"""Sign-ins of staff without end: strangers wait for each other, nobody else does, and nobody is shut out.

Source: R-14.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, select

from cbt.accounts import passwords
from cbt.http.auth.rate_limit import UNKNOWN_NAMES
from cbt.http.auth.throttle import PACE
from cbt.http.models import Throttle
from cbt.http.server import front
from cbt.http.server.front import Front
from cbt.http.server.lanes import AGAIN_SECONDS, MOST_WAITING, OF_KNOWN, THREADS, Lane, Strangers
from cbt.rules.roles import Role
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from tests.accounts.test_signing_in import OWN, hire, sign_in
from tests.attacks.test_bodies import NOON, Protocol, Scope, until
from tests.helpers import FakeClock
from tests.loops import run_in_loop
from tests.world import World

pytestmark = pytest.mark.once

MANY = 400
WRONG = "not the password of anybody"


# --- the line ----------------------------------------------------------------------------------------------


class Office:
    """An app whose sign-ins take until the test says so; pages of staff do not."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.at_once = self.most_at_once = self.verified = 0
        self._look = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/staff/sign-in":
            with self._look:
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            self.go_on.wait(20)
            with self._look:
                self.at_once -= 1
                self.verified += 1
        start_response("200 OK", [])
        return [b"page"]


def besieged(
    scene: Callable[[Front, Office], Any], *, known: frozenset[str] = frozenset(), rests: list[float]
) -> Office:
    office = Office()

    async def run() -> None:
        strangers = Strangers(
            machine_of=lambda cookies: cookies or None,
            look_up=lambda: known,
            draw=lambda _cookies: (503, [("retry-after", str(AGAIN_SECONDS))], b"come again"),
            rest=rests.append,
        )
        fronted = Front(
            office,
            threads=64,
            now=lambda: NOON,
            lane=lambda _method, path: Lane.SIGN_INS if path == "/staff/sign-in" else Lane.STAFF,
            strangers=strangers,
        )
        fronted.__rsgi_init__(asyncio.get_running_loop())
        try:
            await asyncio.wait_for(scene(fronted, office), 20)
        finally:
            office.go_on.set()
            fronted.__rsgi_del__(asyncio.get_running_loop())

    run_in_loop(run())
    return office


def ask(fronted: Front, path: str, *, cookie: str = "") -> tuple[Protocol, asyncio.Future[None]]:
    protocol = Protocol()
    protocol.body.set_result(b"login=x")
    scope = Scope({"content-length": "7", "cookie": cookie}, path=path)
    return protocol, asyncio.ensure_future(fronted.__rsgi__(scope, protocol))


@pytest.mark.parametrize("tokens", [False, True], ids=["without a machine's token", "each with one"])
def test_strangers_wait_for_each_other_and_what_does_not_fit_is_refused_early(
    monkeypatch: pytest.MonkeyPatch, tokens: bool
) -> None:
    monkeypatch.setattr(front, "REFUSED_AFTER", 0.001)
    rests: list[float] = []

    async def scene(fronted: Front, office: Office) -> None:
        flood = [
            ask(fronted, "/staff/sign-in", cookie=f"m-{number}" if tokens else "") for number in range(MANY)
        ]
        fit = THREADS + MOST_WAITING
        await until(lambda: sum(one.done() for _, one in flood) >= MANY - fit)
        refused = [one.answer for one, _ in flood if one.answer is not None]
        assert {status for status, _, _ in refused} == {503}
        assert all(("retry-after", str(AGAIN_SECONDS)) in headers for _, headers, _ in refused)
        # 统一开考 and every page of staff beside them: no sign-in holds a thread of theirs.
        for path in ("/proctor/rooms/sr-1/start", "/office"):
            page, asked = ask(fronted, path)
            await asked
            assert page.answer is not None
            assert page.answer[0] == 200
        assert office.verified == 0
        office.go_on.set()
        await asyncio.gather(*(one for _, one in flood))
        assert MANY - len(refused) == office.verified <= fit

    office = besieged(scene, rests=rests)
    assert office.most_at_once == THREADS
    assert len(rests) == office.verified, "after each the line rests as long as it took"


def test_a_known_machine_signs_in_beside_the_flood_and_floods_nobody_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front, "REFUSED_AFTER", 0.001)

    async def scene(fronted: Front, office: Office) -> None:
        flood = [ask(fronted, "/staff/sign-in") for _ in range(MANY)]
        await until(lambda: sum(one.done() for _, one in flood) >= MANY - THREADS - MOST_WAITING)
        own = [ask(fronted, "/staff/sign-in", cookie="m-li") for _ in range(MANY)]
        await until(lambda: sum(one.done() for _, one in own) >= MANY - OF_KNOWN)
        colleague, signing_in = ask(fronted, "/staff/sign-in", cookie="m-wang")
        page, asked = ask(fronted, "/office")
        await asked
        assert page.answer is not None
        await until(lambda: office.at_once == THREADS + OF_KNOWN + 1)
        office.go_on.set()
        await asyncio.gather(signing_in, *(one for _, one in own))
        assert colleague.answer is not None
        assert colleague.answer[0] == 200
        answers = [one.answer[0] for one, _ in own if one.answer is not None]
        assert answers.count(200) == OF_KNOWN

    besieged(scene, known=frozenset({"m-li", "m-wang"}), rests=[])


def test_what_machines_are_known_is_looked_up_now_and_then() -> None:
    now, looks, known = [100.0], [], {"m-1"}

    def look_up() -> frozenset[str]:
        looks.append(now[0])
        return frozenset(known)

    strangers = Strangers(
        machine_of=str, look_up=look_up, draw=lambda _cookies: (503, [], b""), clock=lambda: now[0]
    )
    assert [strangers.is_known(name) for name in ("m-1", "m-2", "m-3")] == [True, False, False]
    known.add("m-2")
    assert not strangers.is_known("m-2")
    now[0] += 2.0
    assert strangers.is_known("m-2")
    assert looks == [100.0, 102.0]


def test_the_product_tells_strangers_from_machines_it_knows(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", Role.OFFICER)
    client, stranger = app.test_client(), app.test_client()
    for one in (client, stranger):
        one.get("/staff/sign-in")
    sign_in(client, "li", OWN)
    strangers: Strangers = app.extensions["cbt_strangers"]
    machines = [strangers.machine_of(cookies_of(one)) for one in (client, stranger)]
    assert None not in machines
    assert [strangers.is_known(str(one)) for one in machines] == [True, False]


@pytest.mark.parametrize(("locale", "said"), [("zh", "同时登录的人太多"), ("en", "Too many people sign in")])
def test_the_refusal_is_a_page_and_nobodys(app: flask.Flask, locale: str, said: str) -> None:
    strangers: Strangers = app.extensions["cbt_strangers"]
    status, headers, page = strangers.draw(f"cbt_locale={locale}; locale={locale}")
    names = {name.lower(): value for name, value in headers}
    assert (status, names["retry-after"]) == (503, str(AGAIN_SECONDS))
    assert {"content-security-policy", "x-content-type-options", "content-type"} <= names.keys()
    assert "set-cookie" not in names
    assert b"csrf" not in page
    assert said in page.decode()
    assert strangers.draw(f"cbt_locale={locale}; locale={locale}")[2] is page, "drawn once"


def cookies_of(client: FlaskClient) -> str:
    return "; ".join(f"{one.key}={one.value}" for one in client._cookies.values())


# --- names that nobody has ---------------------------------------------------------------------------------


def tried(client: FlaskClient, login: str, *, address: str, password: str = WRONG) -> int:
    return client.post(
        "/staff/sign-in",
        data={"login": login, "password": password},
        environ_overrides={"REMOTE_ADDR": address},
    ).status_code


def flood_of_names(app: flask.Flask, address: str, count: int = UNKNOWN_NAMES.tries) -> None:
    for number in range(count):
        assert tried(app.test_client(), f"nobody-{number}", address=address) == 403


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were verified."""
    found: list[str] = []
    verify = passwords.matches

    def matches(password_hash: str | None, password: str) -> bool:
        found.append(password)
        return verify(password_hash, password)

    monkeypatch.setattr(passwords, "matches", matches)
    return found


def test_an_address_of_unknown_names_goes_slowly_and_writes_nothing(
    app: flask.Flask, clock: FakeClock, verified: list[str]
) -> None:
    flood_of_names(app, "10.0.0.66")
    assert tried(app.test_client(), "one more", address="10.0.0.66") == 403, "one try a second is looked at"
    with app.app_context(), reading() as session:
        rows = len(session.scalars(select(Throttle.subject)).all())
    del verified[:]
    for number in range(50):
        reply = app.test_client().post(
            "/staff/sign-in",
            data={"login": f"x-{number}", "password": WRONG},
            environ_overrides={"REMOTE_ADDR": "10.0.0.66"},
        )
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "1")
    assert verified == []
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(Throttle.subject)).all()) == rows
    clock.advance(PACE)
    assert tried(app.test_client(), "later", address="10.0.0.66") == 403
    clock.advance(UNKNOWN_NAMES.window)
    flood_of_names(app, "10.0.0.66", 5)


def test_nobody_is_shut_out_by_unknown_names(app: flask.Flask, clock: FakeClock) -> None:
    hire(app, clock, "li", Role.OFFICER)
    own = app.test_client()
    own.get("/staff/sign-in")
    sign_in(own, "li", OWN)
    flood_of_names(app, "127.0.0.1")
    assert tried(app.test_client(), "x", address="127.0.0.1") == 403
    assert tried(own, "li", address="127.0.0.1", password=OWN) == 303, "a machine that the account knows"
    assert tried(app.test_client(), "li", address="10.0.0.7", password=OWN) == 303, "another address"
    assert tried(app.test_client(), "li", address="127.0.0.1", password=OWN) == 429
    clock.advance(PACE)
    assert tried(app.test_client(), "li", address="127.0.0.1", password=OWN) == 303, "a second later"


def test_the_answer_of_a_slow_address_does_not_tell_whether_a_name_exists(
    app: flask.Flask, clock: FakeClock
) -> None:
    hire(app, clock, "li", Role.OFFICER)
    flood_of_names(app, "10.0.0.66")
    told = []
    for login in ("li", "nobody"):
        clock.advance(PACE)
        told.append([tried(app.test_client(), login, address="10.0.0.66") for _ in range(3)])
    assert told == [[403, 429, 429]] * 2


def test_an_unknown_name_takes_the_same_work_as_a_known_one(
    app: flask.Flask, clock: FakeClock, verified: list[str]
) -> None:
    hire(app, clock, "li", Role.OFFICER)
    work = []
    for login in ("warm-up", "li", "nobody"):
        statements: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any, kept: list[str] = statements) -> None:
            kept.append(statement.split()[0])

        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            del verified[:]
            assert tried(app.test_client(), login, address="10.0.0.66") == 403
        finally:
            event.remove(engine, "before_cursor_execute", note)
        work.append((len(verified), statements))
    assert work[1] == work[2]


def test_candidates_of_a_room_share_an_address_that_was_flooded(world: World) -> None:
    flood_of_names(world.app, "127.0.0.1")
    assert tried(world.app.test_client(), "x", address="127.0.0.1") == 403
    assert world.candidate("theory").get("/exam/confirm").status_code in (200, 303)
    world.clock.advance(timedelta(seconds=1))
