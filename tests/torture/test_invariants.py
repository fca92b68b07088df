"""Each invariant's check can fail: what is tampered with is found, and nothing is found before."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.audit.models import AuditEntry
from cbt.clock import SystemClock
from cbt.rules.states import ClosedBy
from cbt.runner.models import Attempt, JournalEntry
from cbt.scoring.models import Score
from cbt.sittings.models import RoomAdjustment, SittingRoom
from cbt.storage.unit_of_work import unit_of_work
from torture.browsers.local import LocalBrowser
from torture.judging.conserved import OUTAGE
from torture.judging.invariants import check_refusals, judge, settle
from torture.judging.leaks import leaks
from torture.judging.ledger import Ledger, Write
from torture.running import Workshop
from torture.sites.site import Site

Tamper = Callable[[Session, Site], object]


def lived_in(shop: Workshop, kind: str) -> Site:
    """Return a site where the last three candidates answered, one reloaded, one handed in and was scored."""
    site = shop.builder.build(kind)
    with site.app() as app:
        browsers = [
            LocalBrowser(person, app, site.ledger, random.Random(person.attempt_ref))
            for person in site.people[-3:]
        ]
        for browser in browsers:
            browser.open()
            browser.write(12)
            while browser.pending:
                browser.save(browser.pending[:3])
        browsers[0].reload()
        browsers[0].write(3)
        browsers[0].save(browsers[0].pending)
        browsers[1].submit()
    settle(site)
    return site


@pytest.fixture(scope="module")
def untouched(shop: Workshop) -> Site:
    """The site that each test gets a copy of."""
    return lived_in(shop, "sqlite")


@pytest.fixture
def site(shop: Workshop, untouched: Site) -> Iterator[Site]:
    """A copy to tamper with."""
    copy = shop.builder.copy(untouched)
    yield copy
    shop.builder.discard(copy)


def broken(site: Site) -> set[str]:
    """Return the invariants that are found broken."""
    return {verdict.invariant for verdict in judge(site) if verdict.findings}


def test_nothing_is_found_where_nothing_is_broken(shop: Workshop, database_kind: str) -> None:
    if database_kind == "postgresql" and shop.postgres() is None:
        pytest.fail("PostgreSQL is missing: install postgresql")
    site = lived_in(shop, database_kind)
    verdicts = judge(site)
    assert [verdict for verdict in verdicts if verdict.findings] == []
    compared = {verdict.invariant for verdict in verdicts if verdict.looked_at}
    assert compared >= {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9", "I11"}
    shop.builder.discard(site)


def _answered(site: Site) -> int:
    return site.people[-1].attempt_id


def _one_entry(site: Site) -> object:
    return (
        select(func.min(JournalEntry.id)).where(JournalEntry.attempt_id == _answered(site)).scalar_subquery()
    )


def lose(session: Session, site: Site) -> None:
    """Take one acknowledged entry away."""
    session.execute(delete(JournalEntry).where(JournalEntry.id == _one_entry(site)))


def change(session: Session, site: Site) -> None:
    """Change one acknowledged value by a blank."""
    session.execute(
        update(JournalEntry)
        .where(JournalEntry.id == _one_entry(site))
        .values(value=func.coalesce(JournalEntry.value, "") + " ")
    )


def too_late(session: Session, site: Site) -> None:
    """Let one entry have come exactly at the end of the grace."""
    attempt = session.get_one(Attempt, _answered(site))
    assert attempt.closes_at is not None
    session.execute(
        update(JournalEntry)
        .where(JournalEntry.id == _one_entry(site))
        .values(received_at=attempt.closes_at + attempt.grace)
    )


def invented(session: Session, site: Site) -> None:
    """Add an entry nobody sent."""
    session.add(
        JournalEntry(
            attempt_id=_answered(site), lease_epoch=1, seq=900, position=1, kind="answer", value='"A"',
            received_at=SystemClock().now(), in_grace=False,
        )
    )  # fmt: skip


def closed_twice(session: Session, site: Site) -> None:
    """Write a second closing into the log."""
    ref = site.people[-2].attempt_ref
    chain.record(
        session, at=SystemClock().now(), actor="scheduler", act="attempt.close", subject=f"attempt:{ref}"
    )


def other_receipt(session: Session, _site: Site) -> None:
    """Change the receipt of whoever handed in."""
    session.execute(update(Attempt).where(Attempt.receipt.is_not(None)).values(receipt="R-0000"))


def shorter(session: Session, site: Site) -> None:
    """Take one second from a candidate."""
    attempt = session.get_one(Attempt, _answered(site))
    assert attempt.closes_at is not None
    attempt.closes_at -= timedelta(seconds=1)


def other_score(session: Session, _site: Site) -> None:
    """Change a stored sheet and nothing else."""
    session.execute(update(Score).values(sheet=Score.sheet + " "))


def other_log(session: Session, _site: Site) -> None:
    """Change the reason on an entry of the log."""
    session.execute(update(AuditEntry).where(AuditEntry.id == 2).values(reason="…"))


def lost_lease_wrote(session: Session, site: Site) -> None:
    """Let the first lease write after the second did."""
    attempt_id = site.people[-3].attempt_id
    number = session.scalar(select(func.max(JournalEntry.seq)).where(JournalEntry.attempt_id == attempt_id))
    session.add(
        JournalEntry(
            attempt_id=attempt_id, lease_epoch=1, seq=(number or 0) + 1, position=1, kind="answer",
            value='"A"', received_at=SystemClock().now(), in_grace=False,
        )
    )  # fmt: skip


def lease_forgotten(session: Session, site: Site) -> None:
    """Go back to an earlier lease than one that was given."""
    session.execute(update(Attempt).where(Attempt.id == site.people[-3].attempt_id).values(lease_epoch=1))


TAMPERING = [
    pytest.param(lose, {"I1"}, id="entry lost"),
    pytest.param(change, {"I1", "I3"}, id="value changed"),
    pytest.param(too_late, {"I2"}, id="received at the end of the grace"),
    pytest.param(invented, {"I3"}, id="entry nobody sent"),
    pytest.param(closed_twice, {"I4"}, id="closed twice"),
    pytest.param(other_receipt, {"I4"}, id="another receipt"),
    pytest.param(shorter, {"I5"}, id="a second taken"),
    pytest.param(other_score, {"I6"}, id="score sheet changed"),
    pytest.param(other_log, {"I7"}, id="log changed"),
    pytest.param(lost_lease_wrote, {"I3", "I11"}, id="lost lease wrote"),
    pytest.param(lease_forgotten, {"I11"}, id="lease forgotten"),
]


@pytest.mark.parametrize(("tamper", "found"), TAMPERING)
def test_tampering_is_found(site: Site, tamper: Tamper, found: set[str]) -> None:
    with site.app(), unit_of_work() as session:
        tamper(session, site)
    assert broken(site) >= found


def test_an_outage_that_was_not_given_back_is_found(site: Site) -> None:
    now = SystemClock().now()
    site.outages.append((now - timedelta(seconds=9), now))
    assert broken(site) == {"I5"}


@pytest.mark.parametrize(("ago", "found"), [(2, set()), (9, {"I5"})])
def test_who_hands_in_while_ends_are_worked_out_keeps_the_end_that_stood(
    site: Site, ago: int, found: set[str]
) -> None:
    amount = timedelta(seconds=4)
    with site.app(), unit_of_work() as session:
        attempts = session.scalars(select(Attempt).where(Attempt.closes_at.is_not(None))).all()
        handed_in = [one for one in attempts if one.closed_by == ClosedBy.CANDIDATE]
        kept = max(handed_in, key=lambda one: (one.closed_at, one.id))
        assert kept.closed_at is not None
        seen_at = kept.closed_at - timedelta(seconds=ago)
        session.add(
            RoomAdjustment(
                sitting_room_id=kept.sitting_room_id, at=seen_at - amount, amount=amount, kind="site_fault",
                reason_code="system", reason=OUTAGE, by="scheduler", moves_earliest=True,
            )
        )  # fmt: skip
        for one in attempts:
            later = one.closed_at is None or one.closed_at > seen_at
            if one.sitting_room_id == kept.sitting_room_id and one is not kept and later:
                assert one.closes_at is not None
                one.closes_at += amount
    assert broken(site) == found


def test_a_row_without_its_parent_is_found(site: Site) -> None:
    with site.app(), unit_of_work() as session:
        connection = session.connection()
        connection.execute(text("COMMIT"))
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("BEGIN IMMEDIATE"))
        session.execute(delete(SittingRoom))
    assert "I8" in broken(site)


def test_a_reply_that_breaks_an_invariant_is_found(site: Site) -> None:
    site.ledger.breach("I9", "a reply holds an explanation")
    assert broken(site) == {"I9"}


def test_what_must_not_be_in_a_reply_is_found(site: Site) -> None:
    person = site.people[0]
    explanation, other = person.secrets.explanations[0], person.secrets.others[0]
    paper = {"units": [{"number": 2, "state": "locked"}], "items": [{"unit": 2, "answer": "A"}]}
    assert leaks(b'{"fix": "\\u8bf7\\u7a0d\\u5019"}', person.secrets) == []
    assert leaks(f"<p>{explanation}</p>".encode(), person.secrets) == ["an explanation"]
    assert leaks(f'{{"fix": "{other}"}}'.encode(), person.secrets) == ["another candidate"]
    hidden = leaks(repr({"paper": paper}).replace("'", '"').encode(), person.secrets)
    assert hidden == ["the field answer", "an item of a unit that is not open"]


@pytest.mark.parametrize(
    ("statuses", "findings"),
    [
        pytest.param([503, 503], 0, id="refused"),
        pytest.param([503, 200], 1, id="taken while broken"),
        pytest.param([0, 0], 1, id="nobody told"),
    ],
)
def test_what_is_taken_while_nothing_can_be_kept_is_found(statuses: list[int], findings: int) -> None:
    ledger = Ledger()
    ledger.writes += [Write("answers", 1.0, 2.0, status) for status in statuses]
    ledger.writes += [Write("answers", 0.4, 1.5, 200), Write("answers", 1.0, 3.5, 200)]  # across an end
    assert len(check_refusals(ledger, since=0.5, until=3.0).findings) == findings


def test_another_receipt_for_a_repeat_is_a_breach() -> None:
    ledger = Ledger()
    ledger.acknowledge(1, 1, [{"seq": 1, "at": "10:00"}])
    ledger.acknowledge(1, 1, [{"seq": 1, "at": "10:01"}])
    assert [invariant for invariant, _ in ledger.breaches] == ["I3"]


def test_a_repeat_cannot_change_what_was_sent_first() -> None:
    ledger = Ledger()
    for value in ("A", "B"):
        ledger.sending(1, 1, [{"seq": 1, "kind": "answer", "position": 1, "value": value}])
    assert ledger.sent[1][1, 1].value == '"A"'
