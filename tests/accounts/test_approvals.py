"""Requests for a second person as people meet them: shown, answered, told, in every room that has starred acts."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask_babel import gettext
from sqlalchemy import event, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.approvals import decisions
from cbt.accounts.approvals.decisions import enter_code, expire_approvals, settle, show_code
from cbt.accounts.approvals.requests import (
    ApprovalState,
    ApprovalWish,
    Second,
    SecondNeeded,
    SecondPersonTerms,
    ask,
    claim,
    hand_over,
    insist_on_another,
)
from cbt.accounts.approvals.views import FIELDS
from cbt.accounts.models import Approval, Staff
from cbt.accounts.staff import create_staff
from cbt.accounts.store import staff_by_ref, staff_principal
from cbt.application.jobs import JOBS
from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate, Registration
from cbt.errors import CbtError
from cbt.proctoring import approval
from cbt.results.models import Release
from cbt.rules.roles import Role
from cbt.sittings.models import Centre
from cbt.sittings.places import create_centre
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.second_scene import Scene, allow, browser_of, credential, done, refused
from tests.proctoring.desk import Desk, attempt, running
from tests.results.late_scene import Scene as LateScene
from tests.results.scene import finish, release, release_url, rescore
from tests.world import World

HTMX = {"HX-Request": "true"}
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _whole_requests() -> Iterator[None]:
    """At every commit a request that is done says what was done, and keeps nothing of what was asked."""

    def look(session: Session) -> None:
        half = (Approval.state == "done", or_(Approval.result == "", Approval.params != ""))
        assert session.scalars(select(Approval.act).where(*half)).all() == []

    event.listen(Session, "before_commit", look)
    yield
    event.remove(Session, "before_commit", look)


def test_a_request_is_on_the_pages_of_those_who_may_approve_and_nobody_elses(world: World) -> None:
    scene = Scene(world)
    scene.ask()
    for role in ("officer", "chief_proctor"):
        for page in ("/staff", "/approvals", "/approvals/strip", "/office/centres"):
            shown = scene.as_(role).get(page).text
            assert "强制收卷" in shown, (role, page)
            assert "proctor-老师" in shown
    assert "强制收卷" in scene.as_("chief_proctor").get(f"/proctor/rooms/{world.room_ref}").text
    for role in ("proctor_elsewhere", "inspector", "admin", "author", "marker"):
        assert 'class="ask"' not in scene.as_(role).get("/staff").text


def test_the_strip_is_sent_only_when_it_changed(world: World) -> None:
    scene = Scene(world)
    officer = scene.as_("officer")
    first = officer.get("/approvals/strip")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert officer.get("/approvals/strip", headers=tag).status_code == 304
    scene.ask()
    second = officer.get("/approvals/strip", headers=tag)
    assert second.status_code == 200
    assert (
        officer.get("/approvals/strip", headers={"If-None-Match": second.headers["ETag"]}).status_code == 304
    )


def test_the_list_of_what_waits_says_what_the_strip_says(world: World) -> None:
    """A page that has been open since before shows a new request in its list when the strip above it does."""
    scene = Scene(world)
    officer = scene.as_("officer")
    assert "waiting-card" not in officer.get("/approvals").text
    empty = officer.get("/approvals/strip?list=1")
    assert 'id="waiting-list"' in empty.text
    scene.ask()
    fresh = officer.get("/approvals/strip?list=1", headers={"If-None-Match": empty.headers["ETag"]})
    refs = [
        re.findall(r"/approvals/(ap-\w+)", page)
        for page in (fresh.text, officer.get("/approvals/strip").text)
    ]
    assert refs[0] == refs[1] != []
    assert officer.get("/approvals").text.count("waiting-card") == 1


def test_the_first_persons_panel_says_who_may_approve_and_then_what_was_done(world: World) -> None:
    scene = Scene(world)
    asked = scene.desk.client.post(
        f"{scene.desk.url}/acts/force",
        data={"seat": world.sitters["theory"].registration_ref, "reason": "x", "ask": "1"},
        headers=HTMX,
    )
    assert asked.headers["HX-Retarget"] == "#act"
    assert "chief_proctor-老师、officer-老师" in asked.text
    found = re.search(r"/approvals/(ap-\w+)/live", asked.text)
    assert found is not None
    ref = found.group(1)
    live, first = f"/approvals/{ref}/live", scene.as_("proctor")
    tag = first.get(live).headers["ETag"]
    assert first.get(live, headers={"If-None-Match": tag}).status_code == 304
    done(scene.step(ref, "approve"))
    told = first.get(live, headers={"If-None-Match": tag})
    assert 'data-state="done"' in told.text
    assert "已强制收卷：01 王小明" in told.text
    assert "已批准并执行" in first.get("/staff").text
    world.clock.advance(timedelta(seconds=61))
    assert 'class="ask' not in first.get("/staff").text


def test_a_refusal_needs_a_reason_which_the_first_person_reads(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    assert refused(scene.step(ref, "refuse", reason="  ")) == "approval.reason"
    done(scene.step(ref, "refuse", reason="先警告"))
    assert "先警告" in scene.as_("proctor").get(f"/approvals/{ref}").text
    assert not scene.closed


def test_a_form_without_scripts_leads_on_and_explains(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    wrong = scene.as_("proctor").post(f"/approvals/{ref}/enter", data={"code": "123456"})
    assert (wrong.status_code, "还没有出示授权码" in wrong.text) == (422, True)
    right = scene.as_("officer").post(f"/approvals/{ref}/approve", data={"digest": scene.row(ref).digest})
    assert (right.status_code, right.location) == (303, f"/approvals/{ref}")
    assert 'http-equiv="refresh"' not in scene.as_("officer").get(right.location).text


def test_the_reader_s_language_is_used(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask("adjust_room", "theory", kind="general", minutes="12", reason_code="power", reason="停电")
    officer = scene.as_("officer")
    officer.set_cookie("locale", "en")
    page = officer.get(f"/approvals/{ref}").text
    assert 'data-said=""' in page  # nothing was done yet
    assert "Give the room time" in page
    assert "12:00 (min:sec)" in page
    assert "停电" in page


@pytest.mark.parametrize("by_password", [True, False])
def test_a_form_asks_for_a_password_only_where_the_centre_allows_it(world: World, by_password: bool) -> None:
    scene = Scene(world)
    allow(world, by_password=by_password)
    page = scene.desk.ask("force", "theory").text
    assert 'name="ask" value="1"' in page
    assert ('name="second_password"' in page) is by_password


def test_an_extension_says_beforehand_that_it_takes_two(world: World) -> None:
    running(world, "theory", "second")
    desk = Desk(world)
    done(desk.act("adjust_room", kind="general", reason_code="power", minutes="6"))
    assert "须第二人批准" not in desk.ask("adjust_room", minutes="4").text.split('id="act-preview"')[1]
    assert "11:00" in desk.ask("adjust_room", minutes="5").text


def test_what_one_person_may_do_is_done_at_once_though_the_form_could_ask(world: World) -> None:
    scene = Scene(world)
    done(scene.post("adjust_room", kind="general", reason_code="power", minutes="5"))
    assert "approval.ask" not in scene.acts()


def test_a_release_is_approved_by_the_chief_on_their_own_page(world: World) -> None:
    finish(world)
    allow(world, by_password=False)
    asked = world.staff("officer").post(release_url(world), data={"act": "release", "ask": "1"})
    ref = asked.location.rsplit("/", 1)[1]
    chief = world.staff("chief_proctor")
    page = chief.get(f"/approvals/{ref}").text
    assert "合格" in page
    assert releases(world) == 0
    done(chief.post(f"/approvals/{ref}/approve", data={"digest": digest_of(world, ref)}))
    assert releases(world) == 1


def test_a_release_is_of_the_scores_that_were_shown(world: World) -> None:
    finish(world)
    ref = world.staff("officer").post(release_url(world), data={"ask": "1"}).location.rsplit("/", 1)[1]
    rescore(world, "extra", "61.0")
    answer = world.staff("chief_proctor").post(
        f"/approvals/{ref}/approve",
        data={"digest": digest_of(world, ref)},
        headers={"Accept": "application/json"},
    )
    assert refused(answer) == "approval.changed"
    assert releases(world) == 0


def test_a_correction_of_what_was_released_says_how_many_it_was(world: World) -> None:
    finish(world)
    allow(world, by_password=True)
    release(world)
    rescore(world, "extra", "61.0")
    form = {"act": "correct", "reason": "成绩复核", "ask": "1"}
    ref = world.staff("officer").post(release_url(world), data=form).location.rsplit("/", 1)[1]
    chief = world.staff("chief_proctor")
    done(chief.post(f"/approvals/{ref}/approve", data={"digest": digest_of(world, ref)}))
    with world.app.test_request_context():
        said = str(gettext("results.corrected", count=1))
    assert said in world.staff("officer").get(f"/approvals/{ref}").text


def releases(world: World) -> int:
    with world.app.app_context(), reading() as session:
        return len(session.scalars(select(Release)).all())


def digest_of(world: World, ref: str) -> str:
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Approval.digest).where(Approval.ref == ref)).one()


def test_a_ruling_on_late_answers_is_approved_by_its_counterpart(world: World) -> None:
    scene = LateScene(world)
    allow(world, by_password=False)
    asked = scene.rule("theory", second_login="", second_password="", ask="1")
    ref = asked.location.rsplit("/", 1)[1]
    json = {"Accept": "application/json"}
    data = {"digest": digest_of(world, ref)}
    proctor = world.staff("proctor").post(f"/approvals/{ref}/approve", data=data, headers=json)
    assert refused(proctor) == "second.not_here"
    page = world.staff("chief_proctor").get(f"/approvals/{ref}").text
    assert "58.0 → 60.0" in page
    done(world.staff("chief_proctor").post(f"/approvals/{ref}/approve", data=data))
    assert [row[1] for row in scene.scores("theory")][-1] == 60
    scene.holds()


def test_a_correction_after_the_start_is_approved_by_the_chief_and_leaves_no_number_behind(
    world: World,
) -> None:
    running(world, "theory")
    allow(world, by_password=False)
    sitter = world.sitters["theory"]
    url = f"/office/registrations/{sitter.registration_ref}/correct"
    form = {"name": "王晓明", "evidence": "身份证原件", "ask": "1", "document_type": "passport"}
    form["document_number"] = "E87654321"
    ref = world.staff("officer").post(url, data=form).location.rsplit("/", 1)[1]
    with world.app.app_context(), reading() as session:
        row = session.scalars(select(Approval).where(Approval.ref == ref)).one()
        assert "E87654321" not in f"{row.params}{row.preview}"
        assert "王晓明" not in row.params
    chief = world.staff("chief_proctor")
    assert "王小明 → 王晓明" in chief.get(f"/approvals/{ref}").text
    done(chief.post(f"/approvals/{ref}/approve", data={"digest": digest_of(world, ref)}))
    with world.app.app_context(), reading() as session:
        registration = session.get_one(Registration, sitter.registration_id)
        assert session.get_one(Candidate, registration.candidate_id).name == "王晓明"
        assert session.scalars(select(Approval.params).where(Approval.ref == ref)).one() == ""


@pytest.mark.parametrize(
    ("role", "status"), [("officer", 303), ("admin", 303), ("proctor", 403), ("inspector", 403)]
)
def test_the_office_chooses_how_second_persons_confirm(world: World, role: str, status: int) -> None:
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(Centre.ref)).one()
    answer = world.staff(role).post(f"/office/centres/{ref}/second", data={"by_password": "0"})
    assert answer.status_code == status
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Centre.second_by_password)).one() is (status == 403)
    if status == 303:
        assert Desk(world).ask("evacuate").status_code == 200
        assert "也允许在第一人的浏览器上输入密码" in world.staff(role).get(f"/office/centres/{ref}").text


def test_a_new_centre_takes_no_password_from_a_neighbour(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        made = create_centre(session, name="新考点", address="", now=world.clock.now(), actor="cli")
        assert made.second_by_password is False


def test_whose_hand_was_on_an_account_is_kept(world: World) -> None:
    with world.app.app_context():
        now = world.clock.now()
        create_staff(login="newcomer", name="新人", roles=[Role.PROCTOR], now=now, actor="staff:st-x")
        with reading() as session:
            staff = session.scalars(select(Staff).where(Staff.login == "newcomer")).one()
    assert staff.made_by == "staff:st-x"
    assert [(row.granted_by, row.granted_at) for row in staff.roles] == [("staff:st-x", now)]


def test_the_leader_ends_what_nobody_answered() -> None:
    assert "expire_approvals" in {job.__name__ for job, _ in JOBS}


def test_several_waiting_requests_cost_a_page_no_more_than_a_few_queries(world: World) -> None:
    scene = Scene(world, "theory", "second")
    scene.ask("force", "theory")
    scene.ask("force", "second")
    assert scene.banner("officer").count('class="ask"') == 2
    assert attempt(world, "theory").closed_at is None


def told_to(scene: Scene, ref: str) -> tuple[bool, bool, bool, bool]:
    """Whether a request stands on the pages of who may answer and of who asked, and on the lists of both."""
    officer, proctor = scene.as_("officer"), scene.as_("proctor")
    strip, listed = "/approvals/strip", "/approvals"
    pages = (officer.get(strip), proctor.get(strip), officer.get(listed), proctor.get(listed))
    return tuple(ref in page.text for page in pages)  # type: ignore[return-value]  # of four pages


@pytest.mark.once
def test_a_request_is_told_of_and_listed_for_its_time_and_no_longer(world: World) -> None:
    """One that nobody answers, and one that is approved at the end of its second minute."""
    scene = Scene(world, "theory", "second")
    ref, approved = scene.ask(), scene.ask("force", "second")
    begun = scene.row(ref).asked_at
    for after, waiting, settled in (
        (2 * MINUTE - SECOND, (True, True, True, True), (True, True, True, True)),
        (2 * MINUTE, (True, True, True, True), (False, True, True, True)),
        (3 * MINUTE - SECOND, (True, True, True, True), (False, True, True, True)),
        (3 * MINUTE, (True, True, True, True), (False, False, True, True)),
        (5 * MINUTE - SECOND, (True, True, True, True), (False, False, True, True)),
        (5 * MINUTE, (False, True, False, True), (False, False, True, True)),
        (6 * MINUTE - SECOND, (False, True, False, True), (False, False, True, True)),
        (6 * MINUTE, (False, False, False, True), (False, False, True, True)),
        (DAY - SECOND, (False, False, False, True), (False, False, True, True)),
        (DAY, (False, False, False, False), (False, False, False, False)),
    ):
        world.clock.set(begun + after)
        if after == 2 * MINUTE:
            done(scene.step(approved, "approve"))
        assert (told_to(scene, ref), told_to(scene, approved)) == (waiting, settled), after
    assert "请求已过期" in scene.as_("proctor").get(f"/approvals/{ref}").text
    assert not scene.closed


@pytest.mark.once
def test_what_expired_counts_no_more_and_is_asked_for_anew(world: World) -> None:
    scene = Scene(world)
    refs = [scene.ask(reason=f"第 {number} 次") for number in range(20)]
    world.clock.advance(5 * MINUTE - SECOND)
    assert refused(scene.post("force", "theory", reason="又一次")) == "approval.many"
    assert scene.ask(reason="第 0 次") == refs[0]
    world.clock.advance(SECOND)
    assert scene.ask(reason="第 0 次") not in refs
    with world.app.app_context(), reading() as session:
        held = session.scalars(select(Approval).order_by(Approval.id.desc())).first()
        assert held is not None
        assert held.expires_at == world.clock.now() + 5 * MINUTE


@pytest.mark.once
def test_a_code_ends_with_its_request_and_the_log_says_from_which_machine_it_was_approved(
    world: World,
) -> None:
    scene = Scene(world, "theory", "second")
    ref, other = scene.ask(), scene.ask("force", "second")
    ends = scene.row(ref).expires_at
    for before, lasts in ((3 * MINUTE, 2 * MINUTE), (2 * MINUTE, 2 * MINUTE), (MINUTE, MINUTE)):
        world.clock.set(ends - before)
        code = scene.code(ref)
        row = scene.row(ref)
        assert row.code_expires_at == world.clock.now() + lasts
        assert (row.code_by, bool(row.code_machine)) == (world.people["officer"].ref, True)
    world.clock.set(ends - SECOND)
    done(scene.step(ref, "enter", "proctor", code=code))
    own = browser_of(world, world.people["officer"].ref, machine="m-proctor")  # the machine it was asked at
    done(scene.step(other, "approve", client=own))
    with world.app.app_context(), reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.act == "approval.approve").order_by(AuditEntry.id)
        ).all()
    said = [json.loads(entry.after) for entry in entries]
    assert [(one["way"], one["same_machine"]) for one in said] == [("code", False), ("session", True)]
    assert {entry.actor for entry in entries} == {f"staff:{world.people['officer'].ref}"}
    assert said[0]["machine"] != said[1]["machine"]
    assert all(re.fullmatch("[0-9a-f]{12}", one["machine"]) for one in said)


@pytest.mark.once
def test_a_code_is_any_of_six_digits(world: World) -> None:
    class Drawn(random.Random):
        def __init__(self, *, last: bool) -> None:
            super().__init__()
            self._last = last

        def randrange(self, start: int, *_: object) -> int:
            return start - 1 if self._last else 7

    scene = Scene(world)
    ref = scene.ask()
    with world.app.test_request_context(), reading() as session:
        officer = staff_principal(session, world.people["officer"].ref)
    assert officer is not None
    for last, digits in ((True, "999999"), (False, "000007")):
        with world.app.app_context():
            code, until = show_code(ref, officer, machine="m", rng=Drawn(last=last), now=world.clock.now())
        assert (code, until) == (digits, world.clock.now() + 2 * MINUTE)
    done(scene.step(ref, "enter", "proctor", code=f"{'000 007':>20}"))


@pytest.mark.once
def test_a_refusal_is_kept_to_what_fits_and_a_request_is_its_own_askers_to_withdraw(world: World) -> None:
    scene = Scene(world, "theory", "second")
    ref, other = scene.ask(), scene.ask("force", "second")
    assert scene.step(other, "withdraw", "officer").status_code == 404
    done(scene.step(ref, "refuse", reason=f"  先\n警告 {'长' * 300}"))
    row = scene.row(ref)
    assert (row.reason[:5], len(row.reason)) == ("先 警告 ", 200)
    assert (row.settled_by, row.settled_at) == (world.people["officer"].ref, world.clock.now())
    done(scene.step(other, "withdraw", "proctor"))
    row = scene.row(other)
    assert (row.settled_by, row.settled_at) == (world.people["proctor"].ref, world.clock.now())
    assert scene.as_("admin").get(f"/approvals/{ref}").status_code == 404
    for role, seen in (
        ("proctor", 200),
        ("officer", 200),
        ("chief_proctor", 200),
        ("proctor_elsewhere", 404),
    ):
        assert scene.as_(role).get(f"/approvals/{ref}").status_code == seen, role


@pytest.mark.once
def test_every_step_of_a_request_is_on_record_with_who_what_and_why(world: World) -> None:
    """Asked, a code shown, refused, withdrawn, expired, failed; who counts the tries of one counts no other's."""
    scene = Scene(world, "theory", "second")
    people, now = world.people, world.clock.now()
    kept, refused_one, own = scene.ask(), scene.ask("force", "second"), scene.ask(reason="第三次")
    for _try in range(5):
        assert refused(scene.step(kept, "enter", "proctor", code="000000")) == "approval.code_none"
    assert refused(scene.step(kept, "enter", "proctor", code="000000")) == "approval.code_tries"
    assert [scene.row(ref).code_tries for ref in (kept, refused_one, own)] == [5, 0, 0]
    scene.code(refused_one)
    done(scene.step(refused_one, "refuse", reason="先警告"))
    done(scene.step(own, "withdraw", "proctor"))
    with world.app.app_context():
        assert expire_approvals(now=now + 5 * MINUTE - SECOND) == 0
        assert expire_approvals(now=now + 5 * MINUTE) == 1
        assert expire_approvals(now=now + 5 * MINUTE) == 0
    row = scene.row(kept)
    assert (row.state, row.settled_by, row.settled_at) == ("expired", None, now + 5 * MINUTE)
    with world.app.app_context(), reading() as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.act.startswith("approval.")).order_by(AuditEntry.id)
        ).all()
    proctor, officer = f"staff:{people['proctor'].ref}", f"staff:{people['officer'].ref}"
    assert [(entry.act, entry.actor, entry.subject) for entry in entries] == [
        *(("approval.ask", proctor, f"approval:{ref}") for ref in (kept, refused_one, own)),
        ("approval.code", officer, f"approval:{refused_one}"),
        ("approval.refuse", officer, f"approval:{refused_one}"),
        ("approval.withdraw", proctor, f"approval:{own}"),
        ("approval.expire", "scheduler", f"approval:{kept}"),
    ]
    told = [json.loads(entry.after) for entry in entries]
    assert {one["act"] for one in told} == {"force"}
    assert {one["of"] for one in told} == {f"sitting_room:{world.room_ref}"}
    assert [one["digest"] for one in told] == [
        scene.row(entry.subject.removeprefix("approval:")).digest[:16] for entry in entries
    ]
    assert [bool(one["machine"]) for one in told] == [True] * 6 + [False]
    assert told[4]["why"] == "先警告"


@pytest.mark.once
def test_a_request_keeps_what_was_posted_and_no_password_and_says_whom_it_is_about(world: World) -> None:
    scene = Scene(world, "theory", "second")
    ref = scene.ask(second_login="", second_password="geheim")
    row = scene.row(ref)
    sent = dict(json.loads(row.params))
    assert sent["reason"] == "不服从管理"
    assert sent["seat"] == world.sitters["theory"].registration_ref
    assert not sent.keys() & FIELDS
    assert "geheim" not in row.params
    about = ["approval.line.whom", "text", f"01 {world.sitters['theory'].name}"]
    assert about in json.loads(row.preview)
    answer = scene.post("adjust_room", kind="general", minutes="12", reason_code="power", reason="x")
    whole = scene.row(answer.location.rsplit("/", 1)[1])
    assert ["approval.line.whom", "word", "approval.whole_room"] in json.loads(whole.preview)
    names = [f"人{number}" for number in range(13)]
    assert approval._names(names[:12]) == "、".join(names[:12])
    assert approval._names(names) == "、".join(names[:12]) + " … (13)"


@pytest.mark.once
def test_who_may_be_second_is_told_by_field_and_by_when(world: World) -> None:
    """The first themselves, one who is shut out, one with a first password, one of no fitting role."""
    now, field = world.clock.now(), {"field": "second_login"}
    with world.app.app_context(), unit_of_work() as session:
        first = staff_principal(session, world.people["proctor"].ref)
        assert first is not None
        by_role = {
            role: staff_by_ref(session, world.people[role].ref) for role in ("proctor", "officer", "admin")
        }
        here = SecondPersonTerms(frozenset({"chief_proctor"}), frozenset({by_role["officer"].id}))

        def told(staff: Staff, wanted: SecondPersonTerms) -> tuple[str, dict[str, object]] | frozenset[str]:
            try:
                return insist_on_another(session, staff, first=first, wanted=wanted, now=now)
            except CbtError as error:
                return error.code, error.params

        assert told(by_role["officer"], SecondPersonTerms()) == {"officer"}
        assert told(by_role["officer"], here) == {"officer"}, "by being assigned"
        assert told(by_role["officer"], SecondPersonTerms(here.roles)) == ("second.not_here", field)
        assert told(by_role["proctor"], SecondPersonTerms()) == ("second.same", field)
        assert told(by_role["admin"], SecondPersonTerms()) == ("second.not_here", field)
        assigned = SecondPersonTerms(here.roles, frozenset({by_role["admin"].id}))
        assert told(by_role["admin"], assigned) == ("second.not_here", field), "no role of a second person"
        by_role["officer"].must_change_password = True
        assert told(by_role["officer"], SecondPersonTerms()) == ("second.unusable", field)
        by_role["officer"].must_change_password, by_role["officer"].disabled_at = False, now
        assert told(by_role["officer"], SecondPersonTerms()) == ("second.unusable", field)


@pytest.mark.once
def test_a_code_s_refusals_stand_beside_its_field(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()

    def entered(code: str) -> tuple[str, object]:
        with world.app.app_context(), reading() as session:
            proctor = staff_principal(session, world.people["proctor"].ref)
            assert proctor is not None
        with world.app.app_context(), pytest.raises(CbtError) as error:
            enter_code(ref, code, proctor, now=world.clock.now())
        return error.value.code, error.value.params.get("field")

    assert entered("1") == ("approval.code_none", "code")
    code = scene.code(ref)
    assert entered(str((int(code) + 1) % 10**6).zfill(6)) == ("approval.code_wrong", "code")
    world.clock.advance(2 * MINUTE - SECOND)
    assert entered("x") == ("approval.code_wrong", "code")
    world.clock.advance(SECOND)
    assert entered(code) == ("approval.code_over", "code")
    world.clock.advance(3 * MINUTE - SECOND)
    assert entered(code) == ("approval.code_over", "code")
    world.clock.advance(SECOND)
    assert entered(code) == ("approval.expired", None)


@pytest.mark.once
def test_what_was_settled_while_somebody_looked_stays_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them read the request while it waited: whoever comes second is told so and changes nothing."""
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    scene.change(ref, state="withdrawn")
    facts = [column.key for column in Approval.__table__.columns]
    before = [getattr(scene.row(ref), name) for name in facts]
    monkeypatch.setattr(
        decisions,
        "waiting_request",
        lambda session, ref, **_now: Approval.by_ref(session, ref, unknown="approval.unknown"),
    )
    for step, role, fields in (
        ("refuse", "officer", {"reason": "先警告"}),
        ("withdraw", "proctor", {}),
        ("code", "officer", {}),
        ("enter", "proctor", {"code": code}),
        ("approve", "officer", {}),
    ):
        assert refused(scene.step(ref, step, role, **fields)) == "approval.settled", step
    assert [getattr(scene.row(ref), name) for name in facts] == before
    assert scene.acts()[-2:] == ["approval.ask", "approval.code"]
    assert not scene.closed


@pytest.mark.once
def test_an_approved_request_is_under_way_for_whoever_approved_it_until_it_is_done_or_fails(
    world: World,
) -> None:
    scene = Scene(world, "theory", "second")
    ref, late = scene.ask(), scene.ask("force", "second")
    row, ends = scene.row(ref), scene.row(ref).expires_at
    officer, other = Second("st-1", "甲", frozenset(), row.id), Second("st-2", "乙", frozenset(), row.id)
    overdue = Second("st-1", "甲", frozenset(), scene.row(late).id)

    def tried(act: object, second: Second, at: timedelta) -> str:
        with world.app.app_context():
            try:
                with unit_of_work() as session:
                    act(session, second, now=ends - at)  # type: ignore[operator]  # one of the two below
            except CbtError as error:
                return error.code
        return scene.row(ref).state

    alone = Second("st-1", "甲", frozenset())  # by credential: there is no request
    assert tried(hand_over, alone, SECOND) == tried(claim, alone, SECOND) == "pending"
    assert tried(hand_over, overdue, 0 * SECOND) == tried(claim, overdue, 0 * SECOND) == "approval.settled"
    assert tried(hand_over, officer, SECOND) == "under_way"
    row = scene.row(ref)
    assert (row.settled_by, row.way, row.code_hash) == ("st-1", "credential", None)
    for act, second in ((hand_over, officer), (hand_over, other), (claim, other)):
        assert tried(act, second, SECOND) == "approval.settled"
    with world.app.app_context():
        for state in (ApprovalState.REFUSED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN):
            with unit_of_work() as session:
                assert not settle(session, row, state, by=None, now=ends), state
        assert scene.row(ref).state == "under_way"
        with unit_of_work() as session:
            assert settle(session, row, ApprovalState.FAILED, by="st-1", now=ends, result='{"code":"x"}')
    failed = scene.row(ref)
    assert (failed.state, failed.settled_by, failed.settled_at, failed.params) == ("failed", "st-1", ends, "")
    assert scene.row(late).state == "pending"


@pytest.mark.once
def test_what_is_refused_to_somebody_is_on_record_and_what_they_typed_wrong_is_not(world: World) -> None:
    """A role one has not, a budget, a second person who was none; no slip, nothing settled, nothing unknown."""
    scene = Scene(world)
    allow(world, by_password=True)
    ref, proctor = scene.ask(), scene.as_("proctor")

    def told() -> list[str]:
        with world.app.app_context(), reading() as session:
            query = select(AuditEntry.subject).where(AuditEntry.act == "refused").order_by(AuditEntry.id)
            return [subject.rpartition(":")[2] for subject in session.scalars(query)]

    assert refused(scene.step(ref, "refuse", reason=" ")) == "approval.reason"
    assert proctor.get("/approvals/ap-none").status_code == 404
    for _try in range(5):
        assert refused(scene.step(ref, "enter", "proctor", code="000000")) == "approval.code_none"
    assert told() == []
    assert refused(scene.step(ref, "enter", "proctor", code="000000")) == "approval.code_tries"
    assert proctor.get("/staff/people").status_code == 403
    scene.post("force", "theory", **credential(world, "proctor"))
    assert world.app.test_client().get("/staff/people").status_code == 303
    assert told() == ["approval.code_tries", "web.not_allowed", "second.same"]


@pytest.mark.once
def test_a_request_keeps_who_may_approve_and_of_a_long_place_and_machine_what_fits(world: World) -> None:
    now = world.clock.now()
    wish = ApprovalWish("x", "force", "sitting_room:1", "长" * 241, "{}", [("a", "text", "b")])
    needed = SecondNeeded(roles=frozenset({"officer", "admin"}), assigned=True, seen="s" * 8)
    with world.app.app_context():
        with reading() as session:
            first = staff_principal(session, world.people["proctor"].ref)
        assert first is not None
        ref = ask(wish, needed, first=first, machine="m" * 65, now=now)
        assert ask(wish, needed, first=first, machine="n", now=now) == ref
        with reading() as session:
            row = session.scalars(select(Approval).where(Approval.ref == ref)).one()
    assert (row.place, row.asked_machine, row.preview) == ("长" * 240, "m" * 64, '[["a","text","b"]]')
    assert (row.roles, row.assigned, row.seen) == ("admin,officer", True, "s" * 8)
    assert (row.asked_by, row.asked_at, row.expires_at) == (first.subject_ref, now, now + 5 * MINUTE)
