"""The first steps of an installation: on its administrator's home page until they are done, on nobody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import delete, update

from cbt.accounts.models import StaffRole
from cbt.blueprints.models import BlueprintVersion
from cbt.enrolment.models import AssessmentBody
from cbt.items.models import Item
from cbt.sittings.models import Seat
from cbt.storage.unit_of_work import unit_of_work
from tests.helpers import count_queries
from tests.world import World


def change(world: World, statement: Any) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(statement)


def open_steps(page: str) -> list[str]:
    """Return the titles of the steps that are open."""
    part = page.partition('id="first-steps"')[2].partition("</section>")[0]
    lines = re.findall(r"<li>.*?<b>\d\. (.*?)</b>(.*?)</li>", part, re.DOTALL)
    return [title for title, rest in lines if "pill warn" in rest]


def test_an_installation_that_is_set_up_tells_nobody_of_first_steps(world: World) -> None:
    assert 'id="first-steps"' not in world.staff("admin").get("/staff").text


@pytest.mark.parametrize(
    ("undone", "title"),
    [
        pytest.param(delete(AssessmentBody), "填写评价机构", id="no name"),
        pytest.param(update(AssessmentBody).values(name=""), "填写评价机构", id="an empty name"),
        pytest.param(delete(StaffRole).where(StaffRole.role == "author"), "新建工作人员", id="no author"),
        pytest.param(
            delete(StaffRole).where(StaffRole.role.in_(["proctor", "chief_proctor"])),
            "新建工作人员",
            id="no proctor",
        ),
        pytest.param(update(Item).values(version=0), "建好题库", id="nothing to draw"),
        pytest.param(update(Seat).values(spare=True), "登记考点与考场", id="no seat but spare ones"),
        pytest.param(
            update(BlueprintVersion).values(withdrawn_at=BlueprintVersion.loaded_at),
            "启用考核方案",
            id="no blueprint",
        ),
    ],
)
def test_what_is_not_done_stands_on_the_home_page_of_the_administrator_alone(
    world: World, undone: Any, title: str
) -> None:
    change(world, undone)
    page = world.staff("admin").get("/staff").text
    assert title in open_steps(page)
    assert 'id="first-steps"' not in world.staff("officer").get("/staff").text


def test_they_ask_two_queries(world: World) -> None:
    admin = world.staff("admin")
    admin.get("/staff")
    with count_queries(world.app) as before:
        admin.get("/staff")
    change(world, delete(AssessmentBody))
    with count_queries(world.app) as after:
        admin.get("/staff")
    assert len(after) == len(before)
    assert sum("assessment_body" in query for query in after) == 1


def test_every_link_of_a_step_leads_an_administrator_somewhere(world: World) -> None:
    change(world, delete(AssessmentBody))
    admin = world.staff("admin")
    part = admin.get("/staff").text.partition('id="first-steps"')[2].partition("</section>")[0]
    links = re.findall(r'href="([^"]+)"', part)
    assert len(links) >= 4
    for page in (admin.get(link.replace("&amp;", "&")) for link in links):
        assert page.status_code == 200
        if "steps=" in page.request.full_path:
            assert 'href="/staff#first-steps"' in page.text


def test_the_body_is_a_place_of_its_own(world: World) -> None:
    assert 'href="/office/body"' in world.staff("admin").get("/staff/people").text


def bar(world: World, role: str) -> tuple[list[str], list[str]]:
    """Return the places in sight at the head of somebody's pages in a wide window, and those behind the button."""
    page = world.staff(role).get("/staff").text
    head = page.partition("<nav")[2].partition("</nav>")[0]
    head = re.sub(r'<li class="narrow-only">.*?</li>', "", head)
    in_sight, _, further = head.partition("<details")
    return re.findall(r'href="([^"]+)"', in_sight), re.findall(r'href="([^"]+)"', further)


def test_a_long_bar_keeps_what_somebody_is_mainly_here_for_in_sight(world: World) -> None:
    in_sight, further = bar(world, "admin")
    assert {"/staff/people", "/office/body", "/audit"} <= {*in_sight}
    assert {"/office/fees", "/office/certificates"} & {*further}
    assert len(in_sight) <= 10
    assert not {*in_sight} & {*further}


def test_a_short_bar_hides_nothing(world: World) -> None:
    assert bar(world, "author")[1] == []


def test_where_one_is_stays_in_sight(world: World) -> None:
    _, further = bar(world, "admin")
    place = further[0]
    head = world.staff("admin").get(place).text.partition("<nav")[2].partition("<details")[0]
    assert f'href="{place}" aria-current="page"' in head
