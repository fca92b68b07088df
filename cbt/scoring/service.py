"""The scoring of closed attempts, behind whoever answers; and the check of kept scores against the journal.

Scoring takes the time that candidates leave: a score may wait for a second, a save may not.

Source: R-40.
"""

from __future__ import annotations

import gc
import logging
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import perf_counter, sleep
from typing import Any, TypeVar

import flask
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import checked, keep
from cbt.audit import chain
from cbt.audit.chain import EntryDraft, text_of
from cbt.candidates.models import Registration
from cbt.confined.priority import give_way
from cbt.rules.canonical import digest, digest_of
from cbt.rules.states import Event, State
from cbt.runner.attempt_states import move_all, moving_sealed
from cbt.runner.close.closure import sealed_texts
from cbt.runner.models import Attempt
from cbt.runner.save.digest import is_seal
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.models import Score
from cbt.scoring.score_sheets import Scored, Scorers
from cbt.scoring.store import NewScore, score_rows
from cbt.sittings.store import sitting_by_ref
from cbt.storage.bulk_read import rows_with_text, side_by_side
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down, put_down_in, writing

log = logging.getLogger(__name__)


REST = 8.0
"""While requests wait to be written, work is followed by a rest so many times as long."""
LONGEST_REST = 0.25


def somebody_waits() -> bool:
    """Return whether requests of this process wait for their transaction, or waited just now."""
    return writing().somebody_waits


@contextmanager
def yielding() -> Iterator[None]:
    """Do the work of the block, and rest after it when requests wait then."""
    begun = perf_counter()
    yield
    if somebody_waits():
        sleep(min(REST * (perf_counter() - begun), LONGEST_REST))


Chunk = TypeVar("Chunk")
Found = TypeVar("Found")

CAN_COPY = sys.platform == "linux"
_given: dict[str, Any] = {}
"""In a copied process: the app and the work it was begun with."""


def cores() -> int:
    return len(os.sched_getaffinity(0)) if CAN_COPY else 1


def apart(work: Callable[[Chunk], Found], chunks: Sequence[Chunk], *, processes: int) -> Iterator[Found]:
    """Yield what `work` makes of each chunk, in order, or raise what it raised; it may read and must not write.

    For a command: a process whose threads answer requests is not to be copied.
    """
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way to its app
    copied = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, copied, initializer=_begin, initargs=(app, work)) as pool:
        yield from pool.map(_work_out, chunks)


def _begin(app: flask.Flask, work: Callable[[Any], Any]) -> None:
    give_way(holds=True)  # of a snapshot that keeps the database's log from being emptied
    gc.freeze()  # a collection that goes through what was loaded copies all of it
    with app.app_context():
        db.engine.dispose(close=False)  # the connections are those of the process that was copied
    _given.update(app=app, work=work)


def _work_out(chunk: Any) -> Any:
    with _given["app"].app_context():
        return _given["work"](chunk)


# The scoring of closed attempts, and the check of kept scores against form and journal.
#
# The row is the queue: whatever is closed and unscored is scored by the next sweep.
#
# Source, I6.


@dataclass(frozen=True, slots=True)
class Verified:
    """One attempt's check: the form's hash, the journal's digest, the sheet's bytes and its points.

    `score` is "" where there is none; `pending` is one that waits for people who mark.
    """

    attempt_ref: str
    score: str
    pending: bool
    form_ok: bool
    journal_ok: bool
    sheet_ok: bool

    @property
    def ok(self) -> bool:
        return self.form_ok and self.journal_ok and self.sheet_ok


def compared(session: Session, attempt_ids: Sequence[int], scorers: Scorers) -> list[Verified]:
    """Return the check of each attempt, worked out again from its form and its journal.

    Source: R-54.
    """
    scored = scorers.score(session, attempt_ids)
    checked = {}
    for row, kept in rows_with_text(session, _kept_scores(attempt_ids)):
        attempt_id, ref, sealed, journal_digest, raw, score, passed, sha256 = row
        again = scored[attempt_id]
        sheet = again.sheet
        # Results are released from the row's own columns, so they must say what the sheet says.
        plain = (_points(raw), _points(score), passed) == (sheet.raw, sheet.score, sheet.passed)
        checked[attempt_id] = Verified(
            attempt_ref=ref,
            score="" if score is None else str(score),
            pending=kept is not None and score is None,
            form_ok=again.form_ok,
            journal_ok=sealed == journal_digest and is_seal(journal_digest, again.journal),
            sheet_ok=plain and sheet.content == kept and digest_of(sheet.content) == sha256,
        )
    return [checked[attempt_id] for attempt_id in attempt_ids]


def _points(kept: object) -> Decimal | None:
    return None if kept is None else Decimal(str(kept))


def _kept_scores(attempt_ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    """Find each attempt with the score that counts, the one with the highest number; without, all is None."""
    last = (
        select(Score.attempt_id, func.max(Score.number).label("number"))
        .where(Score.attempt_id.in_(attempt_ids))
        .group_by(Score.attempt_id)
        .subquery()
    )
    return (
        select(
            Attempt.id,
            Attempt.ref,
            Attempt.journal_digest.label("sealed_digest"),
            Score.journal_digest,
            Score.raw,
            Score.score,
            Score.passed,
            Score.sha256,
            Score.sheet,
        )
        .outerjoin(last, last.c.attempt_id == Attempt.id)
        .outerjoin(Score, and_(Score.attempt_id == last.c.attempt_id, Score.number == last.c.number))
        .where(Attempt.id.in_(attempt_ids))
    )


CHUNK = 200
PIECE = 8
"""So many while requests wait: what is worked out at once keeps the others of this process from it."""
LONGEST_SWEEP = 5.0
"""So many seconds a sweep goes on beside requests that wait."""
VERIFIERS = 3
"""So many chunks are read and compared at once: the database works while the interpreter does."""


def score_closed(*, now: datetime) -> int:
    """Score every closed attempt that has no score for its present journal; return how many.

    The answers are read after the closing has committed, and the sheets worked out a chunk ahead of the one that is
    written, outside its transaction. One attempt that cannot be scored does not keep the others from it. While
    requests wait, little is done at once and rests lie between; what is left after a while is the next sweep's.
    """
    with reading() as session:
        waiting = list(session.scalars(select(Attempt.id).where(Attempt.state == State.CLOSED)))
    scored, scorers = 0, Scorers(journals=sealed_texts)

    def work_out(attempt_ids: Sequence[int]) -> dict[int, Scored]:
        with yielding(), reading() as session:
            return scorers.score(session, attempt_ids, late=False)

    with side_by_side(work_out, _pieces(waiting, until=time.monotonic() + LONGEST_SWEEP), threads=1) as ahead:
        for chunk, read_scores in ahead:
            for piece in _pieces(chunk):
                with yielding():
                    scored += _score_whole(piece, read_scores, scorers, now=now)
    return scored


def _pieces(attempt_ids: Sequence[int], *, until: float = math.inf) -> Iterator[Sequence[int]]:
    """Yield what is worked out at once, or written by a transaction: little while requests wait to be written.

    Papers are handed in while others save, and a save waits for whatever transaction there is. None that begins
    after `until` is yielded while requests wait.
    """
    start = 0
    while start < len(attempt_ids):
        busy = somebody_waits()
        if busy and time.monotonic() > until:
            return
        size = PIECE if busy else CHUNK
        yield attempt_ids[start : start + size]
        start += size


def _score_whole(
    attempt_ids: Sequence[int],
    read_scores: Callable[[], Mapping[int, Scored]],
    scorers: Scorers,
    *,
    now: datetime,
) -> int:
    try:
        sheets = read_scores()
        whole = _put_down({attempt_id: sheets[attempt_id] for attempt_id in attempt_ids}, now=now)
        if not whole:
            return _score(attempt_ids, sheets, scorers, now=now)
        _keep_unprepared(scorers)
    except Exception:
        log.exception("%d closed attempts are scored one by one", len(attempt_ids))
        return sum(_score_alone(attempt_id, scorers, now=now) for attempt_id in attempt_ids)
    return len(attempt_ids)


def _score_alone(attempt_id: int, scorers: Scorers, *, now: datetime) -> int:
    try:
        return _score([attempt_id], {}, scorers, now=now)
    except Exception:
        log.exception("attempt %d could not be scored", attempt_id)
        return 0


def _put_down(scored_papers: Mapping[int, Scored], *, now: datetime) -> bool:
    """Have the first scores of attempts written along with what others save; return whether they were.

    They are not, and none of them, where a journal is no longer the one that was scored, or an attempt has a score:
    then rulings may count as well, and it takes a transaction of its own to see (_score). Nobody rules on late
    answers before there is a score.
    """
    scores = [
        NewScore(
            *(attempt_id, 1, one.key_revision, digest(one.journal), one.sheet, digest_of(one.sheet.content))
        )
        for attempt_id, one in scored_papers.items()
    ]
    lines = [_line(scored_papers[one.attempt_id].ref, one.sha256, now=now) for one in scores]
    moved = moving_sealed([(one.attempt_id, one.journal_digest) for one in scores], Event.SCORE)
    return put_down(moved, score_rows(scores, at=now), lines=lines)


def _score(
    attempt_ids: Sequence[int], scored_papers: Mapping[int, Scored], scorers: Scorers, *, now: datetime
) -> int:
    """Write the scores of attempts; one of `scored_papers` counts where its journal is the one sealed now."""
    with unit_of_work() as session:
        attempts = session.execute(
            select(Attempt.id, Attempt.ref, Attempt.journal_digest)
            .where(Attempt.id.in_(attempt_ids), Attempt.state == State.CLOSED)
            .order_by(Attempt.id)
            .with_for_update()
        ).all()
        if not attempts:
            return 0
        ids = [attempt.id for attempt in attempts]
        late = approved_answers(session, ids)
        again = [
            one.id
            for one in attempts
            if one.id in late
            or one.id not in scored_papers
            or digest(scored_papers[one.id].journal) != one.journal_digest
        ]
        scored = {**scored_papers, **(scorers.score(session, again) if again else {})}
        numbers = _last_numbers(session, ids)
        scores = []
        for attempt_id, ref, journal_digest in attempts:
            sheet, revision = scored[attempt_id].sheet, scored[attempt_id].key_revision
            sealed = digest_of(sheet.content)
            number = numbers.get(attempt_id, 0) + 1
            scores.append(NewScore(attempt_id, number, revision, journal_digest or "", sheet, sealed))
            chain.record_entry(session, _line(ref, sealed, now=now))
        if not put_down_in(session, score_rows(scores, at=now)):
            raise RuntimeError("a score came to an attempt that was locked")
        move_all(session, ids, Event.SCORE)
        keep(session, scorers.take_unprepared())
        return len(attempts)


def _line(ref: str, sealed: str, *, now: datetime) -> EntryDraft:
    after = text_of({"sheet": sealed})
    return EntryDraft(now, "scheduler", "attempt.score", f"attempt:{ref}", after=after)


def _keep_unprepared(scorers: Scorers) -> None:
    """Keep what forms of before lacked, so that it is not worked out again."""
    if arranged := scorers.take_unprepared():
        with unit_of_work() as session:
            keep(session, arranged)


def _last_numbers(session: Session, attempt_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Score.attempt_id, func.max(Score.number))
        .where(Score.attempt_id.in_(attempt_ids))
        .group_by(Score.attempt_id)
    )
    return {row[0]: row[1] for row in rows}


def verify_sitting(sitting_ref: str, *, processes: int = 1) -> list[Verified]:
    """Rescore every scored attempt of a sitting from the form and the journal and compare bytes.

    The forms are read, and what was prepared of one counts only where it was made of that very content. Several
    chunks are looked at at once: by threads, or by so many `processes`, which a command may ask for.

    Raises NotFound("sitting.unknown") for a sitting without scored attempts of that name.

    Source: R-54, I6.
    """
    with reading() as session:
        sitting_id = sitting_by_ref(session, sitting_ref).id
        attempt_ids = session.scalars(
            select(Attempt.id)
            .join(Registration, Registration.id == Attempt.registration_id)
            .where(Registration.sitting_id == sitting_id, Attempt.state == State.SCORED)
            .order_by(Attempt.id)
        ).all()
    scorers = Scorers(checked)

    def check(chunk: Sequence[int]) -> list[Verified]:
        with reading() as session:
            return compared(session, chunk, scorers)

    if not CAN_COPY:
        processes = 1
    chunks = shared_evenly(attempt_ids, processes)
    if min(processes, len(chunks)) > 1:
        return [one for found in apart(check, chunks, processes=processes) for one in found]
    with side_by_side(check, chunks, threads=VERIFIERS) as ahead:
        return [one for _, checked in ahead for one in checked()]


def shared_evenly(ids: Sequence[int], processes: int) -> list[Sequence[int]]:
    """Return chunks of about the same size, CHUNK at most; several are as many as `processes` do in whole rounds.

    With one chunk left in the last round all others would wait for whoever has it.
    """
    many = math.ceil(len(ids) / CHUNK)
    if many > 1:
        many = math.ceil(many / processes) * processes
    size = max(math.ceil(len(ids) / max(many, 1)), 1)
    return [ids[start : start + size] for start in range(0, len(ids), size)]
