"""The page of a mapping by hand: where it opens by itself, what it shows, what is kept, and who may."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cbt.bank.imports import file_map as shapes
from cbt.bank.imports.models import ImportPart
from cbt.items.models import ItemBank, KeptMapping
from cbt.storage.unit_of_work import reading
from tests.bank.sheets import sheets, single, workbook
from tests.bank.test_import_pages import BANK, GOOD, send, text_of, work
from tests.bank.test_mapping import CODED, CODED_ROWS
from tests.world import World

pytestmark = pytest.mark.once

Form = dict[str, str]
POINT = "A-A-A-001"
HEAD = ["DM", *CODED]
LINES = [[POINT, *row] for row in CODED_ROWS]
BOOK = sheets({"导出": [HEAD, *LINES]})
COLUMNS = dict(
    zip(
        "ABCDEFGH",
        ("point", "number", "stem", "choice_A", "choice_B", "choice_C", "answer", "type"),
        strict=True,
    )
)
SAID: Form = {
    "part": "0", "layout": "rows", "head": "1", "keys": "here", "writing": "letters", "wrong": "B",
    "name": "旧系统导出",
    **{f"col.{label}": name for label, name in COLUMNS.items()},
    "word.甲类": "single_choice", "word.乙类": "multiple_choice", "word.丙类": "true_false",
}  # fmt: skip


def opened(world: World, client: FlaskClient, *files: tuple[str, bytes]) -> str:
    """Upload what no reader understands and return the address of its check."""
    address = send(client, *files)
    work(world, address)
    return address


def look(client: FlaskClient, address: str, said: Mapping[str, str], *, part: bool = False) -> str:
    """Return what the page, or the parts that changed, show under a mapping."""
    headers = {"HX-Request": "true"} if part else {}
    answer = client.post(f"{address}/mapping", data=dict(said), headers=headers)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def map_all(world: World, client: FlaskClient, address: str, said: Mapping[str, str]) -> str:
    """Have the whole file be read by a mapping and return its dry run."""
    answer = client.post(f"{address}/mapping", data={**said, "do": "read"})
    assert answer.status_code == 303
    work(world, address)
    return text_of(client, address)


def test_unknown_headers_lead_straight_to_the_mapping_which_is_kept_and_applied_next_time(
    world: World,
) -> None:
    client = world.staff("author")
    address = opened(world, client, ("导出.xlsx", BOOK))
    page = text_of(client, address)
    assert "没有认出这份文件里的试题" in page
    assert 'name="col.C"' in page
    assert "首问负责制要求接待员" in page
    assert "derived" not in re.sub(r'value="derived"', "", page)
    shown = look(client, address, SAID)
    assert "读出 3 题" in shown
    assert shown.count('class="is-right"') == 3
    dry = map_all(world, client, address, SAID)
    assert "按手工对应读取" in dry
    assert client.post(address, data={"state": "draft"}).status_code == 303
    work(world, address)
    imports = text_of(client, f"/bank/{BANK}/import")
    assert 'value="旧系统导出"' in imports
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(ImportPart)) == 0

    more = [[POINT, 4, "离岗时应当怎样处理客户资料？", "锁入柜中", "放在桌上", "交给同事", "A", "甲类"]]
    other = opened(world, client, ("新导出.xlsx", sheets({"另一张": [HEAD, *more]})))
    again = text_of(client, other)
    assert "套用保存的对应" in again
    assert "旧系统导出" in again
    assert (
        client.post(other, data={"state": "draft"}).status_code == 422
    )  # it is confirmed as what is inferred
    client.post(f"{other}/again", data={"afresh": "1"})
    work(world, other)
    assert "没有认出这份文件里的试题" in text_of(client, other)


def test_a_kept_mapping_is_renamed_and_forgotten_by_an_author_alone(world: World) -> None:
    client = world.staff("author")
    map_it = opened(world, client, ("导出.xlsx", BOOK))
    map_all(world, client, map_it, SAID)
    client.post(map_it, data={"state": "draft"})
    work(world, map_it)
    with world.app.app_context(), reading() as session:
        (kept,) = shapes.kept_shapes(
            session, session.scalars(select(ItemBank.id).where(ItemBank.ref == BANK)).one()
        )
    url = f"/bank/{BANK}/mappings/{kept.shape}"
    assert world.staff("reviewer").post(url, data={"do": "forget"}).status_code == 403
    assert "旧系统导出" in text_of(world.staff("reviewer"), f"/bank/{BANK}/import")
    assert "名称不能为空" in client.post(url, data={"name": " "}, follow_redirects=True).text
    assert "新名字" in client.post(url, data={"name": "新名字", "do": "rename"}, follow_redirects=True).text
    assert client.post(url, data={"do": "forget"}).status_code == 303
    assert client.post(url, data={"do": "forget"}).status_code == 404
    with world.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(KeptMapping)) == 0


def test_what_is_lacking_is_said_beside_its_field_and_nothing_typed_is_lost(world: World) -> None:
    client = world.staff("author")
    address = opened(world, client, ("导出.xlsx", BOOK))
    lacking = {**SAID, "col.C": "", "writing": "mark", "rubbish": "<b>页脚</b>"}
    answer = client.post(f"{address}/mapping", data={**lacking, "do": "read"})
    assert answer.status_code == 422
    assert "还没有说明哪一列是题干" in answer.text
    assert "没有说明正确选项上是什么记号" in answer.text
    assert "&lt;b&gt;页脚&lt;/b&gt;" in answer.text
    assert 'value="旧系统导出"' in answer.text


def test_a_change_draws_anew_only_what_it_changes(world: World) -> None:
    client = world.staff("author")
    address = opened(world, client, ("导出.xlsx", BOOK))
    page = look(client, address, SAID)
    drawn = re.search(r'name="drawn" value="(\w+)"', page)
    assert drawn is not None
    settings = re.search(r'name="drawn_settings" value="(\w+)"', page)
    assert settings is not None
    said = {**SAID, "drawn": drawn[1], "drawn_settings": settings[1], "was_part": "0"}
    point = look(client, address, {**said, "col.A": ""}, part=True)
    assert ('id="look"' in point, 'id="settings"' in point, 'id="raw"' in point) == (True, False, False)
    column = look(client, address, {**said, "col.H": ""}, part=True)
    assert ('id="look"' in column, 'id="settings"' in column, 'id="raw"' in column) == (True, True, False)
    assert "<html" not in column
    row = look(client, address, {**said, "row.1": "", "row.2": "head"}, part=True)
    assert 'id="raw"' in row
    assert "读出 2 题" in row


def test_long_files_are_shown_page_by_page_and_their_text_is_only_text(world: World) -> None:
    client = world.staff("author")
    rows = [[n, f"<script>alert({n})</script> 第 {n} 行"] for n in range(1, 901)]
    address = opened(world, client, ("长.xlsx", sheets({"长": [["甲子", "乙丑"], *rows]})))
    page = client.get(address).text
    assert "<script>alert" not in page
    assert "第 1 / 31 页" in page
    said = {"part": "0", "head": "1", "col.A": "answer", "col.B": "stem"}
    last = look(client, address, {**said, "rows": "31"})
    assert "第 900 行" in last
    assert "这里只看了前 800 行" in last
    assert "第 1 / 31 页" in look(client, address, {**said, "rows": "-7"})
    assert look(client, address, {**said, "rows": "abc", "part": "99", "view": "-3", "row.x": "head"})


def test_a_text_may_be_cut_and_take_several_lines_by_turns(world: World) -> None:
    client = world.staff("author")
    text = "\n".join(f"{n}#第{n}项制度要求什么？#推诿$登记$回避#B" for n in range(1, 5))
    address = opened(world, client, ("题.txt", text.encode()))
    cut = {"part": "0", "layout": "rows", "cut": "#", "split": "$", "col.2": "stem", "col.3": "choices",
           "col.4": "answer"}  # fmt: skip
    shown = look(client, address, cut)
    assert "读出 4 题" in shown
    assert "不用" in shown
    lined = look(client, address, {**cut, "layout": "lines"})
    assert re.search(r'name="label.number"\s+value="[^"]+"', lined)
    assert 'name="col.2" value="stem"' in lined  # what was said of columns is there when they come back


def test_keys_of_a_second_file_are_chosen_on_the_page(world: World) -> None:
    client = world.staff("author")
    asking = (
        "".join(f"题{n}：第{n}项制度要求什么？\n甲）推诿\n乙）登记\n" for n in range(1, 4))
        .replace("甲）", "A）")
        .replace("乙）", "B）")
    )
    files = [
        ("卷.txt", asking.encode()),
        ("钥匙.xlsx", sheets({"k": [["号", "值"], [1, "A"], [2, "B"], [3, "A"]]})),
    ]
    address = opened(world, client, *files)
    if "bank/imports/file_map" not in client.get(address).text:
        client.post(f"{address}/open")
        work(world, address)
    said = {"part": "0", "layout": "lines", "label.number": "题1：", "label.choices": "A）", "keys": "part",
            "keys_part": "1", "keys_number": "A", "keys_answer": "B", "keys_head": "1"}  # fmt: skip
    assert "读出 3 题" in look(client, address, said)
    dry = map_all(world, client, address, said)
    assert "新题" in dry


def test_a_file_that_was_understood_is_opened_by_its_author_and_by_nobody_else(world: World) -> None:
    client = world.staff("author")
    address = opened(world, client, ("题库.xlsx", workbook([GOOD, single()])))
    assert "逐列手工对应" in text_of(client, address)
    assert client.post(f"{address}/mapping", data=SAID).status_code == 303  # it is not open
    for role in ("reviewer", "officer", "proctor"):
        assert world.staff(role).post(f"{address}/open").status_code == 403
        assert world.staff(role).post(f"{address}/mapping", data=SAID).status_code == 403
    assert client.post(f"{address}/open").status_code == 303
    work(world, address)
    page = text_of(client, address)
    assert "文件原样" in page
    assert re.search(r'<option value="stem" selected>', page)
    assert client.post(address, data={"rows": "good"}).headers["Location"] == address  # nothing to store yet
    assert "文件原样" in text_of(client, address)


def test_what_cannot_be_shown_is_refused_as_before(world: World) -> None:
    client = world.staff("author")
    address = opened(world, client, ("卷.pdf", b"%PDF-1.4 nothing"))
    page = text_of(client, address)
    assert "PDF" in page
    assert "文件原样" not in page


def test_json_of_unknown_names_opens_with_its_fields(world: World) -> None:
    client = world.staff("author")
    rows = [{"pp": f"第{n}项制度是什么？", "w1": "推诿", "w2": "登记", "rr": n % 2} for n in range(1, 4)]
    address = opened(world, client, ("题.json", json.dumps(rows).encode()))
    said = {"part": "0", "col.pp": "stem", "col.w1": "choice_A", "col.w2": "choice_B", "col.rr": "answer",
            "writing": "from_0"}  # fmt: skip
    assert "读出 3 题" in look(client, address, said)
