"""A search as an address or a form says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cbt.bank.search.asking import ALL_STATES, MINE, NOBODY, Search
from cbt.rules.items.values import ItemType
from cbt.rules.states.item import ItemState
from cbt.web.texts import page_of, whole_number

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
