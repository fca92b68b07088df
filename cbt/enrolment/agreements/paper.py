"""认定管理协议 on paper, with the headings and the order of the notice's Annex 3: what is known is filled in."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _

from cbt.enrolment.agreements.models import UnitAgreement
from cbt.enrolment.units.models import MemberUnit

_CLAUSES = {"work": 6, "term": 1, "breach": 3, "more": 1, "copies": 1}
"""The parts of the agreement in their order, and how many points each has."""


def agreement_paper(agreement: UnitAgreement, unit: MemberUnit) -> dict[str, Any]:
    """Return what the paper says. Source: R-71, Annex 3."""
    said = {
        "body": agreement.body_name,
        "unit": unit.name,
        "first": _day(agreement.effective_on),
        "last": _day(agreement.last_on),
    }
    return {
        "title": _("enrolment.paper.agreement"),
        "foot": f"{agreement.number} · {unit.name}",
        "number": agreement.number,
        "parties": [
            [_("enrolment.paper.body"), agreement.body_name],
            [_("enrolment.paper.unit"), unit.name],
            [_("enrolment.unit.credit_code"), unit.credit_code],
        ],
        "opening": _("enrolment.paper.opening", **said),
        "parts": [
            {
                "head": _(f"enrolment.paper.{part}"),
                "points": [_(f"enrolment.paper.{part}.{point}", **said) for point in range(1, points + 1)],
            }
            for part, points in _CLAUSES.items()
        ],
        "signing": [
            {"seal": _(f"enrolment.paper.{side}.seal"), "name": name, "signer": signer}
            for side, name, signer in (
                ("body", agreement.body_name, agreement.body_signer),
                ("unit", unit.name, agreement.unit_signer),
            )
        ],
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "number": _("enrolment.agreement.number"),
            "signature": _("enrolment.paper.signature"),
            "represented": _("enrolment.paper.represented"),
            "day": _("enrolment.paper.day"),
            "numerals": _("enrolment.paper.numerals"),
        },
    }


def _day(day: date) -> str:
    return str(_("enrolment.paper.date", year=day.year, month=day.month, day=day.day))
