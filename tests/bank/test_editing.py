"""What is typed is kept, what is saved is a new version, and nobody overwrites anybody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import flask
import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.bank import store
from cbt.bank.editor import item_work
from cbt.bank.editor.form import merged, pieces
from cbt.bank.editor.item_work import OpenedItem, Typed
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.items.models import Item, ItemStep, ItemWork
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank import drafts
from tests.bank.samples import ACTOR, BANK, published
from tests.helpers import FakeClock

ITEM = "A-001-T1"
OTHER = "staff:st-other"
WORK = "wk-aaaaaaaaaaaaaa"


def statement(stem: str = "客服员应当如实介绍商品的缺陷。", **more: Any) -> dict[str, Any]:
    return drafts.truth(stem, point="A-001", **more)


def typed(data: dict[str, Any], *, ref: str = ITEM, base: int = 1, work: str = WORK) -> Typed:
    return Typed(bank_ref=BANK, item_ref=ref, work_ref=work, base=base, data=data)


def opened(actor: str = ACTOR) -> OpenedItem:
    with reading() as session:
        return item_work.open_item(session, store.bank_by_ref(session, BANK).id, ITEM, actor=actor)


def item() -> Item:
    with reading() as session:
        return session.scalars(select(Item).where(Item.ref == ITEM)).one()


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(CbtError) as error:
        call()
    return error.value.code


def test_a_change_is_a_draft_and_what_is_drawn_stays(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        stored = item_work.save(typed(statement()), now=clock.now(), actor=ACTOR)
        assert (stored.ref, stored.number, stored.is_new) == (ITEM, 2, True)
        assert (item().version, item().current, item().state) == (1, 2, "draft")
        with reading() as session:
            last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
            assert last is not None
            assert (last.act, last.subject) == ("item.write", f"item:{ITEM}")
            assert "缺陷" not in last.after
    assert published(bank) == {ITEM: 1}


def test_what_says_the_same_is_no_version_and_can_still_be_submitted(
    bank: flask.Flask, clock: FakeClock
) -> None:
    with bank.app_context():
        item_work.save(typed(statement()), now=clock.now(), actor=ACTOR)
        again = item_work.save(typed(statement(), base=2), submit=True, now=clock.now(), actor=ACTOR)
        assert (again.number, again.is_new) == (2, False)
        assert item().state == "in_review"
        with reading() as session:
            steps = session.execute(select(ItemStep.event, ItemStep.number).order_by(ItemStep.id)).all()
    assert [tuple(step) for step in steps] == [("write", 2), ("submit", 2)]


def test_a_new_item_gets_the_next_ref_of_its_point(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        first = item_work.save(typed(statement(), ref="", base=0), now=clock.now(), actor=ACTOR)
        one = drafts.matching(point="A-001")
        second = item_work.save(typed(one, ref="", base=0), now=clock.now(), actor=ACTOR)
        taken = refused(
            lambda: item_work.save(
                typed(statement("客服员应当记录全部的诉求。"), ref="", base=0),
                wanted_ref=ITEM,
                now=clock.now(),
                actor=ACTOR,
            )
        )
    assert (first.ref, second.ref, taken) == ("A-001-T2", "A-001-MA1", "editing.ref_taken")


def test_an_item_with_an_error_is_no_version(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        with pytest.raises(InvalidInput, match=r"editing\.faulty"):
            item_work.save(typed(statement(answer=None)), now=clock.now(), actor=ACTOR)
        assert item().current == 1


def test_a_version_stored_meanwhile_is_never_overwritten(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        mine, theirs = statement("我的说法应当保留下来。"), statement("他的说法应当保留下来。")
        item_work.keep_work(typed(mine), seen="", now=clock.now(), actor=ACTOR)
        item_work.save(typed(theirs, work="wk-bbbbbbbbbbbbbb"), now=clock.now(), actor=OTHER)
        assert (
            refused(lambda: item_work.save(typed(mine), now=clock.now(), actor=ACTOR)) == "editing.moved_on"
        )
        left = opened()
        assert (left.data["stem"], left.base, left.current) == (mine["stem"], 1, 2)


def test_both_sides_are_made_one_piece_by_piece(bank: flask.Flask, clock: FakeClock) -> None:
    mine = statement("我改了题干应当保留。", explanation="如实介绍。", difficulty=2)
    theirs = statement("客服员应当如实介绍商品。", explanation="对方改了解析。", difficulty=4, answer=False)
    with bank.app_context():
        item_work.keep_work(typed(mine), seen="", now=clock.now(), actor=ACTOR)
        item_work.save(typed(theirs, work="wk-bbbbbbbbbbbbbb"), now=clock.now(), actor=OTHER)
        with reading() as session:
            sides = item_work.sides_of(session, store.bank_by_ref(session, BANK).id, ITEM, actor=ACTOR)
        assert sides is not None
        found = {
            one.name: (one.both, one.theirs_only) for one in pieces(sides.before, sides.mine, sides.theirs)
        }
        only_theirs, only_mine = (False, True), (False, False)
        assert found == {
            "stem": only_mine,
            "explanation": only_theirs,
            "difficulty": only_theirs,
            "answer": only_theirs,
        }
        one = {"bank_ref": BANK, "item_ref": ITEM, "now": clock.now(), "actor": ACTOR}
        assert refused(lambda: item_work.merge(current=1, taken=[], **one)) == "editing.moved_on"
        item_work.merge(current=2, taken=["explanation", "answer"], **one)
        left = opened()
        assert (left.base, left.data["explanation"], left.data["answer"]) == (2, "对方改了解析。", False)
        assert (left.data["stem"], left.data["difficulty"]) == (mine["stem"], 2)
        stored = item_work.save(typed(left.data, base=2), now=clock.now(), actor=ACTOR)
        assert stored.number == 3


def test_a_key_goes_with_its_choices_and_a_part_with_its_case() -> None:
    base = drafts.case()
    mine = {**base, "title": "我的标题"}
    first = {**base["parts"][0], "choices": ["甲", "乙"], "answer": "B", "stem": "对方的题干（　　）。"}
    theirs = {**base, "parts": [first, *base["parts"][1:]]}
    assert [one.name for one in pieces(base, mine, theirs)] == ["title", "parts.1.stem", "parts.1.choices"]
    done = merged(base, mine, theirs, ["parts.1.choices"])
    assert done["title"] == "我的标题"
    assert (done["parts"][0]["choices"], done["parts"][0]["answer"]) == (["甲", "乙"], "B")
    assert done["parts"][0]["stem"] == base["parts"][0]["stem"]
    fewer = {**base, "parts": base["parts"][1:]}
    assert [one.name for one in pieces(base, mine, fewer)] == ["title", "parts"]
    assert merged(base, mine, fewer, ["parts"])["parts"] == fewer["parts"]


def test_what_is_typed_is_there_again_and_goes_with_the_save(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        assert opened().seen == ""
        half = {"type": "true_false", "point": "A-001", "stem": "写到一半"}
        seen = item_work.keep_work(typed(half), seen="", now=clock.now(), actor=ACTOR)
        assert (opened().data, opened().seen) == (half, seen)
        assert opened(OTHER).data["stem"] == "客服员应当如实介绍商品。", "it is nobody else's"
        clock.advance(timedelta(seconds=5))
        item_work.save(typed(statement()), now=clock.now(), actor=ACTOR)
        assert opened().worked_at is None


def test_another_tab_is_not_overwritten_either(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        first = item_work.keep_work(
            typed(statement("第一个标签页的内容。")), seen="", now=clock.now(), actor=ACTOR
        )
        clock.advance(timedelta(seconds=1))
        there = lambda seen: item_work.keep_work(  # noqa: E731
            typed(statement("第二个标签页的内容。")), seen=seen, now=clock.now(), actor=ACTOR
        )
        assert refused(lambda: there("")) == "editing.other_tab"
        assert there(first) != first
        clock.advance(timedelta(seconds=1))
        assert refused(lambda: there(first)) == "editing.other_tab"
        there(item_work.ANYWAY)
        item_work.discard(bank_ref=BANK, item_ref=ITEM, work_ref=WORK, actor=ACTOR)
        item_work.discard(bank_ref=BANK, item_ref=ITEM, work_ref=WORK, actor=ACTOR)
        assert opened().worked_at is None


def test_a_new_item_that_is_unfinished_is_found_by_its_author_only(
    bank: flask.Flask, clock: FakeClock
) -> None:
    with bank.app_context():
        item_work.keep_work(typed(statement(), ref="", base=0), seen="", now=clock.now(), actor=ACTOR)
        theirs = typed(statement("占用别人的编号写下的。"), ref="", base=0)
        assert refused(lambda: item_work.keep_work(theirs, seen="", now=clock.now(), actor=OTHER)) == (
            "editing.not_yours"
        )
        with reading() as session:
            bank_id = store.bank_by_ref(session, BANK).id
            assert len(item_work.unfinished(session, bank_id, ACTOR)) == 1
            assert item_work.unfinished(session, bank_id, OTHER) == []
        item_work.save(typed(statement(), ref="", base=0), now=clock.now(), actor=ACTOR)
        with reading() as session:
            assert session.scalars(select(ItemWork)).all() == []


def test_two_at_one_item_see_each_other(bank: flask.Flask, clock: FakeClock) -> None:
    def here(actor: str) -> item_work.Present:
        return item_work.be_here(BANK, ITEM, f"wk-{actor[-5:]}aaaaaaaaa", now=clock.now(), actor=actor)

    with bank.app_context():
        began = clock.now()
        assert here(ACTOR).others == []
        clock.advance(timedelta(seconds=8))
        [seen] = here(OTHER).others
        assert (seen.actor, seen.since, seen.here, seen.typed) == (ACTOR, began, True, False)
        item_work.keep_work(
            typed(statement(), work="wk-cccccccccccccc"), seen="", now=clock.now(), actor=ACTOR
        )
        assert here(OTHER).others[0].typed
        clock.advance(item_work.ALIVE * 2)
        [left] = here(OTHER).others
        assert not left.here, "what was typed is still told of when its page is closed"
        assert here(ACTOR).others[0].actor == OTHER
        clock.advance(item_work.ALIVE * 2)
        assert here(ACTOR).others == [], "who typed nothing and left is gone"


def test_what_is_retired_is_written_on_only_after_it_was_taken_back(
    bank: flask.Flask, clock: FakeClock
) -> None:
    with bank.app_context():
        with unit_of_work() as session:
            session.scalars(select(Item)).one().state = "retired"
        with pytest.raises(Conflict, match=r"item\.transition"):
            item_work.save(typed(statement()), now=clock.now(), actor=ACTOR)
        assert not opened().writable
