"""What an open board is sent: each kind of change once, of its room only, and what that asks of the database."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from cbt.audit.chain import record
from cbt.http.auth.login import Principal
from cbt.http.auth.login_store import revoke_logins
from cbt.http.models import LoginSession
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.open_rooms import OpenRooms
from cbt.proctoring.board.parts import Parts, Sheet, Sheets
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import AttemptLive, Message
from cbt.sittings.models import RoomStaff
from cbt.sittings.store import room_view_for
from cbt.storage.prepared import RawSelect
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, done, running
from tests.proctoring.test_board import more_sitters
from tests.world import World

ASKS = {"Accept": "application/json, text/html;q=0.9", "Accept-Encoding": "gzip"}


class OpenBoard:
    """A board's page that is open: it names the version it shows and hears what changed."""

    def __init__(self, world: World, role: str = "proctor", room: str = "", **query: str) -> None:
        self.client = world.staff(role)
        self.url, self.query = f"/proctor/rooms/{room or world.room_ref}/live", query
        self.tag, self.page = "", ""
        self.names = {f"seat-{one.registration_ref}": name for name, one in world.sitters.items()}
        self.ask()

    def ask(self) -> dict[str, Any] | None:
        """Return parts and numbers that changed, by what they are of; None for nothing; `page` has everything."""
        reply = self.client.get(
            self.url, query_string=self.query, headers={**ASKS, "If-None-Match": self.tag}
        )
        self.tag = reply.headers["ETag"]
        if reply.status_code == 304:
            return None
        packed = reply.headers.get("Content-Encoding") == "gzip"
        body = (gzip.decompress(reply.data) if packed else reply.data).decode()
        if reply.mimetype == "text/html":
            self.page = body
            return {"everything": True}
        told: dict[str, dict[str, Any]] = json.loads(body)
        return {
            what: {self.names.get(name, name): one for name, one in some.items()}
            for what, some in told.items()
        }

    def parts(self) -> set[str]:
        """Return which parts changed."""
        told = self.ask()
        return set() if told is None else set(told["parts"])


def test_each_kind_of_change_reaches_the_board_and_no_other_rooms(world: World) -> None:
    pages = running(world, "theory", "skills", "extra")
    assert pages["theory"].answer(2, "A").status_code == 200
    desk, board = Desk(world), OpenBoard(world)
    other = OpenBoard(world, "proctor_elsewhere", world.other_room_ref)
    assert "王小明" in board.page
    assert board.ask() is None

    world.clock.advance(timedelta(seconds=2))
    now = int(world.clock.now().timestamp())
    assert pages["theory"].answer(1, "A").status_code == 200
    assert board.ask() == {"parts": {}, "numbers": {"theory": [2, now, now]}}, (
        "a save is numbers, nothing is drawn"
    )
    assert pages["skills"].send().status_code == 200
    assert board.ask() == {"parts": {}, "numbers": {"skills": [0, now, None]}}, "so is a heartbeat"

    assert other.ask() is None
    world.clock.advance(timedelta(seconds=28))
    assert pages["theory"].send().status_code == 200
    assert pages["skills"].send().status_code == 200
    assert board.parts() >= {"extra", "live-todo", "live-counts"}, "silence alone"
    world.clock.advance(timedelta(seconds=2))
    assert pages["extra"].send().status_code == 200
    assert board.parts() >= {"extra", "live-todo", "live-log"}, "heard again after a silence"
    assert other.parts(), "there somebody waits though the paper is open"

    done(desk.act("suspend", "theory", reason="核对身份"))
    told = board.ask()
    assert told is not None
    assert set(told["parts"]) == {"theory", "live-counts", "live-log"}
    assert told["numbers"].keys() == {"theory"}, "what is drawn anew gets its numbers, too"
    done(desk.act("resume", "theory"))
    assert board.parts() >= {"theory", "live-log"}

    with world.app.app_context(), unit_of_work() as session:
        blurred = update(AttemptLive).where(AttemptLive.attempt_id == world.sitters["skills"].attempt_id)
        session.execute(blurred.values(blurs=3))
    assert board.parts() == {"skills", "live-todo"}, "an alert of a seat that has one"

    done(desk.act("remind", "theory", text="请保持安静"))
    assert "live-log" in board.parts()
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Message).values(delivered_at=world.clock.now()))
    assert board.parts() == {"live-log"}, "its receipt, which is no entry of the log"

    done(desk.act("move", "theory", to_seat="7", reason="键盘坏"))
    assert board.ask() == {"everything": True}, "seats stand otherwise"
    assert other.ask() is None

    world.clock.advance(timedelta(minutes=2))
    assert "live-log" in board.parts(), "what can be taken back no longer"
    world.clock.advance(timedelta(hours=2))
    board.ask()
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    assert board.parts() >= {"theory", "skills", "extra", "live-counts"}, "time ran out"


def test_one_that_was_away_gets_everything_and_each_way_of_showing_has_its_own_versions(world: World) -> None:
    pages = running(world, "theory")
    assert pages["theory"].answer(2, "A").status_code == 200
    board, rows = OpenBoard(world), OpenBoard(world, view="list")
    for tag in (
        "",
        '"nonsense"',
        '"0123456789ab-1"',
        rows.tag,
        f'"{board.tag.strip(chr(34)).split("-")[0]}-99"',
    ):
        board.tag = tag
        assert board.ask() == {"everything": True}, tag
    former = board.tag
    assert pages["theory"].answer(1, "A").status_code == 200
    assert board.parts() == set()
    done(Desk(world).act("suspend", "theory", reason="核对身份"))
    board.tag = former
    told = board.ask()
    assert told is not None
    assert told["numbers"]["theory"][0] == 2, "what came between is there"
    assert "theory" in told["parts"]
    assert rows.ask() == {"everything": True}, "the worst first: another order"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count what is asked by a cursor of the driver."""
    asked, ask = [0], RawSelect.ask

    def counted(self: RawSelect, cursor: Any, **values: object) -> Any:
        asked[0] += 1
        return ask(self, cursor, **values)

    monkeypatch.setattr(RawSelect, "ask", counted)
    return asked


def test_what_has_to_be_drawn_is_not_read_twice(world: World, asked: list[int]) -> None:
    assert running(world, "theory")["theory"].answer(1, "A").status_code == 200
    board = OpenBoard(world)
    board.ask()
    world.clock.advance(timedelta(seconds=31))
    asked[0] = 0
    with count_queries(world.app) as by_the_view:
        assert "theory" in board.parts(), "nobody has heard of its page"
    assert asked == [4], "as where nothing is drawn"
    assert by_the_view == [], "nor who asks"


def test_what_a_poll_asks_of_the_database(world: World, asked: list[int]) -> None:
    pages = running(world, "theory")

    def queries(board: OpenBoard) -> list[tuple[int, int]]:
        counts = []

        def count(*, anything: bool) -> None:
            asked[0] = 0
            with count_queries(world.app) as by_the_view:
                assert (board.ask() is not None) is anything
            counts.append((asked[0], len(by_the_view)))

        assert pages["theory"].answer(1, "A").status_code == 200
        board.ask()
        count(anything=False)
        assert pages["theory"].answer(1, "B").status_code == 200
        world.clock.advance(timedelta(seconds=1))
        assert pages["theory"].answer(1, "A").status_code == 200
        count(anything=True)
        done(Desk(world).act("suspend", "theory", reason="核对身份"))
        count(anything=True)
        done(Desk(world).act("resume", "theory"))
        return counts

    few = queries(OpenBoard(world))
    more_sitters(world, 40)
    many = queries(OpenBoard(world))
    assert few == many
    unchanged, saved, acted = few
    assert unchanged == saved == (4, 0), "its login, the log's end, the seats, what is guessed at"
    assert acted[0] <= 15, "what stands around the seats; they themselves are read once"
    assert acted[1] == 0, "neither whoever asks nor the room"


def test_the_short_way_answers_as_the_view_does(world: World) -> None:
    pages = running(world, "theory")
    assert pages["theory"].answer(1, "A").status_code == 200
    client, url = world.staff("proctor"), f"/proctor/rooms/{world.room_ref}/live"
    tag = client.get(url, headers=ASKS).headers["ETag"]

    def told(query: str) -> tuple[int, bytes, dict[str, str]]:
        reply = client.get(url + query, headers={**ASKS, "If-None-Match": tag})
        return reply.status_code, reply.data, dict(reply.headers)

    def both() -> tuple[int, bytes]:
        with count_queries(world.app) as asked:
            short = told("")
        assert asked == []
        with count_queries(world.app) as asked:
            whole = told(f"?n={next(numbers)}")  # nobody has asked to the letter so
        assert asked
        assert short == whole
        return short[:2]

    numbers = iter(range(9))
    told("")
    assert both()[0] == 304
    world.clock.advance(timedelta(seconds=1))
    assert pages["theory"].answer(2, "A").status_code == 200
    status, body = both()
    assert (status, b"numbers" in body) == (200, True)


def test_a_board_that_is_known_is_shut_to_whom_its_page_is(world: World) -> None:
    running(world, "theory")
    rooms = {role: OpenBoard(world, role) for role in ("proctor", "chief_proctor", "inspector", "officer")}

    def status(role: str, **headers: str) -> int:
        board = rooms[role]
        asked = {**ASKS, "If-None-Match": board.tag, **headers}
        return board.client.get(board.url, headers=asked).status_code

    for role in rooms:
        status(role)
        with count_queries(world.app) as by_the_view:
            assert status(role) == 304
        assert by_the_view == []

    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        revoke_logins(session, kind="staff", subject_ref=world.people["chief_proctor"].ref, now=now)
        mine = update(LoginSession).where(LoginSession.subject_ref == world.people["officer"].ref)
        session.execute(mine.values(owes_factor=True))
        theirs = update(LoginSession).where(LoginSession.subject_ref == world.people["inspector"].ref)
        session.execute(theirs.values(seen_at=now, board_at=now))
        session.execute(delete(RoomStaff).where(RoomStaff.staff_id == world.people["proctor"].id))
        act = "room.assign"
        record(session, at=now, actor="staff:a", act=act, subject=f"sitting_room:{world.room_ref}")
    assert status("chief_proctor") != 304, "its login was ended"
    assert status("officer") != 304, "a second factor is owed"
    assert status("proctor") == 404, "no room of theirs any more"
    assert status("inspector") == 200, "who is assigned stands on the board"
    world.clock.advance(timedelta(hours=4))
    assert status("inspector") not in {200, 304}, "nobody is there"


def test_a_board_that_has_to_be_drawn_is_shut_to_whose_login_is_over(world: World) -> None:
    running(world, "theory")
    boards = {role: OpenBoard(world, role) for role in ("proctor", "chief_proctor", "officer")}
    for board in boards.values():
        board.ask()
    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        revoke_logins(session, kind="staff", subject_ref=world.people["chief_proctor"].ref, now=now)
        mine = update(LoginSession).where(LoginSession.subject_ref == world.people["officer"].ref)
        session.execute(mine.values(owes_factor=True))
    world.clock.advance(timedelta(seconds=31))
    for role, board in boards.items():
        reply = board.client.get(board.url, headers={**ASKS, "If-None-Match": board.tag})
        assert (reply.status_code == 200) is (role == "proctor"), role


def test_who_watches_a_running_room_is_written_down_once_a_minute(world: World) -> None:
    running(world, "theory")
    board = OpenBoard(world)

    def noted() -> tuple[Any, Any]:
        with world.app.app_context(), reading() as session:
            login = session.scalars(
                select(LoginSession)
                .where(LoginSession.subject_ref == world.people["proctor"].ref)
                .order_by(LoginSession.id.desc())
            ).first()
            assert login is not None
            return login.seen_at, login.board_at

    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(LoginSession).values(seen_at=world.clock.now()))
    before = noted()
    world.clock.advance(timedelta(seconds=59))
    board.ask()
    assert noted() == before
    world.clock.advance(timedelta(seconds=1))
    board.ask()
    assert noted() == (before[0], world.clock.now())
    board.client.get(board.url, headers={**ASKS, "If-None-Match": board.tag, "X-CBT-Input": "1"})
    assert noted() == (world.clock.now(), world.clock.now())


@pytest.mark.once
def test_the_first_page_is_a_version_like_any_other(world: World) -> None:
    running(world, "theory")
    board = OpenBoard(world)
    page = Desk(world).page()
    assert f"data-tag='{board.tag}'" in page
    marks = ["\x1e", *map(chr, range(0xE001, 0xE00B)), "%EE%80%8"]
    assert not [mark for mark in marks if mark in page + board.page]


@pytest.mark.once
def test_a_save_makes_no_seat_anew(world: World) -> None:
    (page,) = running(world, "theory").values()
    chief = world.people["chief_proctor"]
    principal = Principal("staff", chief.id, chief.ref, "主考", frozenset({"chief_proctor"}))
    with world.app.app_context():
        rooms = OpenRooms(db.engine)

    def board() -> Board:
        with reading() as session:
            view = room_view_for(session, world.room_ref, principal)
            return rooms.board(session, view, now=world.clock.now())

    with world.app.app_context():
        before = board()
        assert page.answer(1, "A").status_code == 200
        first = board()
        world.clock.advance(timedelta(seconds=2))
        assert page.answer(2, "B").status_code == 200
        after = board()
    ref = world.sitters["theory"].registration_ref
    assert first.seats[0] is not before.seats[0]  # a seat that has saved shows when
    assert all(one is was for one, was in zip(after.seats, first.seats, strict=True))
    assert [one.numbers[ref].answered for one in (before, first, after)] == [0, 1, 2]
    assert after.numbers[ref].saved_at == world.clock.now()


def test_versions_of_parts() -> None:
    sheet, drawn, asked = Sheet(), [], []

    def draw(names: Any) -> dict[str, str]:
        drawn.extend(names)
        return {name: f"<{name}>" for name in names}

    def parts(of: str, frame: str, shown: dict[str, object]) -> Parts:
        def ask() -> tuple[object, dict[str, object]]:
            asked.append(of)
            return frame, shown

        return ask

    sheet.bring("one", {"a": (0, 1, None)}, parts("one", "frame", {"a": 1, "b": 1}), draw)
    first = sheet.tag
    assert not sheet.bring("two", {"a": (1, 2, 2)}, parts("two", "frame", {"a": 1, "b": 2}), None)
    assert (sheet.tag, sheet.numbers["a"][0]) == (first, (0, 1, None))
    sheet.bring("two", {"a": (1, 2, 2)}, parts("two", "frame", {"a": 1, "b": 2}), draw)
    assert drawn == ["a", "b", "b"]
    newer = sheet.since(first)
    assert newer is not None
    assert (newer.parts, newer.numbers) == ({"b": "<b>"}, {"a": (1, 2, 2)})
    assert sheet.bring("two", {"a": (2, 3, 3)}, parts("again", "", {}), None)
    assert asked == ["one", "two", "two"]  # what is as it was is all that the parts are drawn of
    newest = sheet.since(first)
    assert newest is not None
    assert (newest.parts, newest.numbers) == ({"b": "<b>"}, {"a": (2, 3, 3)})
    sheet.bring("three", {}, parts("three", "another", {"a": 1}), draw)
    assert sheet.since(first) is None
    assert (set(sheet.parts), sheet.numbers) == ({"a"}, {})
    sheets = Sheets(most=2)
    kept = sheets.of("one")
    sheets.of("two")
    assert sheets.of("one") is kept
    sheets.of("three")
    assert sheets.of("one") is kept
    assert sheets.of("two").name != sheet.name
