"""The office's pages: photos, tickets, exports, a registration, who may see what."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate, CandidatePhoto, Registration
from cbt.candidates.roster.export import to_csv, to_xlsx
from cbt.candidates.roster.file import open_roster
from cbt.errors import InvalidInput
from cbt.pictures.receiving import MOST_BYTES, redraw_zip
from cbt.rules.roles import Role
from cbt.sittings.clock.doors import admit_room
from cbt.sittings.clock.running import start_room
from cbt.sittings.planning.sittings import publish_sitting
from cbt.sittings.planning.staff import assign_staff
from tests.accounts.test_signing_in import OWN, hire, principal
from tests.candidates.rosters import HEADERS, JPEG, PNG, resident, row, zipped
from tests.candidates.test_importing import another_sitting, bring
from tests.helpers import count_queries, sign_in_as
from tests.sittings.conftest import OFFICER, PLANNED, Day
from tests.sittings.test_planning import browser


def first_ref(day: Day) -> str:
    with day.read() as session:
        return session.scalars(select(Registration.ref).order_by(Registration.id)).first() or ""


def send_photos(day: Day, files: dict[str, bytes]) -> str:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    sent = client.post(f"{page}/photos", data={"photos": (io.BytesIO(zipped(files)), "p.zip")})
    return sent.text if sent.status_code == 200 else client.get(page).text


def test_photos_find_their_people_by_number_or_name(day: Day) -> None:
    bring(day, [row(1), row(2), row(3), row(4, "同名"), row(5, "同名")])
    page = send_photos(
        day,
        {
            f"{resident(1)}.png": PNG,
            "考生2.jpg": JPEG,
            f"照片/考生3_{resident(3)}.JPG": JPEG,
            "同名.jpg": JPEG,
            "考生1.txt": b"hello",
            "__MACOSX/考生1.jpg": JPEG,
            "../../etc/passwd.jpg": JPEG,
        },
    )
    with day.read() as session:
        found = session.execute(
            select(Candidate.name, CandidatePhoto.mimetype)
            .join(CandidatePhoto, CandidatePhoto.candidate_id == Candidate.id)
            .order_by(Candidate.name)
        ).all()
    assert [tuple(one) for one in found] == [
        ("考生1", "image/jpeg"),
        ("考生2", "image/jpeg"),
        ("考生3", "image/jpeg"),
    ]
    assert "<code>同名</code>" in page
    assert "<code>passwd</code>" in page
    assert "不是 JPEG 或 PNG 照片" in page


def test_a_photo_is_what_its_bytes_say_and_not_too_big() -> None:
    received = redraw_zip(
        zipped({"a.jpg": b"<svg onload=alert(1)>", "b.png": PNG + b"\1" * MOST_BYTES, "c.bin": JPEG})
    )
    assert [name for name, _ in received.pictures] == ["c.bin"]
    assert received.refused == [("a.jpg", "photo.kind"), ("b.png", "photo.too_big")]
    with pytest.raises(InvalidInput) as broken:
        redraw_zip(b"PK\x03\x04 broken")
    assert broken.value.code == "photo.zip"


def test_a_photo_is_shown_to_those_who_see_the_room(day: Day) -> None:
    bring(day, [row(1)])
    send_photos(day, {f"{resident(1)}.png": PNG})
    url = f"/office/registrations/{first_ref(day)}/photo"
    hire(day.app, day.clock, "li", Role.PROCTOR)
    hire(day.app, day.clock, "wu", Role.PROCTOR)
    with day.write() as session:
        _, room = day.work(session)
        assign_staff(
            session,
            room,
            staff_id=principal(day.app, "li").subject_id,
            duty="proctor",
            now=PLANNED,
            actor="cli",
        )
    answers = {
        login: sign_in_as(day.app, kind="staff", subject_ref=principal(day.app, login).subject_ref).get(url)
        for login in ("li", "wu")
    }
    assert (answers["li"].status_code, answers["li"].mimetype) == (200, "image/jpeg")
    assert answers["wu"].status_code == 404
    assert day.app.test_client().get(url).status_code == 303


def test_no_page_of_the_office_shows_a_whole_number(day: Day) -> None:
    bring(day, [[*row(1), "13800001111"]], [*HEADERS, "手机"])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    for path in (page, f"{page}/tickets", f"{page}/door-list", f"/office/registrations/{first_ref(day)}"):
        text = client.get(path).text
        assert "考生1" in text
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


def test_a_ticket_prints_the_three_times_and_every_paper_of_the_batch(day: Day) -> None:
    bring(day, [row(1)])
    bring(day, [row(1, paper="技能")], sitting=another_sitting(day, timedelta(hours=2)))
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    text = client.get(f"/office/sittings/{day.sitting_ref}/tickets").text
    for said in ("08:20", "08:30", "08:40", "08:45 起不得入场", "11-24 09:00", "11-24 11:00", "迟到 15 分钟"):
        assert said in text
    assert text.count('<article class="ticket"') == 1


def test_a_cancelled_sitting_leaves_the_ticket(day: Day) -> None:
    bring(day, [row(1)])
    later = another_sitting(day, timedelta(hours=2))
    bring(day, [row(1, paper="技能")], sitting=later)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    client.post(f"/office/sittings/{later}/cancel", data={"reason": "台风"})
    text = client.get(f"/office/sittings/{day.sitting_ref}/tickets").text
    assert "11-24 11:00" not in text


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
    lines = open_roster("a.xlsx", body)[0]
    headers = [cell.text for cell in lines[0].cells]
    cells = [cell.text for cell in lines[1].cells]
    again = bring(day, [cells], headers)
    assert (again.plan.already, len(again.plan.placements)) == (1, 0)
    assert cells[headers.index("合理便利（加时）")] == "加时15分钟"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_looks_like_a_formula_stays_text(day: Day, start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    with day.app.app_context():
        csv_line = to_csv([[text]]).decode("utf-8-sig").split("\n", 1)[1]
        cell = open_roster("a.xlsx", to_xlsx([[text]]))[0][1].cells[0]
    assert csv_line.lstrip('"').startswith("'")
    assert cell.text == text.strip()


def test_a_registration_is_taken_back_before_the_doors_open(day: Day) -> None:
    bring(day, [row(1), row(2)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/registrations/{first_ref(day)}"
    assert client.post(f"{page}/remove", data={"reason": ""}).status_code == 422
    assert client.post(f"{page}/remove", data={"reason": "报错场次"}).status_code == 303
    assert client.get(page).status_code == 404
    assert len(bring(day, [row(1)]).plan.placements) == 1


def test_after_check_in_opened_a_registration_stays(day: Day) -> None:
    bring(day, [row(1)])
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with day.write() as session:
        sitting, room = day.work(session)
        publish_sitting(session, sitting, now=day.clock.now(), actor=OFFICER)
        admit_room(session, room, now=PLANNED - timedelta(minutes=40), actor=OFFICER)
    answer = client.post(f"/office/registrations/{first_ref(day)}/remove", data={"reason": "报错场次"})
    assert answer.status_code == 409
    with day.read() as session:
        assert session.scalar(select(func.count()).select_from(Registration)) == 1


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


def test_a_room_used_again_too_soon_gets_a_warning(day: Day) -> None:
    bring(day, [row(1)])
    later = another_sitting(day, timedelta(minutes=50))
    bring(day, [row(2)], sitting=later)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    assert "间隔不足 15 分钟" in client.get(f"/office/sittings/{day.sitting_ref}").text


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
        f"{sitting}/tickets", f"{sitting}/door-list", f"/office/registrations/{first_ref(day)}",
    ):  # fmt: skip
        for locale in ("zh", "en"):
            client.set_cookie("locale", locale)
            text = client.get(path).text
            for room in ("accounts.", "sittings.", "candidates.", "door.", "role.", "act."):
                assert f">{room}" not in text, (path, locale)
