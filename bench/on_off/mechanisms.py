"""The registry: mechanisms that are there for speed, and how each is taken out of the product that is served.

The product has no such switches: whoever serves it for the bench (bench/servers/off.py) puts something else in the
place of a name, as the version before the mechanism had it. A name that is not there any more is an error, so a
mechanism that was renamed is noticed (tests/bench/test_on_off.py).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flask
from sqlalchemy.orm import Session

from cbt.http.server.hot_addresses import door_at
from cbt.http.server.lanes import Lane, LaneOf, lane_of
from cbt.http.static import Assets
from cbt.proctoring.board.parts import Sheet
from cbt.runner.views import ENTRY
from cbt.storage.types import db

LEAST_LINES = 150
"""A mechanism whose going would spare fewer lines needs no switch."""


@dataclass(frozen=True, slots=True)
class Swap:
    """What stands at a name of the product while a mechanism is out.

    `name` is one of `module`, or of a class there (`Class.name`); `everywhere`: also in the modules of the product
    that imported it.
    """

    module: str
    name: str
    value: Any
    everywhere: bool = False

    def place(self) -> tuple[object, str]:
        """Return whose attribute it is, and what it is called there; raise AttributeError where nothing is."""
        owner: object = importlib.import_module(self.module)
        *classes, name = self.name.split(".")
        for one in classes:
            owner = getattr(owner, one)
        getattr(owner, name)
        return owner, name

    def put_in(self) -> None:
        """Put it in its place, unless it is there."""
        owner, name = self.place()
        former = getattr(owner, name)
        if former is self.value:
            return
        setattr(owner, name, self.value)
        if self.everywhere:
            for module in [one for called, one in sys.modules.items() if called.startswith("cbt.")]:
                for called in [called for called, value in vars(module).items() if value is former]:
                    setattr(module, called, self.value)


def _as_it_is(_app: flask.Flask) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A mechanism, or a part of one that can go by itself."""

    name: str
    record: int
    """Its number in docs/decisions."""
    title: str
    lines: int
    """About so many lines of cbt/ would go with it."""
    rows: tuple[str, ...] = ()
    """What people feel of it (loads.py)."""
    off: str = ""
    """What is there in its place, where there is a switch."""
    swaps: tuple[Swap, ...] = ()
    after: Callable[[flask.Flask], None] = _as_it_is
    """What is done to the app of each server process once it is made."""
    writes_itself: bool = False
    """Whether no process owns the writing while it is out."""
    why_not: str = ""
    """Why there is no switch, where there is none."""


def _no(*_args: Any, **_options: Any) -> bool:
    return False


def _nothing(*_args: Any, **_options: Any) -> None:
    return None


def _one_pool(app: flask.Flask) -> LaneOf:
    """Return lanes of which all that threads answer are one; what waits for a commit goes on as it does."""
    lanes = lane_of(app)

    def lane(method: str, path: str) -> Lane:
        return Lane.COMMIT if lanes(method, path) is Lane.COMMIT else Lane.REST

    return lane


@contextmanager
def _no_code(*_args: Any, **_options: Any) -> Iterator[None]:
    yield


_url = Assets.url


def _url_of_parts(assets: Assets, name: str) -> str:
    """Return the address of a file, of the script's first module instead of that of the joined one."""
    return _url(assets, ENTRY if name.endswith(".joined.js") else name)


def _asked_by_session(select: Any, session: Session, **values: object) -> list[Any]:
    session.flush()
    return list(session.execute(select._statement, values).all())


def _asked_anew(select: Any, *_cursor: Any, **values: object) -> list[Any]:
    with Session(db.engine) as session:
        return list(session.execute(select._statement, values).all())


def _by_views(app: flask.Flask) -> None:
    door = door_at(app)
    door.off = door.addresses


def _boards_by_view(app: flask.Flask) -> None:
    door_at(app).off = ("proctoring.live",)


_BY_ITSELF = Swap("cbt.storage.write_queue.writer_client", "can_share", _no, everywhere=True)

MECHANISMS: tuple[Mechanism, ...] = (
    Mechanism(
        "overload",
        1,
        "Early refusal",
        300,
        why_not="for a fault: row `after_a_stall` was measured on and off",
    ),
    Mechanism(
        "group_commit",
        2,
        "Group commit, and the process that writes",
        1070,
        rows=("save", "start", "submit"),
        off="each request has a COMMIT of its own, carried out by the process that it came to",
        swaps=(_BY_ITSELF, Swap("cbt.storage.write_queue.group_commit", "MAX_BATCH", 1)),
        writes_itself=True,
    ),
    Mechanism(
        "writing_process",
        2,
        "The process that writes, and its lines",
        770,
        rows=("save", "start", "submit"),
        off="each server process commits its own batches, as on PostgreSQL and Windows",
        swaps=(_BY_ITSELF,),
        writes_itself=True,
    ),
    Mechanism(
        "deferred_responses",
        3,
        "Deferred responses",
        230,
        rows=("save", "start", "submit", "page"),
        off="nothing is promised: a thread waits with each request",
        swaps=(
            Swap("cbt.http.server.lanes", "is_promised", _no),
            Swap("cbt.http.server.front", "PROMISES", "bench.nothing_is_promised"),
        ),
    ),
    Mechanism(
        "lanes",
        4,
        "Lanes",
        310,
        rows=("save_beside_staff", "page_beside_staff"),
        off="one pool of threads for everybody; what waits for a commit is asked by the loop as ever",
        swaps=(Swap("cbt.ops.worker", "lane_of", _one_pool),),
    ),
    Mechanism(
        "parked_requests",
        5,
        "Parked requests",
        420,
        rows=("hall",),
        off="no request waits: pages ask every two seconds",
        swaps=(
            Swap("cbt.http.server.deferred", "Parking.has_room", property(_no)),
            Swap("cbt.http.server.deferred", "Parking.take", _no),
        ),
    ),
    Mechanism(
        "packed_papers",
        6,
        "Packed papers",
        320,
        rows=("start",),
        off="each paper is joined and packed when it is started",
        swaps=(Swap("cbt.runner.paper.content", "PackedReader.find_all", lambda *_args, **_options: {}),),
    ),
    Mechanism(
        "page_shells",
        7,
        "Page shells",
        230,
        rows=("page",),
        off="the answer page is drawn and packed for each who asks",
        swaps=(Swap("cbt.runner.paper.page", "Shells.of", lambda shells, kind: shells._make(kind)),),
    ),
    Mechanism(
        "kept_boards",
        8,
        "Kept boards",
        850,
        rows=("board", "save_beside_boards"),
        off="each poll reads a room anew, draws each seat and sends the whole board, by its view",
        swaps=(
            Swap("cbt.proctoring.board.open_rooms", "OpenRooms._keep", _nothing),
            Swap("cbt.proctoring.board.parts", "Sheets.of", lambda _sheets, _way: Sheet()),
            Swap(
                "cbt.proctoring.board.parts",
                "DrawnKinds.drawn",
                lambda _drawn, kinds, _way, draw: list(draw(kinds)),
            ),
        ),
        after=_boards_by_view,
    ),
    Mechanism(
        "prepared_statements",
        9,
        "Prepared statements",
        360,
        rows=("staff_page", "sign_in"),
        off="selects are asked through SQLAlchemy's session each time; boards' own, which compare rows, stay",
        swaps=(
            Swap("cbt.storage.prepared", "PreparedSelect.rows", _asked_by_session),
            Swap("cbt.storage.prepared", "PreparedSelect.at", _asked_anew),
            Swap("cbt.storage.prepared", "PreparedSelect.read", _asked_anew),
        ),
    ),
    Mechanism(
        "prewarm",
        10,
        "Prewarming",
        180,
        rows=("first_board",),
        off="whoever asks first waits until it is worked out",
        swaps=(Swap("cbt.ops.worker", "warm_up", _no),),
    ),
    Mechanism(
        "forked_children",
        11,
        "Forked children",
        90,
        why_not="the fork itself spares nothing: what would go is what makes forks safe, below 150 lines",
    ),
    Mechanism(
        "short_turns",
        12,
        "Short turns",
        10,
        rows=("save_beside_staff", "page_beside_staff"),
        off="Python's own switch interval, 5 ms",
        swaps=(Swap("cbt.ops.worker", "take_short_turns", _nothing),),
    ),
    Mechanism(
        "connection_sharing",
        13,
        "Connections shared anew",
        85,
        why_not="below 150 lines, and for a process that dies in a full hall",
    ),
    Mechanism(
        "joined_scripts",
        14,
        "Joined scripts",
        190,
        rows=("first_item", "files"),
        off="a browser loads the answer page's modules one by one; sheets stay joined",
        swaps=(Swap("cbt.http.static", "Assets.url", _url_of_parts),),
    ),
    Mechanism("file_guard", 15, "File guard", 1540, why_not="no speed: docs/torture.md shows what it is for"),
    Mechanism("second_copy", 16, "Second copy", 840, why_not="no speed; where it is not set it is not there"),
    Mechanism(
        "parcels",
        17,
        "Parcels",
        430,
        rows=("sign_in", "save_beside_sign_ins"),
        off="each has a transaction of its own, as on PostgreSQL; first scores still go along",
        swaps=(Swap("cbt.storage.write_queue.change_set", "one_writes", _no, everywhere=True),),
    ),
    Mechanism(
        "waiting_hall",
        18,
        "The waiting hall in memory",
        330,
        rows=("wait_poll",),
        off="each question reads who waits and what their room does",
        swaps=(
            Swap(
                "cbt.runner.waiting.handler",
                "WaitHandler._known",
                lambda handler, login: handler._read(login),
            ),
        ),
    ),
    Mechanism(
        "kept_results",
        19,
        "Kept pages of results",
        175,
        rows=("shown_list", "own_results"),
        off="each page is drawn for whoever asks",
        swaps=(
            Swap("cbt.http.page_cache", "PageCache.find", _nothing),
            Swap("cbt.http.page_cache", "PageCache.drawn", lambda _cache, _key, _version, draw: draw()),
        ),
    ),
    Mechanism(
        "request_bodies",
        20,
        "Requests read whole by a loop",
        1200,
        why_not="in its place would be another server; R-21 asks for the instant at which a request was whole",
    ),
    Mechanism(
        "scoring_gives_way",
        21,
        "Scoring gives way",
        60,
        rows=("save_beside_scoring",),
        off="closed papers are scored as fast as it goes",
        swaps=(Swap("cbt.scoring.service", "somebody_waits", _no),),
    ),
    Mechanism("three_workers", 22, "Three workers", 0, why_not="a setting (`CBT_WORKERS`), no lines"),
    Mechanism("foreign_files", 23, "Children for foreign files", 0, why_not="no speed"),
    Mechanism("foreign_keys", 24, "Destruction by foreign keys", 0, why_not="no speed"),
    Mechanism("look_up_keys", 25, "Look-ups without a list", 0, why_not="no speed"),
    Mechanism(
        "hot_addresses",
        26,
        "Hot addresses at the door",
        430,
        rows=("save", "page", "wait_poll", "own_results"),
        off="every address is answered by its Flask view; what waits for a commit is promised as at the door",
        after=_by_views,
    ),
)
BESIDE: tuple[Swap, ...] = (
    Swap("cbt.ops.job_worker", "BEGUN_AFTER_SECONDS", 3600.0),
    Swap("cbt.ops.serve", "code_given", _no_code),
)
"""What a server begins some seconds after its start, beside whatever is measured then: no process for jobs, and no
code of templates for processes to come."""
BY_NAME: Mapping[str, Mechanism] = {one.name: one for one in MECHANISMS}
MEASURED: Sequence[Mechanism] = [one for one in MECHANISMS if not one.why_not]


def take_out(names: Sequence[str]) -> None:
    """Take mechanisms out of this process, and of those that are forked from it, and what is begun beside."""
    for swap in (*BESIDE, *(swap for name in names for swap in BY_NAME[name].swaps)):
        swap.put_in()


def tend(app: flask.Flask, names: Sequence[str]) -> None:
    """Do to an app what has to be done once it is made."""
    for name in names:
        BY_NAME[name].after(app)
