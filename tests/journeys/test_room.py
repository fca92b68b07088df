"""One proctor and a room of thirty, from the door to the printed record: what a bad day can hold, on one day.

Four candidates sit in browsers, the others save beside them; the proctor works from the board and the page of the
door, the chief comes when two are needed. At the end record, log, lists, board, gate and package are held against
each other, and against what is printed: whatever stands on two of them is the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from cbt.candidates.models import Registration
from cbt.demo.world import Entrant, Identity, Variant, seat_everybody
from cbt.door.arrival import check_in, record_arrival
from cbt.proctoring.board.display import log_text
from cbt.proctoring.record_papers import PAPERS, clock
from cbt.results.package.container import write_package
from cbt.runner.models import Attempt, AttemptLive
from cbt.sittings.models import Seat, SittingRoom
from cbt.sittings.room_clock import admit_if_due, end_room, start_room
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, text_of
from tests.journeys.looks import apart
from tests.journeys.seated import seat
from tests.journeys.staff import Board, Desk
from tests.printing.paper import squeezed
from tests.printing.paper import told as paper_words
from tests.proctoring.day_papers import disagreements, of_board, of_gate, of_package, of_papers, told_once
from tests.proctoring.test_record import record_of
from tests.world import PASSWORD, PLANNED

pytestmark = pytest.mark.journey

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
CUTOFF = PLANNED - 15 * MINUTE
MORE = 24
FORCED, OUTSIDE = "n19", "n20"
"""Whose paper is closed by force, and who is there and does not sign in."""
IN_TIME, TOO_LATE, NEVER = "n21", "n22", ("n23", "n24")
IN_BROWSERS = ("theory", "extra", "second", "skills")
SPARE = 60
LOGGED = "#live-log > ol > li"
SPOKEN = """(lines) => lines.map((line) => ["time", "summary, span"].map(
    (part) => line.querySelector(part).textContent.replace(/\\s+/g, " ").trim()))"""
"""The time and the sentence of each line of a board's log."""


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
    sitting = [name for name in day.here if name not in {OUTSIDE, *absent}]
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

    # A hand that goes up is answered in words.
    theory.find("#hand").click()
    theory.find("[data-reason=network]").click()
    board.browser.hand.press(board.find("#live-todo a[href*='/acts/answer_hand']"))
    board.find("#asked").get_by_role("button", name="马上过来，请稍候").click()
    board.confirm()
    expect(theory.find("#hand-note")).to_contain_text("马上过来")

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
    stopped_at = centre.stop()
    centre.go_on(at=stopped_at + 2 * SECOND)  # short enough to be no outage, however busy this machine is
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

    # A violation that ends nothing; 更多 opens beside what can be taken back, and closes by itself.
    board.pick("skills")
    further, page = board.find("#picked-acts details[open]"), board.browser.page
    for width in (1024, 1366):
        page.set_viewport_size({"width": width, "height": 768})
        board.find("#picked-acts summary").click()
        opened, log = (
            board.find(one).first.bounding_box()
            for one in ("#picked-acts details[open] > .card", "#live-log")
        )
        assert opened is not None
        assert log is not None
        assert apart(opened, log), f"更多 covers the log with its 撤销 at {width}"
        page.keyboard.press("Escape") if width == 1024 else board.find("#live-todo h2").click()
        expect(further).to_have_count(0)
    board.choose("violation")
    board.browser.hand.select(board.find("#asked select[name=code]"), "noise")
    board.give_reason("与邻座交谈，经提醒停止")
    board.confirm()

    # Somebody cannot go on.
    board.pick(FORCED)
    board.choose("force")
    board.give_reason("身体不适，由家属接走")
    with_second(board, "chief_proctor")
    page.evaluate("addEventListener('submit', () => { window.sentByEnter = true; }, true)")
    page.keyboard.press("Enter")
    assert page.evaluate("window.sentByEnter") is None, "Enter in a field closes no paper"
    board.confirm()

    # Everybody out, and back: 取消 is what Enter presses, in the dialog and in each of its fields.
    board.ask_room("evacuate")
    expect(board.find("#asked .dialog-foot .btn-main")).to_be_focused()
    board.browser.page.keyboard.press("Enter")
    expect(board.find("#asked")).to_be_hidden()
    board.sees("theory", "answering")
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
    board.ask_room("end")
    gate = board.find("#asked").inner_html()
    board.browser.look("room-end")
    board.confirm()
    expect(board.find("#picked")).to_have_count(0)
    what_stands_in_two_places_is_the_same(day, board, gate, tmp_path)


def what_stands_in_two_places_is_the_same(day: Day, board: Board, gate: str, folder: Path) -> None:
    """Hold record, log, lists, board, gate, package and what is printed against each other, line by line (R-61)."""
    centre, page = day.centre, board.browser.page
    day.set_clock()
    with centre.app.app_context(), unit_of_work() as session:
        other = session.scalars(
            select(SittingRoom).where(SittingRoom.ref == centre.world.other_room_ref)
        ).one()
        start_room(session, other, now=centre.now(), actor="staff:test")
        end_room(session, other, now=centre.now(), actor="staff:test")
    record = record_of(day.world)
    with centre.app.app_context():
        package = write_package(day.world.sitting_ref, actor="cli", now=centre.now()).body
    with centre.app.test_request_context():
        told = [(clock(line.at), log_text(line)) for line in record.lines]
        set_out = {name: paper.gather(record) for name, paper in PAPERS.items()}
        papers = {
            **of_papers(record), "gate": of_gate(gate), "board": of_board(page.content()),
            "package": of_package(package, day.world.room_ref),
        }  # fmt: skip
    assert disagreements(papers) == []
    assert told_once(papers) == {"waiting after the end"}
    log, changes = papers["log"], papers["changes"]
    names = {name: day.world.sitters[name].name for name in day.world.sitters}
    assert (log["expected"], log["present"], log["absent"]) == (30, 27, 3)
    assert log["names of absent"] == {names[name] for name in (TOO_LATE, *NEVER)}
    assert (log["names of by_proctor"], log["names of unanswered"]) == ({names[FORCED]}, {names[OUTSIDE]})
    assert log["names of violations"] == {names["skills"]}
    assert log["evacuated"] == Counter({"紧急疏散": 1, "签认紧急疏散": 1})
    assert (log["hands by reason"], changes["moved"]) == (Counter({"网络": 1}), 1)
    assert changes["waiting after the end"] == 0
    assert sum(log["room time"].elements()) >= 3 * 60
    assert log["own time"][0] == 2
    assert not [text for _at, text in told if re.search("：(.+)（\\1）$", text)], "a reason is said once"
    assert any(text == f"{day.world.sitters['second'].seat:02d} {names['second']} 交卷" for _at, text in told)

    # The board's own log, line by line; and every cell of what was set out, on what is printed.
    shown = page.eval_on_selector_all(LOGGED, SPOKEN)
    assert [tuple(line) for line in shown] == told[::-1]
    board.browser.go(f"/proctor/rooms/{day.world.room_ref}/record")
    board.browser.look("record")
    for name, sheet in set_out.items():
        printed = board.browser.context.request.get(f"{page.url}/{name}.pdf").body()
        words = paper_words(printed, folder)
        cells = [cell for part in sheet.get("parts", ()) for row in part["rows"] for cell in row]
        cells += [
            cell
            for key in ("about", "figures", "ends", "papers", "happened")
            for row in sheet.get(key, ())
            if row[0] != "日志锚点"  # where the log ends changes with each paper that is printed
            for cell in row
        ]
        assert [cell for cell in cells if squeezed(cell) not in words] == []
        assert text_of("zh", "record.draft") not in words
        assert not any(code in words for code in ("evacuation", "outage", "network"))
