"""What an author looks for, and the condition that says it to either database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, column, false, func, select, table, text, true
from sqlalchemy.orm import Session

from cbt.bank.models import Item, ItemSearch
from cbt.bank.search.words import asked, enemy_word
from cbt.rules.states.item import ItemState

PAGE_SIZE = 50
ALL_STATES = "all"
IN_USE = tuple(state.value for state in ItemState if state is not ItemState.RETIRED)
MINE, NOBODY = "me", "none"
"""What a filter of people says for who asks, and for nobody."""
_WORDS = table("item_words", column("rowid"))


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
        """Whether nothing in particular is looked for."""
        said = (self.point, self.text, self.type, self.state, self.author, self.reviewer)
        return not any(said) and self.difficulty is None


def matching(session: Session, bank_id: int, search: Search) -> ColumnElement[bool]:
    """Return the condition on items that a search of one bank puts."""
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
    """Return the condition on items that name `ref` as an enemy."""
    return found_by(session, [[enemy_word(ref)]])


def found_by(session: Session, runs: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """Return the condition on items in whose texts every run of grams stands."""
    if not runs:
        return false()
    if _on_postgresql(session):
        return Item.id.in_(select(ItemSearch.item_id).where(_lexemes(runs)))
    words = " AND ".join(_phrase(run) for run in runs)
    return Item.id.in_(select(_WORDS.c.rowid).where(text("item_words MATCH :words").bindparams(words=words)))


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
