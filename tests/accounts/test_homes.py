"""No role's home page is empty: it says what to do first, or that nothing waits and where work will come from."""

from __future__ import annotations

import flask
import pytest
from sqlalchemy import update

from cbt.accounts.models import Staff, StaffRole
from cbt.items.models import Item
from cbt.rules.roles import Role
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import unit_of_work
from tests.accounts.homes import hold_that_it_says_what_is_next
from tests.helpers import FakeClock, count_queries, sign_in_as
from tests.world import World

SAYS = {
    Role.AUTHOR: "还没有题库",
    Role.REVIEWER: "没有等您审的试题",
    Role.PROCTOR: "还没有给您安排考场",
    Role.CHIEF_PROCTOR: "还没有给您安排考场",
    Role.MARKER: "还没有指定您阅卷",
    Role.OFFICER: "没有正在办理的批次",
    Role.INSPECTOR: "没有要您办理的事",
    Role.ADMIN: "填写评价机构",
    Role.UNIT_CLERK: "还没有关联会员单位",
}


@pytest.mark.parametrize("role", Role)
def test_the_home_of_an_empty_installation(app: flask.Flask, clock: FakeClock, role: Role) -> None:
    with app.app_context(), unit_of_work() as session:
        session.add(
            Staff(
                ref=f"st-{role.value}",
                login=role.value,
                name="某人",
                password_hash="",
                must_change_password=False,
                created_at=clock.now(),
                roles=[StaffRole(role=role.value)],
            )
        )
    client = sign_in_as(app, kind="staff", subject_ref=f"st-{role.value}")
    assert SAYS[role] in hold_that_it_says_what_is_next(client, role)


@pytest.mark.once("sqlite")
@pytest.mark.parametrize("role", Role)
def test_the_home_of_one_that_is_in_use(world: World, role: Role) -> None:
    hold_that_it_says_what_is_next(world.staff(role.value), role)


@pytest.mark.once("sqlite")
def test_what_waits_is_said_first(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        mine = update(Item).where(Item.id <= 3).values(author=f"staff:{world.people['author'].ref}")
        session.execute(mine.values(state=ItemState.DRAFT.value))
        session.execute(update(Item).where(Item.id.in_([4, 5])).values(state=ItemState.IN_REVIEW.value))
    said = hold_that_it_says_what_is_next(world.staff("author"), "author")
    assert "您有 3 道试题还是草稿" in said
    assert "有 2 道试题等您审" in hold_that_it_says_what_is_next(world.staff("reviewer"), "reviewer")
    assert "2026-11-24 09:00" in hold_that_it_says_what_is_next(world.staff("proctor"), "proctor")


@pytest.mark.once("sqlite")
@pytest.mark.parametrize("role", ["author", "proctor", "inspector"])
def test_it_asks_a_query_or_two_more(world: World, role: str) -> None:
    client = world.staff(role)
    client.get("/staff")
    with count_queries(world.app) as queries:
        client.get("/staff")
    assert len(queries) <= 6, queries
