"""Fees of accepted people: statements, payments, reversals, refunds, and what the bookkeeper takes (R-76)."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.batches.checks.people import PlannedEntry, checks_of_rows
from cbt.blueprints.store import blueprint_of
from cbt.enrolment.fees import accounts as paying
from cbt.enrolment.fees import charges as charging
from cbt.enrolment.fees import store as fees_store
from cbt.enrolment.fees.accounts import FeeBooking, PaymentForm, RefundForm, matches_of
from cbt.enrolment.fees.statement import span_of, statement_details
from cbt.enrolment.fees.store import owed_by, payments_of, statements_of
from cbt.enrolment.models import Applicant, FeeCharge, FeeMatch, FeePayment, FeeRefund, UnitApplication
from cbt.enrolment.units import unit_by_ref
from cbt.errors import CbtError
from cbt.rules.enrolment.fees import FeeLedger, yuan
from cbt.rules.exam import ExamBlueprint
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import Desk, clerk_of, desk, people_of, put_in, unit, unit_ref
from tests.enrolment.test_units import AGREEMENT, OTHER_CODE, enter, officer, rows
from tests.helpers import count_queries, flat
from tests.printing.paper import papers_of, squeezed
from tests.world import World, named_nobody

__all__ = ["desk", "officer", "unit"]

PAYMENT = {
    "paid_on": "2026-11-20",
    "amount": "380.00",
    "way": "transfer",
    "payer": "浦江财务",
    "reference": "T-1",
}


@pytest.fixture
def accepted(world: World, desk: Desk) -> Desk:
    """Two people of an application that was accepted: one for the first time, one for a make-up in one paper."""
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42), kind="retake", papers=["theory"])
    desk.step("submit")
    desk.decide(people_of(world))
    assert desk.step("accept").status_code == 303
    return desk


def statement(unit: str, accepted: Desk) -> str:
    return f"/office/fees/units/{unit}/statements/{unit_ref(accepted.page)}"


def pay(officer: FlaskClient, unit: str, **changes: str) -> Any:
    return officer.post(f"/office/fees/units/{unit}/payments", data=PAYMENT | changes)


def sheet(client: FlaskClient, page: str) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(client.get(page).data)).get_sheet_by_index(0).to_python()


def figures(world: World, unit: str) -> tuple[str, str, str]:
    """Return what is charged, open and left over, in 元."""
    with world.app.app_context(), reading() as session:
        found = owed_by(session, unit_by_ref(session, unit).id)
    return yuan(found.charged), yuan(found.open), yuan(found.credit)


def payment(world: World) -> str:
    with rows(world, FeePayment) as found:
        return f"/office/fees/payments/{found[-1].ref}"


def test_lines_arise_by_the_rule_and_stand_on_page_paper_and_workbook(
    world: World, officer: FlaskClient, unit: str, accepted: Desk, tmp_path: Path
) -> None:
    page = statement(unit, accepted)
    shown = flat(officer.get(page).text)
    for said in ("陆遥", "评价考核费", "280.00", "郭宁", "补考费", "100.00", "380.00"):
        assert said in shown
    assert figures(world, unit) == ("380.00", "380.00", "0.00")
    refused = named_nobody(world, lambda: officer.get(f"{page}/pdf"))
    assert refused.status_code == 409
    assert 'href="/office/body"' in refused.text.partition("<main")[2]
    (paper,) = papers_of(officer.get(f"{page}/pdf"), tmp_path)
    for said in ("上海市商业联合会", "郭宁", "380.00", "叁佰捌拾元整"):
        assert squeezed(said) in paper.text
    book = sheet(officer, f"{page}/xlsx")
    assert book[-1][4:] == [380, 0, 380]
    assert [row[:2] for row in book[-3:-1]] == [[1, "陆遥"], [2, "郭宁"]]
    assert officer.get(f"{page}/exe").status_code == 404
    with rows(world, UnitApplication) as (application,):
        assert application.number == "2026-0001"
    assert ("2026-0001" in shown, squeezed("2026-0001") in paper.text) == (True, True)
    assert unit_ref(accepted.page) not in paper.text
    assert "还没有收款账户" in shown
    account = {
        "name": "示例协会",
        "publicity_days": "5",
        "appeal_days": "15",
        "appeal_answer_days": "15",
        "payee_bank": "示例银行",
        "payee_account": "3105016600001234",
    }
    assert world.staff("admin").post("/office/body", data=account).status_code == 303
    (paper,) = papers_of(officer.get(f"{page}/pdf"), tmp_path)
    page_text = flat(officer.get(page).text)
    cells = [cell for row in sheet(officer, f"{page}/xlsx") for cell in row]
    for said in ("示例协会", "示例银行", "3105016600001234"):
        assert (squeezed(said) in paper.text, said in page_text, said in cells) == (True, True, True)


def test_whoever_is_brought_by_a_roster_is_held_to_the_fees_of_their_application(
    world: World, officer: FlaskClient, unit: str, accepted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(session: Session, version: int) -> ExamBlueprint:
        blueprint = blueprint_of(session, version)
        return replace(blueprint, fees=replace(blueprint.fees, unpaid_may_sit=False))

    def told() -> list[tuple[str, str]]:
        with world.app.test_request_context(), reading() as session:
            application = session.scalars(select(UnitApplication)).one()
            sitting = session.scalars(select(Sitting)).first()
            people = session.scalars(select(Applicant).order_by(Applicant.id)).all()
            version = application.blueprint_version_id
            rows = [
                PlannedEntry(number, one.document_index, one.name, None, sitting, version, "theory")
                for number, one in enumerate(people)
            ]
            found = checks_of_rows(session, rows).values()
            return [(one.clause, one.text) for some in found for one in some if one.code == "unpaid"]

    assert told() == []  # the blueprint lets them
    monkeypatch.setattr(fees_store, "blueprint_of", strict)
    unpaid = [("R-76", "评价申请 2026-0001 还有 380.00 元未到账，其中的人不能编入场次")] * 2
    for state, said in (("done", []), ("submitted", []), ("scheduled", unpaid), ("accepted", unpaid)):
        with world.app.app_context(), unit_of_work() as session:
            session.scalars(select(UnitApplication)).one().state = state
        assert told() == said, state
    for verdict, said in (("refused", unpaid[1:]), ("", unpaid[1:]), ("accepted", unpaid)):
        with world.app.app_context(), unit_of_work() as session:
            session.scalars(select(Applicant).order_by(Applicant.id)).first().verdict = verdict  # type: ignore[union-attr]
        assert told() == said, verdict
    assert pay(officer, unit).status_code == 303
    assert told() == []


def test_the_statement_of_a_batch_sums_a_units_applications(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    put_in(world, accepted)
    accepted.begin(unit=unit)
    accepted.enter(name="何静", document_number=resident(55))
    accepted.step("submit")
    accepted.decide(people_of(world)[-1:])
    accepted.step("accept")
    put_in(world, accepted)
    page = f"/office/fees/units/{unit}/statements/{world.batch_ref}"
    assert "660.00" in officer.get(page).text
    assert sheet(officer, f"{page}/xlsx")[-1][4:] == [660, 0, 660]
    assert page in officer.get(f"/office/fees/units/{unit}").text
    other = unit_ref(enter(officer, credit_code=OTHER_CODE, name="第二家客服公司"))
    assert officer.get(page.replace(unit, other)).status_code == 404


def test_a_payment_pays_is_reversed_and_is_given_back_where_the_rule_says_so(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    assert pay(officer, unit, amount="300").status_code == 303
    assert figures(world, unit) == ("380.00", "80.00", "0.00")
    assert pay(officer, unit).status_code == 409  # the same reference
    assert pay(officer, unit, reference="T-2", pays="-").status_code == 303
    assert figures(world, unit) == ("380.00", "80.00", "380.00")
    second = payment(world)
    assert officer.post(f"/office/fees/units/{unit}/match").status_code == 303
    assert figures(world, unit) == ("380.00", "0.00", "300.00")
    assert officer.post(f"/office/fees/units/{unit}/match").status_code == 409
    back = {"given_on": "2026-11-20", "amount": "300.01", "reason": "多付"}
    assert officer.post(f"{second}/refund", data=back).status_code == 409
    assert officer.post(f"{second}/refund", data=back | {"amount": "300"}).status_code == 303
    assert (
        officer.post(f"{second}/reverse", data={"reason": "误记"}).status_code == 409
    )  # some was given back
    with rows(world, FeePayment) as (first, _second):
        first_page = f"/office/fees/payments/{first.ref}"
    assert officer.post(f"{first_page}/unmatch", data={"reason": "核销有误"}).status_code == 303
    assert figures(world, unit) == ("380.00", "300.00", "300.00")
    assert officer.post(f"{first_page}/unmatch", data={"reason": "又一次"}).status_code == 409
    assert officer.post(f"{first_page}/reverse", data={"reason": " "}).status_code == 422
    assert officer.post(f"{first_page}/reverse", data={"reason": "退票"}).status_code == 303
    assert figures(world, unit) == ("380.00", "300.00", "0.00")
    assert "已冲正" in officer.get(first_page).text
    with rows(world, AuditEntry) as log:
        acts = [one.act for one in log if one.act.startswith("fee.")]
    assert acts == [
        "fee.charge",
        "fee.pay",
        "fee.pay",
        "fee.match",
        "fee.refund",
        "fee.unmatch",
        "fee.reverse",
    ]


def test_what_is_withdrawn_refused_or_aborted_is_free_again_and_absence_is_not(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    pay(officer, unit)
    page = statement(unit, accepted)
    with rows(world, FeeCharge) as (first, _retake):
        chosen = {"lines": [first.ref], "reason": "本人说明"}
    for changes, code in (
        ({"cause": "absent"}, 409),
        ({"cause": "weather"}, 422),
        ({"cause": "withdrawn", "lines": []}, 422),
        ({"cause": "withdrawn", "reason": ""}, 422),
        ({"cause": "withdrawn"}, 303),
        ({"cause": "withdrawn"}, 422),
    ):
        assert officer.post(f"{page}/cancel", data=chosen | changes).status_code == code, changes
    assert figures(world, unit) == ("100.00", "0.00", "280.00")
    assert "已取消的费用，共 1 项" in officer.get(page).text
    assert accepted.step("reconsider").status_code == 303
    assert figures(world, unit) == ("0.00", "0.00", "380.00")
    accepted.step("send_back", words="更换人员")
    accepted.client.post(f"{accepted.page}/people/{people_of(world)[0]}/remove")
    assert "已从申请中移出" in officer.get(page).text
    accepted.step("submit")
    assert accepted.step("accept").status_code == 303
    assert figures(world, unit) == ("100.00", "100.00", "380.00")
    assert accepted.step("withdraw").status_code == 303
    assert figures(world, unit) == ("0.00", "0.00", "380.00")


def test_the_first_taking_is_charged_once_for_all_papers(world: World, desk: Desk, unit: str) -> None:
    def apply(papers: list[str]) -> None:
        desk.begin(unit=unit)
        desk.enter(papers=papers)
        desk.step("submit")
        desk.decide(people_of(world)[-1:])
        assert desk.step("accept").status_code == 303

    apply(["theory"])
    assert figures(world, unit)[0] == "280.00"
    apply(["skills"])
    assert figures(world, unit)[0] == "280.00"
    apply(["theory"])  # the same paper again is another taking
    assert figures(world, unit)[0] == "560.00"


@pytest.mark.once
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "3,8"}, "金额无效"),
        ({"amount": "0"}, "金额无效"),
        ({"paid_on": "2026-11-21"}, "日期无效"),
        ({"paid_on": ""}, "日期无效"),
        ({"way": "gold"}, "没有选择付款方式"),
        ({"payer": " "}, "付款人为空"),
        ({"reference": "长" * 81}, "超过 80 个字"),
        ({"pays": "ap-none"}, "没有这份对账单"),
    ],
)
def test_what_is_refused_of_a_payment_is_said_at_its_place(
    world: World, officer: FlaskClient, unit: str, changes: dict[str, str], said: str
) -> None:
    answer = pay(officer, unit, **changes)
    assert answer.status_code == 422
    assert said in answer.text
    with rows(world, FeePayment) as none:
        assert none == []


def test_a_clerk_sees_their_own_statements_and_acts_on_none(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    pay(officer, unit, amount="100", payer="=HYPERLINK(1)")
    other = unit_ref(enter(officer, credit_code=OTHER_CODE, name="第二家客服公司"))
    clerk, stranger = clerk_of(world, officer, unit, "miao"), clerk_of(world, officer, other, "zhou")
    own = f"/unit/fees/statements/{unit_ref(accepted.page)}"
    assert "280.00" in clerk.text("/unit/fees")
    assert "100.00" in clerk.text(own)
    assert clerk.client.get(f"{own}/xlsx").status_code == 200
    assert "对账单" in clerk.text(accepted.page.replace("/office/", "/unit/"))
    assert "<form" not in clerk.text("/unit/fees").partition("<main")[2]
    assert "<form" not in clerk.text(own).partition("<main")[2]
    for page in (own, f"{own}/xlsx", f"{own}/pdf"):
        assert stranger.client.get(page).status_code == 404
    assert "还没有对账单" in stranger.text("/unit/fees")
    for page in ("/office/fees", f"/office/fees/units/{unit}", payment(world), "/office/fees/journal"):
        assert clerk.client.get(page).status_code == 403
    assert pay(clerk.client, unit).status_code == 403


def test_the_bookkeeper_gets_every_entry_once_and_no_formula(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    pay(officer, unit, amount="1,300.5", payer="=HYPERLINK(1)", pays="-")
    officer.post(
        f"{payment(world)}/refund", data={"given_on": "2026-11-20", "amount": "0.05", "reason": "找零"}
    )
    officer.post(f"{statement(unit, accepted)}/cancel", data={})
    world.clock.advance(timedelta(days=1))
    officer = world.staff("officer")
    pay(officer, unit, reference="T-9")
    officer.post(f"{payment(world)}/reverse", data={"reason": "误记"})
    csv = officer.get("/office/fees/journal?from=2026-11-20&to=2026-11-20&as=csv").data.decode("utf-8-sig")
    assert '"\'=HYPERLINK(1)"' in csv
    lines = [line.split('","') for line in csv.splitlines()[1:]]
    assert [(line[1], line[10]) for line in lines] == [
        ("应收", "280.00"), ("应收", "100.00"), ("到账", "1300.50"), ("退费", "0.05"),
    ]  # fmt: skip
    found = sheet(officer, "/office/fees/journal?from=2026-11-21")[1:]
    assert [(row[1], row[10]) for row in found] == [("到账", 380), ("冲正", 380)]
    assert officer.get("/office/fees/journal?from=2026-12-01&to=2026-11-01").status_code == 422


def test_what_was_accepted_before_fees_were_kept_is_charged_at_once(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for one in session.scalars(select(FeeCharge)):
            session.delete(one)
        session.scalars(select(UnitApplication)).one().charged_on = None
    assert "1 份已受理的申请尚未计费" in officer.get("/office/fees").text
    assert officer.post("/office/fees/charge").status_code == 303
    assert "尚未计费" not in officer.get("/office/fees").text
    assert figures(world, unit) == ("380.00", "380.00", "0.00")


def test_no_cent_is_lost_over_any_sequence_of_acts(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    """What came in lies there, pays something or went back, by the rows, the sums of the pages and the ledger."""
    chance = random.Random(76)
    with world.app.app_context():
        for number in range(60):
            booking = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
            _act(chance, number, unit, booking)
            with reading() as session:
                unit_id = unit_by_ref(session, unit).id
                ledger = whole_ledger(session, unit_id)
                owed = owed_by(session, unit_id)
                assert (owed.charged, owed.open, owed.credit) == (ledger.charged, ledger.open, ledger.credit)
                assert ledger.received == ledger.matched + ledger.credit + ledger.refunded
                assert min(ledger.free_by_payment().values(), default=0) >= 0
                assert min(ledger.open_by_line().values(), default=0) >= 0
                free = {one.payment.ref: one.credit for one in payments_of(session, unit_id, page=1).lines}
                assert free.items() <= ledger.free_by_payment().items()
                assert sum(one.owed.open for one in statements_of(session, unit_id, page=1).lines) == (
                    ledger.open
                )
    for table in (FeeMatch, FeeRefund):
        with rows(world, table) as found:
            assert found  # the acts happened


def whole_ledger(session: Session, unit_id: int) -> FeeLedger:
    """Return all of a unit's account, as no act of the product reads it."""
    charges = session.scalars(select(FeeCharge).where(FeeCharge.unit_id == unit_id)).all()
    payments = session.scalars(select(FeePayment).where(FeePayment.unit_id == unit_id)).all()
    by_id = {one.id: one.ref for one in payments}
    return FeeLedger(
        lines={one.ref: one.fen for one in charges},
        cancelled=frozenset(one.ref for one in charges if one.cancelled_on is not None),
        payments={one.ref: one.fen for one in payments},
        reversed=frozenset(one.ref for one in payments if one.reversed_on is not None),
        matches=matches_of(session, FeeCharge.unit_id == unit_id),
        refunds=tuple((by_id[one.payment_id], one.fen) for one in session.scalars(select(FeeRefund))),
    )


def _act(chance: random.Random, number: int, unit: str, who: FeeBooking) -> None:
    with reading() as session:
        payments = list(session.scalars(select(FeePayment.ref).order_by(FeePayment.id)))
        charges = list(session.scalars(select(FeeCharge.ref).order_by(FeeCharge.id)))
        application = session.scalars(select(UnitApplication)).one()
    one = chance.choice(payments or ["pm-none"])
    amount = yuan(chance.randint(1, 30000))
    day = who.today.isoformat()
    pays = chance.choice(["", "-", application.ref])
    try:
        match chance.choice("ppmmrufca"):
            case "p":
                form = PaymentForm(day, amount, "cash", "x", str(number), "", pays)
                paying.record_payment(unit, form, who)
            case "m":
                paying.match_credit(unit, who)
            case "r":
                paying.reverse_payment(one, reason="x", booking=who)
            case "u":
                paying.unmatch_payment(one, reason="x", booking=who)
            case "f":
                paying.refund(one, RefundForm(day, amount, "", "x"), who)
            case "c":
                charging.cancel_lines(
                    unit, [chance.choice(charges)], cause="aborted", reason="x", booking=who
                )
            case _:
                with unit_of_work() as session:  # as where its process was stopped on the way
                    session.merge(application).charged_on = None
                charging.charge(application.id, who)
    except CbtError:
        pass


def form_of(amount: str, reference: str) -> PaymentForm:
    return PaymentForm("2026-11-20", amount, "transfer", "x", reference, "", "")


def test_an_act_reads_what_is_open_and_as_much_as_it_can_pay(world: World, unit: str, accepted: Desk) -> None:
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
    with world.app.app_context():
        paying.record_payment(unit, form_of("280", "T-1"), who)
        with unit_of_work() as session:
            paid, still_open = session.scalars(select(FeeCharge).order_by(FeeCharge.id))
            columns = [column.key for column in FeeCharge.__table__.columns]
            facts = {name: getattr(still_open, name) for name in columns if name not in ("id", "ref")}
            session.add_all(FeeCharge(ref=f"fe-more{number}", **facts) for number in range(30))
            refs = (paid.ref, still_open.ref)
        with reading() as session:
            unit_id = unit_by_ref(session, unit).id
            ledger = paying.unsettled(session, unit_id, {"pm-new": 15000})
            assert ledger.lines == {
                refs[1]: 10000,
                "fe-more0": 10000,
            }  # none that is paid, none that it is not enough for
            assert paying.unsettled(session, unit_id, {"pm-new": 15000}, "-").lines == {}
            assert paying.free_payments(session, unit_id) == {}


def test_of_two_payments_at_the_same_moment_one_pays_and_the_other_is_credit(
    world: World, unit: str, accepted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, real = FeeBooking("staff:x", world.clock.now(), world.clock.now().date()), paying.unsettled

    def while_another_pays(session: Session, unit_id: int, *asked: Any) -> FeeLedger:
        seen = real(session, unit_id, *asked)
        monkeypatch.setattr(paying, "unsettled", real)
        paying.record_payment(unit, form_of("300", "T-2"), who)
        return seen

    monkeypatch.setattr(paying, "unsettled", while_another_pays)
    with world.app.app_context():
        paying.record_payment(unit, form_of("380", "T-1"), who)
    assert figures(world, unit) == ("380.00", "0.00", "300.00")


def test_a_payment_that_is_stopped_on_the_way_is_credit_and_matched_by_the_next_who_asks(
    world: World, unit: str, accepted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
    monkeypatch.setattr(paying, "PIECE", 1)  # the first line with the payment, the other one after it
    real, pieces = paying.keep_matches, iter((True, False))

    def stopped(*arguments: Any) -> int:
        if next(pieces):
            return real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(paying, "keep_matches", stopped)
    with world.app.app_context(), pytest.raises(KeyboardInterrupt):
        paying.record_payment(unit, form_of("380", "T-1"), who)
    assert figures(world, unit) == ("380.00", "100.00", "100.00")
    monkeypatch.setattr(paying, "keep_matches", real)
    with world.app.app_context():
        assert paying.match_credit(unit, who) == 10000
    assert figures(world, unit) == ("380.00", "0.00", "0.00")
    with rows(world, AuditEntry) as log:
        said = [json.loads(one.after)["matched"] for one in log if one.act in ("fee.pay", "fee.match")]
    assert said == ["280.00", "100.00"]


@pytest.mark.once
def test_pages_ask_as_often_however_much_there_is(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    pay(officer, unit)
    pages = ("/office/fees", f"/office/fees/units/{unit}", statement(unit, accepted), payment(world))

    def asked() -> list[int]:
        counted = []
        for one in pages:
            with count_queries(world.app) as seen:
                assert officer.get(one).status_code == 200
            counted.append(len(seen))
        return counted

    before = asked()
    with world.app.app_context(), unit_of_work() as session:
        person = session.scalars(select(Applicant)).first()
        first = session.scalars(select(FeeCharge)).first()
        assert person is not None
        assert first is not None
        session.add_all(
            FeeCharge(
                ref=f"fe-{number}", unit_id=first.unit_id, application_id=first.application_id,
                applicant_id=person.id, kind="retake", paper="skills", fen=10000, charged_on=first.charged_on,
                cause="", cancel_reason="",
            )
            for number in range(60)
        )  # fmt: skip
    assert asked() == before
    assert max(before) <= 14


def test_what_is_open_is_listed_with_its_age(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    assert f"/office/fees/units/{unit}" in officer.get("/office/fees").text
    assert "没有单位有余额" in officer.get("/office/fees?kind=credit").text
    assert "欠" not in flat(officer.get("/office/fees?kind=all").text).partition("<table")[2]
    world.clock.advance(timedelta(days=31))
    assert "欠 31 天" in world.staff("officer").get("/office/fees").text


@pytest.mark.once
def test_what_is_typed_of_money_is_taken_up_to_its_limits(world: World, unit: str, accepted: Desk) -> None:
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
    day, reason = "2026-11-20", ("fees.reason", "reason")

    def said(act: Callable[..., object], *arguments: object, **named: object) -> tuple[str, object]:
        with world.app.app_context(), pytest.raises(CbtError) as error:
            act(*arguments, **named)
        return error.value.code, error.value.params.get("field")

    none = ("fees.no_payment", None)
    for length, (refused, unknown) in ((501, (reason, reason)), (500, (none, ("unit.unknown", None)))):
        text = "长" * length
        for act in (paying.unmatch_payment, paying.reverse_payment):
            assert said(act, "pm-none", reason=text, booking=who) == refused
        assert said(paying.refund, "pm-none", RefundForm(day, "1", "1" * 80, text), who) == refused
        cancel = {"cause": "aborted", "reason": text, "booking": who}
        assert said(charging.cancel_lines, "un-none", ["fe-1"], **cancel) == unknown
    for form, field in (
        (RefundForm("2014-12-31", "1", "", "x"), ("fees.day", "given_on")),
        (RefundForm("2026-11-21", "1", "", "x"), ("fees.day", "given_on")),
        (RefundForm(day, "x", "", "x"), ("fees.amount", "amount")),
        (RefundForm(day, "1", "1" * 81, "x"), ("fees.too_long", "reference")),
    ):
        assert said(paying.refund, "pm-none", form, who) == field
    good = PaymentForm("2015-01-01", "1", "transfer", "长" * 120, "1" * 80, "长" * 500, "")
    for changes, field in (
        ({"paid_on": "2014-12-31"}, ("fees.day", "paid_on")),
        ({"payer": "长" * 121}, ("fees.payer", "payer")),
        ({"note": "长" * 501}, ("fees.too_long", "note")),
        ({"way": "gold"}, ("fees.way", "way")),
        ({"pays": "ap-none"}, ("fees.pays", "pays")),
    ):
        assert said(paying.record_payment, unit, replace(good, **changes), who) == field
    with world.app.app_context():
        ref = paying.record_payment(unit, good, who)
    assert said(paying.record_payment, unit, good, who) == ("fees.paid_twice", "reference")
    with rows(world, FeePayment) as (kept,):
        assert (kept.ref, kept.reference, kept.note, kept.booked_on) == (ref, "1" * 80, "长" * 500, who.today)


@pytest.mark.once
def test_what_was_charged_or_cancelled_already_is_not_so_again(
    world: World, unit: str, accepted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything given back of what was withdrawn where the rule keeps it."""
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())

    def kept(session: Session, version: int) -> ExamBlueprint:
        blueprint = blueprint_of(session, version)
        return replace(blueprint, fees=replace(blueprint.fees, refund_withdrawn=False))

    def log() -> list[str]:
        with rows(world, AuditEntry) as found:
            return [one.act for one in found if one.act.startswith("fee.")]

    with rows(world, FeeCharge) as lines, rows(world, UnitApplication) as (application,):
        ids, number = [one.id for one in lines], application.id
    with world.app.app_context():
        charging.charge(number, who)
        charging.credit_for(number, who)  # it stands in no batch
        assert (log(), figures(world, unit)[0]) == (["fee.charge"], "380.00")
        with monkeypatch.context() as strict:
            strict.setattr(charging, "blueprint_of", kept)
            charging.cancel_for(number, "withdrawn", who)
            assert (log(), figures(world, unit)[0]) == (["fee.charge"], "380.00")
            with pytest.raises(CbtError) as error:
                charging.cancel_lines(
                    unit, ["fe-none", lines[0].ref], cause="withdrawn", reason="x", booking=who
                )
            assert (error.value.code, error.value.params["field"]) == ("fees.not_given_back", "cause")
            charging.cancel_for(number, charging.RECONSIDERED, who)
        assert (log(), figures(world, unit)[0]) == (["fee.charge", "fee.cancel"], "0.00")
        assert charging.cancel_charges(number, ids, "aborted", "x", who, before=3) == 3
        assert log() == ["fee.charge", "fee.cancel"]
    with rows(world, FeeCharge) as lines:
        assert {(one.cause, one.cancel_reason) for one in lines} == {("reconsidered", "")}


@pytest.mark.once
def test_a_payment_of_many_lines_is_taken_back_piece_by_piece(
    world: World, unit: str, accepted: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
    monkeypatch.setattr(paying, "PIECE", 1)
    for number, act in enumerate((paying.unmatch_payment, paying.reverse_payment)):
        with world.app.app_context():
            ref = paying.record_payment(unit, form_of("380", f"T-{number}"), who)
            assert figures(world, unit)[1] == "0.00"
            act(ref, reason="有误", booking=who)
            assert figures(world, unit) == ("380.00", "380.00", "0.00" if number else "380.00")
            if not number:
                paying.reverse_payment(ref, reason="有误", booking=who)
    with rows(world, AuditEntry) as log:
        told = [(one.act, json.loads(one.before)) for one in log if one.act in {"fee.unmatch", "fee.reverse"}]
    unmatched = [("fee.unmatch", {"matched": fen}) for fen in ("280.00", "100.00")]
    reversed_ = ("fee.reverse", {"amount": "380.00"})
    assert told == [*unmatched, reversed_, unmatched[0], reversed_]


@pytest.mark.once
def test_a_statement_tells_what_is_paid_of_the_lines_that_stand_and_apart_what_was_cancelled(
    world: World, unit: str, accepted: Desk
) -> None:
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
    with rows(world, FeeCharge) as lines, rows(world, UnitApplication) as (application,):
        first, retake = (one.ref for one in lines)
    with world.app.test_request_context():
        paying.record_payment(unit, form_of("300", "T-1"), who)

        def told() -> tuple[list[tuple[str, int, int]], list[tuple[str, int, int]], list[int], int]:
            with reading() as session:
                of_unit = unit_by_ref(session, unit)
                found = statement_details(session, of_unit, application.ref, day=who.today)
                standing, gone = (
                    [(one.charge.ref, one.paid, one.open) for one in some]
                    for some in (found.lines, found.cancelled)
                )
                return standing, gone, [fen for _payment, fen in found.payments], found.sums.fen

        assert told() == ([(first, 28000, 0), (retake, 2000, 8000)], [], [30000], 38000)
        charging.cancel_lines(unit, [first], cause="withdrawn", reason="本人", booking=who)
        assert told() == ([(retake, 2000, 8000)], [(first, 0, 0)], [2000], 10000)


@pytest.mark.once
def test_a_statement_of_a_batch_leaves_out_what_the_unit_has_in_none(
    world: World, unit: str, accepted: Desk
) -> None:
    put_in(world, accepted)
    accepted.begin(unit=unit)
    accepted.enter(name="何静", document_number=resident(55))
    accepted.step("submit")
    accepted.decide(people_of(world)[-1:])
    assert accepted.step("accept").status_code == 303
    with world.app.test_request_context(), reading() as session:
        of_unit = unit_by_ref(session, unit)
        day = world.clock.now().date()
        of_batch = statement_details(session, of_unit, world.batch_ref, day=day)
        assert (of_batch.sums.fen, len(of_batch.lines), of_batch.sums.people) == (38000, 2, 2)
        number = session.scalars(select(UnitApplication.number).order_by(UnitApplication.id)).first()
        (ref,) = session.scalars(select(UnitApplication.ref).where(UnitApplication.number == number))
        in_it = statement_details(session, of_unit, ref, day=day)
        assert in_it.batch is of_batch.batch is not None
        assert (of_batch.title, in_it.title) == (of_batch.batch.name, number)
        alone = statement_details(session, of_unit, unit_ref(accepted.page), day=day)
        assert (alone.sums.fen, [one.name for one in alone.lines], alone.batch) == (28000, ["何静"], None)


@pytest.mark.once
def test_each_units_account_is_its_own_and_what_is_owed_the_longest_comes_first(
    world: World, officer: FlaskClient, unit: str, accepted: Desk
) -> None:
    page = enter(officer, credit_code=OTHER_CODE, name="第二家客服公司")
    assert officer.post(f"{page}/agreements", data=AGREEMENT).status_code == 303
    other = unit_ref(page)
    accepted.begin(unit=other)
    accepted.enter(name="何静", document_number=resident(55))
    accepted.step("submit")
    accepted.decide(people_of(world)[-1:])
    assert accepted.step("accept").status_code == 303
    who = FeeBooking("staff:x", world.clock.now(), world.clock.now().date())
    with rows(world, UnitApplication) as (first, second):
        own, theirs = (first.ref, first.number), (second.ref, second.number)
    with world.app.test_request_context():
        with unit_of_work() as session:
            for line in session.scalars(select(FeeCharge).where(FeeCharge.unit_id == second.unit_id)):
                line.charged_on -= timedelta(days=3)
        paying.record_payment(unit, form_of("280", "T-1"), who)
        paying.record_payment(other, replace(form_of("50", "T-2"), pays="-"), who)
        with reading() as session:
            ids = [unit_by_ref(session, ref).id for ref in (unit, other)]
            sums = [owed_by(session, one) for one in ids]
            assert [(one.charged, one.open, one.credit) for one in sums] == [
                (38000, 10000, 0),
                (28000, 28000, 5000),
            ]
            assert [one.days(who.today) for one in sums] == [0, 3]
            assert [fees_store.open_statements(session, one) for one in ids] == [
                [(*own, 10000)], [(*theirs, 28000)],
            ]  # fmt: skip
            for number, (reference, people) in zip(ids, (("T-1", 2), ("T-2", 1)), strict=True):
                (line,) = payments_of(session, number, page=1).lines
                (stands,) = statements_of(session, number, page=1).lines
                assert (line.payment.reference, stands.people) == (reference, people)
                assert paying.free_payments(session, number).keys() == (
                    {line.payment.ref} if reference == "T-2" else set()
                )
            found = {
                kind: fees_store.unit_fees_page(session, kind=kind, page=1)
                for kind in ("open", "credit", "all", "x")
            }
            assert {kind: [one.unit.ref for one in page.lines] for kind, (page, _all) in found.items()} == {
                "open": [other, unit], "credit": [other], "all": [other, unit], "x": [other, unit],
            }  # fmt: skip
            page, everybody = found["all"]
            assert page.counts == {"open": 2, "credit": 1, "all": 2}
            assert (everybody.charged, everybody.open, everybody.credit) == (66000, 38000, 5000)
            with pytest.raises(CbtError):
                statement_details(session, unit_by_ref(session, unit), theirs[0], day=who.today)
        paying.record_payment(unit, form_of("100", "T-3"), who)
        with reading() as session:
            assert [len(fees_store.open_statements(session, one)) for one in ids] == [0, 1]
            page, _all = fees_store.unit_fees_page(session, kind="open", page=1)
            assert [one.unit.ref for one in page.lines] == [other]


@pytest.mark.parametrize(
    ("first", "last", "span"),
    [
        ("", "", (date(2026, 11, 1), date(2026, 11, 20))),
        ("2026-10-05", "", (date(2026, 10, 5), date(2026, 11, 20))),
        ("", "2026-11-30", (date(2026, 11, 1), date(2026, 11, 30))),
        ("2026-11-20", "2026-11-20", (date(2026, 11, 20), date(2026, 11, 20))),
        ("2026-11-21", "2026-11-20", None),
        ("2026-11-31", "", None),
        ("", "soon", None),
    ],
)
def test_a_span_of_entries_is_this_month_up_to_today_or_what_is_said(
    first: str, last: str, span: tuple[date, date] | None
) -> None:
    today = date(2026, 11, 20)
    if span is not None:
        assert span_of(first, last, today=today) == span
        return
    with pytest.raises(CbtError) as error:
        span_of(first, last, today=today)
    assert (error.value.code, error.value.params) == ("fees.span", {"field": "from"})
