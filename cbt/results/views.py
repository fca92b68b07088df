"""Pages of the results room: score sheets, release, late answers, rulings, packages; a candidate's own results."""

from __future__ import annotations

from datetime import datetime, timedelta

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded, SecondPersonTerms
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.accounts.store import actor_names
from cbt.blueprints.reasons import table_now, violation_of, words_of
from cbt.candidates.models import Candidate
from cbt.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, current_principal, signed_in
from cbt.http.auth.machine import current_machine
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day, local_zone
from cbt.http.partials import Reply
from cbt.http.server import lanes
from cbt.http.server.hot_addresses import hot_reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.printing.pdf import PDF
from cbt.proctoring.hands import remarks_of
from cbt.results import my_results, rulings
from cbt.results.appeals import views as appeal_views
from cbt.results.desk import result_table_views
from cbt.results.desk import views as desk_views
from cbt.results.handler import ask_page, results_page
from cbt.results.jobs import CORRECTION, LETTER, PACKAGE, RELEASE, SHEET_PRINT, WORKBOOK, asked_by_two
from cbt.results.key_corrections import views as key_views
from cbt.results.late_answers import (
    DECIDERS,
    LateAnswer,
    LateCase,
    RulingWish,
    late_counts,
    late_page,
    late_request,
    rule_late,
    second_roles,
)
from cbt.results.my_results import checked_slip, released_exams, slip_paper
from cbt.results.package.container import package_page as read_package_page
from cbt.results.package.container import public_key
from cbt.results.package.signature import shown_print
from cbt.results.publicity import views as publicity_views
from cbt.results.publicity.store import is_released
from cbt.results.release import (
    SECOND_FOR_RELEASE,
    correction_wish,
    password_allowed,
    release_wish,
    require_reason,
)
from cbt.results.retake_ledger import check_batch
from cbt.results.retake_rights import rights_of_batch
from cbt.results.rulings import DECIDERS as RULERS
from cbt.results.rulings import RulingForm, ruled_on
from cbt.results.rulings import rule as rule_on
from cbt.results.sheet.documents import as_points, as_unrounded
from cbt.results.sheet.page import lines_asked, release_page, rooms_for_paper, sheet_page
from cbt.results.sheet.page import overview as read_overview
from cbt.results.store import finished_sitting
from cbt.rules.roles import Role
from cbt.scoring.late_answers import APPROVED
from cbt.storage.unit_of_work import reading

late_answer_pages = flask.Blueprint("late", __name__)


@late_answer_pages.get("/results/<sitting_ref>/late", endpoint="page")
@access.roles(*DECIDERS, Role.INSPECTOR)
def late_answers_page(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the late answers of a sitting and what was ruled on them."""
    return form_page(
        "results/late_answers/late.html",
        refused,
        late=late_page(sitting_ref),
        may_rule=signed_in().has(*DECIDERS),
        faults=[(one.code, words_of(one)) for one in table_now().offered_reasons],
        source=source_text,
        wish=_wish() if refused.sent else None,
        by_password=password_allowed(sitting_ref),
    )


@late_answer_pages.post("/results/<sitting_ref>/late")
@access.roles(*DECIDERS)
@form_on(
    late_answers_page,
    InvalidInput,
    Conflict,
    NotAllowed,
    only=lambda error: not isinstance(error, Conflict) or error.code.startswith("late."),
)
def rule(sitting_ref: str) -> Reply:
    """Approve or reject the ticked candidates of one room."""
    wish, me = _wish(), signed_in()
    try:
        second = typed_second(me, SecondPersonTerms(second_roles(me)), allowed=password_allowed(sitting_ref))
        count, changed = rule_late(sitting_ref, wish, first=me, second=second, now=flask.g.now)
    except SecondNeeded as needed:
        return ask_for(needed, lambda: late_request(late_page(sitting_ref), wish))
    approved = _("late.approved", count=count, changed=changed)
    done = approved if wish.verdict == APPROVED else _("late.rejected", count=count)
    return see_other(done, "late.page", sitting_ref=sitting_ref)


def _wish() -> RulingWish:
    form = flask.request.form
    return RulingWish(
        room_ref=form.get("room", ""),
        attempt_refs=frozenset(form.getlist("attempt")),
        seen=form.get("seen", ""),
        verdict=form.get("verdict", ""),
        fault=form.get("fault", ""),
        reason=form.get("reason", "")[:500],
    )


def source_text(case: LateCase, late: LateAnswer) -> str:
    """Say where a late answer came from, and how late it was."""
    if late.typed_at is not None:
        return str(_("late.answer.file", at=_clock(late.typed_at)))
    end_at = case.attempt.closed_at
    if end_at is None or late.entry.received_at < end_at:
        return str(_("late.answer.unit", at=_clock(late.entry.received_at)))
    seconds = -(-(late.entry.received_at - end_at) // timedelta(seconds=1))
    return str(_("late.answer.wire", after=f"{seconds // 60:02d}:{seconds % 60:02d}"))


def _clock(instant: datetime) -> str:
    return instant.astimezone(local_zone()).strftime("%H:%M:%S")


ruling_pages = flask.Blueprint("rulings", __name__, url_prefix="/results/rulings")

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)


@ruling_pages.get("/<registration_ref>")
@access.roles(*READERS)
def one(registration_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show a violation on record, and the ruling on it."""
    with reading() as session:
        registration, sitting, reports = ruled_on(session, registration_ref)
        violation = violation_of(session, registration.violation_code, registration.violation_version_id)
        ruling = rulings.ruling_of(session, registration)
        return form_page(
            "results/rulings/ruling.html",
            refused,
            registration=registration,
            sitting=sitting,
            candidate=session.get_one(Candidate, registration.candidate_id),
            violation=registration.violation_code if violation is None else words_of(violation),
            clause="" if violation is None else violation.clause,
            reports=reports,
            ruling=ruling,
            released=is_released(session, registration.id),
            own=any(one.report.by == acting() for one in reports),
            names=actor_names(session, [] if ruling is None else [ruling.decided_by]),
            first=local_day(sitting.planned_start_at),
            today=local_day(flask.g.now),
        )


@ruling_pages.post("/<registration_ref>")
@access.roles(*RULERS)
@form_on(
    one, only=lambda error: error.code.startswith(("ruling.", "second.")) and error.code != "ruling.none"
)
def decide(registration_ref: str) -> Reply:
    """Decide whether a violation stands."""
    told = typed_form(RulingForm)
    sitting_ref = rule_on(registration_ref, told, now=flask.g.now, actor=acting())
    return see_other(_(f"ruling.made.{told.verdict}"), "results.publicity.sitting", sitting_ref=sitting_ref)


@ruling_pages.get("/<registration_ref>/letter.pdf")
@access.roles(*READERS)
def letter(registration_ref: str) -> Reply:
    """Send the letter that tells a candidate of the ruling."""
    return file_reply(LETTER, subject=f"registration:{registration_ref}", registration=registration_ref)


package_pages = flask.Blueprint("package", __name__)


@package_pages.get("/results/<sitting_ref>/package", endpoint="page")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
def package_page(sitting_ref: str) -> Reply:
    return flask.render_template(
        "results/package/package.html",
        found=read_package_page(sitting_ref),
        may_write=signed_in().has(Role.OFFICER, Role.CHIEF_PROCTOR),
    )


@package_pages.post("/results/<sitting_ref>/package")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR)
def write(sitting_ref: str) -> Reply:
    """Send the package; a POST, because it is put on record."""
    return file_reply(PACKAGE, subject=f"sitting:{sitting_ref}", sitting=sitting_ref)


@package_pages.post("/results/<sitting_ref>/package/key")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR)
def key(sitting_ref: str) -> Reply:
    public = public_key(actor=signed_in().logged_as, now=flask.g.now)
    name = f"{_('package.key_file')}-{shown_print(public)[:9]}.txt"
    return attachment(f"ed25519:{public}\n".encode("ascii"), "text/plain", name)


pages = flask.Blueprint("results", __name__)


@pages.get("/my/results")
@lanes.for_everybody
@access.public
def mine() -> Reply:
    """Show a signed-in candidate their results; ask anybody else for ticket and document."""
    return hot_reply()


@pages.post("/my/results")
@lanes.for_everybody
@access.public
@form_on(ask_page, InvalidInput)
def look_up() -> Reply:
    """Show the results of whoever holds this ticket and document; nothing is remembered in the browser."""
    ticket, document = _typed()
    results = my_results.look_up(ticket=ticket, document=document, machine=current_machine(), now=flask.g.now)
    # What was typed goes with the form that prints the slip: nothing else knows the asker.
    return results_page(results, (ticket, document))


@pages.post("/my/results/slip")
@access.public
@form_on(ask_page, InvalidInput)
def slip() -> Reply:
    """Send the released results of a signed-in candidate, or of whoever holds ticket and document, as a page."""
    principal, now = current_principal(), flask.g.now
    if principal is not None and principal.kind == "candidate":
        results = my_results.results_of(principal.subject_id, now=now)
    else:
        ticket, document = _typed()
        results = my_results.look_up(ticket=ticket, document=document, machine=current_machine(), now=now)
    address = flask.request.host_url.rstrip("/") + flask.url_for("results.check")
    return attachment(
        slip_paper(results, address=address, now=now), PDF, f"{_('slip.title')}-{results.name}.pdf"
    )


@pages.get("/my/results/check")
@lanes.for_everybody
@access.public
def ask_check() -> Reply:
    return flask.render_template("results/check.html", asked=False, found=None, exams=())


@pages.post("/my/results/check")
@lanes.for_everybody
@access.public
def check() -> Reply:
    """Say whether a slip says what holds now (R-94)."""
    ticket, code = _typed("code")
    results = checked_slip(ticket=ticket, code=code, machine=current_machine(), now=flask.g.now)
    exams = () if results is None else released_exams(results)
    return flask.render_template("results/check.html", asked=True, found=results, exams=exams)


def _typed(secret: str = "document") -> tuple[str, str]:
    form = flask.request.form
    return form.get("ticket", "")[:40], form.get(secret, "")[:40]


pages.register_blueprint(publicity_views.pages)
pages.register_blueprint(publicity_views.public_pages)
pages.register_blueprint(ruling_pages)
pages.register_blueprint(appeal_views.pages)
pages.register_blueprint(appeal_views.own_pages)
pages.register_blueprint(key_views.pages)
pages.register_blueprint(desk_views.pages)
pages.register_blueprint(result_table_views.pages)
pages.add_app_template_filter(as_points, "as_points")
pages.add_app_template_filter(as_unrounded, "as_unrounded")


@pages.get("/results")
@access.roles(*READERS)
def index() -> Reply:
    """List the sittings that are over."""
    if not (page := whole_number(flask.request.args.get("page", "1"), most=10_000)):
        raise NotFound("web.no_page")
    return flask.render_template(
        "results/index.html",
        overview=read_overview(page=page),
        page=page,
        page_url=lambda number: flask.url_for("results.index", page=number),
    )


@pages.get("/results/<sitting_ref>")
@access.roles(*READERS)
def sheet(sitting_ref: str) -> Reply:
    """Show the score sheet of one sitting: its figures, and fifty lines at a time."""
    search = lines_asked(flask.request.args)
    page = sheet_page(sitting_ref, search)
    return flask.render_template(
        "results/sheet/sheet.html",
        found=page,
        sheet=page.sheet,
        asked=search,
        late=late_counts(page.sheet.sitting.id),
        remarks=page.remarks,
    )


@pages.get("/results/<sitting_ref>/remarks")
@access.roles(*READERS)
def remarks(sitting_ref: str) -> Reply:
    """List what candidates of a sitting remarked on items."""
    with reading() as session:
        sitting = finished_sitting(session, sitting_ref)
        page = remarks_of(session, sitting, page=page_of(flask.request.args))
    return flask.render_template("results/sheet/remarks.html", sitting=sitting, found=page)


@pages.get("/results/<sitting_ref>/print")
@access.roles(*READERS)
def print_sheet(sitting_ref: str) -> Reply:
    return file_reply(SHEET_PRINT, subject=f"sitting:{sitting_ref}", sitting=sitting_ref)


@pages.get("/results/<sitting_ref>/print/rooms")
@access.roles(*READERS)
def print_rooms(sitting_ref: str) -> Reply:
    return flask.render_template("results/sheet/rooms.html", found=rooms_for_paper(sitting_ref))


@pages.get("/results/<sitting_ref>/print/<room_ref>.pdf")
@access.roles(*READERS)
def print_room(sitting_ref: str, room_ref: str) -> Reply:
    subject = f"sitting_room:{room_ref}"
    return file_reply(SHEET_PRINT, subject=subject, sitting=sitting_ref, room=room_ref)


@pages.post("/results/<sitting_ref>/workbook")
@access.roles(Role.OFFICER)
def download(sitting_ref: str) -> Reply:
    """Send the score sheet as a workbook; a POST, because the export is put on record."""
    return file_reply(WORKBOOK, subject=f"sitting:{sitting_ref}", sitting=sitting_ref)


@pages.get("/results/<sitting_ref>/release")
@access.roles(Role.OFFICER)
def release_preview(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show what a release, or a correction of it, would put on record, and ask for a second person."""
    rest = bool(flask.request.values.get("rest"))
    found = release_page(sitting_ref, rest=rest, on=local_day(flask.g.now))
    return form_page(
        "results/release.html",
        refused,
        found=found,
        sheet=found.sheet,
        named=found.named,
        errors=refused.by_field(otherwise="second_login"),
        by_password=password_allowed(sitting_ref),
    )


@pages.post("/results/<sitting_ref>/release")
@access.roles(Role.OFFICER)
@form_on(release_preview, InvalidInput, NotAllowed)
def release(sitting_ref: str) -> Reply:
    """Release the results, or correct what was released; or ask the second person."""
    form, me = flask.request.form, signed_in()
    reason = require_reason(form.get("reason", "")[:500]) if form.get("act") == "correct" else None
    allowed = password_allowed(sitting_ref)
    second = typed_second(me, SecondPersonTerms(SECOND_FOR_RELEASE), allowed=allowed)
    if second is None:
        if reason is None:
            needed, wish = release_wish(sitting_ref, now=flask.g.now)
        else:
            needed, wish = correction_wish(sitting_ref, reason=reason)
        return ask_for(needed, lambda: wish)
    return act_reply(
        RELEASE if reason is None else CORRECTION,
        subject=f"sitting:{sitting_ref}",
        page=flask.url_for("results.sheet", sitting_ref=sitting_ref),
        **asked_by_two(sitting_ref, me, second, reason),
    )


@pages.get("/results/retakes/<batch_ref>")
@access.roles(*READERS)
def retakes(batch_ref: str) -> Reply:
    """List whom the retake rules keep from a paper of this batch, fifty at a time."""
    check = check_batch(batch_ref, page=page_of(flask.request.args))
    return flask.render_template("results/retake_ledger/retakes.html", check=check)


@pages.get("/results/rights/<batch_ref>")
@access.roles(*READERS)
def rights(batch_ref: str) -> Reply:
    """List who did not pass a paper of this batch, until when each may retake it, and who is booked, by fifties."""
    found = rights_of_batch(batch_ref, today=local_day(flask.g.now), page=page_of(flask.request.args))
    return flask.render_template("results/retake_ledger/rights.html", found=found)
