"""What is observed of an app: the kinds of its requests, its gauges, and `/healthz` and `/metrics`.

A kind of request has one latency that somebody can expect of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import cast

import flask
from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from cbt.application.backups import backup_watch
from cbt.clock import Agreement, Clock, wall_time
from cbt.config import Settings
from cbt.http.auth.access import access_of
from cbt.http.health import BUSY, OK, Health, free_bytes, health, init_health
from cbt.http.metrics import NO_ENDPOINT, SAVES, Gauge, Labels, Metrics
from cbt.http.request_log import ObservedApp, init_request_log
from cbt.http.server.deferred import Parking
from cbt.http.server.front import Beside, FairShare
from cbt.http.tls import ServedCertificate
from cbt.http.views import SHOWN, init_metrics
from cbt.jobs.scheduler import SCHEDULER
from cbt.rules import states
from cbt.rules.clock import OFFLINE_AFTER
from cbt.runner.models import Attempt, AttemptLive, LateEntry
from cbt.runner.save.journal import Journal
from cbt.scoring.late_answers import ANSWER
from cbt.scoring.models import RuledEntry
from cbt.sittings.models import ServerHeartbeat, SittingRoom
from cbt.storage.backup_folder import read_sent, unsent
from cbt.storage.unit_of_work import reading
from cbt.storage.write_queue.write_lock import Gate
from cbt.storage.write_queue.writer_client import can_share, is_owned

ANSWERS = "attempts.answers"
BEATS = "attempts.beat"
"""What a save without answers is counted under: it is the page's heartbeat."""
OTHER = "other"
KINDS: Mapping[str, str] = {
    ANSWERS: "save",
    BEATS: "beat",
    "attempts.clock": "beat",
    "delivery.held": "beat",
    "attempts.start": "start",
    "attempts.submit": "hand_in",
    "attempts.advance": "hand_in",
    "door.sign_in_here": "sign_in",
    "door.chosen": "sign_in",
    "accounts.sign_in_now": "sign_in",
    "accounts.sign_in_again": "sign_in",
    "accounts.factors.code_now": "sign_in",
    "proctoring.board": "board",
    "proctoring.live": "board",
    "assets.static_file": "static",
}
"""The kinds of single endpoints."""
_BY_ACCESS = {"staff": "staff", "candidate": "candidate", "lease": "candidate", "signed_in": "static"}
_BY_ROOM = {"door": "candidate", "results": "candidate", "accounts": "staff"}
"""Of the pages that everybody may open."""


def kinds_of(app: flask.Flask) -> dict[str, str]:
    """Return the kind of every endpoint of `app`, of heartbeats, and of what leads nowhere."""
    kinds = {endpoint: _kind(app, endpoint) for endpoint in sorted(app.view_functions)}
    return kinds | {BEATS: KINDS[BEATS], NO_ENDPOINT: OTHER}


def _kind(app: flask.Flask, endpoint: str) -> str:
    if endpoint in KINDS:
        return KINDS[endpoint]
    access = access_of(app, endpoint)
    if access is None or access.kind == "public":
        return _BY_ROOM.get(endpoint.partition(".")[0], OTHER)
    return _BY_ACCESS[access.kind]


# What is read when somebody asks how the server is: few rows each, however much is stored.
#
# Source: I12.

WATCHED = tuple(state for state in states.State if state is not states.State.SCORED)
"""Scored attempts are left out: their number grows with every sitting, and so would the time to count."""
OPEN = (states.SittingState.ADMITTING, states.SittingState.RUNNING, states.SittingState.HELD)
HEARD = (states.State.INTERACTING, states.State.UNITS_DONE)
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
            "cbt_backups_unsent",
            "Backups that CBT_BACKUP_HOOK has not taken elsewhere yet.",
            lambda: _unsent(settings),
        )
        metrics.add_gauge(
            "cbt_backup_every_seconds",
            "How often one is to be made.",
            lambda: _one(settings.backup_minutes * 60),
        )


def add_stored_gauges(metrics: Metrics, settings: Settings) -> None:
    """Have `metrics` tell what the database says; nothing is asked of one that does not answer."""
    for name, help_text, read in (
        ("cbt_info", "The version, and the revision of the tables.", _info),
        ("cbt_heartbeat_age_seconds", "Since the leader's last heartbeat.", _heartbeat),
        ("cbt_attempts", "Attempts by state, without scored ones.", _attempts),
        ("cbt_open_rooms", "Sitting-rooms that admit, run or are held.", _rooms),
        ("cbt_silent_candidates", "Candidates whose page missed three heartbeats.", _silent),
        ("cbt_late_answers_waiting", "Late answers that wait for a ruling.", _late),
    ):
        metrics.add_gauge(name, help_text, _while_it_answers(read, settings))


def _while_it_answers(read: Callable[[Session], Mapping[Labels, float]], settings: Settings) -> Gauge:
    # Readers of the embedded database wait for no writer; a connection to a server that is gone waits for long.
    own_states = {OK} if not settings.embedded else {OK, BUSY}

    def gauge() -> Mapping[Labels, float]:
        if _health().database not in own_states:
            return {}
        with reading() as session:
            return read(session)

    return gauge


def _health() -> Health:
    """Return how the server is, asked once for each scrape."""
    if _FOUND not in flask.g:
        setattr(flask.g, _FOUND, health())
    report: Health = flask.g.get(_FOUND)
    return report


def _one(value: float) -> Mapping[Labels, float]:
    return {(): value}


def _healthy() -> Mapping[Labels, float]:
    return _one(_health().ok)


def _warnings() -> Mapping[Labels, float]:
    return {(("code", code),): 1 for code in _health().warnings}


def _disks(settings: Settings) -> Mapping[Labels, float]:
    return {(("folder", name),): free for name, free in free_bytes(settings).items()}


def _certificate() -> Mapping[Labels, float]:
    shown: ServedCertificate | None = flask.current_app.extensions[SHOWN]
    return {} if shown is None else _one((shown.expires_at - flask.g.now).total_seconds())


def _lag(gate: Gate) -> Mapping[Labels, float]:
    since = None if gate.copy is None else gate.copy.behind_since
    return _one(0 if since is None else (wall_time() - since).total_seconds())


def _backup_age() -> Mapping[Labels, float]:
    standing = backup_watch().standing(now=flask.g.now)
    made_at = None if standing is None else standing.made_at
    return _one(NEVER if made_at is None else (flask.g.now - made_at).total_seconds())


def _unsent(settings: Settings) -> Mapping[Labels, float]:
    if settings.backup_dir is None or settings.backup_hook is None:
        return {}
    return _one(len(unsent(settings.backup_dir, read_sent(settings.backup_dir))))


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
    counts = {row[0]: row[1] for row in session.execute(query)}
    return {(("state", str(state)),): counts.get(state, 0) for state in WATCHED}


def _rooms(session: Session) -> Mapping[Labels, float]:
    query = select(SittingRoom.state, func.count()).where(SittingRoom.state.in_(OPEN))
    counts = {row[0]: row[1] for row in session.execute(query.group_by(SittingRoom.state))}
    return {(("state", str(state)),): counts.get(state, 0) for state in OPEN}


def _silent(session: Session) -> Mapping[Labels, float]:
    """Count who is 掉线 on a board (proctoring/board/seat_state.py). Source: R-26."""
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


def init_observation(app: ObservedApp, settings: Settings, *, jobs: Iterable[str]) -> None:
    """Count and log the requests of `app`, and answer `/healthz` and `/metrics`; called when all else is set."""
    init_health(app, settings)
    metrics = Metrics(kinds_of(app), acts=(SAVES, *jobs))
    _add_process_gauges(metrics, app, settings)
    add_server_gauges(metrics, app, settings)
    add_stored_gauges(metrics, settings)
    metrics.begin()
    journal: Journal = app.extensions["cbt_journal"]
    journal.tell = metrics.committed
    gate = cast(Gate, app.extensions["cbt_gate"])
    gate.held = metrics.held
    init_metrics(app, settings, metrics)
    init_request_log(app, slow_ms=settings.slow_ms, short_way=ANSWERS, beats=BEATS)


def _add_process_gauges(metrics: Metrics, app: ObservedApp, settings: Settings) -> None:
    app.extensions["cbt_fair_share"] = FairShare()
    journal: Journal = app.extensions["cbt_journal"]
    gate = cast(Gate, app.extensions["cbt_gate"])
    agreement: Agreement = app.extensions["cbt_agreement"]

    def leads() -> bool:
        scheduler = app.extensions.get(SCHEDULER)
        return scheduler is not None and scheduler.running

    metrics.add_process_gauge(
        "cbt_save_queue", "Saves, ends and starts that wait for a commit.", lambda: journal.unanswered
    )
    parking: Parking = app.extensions["cbt_parking"]
    metrics.add_process_gauge(
        "cbt_waiting_pages", "Pages of candidates that wait for news.", lambda: len(parking)
    )
    metrics.add_process_gauge(
        "cbt_leader",
        "1 while a process of this server runs the jobs.",
        leads,
        fold=max,
        labels=(("node", f"{socket.gethostname()}:{settings.port}"),),
    )
    _share_with_others(metrics, app.extensions["cbt_fair_share"])
    if gate.copy is not None:
        copy = gate.copy
        metrics.add_process_gauge(
            "cbt_journal_copy_behind",
            "1 while the second copy lacks something.",
            lambda: copy.behind,
            fold=max,
        )
    if not settings.embedded:
        metrics.add_process_gauge(
            "cbt_clock_off_seconds",
            "How far the server's clock is ahead of the database's.",
            lambda: agreement.off_by.total_seconds(),
            fold=_farthest,
        )


def _share_with_others(metrics: Metrics, share: FairShare) -> None:
    """Have each process hear of the others how much they answer, and since when."""
    gauge_cells = (
        metrics.add_process_gauge(
            "cbt_busiest_requests_per_second",
            "Requests a second of the process that answers most.",
            share.per_second,
            fold=max,
        ),
        metrics.add_process_gauge(
            "cbt_youngest_process_seconds", "Since the last process began.", lambda: share.age, fold=min
        ),
    )
    share.others = lambda: [Beside(*cells) for cells in metrics.of_other_servers(gauge_cells)]


def _farthest(values: Iterable[float]) -> float:
    return max(values, key=abs)
