"""Prints and rosters of a sitting as jobs: made of what was read, and on record with their end."""

from __future__ import annotations

from functools import partial

import flask_babel
from sqlalchemy.orm import Session

from cbt.candidates import service
from cbt.candidates.prints import DOCUMENTS, Occasion, note_print, of_again, of_person, of_room, photo_name
from cbt.candidates.roster.export import to_csv, to_xlsx
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
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


PRINT = file_kind("sitting.print", READERS, _print)
ROSTER = file_kind("sitting.roster", (Role.OFFICER,), _roster)
