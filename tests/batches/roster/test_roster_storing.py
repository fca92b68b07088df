"""A roster is stored a few people at a time: whole in the end or not at all, and its process may die."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from cbt.batches import applications
from cbt.batches.roster import entries, roster_import
from cbt.batches.roster.models import RosterCheck, RosterPart
from cbt.candidates.models import AdmissionTicket, Candidate, CandidatePhoto, Registration
from cbt.demo.world import Hall
from cbt.errors import Conflict
from cbt.jobs.models import Job
from cbt.jobs.queue import HELD
from cbt.rules.planning.distribution import LeftOver
from tests.batches.roster.bringing import (
    BLUEPRINTS,
    BOTH,
    Office,
    another_room,
    another_sitting,
    count,
    people,
    seated,
)
from tests.candidates.rosters import HEADERS, row, xlsx
from tests.sittings.conftest import OFFICER, Day


class Killed(BaseException):
    """The end of a process: nothing of it goes on."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two people be a parcel."""
    monkeypatch.setattr(entries, "CHUNK", 2)


@pytest.fixture
def confirmed(day: Day) -> tuple[Office, str]:
    """A roster of five people with both papers that waits to be stored."""
    another_sitting(day, timedelta(hours=5), "下午")
    office = Office(day)
    address = office.bring(people(1, 5, paper=BOTH))
    assert office.client.post(address).status_code == 303
    return office, address


def broken_after(monkeypatch: pytest.MonkeyPatch, parcels_down: int, error: BaseException) -> None:
    """Have the next parcel after so many raise."""
    original, calls = entries.put_down_joined, []

    def failing(*rows: Any, **named: Any) -> bool:
        calls.append(rows)
        if len(calls) == parcels_down + 1:
            raise error
        return original(*rows, **named)

    monkeypatch.setattr(entries, "put_down_joined", failing)


def counts(day: Day) -> tuple[int, int, int]:
    return count(day, Registration), count(day, AdmissionTicket), count(day, Candidate)


def test_one_that_was_killed_goes_on_where_it_stood(
    day: Day, confirmed: tuple[Office, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, address = confirmed
    with monkeypatch.context() as patch:
        broken_after(patch, 2, Killed())
        patch.setattr(entries, "take_back", lambda *_rest: None)  # who is killed does nothing more
        with pytest.raises(Killed):
            office.work(address)
    assert counts(day) == (8, 4, 4)
    assert office.client.post(f"{address}/plan").status_code == 409  # nobody plans what is half stored
    assert office.client.post(f"{address}/drop").status_code == 303
    assert counts(day)[0] == 8
    day.clock.advance(HELD + timedelta(seconds=1))
    assert office.work(address)
    assert counts(day) == (10, 5, 5)
    assert len({where for papers in seated(day).values() for where in papers}) == 10
    assert count(day, RosterPart) == 0


def test_one_that_died_too_often_can_be_taken_back(
    day: Day, confirmed: tuple[Office, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, address = confirmed
    with monkeypatch.context() as patch:
        broken_after(patch, 1, Killed())
        patch.setattr(entries, "take_back", lambda *_rest: None)
        with pytest.raises(Killed):
            office.work(address)
    with day.write() as session:
        session.execute(update(Job).values(tries=99))
    day.clock.advance(HELD + timedelta(seconds=1))
    assert not office.work(address)
    assert "只导入了一部分" in office.text(address)
    assert counts(day) == (4, 2, 2)
    assert office.client.post(f"{address}/drop").status_code == 303
    assert (counts(day), count(day, RosterCheck)) == ((0, 0, 0), 0)


def test_one_that_breaks_is_taken_back_whole(
    day: Day, confirmed: tuple[Office, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, address = confirmed
    with monkeypatch.context() as patch:
        broken_after(patch, 4, Conflict("ticket.used_up"))  # everybody and one photo are down
        patch.setattr(applications, "TOGETHER", 1)
        patch.setattr(applications, "photos_to_carry", lambda _session, who: dict.fromkeys(who, b"photo"))
        assert not office.work(address)
    assert counts(day) == (0, 0, 0)
    assert count(day, CandidatePhoto) == 0
    assert "准考证号" in office.text(address)
    assert office.client.post(f"{address}/retry").status_code == 303
    office.work(address)
    assert "确认导入 10 人次" in office.text(address)


def test_who_was_quicker_keeps_the_seat_and_nobody_else_is_registered(
    day: Day, confirmed: tuple[Office, str]
) -> None:
    office, address = confirmed
    with day.app.app_context():
        roster_import.import_roster(
            sitting_ref=day.sitting_ref,
            file_name="a.xlsx",
            body=xlsx([[*row(9), "5"]], [*HEADERS, "机位号"]),
            folder=BLUEPRINTS,
            now=day.clock.now(),
            actor=OFFICER,
        )
    assert not office.work(address)
    assert "有人改动了报名" in office.text(address)
    assert seated(day).keys() == {"考生9"}
    assert counts(day) == (1, 1, 1)


def test_somebody_who_came_by_another_way_meanwhile_is_registered_for_the_rest(
    day: Day, confirmed: tuple[Office, str]
) -> None:
    office, address = confirmed
    room = another_room(day, Hall("二号机房", 4, 1))
    elsewhere = another_sitting(day, timedelta(hours=24), "次日", room)
    with day.app.app_context():
        roster_import.import_roster(
            sitting_ref=elsewhere,
            file_name="a.xlsx",
            body=xlsx([row(1), row(2)], HEADERS),
            folder=BLUEPRINTS,
            now=day.clock.now(),
            actor=OFFICER,
        )
    assert office.work(address)
    assert counts(day) == (12, 5, 5)
    with day.read() as session:
        numbers = session.scalars(select(AdmissionTicket.number)).all()
    assert len(set(numbers)) == 5


def test_a_large_file_by_command_goes_the_same_way(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_import, "TOGETHER", 1)
    another_sitting(day, timedelta(hours=5), "下午")
    with day.app.app_context():
        done = roster_import.import_roster(
            batch_ref=day.batch_ref,
            file_name="a.xlsx",
            body=xlsx(people(1, 5, paper=BOTH), HEADERS),
            folder=BLUEPRINTS,
            now=day.clock.now(),
            actor=OFFICER,
        )
    assert (len(done.plan.placements), counts(day)) == (10, (10, 5, 5))


def test_the_statements_say_every_column_that_may_not_be_empty() -> None:
    for table, statement in (
        (Candidate, entries.NEW_PERSON),
        (AdmissionTicket, entries.NEW_TICKET),
        (Registration, entries.NEW_PAPER),
    ):
        named = statement.partition("(")[2].partition(")")[0].split(", ")
        needed = {one.name for one in table.__table__.columns if not one.nullable and one.name != "id"}
        assert needed <= set(named), table


def test_ticket_numbers_go_on_beyond_four_digits(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    with day.app.app_context():
        roster_import.import_roster(
            batch_ref=day.batch_ref,
            file_name="a.xlsx",
            body=xlsx([[*row(1), "261100199980"]], [*HEADERS, "准考证号"]),
            folder=BLUEPRINTS,
            now=day.clock.now(),
            actor=OFFICER,
        )
        roster_import.import_roster(
            batch_ref=day.batch_ref,
            file_name="a.xlsx",
            body=xlsx(people(2, 4), HEADERS),
            folder=BLUEPRINTS,
            now=day.clock.now(),
            actor=OFFICER,
        )
    with day.read() as session:
        numbers = session.scalars(select(AdmissionTicket.number).order_by(AdmissionTicket.id)).all()
    assert [number[:-1] for number in numbers[1:]] == ["26110019999", "261100110000", "261100110001"]


def test_every_reason_has_its_words() -> None:
    texts = (Path(__file__).parents[3] / "cbt/translations/zh/batches.po").read_text("utf-8")
    assert all(f'"batches.roster.left.{one.value}"' in texts for one in LeftOver)
