"""Importing a roster: who is registered where, what stops it, all of a file or nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from cbt.audit.models import AuditEntry
from cbt.batches.roster import roster_import
from cbt.batches.roster.planner import CheckedRoster
from cbt.candidates import store
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.candidates.registration import check_digit
from cbt.errors import Conflict, InvalidInput
from cbt.paths import product_dir
from cbt.sittings import store as sittings
from cbt.sittings.service import cancel_sitting, create_sitting
from cbt.spreadsheets.findings import Severity
from cbt.storage.crypto import DOCUMENT, open_sealed
from tests.candidates.rosters import HEADERS, resident, row, xlsx
from tests.helpers import count_queries
from tests.sittings.conftest import OFFICER, PLANNED, Day

BLUEPRINTS = product_dir("blueprints")
SECOND = timedelta(seconds=1)


def bring(
    day: Day, rows: Sequence[Sequence[object]], headers: Sequence[str] = HEADERS, *, sitting: str = ""
) -> CheckedRoster:
    """Import a roster into the day's sitting."""
    with day.app.app_context():
        return roster_import.import_roster(
            sitting_ref=sitting or day.sitting_ref,
            file_name="名册.xlsx",
            body=xlsx(rows, headers),
            folder=BLUEPRINTS,
            now=day.clock.now(),
            actor=OFFICER,
        )


def problems(
    day: Day, rows: Sequence[Sequence[object]], headers: Sequence[str] = HEADERS, *, sitting: str = ""
) -> list[tuple[int, str, bool]]:
    """Return row, code and severity of what a dry run finds."""
    with day.app.app_context():
        checked = roster_import.dry_run(
            sitting_ref=sitting or day.sitting_ref,
            file_name="名册.xlsx",
            body=xlsx(rows, headers),
            folder=BLUEPRINTS,
        )
    return [(one.place.line, one.code, one.severity is Severity.ERROR) for one in checked.plan.findings]


def another_sitting(day: Day, after: timedelta, name: str = "下午") -> str:
    with day.write() as session:
        sitting = create_sitting(
            session, batch=sittings.batch_by_ref(session, day.batch_ref),
            centre=sittings.centre_by_ref(session, day.centre_ref), name=name,
            planned_start_at=PLANNED + after, rooms=[sittings.room_by_ref(session, day.room_ref)],
            now=day.clock.now(), actor=OFFICER,
        )  # fmt: skip
        return sitting.ref


def seats_of(day: Day) -> dict[str, int]:
    with day.read() as session:
        sitting, _ = day.work(session)
        entries = store.entries_of_sitting(session, sitting.id)
    return {entry.candidate.name: entry.seat.number for entry in entries}


def count(day: Day, table: type) -> int:
    with day.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_everybody_gets_a_seat_and_the_spare_stays_free(day: Day) -> None:
    done = bring(day, [row(number) for number in range(1, 6)])
    assert len(done.plan.placements) == 5
    assert seats_of(day) == {f"考生{number}": number for number in range(1, 6)}


def test_a_sixth_candidate_needs_another_room(day: Day) -> None:
    rows = [row(number) for number in range(1, 7)]
    assert problems(day, rows) == [(7, "roster.no_seat", True)]
    with pytest.raises(InvalidInput) as refused:
        bring(day, rows)
    assert refused.value.code == "roster.refused"
    assert (count(day, Registration), count(day, Candidate), count(day, AdmissionTicket)) == (0, 0, 0)


def test_rows_that_name_a_seat_get_it_and_the_others_fill_up(day: Day) -> None:
    headers = [*HEADERS, "机位号"]
    bring(day, [[*row(1), ""], [*row(2), "1"], [*row(3), "06"], [*row(4), ""]], headers)
    assert seats_of(day) == {"考生2": 1, "考生1": 2, "考生4": 3, "考生3": 6}


def test_ticket_numbers_are_made_once_for_a_person_and_batch(day: Day) -> None:
    bring(day, [row(1), row(2)])
    later = another_sitting(day, timedelta(hours=2))
    bring(day, [row(1, paper="专业能力考核"), row(3)], sitting=later)
    with day.read() as session:
        numbers = session.scalars(select(AdmissionTicket.number).order_by(AdmissionTicket.id)).all()
        tickets = session.scalars(
            select(Registration.ticket_id).join(Candidate, Candidate.id == Registration.candidate_id)
            .where(Candidate.name == "考生1")
        ).all()  # fmt: skip
    assert len(numbers) == 3
    assert len(set(tickets)) == 1
    assert all(number[-1] == check_digit(number[:-1]) and number.startswith("2611") for number in numbers)


def test_a_repeated_import_registers_nobody_twice(day: Day) -> None:
    rows = [row(1), row(2)]
    bring(day, rows)
    again = bring(day, [*rows, row(3)])
    assert (again.plan.already, len(again.plan.placements)) == (2, 1)
    assert count(day, Registration) == 3


def test_what_the_roster_says_is_kept(day: Day) -> None:
    headers = [*HEADERS, "性别", "手机", "工作单位", "申报条件", "新考/补考", "合理便利（加时）", "备注"]
    bring(
        day,
        [[*row(1), "男", "13800001111", "浦江公司", "从业 4 年", "补考", "1.5倍、放大镜", "靠门"]],
        headers,
    )
    with day.read() as session:
        candidate = session.scalars(select(Candidate)).one()
        registration = session.scalars(select(Registration)).one()
        assert open_sealed(candidate.document_sealed, DOCUMENT) == resident(1)
        assert candidate.document_masked == resident(1)[:3] + "*" * 13 + resident(1)[-2:]
        assert resident(1).encode() not in candidate.document_sealed
    assert (candidate.gender, candidate.employer) == ("male", "浦江公司")
    assert (registration.kind, registration.factor, registration.extra) == (
        "retake",
        Decimal("1.5"),
        timedelta(0),
    )
    assert registration.tools == "magnifier"
    assert (registration.eligibility, registration.note) == ("从业 4 年", "靠门")


@pytest.mark.parametrize(
    ("rows", "headers", "found"),
    [
        pytest.param([row(1, level="特级")], HEADERS, [(2, "roster.level", True)], id="no such level"),
        pytest.param(
            [["", *row(1, paper="乐理")[1:]]],
            HEADERS,
            [(2, "roster.required", True), (2, "roster.paper", True)],
            id="a nameless row's paper is checked all the same",
        ),
        pytest.param([row(1, paper="面试")], HEADERS, [(2, "roster.paper", True)], id="no such paper"),
        pytest.param([row(1), row(1)], HEADERS, [(3, "roster.twice", True)], id="the same row twice"),
        pytest.param(
            [row(1), row(1, paper="技能")],
            HEADERS,
            [(3, "roster.both_papers", True)],
            id="two papers",
        ),
        pytest.param(
            [row(1), row(1, "另一人")],
            HEADERS,
            [(3, "roster.same_number", True)],
            id="one number, two names",
        ),
        pytest.param(
            [[*row(1), "第 9 批"]],
            [*HEADERS, "认定批次"],
            [(2, "roster.other_batch", True)],
            id="batch",
        ),
        pytest.param(
            [[*row(1), "三号机房"]], [*HEADERS, "考场"], [(2, "roster.no_room", True)], id="no room"
        ),
        pytest.param([[*row(1), "7"]], [*HEADERS, "机位号"], [(2, "roster.seat_taken", True)], id="no seat"),
        pytest.param(
            [[*row(1), "2"], [*row(2), "2"]],
            [*HEADERS, "机位号"],
            [(3, "roster.seat_taken", True)],
            id="one seat for two",
        ),
        pytest.param(
            [[*row(1), "A10001"], [*row(2), "A10001"]],
            [*HEADERS, "准考证号"],
            [(3, "roster.ticket_twice", True)],
            id="one ticket for two",
        ),
        pytest.param(
            [[*row(1), "电工"]], [*HEADERS, "职业"], [(2, "roster.occupation", True)], id="another occupation"
        ),
        pytest.param([[*row(1), "客服服务管理员"]], [*HEADERS, "职业"], [], id="an alias of the occupation"),
        pytest.param([[*row(1), "2026年第4批"]], [*HEADERS, "认定批次"], [], id="the batch without spaces"),
    ],
)
def test_a_dry_run_finds(
    day: Day, rows: list[list[object]], headers: list[str], found: list[tuple[int, str, bool]]
) -> None:
    assert problems(day, rows, headers) == found


def test_a_known_number_keeps_its_name(day: Day) -> None:
    bring(day, [row(1, "阿依古丽·买买提")])
    later = another_sitting(day, timedelta(hours=2))
    same = [row(1, "阿依古丽 • 买买提", paper="技能")]
    assert problems(day, same, sitting=later) == []
    other = [row(1, "阿依古丽", paper="技能")]
    assert problems(day, other, sitting=later) == [(2, "roster.name_differs", True)]


def test_a_ticket_belongs_to_one_person(day: Day) -> None:
    headers = [*HEADERS, "准考证号"]
    bring(day, [[*row(1), "A10001"]], headers)
    later = another_sitting(day, timedelta(hours=2))
    taken = [[*row(2), "A10001"], [*row(1, paper="技能"), "A10002"]]
    assert problems(day, taken, headers, sitting=later) == [
        (2, "roster.ticket_taken", True),
        (3, "roster.other_ticket", True),
    ]


def test_a_cancelled_sitting_takes_no_roster(day: Day) -> None:
    with day.write() as session:
        cancel_sitting(session, day.work(session)[0], reason="改期", now=PLANNED, actor=OFFICER)
    with pytest.raises(Conflict) as refused:
        bring(day, [row(1)])
    assert refused.value.code == "roster.sitting_closed"


def test_the_plan_asks_no_more_for_a_longer_roster(day: Day) -> None:
    problems(day, [row(1)])
    with count_queries(day.app) as one:
        problems(day, [row(1)])
    with count_queries(day.app) as five:
        problems(day, [row(number) for number in range(1, 6)])
    assert len(five) == len(one)


def test_an_import_is_one_line_of_the_log_without_personal_numbers(day: Day) -> None:
    bring(day, [row(1)])
    with day.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "roster.import")).one()
        assert '"registered":1' in entry.after
        assert resident(1) not in " ".join(session.scalars(select(AuditEntry.after)))
