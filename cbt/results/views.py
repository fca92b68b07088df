"""Pages of the results room: the office's score sheets, release and retake check; a candidate's own are beside."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import ApprovalWish, SecondNeeded, Wanted
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.errors import InvalidInput, NotAllowed, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.printing.pdf import PDF
from cbt.results import ruling_views as rulings
from cbt.results import service
from cbt.results.approval import release_request
from cbt.results.jobs import WORKBOOK
from cbt.results.late_answers import late_counts
from cbt.results.my_results_views import pages
from cbt.results.publicity import public_views
from cbt.results.publicity import views as publicity
from cbt.results.retake_ledger import check_batch
from cbt.results.sheet.documents import as_points, as_unrounded, printed
from cbt.results.sheet.page import lines_asked
from cbt.rules.roles import Role

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)

pages.register_blueprint(publicity.pages)
pages.register_blueprint(public_views.pages)
pages.register_blueprint(rulings.pages)
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
        overview=service.overview(page=page),
        page=page,
        page_url=lambda number: flask.url_for("results.index", page=number),
    )


@pages.get("/results/<sitting_ref>")
@access.roles(*READERS)
def sheet(sitting_ref: str) -> Reply:
    """Show the score sheet of one sitting: its figures, and fifty lines at a time."""
    asked = lines_asked(flask.request.args)
    found = service.sheet_shown(sitting_ref, asked)
    return flask.render_template(
        "results/sheet/sheet.html",
        found=found,
        sheet=found.sheet,
        asked=asked,
        late=late_counts(found.sheet.sitting.id),
    )


@pages.get("/results/<sitting_ref>/print")
@access.roles(*READERS)
def print_sheet(sitting_ref: str) -> Reply:
    """Send the score sheet as A4 pages with lines to sign on."""
    found = service.sheet_for_paper(sitting_ref)
    service.note_printed(found.sitting.logged_as, now=flask.g.now, actor=acting())
    return attachment(printed(found), PDF, f"{_('results.book.title')}-{found.sitting.name}.pdf")


@pages.get("/results/<sitting_ref>/print/rooms")
@access.roles(*READERS)
def print_rooms(sitting_ref: str) -> Reply:
    """Offer the score sheet of each room, or all of them in one zip."""
    return flask.render_template("results/sheet/rooms.html", found=service.rooms_for_paper(sitting_ref))


@pages.get("/results/<sitting_ref>/print/<room_ref>.pdf")
@access.roles(*READERS)
def print_room(sitting_ref: str, room_ref: str) -> Reply:
    """Send the score sheet of one room."""
    found = service.sheet_for_paper(sitting_ref, room=room_ref)
    ((_place, room),) = found.rooms
    made = printed(found, room=room)
    service.note_printed(f"sitting_room:{room_ref}", now=flask.g.now, actor=acting())
    return attachment(made, PDF, f"{_('results.book.title')}-{found.sitting.name}-{room}.pdf")


@pages.post("/results/<sitting_ref>/workbook")
@access.roles(Role.OFFICER)
def download(sitting_ref: str) -> Reply:
    """Send the score sheet as a workbook; a POST, because the export is put on record."""
    page = flask.url_for("results.sheet", sitting_ref=sitting_ref)
    return file_reply(WORKBOOK, subject=f"sitting:{sitting_ref}", page=page, sitting=sitting_ref)


@pages.get("/results/<sitting_ref>/release")
@access.roles(Role.OFFICER)
def release_preview(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show what a release, or a correction of it, would put on record, and ask for a second person."""
    rest = bool(flask.request.values.get("rest"))
    found = service.release_shown(sitting_ref, rest=rest, on=local_day(flask.g.now))
    return form_page(
        "results/release.html",
        refused,
        found=found,
        sheet=found.sheet,
        named=found.named,
        errors=refused.by_field(otherwise="second_login"),
        by_password=service.password_allowed(sitting_ref),
    )


@pages.post("/results/<sitting_ref>/release")
@access.roles(Role.OFFICER)
@form_on(release_preview, InvalidInput, NotAllowed)
def release(sitting_ref: str) -> Reply:
    """Release the results, or correct what was released; or ask the second person."""
    form, me = flask.request.form, signed_in()
    reason = form.get("reason", "")[:500] if form.get("act") == "correct" else None
    allowed = service.password_allowed(sitting_ref)
    try:
        second = typed_second(me, Wanted(service.SECOND_FOR_RELEASE), allowed=allowed)
        if reason is not None:
            corrected = service.correct(sitting_ref, first=me, second=second, reason=reason, now=flask.g.now)
            done = _("results.corrected", count=corrected)
        else:
            service.release(sitting_ref, first=me, second=second, now=flask.g.now)
            done = _("results.released")
    except SecondNeeded as needed:

        def wish() -> ApprovalWish:
            sheet, held = service.release_asked(sitting_ref)
            return release_request(sheet, reason=reason, held=held)

        return ask_for(needed, wish)
    return see_other(done, "results.sheet", sitting_ref=sitting_ref)


@pages.get("/results/retakes/<batch_ref>")
@access.roles(*READERS)
def retakes(batch_ref: str) -> Reply:
    """List whom the retake rules keep from a paper of this batch, fifty at a time."""
    check = check_batch(batch_ref, page=page_of(flask.request.args))
    return flask.render_template("results/retake_ledger/retakes.html", check=check)
