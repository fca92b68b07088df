"""What of a person can be erased, by where their exams and applications stand; what is said of the rest (R-95)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from cbt.candidates.models import Candidate
from cbt.enrolment.models import Applicant, FeeCharge, UnitApplication
from cbt.personal import PHONE
from cbt.retention.due_batches import place_hold
from cbt.retention.erasure import PIECE, ROWS, erase_piece, reduce_people
from cbt.retention.personal_data import PersonStanding, erase_person, person_by_ref, standing_of
from cbt.rules.states import ApplicationState, SittingState
from cbt.sittings.models import Batch, Sitting
from cbt.storage.crypto import seal
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.certificates.test_certificates import people
from tests.enrolment.test_applications import Desk, desk, unit
from tests.enrolment.test_units import officer
from tests.world import World

__all__ = ["desk", "officer", "unit"]

TODAY = date(2026, 11, 20)
OVER = {SittingState.RELEASED, SittingState.CANCELLED, SittingState.ABORTED}
VAIN = {ApplicationState.WITHDRAWN, ApplicationState.REFUSED}


def standing(world: World, ref: str, today: date = TODAY) -> PersonStanding:
    with world.app.test_request_context(), reading() as session:
        return standing_of(session, person_by_ref(session, ref), today=today)


def put(world: World, **values: object) -> None:
    """Have every application stand so."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(UnitApplication).values(values))


def with_phone(world: World, name: str) -> str:
    """Give somebody of the world a phone; return their ref."""
    (ref,) = people(world, name)
    with world.app.app_context(), unit_of_work() as session:
        found = session.scalars(select(Candidate).where(Candidate.ref == ref)).one()
        found.phone_sealed = seal("13800138000", PHONE)
    return ref


@pytest.mark.once
def test_a_phone_goes_once_every_exam_of_its_person_is_over(world: World) -> None:
    ref = with_phone(world, "theory")
    for state in SittingState:
        with world.app.app_context(), unit_of_work() as session:
            session.execute(update(Sitting).values(state=state.value))
        found = standing(world, ref)
        assert (found.details, found.erasable) == (({"phone": 1}, True) if state in OVER else ({}, False)), (
            state
        )
        assert any("联系电话" in one.what for one in found.stays) is (state not in OVER), state


@pytest.mark.once
def test_who_was_applied_for_goes_where_it_came_to_nothing(world: World, desk: Desk, unit: str) -> None:
    """Of an application that stands in a batch, the records of that batch say until when."""
    desk.enter()
    with world.app.app_context(), reading() as session:
        applied = session.scalars(select(Applicant)).one()
        batch = session.scalars(select(Batch).where(Batch.ref == world.batch_ref)).one()
    with world.app.app_context(), unit_of_work() as session:
        session.add(Batch(ref="ba-other", name="另一批次", created_at=world.clock.now(), occupation=""))
    for state in ApplicationState:
        put(world, state=state.value, batch_id=None)
        found, vain = standing(world, applied.ref), state in VAIN
        assert ([one.id for one in found.applicants], found.details) == ([applied.id] if vain else [], {}), (
            state
        )
        assert any("2026-0001" in one.what for one in found.stays) is not vain, state
    put(world, state="done", batch_id=batch.id)
    found = standing(world, applied.ref)
    assert ([*found.applicants], found.details) == ([], {"phone": 1})
    records = [one.what for one in found.stays if "报名" in one.what]
    assert [batch.name in what for what in records] == [True]
    due = date(2031, 11, 25)
    untils = {}
    for today in (due - timedelta(days=1), due):
        (kept,) = (one for one in standing(world, applied.ref, today).stays if batch.name in one.what)
        untils[today] = kept.until
    with world.app.app_context():
        place_hold(world.batch_ref, reason="来函", now=world.clock.now(), actor="staff:x")
    (kept,) = (one for one in standing(world, applied.ref, due).stays if batch.name in one.what)
    assert len({*untils.values(), kept.until}) == 3
    assert all(due.isoformat() in until for until in untils.values())
    assert due.isoformat() not in kept.until


@pytest.mark.once
def test_what_is_erased_is_this_persons_alone(world: World, desk: Desk, unit: str) -> None:
    """The phone goes from the person and from every application that stays; one in vain goes whole."""
    ref, other = with_phone(world, "theory"), with_phone(world, "second")
    desk.enter()
    desk.begin(unit=unit)
    desk.enter()
    with world.app.app_context(), unit_of_work() as session:
        mine = session.scalars(select(Candidate).where(Candidate.ref == ref)).one()
        session.execute(update(Applicant).values(document_index=mine.document_index))
        session.execute(update(Sitting).values(state="released"))
        batch = session.scalars(select(Batch.id)).first()
        stays, vain = session.scalars(select(UnitApplication).order_by(UnitApplication.id))
        stays.state, stays.batch_id, vain.state = "done", batch, "withdrawn"
        kept = stays.id
    assert standing(world, ref).details == {"phone": 2}
    with world.app.test_request_context():
        assert erase_person(ref, reason="申请", today=TODAY, now=world.clock.now(), actor="staff:x") is True
    with world.app.app_context(), reading() as session:
        (left,) = session.scalars(select(Applicant))
        assert (left.application_id, left.phone_sealed) == (kept, None)
        phones = {
            one.ref: one.phone_sealed is not None
            for one in session.scalars(select(Candidate).where(Candidate.ref.in_((ref, other))))
        }
    assert phones == {ref: False, other: True}


@pytest.mark.once
def test_of_whom_a_certificate_stays_only_their_own_details_go(world: World) -> None:
    ref, other = with_phone(world, "theory"), with_phone(world, "second")
    with world.app.app_context():
        with unit_of_work() as session:
            found = {one.ref: one for one in session.scalars(select(Candidate))}
            kept = found[other].phone_sealed
            for ids in ([], [found[ref].id]):
                reduce_people(session, ids, Counter())
        with reading() as session:
            phones = {one.ref: one.phone_sealed for one in session.scalars(select(Candidate))}
    assert (phones[ref], phones[other]) == (None, kept)


@pytest.mark.once
def test_a_batch_of_many_applications_goes_in_pieces(world: World, desk: Desk, unit: str) -> None:
    """No transaction takes more rows than a save may wait for; what an application says of people goes as well."""
    desk.enter()
    many, each = PIECE + 2, 12
    with world.app.app_context(), unit_of_work() as session:
        batch = Batch(ref="ba-many", name="多", created_at=world.clock.now(), occupation="")
        session.add(batch)
        session.flush()
        one, person = session.scalars(select(UnitApplication)).one(), session.scalars(select(Applicant)).one()
        facts, of_person = (
            {
                key: getattr(row, key)
                for key in map(str, row.__table__.columns.keys())
                if key not in ("id", "ref", "number")
            }
            for row in (one, person)
        )
        for number in range(many):
            written = {
                "note": "请靠门坐",
                "batch_id": batch.id,
                "ref": f"ap-{number}",
                "number": f"2026-1{number:03}",
            }
            made = UnitApplication(**facts | written)
            session.add(made)
            session.flush()
            session.add_all(
                Applicant(
                    ref=f"pe-{number}-{place}",
                    **of_person | {"application_id": made.id, "document_index": f"{number}-{place}"},
                )
                for place in range(each)
            )
        batch_id, own, own_person = batch.id, one.ref, person.ref
    pieces, more = [], True
    with world.app.app_context():
        while more and len(pieces) < 20:
            gone: Counter[str] = Counter()
            with unit_of_work() as session:
                more = erase_piece(session, batch_id, gone, last_on=TODAY - timedelta(days=1))
            pieces.append(gone.total())
        with reading() as session:
            assert list(session.scalars(select(Applicant.ref))) == [own_person]
            notes = session.execute(select(UnitApplication.ref, UnitApplication.note)).all()
            assert session.scalars(select(FeeCharge)).all() == []
    assert (max(pieces), sum(pieces)) == (ROWS, many * each)
    assert {note for ref, note in notes if ref != own} == {""}
    assert len(notes) == many + 1
