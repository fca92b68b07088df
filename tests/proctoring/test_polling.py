"""What an open board is sent: each kind of change once, of its room only, and what that asks of the database."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.close.sweeps import expire_overdue
from cbt.delivery.models import AttemptLive, Message
from cbt.proctoring.polling.sheets import Sheet, Sheets
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


def test_what_a_poll_asks_of_the_database(world: World) -> None:
    pages = running(world, "theory")

    def queries(board: OpenBoard) -> tuple[int, int, int]:
        board.ask()
        with count_queries(world.app) as unchanged:
            assert board.ask() is None
        assert pages["theory"].answer(1, "A").status_code == 200
        world.clock.advance(timedelta(seconds=1))
        with count_queries(world.app) as saved:
            assert board.ask() is not None
        done(Desk(world).act("suspend", "theory", reason="核对身份"))
        with count_queries(world.app) as acted:
            assert board.ask() is not None
        done(Desk(world).act("resume", "theory"))
        return len(unchanged), len(saved), len(acted)

    few = queries(OpenBoard(world))
    more_sitters(world, 40)
    many = queries(OpenBoard(world))
    assert few == many
    assert few[0] == few[1] <= 6
    assert few[2] <= 20


@pytest.mark.once
def test_the_first_page_is_a_version_like_any_other(world: World) -> None:
    running(world, "theory")
    board = OpenBoard(world)
    page = Desk(world).page()
    assert f"data-tag='{board.tag}'" in page
    assert not [mark for mark in "\ue001\ue002\ue003\ue004\ue005\x1e" if mark in page + board.page]


def test_versions_of_parts() -> None:
    sheet, drawn = Sheet(), []

    def draw(names: Any) -> dict[str, str]:
        drawn.extend(names)
        return {name: f"<{name}>" for name in names}

    sheet.bring("frame", {"a": 1, "b": 1}, {"a": (0, 1, None)}, draw)
    first = sheet.tag
    sheet.bring("frame", {"a": 1, "b": 2}, {"a": (1, 2, 2)}, draw)
    assert drawn == ["a", "b", "b"]
    newer = sheet.since(first)
    assert newer is not None
    assert (newer.parts, newer.numbers) == ({"b": "<b>"}, {"a": (1, 2, 2)})
    sheet.bring("another", {"a": 1}, {}, draw)
    assert sheet.since(first) is None
    assert (set(sheet.parts), sheet.numbers) == ({"a"}, {})
    sheets = Sheets(most=2)
    kept = sheets.of("one")
    sheets.of("two")
    assert sheets.of("one") is kept
    sheets.of("three")
    assert sheets.of("one") is kept
    assert sheets.of("two").name != sheet.name
