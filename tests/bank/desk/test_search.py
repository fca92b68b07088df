"""A search finds words of two characters, initials and people, on either database, and asks for no whole bank."""

from __future__ import annotations

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text

from cbt.bank import search, store
from cbt.bank.catalogue import tree_of
from cbt.bank.search import NOBODY, Search, asked, found_by, index_waiting, named_by, search_items, words_of
from cbt.items.models import Item, ItemSearch, ItemVersion
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.desk.people import BANK, NOW, make_items, write
from tests.bank.drafts import TAXONOMY

LI, WANG = "staff:st-li", "staff:st-wang"
STEMS = {
    "A-A-A-001-T1": "网点停电时，大堂经理应当安抚客户。",
    "A-A-A-001-T2": "客户致电 CRM 中心，重庆银行的接待员应答。",
    "A-A-A-001-T3": "停下手里的事，电话响三声内接起。",
}


def found(app: flask.Flask, **asked_for: object) -> list[str]:
    with app.app_context(), reading() as session:
        bank = store.bank_by_ref(session, BANK)
        lines, total = search_items(session, bank.id, Search(**asked_for))  # type: ignore[arg-type]
    assert total == len(lines)
    return [line.ref[-2:] for line in lines]


@pytest.fixture
def stocked(app: flask.Flask) -> flask.Flask:
    """Return an app with a bank of three items."""
    make_items(app, 3, LI, ItemState.DRAFT)
    with app.app_context(), unit_of_work() as session:
        for item in session.scalars(select(Item)):
            more = {"enemies": ["A-A-A-001-T2"]} if item.ref.endswith("3") else {}
            writer = WANG if item.ref.endswith("3") else LI
            write(session, item, writer, ItemState.DRAFT, stem=STEMS[item.ref], **more)
            item.reviewer = WANG if item.ref.endswith("1") else ""
    return app


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        pytest.param("停电", ["T1"], id="a word of two"),
        pytest.param("停", ["T1", "T3"], id="one character"),
        pytest.param("事", ["T3"], id="the last one of a run"),
        pytest.param("客户", ["T1", "T2"], id="in two items"),
        pytest.param("客户 停电", ["T1"], id="two words, both"),
        pytest.param("大堂经理", ["T1"], id="a longer word"),
        pytest.param("停事电", [], id="characters that do not stand together"),
        pytest.param("理经堂", [], id="the wrong way round"),
        pytest.param("ｃＲｍ", ["T2"], id="full width and small"),
        pytest.param("cqyh", ["T2"], id="initials, of words with two readings"),
        pytest.param("wdtd", ["T1"], id="initials at the beginning"),
        pytest.param("T3", ["T3"], id="a ref"),
        pytest.param("如实介绍是", ["T1", "T2", "T3"], id="an explanation"),
        pytest.param("%", [], id="a wildcard"),
        pytest.param("'\" OR *", [], id="what would be a query"),
    ],
)
def test_a_text_is_found_by_its_words(stocked: flask.Flask, text: str, refs: list[str]) -> None:
    assert found(stocked, text=text) == refs


def test_items_are_found_by_state_and_people(stocked: flask.Flask) -> None:
    assert found(stocked, author=WANG) == ["T3"]
    assert found(stocked, reviewer=WANG) == ["T1"]
    assert found(stocked, reviewer=NOBODY, author=LI) == ["T2"]
    assert found(stocked, state="reviewed") == []
    assert found(stocked, point="A-A-A-001", type="true_false", difficulty=3) == ["T1", "T2", "T3"]


def test_more_than_are_counted_come_in_their_order_and_leave_the_database_as_it_was(
    stocked: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_COUNTED", 1)
    assert found(stocked, text="客户", point="A-A", state="draft") == ["T1", "T2"]
    assert found(stocked, text="客户 停电", point="A-A", state="draft") == ["T1"]
    assert found(stocked, text="客户", point="A-B") == []
    with stocked.app_context(), reading() as session:
        search_items(session, store.bank_by_ref(session, BANK).id, Search(text="客户"))
        if session.get_bind().dialect.name == "postgresql":
            assert session.scalar(text("SHOW enable_seqscan")) == "on"


def test_who_names_an_item_as_an_enemy_is_found_from_its_side(stocked: flask.Flask) -> None:
    with stocked.app_context(), reading() as session:
        bank = store.bank_by_ref(session, BANK)
        assert named_by(session, bank.id, "A-A-A-001-T2") == ["A-A-A-001-T3"]
        assert named_by(session, bank.id, "A-A-A-001-T1") == []


def test_what_was_stored_before_there_was_an_index_is_indexed_later(stocked: flask.Flask) -> None:
    with stocked.app_context():
        with unit_of_work() as session:
            session.execute(delete(ItemSearch))
        assert found(stocked, text="停电") == []
        assert index_waiting(now=NOW) == 3
        assert index_waiting(now=NOW) == 0
    assert found(stocked, text="停电") == ["T1"]


def test_an_item_that_is_taken_away_is_found_no_more(stocked: flask.Flask) -> None:
    with stocked.app_context():
        with unit_of_work() as session:
            gone = session.scalars(select(Item.id).where(Item.ref == "A-A-A-001-T1")).one()
            session.execute(delete(ItemVersion).where(ItemVersion.item_id == gone))
            session.execute(delete(Item).where(Item.id == gone))
        with reading() as session:
            words = select(func.count()).select_from(Item).where(found_by(session, asked("停电")))
            assert session.scalar(words) == 0
    assert found(stocked, text="停") == ["T3"]


def test_the_tree_sums_what_hangs_below() -> None:
    top = tree_of(TAXONOMY, {"A-A-A-001": 3, "A-A-A-014": 1, "gone": 9})
    assert [(one.code, one.count) for one in top] == [("A", 4)]
    points = top[0].below[0].below[0].below
    assert [(one.code, one.importance, one.count) for one in points] == [
        ("A-A-A-001", "X", 3),
        ("A-A-A-002", "Y", 0),
        ("A-A-A-014", "Z", 1),
    ]


@given(st.text(max_size=40), st.text(max_size=12))
def test_grams_are_safe_to_hand_to_a_database(stem: str, query: str) -> None:
    words = words_of("R-1", {"type": "true_false", "stem": stem})
    assert "  " not in words
    assert words == words.strip()
    assert all(gram and gram.isalnum() for gram in words.split(" "))
    for run in asked(query):
        assert run
        assert all(gram.isalnum() for gram in run)


@given(st.text(alphabet="客户停电网点ab1 ，", max_size=30), st.data())
def test_whatever_stands_in_a_text_is_found(stem: str, data: st.DataObject) -> None:
    words = words_of("R-1", {"stem": stem})
    start = data.draw(st.integers(0, len(stem)))
    part = stem[start : start + data.draw(st.integers(0, 6))]
    for run in asked(part):
        assert (
            " ".join(run) in words if len(run) > 1 else any(one.startswith(run[0]) for one in words.split())
        )
