"""An item moves on in one way: the table of its life decides, nobody judges their own words, the first one wins."""

from __future__ import annotations

import threading

import flask
import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.bank.review import judgement
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.items.models import Item, ItemStep
from cbt.rules.states import ItemEvent, ItemState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.desk.people import BANK, NOW, look, make_items, write

LI, WANG, ZHAO = "staff:st-li", "staff:st-wang", "staff:st-zhao"


def take(
    app: flask.Flask, event: ItemEvent, actor: str, *, number: int = 1, note: str = "", ref: str = ""
) -> None:
    with app.app_context():
        judgement.take_step(
            bank_ref=BANK,
            item_ref=ref or "A-A-A-001-T1",
            number=number,
            event=event,
            note=note,
            now=NOW,
            actor=actor,
        )


def test_an_item_is_written_reviewed_by_another_and_then_drawn(app: flask.Flask) -> None:
    make_items(app, 1, LI, ItemState.DRAFT)
    take(app, ItemEvent.SUBMIT, LI)
    take(app, ItemEvent.SEND_BACK, WANG, note="干扰项太弱")
    take(app, ItemEvent.SUBMIT, LI)
    assert look(app, "A-A-A-001-T1").version == 0
    take(app, ItemEvent.APPROVE, WANG)
    item = look(app, "A-A-A-001-T1")
    assert (item.state, item.version, item.current) == ("reviewed", 1, 1)
    with app.app_context(), reading() as session:
        steps = session.execute(select(ItemStep.event, ItemStep.note).order_by(ItemStep.id)).all()
        acts = session.scalars(
            select(AuditEntry.act).where(AuditEntry.act.startswith("item.")).order_by(AuditEntry.id)
        ).all()
    assert [tuple(one) for one in steps] == [
        ("submit", ""),
        ("send_back", "干扰项太弱"),
        ("submit", ""),
        ("approve", ""),
    ]
    assert list(acts) == ["item.submit", "item.send_back", "item.submit", "item.approve"]


def test_nobody_judges_what_they_wrote_since_the_last_reviewed_version(app: flask.Flask) -> None:
    make_items(app, 1, LI)
    with pytest.raises(Conflict, match=r"item\.own_work"):
        take(app, ItemEvent.APPROVE, LI)
    take(app, ItemEvent.APPROVE, WANG)
    with app.app_context(), unit_of_work() as session:
        item = session.scalars(select(Item)).one()
        write(session, item, WANG, ItemState.DRAFT, stem="改过的说法。")
        write(session, item, ZHAO, ItemState.IN_REVIEW, stem="又改过的说法。")
    for writer in (WANG, ZHAO):
        with pytest.raises(Conflict, match=r"item\.own_work"):
            take(app, ItemEvent.APPROVE, writer, number=3)
    assert look(app, "A-A-A-001-T1").version == 1
    take(app, ItemEvent.APPROVE, LI, number=3)
    assert look(app, "A-A-A-001-T1").version == 3


def test_what_was_reviewed_and_restored_is_not_approved_by_its_writer(app: flask.Flask) -> None:
    make_items(app, 1, LI)
    take(app, ItemEvent.APPROVE, WANG)
    take(app, ItemEvent.RETIRE, LI)
    assert look(app, "A-A-A-001-T1").version == 0
    take(app, ItemEvent.RESTORE, LI)
    take(app, ItemEvent.SUBMIT, LI)
    with pytest.raises(Conflict, match=r"item\.own_work"):
        take(app, ItemEvent.APPROVE, LI)


@pytest.mark.parametrize(
    ("event", "number", "note", "refused"),
    [
        pytest.param(ItemEvent.RESTORE, 1, "", "item.transition", id="what its state does not know"),
        pytest.param(ItemEvent.APPROVE, 2, "", "item.changed_meanwhile", id="another version than was seen"),
        pytest.param(ItemEvent.SEND_BACK, 1, "  ", "item.note_needed", id="back without a word"),
        pytest.param(ItemEvent.SEND_BACK, 1, "a\u202eb", "text.unseen", id="a word nobody sees"),
    ],
)
def test_a_refused_step_changes_nothing(
    app: flask.Flask, event: ItemEvent, number: int, note: str, refused: str
) -> None:
    make_items(app, 1, LI)
    with pytest.raises(CbtError, match=refused):
        take(app, event, WANG, number=number, note=note)
    assert look(app, "A-A-A-001-T1").state == "in_review"
    with app.app_context(), reading() as session:
        assert session.scalars(select(ItemStep)).all() == []


def test_of_two_reviewers_at_once_one_wins(app: flask.Flask) -> None:
    make_items(app, 1, LI)
    ready, said = threading.Barrier(2), []

    def judge(event: ItemEvent, actor: str) -> None:
        ready.wait()
        try:
            take(app, event, actor, note="要改")
            said.append("won")
        except CbtError as error:
            said.append(error.code)

    both = [
        threading.Thread(target=judge, args=one)
        for one in ((ItemEvent.APPROVE, WANG), (ItemEvent.SEND_BACK, ZHAO))
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(said) == ["item.transition", "won"]
    with app.app_context(), reading() as session:
        assert len(session.scalars(select(ItemStep)).all()) == 1


def test_a_remark_stands_at_its_place_until_somebody_settles_it(app: flask.Flask) -> None:
    make_items(app, 1, LI)
    with app.app_context():
        kept = {"bank_ref": BANK, "item_ref": "A-A-A-001-T1", "now": NOW, "actor": WANG}
        ref = judgement.remark(**kept, number=1, place="stem", text="“职业道德”前加限定。")
        with pytest.raises(CbtError, match=r"item\.no_place"):
            judgement.remark(**kept, number=1, place="choices.1", text="没有选项")
        with pytest.raises(InvalidInput, match=r"item\.remark_empty"):
            judgement.remark(**kept, number=1, place="stem", text=" ")
        judgement.settle(**kept, remark_ref=ref)
        with pytest.raises(Conflict, match=r"item\.remark_settled"):
            judgement.settle(**kept, remark_ref=ref)
