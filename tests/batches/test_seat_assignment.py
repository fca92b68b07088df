"""Seats of a room: shown before they are taken, exchanged by hand, mended where neighbours have one case."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from flask_babel import gettext as _
from sqlalchemy import select, update

from cbt.assembly.draw import cases_of
from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.candidates.models import AdmissionTicket, Registration
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import HEADERS, row
from tests.candidates.test_importing import bring, seats_of
from tests.helpers import count_queries, flat
from tests.sittings.conftest import Day
from tests.sittings.test_planning import browser
from tests.world import World

PART = {"HX-Request": "true"}


def page_of(day: Day) -> str:
    return f"/office/sittings/{day.sitting_ref}/rooms/{day.sitting_room_ref}/seats"


def crowd(day: Day, count: int = 6) -> FlaskClient:
    """Seat people of three units in a room without a spare seat, which is full with six; return an officer."""
    with day.write() as session:
        session.execute(update(Seat).values(spare=False))
        session.execute(update(Room).values(plan="1 2 3\n4 5 6", door="back_left"))
    units = ["甲公司", "甲公司", "甲公司", "乙公司", "乙公司", ""]
    bring(day, [[*row(number), units[number - 1]] for number in range(1, count + 1)], [*HEADERS, "工作单位"])
    return browser(day.app, day.clock, "zhou", Role.OFFICER)


def fields(page: str) -> dict[str, str]:
    """Return what the form of a preview would send."""
    form = page[page.index('<form class="card card-body proposal"') :]
    return dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")])
    )


def named(page: str) -> dict[int, str]:
    """Return who a page shows at which seat."""
    found = re.findall(r'data-seat="(\d+)".*?<span class="name">([^<]+)</span>', flat(page))
    return {int(number): name for number, name in found}


def last(day: Day, act: str) -> tuple[str, Mapping[str, object]]:
    with day.read() as session:
        query = select(AuditEntry).where(AuditEntry.act == act).order_by(AuditEntry.id.desc())
        entry = session.scalars(query).first()
        assert entry is not None
        return entry.subject, json.loads(str(entry.after)) if isinstance(entry.after, str) else entry.after


def test_a_full_room_gets_the_order_that_was_shown(day: Day) -> None:
    client, page = crowd(day), page_of(day)
    with day.write() as session:
        printed = session.scalars(select(AdmissionTicket)).all()
        for ticket in printed:
            ticket.printed_at = day.clock.now()
        someone = session.scalars(select(Registration).order_by(Registration.id)).first()
        assert someone is not None
        someone.accommodation_note = "轮椅"
    before = seats_of(day)
    asked = {"order": "chance", "units": "1", "door": "1", "papers": "any", "seed": "5"}
    shown = client.get(page, query_string=asked).text
    assert "还没有保存" in shown
    assert "同单位仍相邻的有 0 人" in shown
    assert named(shown) == named(client.get(page, query_string=asked).text)
    assert seats_of(day) == before
    sent = fields(shown)
    assert client.post(page, data=sent).status_code == 303
    after = seats_of(day)
    assert {number: name for name, number in after.items()} == named(shown)
    assert sorted(after.values()) == [1, 2, 3, 4, 5, 6]
    assert after["考生1"] == 4  # the seat at the back on the left
    subject, told = last(day, "seats.arrange")
    assert subject == f"sitting_room:{day.sitting_room_ref}"
    moved = sum(before[name] != after[name] for name in before)
    assert (told["seed"], told["order"], told["people"], told["moved"]) == (5, "chance", 6, moved)
    with day.read() as session:
        again = session.scalars(
            select(AdmissionTicket).where(AdmissionTicket.reprint_since.is_not(None))
        ).all()
        assert len(again) == moved
        assert session.scalars(select(Seat.number).order_by(Seat.number)).all() == [1, 2, 3, 4, 5, 6]
    stale = client.post(page, data={name: value for name, value in sent.items() if name != "once_key"})
    assert stale.status_code == 409
    assert "预览之后，考生或机位有变化" in stale.text
    for wrong in ({"order": "alphabet"}, {"seed": "x"}, {"papers": "glass"}):
        assert client.get(page, query_string=asked | wrong).status_code == 422
    by_number = client.get(page, query_string={"order": "number"}).text
    assert named(by_number) == {number: f"考生{number}" for number in range(1, 7)}


def test_two_seats_are_exchanged_with_and_without_a_script(day: Day) -> None:
    client, page = crowd(day, 5), page_of(day)
    assert client.post(f"{page}/exchange", data={"one": "1", "other": "6"}).status_code == 303
    assert seats_of(day) == {"考生1": 6, "考生2": 2, "考生3": 3, "考生4": 4, "考生5": 5}
    part = client.post(f"{page}/exchange", data={"one": "6", "other": "2"}, headers=PART)
    assert part.text.lstrip().startswith('<section class="seating"')
    assert "机位 06 与 02 已对换" in part.text
    assert named(part.text)[2] == "考生1"
    _, told = last(day, "seats.exchange")
    assert told["seats"] == [6, 2]
    for one, other, code in (("1", "1", 409), ("9", "2", 404), ("x", "2", 422), ("", "", 422)):
        assert client.post(f"{page}/exchange", data={"one": one, "other": other}).status_code == code
    refused = client.post(f"{page}/exchange", data={"one": "1", "other": "1"}, headers=PART)
    assert (refused.status_code, refused.headers["HX-Retarget"]) == (409, "#problem")
    looking = browser(day.app, day.clock, "du", Role.INSPECTOR)
    assert "exchange" not in looking.get(page).text
    assert looking.post(f"{page}/exchange", data={"one": "1", "other": "2"}).status_code == 403
    with count_queries(day.app) as seen:
        client.get(page)
    assert len(seen) <= 14


def test_a_seat_that_somebody_has_stays_in_the_plan(day: Day) -> None:
    client, page = crowd(day, 2), f"/office/rooms/{day.room_ref}/plan"
    refused = client.post(page, data={"plan": "1 3 4", "door": ""})
    assert refused.status_code == 409
    assert "机位 2 已有考生安排" in refused.text
    assert client.post(page, data={"plan": "1 2 9", "door": ""}).status_code == 303
    assert seats_of(day) == {"考生1": 1, "考生2": 2}


def test_all_rooms_of_a_sitting_are_seated_in_one_act_until_check_in_opens(day: Day) -> None:
    client = crowd(day)
    sitting = f"/office/sittings/{day.sitting_ref}"
    assert "全部随机排座" in client.get(sitting).text
    done = client.post(f"{sitting}/seats", follow_redirects=True)
    assert "已排好 1 个考场的座位" in done.text
    assert sorted(seats_of(day).values()) == [1, 2, 3, 4, 5, 6]
    with day.write() as session:
        session.execute(update(SittingRoom).values(state="admitting"))
    closed = client.post(f"{sitting}/seats", follow_redirects=True)
    assert "不能在这里改座位" in closed.text
    assert 'id="exchange"' not in client.get(page_of(day)).text
    assert client.post(f"{page_of(day)}/exchange", data={"one": "1", "other": "2"}).status_code == 409
    assert client.get(f"{page_of(day)}x".replace("seatsx", "seats").replace("sr-", "sr-x")).status_code == 404


def test_the_rooms_of_a_batch_that_are_as_the_roster_came_are_seated_in_one_act(day: Day) -> None:
    client, page = crowd(day), f"/office/batches/{day.batch_ref}/seats"
    assert page in client.get(f"/office/batches/{day.batch_ref}").text
    shown = client.get(page).text
    assert "按名册顺序" in shown
    assert "有 1 个考场的座位还是名册顺序" in shown
    wishes = {"order": "number", "units": "1", "papers": "any"}
    assert client.post(page, data=wishes | {"order": "alphabet"}).status_code == 422
    done = client.post(page, data=wishes, follow_redirects=True).text
    assert "已随机排好" not in done
    assert "已排好 1 个考场的座位" in done
    assert "没有要排的考场" in done
    _, told = last(day, "seats.arrange")
    assert (told["order"], told["units_apart"], told["by_door"]) == ("number", True, False)
    with count_queries(day.app) as seen:
        client.get(page)
    assert len(seen) <= 10
    assert (
        "<form"
        not in browser(day.app, day.clock, "du", Role.INSPECTOR).get(page).text.split("seating-page")[1]
    )


def clash(world: World) -> str:
    """Give two neighbours in the same skills paper one form; return the page of their seats."""
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Room, world.room_id).plan = "1 2 3\n4 5 6\n7 8 -"
        form = session.get_one(Attempt, world.sitters["skills"].attempt_id).form_id
        session.get_one(Attempt, world.sitters["late"].attempt_id).form_id = form
    return f"/office/sittings/{world.sitting_ref}/rooms/{world.room_ref}/seats"


def cases(world: World, name: str) -> dict[int, str]:
    with world.app.app_context(), reading() as session:
        query = select(Form.content).join(Attempt, Attempt.form_id == Form.id)
        content = session.scalars(
            query.where(Attempt.registration_id == world.sitters[name].registration_id)
        ).one()
    return cases_of(json.loads(content))


def test_neighbours_with_one_case_are_named_and_parted_and_forms_stay_with_their_people(world: World) -> None:
    page, office = clash(world), world.staff("officer")
    shown = office.get(page).text
    assert "有 1 对邻座的专业能力案例相同" in shown
    assert "不能整场重排" in shown
    assert "重新组卷" not in shown  # it is published
    assert "还没有保存" not in office.get(f"{page}?order=chance").text
    assert office.post(page, data={"order": "chance", "seed": "1"}).status_code == 409
    assert office.post(f"{page}/5/redraw").status_code == 409
    before = cases(world, "late")
    mended = office.post(f"{page}/mend", headers=PART).text
    assert "已换动" in mended
    assert "邻座的专业能力案例相同" not in mended
    assert cases(world, "late") == before
    nothing = office.post(f"{page}/mend")
    assert nothing.status_code == 409
    assert "没有要错开的" in nothing.text


def places_of(world: World) -> dict[str, int]:
    """Return who sits at which seat, by the sitters' short names."""
    with world.app.app_context(), reading() as session:
        query = select(Registration.id, Seat.number).join(Seat, Seat.id == Registration.seat_id)
        at = dict(session.execute(query).all())
    return {name: at[one.registration_id] for name, one in world.sitters.items()}


@pytest.mark.once
def test_that_neighbours_were_parted_is_taken_back_until_somebody_is_seated_anew(world: World) -> None:
    page, office = clash(world), world.staff("officer")
    before = places_of(world)
    assert "撤回换座错开" not in office.get(page).text
    assert office.post(f"{page}/restore").status_code == 409
    office.post(f"{page}/mend")
    assert places_of(world) != before
    assert "撤回换座错开" in office.get(page).text
    assert "已换回" in office.post(f"{page}/restore", headers=PART).text
    assert places_of(world) == before
    assert office.post(f"{page}/restore").status_code == 409  # once
    with world.app.app_context(), reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "seats.restore")).one()
    assert json.loads(entry.after)["moves"]

    office.post(f"{page}/mend")
    moved = next(name for name, number in places_of(world).items() if before[name] != number)
    free = next(number for number in range(1, 9) if number not in places_of(world).values())
    exchanged = {"one": str(places_of(world)[moved]), "other": str(free)}
    assert office.post(f"{page}/exchange", data=exchanged).status_code == 303
    assert "撤回换座错开" not in office.get(page).text
    assert office.post(f"{page}/restore").status_code == 409


def test_before_publishing_one_of_two_neighbours_gets_another_form(world: World) -> None:
    page, office = clash(world), world.staff("officer")
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(state="draft"))
        session.execute(update(SittingRoom).values(state="draft"))
    assert "给陈静重新组卷" in office.get(page).text
    assert office.post(f"{page}/1/redraw").status_code == 404  # a theory paper has no case
    done = office.post(f"{page}/5/redraw", follow_redirects=True).text
    assert "已给陈静重新组卷" in done
    assert "邻座的专业能力案例相同" not in done
    assert not cases(world, "late").items() & cases(world, "skills").items()


@pytest.mark.once
def test_a_room_tells_its_spare_seats_from_the_others(day: Day) -> None:
    client = crowd(day, 2)
    with day.write() as session:
        for number in (5, 6):
            session.scalars(select(Seat).where(Seat.number == number)).one().spare = True
    shown = flat(client.get(page_of(day)).text)
    with day.app.test_request_context():
        assert str(_("batches.seating.lead", people=2, seats=6, spares=2)) in shown
    assert shown.count('<span class="name">备用') == 2
