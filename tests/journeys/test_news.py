"""What staff do, seen on a candidate's pages: what was done, by whom and why, each on a screen of its own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.seated import journal_of, log_in, seat
from tests.proctoring.desk import Desk, done
from tests.world import PLANNED

pytestmark = pytest.mark.journey
CONTRAST = """() => getComputedStyle(document.querySelector('.screen.leave')).borderTopStyle"""


def test_acts_of_staff_are_told_on_open_pages(centre: Centre, browsers: Browsers) -> None:
    world = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    world.admit_all()
    centre.app.config["WTF_CSRF_ENABLED"] = False  # of the journey's own view; the served one has it
    desk, chief = Desk(world), Desk(world, "chief_proctor")

    def act(code: str, /, *names: str, by: Desk = desk, **fields: str) -> None:
        world.clock.set(centre.now())
        done(by.act(code, *names, **fields))

    # In the waiting room: an evacuation, the way back, and the start.
    room = log_in(centre, browsers.open("waiting"), "skills")
    room.browser.go("/exam/wait")
    room.browser.watch.allow("423")
    act("evacuate")
    expect(room.find("#wait-evacuated")).to_be_visible()
    room.look("evacuated")
    act("resume_room", reason="误报", second="chief_proctor")
    expect(room.find("#wait-back")).to_be_visible()
    centre.stand_at(PLANNED)
    act("start")
    room.opens()

    browser = browsers.open("theory")
    candidate = seat(centre, browser, "theory")
    browser.watch.allow("423", "410", "ERR_FAILED")
    screen, toasts = candidate.find("#screen .screen"), candidate.find("#toasts")
    candidate.type_through(["a"])
    candidate.saved()

    act("adjust", "theory", kind="site_fault", minutes="5", reason_code="network")
    expect(toasts).to_contain_text("监考员为您补时 5 分钟：网络")
    candidate.look("adjusted")

    act("suspend", "theory", reason="核对证件")
    expect(screen).to_contain_text("您的考试已暂停")
    expect(screen).to_contain_text("监考员暂停了您的考试：核对证件")
    expect(screen).to_contain_text("作答已保存到服务器。")
    candidate.look("suspended")
    browser.page.reload()
    expect(screen).to_contain_text("监考员暂停了您的考试：核对证件")
    act("resume", "theory", reason="已核对")
    candidate.opens()

    act("leave", "theory", escort="周")
    expect(screen).to_contain_text("监考员登记您临时离场")
    act("return", "theory")
    candidate.opens()
    act("hold", reason_code="power", reason="跳闸")
    expect(screen).to_contain_text("监考员暂停了全场考试：停电，跳闸")
    candidate.look("held")

    # An evacuation says of what has not arrived that it has not.
    act("resume_room", reason="来电")
    candidate.opens()
    candidate.saved()
    browser.page.route("**/answers", lambda route: route.abort())
    browser.page.keyboard.press("PageDown")
    candidate.type_through(["b"])
    act("evacuate")
    expect(screen).to_contain_text("请立即听从监考员撤离")
    expect(screen).to_contain_text("还有 1 题未送达服务器")
    expect(candidate.find(".bar")).to_be_hidden()
    candidate.look("evacuated", zoom=True)
    browser.page.emulate_media(forced_colors="active")
    candidate.look("evacuated-contrast")
    assert browser.page.evaluate(CONTRAST) == "double"
    browser.page.emulate_media(forced_colors="none")
    browser.page.unroute("**/answers")
    act("resume_room", reason="警报解除", second="chief_proctor")
    candidate.opens()
    expect(toasts).to_contain_text("疏散结束，监考员恢复了全场考试")
    candidate.saved()
    assert journal_of(centre, "theory") == [(1, '"A"'), (2, '"B"')]

    act("force", "theory", reason="到点", second="chief_proctor")
    expect(screen).to_contain_text("监考员对您强制收卷：到点")
    candidate.look("forced")
    act("reopen", "theory", by=chief, reason="误收", minutes_more="0", second="proctor")
    candidate.opens()
    expect(toasts).to_contain_text("主考恢复了您的作答")
    act("violation", "theory", code="copying", reason="抄袭", second="chief_proctor")
    expect(screen).to_contain_text("因违纪登记")
    candidate.look("violation")
