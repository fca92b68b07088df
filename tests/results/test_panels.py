"""划线专家组: rounds of judges who see nothing of each other, and what they recommend."""

from __future__ import annotations

import json
import math
import re

import pytest
from sqlalchemy import select

from cbt.accounts.models import Staff, StaffRole
from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.bank.item_figures import FoundFigures, keep_figures
from cbt.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cbt.results.models import CutPanel, PanelRound
from cbt.results.panels.panel import (
    PanelForm,
    PanelMethod,
    begin_round,
    close_round,
    enter,
    entered,
    items_of,
    open_panel,
)
from cbt.rules.item_record import ItemUse
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.results.analysis_scene import hold
from tests.world import World

CHAIR = "staff:st-chair"


def panel_of(world: World) -> tuple[str, list[str], int]:
    """Open a panel of three judges; return its ref, their actors in its order, and how many items it judges."""
    held = hold(world, 4)
    with world.app.app_context():
        with unit_of_work() as session:
            made = session.get_one(Staff, world.people["marker"].id)
            session.add(StaffRole(staff_id=made.id, role="author"))
            form = session.scalars(
                select(Form.ref).join(Attempt).where(Attempt.id == held.seated[0].attempt_id)
            ).one()
        refs = sorted(world.people[role].ref for role in ("author", "reviewer", "marker"))
        ref = open_panel(PanelForm(form, refs, "三级理论知识划线"), now=world.clock.now(), actor=CHAIR)
        with reading() as session:
            count = len(items_of(CutPanel.by_ref(session, ref, unknown="panel.unknown")))
    return ref, [f"staff:{judge}" for judge in refs], count


def test_rounds_recommend_the_mean_of_the_judges_and_move_nothing(world: World) -> None:
    ref, judges, count = panel_of(world)
    now = world.clock.now()
    with world.app.app_context():
        for judge, per_cent in zip(judges, (50, 60, 70), strict=True):
            for place in range(count):
                enter(ref, place, per_cent, now=now, actor=judge)
        cut = close_round(ref, now=now, actor=CHAIR)
        assert cut.judges == pytest.approx([50, 60, 70])
        assert (cut.value, cut.spread, cut.error) == pytest.approx((60, 10, 10 / 3**0.5))
        with pytest.raises(Conflict, match="closed"):
            enter(ref, 0, 10, now=now, actor=judges[0])
        with pytest.raises(Conflict, match="closed"):
            close_round(ref, now=now, actor=CHAIR)
        assert begin_round(ref, now=now, actor=CHAIR) == 2
        with pytest.raises(Conflict, match="no_more"):
            begin_round(ref, now=now, actor=CHAIR)
        # What was said stands until its judge says otherwise.
        for place in range(count):
            enter(ref, place, 59, now=now, actor=judges[0])
            enter(ref, place, 56, now=now, actor=judges[0])
        assert close_round(ref, now=now, actor=CHAIR).judges == pytest.approx([56, 60, 70])
        with reading() as session:
            rounds = session.scalars(select(PanelRound).order_by(PanelRound.number)).all()
            assert [json.loads(one.result)["value"] for one in rounds] == pytest.approx([60, 62])
            panel = CutPanel.by_ref(session, ref, unknown="panel.unknown")
            assert (panel.pass_points, panel.points) == (60, 100)
            acts = session.scalars(select(AuditEntry.act).where(AuditEntry.subject == f"panel:{ref}")).all()
    assert acts.count("panel.enter") == 5 * count
    assert [act for act in acts if act != "panel.enter"] == [
        "panel.open", "panel.close", "panel.round", "panel.close"
    ]  # fmt: skip


def test_a_round_waits_for_every_judge_and_nobody_else_judges(world: World) -> None:
    ref, judges, count = panel_of(world)
    now = world.clock.now()
    with world.app.app_context():
        for judge in judges:
            for place in range(count - (judge == judges[1])):
                enter(ref, place, 60, now=now, actor=judge)
        with pytest.raises(Conflict, match="unfinished") as refused:
            close_round(ref, now=now, actor=CHAIR)
        assert refused.value.params["count"] == 1
        with reading() as session:
            panel = CutPanel.by_ref(session, ref, unknown="panel.unknown")
            assert sorted(entered(session, panel).values()) == [count - 1, count, count]
        for wrong in (-1, 101):
            with pytest.raises(InvalidInput, match="per_cent"):
                enter(ref, 0, wrong, now=now, actor=judges[0])
        for place in (-1, count):
            with pytest.raises(NotFound, match="item_unknown"):
                enter(ref, place, 50, now=now, actor=judges[0])
        with pytest.raises(NotAllowed, match="not_judge"):
            enter(ref, 0, 50, now=now, actor=CHAIR)
        with pytest.raises(NotFound, match="unknown"):
            enter("pn-nowhere", 0, 50, now=now, actor=judges[0])


@pytest.mark.once
def test_a_panel_wants_judges_who_may_see_items_a_reason_and_a_form_that_was_taken(world: World) -> None:
    now, people = world.clock.now(), world.people
    with world.app.app_context():
        two = [people["author"].ref, people["reviewer"].ref]
        for judges in (two, [*two, people["proctor"].ref], [f"st-{number}" for number in range(16)]):
            with pytest.raises(InvalidInput, match=r"panel\.judges"):
                open_panel(PanelForm("f", judges, "划线"), now=now, actor=CHAIR)
        three = [*two, people["proctor"].ref]
        with pytest.raises(InvalidInput, match=r"panel\.reason"):
            open_panel(PanelForm("f", three, " "), now=now, actor=CHAIR)
        with unit_of_work() as session:
            session.add(StaffRole(staff_id=people["proctor"].id, role="author"))
        with pytest.raises(NotFound, match="form_unknown"):
            open_panel(PanelForm("f", three, "划线"), now=now, actor=CHAIR)


def page_of(world: World, role: str, url: str) -> str:
    answer = world.staff(role).get(url)
    assert answer.status_code == 200, (role, url, answer.status_code)
    return flat(answer.text)


def test_a_panel_goes_by_its_pages_from_setting_up_to_the_decision_of_two(world: World) -> None:
    held = hold(world, 4)
    with world.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=world.people["marker"].id, role="author"))
        form = session.scalars(
            select(Form.ref).join(Attempt).where(Attempt.id == held.seated[0].attempt_id)
        ).one()
    officer = world.staff("officer")
    to = f"/results/panels/to/{held.sitting_ref}"
    assert form in page_of(world, "officer", to)
    refs = [world.people[role].ref for role in ("author", "reviewer", "marker")]
    asked = {"form": form, "method": "angoff", "judge": refs, "reason": "三级理论划线"}
    for wrong, what in (
        ({"method": "guess"}, "请选择评议方法"),
        ({"form": "fm-none"}, "请选择一份试卷"),
        ({"judge": refs[:2]}, "请选 3 到 15 名评委"),
        ({"reason": " "}, "请写明"),
    ):
        answer = officer.post(to, data=asked | wrong)
        assert (answer.status_code, what in answer.text) == (422, True), (wrong, answer.text[-3000:])
    for role in ("chief_proctor", "inspector", "author", "proctor"):
        assert world.staff(role).post(to, data=asked).status_code == 403
    made = officer.post(to, data=asked)
    assert made.status_code == 303
    one = made.location
    ref = one.rsplit("/", 1)[1]
    for role in ("author", "proctor", "marker-none"):
        if role in world.people:
            assert world.staff(role).get(one).status_code == 403
    with world.app.app_context(), reading() as session:
        count = len(items_of(CutPanel.by_ref(session, ref, unknown="panel.unknown")))

    # A judge goes from item to item; the key comes once they said something, and nothing of another's ever.
    assert "1 个划线专家组等您评议" in page_of(world, "author", "/staff")
    author = world.staff("author")
    first = author.get(f"{one}/own")
    assert first.location.endswith("/items/1")
    assert "填写意见之后可以查看答案" in page_of(world, "author", f"{one}/items/1")
    for wrong in ("", "101", "x", "-1"):
        assert author.post(f"{one}/items/1", data={"said": wrong}).status_code == 422
    assert author.post(f"{one}/items/1", data={"said": "61"}).location.endswith("/items/2")
    shown = page_of(world, "author", f"{one}/items/1")
    assert ("填写意见之后可以查看答案" in shown, 'value="61"' in shown) == (False, True)
    assert "填写意见之后" in page_of(world, "reviewer", f"{one}/items/1")
    assert author.get(f"{one}/items/{count + 1}").status_code == 404
    assert world.staff("officer").get(f"{one}/items/1").status_code == 403
    assert officer.post(f"{one}/close").status_code == 409

    actors = {role: f"staff:{world.people[role].ref}" for role in ("author", "reviewer", "marker")}
    with world.app.app_context():
        for actor, said in zip(actors.values(), (61, 64, 70), strict=True):
            for place in range(count):
                enter(ref, place, said, now=world.clock.now(), actor=actor)
    assert author.post(f"{one}/items/{count}", data={"said": "61"}).location.endswith(f"/items/{count}")
    assert (
        officer.post(f"{one}/decide", data={"decision": "noted", "grounds": "x", "ask": "1"}).status_code
        == 409
    )
    assert officer.post(f"{one}/close").status_code == 303
    page = page_of(world, "inspector", one)
    assert all(word in page for word in ("65.0", "2.65", "4.58", "60 分（满分 100 分）", "不改变及格线"))
    assert author.post(f"{one}/items/1", data={"said": "10"}).status_code == 409

    # What is made of it takes two, and ends it.
    assert (
        officer.post(f"{one}/decide", data={"decision": "move", "grounds": "x", "ask": "1"}).status_code
        == 422
    )
    assert (
        officer.post(f"{one}/decide", data={"decision": "noted", "grounds": " ", "ask": "1"}).status_code
        == 422
    )
    assert world.staff("inspector").post(f"{one}/decide", data={"decision": "noted"}).status_code == 403
    wish = {"decision": "advised", "grounds": "与历年一致", "ask": "1"}
    request = officer.post(f"{one}/decide", data=wish)
    assert request.status_code == 303
    assert "决定" not in page_of(world, "inspector", one).split("标准误")[-1], (
        "nothing counts before the second"
    )
    chief = world.staff("chief_proctor")
    shown = chief.get(request.location).text
    assert "65.0" in shown
    digest = re.search(r'name="digest" value="([^"]+)"', shown)
    assert digest is not None
    approved = chief.post(f"{request.location}/approve", data={"digest": digest.group(1)})
    assert approved.status_code in {200, 303}
    page = page_of(world, "inspector", one)
    assert ("作为建议" in page, "与历年一致" in page) == (True, True)
    assert officer.post(f"{one}/begin").status_code == 409
    assert officer.post(f"{one}/decide", data=wish).status_code == 409
    with world.app.app_context(), reading() as session:
        panel = CutPanel.by_ref(session, ref, unknown="panel.unknown")
        assert panel.second_by == f"staff:{world.people['chief_proctor'].ref}"
        assert panel.pass_points == 60


def test_bookmarks_lie_in_a_booklet_of_what_was_observed(world: World) -> None:
    held = hold(world, 4)
    now = world.clock.now()
    with world.app.app_context():
        with unit_of_work() as session:
            session.add(StaffRole(staff_id=world.people["marker"].id, role="author"))
            form = session.scalars(
                select(Form).join(Attempt).where(Attempt.id == held.seated[0].attempt_id)
            ).one()
            form_ref, bank_id = form.ref, form.bank_id
            asked = [place["item"] for place in json.loads(form.content)["positions"]]
        refs = [world.people[role].ref for role in ("author", "reviewer", "marker")]
        wanted = PanelForm(form_ref, refs, "书签", PanelMethod.BOOKMARK)
        with pytest.raises(Conflict, match="no_figures"):
            open_panel(wanted, now=now, actor=CHAIR)
        shares = {ref: 0.1 + 0.8 * number / len(asked) for number, ref in enumerate(asked)}
        with unit_of_work() as session:
            found = [
                FoundFigures(bank_id, ref, 40, ItemUse(40, share, 0.3, now.date()))
                for ref, share in shares.items()
            ]
            keep_figures(session, found, source="batch:x", name="x")
        ref = open_panel(wanted, now=now, actor=CHAIR)
        with reading() as session:
            items = items_of(CutPanel.by_ref(session, ref, unknown="panel.unknown"))
        assert [item.ref for item in items] == asked[::-1], "the easiest first"
        assert items[0].difficulty == pytest.approx(math.log(1 / shares[items[0].ref] - 1))
        judges = sorted(f"staff:{one}" for one in refs)
        with pytest.raises(InvalidInput, match="bookmark"):
            enter(ref, 0, len(items) + 1, now=now, actor=judges[0])
        with pytest.raises(NotFound, match="item_unknown"):
            enter(ref, 1, 5, now=now, actor=judges[0])
        for judge, before in zip(judges, (60, 70, 80), strict=True):
            enter(ref, 0, before, now=now, actor=judge)
        cut = close_round(ref, now=now, actor=CHAIR)
    by_hand = []
    for before in (60, 70, 80):
        ability = items[before - 1].difficulty + math.log(2)
        by_hand.append(sum(one.points / (1 + math.exp(one.difficulty - ability)) for one in items))
    assert cut.judges == pytest.approx(by_hand)
    assert cut.value == pytest.approx(sum(by_hand) / 3)
    page = page_of(world, "author", f"/results/panels/{ref}/items/3")
    assert "书签" in page
