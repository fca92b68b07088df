"""The news of a candidate's page: which entries of the log concern it, and the sentences they are told in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

import flask
import flask_babel
from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.audit.models import AuditEntry, AuditHead
from cbt.blueprints.reasons import cause_word
from cbt.rules.roles import Role
from cbt.rules.states import ClosedBy, SittingState, State
from cbt.rules.violations import EVACUATION, OTHER
from cbt.runner.models import Attempt
from cbt.runner.protocol import iso
from cbt.runner.save.attempt_row import AttemptInfo, Guard
from cbt.sittings.models import RoomStaff, SittingRoom
from cbt.storage.prepared import PreparedSelect

STANDS = {
    "room.evacuate": "evacuated",
    "room.abort": "aborted",
    "room.hold": "held",
    "attempt.suspend": "suspended",
    "door.leave": "away",
    "attempt.close": "closed",
}
"""Acts after which a page shows no paper, and what stands then."""
OF_STANDING_ROOMS = ("room.resume", "room.hold", "room.evacuate")
"""Acts of which the last tells why a room stood."""
GOES_ON = frozenset(
    {
        "room.resume",
        "room.reenter",
        "attempt.resume",
        "attempt.reopen",
        "door.return",
        "undo.leave",
    }
)
"""Acts after which it does again."""
GRANTS = frozenset({"attempt.adjust", "room.adjust"})
UNDO = "undo."
"""How every act taken back begins."""
DECISIONS = frozenset({"undo.decide", "undo.decide_many"})
"""Decisions on compensations taken back: time, where any had been given."""
TAKEN = DECISIONS | {"undo.adjust", "undo.adjust_room"}
"""Time taken back."""
MOVES = frozenset({"room.relocate", "undo.relocate"})
"""The whole room goes on elsewhere, or stays after all."""
TOLD = GOES_ON | GRANTS | TAKEN | MOVES
"""Acts a page says in words, beside what its screens show."""
STIRS = TOLD | STANDS.keys() | {"attempt.remind", "attempt.allow_move", "room.start", "room.end"}
"""Acts after which a page that waits asks for its clock, beside whatever is taken back."""
PREFIXES = ("attempt:", "registration:", "sitting_room:")


def topic_of(act: str, subject: str) -> str | None:
    """Return the topic whose pages an entry concerns; None for one that concerns no page."""
    stirs = act in STIRS or act.startswith(UNDO)
    return subject if stirs and subject.startswith(PREFIXES) else None


MOST_NUMBER = 2**31 - 1
MOST_TOLD = 5
"""What a page that was away for long is told; older acts show in its clock and screens."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An act as the log has it."""

    number: int
    at: datetime
    actor: str
    act: str
    subject: str
    reason: str
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where an attempt stands: its room, and how the attempt was closed."""

    attempt_ref: str
    room_id: int
    room_ref: str
    room_state: str
    evacuated: bool
    settling: bool
    """Whether the room's ends are still to be worked out after an outage."""
    closed_by: str | None

    @property
    def topic(self) -> str:
        return f"sitting_room:{self.room_ref}"

    @property
    def paper_topic(self) -> str:
        return f"attempt:{self.attempt_ref}"


_PLACE = PreparedSelect(
    select(
        Attempt.ref,
        SittingRoom.id,
        SittingRoom.ref.label("room_ref"),
        SittingRoom.state,
        SittingRoom.evacuated_at,
        SittingRoom.clocks_due_at,
        Attempt.closed_by,
    )
    .join(Attempt, Attempt.sitting_room_id == SittingRoom.id)
    .where(Attempt.id == bindparam("attempt"))
)
_NUMBER = PreparedSelect(select(AuditHead.last_id))
_ENTRY = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.actor,
    AuditEntry.act,
    AuditEntry.subject,
    AuditEntry.reason,
    AuditEntry.after,
)
TOPICS = ("paper", "person", "room")
"""Whose entries a page hears of, in the order in which `entries_since` is given them."""
_SINCE = PreparedSelect(
    select(*_ENTRY)
    .where(
        or_(*[AuditEntry.subject == bindparam(topic) for topic in TOPICS]),
        AuditEntry.id > bindparam("since"),
        AuditEntry.id <= bindparam("upto"),
        or_(*[AuditEntry.act == act for act in sorted(STIRS)], AuditEntry.act.startswith(UNDO)),
    )
    .order_by(AuditEntry.id.desc())
    .limit(MOST_TOLD * 4)
)
_LATEST = {
    acts: PreparedSelect(
        select(*_ENTRY)
        .where(
            AuditEntry.subject == bindparam("topic"),
            or_(*[AuditEntry.act == act for act in acts]),
            AuditEntry.id < bindparam("before"),
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    for acts in (*((act,) for act in (*STANDS, "gap.decide")), OF_STANDING_ROOMS)
}
"""The last of acts about a topic: a whole room asks at one instant, so each is put together once."""


def place_of(session: Session, attempt_id: int) -> Whereabouts:
    """Return where an attempt stands (one query)."""
    (row,) = _PLACE.rows(session, attempt=attempt_id)
    attempt_ref, room_id, ref, state, evacuated_at, due_at, closed_by = row
    return Whereabouts(
        attempt_ref, room_id, ref, state, evacuated_at is not None, due_at is not None, closed_by
    )


def number_now(session: Session) -> int:
    """Return the number up to which this snapshot knows what happened."""
    return next((row[0] for row in _NUMBER.rows(session)), 0)


def entries_since(session: Session, topics: Sequence[str], *, since: int, upto: int) -> list[Happening]:
    """Return what happened to TOPICS after `since`, the oldest first; of very much only the latest (one query)."""
    about = dict(zip(TOPICS, topics, strict=True))
    rows = _SINCE.rows(session, since=since, upto=upto, **about)
    return [entry_of(row) for row in rows][::-1]


def latest(
    session: Session, topic: str, acts: tuple[str, ...], *, before: int = MOST_NUMBER
) -> Happening | None:
    """Return the last of these acts about a topic before a number (one query)."""
    rows = _LATEST[acts].rows(session, topic=topic, before=before)
    return entry_of(rows[0]) if rows else None


def entry_of(row: Any) -> Happening:
    after = json.loads(row.after) if row.after else {}
    return Happening(
        row.id, row.at, row.actor, row.act, row.subject, row.reason, after if isinstance(after, dict) else {}
    )


def number_asked(text: str | None) -> int | None:
    """Return the number up to which a page says it knows what happened; None for a page that knows nothing."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


_STAFF = "staff:"
_SPOKEN_FOR = (Role.CHIEF_PROCTOR, Role.PROCTOR, Role.OFFICER)
"""The roles a candidate is told of somebody without a duty in the room, the first that fits."""
_MINUTE = 60
MOST_KEPT = 4096
_EXTENSION = "cbt_sentences"


class _Said(NamedTuple):
    """What a sentence is about, to whom, and how it is said; an entry never changes."""

    entry: int
    room_id: int
    message_id: str
    locale: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a page shows no paper now."""

    kind: str
    text: str
    at: str | None

    @property
    def told(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "at": self.at}


class Teller:
    """Puts entries into sentences, in the language of the request."""

    def __init__(self, session: Session, place: Whereabouts) -> None:
        self._session = session
        self._place = place

    def news(self, entries: Iterable[Happening]) -> list[dict[str, Any]]:
        """Return what a page says of entries, the oldest first."""
        lines = [
            {
                "id": entry.number,
                "kind": "grant" if entry.act in GRANTS | TAKEN | MOVES else "goes_on",
                "text": self._sentence(entry),
            }
            for entry in entries
            if entry.act in TOLD and (entry.act not in DECISIONS or self._had_given(entry))
        ]
        return lines[-MOST_TOLD:]

    def standing(self, info: AttemptInfo, guard: Guard) -> Halt | None:
        """Return why there is no paper to see for this attempt; None while there is."""
        place = self._place
        paper, person = place.paper_topic, f"registration:{info.registration_ref}"
        if guard.over:
            return self._closed(paper)
        if guard.state == State.SUSPENDED:
            if place.room_state == SittingState.ABORTED:
                return self._stands("room.abort", place.topic)
            if place.evacuated:
                return self._stands("room.evacuate", place.topic)
            if place.room_state == SittingState.HELD:
                return self._stands("room.hold", place.topic)
            return self._stands("attempt.suspend", paper)
        return None if guard.left_at is None else self._stands("door.leave", person)

    def _closed(self, paper: str) -> Halt | None:
        by = self._place.closed_by
        if by in (None, ClosedBy.CANDIDATE, ClosedBy.DEADLINE):
            return None if by is None else Halt(f"closed_{by}", "", None)
        entry = latest(self._session, paper, ("attempt.close",))
        text = "" if entry is None else self._say(f"news.closed.{by}", entry, why=by == ClosedBy.PROCTOR)
        return Halt(f"closed_{by}", text, None if entry is None else iso(entry.at))

    def _stands(self, act: str, topic: str) -> Halt:
        entry = latest(self._session, topic, (act,))
        if entry is None:
            return Halt(STANDS[act], "", None)
        return Halt(STANDS[act], self._say(f"news.{act}", entry), iso(entry.at))

    def _sentence(self, entry: Happening) -> str:
        if entry.act in GRANTS:
            kind = str(entry.after.get("kind", "general"))
            return self._say(
                f"news.{entry.act}.{kind}", entry, span=_span(int(entry.after.get("seconds", 0)))
            )
        if entry.act in MOVES:
            room = str(entry.after.get("room", ""))
            return self._say(f"news.{entry.act}", entry, why=False, room=room)
        if entry.act in TAKEN:
            return self._say("news.undo.time", entry, why=False)
        if entry.act == "room.resume" and self._after_evacuation(entry):
            return self._say("news.room.resume.evacuated", entry)
        return self._say(f"news.{entry.act}", entry)

    def _had_given(self, entry: Happening) -> bool:
        """Return whether the decision that was taken back had given time."""
        decided = latest(self._session, entry.subject, ("gap.decide",), before=entry.number)
        return decided is not None and bool(decided.after.get("granted"))

    def _after_evacuation(self, entry: Happening) -> bool:
        former = latest(self._session, self._place.topic, OF_STANDING_ROOMS, before=entry.number)
        return former is not None and former.act == "room.evacuate"

    def _say(self, message_id: str, entry: Happening, *, why: bool = True, **params: str) -> str:
        """Return what is said of an entry: to everybody in the room the same, so it is put into words once."""
        locale, sentences = str(flask_babel.get_locale()), _sentences()
        key = _Said(entry.number, self._place.room_id, message_id, locale)
        kept = sentences.get(key)
        if kept is None:
            kept = sentences[key] = self._in_words(message_id, entry, why=why, **params)
        return kept

    def _in_words(self, message_id: str, entry: Happening, *, why: bool, **params: str) -> str:
        what = flask_babel.gettext(message_id, by=self._who(entry.actor), **params)
        because = _why(entry) if why else ""
        return str(flask_babel.gettext("news.because", what=what, why=because) if because else what)

    def _who(self, actor: str) -> str:
        """Return who did it as a candidate is told: the duty, not the name."""
        role = self._role(actor.removeprefix(_STAFF)) if actor.startswith(_STAFF) else None
        return str(flask_babel.gettext(f"news.by.{role or ('office' if actor != 'scheduler' else 'system')}"))

    def _role(self, ref: str) -> str | None:
        session = self._session
        duty = session.scalar(
            select(RoomStaff.duty)
            .join(Staff, Staff.id == RoomStaff.staff_id)
            .where(Staff.ref == ref, RoomStaff.sitting_room_id == self._place.room_id)
        )
        if duty is not None:
            return duty
        roles = session.scalars(select(StaffRole.role).join(Staff).where(Staff.ref == ref)).all()
        return next((role.value for role in _SPOKEN_FOR if role in roles), None)


def _sentences() -> dict[_Said, str]:
    """Return what this process has put into words lately."""
    sentences = cast(dict[_Said, str], flask.current_app.extensions.setdefault(_EXTENSION, {}))
    if len(sentences) >= MOST_KEPT:
        sentences.clear()
    return sentences


def _why(entry: Happening) -> str:
    """Return the reason of an entry in words: the table's, and what was typed with it."""
    code = str(entry.after.get("reason_code", ""))
    if code == EVACUATION:
        return ""
    words = [cause_word(code, entry.reason)] if code and code != OTHER else []
    # What the scheduler gives as a reason is a code of its own, and no words.
    typed = entry.reason if entry.actor.startswith(_STAFF) else ""
    return str(flask_babel.gettext("news.reasons").join([*words, typed] if typed else words))


def _span(seconds: int) -> str:
    minutes, rest = divmod(seconds, _MINUTE)
    if not rest:
        return str(flask_babel.gettext("news.span.minutes", minutes=minutes))
    if not minutes:
        return str(flask_babel.gettext("news.span.seconds", seconds=rest))
    return str(flask_babel.gettext("news.span.both", minutes=minutes, seconds=rest))
