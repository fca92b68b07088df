"""A picture item from the bank to the score: what the browser gets, what the server takes, what it earns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from cbt.bank.store import bank_by_ref, contents
from cbt.items.preview import key_lines, preview_paper
from cbt.rules.items.hotspot import Hotspot
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.unit_of_work import reading
from tests.delivery.driver import Page, opened_page
from tests.kinds.papers import BANK, give_paper
from tests.world import World

pytestmark = pytest.mark.once

HALL, FORM = "K-H1", "K-H2"
BOXES, CABLE, WATER, EXTINGUISHER = [700, 214], [560, 320], [555, 522], [49, 460]


@pytest.fixture
def page(world: World) -> Page:
    world = give_paper(world.app, world, "theory", now=world.clock.now())
    return opened_page(world)


def place_of(page: Page, ref: str) -> dict[str, Any]:
    """The item as the browser has it: the hall is the wider picture."""
    width = {HALL: 800, FORM: 760}[ref]
    items = page.opened["paper"]["items"]
    return next(one for one in items if one["type"] == "hotspot" and one["size"][0] == width)


def earned(page: Page) -> dict[int, str]:
    """Hand in, score, and return what each position earned; the score must verify."""
    assert page.submit().status_code == 200
    world = page.world
    with world.app.app_context():
        score_closed(now=world.clock.now())
        assert all(one.ok for one in verify_sitting(world.sitting_ref))
        with reading() as session:
            sheet = session.scalars(
                select(Score.sheet).where(Score.attempt_id == world.sitters["theory"].attempt_id)
            ).one()
    return {one["position"]: one["earned"] for one in json.loads(sheet)["positions"]}


def test_the_browser_gets_picture_and_spots_and_nothing_of_the_key(page: Page) -> None:
    item = place_of(page, HALL)
    assert item["picture"].startswith("data:image/jpeg;base64,")
    assert "安全出口" in item["alt"]
    assert [spot[2] for spot in item["spots"]][:2] == ["咨询台", "安全出口前的纸箱"]
    assert item["marks"] == 3
    assert {"regions", "answer", "limits", "explanation"} & set(item) == set()
    said = json.dumps(page.opened, ensure_ascii=False)
    assert [word for word in ("rect", "polygon", "circle", "regions", "655, 166") if word in said] == []


def test_marks_are_kept_in_one_spelling_and_no_more_than_are_allowed(page: Page) -> None:
    position = place_of(page, HALL)["position"]
    assert page.answer(position, [BOXES, CABLE, WATER]).status_code == 200
    assert page.answer(position, [BOXES, CABLE, WATER, EXTINGUISHER]).status_code == 422
    assert page.answer(position, [[801, 10]]).status_code == 422
    assert page.start().get_json()["journal"]["answers"][str(position)] == sorted([BOXES, CABLE, WATER])


@pytest.mark.parametrize(
    ("marks", "points"),
    [
        pytest.param([BOXES, CABLE, WATER], "20", id="all three"),
        pytest.param([[660, 170], [470, 350], [530, 520]], "20", id="beside the spots, within the regions"),
        pytest.param([BOXES, WATER], "13.3333333333333333", id="two of three"),
        pytest.param([BOXES, CABLE, EXTINGUISHER], "0", id="one that is no hazard"),
        pytest.param(None, "0", id="none"),
    ],
)
def test_regions_that_were_hit_earn_their_part(page: Page, marks: Any, points: str) -> None:
    position = place_of(page, HALL)["position"]
    if marks:
        assert page.answer(position, marks).status_code == 200
    assert earned(page)[position].startswith(points[:8])


def test_its_author_sees_it_as_a_candidate_does_and_its_key_in_words(page: Page) -> None:
    world = page.world
    with world.app.test_request_context(), reading() as session:
        bank = bank_by_ref(session, BANK)
        item = contents(session, [(HALL, 1)], bank.id)[HALL, 1]
        shown = preview_paper(item, seed="x")["items"][0]
        assert shown["picture"] == place_of(page, HALL)["picture"]
        assert key_lines(item)[0].lines == ["安全出口前的纸箱", "横过过道的电源线", "饮水机前的积水"]
        assert isinstance(item, Hotspot)
    answer = world.staff("author").get(f"/bank/{BANK}/items/{HALL}")
    assert answer.status_code == 200
    assert "横过过道的电源线" in answer.text
