"""An office's first batch: from an installation that was just started to a published day, by the pages alone."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from sqlalchemy import select

from cbt.accounts.staff import create_staff
from cbt.application.app import create_app
from cbt.bank.exports import export_bank
from cbt.candidates.models import Registration
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.sittings.models import Sitting
from tests.candidates.rosters import JPEG, resident, xlsx, zipped
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import DESK, Browser, Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.conftest import OPENING
from tests.journeys.hands import Counting, CountingKeys
from tests.journeys.test_editing import TALL
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

LEVELS = {"3": "customer-service-l3", "2": "customer-service-l2"}
PEOPLE = {
    "lin": ("林嘉文", Role.OFFICER),
    "qin": ("秦岚", Role.AUTHOR),
    "fan": ("范哲", Role.REVIEWER),
    "hong": ("洪启明", Role.CHIEF_PROCTOR),
    "ye": ("叶舒", Role.PROCTOR),
    "tang": ("唐敏", Role.PROCTOR),
}


@pytest.fixture
def first_password() -> list[str]:
    """The password that the first start has printed."""
    return []


@pytest.fixture
def banks(templates: Templates, tmp_path: Path) -> dict[str, bytes]:
    """The levels' banks as another centre's office sends them."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    settings, _world = templates.settings("sqlite", populated=True, target=folder)
    app = create_app(settings, clock=FakeClock(OPENING))
    sent = {}
    with app.app_context():
        for ref in LEVELS.values():
            target = io.BytesIO()
            export_bank(target, bank_ref=ref, form="qti30", now=OPENING, actor="cli")
            sent[ref] = target.getvalue()
    close_engine(app)
    return sent


@pytest.fixture
def centre(templates: Templates, tmp_path: Path, first_password: list[str]) -> Iterator[Centre]:
    """An installation as its first start leaves it: its administrator, no blueprint, and nothing else."""
    settings, _none = templates.settings("sqlite", populated=False, target=tmp_path)
    (tmp_path / "blueprints").mkdir()
    settings = replace(settings, blueprint_dir=tmp_path / "blueprints")
    with serve(settings, World(), OPENING, tmp_path, processes=1) as served:
        with served.app.app_context():
            first_password.append(
                create_staff(login="admin", name="管理员", roles=[Role.ADMIN], now=OPENING, actor="cli")
            )
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


class Hand:
    """Somebody at a browser who counts the clicks, and reads one of the languages."""

    def __init__(self, browser: Browser, clicks: Counting | CountingKeys, language: str = "zh") -> None:
        self.browser = browser
        self.clicks = clicks
        self.language = language
        browser.context.add_cookies([{"name": "locale", "value": language, "url": browser.centre.url}])

    def find(self, selector: str) -> Locator:
        """Return what `selector` names on the page."""
        return self.browser.find(selector)

    def press(self, selector: str) -> None:
        """Click the first of what `selector` names."""
        self.clicks.press(self.find(selector).first)

    def say(self, key: str, **params: object) -> None:
        """Click the link or button of the page that says this."""
        said = text_of(self.language, key, **params)
        main = self.find("main")
        self.clicks.press(
            main.get_by_role("link", name=said).or_(main.get_by_role("button", name=said)).first
        )

    def tick(self, selector: str) -> None:
        """Tick a box or a radio."""
        self.clicks.tick(self.find(selector).first)

    def write(self, **fields: str) -> None:
        """Fill fields in, by their names."""
        for name, text in fields.items():
            self.find(f"main [name='{name}']").first.fill(text)

    def attach(self, name: str, body: bytes) -> None:
        """Choose a file."""
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": body}
        self.find("main input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]  # a dict of Playwright's

    def send(self) -> None:
        """Send the page's form."""
        self.press("main form .form-foot button[type=submit], main form button[type=submit]")

    def look(self, name: str) -> None:
        """Hold the page to WCAG, in a window that shows all of it."""
        self.browser.page.set_viewport_size(TALL)
        self.browser.look(name)
        self.browser.page.set_viewport_size(DESK)

    def sign_in(self, login: str, password: str) -> None:
        """Sign in for the first time, with a one-time password, and choose an own one."""
        self.browser.go("/staff")
        self.write(login=login, password=password)
        self.send()
        self.write(old=password, new=PASSWORD, again=PASSWORD)
        self.send()
        expect(self.find("header .who")).to_be_visible()


def add_people(admin: Hand) -> dict[str, str]:
    """Add everybody, each with a role; return their one-time passwords."""
    passwords = {}
    admin.press("header nav a[href='/staff/people']")
    for login, (name, role) in PEOPLE.items():
        admin.write(login=login, name=name)
        admin.tick(f"main input[name=roles][value={role.value}]")
        admin.say("accounts.people.add")
        passwords[login] = str(admin.find(".once").text_content()).strip()
        admin.say("accounts.once.done")
    return passwords


def bring_bank(author: Hand, ref: str, items: bytes) -> None:
    """Make a bank, give it its table, and bring its items."""
    folder = product_dir("question_bank") / ref
    table = tomllib.loads((folder / "taxonomy.toml").read_text("utf-8"))
    ranges = [f"{one['code']}\t{one['name']}\t{one['weight']}" for one in table["range"]]
    points = [f"{one['code']}\t{one['name']}\t{one['importance']}" for one in table["point"]]
    author.press("header nav a[href='/bank']")
    author.say("bank.banks.new")
    author.write(ref=ref, name=f"客户服务管理员 {ref}")
    author.send()
    author.write(pasted="\n".join(sorted(ranges + points)))
    author.say("bank.desk.read")
    author.say("bank.desk.save_table")
    author.press("main a[href$='/import']")
    author.attach("题库.zip", items)
    author.say("bank.upload.check")
    expect(author.find(".check-confirm")).to_be_visible(timeout=60_000)
    if author.find("#confirm input[name=understood]").count():
        author.tick("#confirm input[name=understood]")
    author.say("bank.confirm.store")
    expect(author.find("main form[action$='/undo'] button")).to_be_visible(timeout=60_000)


def approve(reviewer: Hand, ref: str) -> None:
    """Approve what a file brought, as a whole, after its preview."""
    reviewer.browser.go(f"/bank/{ref}/import")
    reviewer.say("bank.bulk.run")
    reviewer.press("main .bank-actions button[type=submit]")
    expect(reviewer.find("main .notice.ok, .flash.ok, [role=status]").first).to_be_visible()


def add_places(officer: Hand) -> None:
    """Add the centre and its two rooms."""
    officer.press("header nav a[href='/office/centres']")
    officer.write(name="城东考点", address="上海市静安区南京西路 1 号")
    officer.say("sittings.centre.add")
    for name, seats in (("一号机房", 30), ("二号机房", 40)):
        officer.write(name=name, seats=str(seats), per_row="8")
        officer.say("sittings.room.add")
        officer.press("main nav a[href^='/office/centres/']")


def bring_blueprints(officer: Hand) -> None:
    """Bring the levels' files and put each in force."""
    for ref in LEVELS.values():
        officer.press("header nav a[href='/office/blueprints']")
        officer.attach(f"{ref}.toml", (product_dir("blueprints") / f"{ref}.toml").read_bytes())
        officer.say("exams.desk.check")
        officer.press("button[value=keep]")


DAY = (OPENING + timedelta(days=3)).date()
SITTINGS = (("上午场", f"{DAY}T09:00"), ("下午场", f"{DAY}T13:30"))


def shape_batch(officer: Hand) -> None:
    """Make the batch: its name, its levels with both papers, its days."""
    officer.press("header nav a[href='/office/batches']")
    officer.say("sittings.batch.add")
    officer.look("new-batch")
    officer.write(name="2026 年第四批", starts_on=str(DAY), ends_on=str(DAY))
    for ref in LEVELS.values():
        box = officer.find(f"main input[name=levels][value='{ref}']")
        if not box.is_checked():
            officer.tick(f"main input[name=levels][value='{ref}']")
    officer.send()
    expect(officer.find("main h1")).to_contain_text("2026 年第四批")


def plan_sittings(officer: Hand) -> None:
    """Two times, each over both rooms."""
    for name, start in SITTINGS:
        officer.press("main a[href$='/sittings/new']")
        officer.write(name=name, start=start)
        for number in range(2):
            officer.clicks.tick(officer.find("main input[name=rooms]").nth(number))
        officer.send()
        officer.press("main nav a[href*='/office/batches/']")


def roster() -> bytes:
    """A workbook as units send it: a title, headers of their own, blanks in names, a sum and who made it out."""
    heads = ["序号", "姓  名", "性别", "身份证号码", "申报职业", "申报等级"]
    heads += ["申报科目", "考试类别", "工作单位（全称）", "联系电话"]
    rows: list[list[object]] = [["2026 年第四批客户服务管理员等级认定申报名册"], [], heads]
    for number in range(1, 61):
        level = "三级/高级工" if number <= 42 else "二级"
        makes_up = number > 55
        papers = ("理论", "专业能力")[number % 2] if makes_up else ("理论知识、专业能力", "两科")[number % 2]
        name = f"{SURNAMES[number % len(SURNAMES)]}{' ' if number % 7 == 0 else ''}{GIVEN[number // 8]}"
        rows.append(
            [
                number, name, "男", f"{' ' * (number % 5 == 0)}{resident(number)}", "客户服务管理员", level,
                papers, "补考" if makes_up else "", UNITS[number % 3], f"1380000{number:04d}",
            ]
        )  # fmt: skip
    rows += [["合计", "", "", "60 人"], ["经办人：王芳", "", "", "", "", "审核人：李强"]]
    return xlsx(rows[1:], rows[0])


SURNAMES = "赵钱孙李周吴郑"
GIVEN = ["文博", "嘉怡", "子涵", "宇轩", "雨桐", "欣然", "志远", "思源"]
UNITS = [
    "上海云帆客户服务有限公司",
    "华东数联呼叫中心（上海）有限责任公司",
    "浦江商贸集团股份有限公司静安分公司",
]


def to_batch(officer: Hand) -> None:
    """Go to the batch by the list of batches."""
    officer.press("header nav a[href='/office/batches']")
    officer.press("main table a[href*='/office/batches/']")


def bring_roster(officer: Hand) -> None:
    """One workbook for both papers of everybody; what it would do is looked at and confirmed."""
    officer.look("checklist")
    officer.press("main a[href$='/roster']")
    officer.attach("申报名册.xlsx", roster())
    officer.say("batches.roster.check")
    expect(officer.find("main .roster-act")).to_be_visible(timeout=30_000)
    officer.look("roster-columns")
    # A column whose header nobody knows is proposed by its cells, and said once.
    officer.say("batches.roster.mapping.submit")
    confirm = officer.find("main .roster-act").get_by_role(
        "button", name=text_of("zh", "batches.roster.confirm", count=115)
    )
    expect(confirm).to_be_visible(timeout=30_000)
    officer.look("roster")
    officer.clicks.press(confirm)
    expect(officer.find("main .checklist")).to_be_visible(timeout=60_000)


def bring_photos(officer: Hand) -> None:
    """A zip of photos named by number, less one."""
    officer.press(f"main a:has-text('{SITTINGS[0][0]}')")
    officer.attach("照片.zip", zipped({f"{resident(number)}.jpg": JPEG for number in range(1, 60)}))
    officer.say("candidates.photos.add")
    expect(officer.find("#photos .figure")).to_contain_text("1")
    officer.look("sitting")


def make_ready(officer: Hand) -> None:
    """Seats by chance, forms, proctors and a chief for each room of each sitting."""
    for number, (name, _start) in enumerate(SITTINGS):
        if number:
            officer.press("main nav a[href*='/office/batches/']")
            officer.press(f"main a:has-text('{name}')")
        officer.say("batches.seating.all")
        officer.press("main form[action$='/draw'] button")
        expect(officer.find("#forms")).to_contain_text(("60 / 60", "55 / 55")[number], timeout=60_000)
        for place, who in ((0, "叶舒"), (1, "唐敏"), (0, "洪启明")):
            form = officer.find("main form.assign").nth(place)
            value = form.locator("option", has_text=who).first.get_attribute("value")
            form.locator("select").select_option(value)
            officer.clicks.press(form.locator("button"))


def print_all(officer: Hand) -> None:
    """The tickets of all rooms as one file."""
    officer.say("candidates.print.open")
    with officer.browser.page.expect_download(timeout=60_000) as sent:
        officer.press("main [data-zip=tickets]")
    assert zipfile.ZipFile(sent.value.path()).testzip() is None
    officer.press("main nav a[href*='/office/sittings/']")
    officer.press("main nav a[href*='/office/batches/']")


def publish(officer: Hand) -> None:
    """Both sittings, from the page of what was checked."""
    officer.press("main .step-next a")
    officer.look("publishing")
    officer.say("batches.publish.many.button")
    expect(officer.find("main table tbody tr").filter(has_text="已发布")).to_have_count(2)


def postpone(officer: Hand) -> None:
    """The afternoon moves by an hour, with all that belongs to it."""
    officer.press(f"main a:has-text('{SITTINGS[1][0]}')")
    officer.say("batches.move.open")
    officer.write(start=f"{DAY}T14:30", reason="机房下午停电检修")
    officer.say("batches.move.look")
    officer.look("move")
    officer.press("main button[value=move]")
    expect(officer.find("main")).to_contain_text("14:30")


def add_late(officer: Hand) -> None:
    """Somebody is added after the publishing, with a form of their own."""
    officer.press("main nav a[href*='/office/batches/']")
    officer.say("batches.people.title")
    officer.say("batches.people.add")
    officer.look("add")
    officer.write(name="冯晓棠", document_number=resident(77), reason="单位补报")
    officer.browser.watch.allow("409")
    officer.say("batches.people.add.button")
    warned, added = (
        officer.find("main input[name=accepted]"),
        officer.find("main h1").filter(has_text="冯晓棠"),
    )
    expect(warned.or_(added).first).to_be_visible()
    if warned.count():  # chance has given a neighbour one case: it is said, and accepted
        officer.tick("main input[name=accepted]")
        officer.say("batches.people.add.button")
    expect(officer.find("main h1")).to_contain_text("冯晓棠")


def withdraw(officer: Hand) -> None:
    """Somebody withdraws from both papers."""
    officer.press("main nav a[href$='/people']")
    officer.write(q="钱文博")
    officer.say("batches.people.search")
    officer.press("main table a[href*='/people/']")
    officer.press("main [data-dialog=withdraw-all]")
    officer.find("dialog[open] textarea, [data-open] textarea").first.fill("本人因病申请撤销")
    officer.press("dialog[open] button.btn-stop[type=submit]")
    expect(officer.find("main")).to_contain_text("本人因病申请撤销")
    officer.look("withdrawn")


DAY_MINUTES = 24 * 60 + 1
STAGES = (
    add_places, bring_blueprints, shape_batch, plan_sittings, bring_roster, bring_photos, make_ready, print_all,
    publish, postpone, add_late, withdraw,
)  # fmt: skip


def test_a_batch_from_zero(
    centre: Centre, browsers: Browsers, first_password: list[str], banks: dict[str, bytes]
) -> None:
    clicks = Counting()

    def sit_down(login: str, password: str) -> Hand:
        hand = Hand(browsers.open(login, hand=clicks), clicks)
        hand.sign_in(login, password)
        return hand

    admin = sit_down("admin", first_password[0])
    passwords = add_people(admin)
    centre.move(minutes=DAY_MINUTES)  # accounts that one person has just made are one person's
    author = sit_down("qin", passwords["qin"])
    for ref in LEVELS.values():
        bring_bank(author, ref, banks[ref])
    reviewer = sit_down("fan", passwords["fan"])
    for ref in LEVELS.values():
        approve(reviewer, ref)
    officer = sit_down("lin", passwords["lin"])
    for stage in STAGES:
        stage(officer)
    with centre.session() as session:
        sittings = session.scalars(select(Sitting).order_by(Sitting.planned_start_at)).all()
        assert [one.state for one in sittings] == ["published", "published"]
        assert sittings[1].planned_start_at - sittings[0].planned_start_at == timedelta(hours=5, minutes=30)
        registered = session.scalars(select(Registration.id)).all()
        assert len(registered) == 115 + 2 - 2
        # Everybody has a form: also who was added late.
        assert set(session.scalars(select(Attempt.registration_id))) >= set(registered)
    # What all of them press, fields apart: a page more on this way is told here; two more to accept a warning.
    assert clicks.clicks in {110, 112}
