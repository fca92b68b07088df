"""The report of a rehearsal: what the database holds against what candidates were told, as lines or a PDF.

Nothing may be lost, and scores have to be as expected.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.config import Settings
from cbt.console.output import align
from cbt.console.texts import text as _
from cbt.printing.pdf import pdf
from cbt.rehearsal.http_client import percentile_ms
from cbt.rehearsal.installation import app_for
from cbt.rehearsal.virtual_candidate import Account
from cbt.rules.states.attempt import State
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.protocol import read_entries
from cbt.runner.save.journal import Journal
from cbt.scoring.score_sheets import Scorers
from cbt.scoring.store import latest_scores
from cbt.storage.unit_of_work import reading

SCORED_WITHIN = 30.0
LOOK_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Judgement:
    """`lost`: acknowledged answers the journal does not hold as they were; `wrong`: scores not as expected."""

    journal: int
    lost: int
    scored: int
    wrong: int


def judge(settings: Settings, accounts: Sequence[Account]) -> Judgement:
    """Wait until everybody is scored, then compare; runs in a child beside the server."""
    ids = [one.attempt_id for one in accounts]
    with app_for(settings) as app:
        until = time.monotonic() + SCORED_WITHIN
        while _unscored(ids) and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
        with reading() as session:
            return _compared(session, app.extensions["cbt_journal"], accounts)


def _unscored(ids: Sequence[int]) -> int:
    with reading() as session:
        query = select(func.count()).where(Attempt.id.in_(ids), Attempt.state != State.SCORED)
        return session.scalar(query) or 0


def _compared(session: Session, journal: Journal, accounts: Sequence[Account]) -> Judgement:
    ids = [one.attempt_id for one in accounts]
    rows = session.execute(
        select(
            JournalEntry.attempt_id,
            JournalEntry.lease_epoch,
            JournalEntry.seq,
            JournalEntry.position,
            JournalEntry.value,
        ).where(JournalEntry.attempt_id.in_(ids), JournalEntry.kind == "answer")
    ).all()
    held = {(attempt, epoch, seq): (position, value) for attempt, epoch, seq, position, value in rows}
    refs = dict(session.execute(select(Attempt.id, Attempt.ref).where(Attempt.id.in_(ids))).all())
    scorers = Scorers().scorers_of(session, ids)
    scores = latest_scores(session, ids)
    lost = wrong = 0
    for one in accounts:
        info = journal.infos.get(refs[one.attempt_id])
        latest: dict[str, str] = {}
        for (epoch, seq), (position, value) in sorted(one.acknowledged.items()):
            entry = {"seq": seq, "kind": "answer", "position": position, "value": value}
            (said,) = read_entries(info, [entry])
            lost += held.get((one.attempt_id, epoch, seq)) != (position, said.value)
            latest[str(position)] = said.value or ""
        score = scores.get(one.attempt_id)
        expected = scorers[one.attempt_id].score(latest)
        wrong += score is not None and score.sheet != expected.text
    return Judgement(len(held), lost, len(scores), wrong)


SLOW_SAVE_MS = 2_000.0
"""A save that half a room waits longer for is not what a candidate calls saved at once."""
SLOW_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SaveFigures:
    """Saves: how many were acknowledged, how long they took (ms), how many went out again."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    repeated: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The sheet of a rehearsal; `refused` is by code. `faults` are codes of what is not as it must be."""

    title: str
    own: bool
    seats: int
    seconds: float
    workers: int
    killed: bool
    signed_in: int
    started: int
    slowest_start: float
    saves: SaveFigures
    refused: dict[str, int]
    handed_in: int
    by_deadline: int
    journal: int
    lost: int
    scored: int
    wrong: int
    faults: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether everything held."""
        return not self.faults


def summed_up(
    accounts: Sequence[Account],
    judgement: Judgement,
    *,
    title: str,
    own: bool,
    seconds: float,
    workers: int,
    killed: bool,
) -> Rehearsed:
    """Return the sheet of what the candidates saw and what the database holds."""
    latencies = [one for account in accounts for one in account.latencies]
    starts = [account.started for account in accounts if account.started is not None]
    saves = SaveFigures(
        len(latencies),
        round(percentile_ms(latencies, 0.5) or 0, 1),
        round(percentile_ms(latencies, 0.99) or 0, 1),
        round(max(latencies, default=0) * 1000, 1),
        sum(account.repeated for account in accounts),
    )
    refused = Counter(code for account in accounts for code in account.refused)
    handed_in = sum(bool(account.receipt) for account in accounts)
    seats, slowest = len(accounts), max(starts, default=0.0)
    closed = sum(account.closed for account in accounts)
    faults = {
        "sign_in": sum(account.signed_in for account in accounts) < seats,
        "start": len(starts) < seats,
        "slow_start": slowest > SLOW_START_SECONDS and not killed,
        "saves": not saves.count,
        "slow_saves": saves.p50_ms > SLOW_SAVE_MS,
        "refused": bool(refused),
        "lost": judgement.lost > 0,
        "closed": closed < seats,
        "scored": judgement.scored < seats,
        "wrong": judgement.wrong > 0,
    }
    return Rehearsed(
        title=title,
        own=own,
        seats=seats,
        seconds=round(seconds, 1),
        workers=workers,
        killed=killed,
        signed_in=sum(account.signed_in for account in accounts),
        started=len(starts),
        slowest_start=round(slowest, 2),
        saves=saves,
        refused=dict(refused),
        handed_in=handed_in,
        by_deadline=closed - handed_in,
        journal=judgement.journal,
        lost=judgement.lost,
        scored=judgement.scored,
        wrong=judgement.wrong,
        faults=tuple(name for name, wrong in faults.items() if wrong),
    )


def facts(found: Rehearsed) -> list[tuple[str, str]]:
    """Return what held, in figures with their names."""
    saves = found.saves
    rows: list[tuple[str, object]] = [
        ("paper", found.title),
        ("bank", _("rehearsal.own" if found.own else "rehearsal.demo")),
        ("seats", found.seats),
        ("time", _("rehearsal.minutes", minutes=f"{found.seconds / 60:g}")),
        ("workers", found.workers),
        ("killed", _("rehearsal.yes" if found.killed else "rehearsal.no")),
        ("signed_in", f"{found.signed_in} / {found.seats}"),
        ("started", f"{found.started} / {found.seats}"),
        ("slowest_start", _("rehearsal.seconds", seconds=f"{found.slowest_start:g}")),
        ("saves", saves.count),
        ("took", f"{saves.p50_ms:g} / {saves.p99_ms:g} / {saves.max_ms:g} ms"),
        ("repeated", saves.repeated),
        ("refused", sum(found.refused.values())),
        ("lost", found.lost),
        ("handed_in", found.handed_in),
        ("by_deadline", found.by_deadline),
        ("scored", f"{found.scored} / {found.seats}"),
        ("wrong", found.wrong),
    ]
    return [(_(f"rehearsal.fact.{name}"), str(value)) for name, value in rows]


def reasons(found: Rehearsed) -> list[str]:
    """Return what did not hold, each with what to do."""
    codes = _("ui.comma").join(sorted(found.refused))
    return [_(f"rehearsal.fault.{one}", codes=codes) for one in found.faults]


def words(found: Rehearsed) -> list[str]:
    """Return the sheet as lines for a terminal."""
    verdict = _("rehearsal.held" if found.held else "rehearsal.broke")
    rows = align([[name, value] for name, value in facts(found)], frozenset())
    return [*rows, "", verdict, *(f"  → {one}" for one in reasons(found))]


def printed(found: Rehearsed, *, at: str, machine: str, language: str) -> bytes:
    """Return the sheet as a PDF."""
    data = {
        "title": _("rehearsal.title"),
        "foot": _("rehearsal.foot", at=at),
        "sub": _("rehearsal.sub", at=at, machine=machine),
        "good": found.held,
        "verdict": _("rehearsal.held" if found.held else "rehearsal.broke"),
        "reasons": reasons(found),
        "facts": facts(found),
        "parts": [],
        "note": _("rehearsal.note"),
        "words": {
            "title": _("rehearsal.title"),
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": [_("rehearsal.signed_by"), _("rehearsal.signed_on")],
        },
    }
    return pdf("verdict", data, language=language)


def day(now: datetime) -> str:
    """Return when it was, as the sheet says it."""
    return now.strftime("%Y-%m-%d %H:%M")
