"""Pages of the analysis: what is asked of, the figures of its papers, the report as PDF and as a workbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import flask
from flask_babel import gettext as _

from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.form_values import page_of, whole_number
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply, have_done
from cbt.jobs.registry import JobKind
from cbt.results.analysis import charts, job, scope, tables
from cbt.results.analysis.figures import AnalysisReport, FormChoice
from cbt.results.analysis.job import ANALYSIS_BOOK, ANALYSIS_CURVES, ANALYSIS_PRINT, KIND_BY_SCOPE, READERS
from cbt.results.analysis.scope import AnalysisScope, Kind, centre_ref_of
from cbt.rules.roles import Role
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

ITEMS = 50
"""So many items are on a page."""
LOOKED_AT = 24
"""So many of those that are to be looked at are drawn; the others stand in the list."""
MOST_NUMBER = 9999
FORM_FIELDS = ("paper", "new", "old")
"""Which paper, and which of its forms is held against which."""
ROWS = 60
"""So many lines of a table are shown; the workbook has them all."""

pages = flask.Blueprint("analysis", __name__, url_prefix="/results")


@pages.get("/analysis")
@access.roles(*READERS)
def index() -> Reply:
    """Let somebody choose a year, and a centre in it, or lead to what was chosen."""
    args = flask.request.args
    with reading() as session:
        choice = scope.scope_choice(session)
    year = whole_number(args.get("year", ""), most=scope.LAST_YEAR)
    if year and args.get("centre"):
        return flask.redirect(scope.page_of("centre", centre_ref_of(args["centre"][:40], year)), 303)
    if year:
        return flask.redirect(scope.page_of("year", str(year)), 303)
    return flask.render_template("results/analysis/index.html", choice=choice)


@pages.get("/<sitting_ref>/analysis")
@access.roles(*READERS)
def sitting(sitting_ref: str) -> Reply:
    """Show what the answers of a sitting say of its papers."""
    return _page("sitting", sitting_ref)


@pages.get("/rooms/<room_ref>/analysis")
@access.roles(*READERS)
def room(room_ref: str) -> Reply:
    """Show what the answers of one room of a sitting say of its papers."""
    return _page("room", room_ref)


@pages.get("/batches/<batch_ref>/analysis")
@access.roles(*READERS)
def batch(batch_ref: str) -> Reply:
    """Show what the answers of a batch's sittings that are over say of their papers."""
    return _page("batch", batch_ref)


@pages.get("/years/<int:year>/analysis")
@access.roles(*READERS)
def year(year: int) -> Reply:
    """Show what the answers of all sittings of a year that are over say of their papers."""
    return _page("year", str(year))


@pages.get("/centres/<centre_ref>/<int:year>/analysis")
@access.roles(*READERS)
def centre(centre_ref: str, year: int) -> Reply:
    """Show what the answers of a centre's sittings of a year that are over say of their papers."""
    return _page("centre", centre_ref_of(centre_ref, year))


@pages.post("/<sitting_ref>/analysis/report")
@access.roles(Role.OFFICER)
def sitting_report(sitting_ref: str) -> Reply:
    """Send the report of a sitting as pages; a POST, because it is put on record."""
    return _made(ANALYSIS_PRINT, "sitting", sitting_ref)


@pages.post("/rooms/<room_ref>/analysis/report")
@access.roles(Role.OFFICER)
def room_report(room_ref: str) -> Reply:
    """Send the report of a room of a sitting as pages."""
    return _made(ANALYSIS_PRINT, "room", room_ref)


@pages.post("/batches/<batch_ref>/analysis/report")
@access.roles(Role.OFFICER)
def batch_report(batch_ref: str) -> Reply:
    """Send the report of a batch as pages."""
    return _made(ANALYSIS_PRINT, "batch", batch_ref)


@pages.post("/years/<int:year>/analysis/report")
@access.roles(Role.OFFICER)
def year_report(year: int) -> Reply:
    """Send the report of a year as pages."""
    return _made(ANALYSIS_PRINT, "year", str(year))


@pages.post("/centres/<centre_ref>/<int:year>/analysis/report")
@access.roles(Role.OFFICER)
def centre_report(centre_ref: str, year: int) -> Reply:
    """Send the report of a centre in a year as pages."""
    return _made(ANALYSIS_PRINT, "centre", centre_ref_of(centre_ref, year))


@pages.post("/<sitting_ref>/analysis/workbook")
@access.roles(Role.OFFICER)
def sitting_workbook(sitting_ref: str) -> Reply:
    """Send the figures of a sitting as a workbook; a POST, because it is put on record."""
    return _made(ANALYSIS_BOOK, "sitting", sitting_ref)


@pages.post("/rooms/<room_ref>/analysis/workbook")
@access.roles(Role.OFFICER)
def room_workbook(room_ref: str) -> Reply:
    """Send the figures of a room of a sitting as a workbook."""
    return _made(ANALYSIS_BOOK, "room", room_ref)


@pages.post("/batches/<batch_ref>/analysis/workbook")
@access.roles(Role.OFFICER)
def batch_workbook(batch_ref: str) -> Reply:
    """Send the figures of a batch as a workbook."""
    return _made(ANALYSIS_BOOK, "batch", batch_ref)


@pages.post("/years/<int:year>/analysis/workbook")
@access.roles(Role.OFFICER)
def year_workbook(year: int) -> Reply:
    """Send the figures of a year as a workbook."""
    return _made(ANALYSIS_BOOK, "year", str(year))


@pages.post("/centres/<centre_ref>/<int:year>/analysis/workbook")
@access.roles(Role.OFFICER)
def centre_workbook(centre_ref: str, year: int) -> Reply:
    """Send the figures of a centre in a year as a workbook."""
    return _made(ANALYSIS_BOOK, "centre", centre_ref_of(centre_ref, year))


@pages.post("/analysis/curves")
@access.roles(Role.OFFICER)
def curves() -> Reply:
    """Send the curves of a scope's items (IRT) as a workbook."""
    kind, ref = flask.request.form.get("scope", ""), flask.request.form.get("ref", "")[:80]
    if kind not in KIND_BY_SCOPE:
        raise NotFound("web.no_page")
    of = scope.scope_of(cast(Kind, kind), ref)
    return file_reply(ANALYSIS_CURVES, subject=of.subject, scope=of.kind, ref=of.ref)


def _made(file: JobKind, kind: Kind, ref: str) -> Reply:
    choice = form_choice(flask.request.form)
    forms = {"forms": [choice.paper, choice.new, choice.old]} if choice.paper else {}
    return file_reply(file, subject=f"{kind}:{ref}", scope=kind, ref=ref, **forms)


def form_choice(given: Mapping[str, str]) -> FormChoice:
    """Return which two forms of which paper were chosen."""
    return FormChoice(*(whole_number(given.get(name, ""), most=MOST_NUMBER) or 0 for name in FORM_FIELDS))


def _page(kind: Kind, ref: str) -> Reply:
    """Show the figures, or lead to the job that works them out and then back here."""
    of = scope.scope_of(kind, ref)
    report = job.kept_report(of, now=flask.g.now)
    if report is None:
        page = scope.page_of(kind, ref)
        answered = have_done(KIND_BY_SCOPE[of.kind], subject=of.subject, page=page, asked=of.asked)
        if answered.file is None:
            return flask.redirect(flask.url_for("jobs.job", ref=answered.ref, then=1), 303)
        report = job.report_in(answered.file)
    return _shown(of, report)


def _shown(of: AnalysisScope, report: AnalysisReport) -> Reply:
    args = flask.request.args
    number = whole_number(args.get("paper", ""), most=len(report.papers)) or 1
    paper = report.papers[number - 1] if report.papers else None
    with reading() as session:
        narrower = [(scope.page_of(kind, ref), name, kind) for kind, ref, name in scope.narrower(session, of)]
    if paper is None:
        return flask.render_template(
            "results/analysis/analysis.html", scope=of, report=report, paper=None, narrower=narrower
        )

    def url(place: int, **where: object) -> str:
        return scope.page_of(of.kind, of.ref, paper=place, **where)

    pair = None if paper.equating is None else paper.equating.pair(form_choice(args))
    span = PageSpan(len(paper.items), ITEMS, page_of(args))
    looked_at = paper.flagged[:LOOKED_AT]
    compared = tables.places(paper, report.place_kind)
    return flask.render_template(
        "results/analysis/analysis.html",
        scope=of,
        report=report,
        paper=paper,
        narrower=narrower,
        report_url=scope.file_page_of(of.kind, of.ref, "report"),
        book_url=scope.file_page_of(of.kind, of.ref, "workbook"),
        links=[(url(place), one.title, place == number) for place, one in enumerate(report.papers, 1)],
        items_url=lambda page: url(number, page=page, _anchor="items"),
        summary=tables.summary(paper),
        bands=tables.bands(paper),
        conclusions=tables.conclusions(paper),
        places=None if compared is None else tables.short(compared, tables.PLACE_COLUMNS),
        groups=tables.groups(paper),
        two_way=tables.two_way(paper),
        items=tables.items(paper, paper.items[span.offset : span.offset + ITEMS], _("analysis.items")),
        page=span.page,
        item_pages=span.pages,
        looked_at=[
            (item, tables.item_name(item), tables.flags_said(item), tables.choices(item))
            for item in looked_at
        ],
        dif=tables.differential(paper),
        compared=[(one, tables.compared(one.focal, one.reference)) for one in paper.compared],
        number=number,
        pair=pair,
        tables=tables,
        charts=charts,
        rows=ROWS,
    )
