"""What the pages of 考后材料 show: a room's papers with what each lacks, the rooms of a sitting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.audit import flood_limit
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.printing.fonts import lacking
from cbt.proctoring.record.papers import PAPERS
from cbt.proctoring.record.room_record import RoomRecord, read_record
from cbt.proctoring.store import counts_of_rooms
from cbt.rules.states.sitting import SittingState
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import RoomView, room_view_for, rooms_of_sitting, sitting_by_ref
from cbt.storage.unit_of_work import reading, unit_of_work

FINAL = frozenset({SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED, SittingState.ABORTED})


@dataclass(frozen=True, slots=True)
class ListedPaper:
    """A document in the list: how many lines it has, and what it lacks to be final ("" for nothing)."""

    name: str
    lines: int
    lacks: str


@dataclass(frozen=True, slots=True)
class RoomPapers:
    """The papers of one room."""

    view: RoomView
    record: RoomRecord
    papers: tuple[ListedPaper, ...]
    unprintable: tuple[tuple[str, str], ...]
    """(text, the characters of it that the fonts lack)"""


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room of a sitting in the list: who was expected and who is absent, whether its papers are final."""

    view: RoomView
    expected: int
    absent: int
    final: bool


@dataclass(frozen=True, slots=True)
class SittingPapers:
    """The rooms of a sitting whose papers are to be collected."""

    sitting: Sitting
    batch: Batch
    rooms: tuple[RoomState, ...]

    @property
    def over(self) -> bool:
        """Whether the whole sitting is behind us and has results."""
        return self.sitting.state in {SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED}


def record_of(session: Session, room_ref: str, principal: Principal, *, now: datetime) -> RoomRecord:
    """Return what the papers of a room say that this person may see; raise NotFound otherwise. Source: R-62."""
    return read_record(session, room_view_for(session, room_ref, principal), now=now)


def room_papers(room_ref: str, principal: Principal, *, now: datetime) -> RoomPapers:
    """Return the list of a room's papers; raise NotFound for a room this person may not see."""
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        record = read_record(session, view, now=now)
    papers = tuple(ListedPaper(name, one.lines(record), _lacks(name, record)) for name, one in PAPERS.items())
    return RoomPapers(view, record, papers, tuple(_unprintable(record)))


def _lacks(name: str, record: RoomRecord) -> str:
    """Return what a document waits for, in words, the first thing first."""
    if record.draft:
        open_ = record.ending.balance.difference
        return str(_("record.lacks.open", count=open_) if open_ else _("record.lacks.not_ended"))
    if name == "changes" and record.undecided:
        return str(_("record.lacks.undecided", count=record.undecided))
    return ""


def _unprintable(record: RoomRecord) -> Iterator[tuple[str, str]]:
    head = record.board.head
    texts = [record.batch, head.sitting_name, head.room_name, head.centre_name]
    texts += [seat.name for seat in record.board.seats] + [name for name, _duty in record.staff]
    texts += [value for line in record.lines for _name, value in line.params]
    for text in dict.fromkeys(texts):
        if missing := lacking(text):
            yield text, missing


def sitting_papers(ref: str) -> SittingPapers:
    """Return the rooms of a sitting with where their papers stand; raise NotFound("sitting.unknown")."""
    with reading() as session:
        sitting = sitting_by_ref(session, ref)
        views = rooms_of_sitting(session, sitting.id)
        counts = counts_of_rooms(session, [view.sitting_room.id for view in views])
        batch = session.get_one(Batch, sitting.batch_id)
    rooms = []
    for view in views:
        figures = counts.get(view.sitting_room.id, {})
        final = view.sitting_room.state in FINAL
        rooms.append(RoomState(view, figures.get("expected", 0), figures.get("absent", 0), final))
    return SittingPapers(sitting, batch, tuple(rooms))


def read_for_print(name: str, room_ref: str, principal: Principal, *, now: datetime) -> RoomRecord:
    """Return what a document is made of; raise NotFound("web.no_page") where there is none of that name."""
    if name not in PAPERS:
        raise NotFound("web.no_page")
    with reading() as session:
        return record_of(session, room_ref, principal, now=now)


def note_print(name: str, record: RoomRecord, principal: Principal, *, now: datetime) -> None:
    """Put on record that somebody had a document of a room made; a repeat is counted. Source: R-64."""
    with unit_of_work() as session:
        flood_limit.count(
            session,
            at=now,
            actor=principal.logged_as,
            act=f"print.{name}",
            subject=f"sitting_room:{record.board.head.ref}",
            draft=str(int(record.draft)),
        )
