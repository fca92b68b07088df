"""Photos of a sitting: whose they are, what they may be, who sees them."""

from __future__ import annotations

import io
import json

import pytest
from sqlalchemy import func, select

from cbt.candidates.corrections import PhotoImport
from cbt.candidates.models import Candidate, CandidatePhoto
from cbt.errors import InvalidInput
from cbt.jobs import answers, queue
from cbt.jobs.models import Job
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import JobRun, run_due
from cbt.media.intake import MOST_PICTURE_BYTES, redraw_zip
from cbt.rules.door import mask_document
from cbt.rules.roles import Role
from cbt.sittings.service import assign_staff
from cbt.spreadsheets.drafts import SheetDraft
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
            f"{resident(9)}.jpg": JPEG,
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
    assert (resident(9) in page, f"<code>{mask_document(resident(9))}</code>" in page) == (False, True)
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


def test_a_large_zip_goes_on_as_a_job_that_leads_to_what_became_of_each_file(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    bring(day, [row(1), row(2)])
    job_kinds_of(day.app).worker_is_kept = True
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    files = {f"{resident(1)}.png": PNG, "考生2.jpg": JPEG, "某人.jpg": JPEG}
    sent = client.post(f"{page}/photos", data={"photos": (io.BytesIO(zipped(files)), "照片.zip")})
    assert sent.status_code == 303
    waiting = str(sent.location)
    assert waiting.startswith("/jobs/")
    assert "排队中" in client.get(waiting).text
    with day.app.app_context():
        assert run_due(now=day.clock.now()) == 1
    led = client.get(waiting)
    assert (led.status_code, led.location.startswith(f"{page}/photos/jo-")) == (303, True)
    shown = client.get(led.location).text
    for said in ("照片.zip", "<code>某人</code>", "已存入 2 张照片", "1 个文件没有存入"):
        assert said in shown, said
    card = client.get(waiting.partition("?")[0]).text
    assert f'href="{led.location}"' in card
    assert "/file.json" not in card
    with day.read() as session:
        assert session.scalar(select(func.count()).select_from(CandidatePhoto)) == 2
        assert session.scalar(select(func.count()).select_from(SheetDraft)) == 0
        [job] = session.scalars(select(Job).where(Job.kind == "sitting.photos"))
        assert "某人" not in job.asked + job.outcome


def test_a_job_that_is_taken_over_stores_each_photo_once(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PhotoImport, "at_once", 1)
    bring(day, [row(1), row(2)])
    job_kinds_of(day.app).worker_is_kept = True
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = f"/office/sittings/{day.sitting_ref}"
    files = {f"{resident(1)}.png": PNG, f"{resident(2)}.png": PNG}
    client.post(f"{page}/photos", data={"photos": (io.BytesIO(zipped(files)), "p.zip")})
    stored: list[int] = []

    def die(self: JobRun, done: int, total: int) -> None:
        stored.append(done)
        raise KeyboardInterrupt

    with day.app.app_context():
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(JobRun, "tell", die)
            run_due(now=day.clock.now())
        assert run_due(now=day.clock.now() + 2 * queue.HELD) == 1
    assert stored == [1]
    with day.read() as session:
        assert session.scalar(select(func.count()).select_from(CandidatePhoto)) == 2
        [outcome] = session.scalars(select(Job.outcome).where(Job.kind == "sitting.photos"))
    assert json.loads(outcome) == {"stored": 2, "left": 0}
