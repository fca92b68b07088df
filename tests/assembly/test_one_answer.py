"""Whether a bank is enough for a paper: coverage, trial, plan of a sitting, draw and check say the same."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, select

from cbt.assembly import coverage
from cbt.assembly.commands import check
from cbt.bank.store import bank_by_ref
from cbt.batches.checks.sittings import checks_of_sitting
from cbt.candidates.models import Registration
from cbt.items.models import Item, ItemVersion
from cbt.paths import product_dir
from cbt.rules.assembly import selection
from cbt.rules.canonical import digest
from cbt.runner.models import Attempt
from cbt.sittings.store import sitting_by_ref
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.world import World

pytestmark = pytest.mark.once

BANK = "customer-service-l3"
COVERAGE = f"/bank/{BANK}/coverage"
THEORY = {"paper": f"{BANK}:theory"}
WHY = "“对”要 16–24 题，最接近的组合有 0 题"


def all_false(world: World) -> None:
    """Have no statement of the bank be true: types, points and importance suffice as before."""
    with world.app.app_context(), unit_of_work() as session:
        bank = bank_by_ref(session, BANK)
        query = select(Item, ItemVersion).join(ItemVersion, ItemVersion.item_id == Item.id)
        for item, version in session.execute(
            query.where(Item.bank_id == bank.id, Item.type == "true_false")
        ).all():
            text = version.content.replace('"answer":true', '"answer":false')
            item.version = item.current = version.number + 1
            session.add(
                ItemVersion(
                    item_id=item.id, number=item.current, replaces=version.number, content=text,
                    sha256=digest(text), actor=version.actor, created_at=version.created_at,
                )
            )  # fmt: skip


def undrawn(world: World) -> None:
    """Have somebody of the theory paper wait for a form."""
    with world.app.app_context(), unit_of_work() as session:
        registration = session.scalars(select(Registration).where(Registration.paper == "theory")).first()
        assert registration is not None
        session.execute(delete(Attempt).where(Attempt.registration_id == registration.id))


def planned(world: World) -> list[tuple[str, str, str]]:
    with world.app.app_context(), reading() as session:
        sitting = sitting_by_ref(session, world.sitting_ref)
        concerns = checks_of_sitting(session, sitting)
        return [(one.code, one.text, one.page) for one in concerns if one.code == "undrawable"]


def test_a_paper_that_cannot_be_drawn_is_said_to_be_so_everywhere(world: World) -> None:
    undrawn(world)
    assert planned(world) == []
    all_false(world)
    author, office = world.staff("author"), world.staff("officer")
    page = flat(author.get(COVERAGE, query_string=THEORY).text)
    assert WHY in page
    assert "没有缺口" not in page
    assert re.search(r"<b>0 *</b><span>最多可抽互不重复的卷", page)
    for seed in (1, 2, 3):
        trial = author.get(f"/bank/{BANK}/draw", query_string={**THEORY, "seed": seed})
        assert trial.status_code == 409
        assert WHY in trial.text
    [(_code, text, way)] = planned(world)
    assert WHY in text
    assert way == f"{COVERAGE}?paper={BANK}:theory".replace(":", "%3A") or way.startswith(COVERAGE)
    drawn = office.post(f"/office/sittings/{world.sitting_ref}/draw", follow_redirects=True).text
    assert WHY in drawn
    link = re.search(rf'<a href="({COVERAGE}[^"]*)">看缺什么</a>', drawn)
    assert link is not None, "a refusal leads to what is missing"
    seen = office.get(link[1].replace("&amp;", "&"))
    assert seen.status_code == 200
    assert WHY in seen.text
    assert f'href="/bank/{BANK}?' not in seen.text, "an officer sees counts and no items"


def test_what_a_share_of_a_large_bank_refuses_is_asked_of_all_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "LARGE", 100)
    monkeypatch.setattr(coverage, "FEW", 0)
    monkeypatch.setattr(coverage, "OF_EACH_POINT", 0)
    trial = world.staff("author").get(f"/bank/{BANK}/draw", query_string={**THEORY, "seed": 3})
    assert trial.status_code == 200
    assert "没有缺口" in world.staff("author").get(COVERAGE, query_string=THEORY).text


def test_the_check_of_a_file_is_decided_as_a_draw_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where chance finds nothing: a seed is not what decides."""
    monkeypatch.setattr(selection, "STARTS", 0)
    file = product_dir("blueprints") / "customer-service-l3.toml"
    assert check.callback is not None
    answer = check.callback(files=(file,), bank=product_dir("question_bank"))
    assert answer.code == 0
    assert [one["drawable"] for one in answer.data if "drawable" in one] == [True, True]
