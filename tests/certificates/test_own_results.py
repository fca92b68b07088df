"""A unit's clerk sees the results of the unit's own people, by application, and nothing of another unit's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date

import pytest
from python_calamine import load_workbook
from sqlalchemy import select

from cbt.candidates.models import Candidate, Registration
from cbt.certificates.models import Certificate
from cbt.certificates.unit_results import own_lines, own_page
from cbt.enrolment.models import Applicant, MemberUnit, UnitApplication
from cbt.jobs import answers
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import run_due
from cbt.sittings.models import Batch
from cbt.storage.unit_of_work import unit_of_work
from tests.certificates.test_certificates import given, qualify, set_parts
from tests.enrolment.test_applications import clerk_of
from tests.enrolment.test_units import OTHER_CODE, UNIT, enter
from tests.helpers import count_queries
from tests.results.scene import finish
from tests.world import START, World

PAGE = "/unit/results"


def apply_for(world: World, unit: str, names: dict[str, str], *, verdict: str = "accepted") -> str:
    """Have a unit have applied for people of the world, each for these papers; return the application's ref."""
    with world.app.app_context(), unit_of_work() as session:
        owner = session.scalars(select(MemberUnit).where(MemberUnit.ref == unit)).one()
        batch = session.scalars(select(Batch).where(Batch.ref == world.batch_ref)).one()
        first = session.get_one(Registration, world.sitters[next(iter(names))].registration_id)
        application = UnitApplication(
            ref=f"ap-{unit[-6:]}{len(names)}",
            number=f"{unit[-6:]}{len(names)}",
            unit_id=owner.id,
            blueprint_version_id=first.blueprint_version_id,
            state="scheduled",
            preferred_on=date(2026, 11, 24),
            applied_on=date(2026, 10, 1),
            note="",
            put_right="",
            late_reason="",
            batch_id=batch.id,
            created_at=START,
        )
        session.add(application)
        session.flush()
        for name, papers in names.items():
            person = session.get_one(
                Candidate, session.get_one(Registration, world.sitters[name].registration_id).candidate_id
            )
            session.add(
                Applicant(
                    ref=f"an-{application.id}{name}",
                    application_id=application.id,
                    name=person.name,
                    document_type=person.document_type,
                    document_sealed=person.document_sealed,
                    document_masked=person.document_masked,
                    document_index=person.document_index,
                    gender=person.gender,
                    told_sealed=b"",
                    kind="first",
                    papers=papers,
                    verdict=verdict,
                    reason="",
                    decided_by="",
                )
            )
        return application.ref


def unit(world: World, name: str, code: str) -> str:
    """Enter a unit; return its ref."""
    return enter(world.staff("officer"), name=name, credit_code=code).rsplit("/", 1)[1]


def test_a_clerk_sees_the_units_own_people_and_papers_and_nobody_elses(world: World) -> None:
    qualify(world)
    set_parts(world)
    (certificate,) = given(world, "theory")
    mine, other = unit(world, "第一家", UNIT["credit_code"]), unit(world, "第二家", OTHER_CODE)
    apply_for(world, mine, {"theory": "theory,skills", "elsewhere": "skills"})
    theirs = apply_for(world, other, {"extra": "theory"})
    apply_for(world, mine, {"late": "skills", "second": "theory", "factor": "skills"}, verdict="refused")
    officer = world.staff("officer")
    clerk = clerk_of(world, officer, mine, "miao").client
    names = {name: one.name for name, one in world.sitters.items()}
    page = clerk.get(PAGE).text
    assert names["theory"] in page
    assert "72.5" in page
    assert certificate.number in page.replace(" ", "").replace("\u2009", "")
    # Not the paper nobody applied for here, not another unit's people, not who was refused.
    assert not [name for name in ("extra", "elsewhere", "late", "second", "factor") if names[name] in page]
    assert world.sitters["theory"].document not in page
    for of in (theirs, "ap-nothing"):
        assert names["extra"] not in clerk.get(f"{PAGE}?of={of}").text
        assert names["extra"] not in str(rows_of(clerk.get(f"{PAGE}/workbook?of={of}").data))
    listed = rows_of(clerk.get(f"{PAGE}/workbook").data)
    assert [(row[0], row[5], row[6], row[8]) for row in listed[2:]] == [
        (names["theory"], "合格", "72.5", certificate.number)
    ]
    foreign = clerk_of(world, officer, other, "shan").client
    assert names["theory"] not in foreign.get(PAGE).text
    assert names["extra"] in foreign.get(PAGE).text
    assert officer.get(PAGE).status_code == 403
    assert world.candidate("theory").get(PAGE).status_code in {303, 403}


@pytest.mark.once
def test_nothing_is_told_before_the_release_and_a_page_asks_as_often_for_many(world: World) -> None:
    finish(world)
    mine = unit(world, "第一家", UNIT["credit_code"])
    clerk = clerk_of(world, world.staff("officer"), mine, "miao").client
    assert "还没有可以查看的成绩" in clerk.get(PAGE).text
    apply_for(world, mine, {"theory": "theory"})

    def asked() -> int:
        with count_queries(world.app) as counted:
            page = clerk.get(PAGE).text
        assert "成绩尚未发布" in page
        assert "72.5" not in page
        return len(counted)

    asked()
    few = asked()
    apply_for(world, mine, {"extra": "theory", "elsewhere": "theory"})
    assert asked() == few
    assert few <= 10


def rows_of(content: bytes) -> list[list[object]]:
    """Return the cells of a workbook."""
    return load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def test_the_account_of_a_unit_has_one_file_made_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer, mine = world.staff("officer"), unit(world, "第一家", UNIT["credit_code"])
    clerk = clerk_of(world, officer, mine, "miao").client
    job_kinds_of(world.app).worker_is_kept = True
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    first = clerk.get(f"{PAGE}/workbook")
    assert (first.status_code, clerk.get(f"{PAGE}/workbook").location) == (303, first.location)
    second = clerk.get(f"{PAGE}/workbook?of=another")
    assert (second.status_code, "Retry-After" in second.headers) == (429, True)
    with world.app.app_context():
        assert run_due(now=world.clock.now()) == 1
    assert clerk.get(f"{first.location}/file.xlsx").status_code == 200
    assert officer.get(f"{first.location}/file.xlsx").status_code == 404
    assert clerk.get(f"{PAGE}/workbook?of=another").status_code == 303


@pytest.mark.once
def test_a_unit_is_offered_its_own_scheduled_applications_and_a_number_for_as_long_as_it_stands(
    world: World,
) -> None:
    qualify(world)
    set_parts(world)
    (certificate,) = given(world, "theory")
    mine, other = unit(world, "第一家", UNIT["credit_code"]), unit(world, "第二家", OTHER_CODE)
    first = apply_for(world, mine, {"theory": "theory", "extra": "theory"})
    theirs = apply_for(world, other, {"elsewhere": "theory"})
    later = apply_for(world, mine, {"elsewhere": "theory"})
    now = world.clock.now()
    with world.app.test_request_context(), unit_of_work() as session:
        own = session.scalars(select(MemberUnit).where(MemberUnit.ref == mine)).one()

        def told(of: str) -> tuple[str, Sequence[str], list[tuple[str, str]]]:
            page = own_page(session, own, of=of, page=1, now=now)
            assert (page.count, page.lines) == (len(page.lines), own_lines(session, own, of=of, now=now))
            return page.of, page.applications, [(one.name, one.certificate) for one in page.lines]

        names = {name: one.name for name, one in world.sitters.items()}
        both, earlier = [later, first], [(names["theory"], certificate.number), (names["extra"], "")]
        every = [(names["elsewhere"], ""), *earlier]
        for of, lines in (("", every), (theirs, every), (first, earlier), (later, every[:1])):
            assert told(of) == (of if of in both else "", both, lines), of
        row = session.scalars(select(Certificate)).one()
        row.revoked_at = now
        assert told(first)[2] == [(names["theory"], ""), (names["extra"], "")]
        row.revoked_at, row.blueprint_ref = None, "another level"
        assert told(first)[2] == [(names["theory"], ""), (names["extra"], "")]
        row.blueprint_ref = certificate.blueprint_ref
        session.scalars(select(UnitApplication).where(UnitApplication.ref == later)).one().batch_id = None
        assert told(later) == ("", [first], earlier), "it is in no batch yet"
