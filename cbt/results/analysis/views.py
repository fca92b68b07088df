"""Pages of the analysis: the figures of a sitting's or a batch's papers, the report as PDF and as a workbook."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.http.auth import access
from cbt.http.form_values import page_of, whole_number
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply, have_done
from cbt.jobs.registry import JobKind
from cbt.results.analysis import charts, job, tables
from cbt.results.analysis.figures import AnalysisReport
from cbt.results.analysis.job import ANALYSIS, ANALYSIS_BOOK, ANALYSIS_PRINT, READERS, AnalysisScope, Kind
from cbt.rules.roles import Role
from cbt.storage.page_span import PageSpan

ITEMS = 50
"""So many items are on a page."""
LOOKED_AT = 24
"""So many of those that are to be looked at are drawn; the others stand in the list."""
ROWS = 60
"""So many lines of a table are shown; the workbook has them all."""

pages = flask.Blueprint("analysis", __name__, url_prefix="/results")


@pages.get("/<sitting_ref>/analysis")
@access.roles(*READERS)
def sitting(sitting_ref: str) -> Reply:
    """Show what the answers of a sitting say of its papers."""
    return _page("sitting", sitting_ref)


@pages.get("/batches/<batch_ref>/analysis")
@access.roles(*READERS)
def batch(batch_ref: str) -> Reply:
    """Show what the answers of a batch's sittings that are over say of their papers."""
    return _page("batch", batch_ref)


@pages.post("/<sitting_ref>/analysis/report")
@access.roles(Role.OFFICER)
def sitting_report(sitting_ref: str) -> Reply:
    """Send the report of a sitting as pages; a POST, because it is put on record."""
    return _made(ANALYSIS_PRINT, "sitting", sitting_ref)


@pages.post("/batches/<batch_ref>/analysis/report")
@access.roles(Role.OFFICER)
def batch_report(batch_ref: str) -> Reply:
    """Send the report of a batch as pages."""
    return _made(ANALYSIS_PRINT, "batch", batch_ref)


@pages.post("/<sitting_ref>/analysis/workbook")
@access.roles(Role.OFFICER)
def sitting_workbook(sitting_ref: str) -> Reply:
    """Send the figures of a sitting as a workbook; a POST, because it is put on record."""
    return _made(ANALYSIS_BOOK, "sitting", sitting_ref)


@pages.post("/batches/<batch_ref>/analysis/workbook")
@access.roles(Role.OFFICER)
def batch_workbook(batch_ref: str) -> Reply:
    """Send the figures of a batch as a workbook."""
    return _made(ANALYSIS_BOOK, "batch", batch_ref)


def _made(file: JobKind, kind: Kind, ref: str) -> Reply:
    return file_reply(file, subject=f"{kind}:{ref}", scope=kind, ref=ref)


def _page(kind: Kind, ref: str) -> Reply:
    """Show the figures, or lead to the job that works them out and then back here."""
    scope = job.scope_of(kind, ref)
    report = job.kept_report(scope, now=flask.g.now)
    if report is None:
        page = job.page_of(kind, ref)
        answered = have_done(ANALYSIS, subject=scope.subject, page=page, asked=scope.asked)
        if answered.file is None:
            return flask.redirect(flask.url_for("jobs.job", ref=answered.ref, then=1), 303)
        report = job.report_in(answered.file)
    return _shown(scope, report)


def _shown(scope: AnalysisScope, report: AnalysisReport) -> Reply:
    args = flask.request.args
    number = whole_number(args.get("paper", ""), most=len(report.papers)) or 1
    paper = report.papers[number - 1] if report.papers else None
    if paper is None:
        return flask.render_template("results/analysis/analysis.html", scope=scope, report=report, paper=None)

    def url(place: int, **where: object) -> str:
        return job.page_of(scope.kind, scope.ref, paper=place, **where)

    span = PageSpan(len(paper.items), ITEMS, page_of(args))
    looked_at = paper.flagged[:LOOKED_AT]
    return flask.render_template(
        "results/analysis/analysis.html",
        scope=scope,
        report=report,
        paper=paper,
        links=[(url(place), one.title, place == number) for place, one in enumerate(report.papers, 1)],
        items_url=lambda page: url(number, page=page, _anchor="items"),
        summary=tables.summary(paper),
        bands=tables.bands(paper),
        conclusions=tables.conclusions(paper),
        groups=tables.groups(paper, report.place_kind),
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
        charts=charts,
        rows=ROWS,
    )
