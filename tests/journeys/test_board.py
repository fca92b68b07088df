"""The plan of a room and its board by keys: seats as they stand, what newly waits, what applies; high contrast."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from cbt.candidates.models import Registration
from cbt.demo.world import DOOR
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.models import Attempt, AttemptLive
from cbt.sittings.models import Room, Seat, SittingRoom
from cbt.sittings.room_clock import admit_if_due, start_room
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.centre import Centre
from tests.journeys.hands import Keyboard
from tests.journeys.staff import Board, Desk
from tests.world import PLANNED

pytestmark = pytest.mark.journey
SIZES = ({"width": 1024, "height": 768}, {"width": 1366, "height": 768})


def in_sight(browser: Browser, selector: str) -> bool:
    """Whether the whole of it is on the screen, without scrolling."""
    box = browser.page.locator(selector).first.bounding_box()
    size = browser.page.viewport_size
    assert box is not None
    assert size is not None
    return (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= size["width"]
        and box["y"] + min(box["height"], 60) <= size["height"]
    )


def lay_out(officer: Desk, centre: Centre) -> None:
    """An aisle between the columns, the door, a seat put somewhere else: keys in the grid, then one click."""
    world, page = centre.world, officer.browser.page
    with centre.app.app_context(), reading() as session:
        ref = session.get_one(Room, world.room_id).ref
    officer.browser.go(f"/office/rooms/{ref}/plan?seats=8&columns=4")
    cell = '#plan-editor [data-at="{},{}"]'.format
    page.focus(cell(0, 0))
    page.keyboard.press("ArrowRight")
    expect(officer.find(cell(0, 1))).to_be_focused()
    officer.find("[data-tool=aisle]").press("Enter")
    expect(officer.find(cell(0, 3))).to_have_text("03")
    page.focus(cell(1, 4))
    page.keyboard.press("Delete")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("7")
    expect(officer.find("#plan-editor [role=status]")).to_contain_text("7")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(officer.find(cell(1, 4))).to_have_text("08")
    officer.find("[data-door=front_right]").click()
    officer.browser.look("plan-editor")
    officer.find(".plan-form button[type=submit]").click()
    expect(officer.find("main")).to_contain_text("已")
    with centre.app.app_context(), reading() as session:
        room = session.get_one(Room, world.room_id)
        assert (room.plan, room.door) == ("1 2 - 3 4\n5 6 - 7 8", "front_right")


def begin(centre: Centre, *names: str) -> None:
    """Everybody waits, the room starts, the named ones have their paper open."""
    world, now = centre.world, centre.now()
    with centre.app.app_context(), unit_of_work() as session:
        door = dict.fromkeys(DOOR, now)
        session.execute(update(Registration).values(**door))
        room = session.get_one(SittingRoom, world.sitting_room_id)
        admit_if_due(session, room, now=now)
        start_room(session, room, now=now, actor="staff:test")
        begun = [world.sitters[name].attempt_id for name in names]
        session.execute(
            update(Attempt).where(Attempt.id.in_(begun)).values(state="interacting", started_at=now)
        )
        session.add_all(
            AttemptLive(attempt_id=one, seen_at=now, answered=0, answered_map="0" * 100, blurs=0)
            for one in begun
        )
        refresh_clocks(session, now=now, sitting_room_id=room.id)


def test_the_board_by_keys(centre: Centre, browsers: Browsers) -> None:
    officer = Desk(browsers.open("officer-plan"), "officer")
    officer.sign_in()
    lay_out(officer, centre)

    world = centre.world
    centre.stand_at(PLANNED)
    begin(centre, "theory", "extra")
    board = Board(browsers.open("board-keys", hand=Keyboard()), "proctor")
    board.sign_in()
    board.enter()
    page = board.browser.page
    places = page.eval_on_selector_all("#map > li", "all => all.map((one) => one.id)")

    # One stop of the Tab key; the arrows go as the seats stand in the room, over the aisle, too.
    seats = {name: f"#pick-{sitter.registration_ref}" for name, sitter in world.sitters.items()}
    board.browser.hand.tick(board.find(seats["theory"]))
    page.keyboard.press("ArrowDown")
    expect(board.find(seats["late"])).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(board.find(seats["extra"])).to_be_focused()
    assert (
        page.eval_on_selector_all("#map .pick", "all => all.filter((one) => one.tabIndex === 0).length") == 1
    )

    # What applies to nobody selected is not offered.
    expect(board.find("#picked-acts [data-act=suspend]")).to_be_visible()
    expect(board.find("#picked-acts [data-act=resume]")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(board.find("#asked #act-title")).to_contain_text("赵敏")
    page.keyboard.press("Escape")

    # Two that go silent are news: they are spoken, and the others keep their places whatever is filtered.
    expect(board.find("#todo-sound")).to_have_attribute("aria-pressed", "false")
    board.find("#todo-sound").press("Enter")
    expect(board.find("#todo-sound")).to_have_attribute("aria-pressed", "true")
    centre.move(seconds=40, heard=False)
    expect(board.find("#spoken")).to_contain_text("01 王小明")
    expect(board.find("#spoken p")).not_to_have_count(0)
    expect(board.find("#live-todo li").first.locator(".btn-main")).to_have_text("去机位看")
    board.find("#live-counts a[href*='show=offline']").press("Enter")
    expect(board.find("#live-counts [aria-current=true] b").first).to_have_text("2")
    assert page.eval_on_selector_all("#map > li", "all => all.map((one) => one.id)") == places
    board.find("#live-counts a[href*='show=expected']").press("Enter")

    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]  # Playwright's own dict type
        for what in (
            "#live-todo",
            "#live-todo li",
            "#live-bar a[href$='/acts/hold']",
            "#live-bar a[href$='/acts/evacuate']",
        ):
            assert in_sight(board.browser, what), (size, what)
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), size
    board.browser.look("board")

    # What befell the whole room is one entry, and one answer is for all of them.
    with centre.app.app_context(), unit_of_work() as session:
        session.execute(update(Seat).where(Seat.room_id == world.room_id).values(claim_alert_at=centre.now()))
    copied = board.find("#live-todo li").filter(has_text="克隆的硬盘")
    expect(copied).to_contain_text("共 6 台机器")
    board.browser.look("board-many")
    board.browser.hand.press(copied.locator("a[data-post]"))
    expect(board.find("#said")).to_contain_text("等 6 人")
    expect(copied).to_have_count(0)
    page.emulate_media(forced_colors="active")  # its contrast is the reader's own
    edge = "(one) => getComputedStyle(one.querySelector('.tile')).borderTopWidth"
    widths = {name: board.seat(name).evaluate(edge) for name in ("theory", "factor")}
    assert widths["theory"] != widths["factor"], "who is offline stands out without a background"
