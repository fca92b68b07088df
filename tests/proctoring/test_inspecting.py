"""Several rooms on one page, and an inspector who reads all of them, comments, and changes nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.proctoring.models import InspectorComment
from tests.helpers import count_queries
from tests.proctoring.desk import Desk, audited, done, log_kinds, row, running
from tests.proctoring.test_board import more_sitters
from tests.world import World


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_chief_sees_every_room_at_once_and_what_it_needs(world: World) -> None:
    running(world, "theory", "elsewhere")
    chief, proctor = world.staff("chief_proctor"), world.staff("proctor_elsewhere")
    world.clock.advance(timedelta(minutes=2))
    with count_queries(world.app) as asked:
        page = chief.get("/proctor/now").text
    assert len(asked) <= 2 * 19 + 6  # two boards, and who is asking
    for words in ("机房 A", "机房 B", "王小明", "吴磊"):
        assert words in page, words
    own = proctor.get("/proctor/now").text
    assert "机房 B" in own
    assert "机房 A" not in own
    live = chief.get("/proctor/now/live")
    assert live.status_code == 200
    again = chief.get("/proctor/now/live", headers={"If-None-Match": live.headers["ETag"]})
    assert again.status_code == 304
    done(Desk(world).act("remind", "theory", text="请保持安静"))
    assert chief.get("/proctor/now/live", headers={"If-None-Match": live.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.once
def test_what_the_rooms_at_once_ask_of_the_database(world: World) -> None:
    """Three queries a room once it is known, however many sit there; what changed is read again."""
    running(world, "theory")
    chief = world.staff("chief_proctor")
    assert chief.get("/proctor/now").status_code == 200
    with count_queries(world.app) as few:
        assert chief.get("/proctor/now").status_code == 200
    more_sitters(world, 40)
    with count_queries(world.app) as many:
        assert chief.get("/proctor/now").status_code == 200
    assert len(few) <= 6 + 3 * 2
    assert len(many) == len(few)


def test_an_inspector_comments_and_the_chief_answers_once(world: World) -> None:
    running(world, "theory")
    inspector, chief = world.staff("inspector"), world.staff("chief_proctor")
    url = f"/proctor/rooms/{world.room_ref}/comments"
    about = world.sitters["theory"].registration_ref
    assert inspector.get(f"/proctor/rooms/{world.room_ref}").status_code == 200
    assert inspector.get(f"/proctor/rooms/{world.room_ref}/reports").status_code == 200
    assert inspector.post(url, data={"text": " "}).status_code == 422
    elsewhere = world.sitters["elsewhere"].registration_ref
    assert inspector.post(url, data={"text": "x", "about": elsewhere}).status_code == 404
    assert inspector.post(url, data={"text": "未核对<b>照片", "about": about}).status_code == 303
    found = row(world, InspectorComment)
    assert chief.post(url, data={"text": "x"}).status_code == 403
    assert inspector.post(f"{url}/{found.ref}/answer", data={"answer": "x"}).status_code == 403
    shown = chief.get(url).text
    assert "未核对&lt;b&gt;照片" in shown
    assert "王小明" in shown
    assert "督导意见 1 条待答复" in chief.get("/proctor/now").text
    assert chief.post(f"{url}/{found.ref}/answer", data={"answer": "已补核对"}).status_code == 303
    assert chief.post(f"{url}/{found.ref}/answer", data={"answer": "又"}).status_code == 409
    assert "已补核对" in inspector.get(url).text
    assert log_kinds(world) == ["inspector_comment", "inspector_answer"]
    assert [act for act in audited(world) if act.startswith("inspector.")] == [
        "inspector.comment",
        "inspector.answer",
    ]
    assert world.staff("proctor_elsewhere").get(url).status_code == 404
