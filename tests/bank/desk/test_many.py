"""The queue of who reviews, and changes of many items: seen first, made whole, refused when something moved."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from cbt.audit.models import AuditEntry
from cbt.bank.changes import save_taxonomy
from cbt.items.models import ImportRun, Item, ItemVersion
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.desk.people import BANK, look, make_items
from tests.bank.desk.test_desk_pages import post
from tests.bank.drafts import TAXONOMY
from tests.helpers import flat
from tests.world import World

T1, T2, T3 = (f"A-A-A-001-T{number}" for number in (1, 2, 3))


@pytest.fixture
def desk(world: World) -> World:
    """Return the world with a bank of three items in review, written by its author."""
    make_items(world.app, 3, f"staff:{world.people['author'].ref}")
    with world.app.app_context(), unit_of_work() as session:
        save_taxonomy(session, BANK, TAXONOMY, now=world.clock.now(), actor="cli")
    return world


def preview(client: FlaskClient, **asked: object) -> tuple[str, dict[str, list[str]]]:
    """Ask for a change of many; return what the page says and what its form would send."""
    page = post(client, f"/bank/{BANK}/bulk", 200, **asked)
    form = page[page.index("/bulk/do") :]
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    return flat(page), fields


def test_the_queue_goes_from_one_item_to_the_next(desk: World) -> None:
    reviewer = desk.staff("reviewer")
    with desk.app.app_context(), unit_of_work() as session:
        mine = f"staff:{desk.people['reviewer'].ref}"
        session.execute(update(Item).where(Item.ref == T3).values(reviewer=mine))
    page = flat(reviewer.get("/bank/review").text)
    assert "交给我的 1" in page
    assert f'/items/{T3}">{T3}</a></h2>' in page
    page = reviewer.get("/bank/review?scope=unassigned").text
    target = re.search(r'name="next" value="([^"]+)"', page[page.index('id="acts"') :])
    assert target is not None
    following = post(
        reviewer,
        f"/bank/{BANK}/items/{T1}/judge",
        number=1,
        event="approve",
        next=target[1].replace("&amp;", "&"),
    )
    assert T2 in following
    assert f"{T1} 审题通过" in reviewer.get(following).text
    assert "已不在待审状态" in reviewer.get(f"/bank/review?of={BANK}&item={T1}").text


def test_a_whole_bank_is_approved_from_the_desk(desk: World) -> None:
    reviewer = desk.staff("reviewer")
    page = flat(reviewer.get("/bank/review?scope=all").text)
    whole = page[page.index('class="card card-body queue-whole"') :]
    form = whole[whole.index(f'action="/bank/{BANK}/bulk"') :]
    form = form[: form.index("</form>")]
    asked = dict(re.findall(r'<(?:input type="hidden"|button)[^>]* name="(\w+)" value="([^"]*)"', form))
    told, sent = preview(reviewer, **asked)
    assert all(ref in told for ref in (T1, T2, T3))
    done = post(reviewer, f"/bank/{BANK}/bulk/do", **sent)
    assert done == "/bank/review?scope=all", "it ends where it was asked for"
    page = flat(reviewer.get(done).text)
    assert "queue-whole" not in page
    assert "全部待审 0" in page


def test_an_author_does_not_find_their_own_items_in_the_queue(desk: World) -> None:
    assert desk.staff("author").get("/bank/review").status_code == 403
    with desk.app.app_context(), unit_of_work() as session:
        session.execute(
            update(Item)
            .where(Item.ref.in_([T1, T2, T3]))
            .values(author=f"staff:{desk.people['reviewer'].ref}")
        )
    assert "这里没有待审的试题" in desk.staff("reviewer").get("/bank/review").text


def test_a_change_of_many_is_made_as_it_was_shown_and_on_record_once(desk: World) -> None:
    author = desk.staff("author")
    with desk.app.app_context(), unit_of_work() as session:
        session.execute(update(Item).where(Item.ref == T2).values(state="retired"))
    page, fields = preview(author, act="difficulty", new_difficulty="5", item=[T1, T2, T3])
    assert "1 题：目前的状态不能这样处理" in page
    post(author, f"/bank/{BANK}/bulk/do", **fields)
    for ref, expected in ((T1, ("draft", 2, 5)), (T2, ("retired", 1, 3)), (T3, ("draft", 2, 5))):
        item = look(desk.app, ref)
        assert (item.state, item.current, item.difficulty) == expected
    with desk.app.app_context(), reading() as session:
        entries = session.scalars(
            select(AuditEntry.after).where(AuditEntry.act == "item.set_difficulty")
        ).all()
    assert len(entries) == 1
    assert f'"{T1}":2' in entries[0]
    # The same once more leads to what it did; another, of what is done already, does nothing.
    assert "没有处理任何一题" not in author.get(post(author, f"/bank/{BANK}/bulk/do", **fields)).text
    _page, fresh = preview(author, act="difficulty", new_difficulty="5", item=[T1, T2, T3])
    fields["once_key"] = fresh["once_key"]
    assert "没有处理任何一题" in author.get(post(author, f"/bank/{BANK}/bulk/do", **fields)).text


def test_a_whole_search_is_submitted_withdrawn_and_handed_over(desk: World) -> None:
    author, judge = desk.staff("author"), desk.people["reviewer"]
    for act, state in (("withdraw", "draft"), ("submit", "in_review")):
        _page, fields = preview(author, act=act, scope="whole", text="职业道德")
        post(author, f"/bank/{BANK}/bulk/do", **fields)
        assert {look(desk.app, ref).state for ref in (T1, T2, T3)} == {state}
    _page, fields = preview(author, act="assign", scope="whole", to=judge.ref)
    post(author, f"/bank/{BANK}/bulk/do", **fields)
    assert look(desk.app, T1).reviewer == f"staff:{judge.ref}"
    _page, fields = preview(author, act="point", scope="whole", new_point="a-a-a-014")
    post(author, f"/bank/{BANK}/bulk/do", **fields)
    assert look(desk.app, T1).point == "A-A-A-014"


def test_an_import_is_approved_as_a_whole_by_another_person(desk: World) -> None:
    with desk.app.app_context(), unit_of_work() as session:
        bank_id = session.scalars(select(Item.bank_id).where(Item.ref == T1).order_by(Item.id.desc())).first()
        facts = {"file_name": "a.xlsx", "form": "national", "added": 2, "changed": 0, "skipped": 0}
        run = ImportRun(ref="im-x", bank_id=bank_id, actor="cli", at=desk.clock.now(), **facts)
        session.add(run)
        session.flush()
        ids = select(Item.id).where(Item.ref.in_([T1, T2]), Item.bank_id == bank_id)
        session.execute(update(ItemVersion).where(ItemVersion.item_id.in_(ids)).values(import_run_id=run.id))
    reviewer = desk.staff("reviewer")
    assert desk.staff("author").post(f"/bank/{BANK}/bulk", data={"act": "approve"}).status_code == 403
    assert 'name="run" value="im-x"' in reviewer.get(f"/bank/{BANK}/import").text
    page, fields = preview(reviewer, act="approve", run="im-x")
    assert "抽查 2 题" in page
    post(reviewer, f"/bank/{BANK}/bulk/do", **fields)
    assert [look(desk.app, ref).version for ref in (T1, T2, T3)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"act": "submit"}, "没有选择试题", id="nothing chosen"),
        pytest.param(
            {"act": "difficulty", "item": [T1], "new_difficulty": "9"}, "难度不是", id="a difficulty of 9"
        ),
        pytest.param({"act": "point", "item": [T1], "new_point": "X-1"}, "没有鉴定点", id="no such point"),
        pytest.param({"act": "retire", "item": [T1], "note": "\u202e"}, "看不见", id="a note nobody sees"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_changes(
    desk: World, asked: dict[str, object], said: str
) -> None:
    author = desk.staff("author")
    assert said in author.get(post(author, f"/bank/{BANK}/bulk", **asked)).text
    assert look(desk.app, T1).state == ItemState.IN_REVIEW.value
    with desk.app.app_context(), reading() as session:
        assert session.scalar(select(func.max(ItemVersion.number))) == 1
