"""Saves and closings that meet: on the same row, in the same batch, with a commit that fails."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from cbt.errors import Unavailable
from cbt.http.auth.machine import token_hash
from cbt.runner.close import closure
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt, AttemptLive, Gap, JournalEntry
from cbt.runner.protocol import Save, read_entries
from cbt.runner.save.attempt_row import read_guards
from cbt.runner.save.digest import answers_in, journal_texts, latest_answers
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.engine import Dialect
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.batch import Commits
from cbt.storage.write_queue.group_commit import GroupWriter
from tests.delivery.driver import Page, opened_page
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
NAMES = ("theory", "second")


@pytest.fixture
def page(world: World) -> Page:
    return opened_page(world)


def test_a_save_held_open_across_a_close_is_counted_or_refused_never_lost(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The save has read its row, but appended nothing yet, when the sweep arrives: the sweep waits.

    Here lies the danger on PostgreSQL: without the share lock the sweep would close the attempt between the
    reading and the append, and the answer would be acknowledged and never scored.
    """
    journal = world.app.extensions["cbt_journal"]
    world.clock.set(PLANNED + 45 * MINUTE + timedelta(seconds=1))
    received_at = world.clock.now()
    holding, let_go = threading.Event(), threading.Event()

    def held(dialect: Dialect, cursor: Any, attempt_ids: Any, **kind: Any) -> Any:
        guards = read_guards(dialect, cursor, attempt_ids, **kind)
        holding.set()
        let_go.wait(10)
        return guards

    monkeypatch.setattr("cbt.runner.save.journal.read_guards", held)
    outcome: list[Any] = []

    def save() -> None:
        with world.app.app_context():
            info = journal.infos.get(page.ref)
            entries = read_entries(info, [page.entry(1, "A")])
            outcome.append(
                journal.save(
                    Save(
                        info.attempt_id,
                        token_hash(page.lease),
                        page.epoch,
                        entries,
                        received_at,
                        page.machine,
                    )
                )
            )

    def close() -> None:
        with world.app.app_context():
            expire_overdue(now=PLANNED + 45 * MINUTE + timedelta(seconds=6))

    saver, closer = threading.Thread(target=save), threading.Thread(target=close)
    saver.start()
    assert holding.wait(10)
    closer.start()
    closer.join(0.5)
    assert closer.is_alive(), "the closing must wait for the save that holds the row"
    let_go.set()
    saver.join(10)
    closer.join(10)
    assert outcome[0].outcome.value == "saved"
    with world.app.app_context():
        score_closed(now=world.clock.now())
        with reading() as session:
            attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
            assert attempt.state == "scored"
            assert answers_in(journal_texts(session, [attempt.id])[attempt.id]) == {"1": '"A"'}
        assert all(one.ok for one in verify_sitting(world.sitting_ref))


def test_a_batch_with_one_poisoned_save_keeps_the_others(page: Page, world: World) -> None:
    journal = world.app.extensions["cbt_journal"]
    gate_open = threading.Event()
    results: dict[str, Any] = {}

    def block(_cursor: Any) -> None:
        gate_open.wait(10)

    def insert(seq: int) -> Any:
        def work(cursor: Any) -> int:
            cursor.execute(
                journal.dialect.sql(
                    "INSERT INTO journal (attempt_id, lease_epoch, seq, position, kind, value, received_at,"
                    " in_grace) VALUES (?, 1, ?, 1, 'answer', '\"A\"', ?, ?)"
                ),
                (world.sitters["theory"].attempt_id, seq, journal.dialect.instant(PLANNED), False),
            )
            return seq

        return work

    def poison(cursor: Any) -> None:
        cursor.execute("INSERT INTO no_such_table VALUES (1)")

    def perform(cursor: Any, works: Any) -> list[Any]:
        return [work(cursor) for work in works]

    with world.app.app_context():
        writer = GroupWriter(
            [Commits(db.engine, world.app.extensions["cbt_gate"], perform, lambda _size, _seconds: None)]
        )

    def run(name: str, work: Any) -> None:
        try:
            results[name] = writer.run(work)
        except Unavailable as error:
            results[name] = error.code

    jobs = {"block": block, "first": insert(1), "poison": poison, "second": insert(2)}
    threads = [threading.Thread(target=run, args=pair) for pair in jobs.items()]
    threads[0].start()
    for thread in threads[1:]:
        thread.start()
    gate_open.set()
    for thread in threads:
        thread.join(10)
    writer.close()
    assert (results["first"], results["second"], results["poison"]) == (1, 2, "db.write")
    with world.app.app_context(), reading() as session:
        assert sorted(session.scalars(select(JournalEntry.seq))) == [1, 2]


def test_a_commit_that_fails_is_503_and_the_next_save_works(page: Page, world: World) -> None:
    commits: Commits = world.app.extensions["cbt_journal"].commits
    failing = [True]

    def fail() -> None:
        if failing.pop() if failing else False:
            raise Unavailable("db.write")

    commits.before_commit = fail
    refused = page.answer(1, "A")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "db.write")
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(JournalEntry)).all() == []
    assert page.answer(1, "A").status_code == 200


def test_one_attempt_that_cannot_be_closed_does_not_keep_the_others_open(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Page(world, "second")
    assert other.start().status_code == 200
    whole = closure.close_rows

    def brittle(session: Any, rows: Any, **rest: Any) -> Any:
        sealed = whole(session, rows, **rest)
        if any(one.id == world.sitters["theory"].attempt_id for one in rows):
            raise RuntimeError("poisoned")
        return sealed

    monkeypatch.setattr(closure, "close_rows", brittle)
    world.clock.set(PLANNED + 50 * MINUTE)
    with world.app.app_context():
        assert expire_overdue(now=world.clock.now()) == 1
    with world.app.app_context(), reading() as session:
        assert session.get_one(Attempt, world.sitters["second"].attempt_id).state == "closed"


def test_racing_submits_close_once(page: Page, world: World) -> None:
    world.clock.set(PLANNED + 31 * MINUTE)
    replies: list[Any] = []
    threads = [threading.Thread(target=lambda: replies.append(page.submit().get_json())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len({reply["receipt"] for reply in replies}) == 1
    with world.app.app_context(), reading() as session:
        acts = session.execute(
            text("SELECT count(*) FROM audit_entry WHERE act = 'attempt.close' AND subject = :ref"),
            {"ref": f"attempt:{page.ref}"},
        ).scalar_one()
    assert acts == 1


def test_the_database_in_use_is_the_one_the_test_names(world: World, database_kind: str) -> None:
    with world.app.app_context():
        assert db.engine.dialect.name == database_kind


def test_saves_of_one_batch_count_as_if_one_after_the_other(world: World, database_kind: str) -> None:
    """Two candidates in one batch: answers twice at a position, a repeat, a heartbeat, a stale lease."""
    world.admit_all()
    world.start()
    pages = {name: Page(world, name) for name in ("theory", "second")}
    for page in pages.values():
        assert page.start().status_code == 200
    journal = world.app.extensions["cbt_journal"]
    with world.app.app_context():
        infos = {name: journal.infos.get(page.ref) for name, page in pages.items()}
    at = [PLANNED + timedelta(seconds=25, milliseconds=number) for number in range(8)]

    def save(name: str, now: datetime, *entries: dict[str, Any], epoch: int = 1) -> Save:
        page = pages[name]
        read = read_entries(infos[name], list(entries))
        return Save(infos[name].attempt_id, token_hash(page.lease), epoch, read, now, page.machine)

    def entry(seq: int, position: int, value: str | None) -> dict[str, Any]:
        return {"seq": seq, "kind": "answer", "position": position, "value": value}

    batch = [
        save("theory", at[0], entry(1, 1, "A"), entry(2, 2, "B")),
        save("second", at[1], entry(1, 1, "B")),
        save("theory", at[2], entry(3, 1, None)),
        save("theory", at[3], entry(2, 2, "B"), entry(4, 3, "A")),
        save("theory", at[4], entry(9, 9, "A"), epoch=2),
        save("second", at[5]),
        save("theory", at[6], entry(1, 1, "A")),
    ]
    with world.app.app_context(), unit_of_work() as session:
        cursor = session.connection().connection.cursor()
        saved = journal.perform(cursor, batch)
    receipts = [{one.seq: one.at for one in each.receipts} for each in saved]
    assert receipts[0] == {1: at[0], 2: at[0]}
    assert receipts[1] == {1: at[1]}
    assert receipts[3] == {2: at[0], 4: at[3]}, "a repeat returns the first receipt"
    assert receipts[6] == {1: at[0]}
    assert [each.outcome.value for each in saved] == [*["saved"] * 4, "lease.lost", *["saved"] * 2]
    with world.app.app_context(), reading() as session:
        ids = {name: world.sitters[name].attempt_id for name in pages}
        answers = latest_answers(session, list(ids.values()))
        assert answers[ids["theory"]] == {2: '"B"', 3: '"A"'}
        live = {name: session.get_one(AttemptLive, attempt_id) for name, attempt_id in ids.items()}
        assert (live["theory"].answered, live["theory"].answered_map[:4]) == (2, "0110")
        assert (live["second"].answered, live["second"].answered_map[:2]) == (1, "10")
        assert (live["theory"].seen_at, live["theory"].saved_at) == (at[6], at[3])
        assert (live["second"].seen_at, live["second"].saved_at) == (at[5], at[1])
        gaps = session.execute(select(Gap.attempt_id, Gap.from_at, Gap.to_at, Gap.resent)).all()
        assert sorted(tuple(gap) for gap in gaps) == sorted(
            [(ids["theory"], PLANNED, at[0], 2), (ids["second"], PLANNED, at[1], 1)]
        ), "one silence is one gap"
