"""Use cases of a list of people: kept sealed for its look, its good rows taken over in one act, forgotten."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.applications.applying import Applying, editable
from cbt.enrolment.applications.models import UnitApplication
from cbt.enrolment.applications.people import enter_read
from cbt.enrolment.workbook.checking import CheckedList, check_list
from cbt.enrolment.workbook.reading import open_people
from cbt.errors import Conflict
from cbt.sheets import drafts
from cbt.sheets.cells import SheetData
from cbt.sheets.drafts import Drafts
from cbt.web.refs import new_ref

DRAFTS = Drafts("people", gone="roster.draft_gone")


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
    with unit_of_work() as session:
        application = editable(session, ref, who)
        return DRAFTS.keep(
            session,
            ref=new_ref("dr"),
            subject=application.logged_as,
            file_name=file_name,
            body=packed,
            now=who.now,
            actor=who.actor,
        )


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
    """Enter the good rows of a list, all of them or none; return how many, and whether others are left.

    A list of which nothing is left is forgotten. Raise as `look_at` does, and Conflict("application.list_changed")
    where it would do something else than was looked at, ("application.list_empty"), ("application.full").

    Source: R-74, R-75.
    """
    try:
        with unit_of_work() as session:
            application = editable(session, ref, who)
            looked = _looked_at(session, application, draft, who)
            if looked.checked.seen != seen:
                raise Conflict("application.list_changed")
            taken = [one.listed.read for one in looked.checked.taken(short=short) if one.listed.read]
            if not taken:
                raise Conflict("application.list_empty")
            enter_read(session, application, taken, who)
            record(
                session,
                at=who.now,
                actor=who.actor,
                act="applicant.import",
                subject=application.logged_as,
                after={"people": len(taken), "file": looked.kept.digest},
            )
            counts = looked.checked.counts
            left = bool(counts["stopped"] or (counts["short"] and not short))
            if not left:
                drafts.drop(session, draft, actor=who.actor)
            return len(taken), left
    except IntegrityError as error:
        raise Conflict("application.list_changed") from error


def forget_list(ref: str, draft: str, who: Applying) -> None:
    """Forget a list that this person brought; a second call changes nothing."""
    with unit_of_work() as session:
        editable(session, ref, who)
        drafts.drop(session, draft, actor=who.actor)
