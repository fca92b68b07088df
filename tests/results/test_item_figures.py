"""Figures flow back to the bank: what a batch's analysis found of an item stands where its author works."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.bank.item_figures import FoundFigures, doubted_items, forget_figures, keep_figures, record_page
from cbt.items.models import Item, ItemBank, ItemOutcome
from cbt.jobs.models import Job
from cbt.jobs.worker import run_due
from cbt.rules.item_record import ItemUse
from cbt.sittings.models import Batch, Sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.results.analysis_scene import hold
from tests.results.test_analysis import analysed
from tests.world import World

BANK = "customer-service-l3"
LAST = date(2026, 11, 24)


def bank_of(session: Session) -> ItemBank:
    return session.scalars(select(ItemBank).where(ItemBank.ref == BANK)).one()


def analyse(world: World, batch: str) -> None:
    """Ask for the analysis of a batch, and have it worked out."""
    assert world.staff("officer").get(f"/results/batches/{batch}/analysis").status_code in {200, 303}
    with world.app.app_context():
        run_due(now=world.clock.now())


@pytest.mark.once
def test_a_batch_tells_each_item_what_it_found_and_again_takes_its_place(world: World) -> None:
    held = hold(world, 40)
    report = analysed(world, held)
    with world.app.app_context(), unit_of_work() as session:
        bank_id = bank_of(session).id
        held_in = select(Batch.ref).join(Sitting, Sitting.batch_id == Batch.id)
        batch = session.scalars(held_in.where(Sitting.ref == held.sitting_ref)).one()
        gone = session.scalars(select(Item).where(Item.bank_id == bank_id).order_by(Item.id.desc())).first()
        assert gone is not None
        stale = FoundFigures(bank_id, gone.ref, 9, ItemUse(9, 0.1, None, LAST))
        keep_figures(session, [stale], source=f"batch:{batch}", name="从前")
    for days in (0, 2):
        world.clock.advance(timedelta(days=days))
        analyse(world, batch)
        with world.app.app_context(), reading() as session:
            assert session.scalar(select(func.count(ItemOutcome.id))) == len(report.items) == 100
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count(Job.id)).where(Job.kind == "results.analysis")) == 2
    item = next(one for one in report.items if one.column.point)
    page = flat(world.staff("author").get(f"/bank/{BANK}/items/{item.column.ref}").text)
    assert "曝光：40 人中 40 人作答" in page
    assert f"{item.difficulty.value:.2f}" in page
    assert "最近使用" in page
    with world.app.app_context(), reading() as session:
        found = session.scalars(
            select(ItemOutcome).join(Item).where(Item.ref == item.column.ref, Item.bank_id == bank_id)
        ).one()
        assert (found.people, found.takers) == (40, 40)
        assert found.difficulty == pytest.approx(item.difficulty.value)
        assert found.discrimination == pytest.approx(item.discrimination.value)
    listed = world.staff("author").get(f"/bank/{BANK}?point={item.column.point}").text
    assert f"实测 {item.difficulty.value:.2f}" in listed


def test_what_speaks_against_items_stands_with_the_checks_of_their_bank(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        bank_id = bank_of(session).id
        items = session.scalars(select(Item).where(Item.bank_id == bank_id).order_by(Item.ref).limit(5)).all()
        session.execute(update(Item).where(Item.id.in_([one.id for one in items])).values(difficulty=3))
        easy, weak, fair, few, unknown = (one.ref for one in items)
        for source, day in (("batch:a", LAST - timedelta(days=400)), ("batch:b", LAST)):
            found = [
                FoundFigures(bank_id, ref, 20, ItemUse(people, share, d, day))
                for ref, people, share, d in (
                    (easy, 15, 0.95, 0.4),
                    (weak, 15, 0.6, 0.1),
                    (fair, 15, 0.6, 0.4),
                    (few, 14, 0.95, 0.1),
                    (unknown, 15, 0.6, None),
                    ("no-such", 15, 0.95, 0.1),
                )
            ]
            assert len(keep_figures(session, found, source=source, name=source)) == 5
        doubted, count = doubted_items(session, bank_id, most=1)
        assert ([one.ref for one in doubted], count) == ([easy], 2)
        both, _count = doubted_items(session, bank_id, most=9)
        assert [(one.ref, one.record.misjudged(one.expert), one.record.weak) for one in both] == [
            (easy, True, False),
            (weak, False, True),
        ]
        page = record_page(session, items[0].id)
        assert page is not None
        assert [one.name for one in page.shown] == ["batch:b", "batch:a"]
        assert (page.record.people, both[0].record) == (30, page.record)
        last = items[4].id
        assert record_page(session, last) is not None
        forget_figures(session, source="batch:a", but=[one.id for one in items[:4]])
        forget_figures(session, source="batch:b", but=[one.id for one in items[:4]])
        assert record_page(session, last) is None
    author = world.staff("author")
    shown = flat(author.get(f"/bank/{BANK}/lint").text)
    assert "待复核的试题（共 2 题，列出 2 题）" in shown
    assert "实测相当于难度 1" in shown
    assert "区分度不足" in shown
    with count_queries(world.app) as queries:
        few_page = flat(author.get(f"/bank/{BANK}/items/{few}").text)
    assert "样本过少" not in few_page
    assert "实测相当于" not in few_page
    assert sum("item_figures" in one for one in queries) == 1
