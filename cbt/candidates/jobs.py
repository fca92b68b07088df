"""Prints, rosters and photos of a sitting as jobs: made of what was read, and on record with their end."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import flask
import flask_babel
import msgspec
from sqlalchemy.orm import Session

from cbt.candidates import service
from cbt.candidates.corrections import PhotoImport, PhotoReport, attach_photos
from cbt.candidates.prints import DOCUMENTS, Occasion, note_print, of_again, of_person, of_room, photo_name
from cbt.candidates.roster.export import to_csv, to_xlsx
from cbt.errors import InvalidInput
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.printing.pdf import PDF, pdf, qr_drawing
from cbt.rules.roles import Role
from cbt.sittings.store import printed_purpose
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


def _print(work: Work) -> JobResult:
    document = work.asked["document"]
    with reading() as session:
        occasion, what_for, subject = _occasion(session, work)
    kind = DOCUMENTS[document]
    # A ticket holds all papers of a batch, and says at each what it is held for.
    purpose = "" if document == "tickets" else printed_purpose(occasion.sitting.purpose)
    made = pdf(
        document,
        {**kind.gather(occasion), "purpose": purpose},
        language=str(flask_babel.get_locale()),
        photos={photo_name(who): image for who, image in occasion.photos.items()} if kind.photos else None,
        drawings={f"{ticket.number}.svg": qr_drawing(ticket.number) for ticket in occasion.tickets}
        if kind.qr
        else None,
    )
    note = partial(note_print, document, occasion, subject=subject, principal=work.principal, now=work.now)
    work.in_front(note)  # tickets are noted a few at a time
    title = flask_babel.gettext(f"candidates.print.{document}")
    return JobResult(file=JobFile(f"{title}-{what_for}.pdf", PDF, made))


def _occasion(session: Session, work: Work) -> tuple[Occasion, str, str]:
    """Return what is printed, what it is for as the file's name says it, and the subject of the log's line."""
    match work.asked:
        case {"registration": ref}:
            occasion = of_person(session, ref, work.principal)
            return occasion, occasion.entries[0].ticket.number, f"registration:{ref}"
        case {"sitting": ref, "room": room}:
            occasion = of_room(session, ref, room)
            return occasion, f"{occasion.sitting.name}-{occasion.room}", f"sitting_room:{room}"
    occasion = of_again(session, work.asked["sitting"])
    name = f"{occasion.sitting.name}-{flask_babel.gettext('candidates.reprint.name')}"
    return occasion, name, occasion.sitting.logged_as


def _roster(work: Work) -> JobResult:
    sitting = work.asked["sitting"]
    rows, record = service.export_rows(
        sitting_ref=sitting,
        reveal_numbers=work.asked["reveal"],
        reason=work.asked["reason"],
        actor=work.actor,
        now=work.now,
    )
    if work.asked["csv"]:
        file = JobFile(f"roster-{sitting}.csv", "text/csv; charset=utf-8", to_csv(rows))
    else:
        file = JobFile(f"roster-{sitting}.xlsx", XLSX, to_xlsx(rows))
    return JobResult(file=file, record=record)


def photo_report_name(sitting_ref: str) -> str:
    """Return what the file is called that says what became of a sitting's photos."""
    return f"photos-{sitting_ref}.json"


def _photos(work: Work) -> JobResult:
    sitting_ref, draft = work.asked["sitting"], work.asked["draft"]
    photos = PhotoImport(now=work.now, actor=work.actor)
    with reading() as session:
        _sitting, name, body = photos.kept(session, sitting_ref, draft)
    forget = partial(photos.forget, sitting_ref, draft)
    try:
        report = attach_photos(sitting_ref=sitting_ref, body=body, now=work.now, actor=work.actor, work=work)
    except InvalidInput:
        work.in_front(forget)  # it is none, however often it is read
        raise
    work.in_front(forget)
    # The names of files may be those of people: they are kept as a file is, sealed.
    file = JobFile(photo_report_name(sitting_ref), "application/json", msgspec.json.encode((name, report)))
    outcome = {"stored": report.stored, "left": len(report.findings)}
    return JobResult(outcome, file if report.findings else None)


def photo_report(file: JobFile) -> tuple[str, PhotoReport]:
    """Return what a zip was called, and what became of it."""
    return msgspec.json.decode(file.body, type=tuple[str, PhotoReport])


def _photos_said(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    sentences = [(str(flask_babel.gettext("candidates.photos.stored", count=outcome["stored"])), "ok")]
    if outcome["left"]:
        left = flask_babel.gettext("candidates.photos.not_stored", count=outcome["left"])
        sentences.append((str(left), "warn"))
    return sentences


def _photos_page(ref: str, asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return flask.url_for("candidates.photos", ref=asked["sitting"], job=ref) if outcome["left"] else ""


PHOTOS = JobKind(
    "sitting.photos",
    frozenset({Role.OFFICER}),
    _photos,
    is_lasting=True,
    said=_photos_said,
    result_page=_photos_page,
)
PRINT = file_kind("sitting.print", READERS, _print)
ROSTER = file_kind("sitting.roster", (Role.OFFICER,), _roster)
