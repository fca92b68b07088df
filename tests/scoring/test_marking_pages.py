"""The pages of marking: who may see and do what, no candidate named on a marker's page, from desk to release."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.results.appeals.decision import counted, hands_of
from cbt.results.appeals.request import AppealForm, ask
from cbt.scoring.marking.models import Mark, MarkingQueue
from cbt.storage.unit_of_work import reading
from tests.helpers import flat
from tests.results.appeal_scene import score_of
from tests.results.scene import release
from tests.scoring.marking_scene import MarkingScene, waiting
from tests.world import World

pytestmark = pytest.mark.once


@pytest.fixture
def scene(world: World) -> MarkingScene:
    return waiting(world)


def names(world: World) -> set[str]:
    """Return what of the candidates may stand on no marker's page."""
    with world.app.app_context(), reading() as session:
        people = session.execute(select(Candidate.name, AdmissionTicket.number).join(AdmissionTicket)).all()
    return {text for row in people for text in row}


def test_from_the_sitting_to_the_released_results(scene: MarkingScene) -> None:
    world = scene.world
    officer, inspector = world.staff("officer"), world.staff("inspector")
    desk = f"/marking/desks/{scene.ref}"
    assert desk in flat(officer.get(f"/results/{scene.ref}").text)
    assert "3 份答卷待阅" in flat(officer.get(desk).text)
    assert inspector.get(desk).status_code == 200
    for role in ("inspector", "proctor", "marker-1", "author"):
        assert world.staff(role).post(f"{desk}/open").status_code == 403
    assert officer.post(f"{desk}/open").status_code == 303
    page = flat(officer.get(desk).text)
    assert all(word in page for word in ("阅卷员不足三人", "陈晓", "吴敏", "郑磊", "K-A1"))
    markers = [world.staff(f"marker-{number}") for number in (1, 2, 3)]
    assert "没有被指定" in markers[0].get(f"/marking/own/{scene.ref}").text
    for number in (1, 2, 3):
        person = world.people[f"marker-{number}"]
        assert officer.post(f"{desk}/markers", data={"staff": person.ref}).status_code == 303
    refused = officer.post(f"{desk}/markers", data={"staff": world.people["officer"].ref})
    assert (refused.status_code, "没有选中可以阅卷的人" in refused.text) == (422, True)
    assert "还有 6 份答案没有评完" in officer.post(f"{desk}/end").text
    with world.app.app_context(), reading() as session:
        queues = {queue.full: queue.ref for queue in session.scalars(select(MarkingQueue))}
    assert "您要评的答案" in flat(markers[0].get("/staff").text)
    assert officer.post(f"/marking/queues/{queues[20]}/threshold", data={"threshold": "3"}).status_code == 303
    assert officer.post(f"/marking/queues/{queues[20]}/threshold", data={"threshold": "x"}).status_code == 422
    assert markers[0].get(f"/marking/queues/{queues[20]}").status_code == 403
    assert officer.post(f"/marking/queues/{queues[20]}/take").status_code == 403

    hidden = names(world)
    for number, given in enumerate(({20: ["16"], 10: ["4", "3", "3"]}, {20: ["12"], 10: ["4", "2", "2.5"]})):
        for full, points in given.items():
            answer = markers[number].post(f"/marking/queues/{queues[full]}/take")
            for _paper in range(3):
                assert "/marking/answers/" in answer.location
                shown = flat(markers[number].get(answer.location).text)
                assert ("一是致歉" in shown, [one for one in hidden if one in shown]) == (True, [])
                assert markers[1 - number].get(answer.location).status_code == 409
                data = {f"points-{place}": one for place, one in enumerate(points)}
                wrong = markers[number].post(answer.location, data=data | {"points-0": "99"})
                assert (wrong.status_code, "第 1 个要点的分数不对" in wrong.text) == (422, True)
                answer = markers[number].post(answer.location, data=data)
                assert answer.status_code == 303
            assert answer.location.endswith(f"/marking/own/{scene.ref}")
    own = flat(markers[1].get(f"/marking/own/{scene.ref}").text)
    assert own.count("/marking/marks/") == 6
    with world.app.app_context(), reading() as session:
        marks = session.execute(select(Mark.ref, Mark.staff).order_by(Mark.id)).all()
    theirs = f"/marking/marks/{marks[-1].ref}"
    assert markers[0].get(theirs).status_code == 403
    assert "更改的原因" in markers[1].get(theirs).text
    change = {"points-0": "4", "points-1": "2", "points-2": "2", "reason": "看错行"}
    assert markers[1].post(theirs, data=change | {"reason": ""}).status_code == 422
    assert markers[1].post(theirs, data=change).status_code == 303
    for role in ("officer", "inspector"):
        figures = flat(world.staff(role).get(f"/marking/queues/{queues[20]}").text)
        assert all(word in figures for word in ("吴敏 · 陈晓", "-4.00", "样本过少"))
    seed = flat(officer.get(f"/marking/queues/{queues[20]}/seed").text)
    ref = seed.partition('name="answer" value="')[2].partition('"')[0]
    agreed = {"answer": ref, "points-0": "15", "reason": "三人议定"}
    assert officer.post(f"/marking/queues/{queues[20]}/seed", data=agreed | {"reason": ""}).status_code == 422
    assert officer.post(f"/marking/queues/{queues[20]}/seed", data=agreed).status_code == 303

    answer = markers[2].post(f"/marking/queues/{queues[20]}/take")
    while "/marking/answers/" in answer.location:
        answer = markers[2].post(answer.location, data={"points-0": "14"})
        assert answer.status_code == 303
    ended = officer.post(f"{desk}/end")
    assert ended.status_code == 303
    assert "3 份答卷已算分" in flat(officer.get(desk).text)
    assert {str(score_of(world, name).score) for name in ("theory", "extra", "late")} <= {
        "33.0",
        "32.5",
        "33.5",
        "32.0",
    }
    assert "待阅" not in flat(officer.get(f"/results/{scene.ref}").text)
    release(world)
    with world.app.app_context():
        registration = world.sitters["theory"].registration_ref
        form = AppealForm(("missed",), "请复核。")
        appeal = ask(registration, form, now=world.clock.now(), actor=f"candidate:{registration}")
        with reading() as session:
            hands = {step.account for step in hands_of(session, counted(session, appeal))}
    assert {one.logged_as for one in scene.markers} <= hands
