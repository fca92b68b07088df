"""The office's pages: a sitting, a registration, who may see what."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Registration
from cbt.rules.roles import Role
from cbt.sittings.room_clock import start_room
from cbt.sittings.service import publish_sitting
from tests.accounts.test_signing_in import OWN, hire
from tests.candidates.rosters import HEADERS, resident, row
from tests.candidates.test_importing import bring
from tests.helpers import count_queries
from tests.sittings.conftest import OFFICER, PLANNED, Day
from tests.sittings.test_planning import browser

pytestmark = pytest.mark.once


def first_ref(day: Day) -> str:
    with day.read() as session:
        return session.scalars(select(Registration.ref).order_by(Registration.id)).first() or ""


def test_no_page_of_the_office_shows_a_whole_number(day: Day) -> None:
    bring(day, [[*row(1), "13800001111"]], [*HEADERS, "手机"])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    for path in (page, f"{page}/print", f"/office/registrations/{first_ref(day)}"):
        text = client.get(path).text
        assert "考生1" in text or path.endswith("/print")
        assert resident(1) not in text
        assert "13800001111" not in text


def test_a_number_is_revealed_once_with_a_reason_and_logged(day: Day) -> None:
    bring(day, [row(1)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/registrations/{first_ref(day)}"
    refused = client.post(f"{page}/reveal", data={"reason": " "})
    assert refused.status_code == 422
    assert resident(1) not in refused.text
    assert resident(1) in client.post(f"{page}/reveal", data={"reason": "家长来电"}).text
    assert resident(1) not in client.get(page).text
    with day.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "personal.reveal")).one()
    assert entry.reason == "家长来电"
    inspector = browser(day.app, day.clock, "du", Role.INSPECTOR)
    assert inspector.get(page).status_code == 200
    assert inspector.post(f"{page}/reveal", data={"reason": "家长来电"}).status_code == 403


def test_a_correction_after_the_start_needs_the_chief(day: Day) -> None:
    bring(day, [row(1)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    hire(day.app, day.clock, "wang", Role.CHIEF_PROCTOR)
    page = f"/office/registrations/{first_ref(day)}"
    first = {"name": "考生甲", "evidence": "身份证原件"}
    assert client.post(f"{page}/correct", data=first).status_code == 303
    with day.write() as session:
        sitting, room = day.work(session)
        publish_sitting(session, sitting, now=day.clock.now(), actor=OFFICER)
        start_room(session, room, now=PLANNED, actor=OFFICER)
    second = {"name": "考生乙", "evidence": "身份证原件"}
    assert client.post(f"{page}/correct", data=second).status_code == 422
    assert "考生甲" in client.get(page).text
    signed = {**second, "second_login": "wang", "second_password": OWN}
    assert client.post(f"{page}/correct", data=signed).status_code == 303
    assert "考生乙" in client.get(page).text


def test_the_page_of_a_sitting_asks_no_more_for_more_candidates(day: Day) -> None:
    bring(day, [row(1)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    client.get(page)
    with count_queries(day.app) as one:
        client.get(page)
    bring(day, [row(number) for number in range(2, 6)])
    with count_queries(day.app) as five:
        client.get(page)
    assert len(five) == len(one)
    assert len(one) <= 16


def test_both_languages_are_complete(day: Day) -> None:
    bring(day, [row(1)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER, Role.ADMIN)
    sitting = f"/office/sittings/{day.sitting_ref}"
    for path in (
        "/staff", "/staff/people", "/staff/password", "/audit", "/office/batches", "/office/centres",
        f"/office/batches/{day.batch_ref}", f"/office/batches/{day.batch_ref}/sittings/new",
        f"/office/centres/{day.centre_ref}", f"/office/rooms/{day.room_ref}", sitting, f"{sitting}/roster",
        f"{sitting}/print", f"/office/registrations/{first_ref(day)}",
    ):  # fmt: skip
        for locale in ("zh", "en"):
            client.set_cookie("locale", locale)
            text = client.get(path).text
            for room in ("accounts.", "sittings.", "candidates.", "door.", "role.", "act."):
                assert f">{room}" not in text, (path, locale)
