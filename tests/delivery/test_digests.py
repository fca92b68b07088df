"""The journal as one text: the same on both databases, and everything that counts is in it."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text

from cbt.rules.canonical import canonical_json
from cbt.runner.models import Attempt, JournalEntry
from cbt.runner.save.digest import answers_in, is_seal, journal_digests, journal_texts
from cbt.storage.types import to_micros
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries
from tests.world import PLANNED, World

LATER = PLANNED + timedelta(minutes=44, seconds=59, microseconds=999_999)
ROWS = [
    # (epoch, seq, position, kind, value, at): written in another order than they count in
    (2, 1, 3, "answer", canonical_json("AB"), LATER),
    (1, 10, 1, "answer", canonical_json("A"), PLANNED),
    (1, 9, 1, "answer", canonical_json("B"), PLANNED),
    (1, 11, 2, "answer", canonical_json(["答案\n“二”", "a\\b \u2028"]), PLANNED),
    (1, 12, 2, "flag", canonical_json(True), PLANNED),
    (1, 13, 4, "answer", canonical_json("C"), PLANNED),
    (2, 2, 4, "answer", None, LATER),
    (2, 3, 0, "event", canonical_json({"type": "blur"}), LATER),
]
EARLY, LATE = to_micros(PLANNED), to_micros(LATER)
TEXT = "\n".join(
    [
        "8",
        f"1 9 {EARLY}", "1", '"B"',
        f"1 10 {EARLY}", "1", '"A"',
        f"1 11 {EARLY}", "2", '["答案\\n“二”","a\\\\b \u2028"]',
        f"1 12 {EARLY}", "2 flag", "true",
        f"1 13 {EARLY}", "4", '"C"',
        f"2 1 {LATE}", "3", '"AB"',
        f"2 2 {LATE}", "4", "",
        f"2 3 {LATE}", "0 event", '{"type":"blur"}',
    ]
)  # fmt: skip


@pytest.fixture
def attempt_id(world: World) -> int:
    """An attempt with a journal."""
    attempt_id = world.sitters["theory"].attempt_id
    names = ("lease_epoch", "seq", "position", "kind", "value", "received_at")
    rows = [
        {**dict(zip(names, row, strict=True)), "attempt_id": attempt_id, "in_grace": False} for row in ROWS
    ]
    with world.app.app_context(), unit_of_work() as session:
        session.execute(insert(JournalEntry), rows)
    return attempt_id


def read(world: World, attempt_id: int) -> str:
    with world.app.app_context(), reading() as session:
        return journal_texts(session, [attempt_id])[attempt_id]


def test_both_databases_write_the_same_text_in_the_order_that_counts(world: World, attempt_id: int) -> None:
    assert read(world, attempt_id) == TEXT
    with world.app.app_context(), reading() as session:
        sealed = journal_digests(session, [attempt_id])
    assert sealed == {attempt_id: hashlib.sha256(TEXT.encode()).hexdigest()}


def test_a_journal_that_0_1_0_sealed_is_still_whole(world: World, attempt_id: int) -> None:
    """That version hashed a JSON line for each row."""
    journal = read(world, attempt_id)
    lines = [
        json.dumps([*row[:5], to_micros(row[5])], ensure_ascii=False) + "\n"
        for row in sorted(ROWS, key=lambda row: row[:2])
    ]
    former = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert is_seal(former, journal)
    assert is_seal(hashlib.sha256(journal.encode()).hexdigest(), journal)
    assert not is_seal(former, journal.replace('"A"', '"B"', 1))
    assert not is_seal(None, journal)


def test_the_latest_entry_of_a_position_counts_and_a_clearing_leaves_nothing(
    world: World, attempt_id: int
) -> None:
    assert answers_in(read(world, attempt_id)) == {
        "1": '"A"',
        "2": canonical_json(["答案\n“二”", "a\\b \u2028"]),
        "2 flag": "true",
        "3": '"AB"',
        "4": "",
        "0 event": '{"type":"blur"}',
    }


def test_an_empty_journal_has_a_digest_and_no_answers(world: World) -> None:
    text_of_none = read(world, world.sitters["second"].attempt_id)
    assert (text_of_none, answers_in(text_of_none)) == ("0", {})


def test_a_whole_chunk_is_read_with_one_query(world: World, attempt_id: int) -> None:
    with world.app.app_context(), reading() as session:
        ids = list(session.scalars(select(Attempt.id)))
        with count_queries(world.app) as seen:
            texts = journal_texts(session, ids)
    assert (len(seen), set(texts), texts[attempt_id]) == (1, set(ids), TEXT)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE journal SET value = '\"D\"' WHERE seq = 9", id="a value"),
        pytest.param("UPDATE journal SET value = '\"D\"' WHERE value IS NULL", id="a clearing"),
        pytest.param("UPDATE journal SET value = NULL WHERE seq = 9", id="a value taken out"),
        pytest.param("UPDATE journal SET position = 5 WHERE seq = 9", id="a position"),
        pytest.param("UPDATE journal SET kind = 'note' WHERE seq = 9", id="a kind"),
        pytest.param("UPDATE journal SET seq = 90 WHERE seq = 9", id="a number"),
        pytest.param("UPDATE journal SET lease_epoch = 3 WHERE lease_epoch = 2", id="an epoch"),
        pytest.param(
            "UPDATE journal SET received_at = (SELECT max(received_at) FROM journal) WHERE seq = 9",
            id="an instant",
        ),
        pytest.param("DELETE FROM journal WHERE lease_epoch = 2 AND seq = 3", id="the last row"),
    ],
)
def test_every_change_of_a_row_shows(world: World, attempt_id: int, change: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        assert session.execute(text(change)).rowcount
    assert read(world, attempt_id) != TEXT


def test_one_row_cannot_say_what_two_said(world: World, attempt_id: int) -> None:
    forged = f'"B"\n1 10 {EARLY}\n1\n"A"'
    with world.app.app_context(), unit_of_work() as session:
        session.execute(text("DELETE FROM journal WHERE seq = 10"))
        session.execute(text("UPDATE journal SET value = :value WHERE seq = 9"), {"value": forged})
    changed = read(world, attempt_id)
    assert changed != TEXT
    assert changed.removeprefix("7") == TEXT.removeprefix("8")
