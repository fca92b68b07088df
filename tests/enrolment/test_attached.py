"""Photos and scans of an application's people: made anew, sealed, seen by their own unit and the office (R-74)."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select, text

from cbt.audit.models import AuditEntry
from cbt.enrolment.models import ApplicantPhoto, EvidenceScan
from cbt.errors import InvalidInput
from cbt.printing.pdf import MOST_BYTES, reset
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import resident
from tests.enrolment.test_applications import Desk, clerk_of, desk, officer, people_of, unit, unit_ref
from tests.enrolment.test_units import OTHER_CODE, enter, rows
from tests.helpers import flat
from tests.printing.paper import whole
from tests.world import World

__all__ = ["desk", "officer", "unit"]

TELLING = """%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj
2 0 obj<</Type/Pages/Kids[{kids}]/Count {count}>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Contents 4 0 R/Resources<<>>>>endobj
4 0 obj<</Length 27>>stream
1 0 0 rg 10 10 100 100 re f
endstream endobj
trailer<</Root 1 0 R>>
%%EOF"""


def sheet(pages: int = 1, *, said: int = 0) -> bytes:
    """Return a PDF with a script, which says that it has `said` pages."""
    return TELLING.format(kids=" ".join(["3 0 R"] * pages), count=said or pages).encode()


def drawn(kind: str = "JPEG", size: tuple[int, int] = (90, 126), *, note: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.save(buffer, kind, **({"comment": note} if note else {}))
    return buffer.getvalue()


def put(desk: Desk, person: str, body: bytes) -> Any:
    form = {"photo": (io.BytesIO(body), "陆遥.jpg")}
    return desk.client.post(f"{desk.page}/people/{person}/photo", data=form)


def attach(desk: Desk, person: str, *bodies: bytes, proof: str = "identity") -> Any:
    files = [(io.BytesIO(body), f"{number}.pdf") for number, body in enumerate(bodies)]
    return desk.client.post(f"{desk.page}/people/{person}/scans", data={"proof": proof, "file": files})


def own_side(desk: Desk, clerk: Desk) -> Desk:
    clerk.page = desk.page.replace("/office/", "/unit/")
    return clerk


def test_what_is_attached_is_made_anew_sealed_and_seen_by_nobody_else(
    world: World, officer: FlaskClient, desk: Desk, unit: str, tmp_path: Path
) -> None:
    desk.enter()
    (person,) = people_of(world)
    page = f"{desk.page}/people/{person}"
    assert "还没有照片" in desk.text(page)
    assert desk.client.get(f"{page}/photo").status_code == 404
    clerk = own_side(desk, clerk_of(world, officer, unit, "miao"))
    assert put(clerk, person, drawn(note=b"SECRET PLACE")).status_code == 303
    assert attach(clerk, person, sheet(2), drawn("PNG", (400, 300))).status_code == 303
    with rows(world, EvidenceScan) as found:
        assert [(one.mimetype, one.pages) for one in found] == [("application/pdf", 2), ("image/png", 1)]
        pdf, picture = (one.ref for one in found)
        kept = b"".join(one.sealed for one in found)
    with rows(world, ApplicantPhoto) as (photo,):
        kept += photo.sealed
    plain = {}
    for ref in (pdf, picture):
        answer = clerk.client.post(f"{clerk.page}/people/{person}/scans/{ref}")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        plain[ref] = answer.data
    image = clerk.client.get(f"{clerk.page}/people/{person}/photo")
    assert (image.mimetype, image.data[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert b"SECRET" not in image.data
    assert plain[pdf].startswith(b"%PDF-1.7")
    assert b"JavaScript" not in plain[pdf]
    for body in (*plain.values(), image.data):
        for start in range(0, len(body) - 16, 16):
            assert body[start : start + 16] not in kept  # nothing of it can be read from what is stored
    shown = clerk.text(f"{clerk.page}/people/{person}")
    assert "下载 身份证复印件（第 2 份）" in shown
    assert f'src="{clerk.page}/people/{person}/photo"' in shown
    form = clerk.client.post(f"{clerk.page}/print/application_form", data={"people": person})
    (paper,) = whole(form, tmp_path, "annex_1")
    assert "照片" not in paper.text.replace("本人照片", "照片").split("身份证号码")[0]

    inspector = Desk(world.staff("inspector"))
    assert inspector.client.get(page).status_code == 200
    assert inspector.client.post(f"{page}/scans/{pdf}").status_code == 403
    other = unit_ref(enter(officer, credit_code=OTHER_CODE))
    stranger = own_side(desk, clerk_of(world, officer, other, "yan"))
    for way, told in ((f"scans/{pdf}", {}), ("photo", {}), ("photo/remove", {}), (f"scans/{pdf}/remove", {})):
        assert stranger.client.post(f"{stranger.page}/people/{person}/{way}", data=told).status_code == 404
    assert stranger.client.get(f"{stranger.page}/people/{person}/photo").status_code == 404

    assert clerk.client.post(f"{clerk.page}/people/{person}/scans/{pdf}/remove").status_code == 303
    assert clerk.client.post(f"{clerk.page}/people/{person}/photo/remove").status_code == 303
    assert put(desk, person, drawn()).status_code == 303
    assert desk.client.post(f"{page}/remove").status_code == 303
    with rows(world, EvidenceScan) as scans, rows(world, ApplicantPhoto) as photos:
        assert not [*scans, *photos]  # all of it went with the person
    with rows(world, AuditEntry) as log:
        told = [
            (one.act, str(one.after))
            for one in log
            if one.act.startswith(("applicant.scan", "applicant.photo"))
        ]
    acts = [act.removeprefix("applicant.") for act, _after in told]
    assert acts == ["photo", "scan", "scan", "scan_read", "scan_read", "scan_remove", "photo_remove", "photo"]
    assert pdf in told[3][1]


@pytest.mark.once
def test_a_file_that_is_none_of_these_or_comes_too_late_is_refused(
    world: World, officer: FlaskClient, desk: Desk, unit: str
) -> None:
    desk.enter(document_number=resident(42))
    (person,) = people_of(world)
    for bodies, proof, said in (
        ([b"GIF89a"], "identity", "不是 JPEG、PNG 或 PDF 文件"),
        ([sheet(1)[:90]], "identity", "PDF 损坏"),
        ([sheet(11)], "identity", "PDF 超过 10 页"),
        ([sheet(11, said=1)], "identity", "PDF 超过 10 页"),
        ([sheet(1)], "none", "没有选择材料"),
        ([drawn()] * 6, "identity", "最多 5 份"),
        ([], "identity", "没有选择文件"),
    ):
        answer = attach(desk, person, *bodies, proof=proof)
        assert answer.status_code in {409, 422}, said
        assert said in flat(answer.text)
    with pytest.raises(InvalidInput, match=r"scan\.too_big"):
        reset(sheet() + bytes(MOST_BYTES))
    assert "不是 JPEG 或 PNG 照片" in put(desk, person, sheet()).text
    with rows(world, EvidenceScan) as found:
        assert not list(found)
    assert attach(desk, person, sheet(3, said=2)).status_code == 303
    with rows(world, EvidenceScan) as (one,):
        assert one.pages == 3  # what it says of itself does not count
    clerk = own_side(desk, clerk_of(world, officer, unit, "miao"))
    assert clerk.step("submit").status_code == 303
    assert put(clerk, person, drawn()).status_code == 409
    assert 'name="photo"' not in clerk.client.get(f"{clerk.page}/people/{person}").text
    assert put(desk, person, drawn()).status_code == 303  # the officer, while it is looked at
    with world.app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE unit_application SET state = 'accepted'"))
    assert put(desk, person, drawn()).status_code == 409


@pytest.mark.once
def test_what_cannot_be_opened_any_more_is_said(world: World, desk: Desk) -> None:
    desk.enter()
    (person,) = people_of(world)
    page = f"{desk.page}/people/{person}"
    assert put(desk, person, drawn()).status_code == 303
    assert attach(desk, person, drawn("PNG", (400, 300))).status_code == 303
    with world.app.app_context(), unit_of_work() as session:
        (scan,) = session.scalars(select(EvidenceScan))
        (photo,) = session.scalars(select(ApplicantPhoto))
        scan.sealed, photo.sealed = scan.sealed[::-1], photo.sealed[::-1]
        ref = scan.ref
    assert desk.client.get(page).status_code == 200
    for answer in (desk.client.post(f"{page}/scans/{ref}"), desk.client.get(f"{page}/photo")):
        assert answer.status_code == 503
        assert "Traceback" not in answer.text
        assert "personal.key" in answer.text


@pytest.mark.once
def test_of_several_people_each_has_their_own_and_of_one_kind_five(world: World, desk: Desk) -> None:
    desk.enter()
    desk.enter(document_number=resident(42), name="郭宁")
    first, second = people_of(world)
    mine, other = (f"{desk.page}/people/{one}" for one in (first, second))
    assert put(desk, first, drawn()).status_code == 303
    assert attach(desk, first, drawn("PNG")).status_code == 303
    with rows(world, EvidenceScan) as (scan,):
        ref = scan.ref
    assert ref in desk.client.get(mine).text
    assert ref not in desk.client.get(other).text
    assert "还没有照片" in desk.text(other)
    assert desk.client.get(f"{other}/photo").status_code == 404
    for way in (f"scans/{ref}", f"scans/{ref}/remove"):
        assert desk.client.post(f"{other}/{way}").status_code == 404
    assert desk.client.post(f"{other}/photo/remove").status_code == 303
    assert desk.client.get(f"{mine}/photo").status_code == 200
    assert put(desk, first, drawn(size=(120, 168))).status_code == 303  # in place of the other
    assert attach(desk, first, *[drawn("PNG")] * 4).status_code == 303
    assert attach(desk, first, drawn("PNG")).status_code == 409
    for person, proof in ((second, "identity"), (first, "diploma")):
        assert attach(desk, person, drawn("PNG"), proof=proof).status_code == 303
    with rows(world, EvidenceScan) as scans, rows(world, ApplicantPhoto) as photos:
        assert (len(scans), len(photos)) == (7, 1)
        assert [(one.size > 0, one.at, one.by) for one in scans] == [
            (True, world.clock.now(), f"staff:{world.people['officer'].ref}")
        ] * 7
    with rows(world, AuditEntry) as log:
        told = [json.loads(one.after)["replaced"] for one in log if one.act == "applicant.photo"]
    assert told == ["no", "yes"]
