"""Attachments of an application's people: photos and scans, and Annexes 1 and 2 as they are printed.

A unit's own people attach while the application may be written in, an officer also while it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.confined.runner import MEGABYTE
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import Applying
from cbt.enrolment.applications.person import told_of
from cbt.enrolment.models import Applicant, ApplicantPhoto, EvidenceScan, MemberUnit, UnitApplication
from cbt.errors import Conflict, InvalidInput, NotFound, TextId, Unavailable
from cbt.media.intake import MOST_LARGE, redraw, redraw_large
from cbt.personal import PHONE, RESIDENT, birth_of_number
from cbt.printing.pdf import PDF, reset
from cbt.rules.enrolment.conditions import RequiredProof
from cbt.rules.exam import ExamBlueprint
from cbt.rules.states import EDITABLE, ApplicationState
from cbt.sittings.inputs import minutes_text
from cbt.storage.crypto import DOCUMENT, open_bytes, open_sealed, seal_bytes
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

PHOTO, SCAN = "applicant photo", "evidence scan"
"""What they are sealed for."""
ON_THE_WAY = (ApplicationState.ACCEPTED.value, ApplicationState.SCHEDULED.value)


def has_photo(session: Session, applicant: Applicant) -> bool:
    return bool(session.scalar(select(exists().where(ApplicantPhoto.applicant_id == applicant.id))))


def photo_of_applicant(session: Session, applicant: Applicant) -> bytes:
    """Return somebody's photo; raise NotFound("applicant.no_photo"), Unavailable("personal.unreadable")."""
    sealed = session.scalar(select(ApplicantPhoto.sealed).where(ApplicantPhoto.applicant_id == applicant.id))
    if sealed is None:
        raise NotFound("applicant.no_photo")
    return open_bytes(sealed, PHOTO)


def photos_of_people(session: Session, applicants: Collection[int]) -> dict[int, bytes]:
    """Return the photos of people by their ids; who has none, or one the key does not open, is left out."""
    rows = session.execute(
        select(ApplicantPhoto.applicant_id, ApplicantPhoto.sealed).where(
            ApplicantPhoto.applicant_id.in_(applicants)
        )
    )
    return {one: photo for one, sealed in rows if (photo := _opened(sealed))}


def photos_to_carry(session: Session, indexes: Collection[str]) -> dict[str, bytes]:
    """Return the photos that accepted people bring along, by the digests of their numbers: the latest of each.

    Source: R-77.
    """
    rows = session.execute(
        select(Applicant.document_index, ApplicantPhoto.sealed)
        .join(ApplicantPhoto, ApplicantPhoto.applicant_id == Applicant.id)
        .join(UnitApplication, UnitApplication.id == Applicant.application_id)
        .where(
            Applicant.document_index.in_(indexes),
            Applicant.verdict == "accepted",
            UnitApplication.state.in_(ON_THE_WAY),
        )
        .order_by(Applicant.id)
    )
    return {index: photo for index, sealed in rows if (photo := _opened(sealed))}


def scans_of(session: Session, applicant: Applicant) -> Sequence[EvidenceScan]:
    """Return the scans of somebody's evidence without what is in them, in the order in which they came."""
    return session.scalars(
        select(EvidenceScan).where(EvidenceScan.applicant_id == applicant.id).order_by(EvidenceScan.id)
    ).all()


def scan_by_ref(session: Session, applicant: Applicant, ref: str) -> EvidenceScan:
    """Return a scan of somebody; raise NotFound("scan.unknown")."""
    scan = session.scalar(
        select(EvidenceScan).where(EvidenceScan.applicant_id == applicant.id, EvidenceScan.ref == ref)
    )
    if scan is None:
        raise NotFound("scan.unknown")
    return scan


def _opened(sealed: bytes) -> bytes:
    try:
        return open_bytes(sealed, PHOTO)
    except Unavailable:  # sealed under a personal.key that was lost
        return b""


MOST_SCANS = 5
"""Scans of one kind of evidence of somebody."""
_PDF_HEAD = b"%PDF-"
_PICTURES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


@dataclass(frozen=True, slots=True)
class ReadScan:
    """A scan that somebody reads."""

    proof: str
    mimetype: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Received:
    mimetype: str
    pages: int
    body: bytes


def may_attach(application: UnitApplication, *, by_unit: bool) -> bool:
    """Return whether photos and scans may be attached and taken off now. Source: R-74."""
    if application.state in EDITABLE:
        return True
    return not by_unit and application.state == ApplicationState.SUBMITTED.value


def put_photo(ref: str, person_ref: str, body: bytes, by: Applying) -> None:
    """Set somebody's photo; what is kept is our own picture of it, sealed.

    Raise as `redraw` does, NotFound("application.unknown"|"applicant.unknown"),
    Conflict("application.not_attachable").

    Source: R-74.
    """
    _look(ref, person_ref, by)
    sealed = seal_bytes(redraw(body), PHOTO)
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, by)
        former = session.get(ApplicantPhoto, person.id)
        if former is None:
            session.add(ApplicantPhoto(applicant_id=person.id, sealed=sealed))
        else:
            former.sealed = sealed
        _note(session, person, "applicant.photo", by, {"replaced": "yes" if former else "no"})


def remove_photo(ref: str, person_ref: str, by: Applying) -> None:
    """Take somebody's photo off; raise as `put_photo` does."""
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, by)
        session.execute(delete(ApplicantPhoto).where(ApplicantPhoto.applicant_id == person.id))
        _note(session, person, "applicant.photo_remove", by)


def attach_scans(ref: str, person_ref: str, proof: str, bodies: Sequence[bytes], by: Applying) -> int:
    """Attach scans of a piece of somebody's evidence, all of them or none; return how many.

    Raise InvalidInput("upload.missing"|"scan.proof"|"scan.kind"|…), Conflict("scan.too_many"), and as
    `put_photo` does.

    Source: R-74.
    """
    if proof not in set(RequiredProof):
        raise InvalidInput("scan.proof", field="proof")
    if not bodies:
        raise InvalidInput("upload.missing", field="file")
    if len(bodies) > MOST_SCANS:
        raise Conflict("scan.too_many", field="file", most=MOST_SCANS)
    _look(ref, person_ref, by)
    received = [_receive(body) for body in bodies]
    sealed = [seal_bytes(one.body, SCAN) for one in received]
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, by)
        there = sum(one.proof == proof for one in scans_of(session, person))
        if there + len(received) > MOST_SCANS:
            raise Conflict("scan.too_many", field="file", most=MOST_SCANS)
        for file, kept in zip(received, sealed, strict=True):
            scan = EvidenceScan(
                ref=new_ref("sc", 10),
                applicant_id=person.id,
                proof=proof,
                mimetype=file.mimetype,
                pages=file.pages,
                size=len(file.body),
                sealed=kept,
                at=by.now,
                by=by.actor,
            )
            session.add(scan)
            _note(session, person, "applicant.scan", by, _told(scan))
    return len(received)


def read_scan(ref: str, person_ref: str, scan_ref: str, by: Applying) -> ReadScan:
    """Return a scan for whoever may act for this person; the log notes who read which.

    Raise NotFound("application.unknown"|"applicant.unknown"|"scan.unknown"), Unavailable("personal.unreadable").

    Source: R-70, R-74.
    """
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=by.unit_id)
        person = store.applicant_by_ref(session, application, person_ref)
        scan = scan_by_ref(session, person, scan_ref)
        received_scan = ReadScan(scan.proof, scan.mimetype, open_bytes(scan.sealed, SCAN))
    with unit_of_work() as session:
        _note(session, person, "applicant.scan_read", by, _told(scan))
    return received_scan


def remove_scan(ref: str, person_ref: str, scan_ref: str, by: Applying) -> None:
    """Take a scan off for good; raise as `put_photo` does, and NotFound("scan.unknown")."""
    with unit_of_work() as session:
        person = _person(session, ref, person_ref, by)
        scan = scan_by_ref(session, person, scan_ref)
        _note(session, person, "applicant.scan_remove", by, _told(scan))
        session.delete(scan)


def _look(ref: str, person_ref: str, by: Applying) -> None:
    """Refuse who may not attach, before a file costs anything."""
    with reading() as session:
        _person(session, ref, person_ref, by, changing=False)


def _person(session: Session, ref: str, person_ref: str, by: Applying, *, changing: bool = True) -> Applicant:
    application = store.application_by_ref(session, ref, unit_id=by.unit_id, changing=changing)
    person = store.applicant_by_ref(session, application, person_ref)
    if not may_attach(application, by_unit=by.unit_id is not None):
        state = TextId(f"rules.application.state.{application.state}")
        raise Conflict("application.not_attachable", state=state)
    return person


def _receive(body: bytes) -> _Received:
    """Return a scan made anew in a child: a picture drawn, a PDF set."""
    if body.startswith(_PDF_HEAD):
        made, pages = reset(body)
        return _Received(PDF, pages, made)
    if not body.startswith(tuple(head for head, _kind in _PICTURES)):
        raise InvalidInput("scan.kind", field="file")
    if len(body) > MOST_LARGE:
        raise InvalidInput("scan.too_big", field="file", maximum=MOST_LARGE // MEGABYTE)
    drawn = redraw_large(body)
    return _Received(next(kind for head, kind in _PICTURES if drawn.startswith(head)), 1, drawn)


def _told(scan: EvidenceScan) -> dict[str, object]:
    return {"scan": scan.ref, "proof": scan.proof, "pages": scan.pages}


def _note(
    session: Session, person: Applicant, act: str, by: Applying, after: Mapping[str, object] | None = None
) -> None:
    record(session, at=by.now, actor=by.actor, act=act, subject=person.logged_as, after=after)


# Annexes 1 and 2 on paper, for the people of an application: what is known for each; the rest is for a pen.
#
# The fields stand in the order of the notice.

_WORDS = (
    "name", "gender", "born", "education", "phone", "document", "employer", "years", "address", "insured",
    "certificate", "diploma", "school", "major", "diploma_number", "applied", "notice", "promise", "photo",
    "signature", "numerals", "stop",
)  # fmt: skip
_LISTS = {
    "certificate_heads": ("certificate.occupation", "certificate.level", "certificate.day"),
    "applied_heads": ("applied.occupation", "applied.level"),
    "promises": ("promise.rules", "promise.truth"),
}
_ROSTER = ("number", "name", "document", "department", "post", "years", "remark")
_BLANKS = {"name": 26, "salutation": 26, "document": 52, "department": 30, "post": 30, "years": 12}
"""How long the line is for a pen where a word is not known, in millimetres."""
_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class AnnexPerson:
    """Somebody with the numbers in full and all that was typed, as paper needs them."""

    person: Applicant
    number: str
    phone: str
    told: dict[str, str]

    @property
    def photo(self) -> str:
        return f"photo-{self.person.id}"

    @property
    def document(self) -> str:
        """The number, with the kind of its document where that is no resident's."""
        if self.person.document_type in RESIDENT:
            return self.number
        return f"{_('door.document.' + self.person.document_type)} {self.number}"


def application_form(
    people: Sequence[AnnexPerson], unit: MemberUnit, blueprint: ExamBlueprint
) -> dict[str, Any]:
    """Return Annex 1, a page for each person. Source: R-74."""
    return {
        "title": _("enrolment.form.registration"),
        "foot": unit.name,
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "title": _("enrolment.form.registration"),
            **{name: _(f"enrolment.form.{name}") for name in _WORDS},
            **{name: [_(f"enrolment.form.{one}") for one in parts] for name, parts in _LISTS.items()},
        },
        "rules": _rules(blueprint),
        "people": [_registered(one, unit, blueprint) for one in people],
    }


def _registered(annex_person: AnnexPerson, unit: MemberUnit, blueprint: ExamBlueprint) -> dict[str, Any]:
    facts = annex_person.told
    level = f"enrolment.level.{facts['certificate_level']}" if "certificate_level" in facts else ""
    occupation = facts.get("certificate_occupation", "") or (blueprint.occupation_name if level else "")
    return {
        "name": annex_person.person.name,
        "gender": _(f"candidates.gender.{annex_person.person.gender}"),
        "born": born_text(annex_person.person.document_type, annex_person.number),
        "photo": annex_person.photo,
        "education": _(f"enrolment.education.{facts['education']}") if "education" in facts else "",
        "phone": annex_person.phone,
        "document": annex_person.document,
        "employer": unit.name,
        "years": _("enrolment.form.years.value", years=facts.get("years", "　　　")),
        "address": unit.address,
        "insured": _(f"enrolment.form.insured.{facts.get('insured', 'open')}"),
        "certificate": [occupation, _(level) if level else "", facts.get("certificate_on", "")],
        "school": facts.get("school", ""),
        "major": facts.get("major", ""),
        "diploma_number": facts.get("diploma_number", ""),
        "applied": [blueprint.occupation_name, blueprint.level_name],
    }


def born_text(kind: str, number: str) -> str:
    """Return the day of birth as a form has it, with room for a pen where the number does not say it."""
    born = birth_of_number(kind, number)
    if born is None:
        return str(_("enrolment.form.born.value", year="　　", month="　", day="　"))
    return str(_("enrolment.form.born.value", year=born.year, month=born.month, day=born.day))


def _rules(blueprint: ExamBlueprint) -> list[str]:
    """Return 考生须知 in the order of the notice, with the minutes of the level."""
    admission = blueprint.admission
    late = _(f"door.notice.late_{admission.late_from}", minutes=minutes_text(admission.late_limit))
    earliest = max(paper.submit.earliest for paper in blueprint.papers.values())
    leave = _("door.notice.leave", minutes=minutes_text(earliest))
    return [
        _("candidates.print.registration.rule.absent"),
        _("candidates.print.registration.rule.materials"),
        _("door.notice.identity"),
        f"{late} {leave}",
        *(_(f"door.notice.{name}") for name in ("honest", "phone", "quiet")),
        _("candidates.print.registration.rule.conduct"),
    ]


def employment(people: Sequence[AnnexPerson], unit: MemberUnit) -> dict[str, Any]:
    """Return Annex 2 for each person, on a sheet of their own. Source: R-75."""
    return {
        "title": _("enrolment.form.employment"),
        "foot": unit.name,
        "unit": unit.name,
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "title": _("enrolment.form.employment"),
            **{name: _(f"enrolment.form.employment.{name}") for name in ("hereby", "seal", "day")},
        },
        "people": [{"sentence": _sentence(one)} for one in people],
    }


def _sentence(annex_person: AnnexPerson) -> list[str | list[str | int]]:
    """Return the sentence of the notice in pieces: words, and what stands on its lines with their length."""
    words = {
        "name": annex_person.person.name,
        "salutation": str(_(f"enrolment.form.employment.{annex_person.person.gender}")),
        "document": annex_person.document,
        **annex_person.told,
    }
    pieces = _GAP.split(str(_("enrolment.form.employment.sentence")))
    return [
        [words.get(piece, ""), _BLANKS[piece]] if place % 2 else piece
        for place, piece in enumerate(pieces)
        if piece
    ]


def employment_roster(people: Sequence[AnnexPerson], unit: MemberUnit) -> dict[str, Any]:
    """Return Annex 2 as the unit's list. Source: R-75."""
    return {
        "title": _("enrolment.form.employment_roster"),
        "foot": unit.name,
        "unit": unit.name,
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "title": _("enrolment.form.employment_roster"),
            "heads": [_(f"enrolment.form.roster.{name}") for name in _ROSTER],
            "seal": _("enrolment.form.employment.seal"),
            "day": _("enrolment.form.employment.day"),
        },
        "rows": [
            [str(place), one.person.name, one.document]
            + [one.told.get(name, "") for name in ("department", "post", "years", "remark")]
            for place, one in enumerate(people, 1)
        ],
    }


DOCUMENTS = ("application_form", "employment", "employment_roster")


@dataclass(frozen=True, slots=True)
class PrintedForm:
    """What a form says, and the photos in it by the names that it calls them."""

    data: dict[str, Any]
    photos: dict[str, bytes]


def print_form(
    ref: str, document: str, people: Sequence[str], by: Applying
) -> tuple[PrintedForm, Callable[[Session], None]]:
    """Return what a form says of the chosen people of an application, of everybody where none is chosen.

    Beside it comes what puts the print on record.

    Raise InvalidInput("web.bad_request"), NotFound("application.unknown"), Conflict("application.nobody"),
    Unavailable("personal.unreadable").

    Source: R-74, R-75.
    """
    if document not in DOCUMENTS:
        raise InvalidInput("web.bad_request")
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=by.unit_id)
        everybody = store.people_of(session, application)
        chosen = [_known(one) for one in everybody if not people or one.ref in people]
        if not chosen:
            raise Conflict("application.nobody")
        photos = _photos(session, document, chosen)
        data = _data(session, document, chosen, application.unit_id, application.blueprint_version_id)
        subject, after = application.logged_as, {"document": document, "people": len(chosen)}
    note = partial(record, at=by.now, actor=by.actor, act="application.print", subject=subject, after=after)
    return PrintedForm(data, photos), note


def _photos(session: Session, document: str, people: Sequence[AnnexPerson]) -> dict[str, bytes]:
    if document != "application_form":
        return {}
    photos = photos_of_people(session, [one.person.id for one in people])
    return {one.photo: photos[one.person.id] for one in people if one.person.id in photos}


def _data(
    session: Session, document: str, people: Sequence[AnnexPerson], unit_id: int, version_id: int
) -> dict[str, Any]:
    unit = store.unit_of(session, unit_id)
    match document:
        case "application_form":
            return application_form(people, unit, blueprint_of(session, version_id))
        case "employment":
            return employment(people, unit)
        case _:
            return employment_roster(people, unit)


def _known(person: Applicant) -> AnnexPerson:
    facts = told_of(person)
    if facts is None:
        raise Unavailable("personal.unreadable")
    phone = open_sealed(person.phone_sealed, PHONE) if person.phone_sealed else ""
    return AnnexPerson(person, open_sealed(person.document_sealed, DOCUMENT), phone, facts)
