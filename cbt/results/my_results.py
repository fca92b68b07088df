"""A candidate's own results by the release policy of each paper, and the result slip (成绩单).

By the code of a slip anybody can ask whether the results stand like that. It is a keyed digest of what is
printed: it is worked out again of what holds now, and nothing is kept.

Source: R-3, R-4, R-94.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import flask_babel
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.blueprints.store import blueprint_kept
from cbt.candidates.models import Candidate
from cbt.enrolment.body import body
from cbt.errors import Conflict, InvalidInput, TooMany
from cbt.http.auth import throttle
from cbt.http.auth.machine import Machine
from cbt.http.i18n import local_day
from cbt.personal import keyed_digest
from cbt.printing.pdf import pdf, qr_drawing
from cbt.results import retake_ledger as retake_store
from cbt.results.models import Publication
from cbt.results.publicity.store import objected, publications_of
from cbt.results.retake_ledger import NOT_EXAMINED, TakenRegistration, counting, pass_counts_until
from cbt.results.rulings import unruled
from cbt.results.sheet.documents import as_points
from cbt.results.store import SHOWN
from cbt.rules.appeals import may_be_appealed
from cbt.rules.canonical import canonical_json
from cbt.rules.door import last_six
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.retake import Overall, PaperOutcome, PaperResult, RetakeVerdict, may_retake, overall
from cbt.rules.states import SittingState
from cbt.storage.crypto import DOCUMENT, readable
from cbt.storage.unit_of_work import reading


@dataclass(frozen=True, slots=True)
class Exam:
    """One exam a candidate took or is registered for; outcome and score are None where the policy hides them.

    `state`: `released`, `pending` (成绩尚未发布), `shown` (公示中, until `shown_until`), `objected` (已受理异议),
    `unruled` (违纪待裁决),
    `not_examined` (aborted or cancelled), `withheld` (it is released, but the paper's policy shows nothing here).
    """

    sitting: str
    exam_on: date
    retake: bool
    state: Literal["released", "pending", "shown", "objected", "unruled", "not_examined", "withheld"]
    outcome: PaperOutcome | None = None
    score: Decimal | None = None
    released_on: date | None = None
    shown_until: date | None = None
    ref: str = ""
    """The registration's, by which it is appealed against."""
    appeal: str = ""
    """The state of its appeal; `may` while one may be in time, "" for neither."""


@dataclass(frozen=True, slots=True)
class Unreleased:
    """What is told of results that are not released: shown until when, objected to, waiting for a ruling."""

    shown: Mapping[int, Publication]
    objected: Collection[int]
    unruled: Collection[int]


@dataclass(frozen=True, slots=True)
class PaperResults:
    """One paper: its exams by date, whether it may be retaken today, and until when a pass counts."""

    paper: Paper
    exams: tuple[Exam, ...]
    retake: RetakeVerdict | None
    counts_until: date | None

    @property
    def latest(self) -> Exam | None:
        """The exam to show first: the last with a result, else the last."""
        over = [exam for exam in self.exams if exam.state in {"released", "withheld"}]
        return next(reversed(over or self.exams), None)


@dataclass(frozen=True, slots=True)
class LevelResults:
    """One level of one occupation; `overall` is None before a result, or where a policy hides one."""

    title: str
    papers: tuple[PaperResults, ...]
    overall: Overall | None
    years: int


@dataclass(frozen=True, slots=True)
class CandidateResults:
    """Everything one person may see."""

    name: str
    document_masked: str
    levels: tuple[LevelResults, ...]
    ticket: str
    """The number by which they were looked up, or of the registration they are signed in with."""

    @property
    def released(self) -> bool:
        return any(
            exam.released_on for level in self.levels for paper in level.papers for exam in paper.exams
        )


def look_up(*, ticket: str, document: str, machine: Machine, now: datetime) -> CandidateResults:
    """Return the results of whoever holds this ticket and document; raise like `identified`."""
    candidate, number = identified(ticket=ticket, document=document, machine=machine, now=now)
    return all_of(candidate, number, now)


def identified(*, ticket: str, document: str, machine: Machine, now: datetime) -> tuple[Candidate, str]:
    """Return who holds this ticket and the document whose last six are given, and the ticket's number.

    Raise InvalidInput("results.wrong") without saying which half was wrong, TooMany while the ticket is
    throttled, or the address: what was right does not count for that, for a school asks from one. The counter is
    not the one of signing in: nobody can keep a candidate from an exam with it.

    Source: R-14.
    """
    number = "".join(unicodedata.normalize("NFKC", ticket).split())[:20]
    guess, place = throttle.Try("results", number, machine.identity), throttle.look_up_from(machine)
    throttle.reserve_all([guess, place], now=now, address=machine.address)
    candidate = retake_store.ticket_holder(number)
    # A ticket nobody has is compared like any other.
    full = readable(candidate.document_sealed, DOCUMENT) if candidate else ""
    if full is None:
        raise InvalidInput("results.number_unreadable", field="ticket")
    digits = last_six(full)
    fits = hmac.compare_digest(digits.encode(), last_six(document[:40]).encode())
    if candidate is None or not (fits and digits):
        raise InvalidInput("results.wrong", field="ticket")
    throttle.give_back(guess, besides=[place])
    return candidate, number


def results_of(registration_id: int, *, now: datetime) -> CandidateResults:
    candidate, ticket = retake_store.candidate_of(registration_id)
    return all_of(candidate, ticket, now)


_ALL_RELEASED = Unreleased({}, (), ())


def all_of(candidate: Candidate, ticket: str, now: datetime) -> CandidateResults:
    """Return everything somebody may see of their own results."""
    today = local_day(now)
    ledger = retake_store.own_ledger(candidate.id)
    waiting, to_come = (
        _ALL_RELEASED,
        [one for taken in ledger.values() for one in taken if one.result is None],
    )
    if to_come:
        with reading() as session:
            waiting = unreleased(session, to_come, today)
    levels = [
        _level(blueprint_kept(taken[-1].registration.blueprint_version_id), taken, waiting, today)
        for taken in ledger.values()
    ]
    return CandidateResults(candidate.name, candidate.document_masked, tuple(levels), ticket)


def unreleased(session: Session, taken: Sequence[TakenRegistration], today: date) -> Unreleased:
    """Return what is told today of results that are not released."""
    sittings = {one.sitting.id for one in taken}
    shown = publications_of(session, sittings)
    over = {one.sitting.id for one in taken if one.sitting.state in SHOWN}
    waiting = unruled(session, over) if over else {}
    return Unreleased(
        {sitting: one for sitting, one in shown.items() if one.window.is_open(today)},
        objected(session, [one.registration.id for one in taken]),
        {one for of_sitting in waiting.values() for one, _ref in of_sitting},
    )


def _level(
    blueprint: ExamBlueprint, taken: Sequence[TakenRegistration], waiting: Unreleased, today: date
) -> LevelResults:
    results = counting(retake_store.released(taken), policy=blueprint.retake)
    papers = [
        _paper(
            blueprint,
            paper,
            [
                _with_appeal(exam_of(one, paper, waiting), one, today)
                for one in taken
                if one.registration.paper == code
            ],
            results,
            today,
        )
        for code, paper in blueprint.papers.items()
    ]
    hidden = any(exam.state == "withheld" for paper in papers for exam in paper.exams)
    whole = overall(list(blueprint.papers), results, on=today, policy=blueprint.retake)
    return LevelResults(
        title=f"{blueprint.occupation_name} {blueprint.level_name}",
        papers=tuple(papers),
        overall=None if hidden else whole,
        years=blueprint.retake.years,
    )


def _paper(
    blueprint: ExamBlueprint,
    paper: Paper,
    exams: Sequence[Exam],
    results: Sequence[PaperResult],
    today: date,
) -> PaperResults:
    has_result = any(one.paper == paper.code for one in results)
    shown = has_result and paper.release != "none"
    return PaperResults(
        paper=paper,
        exams=tuple(exams),
        retake=may_retake(paper.code, results, exam_on=today, policy=blueprint.retake) if shown else None,
        counts_until=pass_counts_until(paper.code, results, policy=blueprint.retake) if shown else None,
    )


def exam_of(taken: TakenRegistration, paper: Paper, waiting: Unreleased) -> Exam:
    """Return what may be told of an exam, by the policy of its paper. Source: R-3, R-90."""
    exam_on = local_day(taken.exam_at)
    plain = Exam(taken.sitting.name, exam_on, taken.registration.kind == "retake", "pending")
    result = taken.as_result()
    if result is None or taken.result is None:
        gone = taken.room_state in NOT_EXAMINED or taken.sitting.state == SittingState.CANCELLED.value
        if gone:
            return replace(plain, state="not_examined")
        if taken.registration.id in waiting.objected:
            return replace(plain, state="objected")
        if taken.registration.id in waiting.unruled:
            return replace(plain, state="unruled")
        shown = waiting.shown.get(taken.sitting.id)
        return plain if shown is None else replace(plain, state="shown", shown_until=shown.last_on)
    if paper.release == "none":
        return replace(plain, state="withheld", released_on=result.released_on)
    return replace(
        plain,
        state="released",
        outcome=result.outcome,
        score=taken.result.score if paper.release == "score" else None,
        released_on=result.released_on,
    )


def _with_appeal(exam: Exam, taken: TakenRegistration, today: date) -> Exam:
    """Return an exam with the state of its appeal, or whether there may be one. Source: R-91."""
    if exam.state != "released" or exam.outcome is None or exam.released_on is None:
        return exam
    may = may_be_appealed(exam.outcome, exam.released_on, today)
    return replace(exam, ref=taken.registration.ref, appeal=taken.appeal or ("may" if may else ""))


_LENGTH, _GROUP = 16, 4


def slip_code(results: CandidateResults) -> str:
    """Return the code of what a slip says now, in groups of four."""
    rows = [
        [
            paper.paper.code,
            exam.exam_on.isoformat(),
            str(exam.released_on),
            exam.state,
            exam.outcome,
            exam.score,
        ]
        for _level, paper, exam in released_exams(results)
    ]
    code = keyed_digest(canonical_json([results.name, results.document_masked, rows]), "slip")[
        :_LENGTH
    ].upper()
    return " ".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def released_exams(results: CandidateResults) -> list[tuple[LevelResults, PaperResults, Exam]]:
    """Return what was released for somebody, level by level and paper by paper."""
    return [
        (level, paper, exam)
        for level in results.levels
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
        throttle.look_up_by(machine),
        throttle.Try("slip", number, mine),
        throttle.look_up_from(machine),
    ]
    try:
        throttle.reserve_all(tries, now=now, address=machine.address)
    except TooMany as error:
        raise TooMany("slip.throttled", **error.params) from error
    candidate = retake_store.ticket_holder(number)
    found = None if candidate is None else all_of(candidate, number, now)
    # A ticket nobody has is compared like any other.
    right = slip_code(found or CandidateResults("", "", (), ""))
    same = hmac.compare_digest(right.replace(" ", "").encode(), typed.encode())
    return found if found is not None and released_exams(found) and same else None


def slip_paper(results: CandidateResults, *, address: str, now: datetime) -> bytes:
    """Return somebody's released results as an A4 page; its QR leads to `address`, where the code is asked for.

    Raise Conflict("slip.nothing") while nothing was released.

    Source: R-94.
    """
    exams = released_exams(results)
    if not exams:
        raise Conflict("slip.nothing")
    with reading() as session:
        name = body(session).name
    data: dict[str, Any] = {
        "title": _("slip.title"),
        "body": name,
        "foot": f"{_('slip.title')} · {results.ticket}",
        "facts": [
            [_("results.col.name"), results.name],
            [_("results.col.document"), results.document_masked],
            [_("results.col.ticket"), results.ticket],
        ],
        "levels": [
            {
                "title": level.title,
                "overall": _(f"results.overall.{level.overall}") if level.overall else "",
                "rows": [_row(paper, exam) for one, paper, exam in exams if one is level],
            }
            for level in results.levels
            if any(one is level for one, _paper, _exam in exams)
        ],
        "code": slip_code(results),
        "qr": f"{results.ticket}.svg",
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "heads": [
                _(f"slip.col.{name}") for name in ("paper", "day", "score", "points", "verdict", "released")
            ],
            "code": _("slip.code"),
            "check": _("slip.check", ticket=results.ticket),
            "address": address,
            "printed": _("slip.printed", day=local_day(now).isoformat()),
            "seal": _("publicity.paper.seal"),
        },
    }
    drawings = {f"{results.ticket}.svg": qr_drawing(address)}
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
