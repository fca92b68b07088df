"""Results in an office's own columns: what is shipped, what is saved, codes, and lines a paper or a person."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.errors import InvalidInput
from cbt.results.column_mapping import MappedColumn, MappingForm, codes_in
from cbt.results.desk.result_table import AUTHORITY, FIELDS, RESULTS, SHEET
from cbt.results.models import Result, UploadMapping
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.certificates.test_certificates import qualify
from tests.helpers import count_queries, flat
from tests.results.appeal_scene import score_of, written
from tests.results.scene import release, set_violation
from tests.world import World

PAGE = "/results/tables"
MAPPING = {
    "name": "省中心成绩导入",
    "dates": "digits",
    "place": ["30", "10", "20", "40", "50"],
    "header": ["结论代码", "考生", "号码", "来源", ""],
    "field": ["outcome", "name", "document_number", "constant", ""],
    "text": ["合格=1；不合格＝0，缺考=9", "", "", "=机考", ""],
}


def log_of(world: World, *acts: str) -> list[AuditEntry]:
    with world.app.app_context(), reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.act.in_(acts)).order_by(AuditEntry.id))
        return list(rows)


def rows_of(body: bytes) -> list[list[str]]:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    return [[str(cell) for cell in row] for row in sheet]


def test_an_office_saves_its_columns_and_results_go_out_by_them(world: World) -> None:
    written(world, "theory", positions=range(1, 11))
    set_violation(world, "late", "phone_used")
    officer, choice = world.staff("officer"), {"of": f"batch:{world.batch_ref}"}
    assert officer.post(f"{PAGE}/new", data=MAPPING).status_code == 303
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(UploadMapping.ref)).one()
    choice["mapping"] = ref
    early = officer.get(PAGE, query_string=choice)
    assert early.status_code == 409
    assert "还没有已发布的成绩" in early.text
    release(world)
    with count_queries(world.app) as queries:
        shown = flat(officer.get(PAGE, query_string=choice).text)
    assert f"{len(world.sitters)} 条成绩，一科一行" in shown
    assert "各列内容齐全" in shown
    assert len(queries) <= 16, len(queries)
    book = rows_of(officer.post(f"{PAGE}/file", data=choice | {"form": "xlsx"}).data)
    assert book[0] == ["考生", "号码", "结论代码", "来源"]
    mine, gone, out = (world.sitters[name] for name in ("theory", "factor", "late"))
    told = {row[1]: row for row in book[1:]}
    assert set(told) == {one.document for one in world.sitters.values()}
    assert told[mine.document] == [mine.name, mine.document, "0", "=机考"]
    assert (told[gone.document][2], told[out.document][2]) == ("9", "违纪")
    for form, codec in {"utf8": "utf-8-sig", "gbk": "gbk"}.items():
        body = officer.post(f"{PAGE}/file", data=choice | {"form": form}).data
        in_csv = list(csv.reader(io.StringIO(body.decode(codec))))
        assert in_csv[0] == book[0]
        assert ["'=机考"] * len(world.sitters) == [row[3] for row in in_csv[1:]]
    # A sitting is a choice of its own; on record is the count, never a person.
    of_sitting = {"of": f"sitting:{world.sitting_ref}", "mapping": ref}
    assert f'value="sitting:{world.sitting_ref}" selected' in officer.get(PAGE, query_string=of_sitting).text
    assert len(rows_of(officer.post(f"{PAGE}/file", data=of_sitting | {"form": "xlsx"}).data)) == len(book)
    entries = log_of(world, "results.export")
    assert [json.loads(one.after)["file"] for one in entries] == ["xlsx", "utf8", "gbk", "xlsx"]
    assert json.loads(entries[0].after)["mapping"] == "省中心成绩导入"
    assert [one.subject for one in entries][2:] == [
        f"batch:{world.batch_ref}",
        f"sitting:{world.sitting_ref}",
    ]
    assert not any(mine.name in one.after or mine.document in one.after for one in entries)
    # The desk leads here.
    assert (
        f"{PAGE}?of=batch:{world.batch_ref}" in officer.get(f"/results/batches/{world.batch_ref}/desk").text
    )


@pytest.mark.once
def test_an_authority_is_sent_a_line_a_person_and_what_is_missing_is_named(world: World) -> None:
    written(world, "theory", positions=range(1, 11))
    release(world)
    officer = world.staff("officer")
    choice = {"of": f"batch:{world.batch_ref}", "mapping": AUTHORITY, "form": "xlsx"}
    page = officer.get(PAGE, query_string=choice).text
    assert "人，一人一行" in page
    assert f"/results/papers/{world.sitters['theory'].registration_ref}" in page
    refused = officer.post(f"{PAGE}/file", data=choice)
    assert refused.status_code == 409
    assert "处内容系统中没有" in refused.text
    book = rows_of(officer.post(f"{PAGE}/file", data=choice | {"blanks": "1"}).data)
    assert book[0] == [header for header, _field in RESULTS.shipped[AUTHORITY]]
    rows = {row[4]: dict(zip(book[0], row, strict=True)) for row in book[1:]}
    mine = rows[world.sitters["theory"].document]
    assert mine["理论知识成绩"] == f"{score_of(world, 'theory').score:f}"
    assert (mine["专业能力成绩"], mine["评定结果"]) == ("", "不合格")
    assert rows[world.sitters["factor"].document]["专业能力成绩"] == "缺考"
    assert [row[0] for row in book[1:]] == [str(number) for number in range(1, len(book))]
    tickets = [row[5] for row in book[1:]]
    assert tickets == sorted(tickets)


@pytest.mark.once
def test_every_field_says_what_is_known_and_a_pass_of_elsewhere_counts(world: World) -> None:
    qualify(world)
    with world.app.app_context(), unit_of_work() as session:
        session.execute(
            update(Result).where(Result.score.is_(None), Result.outcome == "passed").values(score="72.5")
        )
    lines = [[str(number), field, field, ""] for number, field in enumerate(FIELDS)]
    form = {
        name: [line[place] for line in lines]
        for place, name in enumerate(("place", "header", "field", "text"))
    }
    officer, choice = (
        world.staff("officer"),
        {"of": f"batch:{world.batch_ref}", "form": "xlsx", "blanks": "1"},
    )
    assert officer.post(f"{PAGE}/new", data=form | {"name": "全部", "dates": "words"}).status_code == 303
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(UploadMapping.ref)).one()
        blueprint = blueprint_of(
            session, session.scalars(select(Registration.blueprint_version_id)).first() or 0
        )
    book = rows_of(officer.post(f"{PAGE}/file", data=choice | {"mapping": ref}).data)
    assert book[0] == list(FIELDS)
    sitter = world.sitters["theory"]
    rows = {row[2 + 1]: dict(zip(book[0], row, strict=True)) for row in book[1:]}
    mine = rows[sitter.document]
    born = date.fromisoformat(f"{sitter.document[6:10]}-{sitter.document[10:12]}-{sitter.document[12:14]}")
    assert {
        name: mine[name] for name in ("name", "ticket", "seat", "attempt", "outcome", "level", "level_code")
    } == {
        "name": sitter.name,
        "ticket": sitter.ticket,
        "seat": str(sitter.seat),
        "attempt": "新考",
        "outcome": "合格",
        "level": blueprint.level_name,
        "level_code": blueprint.level_code,
    }
    assert mine["born_on"] == f"{born.year}年{born.month}月{born.day}日"
    assert mine["score"] == mine["theory"]
    assert (mine["skills"], mine["overall"]) == ("72.5", "合格")
    assert (mine["room"], mine["centre"], mine["batch"]) == ("机房 A", "第 111 号鉴定站所", "2026 年第四批")
    # A line a person: both papers in one, the pass of elsewhere too.
    by_person = rows_of(officer.post(f"{PAGE}/file", data=choice | {"mapping": AUTHORITY}).data)
    (line,) = [row for row in by_person[1:] if row[4] == sitter.document]
    told = dict(zip(by_person[0], line, strict=True))
    assert (told["理论知识成绩"], told["专业能力成绩"], told["评定结果"]) == (mine["theory"], "72.5", "合格")


@pytest.mark.once
def test_mappings_are_changed_and_removed_on_record_and_are_no_certificates(world: World) -> None:
    officer = world.staff("officer")
    for text in ("合格", "=1", "合格=1；不合格"):
        wrong = officer.post(f"{PAGE}/new", data=MAPPING | {"text": [text, "", "", "", ""]})
        assert wrong.status_code == 422, text
        assert "代码看不懂" in wrong.text
        assert 'value="省中心成绩导入"' in wrong.text
    assert officer.post(f"{PAGE}/new", data=MAPPING).status_code == 303
    assert officer.post(f"{PAGE}/new", data=MAPPING).status_code == 409
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(UploadMapping.ref)).one()
    assert ref.startswith("rm-")
    assert officer.get(f"/office/certificates/uploads/{ref}").status_code == 404
    assert "省中心成绩导入" not in officer.get("/office/certificates/uploads").text
    own = officer.get(f"{PAGE}/{ref}").text
    assert own.index('value="考生"') < own.index('value="结论代码"')
    for shipped in (SHEET, AUTHORITY):
        assert officer.get(f"{PAGE}/{shipped}").location == f"{PAGE}/new?from={shipped}"
        assert officer.get(f"{PAGE}/new?from={shipped}").status_code == 200
        assert officer.post(f"{PAGE}/{shipped}/remove").status_code == 404
    assert officer.post(f"{PAGE}/{ref}", data=MAPPING | {"name": "市局"}).status_code == 303
    assert officer.post(f"{PAGE}/{ref}/remove").status_code == 303
    acts = [f"results.mapping_{act}" for act in ("make", "change", "remove")]
    entries = log_of(world, *acts)
    assert [(one.act, one.subject) for one in entries] == [(act, f"result_mapping:{ref}") for act in acts]
    assert "结论代码=outcome (合格=1；不合格＝0，缺考=9)" in json.loads(entries[0].after)["all_columns"]
    for role in ("inspector", "chief_proctor", "admin"):
        assert world.staff(role).get(PAGE).status_code == 403
        assert world.staff(role).post(f"{PAGE}/new", data=MAPPING).status_code == 403
    for of in ("", "batch:ba-none", "round:1"):
        assert officer.get(PAGE, query_string={"mapping": SHEET, "of": of}).status_code == 404
    assert officer.get(PAGE, query_string={"mapping": "rm-none", "of": ""}).status_code == 404


def test_codes_are_pairs_and_what_is_not_named_stays() -> None:
    assert codes_in("男=1；女＝2, 未知=") == [("男", "1"), ("女", "2"), ("未知", "")]
    column = MappedColumn("性别代码", "gender", "男=1；女＝2")
    assert [column.translated(value) for value in ("男", "女", "不详")] == ["1", "2", "不详"]
    form = MappingForm("名", "dashes", [("1", "性别", "gender", "男")])
    with pytest.raises(InvalidInput) as refused:
        RESULTS.read(form)
    assert refused.value.code == "mapped_file.codes"
