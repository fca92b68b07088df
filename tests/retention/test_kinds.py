"""Electronic records and paper: each due from its own day, destroyed in its own way, of one batch alone (R-95)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import Second
from cbt.accounts.store import staff_principal
from cbt.audit.models import AuditEntry
from cbt.enrolment.models import UnitApplication
from cbt.errors import CbtError
from cbt.http.i18n import local_day
from cbt.jobs.models import Job
from cbt.results.models import Release
from cbt.retention import due_batches
from cbt.retention.destruction import (
    GROUPS,
    _one_piece,
    ask,
    confirm,
    destruction_paper,
    destructions_of,
    registrations_left,
    shown,
    under_way,
    want_destructions,
    withdraw,
)
from cbt.retention.due_batches import (
    RetentionYears,
    change_terms,
    due_batch,
    due_page,
    lift_hold,
    place_hold,
)
from cbt.retention.erasure import STAYS, _came_to_nothing, erase_piece
from cbt.retention.models import Destruction, RetentionHold
from cbt.retention.personal_data import erase_person, export
from cbt.runner.models import Attempt
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import batch_by_ref
from cbt.storage.types import Base, Span
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.world import PLANNED, World

DAY = timedelta(days=1)
DUE = {"paper": date(2029, 11, 25), "electronic": date(2031, 11, 25)}
"""Of what was last added to on 24 November 2026, by the terms of three and five years."""
YEARS = {"paper": 3, "electronic": 5}
OTHER = "ba-other"


@pytest.fixture
def office(world: World) -> World:
    """The world with another batch, which nothing was planned in and which is as old by when it was made."""
    with world.app.app_context(), unit_of_work() as session:
        session.add(Batch(ref=OTHER, name="另一批次", created_at=PLANNED - 10 * DAY, occupation=""))
    return world


def actor(world: World, role: str) -> str:
    return f"staff:{world.people[role].ref}"


def asked(world: World, kind: str, today: date, *, batch: str = "") -> str:
    return ask(
        batch or world.batch_ref, kind=kind, note="期满", today=today, now=world.clock.now(),
        actor=actor(world, "officer"),
    )  # fmt: skip


def refused(act: Callable[..., object], *arguments: Any, **named: Any) -> str:
    """Return what an act is refused with."""
    with pytest.raises(CbtError) as error:
        act(*arguments, **named)
    return error.value.code


def row_of(ref: str) -> Destruction:
    with reading() as session:
        return session.scalars(select(Destruction).where(Destruction.ref == ref)).one()


@pytest.mark.once
def test_each_kind_is_asked_for_confirmed_and_withdrawn_by_itself(office: World) -> None:
    now, admin = office.clock.now(), actor(office, "admin")
    with office.app.app_context():
        for kind, due in DUE.items():
            with pytest.raises(CbtError) as early:
                asked(office, kind, due - DAY)
            assert (early.value.code, early.value.params["day"]) == ("retention.not_due", due.isoformat())
            first = asked(office, kind, due)
            assert refused(asked, office, kind, due) == "retention.asked"
            row = row_of(first)
            assert (row.kind, row.state, row.due_on, row.years) == (kind, "asked", due, YEARS[kind])
            assert (row.last_on, row.total, row.left, row.settled_at) == (date(2026, 11, 24), 0, 0, None)
            withdraw(first, now=now, actor=admin)
            assert (row_of(first).state, row_of(first).settled_by) == ("withdrawn", admin)
            assert refused(withdraw, first, now=now, actor=admin) == "retention.settled"
            second = asked(office, kind, due)
            with reading() as session:
                assert [one.ref for one in under_way(session)] == [second]
            for who, today, code in (
                ("officer", due, "retention.same_person"),
                ("admin", due - DAY, "retention.not_due"),
            ):
                assert refused(confirm, second, today=today, now=now, actor=actor(office, who)) == code
            confirm(second, today=due, now=now, actor=admin)
            row = row_of(second)
            assert (row.settled_by, row.settled_at) == (admin, now)
            assert refused(withdraw, second, now=now, actor=admin) == "retention.settled"
            assert refused(asked, office, kind, due) == "retention.asked"
            with office.app.test_request_context(), reading() as session:
                paper = destruction_paper(shown(session, row_of(second)))
            assert len(paper["parts"]) == (
                2 if kind == "electronic" else 1
            )  # rows are counted, sheets are not
            assert [text for _label, text in paper["facts"]].count(due.isoformat()) == 1
            if kind == "paper":  # it is gone when that is confirmed, and nothing else is
                assert (row.state, row.done_at, row.total) == ("done", now, 0)
                assert want_destructions(now=now) == 0
                place_hold(office.batch_ref, reason="来函", now=now, actor=admin)
                lift_hold(office.batch_ref, reason="结案", now=now, actor=actor(office, "officer"))
            else:
                assert (row.state, row.done_at) == ("running", None)
                assert row.total == row.left > 0
                assert [want_destructions(now=now) for _ in range(2)] == [1, 1]
                with unit_of_work() as session:
                    (job,) = session.scalars(select(Job).where(Job.kind == "retention.destroy"))
                    job.state = "failed"  # whatever ended it: the next goes on where it stood
                assert [want_destructions(now=now) for _ in range(2)] == [1, 1]
                late = refused(place_hold, office.batch_ref, reason="来函", now=now, actor=admin)
                assert late == "retention.running"
        assert refused(asked, office, "clay", date(2040, 1, 1)) == "retention.kind"
        with reading() as session:
            jobs = session.scalars(select(Job).where(Job.kind == "retention.destroy").order_by(Job.id)).all()
            assert [(one.subject, one.state) for one in jobs] == [
                (f"destruction:{second}", state) for state in ("failed", "waiting")
            ]
            assert [one.ref for one in under_way(session)] == [second]
            batch = batch_by_ref(session, office.batch_ref)
            assert registrations_left(session, batch.id) == row.total == len(office.sitters)
            settled = [(one.kind, one.state) for one in destructions_of(session, batch.id)]
            other = batch_by_ref(session, OTHER)
            assert (destructions_of(session, other.id), registrations_left(session, other.id)) == ([], 0)
            said = session.execute(
                select(AuditEntry.act, AuditEntry.reason, AuditEntry.actor).where(
                    AuditEntry.act.like("retention.%"), AuditEntry.subject.like("destruction:%")
                )
            ).all()
    assert settled == [
        ("paper", "withdrawn"), ("paper", "done"), ("electronic", "withdrawn"), ("electronic", "running"),
    ]  # fmt: skip
    officer = actor(office, "officer")
    once = [
        ("retention.ask", "期满", officer), ("retention.withdraw", "", admin), ("retention.ask", "期满", officer),
        ("retention.confirm", "", admin),
    ]  # fmt: skip
    assert [tuple(one) for one in said] == once * 2


def lists(today: date) -> dict[str, list[str]]:
    """Return the batches of each list, which say as many as they count."""
    found = {}
    with reading() as session:
        for name in due_batches.LISTS:
            page = due_page(session, list=name, today=today, page=1)
            found[name] = [one.batch.ref for one in page.lines]
            assert {name: len(rows) for name, rows in found.items()}.items() <= (page.counts or {}).items()
    return {name: refs for name, refs in found.items() if refs}


@pytest.mark.once
def test_a_batch_stands_in_the_list_it_belongs_in_and_a_hold_is_of_one_batch(office: World) -> None:
    own, due, other_due = office.batch_ref, DUE["electronic"], date(2031, 11, 15)
    now, officer, admin = office.clock.now(), actor(office, "officer"), actor(office, "admin")
    with office.app.app_context():
        assert lists(other_due - DAY) == {"later": [OTHER, own]}
        assert lists(other_due) == {"due": [OTHER], "later": [own]}
        assert lists(due - DAY) == {"due": [OTHER], "later": [own]}
        assert lists(due) == {"due": [OTHER, own]}
        place_hold(OTHER, reason="来函", now=now, actor=officer)
        assert lists(due) == {"due": [own], "held": [OTHER]}
        assert refused(place_hold, OTHER, reason="来函", now=now, actor=admin) == "retention.held"
        assert refused(asked, office, "paper", due, batch=OTHER) == "retention.held"
        assert refused(lift_hold, own, reason="结案", now=now, actor=admin) == "retention.not_held"
        confirm(asked(office, "electronic", due), today=due, now=now, actor=admin)
        assert lists(due) == {"held": [OTHER], "gone": [own]}
        for reason, by, code in (
            (" ", admin, "retention.no_reason"),
            ("结案", officer, "retention.own_hold"),
        ):
            assert refused(lift_hold, OTHER, reason=reason, now=now, actor=by) == code
        lift_hold(OTHER, reason="结案", now=now, actor=admin)
        assert lists(due) == {"due": [OTHER], "gone": [own]}
        place_hold(OTHER, reason="又一次", now=now, actor=admin)
        with reading() as session:
            holds = session.scalars(select(RetentionHold).order_by(RetentionHold.id)).all()
            latest = due_batches.holds_of(session, batch_by_ref(session, OTHER).id)
            assert [one.reason for one in latest] == ["又一次", "来函"]
            assert due_batches.holds_of(session, batch_by_ref(session, own).id) == []
    assert [(one.placed_by, one.lifted_by, one.lift_reason, one.lifted_at) for one in holds] == [
        (officer, admin, "结案", now),
        (admin, "", "", None),
    ]


@pytest.mark.once
def test_terms_are_of_each_kind_and_move_the_days(office: World) -> None:
    now = office.clock.now()
    with office.app.app_context(), reading() as session:
        first = staff_principal(session, office.people["admin"].ref)
        assert first is not None
    with office.app.app_context():
        change_terms(RetentionYears(6, 4), first=first, second=None, now=now)
        change_terms(RetentionYears(6, 4), first=first, second=None, now=now)  # as they are: nothing is said
        for kind, due in (("paper", date(2030, 11, 25)), ("electronic", date(2032, 11, 25))):
            assert refused(asked, office, kind, due - DAY) == "retention.not_due"
            row = row_of(asked(office, kind, due))
            assert (row.due_on, row.years) == (due, {"paper": 4, "electronic": 6}[kind])
        change_terms(RetentionYears(5, 3), first=first, second=None, now=now)  # down to the rule's own
        for shorter in (RetentionYears(4, 3), RetentionYears(5, 2)):
            assert refused(change_terms, shorter, first=first, second=None, now=now) == "second.needed"
        assert due_batches.typed_years(" 30 ", "1") == RetentionYears(30, 1)
        for electronic, paper, field in (
            ("31", "1", "electronic"),
            ("1", "0", "paper"),
            ("x", "1", "electronic"),
        ):
            with pytest.raises(CbtError) as error:
                due_batches.typed_years(electronic, paper)
            assert (error.value.code, error.value.params["field"]) == ("retention.years", field)
        with reading() as session:
            log = session.scalars(select(AuditEntry).where(AuditEntry.act == "retention.terms")).all()
        assert [(one.before, one.after) for one in log] == [
            ('{"electronic_years":5,"paper_years":3}', '{"electronic_years":6,"paper_years":4}'),
            ('{"electronic_years":6,"paper_years":4}', '{"electronic_years":5,"paper_years":3}'),
        ]
        wish = due_batches.wish_for(RetentionYears(5, 3), RetentionYears(5, 2))
    assert [(line[0], line[2]) for line in wish.preview] == [("retention.terms.paper", "3 → 2")]


def entries_of(world: World) -> list[tuple[str, str, str, str, dict[str, object]]]:
    """Return the steps of retention on record: act, who, of what, why, and what is told."""
    with world.app.app_context(), reading() as session:
        query = select(AuditEntry).where(AuditEntry.act.startswith("retention.")).order_by(AuditEntry.id)
        return [
            (
                one.act.removeprefix("retention."),
                one.actor,
                one.subject,
                one.reason,
                json.loads(one.after or "{}"),
            )
            for one in session.scalars(query)
        ]


@pytest.mark.once
def test_every_step_is_on_record_of_its_kind_by_who_took_it_and_why(office: World) -> None:
    now, officer, admin = office.clock.now(), actor(office, "officer"), actor(office, "admin")
    with office.app.app_context():
        with pytest.raises(CbtError) as error:
            ask(office.batch_ref, kind="x", note="期满", today=DUE["paper"], now=now, actor=officer)
        assert (error.value.code, error.value.params) == ("retention.kind", {"field": "kind"})
        for act, code, field in (
            (lambda: ask(office.batch_ref, kind="paper", note=" ", today=DUE["paper"], now=now, actor=officer),
             "retention.no_note", "note"),
            (lambda: place_hold(office.batch_ref, reason="", now=now, actor=officer),
             "retention.no_reason", "reason"),
            (lambda: lift_hold(office.batch_ref, reason="", now=now, actor=officer),
             "retention.no_reason", "reason"),
        ):  # fmt: skip
            with pytest.raises(CbtError) as error:
                act()
            assert (error.value.code, error.value.params["field"]) == (code, field)
        assert entries_of(office) == []
        refs = {kind: asked(office, kind, due) for kind, due in DUE.items()}
        other = asked(office, "paper", date(2040, 1, 1), batch=OTHER)
        withdraw(other, now=now, actor=officer)
        place_hold(OTHER, reason="诉讼", now=now, actor=officer)
        assert refused(asked, office, "paper", date(2040, 1, 1), batch=OTHER) == "retention.held"
        lift_hold(OTHER, reason="已结案", now=now, actor=admin)
        for kind, ref in refs.items():
            confirm(ref, today=DUE[kind], now=now, actor=admin)
        paper, electronic = row_of(refs["paper"]), row_of(refs["electronic"])
        assert (paper.state, paper.done_at, paper.total) == ("done", now, 0)
        assert (electronic.state, electronic.done_at) == ("running", None)
        assert (
            refused(place_hold, office.batch_ref, reason="晚了", now=now, actor=officer)
            == "retention.running"
        )
        with reading() as session:
            assert electronic.total == electronic.left
            assert electronic.total == registrations_left(session, session.scalars(
                select(Batch.id).where(Batch.ref == office.batch_ref)
            ).one())  # fmt: skip
            assert registrations_left(session, session.scalars(
                select(Batch.id).where(Batch.ref == OTHER)
            ).one()) == 0  # fmt: skip
            hold = session.scalars(select(RetentionHold)).one()
            assert (hold.placed_by, hold.placed_at, hold.reason) == (officer, now, "诉讼")
            assert (hold.lifted_by, hold.lifted_at, hold.lift_reason) == (admin, now, "已结案")
    own, theirs = f"batch:{office.batch_ref}", f"batch:{OTHER}"
    subject = {name: f"destruction:{ref}" for name, ref in (*refs.items(), ("other", other))}
    about = {kind: {"batch": office.batch_ref, "kind": kind} for kind in DUE}
    of_other = {"batch": OTHER, "kind": "paper"}
    assert own != theirs
    assert entries_of(office) == [
        ("ask", officer, subject["paper"], "期满", about["paper"]),
        ("ask", officer, subject["electronic"], "期满", about["electronic"]),
        ("ask", officer, subject["other"], "期满", of_other),
        ("withdraw", officer, subject["other"], "", of_other),
        ("hold", officer, theirs, "诉讼", {}),
        ("lift", admin, theirs, "已结案", {}),
        ("confirm", admin, subject["paper"], "", about["paper"]),
        ("confirm", admin, subject["electronic"], "", about["electronic"]),
    ]


@pytest.mark.once
def test_shorter_terms_take_two_and_longer_ones_one(office: World) -> None:
    now = office.clock.now()
    with office.app.test_request_context():
        with reading() as session:
            first = staff_principal(session, office.people["admin"].ref)
            officer = staff_principal(session, office.people["officer"].ref)
        assert first is not None
        assert officer is not None
        second = Second(officer.subject_ref, "考务", frozenset({"officer"}))
        longer, shorter = RetentionYears(6, 3), RetentionYears(4, 3)
        change_terms(longer, first=first, second=None, now=now)
        change_terms(longer, first=first, second=None, now=now)
        assert refused(change_terms, shorter, first=first, second=None, now=now) == "second.needed"
        with reading() as session:
            assert due_batches.kept_years(session) == longer
        change_terms(shorter, first=first, second=second, now=now)
        with reading() as session:
            assert due_batches.kept_years(session) == shorter
        for typed, field in ((("0", "3"), "electronic"), (("5", "x"), "paper"), (("", "3"), "electronic")):
            with pytest.raises(CbtError) as error:
                due_batches.typed_years(*typed)
            assert (error.value.code, error.value.params["field"]) == ("retention.years", field)
        most = due_batches.MOST_YEARS
        assert due_batches.typed_years(f" {most}", "1 ") == RetentionYears(most, 1)
        assert refused(due_batches.typed_years, f"{most + 1}", "1") == "retention.years"
        wish = due_batches.wish_for(RetentionYears(5, 3), RetentionYears(4, 3))
        assert [tuple(line) for line in wish.preview] == [("retention.terms.electronic", "text", "5 → 4")]
        assert json.loads(wish.params) == {"electronic": 4, "paper": 3}
    by, terms = f"staff:{first.subject_ref}", "retention:1"
    told = [(act, who, after) for act, who, subject, _why, after in entries_of(office)]
    assert {one[2] for one in entries_of(office)} <= {terms, due_batches.SUBJECT}
    assert told == [
        ("terms", by, {"electronic_years": 6, "paper_years": 3}),
        ("terms", by, {"electronic_years": 4, "paper_years": 3, "second": f"staff:{officer.subject_ref}"}),
    ]


def test_what_went_is_counted_by_groups_of_tables_that_go() -> None:
    """Each table in one group alone; one that is in none is of the rest."""
    counted = [table for tables in GROUPS.values() for table in tables]
    assert len(counted) == len(set(counted))
    assert set(counted) <= Base.metadata.tables.keys() - STAYS
    assert {"candidate", "registration", "journal", "result", "candidate_photo", "incident"} <= set(counted)


def put_any(session: Session, table: Table, blank_at: datetime, /, **known: object) -> None:
    """Put a row into a table, whatever it says: what it refers to is the first there is."""
    blanks = {str: "x", int: 1, bool: True, date: blank_at.date(), bytes: b"x", object: blank_at}
    row: dict[str, object] = {}
    for column in table.columns:
        if column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = session.scalar(select(func.min(key.column)))
        elif not column.nullable and not (column.primary_key and column.name == "id"):
            span = isinstance(column.type, Span)
            row[column.name] = timedelta() if span else blanks[column.type.python_type]
    session.execute(table.insert().values(row | known))


@pytest.mark.once
def test_each_kind_of_what_stays_stays_whole_when_a_batch_is_erased(office: World) -> None:
    now = office.clock.now()
    with office.app.app_context(), unit_of_work() as session:
        stays = {*STAYS, "member_unit", "fee_payment"}
        tables = [table for table in Base.metadata.sorted_tables if table.name in stays]

        def held() -> dict[str, int]:
            return {
                table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
            }

        for table in tables:
            if not held()[table.name]:
                put_any(session, table, now)
        before, gone = held(), Counter[str]()
        batch = batch_by_ref(session, office.batch_ref)
        approval, sitter = Base.metadata.tables["approval"], office.sitters["theory"]
        attempt = session.scalars(select(Attempt.ref).where(Attempt.id == sitter.attempt_id)).one()
        shown_to_two = (
            f"attempt:{attempt}", f"registration:{sitter.registration_ref}",
            f"sitting_room:{office.room_ref}", f"sitting:{office.sitting_ref}", "staff:st-1",
        )  # fmt: skip
        for number, subject in enumerate(shown_to_two):
            put_any(session, approval, now, subject=subject, ref=f"ap-{number}")
        while erase_piece(session, batch.id, gone, last_on=now.date()):
            pass
        assert gone["registration"] == len(office.sitters)
        assert (held(), min(before.values()) > 0) == (before, True)
        assert session.scalars(select(approval.c.subject)).all() == ["staff:st-1"]


@pytest.mark.once
def test_a_batch_is_as_old_as_its_last_start_or_its_last_release(office: World) -> None:
    with office.app.app_context(), unit_of_work() as session:
        own, other = batch_by_ref(session, office.batch_ref), batch_by_ref(session, OTHER)
        sitting = session.scalars(select(Sitting).where(Sitting.ref == office.sitting_ref)).one()
        release = Release(sitting_id=sitting.id, released_at=PLANNED, by="staff:a", second="staff:b")
        session.add(release)
        started, made = date(2026, 11, 24), date(2026, 11, 14)
        for after, batch, days in (
            (-DAY, own, (started, made)),
            (3 * DAY, own, (date(2026, 11, 27), made)),
            (3 * DAY, other, (local_day(own.created_at), date(2026, 11, 27))),
            (-DAY, other, (local_day(own.created_at), started)),
        ):
            release.released_at, sitting.batch_id = PLANNED + after, batch.id
            session.flush()
            assert tuple(due_batch(session, one).last_on for one in (own, other)) == days
        session.rollback()


@pytest.mark.once
def test_what_is_not_confirmed_or_done_already_loses_nothing(office: World) -> None:
    with office.app.app_context():
        ref = asked(office, "electronic", DUE["electronic"])
        assert _one_piece(row_of(ref).id, now=office.clock.now()) is None
        row = row_of(ref)
        assert (row.state, row.counts, row.done_at) == ("asked", "{}", None)
        with reading() as session:
            batch = batch_by_ref(session, office.batch_ref)
            assert registrations_left(session, batch.id) == len(office.sitters)


@pytest.mark.once
def test_a_reason_and_a_note_are_taken_up_to_their_length(office: World) -> None:
    day, by = DUE["paper"], {"now": office.clock.now(), "actor": "staff:st-1"}
    acts: tuple[tuple[Callable[[str], object], int, str, str], ...] = (
        (lambda text: place_hold("ba-none", reason=text, **by), 300, "no_reason", "batch.unknown"),
        (lambda text: lift_hold("ba-none", reason=text, **by), 300, "no_reason", "batch.unknown"),
        (
            lambda text: ask("ba-none", kind="paper", note=text, today=day, **by),
            500,
            "no_note",
            "batch.unknown",
        ),
        (
            lambda text: erase_person("cd-none", reason=text, today=day, **by),
            300,
            "no_reason",
            "retention.person",
        ),
        (lambda text: export("cd-none", reason=text, today=day, **by), 300, "no_reason", "retention.person"),
    )
    with office.app.app_context():
        for act, most, too_long, further in acts:
            assert refused(act, "长" * (most + 1)) == f"retention.{too_long}"
            assert refused(act, "长" * most) == further


@pytest.mark.once
def test_what_went_is_told_by_group_and_what_is_in_none_as_the_rest(office: World) -> None:
    counted = {
        "candidate": 1, "registration": 2, "withdrawal": 3, "admission_ticket": 4, "attempt": 5, "journal": 6,
        "late_entry": 7, "recovered_entry": 8, "score": 9, "result": 10, "form": 11, "candidate_photo": 12,
        "applicant_photo": 13, "applicant": 14, "applicant_proof": 15, "evidence_scan": 16, "incident": 17,
        "incident_report": 18, "inspector_comment": 19, "approval": 20,
    }  # fmt: skip
    with office.app.app_context():
        ref = asked(office, "electronic", DUE["electronic"])
        with unit_of_work() as session:
            row = session.scalars(select(Destruction).where(Destruction.ref == ref)).one()
            row.counts = json.dumps(counted)
            assert shown(session, row).counts == {
                "people": 1, "registrations": 9, "attempts": 5, "answers": 21, "results": 19, "papers": 11,
                "photos": 25, "applicants": 14, "evidence": 31, "reports": 54, "rest": 20,
            }  # fmt: skip


@pytest.mark.once
def test_an_application_came_to_nothing_by_the_end_of_its_last_day_in_local_time(office: World) -> None:
    last, midnight = date(2026, 11, 24), datetime(2026, 11, 24, 16, tzinfo=UTC)
    before = midnight - timedelta(microseconds=1)
    tables = Base.metadata.tables
    with office.app.app_context(), unit_of_work() as session:
        put_any(session, tables["member_unit"], PLANNED)
        for number, (made, touched, in_batch) in enumerate(
            (
                (before, None, False),
                (midnight, None, False),
                (before, before, False),
                (before, midnight, False),
                (before, None, True),
            )
        ):
            batch = batch_by_ref(session, OTHER).id if in_batch else None
            put_any(
                session, tables["unit_application"], PLANNED, ref=f"ap-{number}", number=f"2026-{number}",
                created_at=made, batch_id=batch,
            )  # fmt: skip
            if touched is not None:
                newest = session.scalar(select(func.max(tables["unit_application"].c.id)))
                put_any(session, tables["application_step"], PLANNED, at=touched, application_id=newest)
        query = select(UnitApplication.ref).where(_came_to_nothing(last)).order_by(UnitApplication.id)
        assert session.scalars(query).all() == ["ap-0", "ap-2"]
