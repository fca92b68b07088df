"""Annexes 1 and 2 on paper, for the people of an application: what is known for each; the rest is for a pen.

The fields stand in the order of the notice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.store import blueprint_of
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import Applying
from cbt.enrolment.applications.attachments import photos_of_people
from cbt.enrolment.applications.person import told_of
from cbt.enrolment.models import Applicant, MemberUnit
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.personal.identity import DOCUMENT, PHONE, RESIDENT
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sittings.planning.inputs import minutes_text
from cbt.storage.crypto import open_sealed
from cbt.storage.unit_of_work import unit_of_work

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
class KnownPerson:
    """Somebody with the numbers in full and all that was typed, as paper needs them."""

    person: Applicant
    number: str
    phone: str
    told: dict[str, str]

    @property
    def photo(self) -> str:
        """What their photo is called on paper."""
        return f"photo-{self.person.id}"

    @property
    def document(self) -> str:
        """The number, with the kind of its document where that is no resident's."""
        if self.person.document_type in RESIDENT:
            return self.number
        return f"{_('door.document.' + self.person.document_type)} {self.number}"


def application_form(
    people: Sequence[KnownPerson], unit: MemberUnit, blueprint: ExamBlueprint
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


def _registered(one: KnownPerson, unit: MemberUnit, blueprint: ExamBlueprint) -> dict[str, Any]:
    told = one.told
    level = f"enrolment.level.{told['certificate_level']}" if "certificate_level" in told else ""
    occupation = told.get("certificate_occupation", "") or (blueprint.occupation_name if level else "")
    return {
        "name": one.person.name,
        "gender": _(f"candidates.gender.{one.person.gender}"),
        "born": _born(one),
        "photo": one.photo,
        "education": _(f"enrolment.education.{told['education']}") if "education" in told else "",
        "phone": one.phone,
        "document": one.document,
        "employer": unit.name,
        "years": _("enrolment.form.years.value", years=told.get("years", "　　　")),
        "address": unit.address,
        "insured": _(f"enrolment.form.insured.{told.get('insured', 'open')}"),
        "certificate": [occupation, _(level) if level else "", told.get("certificate_on", "")],
        "school": told.get("school", ""),
        "major": told.get("major", ""),
        "diploma_number": told.get("diploma_number", ""),
        "applied": [blueprint.occupation_name, blueprint.level_name],
    }


def _born(one: KnownPerson) -> str:
    if one.person.document_type not in RESIDENT:
        return str(_("enrolment.form.born.value", year="　　", month="　", day="　"))
    year, month, day = one.number[6:10], one.number[10:12], one.number[12:14]
    return str(_("enrolment.form.born.value", year=year, month=int(month), day=int(day)))


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


def employment(people: Sequence[KnownPerson], unit: MemberUnit) -> dict[str, Any]:
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


def _sentence(one: KnownPerson) -> list[str | list[str | int]]:
    """Return the sentence of the notice in pieces: words, and what stands on its lines with their length."""
    known = {
        "name": one.person.name,
        "salutation": str(_(f"enrolment.form.employment.{one.person.gender}")),
        "document": one.document,
        **one.told,
    }
    pieces = _GAP.split(str(_("enrolment.form.employment.sentence")))
    return [
        [known.get(piece, ""), _BLANKS[piece]] if place % 2 else piece
        for place, piece in enumerate(pieces)
        if piece
    ]


def employment_roster(people: Sequence[KnownPerson], unit: MemberUnit) -> dict[str, Any]:
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


def print_form(ref: str, document: str, people: Sequence[str], who: Applying) -> PrintedForm:
    """Return what a form says of the chosen people of an application, of everybody where none is chosen.

    Raise InvalidInput("web.bad_request"), NotFound("application.unknown"), Conflict("application.nobody"),
    Unavailable("personal.unreadable").

    Source: R-74, R-75.
    """
    if document not in DOCUMENTS:
        raise InvalidInput("web.bad_request")
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=who.unit_id)
        everybody = store.people_of(session, application)
        chosen = [_known(one) for one in everybody if not people or one.ref in people]
        if not chosen:
            raise Conflict("application.nobody")
        photos = _photos(session, document, chosen)
        data = _data(session, document, chosen, application.unit_id, application.blueprint_version_id)
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="application.print",
            subject=application.logged_as,
            after={"document": document, "people": len(chosen)},
        )
    return PrintedForm(data, photos)


def _photos(session: Session, document: str, people: Sequence[KnownPerson]) -> dict[str, bytes]:
    if document != "application_form":
        return {}
    found = photos_of_people(session, [one.person.id for one in people])
    return {one.photo: found[one.person.id] for one in people if one.person.id in found}


def _data(
    session: Session, document: str, people: Sequence[KnownPerson], unit_id: int, version_id: int
) -> dict[str, Any]:
    unit = store.unit_of(session, unit_id)
    match document:
        case "application_form":
            return application_form(people, unit, blueprint_of(session, version_id))
        case "employment":
            return employment(people, unit)
        case _:
            return employment_roster(people, unit)


def _known(person: Applicant) -> KnownPerson:
    told = told_of(person)
    if told is None:
        raise Unavailable("personal.unreadable")
    phone = open_sealed(person.phone_sealed, PHONE) if person.phone_sealed else ""
    return KnownPerson(person, open_sealed(person.document_sealed, DOCUMENT), phone, told)
