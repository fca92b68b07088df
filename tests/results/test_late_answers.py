"""迟到作答: two people rule on what came after the deadline; nothing of it counts before, nothing is lost after."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.accounts.models import StaffRole
from cbt.audit.chain import verify
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Attempt, LateEntry
from cbt.delivery.sweeps import expire_overdue
from cbt.results.models import Result
from cbt.safety.attempts import check_journals, check_scores
from cbt.safety.rulings import check_rulings
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry, Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.sittings.models import SittingRoom
from cbt.sittings.steps import end_room
from tests.journeys.answers import Place, places_in
from tests.proctoring.desk import running
from tests.results.scene import release_url
from tests.world import PASSWORD, PLANNED, World

MINUTE = timedelta(minutes=1)
END = PLANNED + 45 * MINUTE


class Scene:
    """Two theory papers of one room: 58 right answers saved in time; two more right ones came late."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.names = ("theory", "second")
        self.pages = running(world, *self.names)
        self.places: dict[str, list[Place]] = {}
        with world.app.app_context(), reading() as session:
            for name in self.names:
                self.places[name] = places_in(session, world.sitters[name].attempt_id)
        world.clock.set(PLANNED + 30 * MINUTE)
        for name, page in self.pages.items():
            assert page.send(*[self.right(name, index) for index in range(58)]).status_code == 200
        world.clock.set(END + timedelta(seconds=70))
        for name, page in self.pages.items():
            late = [self.right(name, 58), self.right(name, 59)]
            assert page.send(*late).status_code == 410
        self.end()

    def right(self, name: str, index: int) -> dict[str, Any]:
        """Return the next entry of a page, the right answer of a place."""
        place, page = self.places[name][index], self.pages[name]
        return page.entry(place.position, place.right())

    def end(self) -> None:
        """Close, score and end."""
        world = self.world
        world.clock.set(END + 5 * MINUTE)
        with world.app.app_context():
            expire_overdue(now=world.clock.now())
            score_closed(now=world.clock.now())
            with unit_of_work() as session:
                for room in session.scalars(select(SittingRoom)):
                    end_room(session, room, now=world.clock.now(), actor="staff:test")

    @property
    def url(self) -> str:
        """Where the ruling is made."""
        return f"/results/{self.world.sitting_ref}/late"

    def page(self, role: str = "officer") -> str:
        """Return the page."""
        answer = self.world.staff(role).get(self.url)
        assert answer.status_code == 200
        return answer.text

    def rule(
        self, *names: str, role: str = "officer", second: str = "chief_proctor", **more: str
    ) -> TestResponse:
        """Send the form as the page shows it."""
        seen = re.search(r'name="seen" value="(\w+)"', self.page(role))
        data: dict[str, Any] = {
            "room": self.world.room_ref,
            "seen": seen.group(1) if seen else "",
            "attempt": [self.world.sitters[name].attempt_ref for name in names],
            "verdict": "approved",
            "fault": "network",
            "reason": "14:40 全场断网两分钟",
            "second_login": self.world.people[second].login,
            "second_password": PASSWORD,
            **more,
        }
        return self.world.staff(role).post(self.url, data=data)

    def scores(self, name: str) -> list[tuple[int, Decimal, bool]]:
        """Return every score of a sitter in the order they were given."""
        with self.world.app.app_context(), reading() as session:
            rows = session.scalars(
                select(Score)
                .where(Score.attempt_id == self.world.sitters[name].attempt_id)
                .order_by(Score.number)
            )
            return [(row.number, row.score, row.passed) for row in rows]

    def holds(self) -> None:
        """Insist that rescoring gives the same bytes and that nothing stored was touched."""
        with self.world.app.app_context():
            checked = verify_sitting(self.world.sitting_ref)
            assert checked
            assert all(one.ok for one in checked)
            with reading() as session:
                assert check_scores(session)[1] == check_journals(session)[1] == []
                assert verify(session).broken_at is None


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
    assert "王小明 · 2 题" in page
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
    assert answer.status_code in (409, 422)
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
    assert scene.rule("theory", second="reviewer").status_code == 422
    assert scene.scores("theory") == [(1, Decimal("58.0"), False)]
