"""Pages of the rulings: what is on record of somebody, the ruling, and the letter (决定书)."""

from __future__ import annotations

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.blueprints.reasons import violation_of, words_of
from cbt.candidates.models import Candidate
from cbt.errors import Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF
from cbt.results import rulings
from cbt.results.publicity.store import is_released
from cbt.results.rulings import DECIDERS, RulingForm, rule, ruled_on, ruling_letter
from cbt.results.service import note_printed
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("rulings", __name__, url_prefix="/results/rulings")

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)


@pages.get("/<registration_ref>")
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


@pages.post("/<registration_ref>")
@access.roles(*DECIDERS)
@form_on(
    one, only=lambda error: error.code.startswith(("ruling.", "second.")) and error.code != "ruling.none"
)
def decide(registration_ref: str) -> Reply:
    """Decide whether a violation stands."""
    told = typed_form(RulingForm)
    sitting_ref = rule(registration_ref, told, now=flask.g.now, actor=acting())
    return see_other(_(f"ruling.made.{told.verdict}"), "results.publicity.sitting", sitting_ref=sitting_ref)


@pages.get("/<registration_ref>/letter.pdf")
@access.roles(*READERS)
def letter(registration_ref: str) -> Reply:
    """Send the letter that tells a candidate of the ruling."""
    with reading() as session:
        registration, sitting, reports = ruled_on(session, registration_ref)
        ruling = rulings.ruling_of(session, registration)
        if ruling is None:
            raise Conflict("ruling.open")
        candidate = session.get_one(Candidate, registration.candidate_id)
        made = ruling_letter(session, registration, candidate, sitting, ruling, reports)
    note_printed(registration.logged_as, now=flask.g.now, actor=acting(), document="ruling")
    return attachment(made, PDF, f"{_('ruling.letter.title')}-{candidate.name}.pdf")
