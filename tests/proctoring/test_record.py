"""考后材料: figures are those of the room, papers are whole with any name, a room that goes on has drafts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from flask_babel import force_locale
from sqlalchemy import delete, select, update

from cbt.audit.models import AuditEntry
from cbt.blueprints.reasons import table_now
from cbt.candidates.models import Candidate, CandidatePhoto, Registration
from cbt.printing.pdf import pdf
from cbt.proctoring.acts.room_end import ending
from cbt.proctoring.board.display import log_text
from cbt.proctoring.board.live import LogLine, LogPerson
from cbt.proctoring.board.seat_state import SeatNumbers, SeatState
from cbt.proctoring.record import (
    Comment,
    DoorFacts,
    HoldPeriod,
    Out,
    Reported,
    RoomRecord,
    Silence,
    TimeGrant,
    read_record,
)
from cbt.proctoring.record_papers import PAPERS, clock
from cbt.rules.states import ClosedBy, SittingState, State
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Gap
from cbt.sittings.store import room_view_for
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.translations.compiler import texts_of
from tests.helpers import count_queries
from tests.printing.paper import Paper, squeezed, told, whole
from tests.proctoring.desk import Desk, audited, change, done, running
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
LONG_NAME = "买买提·阿不都热依木·买买提江"
RARE = "王䶮𬭎"
EMBEDDED = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""What is about paper is tried on one database: the queries are, on both, by the others."""


def record_of(world: World) -> RoomRecord:
    with world.app.test_request_context(), reading() as session:
        principal = type("All", (), {"kind": "staff", "has": lambda self, *roles: True, "subject_id": 0})()
        return read_record(session, room_view_for(session, world.room_ref, principal), now=world.clock.now())


def told_at(world: World, of: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the lines of the log that say one of these words, with their times."""
    with world.app.test_request_context():
        rows = PAPERS["room_log"].gather(record_of(world))["parts"][0]["rows"]
    return [(at, text) for _number, at, text in rows if any(word in text for word in of)]


def printed(world: World, document: str, role: str = "proctor") -> Any:
    return world.staff(role).get(f"/proctor/rooms/{world.room_ref}/record/{document}.pdf")


def a_day(world: World) -> Desk:
    """Run the room through everything its papers tell: all six people end in another way."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(CandidatePhoto))
        for name, called in (("theory", RARE), ("late", LONG_NAME)):
            registration = session.get_one(Registration, world.sitters[name].registration_id)
            session.execute(
                update(Candidate).where(Candidate.id == registration.candidate_id).values(name=called)
            )
    pages = running(world, "theory", "skills", "extra", "late")
    change(
        world, "factor", arrived_at=None, checked_in_at=None, signed_in_at=None, pledged_at=None,
        absent_at=PLANNED, absent_cause="late",
    )  # fmt: skip
    desk = Desk(world)
    world.clock.advance(5 * MINUTE)
    done(
        desk.act("adjust", "theory", kind="site_fault", minutes="3", reason_code="device", reason="鼠标失灵")
    )
    done(desk.act("move", "theory", to_seat="8", reason="键盘坏"))
    done(desk.act("hold", reason_code="power", reason="跳闸"))
    world.clock.advance(2 * MINUTE)
    done(desk.act("resume_room", reason="来电"))
    world.clock.advance(26 * MINUTE)
    done(desk.act("force", "skills", reason="身体不适", second="officer"))
    done(desk.act("violation", "late", code="copying", reason="抄袭他人", second="officer"))
    assert pages["theory"].answer(1, "A").status_code in (200, 409)
    return desk


def over(world: World, desk: Desk) -> None:
    world.clock.set(PLANNED + 90 * MINUTE)
    with world.app.app_context():
        expire_overdue(now=world.clock.now())
    with world.app.app_context(), reading() as session:
        gaps = session.scalars(select(Gap.id)).all()
    for gap_id in gaps:
        done(desk.act("decide", gap=str(gap_id), refuse="1", reason_code="network"))
    done(desk.act("end", reason="正常"))


def test_the_papers_say_what_the_room_and_its_log_say(world: World, tmp_path: Path) -> None:
    desk = a_day(world)
    draft = printed(world, "room_record")
    assert "草稿" in told(draft, tmp_path)
    assert "filename*=UTF-8''" in draft.headers["Content-Disposition"]
    over(world, desk)

    record = record_of(world)
    balance = record.ending.balance
    assert (balance.expected, balance.present, balance.absent) == (6, 5, 1)
    end = next(line for line in record.lines if line.kind == "end")
    assert {name: dict(end.params)[name] for name in ("expected", "present", "absent")} == {
        "expected": "6", "present": "5", "absent": "1",
    }  # fmt: skip
    sheet = told(printed(world, "room_record"), tmp_path)
    assert "草稿" not in sheet
    with world.app.test_request_context():
        said = {name: squeezed(str(one.gather(record))) for name, one in PAPERS.items()}
        lines = [[str(number), clock(line.at), log_text(line)] for number, line in enumerate(record.lines, 1)]
        rows = PAPERS["room_log"].gather(record)["parts"][0]["rows"]
        assert [[*row[:2], row[2].partition("\n")[0]] for row in rows] == lines
    assert "应考6=实考5+缺考1" in sheet
    # Handed in 0, at the deadline 2 (theory, extra), forced 1, violation 1, evacuation 0, nothing written 1.
    assert re.search(r"考生交卷到时收卷强制收卷违纪终止疏散收卷到场未作答021101", sheet), sheet
    with world.app.app_context(), reading() as session:
        head = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert any(squeezed(f"日志锚点{entry.id}") in sheet for entry in head)
    assert "跳闸" in sheet
    assert "抄袭他人" in said["absences"]
    assert "迟到" in said["absences"]
    for text in ("换到08机位", "键盘坏", "补时3分", "鼠标失灵", "加时15分", "停电·跳闸"):
        assert text in said["changes"], text
    assert said["no_photos"].count(squeezed("测试")) == 0
    assert record.lines[-1].kind == "end"
    for name in (RARE, LONG_NAME):
        for document in ("attendance", "no_photos", "room_log"):
            assert name in said[document], (document, name)
    acts = set(audited(world))
    assert "print.room_record" in acts


@pytest.mark.once
def test_who_may_have_a_rooms_papers_and_what_the_pages_say(world: World) -> None:
    world.admit_all()
    page = f"/proctor/rooms/{world.room_ref}/record"
    for role in ("proctor", "chief_proctor", "officer", "inspector", "admin"):
        assert world.staff(role).get(page).status_code == 200, role
    assert world.staff("proctor_elsewhere").get(page).status_code == 404
    assert world.staff("proctor_elsewhere").get(f"{page}/room_log.pdf").status_code == 404
    assert world.staff("marker").get(page).status_code == 403
    text = world.staff("proctor").get(page).text
    assert len(re.findall(r"草稿\s*</span>", text)) == len(PAPERS)
    assert "还有 6 人未交卷或未登录" in text
    office = f"/office/sittings/{world.sitting_ref}/record"
    assert world.staff("proctor").get(office).status_code == 403
    shown = world.staff("officer")
    with count_queries(world.app) as asked:
        assert page in shown.get(office).text
    assert len(asked) <= 12
    with count_queries(world.app) as asked:
        shown.get(page)
    assert len(asked) <= 40
    assert printed(world, "nothing").status_code == 404


@pytest.fixture
def paper_app(world: World) -> Iterator[flask.Flask]:
    with world.app.test_request_context():
        yield world.app


def crowd(record: RoomRecord, count: int) -> RoomRecord:
    """Return a record of `count` people made of one of six: long and rare names, everything that may happen."""
    one = record.board.seats[0]
    names = (RARE, LONG_NAME, "Wolfeschlegelsteinhausenbergerdorffvoralternwarengewissenhaf", "李娜")
    ends = (ClosedBy.CANDIDATE, ClosedBy.DEADLINE, ClosedBy.VIOLATION, ClosedBy.PROCTOR)
    then = dict.fromkeys(("arrived_at", "checked_in_at", "signed_in_at", "started_at"), PLANNED)
    came = replace(
        one, state=SeatState.CLOSED, attempt_state=State.CLOSED, closed_at=PLANNED + 45 * MINUTE, **then
    )
    seats = tuple(
        replace(
            came, number=place + 1, seat_id=place, registration_id=place, ref=f"rg-{place}", attempt_id=place,
            ticket=f"26110010{place:04d}", name=names[place % 4], closed_by=ends[place % 4],
            violation_code="copying" if place % 4 == 2 else None,
        )
        for place in range(count)
    )  # fmt: skip
    absent = {"absent_at": PLANNED, "attempt_state": None, "closed_by": None, "closed_at": None}
    seats = tuple(
        replace(seat, state=SeatState.ABSENT, **absent) if place % 9 == 5 else seat
        for place, seat in enumerate(seats)
    )
    head = replace(record.board.head, state=SittingState.ENDED)
    board = replace(
        record.board, seats=seats, head=head, numbers={seat.ref: SeatNumbers(0, None, None) for seat in seats}
    )
    why, both, found = (
        "机位电源接触不良，更换后恢复",
        f"{LONG_NAME} + {LONG_NAME}",
        table_now().violation("copying"),
    )
    said = (("name", LONG_NAME), ("reason", why), ("seat", "07"), ("to", "99"), ("who", LONG_NAME))
    proof = (("object", "video"), "纸条一张，存考务办", LONG_NAME, f"我没有抄袭。{why * 4}", "refused")
    shown = DoorFacts("310***********1234", "hk_macao_taiwan_residence_permit", "late")
    return replace(
        record,
        board=board,
        ending=ending(board, now=record.printed_at),
        lines=(
            *(LogLine(PLANNED, "move_to", said),) * count,
            LogLine(PLANNED, "move", said, tuple(LogPerson(seat.label, seat.name) for seat in seats[:9])),
        ),
        moves=(
            *(LogLine(PLANNED, "move_to", said),) * count,
            *(
                LogLine(PLANNED, "move", tuple(sorted({**dict(said), "name": seat.name}.items())))
                for seat in seats[:9]
            ),
        ),
        stood=(HoldPeriod(PLANNED, None, "power", why, LONG_NAME),),
        given=tuple(
            TimeGrant(seat, PLANNED, "site_fault", 5 * MINUTE, "network", why, both, seat.number == 2)
            for seat in seats
        ),
        silences=tuple(
            Silence(seat, PLANNED, PLANNED + MINUTE, True, 6, False, True, timedelta(0)) for seat in seats
        ),
        out=tuple(Out(seat, PLANNED, None, LONG_NAME) for seat in seats[:5]),
        comments=tuple(
            Comment(seat, PLANNED, why * 3, LONG_NAME, "已改正", both) for seat in (seats[0], None)
        ),
        reports=tuple(
            Reported(kind, seat, PLANNED, code, row, why * 3, both, *proof, withdrawn)
            for kind, code, row in (("violation", "copying", found), ("incident", "power", None))
            for seat, withdrawn in [*((seat, None) for seat in seats[2::4]), (seats[0], "登记有误")]
        ),
        doors={seat.ref: shown for seat in seats},
        no_photo=seats,
    )


@EMBEDDED
@pytest.mark.parametrize(("count", "locale"), [(1, "en"), (30, "zh"), (100, "zh")])
def test_every_paper_is_whole_with_any_name_and_number(
    paper_app: flask.Flask, world: World, tmp_path: Path, count: int, locale: str
) -> None:
    record = crowd(record_of(world), count)
    with force_locale(locale):
        made = {name: (one.form, one.gather(record)) for name, one in PAPERS.items()}
    shown = {1: ("room_record", "changes"), 100: ("room_record", "attendance")}.get(count, PAPERS.keys())
    for name in shown:
        form, data = made[name]
        content = pdf(form, data, language=locale)
        assert name != "changes" or count > 1 or content == pdf(form, data, language=locale)
        pages = whole(content, tmp_path, f"{name}-{count}", ink=name == "room_record")
        text = "".join(page.text for page in pages)
        assert not re.search(r"(record|proctoring|door|candidates)\.[a-z]", text), text
        numbered(pages, locale)
        for words in data["words"]["signatures"]:
            assert all(squeezed(words) in page.text for page in pages)
        if name == "room_record":
            assert len(pages) <= min(count, 2)
        if count == 30:
            assert ("已撤销" in text) == (name in ("changes", "absences", "incidents"))
            assert ("拒签" in text.replace("签字或拒签", "")) == (name in ("absences", "incidents"))
            assert name != "incidents" or "督导意见（2条）" in text
            assert name != "room_record" or ("29人29次" in text and "39次" in text)
        if name in ("changes", "room_log"):
            assert all(squeezed(seat.name) in text for seat in record.board.seats[:9])
        if name in ("attendance", "no_photos"):
            for seat in record.board.seats:
                assert seat.ticket in text
                assert squeezed(seat.name) in text, seat.name


def numbered(pages: list[Paper], locale: str) -> None:
    for place, page in enumerate(pages, 1):
        said = texts_of(locale)["candidates.print.page"] % {"number": place, "count": len(pages)}
        assert squeezed(said) in page.text


def test_a_paper_has_all_its_pieces() -> None:
    for name in PAPERS:
        for language in ("zh", "en"):
            texts = texts_of(language)
            assert texts[f"candidates.print.{name}"]
            assert texts[f"record.about.{name}"]
