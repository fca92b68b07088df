"""Use cases of a list of people: kept sealed for its look, its good rows taken over in one act, forgotten."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.pieces import pieces_of
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.enrolment.applications.applying import Applying, editable
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.applications.people import enter_all, refuse_full, sealed_person
from cbt.enrolment.workbook.checking import CheckedList, check_list
from cbt.enrolment.workbook.reading import open_people
from cbt.errors import Conflict
from cbt.sheets import drafts
from cbt.sheets.cells import SheetData
from cbt.sheets.drafts import Drafts
from cbt.web.refs import new_ref

DRAFTS = Drafts("people", gone="roster.draft_gone")
ENTERED_AT_ONCE = 25
"""People of a list who are entered in one unit of work."""


class KeptPeople(msgspec.Struct, frozen=True, array_like=True):
    """A list as it is kept: the digest of its file, and what its sheets say."""

    digest: str
    sheets: list[SheetData]


@dataclass(frozen=True, slots=True)
class LookedAtList:
    """A list that is looked at: the name of its file, its sheets, what taking it over would do."""

    file_name: str
    kept: KeptPeople
    checked: CheckedList


def keep_list(ref: str, *, file_name: str, body: bytes, who: Applying) -> str:
    """Keep a list for its look and return its ref; this person's former one for the application goes.

    Raise InvalidInput as `open_people` does, Conflict("application.not_editable").
    """
    sheets = open_people(file_name, body)
    kept = KeptPeople(hashlib.sha256(body).hexdigest(), sheets)
    packed = zlib.compress(msgspec.msgpack.encode(kept), 1)
    with (
        DRAFTS.brought(packed, ref=new_ref("dr"), file_name=file_name, now=who.now, actor=who.actor) as draft,
        unit_of_work() as session,
    ):
        application = editable(session, ref, who)
        return DRAFTS.keep(session, draft, subject=application.logged_as)


def look_at(session: Session, ref: str, draft: str, who: Applying) -> LookedAtList:
    """Return what taking over a kept list would do now; nothing is changed.

    Raise NotFound("application.unknown"|"roster.draft_gone"), Conflict("application.not_editable").
    """
    application = editable(session, ref, who, changing=False)
    return _looked_at(session, application, draft, who)


def _looked_at(session: Session, application: UnitApplication, draft: str, who: Applying) -> LookedAtList:
    name, packed = DRAFTS.open(session, draft, subject=application.logged_as, actor=who.actor)
    kept = msgspec.msgpack.decode(zlib.decompress(packed), type=KeptPeople)
    return LookedAtList(name, kept, check_list(session, application, kept.sheets, today=who.today))


def take_over(ref: str, draft: str, *, seen: str, short: bool, who: Applying) -> tuple[int, bool]:
    """Enter the good rows of a list; return how many, and whether others are left.

    They are read and sealed before the first goes in, then entered a few at a time: of a list that was stopped on
    the way the rest is looked at again, and those who are in stand there as such. One of which nothing is left is
    forgotten. Raise as `look_at` does, and Conflict("application.list_changed")
    where it would do something else than was looked at, ("application.list_empty"), ("application.full").

    Source: R-74, R-75.
    """
    with reading() as session:
        looked = look_at(session, ref, draft, who)
        if looked.checked.seen != seen:
            raise Conflict("application.list_changed")
        taken = [one.listed.read for one in looked.checked.taken(short=short) if one.listed.read]
        if not taken:
            raise Conflict("application.list_empty")
        refuse_full(session, looked.checked.application, len(taken))
    people = [sealed_person(looked.checked.application.id, one, who) for one in taken]
    try:
        entered = sum(
            _enter_some(ref, piece, looked.kept.digest, who)
            for piece in pieces_of(people, size=ENTERED_AT_ONCE)
        )
    except IntegrityError as error:
        raise Conflict("application.list_changed") from error
    counts = looked.checked.counts
    left = bool(counts["stopped"] or (counts["short"] and not short))
    if not left:
        forget_list(ref, draft, who)
    return entered, left


def _enter_some(ref: str, people: Sequence[Applicant], digest: str, who: Applying) -> int:
    with unit_of_work() as session:
        application = editable(session, ref, who)
        entered = enter_all(session, application, people)
        if entered:
            record(
                session,
                at=who.now,
                actor=who.actor,
                act="applicant.import",
                subject=application.logged_as,
                after={"people": entered, "file": digest},
            )
        return entered


def forget_list(ref: str, draft: str, who: Applying) -> None:
    """Forget a list that this person brought; a second call changes nothing."""
    with unit_of_work() as session:
        editable(session, ref, who)
        drafts.drop(session, draft, actor=who.actor)
