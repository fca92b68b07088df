"""Every act of the office on a big world: no unit of work keeps others from writing for long, and the act is whole.

Source: I13.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update

from cbt.application.jobs import purge_sign_ins, want_due_jobs
from cbt.audit.flood_limit import WINDOW, settle_tallies
from cbt.audit.models import AuditEntry, AuditTally
from cbt.bank import service as bank
from cbt.bank import store
from cbt.bank.banks import item_bank as banks
from cbt.bank.banks.points_table import TableRow, table_revision, table_rows
from cbt.bank.imports.plan import PLAINLY
from cbt.bank.review import bulk
from cbt.bank.review.bulk import BulkAct, BulkScope, items_of, plan_bulk
from cbt.candidates import corrections
from cbt.candidates import service as candidates
from cbt.candidates.models import AdmissionTicket, CandidatePhoto
from cbt.candidates.prints import note_print, of_again
from cbt.certificates import register as certificates
from cbt.certificates.models import Certificate
from cbt.certificates.register import waiting_page
from cbt.certificates.uploads import STANDARD, UploadChoice, upload_file
from cbt.enrolment.fees import accounts
from cbt.enrolment.fees.accounts import FeeBooking, PaymentForm
from cbt.enrolment.models import Applicant, FeeCharge
from cbt.errors import Conflict, NotFound
from cbt.http.auth.login import Principal
from cbt.http.models import SentForm, Throttle
from cbt.items.models import ImportRun, Item, KnowledgePoint
from cbt.media.picture_copy import Redrawn
from cbt.proctoring.models import Incident
from cbt.retention.models import Destruction
from cbt.rules.roles import Role
from cbt.rules.states import ItemState
from cbt.runner.models import Attempt, JournalEntry
from cbt.sittings.models import SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.desk.people import BANK, make_items
from tests.bank.samples import ITEMS, TAXONOMY
from tests.bank.sheets import truth, workbook
from tests.certificates.test_certificates import level_of, qualify, set_parts
from tests.enrolment.test_applications import Desk, desk, people_of, state, unit
from tests.enrolment.test_fees import figures
from tests.enrolment.test_units import officer
from tests.enrolment.test_workbook import bring, enter, line
from tests.growth import grown
from tests.growth.scene import begin_small, writing
from tests.world import World
from tests.write_lock_work import held_units

__all__ = ["desk", "officer", "unit"]

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
ROOMS_MORE = 14
READY = 300
"""Of some thousand people, so many may get a certificate."""
PEOPLE = 350
ITEMS_MORE = 350
ROWS_OF_ATTEMPT = 400
"""A journal of an hour."""
INCIDENTS = 700
CLERK = "staff:st-clerk"


def too_long(world: World, acts: Mapping[str, Callable[[], object]]) -> dict[str, list[str]]:
    """Do acts one after the other; return by name which of their units of work everybody's save would notice."""
    found = {}
    for name, act in acts.items():
        with world.app.app_context(), held_units(world.app) as units:
            act()
        assert units, f"{name} wrote nothing"
        if long := [str(unit) for unit in units if unit.too_long]:
            found[name] = long
    return found


def count(world: World, *what: object) -> int:
    """Return how many rows there are of a table, of those that some conditions choose."""
    table, *conditions = what
    with world.app.app_context(), reading() as session:
        query = select(func.count()).select_from(table)  # type: ignore[call-overload]  # a table of the product
        return session.scalar(query.where(*conditions)) or 0


@pytest.fixture
def crowd(world: World) -> World:
    """A sitting of more than a thousand people that is over, of whom some three hundred have passed both papers."""
    qualify(world)
    set_parts(world)
    small = begin_small(world)
    with writing(world) as connection:
        grown.grow(connection, grown.IN_A_ROOM, 1, below=small)
        grown.grow(connection, grown.ROOMS, ROOMS_MORE, below=grown.heights(connection))
    return world


def test_lists_tickets_photos_and_certificates_of_a_thousand_people(
    crowd: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, level = crowd.clock.now(), level_of(crowd)
    with writing(crowd) as connection:
        stale = {"printed_at": now, "reprint_since": now, "reprint_reasons": "time"}
        plain = func.replace(AdmissionTicket.number, "-", "X")  # a file's name is read in its parts
        connection.execute(update(AdmissionTicket).values(stale | {"number": plain}))
    with crowd.app.app_context(), reading() as session:
        ready = [
            line.candidate.ref
            for page in range(1, 9)
            for line in waiting_page(session, level, page=page, today=now.date()).lines
            if not line.obstacles
        ]
        printed = of_again(session, crowd.sitting_ref)
        numbers = [ticket.number for ticket in printed.tickets[:PEOPLE]]
    assert len(ready) >= READY
    assert len(printed.tickets) >= 1_000
    received = Redrawn([(f"{one}.jpg", b"\xff\xd8" + bytes(20_000)) for one in numbers], [])
    monkeypatch.setattr(corrections, "redraw_zip", lambda _body: received)
    clerk = Principal("staff", 0, "st-clerk", "考务", frozenset({Role.OFFICER.value}))

    def export() -> None:
        rows, note = candidates.export_rows(
            sitting_ref=crowd.sitting_ref, reveal_numbers=True, reason="核对名单", actor=CLERK, now=now
        )
        with unit_of_work() as session:
            note(session)
        assert len(rows) > 1_000

    def attach() -> None:
        stored = corrections.attach_photos(sitting_ref=crowd.sitting_ref, body=b"", now=now, actor=CLERK)
        assert (stored.stored, stored.findings) == (PEOPLE, [])

    def upload() -> None:
        days = UploadChoice(STANDARD, "", now.date(), now.date() + timedelta(days=1), revoked=False)
        made = upload_file(days, form="xlsx", blanks=True, today="", now=now, actor=CLERK)
        with unit_of_work() as session:
            made.record(session)
        assert made.file

    issued: list[str] = []
    acts = {
        "the roster": export,
        "tickets": lambda: note_print("tickets", printed, subject="sitting:x", principal=clerk, now=now),
        "photos": attach,
        "certificates": lambda: issued.extend(
            certificates.issue(level, ready, today=now.date(), now=now, actor=CLERK)
        ),
        "the upload": upload,
    }
    assert too_long(crowd, acts) == {}
    with crowd.app.app_context(), reading() as session, pytest.raises(NotFound):
        of_again(session, crowd.sitting_ref)
    assert count(crowd, CandidatePhoto) >= PEOPLE
    assert len(set(issued)) == len(ready) == count(crowd, Certificate)
    assert [int(one[-6:]) for one in issued] == list(range(1, len(ready) + 1))


def test_a_destruction_goes_in_pieces_however_much_hangs_on_a_person_or_on_a_batch(world: World) -> None:
    qualify(world)
    now = world.clock.now()
    with world.app.app_context(), reading() as session:
        attempts = session.scalars(select(Attempt.id)).all()
        room = session.scalars(select(SittingRoom.id)).first()
    saved = {"lease_epoch": 1, "position": 1, "kind": "answer", "value": "A", "received_at": now}
    said = {"sitting_room_id": room, "at": now, "kind": "x", "params": "{}", "by": CLERK}
    with writing(world) as connection:
        connection.execute(
            insert(JournalEntry),
            [
                saved | {"attempt_id": one, "seq": number, "in_grace": False}
                for one in attempts
                for number in range(ROWS_OF_ATTEMPT)
            ],
        )
        connection.execute(insert(Incident), [said] * INCIDENTS)
        batch = connection.execute(text("SELECT batch_id FROM sitting")).scalar()
        connection.execute(
            insert(Destruction).values(
                ref="de-x", batch_id=batch, kind="electronic", state="running", last_on=now.date(),
                due_on=now.date(), years=5, note="到期", asked_at=now, asked_by=CLERK, settled_by="staff:x",
                total=7, left=7, counts="{}",
            )
        )  # fmt: skip

    def destroy() -> None:
        assert want_due_jobs(now=now) == 1

    assert too_long(world, {"the destruction": destroy}) == {}
    assert count(world, Destruction, Destruction.state == "done") == 1
    assert count(world, JournalEntry) == count(world, Incident) == 0


def sheet_of_many(world: World, tmp_path: Path) -> Path:
    """Make a bank of one item; return a workbook of hundreds for it."""
    folder, sheet = tmp_path / "many", tmp_path / "many.xlsx"
    folder.mkdir()
    (folder / "taxonomy.toml").write_text(TAXONOMY, "utf-8")
    (folder / "items.toml").write_text(ITEMS, "utf-8")
    sheet.write_bytes(
        workbook(
            [
                truth(f"第{n}步应当主动问候客户。", point="A-002", answer="√×"[n % 2])
                for n in range(ITEMS_MORE)
            ]
        )
    )
    with world.app.app_context():
        bank.import_bank(folder, now=world.clock.now(), actor=CLERK)
    return sheet


def test_a_bank_of_hundreds_comes_in_is_changed_and_goes(world: World, tmp_path: Path) -> None:
    now, sheet = world.clock.now(), sheet_of_many(world, tmp_path)
    make_items(world.app, ITEMS_MORE, "staff:st-author")

    def change(act: BulkAct, state: ItemState, value: str = "") -> None:
        with reading() as session:
            of = store.bank_by_ref(session, BANK)
            refs = session.scalars(select(Item.ref).where(Item.bank_id == of.id)).all()
            scope = BulkScope(refs=tuple(refs))
            items = items_of(session, of, scope)
            plan = plan_bulk(session, of, items, act, value, note="", now=now, actor=CLERK)
        bulk.change_many(
            bank_ref=BANK, scope=scope, act=act, value=value, note="", sha=plan.sha, now=now, actor=CLERK
        )
        with reading() as session:
            query = select(func.count()).select_from(Item).where(Item.bank_id == of.id)
            assert session.scalar(query.where(Item.state == state.value)) == ITEMS_MORE

    def undo() -> None:
        with reading() as session:
            ref = session.scalars(select(ImportRun.ref).order_by(ImportRun.id.desc())).first()
        assert bank.undo(bank_ref="many", run_ref=ref or "", now=now, actor=CLERK).withdrawn == ITEMS_MORE

    def drawn() -> int:
        with world.app.app_context(), reading() as session:
            return len(store.published(session, store.bank_by_ref(session, "many").id))

    acts = {
        "the import": lambda: bank.import_bank(sheet, bank_ref="many", now=now, actor=CLERK, terms=PLAINLY),
        "approval": lambda: change(BulkAct.APPROVE, ItemState.REVIEWED),
        "difficulty": lambda: change(BulkAct.DIFFICULTY, ItemState.DRAFT, "5"),
        "submission": lambda: change(BulkAct.SUBMIT, ItemState.IN_REVIEW),
    }

    assert too_long(world, acts) == {}
    assert drawn() == ITEMS_MORE + 1
    assert count(world, Item, Item.difficulty == 5) >= ITEMS_MORE
    assert too_long(world, {"the undo": undo}) == {}
    assert drawn() == 1


def test_a_point_that_hundreds_ask_about_gets_another_code_and_back_a_few_at_a_time(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, sheet = world.clock.now(), sheet_of_many(world, tmp_path)
    with world.app.app_context():
        bank.import_bank(sheet, bank_ref="many", now=now, actor=CLERK, terms=PLAINLY)

    def drawn_points() -> Counter[str]:
        with world.app.app_context(), reading() as session:
            found, _weights, _known = store.drawables(session, store.bank_by_ref(session, "many").id)
            return Counter(one.point for one in found)

    def rename() -> None:
        with reading() as session:
            of = store.bank_by_ref(session, "many")
            rows, revision = table_rows(store.taxonomy_of(session, of)), table_revision(session, of)
        other = [replace(one, code="A-009") if one.code == "A-002" else one for one in rows]
        _table, renamed = banks.save_table(ref="many", rows=other, revision=revision, now=now, actor=CLERK)
        assert renamed == ITEMS_MORE

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def break_off() -> None:
        monkeypatch.setattr(banks, "end_renaming", stop)
        with pytest.raises(KeyboardInterrupt):
            rename()
        monkeypatch.undo()

    before = drawn_points()
    assert too_long(world, {"one that fails": break_off}) == {}
    assert drawn_points() == before
    assert too_long(world, {"another code": rename}) == {}
    assert before["A-002"] == drawn_points()["A-009"] == ITEMS_MORE


def test_an_application_of_hundreds_is_entered_decided_charged_and_taken_back(
    world: World, officer: object, desk: Desk, unit: str
) -> None:
    where = bring(desk, [line(number, f"考生{number}") for number in range(1, PEOPLE + 1)]).headers[
        "Location"
    ]
    assert too_long(world, {"the list": lambda: enter(desk, where)}) == {}
    people = people_of(world)
    assert len(people) == PEOPLE
    assert desk.step("submit").status_code == 303
    acts = {"decisions": lambda: desk.decide(people), "acceptance": lambda: desk.step("accept")}
    assert too_long(world, acts) == {}
    assert state(world) == "accepted"
    assert figures(world, unit)[1] == f"{PEOPLE * 280:,}.00".replace(",", "")
    assert count(world, Applicant, Applicant.verdict == "accepted") == PEOPLE
    assert too_long(world, {"taking it back": lambda: desk.step("reconsider")}) == {}
    assert state(world) == "submitted"
    assert count(world, FeeCharge, FeeCharge.cancelled_on.is_(None)) == 0


def test_a_payment_of_hundreds_of_lines_is_matched_and_taken_back_a_few_at_a_time(
    world: World, officer: object, desk: Desk, unit: str
) -> None:
    where = bring(desk, [line(number, f"考生{number}") for number in range(1, PEOPLE + 1)]).headers[
        "Location"
    ]
    enter(desk, where)
    desk.step("submit")
    desk.decide(people_of(world))
    desk.step("accept")
    who = FeeBooking(CLERK, world.clock.now(), world.clock.now().date())
    sent = PaymentForm(who.today.isoformat(), str(PEOPLE * 280), "transfer", "x", "T-1", "", "")
    paid: list[str] = []
    charged, nothing = f"{PEOPLE * 280}.00", "0.00"
    acts: list[tuple[str, Callable[[], object], tuple[str, str, str]]] = [
        (
            "the payment",
            lambda: paid.append(accounts.record_payment(unit, sent, who)),
            (charged, nothing, nothing),
        ),
        (
            "its credit",
            lambda: accounts.unmatch_payment(paid[0], reason="x", booking=who),
            (charged, charged, charged),
        ),
        ("matching", lambda: accounts.match_credit(unit, who), (charged, nothing, nothing)),
        (
            "reversal",
            lambda: accounts.reverse_payment(paid[0], reason="x", booking=who),
            (charged, charged, nothing),
        ),
    ]
    for name, act, after in acts:
        assert too_long(world, {name: act}) == {}
        assert figures(world, unit) == after, name
    with world.app.app_context(), reading(), pytest.raises(Conflict):
        accounts.reverse_payment(paid[0], reason="x", booking=who)


def test_what_jobs_do_of_hundreds_goes_in_pieces(world: World) -> None:
    now = world.clock.now()
    tally = {"act": "x.look", "subject": "log", "window_from": now - 2 * WINDOW, "count": 3}
    with writing(world) as connection:
        connection.execute(
            insert(AuditTally),
            [tally | {"actor": f"staff:{number}"} for number in range(PEOPLE)],
        )
        long_ago = now - timedelta(days=30)
        tries = {"scope": "x", "machine": "", "tries": 1, "last_machine": "", "last_address": ""}
        connection.execute(
            insert(Throttle),
            [tries | {"subject": str(one), "window_from": long_ago} for one in range(2 * PEOPLE)],
        )
        connection.execute(
            insert(SentForm),
            [
                {"mark": str(one), "sent_at": long_ago, "content": "", "answer": b"x"}
                for one in range(2 * PEOPLE)
            ],
        )

    def settle() -> None:
        while settle_tallies(now=now):
            pass

    acts = {"the tallies": settle, "what is over": lambda: purge_sign_ins(now=now)}
    assert too_long(world, acts) == {}
    assert count(world, Throttle, Throttle.scope == "x") == count(world, SentForm) == 0
    assert count(world, AuditTally, AuditTally.act == "x.look") == 0
    assert count(world, AuditEntry, AuditEntry.act == "x.look") == PEOPLE


POINTS = 900


def test_a_table_of_hundreds_of_points_is_saved_and_changed_in_pieces(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock.now()
    sheet_of_many(world, tmp_path)

    def rows() -> tuple[list[TableRow], str]:
        with world.app.app_context(), reading() as session:
            of = store.bank_by_ref(session, "many")
            return table_rows(store.taxonomy_of(session, of)), table_revision(session, of)

    def save(table: Sequence[TableRow], revision: str) -> None:
        banks.save_table(ref="many", rows=table, revision=revision, now=now, actor=CLERK)

    before, revision = rows()
    more = [TableRow(f"A-{number + 100:03d}", f"鉴定点{number}", "", "X", "") for number in range(POINTS)]
    later = [one if one.code != "A-002" else replace(one, name="另一名") for one in [*before, *more]]

    def stop(*_: object, **_known: object) -> None:
        raise KeyboardInterrupt

    def break_off() -> None:
        with monkeypatch.context() as broken:
            broken.setattr(banks.changes, "save_taxonomy", stop)
            with pytest.raises(KeyboardInterrupt):
                save(later, revision)

    assert too_long(world, {"one that fails": break_off}) == {}
    assert rows() == (before, revision)
    assert too_long(world, {"the table": lambda: save(later, revision)}) == {}
    saved, newer = rows()
    assert [(one.code, one.name) for one in saved] == sorted((one.code, one.name) for one in later)
    with world.app.app_context(), pytest.raises(Conflict):
        save(before, revision)
    again = [replace(one, name="又一名") if one.code == "A-100" else one for one in saved]
    assert too_long(world, {"a change": lambda: save(again, newer)}) == {}
    assert rows()[0] == again


def test_a_folder_with_hundreds_of_points_comes_in_pieces(world: World, tmp_path: Path) -> None:
    folder, now = tmp_path / "wide", world.clock.now()
    folder.mkdir()
    more = "".join(
        f'\n[[point]]\ncode = "A-{number + 100:03d}"\nname = "鉴定点{number}"\nimportance = "X"\n'
        for number in range(POINTS)
    )
    (folder / "taxonomy.toml").write_text(TAXONOMY + more, "utf-8")
    (folder / "items.toml").write_text(ITEMS, "utf-8")
    make_items(world.app, 1, CLERK)

    def come(into: str) -> None:
        bank.import_bank(folder, bank_ref=into, now=now, actor=CLERK, terms=PLAINLY)

    assert too_long(world, {"into one that is there": lambda: come(BANK)}) == {}
    assert count(world, KnowledgePoint, KnowledgePoint.code >= "A-100") >= POINTS
