"""Compares the database with the ledger. Each check says how many things it compared and what it found.

I10 is about what a page shows and is held by the browser journeys; over HTTP there is nothing to see of it.

Source: quality's I1 to I12; R-20, R-21, R-25, R-27, R-41, R-42, R-54, R-60, R-64.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.models import AuditEntry
from cbt.errors import CbtError
from cbt.ops.backup.verification import verify_everything
from cbt.rules.states import State
from cbt.runner.close.closure import advance_overdue, expire_overdue
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.save.digest import latest_answers
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed
from cbt.storage.unit_of_work import reading
from torture.judging.conserved import check_time
from torture.judging.ledger import Ledger, Number, Sent
from torture.judging.verdict import Verdict
from torture.sites.site import Site

OF_CHECK = {
    "integrity": "I8",
    "cipher": "I8",
    "foreign_keys": "I8",
    "audit": "I7",
    "forms": "I6",
    "journals": "I6",
    "scores": "I6",
    "personal": "I8",
    "rulings": "I6",
}
Rows = Mapping[int, Mapping[Number, JournalEntry]]


def settle(site: Site) -> None:
    """Do what the leader's jobs would do now: close what is overdue, score what is closed."""
    with site.app() as app:
        now: datetime = app.extensions["cbt_clock"].now()
        advance_overdue(now=now)
        expire_overdue(now=now)
        score_closed(now=now)


def judge(site: Site) -> list[Verdict]:
    """Run every check on a site and return what they say; nothing is raised for what is broken."""
    with site.app():
        verdicts: list[Verdict] = []
        try:
            with reading() as session:
                rows = _rows(session)
                for check in CHECKS:
                    verdicts.append(check(session, site.ledger, rows))
                verdicts.append(check_time(session, site.outages))
        except Exception as error:  # a database that cannot be read at all is a finding, not the end
            verdicts.append(Verdict("I8", 1, [f"the database cannot be read: {type(error).__name__}"]))
        verdicts += verify()
    for invariant, what in site.ledger.breaches:
        verdicts.append(Verdict(invariant, 1, [what]))
    replies = sum(site.ledger.statuses.values())
    verdicts.append(Verdict("I9", replies))
    return verdicts


def verify() -> list[Verdict]:
    """Run `cbt verify`'s own checks on the app of this context."""
    try:
        checks = verify_everything()
    except CbtError as error:
        return [Verdict("I8", 1, [str(error)])]
    return [
        Verdict(
            OF_CHECK[one.name], one.looked_at or 0, [f"{found.what}: {found.where}" for found in one.findings]
        )
        for one in checks
    ]


def _rows(session: Session) -> Rows:
    rows: dict[int, dict[Number, JournalEntry]] = defaultdict(dict)
    for row in session.scalars(select(JournalEntry).order_by(JournalEntry.id)):
        rows[row.attempt_id][row.lease_epoch, row.seq] = row
    return rows


def check_kept(_session: Session, ledger: Ledger, rows: Rows) -> Verdict:
    """I1: every acknowledged entry is in the journal, with the bytes that were sent first."""
    verdict = Verdict("I1")
    for attempt_id, receipts in ledger.acknowledged.items():
        for number in receipts:
            row, sent = rows.get(attempt_id, {}).get(number), ledger.sent[attempt_id].get(number)
            verdict.look(
                row is not None and sent is not None and _same(row, sent),
                f"attempt {attempt_id}: {number} was acknowledged and is not kept",
            )
    return verdict


def _same(row: JournalEntry, sent: Sent) -> bool:
    return (row.kind, row.position, row.value) == (sent.kind, sent.position, sent.value)


def check_deadline(session: Session, _ledger: Ledger, rows: Rows) -> Verdict:
    """I2: nothing counts that was received at or after the deadline and its grace, or after the closing."""
    verdict = Verdict("I2")
    for attempt in session.scalars(select(Attempt).where(Attempt.closes_at.is_not(None))):
        assert attempt.closes_at is not None
        ends_at = attempt.closes_at + attempt.grace
        for number, row in rows.get(attempt.id, {}).items():
            verdict.look(
                row.received_at < ends_at, f"attempt {attempt.id}: {number} was received {row.received_at}"
            )
    return verdict


def check_order(session: Session, ledger: Ledger, rows: Rows) -> Verdict:
    """I3: what counts is the newest that was sent and kept; nothing is kept that was never sent."""
    verdict = Verdict("I3")
    known = {attempt_id: {**sent} for attempt_id, sent in ledger.sent.items()}
    for attempt_id, kept in rows.items():
        for number, row in kept.items():
            sent = known.get(attempt_id, {}).get(number)
            verdict.look(
                sent is not None and _same(row, sent), f"attempt {attempt_id}: {number} is not what was sent"
            )
    counting = latest_answers(session, list(rows))
    for attempt_id, kept in rows.items():
        expected: dict[int, str] = {}
        for number in sorted(kept):
            row = kept[number]
            if row.kind == "answer":
                expected.pop(row.position, None)
                if row.value is not None:
                    expected[row.position] = row.value
        verdict.look(counting[attempt_id] == expected, f"attempt {attempt_id}: a stale answer counts")
    return verdict


def check_closings(session: Session, ledger: Ledger, _rows: Rows) -> Verdict:
    """I4: an attempt is closed once (once more per reopening), scored once per closing, its receipts equal."""
    verdict = Verdict("I4")
    acts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for subject, act in session.execute(select(AuditEntry.subject, AuditEntry.act)):
        acts[subject][act] += 1
    scores: dict[int, int] = defaultdict(int)
    for attempt_id in session.scalars(select(Score.attempt_id)):
        scores[attempt_id] += 1
    for attempt in session.scalars(select(Attempt)):
        done = acts[f"attempt:{attempt.ref}"]
        over = attempt.state in (State.CLOSED, State.SCORED)
        closings = done["attempt.close"] - done["attempt.reopen"]
        verdict.look(
            closings == int(over), f"attempt {attempt.id} is {attempt.state} after {closings} closings"
        )
        verdict.look(scores[attempt.id] <= done["attempt.close"], f"attempt {attempt.id}: scored twice")
        for receipt in ledger.receipts.get(attempt.id, ()):
            verdict.look(
                over and receipt == attempt.receipt, f"attempt {attempt.id}: another receipt was given"
            )
    return verdict


def check_leases(session: Session, ledger: Ledger, rows: Rows) -> Verdict:
    """I11: each lease is given once, and nothing is written under one after the next has written."""
    verdict = Verdict("I11")
    now_at = {one.id: one.lease_epoch for one in session.scalars(select(Attempt))}
    for attempt_id, epochs in ledger.starts.items():
        verdict.look(len(set(epochs)) == len(epochs), f"attempt {attempt_id}: one lease was given twice")
        verdict.look(
            max(epochs) <= now_at.get(attempt_id, 0),
            f"attempt {attempt_id}: a lease that was given is not kept",
        )
    for attempt_id, kept in rows.items():
        newest = 0
        for row in sorted(kept.values(), key=lambda one: one.id):
            verdict.look(row.lease_epoch >= newest, f"attempt {attempt_id}: a lost lease wrote")
            newest = max(newest, row.lease_epoch)
    return verdict


CHECKS: tuple[Callable[[Session, Ledger, Rows], Verdict], ...] = (
    check_kept,
    check_deadline,
    check_order,
    check_closings,
    check_leases,
)


def check_refusals(ledger: Ledger, *, since: float, until: float) -> Verdict:
    """I12: what was asked and answered while nothing could be persisted was not taken, and 503 was said.

    `since` and `until` are monotonic seconds; requests that were under way at either end do not count.
    """
    verdict = Verdict("I12")
    within = [one for one in ledger.writes if one.sent_at >= since and one.answered_at <= until]
    for write in within:
        verdict.look(write.status != 200, f"{write.operation} was taken while nothing could be persisted")
    verdict.look(any(one.status == 503 for one in within), "nobody was told 503")
    return verdict
