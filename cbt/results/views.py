"""Pages of the results room: the office's score sheets, release and retake check, and a candidate's own."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.asking import ask_for, typed_second, wants_asking
from cbt.accounts.approvals.second import SecondNeeded, Wanted
from cbt.errors import InvalidInput, NotAllowed, NotFound
from cbt.printing.pdf import PDF
from cbt.results import my_results, service
from cbt.results.approving import release_request
from cbt.results.late.service import late_counts
from cbt.results.ledger.checking import check_batch
from cbt.results.ledger.store import Ledger
from cbt.results.publicity import public_views
from cbt.results.publicity import views as publicity
from cbt.results.rulings import views as rulings
from cbt.results.sheet import workbook
from cbt.results.sheet.page import lines_asked
from cbt.results.sheet.printed import as_points, as_unrounded, printed
from cbt.results.sheet.sitting import SittingSheet
from cbt.results.sheet.summary import people_of
from cbt.results.slip import checked_slip, released_exams, slip_paper
from cbt.rules.roles import Role
from cbt.sheets.writing import XLSX
from cbt.web.downloads import attachment
from cbt.web.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.web.i18n import local_day, local_zone
from cbt.web.partials import Reply
from cbt.web.texts import page_of, whole_number
from cbt.web.who import access
from cbt.web.who.login import acting, current_principal, signed_in
from cbt.web.who.machine import current_machine

pages = flask.Blueprint("results", __name__)

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
    page = whole_number(flask.request.args.get("page", "1"), most=10_000)
    if not page:
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
    today = local_day(flask.g.now)

    def build(found: SittingSheet, ledger: Ledger) -> bytes:
        people = people_of(found, ledger, on=today)
        return workbook.build(found, people, subtitle=_subtitle(found))

    content = service.export(sitting_ref, principal=signed_in(), now=flask.g.now, build=build)
    return attachment(content, XLSX, f"results-{sitting_ref}.xlsx")


def _subtitle(found: SittingSheet) -> str:
    planned = found.sitting.planned_start_at.astimezone(local_zone()).strftime("%Y-%m-%d %H:%M")
    state = _("results.book.released") if found.release else _("results.book.unreleased")
    return f"{found.sitting.name} · {planned} · {state}"


@pages.get("/results/<sitting_ref>/release")
@access.roles(Role.OFFICER)
def release_preview(sitting_ref: str) -> Reply:
    """Show what a release, or a correction of it, would put on record, and ask for a second person."""
    return _release_page(sitting_ref, NOTHING_REFUSED)


@pages.post("/results/<sitting_ref>/release")
@access.roles(Role.OFFICER)
def release(sitting_ref: str) -> Reply:
    """Release the results, or correct what was released; or ask the second person."""
    form = flask.request.form
    reason = form.get("reason", "")[:500] if form.get("act") == "correct" else None
    try:
        wanted, allowed = Wanted(service.SECOND_FOR_RELEASE), service.password_allowed(sitting_ref)
        second = typed_second(signed_in(), wanted, allowed=allowed)
        if reason is not None:
            corrected = service.correct(
                sitting_ref, first=signed_in(), second=second, reason=reason, now=flask.g.now
            )
            flask.flash(_("results.corrected", count=corrected), "ok")
        else:
            service.release(sitting_ref, first=signed_in(), second=second, now=flask.g.now)
            flask.flash(_("results.released"), "ok")
    except SecondNeeded as needed:
        if wants_asking():
            sheet, held = service.release_asked(sitting_ref)
            return ask_for(release_request(sheet, reason=reason, held=held), needed, signed_in())
        return _release_page(sitting_ref, refusal(needed))
    except (InvalidInput, NotAllowed) as error:
        return _release_page(sitting_ref, refusal(error))
    return flask.redirect(flask.url_for("results.sheet", sitting_ref=sitting_ref), 303)


def _release_page(sitting_ref: str, refused: Refusal) -> Reply:
    rest = bool(flask.request.values.get("rest"))
    found = service.release_shown(sitting_ref, rest=rest, on=local_day(flask.g.now))
    page = flask.render_template(
        "results/release.html",
        found=found,
        sheet=found.sheet,
        named=found.named,
        errors=refused.by_field(otherwise="second_login"),
        by_password=service.password_allowed(sitting_ref),
    )
    return page, refused.code


@pages.get("/results/retakes/<batch_ref>")
@access.roles(*READERS)
def retakes(batch_ref: str) -> Reply:
    """List whom the retake rules keep from a paper of this batch, fifty at a time."""
    check = check_batch(batch_ref, page=page_of(flask.request.args))
    return flask.render_template("results/ledger/retakes.html", check=check)


@pages.get("/my/results")
@access.public
def mine() -> Reply:
    """Show a signed-in candidate their results; ask anybody else for ticket and document."""
    principal = current_principal()
    if principal is not None and principal.kind == "candidate":
        found = my_results.results_of(principal.subject_id, now=flask.g.now)
        return flask.render_template("results/mine.html", mine=found, asked=None)
    return _ask_page(NOTHING_REFUSED)


@pages.post("/my/results")
@access.public
def look_up() -> Reply:
    """Show the results of whoever holds this ticket and document; nothing is remembered in the browser."""
    form = flask.request.form
    ticket, document = form.get("ticket", "")[:40], form.get("document", "")[:40]
    try:
        found = my_results.look_up(
            ticket=ticket, document=document, machine=current_machine(), now=flask.g.now
        )
    except InvalidInput as error:
        return _ask_page(refusal(error))
    # What was typed goes with the form that prints the slip: nothing else knows the asker.
    return flask.render_template("results/mine.html", mine=found, asked=(ticket, document))


@pages.post("/my/results/slip")
@access.public
def slip() -> Reply:
    """Send the released results of a signed-in candidate, or of whoever holds ticket and document, as a page."""
    principal, form = current_principal(), flask.request.form
    now = flask.g.now
    try:
        if principal is not None and principal.kind == "candidate":
            found = my_results.results_of(principal.subject_id, now=now)
        else:
            ticket, document = form.get("ticket", "")[:40], form.get("document", "")[:40]
            found = my_results.look_up(ticket=ticket, document=document, machine=current_machine(), now=now)
    except InvalidInput as error:
        return _ask_page(refusal(error))
    address = flask.request.host_url.rstrip("/") + flask.url_for("results.check")
    return attachment(slip_paper(found, address=address, now=now), PDF, f"{_('slip.title')}-{found.name}.pdf")


@pages.get("/my/results/check")
@access.public
def ask_check() -> Reply:
    """Ask for the ticket and the code of a slip."""
    return flask.render_template("results/check.html", asked=False, found=None, exams=())


@pages.post("/my/results/check")
@access.public
def check() -> Reply:
    """Say whether a slip says what holds now (R-94)."""
    form = flask.request.form
    found = checked_slip(
        ticket=form.get("ticket", "")[:40],
        code=form.get("code", "")[:40],
        machine=current_machine(),
        now=flask.g.now,
    )
    exams = () if found is None else released_exams(found)
    return flask.render_template("results/check.html", asked=True, found=found, exams=exams)


def _ask_page(refused: Refusal) -> Reply:
    ticket, errors = refused.sent.get("ticket", "")[:40], refused.by_field(otherwise="ticket")
    return flask.render_template("results/ask.html", errors=errors, ticket=ticket), refused.code
