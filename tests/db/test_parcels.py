"""Parcels: rows that somebody worked out are put down whole or not at all, and harm nothing they go along with."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import flask
import pytest
from sqlalchemy import select

from cbt.audit.chain import EntryDraft
from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.errors import Unavailable
from cbt.items.models import ItemBank
from cbt.runner.save.journal import Journal
from cbt.spreadsheets.drafts import SheetDraft
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.change_set import Parcel, Rows, join_writing, put_down, put_down_in
from cbt.storage.write_queue.writer_client import can_share
from tests.db.test_write_line import wait_until_owned
from tests.helpers import FakeClock

BANK = "INSERT INTO item_bank (ref, name, note, levels) VALUES (?, ?, '', '') ON CONFLICT DO NOTHING"
RENAME = "UPDATE item_bank SET name = ? WHERE ref = ? AND name = ?"
DRAFT = (
    "INSERT INTO sheet_draft (ref, subject, actor, file_name, sealed, created_at) "
    "SELECT ?, ?, ?, ?, ?, ? FROM item_bank WHERE ref = ?"
)


def banks(app: flask.Flask) -> list[tuple[str, str]]:
    with app.app_context(), reading() as session:
        rows = session.execute(select(ItemBank.ref, ItemBank.name).order_by(ItemBank.ref))
        return [(ref, name) for ref, name in rows]


def nothing() -> Sequence[Any]:
    return ()


def test_a_parcel_is_put_down_whole_or_not_at_all(app: flask.Flask) -> None:
    with app.app_context():
        assert put_down(Rows(BANK, [("a", "甲"), ("b", "乙")], 2), Rows(RENAME, [("丙", "a", "甲")], 1))
        assert not put_down(Rows(BANK, [("c", "丁")], 1), Rows(RENAME, [("戊", "a", "甲")], 1))
        assert not put_down(Rows(BANK, [("c", "丁"), ("a", "丁")], 2))
        assert put_down(Rows(BANK, [("a", "丁")]), Rows(RENAME, []))
    assert banks(app) == [("a", "丙"), ("b", "乙")]


def test_what_cannot_be_put_down_leaves_the_others_of_its_transaction(app: flask.Flask) -> None:
    journal: Journal = app.extensions["cbt_journal"]
    one, again, two = (Parcel([Rows(BANK, [(ref, "")], 1)]) for ref in ("a", "a", "b"))
    with app.app_context():
        outcomes = journal.commits.carry_out([one, again, two], nothing).outcomes
        assert [one.whole for one in outcomes] == [True, False, True]
        journal.commits.close()
    assert banks(app) == [("a", ""), ("b", "")]


def test_a_statement_the_database_refuses_promises_nothing_and_keeps_nobody_out(app: flask.Flask) -> None:
    journal: Journal = app.extensions["cbt_journal"]
    with app.app_context():
        outcomes = journal.commits.carry_out(
            [Parcel([Rows(BANK, [("a", "")])]), Parcel([Rows("UPDATE nowhere SET x = ?", [(1,)])])], nothing
        ).outcomes
        with pytest.raises(Unavailable):
            put_down(Rows("UPDATE nowhere SET x = ?", [(1,)]), tries=2)
        journal.commits.close()
    assert outcomes[0].whole
    assert outcomes[1].error.code == "db.write"
    assert banks(app) == [("a", "")]


def test_instants_bytes_and_texts_arrive_as_they_are(app: flask.Flask, clock: FakeClock) -> None:
    with app.app_context():
        with unit_of_work() as session:
            assert put_down_in(session, Rows(BANK, [("a", "")], 1))
            assert not put_down_in(session, Rows(BANK, [("b", ""), ("a", "")], 2))
        assert put_down(Rows(DRAFT, [("dr", "为", "谁", "a?.xlsx", b"\0\xff", clock.now(), "a")], 1))
        with reading() as session:
            (found,) = session.scalars(select(SheetDraft))
    assert (found.sealed, found.created_at, found.file_name) == (b"\0\xff", clock.now(), "a?.xlsx")
    assert banks(app) == [("a", "")]


def test_what_the_log_says_of_parcels_is_sealed_once_and_only_of_those_that_were_put_down(
    app: flask.Flask, clock: FakeClock
) -> None:
    journal: Journal = app.extensions["cbt_journal"]
    parcels = [
        Parcel([Rows(BANK, [(ref, "")], 1)], [EntryDraft(clock.now(), "cli", act, f"bank:{ref}")])
        for ref, act in (("a", "first"), ("a", "again"), ("b", "second"))
    ]
    with app.app_context():
        outcomes = journal.commits.carry_out([*parcels, Parcel([Rows(BANK, [("c", "")])])], nothing).outcomes
        journal.commits.close()
        with reading() as session:
            acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
            broken = verify(session).broken_at
    assert (acts, broken) == (["first", "second"], None)
    assert [one.whole for one in outcomes] == [True, False, True, True]
    assert len({tuple(one.follows) for one in outcomes}) == 1, "one head follows all of them"


@contextmanager
def owned(app: flask.Flask) -> Iterator[list[int]]:
    """Own the writing of an app's folder, and say how large each batch was that came over the lines."""
    journal, sizes = Journal(app), []
    journal.tell = lambda size, _seconds: sizes.append(size)
    folder = app.extensions["cbt_settings"].data_dir
    until, end = os.pipe()
    thread = threading.Thread(target=journal.serve_lines, args=(folder, until))
    thread.start()
    try:
        wait_until_owned(folder)
        yield sizes
    finally:
        os.close(end)
        thread.join(10)
        os.close(until)


@pytest.mark.skipif(not can_share(), reason="such lines are Linux's; elsewhere each process writes")
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_process_that_joins_has_its_parcels_written_by_who_owns_the_writing(app: flask.Flask) -> None:
    with owned(app) as sizes, app.app_context():
        join_writing()
        assert put_down(Rows(BANK, [("a", "")], 1))
        assert not put_down(Rows(BANK, [("a", "")], 1))
    assert sizes == [1, 1]
    assert banks(app) == [("a", "")]
