"""What an author looks for, and the condition that says it to either database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, column, false, func, select, table, text
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
    if search.text:
        where.append(found_by(session, asked(search.text)))
    return and_(*where)


def naming(session: Session, ref: str) -> ColumnElement[bool]:
    """Return the condition on items that name `ref` as an enemy."""
    return found_by(session, [[enemy_word(ref)]])


def found_by(session: Session, runs: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """Return the condition on items in whose texts every run of grams stands."""
    if not runs:
        return false()
    if session.get_bind().dialect.name == "postgresql":
        return Item.id.in_(_on_postgresql(runs))
    words = " AND ".join(_phrase(run) for run in runs)
    return Item.id.in_(select(_WORDS.c.rowid).where(text("item_words MATCH :words").bindparams(words=words)))


def _phrase(run: Sequence[str]) -> str:
    """Return a run as SQLite's full-text index wants it; grams are letters and digits, so they need no escape."""
    return f'"{" ".join(run)}"' + (" *" if len(run[0]) == 1 else "")


def _on_postgresql(runs: Sequence[Sequence[str]]) -> Select[int]:
    """The index knows which grams an item has; that those of a run stand side by side is seen in its words."""
    grams = [f"'{gram}'" + (":*" if len(gram) == 1 else "") for run in runs for gram in run]
    has = func.array_to_tsvector(func.string_to_array(ItemSearch.words, text("' '"))).op("@@")(
        text("CAST(:words AS tsquery)").bindparams(words=" & ".join(grams))
    )
    side_by_side = [ItemSearch.words.contains(" ".join(run)) for run in runs if len(run) > 1]
    return select(ItemSearch.item_id).where(has, *side_by_side)
