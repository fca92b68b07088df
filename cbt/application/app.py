"""create_app(): the only module that knows every room."""

from __future__ import annotations

from datetime import timedelta

import flask
import flask_wtf.csrf
from jinja2 import ChoiceLoader, FileSystemLoader

from cbt.accounts import views as accounts
from cbt.accounts.approvals.requests import register_kind
from cbt.accounts.log.words import register_names
from cbt.accounts.navigation import register_home_part
from cbt.accounts.sign_in.refusals import init_refusals
from cbt.accounts.sign_in.service import SIGN_IN
from cbt.accounts.store import half_principal, signed_in_principal
from cbt.application import backup_views as backups
from cbt.application import doctor_views as doctor
from cbt.application.audit_subjects import LOG_NAMES
from cbt.application.backups import init_backups
from cbt.application.doctor_views import room_lines
from cbt.application.hot_addresses import init_hot
from cbt.application.jobs import JOBS
from cbt.application.observation import init_observation
from cbt.assembly import coverage_views as coverage
from cbt.audit.anchor import Anchor, init_anchor
from cbt.audit.flood_limit import record_guessing
from cbt.bank import views as bank
from cbt.bank.lint.standing import LINT
from cbt.batches import views as batches
from cbt.batches.applications import paper_fates
from cbt.batches.checklist_views import batches_on_home
from cbt.blueprints.office import views as blueprints
from cbt.blueprints.reasons import init_reasons
from cbt.blueprints.store import register_uses
from cbt.blueprints.summary import minutes_of, plain_points
from cbt.blueprints.versions import told_faults
from cbt.candidates.desk import views as office
from cbt.candidates.desk.service import CORRECTIONS
from cbt.candidates.store import blueprint_uses, candidate_principal
from cbt.certificates import views as certificates
from cbt.clock import Agreement, Clock, SystemClock
from cbt.config import Settings, read_settings
from cbt.door import kiosk_views as kiosk
from cbt.door import views as candidates
from cbt.door.address_watch import note_elsewhere
from cbt.door.admission import register_papers
from cbt.door.seats import was_issued
from cbt.enrolment import views as enrolment
from cbt.enrolment.applications.person import register_retakes
from cbt.enrolment.applications.views import applications_on_home
from cbt.enrolment.fees.charges import register_fates
from cbt.errors import Unavailable
from cbt.http import health, metrics_view, preferences, tls_trust
from cbt.http.auth.access import access_of, init_access, register_elsewhere
from cbt.http.auth.cookies import init_cookies
from cbt.http.auth.login import HALF, current_principal, init_login, register_resolver
from cbt.http.auth.machine import init_machines, register_issued_before
from cbt.http.auth.throttle import UnknownNames, register_guessing
from cbt.http.auth.wsgi_login import init_door
from cbt.http.form_posts import views as kept
from cbt.http.form_posts.idempotency import init_once
from cbt.http.form_posts.kept_forms import init_kept
from cbt.http.form_values import BoundedInteger
from cbt.http.health import files_lost, low_disks
from cbt.http.i18n import init_i18n
from cbt.http.page_cache import init_kept_pages
from cbt.http.problems import init_problems
from cbt.http.request_log import ObservedApp
from cbt.http.responses import init_headers
from cbt.http.server import views as receiving
from cbt.http.server.body_limits import init_children
from cbt.http.server.deferred import ThreadsOnly
from cbt.http.server.lanes import init_strangers
from cbt.http.server.proxies import init_proxies
from cbt.http.server.request_body import RECEIVED_AT, init_receiving, refuse_unread
from cbt.http.static import init_assets
from cbt.http.tls_trust import init_trust
from cbt.items.types.answer_page import answer_parts, form_loader
from cbt.jobs import views as jobs
from cbt.jobs.registry import JobKind, init_jobs
from cbt.paths import product_dir
from cbt.proctoring import doorway_views as doorway
from cbt.proctoring import incident_views as reports
from cbt.proctoring import inspection_views as inspecting
from cbt.proctoring import recovery_views as recovery
from cbt.proctoring import views as proctoring
from cbt.proctoring.approval import ROOM_ACTS
from cbt.proctoring.readiness import views as readiness
from cbt.proctoring.readiness.room import register_server_part
from cbt.proctoring.record import views as record
from cbt.results import late_answer_views as late_answers
from cbt.results import views as results
from cbt.results.approval import LATE_RULINGS, RELEASES
from cbt.results.change_number import init_result_changes
from cbt.results.jobs import WORKBOOK
from cbt.results.package import views as packages
from cbt.results.retake_ledger import retake_verdicts
from cbt.retention import views as retention
from cbt.retention.destruction import DESTROY
from cbt.retention.terms import TERMS
from cbt.runner import api as delivery_api
from cbt.runner import item_uses_views as uses
from cbt.runner import practice_views as practice
from cbt.runner import views as delivery
from cbt.runner.jobs import DRAW
from cbt.runner.news import path as news
from cbt.runner.news.watcher import init_news
from cbt.runner.paper.path import init_answer_pages
from cbt.runner.save.journal import init_journal
from cbt.runner.start.reply import init_openings
from cbt.runner.store import paper_states
from cbt.sittings.planning import views as sittings
from cbt.slots import Slots
from cbt.storage.crypto import load_key
from cbt.storage.engine import init_database
from cbt.storage.write_queue.write_lock import Gate

MAX_DRIFT = timedelta(seconds=2)
"""A wall clock that jumped by more shows a banner; it closes nobody (R-27)."""

WITHOUT_TIME = ("health", "metrics", "assets")
"""What a node answers though its clock is wrong: how it is, and the looks of the page that says so."""

PAGES: tuple[flask.Blueprint, ...] = (
    preferences.pages,
    receiving.pages,
    kept.pages,
    health.pages,
    metrics_view.pages,
    tls_trust.pages,
    accounts.pages,
    blueprints.pages,
    bank.pages,
    coverage.pages,
    sittings.pages,
    enrolment.pages,
    office.pages,
    candidates.pages,
    kiosk.pages,
    delivery.pages,
    delivery_api.pages,
    news.pages,
    uses.pages,
    practice.pages,
    proctoring.pages,
    reports.pages,
    inspecting.pages,
    recovery.pages,
    record.pages,
    readiness.pages,
    doorway.pages,
    results.pages,
    certificates.pages,
    retention.pages,
    late_answers.pages,
    packages.pages,
    batches.pages,
    jobs.pages,
    backups.pages,
    doctor.pages,
)


STARRED_ACTS = (ROOM_ACTS, CORRECTIONS, RELEASES, LATE_RULINGS, TERMS)
"""What takes two people, room by room (R-62)."""

KINDS_OF_JOBS: tuple[JobKind, ...] = (LINT, DRAW, WORKBOOK, DESTROY)
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
    _keep_time(app)
    csrf = flask_wtf.csrf.CSRFProtect(app)
    init_problems(app)
    init_machines(app)
    app.extensions["cbt_unknown_names"] = UnknownNames()
    init_door(app)
    init_login(app)
    init_children(app)
    init_access(app)
    init_kept(app)
    init_refusals(app)
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
    register_names(app, LOG_NAMES)
    register_retakes(app, retake_verdicts)
    register_fates(app, paper_fates)
    register_home_part(app, batches_on_home)
    register_home_part(app, applications_on_home)
    register_guessing(app, record_guessing)
    register_server_part(app, room_lines)
    for kind in STARRED_ACTS:
        register_kind(app, kind)
    register_issued_before(app, was_issued)
    register_elsewhere(app, note_elsewhere)
    init_jobs(app, KINDS_OF_JOBS)
    for pages in PAGES:
        app.register_blueprint(pages)
    init_once(app)
    _exempt_lease_views(app, csrf)
    init_journal(app)
    init_news(app)
    init_result_changes(app)
    init_openings(app)
    init_answer_pages(app)
    app.wsgi_app = ThreadsOnly(app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
    init_hot(app)
    init_proxies(app, settings.trusted_proxies)
    init_receiving(app)
    init_strangers(app, scope=SIGN_IN, endpoint="accounts.sign_in")
    init_observation(app, settings, jobs=[job.__name__ for job, _ in JOBS])
    init_backups(app, settings)
    app.add_template_global(current_principal, "principal")
    app.add_template_global(jobs.jobs_about)
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


def _keep_time(app: flask.Flask) -> None:
    agreement: Agreement = app.extensions["cbt_agreement"]

    @app.before_request
    def keep_time() -> None:
        flask.g.now = flask.request.environ[RECEIVED_AT]
        if not agreement.agrees and flask.request.blueprint not in WITHOUT_TIME:
            raise Unavailable("db.left_behind") if agreement.left_behind else Unavailable("clock.off")
        refuse_unread()


def _exempt_lease_views(app: flask.Flask, csrf: flask_wtf.csrf.CSRFProtect) -> None:
    # The lease is the credential of these views and comes in a header of its own: no other site's page can send it.
    for endpoint, view in app.view_functions.items():
        access = access_of(app, endpoint)
        if access is not None and access.kind == "lease":
            csrf.exempt(view)
