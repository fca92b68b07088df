"""The office's pages: numbers that add up, a workbook without formulas, who may look."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import Candidate
from cbt.results import retake_rights
from cbt.results.models import Result
from cbt.results.sheet import page as lines
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.translations.compiler import texts_of
from tests.helpers import count_queries, flat
from tests.printing.paper import squeezed, told, whole
from tests.results.scene import book_again, finish, release, set_violation
from tests.world import PLANNED, World

pytestmark = pytest.mark.once


def workbook(world: World) -> CalamineWorkbook:
    """Download the workbook of the world's sitting."""
    answer = world.staff("officer").post(f"/results/{world.sitting_ref}/workbook")
    assert answer.status_code == 200
    return CalamineWorkbook.from_filelike(BytesIO(answer.data))


def test_the_sheet_shows_that_everybody_is_accounted_for(world: World) -> None:
    finish(world)
    set_violation(world, "late", "phone_used")
    page = world.staff("officer").get(f"/results/{world.sitting_ref}").text
    shown = flat(page)
    assert '应考 <b>7</b></span><span class="sign">=</span>' in shown
    assert "实考 <b>6</b>" in shown
    assert "缺考 <b>1</b>" in shown
    assert "考生交卷 5" in shown
    assert "到场未作答 1" in shown
    assert "违纪 1" in shown


def test_the_sheet_masks_document_numbers(world: World, tmp_path: Path) -> None:
    finish(world)
    officer, base = world.staff("officer"), f"/results/{world.sitting_ref}"
    for page in (officer.get(base).text, told(officer.get(f"{base}/print"), tmp_path)):
        assert world.sitters["theory"].name in page
        assert not any(
            sitter.document in page or sitter.document[-6:] in page for sitter in world.sitters.values()
        )


def test_the_chart_has_its_figures_in_a_table_beside_it(world: World) -> None:
    finish(world)
    page = world.staff("officer").get(f"/results/{world.sitting_ref}").text
    # of a paper at which all who came wrote nothing there are no figures
    assert page.count('<svg class="chart"') == page.count('<table class="classes"') == 2
    assert "style=" not in page


def test_a_sitting_that_is_not_over_shows_no_score(world: World) -> None:
    finish(world, end=False)
    answer = world.staff("officer").get(f"/results/{world.sitting_ref}")
    assert answer.status_code == 409
    assert "72.5" not in answer.text


@pytest.mark.parametrize(
    ("role", "reads", "changes"),
    [
        pytest.param("officer", True, True, id="officer"),
        pytest.param("chief_proctor", True, False, id="chief"),
        pytest.param("inspector", True, False, id="inspector"),
        pytest.param("proctor", False, False, id="proctor"),
        pytest.param("author", False, False, id="author"),
        pytest.param("admin", False, False, id="admin"),
    ],
)
def test_who_may_look_and_who_may_release(world: World, role: str, reads: bool, changes: bool) -> None:
    finish(world)
    client = world.staff(role)
    base = f"/results/{world.sitting_ref}"
    pages = ["/results", base, f"{base}/print", f"/results/retakes/{world.batch_ref}"]
    assert {client.get(page).status_code for page in pages} == {200 if reads else 403}
    assert client.get(f"{base}/release").status_code == (200 if changes else 403)
    assert client.post(f"{base}/workbook").status_code == (200 if changes else 403)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_score_sheet_on_paper_has_everybody_and_lines_to_sign_on(
    world: World, tmp_path: Path, locale: str
) -> None:
    finish(world)
    client = world.staff("officer")
    client.set_cookie("locale", locale)
    pages = whole(client.get(f"/results/{world.sitting_ref}/print"), tmp_path, f"scores-{locale}")
    text = "".join(page.text for page in pages)
    for sitter in world.sitters.values():
        assert sitter.ticket in text
    assert "72.5" in text
    assert "results." not in text
    for line in ("counted", "checked", "officer", "date"):
        sign = squeezed(texts_of(locale)[f"results.sign.{line}"])
        assert all(sign in page.text for page in pages)


def test_a_long_score_sheet_is_refused_before_anything_is_read_and_printed_by_room(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(world)
    client, base = world.staff("officer"), f"/results/{world.sitting_ref}"
    assert f'href="{base}/print"' in client.get(base).text
    monkeypatch.setattr(lines, "AT_ONCE", 6)
    monkeypatch.setattr(lines, "AT_ONCE", 6)
    assert f'href="{base}/print/rooms"' in client.get(base).text
    refused = client.get(f"{base}/print")
    assert refused.status_code == 409
    assert "7 人" in refused.text
    assert "按考场打印" in refused.text
    offered = client.get(f"{base}/print/rooms").text
    assert 'data-zip="score_sheet"' in offered
    others = set(world.sitters) - {"elsewhere"}
    for room, room_name, names in (
        (world.other_room_ref, "机房B", {"elsewhere"}),
        (world.room_ref, "机房A", others),
    ):
        assert f'href="{base}/print/{room}.pdf"' in offered
        sheets = whole(client.get(f"{base}/print/{room}.pdf"), tmp_path, f"scores-{room}")
        text = "".join(sheet.text for sheet in sheets)
        assert {name for name, sitter in world.sitters.items() if sitter.ticket in text} == names
        assert f"本考场应考{len(names)}人" in squeezed(text)
        assert room_name in squeezed(text)
    assert client.get(f"{base}/print/{world.batch_ref}.pdf").status_code == 404


def test_unknown_things_are_not_found(world: World) -> None:
    client = world.staff("officer")
    for path in ("/results/nowhere", "/results/retakes/nowhere", "/results?page=0", "/results?page=x"):
        assert client.get(path).status_code == 404


def test_the_workbook_has_the_overall_result_and_a_sheet_per_paper(world: World) -> None:
    finish(world)
    release(world)
    book = workbook(world)
    assert book.sheet_names == [
        "综合成绩",
        "三级 理论知识",
        "三级 专业能力",
        "二级 理论知识",
        "二级 专业能力",
    ]
    rows = {row[1]: row for row in book.get_sheet_by_name("三级 理论知识").to_python()}
    head, line = rows["姓名"], dict(zip(rows["姓名"], rows["王小明"], strict=True))
    assert head[5:7] == ["判断题 (40)", "单选题 (60)"]
    assert (line["判断题 (40)"], line["得分"], line["结论"]) == (29.0, 72.5, "合格")
    assert "*" in str(line["证件号码"])
    overall = {row[1]: row for row in book.get_sheet_by_name("综合成绩").to_python()}
    assert overall["孙浩"][6] == "缺考"
    assert overall["王小明"][-1] == "单科合格（待补考）"


def test_before_the_release_the_workbook_says_so_and_gives_no_overall_result(world: World) -> None:
    finish(world)
    sheet = workbook(world).get_sheet_by_name("综合成绩").to_python()
    assert "未发布" in str(sheet[1][0])
    assert {row[-1] for row in sheet if row[1] == "王小明"} == {""}


def test_a_name_that_looks_like_a_formula_stays_text(world: World) -> None:
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "https://example.org", "123", "<b>x"]
        for person, name in zip(session.scalars(select(Candidate)), names, strict=True):
            person.name = name
    found = [row[1] for row in workbook(world).get_sheet_by_name("综合成绩").to_python()]
    assert set(names) <= set(found)
    assert "&lt;b&gt;x" in world.staff("officer").get(f"/results/{world.sitting_ref}").text


def test_an_export_is_on_record(world: World) -> None:
    finish(world)
    workbook(world)
    with world.app.app_context(), reading() as session:
        line = session.scalars(select(AuditEntry).where(AuditEntry.act == "results.export")).one()
    assert line.actor == f"staff:{world.people['officer'].ref}"


def test_the_retake_check_names_who_may_not_register(world: World) -> None:
    finish(world)
    release(world)
    soon, ages = PLANNED + timedelta(days=200), PLANNED + timedelta(days=740)
    book_again(world, "theory", at=soon)
    book_again(world, "factor", at=soon + timedelta(days=1))
    book_again(world, "extra", at=ages)
    book_again(world, "elsewhere", at=soon + timedelta(days=2), kind="first")
    batch = book_again(world, "second", at=soon + timedelta(days=3))
    page = world.staff("officer").get(f"/results/retakes/{batch}").text
    assert "已核对 5 条" in page
    assert page.count("不得报考") == 3
    assert "该科目已合格，合格有效至 2028-11-24" in page
    assert "补考期已于 2028-11-24 截止" in page
    assert "应按补考报名" in page
    assert world.sitters["second"].name not in page


def test_who_did_not_pass_stands_with_the_last_day_and_where_each_is_booked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/results/rights/{world.batch_ref}"
    finish(world)
    assert "没有未合格的科目" in world.staff("officer").get(url).text
    release(world)
    officer = world.staff("officer")
    page = officer.get(url).text
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", page, re.S)
    assert rows
    assert f"未合格的科目（{len(rows)}）" in page
    with world.app.app_context(), reading() as session:
        passed = session.scalar(select(func.count()).where(Result.outcome == "passed"))
        assert session.scalar(select(func.count(Result.id))) == len(rows) + (passed or 0)
    assert "可补考，至 2028-11-24" in page
    absent = [row for row in rows if "缺考</span>" in row]
    assert absent
    assert all("没有补考资格" in row for row in absent)
    assert page.count("未报名") == len(rows)
    name = next(
        key
        for key, sitter in world.sitters.items()
        if any(sitter.name in row and "可补考" in row for row in rows)
    )
    book_again(world, name, at=PLANNED + timedelta(days=200))
    page = officer.get(url).text
    assert page.count("未报名") == len(rows) - 1
    monkeypatch.setattr(retake_rights, "PAGE", 1)
    assert officer.get(f"{url}?page=99").text.count('<th scope="row">') == 1
    assert world.staff("inspector").get(url).status_code == 200
    for role in ("author", "proctor"):
        assert world.staff(role).get(url).status_code == 403


def test_a_batch_without_objections_says_so(world: World) -> None:
    page = world.staff("officer").get(f"/results/retakes/{world.batch_ref}").text
    assert "没有发现问题" in page


@pytest.mark.parametrize(
    "path", ["/results", "/results/{sitting}", "/results/retakes/{batch}", "/results/rights/{batch}"]
)
def test_pages_ask_a_fixed_number_of_queries(world: World, path: str) -> None:
    finish(world)
    client = world.staff("officer")
    url = path.format(sitting=world.sitting_ref, batch=world.batch_ref)
    client.get(url)
    with count_queries(world.app) as seen:
        client.get(url)
    assert len(seen) <= 12, seen


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_text_is_in_both_catalogues(world: World, locale: str) -> None:
    finish(world)
    set_violation(world, "late", "phone_used")
    release(world)
    batch = book_again(world, "theory", at=PLANNED + timedelta(days=200))
    client = world.staff("officer")
    client.set_cookie("locale", locale)
    base = f"/results/{world.sitting_ref}"
    for url in (
        "/results",
        base,
        f"{base}/release",
        f"/results/retakes/{batch}",
        f"/results/rights/{world.batch_ref}",
        "/my/results",
    ):
        page = client.get(url).text.replace("results.css", "")
        assert not re.findall(r"(?<!place\.)\bresults\.[a-z_]+", page)
