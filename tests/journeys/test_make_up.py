"""补考 in a browser: an officer finds who may retake and makes a roster of them; they meet other items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from cbt.application.app import create_app
from cbt.assembly.draw import items_of
from cbt.assembly.models import Form
from cbt.candidates.models import Candidate, Registration
from cbt.demo.world import Ground, plan_sitting
from cbt.personal import document_index
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import Room, Sitting
from cbt.sittings.service import create_batch
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import resident
from tests.conftest import Templates, close_engine
from tests.helpers import FakeClock
from tests.journeys.browsers import Browsers
from tests.journeys.centre import Centre, quiet_log, serve, text_of
from tests.journeys.staff import Office
from tests.results.scene import ENDED, finish, release
from tests.world import PLANNED, START, World

pytestmark = [pytest.mark.journey, pytest.mark.one_process]
NEXT, PLACE = "2027 年第一批", "补考场"
NARROW = {"width": 390, "height": 844}
CHOSEN, LEFT = "extra", "elsewhere"


@pytest.fixture
def centre(templates: Templates, tmp_path: Path) -> Iterator[Centre]:
    """A centre whose results are released, and a batch with a sitting to come."""
    settings, world = templates.settings("sqlite", populated=True, target=tmp_path)
    assert world is not None
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.config["WTF_CSRF_ENABLED"] = False
    before = world.on(app, clock)
    finish(before)
    release(before)
    with app.app_context(), unit_of_work() as session:
        person = session.get_one(
            Candidate, session.get_one(Registration, before.sitters[CHOSEN].registration_id).candidate_id
        )
        number = resident(31)
        person.document_sealed, person.document_index = seal(number, DOCUMENT), document_index(number)
        room = session.get_one(Room, before.room_id)
        batch = create_batch(session, name=NEXT, now=ENDED, actor="cli")
        session.flush()
        premises = Ground(room.centre_id, room.id, {}).premises(session, batch.id)
        at = PLANNED + timedelta(days=60)
        plan_sitting(session, premises, name=PLACE, at=at, now=ENDED, published=False)
    close_engine(app)
    with serve(settings, replace(world, people=before.people), ENDED + timedelta(days=1), tmp_path) as served:
        yield served
    close_engine(served.app)
    assert not quiet_log(tmp_path)


def forms_of(world: World, name: str) -> list[frozenset[str]]:
    """Return the items of each form that a sitter has, in the order in which they were drawn."""
    with world.app.app_context(), reading() as session:
        person = session.get_one(Registration, world.sitters[name].registration_id).candidate_id
        query = (
            select(Form.content)
            .join(Attempt, Attempt.form_id == Form.id)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Registration.candidate_id == person)
            .order_by(Form.id)
        )
        return [items_of(json.loads(content)) for content in session.scalars(query)]


def test_who_failed_is_put_on_a_make_up_roster_and_meets_other_items(
    centre: Centre, browsers: Browsers
) -> None:
    world = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    office = Office(browsers.open("officer"), "officer")
    office.sign_in()
    office.browser.go("/office/batches")
    office.browser.hand.press(office.find("main a[href$='/office/retakes']"))
    rows = office.find("#rights tbody tr")
    chosen, left = (rows.filter(has_text=world.sitters[name].name) for name in (CHOSEN, LEFT))
    expect(chosen.locator("input[name=right]")).to_be_checked()
    office.browser.look("ledger", zoom=True)
    page = office.browser.page
    page.set_viewport_size(NARROW)
    over = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(over) <= 0
    office.browser.look("ledger-narrow")
    everyone = office.find("#rights thead input[type=checkbox]")
    everyone.uncheck()
    expect(left.locator("input[name=right]")).not_to_be_checked()
    chosen.locator("input[name=right]").check()
    target = office.find("#rights select[name=target]")
    target.select_option(
        label=next(one for one in target.locator("option").all_inner_texts() if PLACE in one)
    )
    office.browser.hand.press(office.find("#rights section button[type=submit]"))

    confirm = office.find("main .roster-act").get_by_role(
        "button", name=text_of("zh", "batches.roster.confirm", count=1)
    )
    expect(confirm).to_be_visible(timeout=30_000)
    office.browser.look("roster")
    office.browser.hand.press(confirm)
    expect(office.find(".flashes .notice.ok")).to_be_visible(timeout=30_000)
    office.browser.go("/office/retakes?kind=booked")
    expect(office.find("main tbody tr")).to_have_count(1)
    expect(office.find("main tbody")).to_contain_text(PLACE)
    office.browser.look("booked")

    with centre.app.app_context():
        with reading() as session:
            sitting = session.scalars(select(Sitting.ref).where(Sitting.name == PLACE)).one()
        assert draw_for_sitting(sitting, now=ENDED, actor="staff:test", seed=3) == 1
    before, after = forms_of(world, CHOSEN)
    assert before
    assert not before & after
