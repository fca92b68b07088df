"""Lists in pages: who is looked for is found, a page that is not there is the last, nobody found is said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from cbt.accounts import store as accounts
from cbt.bank import exports
from cbt.candidates import service as desk
from cbt.candidates.models import Candidate
from cbt.proctoring import pages as proctor
from cbt.results import retake_ledger
from cbt.results.sheet import page as sheet
from cbt.storage.unit_of_work import unit_of_work
from tests.results import scene
from tests.world import PLANNED, World

NAMES = ("王小明", "李娜", "赵敏", "孙浩", "陈静", "周杰", "吴磊")


def shown(world: World, role: str, path: str) -> set[str]:
    """Return which of the sitters a page names."""
    answer = world.staff(role).get(path)
    assert answer.status_code == 200
    return {name for name in NAMES if name in answer.text}


def test_a_sittings_people_are_found_by_name_number_and_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "PAGE", 3)
    page, sitter = f"/office/sittings/{world.sitting_ref}", world.sitters["second"]
    pages = [shown(world, "officer", f"{page}?page={number}") for number in (1, 2, 3)]
    assert [len(one) for one in pages] == [3, 3, 1]
    assert set.union(*pages) == set(NAMES)
    assert shown(world, "officer", f"{page}?page=99") == pages[2]
    assert shown(world, "officer", f"{page}?q=周杰") == {"周杰"}
    assert shown(world, "officer", f"{page}?q={sitter.ticket}") == {"周杰"}
    assert shown(world, "officer", f"{page}?q={sitter.document}") == {"周杰"}
    assert shown(world, "officer", f"{page}?room={world.other_room_ref}") == {"吴磊"}
    assert shown(world, "officer", f"{page}?room={world.other_room_ref}&q={sitter.ticket}") == set()
    assert shown(world, "officer", f"{page}?q=%25") == set()
    assert "没有符合条件的考生" in world.staff("officer").get(f"{page}?q=nobody").text


def test_of_many_rooms_the_proctors_are_listed_beside_the_one_that_is_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"/office/sittings/{world.sitting_ref}"
    assert world.staff("officer").get(page).text.count('class="inline assign"') == 2
    monkeypatch.setattr(desk, "FEW_ROOMS", 1)
    assert world.staff("officer").get(page).text.count('class="inline assign"') == 0
    asked = world.staff("officer").get(f"{page}?staff={world.room_ref}").text
    assert asked.count('class="inline assign"') == 1
    assert f'action="{page}/rooms/{world.room_ref}/staff"' in asked


def test_a_sheets_figures_are_of_all_and_its_lines_of_who_is_looked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.finish(world)
    monkeypatch.setattr(sheet, "PAGE", 4)
    page = f"/results/{world.sitting_ref}"
    assert len(shown(world, "officer", page)) == 4
    assert len(shown(world, "officer", f"{page}?page=2")) == 3
    assert shown(world, "officer", f"{page}?page=7") == shown(world, "officer", f"{page}?page=2")
    assert shown(world, "officer", f"{page}?q=赵敏") == {"赵敏"}
    assert shown(world, "officer", f"{page}?room={world.other_room_ref}") == {"吴磊"}
    assert shown(world, "officer", f"{page}?paper=1") == {"王小明", "赵敏", "吴磊"}
    narrowed = world.staff("officer").get(f"{page}?q=nobody").text
    assert "应考 <b>7</b>" in narrowed
    assert narrowed.count('<svg class="chart"') == 2
    assert "没有符合条件的考生" in narrowed


def test_a_release_names_the_first_who_keep_it_from_being_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.finish(world, scene.USUAL | {"theory": "unscored", "late": "unscored"})
    monkeypatch.setattr(sheet, "NAMED", 1)
    page = world.staff("officer").get(scene.release_url(world)).text
    assert "2 人没有成绩" in page
    assert len({name for name in NAMES if name in page}) == 1


def test_a_correction_names_those_it_is_about_and_counts_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.finish(world)
    scene.release(world)
    assert "已发布的成绩与评分一致，无需更正。" in world.staff("officer").get(scene.release_url(world)).text
    for name in ("theory", "late", "extra"):
        scene.rescore(world, name, "90.0")
    assert shown(world, "officer", scene.release_url(world)) == {"王小明", "陈静", "赵敏"}
    monkeypatch.setattr(sheet, "NAMED", 1)
    page = world.staff("officer").get(scene.release_url(world)).text
    assert len({name for name in NAMES if name in page}) == 1
    assert "另有 2 人" in page


def test_whom_the_retake_rules_bar_is_in_pages_and_the_last_is_shown_for_any_further(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.finish(world)
    scene.release(world)
    page = (
        f"/results/retakes/{scene.book_again(world, 'theory', at=PLANNED + timedelta(days=1), kind='first')}"
    )
    monkeypatch.setattr(retake_ledger, "PAGE", 1)
    assert shown(world, "officer", page) == shown(world, "officer", f"{page}?page=9") == {"王小明"}


def test_staff_are_found_by_a_part_of_name_or_login(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "STAFF_PAGE", 4)

    def logins(query: str) -> int:
        return world.staff("admin").get(f"/staff/people?{query}").text.count("<code>")

    assert (logins(""), logins("page=3"), logins("page=9")) == (4, 2, 2)
    assert logins("q=proctor") == 3
    assert logins("q=AUTHOR") == 1
    assert "没有找到这样的人员" in world.staff("admin").get("/staff/people?q=%25").text


def test_rooms_to_come_are_before_those_that_are_over_and_in_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proctor, "A_PAGE", 1)
    first = world.staff("chief_proctor").get("/proctor").text
    assert "机房 A" in first
    assert "机房 B" not in first
    for number in (2, 9):
        page = world.staff("chief_proctor").get(f"/proctor?page={number}").text
        assert "机房 B" in page
        assert "机房 A" not in page


def test_what_paper_cannot_show_is_named_from_any_of_the_texts(world: World) -> None:
    page = f"/office/sittings/{world.sitting_ref}/print"
    assert "印不出" not in world.staff("officer").get(page).text
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Candidate).where(Candidate.name == "周杰").values(name="周\U0002a6a5"))
    text = world.staff("officer").get(page).text
    assert "周\U0002a6a5" in text
    assert "王小明" not in text


def test_an_export_looks_at_the_first_items_of_a_bank_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "/bank/customer-service-l3/export"
    assert "最前的" not in world.staff("author").get(page).text
    monkeypatch.setattr(exports, "MOST_LOOKED", 5)
    assert "最前的 5 道题" in world.staff("author").get(page).text
