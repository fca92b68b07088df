"""Photos of a sitting: whose they are, what they may be, who sees them."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import select

from cbt.candidates.models import Candidate, CandidatePhoto
from cbt.errors import InvalidInput
from cbt.media.intake import MOST_PICTURE_BYTES, redraw_zip
from cbt.rules.roles import Role
from cbt.sittings.service import assign_staff
from tests.accounts.test_signing_in import hire, principal
from tests.candidates.rosters import JPEG, PNG, resident, row, zipped
from tests.candidates.test_importing import bring
from tests.candidates.test_office_pages import first_ref
from tests.helpers import sign_in_as
from tests.sittings.conftest import PLANNED, Day
from tests.sittings.test_planning import browser


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
        zipped({"a.jpg": b"<svg onload=alert(1)>", "b.png": PNG + b"\1" * MOST_PICTURE_BYTES, "c.bin": JPEG})
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
