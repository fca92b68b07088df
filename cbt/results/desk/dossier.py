"""Everything that led to the verdict on one person's paper (成绩依据), gathered in one reading.

Source: R-54, R-64, R-90, R-91, R-92, R-93.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.assembly.draw import checked
from cbt.assembly.models import Form
from cbt.audit import flood_limit
from cbt.audit.chain import Head, head_of
from cbt.audit.models import AuditEntry
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.results import store
from cbt.results.desk.certificates import HeldCertificate, certificates_of
from cbt.results.desk.paper import PersonalPaper, personal_paper
from cbt.results.desk.timeline import Timeline, timeline_of
from cbt.results.models import Appeal, Publication, Release, ResultObjection, ViolationRuling
from cbt.results.publicity.store import publications_of
from cbt.results.rulings import rulings_of
from cbt.results.sheet.sitting import Group, SheetLine, groups_of, lines_of
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.states import State
from cbt.runner.models import JournalEntry
from cbt.runner.save.digest import journal_texts
from cbt.scoring.late_answers import late_rulings_of
from cbt.scoring.models import LateRuling, RuledAttempt, Score
from cbt.scoring.score_sheets import Scorers
from cbt.scoring.service import Verified, compared
from cbt.sittings.models import Batch, Centre, Sitting, SittingRoom
from cbt.sittings.store import official_only
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading, unit_of_work

SAVES = 100
"""So many entries of the journal are on a page."""
MOST_PAPERS = 20
"""So many other papers of a person are led to."""


@dataclass(frozen=True, slots=True)
class OtherPaper:
    """Another paper of the same person whose sitting is over."""

    ref: str
    sitting: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Seals:
    """What a recount of this moment says of the evidence: frozen form, sealed journal, sheet of the score."""

    form_ok: bool
    journal_ok: bool
    sheet_ok: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """A paper of one person with all that its verdict rests on."""

    line: SheetLine
    groups: tuple[Group, ...]
    blueprint: ExamBlueprint
    exam_paper: Paper
    sitting: Sitting
    batch: Batch
    centre: Centre
    form: Form | None
    paper: PersonalPaper | None
    """None where nobody opened it."""
    seals: Seals | None
    scores: Sequence[Score]
    late: Sequence[tuple[LateRuling, RuledAttempt]]
    rulings: Sequence[ViolationRuling]
    corrections: Sequence[tuple[AuditEntry, Mapping[str, Any], Mapping[str, Any]]]
    objections: Sequence[ResultObjection]
    appeal: Appeal | None
    publication: Publication | None
    release: Release | None
    certificates: Sequence[HeldCertificate]
    timeline: Timeline
    others: Sequence[OtherPaper]
    names: Mapping[str, str]
    head: Head | None
    entries: int
    """How many entries the journal has."""

    @property
    def registration(self) -> Registration:
        return self.line.row.registration

    @property
    def title(self) -> str:
        return self.blueprint.paper_title(self.exam_paper.code)

    def name_of(self, actor: str) -> str:
        return self.names.get(actor, actor)


def dossier_of(session: Session, registration_ref: str) -> Dossier:
    """Return the dossier of a registration; raise NotFound("registration.unknown"), and like `finished_sitting`."""
    registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
    sitting = store.finished_sitting(session, session.get_one(Sitting, registration.sitting_id).ref)
    own = Registration.id == registration.id
    rows = store.rows_of_sitting(session, sitting.id, own)
    elsewhere = store.violations_elsewhere(session, sitting.id, own)
    (((_paper, (line,)),)) = lines_of(session, sitting, rows, elsewhere)
    blueprint = blueprint_of(session, registration.blueprint_version_id)
    exam_paper = blueprint.papers[registration.paper]
    attempt = line.row.attempt
    attempt_id = None if attempt is None else attempt.id
    paper = None
    if attempt is not None and attempt.started_at is not None:
        journal = journal_texts(session, [attempt.id])[attempt.id]
        paper = personal_paper(session, attempt.form_id, attempt.id, journal, line.row.score)
    late = late_rulings_of(session, attempt_id)
    rulings = rulings_of(session, registration.id)
    corrections = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject == registration.logged_as, AuditEntry.act == "results.correct")
        .order_by(AuditEntry.id)
    ).all()
    objections = session.scalars(
        select(ResultObjection).where(ResultObjection.registration_id == registration.id)
        .order_by(ResultObjection.id)
    ).all()  # fmt: skip
    appeal = session.scalar(select(Appeal).where(Appeal.registration_id == registration.id))
    release = store.release_of(session, sitting.id)
    held = certificates_of(session, registration.candidate_id, registration.blueprint_ref)
    told = [json.loads(one.after) for one in corrections]
    people = {one.decided_by for one in rulings} | {one.decided_by for one in objections}
    people |= {who for ruling, _case in late for who in (ruling.by, ruling.second)}
    people |= {one.actor for one in corrections} | {one["second"] for one in told}
    people |= {who for one in held for who in (one.issued_by, one.revoked_by)}
    people |= {release.by, release.second} if release else set()
    people |= {appeal.asked_by, appeal.ended_by} if appeal else set()
    names = actor_names(session, people)
    room = session.get_one(SittingRoom, registration.sitting_room_id)
    return Dossier(
        line=line,
        groups=groups_of(exam_paper),
        blueprint=blueprint,
        exam_paper=exam_paper,
        sitting=sitting,
        batch=session.get_one(Batch, sitting.batch_id),
        centre=session.get_one(Centre, sitting.centre_id),
        form=None if attempt is None else session.get_one(Form, attempt.form_id),
        paper=paper,
        seals=_seals(session, line),
        scores=session.scalars(
            select(Score).where(Score.attempt_id == attempt_id).order_by(Score.number)
        ).all(),
        late=late,
        rulings=rulings,
        corrections=[
            (entry, json.loads(entry.before), after) for entry, after in zip(corrections, told, strict=True)
        ],
        objections=objections,
        appeal=appeal,
        publication=publications_of(session, [sitting.id]).get(sitting.id),
        release=release,
        certificates=held,
        timeline=timeline_of(session, registration, sitting, room, attempt, held, names),
        others=_others(session, registration),
        names=names,
        head=head_of(session),
        entries=session.scalar(
            select(func.count()).select_from(JournalEntry).where(JournalEntry.attempt_id == attempt_id)
        )
        or 0,
    )


def _seals(session: Session, line: SheetLine) -> Seals | None:
    """Count a scored paper anew and return whether its evidence is what was sealed. Source: R-54."""
    attempt = line.row.attempt
    if attempt is None or line.row.score is None or attempt.state != State.SCORED:
        return None
    found: Verified
    (found,) = compared(session, [attempt.id], Scorers(checked))
    return Seals(found.form_ok, found.journal_ok, found.sheet_ok)


def _others(session: Session, registration: Registration) -> list[OtherPaper]:
    query = (
        select(Registration, Sitting)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(
            Registration.candidate_id == registration.candidate_id,
            Registration.id != registration.id,
            Sitting.state.in_(store.SHOWN),
            official_only(),
        )
        .order_by(Sitting.planned_start_at.desc(), Registration.id.desc())
        .limit(MOST_PAPERS)
    )
    return [
        OtherPaper(
            other.ref,
            sitting.name,
            blueprint_of(session, other.blueprint_version_id).paper_title(other.paper),
            sitting.planned_start_at,
        )
        for other, sitting in session.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class SavesPage:
    """A page of a journal: its entries in the order of their receipt."""

    saves: Sequence[JournalEntry]
    page: int
    pages: int


def saves_page(session: Session, attempt_id: int, count: int, *, page: int) -> SavesPage:
    """Return a page of the `count` entries of an attempt's journal. Source: R-41."""
    span = PageSpan(count, SAVES, page)
    query = (
        select(JournalEntry)
        .where(JournalEntry.attempt_id == attempt_id)
        .order_by(JournalEntry.lease_epoch, JournalEntry.seq)
        .limit(SAVES)
        .offset(span.offset)
    )
    return SavesPage(session.scalars(query).all(), span.page, span.pages)


def note_opened(registration_ref: str, *, with_key: bool, now: datetime, actor: str) -> None:
    """Put on record that somebody looks into a person's paper, before it is shown; a repeat is counted.

    Raise like `dossier_of`.

    Source: R-44, R-64.
    """
    with reading() as session:
        registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
        store.finished_sitting(session, session.get_one(Sitting, registration.sitting_id).ref)
        subject = registration.logged_as
    act = "results.view_keys" if with_key else "results.view_paper"
    with unit_of_work() as session:
        flood_limit.count(session, at=now, actor=actor, act=act, subject=subject)
