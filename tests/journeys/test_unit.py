"""One unit's way: agreement, application, people, fees, batch, results, certificates, and a stranger's look-up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cbt.application.app import create_app
from cbt.batches.publishing.service import publish
from cbt.candidates.models import Candidate, Registration
from cbt.db.private.sealing import seal
from cbt.db.unit_of_work import unit_of_work
from cbt.delivery.paper.drawing import draw_for_sitting
from cbt.demo.places import Ground, plan_sitting
from cbt.demo.units.over import sit
from cbt.personal.numbers import DOCUMENT, document_index
from cbt.rules.door.admission import mask_document
from cbt.sittings.models import Batch, Room
from cbt.sittings.planning.sittings import create_batch
from tests.candidates.rosters import resident, xlsx
from tests.conftest import Templates, close_engine
from tests.enrolment.test_workbook import EIGHT, HEADERS, line
from tests.helpers import FakeClock, utc
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.test_author import Counting
from tests.journeys.test_office import Hand
from tests.results.scene import finish, release
from tests.world import PASSWORD, START

pytestmark = [pytest.mark.journey, pytest.mark.one_process]

BEGINS = utc("2026-11-26T09:00:00+08:00")
TOO_SOON, ASKED = "2026-12-23", "2026-12-24"
"""The nineteenth and the twentieth working day after the application."""
UNIT = {
    "name": "上海云帆客户服务有限公司", "credit_code": "91310117MADEMX02XD", "contact": "苗青", "phone": "021-5550 0909",
    "address": "上海市静安区南京西路 1 号",
}  # fmt: skip
MAKES_UP = "extra"
"""Somebody of the world whose theory failed."""


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
    officer.press("main table a[href^='/office/units/']") if officer.find("main h1").inner_text() != UNIT["name"] else None
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


def test_from_an_agreement_to_a_certificate_that_a_stranger_looks_up(centre: Centre, browsers: Browsers) -> None:
    counted = {"officer": Counting(), "clerk": Counting()}
    officer = Hand(browsers.open("officer", hand=counted["officer"]), counted["officer"])
    officer.browser.go("/staff")
    officer.write(login="officer", password=PASSWORD)
    officer.send()
    password = join(officer)
    clerk = Hand(browsers.open("clerk", hand=counted["clerk"]), counted["clerk"])
    clerk.sign_in("miaoqing", password)
    apply(clerk)
    print({who: one.clicks for who, one in counted.items()})
