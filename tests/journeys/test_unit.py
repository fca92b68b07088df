"""One unit's way: agreement, application, people, fees, batch, results, certificates, and a stranger's look-up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from cbt.batches.publication import publish
from cbt.candidates.models import Candidate, Registration
from cbt.certificates.register import SeriesForm, set_series
from cbt.demo.build import sit
from cbt.demo.world import Ground, plan_sitting
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.personal import document_index
from cbt.rules.door import mask_document
from cbt.rules.publicity import DAYS
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import Room
from cbt.sittings.service import create_batch
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import resident, xlsx
from tests.conftest import Templates, close_engine
from tests.enrolment.test_workbook import EIGHT, HEADERS, line
from tests.helpers import FakeClock, utc
from tests.journeys.browsers import Browser, Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.hands import Counting, CountingKeys
from tests.journeys.test_office import Hand
from tests.results.scene import finish, release
from tests.world import PASSWORD, START

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

BEGINS = utc("2026-11-26T09:00:00+08:00")
TOO_SOON, ASKED = "2026-12-23", "2026-12-24"
"""The nineteenth and the twentieth working day after the application."""
UNIT = {
    "name": "上海云帆客户服务有限公司", "credit_code": "91310117MADEMX02XD", "contact": "苗青",
    "phone": "021-5550 0909", "address": "上海市静安区南京西路 1 号",
}  # fmt: skip
BATCH, DAY = "2026 年 12 月批次", utc(f"{ASKED}T09:00:00+08:00")
LAST_SHOWN, RELEASED = "2027-01-04", utc("2027-01-05T09:00:00+08:00")
"""The fifth working day of publicity, and the day after it."""
OWED = "1500.00"
"""Five who sit both papers, at 280, and a paper made up, at 100."""
MAKES_UP = "extra"
"""Somebody of the world whose theory failed."""


class TypingHand(Hand):
    """Somebody without a mouse; a day is put into its field, which each browser divides in its own way."""

    def write(self, **fields: str) -> None:
        """Type fields, by their names."""
        for name, text in fields.items():
            target = self.find(f"main [name='{name}']").first
            if target.get_attribute("type") == "date":
                target.fill(text)
            else:
                self.clicks.write(target, text)


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose first sitting is over: somebody failed a paper there and may make it up."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    before = world.on(app, clock)
    finish(before)
    release(before)
    with app.app_context(), unit_of_work() as session:
        registration = session.get_one(Registration, world.sitters[MAKES_UP].registration_id)
        session.get_one(AssessmentBody, ONLY).publicity_days = DAYS
        give_number(session.get_one(Candidate, registration.candidate_id), resident(6))
    close_engine(app)
    with serve(settings, world, BEGINS, tmp_path, processes=1) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


def give_number(candidate: Candidate, number: str) -> None:
    """Give somebody of the world a number that passes for one."""
    candidate.document_sealed = seal(number, DOCUMENT)
    candidate.document_index = document_index(number)
    candidate.document_masked = mask_document(number)


def join(officer: Hand) -> str:
    """Enter the unit and its agreement, and invite its clerk; return the one-time password."""
    officer.press("header nav a[href='/office/units']")
    officer.write(**UNIT)
    officer.say("enrolment.unit.add")
    officer.write(effective_on="2026-11-26", body_signer="沈慧", unit_signer="苗青")
    officer.press("main form[action$='/agreements'] button")
    officer.write(name="苗青", login="miaoqing")
    officer.press("main form[action$='/clerks'] button")
    password = str(officer.find(".once").text_content()).strip()
    officer.say("accounts.once.done")
    return password


def apply(clerk: Hand) -> None:
    """Draft an application for a day too early, bring eight people, and hand it in for the day that is allowed."""
    clerk.press("header nav a[href='/unit/applications']")
    clerk.say("enrolment.application.new")
    clerk.look("new-application")
    clerk.clicks.select(clerk.find("main select[name=blueprint]"), "customer-service-l3")
    clerk.write(preferred_on=TOO_SOON)
    clerk.send()
    clerk.say("enrolment.workbook.title")
    clerk.attach("名单.xlsx", xlsx(people(clerk), HEADERS))
    clerk.say("enrolment.workbook.check")
    expect(clerk.find("main .list-enter")).to_be_visible(timeout=60_000)
    clerk.look("list")
    clerk.tick("main input[name=short]")
    clerk.press("main .list-enter button")
    clerk.browser.watch.allow("409")
    clerk.say("enrolment.act.submit")
    expect(clerk.find("main .notice.stop")).to_contain_text(ASKED)
    clerk.say("enrolment.application.edit")
    clerk.write(preferred_on=ASKED)
    clerk.send()
    clerk.say("enrolment.act.submit")
    expect(clerk.find("main h1 ~ .pill, main .page-head .pill").first).to_contain_text("待审核")


def people(clerk: Hand) -> list[list[str]]:
    """Eight people: two who meet nothing, one whose major nobody knows, one who makes up a paper that failed."""
    made_up = clerk.browser.centre.world.sitters[MAKES_UP]
    again = line(6, made_up.name, kind="补考", papers="理论知识", years="")
    return [again if one[1] == "补一" else one for one in EIGHT]


def open_application(hand: Hand, start: str) -> None:
    """Open the only application by the list."""
    hand.press(f"header nav a[href='{start}']")
    hand.press(f"main table a[href^='{start}/']")


def send_back(officer: Hand) -> None:
    """Ask for something to be put right."""
    open_application(officer, "/office/applications")
    officer.look("application")
    officer.write(words="江平的毕业证书编号请补填。")
    officer.say("enrolment.act.send_back")
    expect(officer.find("main .pill").first).to_have_text(re.compile("待补正"))


def put_right(clerk: Hand) -> None:
    """Do what was asked for, and hand in again."""
    open_application(clerk, "/unit/applications")
    expect(clerk.find("main")).to_contain_text("江平的毕业证书编号请补填。")
    clerk.press("main table a:has-text('江平')")
    clerk.write(diploma_number="证字第 0042 号")
    clerk.say("enrolment.person.save")
    open_application(clerk, "/unit/applications")
    clerk.say("enrolment.act.submit")


def decide(officer: Hand) -> None:
    """Accept whoever meets a condition, the one with an unknown major by the officer's word, and refuse two."""
    open_application(officer, "/office/applications")
    choose(officer, officer.browser.centre.world.sitters[MAKES_UP].name)  # who meets one is ticked already
    accept_on_paper(officer)
    choose(officer, "艾𠮷")
    officer.find("main select[name=condition]").first.select_option("3")
    officer.write(reason="已核对毕业院校专业目录，属相关专业。")
    accept_on_paper(officer)
    choose(officer, "买买提·阿不都拉")
    choose(officer, "郭宁")
    officer.write(reason="从业年限不足，满足后可再次申请。")
    officer.press("main button[name=verdict][value=refused]")
    officer.look("decided")
    officer.say("enrolment.act.accept")
    expect(officer.find("main .pill").first).to_have_text(re.compile("已受理"))


def accept_on_paper(officer: Hand) -> None:
    """Accept who is ticked; that their evidence lies on paper, and was not ticked off, is asked about."""
    officer.browser.watch.allow("409")
    officer.press("main button[name=verdict][value=accepted]")
    expect(officer.find("main .notice.stop a").first).to_be_visible()
    officer.tick("main input[name=unchecked]")
    officer.press("main button[name=verdict][value=accepted]")
    expect(officer.find("main input[name=unchecked]")).to_have_count(0)


def choose(officer: Hand, name: str) -> None:
    """Tick somebody of the list."""
    row = officer.find("main table tbody tr").filter(has_text=name)
    officer.clicks.press(row.locator("input[name=people]"))


def pay(officer: Hand, clerk: Hand) -> None:
    """The unit sees what it owes, and the officer records what came in."""
    clerk.press("header nav a[href='/unit/fees']")
    expect(clerk.find("main")).to_contain_text(OWED)
    clerk.look("fees")
    officer.press("header nav a[href='/office/fees']")
    officer.press("main table a[href^='/office/fees/']")
    officer.write(amount=OWED, reference="20261127001")
    officer.say("enrolment.fees.pay")
    expect(officer.find("main table .pill.ok").first).to_be_visible()


def schedule(officer: Hand) -> None:
    """Put the application in the batch: its people are looked at as a roster, then registered."""
    open_application(officer, "/office/applications")
    confirm_roster(officer, papers=11)


def confirm_roster(officer: Hand, *, papers: int) -> None:
    """Look at the people of an application as a roster of the batch, and have them be registered."""
    officer.find("main select[name=batch]").select_option(label=BATCH)
    officer.say("enrolment.act.schedule.look")
    confirm = text_of(officer.language, "batches.roster.confirm", count=papers)
    button = officer.find("main .roster-act").get_by_role("button", name=confirm)
    expect(button).to_be_visible(timeout=60_000)
    officer.look("roster")
    officer.clicks.press(button)
    expect(officer.find("main .page-head .pill").first).to_have_text(
        re.compile(text_of(officer.language, "rules.application.state.scheduled")), timeout=60_000
    )


def plan(centre: Centre) -> tuple[str, str]:
    """A batch with a sitting for each paper, on the day that was asked for; return their refs."""
    with centre.app.app_context(), unit_of_work() as session:
        batch = create_batch(session, name=BATCH, now=BEGINS, actor="staff:test")
        session.flush()
        room = session.get_one(Room, centre.world.room_id)
        premises = Ground(room.centre_id, room.id, {}).premises(session, batch.id)
        who = {centre.world.people[role].id: role for role in ("proctor", "chief_proctor")}
        sittings = [
            plan_sitting(session, premises, name=name, at=at, duties=[who], published=False, now=BEGINS)[
                0
            ].ref
            for name, at in (("理论知识", DAY), ("专业能力", DAY + timedelta(minutes=90)))
        ]
    return sittings[0], sittings[1]


def hold_exam(centre: Centre, sittings: tuple[str, str]) -> None:
    """The day of the exam, which other journeys look at: everybody comes, answers and hands in."""
    with centre.app.app_context():
        for number, ref in enumerate(sittings):
            draw_for_sitting(ref, now=BEGINS, actor="staff:test", seed=number)
            publish(sitting_ref=ref, now=BEGINS, actor="staff:test")
        for ref, at in zip(sittings, (DAY, DAY + timedelta(minutes=90)), strict=True):
            sit(ref, at)


def come_back(hand: Hand, login: str) -> None:
    """Sign in on another day."""
    hand.browser.go("/staff")
    hand.write(login=login, password=PASSWORD)
    hand.send()
    expect(hand.find("header .who")).to_be_visible()


def later(centre: Centre, at: datetime) -> None:
    """Let the time go on until an instant."""
    centre.move(seconds=(at - centre.now()).total_seconds())


def to_results(officer: Hand, paper: str) -> None:
    officer.press("header nav a[href='/results']")
    officer.press(f"main table a:has-text('{paper}')")


def show_results(officer: Hand) -> None:
    """公示: both papers' results are put on show."""
    for paper in ("理论知识", "专业能力"):
        to_results(officer, paper)
        officer.press("main a[href$='/publicity']")
        officer.say("publicity.publish")
        expect(officer.find("main")).to_contain_text(LAST_SHOWN)
    officer.look("publicity")


def release_results(officer: Hand) -> None:
    """Both papers' results are released, with the chief proctor as the second person."""
    for paper in ("理论知识", "专业能力"):
        to_results(officer, paper)
        officer.press("main a[href$='/release']")
        officer.press("main details summary")
        officer.write(second_login="chief-proctor", second_password=PASSWORD)
        officer.press("main form[action$='/release'] button[type=submit]")
        expect(officer.find("main .pill.ok, main .verdict").first).to_be_visible()


def certify(officer: Hand) -> list[str]:
    """Issue a certificate to everybody who may have one; return the numbers of the register."""
    officer.press("header nav a[href='/office/certificates']")
    officer.press("main nav a:has-text('三级')")
    officer.look("certificates")
    officer.say("certificates.issue.ticked")
    officer.press("main a[href='/office/certificates/register']")
    officer.look("register")
    return officer.find("main table tbody th").all_inner_texts()


def look_up(stranger: Browser, number: str, name: str, answer: str) -> None:
    """Somebody who knows a number types it with a name."""
    stranger.go("/verify")
    stranger.find("main input[name=number]").fill(number)
    stranger.find("main input[name=name]").fill(name)
    stranger.hand.press(stranger.find("main form button[type=submit]"))
    expect(stranger.find("main .notice")).to_contain_text(text_of("zh", f"certificates.verify.{answer}"))
    stranger.look(f"look-up-{answer}")


def test_from_an_agreement_to_a_certificate_that_a_stranger_looks_up(
    centre: Centre, browsers: Browsers
) -> None:
    mouse, keys = Counting(), CountingKeys()
    officer = Hand(browsers.open("officer", hand=mouse), mouse)
    officer.browser.go("/staff")
    officer.write(login="officer", password=PASSWORD)
    officer.send()
    password = join(officer)
    clerk = TypingHand(browsers.open("clerk", hand=keys), keys)
    clerk.sign_in("miaoqing", password)
    apply(clerk)
    send_back(officer)
    put_right(clerk)
    decide(officer)
    pay(officer, clerk)
    sittings = plan(centre)
    schedule(officer)
    hold_exam(centre, sittings)
    later(centre, DAY + timedelta(days=1))
    come_back(officer, "officer")
    show_results(officer)
    later(centre, RELEASED)
    come_back(officer, "officer")
    release_results(officer)
    with centre.app.app_context():
        set_series(SeriesForm(site="000001"), now=RELEASED, actor="staff:test")
    numbers = certify(officer)
    assert [number[-1] for number in numbers] == ["5", "4", "3", "2", "1"]
    stranger = browsers.open("stranger")
    for name, answer in (("江平", "valid"), ("沈若", "none")):
        look_up(stranger, numbers[-1], name, answer)
    # What the officer clicks and the clerk reaches by keys, fields apart: a page more on this way is told here.
    assert (mouse.clicks, keys.clicks) == (57, 21)


THREE = [EIGHT[0], EIGHT[1], EIGHT[6]]
"""Who plainly meets a condition."""
MOST_CLICKS = 60


def hand_in(clerk: Hand) -> None:
    """Apply for a level and a day, with a list of people."""
    clerk.press("header nav a[href='/unit/applications']")
    clerk.say("enrolment.application.new")
    clerk.clicks.select(clerk.find("main select[name=blueprint]"), "customer-service-l3")
    clerk.write(preferred_on=ASKED)
    clerk.send()
    clerk.say("enrolment.workbook.title")
    clerk.attach("名单.xlsx", xlsx(THREE, HEADERS))
    clerk.say("enrolment.workbook.check")
    expect(clerk.find("main .list-enter")).to_be_visible(timeout=60_000)
    clerk.press("main .list-enter button")
    clerk.say("enrolment.act.submit")
    state = text_of(clerk.language, "rules.application.state.submitted")
    expect(clerk.find("main .page-head .pill").first).to_contain_text(state)


def accept_and_bill(officer: Hand) -> None:
    """Accept everybody and the application, and record what the unit paid."""
    open_application(officer, "/office/applications")
    accept_on_paper(officer)
    officer.say("enrolment.act.accept")
    officer.press("main a[href^='/office/fees/']")
    officer.press("main nav a[href^='/office/fees/']")
    officer.write(amount="840.00", reference="20261127001")
    officer.say("enrolment.fees.pay")
    expect(officer.find("main table .pill.ok").first).to_be_visible()


def make_batch_ready(officer: Hand) -> None:
    """Seats, forms, and the publishing, step by step as the checklist leads."""
    officer.say("batches.roster.imported.batch", batch=BATCH)
    officer.press("main .step-next a")
    officer.send()
    officer.press("main nav a[href*='/office/batches/']")
    officer.press("main .step-next button")
    next_step = officer.find("main .step-next a[href*='publish']")
    expect(next_step).to_be_visible(timeout=60_000)
    officer.look("ready")
    officer.clicks.press(next_step)
    officer.say("batches.publish.many.button")
    published = text_of(officer.language, "sittings.state.published")
    expect(officer.find("main table tbody tr").filter(has_text=published)).to_have_count(2)


def fetch_certificate(officer: Hand) -> bytes:
    """Issue what can be issued, as the batch's checklist leads, and print the first; return the file."""
    officer.press("header nav a[href='/office/batches']")
    officer.press("main table a[href*='/office/batches/']")
    officer.look("over")
    officer.press("main .step-next a[href='/office/certificates']")
    if not officer.find("main input[name=person]").count():
        officer.press("main nav a:has-text('三级')")
    officer.say("certificates.issue.ticked")
    officer.press("main a[href='/office/certificates/register']")
    officer.press("main table a[href^='/office/certificates/']")
    page = officer.browser.page
    page.set_default_timeout(60_000)  # a print is a job, which takes its turn
    with page.expect_download(timeout=120_000) as sent:
        officer.press("main form[action$='/print'] button[type=submit]")
        if "/jobs/" in page.url:  # and gives its file out on its own page where that takes longer
            officer.say("jobs.file")
    return sent.value.path().read_bytes()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_an_application_form_to_the_certificate_in_hand(
    centre: Centre, browsers: Browsers, language: str
) -> None:
    mouse, clerks = Counting(), Counting()
    officer = Hand(browsers.open("officer", hand=mouse), mouse, language)
    officer.browser.go("/staff")
    officer.write(login="officer", password=PASSWORD)
    officer.send()
    password = join(officer)
    sittings = plan(centre)
    mouse.clicks = 0
    clerk = Hand(browsers.open("clerk", hand=clerks), clerks, language)
    clerk.sign_in("miaoqing", password)
    hand_in(clerk)
    accept_and_bill(officer)
    open_application(officer, "/office/applications")
    confirm_roster(officer, papers=6)
    make_batch_ready(officer)
    with centre.app.app_context():
        for ref, at in zip(sittings, (DAY, DAY + timedelta(minutes=90)), strict=True):
            sit(ref, at)
    later(centre, DAY + timedelta(days=1))
    come_back(officer, "officer")
    show_results(officer)
    later(centre, RELEASED)
    come_back(officer, "officer")
    release_results(officer)
    with centre.app.app_context():
        set_series(SeriesForm(site="000001"), now=RELEASED, actor="staff:test")
    assert fetch_certificate(officer).startswith(b"%PDF-")
    # Sign-ins, links, buttons and boxes of everybody, from the form to the paper.
    assert mouse.clicks + clerks.clicks <= MOST_CLICKS, (mouse.clicks, clerks.clicks)
