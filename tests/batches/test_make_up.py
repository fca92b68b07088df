"""补考台账 and 补考名单: who stands in the ledger and until when, and a roster made of it in one act."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.batches import make_up
from cbt.candidates.models import Candidate, Registration
from cbt.http.i18n import local_day
from cbt.results import retake_rights
from cbt.results.retake_rights import KINDS, RetakeFilter, RetakeRight, rights_of_office
from cbt.rules.retake import RetakeRefusal
from cbt.rules.roles import Role
from cbt.sittings.models import Batch
from tests.batches.plans import L3, planning
from tests.batches.roster.bringing import Office
from tests.helpers import count_queries, flat
from tests.sittings.conftest import PLANNED, Day
from tests.sittings.test_planning import browser

PAGE = "/office/retakes"
HISTORIES = {
    "甲": [("failed", 100, "first")],
    "乙": [("failed", 700, "first")],
    "丙": [("failed", 800, "first")],
    "丁": [("failed", 801, "first"), ("failed", 600, "retake")],
    "戊": [("failed", 1000, "first"), ("failed", 110, "first")],
    "己": [("failed", 120, "first"), ("passed", 60, "retake")],
    "庚": [("absent", 130, "first")],
    "辛": [("failed", 140, "first")],
    "壬": [("failed", 150, "first"), ("failed", 90, "retake")],
    "子": [("failed", 730, "first")],
    "丑": [("failed", 731, "first")],
}
"""What of whose theory paper was released so many days ago, and as what they took it."""
LISTED = {
    "due": ["子", "乙", "壬", "戊", "甲"],
    "soon": ["子", "乙"],
    "booked": ["辛"],
    "over": ["丁", "丙", "丑"],
}
"""Who stands where, whose window ended or ends first standing first."""


@pytest.fixture
def ledger(day: Day) -> Day:
    """A day before which people failed papers; one of them is booked again, in a draft."""
    with planning(day) as plan:
        for who, takings in HISTORIES.items():
            for outcome, days, kind in takings:
                plan.released(who, outcome, days_ago=days, kind=kind)
        plan.enter("辛", plan.sitting, kind="retake")
    return day


def listed(day: Day, **asked: str) -> list[RetakeRight]:
    with day.app.app_context():
        return rights_of_office(RetakeFilter(**asked), today=local_day(day.clock.now())).rights


def names(day: Day, **asked: str) -> list[str]:
    return [one.candidate.name for one in listed(day, **asked)]


def test_everybody_stands_where_the_rules_see_them(ledger: Day) -> None:
    for kind in KINDS:
        rights = listed(ledger, kind=kind)
        assert [one.candidate.name for one in rights] == LISTED[kind], kind
        for one in rights:
            assert (one.verdict.reason is RetakeRefusal.WINDOW_OVER) is (kind == "over"), one.candidate.name
            assert (one.booked is not None) is (kind == "booked"), one.candidate.name
            assert one.due is (kind in {"due", "soon"}), one.candidate.name
    with ledger.app.app_context():
        today = local_day(ledger.clock.now())
        failed = local_day(PLANNED - timedelta(days=150))
    first, again = listed(ledger)[0], listed(ledger, text="壬")[0]
    assert first.verdict.last_on == today, "the last day counts"
    assert again.verdict.last_on == failed.replace(year=failed.year + 2), (
        "from the first failure, not the last"
    )


def test_the_ledger_is_narrowed_down_and_paged_by_as_many_queries(
    ledger: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(ledger.app, ledger.clock, "zhou", Role.OFFICER)
    assert names(ledger, level=L3, centre=ledger.centre_ref) == LISTED["due"]
    assert names(ledger, level="no-such") == names(ledger, centre="no-such") == []
    assert client.get(f"{PAGE}?q=壬&kind=nonsense&page=7").text.count('name="right"') == 1
    assert "没有已过补考期的人" in client.get(f"{PAGE}?kind=over&q=壬").text
    client.get(PAGE)
    with count_queries(ledger.app) as many:
        whole = client.get(PAGE).text
    assert re.findall(r'<th scope="row" class="nowrap">(.)</th>', whole) == LISTED["due"]
    monkeypatch.setattr(retake_rights, "PAGE", 1)
    with count_queries(ledger.app) as few:
        paged = client.get(f"{PAGE}?page=2").text
    assert re.findall(r'<th scope="row" class="nowrap">(.)</th>', paged) == LISTED["due"][1:2]
    assert "可补考、未报名（5 科次）" in flat(paged)
    assert len(many) == len(few) <= 14, many


def test_a_roster_is_made_of_the_chosen_and_imported_as_any_other(ledger: Day) -> None:
    office = Office(ledger)
    chosen = {one.candidate.name: one.registration.ref for one in listed(ledger)}
    target = f"sitting:{ledger.sitting_ref}"
    assert target in office.client.get(PAGE).text
    for data, code, said in (
        ({"target": target}, 422, "没有选择任何人"),
        ({"right": chosen["甲"]}, 422, "没有选择批次或场次"),
        ({"right": chosen["甲"], "target": "sitting:none"}, 422, "没有选择批次或场次"),
        ({"who": "all", "seen": "4", "target": target}, 409, "名单已有变化"),
        ({"who": "all", "seen": "5", "kind": "over", "target": target}, 409, "名单已有变化"),
        ({"who": "all", "seen": str(make_up.MOST_PAPERS + 1), "target": target}, 422, "一份名单最多"),
    ):
        refused = office.client.post(PAGE, data=data)
        assert (refused.status_code, said in flat(refused.text)) == (code, True), data
    with ledger.read() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.act == "roster.make_up")).all() == []

    sent = office.client.post(PAGE, data={"right": [chosen["甲"], chosen["壬"]], "target": target})
    assert sent.status_code == 303, flat(sent.text)
    page = sent.headers["Location"]
    office.work(page)
    assert names(ledger, kind="booked") == ["辛"], "nothing is on record before it is confirmed"
    shown = office.text(page)
    assert "甲" in shown
    assert "壬" in shown
    assert office.client.post(page).status_code == 303
    office.work(page)
    with ledger.read() as session:
        query = (
            select(Candidate.name, Registration.kind, Registration.paper)
            .join(Registration, Registration.candidate_id == Candidate.id)
            .where(Registration.sitting_id == ledger.work(session)[0].id)
            .order_by(Registration.id)
        )
        assert sorted(tuple(row) for row in session.execute(query)) == sorted(
            (name, "retake", "theory") for name in ("辛", "甲", "壬")
        )
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "roster.make_up")).one()
        batch = session.scalars(select(Batch)).one()
        assert (entry.subject, entry.after) == (f"batch:{batch.ref}", '{"papers":2,"people":2}')
    assert names(ledger) == ["子", "乙", "戊"]
    assert names(ledger, kind="booked") == ["壬", "辛", "甲"]
    again = office.client.post(PAGE, data={"right": chosen["甲"], "target": target})
    assert again.status_code == 409

    everybody = office.client.post(
        PAGE, data={"who": "all", "seen": "2", "kind": "soon", "target": ledger.batch_ref}
    )
    assert everybody.status_code == 303
    office.work(everybody.headers["Location"])
    assert "补考" in office.text(everybody.headers["Location"])


def test_whoever_only_looks_is_offered_no_roster(ledger: Day) -> None:
    inspector = browser(ledger.app, ledger.clock, "wei", Role.INSPECTOR)
    page = inspector.get(PAGE)
    assert (page.status_code, 'name="right"' in page.text) == (200, False)
    assert inspector.post(PAGE, data={}).status_code == 403
