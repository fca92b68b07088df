"""The coverage page: what it counts, what it says is short, and what it asks of the database."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from cbt.bank.store import bank_by_ref
from cbt.blueprints.models import BlueprintVersion
from cbt.items.models import Item, ItemBank, ItemVersion, KnowledgePoint
from cbt.storage.unit_of_work import unit_of_work
from tests.helpers import count_queries, flat
from tests.world import START, World

pytestmark = pytest.mark.once

BANK = "customer-service-l3"
PAGE = f"/bank/{BANK}/coverage"
SKILLS = {"paper": f"{BANK}:skills"}


def page_of(world: World, **asked: str) -> str:
    """Return the page as its author sees it, on one line."""
    answer = world.staff("author").get(PAGE, query_string=asked)
    assert answer.status_code == 200
    return flat(answer.text)


def stat(page: str, label: str) -> str:
    """Return one of the large figures."""
    found = re.search(rf"<b>([^<]*)</b><span>{label}", page)
    assert found is not None, label
    return found[1].strip()


def item_of(session: Session, ref: str) -> Item:
    """Return an item of the bank."""
    bank = bank_by_ref(session, BANK)
    return session.scalars(select(Item).where(Item.bank_id == bank.id, Item.ref == ref)).one()


def withdraw(world: World, *where: object) -> None:
    """Have no version of some items drawn."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Item).where(*where).values(version=0))  # type: ignore[arg-type]  # conditions of a query


def test_a_bank_that_lasts_says_so_for_both_papers(world: World) -> None:
    theory, skills = page_of(world), page_of(world, **SKILLS)
    for page in (theory, skills):
        assert "没有缺口" in page
        assert stat(page, "最多可抽互不重复的卷") == "3"
    assert stat(theory, "可抽试题") == "360"
    assert stat(theory, "没有试题的鉴定点") == "0 / 100"
    assert stat(theory, "两份卷平均相同") == "29.6%"
    assert stat(skills, "可抽案例") == "12"
    assert stat(skills, "两份卷平均相同") == "33.3%"


def test_for_more_papers_than_it_lasts_every_range_says_what_is_missing(world: World) -> None:
    page = page_of(world, papers="4")
    assert "没有缺口" not in page
    short = page[page.index('id="lacks-title"') : page.index('id="ranges-title"')]
    assert len(set(re.findall(r'href="#range-([^"]+)"', short))) == 18
    assert "判断缺 1 题：要 8 题，用得上的有 7 题" in short  # two a paper, and seven there
    assert "判断、单选合计缺 3 题：要 20 题，用得上的有 17 题" in short
    assert "缺 1 个案例：要 4 个，合用的有 3 个" in page_of(world, **SKILLS, papers="4")


def test_what_is_short_names_the_points_to_write_at(world: World) -> None:
    withdraw(world, Item.point.in_(["A-A-A-002", "A-A-A-004"]))
    page = page_of(world)
    assert stat(page, "最多可抽互不重复的卷") == "0"
    assert "缺 2 题：要 5 题，用得上的有 3 题" in page
    short = page[page.index('id="lacks-title"') : page.index("补题之前，试卷考不到这些鉴定点")]
    assert re.findall(r'class="cover-at" href="([^"]*)point=([^"&]+)', short) == [
        (f"/bank/{BANK}/new?", "A-A-A-002"),
        (f"/bank/{BANK}/new?", "A-A-A-004"),
    ]
    seen = flat(world.staff("reviewer").get(PAGE).text)
    assert f'class="cover-at" href="/bank/{BANK}?point=A-A-A-002"' in seen
    assert page.count("没有试题</span>") >= 2
    assert "抽不出试卷，无从比较" in page
    bare = page[page.index("补题之前，试卷考不到这些鉴定点") : page.index('id="ranges-title"')]
    assert re.findall(r'class="cover-at" href="[^"]*point=([^"&]+)', bare) == ["A-A-A-002", "A-A-A-004"]


def test_only_what_is_drawn_counts_and_as_it_is_drawn(world: World) -> None:
    """An item's columns tell of the version on its way; the one that is drawn may stand at another point."""
    with world.app.app_context(), unit_of_work() as session:
        item = item_of(session, "A-A-A-001-T1")
        item.current, item.state, item.point = 2, "draft", "A-A-A-002"
        item_of(session, "A-A-A-001-S1").version = 0
    page = page_of(world)
    assert stat(page, "可抽试题") == "359"
    row = page[page.rindex("point=A-A-A-001") :]
    sums = re.findall(r'<td class="n"><b>(\d+)</b></td>', row[: row.index("</tr>")])
    assert sums == ["1", "1"]


def test_a_case_whose_parts_do_not_add_up_is_named(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        case = item_of(session, "U1-C1")
        query = select(ItemVersion).where(ItemVersion.item_id == case.id)
        version = session.scalars(query).one()
        version.content = version.content.replace('"points":"4"', '"points":"6.5"', 1)
    page = page_of(world, **SKILLS)
    assert "不会被抽到：各小题合计 27.5 分，单元要 25 分" in page
    assert stat(page, "最多可抽互不重复的卷") == "2"


def test_nothing_to_draw_says_what_to_do(world: World) -> None:
    withdraw(world, Item.id > 0)
    page = page_of(world)
    assert stat(page, "可抽试题") == "0"
    assert "判断缺 2 题：要 2 题，用得上的有 0 题" in page
    assert "单选缺 3 题：要 3 题，用得上的有 0 题" in page
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(KnowledgePoint))
    assert "细目表里有 0 个" in page_of(world)


def test_a_bank_no_blueprint_draws_from_says_so(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.add(ItemBank(ref="spare", name="备用题库", note=""))
    answer = world.staff("reviewer").get("/bank/spare/coverage")
    assert answer.status_code == 200
    assert "没有考核方案从这个题库抽题" in answer.text


@pytest.mark.parametrize("asked", [{}, SKILLS], ids=["theory", "skills"])
def test_the_page_asks_as_often_for_a_large_bank_as_for_a_small_one(
    world: World, asked: dict[str, str]
) -> None:
    page_of(world, **asked)
    with count_queries(world.app) as small:
        page_of(world, **asked)
    with world.app.app_context(), unit_of_work() as session:
        first = item_of(session, "A-A-A-001-T1")
        told = {
            **{"bank_id": first.bank_id, "type": first.type, "point": first.point, "difficulty": 3},
            **{"version": 1, "current": 1, "state": "reviewed", "reviewer": ""},
        }
        session.execute(insert(Item), [{**told, "ref": f"X-{number}"} for number in range(3000)])
    with count_queries(world.app) as large:
        page = page_of(world, **asked)
    assert len(large) == len(small) <= 14
    assert asked or stat(page, "可抽试题") == "3360"


def test_papers_drawn_one_after_another_reach_the_bound_or_say_how_far_they_came(world: World) -> None:
    assert "逐份实抽，看实际能抽几份" in page_of(world)
    assert "抽出 3 份互不重复的卷（上限 3 份）" in page_of(world, reach="1")
    withdraw(world, Item.point.startswith("A-A-A"), Item.type == "true_false")
    assert "抽出 0 份互不重复的卷（上限 0 份）" in page_of(world, reach="1")


def test_a_number_that_makes_no_sense_means_one_paper(world: World) -> None:
    client = world.staff("author")
    for papers in ("51", "9" * 5000, "二"):
        answer = client.get(PAGE, query_string={"papers": papers, "paper": papers})
        assert answer.status_code == 200
        assert 'name="papers" value="1"' in flat(answer.text)
    assert client.get(PAGE, query_string={"papers": "a\0b"}).status_code == 422


def test_an_earlier_version_of_a_blueprint_is_not_offered(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        row = session.scalars(select(BlueprintVersion).where(BlueprintVersion.ref == BANK)).first()
        assert row is not None
        session.add(
            BlueprintVersion(
                ref=BANK, sha256="0" * 64, source=row.source.replace("理论知识", "理论"), loaded_at=START
            )
        )
    assert page_of(world).count("<option") == 2


def test_the_page_is_there_in_english(world: World) -> None:
    client = world.staff("author")
    client.set_cookie("locale", "en")
    for asked in ({}, SKILLS, {"papers": "9"}):
        page = client.get(PAGE, query_string=asked).text
        assert not re.search(r"\bassembly\.[a-z_]+\.[a-z_]+", page)
