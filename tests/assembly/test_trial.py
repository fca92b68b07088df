"""A paper drawn on the spot: the candidate's own, stored nowhere; its proof, whose key is a view on record."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from cbt.assembly import coverage
from cbt.assembly.coverage import chosen, paper_choices
from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.bank.store import bank_by_ref, taxonomy_of
from cbt.items.models import Item, ItemBank
from cbt.rules.assembly.form import LOOK
from cbt.runner.models import Attempt
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page
from tests.helpers import flat
from tests.world import World

pytestmark = pytest.mark.once

BANK = "customer-service-l3"
THEORY, SKILLS = f"{BANK}:theory", f"{BANK}:skills"


def ask(world: World, page: str, *, role: str = "author", bank: str = BANK, **asked: object) -> TestResponse:
    return world.staff(role).get(f"/bank/{bank}/{page}", query_string=asked)


def sheet_of(world: World, **asked: object) -> dict[str, Any]:
    """Return the paper that the page hands to the candidate's scripts."""
    answer = ask(world, "draw", **asked)
    assert answer.status_code == 200
    found = re.search(r"data-paper='([^']*)'", answer.text)
    assert found is not None
    paper: dict[str, Any] = json.loads(html.unescape(found[1]))
    return paper


def shown_on(answer: TestResponse) -> str:
    """Return a page without what it hands to its scripts, among it all they may ever say."""
    return re.sub(r"data-[a-z-]+='[^']*'", "", answer.text)


def seed_of(world: World, name: str) -> int:
    """Return the seed of a sitter's form."""
    with world.app.app_context(), reading() as session:
        query = select(Form.seed).join(Attempt, Attempt.form_id == Form.id)
        return session.scalars(query.where(Attempt.id == world.sitters[name].attempt_id)).one()


def counted(world: World) -> tuple[int, int]:
    """How many forms there are, and how many entries of the log tell of keys."""
    with world.app.app_context(), reading() as session:
        forms = session.scalar(select(func.count()).select_from(Form)) or 0
        seen = select(func.count()).select_from(AuditEntry).where(AuditEntry.act == "bank.view_keys")
        return forms, session.scalar(seen) or 0


@pytest.mark.parametrize(
    ("name", "bank", "paper"),
    [
        pytest.param("theory", BANK, "theory", id="sections"),
        pytest.param("skills", "customer-service-l2", "skills", id="units"),
    ],
)
def test_what_is_drawn_is_what_a_candidate_of_that_seed_gets(
    world: World, name: str, bank: str, paper: str
) -> None:
    drawn = sheet_of(world, bank=bank, paper=f"{bank}:{paper}", seed=seed_of(world, name))
    world.admit_all()
    world.start()
    page = Page(world, name)
    assert page.start().status_code == 200
    served = page.opened["paper"]
    positions = {item["position"] for item in served["items"]}
    units = {case["unit"] for case in served["cases"]}
    shown = [item for item in drawn["items"] if item["position"] in positions]
    assert shown == [
        {**item, "section": item["section"] or 0, "unit": item["unit"] or 0} for item in served["items"]
    ]
    assert [case for case in drawn["cases"] if case["unit"] in units] == served["cases"]
    assert drawn["sections"] == served["sections"]
    assert drawn["title"] == served["title"]
    assert drawn["calculator"] == served["calculator"]
    for ours, theirs in zip(drawn["units"], served["units"], strict=True):
        assert {**ours, "state": ""} == {**theirs, "state": ""}


def test_without_a_seed_one_is_chosen_and_shown(world: World) -> None:
    answer = ask(world, "draw", paper=SKILLS)
    assert answer.status_code == 303
    assert re.fullmatch(rf"/bank/{BANK}/draw\?paper={BANK}:skills&seed=\d{{1,6}}", answer.headers["Location"])
    assert 'value="7"' in ask(world, "draw", paper=SKILLS, seed=7).text


def test_a_draw_shows_no_key_and_leaves_nothing_behind(world: World) -> None:
    before = counted(world)
    page = ask(world, "draw", paper=THEORY, seed=7).text
    assert "explanation" not in page
    assert ask(world, "proof", paper=THEORY, seed=7, key=0).status_code == 200
    assert counted(world) == before


def test_a_proof_has_the_whole_paper_and_its_key_and_is_on_record(world: World) -> None:
    forms, seen = counted(world)
    page = flat(ask(world, "proof", role="reviewer", paper=THEORY, seed=7).text)
    assert page.count('class="proof-item"') == 100
    assert len(re.findall(r'<th scope="row" class="n">', page)) == 100
    assert "答案与解析" in page
    assert counted(world) == (forms, seen + 1)


def test_the_key_of_a_proof_has_the_letters_and_numbers_of_its_paper(world: World) -> None:
    drawn = sheet_of(world, paper=SKILLS, seed=11)
    page = flat(ask(world, "proof", paper=SKILLS, seed=11).text)
    keys = [
        re.findall(r"<p>(.*?)</p>", cell) for cell in re.findall(r'class="n">\d+</th><td>(.*?)</td>', page)
    ]
    assert len(keys) == len(drawn["items"])
    seen = set()
    for item, key in zip(drawn["items"], keys, strict=True):
        for line in key:
            letter, _, text = line.partition(" ")
            number, _, step = line.rpartition("→ ")[2].partition(". ")
            if item["type"] in ("single_choice", "multiple_choice"):
                assert item["choices"]["ABCDEFGH".index(letter)] == text
            elif item["type"] == "matching":
                assert item["options"][int(number) - 1] == step
            elif item["type"] == "ordering" and ". " in line:
                assert item["steps"][int(number) - 1] == step
        seen.add(item["type"])
    assert seen >= {"single_choice", "multiple_choice", "matching", "ordering"}


@pytest.mark.parametrize("page", ["draw", "proof"])
def test_where_nothing_can_be_drawn_it_is_said_with_a_way_on(world: World, page: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Item).where(Item.type == "case", Item.unit == 2).values(version=0))
    before = counted(world)
    answer = ask(world, page, paper=SKILLS, seed=7)
    assert answer.status_code == 409
    text = flat(answer.text)
    assert "抽不出试卷" in text
    assert "缺 1 个案例" in text
    for way in ("coverage?paper", "import", "new/case"):
        assert f"/bank/{BANK}" in text
        assert way in text
    assert counted(world) == before


def test_an_empty_bank_says_so(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Item).values(version=0))
    answer = ask(world, "draw", paper=THEORY, seed=7)
    assert answer.status_code == 409
    assert "题库不够抽" in answer.text


def test_a_bank_without_a_blueprint_says_what_it_lacks_to_be_drawn_from(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.add(ItemBank(ref="spare", name="备用题库", note=""))
    sent = ask(world, "draw", bank="spare")
    assert sent.status_code == 303
    answer = world.staff("author").get(sent.headers["Location"])
    assert answer.status_code == 409
    assert "题库“备用题库”还没有可以抽取的试题" in answer.text


def test_some_of_a_bank_is_drawn_without_a_blueprint(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty of each type, one of a point, the same for a seed; of a large bank from a share of it."""
    one, again, other = (sheet_of(world, paper=LOOK, seed=seed) for seed in (3, 3, 4))
    assert one == again != other
    assert [section["type"] for section in one["sections"]] == ["true_false", "single_choice"]
    assert len(one["items"]) == 40
    assert world.staff("author").get(f"/bank/{BANK}/proof?paper={LOOK}&seed=3").status_code == 200
    assert "不按考核方案：" in shown_on(ask(world, "draw", paper=LOOK, seed=3))
    assert "不按考核方案：" not in shown_on(ask(world, "draw", paper=THEORY, seed=3))
    monkeypatch.setattr(coverage, "LARGE", 100)
    assert len(sheet_of(world, paper=LOOK, seed=3)["items"]) == 40


def test_the_pages_are_there_in_english(world: World) -> None:
    client = world.staff("author")
    client.set_cookie("locale", "en")
    for path in ("draw", "proof"):
        for paper in (THEORY, SKILLS):
            page = client.get(f"/bank/{BANK}/{path}", query_string={"paper": paper, "seed": 3}).text
            assert not re.search(r"\bassembly\.[a-z_]+\.[a-z_]+", page)


@pytest.mark.parametrize("paper", [THEORY, SKILLS], ids=["theory", "skills"])
def test_of_a_large_bank_a_share_is_read(world: World, paper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same share for the same seed, with a few items for each place a paper takes one from."""
    monkeypatch.setattr(coverage, "LARGE", 100)
    monkeypatch.setattr(coverage, "OF_EACH_POINT", 2)
    monkeypatch.setattr(coverage, "OF_EACH_UNIT", 2)
    one, again, other = (sheet_of(world, paper=paper, seed=seed) for seed in (3, 3, 4))
    assert one == again != other
    assert len(one["items"]) == (100 if paper == THEORY else 20)
    assert "随机取出的一部分" in ask(world, "proof", paper=paper, seed=3).text
    with world.app.app_context(), reading() as session:
        bank = bank_by_ref(session, BANK)
        choice = chosen(paper_choices(session, BANK), paper)
        assert choice is not None
        sample = coverage.sample_of(session, bank.id, choice.paper, taxonomy_of(session, bank), seed=3)
    cells = Counter((item.unit or item.point, item.type) for item in sample.items)
    assert set(cells.values()) <= {1, 2}
    assert len(cells) == (200 if paper == THEORY else 4)
