"""The first hour: from an empty installation to a published batch of a trade of one's own, by the pages alone.

The administrator signs in with the password that was printed and follows the list of first steps: the body, the
staff by workbook with their passwords on slips, the samples put away. Then each does their part, in both languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.blueprints.office.service import read_folder
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.sittings.models import Sitting
from tests.bank.sheets import single, truth, workbook
from tests.candidates.rosters import row, xlsx
from tests.conftest import Templates, close_engine
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.conftest import OPENING
from tests.journeys.hands import Counting
from tests.journeys.test_office import DAY, DAY_MINUTES, Hand
from tests.personnel.test_staff_by_workbook import ADDRESS
from tests.printing.paper import papers_of
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

MOST_CLICKS = 90
TRADE, LEVEL, OWN = "园区无人机巡护员", "三级", "drone-patrol"
PARTS = [
    "桨叶", "电池", "云台", "遥控器", "图传天线", "存储卡", "起落架", "罗盘", "航灯", "机臂", "降落伞", "避障镜头",
    "充电箱", "备用电机", "喊话器", "红外镜头", "气压计", "减震球", "固定扣", "航线文件", "巡护日志", "禁飞区图",
    "风速仪", "反光背心", "警戒带", "对讲机", "灭火毯", "急救包", "回收网", "电量记录",
]  # fmt: skip
TABLE = "\n".join(
    ["A\t无人机巡护\t100", "A-A\t起飞与巡护\t100", "A-A-A\t器材与记录\t100"]
    + [f"A-A-A-{place:03}\t{part}\t{'XXXYYZ'[place % 6]}" for place, part in enumerate(PARTS, 1)]
)
WHAT_THEN = ("应当停飞并登记", "可以先飞完本次航线再登记")
ITEMS = [
    item
    for place, part in enumerate(PARTS, 1)
    for item in (
        truth(
            f"巡护员发现{part}有问题时，{WHAT_THEN[place % 2]}。",
            point=f"A-A-A-{place:03}",
            answer="√×"[place % 2],
        ),
        single(
            f"交接{part}时，接班的巡护员首先应（　　）。", point=f"A-A-A-{place:03}", answer="CADB"[place % 4]
        ),
    )
]
STAFF: list[list[object]] = [
    ["林嘉文", "考务", "lin", "", ""],
    ["秦岚", "命题员", "", "", ""],
    ["范哲", "审题员", "fan", "", ""],
    ["洪启明", "主考", "hong", "", ""],
    ["叶舒", "监考员", "ye", "", ""],
]
BLUEPRINT = {
    "ref": f"{OWN}-l3", "bank": OWN, "occupation.code": "4-99-08-07", "occupation.name": TRADE, "level.code": "3",
    "level.name": LEVEL, "papers.theory.name": "理论知识", "papers.theory.minutes": "45",
    "papers.theory.points": "100", "papers.theory.pass_points": "60",
}  # fmt: skip
SECTIONS = (
    {"name": "判断题", "type": "true_false", "count": "10", "points_each": "5"},
    {"name": "单选题", "type": "single_choice", "count": "10", "points_each": "5"},
)


class Newcomer(Hand):
    """Somebody who sees the product for the first time, in a language, and is shown no page of an error."""

    def __init__(self, browser: Browser, clicks: Counting, language: str) -> None:
        super().__init__(browser, clicks)
        self.language = language
        browser.page.on("response", self._note)

    def _note(self, response: object) -> None:
        status, url = response.status, response.url  # type: ignore[attr-defined]  # a Response of Playwright's
        if status >= 400 and "/static/" not in url:
            self.browser.watch.note(f"a page of an error: {status} @ {url}")

    def word(self, key: str, **params: object) -> str:
        """Return a text in this person's language."""
        return text_of(self.language, key, **params)

    def say(self, key: str, **params: object) -> None:
        """Click the link or button of the page that says this."""
        main, said = self.find("main"), self.word(key, **params)
        self.clicks.press(
            main.get_by_role("link", name=said).or_(main.get_by_role("button", name=said)).first
        )

    def put(self, name: str, text: str) -> None:
        """Fill a field in, or choose from it, whatever it is."""
        target = self.find(f"main [name='{name}']").first
        if target.evaluate("(field) => field.tagName") == "SELECT":
            values = target.locator("option").evaluate_all(
                "(all) => all.map((one) => [one.value, one.textContent])"
            )
            target.select_option(
                next(value for value, said in values if text in (value, said) or text in said)
            )
        else:
            target.fill(text)

    def sign_in(self, login: str, password: str) -> None:
        """Sign in for the first time, in this person's language, and choose an own password."""
        super().sign_in(login, password)
        if self.language == "en":
            self.press("header button[name=locale][value=en]")
            expect(self.find("html")).to_have_attribute("lang", "en")

    def look(self, name: str) -> None:
        """Look at the page; what a language changes of it is its words."""
        super().look(f"{name}-{self.language}")


@pytest.fixture
def printed() -> list[str]:
    """The password that the first start has printed."""
    return []


@pytest.fixture
def centre(templates: Templates, tmp_path: Path, printed: list[str]) -> Iterator[Centre]:
    """An installation as its first start leaves it: its administrator, the sample blueprints, and nothing else."""
    settings, _none = templates.settings("sqlite", populated=False, target=tmp_path)
    settings = replace(settings, blueprint_dir=product_dir("blueprints"))
    with serve(settings, World(), OPENING, tmp_path, processes=1) as served:
        with served.app.app_context():
            read_folder(settings.blueprint_dir, now=OPENING, actor="cli")
            printed.append(
                create_staff(login="admin", name="管理员", roles=[Role.ADMIN], now=OPENING, actor="cli")
            )
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


def first_steps(admin: Newcomer) -> dict[str, str]:
    """Follow the list: the body, the staff by workbook, the samples put away; return the passwords of the slips."""
    admin.look("first-steps")
    admin.say("steps.go")
    admin.write(name="浦江职业技能评价中心", address="上海市静安区新闸路 945 号", phone="021-55500909")
    admin.send()
    admin.press("header .brand")
    admin.say("personnel.title")
    admin.look("upload")
    admin.attach("人员.xlsx", xlsx(STAFF, ["姓名", "角色", "登录名", "所属单位", "备注"]))
    admin.say("personnel.read")
    confirm = admin.word("personnel.confirm", count=len(STAFF))
    expect(admin.find("main").get_by_role("button", name=confirm)).to_be_visible(timeout=30_000)
    admin.look("check")
    admin.say("personnel.confirm", count=len(STAFF))
    expect(admin.find("#slips")).to_be_visible(timeout=30_000)
    admin.look("list")
    admin.find("#slips input[name=address]").fill(ADDRESS)
    passwords = slips(admin)
    admin.press("header .brand")
    admin.say("steps.samples", count=2)
    expect(admin.find("main").get_by_role("button", name=admin.word("steps.samples", count=2))).to_have_count(
        0
    )
    admin.look("two-steps-done")
    return passwords


def slips(admin: Newcomer) -> dict[str, str]:
    """Have the slips made, and return the passwords on them by login."""
    with admin.browser.page.expect_download(timeout=60_000) as sent:
        admin.say("slips.make")
    file = Path(str(sent.value.path()))
    text = "".join(
        paper.text for paper in papers_of(file.read_bytes(), file.parent, f"slips-{admin.language}")
    )
    login, once = ("".join(admin.word(key).split()) for key in ("accounts.login", "accounts.once.title"))
    found = re.findall(rf"{login}([a-z0-9]+?){once}([2-9a-zA-Z]{{14}})", text)
    assert len(found) == len(STAFF)
    return dict(found)


def bring_bank(author: Newcomer) -> None:
    """Make the bank from the home page, its table pasted, its items from a workbook."""
    author.look("home-author")
    author.say("turns.author.no_bank.go")
    author.write(ref=OWN, name=f"{TRADE}{LEVEL}")
    author.send()
    author.write(pasted=TABLE)
    author.say("bank.desk.read")
    author.say("bank.desk.save_table")
    author.press("main a[href$='/import']")
    author.attach("题库.xlsx", workbook(ITEMS))
    author.say("bank.upload.check")
    expect(author.find(".check-confirm")).to_be_visible(timeout=60_000)
    if author.find("#confirm input[name=understood]").count():
        author.tick("#confirm input[name=understood]")
    author.say("bank.confirm.store")
    expect(author.find("main form[action$='/undo'] button")).to_be_visible(timeout=60_000)


def approve(reviewer: Newcomer) -> None:
    """Approve what the file brought, as a whole, after its preview."""
    reviewer.look("home-reviewer")
    reviewer.browser.go(f"/bank/{OWN}/import")
    reviewer.say("bank.bulk.run")
    reviewer.press("main .bank-actions button[type=submit]")
    expect(reviewer.find("main .notice.ok, .flash.ok, [role=status]").first).to_be_visible()


def make_blueprint(officer: Newcomer) -> None:
    """Make the level's blueprint by form: one paper of two sections."""
    officer.press("header nav a[href='/office/blueprints']")
    officer.look("blueprints")
    officer.press("main a[href$='/office/blueprints/new']")
    officer.press("main button[value='drop:skills']")
    officer.press("main button[value='row:theory']")
    for name, text in BLUEPRINT.items():
        officer.put(name, text)
    for place, section in enumerate(SECTIONS):
        for name, text in section.items():
            officer.put(f"papers.theory.sections.{place}.{name}", text)
    officer.press("main .form-foot button[value=keep]")
    expect(officer.find("main h1")).to_contain_text(TRADE)
    officer.look("blueprint")


def add_places(officer: Newcomer) -> None:
    """Add the centre and a room with its seats."""
    officer.press("header nav a[href='/office/centres']")
    officer.write(name="城东考点", address="上海市静安区南京西路 1 号")
    officer.say("sittings.centre.add")
    officer.write(name="一号机房", seats="12", per_row="6")
    officer.say("sittings.room.add")


def make_batch(officer: Newcomer) -> None:
    """Make the batch and its sitting."""
    officer.press("header nav a[href='/office/batches']")
    officer.say("sittings.batch.add")
    officer.write(name="2026 年第一批", starts_on=str(DAY), ends_on=str(DAY))
    box = officer.find(f"main input[name=levels][value='{OWN}-l3']")
    assert officer.find("main input[name=levels]").count() == 1, "a sample that was put away is offered"
    if not box.is_checked():
        officer.tick(f"main input[name=levels][value='{OWN}-l3']")
    officer.send()
    officer.press("main a[href$='/sittings/new']")
    officer.write(name="上午场", start=f"{DAY}T09:00")
    officer.tick("main input[name=rooms]")
    officer.send()


def bring_people(officer: Newcomer) -> None:
    """A workbook of eight people; what it would do is looked at and confirmed."""
    officer.press("main a[href$='/roster']")
    officer.attach("名册.xlsx", xlsx([row(number, level=LEVEL) for number in range(1, 9)]))
    officer.say("batches.roster.check")
    expect(officer.find("main .roster-act")).to_be_visible(timeout=30_000)
    officer.say("batches.roster.confirm", count=8)
    expect(officer.find("#forms")).to_be_visible(timeout=60_000)


def draw_and_publish(officer: Newcomer) -> None:
    """Seats by chance, forms, people for the room; then the day is published."""
    officer.say("batches.seating.all")
    officer.press("main form[action$='/draw'] button")
    expect(officer.find("#forms")).to_contain_text("8 / 8", timeout=60_000)
    for who in ("叶舒", "洪启明"):
        form = officer.find("main form.assign").first
        value = form.locator("option", has_text=who).first.get_attribute("value")
        form.locator("select").select_option(value)
        officer.clicks.press(form.locator("button"))
    officer.say("batches.publish.title")
    officer.look("publish")
    officer.say("batches.publish.button")
    expect(officer.find("main")).to_contain_text(officer.word("sittings.state.published"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_nothing_to_a_published_batch(
    centre: Centre, browsers: Browsers, printed: list[str], language: str
) -> None:
    clicks = Counting()

    def sit_down(login: str, password: str) -> Newcomer:
        hand = Newcomer(browsers.open(f"{login}-first-{language}", hand=clicks), clicks, language)
        hand.sign_in(login, password)
        return hand

    admin = sit_down("admin", printed[0])
    passwords = first_steps(admin)
    centre.move(minutes=DAY_MINUTES)  # accounts that one person has just made are one person's
    bring_bank(sit_down("qinlan", passwords["qinlan"]))
    approve(sit_down("fan", passwords["fan"]))
    officer = sit_down("lin", passwords["lin"])
    for stage in (make_blueprint, add_places, make_batch, bring_people, draw_and_publish):
        stage(officer)
    # The list of first steps is done with, and gone.
    admin.browser.go("/staff")  # a day later: the login is over
    admin.write(login="admin", password=PASSWORD)
    admin.send()
    expect(admin.find("#turns")).to_be_visible()
    expect(admin.find("#first-steps")).to_have_count(0)
    admin.look("home-admin")
    with centre.session() as session:
        assert session.scalars(select(Sitting.state)).all() == ["published"]
        assert session.scalar(select(func.count()).select_from(Attempt)) == 8
        assert session.scalar(select(func.count()).select_from(Staff)) == 1 + len(STAFF)
    chosen = 4 if language == "en" else 0
    assert clicks.clicks - chosen <= MOST_CLICKS, clicks.clicks
