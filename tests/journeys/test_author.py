"""An author's first day: from no bank to a paper drawn from an own one, by the pages alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.accounts.passwords import hash_password
from cbt.demo.world import add_staff
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import unit_of_work
from tests.bank.sheets import single, truth, workbook
from tests.conftest import Templates, close_engine
from tests.journeys.browsers import DESK, Browsers
from tests.journeys.centre import Centre, quiet_log, serve
from tests.journeys.conftest import OPENING
from tests.journeys.hands import Counting
from tests.journeys.staff import Desk
from tests.journeys.test_editing import TALL
from tests.world import PASSWORD, Person, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

TABLE = """A\t基本要求\t100
A-A\t职业道德\t100
A-A-A\t职业道德与守则\t100
A-A-A-001\t诚实守信\tX
A-A-A-002\t客户至上\tX
A-A-A-003\t保守秘密\tY
A-A-A-004\t廉洁自律\tY
A-A-A-005\t情绪管理\tZ"""
POINTS = [f"A-A-A-{number:03}" for number in range(1, 6)]
SOUND = [
    single("客户来电咨询退款进度时，坐席首先应（　　）。", point=POINTS[0]),
    single("客户反映承诺的回电没有等到，坐席首先应（　　）。", point=POINTS[1], answer="D"),
    truth("坐席可以把客户的手机号留作私人联系之用。", point=POINTS[2], answer="×"),
    truth("坐席不得收受客户为加急办理而送的礼品。", point=POINTS[3]),
]
WRONG = [
    ["", "B", "缺少鉴定点的一题应（　　）。", "甲", "乙", "丙", "丁", "", "A", 3, 5],
    ["A-A-A-009", "B", "鉴定点不在细目表里的一题应（　　）。", "甲", "乙", "丙", "丁", "", "A", 3, 5],
    [POINTS[0], "", "缺少题型的一题，应当说明题型。", "", "", "", "", "", "√", 3, 5],
    [POINTS[0], "B", "", "甲", "乙", "丙", "丁", "", "A", 3, 5],
    [POINTS[1], "B", "答案超出选项的一题应（　　）。", "甲", "乙", "丙", "丁", "", "E", 3, 5],
    [POINTS[1], "B", "单选有两个答案的一题应（　　）。", "甲", "乙", "丙", "丁", "", "AB", 3, 5],
    [POINTS[2], "B", "有两个选项相同的一题应（　　）。", "甲", "甲", "丙", "丁", "", "A", 3, 5],
    [POINTS[2], "C", "判断的答案不是对错的一题，应当改正。", "", "", "", "", "", "也许", 3, 5],
    [POINTS[3], "B", "选项中间空着的一题应（　　）。", "甲", "", "丙", "丁", "", "A", 3, 5],
    [POINTS[3], "B", "难度不是一到五的一题应（　　）。", "甲", "乙", "丙", "丁", "", "A", 9, 5],
]
"""Ten rows, each with one mistake."""


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """An installation with an author and a reviewer, and nothing else."""
    settings, _none = templates.settings("sqlite", populated=False, target=tmp_path)
    world = World()
    with serve(settings, world, OPENING, tmp_path, processes=1) as served:
        with served.app.app_context(), unit_of_work() as session:
            for role in (Role.AUTHOR, Role.REVIEWER):
                made = add_staff(
                    session,
                    role,
                    login=role.value,
                    name={Role.AUTHOR: "秦岚", Role.REVIEWER: "范哲"}[role],
                    now=OPENING,
                    password_hash=hash_password(PASSWORD),
                )
                world.people[role.value] = Person(made.ref, made.login, made.id)
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


class Author(Desk):
    """Somebody who has never seen the pages, with a workbook of their own."""

    @property
    def hand(self) -> Counting:
        """The hand that counts."""
        hand = self.browser.hand
        assert isinstance(hand, Counting)
        return hand

    def press(self, key: str, **params: object) -> None:
        """Press the button or link that says this."""
        said = self.word(key) % params if params else self.word(key)
        target = self.find("main").get_by_role("link", name=said, exact=False)
        button = self.find("main").get_by_role("button", name=said, exact=False)
        self.hand.press(target.or_(button).first)

    def look(self, name: str) -> None:
        """Look at the page; what a language changes of it is its words, so one is looked at."""
        if self.language == "zh":
            self.browser.page.set_viewport_size(TALL)
            self.browser.look(name)
            self.browser.page.set_viewport_size(DESK)

    def makes_a_bank(self) -> None:
        """新建题库, and its 细目表 pasted from a spreadsheet."""
        self.hand.press(self.find("header nav a[href='/bank']"))
        self.look("no-bank")
        self.press("bank.banks.new")
        self.hand.write(self.find("input[name=ref]"), "own")
        self.hand.write(self.find("input[name=name]"), "客户服务管理员（自编）")
        self.hand.press(self.find("main form button[type=submit]"))
        expect(self.find("textarea[name=pasted]")).to_be_visible()
        self.look("no-table")
        self.hand.write(self.find("textarea[name=pasted]"), TABLE)
        self.press("bank.desk.read")
        expect(self.find("#row-8 input[name=name]")).to_have_value("情绪管理")
        self.look("table")
        self.press("bank.desk.save_table")
        expect(self.find("main .tabs")).to_be_visible()

    def brings(self, rows: Sequence[Sequence[object]]) -> None:
        """Upload a workbook and wait until it is checked."""
        self.hand.press(self.find("main a[href$='/import']").first)
        file = {"name": "题库.xlsx", "mimeType": "application/zip", "buffer": workbook(rows)}
        self.find("input[name=file]").set_input_files(file)  # type: ignore[arg-type]  # a dict of Playwright's
        self.press("bank.upload.check")
        expect(self.find(".check-confirm")).to_be_visible(timeout=30_000)

    def stores(self) -> None:
        """Confirm what was understood, and wait until it is in the bank."""
        sure = self.find("#confirm input[name=understood]")
        if sure.count():
            self.hand.tick(sure)
        self.press("bank.confirm.store")
        expect(self.find("main form[action$='/undo'] button")).to_be_visible(timeout=30_000)

    def writes(self, kind: str, fields: dict[str, str | Sequence[str]], key: str) -> None:
        """Write an item by hand and hand it in for review."""
        self.hand.press(self.find("main a[href='/bank/own']").first)
        self.press("bank.editing.choose")
        self.hand.press(self.find(f"main .kinds a[href*='/new/{kind}']"))
        for name, text in fields.items():
            targets = self.find(f"#edit [name={name}]")
            for place, said in enumerate([text] if isinstance(text, str) else text):
                self.hand.write(targets.nth(place), said)
        self.hand.tick(self.find(f"#edit input[name=answer][value='{key}']"))
        expect(self.find("#runner article.item")).to_contain_text(str(fields["stem"])[:8])
        self.look(f"editor-{kind}")
        self.press("bank.editing.submit")
        expect(self.find("main")).to_contain_text(self.word("bank.state.in_review"))

    def draws(self) -> None:
        """试抽: the paper as a candidate would see it."""
        self.hand.press(self.find("main a[href='/bank/own']").first)
        self.hand.press(self.find("main .tabs a[href$='/coverage']"))
        self.look("no-blueprint")
        self.press("assembly.coverage.draw")
        expect(self.find("#runner article.item").first).to_be_visible()
        self.look("drawn")


class Reviewer(Author):
    """The second person, who has not written what they judge."""

    def approves(self, count: int) -> None:
        """Go through the queue and approve each item."""
        self.hand.press(self.find("header nav a[href='/bank/review']"))
        for number in range(count):
            expect(self.find("#acts button[value=approve]")).to_be_visible()
            if not number:
                self.look("queue")
            self.hand.press(self.find("#acts button[value=approve]"))
            self.browser.page.wait_for_load_state()
        expect(self.find("main")).to_contain_text(self.word("bank.queue.empty"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_no_bank_to_a_paper_drawn(centre: Centre, browsers: Browsers, language: str) -> None:
    hands = Counting(), Counting()
    author = Author(browsers.open(f"author-{language}", hand=hands[0]), "author", language=language)
    author.sign_in()
    author.makes_a_bank()

    # Ten mistakes are told at once, each with its place and what to do; a mended file has none.
    author.brings([*SOUND, *WRONG])
    author.look("mistakes")
    expect(author.find("main")).to_contain_text("题库.xlsx")
    for row in range(len(SOUND) + 2, len(SOUND) + len(WRONG) + 2):
        expect(author.find("main")).to_contain_text(str(row))
    author.brings(SOUND)
    author.stores()

    author.writes("true_false", {"point": POINTS[4], "stem": "客户情绪激动时，坐席应当放慢语速。"}, "true")
    choices = ["先行致歉并记录", "请客户改日再来", "转交其他同事", "解释公司规定"]
    stem = "客户当面发火时，坐席首先应（　　）。"
    author.writes("single_choice", {"point": POINTS[4], "stem": stem, "choices": choices}, "0")
    stem = "客户要求查看他人的订单时，坐席应（　　）。"
    author.writes("single_choice", {"point": POINTS[2], "stem": stem, "choices": choices[::-1]}, "3")

    reviewer = Reviewer(browsers.open(f"reviewer-{language}", hand=hands[1]), "reviewer", language=language)
    reviewer.sign_in()
    reviewer.approves(len(SOUND) + 3)
    author.draws()
    expect(author.find("#side")).to_contain_text(f"/ {len(SOUND) + 3}")
    # What each has to press, fields apart: a page more on this way is told here.
    language_chosen = int(language != "zh")
    assert [hand.clicks - language_chosen for hand in hands] == [29, 9]
