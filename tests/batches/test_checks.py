"""What speaks against a plan, found as it stands and told where it is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches.checks import people
from cbt.batches.checks.people import PlannedEntry, checks_of_kinds, checks_of_rows
from cbt.batches.checks.sittings import checks_of_sitting, checks_of_sittings
from cbt.blueprints.store import blueprint_of, current_version
from cbt.candidates.models import Candidate
from cbt.demo.world import add_staff
from cbt.rules.items.content import ItemType
from cbt.rules.roles import Role
from cbt.sittings.models import BatchLevel, RoomStaff, Sitting, SittingRoom
from cbt.sittings.service import add_sitting_room
from cbt.sittings.store import duties_of_sitting, rooms_of_sitting
from tests.accounts.test_signing_in import hire, principal
from tests.batches.plans import L3, planning
from tests.helpers import count_queries
from tests.sittings.conftest import OFFICER, Day
from tests.sittings.test_planning import browser, minutes

HALF_AN_HOUR = minutes(30)


def told(session: Session, sitting: Sitting) -> dict[str, list[str]]:
    """Return what is found: code -> names of whom it is about; photos are left out, for nobody has one."""
    found: dict[str, list[str]] = {}
    for one in checks_of_sitting(session, sitting):
        if one.code != "photos_missing":
            found.setdefault(one.code, []).extend(person.name for person in one.people)
    return found


def test_people_rooms_and_proctors_are_in_one_place(day: Day) -> None:
    with planning(day) as plan:
        other = plan.room("二号机房")
        second = plan.at(HALF_AN_HOUR, "同时", other)
        third = plan.at(minutes(70), "随后")
        for who in ("甲", "乙"):
            plan.enter(who, plan.sitting, extra=15 if who == "乙" else 0)
        plan.enter("甲", second, "skills")
        plan.enter("乙", third, "skills")
        assert told(plan.session, plan.sitting) == {
            "person_overlap": ["甲"],
            "person_close": ["乙"],  # 9:45 and a quarter of an hour more, the next at 10:10
            "room_close": [],
        }
        assert told(plan.session, third) == {"person_close": ["乙"], "room_close": []}
        third.state = "cancelled"
        for room in plan.session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == third.id)):
            room.state = "cancelled"
        plan.session.flush()
        assert told(plan.session, plan.sitting) == {"person_overlap": ["甲"]}
        proctor = add_staff(plan.session, Role.PROCTOR, login="jia", name="甲 ", now=plan.now)
        for sitting in (plan.sitting, second):
            room = plan.session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).one()
            plan.session.add(RoomStaff(sitting_room_id=room.id, staff_id=proctor.id, duty="proctor"))
        plan.session.flush()
        assert set(told(plan.session, second)) == {
            "person_overlap", "proctor_overlap", "proctor_is_candidate",
        }  # fmt: skip
        proctor.disabled_at = plan.now
        plan.session.flush()
        assert told(plan.session, second) == {"person_overlap": ["甲"]}
        over = plan.at(timedelta(0), "同场同时")
        assert told(plan.session, over) == {"room_overlap": []}, "a room nobody sits in yet is taken, too"


def test_retakes_are_held_to_their_window_and_their_right(day: Day) -> None:
    with planning(day) as plan:
        for who, outcome, days in [
            ("已合格", "passed", 100), ("缺考", "absent", 100), ("过期", "failed", 731), ("有权", "failed", 700),
            ("应补考", "failed", 100),
        ]:  # fmt: skip
            plan.released(who, outcome, days_ago=days)
        plan.released("单科", "failed", paper="skills", days_ago=90)
        plan.released("单科", "passed", days_ago=735)
        plan.released("两科", "failed", paper="skills", days_ago=89)
        plan.released("两科", "passed", days_ago=736)
        for who in ("已合格", "缺考", "过期", "有权", "没考过"):
            plan.enter(who, plan.sitting, kind="retake")
        rest = plan.at(timedelta(hours=2), "第二场", plan.room("大机房", 30))
        plan.enter("应补考", rest)
        for who in ("单科", "两科"):
            plan.enter(who, rest, "skills", kind="retake")
        plan.enter("两科", plan.at(timedelta(hours=5), "第三场"))
        assert told(plan.session, plan.sitting) == {
            "retake_passed": ["已合格"],
            "retake_absent": ["缺考"],
            "retake_window_over": ["过期"],
            "retake_no_result": ["没考过"],
        }
        assert told(plan.session, rest) == {
            "retake_other_pass_over": ["单科"],
            "retake_is_retake": ["应补考"],
        }
        passed = next(
            one for one in checks_of_sitting(plan.session, plan.sitting) if one.code.endswith("passed")
        )
        assert "2028-08-16" in passed.text
        assert passed.page.startswith("/office/registrations/"), "one person's is mended on their page"


def test_seats_photos_and_the_shape_of_the_batch(day: Day) -> None:
    with planning(day) as plan:
        for number in range(6):
            plan.enter(f"考生{number}", plan.sitting, "skills" if number == 1 else "theory")
        version = current_version(plan.session, L3)
        level = BatchLevel(
            batch_id=plan.sitting.batch_id, level="3", blueprint_version_id=version.id, papers="theory"
        )
        plan.session.add(level)
        plan.session.flush()
        found = checks_of_sitting(plan.session, plan.sitting)
        assert [(one.code, one.stops, len(one.people)) for one in found] == [
            ("shape_paper", True, 1),
            ("spares_used", False, 0),
            ("photos_missing", False, 6),
        ]
        level.papers = "theory,skills"
        plan.sitting.state = "running"
        plan.session.flush()
        assert checks_of_sitting(plan.session, plan.sitting) == [], (
            "it has begun: nothing of it is planned any more"
        )


def test_a_paper_that_nobody_can_mark_is_told_once(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    with planning(day) as plan:
        for who in ("甲", "乙"):
            plan.enter(who, plan.sitting)
        assert "marked_by_people" not in told(plan.session, plan.sitting)
        version = current_version(plan.session, L3)
        stored = blueprint_of(plan.session, version.id)
        theory = stored.papers["theory"]
        first, *others = theory.sections
        asked = replace(theory, sections=(replace(first, type=ItemType.SHORT_ANSWER), *others))
        marked = replace(stored, papers={**stored.papers, "theory": asked})
        monkeypatch.setattr(people, "blueprint_of", lambda _session, _version: marked)
        concerns = [one for one in checks_of_sitting(plan.session, plan.sitting) if "marked" in one.code]
        assert [(one.stops, one.people, "要人工阅卷" in one.text) for one in concerns] == [(False, (), True)]


def test_what_is_read_does_not_grow_with_sittings_and_people(day: Day) -> None:
    counted = []
    for more in range(2):
        with planning(day) as plan:
            for number in range(2):
                sitting = plan.at(timedelta(hours=3 + more * 4 + 2 * number), f"第 {more}{number} 场")
                for who in range(3):
                    plan.enter(f"考生{who}", sitting)
        with count_queries(day.app) as seen, day.read() as session:
            seen.clear()
            checks_of_sittings(session, list(session.scalars(select(Sitting))))
            counted.append(len(seen))
    assert counted[1] <= counted[0] <= 16, "the first one reads the blueprint besides"


def test_rows_of_a_file_are_checked_before_they_are_stored(day: Day) -> None:
    with planning(day) as plan:
        later = plan.at(HALF_AN_HOUR, "稍后", plan.room("二号机房"))
        plan.enter("已报名", plan.sitting)
        plan.released("已合格", "passed")
        known = {one.name: one.id for one in plan.session.scalars(select(Candidate))}
        version = current_version(plan.session, L3).id

        def row(key: int, who: str, sitting: Sitting, paper: str, kind: str = "first") -> PlannedEntry:
            return PlannedEntry(key, who, who, known.get(who), sitting, version, paper, kind)

        found = checks_of_rows(
            plan.session,
            [
                row(2, "已报名", later, "skills"),
                row(3, "已合格", later, "theory"),
                row(4, "新人", plan.sitting, "theory"),
                row(5, "新人", plan.sitting, "skills"),
                row(6, "另一人", later, "skills", "retake"),
            ],
        )
        assert {key: [one.code for one in concerns] for key, concerns in found.items()} == {
            2: ["person_overlap"],
            3: ["retake_passed"],
            5: ["person_overlap"],
            6: ["retake_no_result"],
        }
        assert checks_of_rows(plan.session, []) == {}


def test_a_roster_that_makes_it_a_retake_is_held_to_the_rule_of_retakes(day: Day) -> None:
    with planning(day) as plan:
        plan.released("已合格", "passed")
        plan.released("有权", "failed")
        mine = {who: plan.enter(who, plan.sitting).id for who in ("已合格", "有权", "没考过")}
        found = checks_of_kinds(plan.session, dict.fromkeys(mine.values(), "retake"))
        assert {key: [one.code for one in concerns] for key, concerns in found.items()} == {
            mine["已合格"]: ["retake_passed"],
            mine["没考过"]: ["retake_no_result"],
        }


@pytest.mark.once
def test_several_rooms_get_their_proctors_at_once_or_nobody_does(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with planning(day) as plan:
        views = rooms_of_sitting(plan.session, plan.sitting.id)
        own = views[0].sitting_room.ref
        other = add_sitting_room(
            plan.session, plan.sitting, plan.room("二号机房"), now=plan.now, actor=OFFICER
        ).ref
    for login, role in (("li", Role.PROCTOR), ("wu", Role.PROCTOR), ("wang", Role.CHIEF_PROCTOR)):
        hire(day.app, day.clock, login, role)
    page = f"/office/sittings/{day.sitting_ref}/staff"
    assert "安排监考" in client.get(f"/office/sittings/{day.sitting_ref}").text
    assert '<option value="wang">' in client.get(page).text

    def duties() -> set[tuple[str, str, str]]:
        with day.read() as session:
            rooms = {
                view.sitting_room.id: view.sitting_room.ref
                for view in rooms_of_sitting(session, day.work(session)[0].id)
            }
            found = duties_of_sitting(session, day.work(session)[0].id)
            return {(rooms[one.sitting_room_id], one.staff.login, one.duty) for one in found}

    both = {"chief_proctor-all": "wang", f"proctor-{own}": "li"}
    for wrong, status in (
        ({}, 422),
        (both | {f"proctor-{other}": "nobody"}, 422),
        (both | {f"proctor-{other}": "wang"}, 422),
    ):
        refused = client.post(page, data=wrong)
        assert (refused.status_code, duties()) == (status, set())
    assert (
        'value="nobody"' in client.post(page, data=both | {f"proctor-{other}": "nobody"}).text
    )  # typed, and kept
    assert client.post(page, data=both | {f"proctor-{other}": "wu老师"}).status_code == 303
    assert duties() == {
        (own, "wang", "chief_proctor"),
        (other, "wang", "chief_proctor"),
        (own, "li", "proctor"),
        (other, "wu", "proctor"),
    }
    assert browser(day.app, day.clock, "du", Role.INSPECTOR).post(page, data=both).status_code == 403


def test_planning_refuses_what_stops_and_the_page_tells_the_rest(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with planning(day) as plan:
        plan.enter("甲", plan.sitting)
        other = plan.at(HALF_AN_HOUR, "同时", plan.room("二号机房"))
        other_ref, other_room = other.ref, plan.session.scalars(
            select(SittingRoom.ref).where(SittingRoom.sitting_id == other.id)
        ).one()  # fmt: skip
    hire(day.app, day.clock, "li", Role.PROCTOR)
    staff = {"staff": f"proctor:{principal(day.app, 'li').subject_ref}"}
    path = f"/office/sittings/{day.sitting_ref}"
    assert client.post(f"{path}/rooms/{day.sitting_room_ref}/staff", data=staff).status_code == 303
    refused = client.post(
        f"/office/sittings/{other_ref}/rooms/{other_room}/staff", data=staff, follow_redirects=True
    ).text
    assert "R-7" in refused
    assert "li老师 同一时间还要在 一号机房 监考" in refused
    refused = client.post(
        f"/office/sittings/{other_ref}/rooms", data={"room": day.room_ref}, follow_redirects=True
    )
    assert "R-7" in refused.text
    new = {"name": "又一场", "start": "2026-11-24T09:20", "rooms": day.room_ref, "mode": "machine"}
    page = client.post(f"/office/batches/{day.batch_ref}/sittings/new", data=new)
    assert page.status_code == 409
    assert "R-7" in page.text
    assert "又一场" in page.text, "what was typed is kept"
    with day.read() as session:
        assert len(session.scalars(select(Sitting)).all()) == 2
        assert len(session.scalars(select(RoomStaff)).all()) == 1
    close = client.post(
        f"/office/batches/{day.batch_ref}/sittings/new", data=new | {"start": "2026-11-24T09:50"},
        follow_redirects=True,
    )  # fmt: skip
    assert close.status_code == 200
    assert "R-7" in close.text
    with count_queries(day.app) as seen:
        part = client.get(f"{path}/checks").text
    assert len(seen) <= 20
    assert part.count("<li") == 2, "the room is close to the next, and nobody has a photo"
    assert "#photos" in part or "/office/registrations/" in part
    client.set_cookie("locale", "en")
    english = client.get(f"{path}/checks").text
    assert "less than 15 minutes between two sittings" in english
    assert not [line for line in english.splitlines() if ">batches." in line]


def test_publishing_is_refused_with_what_stops(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with planning(day) as plan:
        plan.enter("甲", plan.sitting)
        plan.enter("甲", plan.at(HALF_AN_HOUR, "同时", plan.room("二号机房")), "skills")
    page = client.post(f"/office/sittings/{day.sitting_ref}/publish")
    assert page.status_code == 409
    assert "1 名考生同一时间另有考试" in page.text
    with day.read() as session:
        assert day.work(session)[0].state == "draft"
