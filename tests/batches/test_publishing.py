"""Before a sitting goes out its page shows what was checked and what is seen; several go out in one act."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from cbt.sittings import store
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.service import create_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.world import World


def drafts(world: World) -> str:
    """Make the world's sitting a draft again, and add one that nobody sits in; return the ref of that one."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(SittingRoom).values(state="draft"))
        session.execute(update(Sitting).values(state="draft"))
        batch = store.batch_by_ref(session, world.batch_ref)
        first = store.sitting_by_ref(session, world.sitting_ref)
        added = create_sitting(
            session, batch=batch, centre=store.centres(session)[0], name="下午", now=world.clock.now(),
            planned_start_at=first.planned_start_at + timedelta(hours=5), actor="staff:test",
            rooms=store.rooms_of_centre(session, first.centre_id)[:1],
        )  # fmt: skip
        return added.ref


def states(world: World) -> dict[str, str]:
    with world.app.app_context(), reading() as session:
        return {row.ref: row.state for row in session.execute(select(Sitting.ref, Sitting.state))}


def test_the_page_shows_what_was_checked_and_publishes(world: World) -> None:
    drafts(world)
    officer, path = world.staff("officer"), f"/office/sittings/{world.sitting_ref}/publish"
    with count_queries(world.app) as asked:
        page = officer.get(path)
    assert len(asked) <= 34
    shown = flat(page.text)
    for text in ("机房 A", "chief_proctor-老师", "已组卷 7 / 7 份", "考生将看到", "监考员将看到", "发布本场"):
        assert text in shown, text
    assert "还不能发布" not in shown
    assert officer.post(path).status_code == 303
    assert states(world)[world.sitting_ref] == "published"
    assert officer.get(path).status_code == 303
    assert world.staff("inspector").get(path).status_code == 403


def test_what_keeps_it_back_stands_there_without_the_act(world: World) -> None:
    empty = drafts(world)
    officer, path = world.staff("officer"), f"/office/sittings/{empty}/publish"
    shown = officer.get(path).text
    assert f"/office/sittings/{empty}/roster" in shown
    assert "发布本场" not in shown
    refused = officer.post(path)
    assert refused.status_code == 409
    assert "还没有考生" in refused.text
    assert states(world)[empty] == "draft"


def test_the_ready_sittings_of_a_batch_go_out_in_one_act_all_or_none(world: World) -> None:
    empty = drafts(world)
    officer, path = world.staff("officer"), f"/office/batches/{world.batch_ref}/publish"
    shown = officer.get(path).text
    ready = shown[shown.index(f'value="{world.sitting_ref}"') :][:400]
    assert "checked" in ready
    assert "disabled" in shown[shown.index(f'value="{empty}"') :][:400]
    with count_queries(world.app) as asked:
        officer.get(path)
    assert len(asked) <= 30
    assert officer.post(path).status_code == 422
    for chosen in ([empty, world.sitting_ref], [world.sitting_ref, "si-nothing"]):
        assert officer.post(path, data={"sittings": chosen}).status_code in {404, 409}
        assert set(states(world).values()) == {"draft"}
    assert officer.post(path, data={"sittings": [world.sitting_ref]}).status_code == 303
    assert states(world) == {world.sitting_ref: "published", empty: "draft"}
    assert "已发布 1 场" in officer.get(f"/office/batches/{world.batch_ref}").text
    client = world.staff("officer")
    client.set_cookie("locale", "en")
    for one in (path, f"/office/sittings/{empty}/publish"):
        text = client.get(one).text
        assert ">batches." not in text
        assert "发布" not in text
