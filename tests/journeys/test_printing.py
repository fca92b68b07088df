"""What a browser prints is whole: every word on the paper, nothing cut off, nothing over the edge.

A picture would depend on the fonts of the machine, so none is kept. What is compared instead holds with any
font: the words that the PDF has and where they stand (none over another, all within the page's margins), that
no box cuts its content off when it is laid out as wide as the paper, and that the page's edges are bare of ink.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.candidates.prints import DOCUMENTS
from cbt.paths import product_dir
from tests.journeys import printing
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre
from tests.journeys.staff import Board, Desk
from tests.printing.paper import squeezed, told

PORTRAIT_MM, PROOF_MM = 186, 182
MARGIN_POINTS = 20
NARROW_ONLY = re.compile(r"@media\s*\((?:max|min)-(?:width|height)")


@pytest.fixture(autouse=True)
def _tools() -> None:
    printing.need_tools()


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


def test_all_rooms_come_in_one_zip_and_a_broken_line_leaves_no_half(
    browsers: Browsers, centre: Centre, tmp_path: Path
) -> None:
    officer = Desk(browsers.open("officer"), "officer")
    officer.sign_in()
    page, hand = officer.browser.page, officer.browser.hand
    officer.browser.go(f"/office/sittings/{centre.world.sitting_ref}")
    hand.press(officer.find(f"main a[href$='/{centre.world.sitting_ref}/print']"))
    expect(officer.find("button[data-zip]")).to_have_count(len(DOCUMENTS))
    officer.browser.look("prints")
    rooms = officer.find("a[data-document=door]").count()
    with page.expect_download() as taken:
        hand.press(officer.find("button[data-zip=door]"))
    path = tmp_path / "out.zip"
    taken.value.save_as(path)
    assert taken.value.suggested_filename.startswith("考场名单-")
    expect(officer.find("#making-said")).to_contain_text(f"已做好 {rooms} 个考场")
    expect(officer.find("#making-meter")).to_have_attribute("value", str(rooms))
    officer.browser.look("prints-made")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        text = "".join(told(archive.read(name), tmp_path) for name in names)
    assert len(names) == rooms > 1
    assert names[0] == f"01-{officer.find('a[data-document=door]').first.get_attribute('data-room')}.pdf"
    for sitter in centre.world.sitters.values():
        assert sitter.ticket in text
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    hand.press(officer.find("button[data-zip=labels]"))
    expect(officer.find("#making-said")).to_contain_text("没有做成")
    expect(officer.find("button[data-zip=labels]")).to_be_enabled()


TREES = (product_dir("static"), product_dir("static").parent / "cbt" / "items")
STYLES = [path for tree in TREES for path in sorted(tree.rglob("*.css"))]


@pytest.mark.parametrize("path", STYLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_for_a_narrow_screen_is_not_for_paper(path: Path) -> None:
    """A4 between its margins is 703 px wide: narrower than many a screen that a layout gives way to."""
    assert not NARROW_ONLY.findall(path.read_text("utf-8"))
