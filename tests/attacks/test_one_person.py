"""Two accounts under one person's hand, at everything that takes two people (R-62): each place, each way.

The first step of each is done by an account nobody touched; what is laid on both before the second step is what one
administrator with two accounts needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cbt.accounts.models import Approval, Staff, StaffFactor, StaffRole
from cbt.accounts.staff import create_staff, disable_staff, enable_staff, reset_password, set_roles
from cbt.application.app import STARRED_ACTS
from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.results.models import Appeal, CutPanel, Release, ResultObjection
from cbt.results.panels.panel import PanelForm, close_round, enter, items_of, open_panel
from cbt.retention.models import Destruction, RetentionTerms
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.second_scene import Scene, allow, credential
from tests.bank.desk.people import BANK, look, make_items
from tests.helpers import flat
from tests.proctoring.desk import Desk, done, running
from tests.results.analysis_scene import hold
from tests.results.appeal_scene import written
from tests.results.key_scene import wrong_key
from tests.results.late_scene import Scene as LateScene
from tests.results.scene import USUAL, end_with, finish, release, release_url, rescore
from tests.world import PASSWORD, World

FIVE_YEARS = timedelta(days=5 * 366)
HOUR = timedelta(hours=1)
SAID = "两个人"
"""What every refusal of a tie says, in Chinese."""

Lay = Callable[[], None]
"""Lays hands on both accounts, between the first person's step and the second's."""


def approved(world: World, asked: TestResponse, second: str, lay: Lay) -> tuple[bool, str]:
    """Have `second` approve what was just asked for; say whether it was done, and what the page said."""
    assert asked.status_code == 303, asked.text
    ref = asked.location.rsplit("/", 1)[1]
    lay()
    with world.app.app_context(), reading() as session:
        digest = session.scalars(select(Approval.digest).where(Approval.ref == ref)).one()
    answer = world.staff(second).post(f"/approvals/{ref}/approve", data={"digest": digest})
    with world.app.app_context(), reading() as session:
        state = session.scalars(select(Approval.state).where(Approval.ref == ref)).one()
    assert (state in {"done", "under_way"}) is (answer.status_code == 303), "it is used up by what it was for"
    return answer.status_code == 303, flat(answer.text)


def by_session(world: World, lay: Lay) -> tuple[bool, str]:
    scene = Scene(world)
    return approved(world, scene.post("force", "theory", reason="不服从管理"), "officer", lay)


def by_code_shown(world: World, lay: Lay) -> tuple[bool, str]:
    scene = Scene(world)
    ref = scene.ask()
    lay()
    page = world.staff("officer").post(f"/approvals/{ref}/code")
    return page.status_code == 200, flat(page.text)


def by_code_typed(world: World, lay: Lay) -> tuple[bool, str]:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    lay()
    answer = world.staff("proctor").post(f"/approvals/{ref}/enter", data={"code": code})
    return answer.status_code == 303, flat(answer.text)


def by_credential(world: World, lay: Lay) -> tuple[bool, str]:
    Scene(world)
    allow(world, by_password=True)
    lay()
    put_password(world, "officer")
    answer = Desk(world).act("force", "theory", reason="x", **credential(world, "officer"))
    return answer.status_code == 303, str(answer.get_json(silent=True) or flat(answer.text))


def released(world: World, lay: Lay) -> tuple[bool, str]:
    finish(world)
    return approved(world, world.staff("officer").post(release_url(world), data={"ask": "1"}), CHIEF, lay)


def released_by_credential(world: World, lay: Lay) -> tuple[bool, str]:
    finish(world)
    allow(world, by_password=True)
    lay()
    put_password(world, CHIEF)
    data = {"second_login": world.people[CHIEF].login, "second_password": PASSWORD}
    answer = world.staff("officer").post(release_url(world), data=data)
    return answer.status_code == 303, flat(answer.text)


def results_corrected(world: World, lay: Lay) -> tuple[bool, str]:
    finish(world)
    allow(world, by_password=True)
    release(world)
    rescore(world, "extra", "61.0")
    form = {"act": "correct", "reason": "成绩复核", "ask": "1"}
    return approved(world, world.staff("officer").post(release_url(world), data=form), CHIEF, lay)


def person_corrected(world: World, lay: Lay) -> tuple[bool, str]:
    running(world, "theory")
    allow(world, by_password=False)
    url = f"/office/registrations/{world.sitters['theory'].registration_ref}/correct"
    form = {"name": "王晓明", "evidence": "身份证原件", "ask": "1"}
    return approved(world, world.staff("officer").post(url, data=form), CHIEF, lay)


def late_ruled(world: World, lay: Lay) -> tuple[bool, str]:
    scene = LateScene(world)
    allow(world, by_password=False)
    asked = scene.rule("theory", second_login="", second_password="", ask="1")
    return approved(world, asked, CHIEF, lay)


def key_corrected(world: World, lay: Lay) -> tuple[bool, str]:
    bad = wrong_key(world)
    allow(world, by_password=False)
    officer = world.staff("officer")
    at = officer.post(f"{bad.url}/preview", data={"kind": "give_all"}).location.partition("#")[0]
    seen = re.search(r'name="seen" value="(\w+)"', officer.get(at).text)
    assert seen
    form = {"preview": at.rpartition("preview=")[2], "seen": seen[1], "reason": "答案有误", "ask": "1"}
    return approved(world, officer.post(bad.url, data=form), CHIEF, lay)


def panel_decided(world: World, lay: Lay) -> tuple[bool, str]:
    held = hold(world, 2)
    now = world.clock.now()
    with world.app.app_context():
        with unit_of_work() as session:
            session.add(StaffRole(staff_id=world.people["marker"].id, role="author"))
            own = select(Form.ref).join(Attempt).where(Attempt.id == held.seated[0].attempt_id)
            form = session.scalars(own).one()
        judges = [world.people[role].ref for role in ("author", "reviewer", "marker")]
        ref = open_panel(PanelForm(form, judges, "划线"), now=now, actor="staff:test")
        with reading() as session:
            count = len(items_of(CutPanel.by_ref(session, ref, unknown="panel.unknown")))
        for judge in judges:
            for place in range(count):
                enter(ref, place, 60, now=now, actor=f"staff:{judge}")
        close_round(ref, now=now, actor="staff:test")
    form = {"decision": "noted", "grounds": "存档", "ask": "1"}
    return approved(
        world, world.staff("officer").post(f"/results/panels/{ref}/decide", data=form), CHIEF, lay
    )


def terms_shortened(world: World, lay: Lay) -> tuple[bool, str]:
    form = {"electronic": "1", "paper": "1", "ask": "1"}
    return approved(world, world.staff("admin").post("/office/retention", data=form), "officer", lay)


def factor_taken_off(world: World, lay: Lay) -> tuple[bool, str]:
    with world.app.app_context(), unit_of_work() as session:
        whose = session.scalars(select(Staff).where(Staff.login == "inspector")).one()
        session.add(
            StaffFactor(staff_id=whose.id, secret_sealed=b"-", created_at=world.clock.now(), last_step=0)
        )
        ref = whose.ref
    form = {"reason": "手机遗失", "ask": "1"}
    asked = world.staff("admin").post(f"/staff/people/{ref}/reset-factor", data=form)
    return approved(world, asked, "officer", lay)


def shown_no_more(world: World, lay: Lay) -> tuple[bool, str]:
    body = {
        "name": "示例市行业协会",
        "address": "",
        "phone": "",
        "website": "",
        "appeal_days": "15",
        "appeal_answer_days": "15",
    }
    admin = world.staff("admin")
    done(admin.post("/office/body", data=body | {"publicity_days": "5"}))
    form = body | {"publicity_days": "0", "reason": "主管部门批复", "ask": "1"}
    return approved(world, admin.post("/office/body", data=form), "officer", lay)


def destroyed(world: World, lay: Lay) -> tuple[bool, str]:
    finish(world, USUAL)
    world.clock.advance(FIVE_YEARS)
    note = {"kind": "electronic", "note": "保管期满"}
    batch = f"/office/retention/batches/{world.batch_ref}"
    order = world.staff("officer").post(f"{batch}/destroy", data=note).headers["Location"]
    lay()
    answer = world.staff("admin").post(f"{order}/confirm")
    return answer.status_code == 303, flat(answer.text)


def hold_lifted(world: World, lay: Lay) -> tuple[bool, str]:
    batch = f"/office/retention/batches/{world.batch_ref}"
    done(world.staff("officer").post(f"{batch}/hold", data={"reason": "法院来函"}))
    lay()
    answer = world.staff("admin").post(f"{batch}/lift", data={"reason": "结案"})
    return answer.status_code == 303, flat(answer.text)


def objection_decided(world: World, lay: Lay) -> tuple[bool, str]:
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(AssessmentBody, ONLY).publicity_days = 5
    done(world.staff("officer").post(f"/results/{world.sitting_ref}/publicity"))
    told = {"brought_by": "self", "bringer": "赵敏", "words": "少算了一题。", "brought_on": "2026-11-24"}
    to = f"/results/objections/to/{world.sitters['extra'].registration_ref}"
    done(world.staff("officer").post(to, data=told))
    with world.app.app_context(), reading() as session:
        page = f"/results/objections/{session.scalars(select(ResultObjection.ref)).one()}"
    lay()
    answer = world.staff(CHIEF).post(page, data={"verdict": "upheld", "grounds": "漏计一题。"})
    return answer.status_code == 303, flat(answer.text)


def appeal_decided(world: World, lay: Lay) -> tuple[bool, str]:
    written(world, "extra")
    release(world)
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Release).values(by="cli", second="cli"))  # others than these two
    to = f"/results/appeals/to/{world.sitters['extra'].registration_ref}"
    done(world.staff("officer").post(to, data={"scope": "missed", "words": ""}))
    with world.app.app_context(), reading() as session:
        page = f"/results/appeals/{session.scalars(select(Appeal.ref)).one()}"
    lay()
    answer = world.staff(CHIEF).post(page, data={"verdict": "keep", "grounds": "核对无误。"})
    return answer.status_code == 303, flat(answer.text)


def violation_ruled(world: World, lay: Lay) -> tuple[bool, str]:
    world.admit_all()
    world.start()
    reported = {"code": "phone_used", "reason": "开考后使用手机", "second": "proctor"}
    done(Desk(world, CHIEF).act("violation", "theory", **reported))
    end_with(world, {name: mark for name, mark in USUAL.items() if name != "theory"})
    lay()
    told = {"verdict": "stands", "told_on": "2026-11-24", "statement": "", "grounds": "违纪成立。"}
    page = f"/results/rulings/{world.sitters['theory'].registration_ref}"
    answer = world.staff("officer").post(page, data=told)
    return answer.status_code == 303, flat(answer.text)


def item_approved(world: World, lay: Lay) -> tuple[bool, str]:
    return judged(world, lay, "approve")


def item_sent_back(world: World, lay: Lay) -> tuple[bool, str]:
    return judged(world, lay, "send_back")


def judged(world: World, lay: Lay, event: str) -> tuple[bool, str]:
    make_items(world.app, 1, f"staff:{world.people['author'].ref}")
    lay()
    item = f"/bank/{BANK}/items/A-A-A-001-T1"
    reviewer = world.staff("reviewer")
    done(reviewer.post(f"{item}/judge", data={"number": "1", "event": event, "note": "见意见"}))
    return look(world.app, "A-A-A-001-T1").state != "in_review", flat(reviewer.get(item).text)


def many_approved(world: World, lay: Lay) -> tuple[bool, str]:
    make_items(world.app, 2, f"staff:{world.people['author'].ref}")
    lay()
    reviewer = world.staff("reviewer")
    page = reviewer.post(f"/bank/{BANK}/bulk", data={"act": "approve", "item": "A-A-A-001-T1"})
    sha = re.search(r'name="sha" value="(\w+)"', page.text)
    if sha is not None:
        reviewer.post(f"/bank/{BANK}/bulk/do", data={"act": "approve", "item": "A-A-A-001-T1", "sha": sha[1]})
    return look(world.app, "A-A-A-001-T1").state != "in_review", flat(page.text)


CHIEF = "chief_proctor"
PLACES: dict[str, tuple[str, str, Callable[[World, Lay], tuple[bool, str]]]] = {
    "room, in their own session": ("proctor", "officer", by_session),
    "room, a code shown": ("proctor", "officer", by_code_shown),
    "room, a code typed": ("proctor", "officer", by_code_typed),
    "room, by credential": ("proctor", "officer", by_credential),
    "release": ("officer", CHIEF, released),
    "release, by credential": ("officer", CHIEF, released_by_credential),
    "release, corrected": ("officer", CHIEF, results_corrected),
    "correction of a person": ("officer", CHIEF, person_corrected),
    "late answers": ("officer", CHIEF, late_ruled),
    "key of an item": ("officer", CHIEF, key_corrected),
    "cut score of a panel": ("officer", CHIEF, panel_decided),
    "terms of keeping": ("admin", "officer", terms_shortened),
    "second factor": ("admin", "officer", factor_taken_off),
    "no publicity": ("admin", "officer", shown_no_more),
    "destruction": ("officer", "admin", destroyed),
    "hold": ("officer", "admin", hold_lifted),
    "objection": ("officer", CHIEF, objection_decided),
    "appeal": ("officer", CHIEF, appeal_decided),
    "ruling on a violation": (CHIEF, "officer", violation_ruled),
    "item approved": ("author", "reviewer", item_approved),
    "item sent back": ("author", "reviewer", item_sent_back),
    "many items approved": ("author", "reviewer", many_approved),
}
"""Who takes the first step, who the second, and both: whether the second's was done, and what was said."""


def put_password(world: World, role: str) -> None:
    """Give somebody the world's password, as if they had set it themselves."""
    with world.app.app_context(), unit_of_work() as session:
        usual = session.scalars(select(Staff.password_hash).where(Staff.login == "inspector")).one()
        staff = session.scalars(select(Staff).where(Staff.ref == world.people[role].ref)).one()
        staff.password_hash, staff.must_change_password = usual, False


def ruler(world: World, login: str = "ruler", *, by: str = "cli") -> str:
    """Have an administrator made, who has a password of their own; return them as an actor."""
    create_staff(login=login, name=login, roles=[Role.ADMIN], now=world.clock.now(), actor=by)
    with unit_of_work() as session:
        staff = session.scalars(select(Staff).where(Staff.login == login)).one()
        staff.must_change_password = False
        return f"staff:{staff.ref}"


def reset(world: World, role: str, by: str) -> None:
    reset_password(login=world.people[role].login, now=world.clock.now(), actor=by)
    with unit_of_work() as session:
        staff = session.scalars(select(Staff).where(Staff.ref == world.people[role].ref)).one()
        staff.must_change_password = False


def both_reset(world: World, first: str, second: str) -> None:
    by = ruler(world)
    reset(world, first, by)
    reset(world, second, by)


def both_enabled(world: World, first: str, second: str) -> None:
    by = ruler(world)
    for role in (first, second):
        disable_staff(ref=world.people[role].ref, now=world.clock.now(), actor="cli")
        enable_staff(ref=world.people[role].ref, now=world.clock.now(), actor=by)


def through_a_chain(world: World, first: str, second: str) -> None:
    by = ruler(world)
    reset(world, first, ruler(world, "left", by=by))
    reset(world, second, ruler(world, "right", by=by))


def both_granted(world: World, first: str, second: str) -> None:
    by = ruler(world)
    for role in (first, second):
        for roles in ([Role.INSPECTOR], [Role(role)]):
            set_roles(ref=world.people[role].ref, roles=roles, now=world.clock.now(), actor=by)


def first_resets_second(world: World, first: str, second: str) -> None:
    reset(world, second, f"staff:{world.people[first].ref}")


def second_resets_first(world: World, first: str, second: str) -> None:
    reset(world, first, f"staff:{world.people[second].ref}")


def covered_by_an_own_reset(world: World, first: str, second: str) -> None:
    """Both by one administrator, and then once more by themselves: the log keeps the first hand."""
    both_reset(world, first, second)
    reset(world, second, f"staff:{world.people[second].ref}")


TIES = [
    both_reset,
    both_enabled,
    through_a_chain,
    both_granted,
    first_resets_second,
    second_resets_first,
    covered_by_an_own_reset,
]


def laid(world: World, tie: Callable[[World, str, str], None], place: str) -> Lay:
    """Return what lays the hands of `tie` on the two accounts of a place."""
    first, second, _steps = PLACES[place]

    def lay() -> None:
        with world.app.app_context():
            if Role.ADMIN.value in (first, second):
                ruler(world, "another")  # somebody else stays an administrator
            tie(world, first, second)

    return lay


@pytest.mark.once
@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("place", PLACES)
def test_two_accounts_under_one_hand_are_one_person(
    world: World, place: str, tie: Callable[[World, str, str], None]
) -> None:
    was_done, said = PLACES[place][2](world, laid(world, tie, place))
    assert not was_done
    assert SAID in said or "不能用来作第二人" in said or "second." in said


def by_two_administrators(world: World, first: str, second: str) -> None:
    reset(world, first, ruler(world, "left"))
    reset(world, second, ruler(world, "right"))


def at_the_command_line(world: World, first: str, second: str) -> None:
    reset(world, first, "cli")
    reset(world, second, "cli")


@pytest.mark.once
@pytest.mark.parametrize("apart", [by_two_administrators, at_the_command_line])
@pytest.mark.parametrize("place", PLACES)
def test_two_accounts_under_two_hands_or_the_machine_s_are_two_people(
    world: World, place: str, apart: Callable[[World, str, str], None]
) -> None:
    was_done, said = PLACES[place][2](world, laid(world, apart, place))
    assert was_done, said


def test_every_kind_of_request_is_among_these() -> None:
    """A new kind of starred act gets its place above, as these have."""
    kinds = {"room", "correction", "release", "late", "terms", "factor", "body", "key", "panel"}
    assert {kind.code for kind in STARRED_ACTS} == kinds


@pytest.mark.once
@pytest.mark.parametrize(("hours", "may"), [(23, False), (24, True)])
def test_a_day_later_they_are_two_people_and_the_refusal_says_from_when_on(
    world: World, hours: int, may: bool
) -> None:
    scene = Scene(world)
    start = world.clock.now()
    world.clock.set(start - hours * HOUR)
    with world.app.app_context():
        both_reset(world, "proctor", "officer")
    world.clock.set(start)
    scene.desk = Desk(world)
    was_done, said = approved(world, scene.post("force", "theory", reason="x"), "officer", lambda: None)
    assert was_done is may
    if not may:
        until = (start + HOUR).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")
        assert f"这两个账号从 {until} 起可以互为第二人" in said


@pytest.mark.once
def test_a_batch_is_not_destroyed_by_resetting_one_account_after_the_other(world: World) -> None:
    """One administrator asks with the one account, waits a day and more, and confirms with the other."""
    finish(world, USUAL)
    world.clock.advance(FIVE_YEARS)
    with world.app.app_context():
        by = ruler(world)
        reset(world, "officer", by)
    batch = f"/office/retention/batches/{world.batch_ref}"
    note = {"kind": "electronic", "note": "保管期满"}
    order = world.staff("officer").post(f"{batch}/destroy", data=note).headers["Location"]
    world.clock.advance(72 * HOUR)
    with world.app.app_context():
        reset(world, "admin", by)
    assert world.staff("admin").post(f"{order}/confirm").status_code == 403
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Destruction.state)).one() == "asked"
    world.clock.advance(24 * HOUR)
    assert world.staff("admin").post(f"{order}/confirm").status_code == 303


def kept(world: World) -> list[tuple[int, int]]:
    with world.app.app_context(), reading() as session:
        return [(row.electronic, row.paper) for row in session.scalars(select(RetentionTerms))]


TERMS = "/office/retention"


@pytest.mark.once
@pytest.mark.parametrize(
    ("electronic", "paper", "two"),
    [
        pytest.param("4", "3", True, id="electronic below five"),
        pytest.param("5", "2", True, id="paper below three"),
        pytest.param("6", "4", False, id="longer"),
        pytest.param("5", "3", False, id="as they are"),
    ],
)
def test_terms_below_the_rule_s_take_two_people(world: World, electronic: str, paper: str, two: bool) -> None:
    form = {"electronic": electronic, "paper": paper}
    admin = world.staff("admin")
    asked = admin.post(TERMS, data=form)
    if not two:
        assert asked.status_code == 303
        return
    assert asked.status_code == 422
    assert kept(world) == []
    login = {"second_login": world.people["officer"].login, "second_password": PASSWORD}
    assert "不允许在他人的浏览器上" in admin.post(TERMS, data=form | login).text
    page = admin.post(TERMS, data=form | {"ask": "1"}).location
    assert "缩短保管年限" in admin.get(page).text
    assert "officer-老师" in admin.get(page).text
    assert "缩短保管年限" in admin.get("/staff").text
    assert "缩短保管年限" in world.staff("officer").get("/staff").text
    ref = page.rsplit("/", 1)[1]
    with world.app.app_context(), reading() as session:
        digest = session.scalars(select(Approval.digest).where(Approval.ref == ref)).one()
    for role, status in (("admin", 422), ("inspector", 403), (CHIEF, 404)):
        answer = world.staff(role).post(f"/approvals/{ref}/approve", data={"digest": digest})
        assert (role, answer.status_code) == (role, status)
    assert kept(world) == []
    done(world.staff("officer").post(f"/approvals/{ref}/approve", data={"digest": digest}))
    assert kept(world) == [(int(electronic), int(paper))]
    assert "保管年限已保存" in admin.get(page).text
    with world.app.app_context(), reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "retention.terms")).one()
    assert entry.actor == f"staff:{world.people['admin'].ref}"
    assert f"staff:{world.people['officer'].ref}" in entry.after
    # Back up takes one; what was approved before is approved for what it was shown with.
    assert admin.post(TERMS, data={"electronic": "5", "paper": "3"}).status_code == 303


@pytest.mark.once
def test_terms_that_were_changed_meanwhile_are_not_shortened(world: World) -> None:
    admin = world.staff("admin")
    asked = admin.post(TERMS, data={"electronic": "4", "paper": "3", "ask": "1"})

    def lengthen() -> None:
        done(admin.post(TERMS, data={"electronic": "9", "paper": "9"}))

    was_done, said = approved(world, asked, "officer", lengthen)
    assert not was_done, said
    assert kept(world) == [(9, 9)]


@pytest.mark.once
def test_on_the_day_of_an_installation_the_first_person_reads_from_when_on_somebody_may(world: World) -> None:
    scene = Scene(world)
    with world.app.app_context():
        by = ruler(world)
        for role in ("proctor", "officer", CHIEF):
            reset(world, role, by)
    scene.desk = Desk(world)
    page = world.staff("proctor").get(f"/approvals/{scene.ask()}").text
    until = (world.clock.now() + 24 * HOUR).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")
    assert f"最早从 {until} 起可以批准" in page
    assert "ruler" not in page
