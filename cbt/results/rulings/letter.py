"""违纪处理决定书: the letter that tells a candidate what was decided, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flask_babel
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.body.service import body
from cbt.exams.reasons.store import violation_of
from cbt.exams.reasons.words import words_of
from cbt.exams.store import blueprint_of
from cbt.printing.pdf import pdf
from cbt.proctoring.incidents.reports import ToldReport
from cbt.results.rulings.models import ViolationRuling
from cbt.sittings.models import Sitting
from cbt.web.i18n import local_day, local_text


def ruling_letter(
    session: Session,
    registration: Registration,
    candidate: Candidate,
    sitting: Sitting,
    ruling: ViolationRuling,
    reports: Sequence[ToldReport],
) -> bytes:
    """Return the letter as an A4 page. Source: R-92."""
    found = violation_of(session, registration.violation_code, registration.violation_version_id)
    blueprint = blueprint_of(session, registration.blueprint_version_id)
    name = body(session).name
    effects = [] if found is None else [str(_(f"exams.reasons.effect.{one}")) for one in found.effects]
    day = local_day(ruling.decided_at)
    data: dict[str, Any] = {
        "title": _("ruling.letter.title"),
        "body": name,
        "foot": f"{_('ruling.letter.title')} · {ruling.ref}",
        "to": _("ruling.letter.to", name=candidate.name),
        "facts": [
            [_("results.col.document"), candidate.document_masked],
            [_("results.col.sitting"), f"{sitting.name} {local_text(sitting.planned_start_at)}"],
            [
                _("results.col.paper"),
                f"{blueprint.occupation_name} {blueprint.level_name} "
                f"{blueprint.papers[registration.paper].label}",
            ],
            [_("ruling.violation"), ruling.code if found is None else words_of(found)],
            [_("ruling.clause"), "" if found is None else found.clause],
            [_("ruling.facts"), "\n".join(one.part("facts") for one in reports) or "–"],
            [_("ruling.statement"), ruling.statement or _("ruling.statement.none")],
            [_("ruling.effects"), _("publicity.separator").join(effects) or "–"],
            [_("ruling.grounds"), ruling.grounds],
        ],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "lead": _("ruling.letter.lead"),
            "seal": _("publicity.paper.seal"),
            "day": _("enrolment.paper.date", year=day.year, month=day.month, day=day.day),
            "received": [_("ruling.letter.received"), _("results.sign.date")],
        },
    }
    return pdf("ruling", data, language=str(flask_babel.get_locale()))
