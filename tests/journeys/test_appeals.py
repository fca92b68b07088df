"""成绩复核 in a browser: one lost and one won, asked by candidates, decided by a third person, with letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.staff import Desk, Office
from tests.printing.paper import papers_of
from tests.results.appeal_scene import miss_marks, score_of, written
from tests.results.scene import ENDED, release
from tests.world import PASSWORD, START, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]
LOST, WON = "extra", "theory"


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose results are released; three marks of one candidate were missed."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    before = written(world.on(app, clock), LOST, WON)
    miss_marks(before, WON, 3)
    release(before)
    close_engine(app)
    with serve(settings, replace(world, people=before.people), ENDED + timedelta(days=1), tmp_path) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


class Asker(Candidate):
    """A candidate on their own results page."""

    def opens_appeal(self) -> None:
        """Go from one's results to the appeal."""
        self.results()
        self.browser.hand.press(self.find(".own-appeal button"))
        expect(self.find("main h1")).to_have_text(self.text("appeal.title"))

    def asks(self, words: str) -> None:
        """Ask for what may have been missed or added up wrongly."""
        self.opens_appeal()
        self.look("ask", zoom=True)
        for scope in ("missed", "added"):
            self.find(f"input[name=scope][value={scope}]").check()
        self.browser.hand.write(self.find("textarea[name=words]"), words)
        self.browser.hand.press(self.find("form[action$='/ask'] button"))
        expect(self.find("main .notice.ok")).to_be_visible()

    def letter(self, folder: Path) -> str:
        """Take the letter; return what it says."""
        self.opens_appeal()
        with self.browser.page.expect_download() as download:
            self.browser.hand.press(self.find("form[action$='/letter'] button"))
        (paper,) = papers_of(Path(download.value.path()).read_bytes(), folder, f"appeal-{self.sitter.seat}")
        return paper.text


def decide(desk: Desk, name: str, verdict: str, grounds: str) -> None:
    """Open an appeal from the list, and decide as its recount says."""
    desk.browser.go("/results/appeals")
    desk.browser.look("desk", zoom=True)
    desk.browser.hand.press(desk.find("main table a").filter(has_text=name))
    expect(desk.find(f"input[name=verdict][value={verdict}]")).to_be_checked()
    desk.browser.look(f"appeal-{verdict}", zoom=True)
    desk.browser.hand.write(desk.find("textarea[name=grounds]"), grounds)
    desk.browser.hand.press(desk.find("section form .form-foot button"))
    expect(desk.find(".flashes .notice.ok")).to_be_visible()


def test_an_appeal_is_lost_and_another_is_won(centre: Centre, browsers: Browsers, tmp_path: Path) -> None:
    lost, won = (Asker(browsers.open(f"home-{name}"), name) for name in (LOST, WON))
    lost.asks("第 12 题应当得分。")
    won.asks("得分比估计的少。")
    lost.results()
    lost.look("results")
    third = Desk(browsers.open("third"), "third")
    third.sign_in()
    decide(third, centre.world.sitters[LOST].name, "keep", "逐题核对无误。")
    decide(third, centre.world.sitters[WON].name, "change", "三题漏计，应予更正。")
    expect(third.find("main .notice.warn")).to_contain_text(text_of("zh", "appeal.to_correct"))

    office = Office(browsers.open("officer"), "officer")
    office.sign_in()
    office.browser.go(f"/results/{centre.world.sitting_ref}/release")
    office.browser.hand.write(office.find("textarea[name=reason]"), "成绩复核")
    office.browser.hand.press(office.find(".second-card .second summary"))
    office.browser.hand.write(
        office.find("input[name=second_login]"), centre.world.people["chief_proctor"].login
    )
    office.browser.hand.write(office.find("input[name=second_password]"), PASSWORD)
    office.browser.hand.press(office.find(".second-card button[type=submit]"))
    expect(office.find(".page-head .pill.ok")).to_be_visible()

    said = lost.letter(tmp_path)
    assert "维持原成绩" in said
    assert "逐题核对无误" in said
    lost.browser.look("lost", zoom=True)
    world: World = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    right = str(score_of(world, WON).score)
    said = won.letter(tmp_path)
    assert "更正成绩" in said
    assert right in said
    won.browser.look("won", zoom=True)
    won.results()
    expect(won.find(".my-paper .big b").first).to_have_text(right)
    third.browser.page.reload()
    third.browser.look("decided", zoom=True)
