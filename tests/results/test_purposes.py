"""试考 and 练习: nothing of them counts, everybody sees what they are, and a plan takes them for what they are."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

import cbt
from cbt.audit.models import AuditEntry
from cbt.batches.checks.sittings import checks_of_sitting
from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.results.models import Release, Result
from cbt.results.my_results import results_of
from cbt.results.release import plan_release
from cbt.results.retake_ledger import count_bookings, ledger_of
from cbt.results.store import violations_elsewhere
from cbt.rules.states import Purpose
from cbt.sittings.models import Batch, Sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.results.scene import book_again, finish, release, release_url, set_violation
from tests.world import PLANNED, World

ROOT = Path(cbt.__file__).parent
TABLES = {"Registration", "Attempt", "Score", "Result", "Release"}
OF_CONSEQUENCE = ("results", "scoring", "batches/checks", "batches/publishing")
ASKS = {"official_only", "is_official", "require_official", "finished_sitting"}
NOT_ITS_TO_SAY = {
    "results/sheet/sitting.py": "finished_sitting lets in, and release.plan_release asks again",
    "results/appeals/decision.py": "request.ask asks before an appeal is on record",
    "results/appeals/desk.py": "shows appeals on record",
    "results/appeals/fresh_mark.py": "asks for marks of an appeal on record",
    "results/appeals/letter.py": "tells of an appeal on record",
    "results/appeals/views.py": "shows what request says",
    "results/desk/batch.py": "shows the sittings that scope.scope_of lets in",
    "results/desk/centre.py": "as batch",
    "results/desk/paper.py": "shows the paper of a dossier, which asks finished_sitting",
    "results/desk/qti.py": "writes what scope.released_results has of the sittings of scope_of",
    "results/desk/result_table.py": "as qti; its passes of before are of the ledger, which asks",
    "results/desk/timeline.py": "as paper",
    "results/handler.py": "shows what my_results says",
    "results/likeness/evidence.py": "reads a report, and likeness/job asks finished_sitting before one is made",
    "results/likeness/people.py": "as evidence",
    "results/likeness/seats.py": "as evidence",
    "results/package/members.py": "its service asks finished_sitting",
    "scoring/service.py": "works out scores; a trial's are compared with what was expected, and go nowhere",
    "scoring/score_sheets.py": "works out scores",
    "results/key_corrections/correction.py": "effect.py finds the item by its finished_sitting",
    "scoring/key_corrections.py": "says by which keys scores are worked out, whatever the sitting is for",
    "scoring/store.py": "works out scores",
    "scoring/marking/store.py": "answers of a desk; desk.sitting_to_mark asks before one is opened",
    "scoring/late_answers.py": "results/late hands it attempts of a finished_sitting",
    "batches/checks/concern.py": "times, rooms and photos: a trial takes people and rooms like any sitting (R-7)",
    "batches/checks/sittings.py": "times and rooms (R-7)",
}
"""Modules that read what people did and need not ask whether it counts, each with why."""


def hold_for(world: World, purpose: Purpose) -> None:
    """Have the world's sitting be held for something else, whatever its state."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).where(Sitting.ref == world.sitting_ref).values(purpose=purpose.value))


@pytest.mark.parametrize("purpose", [Purpose.TRIAL, Purpose.PRACTICE])
def test_what_was_tried_or_practised_enters_no_result(world: World, purpose: Purpose) -> None:
    finish(world)
    hold_for(world, purpose)
    officer = world.staff("officer")
    assert world.sitting_ref not in officer.get("/results").text
    walked = 0
    for rule in world.app.url_map.iter_rules():
        if rule.rule.startswith("/results/<sitting_ref>") and not rule.rule.endswith("/key"):
            for method in (rule.methods or set()) & {"GET", "POST"}:
                path = re.sub("<[^>]+>", "1", rule.rule.replace("<sitting_ref>", world.sitting_ref))
                reader = officer if method == "POST" else world.staff("chief_proctor")
                answer = (officer if "release" in path else reader).open(path, method=method)
                assert answer.status_code == 409, (path, method, answer.status_code)
                assert "不是正式场次" in answer.text, path
                walked += 1
    assert walked >= 6
    sitter = world.sitters["theory"]
    with world.app.app_context():
        assert results_of(sitter.registration_id, now=world.clock.now()).levels == ()
        with reading() as session:
            assert session.scalar(select(func.count(Result.id))) == 0
            assert session.scalar(select(func.count(Release.id))) == 0
            person = session.get_one(Registration, sitter.registration_id).candidate_id
            batch = session.scalars(select(Batch).where(Batch.ref == world.batch_ref)).one()
            assert ledger_of(session, [person]) == {}
            assert count_bookings(session, batch.id) == 0
        with pytest.raises(Conflict, match="not_official"), reading() as session:
            sitting = session.scalars(select(Sitting).where(Sitting.ref == world.sitting_ref)).one()
            plan_release(session, sitting, now=world.clock.now())


@pytest.mark.once
def test_a_violation_in_a_trial_voids_no_paper(world: World) -> None:
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        sitting = session.scalars(select(Sitting).where(Sitting.ref == world.sitting_ref)).one()
        batch = session.get_one(Batch, sitting.batch_id).name
    book_again(world, "skills", at=PLANNED + timedelta(days=1), kind="first", paper="theory", batch=batch)
    set_violation(world, "skills", "phone_used")
    with world.app.app_context():
        with reading() as session:
            other = session.scalars(select(Sitting.id).where(Sitting.name == "skills 再考")).one()
            assert violations_elsewhere(session, other)
        hold_for(world, Purpose.TRIAL)
        with reading() as session:
            assert not violations_elsewhere(session, other)


def test_a_trial_beside_an_examination_is_no_retake(world: World) -> None:
    finish(world)
    release(world)
    ref = book_again(world, "theory", at=PLANNED + timedelta(days=1), kind="first")

    def codes() -> set[str]:
        with world.app.app_context(), reading() as session:
            sitting = session.scalars(select(Sitting).where(Sitting.name == "theory 再考")).one()
            return {one.code for one in checks_of_sitting(session, sitting)}

    assert "retake_passed" in codes()
    assert world.sitters["theory"].name in world.staff("officer").get(f"/results/retakes/{ref}").text
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).where(Sitting.name == "theory 再考").values(purpose="trial"))
    assert not {code for code in codes() if code.startswith("retake")}
    assert world.sitters["theory"].name not in world.staff("officer").get(f"/results/retakes/{ref}").text


def test_whatever_reads_what_people_did_asks_whether_it_counts_or_says_why_not() -> None:
    silent = []
    for room in OF_CONSEQUENCE:
        for path in sorted((ROOT / room).rglob("*.py")):
            text = path.read_text("utf-8")
            if not any(table in text for table in TABLES):
                continue
            tree = ast.parse(text)
            names = {
                one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names
            } | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            if names & TABLES and not names & ASKS:
                silent.append(path.relative_to(ROOT).as_posix())
    assert [one for one in silent if one not in NOT_ITS_TO_SAY] == []
    assert set(NOT_ITS_TO_SAY) - set(silent) == set()


@pytest.mark.once
def test_every_page_of_a_trial_says_so_and_none_of_an_examination_does(world: World) -> None:
    world.admit_all()

    def pages() -> dict[str, str]:
        sitter, room = world.sitters["theory"], world.room_ref
        candidate, proctor, officer = (
            world.candidate("theory"),
            world.staff("proctor"),
            world.staff("officer"),
        )
        office = f"/office/sittings/{world.sitting_ref}"
        person = f"/proctor/rooms/{room}/seats/{sitter.registration_ref}"
        found = {path: candidate.get(path).text for path in ("/exam/wait",)}
        for path in (
            f"/proctor/rooms/{room}",
            person,
            f"/proctor/rooms/{room}/door",
            f"/proctor/rooms/{room}/reports",
            "/proctor",
        ):
            found[path] = proctor.get(path, follow_redirects=True).text
        for path in (office, f"{office}/print", f"/office/registrations/{sitter.registration_ref}"):
            found[path] = officer.get(path, follow_redirects=True).text
        return found

    assert not [path for path, text in pages().items() if "purpose" in text.replace("purposely", "")]
    hold_for(world, Purpose.TRIAL)
    shown = pages()
    assert [path for path, text in shown.items() if "试考" not in text] == []
    banner = "<b>试考</b> 本场为试考，不计成绩"
    assert [path for path, text in shown.items() if banner not in flat(text)] == ["/proctor"]
    world.start()
    runner = world.candidate("theory").get(f"/exam/{world.sitters['theory'].attempt_ref}").text
    assert banner in flat(runner)


def test_what_a_sitting_is_held_for_is_said_while_it_is_a_draft(world: World) -> None:
    officer, path = world.staff("officer"), f"/office/sittings/{world.sitting_ref}/purpose"
    fixed = officer.post(path, data={"purpose": "trial"}, follow_redirects=True)
    assert "已发布，场次性质不可更改" in fixed.text
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(state="draft"))
    assert officer.post(path, data={"purpose": "joke"}, follow_redirects=True).status_code in {200, 400}
    done = officer.post(path, data={"purpose": "practice"}, follow_redirects=True)
    assert "场次性质已更改" in done.text
    assert "<b>练习</b>" in done.text
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Sitting.purpose)).all() == ["practice"]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "sitting.purpose")).one()
        assert "practice" in entry.after
        assert "official" in entry.before
    assert officer.get(release_url(world)).status_code == 409
