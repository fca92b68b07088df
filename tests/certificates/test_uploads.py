"""Upload files: certificates in an authority's columns, with what is missing named first (R-93)."""

from __future__ import annotations

import csv
import io
import json

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.certificates.models import Certificate, UploadMapping
from cbt.results.models import Result
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.certificates.test_certificates import BOTH, LIST, given, qualify, set_parts
from tests.helpers import count_queries, flat
from tests.world import World

PAGE = f"{LIST}/uploads"
COLUMNS = {
    "证件号": "document_number",
    "姓名": "name",
    "项目": "constant",
    "发证": "issued_on",
    "技能": "skills",
    "备用": "constant",
}
MAPPING = {
    "name": "市人社局",
    "dates": "digits",
    "place": ["30", "20", "40", "50", "60", "70", ""],
    "header": [*COLUMNS, ""],
    "field": [*COLUMNS.values(), ""],
    "text": ["", "", "=认定", "", "", "", ""],
}


@pytest.fixture
def certified(world: World) -> list[Certificate]:
    qualify(world)
    set_parts(world)
    return given(world, *BOTH)


def saved(world: World) -> str:
    assert world.staff("officer").post(f"{PAGE}/new", data=MAPPING).status_code == 303
    with world.app.app_context(), reading() as session:
        return session.scalars(select(UploadMapping.ref)).one()


def score_everybody(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Result).values(score="72.5"))


def log_of(world: World, act: str) -> list[AuditEntry]:
    with world.app.app_context(), reading() as session:
        return list(session.scalars(select(AuditEntry).where(AuditEntry.act == act)))


@pytest.mark.once
def test_a_file_has_the_columns_of_its_mapping_in_their_order_and_is_put_on_record(
    world: World, certified: list[Certificate]
) -> None:
    score_everybody(world)
    officer, choice = world.staff("officer"), {"mapping": saved(world), "batch": world.batch_ref}
    with count_queries(world.app) as queries:
        shown = flat(officer.get(PAGE, query_string=choice).text)
    assert "2 份证书" in shown
    assert "各列内容齐全" in shown
    assert len(queries) <= 14
    files = {
        form: officer.post(f"{PAGE}/file", data=choice | {"form": form}) for form in ("xlsx", "utf8", "gbk")
    }
    book = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"].data))
    in_book = book.get_sheet_by_index(0).to_python()
    assert in_book[0] == ["姓名", "证件号", "项目", "发证", "技能", "备用"]
    sitter = world.sitters["theory"]
    issued = f"{certified[0].issued_on:%Y%m%d}"
    assert in_book[1] == [sitter.name, sitter.document, "=认定", issued, "72.5", ""]
    assert len(in_book) == 3
    for form, codec in {"utf8": "utf-8-sig", "gbk": "gbk"}.items():
        in_csv = list(csv.reader(io.StringIO(files[form].data.decode(codec))))
        assert in_csv[1] == [sitter.name, sitter.document, "'=认定", issued, "72.5", ""]
    log = log_of(world, "certificate.upload")
    assert [json.loads(one.after)["file"] for one in log] == ["xlsx", "utf8", "gbk"]
    assert not any(sitter.name in one.after or sitter.document in one.after for one in log)
    for role in ("inspector", "admin", "proctor"):
        assert world.staff(role).post(f"{PAGE}/file", data=choice | {"form": "xlsx"}).status_code == 403


@pytest.mark.once
def test_what_is_missing_is_named_and_empty_only_where_that_was_said(
    world: World, certified: list[Certificate]
) -> None:
    day = certified[0].issued_on.isoformat()
    officer, choice = world.staff("officer"), {"mapping": saved(world), "since": day, "until": day}
    asked = choice | {"form": "gbk"}
    shown = flat(officer.get(PAGE, query_string=choice).text)
    assert "有些内容系统中没有" in shown
    assert f"{LIST}/{certified[0].ref}" in shown
    refused = officer.post(f"{PAGE}/file", data=asked)
    assert refused.status_code == 409
    assert "2 处内容系统中没有" in refused.text
    assert log_of(world, "certificate.upload") == []
    assert officer.post(f"{PAGE}/file", data=asked | {"blanks": "1"}).status_code == 200
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Certificate).values(name="𠮷野"))
    strange = officer.post(f"{PAGE}/file", data=asked | {"blanks": "1"})
    assert strange.status_code == 409
    assert "𠮷" in strange.text
    (noted,) = log_of(world, "certificate.upload")
    assert json.loads(noted.after)["left_empty"] == 2


@pytest.mark.once
def test_revoked_certificates_go_out_only_where_asked_for(world: World, certified: list[Certificate]) -> None:
    officer, choice = world.staff("officer"), {"mapping": "standard", "batch": world.batch_ref}
    for row in certified:
        assert officer.post(f"{LIST}/{row.ref}/revoke", data={"why": "有误"}).status_code == 303
    assert officer.get(PAGE, query_string=choice).status_code == 409
    shown = flat(officer.get(PAGE, query_string=choice | {"revoked": "1"}).text)
    assert "2 份证书" in shown
    assert "专业能力成绩" in shown.partition("缺少的内容")[2]
    assert officer.get(PAGE, query_string={"mapping": "standard"}).status_code == 422
    assert officer.get(PAGE, query_string=choice | {"mapping": "um-none"}).status_code == 404


@pytest.mark.once
def test_a_mapping_is_saved_changed_copied_and_removed(world: World) -> None:
    officer = world.staff("officer")
    wrong = {
        "name": "",
        "dates": "roman",
        "place": ["x", *MAPPING["place"][1:]],
        "header": ["姓名", *MAPPING["header"][1:]],
        "field": ["", *MAPPING["field"][1:]],
        "text": ["固定", *MAPPING["text"][1:]],
    }
    for key, value in wrong.items():
        assert officer.post(f"{PAGE}/new", data=MAPPING | {key: value}).status_code == 422, key
    ref = saved(world)
    assert officer.post(f"{PAGE}/new", data=MAPPING).status_code == 409
    assert "市人社局" in officer.get(PAGE).text
    copied = officer.get(f"{PAGE}/new?from={ref}").text
    assert copied.index('value="姓名"') < copied.index('value="证件号"')
    assert officer.post(f"{PAGE}/{ref}", data=MAPPING | {"name": "省厅"}).status_code == 303
    assert officer.post(f"{PAGE}/{ref}/remove").status_code == 303
    assert officer.post(f"{PAGE}/{ref}/remove").status_code == 404
    told = [log_of(world, f"certificate.mapping_{act}") for act in ("make", "change", "remove")]
    assert [len(entries) for entries in told] == [1, 1, 1]
