"""A person's own data: everything goes out, what no law keeps is erased, and what stays is said (R-95)."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.corrections import store_photo
from cbt.candidates.models import Candidate
from cbt.enrolment.models import Applicant, UnitApplication
from cbt.personal import PHONE
from cbt.retention.due_batches import due_batch
from cbt.retention.models import RetentionHold
from cbt.retention.personal_data import RetainedPerson, person_by_number, standing_of
from cbt.rules.certificates import grouped
from cbt.rules.states import SittingState
from cbt.sittings.models import Sitting
from cbt.sittings.store import batch_by_ref
from cbt.storage.crypto import seal
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.certificates.test_certificates import candidate_id, given, people, qualify, set_parts
from tests.enrolment.test_applications import Desk, desk, unit
from tests.enrolment.test_units import officer
from tests.helpers import count_queries, flat
from tests.world import World, named_nobody

__all__ = ["desk", "officer", "unit"]

FIND = "/office/retention/people"
WHY = "本人 11 月 28 日书面申请"


def log_of(world: World, act: str) -> list[AuditEntry]:
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.act == act)))


def found(world: World, number: str, name: str) -> str:
    """Find somebody as the office does; return their page."""
    answer = world.staff("officer").post(FIND, data={"number": number, "name": name})
    assert answer.status_code == 303, flat(answer.text)
    return str(answer.headers["Location"])


def test_everything_that_is_held_goes_out_and_no_key_and_no_other_person(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    sitter, other = world.sitters["theory"], world.sitters["extra"]
    with world.app.app_context(), unit_of_work() as session:
        store_photo(session, candidate_id(world, "theory"), b"\xff\xd8photo")
    officer = world.staff("officer")
    assert officer.post(FIND, data={"number": sitter.document, "name": other.name}).status_code == 404
    page = found(world, f" {sitter.document.lower()} ", sitter.name)
    assert sitter.document not in page
    assert page.endswith(people(world, "theory")[0])
    with count_queries(world.app) as queries:
        shown = flat(officer.get(page).text)
    assert len(queries) <= 24
    assert row.number[-6:] in shown
    assert sitter.document not in shown
    assert officer.post(f"{page}/export", data={"why": " "}).status_code == 422
    for role in ("admin", "inspector", "proctor"):
        assert world.staff(role).post(f"{page}/export", data={"why": WHY}).status_code == 403
    sent = officer.post(f"{page}/export", data={"why": WHY})
    assert (sent.status_code, sent.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files["candidate_photo-1.jpg"] == b"\xff\xd8photo"
    rows = json.loads(files["data.json"])
    assert rows["candidate"][0]["document"] == sitter.document
    assert len(rows["registration"]) == len(rows["result"]) == 2
    assert rows["certificate"][0]["number"] == row.number
    for text in (files["data.json"].decode(), files["index.html"].decode()):
        assert sitter.document in text
        assert not any(
            word in text for word in (other.name, other.document, '"key"', "answer_key", "lease_hash")
        )
    index = files["index.html"].decode()
    for said in (
        grouped(row.number),
        row.occupation,
        row.level,
        row.issued_on.isoformat(),
        "candidate_photo-1.jpg",
    ):
        assert said in index, said
    papers = {"form", "look_up_key", "packed_paper", "arrangement", "attempt_live", "fee_match"}
    assert not papers & rows.keys()
    assert set(files) == {"index.html", "page.css", "data.json", "candidate_photo-1.jpg"}
    columns = {name for found in rows.values() for row in found for name in row}
    assert not columns & {"id", "by", "actor", "seal", "statement", "public_key", "candidate_id", "sealed"}
    assert not [name for name in columns if name.endswith(("_by", "_id", "_hash", "_index", "_sealed"))]
    assert (rows["candidate"][0]["name"], rows["registration"][0]["kind"]) == (sitter.name, "first")
    (noted,) = log_of(world, "personal.export")
    assert json.loads(noted.after) == {"entries": sum(map(len, rows.values())), "files": 1}
    assert (noted.actor, noted.reason) == (f"staff:{world.people['officer'].ref}", WHY)
    assert sitter.name not in noted.after + noted.reason
    assert noted.subject == f"candidate:{people(world, 'theory')[0]}"


def test_what_no_law_keeps_is_erased_and_what_stays_is_said(world: World) -> None:
    qualify(world)
    sitter = world.sitters["second"]
    with world.app.app_context(), unit_of_work() as session:
        for one in session.scalars(select(Candidate)):
            one.phone_sealed = seal("13800138000", PHONE)
    officer, busy = world.staff("officer"), world.sitters["theory"]
    page = found(world, sitter.document, sitter.name)
    assert "起到期销毁" in flat(officer.get(page).text)
    assert officer.post(f"{page}/erase").status_code == 422
    assert world.staff("admin").post(f"{page}/erase", data={"reason": WHY}).status_code == 403
    assert officer.post(f"{page}/erase", data={"reason": WHY}).status_code == 303
    assert officer.post(f"{page}/erase", data={"reason": WHY}).status_code == 409
    assert "现在没有可以删除的" in flat(officer.get(page).text)
    assert officer.get(f"{page}/statement.pdf").mimetype == "application/pdf"
    assert named_nobody(world, lambda: officer.get(f"{page}/statement.pdf").status_code) == 409
    # Whose other exam is still to be released is still to be called.
    waits = found(world, busy.document, busy.name)
    assert officer.post(f"{waits}/erase", data={"reason": WHY}).status_code == 409
    with world.app.app_context(), reading() as session:
        phones = {one.id: one.phone_sealed is not None for one in session.scalars(select(Candidate))}
        gone = candidate_id(world, "second")
    assert [person for person, has in phones.items() if not has] == [gone]
    (noted,) = log_of(world, "personal.erase")
    assert json.loads(noted.after) == {"erased": 0, "phones": 1}


@pytest.mark.once
def test_who_was_only_applied_for_in_vain_leaves_nothing(
    world: World, officer: object, desk: Desk, unit: str
) -> None:
    desk.enter()
    desk.step("submit")
    with world.app.app_context(), reading() as session:
        applied = session.scalars(select(Applicant)).one()
    clerk = world.staff("officer")
    page = f"{FIND}/{applied.ref}"
    shown = flat(clerk.get(page).text)
    assert ("正在办理的申请" in shown, "收费记录" in shown) == (True, False)
    assert clerk.post(f"{page}/erase", data={"reason": WHY}).status_code == 409
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(UnitApplication)).one().state = "withdrawn"

    def exported() -> str:
        with zipfile.ZipFile(io.BytesIO(clerk.post(f"{page}/export", data={"why": WHY}).data)) as archive:
            return archive.read("index.html").decode()

    told = exported()
    assert (applied.name in told, "申报信息" in told, "市场营销" in told) == (True, True, True)
    with world.app.app_context(), unit_of_work() as session:
        unreadable = session.scalars(select(Applicant)).one()
        unreadable.told_sealed = unreadable.told_sealed[::-1]
    told = exported()
    assert (applied.name in told, "市场营销" in told) == (True, False)
    gone = clerk.post(f"{page}/erase", data={"reason": WHY})
    assert gone.headers["Location"] == FIND
    assert clerk.get(page).status_code == 404
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Applicant)).all() == []


@pytest.mark.once
def test_what_stays_stays_until_its_day_and_what_goes_on_request_waits_for_every_result(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    with world.app.test_request_context(), unit_of_work() as session:
        person, certified = (
            person_by_number(session, world.sitters[name].document, world.sitters[name].name)
            for name in ("second", "theory")
        )
        assert person.candidate is not None
        person.candidate.phone_sealed = seal("13800138000", PHONE)
        batch = batch_by_ref(session, world.batch_ref)
        due = due_batch(session, batch).electronic_on
        records, log = f"“{batch.name}”的报名、答卷、成绩和申报材料", ("操作日志中的编号", "长期")

        def told(whose: RetainedPerson, day: date) -> list[tuple[str, str]]:
            return [(one.what, one.until) for one in standing_of(session, whose, today=day).stays]

        assert told(person, due - timedelta(days=1)) == [(records, f"{due} 起到期销毁"), log]
        assert told(person, due) == [(records, f"{due} 已到期，随批次销毁"), log]
        session.add(
            RetentionHold(
                ref="rh-1", batch_id=batch.id, reason="来函", placed_at=world.clock.now(), placed_by="staff:st-1",
                lifted_by="", lift_reason="",
            )
        )  # fmt: skip
        assert told(person, due) == [(records, "批次暂停销毁，解除以后"), log]
        assert (f"证书 {grouped(row.number)}", "长期") in told(certified, due)
        sitting = session.scalars(select(Sitting).where(Sitting.ref == world.sitting_ref)).one()
        for state in (*SittingState, SittingState.RELEASED):
            sitting.state = state
            standing = standing_of(session, person, today=due)
            over = state in {SittingState.RELEASED, SittingState.CANCELLED, SittingState.ABORTED}
            assert (standing.details, standing.erasable) == ({"phone": 1} if over else {}, over), state
            assert (("联系电话", "成绩发布、申请结束以后") in told(person, due)) is not over, state
