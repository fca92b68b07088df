"""Use cases of the office: a number revealed, a person corrected, a roster sent; and what its pages show.

A correction after the start is a request to the chief; what it holds is sealed like other personal data.

Source: R-15, R-62.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import flask
from flask_babel import gettext
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Line,
    Result,
    Second,
    claim,
    countersigned,
    put_result,
    terms_by_roles,
)
from cbt.accounts.models import Approval
from cbt.accounts.store import RoleGrant, actor_names, held_roles
from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.candidates import store
from cbt.candidates.corrections import Correction, correct_candidate, corrections_of
from cbt.candidates.models import Registration
from cbt.candidates.registration import reason_of
from cbt.candidates.roster.export import accommodation_text, rows_of
from cbt.candidates.store import (
    Registered,
    SittingCounts,
    count_where,
    counts_of,
    entries_where,
    found_by,
    has_started,
)
from cbt.http.auth.login import Principal
from cbt.http.form_values import asked_text, page_of
from cbt.personal import DETAILS, PersonField
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.door import mask_document, normalise_document
from cbt.rules.exam import ExamBlueprint
from cbt.rules.roles import ROOM_STAFF, Role
from cbt.rules.states import BEFORE_THE_START, SittingState
from cbt.sittings import store as sittings
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingChange, SittingRoom
from cbt.sittings.store import Duty, RoomView, SeatCount, sitting_by_ref
from cbt.storage.crypto import DOCUMENT, open_sealed, readable, seal
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.unit_of_work import reading, unit_of_work

COUNTERSIGNERS: frozenset[str] = frozenset({Role.CHIEF_PROCTOR})
"""Who countersigns a correction after the start (R-15)."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """The numbers of a candidate in full, for this one answer; None for one that was sealed under a lost key."""

    document: str | None
    details: tuple[tuple[PersonField, str | None], ...]
    """What is sealed of `fields.DETAILS`."""

    def facts(self, lost: str) -> list[tuple[str, str]]:
        return [(detail.title, lost if value is None else value or "—") for detail, value in self.details]


def reveal(*, ref: str, reason: str, principal: Principal, now: datetime) -> Revealed:
    """Return a candidate's numbers in full; who looked and why is in the audit log.

    Raise InvalidInput("candidates.reason") without a reason, NotFound for a registration of somebody else's.
    """
    reason = reason_of(reason)
    with unit_of_work() as session:
        entry = store.entry_for(session, ref, principal)
        candidate = entry.candidate
        details = [(detail, detail.value_of(candidate)) for detail in DETAILS.values() if detail.sealed]
        revealed = Revealed(readable(candidate.document_sealed, DOCUMENT), tuple(details))
        subject, actor = f"candidate:{candidate.ref}", principal.logged_as
        record(session, at=now, actor=actor, act="personal.reveal", subject=subject, reason=reason)
        return revealed


def correct(
    *, ref: str, correction: Correction, second: Second | None, principal: Principal, now: datetime
) -> None:
    """Put a candidate's name, number or photo right; once a room of theirs has started, with the chief.

    Raise SecondNeeded without the chief then, Conflict("approval.changed") when what stands there changed since
    the chief approved.

    Source: R-15, R-62.
    """
    with unit_of_work() as session:
        claim(session, second, now=now)
        candidate = store.entry_for(session, ref, principal).candidate
        started = has_started(session, candidate.id)
        seen = digest(canonical_json([candidate.ref, candidate.name, candidate.document_index]))
        correct_candidate(
            session,
            candidate,
            correction,
            now=now,
            actor=principal.logged_as,
            # Without the chief it is gone through and rolled back, so that only what would hold is asked for.
            countersigned_by=f"staff:{second.ref if second is not None else '-'}" if started else "",
        )
        if started:
            countersigned(second, roles=COUNTERSIGNERS, seen=seen)
        put_result(session, second, {})


def export_rows(
    *, sitting_ref: str, reveal_numbers: bool, reason: str, actor: str, now: datetime
) -> tuple[list[list[str]], Callable[[Session], None]]:
    """Return the roster rows of a sitting, and what puts their export on record, with a reason when numbers show.

    They are read and opened before anything is written: nobody's save waits for a file.

    Raise InvalidInput("candidates.reason") for numbers without a reason.
    """
    if reveal_numbers:
        reason = reason_of(reason)
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        entries = store.entries_of_sitting(session, sitting.id)
        versions = {entry.registration.blueprint_version_id for entry in entries}
        blueprints = {version: blueprint_of(session, version) for version in versions}
        batch = session.get_one(Batch, sitting.batch_id).name
        rows = rows_of(entries, blueprints, batch, reveal=reveal_numbers)
        after = {"rows": len(entries), "numbers": "full" if reveal_numbers else "masked"}
        subject = f"sitting:{sitting.ref}"
    return rows, partial(
        record, at=now, actor=actor, act="roster.export", subject=subject, reason=reason, after=after
    )


KIND = "correction"
PURPOSE = "approval"


def wish_for(entry: Registered, correction: Correction) -> ApprovalWish:
    """Return the request for one correction; its photo and number are kept sealed and emptied when settled."""
    photo = correction.photo
    plain = {
        "evidence": correction.evidence,
        "name": correction.name,
        "document": correction.document,
        "photo": photo and base64.b64encode(photo).decode(),
    }
    return ApprovalWish(
        kind=KIND,
        act="correct_person",
        subject=f"registration:{entry.registration.ref}",
        place=f"{entry.room.name} · {entry.seat.number:02d}",
        params=base64.b64encode(seal(canonical_json(plain), PURPOSE)).decode(),
        preview=tuple(_lines(entry, correction)),
    )


def _lines(entry: Registered, correction: Correction) -> Iterator[Line]:
    yield ("approval.line.whom", "text", entry.candidate.name)
    if correction.name:
        yield ("approval.line.name", "text", f"{entry.candidate.name} → {correction.name}")
    if correction.document:
        masked = mask_document(normalise_document(correction.document[1]))
        yield ("approval.line.document", "text", f"{entry.candidate.document_masked} → {masked}")
    if correction.photo:
        yield ("approval.line.photo", "word", "approval.new_photo")
    yield ("approval.line.reason", "text", correction.evidence.strip())


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    plain = json.loads(open_sealed(base64.b64decode(approval.params), PURPOSE))
    photo, document = plain["photo"], plain["document"]
    correction = Correction(
        evidence=plain["evidence"],
        name=plain["name"],
        document=document and (document[0], document[1]),
        photo=photo and base64.b64decode(photo),
    )
    correct(ref=_ref(approval), correction=correction, second=second, principal=first, now=now)


def _ref(approval: Approval) -> str:
    return approval.subject.removeprefix("registration:")


def _said(_approval: Approval, _result: Result) -> str:
    return str(gettext("candidates.corrected"))


def _home(approval: Approval) -> str:
    return flask.url_for("candidates.registration", ref=_ref(approval))


CORRECTIONS = ApprovalKind(KIND, terms_by_roles, _carry_out, _said, _home)


PAGE = 50


@dataclass(frozen=True, slots=True)
class SeatedFilter:
    """Who is looked for in a sitting; `room` is the ref of a sitting-room, "" for all."""

    text: str = ""
    room: str = ""
    page: int = 1

    @property
    def asked(self) -> dict[str, str]:
        """Return what narrows the list down, as it stands in an address."""
        return {name: value for name, value in {"q": self.text, "room": self.room}.items() if value}


def seated_asked(args: Mapping[str, str]) -> SeatedFilter:
    return SeatedFilter(asked_text(args), args.get("room", "")[:40], page_of(args))


def seated_page(
    session: Session, sitting_id: int, seated_filter: SeatedFilter, *, everybody: int
) -> ListPage[Registered]:
    """Return a page of a sitting's registrations by room and seat; `everybody` is how many there are."""
    conditions: list[ColumnElement[bool]] = [Registration.sitting_id == sitting_id]
    if seated_filter.text:
        conditions.append(found_by(seated_filter.text))
    if seated_filter.room:
        conditions.append(SittingRoom.ref == seated_filter.room)
    count = count_where(session, *conditions) if seated_filter.asked else everybody
    span = PageSpan(count, PAGE, seated_filter.page)
    return span.of(entries_where(session, *conditions, limit=PAGE, offset=span.offset))


FEW_ROOMS = 12
"""Up to so many rooms each have the list of proctors beside them; of more, only one that is asked for."""


@dataclass(frozen=True, slots=True)
class SittingPage:
    """A sitting: its rooms with seats, counts and staff, a page of its registrations."""

    sitting: Sitting
    batch: Batch
    centre: Centre
    rooms: list[RoomView]
    seats: dict[int, SeatCount]
    counts: SittingCounts
    duties: list[Duty]
    staff: Sequence[RoleGrant]
    staffed: str
    """The ref of the room that somebody is to be assigned to."""
    addable: list[Room]
    people: ListPage[Registered]
    photos: set[int]
    blueprints: dict[int, ExamBlueprint]
    change: SittingChange | None
    """Why it is off, a draft again, or no longer when and where it was."""

    @property
    def takes_roster(self) -> bool:
        return SittingState(self.sitting.state) in BEFORE_THE_START

    @property
    def papers(self) -> list[tuple[str, str, int]]:
        """Level and paper name with the number of registrations."""
        papers = []
        for (version, paper), people in self.counts.by_paper.items():
            blueprint = self.blueprints[version]
            papers.append((blueprint.level_name, blueprint.papers[paper].name, people))
        return papers

    def offers_staff(self, room: SittingRoom) -> bool:
        """Whether the list of those who may be assigned stands beside a room."""
        return len(self.rooms) <= FEW_ROOMS or room.ref == self.staffed

    def paper_name(self, registration: Registration) -> str:
        blueprint = self.blueprints[registration.blueprint_version_id]
        return f"{blueprint.level_name} · {blueprint.papers[registration.paper].name}"


def sitting_page(session: Session, ref: str, seated_filter: SeatedFilter, *, staffed: str) -> SittingPage:
    """Return what the page of a sitting shows; neither its queries nor its rows grow with the roster."""
    sitting = sittings.sitting_by_ref(session, ref)
    rooms = sittings.rooms_of_sitting(session, sitting.id)
    used = {view.room.id for view in rooms}
    centre_rooms = sittings.rooms_of_centre(session, sitting.centre_id)
    counts = counts_of(session, sitting.id)
    people = seated_page(session, sitting.id, seated_filter, everybody=counts.all)
    return SittingPage(
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        centre=session.get_one(Centre, sitting.centre_id),
        rooms=rooms,
        seats=sittings.seat_counts(session, sorted(used)),
        counts=counts,
        duties=sittings.duties_of_sitting(session, sitting.id),
        staff=held_roles(session, ROOM_STAFF),
        staffed=staffed,
        addable=[room for room in centre_rooms if room.id not in used],
        people=people,
        photos=store.with_photo(session, {entry.candidate.id for entry in people.lines}),
        blueprints={version: blueprint_of(session, version) for version, _ in counts.by_paper},
        change=sittings.told_change(sitting, sittings.changes_of(session, [sitting.id]).get(sitting.id, [])),
    )


def registration_page(session: Session, ref: str, principal: Principal) -> dict[str, object]:
    """Return what the page of a registration shows, by the names its template gives it.

    Raise NotFound for a registration this person may not see.
    """
    entry = store.entry_for(session, ref, principal)
    candidate_id, sitting = entry.candidate.id, session.get_one(Sitting, entry.registration.sitting_id)
    corrections = corrections_of(session, candidate_id)
    return {
        "entry": entry,
        "sitting": sitting,
        "batch": session.get_one(Batch, sitting.batch_id),
        "centre": session.get_one(Centre, sitting.centre_id),
        "blueprint": blueprint_of(session, entry.registration.blueprint_version_id),
        "has_photo": bool(store.with_photo(session, [candidate_id])),
        "accommodation": accommodation_text(entry),
        "state": door_state(entry.registration),
        "started": store.has_started(session, candidate_id),
        "corrections": corrections,
        "hands": actor_names(
            session, {hand for one in corrections for hand in (one.row.by, one.row.countersigned_by)}
        ),
    }


def door_state(registration: Registration) -> str:
    """Return the code of where a registration stands at the door, for words and colour."""
    if registration.absent_at is not None:
        return "absent"
    if registration.pledged_at is not None:
        return "waiting"
    if registration.signed_in_at is not None:
        return "signed_in"
    if registration.checked_in_at is not None:
        return "checked_in"
    return "arrived" if registration.arrived_at is not None else "not_arrived"
