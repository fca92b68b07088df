"""Pages of likeness: the pairs of a sitting, the evidence of one, and the case that is opened from there.

Source: R-98.
"""

from __future__ import annotations

import flask
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply, have_done
from cbt.results.likeness import case, documents, job, words
from cbt.results.likeness.case import CaseForm
from cbt.results.likeness.evidence import PairEvidence, pair_evidence
from cbt.results.likeness.figures import LikenessReport
from cbt.results.likeness.job import LIKENESS, LIKENESS_PRINT, READERS
from cbt.results.likeness.people import people_of
from cbt.rules.roles import Role
from cbt.storage.page_span import PageSpan
from cbt.storage.unit_of_work import reading

PAIRS = 50
"""So many pairs are on a page."""
OPENERS = (Role.OFFICER, Role.CHIEF_PROCTOR)

pages = flask.Blueprint("likeness", __name__, url_prefix="/results")


@pages.get("/<sitting_ref>/likeness")
@access.roles(*READERS)
def sitting(sitting_ref: str) -> Reply:
    """List the pairs of a sitting that are too much alike, or lead to the job that compares everybody."""
    found = _report(sitting_ref)
    return _shown(found) if isinstance(found, LikenessReport) else found


def _report(sitting_ref: str) -> LikenessReport | Response:
    """Return what was found, or lead to the job that compares everybody and then to the page of pairs."""
    scope = job.sitting_scope(sitting_ref)
    report = job.kept_report(scope, now=flask.g.now)
    if report is not None:
        return report
    answered = have_done(LIKENESS, subject=scope.subject, page=job.page_of(sitting_ref), asked=scope.asked)
    if answered.file is None:
        return flask.redirect(flask.url_for("jobs.job", ref=answered.ref, then=1), 303)
    return job.report_in(answered.file)


def _shown(report: LikenessReport) -> Reply:
    args = flask.request.args
    number = whole_number(args.get("paper", ""), most=len(report.papers)) or 1
    paper = report.papers[number - 1] if report.papers else None
    if paper is None:
        return flask.render_template("results/likeness/likeness.html", report=report, paper=None)
    span = PageSpan(len(paper.pairs), PAIRS, page_of(args))
    pairs = paper.pairs[span.offset : span.offset + PAIRS]
    attempts = {attempt for pair in pairs for attempt in (pair.one, pair.other)}
    with reading() as session:
        people = people_of(session, attempts | {one.attempt for one in paper.paced})
    return flask.render_template(
        "results/likeness/likeness.html",
        report=report,
        paper=paper,
        links=[
            (job.page_of(report.ref, paper=place), one.title, place == number)
            for place, one in enumerate(report.papers, 1)
        ],
        pairs=pairs,
        people=people,
        chance=words.chance_words,
        page=span.page,
        pages=span.pages,
        page_url=lambda page: job.page_of(report.ref, paper=number, page=page),
    )


def _evidence(report: LikenessReport, registration_ref: str, other_ref: str) -> PairEvidence:
    with reading() as session:
        return pair_evidence(session, report, registration_ref, other_ref)


@pages.get("/<sitting_ref>/likeness/<registration_ref>/<other_ref>")
@access.roles(*READERS)
def pair(
    sitting_ref: str, registration_ref: str, other_ref: str, refused: Refusal = NOTHING_REFUSED
) -> Reply:
    """Show the evidence of a pair, and the form that opens a case."""
    report = _report(sitting_ref)
    if not isinstance(report, LikenessReport):
        return report
    found = _evidence(report, registration_ref, other_ref)
    with reading() as session:
        violations = case.offered(session)
    form = flask.request.form
    return form_page(
        "results/likeness/pair.html",
        refused,
        found=found,
        words=words,
        heads=documents.heads(found),
        violations=violations,
        usual=case.USUAL,
        facts=form.get("facts") or words.case_facts(found),
        whom=form.getlist("whom"),
        may_open=signed_in().has(*OPENERS),
    )


@pages.post("/<sitting_ref>/likeness/<registration_ref>/<other_ref>")
@access.roles(*OPENERS)
@form_on(pair, only=lambda error: error.code.startswith(("likeness.case_", "text.")))
def open_case(sitting_ref: str, registration_ref: str, other_ref: str) -> Reply:
    """Open a case for a ruling."""
    report = _report(sitting_ref)
    if not isinstance(report, LikenessReport):
        return report
    found = _evidence(report, registration_ref, other_ref)
    form = flask.request.form
    asked = CaseForm(tuple(form.getlist("whom")), form.get("code", ""), form.get("facts", ""))
    refs = case.open_cases(found, asked, now=flask.g.now, actor=acting(), who=signed_in().name)
    return see_other(
        _("likeness.case.opened", count=len(refs)), "results.rulings.one", registration_ref=refs[0]
    )


@pages.post("/<sitting_ref>/likeness/<registration_ref>/<other_ref>/paper")
@access.roles(*OPENERS)
def paper(sitting_ref: str, registration_ref: str, other_ref: str) -> Reply:
    """Send the evidence of a pair as pages; a POST, because it is put on record."""
    return file_reply(
        LIKENESS_PRINT,
        subject=f"sitting:{sitting_ref}",
        ref=sitting_ref,
        one=registration_ref,
        other=other_ref,
    )
