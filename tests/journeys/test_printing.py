"""What is printed is whole: every rule and name on the paper, nothing cut off, nothing over the edge.

A picture would depend on the fonts of the machine, so none is kept. What is compared instead holds with any
font: the words that the PDF has and where they stand (none over another, all within the page's margins), that
no box cuts its content off when it is laid out as wide as the paper, and that the page's edges are bare of ink.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from cbt.candidates.models import Candidate
from cbt.db.unit_of_work import unit_of_work
from cbt.paths import product_dir
from cbt.sittings.models import Centre as ExamCentre
from cbt.sittings.models import Sitting
from tests.helpers import FakeClock
from tests.journeys import printing
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, text_of
from tests.journeys.staff import Board, Desk
from tests.results.scene import finish
from tests.world import PLANNED

LONG_NAME = "阿卜杜拉·买买提艾力·努尔买买提江·艾合买提"
LONG_PLACE = (
    "上海市松江区荣乐东路二千零二十七号现代服务业实训大楼东翼二楼二〇一室（靠近北门，出示准考证入内）"
)
PORTRAIT_MM, LANDSCAPE_MM, PROOF_MM = 186, 273, 182
MARGIN_POINTS = 20
NARROW_ONLY = re.compile(r"@media\s*\((?:max|min)-(?:width|height)")


@pytest.fixture(autouse=True)
def _tools() -> None:
    printing.need_tools()


def crowd(centre: Centre) -> None:
    """Give the world its longest name, its longest address and a cut-off between two minutes."""
    with centre.app.app_context(), unit_of_work() as session:
        session.execute(update(Candidate).where(Candidate.name == "李娜").values(name=LONG_NAME))
        session.execute(update(ExamCentre).values(address=LONG_PLACE))
        session.execute(
            update(Sitting)
            .where(Sitting.ref == centre.world.sitting_ref)
            .values(late_cutoff_at=PLANNED - timedelta(minutes=14, seconds=30))
        )


def whole(desk: Desk, name: str, folder: Path, *, width_mm: float = PORTRAIT_MM) -> list[printing.Sheet]:
    """Print what is shown, hold it to what every paper must keep, and return its pages."""
    desk.browser.page.wait_for_load_state()
    assert printing.cut_off(desk.browser, width_mm=width_mm) == []
    file = printing.print_page(desk.browser, f"{name}-{desk.language}", folder)
    pages = printing.sheets(file)
    for page in pages:
        assert page.overlaps() == []
        for word in page.words:
            assert MARGIN_POINTS < word.left < word.right < page.width - MARGIN_POINTS, word
            assert MARGIN_POINTS < word.top < word.bottom < page.height - MARGIN_POINTS, word
    assert printing.bare_edges(file, folder, millimetres=8)
    return pages


def squeezed(text: str) -> str:
    """Return a text as the words of a page are compared: without spaces."""
    return "".join(text.split())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_admission_ticket_keeps_its_rules_its_name_and_its_place(
    browsers: Browsers, centre: Centre, tmp_path: Path, language: str
) -> None:
    crowd(centre)
    officer = Desk(browsers.open("officer"), "officer", language=language)
    officer.sign_in()
    officer.browser.go(f"/office/sittings/{centre.world.sitting_ref}/tickets")
    pages = whole(officer, "tickets", tmp_path)
    rules = [
        text_of(language, f"door.notice.{rule}", **numbers)
        for rule, numbers in (
            ("identity", {}), ("late_report_at", {"minutes": "15.5"}), ("leave", {"minutes": "30"}), ("phone", {}),
            ("honest", {}), ("quiet", {}), ("fault", {}),
        )
    ]  # fmt: skip
    assert len(pages) == 4  # seven tickets, two on a page
    names = [sitter.name for sitter in centre.world.sitters.values() if sitter.name != "李娜"]
    told = "".join(page.text for page in pages)
    for name in [*names, LONG_NAME]:
        assert told.count(squeezed(name)) == 1, name
    # Lines of one column stand between those of its neighbours, so a long place is known by its two ends.
    assert told.count(LONG_PLACE[:6]) == told.count(LONG_PLACE[-2:]) == 7
    for rule in rules:
        assert told.count(squeezed(rule)) == 7, rule
    for mark in ("08:20", "08:30", "08:40", "08:45:30"):
        assert told.count(mark) == 7


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_door_list_keeps_every_column(
    browsers: Browsers, centre: Centre, tmp_path: Path, language: str
) -> None:
    crowd(centre)
    officer = Desk(browsers.open("officer"), "officer", language=language)
    officer.sign_in()
    officer.browser.go(f"/office/sittings/{centre.world.sitting_ref}/door-list")
    pages = whole(officer, "door-list", tmp_path)
    told = "".join(page.text for page in pages)
    assert len(pages) == 2  # a room each
    for heading in ("door.arrived", "door.signature", "ticket", "document", "note"):
        assert told.count(squeezed(text_of(language, f"candidates.{heading}"))) >= 2, heading
    for sitter in centre.world.sitters.values():
        assert sitter.ticket in told
    for mark in ("08:20", "08:30", "08:40", "08:45:30"):
        assert told.count(mark) == 2
    assert told.count(squeezed(text_of(language, "role.chief_proctor"))) == 2


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_score_sheet_keeps_everybody_and_the_lines_to_sign_on(
    browsers: Browsers, centre: Centre, tmp_path: Path, language: str
) -> None:
    crowd(centre)
    world = replace(centre.world, app=centre.app, clock=FakeClock(centre.now()))
    finish(world)
    centre.stand_at(world.clock.now() + timedelta(seconds=20))
    officer = Desk(browsers.open("officer"), "officer", language=language)
    officer.sign_in()
    officer.browser.go(f"/results/{world.sitting_ref}/print")
    pages = whole(officer, "scores", tmp_path, width_mm=LANDSCAPE_MM)
    told = "".join(page.text for page in pages)
    for sitter in world.sitters.values():
        assert sitter.ticket in told
    for line in ("counted", "checked", "officer", "date"):
        assert told.count(squeezed(text_of(language, f"results.sign.{line}"))) >= len(pages)


def test_a_proof_has_every_question_of_its_paper_and_the_key_on_pages_of_its_own(
    browsers: Browsers, centre: Centre, tmp_path: Path
) -> None:
    author = Desk(browsers.open("author"), "author")
    author.sign_in()
    bank = "customer-service-l3"
    author.browser.go(f"/bank/{bank}/proof?paper={bank}:skills&seed=7")
    printed = author.find(".proof-stem").all_text_contents()
    pages = whole(author, "proof", tmp_path, width_mm=PROOF_MM)
    told = "".join(page.text for page in pages)
    key = next(number for number, page in enumerate(pages) if page.text.startswith("答案与解析"))
    assert len(printed) == 20
    for stem in printed:
        # A blank is a box of its own, and a line's end may stand behind what is beside the stem.
        assert squeezed(stem)[:8] in told, stem
    assert not any("解析" in page.text for page in pages[:key])
    for number, page in enumerate(pages, 1):
        foot = max(word.top for word in page.words)
        assert "".join(word.text for word in page.words if word.top == foot) == f"{number}/{len(pages)}"


def test_a_list_of_sign_in_codes_is_printed_in_full_and_by_itself(
    browsers: Browsers, centre: Centre, tmp_path: Path
) -> None:
    proctor = Board(browsers.open("proctor"), "proctor")
    proctor.sign_in()
    proctor.enter()
    proctor.arrive("theory")
    proctor.check_in("theory")
    proctor.pick("theory")
    proctor.choose("code")
    proctor.browser.hand.press(proctor.find("#asked .dialog-foot button"))
    rows = proctor.find("#asked table.codes tbody tr")
    rows.first.wait_for()
    # A full room: more than a screen holds, and more than a page.
    rows.first.evaluate(
        "(row) => { for (let n = 2; n <= 60; n++) { const one = row.cloneNode(true);"
        " one.cells[1].textContent = `T${n}`; row.parentNode.append(one); } }"
    )
    pages = whole(proctor, "codes", tmp_path)
    told = [word.text for page in pages for word in page.words]
    assert [f"T{number}" for number in range(2, 61)] == [word for word in told if re.fullmatch(r"T\d+", word)]
    assert "陈静" not in "".join(told)  # the board behind it stays on the screen


STYLES = sorted(product_dir("static").rglob("*.css"))


@pytest.mark.parametrize("path", STYLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_for_a_narrow_screen_is_not_for_paper(path: Path) -> None:
    """A4 between its margins is 703 px wide: narrower than many a screen that a layout gives way to."""
    assert not NARROW_ONLY.findall(path.read_text("utf-8"))
