"""The papers of a room; one more is a function that gathers its data, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cbt.proctoring.record import lists, paper
from cbt.proctoring.record.facts import RoomRecord


@dataclass(frozen=True, slots=True)
class RoomPaper:
    """A document of a room: what it is made of, how many lines it has, and the form it is set in.

    Its name is that of its texts, `candidates.print.<name>` and `record.about.<name>`; the form that of a file of
    `cbt/printing/documents`.
    """

    gather: Callable[[RoomRecord], dict[str, Any]]
    lines: Callable[[RoomRecord], int]
    form: str = "room_list"


PAPERS = {
    "room_record": RoomPaper(paper.room_record, lambda record: 1, form="room_record"),
    "attendance": RoomPaper(lists.attendance, lambda record: len(record.board.seats)),
    "absences": RoomPaper(
        lists.absences, lambda record: len(record.absent) + len(record.unanswered) + len(record.breaches)
    ),
    "incidents": RoomPaper(lists.incidents, lambda record: len(record.incidents) + len(record.comments)),
    "changes": RoomPaper(
        lists.changes,
        lambda record: (
            len(record.moves) + len(record.given) + len(record.stood) + len(record.silences) + len(record.out)
        ),
    ),
    "no_photos": RoomPaper(lists.no_photos, lambda record: len(record.no_photo)),
    "room_log": RoomPaper(lists.room_log, lambda record: len(record.lines)),
}
