"""试题更正: seen before it is done, decided by two, in nobody's disfavour once released, followed by the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.items.models import Item
from cbt.jobs import answers, queue
from cbt.jobs.registry import job_kinds_of
from cbt.results.key_corrections import correction, effect
from cbt.results.models import Result
from cbt.rules.retake import PaperOutcome
from cbt.scoring.models import CorrectedAttempt, KeyCorrection
from cbt.scoring.service import verify_sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.jobs.test_acts import Killed, carried_out, killed, last_job
from tests.results.key_scene import OTHER, REASON, TRUE, WRONG, WrongKey, scores_of, wrong_key
from tests.results.scene import SECOND, book_again, release, rescore
from tests.world import World


def previewed(bad: WrongKey, **form: str) -> str:
    """Have the office preview a correction; return the address of what it shows."""
    answer = bad.world.staff("officer").post(f"{bad.url}/preview", data=form)
    assert answer.status_code == 303, flat(answer.text)
    return answer.location.partition("#")[0]


def seen_at(bad: WrongKey, at: str) -> str:
    """Return the digest of what is shown, "" where nothing can be decided."""
    found = re.search(r'name="seen" value="(\w+)"', bad.world.staff("officer").get(at).text)
    return found.group(1) if found else ""


def decided(bad: WrongKey, at: str, **form: str) -> TestResponse:
    """Have two decide what was previewed."""
    found, seen = re.search(r"preview=([\w-]+)", at), seen_at(bad, at)
    assert found
    data = {"preview": found.group(1), "seen": seen, "reason": REASON, **SECOND, **form}
    return bad.world.staff("officer").post(bad.url, data=data)


def results_of(world: World) -> Mapping[str, tuple[str, str]]:
    with world.app.app_context(), reading() as session:
        rows = session.execute(select(Result.registration_id, Result.outcome, Result.score)).all()
        told = {row.registration_id: (row.outcome, str(row.score)) for row in rows}
    return {name: told[world.sitters[name].registration_id] for name in (TRUE, WRONG, OTHER)}


def test_a_wrong_key_found_after_release_is_put_right_in_nobodys_disfavour(world: World) -> None:
    bad = wrong_key(world)
    release(world)
    batch = book_again(world, TRUE, at=world.clock.now().replace(year=2028))
    assert results_of(world)[WRONG] == (PaperOutcome.PASSED, "60.0")
    # The bank moved on; what counts is the version that was asked.
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Item).where(Item.ref == bad.ref).values(version=Item.version + 1))
    page = flat(world.staff("officer").get(bad.url).text)
    assert f"题库中此题已是第 {bad.version + 1} 版" in page
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Item).where(Item.ref == bad.ref).values(version=Item.version - 1))

    at = previewed(bad, kind="key", answers=bad.true)
    shown = flat(world.staff("officer").get(at).text)
    for said in ("变为合格", "保留原成绩", "59.0", "2 人的成绩已发布"):
        assert said in shown
    assert scores_of(world, TRUE) == [(1, 0, scores_of(world, TRUE)[0][2])]  # a preview changes nothing

    assert decided(bad, at, reason=" ").status_code == 422
    alone = decided(bad, at, second_login="", second_password="")
    assert alone.status_code == 303 or alone.status_code == 422
    same = decided(bad, at, second_login=world.people["officer"].login)
    assert same.status_code == 422
    assert scores_of(world, TRUE)[-1][:2] == (1, 0)

    done = decided(bad, at)
    assert done.status_code == 303, flat(done.text)
    assert [row[:2] for row in scores_of(world, TRUE)] == [(1, 0), (2, 1)]
    assert [str(row[2]) for row in scores_of(world, TRUE)] == ["59.0", "60.0"]
    assert [row[:2] for row in scores_of(world, WRONG)] == [(1, 0)]
    assert results_of(world) == {
        TRUE: (PaperOutcome.PASSED, "60.0"),
        WRONG: (PaperOutcome.PASSED, "60.0"),
        OTHER: (PaperOutcome.PASSED, "70.0"),
    }
    told = flat(world.staff("inspector").get(done.location).text)
    for said in (REASON, "2 人的成绩已发布", "1 人变为合格", "1 人已报名的补考不再需要", "题库中此题仍是"):
        assert said in told
    assert batch in world.staff("officer").get(done.location).text
    # Everything kept is as it was made; nothing waits to be corrected by hand.
    with world.app.app_context():
        assert all(one.ok for one in verify_sitting(world.sitting_ref) if one.attempt_ref in _refs(world))
        with reading() as session:
            assert verify(session).broken_at is None
            acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.like("key.%"))).all()
            assert acts == ["key.correct", "key.corrected"]
            kept = session.scalars(
                select(CorrectedAttempt.attempt_id).where(CorrectedAttempt.after_score_id.is_(None))
            ).all()
            assert set(kept) == {world.sitters[name].attempt_id for name in (WRONG, OTHER)}
    assert "待更正" not in flat(world.staff("officer").get(f"/results/{world.sitting_ref}").text)


def _refs(world: World) -> set[str]:
    return {world.sitters[name].attempt_ref for name in (TRUE, WRONG, OTHER)}


def test_before_the_release_scores_move_both_ways_and_a_stale_preview_decides_nothing(world: World) -> None:
    bad = wrong_key(world)
    for form, field in (
        ({"kind": "nothing"}, "没有选择更正方式"),
        ({"kind": "key", "answers": ""}, "不是此题可能的答案"),
        ({"kind": "key", "answers": "Z"}, "第 1 行"),
        ({"kind": "accept", "answers": f"{bad.true}\nAB"}, "第 2 行"),
    ):
        refused = world.staff("officer").post(f"{bad.url}/preview", data=form)
        assert refused.status_code in (409, 422), form
        assert field in flat(refused.text)
    at = previewed(bad, kind="key", answers=bad.true)
    seen = seen_at(bad, at)
    rescore(world, "elsewhere", "61.0")
    stale = decided(bad, at, seen=seen)
    assert stale.status_code == 409
    assert "重新预览" in flat(stale.text)
    rescore(world, "elsewhere", "70.0")
    at = previewed(bad, kind="key", answers=bad.true)
    assert decided(bad, at).status_code == 303
    assert str(scores_of(world, TRUE)[-1][2]) == "60.0"
    assert str(scores_of(world, WRONG)[-1][2]) == "59.0"  # nothing was released: it falls
    assert str(scores_of(world, OTHER)[-1][2]) == "69.0"

    # A second correction adds to the first: now the former key is right as well.
    at = previewed(bad, kind="accept", answers=bad.key)
    assert decided(bad, at).status_code == 303
    assert [row[:2] for row in scores_of(world, WRONG)] == [(1, 0), (2, 1), (3, 2)]
    assert [str(scores_of(world, name)[-1][2]) for name in (TRUE, WRONG)] == ["60.0", "60.0"]
    with world.app.app_context():
        assert all(one.ok for one in verify_sitting(world.sitting_ref) if one.attempt_ref in _refs(world))
        with reading() as session:
            assert [row.number for row in session.scalars(select(KeyCorrection))] == [1, 2]
            assert all(row.ended_at for row in session.scalars(select(KeyCorrection)))


def test_the_desk_lists_what_speaks_against_items_and_asks_by_request(world: World) -> None:
    bad = wrong_key(world)
    desk = f"/results/{world.sitting_ref}/items"
    page = world.staff("chief_proctor").get(desk)
    assert page.status_code == 200
    assert bad.ref in page.text
    assert world.staff("chief_proctor").post(f"{bad.url}/preview", data={"kind": "void"}).status_code == 403
    with count_queries(world.app) as queries:
        assert world.staff("inspector").get(desk).status_code == 200
    assert len(queries) < 40
    at = previewed(bad, kind="void")
    assert "作废" in flat(world.staff("officer").get(at).text)
    asked = decided(bad, at, second_login="", second_password="", ask="1")
    assert asked.status_code == 303
    request = world.staff("chief_proctor").get(asked.location)
    for said in ("试题更正", "作废", REASON):
        assert said in flat(request.text)
    digest = re.search(r'name="digest" value="(\w+)"', request.text)
    assert digest
    answer = world.staff("chief_proctor").post(f"{asked.location}/approve", data={"digest": digest.group(1)})
    assert answer.status_code == 303, flat(answer.text)
    assert scores_of(world, TRUE)[-1][1] == 1
    assert world.staff("officer").get("/results/key-corrections/nothing").status_code == 404
    missing = bad.url.replace(bad.ref, "none-such")
    assert world.staff("officer").get(missing).status_code == 404
    assert world.staff("officer").get(f"{bad.url}?part=1").status_code == 404


@pytest.mark.parametrize("kind", ["give_all", "void"])
def test_points_for_all_and_a_void_item_cost_nobody_a_released_point(world: World, kind: str) -> None:
    bad = wrong_key(world)
    release(world)
    before = results_of(world)
    assert decided(bad, previewed(bad, kind=kind)).status_code == 303
    after = results_of(world)
    assert all(float(after[name][1]) >= float(before[name][1]) for name in after)
    if kind == "give_all":
        assert after[TRUE] == (PaperOutcome.PASSED, "60.0")
        assert scores_of(world, WRONG)[-1][1:] == (1, scores_of(world, WRONG)[0][2])


@pytest.mark.parametrize("units", range(1, 5))
def test_a_correction_whose_worker_dies_is_gone_on_with(
    world: World, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effect, "PIECE", 1)
    monkeypatch.setattr(correction, "pieces_of", lambda rows: [[row] for row in rows])
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    bad = wrong_key(world)
    job_kinds_of(world.app).worker_is_kept = True
    goes_on = world.staff("officer").post(f"{bad.url}/preview", data={"kind": "key", "answers": bad.true})
    assert "/jobs/" in goes_on.location
    carried_out(world, 99, lambda: None)
    at = f"{bad.url}?preview={last_job(world).ref}"
    assert decided(bad, at).status_code == 303
    assert scores_of(world, TRUE)[-1][1] == 0
    with pytest.raises(Killed):
        carried_out(world, units, killed)
    world.clock.advance(queue.HELD + timedelta(seconds=1))
    carried_out(world, 99, lambda: None)
    assert [scores_of(world, name)[-1][1] for name in (TRUE, WRONG, OTHER)] == [1, 1, 1]
    with world.app.app_context(), reading() as session:
        (made,) = session.scalars(select(KeyCorrection))
        assert made.ended_at is not None
        assert len(session.scalars(select(CorrectedAttempt)).all()) == made.people == 3
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act.like("key.%"))).all()
        assert acts == ["key.correct", "key.corrected"]
