"""One proctor and a room of thirty, from the door to the printed record: what a bad day can hold, on one day.

Four candidates sit in browsers, the others save beside them; the proctor works from the board and the page of the
door, the chief comes when two are needed. At the end every figure on the record is the log's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.demo.world import Entrant, Identity, Variant, seat_everybody
from cbt.door.arrival import check_in, record_arrival
from cbt.proctoring.models import Incident
from cbt.runner.models import Attempt, AttemptAdjustment, AttemptLive
from cbt.sittings.models import RoomAdjustment, Seat, SittingRoom
from cbt.sittings.room_clock import admit_if_due
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, text_of
from tests.journeys.seated import seat
from tests.journeys.staff import Board, Desk
from tests.world import PASSWORD, PLANNED

pytestmark = pytest.mark.journey

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
CUTOFF = PLANNED - 15 * MINUTE
MORE = 24
IN_TIME, TOO_LATE, NEVER = "n21", "n22", ("n23", "n24")
IN_BROWSERS = ("theory", "extra", "second", "skills")
SPARE = 60
CHINA = ZoneInfo("Asia/Shanghai")


class Day:
    """The room, and all who take part."""

    def __init__(self, centre: Centre, browsers: Browsers) -> None:
        self.centre = centre
        self.browsers = browsers
        self.clock: FakeClock = centre.app.extensions["cbt_clock"]
        centre.app.config["WTF_CSRF_ENABLED"] = False  # of the journey's own way in, not of the server's
        self._fill()
        self.world = centre.world.on(centre.app, self.clock)
        self.others: dict[str, Page] = {}

    def _fill(self) -> None:
        centre = self.centre
        theory = Variant("customer-service-l3", "theory")
        people = [
            Identity(f"考生{number:02d}", f"3101011990010200{number:02d}", f"2611900{number:05d}", "测试单位")
            for number in range(1, MORE + 1)
        ]
        with centre.app.app_context(), unit_of_work() as session:
            room = session.get_one(SittingRoom, centre.world.sitting_room_id)
            form = session.get_one(Attempt, centre.world.sitters["theory"].attempt_id).form_id
            session.add_all(
                Seat(room_id=room.room_id, number=number, spare=number == SPARE, undelivered=0)
                for number in (*range(20, 20 + MORE), SPARE)
            )
            session.flush()
            seated = seat_everybody(
                session,
                [Entrant(0, theory, person=person) for person in people],
                {theory: replace(centre.world.papers[theory], forms=(form,))},
                [room],
                now=centre.now(),
            )
        more = {f"n{number:02d}": one for number, one in enumerate(seated, 1)}
        centre.world = replace(centre.world, sitters={**centre.world.sitters, **more})

    @property
    def here(self) -> list[str]:
        """Who belongs to the room."""
        return [name for name in self.world.sitters if name != "elsewhere"]

    def was_away(self, name: str, *, seconds: int) -> None:
        """Have nothing come from somebody's page for so long."""
        with self.centre.app.app_context(), unit_of_work() as session:
            live = session.get_one(AttemptLive, self.world.sitters[name].attempt_id)
            live.seen_at -= timedelta(seconds=seconds)

    def set_clock(self) -> None:
        """Have what the test does by itself happen at the server's instant."""
        self.clock.set(self.centre.now())

    def come(self, *names: str) -> None:
        """Bring people through the door and into the waiting room, past its pages."""
        self.set_clock()
        now = self.clock.now()
        with self.centre.app.app_context(), unit_of_work() as session:
            admit_if_due(session, session.get_one(SittingRoom, self.world.sitting_room_id), now=now)
            for name in names:
                row = session.get_one(Registration, self.world.sitters[name].registration_id)
                record_arrival(session, row, now=now, arrived_at=now, actor="staff:test")
                check_in(
                    session, row, now=now, document_type="resident_id", last_four="0001", actor="staff:test"
                )

    def wait(self, *names: str) -> None:
        """Have people signed in and pledged."""
        self.set_clock()
        ids = [self.world.sitters[name].registration_id for name in names]
        with self.centre.app.app_context(), unit_of_work() as session:
            now = self.clock.now()
            session.execute(
                update(Registration)
                .where(Registration.id.in_(ids))
                .values(signed_in_at=now, confirmed_at=now, pledged_at=now)
            )

    def begin(self, names: Sequence[str]) -> None:
        """Open the papers of those who are in no browser, and have them answer something."""
        self.set_clock()
        for name in names:
            page = self.others[name] = Page(self.world, name)
            begun = page.start()
            assert begun.status_code == 200, begun.text
            if name.startswith("n"):  # whose paper begins with choices
                assert page.answer(1, "A").status_code == 200

    def beat(self) -> None:
        """Let everybody who is in no browser be heard."""
        self.set_clock()
        for page in self.others.values():
            page.send()

    def move(self, span: timedelta, *silent: str) -> None:
        """Let time go by in which all are heard but the silent ones."""
        self.beat()
        ids = [self.world.sitters[name].attempt_id for name in silent]
        with self.centre.session() as session:
            seen = dict(
                session.execute(
                    select(AttemptLive.attempt_id, AttemptLive.seen_at).where(AttemptLive.attempt_id.in_(ids))
                ).all()
            )
        self.centre.move(seconds=span.total_seconds())
        with self.centre.app.app_context(), unit_of_work() as session:
            for attempt_id, at in seen.items():
                session.execute(
                    update(AttemptLive).where(AttemptLive.attempt_id == attempt_id).values(seen_at=at)
                )
        self.beat()

    def stand_at(self, instant: datetime) -> None:
        """Move on to an instant, all being heard."""
        self.move(instant - self.centre.now())


def door_scan(proctor: Desk, text: str) -> None:
    """Scan something in the line of the door's page."""
    expect(proctor.find("#f-q")).to_be_focused()
    proctor.browser.page.keyboard.insert_text(text)
    proctor.browser.page.keyboard.press("Enter")


def with_second(board: Board, role: str) -> None:
    """Type the second person's credential into the open dialog."""
    hand = board.browser.hand
    summary = board.find("#asked .second summary")
    if summary.is_visible():
        hand.press(summary)
    hand.write(board.find("#asked input[name=second_login]"), board.world.people[role].login)
    hand.write(board.find("#asked input[name=second_password]"), PASSWORD)


def test_one_proctor_runs_a_room_of_thirty(browsers: Browsers, centre: Centre, tmp_path: Path) -> None:
    day = Day(centre, browsers)
    assert len(day.here) == 30
    absent = {TOO_LATE, *NEVER}
    board = Board(browsers.open("proctor"), "proctor")
    board.sign_in()
    board.browser.watch.allow(
        "status of 4", "ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "htmx:"
    )

    # The door: 14:59 comes in, 15:00 does not; who never came is gone through.
    centre.stand_at(PLANNED - 35 * MINUTE)
    day.come(*(name for name in day.here if name not in {IN_TIME, *absent}))
    centre.stand_at(CUTOFF - 30 * SECOND)
    board.browser.go(f"/proctor/rooms/{day.world.room_ref}/door?mode=arrive")
    door_scan(board, day.world.sitters[IN_TIME].ticket)
    expect(board.find(".told .said")).to_contain_text("考生21")
    centre.stand_at(CUTOFF)
    board.browser.go(f"/proctor/rooms/{day.world.room_ref}/door")
    door_scan(board, day.world.sitters[TOO_LATE].ticket)
    expect(board.find(".who-is .notice.stop")).to_contain_text("不得入场")
    board.browser.page.keyboard.press("Escape")
    door_scan(board, day.world.sitters[IN_TIME].ticket)
    expect(board.find("[name=last_four]")).to_be_focused()
    board.browser.page.keyboard.insert_text(day.world.sitters[IN_TIME].document[-4:])
    board.browser.page.keyboard.press("Enter")
    expect(board.find(".told .said")).to_contain_text("考生21")
    board.browser.go(f"/proctor/rooms/{day.world.room_ref}/door/absent")
    expect(board.find("select[name^=cause]")).to_have_count(3)
    for cause in board.find("select[name^=cause]").all():
        expect(cause).to_have_value("")
    board.browser.hand.press(board.find(".absent-fill a[href*='not_arrived']"))
    expect(board.find("select[name^=cause]").first).to_have_value("not_arrived")
    late = day.world.sitters[TOO_LATE].registration_ref
    board.browser.hand.select(board.find(f"select[name='cause-{late}']"), "late")
    board.browser.hand.press(board.find("main form button[type=submit]").first)
    expect(board.find("select[name^=cause]")).to_have_count(0)

    # The start.
    centre.stand_at(PLANNED - 5 * MINUTE)
    sitting = [name for name in day.here if name not in absent]
    day.wait(*sitting)
    centre.stand_at(PLANNED)
    board.enter()
    board.browser.look("room-waiting")
    board.start()
    day.begin([name for name in sitting if name not in IN_BROWSERS])
    machine = browsers.open_machine("theory")
    theory = seat(centre, machine.browser, "theory")
    extra, second, skills = (seat(centre, browsers.open(name), name) for name in IN_BROWSERS[1:])
    for one in (theory, extra, second, skills):
        one.browser.watch.allow("status of 4", "status of 503", "ERR_")
    theory.type_through(["a", "b", "a"])
    theory.saved()
    board.browser.look("room-running")

    # A message, delivered and read.
    board.remind("请看好自己的屏幕", "extra")
    expect(extra.find("body")).to_contain_text("请看好自己的屏幕")

    # A dead machine: the paper goes on at a spare seat, and the time without a page is given back.
    machine.kill()
    day.move(40 * SECOND, "theory")
    board.sees("theory", "offline")
    board.pick("theory")
    board.choose("move")
    board.browser.hand.select(board.find("#asked select[name=to_seat]"), str(SPARE))
    board.give_reason("机器死机")
    board.confirm()
    day.move(20 * SECOND, "theory")
    theory = seat(centre, browsers.open("spare"), "theory", machine=f"seat-{SPARE}")
    theory.browser.watch.allow("status of 4", "status of 503", "ERR_")
    ref = day.world.sitters["theory"].registration_ref
    give = board.find(f"#live-todo a[href*='/acts/decide'][href*='{ref}']").first
    board.browser.hand.press(give)
    expect(board.find("#asked input[name=amount]")).to_be_visible()
    board.browser.hand.select(board.find("#asked select[name=reason_code]"), "device")
    board.confirm()

    # A cut of five minutes in which answering went on: none is proposed, the proctor gives five all the same.
    extra.browser.context.set_offline(True)
    day.move(5 * MINUTE, "extra")
    board.sees("extra", "offline")
    extra.browser.context.set_offline(False)
    board.sees("extra", "answering")
    board.decide_nothing("extra")
    board.pick("extra")
    board.choose("adjust")
    expect(board.find("#asked [name=kind]:checked")).to_have_count(0)
    board.browser.hand.tick(board.find("#asked [name=kind][value=site_fault]"))
    board.browser.hand.write(board.find("#asked input[name=minutes]"), "5")
    board.browser.hand.select(board.find("#asked select[name=reason_code]"), "network")
    board.confirm()
    expect(extra.find("body")).to_contain_text("5 分钟")

    # The server is started anew: pages and board go on, and nobody has to decide anything.
    centre.expected.append("the server was away")
    centre.restart()
    theory.find("body").press("PageDown")
    theory.type_through(["a"])
    theory.saved()
    day.beat()
    expect(board.find("#cut")).to_be_hidden()
    expect(board.find("#live-todo li")).to_have_count(0)

    # Time for the whole room.
    board.ask_room("adjust_room")
    board.browser.hand.write(board.find("#asked input[name=minutes]"), "3")
    board.browser.hand.tick(board.find("#asked [name=kind][value=site_fault]"))
    board.browser.hand.select(board.find("#asked select[name=reason_code]"), "network")
    board.confirm()

    # Handed in by mistake, reopened by two.
    day.stand_at(PLANNED + 32 * MINUTE)
    second.hand_in()
    second.receipt()
    board.sees("second", "closed")
    board.pick("second")
    board.choose("reopen")
    board.give_reason("误交卷")
    with_second(board, "chief_proctor")
    board.confirm()
    day.was_away("second", seconds=30)
    second.browser.go(f"/exam/{second.sitter.attempt_ref}")
    second.opens()
    board.sees("second", "answering")
    board.decide_nothing("second")  # the time between was their own

    # A violation that ends nothing.
    board.pick("skills")
    board.choose("violation")
    board.browser.hand.select(board.find("#asked select[name=code]"), "noise")
    board.give_reason("与邻座交谈，经提醒停止")
    board.confirm()

    # Everybody out, and back.
    board.ask_room("evacuate")
    board.confirm()
    for one in (theory, extra, second, skills):
        expect(one.find("body")).to_contain_text("撤离", timeout=20_000)
    theory.look("evacuated")
    board.browser.look("room-evacuated")
    day.move(4 * MINUTE)
    board.ask_room("resume_room")
    board.give_reason("警报解除")
    with_second(board, "chief_proctor")
    board.confirm()
    theory.opens()
    board.sees("theory", "answering")

    # To the end of the longest paper; whatever waits for a word gets it; the room ends.
    with centre.session() as session:
        last = max(session.scalars(select(Attempt.closes_at).where(Attempt.closes_at.is_not(None))).all())
    day.stand_at(last + 10 * SECOND)
    board.sees("theory", "closed")
    board.browser.page.reload()
    board.browser.look("room-over")
    expect(board.find("#live-todo li")).to_have_count(1)  # the evacuation, though it is over
    board.browser.hand.press(board.find("#live-todo a[href*='/acts/countersign']"))
    board.give_reason("情况属实")
    with_second(board, "chief_proctor")
    board.confirm()
    expect(board.find("#live-todo li")).to_have_count(0)
    board.end()
    record_is_the_log(day, board, tmp_path)


def record_is_the_log(day: Day, board: Board, folder: Path) -> None:
    """Hold every figure of the printed record against the rows and the log."""
    board.browser.go(f"/proctor/rooms/{day.world.room_ref}/record")
    board.browser.look("record")
    with board.browser.page.expect_download() as begun:
        board.find("a[href$='/record/room_record.pdf']").first.click()
    path = folder / "record.pdf"
    begun.value.save_as(path)
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is missing: the record was not read (poppler-utils has it)")
    words = subprocess.run([tool, "-layout", str(path), "-"], check=True, capture_output=True).stdout.decode()
    with day.centre.session() as session:
        room = session.get_one(SittingRoom, day.world.sitting_room_id)
        people = session.scalars(select(Registration).where(Registration.sitting_room_id == room.id)).all()
        ends = Counter(
            session.scalars(select(Attempt.closed_by).where(Attempt.sitting_room_id == room.id)).all()
        )
        kinds = Counter(
            session.scalars(select(Incident.kind).where(Incident.sitting_room_id == room.id)).all()
        )
        given = session.scalars(
            select(RoomAdjustment.amount).where(RoomAdjustment.sitting_room_id == room.id)
        ).all()
        alone = session.scalars(
            select(AttemptAdjustment.amount)
            .join(Attempt, Attempt.id == AttemptAdjustment.attempt_id)
            .where(Attempt.sitting_room_id == room.id)
        ).all()
    came = [one for one in people if one.absent_at is None]
    assert figure(words, "应考") == len(people) == 30
    assert figure(words, "实考") == len(came) == 27
    assert figure(words, "缺考") == len(people) - len(came) == 3
    assert figure(words, "违纪") == kinds["violation"] == 1
    assert figure(words, "到时收卷") == ends["deadline"]
    assert kinds["evacuate"] == 1
    assert kinds["reopen"] == 1
    assert kinds["move_to"] == 1
    assert f"{len(alone)} 次" in words
    assert re.search(r"换机\s+1\s*次", words)
    for at in (room.started_at, room.ended_at):
        assert at is not None
        assert f"{at.astimezone(CHINA):%H:%M:%S}" in words
    assert sum(given, timedelta()) >= 3 * MINUTE
    assert sum(alone, timedelta()) >= 5 * MINUTE
    assert text_of("zh", "record.draft") not in words
    assert not any(code in words for code in ("evacuation", "outage", "network"))


def figure(words: str, label: str) -> int:
    """Return the number that stands below a label on the record."""
    lines = [line.split() for line in words.splitlines() if line.strip()]
    heads = next(number for number, line in enumerate(lines) if label in line)
    return int(lines[heads + 1][lines[heads].index(label)])
