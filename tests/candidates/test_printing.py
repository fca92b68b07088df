"""What the office prints of a sitting: who stands on it, what it says, who may have it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate, CandidatePhoto, Registration
from cbt.candidates.prints import DOCUMENTS
from cbt.printing.pdf import FONTS
from cbt.rules.roles import GIVEN, Role
from cbt.sittings.models import Centre, Sitting, SittingRoom
from cbt.storage.unit_of_work import reading
from cbt.translations.compiler import texts_of
from tests.candidates.rosters import HEADERS, JPEG, resident, row
from tests.candidates.test_importing import another_sitting, bring
from tests.helpers import count_queries
from tests.printing.paper import squeezed, told, whole
from tests.sittings.conftest import PLANNED, Day
from tests.sittings.test_planning import browser
from tests.world import World

EMBEDDED = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""What is about paper is tried on one database: the queries are, on both, by the others."""
LONG_NAME = "阿卜杜拉·买买提艾力·努尔买买提江·艾合买提"
LONG_PLACE = (
    "上海市松江区荣乐东路二千零二十七号现代服务业实训大楼东翼二楼二〇一室（靠近北门，出示准考证入内）"
)
LONG_UNIT = "上海市松江区现代服务业职业技能培训与人才发展促进中心（有限合伙）客户服务与运营管理事业部"


def officer(day: Day) -> FlaskClient:
    """Return an officer's browser."""
    return browser(day.app, day.clock, "zhou", Role.OFFICER)


def printed(day: Day, client: FlaskClient, document: str, locale: str = "zh") -> TestResponse:
    """Return a document of the day's room."""
    client.set_cookie("locale", locale)
    return client.get(f"/office/sittings/{day.sitting_ref}/print/{document}/{day.sitting_room_ref}.pdf")


def crowd(day: Day) -> None:
    """Give three people both papers, the longest name, unit and address, and a cut-off between two minutes."""
    bring(
        day, [[*row(1, LONG_NAME), LONG_UNIT], [*row(2, "王䶮𬭎"), ""], [*row(3), ""]], [*HEADERS, "工作单位"]
    )
    later = another_sitting(day, timedelta(hours=2))
    bring(day, [row(1, LONG_NAME, paper="技能")], sitting=later)
    with day.write() as session:
        sitting, _ = day.work(session)
        sitting.late_cutoff_at = PLANNED - timedelta(minutes=14, seconds=30)
        session.execute(update(Centre).values(address=LONG_PLACE))
        first = session.scalars(select(Candidate).where(Candidate.name == LONG_NAME)).one()
        session.add(CandidatePhoto(candidate_id=first.id, mimetype="image/jpeg", image=JPEG))


@EMBEDDED
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_document_is_whole_in_both_languages(day: Day, tmp_path: Path, locale: str) -> None:
    crowd(day)
    client, said = officer(day), {}
    for document in DOCUMENTS:
        answer = printed(day, client, document, locale)
        pages = whole(answer, tmp_path, f"{document}-{locale}", ink=document != "labels")
        said[document] = text = "".join(page.text for page in pages)
        for name in (LONG_NAME, "王䶮𬭎", "考生3"):
            assert text.count(squeezed(name)) == 1, (document, name)
        assert resident(1) not in text
        assert not re.search(r"(candidates|door|role|sittings)\.[a-z]", text)
        assert len(pages) == {"tickets": 2, "registration": 3}.get(document, 1)
    assert answer.data == printed(day, client, document, locale).data
    text, say = said["tickets"], texts_of(locale)
    for mark, times in (("08:20", 3), ("08:30", 3), ("08:45:30", 3), ("11-2409:00", 3), ("11-2411:00", 1)):
        assert text.count(mark) == times, mark
    assert text.count(squeezed(LONG_PLACE)) == 3
    assert text.count(squeezed(LONG_UNIT)) == 1
    assert text.count(squeezed(say["candidates.ticket.glue"])) == 2  # one of the three has a photo
    for rule, numbers in (
        ("identity", {}), ("late_report_at", {"minutes": "15.5"}), ("leave", {"minutes": "30"}), ("phone", {}),
        ("honest", {}), ("quiet", {}), ("fault", {}),
    ):  # fmt: skip
        assert text.count(squeezed(say[f"door.notice.{rule}"] % numbers)) == 3, rule
    for line in ("role.proctor", "role.chief_proctor"):
        assert squeezed(say[line]) in said["sign_in"]


@EMBEDDED
def test_a_cancelled_sitting_leaves_the_ticket_and_has_none_of_its_own(day: Day, tmp_path: Path) -> None:
    bring(day, [row(1)])
    later = another_sitting(day, timedelta(hours=2))
    bring(day, [row(1, paper="技能")], sitting=later)
    client = officer(day)
    client.post(f"/office/sittings/{later}/cancel", data={"reason": "台风"})
    assert "11-2411:00" not in told(printed(day, client, "tickets"), tmp_path)
    client.post(f"/office/sittings/{day.sitting_ref}/cancel", data={"reason": "台风"})
    assert printed(day, client, "tickets").status_code == 404


@EMBEDDED
def test_a_room_has_its_own_people_only(world: World, tmp_path: Path) -> None:
    client, sitting = world.staff("officer"), f"/office/sittings/{world.sitting_ref}"
    query = (
        select(SittingRoom.ref, Candidate.name)
        .join(Registration, Registration.sitting_room_id == SittingRoom.id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Sitting.ref == world.sitting_ref)
    )
    with world.app.app_context(), reading() as session:
        people = session.execute(query).all()
    for ref in {ref for ref, _ in people}:
        text = told(client.get(f"{sitting}/print/sign_in/{ref}.pdf"), tmp_path)
        assert {name for _, name in people if name in text} == {name for own, name in people if own == ref}
    assert client.get(f"{sitting}/print/sign_in/nowhere.pdf").status_code == 404
    assert client.get(f"{sitting}/print/nothing/{people[0][0]}.pdf").status_code == 404
    assert client.get(f"/office/sittings/nowhere/print/sign_in/{people[0][0]}.pdf").status_code == 404


@EMBEDDED
def test_one_person_has_a_ticket_and_a_registration_sheet_but_no_list(day: Day, tmp_path: Path) -> None:
    crowd(day)
    with day.read() as session:
        ref = session.scalars(select(Registration.ref).order_by(Registration.id)).first()
    client = officer(day)
    page = client.get(f"/office/registrations/{ref}").text
    for document in ("tickets", "registration"):
        path = f"/office/registrations/{ref}/print/{document}.pdf"
        assert path in page
        text = told(client.get(path), tmp_path)
        assert squeezed(LONG_NAME) in text
        assert "考生3" not in text
    assert client.get(f"/office/registrations/{ref}/print/sign_in.pdf").status_code == 404
    assert "理论知识、专业能力" in text
    assert LONG_UNIT in text


@EMBEDDED
def test_a_registration_sheet_says_what_is_known_and_leaves_the_rest_to_a_pen(
    day: Day, tmp_path: Path
) -> None:
    headers = [*HEADERS, "手机号码"]
    bring(day, [[*row(1, "江平"), "13800001111"]], headers)
    number = resident(1)
    with day.read() as session:
        (one,) = session.scalars(select(Candidate)).all()
        (ref,) = session.scalars(select(Registration.ref)).all()
        assert one.gender == ""  # the roster did not say it: the number does
    text = told(officer(day).get(f"/office/registrations/{ref}/print/registration.pdf"), tmp_path)
    born = f"{number[6:10]}年{int(number[10:12])}月{int(number[12:14])}日"
    for said in (born, "性别男", "138"):
        assert squeezed(said) in squeezed(text), said
    assert "13800001111" not in text


@EMBEDDED
def test_who_may_print(day: Day) -> None:
    bring(day, [row(1)])
    for role in GIVEN:
        client = browser(day.app, day.clock, role.value, role)
        allowed = role in {Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN}
        assert printed(day, client, "door").status_code == (200 if allowed else 403), role


@EMBEDDED
def test_the_page_of_prints_says_what_will_lack(day: Day) -> None:
    client = officer(day)
    page = f"/office/sittings/{day.sitting_ref}/print"
    assert "导入名册后可打印" in client.get(page).text
    bring(day, [row(1, "王𠮷"), row(2)])
    text = client.get(page).text
    assert "王𠮷（缺：𠮷）" in text
    assert "还有 2 人没有照片" in text
    assert text.count("</a>\n        </td>") == len(DOCUMENTS)
    assert "data-zip=" not in text  # one room is one file


def test_printing_asks_no_more_for_more_candidates(day: Day) -> None:
    bring(day, [row(1)])
    client = officer(day)
    page = f"/office/sittings/{day.sitting_ref}/print"
    paths = [page, f"{page}/tickets/{day.sitting_room_ref}.pdf"]
    counted = []
    for rows in ([], [row(number) for number in range(2, 6)]):
        if rows:
            bring(day, rows)
        for path in paths:
            client.get(path)  # the first time it is noted that they were printed
        for path in paths:
            with count_queries(day.app) as asked:
                assert client.get(path).status_code == 200
            counted.append(len(asked))
    assert counted[:2] == counted[2:]
    assert max(counted) <= 21  # nine of them are the queue's


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_has_all_its_pieces(document: str) -> None:
    assert (FONTS.parent / "documents" / f"{document}.typ").is_file()
    for language in ("zh", "en"):
        texts = texts_of(language)
        assert texts[f"candidates.print.{document}"]
        assert texts[f"candidates.print.about.{document}"]
        assert not DOCUMENTS[document].single or texts[f"candidates.print.{document}.one"]


def test_a_printed_ticket_that_changed_is_to_be_printed_again(day: Day) -> None:
    bring(day, [row(1), row(2)])
    client, inspector = officer(day), browser(day.app, day.clock, "du", Role.INSPECTOR)
    with day.read() as session:
        first = session.scalars(select(Registration.ref).order_by(Registration.id)).first()
    correct = f"/office/registrations/{first}/correct"
    page = f"/office/sittings/{day.sitting_ref}/print"

    client.post(correct, data={"name": "甲", "evidence": "身份证原件"})
    printed(day, inspector, "tickets")
    assert "请重打" not in client.get(page).text  # nobody had one yet
    printed(day, client, "tickets")
    client.post(correct, data={"name": "乙", "evidence": "身份证原件"})
    text = client.get(page).text
    assert "1 张准考证打印后有变动" in text
    assert "姓名、证件或照片有更正" in text
    client.get(f"/office/registrations/{first}/print/tickets.pdf")
    assert "请重打" not in client.get(page).text

    room, one = f"sitting_room:{day.sitting_room_ref}", f"registration:{first}"
    with day.read() as session:
        said = session.execute(
            select(AuditEntry.subject, AuditEntry.after).where(AuditEntry.act == "print.tickets")
        ).all()
    assert [(subject, json.loads(after)) for subject, after in said] == [
        (room, {"people": "2"}),
        (room, {"people": "2"}),
        (one, {"people": "1"}),
    ], "the inspector's and the officer's"
