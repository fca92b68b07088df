"""Use cases of the blueprint office: versions put in force and withdrawn, rows of the table of reasons.

A row is read from its form and put in its place; then the table is checked as a whole. Source: R-26, R-63.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from cbt.blueprints import reasons
from cbt.blueprints.models import BlueprintVersion, ReasonsVersion
from cbt.blueprints.reason_file import LISTS, written
from cbt.blueprints.store import (
    blueprints_of,
    current_versions,
    drawable_banks,
    last_version,
    numbered_version,
    sample_digests,
    shown,
    stored_refs,
    version_in_force,
)
from cbt.blueprints.versions import (
    FolderFile,
    load_folder,
    look,
    store_blueprint,
    store_reasons,
    withdraw_blueprint,
)
from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.http.form_values import one_line
from cbt.rules.exam import ExamBlueprint, Flaw
from cbt.rules.violations import Effect, Evidence, Reason, ReasonTable, Tier, Violation, check_reasons
from cbt.storage.unit_of_work import unit_of_work

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
    rows: Sequence[Row] = getattr(table, kind)
    return rows


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


def keep(
    blueprint: ExamBlueprint, text: str, *, begun_from: str, reason: str, now: datetime, actor: str
) -> None:
    """Put a sound text in force as the version of its blueprint.

    Raise Conflict("blueprint.changed") when in force is another version than the one the person has seen, by its
    digest (`begun_from`).

    Source: R-1, R-43.
    """
    with unit_of_work() as session:
        current = version_in_force(session, blueprint.ref)
        if current is not None and current.sha256 != begun_from:
            raise Conflict("blueprint.changed", ref=blueprint.ref)
        store_blueprint(session, text, now=now, actor=actor, act="blueprint.keep", reason=reason)


def use_again(ref: str, number: int, *, reason: str, now: datetime, actor: str) -> None:
    """Put a former version in force again; a repeat changes nothing. Raise NotFound for one there is not."""
    with unit_of_work() as session:
        row = numbered_version(session, ref, number).row
        store_blueprint(session, row.source, now=now, actor=actor, act="blueprint.again", reason=reason)


def withdraw(ref: str, *, now: datetime, actor: str) -> None:
    with unit_of_work() as session:
        withdraw_blueprint(session, ref, now=now, actor=actor)


def unusable_samples(session: Session) -> list[BlueprintVersion]:
    """Return the samples in force from whose banks nothing can be drawn: nobody can use them."""
    samples = [row for row in current_versions(session) if row.sha256 in sample_digests()]
    blueprints = blueprints_of(session, [row.id for row in samples])
    drawable = drawable_banks(session) if samples else ()
    return [row for row in samples if blueprints[row.id].bank not in drawable]


def put_samples_away(*, ref: str = "", now: datetime, actor: str) -> list[str]:
    """Take samples that nobody can use out of force, all of them or the one with `ref`; return their refs."""
    with unit_of_work() as session:
        refs = [row.ref for row in unusable_samples(session) if ref in ("", row.ref)]
        for sample in refs:
            withdraw_blueprint(session, sample, now=now, actor=actor)
    return refs


def put_samples_back(*, ref: str = "", now: datetime, actor: str) -> list[str]:
    """Put samples that are out of force in force again, all of them or the one with `ref`; return their refs."""
    with unit_of_work() as session:
        last = [last_version(session, one) for one in sorted(stored_refs(session)) if ref in ("", one)]
        away = [row for row in last if row is not None and row.withdrawn_at is not None]
        samples = [row for row in away if row.sha256 in sample_digests()]
        for row in samples:
            store_blueprint(session, row.source, now=now, actor=actor, act="blueprint.again")
    return [row.ref for row in samples]


def read_folder(folder: Path, *, now: datetime, actor: str) -> list[FolderFile]:
    """Take what is new in the folder's files, as a start does; return all of them."""
    files = look(folder)
    with unit_of_work() as session:
        load_folder(session, folder, files, now=now, actor=actor)
    return files


def reasons_text(session: Session) -> str:
    version_id = reasons.version_in_force(session)
    if version_id is None:
        return written(reasons.table_in_force(session))
    return session.get_one(ReasonsVersion, version_id).source


def keep_reason(
    kind: str, code: str, row: Row, *, begun_from: str, reason: str, now: datetime, actor: str
) -> None:
    """Put a row of the table of reasons in force, in place of the one with its code or, for "", as a new one.

    Raise Conflict("reasons.changed") when in force is another version than the one the form was begun from, and
    InvalidInput for a table that would not hold.

    Source: R-26, R-63.
    """
    with unit_of_work() as session:
        if str(reasons.version_in_force(session) or "") != begun_from:
            raise Conflict("reasons.changed")
        table = reasons.table_in_force(session)
        changed = with_row(table, place_of(table, kind, code), row)
        if changed != table:
            store_reasons(session, written(changed), now=now, actor=actor, act="reasons.keep", reason=reason)
