"""create_app(), the only module that knows every room; and what the things of the log are called, room by room."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import flask
import flask_wtf.csrf
from flask_babel import gettext as _
from jinja2 import ChoiceLoader, FileSystemLoader
from sqlalchemy import CompoundSelect, Select, literal, or_, select, union_all
from sqlalchemy.orm import Session

from cbt.accounts import views as accounts
from cbt.accounts.approvals.requests import register_kind
from cbt.accounts.audit_log import Called, LogNames, Namer, register_names
from cbt.accounts.models import Approval
from cbt.accounts.navigation import register_home_part
from cbt.accounts.second_factor import FACTOR_RESETS
from cbt.accounts.sign_in import SIGN_IN, put_on_record
from cbt.accounts.store import half_principal, signed_in_principal
from cbt.application import views as application_views
from cbt.application.backup_hook import SEND
from cbt.application.backups import BACKUP, init_backups
from cbt.application.home import first_steps_on_home, turns_on_home
from cbt.application.hot_addresses import init_hot
from cbt.application.jobs import JOBS
from cbt.application.observation import init_observation
from cbt.application.views import room_lines
from cbt.assembly import coverage_views as coverage
from cbt.audit.anchor import Anchor, init_anchor
from cbt.audit.flood_limit import record_guessing
from cbt.bank import jobs as bank_jobs
from cbt.bank import views as bank_views
from cbt.bank.imports.bank_import import BANKS
from cbt.bank.lint.job import LINT
from cbt.bank.store import bank_names, drawable_banks
from cbt.batches import jobs as batch_jobs
from cbt.batches import views as batches
from cbt.batches.applications import is_unplaced, paper_fates
from cbt.batches.roster.roster_import import BROUGHT
from cbt.batches.views import batches_on_home
from cbt.blueprints.office import views as blueprints
from cbt.blueprints.office.pages import register_banks
from cbt.blueprints.reasons import init_reasons
from cbt.blueprints.store import register_drawable, register_uses
from cbt.blueprints.summary import minutes_of, plain_points
from cbt.blueprints.versions import told_faults
from cbt.candidates import jobs as candidate_jobs
from cbt.candidates import views as office
from cbt.candidates.models import AdmissionTicket, Candidate, Registration, Withdrawal
from cbt.candidates.service import CORRECTIONS
from cbt.candidates.store import blueprint_uses, candidate_principal
from cbt.certificates import jobs as certificate_jobs
from cbt.certificates import views as certificates
from cbt.certificates.models import Certificate
from cbt.certificates.register import certificates_held
from cbt.clock import Agreement, Clock, SystemClock
from cbt.config import Settings, read_settings
from cbt.door import views as door_views
from cbt.door.address_watch import note_elsewhere
from cbt.door.admission import register_papers
from cbt.door.seats import was_issued
from cbt.enrolment import jobs as enrolment_jobs
from cbt.enrolment import views as enrolment
from cbt.enrolment.applications.person import register_retakes
from cbt.enrolment.applications.store import register_unplaced
from cbt.enrolment.applications.views import applications_on_home
from cbt.enrolment.body import BODY_CHANGES
from cbt.enrolment.fees.charges import register_fates
from cbt.enrolment.models import (
    Applicant,
    FeePayment,
    MemberUnit,
    OfficeMajor,
    UnitAgreement,
    UnitApplication,
)
from cbt.help import views as help_views
from cbt.http import health
from cbt.http import views as http_views
from cbt.http.auth.access import access_of, init_access, register_elsewhere, register_remedy, remedy
from cbt.http.auth.cookies import init_cookies
from cbt.http.auth.login import HALF, current_principal, init_login, register_resolver
from cbt.http.auth.machine import init_machines, register_issued_before
from cbt.http.auth.throttle import UnknownNames, register_guessing
from cbt.http.auth.wsgi_login import init_door
from cbt.http.form_posts.idempotency import init_once
from cbt.http.form_posts.kept_forms import init_kept
from cbt.http.form_values import BoundedInteger
from cbt.http.health import files_lost, low_disks
from cbt.http.i18n import init_i18n
from cbt.http.page_cache import init_kept_pages
from cbt.http.problems import init_problems, register_recorder
from cbt.http.request_log import ObservedApp
from cbt.http.responses import init_headers
from cbt.http.server.lanes import init_strangers
from cbt.http.server.proxies import init_proxies
from cbt.http.server.request_body import init_children, init_receiving, init_time
from cbt.http.static import init_assets
from cbt.http.views import init_trust
from cbt.items.models import Item, ItemBank
from cbt.items.types.answer_page import answer_parts, form_loader
from cbt.jobs import views as jobs
from cbt.jobs.registry import JobKind, init_jobs
from cbt.paper_mode.models import PaperPiece, ScanUpload
from cbt.paths import product_dir
from cbt.personnel import views as personnel
from cbt.personnel.jobs import MARKED_LIST
from cbt.personnel.slips import SLIPS
from cbt.personnel.staff_import import STAFF_LISTS
from cbt.proctoring import doorway_views as doorway
from cbt.proctoring import hand_views as hands
from cbt.proctoring import jobs as proctoring_jobs
from cbt.proctoring import readiness_views as readiness
from cbt.proctoring import views as proctoring_views
from cbt.proctoring.approval import ROOM_ACTS
from cbt.proctoring.readiness import register_server_part
from cbt.results import jobs as result_jobs
from cbt.results import views as results_views
from cbt.results.analysis import views as analysis_views
from cbt.results.analysis.job import JOBS as ANALYSIS_JOBS
from cbt.results.desk.certificates import register_certificates
from cbt.results.desk.jobs import JOBS as DESK_JOBS
from cbt.results.handler import init_result_changes
from cbt.results.jobs import RELEASES
from cbt.results.key_corrections.jobs import JOBS as KEY_JOBS
from cbt.results.key_corrections.jobs import KEY_CORRECTIONS
from cbt.results.late_answers import LATE_RULINGS
from cbt.results.likeness import views as likeness_views
from cbt.results.likeness.job import JOBS as LIKENESS_JOBS
from cbt.results.models import UploadMapping
from cbt.results.panels import views as panel_views
from cbt.results.panels.jobs import JOBS as PANEL_JOBS
from cbt.results.panels.panel import PANEL_DECISIONS
from cbt.results.retake_ledger import retake_verdicts
from cbt.retention import jobs as retention_jobs
from cbt.retention import views as retention
from cbt.retention.destruction import DESTROY
from cbt.retention.due_batches import TERMS
from cbt.retention.models import Destruction
from cbt.runner import api as delivery_api
from cbt.runner import practice_views as practice
from cbt.runner import views as delivery
from cbt.runner.jobs import DRAW
from cbt.runner.models import Attempt
from cbt.runner.news import handler as news
from cbt.runner.news.watcher import init_news
from cbt.runner.paper.handler import init_answer_pages
from cbt.runner.save.journal import init_journal
from cbt.runner.start.handler import init_openings
from cbt.runner.store import paper_states
from cbt.scoring.marking import jobs as marking_jobs
from cbt.scoring.marking import views as marking_views
from cbt.sittings import views as sittings
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingRoom
from cbt.slots import Slots
from cbt.storage.crypto import load_key
from cbt.storage.engine import init_database
from cbt.storage.write_queue.write_lock import Gate

MOST_SITTINGS = 200
"""So many are offered to choose from, and the one an address names."""
_SEPARATOR = " · "
_SITTING, _PERSON = "candidates.sitting", "candidates.registration"


def _found_by(query: Select[*tuple[Any, ...]], endpoint: str, key: Any) -> Namer:
    """Return who names things by rows of: their ref, the parts of their name, the ref of the page."""

    def name(session: Session, refs: Collection[str]) -> dict[str, Called]:
        rows = session.execute(query.where(key.in_(refs)))
        return {
            ref: Called(_SEPARATOR.join(filter(None, parts)), endpoint if shown else "", {"ref": shown})
            for ref, *parts, shown in rows
        }

    return name


def _seats(session: Session, refs: Collection[str]) -> dict[str, Called]:
    rooms = {ref.partition(":")[0] for ref in refs}
    names = dict(session.execute(select(Room.ref, Room.name).where(Room.ref.in_(rooms))).all())
    seats = {}
    for ref in refs:
        room, _colon, number = ref.partition(":")
        if room in names:
            name = str(_("accounts.log.seat", room=names[room], number=number))
            seats[ref] = Called(name, "sittings.centres.room", {"ref": room})
    return seats


def _items(session: Session, refs: Collection[str]) -> dict[str, Called]:
    rows = session.execute(
        select(Item.ref, ItemBank.name, ItemBank.ref).join(ItemBank).where(Item.ref.in_(refs))
    ).all()
    names: dict[str, Called] = {}
    for ref, bank_name, bank in rows:
        # Of two banks that call an item the same, the log does not say which.
        is_known = ref in names
        name = ref if is_known else f"{bank_name}{_SEPARATOR}{ref}"
        names[ref] = Called(name, "" if is_known else "bank.item", {"ref": bank, "item_ref": ref})
    return names


def _approvals(session: Session, refs: Collection[str]) -> dict[str, Called]:
    rows = session.execute(select(Approval.ref, Approval.act, Approval.place).where(Approval.ref.in_(refs)))
    return {
        ref: Called(_SEPARATOR.join(filter(None, (str(_(f"approval.act.{act}")), place))))
        for ref, act, place in rows
    }


def _days(_session: Session, refs: Collection[str]) -> dict[str, Called]:
    return {ref: Called(ref, "enrolment.decided.days") for ref in refs}


def _blueprints(_session: Session, refs: Collection[str]) -> dict[str, Called]:
    return {ref: Called(ref, "blueprints.blueprint", {"ref": ref}) for ref in refs}


def _simple(table: Any, endpoint: str) -> Namer:
    return _found_by(select(table.ref, table.name, table.ref), endpoint, table.ref)


_people = select(Registration.ref, Candidate.name, Sitting.name, Registration.ref)
_newest = (
    select(Registration.ref)
    .where(Registration.candidate_id == Candidate.id)
    .order_by(Registration.id.desc())
    .limit(1)
    .correlate(Candidate)
    .scalar_subquery()
)
_registered = _found_by(
    _people.join(Candidate, Candidate.id == Registration.candidate_id).join(
        Sitting, Sitting.id == Registration.sitting_id
    ),
    _PERSON,
    Registration.ref,
)


def _registrations(session: Session, refs: Collection[str]) -> dict[str, Called]:
    """Name registrations, and those that were withdrawn by who withdrew, with the page of that person."""
    names = _registered(session, refs)
    gone = set(refs) - names.keys()
    query = (
        select(Withdrawal.registration_ref, Candidate.name, Sitting.name, Candidate.ref, Batch.ref)
        .join(Candidate, Candidate.id == Withdrawal.candidate_id)
        .join(Sitting, Sitting.id == Withdrawal.sitting_id)
        .join(AdmissionTicket, AdmissionTicket.id == Withdrawal.ticket_id)
        .join(Batch, Batch.id == AdmissionTicket.batch_id)
        .where(Withdrawal.registration_ref.in_(gone))
    )
    for ref, name, sitting, person, batch in session.execute(query) if gone else ():
        shown = {"ref": batch, "person": person}
        names[ref] = Called(f"{name}{_SEPARATOR}{sitting}", "batches.people.person", shown)
    return names


NAMERS: dict[str, Namer] = {
    "batch": _simple(Batch, "batches.checklist.batch"),
    "centre": _simple(Centre, "sittings.centres.centre"),
    "room": _simple(Room, "sittings.centres.room"),
    "seat": _seats,
    "sitting": _found_by(
        select(Sitting.ref, Batch.name, Sitting.name, Sitting.ref).join(Batch, Batch.id == Sitting.batch_id),
        _SITTING,
        Sitting.ref,
    ),
    "sitting_room": _found_by(
        select(SittingRoom.ref, Sitting.name, Room.name, Sitting.ref)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id),
        _SITTING,
        SittingRoom.ref,
    ),
    "paper_piece": _found_by(
        select(PaperPiece.ref, Sitting.name, Room.name, Sitting.ref)
        .join(SittingRoom, SittingRoom.id == PaperPiece.sitting_room_id)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id),
        _SITTING,
        PaperPiece.ref,
    ),
    "scan_upload": _found_by(
        select(ScanUpload.ref, Sitting.name, ScanUpload.name, Sitting.ref).join(
            Sitting, Sitting.id == ScanUpload.sitting_id
        ),
        _SITTING,
        ScanUpload.ref,
    ),
    "registration": _registrations,
    "attempt": _found_by(
        select(Attempt.ref, Candidate.name, Sitting.name, Registration.ref)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(Sitting, Sitting.id == Registration.sitting_id),
        _PERSON,
        Attempt.ref,
    ),
    "candidate": _found_by(select(Candidate.ref, Candidate.name, _newest), _PERSON, Candidate.ref),
    "item": _items,
    "item_bank": _simple(ItemBank, "bank.bank"),
    "blueprint": _blueprints,
    "approval": _approvals,
    "member_unit": _simple(MemberUnit, "enrolment.units.unit"),
    "certificate": _found_by(
        select(Certificate.ref, Certificate.number, Certificate.name, Certificate.ref),
        "certificates.certificate",
        Certificate.ref,
    ),
    "upload_mapping": _simple(UploadMapping, "certificates.uploads.mapping"),
    "result_mapping": _simple(UploadMapping, "results.tables.mapping"),
    "destruction": _found_by(
        select(Destruction.ref, Batch.name, Destruction.ref).join(Batch, Batch.id == Destruction.batch_id),
        "retention.destruction",
        Destruction.ref,
    ),
    "unit_agreement": _found_by(
        select(UnitAgreement.ref, UnitAgreement.number, MemberUnit.name, UnitAgreement.ref).join(
            MemberUnit, MemberUnit.id == UnitAgreement.unit_id
        ),
        "enrolment.agreements.agreement",
        UnitAgreement.ref,
    ),
    "unit_application": _found_by(
        select(UnitApplication.ref, UnitApplication.number, MemberUnit.name, UnitApplication.ref).join(
            MemberUnit, MemberUnit.id == UnitApplication.unit_id
        ),
        "enrolment.applications.application",
        UnitApplication.ref,
    ),
    "fee_payment": _found_by(
        select(FeePayment.ref, FeePayment.reference, MemberUnit.name, FeePayment.ref).join(
            MemberUnit, MemberUnit.id == FeePayment.unit_id
        ),
        "enrolment.fees.payment",
        FeePayment.ref,
    ),
    "day": _days,
    "office_major": _found_by(
        select(OfficeMajor.ref, OfficeMajor.name, OfficeMajor.occupation, OfficeMajor.ref),
        "",
        OfficeMajor.ref,
    ),
    "applicant": _found_by(
        select(Applicant.ref, Applicant.name, MemberUnit.name, UnitApplication.ref)
        .join(UnitApplication, UnitApplication.id == Applicant.application_id)
        .join(MemberUnit, MemberUnit.id == UnitApplication.unit_id),
        "enrolment.applications.application",
        Applicant.ref,
    ),
}


def _sittings(session: Session, chosen: str) -> list[tuple[str, str]]:
    newest = select(Sitting.id).order_by(Sitting.id.desc()).limit(MOST_SITTINGS).subquery()
    query = (
        select(Sitting.ref, Batch.name, Sitting.name)
        .join(Batch, Batch.id == Sitting.batch_id)
        .where(or_(Sitting.id.in_(select(newest.c.id)), Sitting.ref == chosen))
        .order_by(Sitting.id.desc())
    )
    return [(ref, f"{batch}{_SEPARATOR}{name}") for ref, batch, name in session.execute(query)]


def _of_sitting(ref: str) -> CompoundSelect[str]:
    sitting = select(Sitting.id).where(Sitting.ref == ref).scalar_subquery()

    def describe(kind: str, of: Any) -> Any:
        return literal(f"{kind}:") + of

    return union_all(
        select(describe("sitting", Sitting.ref)).where(Sitting.ref == ref),
        select(describe("sitting_room", SittingRoom.ref)).where(SittingRoom.sitting_id == sitting),
        select(describe("registration", Registration.ref)).where(Registration.sitting_id == sitting),
        select(describe("registration", Withdrawal.registration_ref)).where(Withdrawal.sitting_id == sitting),
        select(describe("attempt", Attempt.ref))
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting),
    )


LOG_NAMES = LogNames(NAMERS, _sittings, _of_sitting)
"""How the log of the accounts room calls what the rooms after it put on record."""


MAX_DRIFT = timedelta(seconds=2)
"""A wall clock that jumped by more shows a banner; it closes nobody (R-27)."""

WITHOUT_TIME = ("health", "metrics", "assets")
"""What a node answers though its clock is wrong: how it is, and the looks of the page that says so."""

PAGES: tuple[flask.Blueprint, ...] = (
    http_views.preference_pages,
    http_views.receiving_pages,
    http_views.kept_form_pages,
    health.pages,
    http_views.metrics_pages,
    http_views.tls_trust_pages,
    help_views.pages,
    accounts.pages,
    blueprints.pages,
    bank_views.pages,
    coverage.pages,
    sittings.pages,
    enrolment.pages,
    personnel.pages,
    office.pages,
    door_views.pages,
    door_views.kiosk_pages,
    delivery.pages,
    delivery_api.pages,
    news.pages,
    delivery.uses_pages,
    practice.pages,
    proctoring_views.pages,
    proctoring_views.incident_pages,
    proctoring_views.inspection_pages,
    proctoring_views.recovery_pages,
    proctoring_views.record_pages,
    hands.pages,
    readiness.pages,
    doorway.pages,
    results_views.pages,
    certificates.pages,
    retention.pages,
    results_views.late_answer_pages,
    results_views.package_pages,
    analysis_views.pages,
    likeness_views.pages,
    panel_views.pages,
    marking_views.pages,
    batches.pages,
    jobs.pages,
    application_views.backup_pages,
    application_views.doctor_pages,
)


STARRED_ACTS = (
    ROOM_ACTS,
    CORRECTIONS,
    RELEASES,
    LATE_RULINGS,
    KEY_CORRECTIONS,
    PANEL_DECISIONS,
    TERMS,
    FACTOR_RESETS,
    BODY_CHANGES,
)
"""What takes two people, room by room (R-62)."""

KINDS_OF_JOBS: tuple[JobKind, ...] = (
    LINT,
    *BANKS.jobs,
    bank_jobs.EXPORT,
    bank_jobs.MARKED_FILE,
    bank_jobs.CHANGE_ITEMS,
    bank_jobs.UNDO_IMPORT,
    enrolment_jobs.AGREEMENT,
    enrolment_jobs.STATEMENT,
    enrolment_jobs.JOURNAL,
    enrolment_jobs.FORMS,
    enrolment_jobs.MARKED_LIST,
    enrolment_jobs.DECIDE,
    enrolment_jobs.TAKE_STEP,
    enrolment_jobs.CHARGE,
    enrolment_jobs.MATCH,
    enrolment_jobs.CANCEL_FEES,
    *STAFF_LISTS.jobs,
    MARKED_LIST,
    SLIPS,
    candidate_jobs.PHOTOS,
    candidate_jobs.PRINT,
    candidate_jobs.ROSTER,
    DRAW,
    proctoring_jobs.ROOM_RECORD,
    proctoring_jobs.TEST_PAGE,
    proctoring_jobs.GO_SHEET,
    result_jobs.WORKBOOK,
    result_jobs.SHEET_PRINT,
    result_jobs.LETTER,
    result_jobs.APPEAL_LETTER,
    result_jobs.PUBLIC_LIST,
    result_jobs.PACKAGE,
    result_jobs.PUBLISH_RESULTS,
    result_jobs.RELEASE,
    result_jobs.CORRECTION,
    *KEY_JOBS,
    *ANALYSIS_JOBS,
    *LIKENESS_JOBS,
    *PANEL_JOBS,
    marking_jobs.END_DESK,
    marking_jobs.OPEN_DESK,
    *DESK_JOBS,
    certificate_jobs.PRINT,
    certificate_jobs.UPLOAD,
    certificate_jobs.OWN_RESULTS,
    certificate_jobs.ISSUE,
    *BROUGHT.jobs,
    batch_jobs.INFORM_LIST,
    batch_jobs.ROSTER,
    batch_jobs.MARKED_ROSTER,
    batch_jobs.APPLICATION_ROSTER,
    batch_jobs.TAKE_OUT,
    batch_jobs.DRAW_BATCH,
    batch_jobs.ARRANGE_SITTING,
    batch_jobs.ARRANGE_BATCH,
    batch_jobs.PUBLISH_BATCH,
    batch_jobs.MOVE_SITTING,
    batch_jobs.CANCEL_SITTING,
    DESTROY,
    retention_jobs.PERSON_EXPORT,
    retention_jobs.PERSON_STATEMENT,
    retention_jobs.DESTRUCTION_RECORD,
    BACKUP,
    SEND,
    application_views.LOG_BOOK,
)
"""All background work that somebody asks for, room by room."""


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> flask.Flask:
    """Return the app of one process; `clock` is the only way to bring another clock."""
    settings = settings or read_settings()
    app = ObservedApp("cbt", template_folder=None, static_folder=None)
    pages = FileSystemLoader(product_dir("templates"))
    app.jinja_loader = ChoiceLoader([pages, form_loader()])
    app.url_map.converters["int"] = BoundedInteger
    app.extensions.update(cbt_settings=settings, cbt_clock=clock or SystemClock(), cbt_agreement=Agreement())
    app.extensions["cbt_slots"] = Slots(settings.data_dir / "slots.lock")
    _configure(app, settings)
    init_cookies(app, settings)
    init_database(app, settings)
    init_anchor(app, settings)
    init_time(app, without=WITHOUT_TIME)
    csrf = flask_wtf.csrf.CSRFProtect(app)
    init_problems(app)
    init_machines(app)
    app.extensions["cbt_unknown_names"] = UnknownNames()
    init_door(app)
    init_login(app)
    init_children(app)
    init_access(app)
    init_kept(app)
    register_recorder(app, put_on_record)
    init_headers(app, settings)
    init_trust(app, settings)
    init_i18n(app, settings)
    init_reasons(app)
    init_assets(app, product_dir("static"), entries=(delivery.ENTRY,), parts=answer_parts())
    init_kept_pages(app)
    register_resolver(app, "staff", signed_in_principal)
    register_resolver(app, HALF, half_principal)
    register_resolver(app, "candidate", candidate_principal)
    register_papers(app, paper_states)
    register_uses(app, blueprint_uses)
    register_drawable(app, drawable_banks)
    register_names(app, LOG_NAMES)
    register_certificates(app, certificates_held)
    register_retakes(app, retake_verdicts)
    register_fates(app, paper_fates)
    register_unplaced(app, is_unplaced)
    register_banks(app, bank_names)
    register_home_part(app, first_steps_on_home)
    register_home_part(app, batches_on_home)
    register_home_part(app, applications_on_home)
    register_home_part(app, turns_on_home)
    register_remedy(app, "body.unset", "enrolment.body.body", "enrolment.body.title")
    register_guessing(app, record_guessing)
    register_server_part(app, room_lines)
    for kind in STARRED_ACTS:
        register_kind(app, kind)
    register_issued_before(app, was_issued)
    register_elsewhere(app, note_elsewhere)
    init_jobs(app, KINDS_OF_JOBS)
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    init_once(app)
    _exempt_lease_views(app, csrf)
    init_journal(app)
    init_news(app)
    init_result_changes(app)
    init_openings(app)
    init_answer_pages(app)
    delivery.init_worker(app)
    init_hot(app)
    init_proxies(app, settings.trusted_proxies)
    init_receiving(app)
    init_strangers(app, scope=SIGN_IN, endpoint="accounts.sign_in")
    init_observation(app, settings, jobs=[job.__name__ for job, _ in JOBS])
    init_backups(app, settings)
    app.add_template_global(current_principal, "principal")
    app.add_template_global(jobs.jobs_about)
    app.add_template_global(remedy)
    app.add_template_global(told_faults, "blueprint_faults")
    for shown in (minutes_of, plain_points):
        app.add_template_global(shown)
    gate: Gate = app.extensions["cbt_gate"]
    app.add_template_global(lambda: files_lost(app), "files_lost")
    app.add_template_global(lambda: low_disks(settings), "low_disks")
    app.add_template_global(lambda: gate.copy is not None and gate.copy.behind, "copy_behind")
    anchor: Anchor | None = app.extensions["cbt_anchor"]
    app.add_template_global(lambda: anchor is not None and anchor.behind, "anchor_behind")
    app.add_template_global(lambda: abs(app.extensions["cbt_clock"].drift()) > MAX_DRIFT, "clock_jumped")
    return app


def _configure(app: flask.Flask, settings: Settings) -> None:
    # In this order: where the keys are missing, none is made.
    personal = load_key(settings.keys, "personal", may_create=False)
    app.config.update(
        SECRET_KEY=load_key(settings.keys, "cookies", may_create=True),
        PERSONAL_KEY=personal,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=14),
        MAX_CONTENT_LENGTH=settings.max_upload_mb * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        TEMPLATES_AUTO_RELOAD=False,
    )


def _exempt_lease_views(app: flask.Flask, csrf: flask_wtf.csrf.CSRFProtect) -> None:
    # The lease is the credential of these views and comes in a header of its own: no other site's page can send it.
    for endpoint, view in app.view_functions.items():
        access = access_of(app, endpoint)
        if access is not None and access.kind == "lease":
            csrf.exempt(view)
