"""作答恢复文件 from a cut-off page to an approved answer: saved, imported, ruled on by two people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from cbt.runner.attempt_changes import allow_move
from cbt.runner.models import Attempt
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import end_room
from cbt.storage.unit_of_work import unit_of_work
from tests.journeys.answers import places_of
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.centre import Centre
from tests.journeys.seated import begin, evidence_of, journal_of, seat
from tests.journeys.staff import Desk
from tests.journeys.test_outbox import rescue
from tests.world import PASSWORD, PLANNED

pytestmark = pytest.mark.journey

END = PLANNED + timedelta(minutes=45)
RECORDS = """async () => {
    const script = document.querySelector("script[src*='door/seat']").src;
    const { openStorage } = await import(script.replace("door/seat", "runner/save/storage"));
    return (await openStorage()).every();
}"""


def saved_file(browser: Browser, button: str, folder: Path) -> Path:
    """Press a button that hands out a recovery file, and keep the file."""
    with browser.page.expect_download() as downloading:
        browser.hand.press(browser.find(button))
    path = folder / downloading.value.suggested_filename
    downloading.value.save_as(path)
    return path


@pytest.mark.parametrize(
    ("database_kind", "language"),
    [pytest.param("sqlite", "zh", id="sqlite-zh"), pytest.param("postgresql", "en", id="postgresql-en")],
    indirect=["database_kind"],
)
def test_answers_that_never_arrived_come_back_by_file_and_by_two_people(
    centre: Centre, browsers: Browsers, tmp_path: Path, language: str
) -> None:
    begin(centre)
    machine = browsers.open(f"cut-off-{language}")
    machine.watch.allow("ERR_INTERNET_DISCONNECTED")
    machine.context.add_cookies([{"name": "locale", "value": language, "url": centre.url}])
    candidate = seat(centre, machine, "theory")
    candidate.language = language
    right = [place.right() for place in places_of(centre, "theory")]
    candidate.type_through(right[:2])
    candidate.saved()

    # The network goes for good: three answers stay here, and after a minute the page offers its file.
    machine.context.set_offline(True)
    machine.page.keyboard.press("PageDown")
    candidate.type_through(right[2:5])
    expect(candidate.find("#save.warn")).to_contain_text("3")
    centre.move(seconds=70, heard=False)
    rescue(candidate, "cut")
    candidate.look("cut", zoom=True)
    early = saved_file(machine, "#rescue button", tmp_path)
    assert early.read_text("ascii").startswith('{"format":"cbt-recovery-1"')
    assert "王小明" not in early.read_text("ascii")

    # The deadline closes without the page; the machine is set up anew and lists what it holds.
    centre.stand_at(END + timedelta(minutes=2))
    assert centre.wait_for_score("theory") == Decimal("2.0")
    machine.page.close()
    machine.page = machine.context.new_page()
    machine.context.set_offline(False)
    machine.context.clear_cookies(name="cbt")
    machine.go("/")
    expect(machine.find("#undelivered p").first).to_contain_text("3")
    machine.look("seat-undelivered", zoom=True)
    path = saved_file(machine, "#undelivered button", tmp_path)
    assert path.read_text("ascii").startswith('{"format":"cbt-recovery-2"')

    # A proctor imports it: an altered copy is refused, the file is checked, kept, and not taken twice.
    proctor = Desk(browsers.open(f"importing-{language}"), "proctor", language=language)
    proctor.sign_in()
    proctor.browser.watch.allow("status of 409", "status of 422")
    proctor.browser.go(f"/proctor/rooms/{centre.world.room_ref}")
    proctor.browser.look("board-closed")
    proctor.browser.hand.press(proctor.find("#live-log .log-import a[href$='/recovery']"))
    proctor.browser.look("import", zoom=True)
    altered = tmp_path / "altered.cbtr"
    altered.write_text(path.read_text("ascii").replace('"body":"', '"body":"AAAA'), "ascii")
    upload(proctor, altered)
    expect(proctor.find(".notice.stop")).to_contain_text(proctor.word("error.recovery.altered.what"))
    proctor.browser.look("import-refused")
    upload(proctor, path)
    expect(proctor.find("table tbody tr")).to_have_count(3)
    expect(proctor.find(".pill.accent")).to_have_count(3)
    proctor.browser.look("import-preview", zoom=True)
    proctor.browser.hand.press(proctor.find("main form button[type=submit]"))
    expect(proctor.find(".flashes")).to_be_visible()
    proctor.browser.look("imported")
    upload(proctor, path)
    duplicate = proctor.word("error.recovery.duplicate.what").split("%")[0]
    expect(proctor.find(".notice.stop")).to_contain_text(duplicate)
    assert [position for position, _ in evidence_of(centre, "theory")] == [3, 4, 5]
    assert [position for position, _ in journal_of(centre, "theory")] == [1, 2]

    # The server has it now, so the machine forgets it.
    with machine.page.expect_response("**/seat/undelivered"):
        machine.go("/")
    expect(machine.find("#undelivered")).to_be_hidden()
    assert machine.page.evaluate(RECORDS) == []

    # The sitting is over: an officer and the chief proctor see what would change, and approve it.
    with centre.app.app_context(), unit_of_work() as session:
        for room in session.scalars(select(SittingRoom)):
            end_room(session, room, now=centre.now(), actor="staff:test")
    officer = Desk(browsers.open(f"ruling-{language}"), "officer", language=language)
    officer.sign_in()
    officer.browser.go(f"/results/{centre.world.sitting_ref}")
    officer.browser.look("sheet-with-late")
    officer.browser.hand.press(officer.find("main .notice.warn .fix a").first)
    expect(officer.find(".late-answers tbody tr")).to_have_count(3)
    officer.browser.look("late", zoom=True)
    hand = officer.browser.hand
    hand.write(officer.find("textarea[name=reason]"), "14:40 接入交换机断电，座位 01 至 08 断网")
    hand.press(officer.find(".second summary"))
    hand.write(officer.find("input[name=second_login]"), centre.world.people["chief_proctor"].login)
    hand.write(officer.find("input[name=second_password]"), PASSWORD)
    hand.press(officer.find("button[name=verdict][value=approved]"))
    expect(officer.find(".late-scores li")).to_contain_text("2.0 → 5.0")
    officer.browser.look("late-ruled", zoom=True)
    assert centre.wait_for_score("theory") == Decimal("5.0")


def upload(desk: Desk, path: Path) -> None:
    """Choose a file and have it checked."""
    if not desk.find("main input[type=file]").is_visible():
        desk.browser.go(f"/proctor/rooms/{desk.world.room_ref}/recovery")
    desk.find("main input[type=file]").set_input_files(path)
    desk.browser.hand.press(desk.find("main form button[type=submit]"))
    desk.browser.page.wait_for_load_state()


@pytest.mark.parametrize("told_by", ["a save", "the news"])
def test_what_stays_on_a_left_machine_is_offered_there(
    centre: Centre, browsers: Browsers, tmp_path: Path, told_by: str
) -> None:
    """换机: the former machine holds an answer, cannot write any more, and hands it out as a sealed file.

    It says the same whichever of its requests is the first to hear of it.
    """
    begin(centre)
    former = browsers.open("left-machine")
    former.watch.allow("ERR_INTERNET_DISCONNECTED", "status of 409")
    candidate = seat(centre, former, "second")
    candidate.type_through(["a"])
    candidate.saved()
    former.context.set_offline(True)
    former.page.keyboard.press("PageDown")
    candidate.type_through(["b"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    with centre.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, centre.world.sitters["second"].attempt_id)
        allow_move(session, attempt, now=centre.now(), actor="staff:test")
    moved = seat(centre, browsers.open("new-machine"), "second", machine="spare")
    moved.find("body").press("PageDown")
    moved.find("body").press("PageDown")
    moved.type_through(["a"])
    moved.saved()
    if told_by == "the news":
        former.watch.allow("ERR_FAILED")
        former.page.route("**/answers", lambda route: route.abort())
    former.context.set_offline(False)
    expect(candidate.find("#screen h2")).to_have_text(candidate.text("delivery.screen.moved.title"))
    rescue(candidate, "lost")
    expect(candidate.find("#save.warn")).to_have_text("▲1 题未送达")
    candidate.look("left-machine", zoom=True)
    text = saved_file(former, "#rescue button", tmp_path).read_text("ascii")
    assert '"epoch":1,' in text
    assert [position for position, _ in journal_of(centre, "second")] == [1, 3]


def test_an_answer_that_arrives_after_the_closing_is_said_to_be_evidence(
    centre: Centre, browsers: Browsers
) -> None:
    begin(centre)
    browser = browsers.open("late")
    browser.watch.allow("ERR_INTERNET_DISCONNECTED", "status of 410")
    candidate = seat(centre, browser, "theory")
    candidate.type_through(["a"])
    candidate.saved()
    browser.context.set_offline(True)
    browser.page.keyboard.press("PageDown")
    candidate.type_through(["b"])
    expect(candidate.find("#save.warn")).to_contain_text("1")
    centre.stand_at(END + timedelta(seconds=30))
    centre.wait_for_score("theory")
    candidate.meet_screen("deadline_wait")
    unsent = candidate.text("delivery.save.offline_over").replace("{n}", "1")
    expect(candidate.find("#save.warn")).to_have_text(f"▲{unsent}")
    assert "继续作答" not in browser.page.locator("body").inner_text()
    candidate.look("late-offline", zoom=True)
    browser.context.set_offline(False)
    candidate.meet_screen("deadline")
    expect(candidate.find("#save.warn")).to_have_text(
        f"▲{candidate.text('delivery.save.late').replace('{n}', '1')}"
    )
    said = candidate.text("delivery.rescue.evidence").split("}")[1]
    expect(candidate.find("#rescue")).to_contain_text(said)
    assert "已保存" not in browser.page.locator("header.bar").inner_text(), "beside what came too late"
    candidate.look("late-evidence", zoom=True)
    assert evidence_of(centre, "theory") == [(2, '"B"')]
    assert journal_of(centre, "theory") == [(1, '"A"')]
