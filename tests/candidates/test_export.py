"""A roster goes out again: masked, with a reason in full, and text stays text."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.roster.export import to_csv, to_xlsx
from cbt.candidates.roster.file import open_roster
from cbt.rules.roles import Role
from tests.candidates.rosters import HEADERS, resident, row
from tests.candidates.test_importing import bring
from tests.sittings.conftest import Day
from tests.sittings.test_planning import browser


def export(day: Day, **data: str) -> tuple[int, bytes]:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    answer = client.post(f"/office/sittings/{day.sitting_ref}/export", data=data)
    return answer.status_code, answer.data


def test_an_export_masks_numbers_unless_there_is_a_reason(day: Day) -> None:
    bring(day, [row(1)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    url = f"/office/sittings/{day.sitting_ref}/export"
    masked = client.post(url, data={"format": "csv"}).data.decode("utf-8-sig")
    assert "考生1" in masked
    assert resident(1) not in masked
    assert client.post(url, data={"format": "csv", "reveal": "1"}).status_code == 303
    full = client.post(url, data={"format": "csv", "reveal": "1", "reason": "上报"}).data.decode("utf-8-sig")
    assert resident(1) in full
    with day.read() as session:
        query = select(AuditEntry.reason, AuditEntry.after).where(AuditEntry.act == "roster.export")
        logged = session.execute(query).all()
    assert [reason for reason, _ in logged] == ["", "上报"]
    assert '"numbers":"full"' in logged[1][1]


def test_an_export_with_numbers_can_be_imported_again(day: Day) -> None:
    bring(day, [[*row(1), "加时15分钟", "补考"]], [*HEADERS, "加时", "新考/补考"])
    _, body = export(day, format="xlsx", reveal="1", reason="改期")
    headers, cells = open_roster("a.xlsx", body)[0].rows[:2]
    again = bring(day, [cells], headers)
    assert (again.plan.already, len(again.plan.placements)) == (1, 0)
    assert cells[headers.index("合理便利（加时）")] == "加时15分钟"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_looks_like_a_formula_stays_text(day: Day, start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    with day.app.app_context():
        csv_line = to_csv([[text]]).decode("utf-8-sig").split("\n", 1)[1]
        cell = open_roster("a.xlsx", to_xlsx([[text]]))[0].rows[1][0]
    assert csv_line.lstrip('"').startswith("'")
    assert cell == text.strip()
