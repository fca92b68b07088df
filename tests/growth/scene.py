"""A small exam and the same one grown to thousands of people, and what each page of staff costs in either."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, event, func, select, text

from cbt.candidates.models import Registration
from cbt.sittings.models import Sitting
from cbt.storage.engine import WRITE
from cbt.storage.types import db
from tests.attacks.stages import Endpoint, Stage, endpoints
from tests.growth import grown
from tests.helpers import count_queries
from tests.world import World

SEATS_MORE = 4
"""Thirty-five people in two rooms: the small exam."""
ROOMS_MORE = 43
"""With twice as many in each room, three thousand in 88 rooms."""
LISTS: Mapping[tuple[str, ...], tuple[int, tuple[str, ...]]] = {
    grown.BATCHES: (60, ()),
    grown.SITTINGS: (20, ()),
    grown.STAFF: (50, ("room_staff",)),
    grown.CENTRES: (100, ("room", "sitting")),
    grown.BLUEPRINTS: (10, ("form", "registration", "batch_level", "withdrawal")),
    grown.REASONS: (50, ()),
    grown.LOG: (80, ()),
    grown.ITEMS: (4, ()),
}
"""What else becomes more, how many times, and what hangs on it and does not."""
PREFERRED = ("officer", "author", "chief_proctor", "reviewer", "admin", "inspector", "proctor")
_DRAWN = re.compile(rb"<(?:tr|li|option|form)\b")


@dataclass(frozen=True, slots=True)
class PageCost:
    """What one answer took: statements, rows read of them, lines and choices drawn."""

    status: int
    queries: int
    rows: int
    drawn: int


def pages_of_staff() -> list[Endpoint]:
    """Return every page that staff are shown, whatever it is: the map of addresses says which."""
    return [one for one in endpoints() if one.method == "GET" and one.access.kind == "staff"]


def asker_of(endpoint: Endpoint) -> str:
    """Return somebody who may see a page."""
    roles = {role.value for role in endpoint.access.roles}
    return next((one for one in PREFERRED if one in roles), "officer")


def cost_of(stage: Stage, endpoint: Endpoint) -> PageCost:
    """Ask for a page as somebody who may, and count."""
    client, url = stage.client(asker_of(endpoint)), stage.url(endpoint)
    with count_queries(stage.app, here=True) as asked, count_rows(stage) as read:
        reply = client.get(url, headers={"Accept": "text/html"})
    return PageCost(reply.status_code, len(asked), len(read), len(_DRAWN.findall(reply.get_data())))


@contextmanager
def count_rows(stage: Stage | World) -> Iterator[list[None]]:
    """Collect a mark for each row that this thread fetches: what another works out is none of the page."""
    seen: list[None] = []
    here = threading.get_ident()

    def watch(connection: sqlite3.Connection, *_rest: object) -> None:
        if threading.get_ident() != here:
            return
        connection.row_factory = lambda _cursor, row: seen.append(None) or row  # type: ignore[func-returns-value]

    def leave(connection: sqlite3.Connection, *_rest: object) -> None:
        connection.row_factory = None

    with stage.app.app_context():
        pool = db.engine.pool
    event.listen(pool, "checkout", watch)
    event.listen(pool, "checkin", leave)
    try:
        yield seen
    finally:
        event.remove(pool, "checkout", watch)
        event.remove(pool, "checkin", leave)


def begin_small(stage: Stage) -> grown.Heights:
    """Have thirty-five people in the stage's two rooms; return where the tables end."""
    with writing(stage) as connection:
        connection.execute(text("UPDATE room SET plan = ''"))  # a drawn plan names its seats
        grown.grow(connection, grown.IN_A_ROOM, SEATS_MORE, below=grown.heights(connection))
        return grown.heights(connection)


def make_large(stage: Stage, small: grown.Heights) -> int:
    """Have three thousand people in the same sitting, and more of everything else; return how many they are."""
    with writing(stage) as connection:
        grown.grow(connection, grown.IN_A_ROOM, 1, below=small)
        grown.grow(connection, grown.ROOMS, ROOMS_MORE, below=grown.heights(connection))
        for roots, (times, without) in LISTS.items():
            grown.grow(connection, roots, times, below=small, without=without)
        people = (
            select(func.count())
            .select_from(Registration)
            .join(Sitting, Sitting.id == Registration.sitting_id)
        )
        return connection.scalar(people.where(Sitting.ref == stage.world.sitting_ref)) or 0


def grow_more(stage: Stage, roots: tuple[str, ...], times: int) -> None:
    """Have all there is of the tables `roots` `times` times more."""
    with writing(stage) as connection:
        grown.grow(connection, roots, times, below=grown.heights(connection))


@contextmanager
def writing(stage: Stage) -> Iterator[Connection]:
    """Lend a connection that writes to the stage's database."""
    with stage.app.app_context(), db.engine.execution_options(**{WRITE: True}).begin() as connection:
        yield connection
