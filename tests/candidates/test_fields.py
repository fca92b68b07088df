"""One table of a person's fields: what an entry says holds everywhere, tried with 工号 (cbt/personal.py)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from cbt.batches.people.change import person_seen
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.candidates.roster.export import rows_of
from cbt.candidates.roster.file import read_roster
from cbt.candidates.roster.tables import COLUMNS, TEMPLATE, meaning
from cbt.candidates.store import entries_of_sitting
from cbt.certificates.uploads import FIELDS as UPLOADED
from cbt.enrolment.applications.person import FACTS
from cbt.enrolment.workbook.rows import TEMPLATE as APPLIED
from cbt.errors import InvalidInput
from cbt.personal import DETAILS, FIELDS, Erasure, FieldKind, PersonField
from cbt.retention.erasure import reduce_people
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.translations.compiler import LANGUAGES, texts_of
from tests.candidates.rosters import HEADERS, row, xlsx
from tests.candidates.test_importing import bring
from tests.printing.paper import told
from tests.sittings.conftest import Day
from tests.sittings.test_planning import browser

WITH_NUMBER = [*HEADERS, "工号"]


@pytest.mark.parametrize("name", DETAILS)
def test_a_field_has_a_column_its_texts_and_an_end(name: str) -> None:
    field = DETAILS[name]
    column = Candidate.__table__.c[field.column]
    assert column.nullable == bool(field.sealed)
    ids = [field.label, f"candidates.column.{name}", f"candidates.template.column.{name}"]
    ids += [f"error.correction.{name}.what", f"error.correction.{name}.fix"]
    if field.kind is not FieldKind.TEXT:
        ids += [f"error.roster.{name}.what", f"error.roster.{name}.fix"]
    ids += [f"{field.label}.{code}" for code in field.names]
    for language in LANGUAGES:
        known = texts_of(language)
        assert [one for one in ids if not known.get(one)] == [], language
    assert field.erased is not Erasure.WITH_THE_PERSON
    assert not (field.sealed and field.searched)
    assert (field.mask("12345678901") != "12345678901") == bool(field.sealed)


def test_readers_templates_and_files_have_every_field() -> None:
    assert set(FIELDS) <= set(COLUMNS.by_name) & set(TEMPLATE)
    for name, field in FIELDS.items():
        assert [meaning(header)[0] for header in field.headers] == [name] * len(field.headers)
        assert (name in UPLOADED) == field.uploaded
        assert not field.applied or (name in FACTS and name in APPLIED)


def test_a_field_is_named_by_its_entry_and_its_column_alone() -> None:
    """All else derives from the table; catalogues and migrations apart."""
    root = Path(__file__).parents[2]
    named = {
        path.relative_to(root).as_posix()
        for tree in ("cbt", "templates", "static")
        for path in (root / tree).rglob("*")
        if path.suffix in {".py", ".html", ".js", ".typ"} and "migrations" not in path.parts
        if "staff_number" in path.read_text("utf-8")
    }
    assert named == {"cbt/personal.py", "cbt/candidates/models.py"}


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        pytest.param(DETAILS["staff_number"], " A-17 ", "A-17", id="a text"),
        pytest.param(DETAILS["staff_number"], "7" * 30, "7" * 30, id="as long as it may be"),
        pytest.param(DETAILS["staff_number"], "7" * 31, None, id="too long"),
        pytest.param(DETAILS["phone"], "138 0000 1111", "13800001111", id="a number with blanks"),
        pytest.param(DETAILS["phone"], "12", None, id="no number"),
        pytest.param(DETAILS["gender"], "female", "female", id="a choice"),
        pytest.param(DETAILS["gender"], "女", None, id="no code"),
        pytest.param(DETAILS["gender"], "", "", id="nothing"),
        pytest.param(replace(DETAILS["phone"], name="pager", pattern="[0-9]{3}"), "１２３", "123", id="a new one"),
    ],
)  # fmt: skip
def test_a_page_is_checked_by_the_entry(field: PersonField, text: str, kept: str | None) -> None:
    if kept is not None:
        assert field.checked(text) == kept
        return
    with pytest.raises(InvalidInput) as refused:
        field.checked(text)
    assert (refused.value.code, refused.value.params["field"]) == (f"correction.{field.name}", field.name)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_staff_number_goes_from_the_roster_to_every_page_and_file(day: Day, tmp_path: Path) -> None:
    bring(day, [[*row(1), "A-17"], [*row(2), ""]], WITH_NUMBER)
    officer = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with day.read() as session:
        first, second = session.scalars(select(Candidate).order_by(Candidate.name)).all()
        assert (first.staff_number, second.staff_number) == ("A-17", "")
        entries = entries_of_sitting(session, day.work(session)[0].id)
        known = {one.registration.blueprint_version_id for one in entries}
        blueprints = {version: blueprint_of(session, version) for version in known}
        with day.app.test_request_context():
            lines = rows_of(entries, blueprints, "批次", reveal=True)
        registrations = [one.registration.ref for one in entries]
    again = read_roster("再.xlsx", xlsx(lines, [COLUMNS.title(name) for name in TEMPLATE]))
    assert [one.details["staff_number"] for one in again.rows] == ["A-17", ""]
    people = f"/office/batches/{day.batch_ref}/people"
    for page in (f"{people}/{first.ref}", f"{people}/{first.ref}/details"):
        assert "A-17" in officer.get(page).text, page
    assert "A-17" in officer.get(f"/office/registrations/{registrations[0]}").text
    found = officer.get(people, query_string={"q": "a-1"}).text
    assert "考生1" in found
    assert "考生2" not in found
    for place, shown in ((0, True), (1, False)):
        ticket = told(
            officer.get(f"/office/registrations/{registrations[place]}/print/tickets.pdf"), tmp_path
        )
        assert ("A-17" in ticket, "工号" in ticket) == (shown, shown)


def test_a_later_roster_and_a_correction_change_it_and_have_the_ticket_printed_again(day: Day) -> None:
    bring(day, [[*row(1), "A-17"]], WITH_NUMBER)
    done = bring(day, [[*row(1), "A-18"]], WITH_NUMBER)
    assert [one.shown for one in done.plan.changes] == [(("staff_number", "A-17", "A-18"),)]
    with day.write() as session:
        candidate = session.scalars(select(Candidate)).one()
        assert candidate.staff_number == "A-18"
        session.scalars(select(AdmissionTicket)).one().printed_at = day.clock.now()
        seen, ref = person_seen(candidate), candidate.ref
    officer = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/batches/{day.batch_ref}/people/{ref}/details"
    given = {"seen": seen, "reason": "单位来函", "staff_number": "7" * 31}
    refused = officer.post(page, data=given)
    assert refused.status_code == 422
    assert "工号不能超过 30 个字符" in refused.text
    assert officer.post(page, data=given | {"staff_number": "B-1"}).status_code == 303
    assert officer.post(page, data=given | {"staff_number": "B-2"}).status_code == 409
    with day.read() as session:
        assert session.scalars(select(Candidate)).one().staff_number == "B-1"
        assert session.scalars(select(AdmissionTicket)).one().reprint_reasons == "person"


def test_what_the_register_needs_not_is_erased_by_the_entries(day: Day) -> None:
    bring(
        day,
        [[*row(1), "男", "13800001111", "浦江公司", "A-17"]],
        [*HEADERS, "性别", "手机", "工作单位", "工号"],
    )
    with day.app.app_context(), unit_of_work() as session:
        (known,) = session.scalars(select(Candidate)).all()
        assert all(field.value_of(known) for field in DETAILS.values())
        reduce_people(session, [known.id], Counter())
    with day.app.app_context(), reading() as session:
        (left,) = session.scalars(select(Candidate)).all()
    assert {name: field.value_of(left) for name, field in DETAILS.items()} == dict.fromkeys(DETAILS, "")
    assert left.name == "考生1"
    assert left.document_masked
