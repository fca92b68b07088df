"""成绩单: somebody's released results on paper, with a code by which anybody can ask whether they stand like that.

The code is a keyed digest of what is printed: it is worked out again of what holds now, and nothing is kept.

Source: R-94.
"""

from __future__ import annotations

import hmac
import unicodedata
from datetime import datetime
from typing import Any

import flask_babel
from flask_babel import gettext as _

from cbt.db.unit_of_work import reading
from cbt.enrolment.body.service import body
from cbt.errors import Conflict, TooMany
from cbt.personal.numbers import keyed_digest
from cbt.printing.pdf import pdf, qr_drawing
from cbt.results.ledger import store as retake_store
from cbt.results.my_results import CandidateResults, Exam, LevelResults, PaperResults, all_of
from cbt.results.sheet.printed import as_points
from cbt.rules.canonical import canonical_json
from cbt.web.i18n import local_day
from cbt.web.who import throttle
from cbt.web.who.machine import Machine

_LENGTH, _GROUP = 16, 4


def slip_code(found: CandidateResults) -> str:
    """Return the code of what a slip says now, in groups of four."""
    said = [
        [
            paper.paper.code,
            exam.exam_on.isoformat(),
            str(exam.released_on),
            exam.state,
            exam.outcome,
            exam.score,
        ]
        for _level, paper, exam in released_exams(found)
    ]
    code = keyed_digest(canonical_json([found.name, found.document_masked, said]), "slip")[:_LENGTH].upper()
    return " ".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def released_exams(found: CandidateResults) -> list[tuple[LevelResults, PaperResults, Exam]]:
    """Return what was released for somebody, level by level and paper by paper."""
    return [
        (level, paper, exam)
        for level in found.levels
        for paper in level.papers
        for exam in paper.exams
        if exam.released_on is not None
    ]


def checked_slip(*, ticket: str, code: str, machine: Machine, now: datetime) -> CandidateResults | None:
    """Return what holds of whose slip has this ticket and code; None where that is not what the slip says.

    Raise TooMany("slip.throttled"): tries are counted for a machine, over all tickets and at each, and for its
    address.

    Source: R-14, R-94.
    """
    number = "".join(unicodedata.normalize("NFKC", ticket).split())[:20]
    typed = "".join(unicodedata.normalize("NFKC", code).split()).upper()[:_LENGTH]
    mine = machine.guesses_as
    tries = [
        throttle.Try("verify", "", mine),
        throttle.Try("slip", number, mine),
        throttle.look_up_from(machine),
    ]
    try:
        throttle.reserve_all(tries, now=now, address=machine.address)
    except TooMany as error:
        raise TooMany("slip.throttled", **error.params) from error
    with reading() as session:
        candidate = retake_store.ticket_holder(session, number)
        found = None if candidate is None else all_of(session, candidate, number, now)
    # A ticket nobody has is compared like any other.
    right = slip_code(found or CandidateResults("", "", (), ""))
    same = hmac.compare_digest(right.replace(" ", "").encode(), typed.encode())
    return found if found is not None and released_exams(found) and same else None


def slip_paper(found: CandidateResults, *, address: str, now: datetime) -> bytes:
    """Return somebody's released results as an A4 page; its QR leads to `address`, where the code is asked for.

    Raise Conflict("slip.nothing") while nothing was released.

    Source: R-94.
    """
    exams = released_exams(found)
    if not exams:
        raise Conflict("slip.nothing")
    with reading() as session:
        name = body(session).name
    data: dict[str, Any] = {
        "title": _("slip.title"),
        "body": name,
        "foot": f"{_('slip.title')} · {found.ticket}",
        "facts": [
            [_("results.col.name"), found.name],
            [_("results.col.document"), found.document_masked],
            [_("results.col.ticket"), found.ticket],
        ],
        "levels": [
            {
                "title": level.title,
                "overall": _(f"results.overall.{level.overall}") if level.overall else "",
                "rows": [_row(paper, exam) for one, paper, exam in exams if one is level],
            }
            for level in found.levels
            if any(one is level for one, _paper, _exam in exams)
        ],
        "code": slip_code(found),
        "qr": f"{found.ticket}.svg",
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "heads": [
                _(f"slip.col.{name}") for name in ("paper", "day", "score", "points", "verdict", "released")
            ],
            "code": _("slip.code"),
            "check": _("slip.check", ticket=found.ticket),
            "address": address,
            "printed": _("slip.printed", day=local_day(now).isoformat()),
            "seal": _("publicity.paper.seal"),
        },
    }
    drawings = {f"{found.ticket}.svg": qr_drawing(address)}
    return pdf("slip", data, language=str(flask_babel.get_locale()), drawings=drawings)


def _row(paper: PaperResults, exam: Exam) -> list[str]:
    label = paper.paper.label
    verdict = (
        _("publicity.outcome.withheld") if exam.outcome is None else _(f"results.outcome.{exam.outcome}")
    )
    return [
        f"{label} ({_('results.badge.retake')})" if exam.retake else label,
        exam.exam_on.isoformat(),
        "–" if exam.score is None else str(exam.score),
        _(
            "results.paper.marks",
            points=as_points(paper.paper.points),
            pass_points=as_points(paper.paper.pass_points),
        ),
        verdict,
        "" if exam.released_on is None else exam.released_on.isoformat(),
    ]
