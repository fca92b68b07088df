"""The search in a bank: the index of grams that items are found by, the query, a page of results.

An item is found by every two neighbouring characters of its texts and of its headline's pinyin initials.
Two characters are a word in Chinese as often as not, and no dictionary knows the words of every trade.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    column,
    delete,
    event,
    false,
    func,
    insert,
    select,
    table,
    text,
    true,
)
from sqlalchemy.orm import Session

from cbt.http.form_values import page_of, whole_number
from cbt.items.markup import in_words
from cbt.items.models import Item, ItemSearch, ItemVersion, KnowledgePoint
from cbt.rules.items.content import ItemType
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import put_down_joined, reading
from cbt.storage.write_queue.change_set import Rows

LONGEST_HEADLINE = 60
MOST_GRAMS = 4000
"""Grams kept of one item: beyond a text of so many characters nobody looks for a sentence."""
_NO_TEXT = frozenset(
    {"type", "point", "difficulty", "consistency", "enemies", "picture", "size", "regions", "spots"}
)
_ENEMY = "敌"


def headline(data: Mapping[str, Any]) -> str:
    return str(data.get("title") or data.get("stem") or "")


def words_of(ref: str, data: Mapping[str, Any]) -> str:
    """Return what is kept of an item to find it by: grams with a space between them, and its enemies."""
    texts = [headline(data), initials(headline(data)), ref, *_texts(data)]
    grams = [gram for text in texts for run in _runs(text) for gram in _grams(run)]
    return " ".join([*grams[:MOST_GRAMS], *(enemy_word(enemy) for enemy in data.get("enemies", ()))])


def enemy_word(ref: str) -> str:
    """Return the word under which whoever names an item as an enemy is found."""
    return _ENEMY + hashlib.sha256(ref.encode()).hexdigest()[:16]


def asked(text: str) -> list[list[str]]:
    """Return what a search asks for: for each run of characters its grams, one alone for one character."""
    runs = list(_runs(text))
    return [[run] if len(run) == 1 else _grams(run)[:-1] for run in runs]


def initials(text: str) -> str:
    """Return the first letters of a text's pinyin; what is no Chinese stays as it is."""
    from pypinyin import Style, lazy_pinyin  # a dictionary of 50 MB: only who stores items needs it

    return "".join(lazy_pinyin(text[:LONGEST_HEADLINE], style=Style.FIRST_LETTER))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of an item but those of fields that hold none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _NO_TEXT:
                yield from _texts(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _texts(inner)


def _runs(text: str) -> Iterator[str]:
    """Yield the letters, digits and ideographs of a text that stand together, folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    spaced = "".join(one if one.isalnum() else " " for one in folded)
    yield from spaced.split()


def _grams(run: str) -> list[str]:
    """Return every two neighbours of a run, and its last character alone."""
    return [run[place : place + 2] for place in range(len(run))]


# The table to search by, kept in step with the items: whoever stores a version says so, the commit writes it.
#
# SQLite has a full-text index over it (`item_words`, made and kept by the migration's triggers), PostgreSQL
# one of its own kind. Both are asked for grams and know no language.

AT_ONCE = 200
"""Items that were not indexed when they were stored, so many in one run."""
PARCEL = 10
"""So many of them are put down together."""
_WORDS = (
    "INSERT INTO item_search (item_id, words) SELECT id, ? FROM item WHERE id = ? AND current = ? "
    "ON CONFLICT DO NOTHING"
)
"""What was stored meanwhile has words of its own."""
_NOTED = "cbt_search"
_CHUNK = 400


def note(session: Session, item: Item, content: str) -> None:
    """Have the commit of this unit of work keep what a version of an item is found by.

    What an import stores is indexed after it, by `index_all`.
    """
    if _NOTED not in session.info:
        session.info[_NOTED] = {}
        event.listen(session, "before_commit", _keep)
    noted: dict[int, str] = session.info[_NOTED]
    noted[item.id] = words_of(item.ref, json.loads(content))


def _keep(session: Session) -> None:
    noted: dict[int, str] = session.info[_NOTED]
    _write(session, dict(noted))
    noted.clear()


def _write(session: Session, contents: Mapping[int, str]) -> None:
    """Keep what items are found by; where that is the same as before, which costs the most is left out."""
    session.flush()
    indexed: dict[int, str] = {}
    for start in range(0, len(contents), _CHUNK):
        query = select(ItemSearch.item_id, ItemSearch.words)
        chosen = ItemSearch.item_id.in_(list(contents)[start : start + _CHUNK])
        indexed |= dict(session.execute(query.where(chosen)).all())
    ids = [one for one, words in contents.items() if indexed.get(one) != words]
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        session.execute(delete(ItemSearch).where(ItemSearch.item_id.in_(chunk)))
        session.execute(insert(ItemSearch), [{"item_id": one, "words": contents[one]} for one in chunk])


def index_waiting(*, now: datetime) -> int:
    """Index items that came by another way than a version stored here: an upgrade, an import; return how many."""
    return len(_index(0))


def index_all() -> None:
    """Index whatever waits."""
    after = 0
    while item_ids := _index(after):
        after = item_ids[-1]


def _index(after: int) -> list[int]:
    """Index some items after number `after` and return them."""
    with reading() as session:
        waiting = session.execute(
            select(Item.id, Item.ref, Item.current, ItemVersion.content)
            .join(ItemVersion, (ItemVersion.item_id == Item.id) & (ItemVersion.number == Item.current))
            .outerjoin(ItemSearch, ItemSearch.item_id == Item.id)
            .where(ItemSearch.item_id.is_(None), Item.id > after)
            .order_by(Item.id)
            .limit(AT_ONCE)
        ).all()
    for start in range(0, len(waiting), PARCEL):
        some = waiting[start : start + PARCEL]
        words = [(words_of(ref, json.loads(content)), key, current) for key, ref, current, content in some]
        put_down_joined(Rows(_WORDS, words), tries=3)
    return [row[0] for row in waiting]


PAGE_SIZE = 50
ALL_STATES = "all"
IN_USE = tuple(state.value for state in ItemState if state is not ItemState.RETIRED)
MINE, NOBODY = "me", "none"
"""What a filter of people says for who asks, and for nobody."""
_WORD_TABLE = table("item_words", column("rowid"))


@dataclass(frozen=True, slots=True)
class Search:
    """What an author looks for; empty values mean everything, of the states everything that is not retired.

    `author` and `reviewer` are actors, or NOBODY.
    """

    point: str = ""
    text: str = ""
    type: str = ""
    difficulty: int | None = None
    state: str = ""
    author: str = ""
    reviewer: str = ""
    page: int = 1

    @property
    def everything(self) -> bool:
        filters = (self.point, self.text, self.type, self.state, self.author, self.reviewer)
        return not any(filters) and self.difficulty is None


def matching(session: Session, bank_id: int, search: Search) -> ColumnElement[bool]:
    where = filtered(bank_id, search)
    return and_(where, found_by(session, asked(search.text))) if search.text else where


def filtered(bank_id: int, search: Search) -> ColumnElement[bool]:
    """Return what a search asks for beside words."""
    where: list[ColumnElement[bool]] = [Item.bank_id == bank_id]
    if search.point:
        where.append(Item.point.startswith(search.point, autoescape=True))
    if search.state and search.state != ALL_STATES:
        where.append(Item.state == search.state)
    elif not search.state:
        where.append(Item.state.in_(IN_USE))
    for name in ("type", "difficulty", "author"):
        if value := getattr(search, name):
            where.append(getattr(Item, name) == value)
    if search.reviewer:
        where.append(Item.reviewer == ("" if search.reviewer == NOBODY else search.reviewer))
    return and_(*where)


def naming(session: Session, ref: str) -> ColumnElement[bool]:
    return found_by(session, [[enemy_word(ref)]])


def found_by(session: Session, runs: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """Return the condition on items in whose texts every run of grams stands."""
    if not runs:
        return false()
    if _on_postgresql(session):
        return Item.id.in_(select(ItemSearch.item_id).where(_lexemes(runs)))
    words = " AND ".join(_phrase(run) for run in runs)
    return Item.id.in_(
        select(_WORD_TABLE.c.rowid).where(text("item_words MATCH :words").bindparams(words=words))
    )


@contextmanager
def by_index(session: Session) -> Iterator[None]:
    """Have PostgreSQL look things up within the block, however many rows of a table it thinks it will need."""
    if not _on_postgresql(session):
        yield
        return
    session.execute(select(func.set_config("enable_seqscan", "off", True)))
    yield
    session.execute(select(func.set_config("enable_seqscan", "on", True)))


def found_first(
    session: Session, where: ColumnElement[bool], runs: Sequence[Sequence[str]], most: int
) -> list[tuple[str, str, int]]:
    """Return (point, ref, number) of up to `most` items in whose texts every run stands, in no order.

    PostgreSQL is made to find them by the index of words and then to hold them against the rest: where most items
    have a word, it would go through all of them. What it costs to fetch the words of each, which lie outside the
    rows, is not in its sum.
    """
    query = select(Item.point, Item.ref, Item.id).where(where).limit(most)
    if not runs or not _on_postgresql(session):
        return [(*row,) for row in session.execute(query.where(found_by(session, runs)))]
    apart = select(ItemSearch.item_id).where(_lexemes(runs)).offset(0).subquery()
    with by_index(session):
        return [(*row,) for row in session.execute(query.join(apart, apart.c.item_id == Item.id))]


def seen_in(session: Session, runs: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """Return the same condition for who walks items in their order and looks at each: where many are found.

    PostgreSQL would find them all and sort them otherwise.
    """
    if not runs or not _on_postgresql(session):
        return found_by(session, runs)
    held = select(_lexemes(runs)).where(ItemSearch.item_id == Item.id).correlate(Item).scalar_subquery()
    return held.is_(true())


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def _phrase(run: Sequence[str]) -> str:
    """Return a run as SQLite's full-text index wants it; grams are letters and digits, so they need no escape."""
    return f'"{" ".join(run)}"' + (" *" if len(run[0]) == 1 else "")


def _lexemes(runs: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """The index knows which grams an item has; that those of a run stand side by side is seen in its words."""
    grams = [f"'{gram}'" + (":*" if len(gram) == 1 else "") for run in runs for gram in run]
    has = text("item_search.item_words @@ CAST(:words AS tsquery)").bindparams(words=" & ".join(grams))
    side_by_side = [ItemSearch.words.contains(" ".join(run)) for run in runs if len(run) > 1]
    return and_(has, *side_by_side)


LONGEST_QUERY = 100
SEARCHED = ("point", "text", "type", "difficulty", "state", "author", "reviewer")
"""What of an address goes on to the next page of a search; the rest of it could steer how that is built."""


@dataclass(frozen=True, slots=True)
class SearchSent:
    """A search, and the fields that say it again."""

    search: Search
    kept: dict[str, Any]


def asked_for(sent: Mapping[str, str], me: str) -> SearchSent:
    """Read a search by `me`; what makes no sense there means everything."""
    kind, state = sent.get("type", ""), sent.get("state", "")
    difficulty = whole_number(sent.get("difficulty", ""), most=5)
    search = Search(
        point=sent.get("point", "").strip()[:20],
        text=sent.get("text", "").strip()[:LONGEST_QUERY],
        type=kind if kind in list(ItemType) else "",
        difficulty=difficulty or None,
        state=state if state in [*ItemState, ALL_STATES] else "",
        author=_person(sent.get("author", ""), me),
        reviewer=_person(sent.get("reviewer", ""), me),
        page=page_of(sent),
    )
    return SearchSent(search, {name: sent[name] for name in SEARCHED if sent.get(name)})


def _person(sent: str, me: str) -> str:
    """Return the actor somebody means: themselves, nobody, or an actor by its name."""
    if sent == MINE:
        return me
    return sent[:80] if sent == NOBODY or sent == "cli" or sent.startswith("staff:") else ""


MOST_COUNTED = 2000
"""Who finds more by a word asks for another word."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One item in the table of a bank."""

    ref: str
    type: str
    point: str
    point_name: str
    difficulty: int
    state: str
    version: int
    current: int
    author: str
    reviewer: str
    text: str


def search_items(session: Session, bank_id: int, search: Search) -> tuple[list[ItemLine], int]:
    """Return one page of the items that match, by point and ref, and how many match in all.

    Of what a text finds no more are counted than MOST_COUNTED and one.
    """
    where = filtered(bank_id, search)
    start = (search.page - 1) * PAGE_SIZE
    if search.text:
        runs = asked(search.text)
        rows = found_first(session, where, runs, MOST_COUNTED + 1)
        if len(rows) <= MOST_COUNTED:
            ids = [key for _point, _ref, key in sorted(rows)[start : start + PAGE_SIZE]]
            return lines_of(session, ids), len(rows)
        total = len(rows)
        where = and_(where, seen_in(session, runs))
    else:
        total = session.scalar(select(func.count()).select_from(Item).where(where)) or 0
        if not total:
            return [], 0
    page = select(Item.id).where(where).order_by(Item.point, Item.ref).limit(PAGE_SIZE).offset(start)
    with by_index(session):  # the last page of many would be sorted for otherwise
        shown = session.scalars(page).all()
    return lines_of(session, shown), total


def lines_of(session: Session, ids: Sequence[int]) -> list[ItemLine]:
    """Return items as lines, by point and ref."""
    if not ids:
        return []
    rows = session.execute(
        select(Item, ItemVersion.content, KnowledgePoint.name)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .outerjoin(
            KnowledgePoint, and_(KnowledgePoint.bank_id == Item.bank_id, KnowledgePoint.code == Item.point)
        )
        .where(Item.id.in_(ids))
        .order_by(Item.point, Item.ref)
    )
    return [
        ItemLine(
            ref=item.ref,
            type=item.type,
            point=item.point,
            point_name=name or "",
            difficulty=item.difficulty,
            state=item.state,
            version=item.version,
            current=item.current,
            author=item.author,
            reviewer=item.reviewer,
            text=in_words(headline(json.loads(content))),
        )
        for item, content, name in rows
    ]


def named_by(session: Session, bank_id: int, ref: str) -> list[str]:
    query = select(Item.ref).where(Item.bank_id == bank_id, naming(session, ref)).order_by(Item.ref)
    return list(session.scalars(query))


def headlines(session: Session, bank_id: int, refs: Sequence[str]) -> dict[str, str]:
    rows = session.execute(
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(Item.bank_id == bank_id, Item.ref.in_(set(refs)))
    )
    return {ref: in_words(headline(json.loads(content))) for ref, content in rows}
