"""The audit log as it is read: acts in the groups people choose from, and entries that are looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import ColumnElement, CompoundSelect, Select, case, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from cbt.audit.models import AuditEntry


def _of(room: str, names: str) -> tuple[str, ...]:
    return tuple(f"{room}.{name}" for name in names.split())


SECOND, UNDO = "second.", "undo."
"""Before the code of a proctor's act: that it had its second person; that it was taken back."""
PRINT = "print."
"""Before the name of a document: that somebody had it made."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "planning": (
            *_of("batch", "create change delete"),
            *_of(
                "sitting",
                "create add_room draw_begin draw_forms publish purpose move withdraw cancel delete"
                " inform_list",
            ),
            *_of("centre", "create change second kiosk delete"),
            *_of("room", "create change delete plan code code_closed assign unassign arm disarm"),
            *_of("seats", "arrange exchange mend restore redraw"),
            *_of("seat", "spare bind unbind claim clear_claim restored undelivered"),
        ),
        "enrolment": (
            *_of("unit", "create change leave rejoin invite"),
            *_of("agreement", "make end"),
            *_of("body", "change"),
            *_of("day", "set forget"),
            *_of("major", "set forget"),
            *_of(
                "application",
                "make change submit withdraw send_back refuse accept reconsider schedule unschedule complete"
                " roster print",
            ),
            *_of(
                "applicant",
                "enter import change remove accept refuse proofs photo photo_remove scan scan_read scan_remove",
            ),
            *_of("fee", "charge cancel pay match unmatch reverse refund"),
        ),
        "running": (
            *_of(
                "room",
                "printed go no_go admit start hold resume relocate reenter adjust evacuate countersign"
                " end abort score",
            ),
            *_of("attempt", "suspend resume adjust allow_move remind close reopen recover score"),
            *_of("gap", "decide"),
            *_of("hand", "raise lower answer"),
            *_of("remark", "make"),
            *_of("alert", "seen"),
            "violation",
            *_of("print", "test_page room_record attendance absences incidents changes no_photos room_log"),
            *_of("report", "file add withdraw"),
            *_of("inspector", "comment answer"),
            *_of("undo", "arrive check_in allow_sign_in clear_query absent undo_absent leave return"),
            *_of(
                "undo",
                "adjust adjust_room suspend resume move hold resume_room remind seen decide decide_many",
            ),
            *_of("undo", "violation incident incident_room relocate rebind answer_hand"),
        ),
        "door": _of(
            "door",
            "arrive check_in absent undo_absent login_code allow_sign_in clear_query sign_in confirm query"
            " withdraw_query"
            " pledge seat leave return elsewhere clear_elsewhere",
        ),
        "candidates": (
            *_of("roster", "import export columns make_up"),
            *_of("photos", "import"),
            *_of("registration", "add change withdraw bring_back remove"),
            *_of("print", "tickets door sign_in labels seats registration"),
            *_of("candidate", "correct"),
            *_of("personal", "reveal export erase"),
        ),
        "results": (
            *_of(
                "results",
                "release release_left correct export analysis_export curves_export view_paper view_keys",
            ),
            *_of("results", "mapping_make mapping_change mapping_remove"),
            *_of("package", "write"),
            *_of("print", "score_sheet publicity ruling appeal analysis likeness dossier centre_report"),
            *_of("publicity", "publish withdraw"),
            *_of("objection", "bring decide"),
            *_of("likeness", "case"),
            *_of("panel", "open enter close round decide"),
            *_of("ruling", "decide"),
            *_of("appeal", "ask withdraw decide fresh fresh_off"),
            *_of("key", "correct corrected marks marks_off"),
            *_of("sitting", "release"),
            *_of("attempt", "late_approved late_rejected"),
        ),
        "marking": _of(
            "marking", "open name release threshold seed seed_mark give set_aside take_back change end"
        ),
        "certificates": _of(
            "certificate",
            "series issue print revoke publish mapping_make mapping_change mapping_remove upload",
        ),
        "retention": _of("retention", "terms hold lift ask confirm withdraw done"),
        "bank": (
            *_of("bank", "create describe table table_broken delete put_away put_back"),
            *_of("bank", "import import_undo import_broken export view_keys"),
            *_of("item", "submit withdraw approve send_back retire restore assign remark settle"),
            *_of("item", "set_difficulty set_point view_key"),
            *_of("media", "bring"),
        ),
        "blueprints": (*_of("blueprint", "load keep again withdraw"), *_of("reasons", "load keep")),
        "second": (
            *_of("approval", "ask code approve refuse withdraw expire fail"),
            *_of("second", "adjust adjust_room hold resume_room force reopen violation decide decide_many"),
            *_of("second", "evacuate_close abort report_withdraw"),
        ),
        "staff": (
            *_of("staff", "create roles disable enable reset password remove list"),
            *_of("staff", "sign_in sign_out sign_in_failed"),
            *_of("staff", "factor_on factor_off factor_codes factor_code factor_reset"),
            "refused",
        ),
        "guessing": (
            *_of("guessing", "staff password factor second ticket code seat bind results"),
            *_of("guessing", "verify cert_number slip publicity look_ups"),
        ),
        "system": (
            *_of("system", "install upgrade restore"),
            *_of("job", "start cancel retry"),
            *_of("database", "move"),
            *_of("key", "lost signing"),
            *_of("audit", "keyed head_broken export"),
        ),
    }
)
ACTS = frozenset(act for acts in GROUPS.values() for act in acts)


SPREAD = timedelta(hours=1)
"""Entries stand in the order in which they were committed: by their times they may be out of order by so much."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries are looked for: whatever is not said, any. Times are half-open; `subjects` selects subjects."""

    acts: tuple[str, ...] = ()
    actor: str = ""
    subject: str = ""
    subjects: CompoundSelect[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(
    session: Session, sought: Sought, *, before: int | None = None, limit: int
) -> Sequence[AuditEntry]:
    """Return entries newest first, older than `before`.

    However long the log is, what is read of it is found by an index: a date by halving, several acts one by one.
    """
    conditions = _told(session, sought, before)
    if len(sought.acts) > 1:
        newest = [
            select(_ids([*conditions, AuditEntry.act == act]).limit(limit).subquery().c.id)
            for act in sought.acts
        ]
        conditions = [AuditEntry.id.in_(select(union_all(*newest).subquery().c.id))]
    elif sought.acts:
        conditions.append(AuditEntry.act == sought.acts[0])
    query = select(AuditEntry).where(*conditions).order_by(AuditEntry.id.desc()).limit(limit)
    return session.scalars(query).all()


def _ids(conditions: Sequence[ColumnElement[bool]]) -> Select[int]:
    return select(AuditEntry.id).where(*conditions).order_by(AuditEntry.id.desc())


def _told(session: Session, sought: Sought, before: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if before is not None:
        conditions.append(AuditEntry.id < before)
    if sought.actor:
        conditions.append(AuditEntry.actor == sought.actor)
    if sought.subject:
        conditions.append(AuditEntry.subject == sought.subject)
    if sought.subjects is not None:
        about = aliased(AuditEntry)
        conditions.append(AuditEntry.id.in_(select(about.id).where(about.subject.in_(sought.subjects))))
    if sought.since is not None:
        conditions += [AuditEntry.at >= sought.since, AuditEntry.id >= _first(session, sought.since - SPREAD)]
    if sought.until is not None:
        conditions += [AuditEntry.at < sought.until, AuditEntry.id < _first(session, sought.until + SPREAD)]
    return conditions


def _first(session: Session, instant: datetime) -> int:
    """Return the number of the first entry at or after `instant`, one past the last for none.

    There is no index on times: the log is halved until one entry is left, by one statement.
    """
    last = select(func.coalesce(func.max(AuditEntry.id), 0)).scalar_subquery()
    part = select(literal(1).label("low"), (last + 1).label("high")).cte("part", recursive=True)
    middle = (part.c.low + part.c.high) // 2
    # Where an entry is missing from a damaged log, the one before it tells.
    at = (
        select(AuditEntry.at)
        .where(AuditEntry.id <= middle)
        .order_by(AuditEntry.id.desc())
        .limit(1)
        .correlate(part)
        .scalar_subquery()
    )
    later = at >= instant
    halved = select(
        case((later, part.c.low), else_=middle + 1), case((later, middle), else_=part.c.high)
    ).where(part.c.low < part.c.high)
    part = part.union_all(halved)
    return session.scalar(select(func.max(part.c.low))) or 1


def latest(session: Session, act: str) -> dict[str, datetime]:
    """Return by subject when `act` was last done."""
    query = select(AuditEntry.subject, func.max(AuditEntry.at)).where(AuditEntry.act == act)
    return dict(session.execute(query.group_by(AuditEntry.subject)).all())


# Whether something was put on record since a moment: what was worked out before is so where nothing was.
#
# Whatever changes an examination is an entry, written in the transaction of the change.
#
# Source: I13, R-64.

PLANS = ("planning", "candidates")
"""The groups of acts that change who sits where and when."""


def last_number(session: Session) -> int:
    """Return the number of the last entry that this session sees; 0 for an empty log."""
    return session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)) or 0


def told_since(session: Session, number: int, groups: tuple[str, ...] = PLANS) -> bool:
    """Return whether an act of these groups was put on record after that entry."""
    acts = [act for group in groups for act in GROUPS[group]]
    query = select(AuditEntry.id).where(AuditEntry.id > number, AuditEntry.act.in_(acts))
    return session.scalar(query.limit(1)) is not None
