"""One row of the table of reasons as a form: read, put in its place, and the table checked as a whole.

Source: R-26, R-63.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from werkzeug.datastructures import MultiDict

from cbt.errors import InvalidInput, NotFound
from cbt.exams.files import shown
from cbt.exams.reasons.spec import LISTS
from cbt.rules.exam.blueprint import Flaw
from cbt.rules.reasons import Reason, ReasonTable, check_reasons
from cbt.rules.violation import Effect, Evidence, Tier, Violation
from cbt.web.texts import one_line

KINDS = tuple(LISTS)
"""violations, reasons, messages: the lists a table has."""
MOST = 200
Row = Reason | Violation


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands: in which list, and as which of it; -1 for one to come."""

    kind: str
    index: int


def rows_of(table: ReasonTable, kind: str) -> Sequence[Row]:
    """Return one of a table's lists; raise NotFound for a list it does not have."""
    if kind not in KINDS:
        raise NotFound("reasons.no_row")
    found: Sequence[Row] = getattr(table, kind)
    return found


def place_of(table: ReasonTable, kind: str, code: str) -> RowPlace:
    """Return where a row stands; "" is one to come. Raise NotFound("reasons.no_row")."""
    codes = [one.code for one in rows_of(table, kind)]
    if code and code not in codes:
        raise NotFound("reasons.no_row")
    return RowPlace(kind, codes.index(code) if code else -1)


def read_row(kind: str, code: str, form: MultiDict[str, str]) -> Row:
    """Return the row a form says; `code` is that of an old one, which keeps it."""
    named: dict[str, Any] = {
        "code": code or one_line(form.get("code", ""), "code")[:MOST],
        "zh": _needed(form, "zh"),
        "en": _needed(form, "en"),
        "retired": form.get("retired") == "1",
    }
    if kind != "violations":
        return Reason(**named)
    return Violation(
        **named,
        clause=_needed(form, "clause"),
        tier=Tier.CHEATING if form.get("tier") == Tier.CHEATING else Tier.BREACH,
        effects=tuple(one for one in Effect if form.get(f"effect_{one}") == "1"),
        evidence=tuple(one for one in Evidence if form.get(f"evidence_{one}") == "1"),
        deduct=_points(form.get("deduct", "")),
    )


def with_row(table: ReasonTable, place: RowPlace, row: Row) -> ReasonTable:
    """Return the table with a row in its place; raise InvalidInput for what does not hold, with its field."""
    rows = list(rows_of(table, place.kind))
    if place.index < 0:
        rows.append(row)
    else:
        rows[place.index] = row
    lists: dict[str, Any] = {place.kind: tuple(rows)}
    changed = replace(table, **lists)
    for flaw in check_reasons(changed):
        raise InvalidInput(flaw.code, **shown(flaw), field=_field(flaw))
    return changed


def _field(flaw: Flaw) -> str:
    return str(flaw.path[-1])


def _needed(form: MultiDict[str, str], field: str) -> str:
    text = one_line(form.get(field, ""), field)
    if not text or len(text) > MOST:
        raise InvalidInput("reasons.text", field=field, most=MOST)
    return text


def _points(text: str) -> Decimal:
    try:
        points = Decimal(text.strip() or "0")
    except InvalidOperation:
        points = Decimal(-1)
    if not points.is_finite() or not 0 <= points <= 1000 or -int(points.as_tuple().exponent) > 2:
        raise InvalidInput("reasons.points", field="deduct")
    return points
