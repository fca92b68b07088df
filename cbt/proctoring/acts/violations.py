"""违纪登记: noting a violation, and ending the paper where the table says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import flask_babel

from cbt.accounts.approvals.requests import Line
from cbt.delivery.moving import OVER
from cbt.errors import InvalidInput
from cbt.exams.reasons.store import table_of, version_in_force, violation_of
from cbt.exams.reasons.words import VIOLATION, words_of
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import lines
from cbt.proctoring.desk.act import Act, ActScope, Asked, Form, Preview, perhaps, usual
from cbt.proctoring.desk.acting import Desk, acting
from cbt.proctoring.desk.papers import close_papers
from cbt.proctoring.desk.said import Said
from cbt.proctoring.incidents.forms import read_filled, shown
from cbt.proctoring.incidents.writing import TAKEN_BACK, file_report, open_report, withdraw
from cbt.rules.reasons import ReasonTable
from cbt.rules.states.attempt import ClosedBy
from cbt.rules.violation import Violation, takes_two, terminates, weight


def _refuse(seat: SeatView, _board: Board) -> str:
    return "absent" if seat.absent_at is not None else "" if seat.arrived_at is not None else "not_arrived"


def _record(asked: Asked) -> Said:
    """违纪登记: note it with its form, and end the paper at once where the table says so.

    Of several the heaviest stands on the registration, with the version of the table it was taken from; each
    has its report. One that ends the exam or voids a paper needs what 强制收卷 needs: a second person.

    Source: R-62, R-63.
    """
    code, filled = asked.form.get("code", ""), read_filled(asked.form, now=asked.now, zone=asked.zone)
    with acting(asked) as desk:
        version_id = version_in_force(desk.session)
        violation = _offered(table_of(desk.session, version_id), code)
        if takes_two(violation):
            desk.need_second()
        picked = desk.pick()
        before: list[tuple[int | None, Any]] = []
        for seat in picked.chosen:
            registration = desk.registration(seat)
            former = violation_of(
                desk.session, registration.violation_code, registration.violation_version_id
            )
            was = {"code": registration.violation_code, "version": registration.violation_version_id}
            if former is None or weight(violation) > weight(former):
                registration.violation_code, registration.violation_version_id = code, version_id
            report = file_report(
                desk,
                seat,
                filled,
                kind="violation",
                code=code,
                version_id=version_id,
                clause=violation.clause,
            )
            before.append((seat.registration_id, {"report": report.ref, **was}))
            desk.audit("violation", f"registration:{seat.ref}", reason=filled.facts, after={"code": code})
            desk.log("violation", seat, code=code, reason=filled.facts)
            open_still = seat.attempt_id is not None and seat.attempt_state not in OVER
            if terminates(violation) and open_still:
                close_papers(desk, (seat,), closed_by=ClosedBy.VIOLATION, closed_at=asked.now, reason=code)
        desk.remember(before, undoable=not takes_two(violation))
        return desk.said(picked)


def _take_back(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Withdraw the report, and let what stood on the registration stand there again."""
    withdraw(desk, open_report(desk, before["report"]), TAKEN_BACK)
    registration = desk.registration(seat)
    registration.violation_code, registration.violation_version_id = before["code"], before["version"]
    return True


def _offered(table: ReasonTable, code: str) -> Violation:
    """Return one row of the table; raise InvalidInput for a code it does not have, or offers no more."""
    found = table.violation(code)
    if found is None or found.retired:
        raise InvalidInput("proctoring.no_violation", field="code")
    return found


def _table(preview: Preview) -> Mapping[str, object]:
    """Show the table a violation is chosen from: what each does, and below that what it is and goes with."""
    offered = preview.reasons.offered_violations
    return {
        "violations": [(one.code, f"{words_of(one)} — {_effects(one)}") for one in offered],
        "details": [_details(one) for one in offered],
        **shown(preview),
    }


def _details(violation: Violation) -> str:
    return _(
        "proctoring.violation.row",
        words=words_of(violation),
        tier=_(f"proctoring.tier.{violation.tier}"),
        clause=violation.clause,
        evidence=_("proctoring.comma").join(_(f"proctoring.evidence.{one}") for one in violation.evidence),
    )


def _effects(violation: Violation) -> str:
    text = _("proctoring.comma").join(
        _(f"proctoring.effect.{effect}", points=violation.deduct) for effect in violation.effects
    )
    return _("proctoring.effect.now", effects=text) if terminates(violation) else text


def _(message_id: str, **params: object) -> str:
    return str(flask_babel.gettext(message_id, **params))


def _line(form: Form) -> Iterator[Line]:
    if form.get("code"):
        yield ("approval.line.violation", "word", VIOLATION + form["code"])


ACTS = (
    Act(
        "violation",
        ActScope.ONE,
        _record,
        _refuse,
        after_the_end=True,
        fields=("violation", "report"),
        shows=_table,
        second=perhaps,
        lines=(_line, lines.reason),
        undo=_take_back,
        tone="stop",
        running=usual(55),
    ),
)
