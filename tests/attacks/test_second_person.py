"""One person who tries to act as two (R-62): every way found, refused with its reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.accounts.approvals.decisions import expire_approvals
from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff, disable_staff, enable_staff, reset_password, set_roles
from cbt.candidates.models import Registration
from cbt.rules.roles import Role
from cbt.runner.models import Gap
from cbt.sittings.models import SittingRoom
from cbt.sittings.service import assign_staff, release_staff
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.second_scene import MINUTE, Scene, allow, browser_of, credential, done, refused
from tests.proctoring.desk import Desk, attempt, log_kinds, room
from tests.world import World

HOUR = timedelta(hours=1)
TIME = {"kind": "general", "reason_code": "network"}


def actor(world: World, role: str) -> str:
    return f"staff:{world.people[role].ref}"


def new_person(world: World, login: str, role: Role, *, by: str) -> Staff:
    """Have somebody make an account, which then sets its own password."""
    with world.app.app_context():
        create_staff(login=login, name=login, roles=[role], now=world.clock.now(), actor=by)
        with unit_of_work() as session:
            staff = session.scalars(select(Staff).where(Staff.login == login)).one()
            staff.must_change_password = False
        with reading() as session:
            return session.scalars(select(Staff).where(Staff.login == login)).one()


def staff_row(world: World, role: str, **values: object) -> None:
    with world.app.app_context(), unit_of_work() as session:
        staff = session.scalars(select(Staff).where(Staff.ref == world.people[role].ref)).one()
        for name, value in values.items():
            setattr(staff, name, value)


def made_chief(world: World) -> str:
    return new_person(world, "helper", Role.CHIEF_PROCTOR, by=actor(world, "proctor")).ref


def reset_officer(world: World) -> str:
    with world.app.app_context():
        reset_password(login="officer", now=world.clock.now(), actor=actor(world, "proctor"))
    staff_row(world, "officer", must_change_password=False)
    return world.people["officer"].ref


def enabled_officer(world: World) -> str:
    ref, by = world.people["officer"].ref, actor(world, "proctor")
    with world.app.app_context():
        disable_staff(ref=ref, now=world.clock.now(), actor=by)
        enable_staff(ref=ref, now=world.clock.now(), actor=by)
    return ref


def granted_marker(world: World) -> str:
    ref = world.people["marker"].ref
    roles = [Role.MARKER, Role.OFFICER]
    with world.app.app_context():
        set_roles(ref=ref, roles=roles, now=world.clock.now(), actor=actor(world, "proctor"))
    return ref


def taken_and_granted_again(world: World) -> str:
    ref, by = world.people["officer"].ref, actor(world, "proctor")
    with world.app.app_context():
        for role in (Role.INSPECTOR, Role.OFFICER):
            set_roles(ref=ref, roles=[role], now=world.clock.now(), actor=by)
    return ref


def granted_and_assigned(world: World) -> str:
    ref = world.people["marker"].ref
    with world.app.app_context():
        roles = [Role.MARKER, Role.PROCTOR]
        set_roles(ref=ref, roles=roles, now=world.clock.now(), actor=actor(world, "proctor"))
        with unit_of_work() as session:
            assign_staff(
                session,
                session.get_one(SittingRoom, world.sitting_room_id),
                staff_id=world.people["marker"].id,
                duty="proctor",
                now=world.clock.now(),
                actor="cli",
            )
    return ref


def made_by_a_made_one(world: World) -> str:
    middle = new_person(world, "middle", Role.ADMIN, by=actor(world, "proctor"))
    return new_person(world, "far", Role.OFFICER, by=f"staff:{middle.ref}").ref


def reset_by_a_made_one(world: World) -> str:
    middle = new_person(world, "middle", Role.ADMIN, by=actor(world, "proctor"))
    with world.app.app_context():
        reset_password(login="officer", now=world.clock.now(), actor=f"staff:{middle.ref}")
    staff_row(world, "officer", must_change_password=False)
    return world.people["officer"].ref


def disabled_officer(world: World) -> str:
    # The login session is still in the browser; the account is not usable any more.
    staff_row(world, "officer", disabled_at=world.clock.now())
    return world.people["officer"].ref


OWN_HANDS = [
    pytest.param(made_chief, "second.made", id="an account made by the first person"),
    pytest.param(reset_officer, "second.reset", id="a password reset by the first person"),
    pytest.param(enabled_officer, "second.enabled", id="an account enabled by the first person"),
    pytest.param(granted_marker, "second.granted", id="a role granted by the first person"),
    pytest.param(taken_and_granted_again, "second.granted", id="a role taken away and granted again"),
    pytest.param(granted_and_assigned, "second.granted", id="a role granted, then assigned to the room"),
    pytest.param(made_by_a_made_one, "second.made", id="an account made by an account made by the first"),
    pytest.param(reset_by_a_made_one, "second.reset", id="a password reset by an account made by the first"),
]


@pytest.mark.once
@pytest.mark.parametrize(("prepare", "code"), OWN_HANDS)
def test_an_account_the_first_person_had_a_hand_on_is_no_second_and_shows_no_code(
    world: World, prepare: Callable[[World], str], code: str
) -> None:
    scene = Scene(world)
    other = prepare(world)
    ref = scene.ask()
    assert refused(scene.step(ref, "approve", client=browser_of(world, other))) == code
    assert not scene.closed
    assert scene.row(ref).state == "pending"
    assert "批准并执行" not in browser_of(world, other).get(f"/approvals/{ref}").text
    assert refused(scene.step(ref, "code", client=browser_of(world, other))) == code
    assert scene.row(ref).code_hash is None


@pytest.mark.once
@pytest.mark.parametrize(("prepare", "_code"), OWN_HANDS[:5])
def test_a_day_later_the_hand_is_forgotten(world: World, prepare: Callable[[World], str], _code: str) -> None:
    world.clock.advance(-25 * HOUR)
    other = prepare(world)
    scene = Scene(world)
    ref = scene.ask()
    done(scene.step(ref, "approve", client=browser_of(world, other)))
    assert scene.closed


@pytest.mark.once
def test_the_same_hand_by_somebody_else_is_no_matter(world: World) -> None:
    scene = Scene(world)
    with world.app.app_context():
        reset_password(login="officer", now=world.clock.now(), actor=actor(world, "admin"))
    staff_row(world, "officer", must_change_password=False)
    done(scene.step(scene.ask(), "approve"))


@pytest.mark.once
def test_a_password_typed_for_a_fresh_account_is_refused_where_passwords_are_taken(world: World) -> None:
    scene = Scene(world)
    allow(world, by_password=True)
    reset_officer(world)
    staff_row(world, "officer", password_hash=_hash_of(world, "chief_proctor"))
    answer = scene.desk.act("force", "theory", reason="x", **credential(world, "officer"))
    assert refused(answer) == "second.reset"


def _hash_of(world: World, role: str) -> str:
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Staff.password_hash).where(Staff.ref == world.people[role].ref)).one()


@pytest.mark.once
@pytest.mark.parametrize(
    ("role", "status", "code"),
    [
        pytest.param("proctor", 422, "second.same", id="the first person"),
        pytest.param("proctor_elsewhere", 403, "second.not_here", id="a proctor of another room"),
        pytest.param("admin", 403, "second.not_here", id="an administrator"),
        pytest.param("inspector", 403, "web.not_allowed", id="an inspector"),
        pytest.param("author", 403, "web.not_allowed", id="an author"),
        pytest.param("marker", 403, "web.not_allowed", id="a marker"),
    ],
)
def test_who_is_no_second_person_answers_nothing(world: World, role: str, status: int, code: str) -> None:
    scene = Scene(world)
    ref = scene.ask()
    for step in ("approve", "refuse", "code"):
        answer = scene.step(ref, step, role, reason="x")
        assert (step, answer.status_code, refused(answer)) == (step, status, code)
        assert (step, scene.row(ref).state, scene.closed) == (step, "pending", False)


@pytest.mark.once
def test_the_first_person_in_another_login_session_is_the_same_person(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    other = browser_of(world, world.people["proctor"].ref, machine="a-phone")
    assert refused(scene.step(ref, "approve", client=other)) == "second.same"
    assert refused(scene.step(ref, "code", client=other)) == "second.same"


@pytest.mark.once
def test_a_candidate_and_nobody_see_no_request(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    for client in (world.candidate("theory"), world.app.test_client()):
        answer = client.post(f"/approvals/{ref}/approve", data={"digest": scene.row(ref).digest})
        assert answer.status_code in {303, 403}
    assert not scene.closed


@pytest.mark.once
def test_an_account_disabled_meanwhile_approves_nothing(world: World) -> None:
    scene = Scene(world)
    ref, browser = scene.ask(), scene.as_("officer")
    disabled_officer(world)
    answer = browser.post(f"/approvals/{ref}/approve", data={"digest": scene.row(ref).digest})
    assert "sign-in" in answer.location
    assert not scene.closed


@pytest.mark.once
def test_a_first_person_disabled_meanwhile_gets_nothing_done(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    staff_row(world, "proctor", disabled_at=world.clock.now())
    assert refused(scene.step(ref, "approve")) == "approval.asker_gone"
    assert not scene.closed


@pytest.mark.once
def test_a_first_person_taken_off_the_room_meanwhile_gets_nothing_done(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    with world.app.app_context(), unit_of_work() as session:
        sitting_room = session.get_one(SittingRoom, world.sitting_room_id)
        proctor = world.people["proctor"].id
        release_staff(session, sitting_room, staff_id=proctor, now=world.clock.now(), actor="staff:test")
    assert scene.step(ref, "approve").status_code >= 400
    assert (scene.closed, scene.row(ref).state) == (False, "failed")


@pytest.mark.once
@pytest.mark.parametrize("role", ["officer", "chief_proctor"])
def test_a_password_at_the_neighbours_browser_is_refused_where_the_centre_does_not_allow_it(
    world: World, role: str
) -> None:
    scene = Scene(world)
    answer = scene.desk.act("force", "theory", reason="x", **credential(world, role))
    assert refused(answer) == "second.by_password_off"
    assert not scene.closed


@pytest.mark.once
@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("params", '[["seat","another"],["reason","x"]]', id="the seats"),
        pytest.param("act", "abort", id="the act"),
        pytest.param("subject", "sitting_room:another", id="the room"),
        pytest.param("seen", "0" * 64, id="what it touches"),
        pytest.param("asked_by", "st-somebody", id="who asked"),
    ],
)
def test_a_request_changed_behind_the_products_back_is_not_carried_out(
    world: World, field: str, value: str
) -> None:
    scene = Scene(world)
    ref = scene.ask()
    if field == "asked_by":
        value = world.people["chief_proctor"].ref
    if field == "subject":
        value = f"sitting_room:{world.other_room_ref}"
    scene.change(ref, **{field: value})
    assert refused(scene.step(ref, "approve")) in {"approval.altered", "second.not_here"}
    assert (scene.closed, room(world).state) == (False, "running")


@pytest.mark.once
@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_an_approval_is_for_what_was_shown(world: World, digest: str) -> None:
    scene = Scene(world)
    ref = scene.ask()
    assert refused(scene.step(ref, "approve", digest=digest)) == "approval.altered"


@pytest.mark.once
def test_the_digest_of_one_request_approves_no_other(world: World) -> None:
    scene = Scene(world, "theory", "second")
    ref, other = scene.ask("force", "theory"), scene.ask("force", "second")
    assert refused(scene.step(ref, "approve", digest=scene.row(other).digest)) == "approval.altered"


@pytest.mark.parametrize(
    ("after", "code"),
    [
        pytest.param(timedelta(minutes=5), "approval.expired", id="at five minutes"),
        pytest.param(timedelta(minutes=5, seconds=1), "approval.expired", id="later"),
        pytest.param(timedelta(minutes=4, seconds=59), "", id="a second before"),
    ],
)
@pytest.mark.parametrize("swept", [False, True])
def test_a_request_is_over_after_five_minutes(world: World, after: timedelta, code: str, swept: bool) -> None:
    scene = Scene(world)
    ref = scene.ask()
    world.clock.advance(after)
    if swept:
        with world.app.app_context():
            assert expire_approvals(now=world.clock.now()) == (1 if code else 0)
    answer = scene.step(ref, "approve")
    assert (refused(answer) if answer.status_code >= 400 else "") == code
    assert scene.closed is not bool(code)


@pytest.mark.once
@pytest.mark.parametrize("settled", ["approve", "refuse", "withdraw"])
def test_a_settled_request_is_settled(world: World, settled: str) -> None:
    scene = Scene(world)
    ref = scene.ask()
    by = {"withdraw": "proctor", "enter": "proctor"}
    done(scene.step(ref, settled, by.get(settled, "officer"), reason="不必"))
    before = scene.acts().count("attempt.close")
    for again in ("approve", "refuse", "code", "withdraw", "enter"):
        answer = scene.step(ref, again, by.get(again, "chief_proctor"), reason="x", code="000000")
        assert (again, refused(answer)) == (again, "approval.settled")
        assert (again, scene.acts().count("attempt.close")) == (again, before)
        assert (again, scene.row(ref).params) == (again, "")


def race(*calls: Callable[[], object]) -> None:
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        start.wait(10)
        call()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        pytest.param("force", {"reason": "x"}, id="closing by force"),
        pytest.param("adjust_room", {**TIME, "minutes": "15"}, id="an extension, which could be given twice"),
    ],
)
def test_of_racing_approvals_one_wins(world: World, code: str, fields: dict[str, str]) -> None:
    scene = Scene(world)
    ref = scene.ask(code, "theory", **fields)
    end = attempt(world, "theory").closes_at
    browsers = [scene.as_("officer"), scene.as_("chief_proctor"), scene.as_("officer")]
    answers: list[int] = []
    digest = scene.row(ref).digest

    def approve(index: int) -> None:
        reply = browsers[index].post(f"/approvals/{ref}/approve", data={"digest": digest})
        answers.append(reply.status_code)

    race(*(lambda index=index: approve(index) for index in range(3)))  # type: ignore[misc]  # bound by default
    assert sorted(answers) == [303, 409, 409]
    assert scene.acts().count("approval.approve") == 1
    if code == "adjust_room":
        assert end is not None
        assert attempt(world, "theory").closes_at == end + 15 * MINUTE


def test_of_an_approval_and_a_withdrawal_one_wins(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    officer, proctor = scene.as_("officer"), scene.as_("proctor")
    data = {"digest": scene.row(ref).digest}
    race(
        lambda: officer.post(f"/approvals/{ref}/approve", data=data),
        lambda: proctor.post(f"/approvals/{ref}/withdraw"),
    )
    assert scene.row(ref).state == ("done" if scene.closed else "withdrawn")


@pytest.mark.once
def test_a_code_does_the_act_once(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    done(scene.step(ref, "enter", "proctor", code=f"{code[:3]} {code[3:]}"))
    assert scene.closed
    assert (scene.row(ref).way, scene.row(ref).settled_by) == ("code", world.people["officer"].ref)
    assert refused(scene.step(ref, "enter", "proctor", code=code)) == "approval.settled"


@pytest.mark.once
def test_a_code_is_bound_to_its_request(world: World) -> None:
    scene = Scene(world, "theory", "second")
    ref, other = scene.ask("force", "theory"), scene.ask("force", "second")
    code = scene.code(other)
    assert refused(scene.step(ref, "enter", "proctor", code=code)) == "approval.code_none"
    mine = scene.code(ref)
    if mine != code:
        assert refused(scene.step(ref, "enter", "proctor", code=code)) == "approval.code_wrong"
    assert not scene.closed


@pytest.mark.once
def test_a_code_of_an_earlier_showing_is_void(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    first, second = scene.code(ref), scene.code(ref, "chief_proctor")
    if first != second:
        assert refused(scene.step(ref, "enter", "proctor", code=first)) == "approval.code_wrong"
    done(scene.step(ref, "enter", "proctor", code=second))
    assert scene.row(ref).settled_by == world.people["chief_proctor"].ref


@pytest.mark.parametrize(
    ("after", "code"),
    [
        pytest.param(timedelta(minutes=2), "approval.code_over", id="at two minutes"),
        pytest.param(timedelta(seconds=119), "", id="a second before"),
    ],
)
def test_a_code_lasts_two_minutes(world: World, after: timedelta, code: str) -> None:
    scene = Scene(world)
    ref = scene.ask()
    digits = scene.code(ref)
    world.clock.advance(after)
    answer = scene.step(ref, "enter", "proctor", code=digits)
    assert (refused(answer) if answer.status_code >= 400 else "") == code


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.once
def test_codes_cannot_be_guessed(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    for _ in range(5):
        assert refused(scene.step(ref, "enter", "proctor", code=wrong(code))) == "approval.code_wrong"
    assert refused(scene.step(ref, "enter", "proctor", code=code)) == "approval.code_tries"
    fresh = scene.code(ref)
    assert refused(scene.step(ref, "enter", "proctor", code=fresh)) == "approval.code_tries"
    done(scene.step(ref, "approve"))


def test_parallel_guesses_are_counted_before_they_are_verified(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    clients = [scene.as_("proctor") for _ in range(12)]
    answers: list[int] = []
    race(
        *(
            lambda client=client: answers.append(  # type: ignore[misc]  # bound by default
                client.post(f"/approvals/{ref}/enter", data={"code": wrong(code)}).status_code
            )
            for client in clients
        )
    )
    assert sorted(answers) == [422] * 5 + [429] * 7
    assert not scene.closed


@pytest.mark.once
@pytest.mark.parametrize("role", ["officer", "chief_proctor", "proctor_elsewhere"])
def test_only_who_asked_types_the_code(world: World, role: str) -> None:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    assert scene.step(ref, "enter", role, code=code).status_code == 404
    assert not scene.closed


@pytest.mark.once
def test_a_code_is_kept_nowhere(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    row = scene.row(ref)
    assert code not in repr([getattr(row, column.name) for column in row.__table__.columns])


@pytest.mark.once
def test_a_code_of_somebody_disabled_meanwhile_does_nothing(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    code = scene.code(ref)
    disabled_officer(world)
    assert refused(scene.step(ref, "enter", "proctor", code=code)) == "second.unusable"
    assert not scene.closed


SPLITS = [
    pytest.param([("adjust", ("theory", "second"), 11)], id="everybody at once"),
    pytest.param([("adjust", ("theory",), 11)], id="one person at once"),
    pytest.param([("adjust", ("theory",), 4)] * 3, id="three times four minutes"),
    pytest.param([("adjust_room", (), 6), ("adjust", ("theory",), 5)], id="room and then one"),
    pytest.param([("adjust", ("theory",), 6), ("adjust_room", (), 5)], id="one and then room"),
    pytest.param(
        [("adjust", ("theory",), 6), ("adjust", ("second", "theory"), 5)], id="overlapping selections"
    ),
    pytest.param([("adjust_room", (), 10), ("adjust_room", (), 1)], id="ten and one"),
    pytest.param(
        [("adjust_room", (), 5), ("adjust_room", (), 3), ("adjust_room", (), 3)], id="room in thirds"
    ),
    pytest.param([("adjust_room", (), 8), ("hold", (), 3)], id="room and a hold from earlier on"),
]


@pytest.mark.once
@pytest.mark.parametrize("acts", SPLITS)
@pytest.mark.parametrize("kind", ["general", "site_fault"])
def test_an_extension_beyond_ten_minutes_is_summed(
    world: World, acts: list[tuple[str, tuple[str, ...], int]], kind: str
) -> None:
    Scene(world, "theory", "second")
    world.clock.advance(20 * MINUTE)
    desk = Desk(world)
    for index, (code, names, minutes) in enumerate(acts):
        fields = {"kind": kind, "reason_code": "network", "minutes": str(minutes)}
        if code == "hold":
            fields = {"since": "at", "from_at": f"09:{20 - minutes:02d}:00", "reason_code": "power"}
        answer = desk.act(code, *names, **fields)
        if index < len(acts) - 1:
            done(answer)
        else:
            assert refused(answer) == "second.needed"


def test_it_is_summed_over_people_who_give(world: World) -> None:
    Scene(world, "theory", "second")
    done(Desk(world).act("adjust_room", **TIME, minutes="6"))
    chief = Desk(world, "chief_proctor")
    assert refused(chief.act("adjust_room", **TIME, minutes="5")) == "second.needed"
    done(chief.act("adjust_room", **TIME, minutes="4"))


def test_what_two_gave_does_not_count_towards_what_one_may_give(world: World) -> None:
    scene = Scene(world, "theory", "second")
    ref = scene.ask("adjust_room", "theory", **TIME, minutes="15")
    done(scene.step(ref, "approve"))
    done(scene.desk.act("adjust_room", **TIME, minutes="10"))
    assert refused(scene.desk.act("adjust", "second", **TIME, minutes="1")) == "second.needed"


def gap(world: World, name: str, minutes: int, *, usable: bool = False) -> str:
    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        row = Gap(
            attempt_id=world.sitters[name].attempt_id,
            from_at=now - minutes * MINUTE,
            to_at=now,
            usable=usable,
            resent=0,
        )
        session.add(row)
        session.flush()
        return str(row.id)


def grant(desk: Desk, gap_id: str, minutes: int) -> str:
    amount = f"{minutes:02d}:00"
    answer = desk.act("decide", gap=gap_id, amount=amount, reason_code="network")
    return refused(answer) if answer.status_code >= 400 else ""


@pytest.mark.once
def test_a_proposed_compensation_takes_one_person_however_long(world: World) -> None:
    scene = Scene(world, "theory", "second")
    world.clock.advance(20 * MINUTE)
    assert grant(scene.desk, gap(world, "theory", 15), 15) == ""


@pytest.mark.once
def test_more_than_was_proposed_is_an_extension(world: World) -> None:
    scene = Scene(world, "theory", "second")
    world.clock.advance(20 * MINUTE)
    assert grant(scene.desk, gap(world, "theory", 15, usable=True), 11) == "second.needed"
    assert grant(scene.desk, gap(world, "theory", 15, usable=True), 10) == ""


def test_compensations_for_everybody_are_an_extension_of_the_room(world: World) -> None:
    scene = Scene(world, "theory", "second")
    world.clock.advance(20 * MINUTE)
    assert grant(scene.desk, gap(world, "theory", 12), 12) == ""
    last = gap(world, "second", 12)
    assert grant(scene.desk, last, 12) == "second.needed"
    ref = scene.ask("decide", "second", gap=last, amount="12:00", reason_code="network", reason="")
    done(scene.step(ref, "approve"))
    assert log_kinds(world).count("gap_granted") == 2


@pytest.mark.once
@pytest.mark.parametrize("code", ["copying", "left_without_leave", "impersonation", "refused_direction"])
def test_a_violation_that_ends_the_exam_needs_what_closing_by_force_needs(world: World, code: str) -> None:
    scene = Scene(world)
    assert refused(scene.desk.act("violation", "theory", code=code, reason="x")) == "second.needed"
    assert not scene.closed
    ref = scene.ask("violation", "theory", code=code)
    done(scene.step(ref, "approve"))
    assert attempt(world, "theory").closed_by == "violation"


@pytest.mark.once
def test_evacuating_waits_for_nobody_and_going_on_takes_two(world: World) -> None:
    scene = Scene(world)
    assert "紧急疏散" in scene.as_("proctor").get("/staff").text
    assert (
        f"/proctor/rooms/{world.room_ref}/acts/evacuate" in scene.as_("proctor").get("/proctor/evacuate").text
    )
    done(scene.desk.act("evacuate"))
    assert world.room_ref not in scene.as_("proctor").get("/proctor/evacuate").text
    assert refused(scene.desk.act("resume_room", reason="险情解除")) == "second.needed"
    assert refused(scene.desk.act("abort", reason="险情未除")) == "second.needed"
    assert room(world).state == "held"
    done(scene.step(scene.ask("resume_room"), "approve"))
    assert room(world).state == "running"


@pytest.mark.once
@pytest.mark.parametrize("code", ["abort", "reopen"])
def test_what_needs_the_chief_is_approved_by_the_chief_alone(world: World, code: str) -> None:
    scene = Scene(world)
    world.clock.advance(31 * MINUTE)
    if code == "reopen":
        assert scene.pages["theory"].submit().status_code == 200
    ref = scene.ask(code)
    assert refused(scene.step(ref, "approve", "officer")) == "second.not_here"
    assert "提请" not in scene.banner("officer")
    done(scene.step(ref, "approve", "chief_proctor"))


@pytest.mark.once
def test_what_no_longer_applies_is_not_done_and_says_so(world: World) -> None:
    scene = Scene(world)
    ref = scene.ask()
    world.clock.advance(MINUTE)
    with world.app.app_context(), unit_of_work() as session:
        row = session.get_one(Registration, world.sitters["theory"].registration_id)
        row.absent_at = row.absent_at
    world.clock.set(world.clock.now() + MINUTE)
    done(Desk(world, "chief_proctor").act("suspend", "theory", reason="x"))
    done(scene.step(scene.ask("force", "theory", reason="另一项"), "approve"))
    assert refused(scene.step(ref, "approve")) == "proctoring.none_apply"
    assert scene.row(ref).state == "failed"
    assert "情况已变" in scene.as_("proctor").get(f"/approvals/{ref}").text


@pytest.mark.once
def test_an_act_is_done_for_those_it_was_previewed_for_or_not_at_all(world: World) -> None:
    scene = Scene(world, "theory", "second")
    ref = scene.ask("force", "theory", "second")
    done(scene.step(scene.ask("force", "second"), "approve"))
    assert refused(scene.step(ref, "approve")) == "approval.changed"
    assert not scene.closed


@pytest.mark.once
def test_asking_for_what_cannot_be_done_is_refused_at_once(world: World) -> None:
    scene = Scene(world)
    assert refused(scene.post("force", "elsewhere", reason="x")) == "proctoring.no_seat"
    assert refused(scene.post("force", "theory")) == "proctoring.reason_needed"
    assert "approval.ask" not in scene.acts()


def test_asking_twice_is_one_request(world: World) -> None:
    scene = Scene(world)
    assert scene.ask() == scene.ask()
    assert scene.acts().count("approval.ask") == 1


@pytest.mark.once
def test_requests_cannot_flood(world: World) -> None:
    scene = Scene(world)
    for number in range(20):
        scene.ask(reason=f"第 {number} 次")
    assert refused(scene.post("force", "theory", reason="又一次")) == "approval.many"


@pytest.mark.once
def test_asking_alone_changes_nothing(world: World) -> None:
    scene = Scene(world)
    before = [act for act in scene.acts() if not act.startswith("approval.")]
    scene.ask()
    assert [act for act in scene.acts() if not act.startswith("approval.")] == before
    assert (scene.closed, log_kinds(world)) == (False, [])


def test_every_step_is_on_record(world: World) -> None:
    scene = Scene(world, "theory", "second")
    one, two = scene.ask("force", "theory"), scene.ask("force", "second")
    three = scene.ask("force", "theory", "second")
    scene.code(one)
    done(scene.step(one, "approve"))
    done(scene.step(two, "refuse", reason="不必"))
    done(scene.step(three, "withdraw", "proctor"))
    expiring = scene.ask("force", "second", reason="再来")
    world.clock.advance(6 * MINUTE)
    with world.app.app_context():
        expire_approvals(now=world.clock.now())
    assert scene.row(expiring).state == "expired"
    steps = [act for act in scene.acts() if act.startswith("approval.")]
    assert steps == [
        *["approval.ask"] * 3, "approval.code", "approval.approve", "approval.refuse", "approval.withdraw",
        "approval.ask", "approval.expire",
    ]  # fmt: skip
    assert "second.force" in scene.acts()
