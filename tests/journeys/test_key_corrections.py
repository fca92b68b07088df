"""试题更正 in a browser: a wrong key found after release; who newly passes is certified, who would fall is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from cbt.application.app import create_app
from cbt.candidates.models import Registration
from cbt.results.models import Result
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.staff import Desk
from tests.results.key_scene import REASON, TRUE, WRONG, WrongKey, wrong_key
from tests.results.scene import ENDED, book_again, release
from tests.world import PASSWORD, START, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]


@pytest.fixture
def wrong() -> list[WrongKey]:
    """What is wrong at the centre."""
    return []


@pytest.fixture
def centre(templates: Templates, tmp_path: Path, wrong: list[WrongKey]) -> Iterator[Centre]:
    """A centre whose results are released by a wrong key; who missed the mark by it passed the other paper."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    before = world.on(app, clock)
    wrong.append(wrong_key(before))
    release(before)
    _pass_skills(before)
    parts = {"kind": "S", "body": "0000", "province": "31", "site": "000001"}
    assert before.staff("admin").post("/office/certificates/series", data=parts).status_code == 303
    close_engine(app)
    with serve(settings, world, ENDED + timedelta(days=1), tmp_path) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


def _pass_skills(world: World) -> None:
    """Have who missed the theory by a point pass the skills of their level."""
    at = world.clock.now() + timedelta(minutes=30)
    book_again(world, TRUE, at=at, kind="first", paper="skills", batch="技能")
    with world.app.app_context(), unit_of_work() as session:
        released = session.scalars(select(Result)).first()
        own = session.get_one(Registration, world.sitters[TRUE].registration_id)
        other = session.scalars(
            select(Registration).where(
                Registration.candidate_id == own.candidate_id, Registration.paper == "skills"
            )
        ).one()
        assert released is not None
        result = Result(
            release_id=released.release_id, registration_id=other.id, outcome="passed", score=None
        )
        session.add(result)


def test_a_wrong_key_is_corrected_after_the_release(
    centre: Centre, browsers: Browsers, wrong: list[WrongKey]
) -> None:
    (bad,) = wrong
    world = centre.world
    office = Desk(browsers.open("officer"), "officer")
    office.sign_in()
    office.browser.go(f"/results/{world.sitting_ref}/items")
    office.browser.look("items", zoom=True)
    office.browser.hand.press(office.find("main table a").filter(has_text=bad.ref).first)
    expect(office.find("#runner .bank-preview, #runner").first).to_contain_text("A")
    office.browser.look("item", zoom=True)
    office.find("input[name=kind][value=key]").check()
    office.browser.hand.write(office.find("textarea[name=answers]"), bad.true)
    office.browser.hand.press(office.find("form[action$='/preview'] button[type=submit]"))
    expect(office.find(".second-card")).to_be_visible(timeout=20_000)
    gains, kept = world.sitters[TRUE].name, world.sitters[WRONG].name
    expect(office.find("main tr").filter(has_text=gains)).to_contain_text(text_of("zh", "key.move.gains"))
    expect(office.find("main tr").filter(has_text=kept)).to_contain_text(text_of("zh", "key.move.kept"))
    office.browser.look("preview", zoom=True)
    office.browser.hand.write(office.find(".second-card textarea[name=reason]"), REASON)
    office.browser.hand.press(office.find(".second-card .second summary"))
    office.browser.hand.write(office.find("input[name=second_login]"), world.people["chief_proctor"].login)
    office.browser.hand.write(office.find("input[name=second_password]"), PASSWORD)
    office.browser.hand.press(office.find(".second-card button[type=submit]"))
    expect(office.find(".page-head .pill.ok")).to_be_visible(timeout=20_000)
    expect(office.find("main .notice.warn").first).to_contain_text(gains)
    office.browser.look("corrected", zoom=True)

    office.browser.hand.press(office.find("main a[href='/office/certificates']"))
    row = office.find("main tr").filter(has_text=gains)
    row.locator("input[name=person]").check()
    office.browser.hand.press(office.find("main form button[type=submit]").first)
    expect(office.find("main table")).to_contain_text(gains, timeout=20_000)
    office.browser.look("certified")
    for name, points in ((TRUE, "60.0"), (WRONG, "60.0")):
        home = Candidate(browsers.open(f"home-{name}"), name)
        home.results()
        expect(home.find(".my-paper .big b").first).to_have_text(points)
    home.look("kept")
