"""迟到作答: two people rule on what came after the deadline; nothing of it counts before, nothing is lost after."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from sqlalchemy import select

from cbt.accounts.models import StaffRole
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.ops.backup.verification import check_rulings, check_scores
from cbt.results.models import Result
from cbt.runner.models import Attempt, LateEntry
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.results.late_scene import END, MINUTE, Scene
from tests.results.scene import release_url
from tests.world import PASSWORD, PLANNED, World


@pytest.fixture
def scene(world: World) -> Scene:
    """The sitting, ended."""
    return Scene(world)


def test_late_answers_are_listed_with_what_they_would_change_and_count_for_nothing(scene: Scene) -> None:
    assert scene.scores("theory") == [(1, Decimal("58.0"), False)]
    page = scene.page()
    for word in ("王小明", "周杰", "58.0", "60.0", "不合格转为合格", "收卷后 01:10 送达"):
        assert word in page
    assert scene.scores("theory") == [(1, Decimal("58.0"), False)]
    assert (
        "2 名考生的迟到作答等待两人裁定"
        in scene.world.staff("officer").get(f"/results/{scene.world.sitting_ref}").text
    )
    assert 'name="verdict"' not in scene.page("inspector")


def test_an_approval_scores_a_whole_room_under_a_new_number_and_keeps_the_old(scene: Scene) -> None:
    assert scene.rule("theory", "second").status_code == 303
    for name in scene.names:
        assert scene.scores(name) == [(1, Decimal("58.0"), False), (2, Decimal("60.0"), True)]
    scene.holds()
    with scene.world.app.app_context(), reading() as session:
        ruling = session.scalars(select(LateRuling)).one()
        officer, chief = (scene.world.people[role].ref for role in ("officer", "chief_proctor"))
        assert (ruling.verdict, ruling.fault, ruling.by, ruling.second) == (
            "approved",
            "network",
            f"staff:{officer}",
            f"staff:{chief}",
        )
        assert [row.entries for row in session.scalars(select(RuledAttempt))] == [2, 2]
        lines = session.scalars(select(AuditEntry).where(AuditEntry.act == "attempt.late_approved")).all()
        assert [
            (line.reason, '"score":"58.0"' in line.before, '"score":"60.0"' in line.after) for line in lines
        ] == [("14:40 全场断网两分钟", True, True)] * 2
    page = scene.page()
    assert "没有等待裁定的迟到作答" in page
    assert "58.0 → 60.0" in page


def test_a_rejection_is_on_record_and_changes_no_score(scene: Scene) -> None:
    assert scene.rule("theory", verdict="rejected").status_code == 303
    assert scene.scores("theory") == [(1, Decimal("58.0"), False)]
    scene.holds()
    page = scene.page()
    assert "王小明 · 2 题" in flat(page)
    assert "58.0 → 58.0" in page
    assert "周杰" in page
    with scene.world.app.app_context(), reading() as session:
        assert len(session.scalars(select(RuledEntry)).all()) == 2
        acts = session.scalars(select(AuditEntry.act)).all()
        assert "attempt.late_rejected" in acts


@pytest.mark.parametrize(
    ("role", "second", "more", "words"),
    [
        pytest.param("officer", "officer", {}, "", id="alone"),
        pytest.param("officer", "proctor", {}, "", id="with a proctor"),
        pytest.param("chief_proctor", "proctor", {}, "", id="a chief with a proctor"),
        pytest.param("officer", "chief_proctor", {"second_password": "wrong"}, "", id="a wrong password"),
        pytest.param("officer", "chief_proctor", {"reason": "  "}, "没有写理由", id="no reason"),
        pytest.param("officer", "chief_proctor", {"fault": "weather"}, "", id="no such fault"),
        pytest.param("officer", "chief_proctor", {"verdict": ""}, "", id="no verdict"),
        pytest.param(
            "officer", "chief_proctor", {"seen": "older"}, "名单在您核对期间有变化", id="an old page"
        ),
        pytest.param("officer", "chief_proctor", {"room": "other"}, "名单", id="another room"),
    ],
)
def test_what_is_refused(scene: Scene, role: str, second: str, more: dict[str, str], words: str) -> None:
    answer = scene.rule("theory", role=role, second=second, **more)
    assert answer.status_code in (403, 409, 422)
    assert words in answer.text
    assert scene.scores("theory") == [(1, Decimal("58.0"), False)]
    with scene.world.app.app_context(), reading() as session:
        assert session.scalars(select(LateRuling)).all() == []


def test_nobody_ticked_is_said(scene: Scene) -> None:
    assert "没有勾选考生" in scene.rule().text


def test_a_chief_proctor_decides_with_an_officer(scene: Scene) -> None:
    assert scene.rule("theory", role="chief_proctor", second="officer").status_code == 303
    assert scene.scores("theory")[-1] == (2, Decimal("60.0"), True)


def test_the_same_evidence_is_ruled_on_once(scene: Scene) -> None:
    seen = re.search(r'name="seen" value="(\w+)"', scene.page())
    assert seen is not None
    assert scene.rule("theory").status_code == 303
    again = scene.rule("theory", seen=seen.group(1))
    assert (again.status_code, "名单在您核对期间有变化" in again.text) == (409, True)
    assert len(scene.scores("theory")) == 2


def test_a_released_result_changes_only_by_a_correction(scene: Scene) -> None:
    world = scene.world
    chief = {"second_login": "chief-proctor", "second_password": PASSWORD}
    with world.app.app_context(), unit_of_work() as session:
        for name, sitter in world.sitters.items():
            if name not in scene.names:
                row = session.get_one(Registration, sitter.registration_id)
                row.arrived_at = row.checked_in_at = row.signed_in_at = None
                row.absent_at, row.absent_cause = PLANNED, "not_arrived"
    assert world.staff("officer").post(release_url(world), data=chief).status_code == 303
    assert scene.rule("theory").status_code == 303
    of_theory = select(Result.score).where(Result.registration_id == world.sitters["theory"].registration_id)
    with world.app.app_context(), reading() as session:
        assert session.scalars(of_theory).one() == Decimal("58.0")
    data = {**chief, "act": "correct", "reason": "批准迟到作答"}
    assert world.staff("officer").post(release_url(world), data=data).status_code == 303
    with world.app.app_context(), reading() as session:
        assert session.scalars(of_theory).one() == Decimal("60.0")


def test_a_late_answer_never_beats_one_the_journal_has_under_a_later_number(scene: Scene) -> None:
    world = scene.world
    place = scene.places["theory"][0]
    with world.app.app_context(), unit_of_work() as session:
        session.add(
            LateEntry(
                attempt_id=world.sitters["theory"].attempt_id, lease_epoch=1, seq=1_000, position=place.position,
                kind="answer", value=f'"{place.wrong()}"', received_at=END + MINUTE,
            )
        )  # fmt: skip
        session.add(
            LateEntry(
                attempt_id=world.sitters["theory"].attempt_id, lease_epoch=0, seq=9, position=place.position + 1,
                kind="answer", value=f'"{scene.places["theory"][1].wrong()}"', received_at=END + MINUTE,
            )
        )  # fmt: skip
    assert "已被更晚的作答取代" in scene.page()
    assert scene.rule("theory").status_code == 303
    assert scene.scores("theory")[-1] == (2, Decimal("59.0"), False)
    scene.holds()


def test_an_altered_approved_entry_is_found_by_rescoring(scene: Scene) -> None:
    assert scene.rule("theory").status_code == 303
    with scene.world.app.app_context(), unit_of_work() as session:
        entry = session.scalars(
            select(LateEntry).where(LateEntry.attempt_id == scene.world.sitters["theory"].attempt_id)
        ).first()
        assert entry is not None
        entry.value = f'"{scene.places["theory"][58].wrong()}"'
    with scene.world.app.app_context(), reading() as session:
        assert check_scores(session)[1] == [("score", scene.world.sitters["theory"].attempt_ref)]


def test_a_reopened_paper_keeps_what_was_approved(scene: Scene) -> None:
    """Rescoring after another closing lays the approved answers over the grown journal."""
    assert scene.rule("theory").status_code == 303
    with scene.world.app.app_context():
        with unit_of_work() as session:
            attempt = session.get_one(Attempt, scene.world.sitters["theory"].attempt_id)
            attempt.state = "closed"
        assert score_closed(now=scene.world.clock.now()) == 1
    assert scene.scores("theory")[-1] == (3, Decimal("60.0"), True)
    scene.holds()


def test_nothing_of_a_score_is_shown_before_the_sitting_is_over(world: World) -> None:
    assert world.staff("officer").get(f"/results/{world.sitting_ref}/late").status_code == 409


def test_a_ruled_entry_that_was_altered_is_found_even_where_it_never_counted(scene: Scene) -> None:
    assert scene.rule("theory", verdict="rejected").status_code == 303
    with scene.world.app.app_context(), unit_of_work() as session:
        assert check_rulings(session) == (1, [])
        entry = session.scalars(select(LateEntry).join(RuledEntry)).first()
        assert entry is not None
        entry.value = '"A"' if entry.value == '"B"' else '"B"'
        session.flush()
        assert check_rulings(session) == (1, [("ruling", scene.world.sitters["theory"].attempt_ref)])


def test_a_ruling_that_the_audit_log_does_not_know_is_found(scene: Scene) -> None:
    assert scene.rule("theory", verdict="rejected").status_code == 303
    with scene.world.app.app_context(), unit_of_work() as session:
        session.scalars(select(LateRuling)).one().verdict = "approved"
        session.flush()
        assert check_rulings(session) == (1, [("ruling_seal", scene.world.sitters["theory"].attempt_ref)])


def test_two_officers_are_no_chief_proctor_and_officer(scene: Scene) -> None:
    with scene.world.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=scene.world.people["reviewer"].id, role="officer"))
    assert scene.rule("theory", second="reviewer").status_code == 403
    assert scene.scores("theory") == [(1, Decimal("58.0"), False)]
