"""What is read when somebody asks how the server is: few rows each, however much is stored.

Source: I12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import cast

import flask
from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from cbt.application.backups.warnings import backup_watch
from cbt.clock import Clock, wall_time
from cbt.config import Settings
from cbt.db.unit_of_work import reading
from cbt.db.writing.gate import Gate
from cbt.db.writing.line import can_share, is_owned
from cbt.delivery.models import Attempt, AttemptLive, LateEntry
from cbt.rules.clock.interruptions import OFFLINE_AFTER
from cbt.rules.states import attempt, sitting
from cbt.scoring.approved import ANSWER
from cbt.scoring.models import RuledEntry
from cbt.sittings.models import ServerHeartbeat, SittingRoom
from cbt.web.https.certificates import ShownCertificate
from cbt.web.https.trust import SHOWN
from cbt.web.watching.counting import Labels
from cbt.web.watching.disks import free_bytes
from cbt.web.watching.health import BUSY, OK, Health, health
from cbt.web.watching.metrics import Gauge, Metrics

WATCHED = tuple(state for state in attempt.State if state is not attempt.State.SCORED)
"""Scored attempts are left out: their number grows with every sitting, and so would the time to count."""
OPEN = (sitting.SittingState.ADMITTING, sitting.SittingState.RUNNING, sitting.SittingState.HELD)
HEARD = (attempt.State.INTERACTING, attempt.State.UNITS_DONE)
"""Whose page has to be heard of."""
NEWEST_LATE = 10_000
"""Of so many late answers it is looked which wait for a ruling."""
NEVER = float("inf")
_FOUND = "cbt_health_found"


def add_server_gauges(metrics: Metrics, app: flask.Flask, settings: Settings) -> None:
    """Have `metrics` tell of the server and its machine what any of its processes can see."""
    clock: Clock = app.extensions["cbt_clock"]
    gate = cast(Gate, app.extensions["cbt_gate"])
    metrics.add_gauge("cbt_healthy", "1 while answers can be saved (/healthz is 200).", _healthy)
    metrics.add_gauge("cbt_warning", "1 for each warning of /healthz.", _warnings)
    metrics.add_gauge(
        "cbt_disk_free_bytes", "Room left on the disk of each folder.", lambda: _disks(settings)
    )
    metrics.add_gauge(
        "cbt_clock_drift_seconds",
        "How far the machine's clock has left the server's.",
        lambda: _one(clock.drift().total_seconds()),
    )
    metrics.add_gauge(
        "cbt_certificate_ends_seconds", "Until the certificate that is served ends.", _certificate
    )
    if settings.embedded and can_share():
        metrics.add_gauge(
            "cbt_writer_up", "1 while a process owns the writing.", lambda: _one(is_owned(settings.data_dir))
        )
    if gate.copy is not None:
        metrics.add_gauge(
            "cbt_journal_copy_behind_seconds", "For how long the second copy is behind.", lambda: _lag(gate)
        )
    if settings.backup_dir is not None:
        metrics.add_gauge(
            "cbt_backup_age_seconds", "Since the last scheduled backup that was made.", _backup_age
        )
        metrics.add_gauge("cbt_backup_failing", "1 while the last scheduled backup failed.", _backup_failing)
        metrics.add_gauge(
            "cbt_backup_every_seconds",
            "How often one is to be made.",
            lambda: _one(settings.backup_minutes * 60),
        )


def add_stored_gauges(metrics: Metrics, settings: Settings) -> None:
    """Have `metrics` tell what the database says; nothing is asked of one that does not answer."""
    for name, told, read in (
        ("cbt_info", "The version, and the revision of the tables.", _info),
        ("cbt_heartbeat_age_seconds", "Since the leader's last heartbeat.", _heartbeat),
        ("cbt_attempts", "Attempts by state, without scored ones.", _attempts),
        ("cbt_open_rooms", "Sitting-rooms that admit, run or are held.", _rooms),
        ("cbt_silent_candidates", "Candidates whose page missed three heartbeats.", _silent),
        ("cbt_late_answers_waiting", "Late answers that wait for a ruling.", _late),
    ):
        metrics.add_gauge(name, told, _while_it_answers(read, settings))


def _while_it_answers(read: Callable[[Session], Mapping[Labels, float]], settings: Settings) -> Gauge:
    # Readers of the embedded database wait for no writer; a connection to a server that is gone waits for long.
    asked = {OK} if not settings.embedded else {OK, BUSY}

    def gauge() -> Mapping[Labels, float]:
        if _health().database not in asked:
            return {}
        with reading() as session:
            return read(session)

    return gauge


def _health() -> Health:
    """Return how the server is, asked once for each scrape."""
    if _FOUND not in flask.g:
        setattr(flask.g, _FOUND, health())
    found: Health = flask.g.get(_FOUND)
    return found


def _one(value: float) -> Mapping[Labels, float]:
    return {(): value}


def _healthy() -> Mapping[Labels, float]:
    return _one(_health().ok)


def _warnings() -> Mapping[Labels, float]:
    return {(("code", code),): 1 for code in _health().warnings}


def _disks(settings: Settings) -> Mapping[Labels, float]:
    return {(("folder", name),): free for name, free in free_bytes(settings).items()}


def _certificate() -> Mapping[Labels, float]:
    shown: ShownCertificate | None = flask.current_app.extensions[SHOWN]
    return {} if shown is None else _one((shown.expires_at - flask.g.now).total_seconds())


def _lag(gate: Gate) -> Mapping[Labels, float]:
    since = None if gate.copy is None else gate.copy.behind_since
    return _one(0 if since is None else (wall_time() - since).total_seconds())


def _backup_age() -> Mapping[Labels, float]:
    standing = backup_watch().standing(now=flask.g.now)
    made_at = None if standing is None else standing.made_at
    return _one(NEVER if made_at is None else (flask.g.now - made_at).total_seconds())


def _backup_failing() -> Mapping[Labels, float]:
    standing = backup_watch().standing(now=flask.g.now)
    return _one(int(standing is not None and standing.failing))


def _info(session: Session) -> Mapping[Labels, float]:
    revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    return {(("version", version("cbt-engine")), ("revision", str(revision))): 1}


def _heartbeat(session: Session) -> Mapping[Labels, float]:
    at = session.scalar(select(ServerHeartbeat.at))
    return {} if at is None else _one((flask.g.now - at).total_seconds())


def _attempts(session: Session) -> Mapping[Labels, float]:
    query = select(Attempt.state, func.count()).where(Attempt.state.in_(WATCHED)).group_by(Attempt.state)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {(("state", str(state)),): found.get(state, 0) for state in WATCHED}


def _rooms(session: Session) -> Mapping[Labels, float]:
    query = select(SittingRoom.state, func.count()).where(SittingRoom.state.in_(OPEN))
    found = {row[0]: row[1] for row in session.execute(query.group_by(SittingRoom.state))}
    return {(("state", str(state)),): found.get(state, 0) for state in OPEN}


def _silent(session: Session) -> Mapping[Labels, float]:
    """Count who is 掉线 on a board (board/seat_state.py). Source: R-26."""
    silent_since = flask.g.now - OFFLINE_AFTER
    query = (
        select(func.count())
        .select_from(Attempt)
        .outerjoin(AttemptLive, AttemptLive.attempt_id == Attempt.id)
        .where(
            Attempt.state.in_(HEARD),
            Attempt.move_allowed_at.is_(None),
            or_(AttemptLive.seen_at.is_(None), AttemptLive.seen_at <= silent_since),
        )
    )
    return _one(session.scalar(query) or 0)


def _late(session: Session) -> Mapping[Labels, float]:
    newest = select(LateEntry.id, LateEntry.kind).order_by(LateEntry.id.desc()).limit(NEWEST_LATE).subquery()
    query = (
        select(func.count())
        .select_from(newest)
        .outerjoin(RuledEntry, RuledEntry.late_entry_id == newest.c.id)
        .where(newest.c.kind == ANSWER, RuledEntry.late_entry_id.is_(None))
    )
    return _one(session.scalar(query) or 0)
