"""The letter that tells a candidate what became of their appeal (成绩复核结果通知书), as an A4 page.

Source: R-91.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import flask_babel
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket
from cbt.enrolment.body import issuing_body
from cbt.errors import Conflict
from cbt.http.i18n import local_day, local_text
from cbt.printing.pdf import pdf
from cbt.results.appeals.decision import DECIDED
from cbt.results.appeals.fresh_mark import fresh_subject
from cbt.results.appeals.request import AppealablePaper
from cbt.rules.appeals import AppealState
from cbt.runner.models import Attempt
from cbt.scoring.marking.fresh_marks import counted_answers


def appeal_letter(session: Session, of: AppealablePaper) -> bytes:
    """Return the letter; of points it says what the paper's policy shows.

    Raise Conflict("appeal.undecided"), ("appeal.uncorrected") while what was found does not stand in the result: no
    letter says what the office may not say yet.

    Source: R-54, R-91.
    """
    appeal = of.appeal
    if appeal is None or appeal.state not in DECIDED or appeal.ended_at is None:
        raise Conflict("appeal.undecided")
    if not of.is_settled:
        raise Conflict("appeal.uncorrected")
    day, asked = local_day(appeal.ended_at), local_day(appeal.asked_at)
    ticket = session.get_one(AdmissionTicket, of.registration.ticket_id).number
    attempt_id = session.scalar(select(Attempt.id).where(Attempt.registration_id == of.registration.id))
    marked = [] if attempt_id is None else counted_answers(session, attempt_id, fresh_subject(appeal))
    separator = str(_("publicity.separator"))
    found = [str(_(f"appeal.found.{one}")) for one in appeal.findings.split(",") if one]
    facts = [
        [_("results.col.ticket"), ticket],
        [_("results.col.document"), of.candidate.document_masked],
        [_("results.col.sitting"), f"{of.sitting.name} {local_text(of.sitting.planned_start_at)}"],
        [_("results.col.paper"), of.title],
        [_("appeal.scope"), separator.join(str(_(f"appeal.scope.{one}")) for one in appeal.scope.split(","))],
        [_("appeal.letter.before"), _result(of, appeal.before_outcome, appeal.before_score)],
        [_("appeal.letter.found"), separator.join(found) or _("appeal.found.nothing")],
        [_("appeal.letter.outcome"), _(f"appeal.state.{appeal.state}")],
    ]
    if appeal.state == AppealState.CHANGED:
        facts.append([_("appeal.letter.after"), _result(of, appeal.after_outcome, appeal.after_score)])
    facts += [
        [
            str(_("appeal.letter.fresh", position=one.answer.position)),
            _("appeal.fresh.taken" if one.request and one.request.is_taken else "appeal.fresh.kept"),
        ]
        for one in marked
        if one.mark is not None
    ]
    facts.append([_("appeal.grounds"), appeal.grounds])
    data: dict[str, Any] = {
        "title": _("appeal.letter.title"),
        "body": issuing_body(session).name,
        "foot": f"{_('appeal.letter.title')} · {appeal.ref}",
        "to": _("ruling.letter.to", name=of.candidate.name),
        "facts": facts,
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "lead": _("appeal.letter.lead", day=asked.isoformat()),
            "seal": _("publicity.paper.seal"),
            "day": _("enrolment.paper.date", year=day.year, month=day.month, day=day.day),
            "received": [_("ruling.letter.received"), _("results.sign.date")],
        },
    }
    return pdf("letter", data, language=str(flask_babel.get_locale()))


def _result(of: AppealablePaper, outcome: str, score: Decimal | None) -> str:
    """Say a result, with its points where the policy of the paper shows them."""
    verdict = str(_(f"results.outcome.{outcome}"))
    return verdict if score is None or of.paper.release != "score" else f"{score} · {verdict}"
