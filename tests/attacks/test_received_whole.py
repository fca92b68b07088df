"""A request sent slowly: what counts is when it was there as a whole, on every path (R-21, R-24, I2)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cbt.accounts.models import Staff
from cbt.errors import CbtError
from cbt.http.auth.login import IDLE
from cbt.http.models import LoginSession
from cbt.http.server.request_body import AGAIN_SECONDS, RECEIVED_AT, SMALL_BODY
from cbt.runner.attempt_changes import send_message
from cbt.runner.models import Attempt, JournalEntry, LateEntry, Message
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.world import PASSWORD, PLANNED, World

pytestmark = pytest.mark.once

MINUTE, SECOND, MS = timedelta(minutes=1), timedelta(seconds=1), timedelta(milliseconds=1)
END = PLANNED + 45 * MINUTE
UNIT_END = PLANNED + 20 * MINUTE


class SlowBody(io.BytesIO):
    """A body whose last byte arrives at `whole_at`: reading it moves the clock there."""

    def __init__(self, world: World, content: bytes, whole_at: datetime) -> None:
        super().__init__(content)
        self._world, self._whole_at = world, whole_at

    def read(self, size: int | None = -1) -> bytes:
        """Return the body once time has passed."""
        content = super().read(size)
        if content:
            self._world.clock.set(self._whole_at)
        return content


def posted(
    page: Page, path: str, body: SlowBody, *, length: int | str, headers: dict[str, str] | None = None
) -> TestResponse:
    """Post a body of a declared length to an attempt."""
    return page.client.post(
        f"/attempts/{page.ref}/{path}",
        content_type="application/json",
        headers={"X-CBT-Lease": page.lease, **(headers or {})},
        environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": str(length)},
    )


def slowly(page: Page, path: str, sent: dict[str, Any], *, whole_at: datetime) -> TestResponse:
    """Post to an attempt now; the body is there at `whole_at`."""
    content = json.dumps(sent).encode()
    return posted(page, path, SlowBody(page.world, content, whole_at), length=len(content))


@pytest.fixture
def theory(world: World) -> Page:
    """王小明 writes the theory paper of 45 minutes."""
    return _opened(world, "theory")


@pytest.fixture
def skills(world: World) -> Page:
    """李娜 writes the skills paper: strict units, the first of 20 minutes."""
    return _opened(world, "skills")


def _opened(world: World, name: str) -> Page:
    world.admit_all()
    world.start()
    page = Page(world, name)
    assert page.start().status_code == 200
    return page


def rows(world: World, table: type[JournalEntry] | type[LateEntry]) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


# --- a save ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_end", "status"),
    [
        pytest.param(-MS, 200, id="whole a millisecond before the end"),
        pytest.param(timedelta(0), 200, id="whole at the end: on the wire, in the grace"),
        pytest.param(3 * SECOND - MS, 200, id="whole within the grace"),
        pytest.param(3 * SECOND, 410, id="whole when the grace is over"),
        pytest.param(5 * MINUTE, 410, id="whole minutes later"),
        pytest.param(timedelta(hours=2), 410, id="whole hours later"),
    ],
)
def test_a_save_counts_when_its_body_is_there(theory: Page, after_end: timedelta, status: int) -> None:
    world = theory.world
    world.clock.set(END - SECOND)
    sent = {"epoch": theory.epoch, "entries": [theory.entry(1, "A")]}
    reply = slowly(theory, "answers", sent, whole_at=END + after_end)
    assert reply.status_code == status
    assert rows(world, JournalEntry) == (status == 200)
    assert rows(world, LateEntry) == (status != 200)


def test_what_came_late_is_stamped_when_it_was_there(theory: Page) -> None:
    theory.world.clock.set(END - SECOND)
    sent = {"epoch": theory.epoch, "entries": [theory.entry(1, "A")]}
    slowly(theory, "answers", sent, whole_at=END + 5 * MINUTE)
    with theory.world.app.app_context(), reading() as session:
        assert session.scalars(select(LateEntry.received_at)).one() == END + 5 * MINUTE


# --- 交卷 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_end", "status", "counted"),
    [
        pytest.param(-SECOND, 200, 1, id="whole before the end"),
        pytest.param(2 * SECOND, 200, 1, id="whole within the grace"),
        pytest.param(4 * SECOND, 410, 0, id="whole when the grace is over"),
        pytest.param(9 * MINUTE, 410, 0, id="whole minutes later"),
    ],
)
def test_a_hand_in_counts_when_its_body_is_there(
    theory: Page, after_end: timedelta, status: int, counted: int
) -> None:
    theory.world.clock.set(END - MINUTE)
    sent = {"epoch": theory.epoch, "entries": [theory.entry(1, "A")]}
    reply = slowly(theory, "submit", sent, whole_at=END + after_end)
    assert reply.status_code == status
    assert rows(theory.world, JournalEntry) == counted


# --- the end of a unit -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_end", "counted", "open_unit"),
    [
        pytest.param(-SECOND, 1, 2, id="whole before the unit's end"),
        pytest.param(2 * SECOND, 1, 2, id="whole within the unit's grace"),
        pytest.param(3 * SECOND, 0, 2, id="whole when the unit's grace is over"),
        pytest.param(16 * MINUTE, 0, 3, id="whole when the next unit is over too"),
    ],
)
def test_a_units_end_counts_when_its_body_is_there(
    skills: Page, after_end: timedelta, counted: int, open_unit: int
) -> None:
    skills.world.clock.set(UNIT_END - SECOND)
    sent = {"epoch": skills.epoch, "entries": [skills.entry(1, "A")], "from_unit": 1, "completed": True}
    reply = slowly(skills, "advance", sent, whole_at=UNIT_END + after_end)
    assert reply.status_code == 200
    assert reply.get_json()["clock"]["unit"]["number"] == open_unit
    assert rows(skills.world, JournalEntry) == counted


# --- a start, a message, a sign-in -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole_at", "status"),
    [
        pytest.param(PLANNED + SECOND, 200, id="sent before the room starts, whole after it"),
        pytest.param(END + SECOND, 410, id="sent before the end, whole after it"),
    ],
)
def test_a_start_counts_when_its_body_is_there(world: World, whole_at: datetime, status: int) -> None:
    world.admit_all()
    world.start()
    world.clock.set(min(whole_at, END) - 2 * SECOND)
    page = Page(world, "theory")
    assert slowly(page, "start", {}, whole_at=whole_at).status_code == status


def test_a_message_is_read_when_the_request_is_there(theory: Page) -> None:
    world = theory.world
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        send_message(session, attempt, text="请注意时间", now=world.clock.now(), actor="staff:test")
    with world.app.app_context(), reading() as session:
        message_id = session.scalars(select(Message.id)).one()
    whole_at = PLANNED + 7 * MINUTE
    assert slowly(theory, f"messages/{message_id}/read", {}, whole_at=whole_at).status_code == 200
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Message.read_at)).one() == whole_at


def test_a_sign_in_counts_when_its_body_is_there(world: World) -> None:
    content = f"login=officer&password={PASSWORD.replace(' ', '+')}".encode()
    whole_at = world.clock.now() + MINUTE
    reply = world.app.test_client().post(
        "/staff/sign-in",
        content_type="application/x-www-form-urlencoded",
        environ_overrides={
            "wsgi.input": SlowBody(world, content, whole_at),
            "CONTENT_LENGTH": str(len(content)),
        },
    )
    assert reply.status_code == 303
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(LoginSession.created_at)).one() == whole_at


# --- bodies nobody reads -----------------------------------------------------------------------------------

PATHS = ["answers", "submit", "advance", "start", "messages/1/read"]


def _now(page: Page, content: bytes) -> SlowBody:
    return SlowBody(page.world, content, page.world.clock.now())


def _chunked(page: Page, path: str) -> TestResponse:
    return posted(page, path, _now(page, b"{}"), length="", headers={"Transfer-Encoding": "chunked"})


def _too_large(page: Page, path: str) -> TestResponse:
    body = json.dumps({"epoch": page.epoch, "entries": [], "pad": "x" * SMALL_BODY}).encode()
    return posted(page, path, _now(page, body), length=len(body))


def _cut_short(page: Page, path: str) -> TestResponse:
    return posted(page, path, _now(page, b"{}"), length=20)


def _boastful(page: Page, path: str) -> TestResponse:
    return posted(page, path, _now(page, b"{}"), length="9" * 40)


def _no_number(page: Page, path: str) -> TestResponse:
    return posted(page, path, _now(page, b"{}"), length="-1")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("send", "status"),
    [
        pytest.param(_chunked, 411, id="chunked"),
        pytest.param(_too_large, 413, id="too large"),
        pytest.param(_cut_short, 400, id="cut short"),
        pytest.param(_boastful, 413, id="a length of forty digits"),
        pytest.param(_no_number, 413, id="a length below nothing"),
    ],
)
def test_a_body_that_is_not_there_is_refused_at_the_door(
    theory: Page, path: str, send: Callable[[Page, str], TestResponse], status: int
) -> None:
    reply = send(theory, path)
    assert reply.status_code == status
    assert {"code", "message", "fix"} <= reply.get_json().keys()
    assert rows(theory.world, JournalEntry) == 0


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        pytest.param(None, "/staff/sign-in", 413, id="nobody, to sign in"),
        pytest.param("candidate", "/exam/confirm", 413, id="a candidate, to confirm"),
        pytest.param("candidate", "/bank/nothing/import", 413, id="a candidate, to an author's page"),
        pytest.param(None, "/bank/nothing/import", 413, id="nobody, to an author's page"),
        pytest.param("author", "/bank/nothing/import", 404, id="an author, to an import"),
        pytest.param("author", "/staff/password", 422, id="an author, to a page without files"),
    ],
)
def test_files_are_read_from_those_who_are_signed_in(
    world: World, who: str | None, path: str, status: int
) -> None:
    if who == "candidate":
        client = world.candidate("theory")
    else:
        client = world.staff(who) if who else world.app.test_client()
    data = {"file": "x" * (SMALL_BODY + 1)}
    assert client.post(path, data=data).status_code == status


class UntouchedBody(io.BytesIO):
    """A body that nobody may read."""

    def read(self, size: int | None = -1) -> bytes:
        """Fail."""
        raise AssertionError("a file was taken before its sender was asked for")


def _sent_in(world: World) -> None:
    pass


def _idle(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for row in session.scalars(select(LoginSession)):
            row.seen_at = world.clock.now() - IDLE


def _ended(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for row in session.scalars(select(LoginSession)):
            row.revoked_at = world.clock.now()


def _disabled(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for row in session.scalars(select(Staff)):
            row.disabled_at = world.clock.now()


@pytest.mark.parametrize(
    ("role", "since", "status", "said"),
    [
        pytest.param("author", _idle, 413, "登录已结束", id="a login that is over since half an hour"),
        pytest.param("author", _ended, 413, "登录已结束", id="a login that was ended"),
        pytest.param("author", _disabled, 413, "登录已结束", id="of an account that was disabled"),
        pytest.param("proctor", _sent_in, 403, "没有", id="of somebody whose roles do not open the page"),
    ],
)
def test_a_file_is_taken_from_whose_login_holds_and_may_send_it(
    world: World, role: str, since: Callable[[World], None], status: int, said: str
) -> None:
    client = world.staff(role)
    since(world)
    reply = client.post(
        "/bank/nothing/import",
        environ_overrides={"wsgi.input": UntouchedBody(), "CONTENT_LENGTH": str(SMALL_BODY + 1)},
    )
    assert (reply.status_code, said in reply.text) == (status, True)


@pytest.mark.parametrize(
    ("held_by", "status", "said"),
    [
        pytest.param("own", 429, "您的账号已有文件正在上传", id="of the same login"),
        pytest.param("others", 503, "同时上传的人太多", id="of everybody together"),
    ],
)
def test_a_file_over_the_budget_is_refused_before_it_is_read_with_a_time_to_come_again(
    world: World, held_by: str, status: int, said: str
) -> None:
    client, budget = world.staff("author"), world.app.extensions["cbt_body_budget"]
    with world.app.app_context(), reading() as session:
        author = session.scalars(select(Staff.ref).where(Staff.login == "author")).one()
    logins = iter([author] * 2) if held_by == "own" else (f"st-{number}" for number in count())
    part = 1 if held_by == "own" else budget.most_of_login
    held = []
    with suppress(CbtError):
        for login in logins:
            held.append(budget.take_large(login, part))
    reply = client.post(
        "/bank/nothing/import",
        environ_overrides={"wsgi.input": UntouchedBody(), "CONTENT_LENGTH": str(SMALL_BODY + 1)},
    )
    for give_back in held:
        give_back()
    assert (reply.status_code, said in reply.text) == (status, True)
    assert int(reply.headers["Retry-After"]) == AGAIN_SECONDS
    assert reply.headers["Content-Security-Policy"]
    data = {"file": (io.BytesIO(b"x" * (SMALL_BODY + 1)), "bank.xlsx")}
    assert client.post("/bank/nothing/import", data=data).status_code == 404, "there is room again"
    assert (budget.large, budget.small) == (0, 0)


# --- what waited too long ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waited", "status"),
    [
        pytest.param(timedelta(0), 200, id="at once"),
        pytest.param(3 * SECOND, 200, id="as long as the grace"),
        pytest.param(3 * SECOND + MS, 503, id="a millisecond longer"),
        pytest.param(MINUTE, 503, id="a minute"),
    ],
)
@pytest.mark.parametrize("path", ["answers", "start"])
def test_the_writer_refuses_what_was_received_too_long_ago(
    theory: Page, path: str, waited: timedelta, status: int
) -> None:
    world = theory.world
    world.clock.set(PLANNED + 10 * MINUTE)
    reply = theory.client.post(
        f"/attempts/{theory.ref}/{path}",
        json={"epoch": theory.epoch, "entries": [theory.entry(1, "A")]} if path == "answers" else {},
        headers={"X-CBT-Lease": theory.lease},
        environ_overrides={RECEIVED_AT: world.clock.now() - waited},
    )
    assert reply.status_code == status
    if status == 503:
        assert reply.get_json()["code"] == "request.stale"
        assert rows(world, JournalEntry) == rows(world, LateEntry) == 0


def test_a_stale_save_does_not_hold_back_the_others_of_its_batch(theory: Page) -> None:
    from cbt.http.auth.machine import token_hash
    from cbt.runner.protocol import Outcome, Save, read_entries

    world = theory.world
    journal = world.app.extensions["cbt_journal"]
    now = world.clock.set(PLANNED + 10 * MINUTE)
    info = journal.infos.get(theory.ref)

    def save(at: datetime) -> Save:
        entries = read_entries(info, [theory.entry(1, "A")])
        return Save(info.attempt_id, token_hash(theory.lease), theory.epoch, entries, at, theory.machine)

    batch = [save(now - MINUTE), save(now), save(now - 4 * SECOND)]
    with world.app.app_context(), unit_of_work() as session:
        cursor = session.connection().connection.cursor()
        outcomes = [saved.outcome for saved in journal.perform(cursor, batch)]
        cursor.close()
    assert outcomes == [Outcome.STALE, Outcome.SAVED, Outcome.STALE]
    assert rows(world, JournalEntry) == 1
