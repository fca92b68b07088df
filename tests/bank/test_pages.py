"""The author's pages: what each shows, and to whom."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from cbt.interchange.tables.sheet import open_tables
from tests.helpers import count_queries
from tests.world import World

BANK = "customer-service-l3"


def text_of(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.text


def test_the_banks_are_listed_with_their_counts(world: World) -> None:
    page = text_of(world.staff("author"), "/bank")
    assert page.count(f'href="/bank/{BANK}"') == 1
    assert re.search(r"<b>372</b>", page)


def test_an_inspector_sees_counts_but_no_way_to_an_item(world: World) -> None:
    client = world.staff("inspector")
    assert f'href="/bank/{BANK}"' not in text_of(client, "/bank")
    assert client.get(f"/bank/{BANK}").status_code == 403
    assert client.get(f"/bank/{BANK}/items/A-A-A-001-T1").status_code == 403


@pytest.mark.parametrize("role", ["proctor", "chief_proctor", "officer", "admin", "marker"])
def test_who_is_neither_author_nor_reviewer_is_refused(world: World, role: str) -> None:
    client = world.staff(role)
    for path in ("/bank", f"/bank/{BANK}", f"/bank/{BANK}/items/A-A-A-001-T1", f"/bank/{BANK}/import"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("", 372, id="everything"),
        pytest.param("point=A-A-A", 18, id="a range"),
        pytest.param("point=A-A-A&type=true_false", 7, id="a range and a type"),
        pytest.param("type=case", 12, id="the cases"),
        pytest.param("text=没有这句话没有这句话", 0, id="a text nobody wrote"),
        pytest.param("text=%25", 0, id="a wildcard is a character"),
        pytest.param("difficulty=9&type=nonsense", 372, id="nonsense means everything"),
        pytest.param("author=cli&reviewer=none&state=reviewed", 372, id="what a command brought"),
        pytest.param("reviewer=me", 0, id="what was handed to nobody"),
    ],
)
def test_a_search_finds_what_matches(world: World, query: str, found: int) -> None:
    page = text_of(world.staff("author"), f"/bank/{BANK}?{query}")
    if query == "text=%25":
        assert "共 372 题" not in page
    elif found:
        assert f"共 {found} 题" in page
    else:
        assert "没有符合条件的试题" in page


def test_the_table_is_paged(world: World) -> None:
    client = world.staff("reviewer")
    first, last = text_of(client, f"/bank/{BANK}"), text_of(client, f"/bank/{BANK}?page=8")
    assert first.count('<th scope="row"') == 50
    assert last.count('<th scope="row"') == 22


def test_the_item_page_shows_the_key_the_reason_and_the_history(world: World) -> None:
    page = text_of(world.staff("reviewer"), f"/bank/{BANK}/items/A-A-A-001-S1")
    assert "社会舆论、传统习惯和内心信念" in page
    assert "解析" in page
    assert "第 1 版" in page
    assert "data-paper=" in page


def test_the_preview_carries_no_key(world: World) -> None:
    page = text_of(world.staff("reviewer"), f"/bank/{BANK}/items/A-A-A-001-S1")
    preview = re.search(r"data-paper='([^']*)'", page)
    assert preview is not None
    assert "answer" not in preview[1]
    assert "explanation" not in preview[1]


def test_a_case_is_shown_with_all_its_parts(world: World) -> None:
    page = text_of(world.staff("author"), f"/bank/{BANK}/items/U1-C1")
    assert "第 1 小题" in page
    assert "第 5 小题" in page
    assert "4 分" in page


@pytest.mark.parametrize(
    "path", ["/bank/none", f"/bank/{BANK}/items/none", f"/bank/{BANK}/items/A-A-A-001-S1?version=7"]
)
def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    assert world.staff("author").get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "most"),
    [
        pytest.param("/bank", 6, id="banks"),
        pytest.param(f"/bank/{BANK}", 13, id="items"),
        pytest.param(f"/bank/{BANK}/items/U1-C1", 17, id="item, and who saw its key"),
        pytest.param(f"/bank/{BANK}/import", 7, id="imports"),
    ],
)
def test_a_page_asks_the_database_a_fixed_number_of_times(world: World, path: str, most: int) -> None:
    client = world.staff("author")
    client.get(path)
    with count_queries(world.app) as seen:
        assert client.get(path).status_code == 200
    assert len(seen) <= most


def test_the_template_can_be_filled_in_and_read_back(world: World) -> None:
    answer = world.staff("author").get("/bank/template.xlsx")
    assert answer.status_code == 200
    first, rules = open_tables(answer.data)
    assert first.rows[0][0] == "鉴定点代码"
    assert len(first.rows[0]) == 11
    assert len(rules.rows) == 9


def test_every_text_is_there_in_english(world: World) -> None:
    client = world.staff("author")
    client.set_cookie("locale", "en")
    for path in ("/bank", f"/bank/{BANK}", f"/bank/{BANK}/items/U1-C1", f"/bank/{BANK}/import"):
        page = text_of(client, path)
        assert not re.search(r"\bbank\.[a-z_]+\.[a-z_]+", page)
