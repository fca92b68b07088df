"""One decision on the disconnections of many: a switch that failed is one event, not one for each seat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cbt.accounts.approvals.requests import Line
from cbt.errors import Conflict, InvalidInput
from cbt.proctoring.acts.gaps import GapRuling, amount_line, settle_gap, take_back
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.proposals import Proposal
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk import lines
from cbt.proctoring.desk.act import Act, ActScope, Asked, Form, Picked, Preview
from cbt.proctoring.desk.acting import acting
from cbt.proctoring.desk.granted import would_take_two
from cbt.proctoring.desk.inputs import read_reason_of, read_span
from cbt.proctoring.desk.said import Said
from cbt.rules.states.attempt import ClosedBy

MOST_GAPS = 400


@dataclass(frozen=True, slots=True)
class SharedCut:
    """The disconnections that are decided together: each with its seat."""

    gaps: tuple[tuple[SeatView, Proposal], ...]

    @property
    def usable(self) -> bool:
        """Whether everybody could go on answering."""
        return all(one.usable for _seat, one in self.gaps)

    @property
    def longest(self) -> timedelta:
        """The longest of them."""
        return max((one.to_at - one.from_at for _seat, one in self.gaps), default=timedelta(0))

    @property
    def resent(self) -> int:
        """How many answers came in afterwards."""
        return sum(one.resent for _seat, one in self.gaps)


def _refuse(seat: SeatView, _board: Board) -> str:
    return "" if seat.proposals else "no_gap"


def _named(form: Form) -> frozenset[int]:
    """Return the disconnections that the form names; raise InvalidInput for what names none."""
    words = form.get("gaps", "").split(",")
    if len(words) > MOST_GAPS or not all(w.isascii() and w.isdigit() and len(w) <= 9 for w in words):
        raise InvalidInput("proctoring.number", field="gaps")
    return frozenset(int(word) for word in words)


def _cut(picked: Picked, named: frozenset[int]) -> SharedCut:
    return SharedCut(
        tuple((seat, one) for seat in picked.chosen for one in seat.proposals if one.gap_id in named)
    )


def _shown(preview: Preview) -> Mapping[str, object]:
    return {"cut": _cut(preview.picked, _named(preview.form))}


def _amount(form: Form, one: Proposal) -> timedelta:
    """Return what one gets: nothing, what was typed, or what they lost; never more than that."""
    if form.get("refuse") == "1":
        return timedelta(0)
    return min(read_span(form, "amount"), one.left) if form.get("amount", "").strip() else one.left


def _second(preview: Preview) -> str:
    """Ask for a second person when somebody gets more than one alone may give. Source: R-62."""
    if preview.form.get("refuse") == "1":
        return ""
    found = _cut(preview.picked, _named(preview.form)).gaps
    most = max((one.left for _seat, one in found if one.usable), default=timedelta(0))
    return "always" if would_take_two(preview, most) else "perhaps"


def _decide_many(asked: Asked) -> Said:
    """Decide on the disconnections of many in one act: 全部不补时, or 全部补时.

    What is given beyond the proposals counts as an extension. Whoever handed in is left alone where time is
    given. Raise Conflict("proctoring.gap_decided") when nothing of it is left to decide.

    Source: R-26, R-62.
    """
    named = _named(asked.form)
    code, reason = read_reason_of(asked.form, asked.reasons)
    with acting(asked) as desk:
        picked = desk.pick()
        attempts = desk.attempts(picked.chosen)
        before: list[tuple[int | None, Any]] = []
        done: list[SeatView] = []
        left: list[tuple[SeatView, str]] = []
        for seat, one in _cut(picked, named).gaps:
            amount = _amount(asked.form, one)
            if amount and seat.closed_by not in (None, ClosedBy.DEADLINE):
                left.append((seat, "closed"))
                continue
            ruling = GapRuling(amount, code, reason)
            before.append((seat.registration_id, settle_gap(desk, seat, attempts[seat.ref], one, ruling)))
            done.append(seat)
        if not before:
            raise Conflict("proctoring.gap_decided")
        touched = tuple(dict.fromkeys(done))
        desk.touch(touched)
        given = any("adjustment" in kept for _who, kept in before)
        desk.remember(before, undoable=not given or all(seat.under_way for seat in touched))
        return desk.said(Picked(touched, (*picked.skipped, *left)))


def _whole_line(form: Form) -> Iterator[Line]:
    if form.get("refuse") != "1" and not form.get("amount", "").strip():
        yield ("approval.line.amount", "word", "proctoring.gaps.each")


ACTS = (
    Act(
        "decide_many",
        ActScope.SEATS,
        _decide_many,
        _refuse,
        after_the_end=True,
        fields=("gaps",),
        carries=("gaps", "refuse"),
        shows=_shown,
        second=_second,
        lines=(amount_line, _whole_line, lines.reason_code, lines.reason),
        undo=take_back,
        tone="main",
    ),
)
