"""Certificates: who gets one, their numbers, the register, the print, and what a look-up answers (R-93, R-94)."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from cbt.audit.models import AuditEntry
from cbt.candidates.corrections import store_photo
from cbt.candidates.models import Candidate, Registration
from cbt.certificates import register as certificate_register
from cbt.certificates.commands import certificates as command
from cbt.certificates.models import Certificate, CertificatePhoto
from cbt.certificates.register import RegisterFilter, SeriesForm, WaitingLevel, issue
from cbt.enrolment.models import AssessmentBody
from cbt.errors import CbtError
from cbt.http.i18n import local_day
from cbt.results.models import Result
from cbt.rules.certificates import gaps, qr_text, series_of
from cbt.sittings.models import Batch, Sitting
from cbt.storage.crypto import DOCUMENT, open_sealed, seal
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.starts import left_to_views
from tests.helpers import FORM_TOKEN, count_queries, flat, without_tokens
from tests.printing.paper import papers_of, squeezed
from tests.results.scene import USUAL, book_again, finish, release
from tests.world import World

PARTS = {"kind": "S", "body": "0000", "province": "31", "site": "000001"}
LIST = "/office/certificates"
BOTH = ("theory", "extra")


def qualify(world: World) -> None:
    """Have the results of the world released, and two people pass the other paper of their level, too."""
    finish(world, USUAL | {"extra": "66.0", "elsewhere": "75.0"})
    release(world)
    for name in BOTH:
        book_again(
            world, name, at=world.clock.now() + timedelta(days=1), kind="first", paper="skills", batch="技能"
        )
    with world.app.app_context(), unit_of_work() as session:
        given = session.scalars(select(Result)).first()
        assert given is not None
        registered = session.scalars(
            select(Registration).where(
                ~select(Result).where(Result.registration_id == Registration.id).exists()
            )
        )
        for one in registered:
            if one.candidate_id in {candidate_id(world, name) for name in BOTH}:
                session.add(
                    Result(release_id=given.release_id, registration_id=one.id, outcome="passed", score=None)
                )


def candidate_id(world: World, name: str) -> int:
    with reading() as session:
        return session.get_one(Registration, world.sitters[name].registration_id).candidate_id


def people(world: World, *names: str) -> list[str]:
    """Return the refs of these people."""
    with world.app.app_context(), reading() as session:
        ids = [
            session.get_one(Registration, world.sitters[name].registration_id).candidate_id for name in names
        ]
        return [session.get_one(Candidate, one).ref for one in ids]


def level_of(world: World) -> str:
    with world.app.app_context(), reading() as session:
        return session.get_one(Registration, world.sitters["theory"].registration_id).blueprint_ref


def set_parts(world: World) -> None:
    answer = world.staff("admin").post(f"{LIST}/series", data=PARTS)
    assert answer.status_code == 303, flat(answer.text)


def given(world: World, *names: str) -> list[Certificate]:
    """Issue certificates to these people on the page; return the register."""
    data = {"level": level_of(world), "person": people(world, *names)}
    answer = world.staff("officer").post(LIST, data=data)
    assert answer.status_code == 303, flat(answer.text)
    return rows(world)


def rows(world: World) -> list[Certificate]:
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(Certificate).order_by(Certificate.id)))


def look_up(app: flask.Flask, number: str, name: str, client: FlaskClient | None = None) -> str:
    answer = (client or app.test_client()).post("/verify", data={"number": number, "name": name})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.once
def test_a_look_up_is_answered_at_the_door_as_by_its_view(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    qualify(world)
    set_parts(world)
    row = given(world, *BOTH)[0]
    client = world.app.test_client()
    client.get("/verify")
    by_view, at_the_door = [], []
    pairs = ((row.number, row.name), (row.number, "不是"), ("没有", row.name))
    with left_to_views(world.app):
        by_view = [look_up(world.app, *pair, client) for pair in pairs]
    monkeypatch.setitem(world.app.view_functions, "certificates.verified", None)  # whoever calls it fails
    at_the_door = [look_up(world.app, *pair, client) for pair in pairs]
    assert [*map(without_tokens, at_the_door)] == [*map(without_tokens, by_view)]
    passed, *refused = map(without_tokens, by_view)
    assert refused[0] == refused[1] != passed


@pytest.mark.once
def test_the_door_takes_no_form_without_the_token_of_its_session(world: World) -> None:
    client = world.app.test_client()
    token = form_token_of(client.get("/verify").text)
    other = form_token_of(world.app.test_client().get("/verify").text)
    world.app.config["WTF_CSRF_ENABLED"] = True
    asked = {"number": "1", "name": "某某"}
    codes = [
        client.post("/verify", data=asked | more).status_code
        for more in ({}, {"csrf_token": other}, {"csrf_token": token})
    ]
    assert codes == [400, 400, 200]


def form_token_of(page: str) -> str:
    found = FORM_TOKEN.search(page)
    assert found is not None
    return found[1]


def test_nothing_is_issued_in_nobodys_name_and_no_number_is_spent(world: World) -> None:
    qualify(world)
    set_parts(world)
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(AssessmentBody))
    data = {"level": level_of(world), "person": people(world, "theory")}
    refused = world.staff("officer").post(LIST, data=data)
    assert (refused.status_code, "评价机构还没有填写名称" in refused.text) == (409, True)
    assert rows(world) == []


def test_who_passed_both_papers_gets_the_next_number_and_the_others_are_told_why(world: World) -> None:
    qualify(world)
    officer = world.staff("officer")
    assert "还没有设置证书编号规则" in officer.get(LIST).text
    data = {"level": level_of(world), "person": people(world, "theory")}
    assert officer.post(LIST, data=data).status_code == 409
    assert officer.post(f"{LIST}/series", data=PARTS).status_code == 403
    wrong = world.staff("admin").post(f"{LIST}/series", data=PARTS | {"site": "12"})
    assert wrong.status_code == 422
    assert "6 位数字" in wrong.text
    set_parts(world)
    with count_queries(world.app) as queries:
        page = flat(officer.get(LIST).text)
    assert len(queries) <= 16
    assert "可以发证" in page
    assert "还有科目未合格" in page
    one, two = given(world, *BOTH)
    level = one.number[15]
    assert (one.number, two.number) == (f"S00003100000126{level}000001", f"S00003100000126{level}000002")
    refused = {"level": level_of(world), "person": people(world, "theory")}
    assert officer.post(LIST, data=refused).status_code == 409
    refused["person"] = people(world, "elsewhere")
    assert officer.post(LIST, data=refused).status_code == 409
    assert len(rows(world)) == 2
    assert world.sitters["theory"].name not in flat(officer.get(LIST).text)
    for asked in ("", f"?q={one.name}", f"?q={one.number[:8]} {one.number[8:]}"):
        assert one.number in officer.get(f"{LIST}/register{asked}").text
    assert "没有找到这样的证书" in officer.get(f"{LIST}/register?q=%25").text
    with world.app.app_context(), reading() as session:
        log = session.scalars(select(AuditEntry).where(AuditEntry.act.like("certificate.%"))).all()
    assert [entry.act for entry in log] == ["certificate.series", "certificate.issue", "certificate.issue"]
    assert not any(one.name in entry.after for entry in log)


def test_of_those_who_wait_who_passed_every_paper_is_complete() -> None:
    level = WaitingLevel("l3", {1: 2, 2: 3})
    assert [level.complete(papers) for papers in (1, 2, 3)] == [5, 3, 0]


def test_two_who_issue_at_once_leave_no_gap_and_give_nobody_two(world: World) -> None:
    qualify(world)
    set_parts(world)
    level, refs, now = level_of(world), people(world, *BOTH), world.clock.now()
    together, outcomes = threading.Barrier(2), []

    def one_of(wanted: list[str]) -> None:
        together.wait(10)
        with world.app.app_context():
            try:
                issue(level, wanted, today=local_day(now), now=now, actor="staff:test")
                outcomes.append("issued")
            except CbtError as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=one_of, args=(wanted,)) for wanted in (refs[:1], refs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["certificate.not_ready", "issued"]
    numbers = [row.number for row in rows(world)]
    assert gaps(series_of(numbers[0]), numbers) == []
    assert len({row.candidate_id for row in rows(world)}) == len(numbers)


@pytest.mark.once
def test_a_certificate_is_printed_once_without_and_again_with_a_reason(world: World, tmp_path: Path) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    officer, page = world.staff("officer"), f"{LIST}/{row.ref}"
    (paper,) = papers_of(officer.post(f"{page}/print"), tmp_path)
    for said in (row.name, row.document, row.occupation, "职业技能等级证书", "上海市商业联合会"):
        assert squeezed(said) in paper.text
    assert squeezed(row.number) in paper.text
    assert "localhost" not in paper.text
    assert officer.post(f"{page}/print").status_code == 422
    assert officer.post(f"{page}/print", data={"reason": "遗失"}).status_code == 200
    (row,) = rows(world)
    assert row.prints == 2
    assert world.staff("inspector").post(f"{page}/print").status_code == 403
    assert world.staff("inspector").get(page).status_code == 200
    assert world.staff("proctor").get(page).status_code == 403


@pytest.mark.once
def test_many_are_printed_as_one_file_in_the_order_of_their_numbers(world: World, tmp_path: Path) -> None:
    qualify(world)
    set_parts(world)
    first, second = given(world, *BOTH)
    officer, register = world.staff("officer"), f"{LIST}/register"
    assert officer.post(f"{LIST}/print").status_code == 422
    ticked = {"certificate": [second.ref, first.ref]}
    papers = papers_of(officer.post(f"{LIST}/print", data=ticked), tmp_path)
    assert [
        squeezed(row.number) in paper.text for row, paper in zip((first, second), papers, strict=True)
    ] == [
        True,
        True,
    ]
    assert [row.prints for row in rows(world)] == [1, 1]
    again = officer.post(f"{LIST}/print", data=ticked)
    assert (again.status_code, 'name="reason"' in again.text) == (422, True)
    of_batch = {"all": "1", "batch": world.batch_ref, "reason": "批量补打"}
    assert len(papers_of(officer.post(f"{LIST}/print", data=of_batch), tmp_path)) == 2
    assert [row.prints for row in rows(world)] == [2, 2]
    assert officer.post(f"{LIST}/print", data={"all": "1", "unprinted": "1"}).status_code == 422
    assert first.number not in officer.get(f"{register}?unprinted=1").text
    assert first.number in officer.get(f"{register}?batch={world.batch_ref}").text
    assert first.number not in officer.get(f"{register}?batch=none").text
    with (
        world.app.app_context(),
        unit_of_work() as session,
    ):  # whose papers of this level are all of other batches
        of_theirs = (Registration.candidate_id == second.candidate_id, Batch.ref == world.batch_ref)
        for one in session.scalars(
            select(Registration)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .join(Batch, Batch.id == Sitting.batch_id)
            .where(*of_theirs)
        ):
            one.blueprint_ref = "another-level"
    shown = officer.get(f"{register}?batch={world.batch_ref}").text
    assert (first.number in shown, second.number in shown) == (True, False)
    assert world.staff("inspector").post(f"{LIST}/print", data=ticked).status_code == 403


@pytest.mark.once
def test_a_whole_number_stands_on_the_certificate_alone_and_where_the_body_wants_it(
    world: World, tmp_path: Path
) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    with world.app.app_context(), reading() as session:
        number = open_sealed(session.get_one(Candidate, row.candidate_id).document_sealed, DOCUMENT)
    officer, page = world.staff("officer"), f"{LIST}/{row.ref}"
    (masked,) = papers_of(officer.post(f"{page}/print"), tmp_path)
    assert (number in masked.text, squeezed(row.document) in masked.text) == (False, True)
    details = {
        "name": "示例协会",
        "publicity_days": "5",
        "appeal_days": "15",
        "appeal_answer_days": "15",
        "whole_numbers": "1",
    }
    assert world.staff("admin").post("/office/body", data=details).status_code == 303
    (paper,) = papers_of(officer.post(f"{page}/print", data={"reason": "补打"}), tmp_path)
    assert number in paper.text
    for shown in (page, f"{LIST}/register"):
        assert number not in officer.get(shown).text
    assert number.encode() not in rows(world)[0].statement
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Candidate, row.candidate_id).document_sealed = seal("110101199001010011", DOCUMENT)
    changed = officer.post(f"{page}/print", data={"reason": "补打"})
    assert (changed.status_code, "更正过证件号码" in changed.text) == (409, True)


@pytest.mark.once
def test_the_page_opens_where_somebody_waits(world: World) -> None:
    qualify(world)
    set_parts(world)
    given(world, *BOTH)
    with world.app.app_context(), unit_of_work() as session:
        certified = [row.candidate_id for row in session.scalars(select(Certificate))]
        others = session.scalars(
            select(Registration).where(Registration.candidate_id.not_in(certified))
        ).all()
        for registration in others:
            registration.blueprint_ref = "zz-last"  # in the level of the others nobody waits any more
        passed = select(Result.registration_id).where(Result.outcome == "passed")
        waiting = next(one for one in others if one.id in set(session.scalars(passed)))
        name = session.get_one(Candidate, waiting.candidate_id).name
    shown = flat(world.staff("officer").get(LIST).text)
    assert name in shown
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(Certificate)).first().revoked_at = world.clock.now()  # type: ignore[union-attr]
    # Who passed every paper of a level comes before who did not.
    shown = flat(world.staff("officer").get(LIST).text)
    assert (name in shown, rows(world)[0].name in shown) == (False, True)


@pytest.mark.once
def test_a_print_names_the_address_that_was_set_and_the_photo_stays_that_of_the_issue(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    qualify(world)
    set_parts(world)
    with world.app.app_context(), unit_of_work() as session:
        store_photo(session, candidate_id(world, "theory"), b"of the issue")
    with_photo, without = given(world, *BOTH)
    printed: list[tuple[bytes | None, str]] = []
    monkeypatch.setattr(
        "cbt.certificates.register.certificates_paper",
        lambda sheets, address: printed.append((sheets[0].photo, address)) or b"%PDF",
    )
    officer = world.staff("officer")
    assert "还没有填写证书查询页地址" in officer.get(f"{LIST}/{without.ref}").text
    officer.post(f"{LIST}/{without.ref}/print")
    body = {
        "name": "示例协会",
        "look_up": "https://exam.example/verify",
        "publicity_days": "5",
        "appeal_days": "15",
        "appeal_answer_days": "15",
    }
    for wrong in ("exam.example/verify", "https://", "https://a@exam.example/", "https://exam.example/#x"):
        assert world.staff("admin").post("/office/body", data=body | {"look_up": wrong}).status_code == 422
    assert world.staff("admin").post("/office/body", data=body).status_code == 303
    for name in BOTH:
        with world.app.app_context(), unit_of_work() as session:
            store_photo(session, candidate_id(world, name), b"a later one")
    officer.post(f"{LIST}/{with_photo.ref}/print")
    assert "https://exam.example/verify" in officer.get(f"{LIST}/{without.ref}").text
    officer.post(f"{LIST}/{without.ref}/print", data={"reason": "破损"})
    with world.app.app_context(), unit_of_work() as session:
        store_photo(session, candidate_id(world, "extra"), b"the last one")
    officer.post(f"{LIST}/{without.ref}/print", data={"reason": "遗失"})
    address = body["look_up"]
    later = (b"a later one", address)
    assert printed == [(None, ""), (b"of the issue", address), later, later]


@pytest.mark.once
def test_what_was_revoked_is_said_and_only_a_new_certificate_makes_up_for_it(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    officer, page = world.staff("officer"), f"{LIST}/{row.ref}"
    assert officer.post(f"{page}/revoke").status_code == 422
    assert officer.post(f"{page}/revoke", data={"why": "姓名有误"}).status_code == 303
    assert officer.post(f"{page}/revoke", data={"why": "姓名有误"}).status_code == 409
    assert officer.post(f"{page}/print", data={"reason": "遗失"}).status_code == 409
    assert "证书已撤销" in look_up(world.app, row.number, row.name)
    _old, new = given(world, "theory")
    assert new.number == f"{row.number[:-1]}2"
    assert "证书有效" in look_up(world.app, new.number, new.name)


def rename(world: World, person: str, name: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Candidate, candidate_id(world, person)).name = name


def test_what_a_certificate_no_longer_says_rightly_is_replaced_in_one_act(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    officer, page = world.staff("officer"), f"{LIST}/{row.ref}"
    assert "更正证书" not in flat(officer.get(page).text).replace("再回到本页更正证书", "")
    assert officer.post(f"{page}/correct", data={"fault": "姓名有误"}).status_code == 409
    rename(world, "theory", "王晓明")
    shown = flat(officer.get(page).text)
    assert row.name in shown
    assert "王晓明" in shown
    assert officer.post(f"{page}/correct", data={"fault": " "}).status_code == 422
    assert world.staff("inspector").post(f"{page}/correct", data={"fault": "x"}).status_code == 403
    assert officer.post(f"{page}/correct", data={"fault": "姓名有误"}).status_code == 303
    assert officer.post(f"{page}/correct", data={"fault": "姓名有误"}).status_code == 409
    old, new = rows(world)
    assert (old.name, old.revoke_reason, new.name) == (row.name, "姓名有误", "王晓明")
    assert new.number == f"{row.number[:-1]}2"
    assert "证书已撤销" in look_up(world.app, old.number, old.name)
    assert "证书有效" in look_up(world.app, new.number, "王晓明")


@pytest.mark.once
def test_what_was_passed_in_time_is_corrected_years_later(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    rename(world, "theory", "王晓明")
    world.clock.advance(timedelta(days=3 * 365))
    answer = world.staff("officer").post(f"{LIST}/{row.ref}/correct", data={"fault": "姓名有误"})
    assert answer.status_code == 303
    assert [one.number[13:15] for one in rows(world)] == ["26", "29"]


def test_nothing_is_replaced_where_a_result_was_corrected_since(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    rename(world, "theory", "王晓明")
    with world.app.app_context(), unit_of_work() as session:
        of_theirs = select(Registration.id).where(Registration.candidate_id == candidate_id(world, "theory"))
        for result in session.scalars(select(Result).where(Result.registration_id.in_(of_theirs))):
            result.outcome = "failed"
    answer = world.staff("officer").post(f"{LIST}/{row.ref}/correct", data={"fault": "姓名有误"})
    assert answer.status_code == 409
    (only,) = rows(world)
    assert only.revoked_at is None


@pytest.mark.once
def test_every_wrong_pair_has_one_answer(world: World) -> None:
    qualify(world)
    set_parts(world)
    one, two = given(world, *BOTH)
    client = world.app.test_client()
    client.get("/verify")
    pairs = [
        (one.number, two.name),
        (one.number, ""),
        (f"{one.number[:-1]}9", one.name),
        ("", one.name),
        ("%", "%"),
        ("证" * 80, "姓" * 80),
    ]
    answers, asked = set(), set()
    for number, name in pairs:
        with count_queries(world.app) as queries:
            text = look_up(world.app, number, name, client)
        answers.add(re.sub(r'name="_?csrf[^>]*>|content="[^"]*"', "", text))
        asked.add(sum("certificate" in str(query) for query in queries))
    assert len({len(text) for text in answers}) == 1
    assert "没有查到这份证书" in answers.pop()
    assert len(asked) <= 2
    shown = flat(look_up(world.app, one.number.lower(), f" {one.name} ", client))
    assert "证书有效" in shown
    assert one.document in shown
    assert world.sitters["theory"].document not in shown


@pytest.mark.once
def test_whoever_guesses_is_slowed_down_and_nobody_else_is(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    client, other = world.app.test_client(), world.app.test_client()
    for browser in (client, other):
        browser.get("/verify")
    codes = [
        client.post("/verify", data={"number": row.number, "name": "不是"}).status_code for _ in range(9)
    ]
    assert codes == [200] * 8 + [429]
    assert "证书有效" in look_up(world.app, row.number, row.name, other)


@pytest.mark.once
def test_the_qr_is_checked_by_the_page_and_without_it_and_one_byte_breaks_it(
    world: World, tmp_path: Path
) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    broken = bytearray(row.statement)
    broken[20] ^= 1
    texts = {True: qr_text(row.statement, "https://exam.example/verify"), False: qr_text(bytes(broken))}
    key, file = tmp_path / "public.txt", tmp_path / "qr.txt"
    key.write_text(f"ed25519:{row.public_key}\n")
    for holds, text in texts.items():
        answer = world.app.test_client().post("/verify", data={"statement": text})
        assert ("证书有效" if holds else "没有查到这份证书") in answer.text
        file.write_text(text)
        told = CliRunner().invoke(command, ["verify", str(file), "--key", str(key)])
        assert (told.exit_code == 0) is holds
        assert (row.name in told.output) is holds


@pytest.mark.once
def test_the_register_finds_what_is_sought_and_prints_what_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, a part of the number, its batch, unprinted ones; the newest first, printed by number."""
    qualify(world)
    set_parts(world)
    first, second = given(world, *BOTH)
    assert (first.id, first.number) < (second.id, second.number)

    def found(**sought: Any) -> list[str]:
        with world.app.app_context(), reading() as session:
            page = certificate_register.register_page(session, RegisterFilter(**sought), page=1)
            assert page.count == len(page.lines)
            return [one.ref for one in page.lines]

    def printed(**sought: Any) -> list[str] | tuple[str, dict[str, object]]:
        with world.app.app_context(), reading() as session:
            try:
                return certificate_register.printable(session, RegisterFilter(**sought))
            except CbtError as error:
                return error.code, error.params

    assert found() == [second.ref, first.ref]
    assert printed() == [first.ref, second.ref]
    assert found(text=first.name) == found(text=first.number[-9:]) == [first.ref]
    assert found(text="%") == found(text="查无此人") == []
    assert found(batch=world.batch_ref) == [second.ref, first.ref]
    assert found(batch="ba-none") == []
    with world.app.app_context(), unit_of_work() as session:
        session.add(Batch(ref="ba-none", name="空", created_at=world.clock.now(), occupation=""))
        session.flush()
        offered = [ref for ref, _name in certificate_register.batches_released(session)]
        released = (
            select(Batch.ref)
            .join(Sitting, Sitting.batch_id == Batch.id)
            .where(Sitting.released_at.is_not(None))
        )
        assert offered == list(session.scalars(released.distinct().order_by(Batch.id.desc())))
        assert "ba-none" not in offered
    monkeypatch.setattr(certificate_register, "PRINTED_AT_ONCE", 1)
    assert printed() == ("certificate.too_many", {"maximum": 1})
    monkeypatch.setattr(certificate_register, "PRINTED_AT_ONCE", 2)
    assert len(printed()) == 2
    assert printed(text="查无此人") == ("certificate.none_chosen", {})
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(Certificate, first.id).prints = 1
        session.get_one(Certificate, second.id).revoked_at = world.clock.now()
    assert (found(), found(unprinted=True)) == ([second.ref, first.ref], [])
    assert printed() == [first.ref]


@pytest.mark.once
def test_the_parts_of_a_number_are_refused_at_their_field_and_their_change_is_on_record(world: World) -> None:
    good, now = SeriesForm("S", "0001", "31", "000001"), world.clock.now()
    with world.app.app_context():
        for wrong, said in (
            ({"kind": "X"}, ("certificate.kind", {"field": "kind"})),
            ({"body": "001"}, ("certificate.digits", {"field": "body", "digits": 4})),
            ({"body": "00011"}, ("certificate.digits", {"field": "body", "digits": 4})),
            ({"province": "3x"}, ("certificate.digits", {"field": "province", "digits": 2})),
            ({"site": "００００01"}, ("certificate.digits", {"field": "site", "digits": 6})),
        ):
            with pytest.raises(CbtError) as error:
                certificate_register.set_series(replace(good, **wrong), now=now, actor="staff:st-1")
            assert (error.value.code, error.value.params) == said
        for wanted in (good, good, replace(good, kind="Y")):
            certificate_register.set_series(wanted, now=now, actor="staff:st-1")
        with reading() as session:
            assert certificate_register.series_form(session) == replace(good, kind="Y")
            log = session.scalars(select(AuditEntry).where(AuditEntry.act == "certificate.series")).all()
    assert [(one.actor, one.before and json.loads(one.before), json.loads(one.after)) for one in log] == [
        ("staff:st-1", log[0].before, asdict(good)),
        ("staff:st-1", asdict(good), asdict(good) | {"kind": "Y"}),
    ]
    assert not json.loads(log[0].before or "null")


@pytest.mark.once
def test_every_hand_on_a_certificate_is_on_record_with_a_reason_up_to_its_limit(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, other = given(world, *BOTH)
    now, longest = world.clock.now(), "长" * certificate_register.REASON
    no_reason = ("certificate.no_reason", {"field": "reason", "maximum": 300})

    def refused(
        act: Callable[..., object], *refs: object, **named: object
    ) -> tuple[str, dict[str, object]] | None:
        try:
            act(*refs, **named)
        except CbtError as error:
            return error.code, error.params
        return None

    def printed(reason: str) -> None:
        with unit_of_work() as session:
            certificate_register.note_print(
                session, row.ref, photo=None, reason=reason, now=now, actor="staff:st-1"
            )

    with world.app.app_context():
        assert [refused(printed, reason) for reason in ("不用", "", " ", f"{longest}长", longest)] == [
            None, no_reason, no_reason, no_reason, None,
        ]  # fmt: skip
        by = {"now": now, "actor": "staff:st-2"}
        for reason in (" ", f"{longest}长"):
            assert refused(certificate_register.revoke, other.ref, reason=reason, **by) == no_reason
            day = local_day(now)
            assert (
                refused(certificate_register.correct, other.ref, reason=reason, today=day, **by) == no_reason
            )
        with reading() as session:
            sheets = certificate_register.sheets_of(session, [other.ref, row.ref, row.ref])
            assert [(one.row.ref, one.document) for one in sheets] == [
                (row.ref, row.document), (other.ref, other.document),
            ]  # fmt: skip
            assert refused(certificate_register.refuse_reprint, sheets, " ") == no_reason
            assert refused(certificate_register.refuse_reprint, sheets, "补打") is None
            assert refused(certificate_register.refuse_reprint, sheets[1:], "") is None
            for refs in ([row.ref, "ce-none"], []):
                assert refused(certificate_register.sheets_of, session, refs) == ("certificate.unknown", {})
        assert refused(certificate_register.revoke, other.ref, reason=longest, **by) is None
        gone = ("certificate.revoked", {"number": other.number})
        assert refused(certificate_register.revoke, other.ref, reason="又", **by) == gone
        with reading() as session:
            assert refused(certificate_register.sheets_of, session, [row.ref, other.ref]) == gone
            entries = session.scalars(
                select(AuditEntry)
                .where(AuditEntry.act.in_(["certificate.print", "certificate.revoke"]))
                .order_by(AuditEntry.id)
            ).all()
    assert [(one.act, one.actor, one.subject, one.reason, json.loads(one.after)) for one in entries] == [
        ("certificate.print", "staff:st-1", row.logged_as, "", {"count": 1}),
        ("certificate.print", "staff:st-1", row.logged_as, longest, {"count": 2}),
        ("certificate.revoke", "staff:st-2", other.logged_as, longest, {"number": other.number}),
    ]
    assert {entry.at for entry in entries} == {now}
    (_row, revoked) = rows(world)
    assert (revoked.revoked_at, revoked.revoked_by, revoked.revoke_reason) == (now, "staff:st-2", longest)


@pytest.mark.once
def test_a_kept_photo_that_cannot_be_opened_is_none_and_not_the_holders_of_now(world: World) -> None:
    qualify(world)
    set_parts(world)
    row, *_others = given(world, "theory")
    with world.app.app_context(), unit_of_work() as session:
        store_photo(session, row.candidate_id, b"of now")
        session.flush()
        assert certificate_register.photo_on(session, row) == b"of now"
        certificate_register.keep_photo(session, row, None)
        session.flush()
        assert session.get(CertificatePhoto, row.id) is None
        for photo in (b"of then", b"later"):
            certificate_register.keep_photo(session, row, photo)
            session.flush()
            assert certificate_register.photo_on(session, row) == b"of then"
        session.get_one(CertificatePhoto, row.id).sealed = b"damaged"
        assert certificate_register.photo_on(session, row) is None


@pytest.mark.once
def test_an_issue_says_how_many_and_is_of_the_local_day_and_of_who_asked(world: World) -> None:
    qualify(world)
    set_parts(world)
    world.clock.set(datetime(2026, 11, 30, 17, tzinfo=UTC))  # the next day here
    first, second = given(world, *BOTH)
    officer = world.staff("officer")
    data = {"level": level_of(world), "person": people(world, *BOTH)}
    for row in (first, second):
        assert (row.issued_on, row.issued_at) == (date(2026, 12, 1), world.clock.now())
        assert officer.post(f"{LIST}/{row.ref}/revoke", data={"why": "x"}).status_code == 303
    assert "已发证 2 份。" in officer.post(LIST, data=data, follow_redirects=True).text
    with world.app.app_context(), reading() as session:
        log = session.scalars(select(AuditEntry).where(AuditEntry.act == "certificate.issue")).all()
    assert {(one.actor, one.at) for one in log} == {
        (f"staff:{world.people['officer'].ref}", world.clock.now())
    }
    assert len(log) == 4
