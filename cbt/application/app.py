"""create_app(): the only module that knows every room."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType

import flask
import flask_wtf.csrf

from cbt.accounts import views as accounts
from cbt.accounts.approvals.kinds import register_kind
from cbt.accounts.home import register_home_part
from cbt.accounts.log.naming import register_names
from cbt.accounts.sign_in.refusals import init_refusals
from cbt.accounts.sign_in.service import SIGN_IN
from cbt.accounts.store import half_principal, staff_principal
from cbt.application.backups import views as backups
from cbt.application.backups.warnings import init_backups
from cbt.application.doctor import views as doctor
from cbt.application.doctor.room_part import room_lines
from cbt.application.jobs import JOBS
from cbt.application.log_names import LOG_NAMES
from cbt.application.observation import init_observation
from cbt.assembly.coverage import views as coverage
from cbt.audit.anchor import Anchor, init_anchor
from cbt.audit.guessing import record_guessing
from cbt.bank import views as bank
from cbt.batches import views as batches
from cbt.batches.applied.fates import paper_fates
from cbt.batches.checklist.views import batches_on_home
from cbt.candidates.blueprint_uses import blueprint_uses
from cbt.candidates.corrections.approval import CORRECTIONS
from cbt.candidates.desk import views as office
from cbt.candidates.store import candidate_principal
from cbt.certificates import views as certificates
from cbt.clock import Agreement, Clock, SystemClock
from cbt.config import Settings, read_settings
from cbt.db.engine import init_database
from cbt.db.private.keys import load_key
from cbt.db.writing.gate import Gate
from cbt.delivery import api as delivery_api
from cbt.delivery import views as delivery
from cbt.delivery.news import views as news
from cbt.delivery.news.path import init_news_path
from cbt.delivery.news.watcher import init_news
from cbt.delivery.paper.path import init_answer_pages
from cbt.delivery.practice import views as practice
from cbt.delivery.save.journal import init_journal
from cbt.delivery.save.wire import init_save_path
from cbt.delivery.start.path import init_start_path
from cbt.delivery.start.reply import init_openings
from cbt.delivery.store import paper_states
from cbt.delivery.uses import views as uses
from cbt.delivery.waiting.path import init_wait_path
from cbt.door import views as candidates
from cbt.door.elsewhere import note_elsewhere
from cbt.door.kiosk import views as kiosk
from cbt.door.papers import register_papers
from cbt.door.seats.finding import was_issued
from cbt.enrolment import views as enrolment
from cbt.enrolment.applications.retaking import register_retakes
from cbt.enrolment.applications.views import applications_on_home
from cbt.enrolment.fees.crediting import register_fates
from cbt.errors import Unavailable
from cbt.exams.desk import views as blueprints
from cbt.exams.desk.uses import register_uses
from cbt.exams.folder import told_faults
from cbt.exams.reasons.words import init_reasons
from cbt.exams.table import minutes_of, plain_points
from cbt.paths import product_dir
from cbt.proctoring import views as proctoring
from cbt.proctoring.approving import ROOM_ACTS
from cbt.proctoring.doorway import views as doorway
from cbt.proctoring.incidents import views as reports
from cbt.proctoring.inspecting import views as inspecting
from cbt.proctoring.polling.path import init_board_path
from cbt.proctoring.readiness import views as readiness
from cbt.proctoring.readiness.server_part import register_server_part
from cbt.proctoring.record import views as record
from cbt.proctoring.recovery import views as recovery
from cbt.results import views as results
from cbt.results.approving import LATE_RULINGS, RELEASES
from cbt.results.change_number import init_result_changes
from cbt.results.late import views as late_answers
from cbt.results.ledger.asked import retake_verdicts
from cbt.results.package import views as packages
from cbt.retention import views as retention
from cbt.retention.approval import TERMS
from cbt.sittings.planning import views as sittings
from cbt.slots import Slots
from cbt.web import preferences
from cbt.web.headers import init_headers
from cbt.web.https import trust
from cbt.web.https.trust import init_trust
from cbt.web.i18n import init_i18n
from cbt.web.kept_pages import init_kept_pages
from cbt.web.problems import init_problems
from cbt.web.receiving import views as receiving
from cbt.web.receiving.children import init_children
from cbt.web.receiving.door import init_door
from cbt.web.receiving.promises import ThreadsOnly
from cbt.web.receiving.proxies import init_proxies
from cbt.web.receiving.strangers import init_strangers
from cbt.web.receiving.whole import RECEIVED_AT, init_receiving, refuse_unread
from cbt.web.sent import views as kept
from cbt.web.sent.once import init_once
from cbt.web.sent.showing import init_kept
from cbt.web.static.assets import init_assets
from cbt.web.texts import BoundedInteger
from cbt.web.watching import health, scraping
from cbt.web.watching.disks import low_disks
from cbt.web.watching.files import files_lost
from cbt.web.watching.requestlog import ObservedApp
from cbt.web.who.access import access_of, init_access, register_elsewhere
from cbt.web.who.attention import HALF
from cbt.web.who.cookies import init_cookies
from cbt.web.who.guessing import register_guessing
from cbt.web.who.login import current_principal, init_login, register_resolver
from cbt.web.who.machine import init_machines, register_issued_before
from cbt.web.who.unknown_names import UnknownNames

MAX_DRIFT = timedelta(seconds=2)
"""A wall clock that jumped by more shows a banner; it closes nobody (R-27)."""

WITHOUT_TIME = ("health", "metrics", "assets")
"""What a node answers though its clock is wrong: how it is, and the looks of the page that says so."""

ROOMS: tuple[ModuleType, ...] = (
    preferences, receiving, kept, health, scraping, trust, accounts, blueprints, bank, coverage, sittings,
    enrolment, office, candidates, kiosk, delivery, delivery_api, news, uses, practice, proctoring, reports,
    inspecting, recovery, record, readiness, doorway, results, certificates, retention, late_answers, packages,
    batches, backups, doctor,
)  # fmt: skip


STARRED_ACTS = (ROOM_ACTS, CORRECTIONS, RELEASES, LATE_RULINGS, TERMS)
"""What takes two people, room by room (R-62)."""


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> flask.Flask:
    """Return the app of one process; `clock` is the only way to bring another clock."""
    settings = settings or read_settings()
    app = ObservedApp("cbt", template_folder=str(product_dir("templates")), static_folder=None)
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
    init_assets(app, product_dir("static"), entries=(delivery.ENTRY,))
    init_kept_pages(app)
    register_resolver(app, "staff", staff_principal)
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
    for room in ROOMS:
        app.register_blueprint(room.pages)
    init_once(app)
    _exempt_lease_views(app, csrf)
    init_journal(app)
    init_news(app)
    init_result_changes(app)
    init_openings(app)
    init_answer_pages(app)
    app.wsgi_app = ThreadsOnly(app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
    for init_path in (init_start_path, init_wait_path, init_board_path, init_news_path, init_save_path):
        init_path(app)
    init_proxies(app, settings.trusted_proxies)
    init_receiving(app)
    init_strangers(app, scope=SIGN_IN, endpoint="accounts.sign_in")
    init_observation(app, settings, jobs=[job.__name__ for job, _ in JOBS])
    init_backups(app, settings)
    app.add_template_global(current_principal, "principal")
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
