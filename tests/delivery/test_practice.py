"""试答: what the sample holds, whom it is shown to, and that nothing takes what is typed into it."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from cbt.candidates.models import Registration
from cbt.rules.exam import TOOLS
from cbt.rules.items.content import ItemType
from cbt.rules.roles import Role
from cbt.runner.models import JournalEntry
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page, person_in
from tests.world import World


def sample_in(page: str) -> dict[str, Any]:
    """Return the sample that a page brings along."""
    found = re.search(r"data-sample='([^']+)'", page)
    assert found
    sample: dict[str, Any] = json.loads(html.unescape(found[1]))
    return sample


@pytest.fixture
def waiting(world: World) -> World:
    """Everybody has been let in and waits."""
    world.admit_all()
    return world


def test_it_has_an_item_of_every_type_in_the_shape_of_a_paper(waiting: World) -> None:
    shown = {
        shape: sample_in(waiting.staff("proctor").get(f"/staff/practice?shape={shape}").text)["paper"]
        for shape in ("sections", "units")
    }
    kinds = {item["type"] for item in shown["units"]["items"]} | (
        {"case"} if shown["units"]["cases"] else set()
    )
    assert kinds == {kind.value for kind in ItemType}
    assert [item["type"] for item in shown["sections"]["items"]] == [
        item["type"] for item in shown["units"]["items"]
    ]
    waiting.start()
    for name, shape in (("theory", "sections"), ("factor", "units")):
        page = Page(waiting, name)
        page.start()
        real = page.opened["paper"]
        assert shown[shape].keys() == real.keys()
        assert shown[shape]["timing"] == real["timing"]
        for part in ("sections", "units", "cases"):
            assert [one.keys() for one in shown[shape][part]][:1] == [one.keys() for one in real[part]][:1]
        looks = {item["type"]: item.keys() for item in shown[shape]["items"]}
        assert {item["type"]: item.keys() for item in real["items"]}.items() <= looks.items()


def test_it_is_as_the_candidates_own_paper_will_be(waiting: World) -> None:
    with waiting.app.app_context(), unit_of_work() as session:
        session.execute(
            update(Registration)
            .where(Registration.ref == waiting.sitters["factor"].registration_ref)
            .values(tools="ruler")
        )
    theory, skills = (waiting.candidate(name).get("/exam/practice").text for name in ("theory", "factor"))
    assert "试答，不计分" in theory
    assert person_in(theory)["candidate_name"] == "王小明"
    own, other = sample_in(theory)["paper"], sample_in(skills)["paper"]
    assert (own["timing"], own["units"], own["calculator"], own["tools"]) == ("none", [], False, [])
    assert (other["timing"], len(other["units"]), other["calculator"]) == ("strict", 2, True)
    assert other["tools"] == ["ruler"]
    assert "/exam/practice" in waiting.candidate("theory").get("/exam/wait").text
    assert sample_in(waiting.staff("inspector").get("/staff/practice").text)["paper"]["tools"] == list(TOOLS)


def test_it_is_for_those_who_wait_and_ends_with_the_start(waiting: World) -> None:
    with waiting.app.app_context(), unit_of_work() as session:
        session.execute(
            update(Registration)
            .where(Registration.ref == waiting.sitters["extra"].registration_ref)
            .values(pledged_at=None)
        )
    client = waiting.candidate("theory")
    assert client.get("/exam/practice").status_code == 200
    assert waiting.candidate("extra").get("/exam/practice").location == "/exam/wait"
    waiting.start()
    assert client.get("/exam/practice").location == "/exam/wait"
    assert FlaskClient(waiting.app).get("/staff/practice").status_code in (302, 303)
    for role in Role:
        shown = 403 if role is Role.UNIT_CLERK else 200  # whoever is of a unit shows it to nobody
        assert waiting.staff(role.value).get("/staff/practice").status_code == shown, role


def test_nothing_takes_what_is_typed_into_it(waiting: World) -> None:
    client = waiting.candidate("theory")
    for path in ("/exam/practice", "/staff/practice"):
        assert client.post(path).status_code in (400, 403, 405)
    page = Page(waiting, "theory")
    lease = {"X-CBT-Lease": "practice"}
    sent = page.client.post("/attempts/practice/answers", json={"epoch": 1, "entries": []}, headers=lease)
    assert sent.status_code == 404
    with waiting.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(JournalEntry)) == 0
