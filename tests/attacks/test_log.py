"""Somebody has the database, and time: no change of the log goes unseen.

Who attacks here may write every table, knows the product and how entries are hashed, keeps old copies of the
database, and does not have the key files.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from cbt.audit.anchor import append_line
from cbt.audit.chain import (
    GENESIS,
    append,
    entry_hash,
    head_mac,
    head_of,
    plain_hashes,
    read_head,
    record,
    tail_of,
)
from cbt.audit.models import AuditEntry, AuditHead
from cbt.audit.verification import missed_head, read_anchors, verify
from cbt.config import Settings
from cbt.errors import CbtError, InvalidInput, Unavailable
from cbt.ops.keys import rotate_audit_key
from cbt.storage.unit_of_work import reading, unit_of_work

AT = datetime(2026, 11, 24, 1, tzinfo=UTC)
STOLEN = b"k" * 32


@pytest.fixture
def log(app: flask.Flask) -> flask.Flask:
    """The product with eight entries in its log."""
    for number in range(1, 9):
        act(app, f"act.{number}")
    return app


def act(app: flask.Flask, name: str) -> None:
    with app.app_context(), unit_of_work() as session:
        at = AT + timedelta(seconds=int(name.rsplit(".", 1)[-1]) if name[-1].isdigit() else 99)
        record(session, at=at, actor="staff:one", act=name, subject="room:1", before={"n": 1}, after={"n": 2})


def found(app: flask.Flask) -> int | None:
    with app.app_context(), reading() as session:
        return verify(session).broken_at


def head(app: flask.Flask) -> str:
    with app.app_context(), reading() as session:
        return str(head_of(session))


def missed(app: flask.Flask, *kept: str) -> tuple[int, bool, int] | None:
    """Return of the first kept head that is missed: its number, whether the log was cut, the last good one."""
    with app.app_context(), reading() as session:
        one = missed_head(session, [read_head(text) for text in kept])
    return None if one is None else (one.head.number, one.cut, one.after)


def attack(app: flask.Flask, *does: str | Callable[[Session], Any]) -> None:
    with app.app_context(), unit_of_work() as session:
        for one in does:
            session.execute(text(one)) if isinstance(one, str) else one(session)


def rewrite(
    session: Session, since: int, change: Callable[[AuditEntry], None], hashed: Callable[..., str]
) -> None:
    """Change an entry and make everything after it follow on again, the head included."""
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    last = GENESIS
    for row in rows:
        if row.id == since:
            change(row)
        if row.id >= since:
            row.prev_hash = last
            row.hash = hashed(last, row.id, row.at, row.fields)
        last = row.hash
    session.flush()
    session.execute(update(AuditHead).values(last_id=rows[-1].id, hash=last))


def plainly(*said: Any) -> str:
    return plain_hashes(*said)[0]


def under(key: bytes) -> Callable[..., str]:
    return lambda *said: entry_hash(key, *said)


def reason(entry: AuditEntry) -> None:
    entry.reason = "…"


def cut(session: Session, last: int) -> None:
    """Take everything behind `last` off, and move the head there."""
    session.execute(delete(AuditEntry).where(AuditEntry.id > last))
    kept = session.scalar(select(AuditEntry.hash).where(AuditEntry.id == last)) or GENESIS
    session.execute(update(AuditHead).values(last_id=last, hash=kept))


def wipe(session: Session) -> None:
    session.execute(delete(AuditEntry))
    session.execute(delete(AuditHead))


EDITS = {
    "actor": "actor = 'staff:two'",
    "act": "act = 'room.start'",
    "subject": "subject = 'room:2'",
    "reason": "reason = 'because'",
    "before": "before = '[]'",
    "after": "after = '[]'",
    "after emptied": "after = ''",
    "fields moved over": "reason = before, before = ''",
    "its hash": f"hash = '{'a' * 64}'",
    "the hash it follows on": f"prev_hash = '{'a' * 64}'",
}


@pytest.mark.parametrize(
    "number", [1, 4, 8], ids=["in the first entry", "in the middle", "in the last entry"]
)
@pytest.mark.parametrize("change", list(EDITS), ids=list(EDITS))
def test_an_edited_entry(log: flask.Flask, change: str, number: int) -> None:
    attack(log, f"UPDATE audit_entry SET {EDITS[change]} WHERE id = {number}")
    assert found(log) == number


@pytest.mark.parametrize(
    "by", [timedelta(microseconds=1), timedelta(hours=-1)], ids=["a microsecond", "an hour"]
)
def test_a_changed_time(log: flask.Flask, by: timedelta) -> None:
    def later(session: Session) -> None:
        entry = session.get_one(AuditEntry, 5)
        entry.at = entry.at + by

    attack(log, later)
    assert found(log) == 5


def swap(session: Session) -> None:
    first, second = session.get_one(AuditEntry, 3), session.get_one(AuditEntry, 4)
    first.act, second.act = second.act, first.act


def swap_rows(session: Session) -> None:
    session.execute(text("UPDATE audit_entry SET id = 99 WHERE id = 3"))
    session.execute(text("UPDATE audit_entry SET id = 3 WHERE id = 4"))
    session.execute(text("UPDATE audit_entry SET id = 4 WHERE id = 99"))


def insert_behind(session: Session) -> None:
    last = session.get_one(AuditEntry, 8)
    said = ("staff:two", "room.start", "room:2", "", "", "")
    forged = plainly(last.hash, 9, AT, list(said))
    names = ("actor", "act", "subject", "reason", "before", "after")
    session.add(
        AuditEntry(id=9, at=AT, prev_hash=last.hash, hash=forged, **dict(zip(names, said, strict=True)))
    )
    session.execute(update(AuditHead).values(last_id=9, hash=forged))


def insert_between(session: Session) -> None:
    for number in range(8, 4, -1):
        session.execute(text(f"UPDATE audit_entry SET id = {number + 1} WHERE id = {number}"))
    session.execute(
        text("INSERT INTO audit_entry SELECT 5, at, actor, act, subject, reason, before, after, prev_hash, hash "
             "FROM audit_entry WHERE id = 4")
    )  # fmt: skip
    session.execute(update(AuditHead).values(last_id=9))


@pytest.mark.parametrize(
    ("does", "broken_at"),
    [
        pytest.param(swap, 3, id="two acts swapped"),
        pytest.param(swap_rows, 3, id="two entries swapped"),
        pytest.param("DELETE FROM audit_entry WHERE id = 1", 2, id="the first entry removed"),
        pytest.param("DELETE FROM audit_entry WHERE id = 5", 6, id="an entry in the middle removed"),
        pytest.param("DELETE FROM audit_entry WHERE id IN (4, 5, 6)", 7, id="a run in the middle removed"),
        pytest.param("DELETE FROM audit_entry WHERE id = 8", 8, id="the last entry removed, the head left"),
        pytest.param("DELETE FROM audit_entry", 1, id="every entry removed, the head left"),
        pytest.param(lambda session: cut(session, 7), 8, id="the last entry cut off with the head"),
        pytest.param(lambda session: cut(session, 2), 3, id="the tail cut off with the head"),
        pytest.param(lambda session: cut(session, 0), 1, id="everything cut off with the head"),
        pytest.param(insert_behind, 9, id="an entry put behind the last"),
        pytest.param(insert_between, 5, id="an entry put in the middle"),
        pytest.param("UPDATE audit_head SET last_id = 9", 9, id="the head moved ahead"),
        pytest.param("UPDATE audit_head SET last_id = 7", 9, id="the head moved back"),
        pytest.param(f"UPDATE audit_head SET mac = '{'0' * 64}'", 9, id="the head's seal replaced"),
        pytest.param("UPDATE audit_head SET mac = ''", 9, id="the head's seal taken off"),
        pytest.param("DELETE FROM audit_head", 9, id="the head removed"),
        pytest.param(lambda session: wipe(session), 1, id="everything removed, as if nothing had ever been"),
    ],
)
def test_entries_moved_removed_and_added(
    log: flask.Flask, does: str | Callable[[Session], Any], broken_at: int
) -> None:
    attack(log, does)
    assert found(log) == broken_at


@pytest.mark.parametrize(
    "since", [1, 4, 8], ids=["from the first entry", "from the middle", "the last entry"]
)
@pytest.mark.parametrize(
    "hashed",
    [pytest.param(plainly, id="without a key"), pytest.param(under(STOLEN), id="under another key")],
)
def test_a_chain_rewritten_so_that_it_follows_on(
    log: flask.Flask, hashed: Callable[..., str], since: int
) -> None:
    attack(log, lambda session: rewrite(session, since, reason, hashed))
    assert found(log) == (since if since > 1 else 1)


def test_a_chain_rewritten_as_one_from_before_there_was_a_key(log: flask.Flask) -> None:
    attack(log, lambda session: rewrite(session, 1, reason, plainly))
    attack(log, "UPDATE audit_head SET key_print = '', mac = ''")
    assert found(log) == 1
    act(log, "act.9")
    assert found(log) is not None, "nor does the next act make it look like a change-over"


def test_a_log_rewritten_under_a_key_of_their_own_with_a_change_over_that_says_so(log: flask.Flask) -> None:
    def take_over(session: Session) -> None:
        rewrite(session, 1, lambda entry: setattr(entry, "act", "audit.keyed"), under(STOLEN))
        print_ = hmac.new(STOLEN, b"cbt key fingerprint", hashlib.sha256).hexdigest()[:16]
        row = session.scalars(select(AuditHead)).one()
        row.key_print, row.mac = print_, head_mac(STOLEN, row.last_id, row.hash)

    attack(log, take_over)
    with pytest.raises(Unavailable, match=r"audit\.key_missing"):
        found(log)


@pytest.mark.parametrize("last", [0, 3, 7], ids=["everything", "the tail", "the last entry"])
def test_a_cut_goes_on_record_when_the_next_act_comes(log: flask.Flask, last: int) -> None:
    attack(log, lambda session: cut(session, last))
    act(log, "act.9")
    assert found(log) == last + 1
    with log.app_context(), reading() as session:
        acts = session.scalars(
            select(AuditEntry.act).where(AuditEntry.id > last).order_by(AuditEntry.id)
        ).all()
    assert acts == ["audit.head_broken", "act.9"], "the act is not lost by it"


def test_a_removed_head_stops_nobody(log: flask.Flask) -> None:
    attack(log, "DELETE FROM audit_head")
    act(log, "act.9")
    assert found(log) == 9


def test_a_log_that_was_wiped_tells_so_when_the_next_act_comes(log: flask.Flask) -> None:
    attack(log, wipe)
    act(log, "act.9")
    assert found(log) == 1


def test_a_head_set_back_stops_nobody(log: flask.Flask) -> None:
    attack(log, "UPDATE audit_head SET last_id = 2")
    act(log, "act.9")
    assert found(log) == 9


# What only a head that was kept elsewhere shows: an older state of the database, put back whole.


def put_back(app: flask.Flask, last: int) -> None:
    """Bring the log back to what it was after `last`, as an old copy of the database does, its seal included."""
    with app.app_context(), unit_of_work() as session:
        cut(session, last)
        settings: Settings = app.extensions["cbt_settings"]
        key = (settings.keys / "audit.key").read_bytes()
        row = session.scalars(select(AuditHead)).one()
        row.mac = head_mac(key, row.last_id, row.hash)


@pytest.mark.parametrize("last", [7, 4, 1, 0], ids=["one act ago", "in the middle", "the first act", "empty"])
def test_a_former_state_put_back_against_a_copied_head(log: flask.Flask, last: int) -> None:
    kept = head(log)
    assert missed(log, kept) is None
    put_back(log, last)
    assert found(log) is None, "the copy itself is right"
    assert missed(log, kept) == (8, True, 0)


@pytest.mark.parametrize("more", [1, 4, 9], ids=["fewer", "as many", "more"])
def test_a_former_state_put_back_and_acted_on(log: flask.Flask, more: int) -> None:
    kept = head(log)
    put_back(log, 4)
    for number in range(more):
        act(log, f"other.{number}")
    assert found(log) is None
    assert missed(log, kept) == (8, more < 4, 0)


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(lambda head: head, id="as printed"),
        pytest.param(lambda head: head.upper(), id="in capitals"),
        pytest.param(lambda head: head.replace("-", " "), id="with spaces"),
        pytest.param(lambda head: f"  日志锚点 {head}\n", id="with its label"),
        pytest.param(lambda head: " ".join(head.split()[::2]), id="without the time"),
    ],
)
def test_a_head_is_read_as_people_copy_it(log: flask.Flask, spelled: Callable[[str], str]) -> None:
    kept = spelled(head(log))
    assert missed(log, kept) is None
    put_back(log, 4)
    assert missed(log, kept) == (8, True, 0)


@pytest.mark.parametrize(
    "written", ["", "8", "8 1a2b-3c4d", "8 2026-11-24T01:00:08Z", "eight 1a2b", "x" * 500],
    ids=["nothing", "the number alone", "cut digits", "no digits", "no number", "anything"],
)  # fmt: skip
def test_what_is_no_head_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput, match=r"audit\.head"):
        read_head(written)


def test_a_slip_in_a_copied_head_is_not_taken_for_right(log: flask.Flask) -> None:
    kept = head(log)
    slip = kept[:-1] + ("0" if kept[-1] != "0" else "1")
    assert missed(log, slip) == (8, False, 0)


def test_anchors_tell_where_a_former_state_was_put_back(log: flask.Flask, tmp_path: Path) -> None:
    file = tmp_path / "heads.txt"
    append_line(file, head(log))
    for number in (9, 10, 11):
        act(log, f"act.{number}")
        append_line(file, head(log))
    with log.app_context(), reading() as session:
        assert missed_head(session, read_anchors(file)) is None
    put_back(log, 9)
    for number in range(3):
        act(log, f"other.{number}")
    with log.app_context(), reading() as session:
        one = missed_head(session, read_anchors(file))
    assert one is not None
    assert (one.head.number, one.cut, one.after) == (10, False, 9)


def test_a_line_torn_by_a_full_disk_spoils_no_other(log: flask.Flask, tmp_path: Path) -> None:
    file = tmp_path / "heads.txt"
    file.write_text(head(log)[:40], "ascii")
    append_line(file, head(log))
    assert [str(one.number) for one in read_anchors(file)] == ["8"]


# Keys


def keys_of(app: flask.Flask) -> Path:
    settings: Settings = app.extensions["cbt_settings"]
    return settings.keys


def forget_keys(app: flask.Flask) -> None:
    app.extensions.pop("cbt_audit_keys", None)


def test_without_its_key_the_log_is_neither_read_nor_written(log: flask.Flask) -> None:
    (keys_of(log) / "audit.key").unlink()
    forget_keys(log)
    with pytest.raises(Unavailable, match=r"audit\.key_missing"):
        found(log)
    with pytest.raises(Unavailable, match=r"audit\.key_missing"):
        act(log, "act.9")
    assert not (keys_of(log) / "audit.key").exists(), "no other is made in its place"


def test_another_key_in_its_place_is_refused(log: flask.Flask) -> None:
    (keys_of(log) / "audit.key").write_bytes(STOLEN)
    forget_keys(log)
    with pytest.raises(Unavailable, match=r"audit\.key_missing"):
        act(log, "act.9")


def test_a_cut_key_is_named_as_damaged(log: flask.Flask) -> None:
    (keys_of(log) / "audit.key").write_bytes(b"short")
    forget_keys(log)
    with pytest.raises(Unavailable, match=r"db\.key_damaged"):
        act(log, "act.9")


def test_a_new_key_goes_on_where_the_former_ended(log: flask.Flask) -> None:
    former = (keys_of(log) / "audit.key").read_bytes()
    with log.app_context():
        print_ = rotate_audit_key(lost=False, now=AT)
    act(log, "act.10")
    assert found(log) is None
    assert (keys_of(log) / "audit.key").read_bytes() != former
    assert sum(path.read_bytes() == former for path in keys_of(log).glob("audit-*.key")) == 1
    with log.app_context(), reading() as session:
        assert session.scalars(select(AuditHead.key_print)).one() == print_


@pytest.mark.parametrize(
    "number", [3, 8, 9, 10], ids=["before", "the last of the former", "the change", "after"]
)
def test_an_entry_edited_around_a_change_of_keys(log: flask.Flask, number: int) -> None:
    with log.app_context():
        rotate_audit_key(lost=False, now=AT)
    act(log, "act.10")
    attack(log, f"UPDATE audit_entry SET reason = '…' WHERE id = {number}")
    assert found(log) == number


def test_a_former_key_that_was_stolen_rewrites_nothing(log: flask.Flask) -> None:
    stolen = (keys_of(log) / "audit.key").read_bytes()
    with log.app_context():
        rotate_audit_key(lost=False, now=AT)
    attack(log, lambda session: rewrite(session, 3, reason, under(stolen)))
    assert found(log) == 9, "the entry of the change was not made with it"


def test_a_former_key_that_was_stolen_is_not_in_force_again(log: flask.Flask) -> None:
    stolen = (keys_of(log) / "audit.key").read_bytes()
    with log.app_context():
        print_ = rotate_audit_key(lost=False, now=AT)

    def roll_back(session: Session) -> None:
        cut(session, 8)
        row = session.scalars(select(AuditHead)).one()
        row.mac = head_mac(stolen, row.last_id, row.hash)
        row.key_print = hmac.new(stolen, b"cbt key fingerprint", hashlib.sha256).hexdigest()[:16]

    attack(log, roll_back)
    with pytest.raises(Unavailable, match=r"audit\.key_missing"):
        found(log)
    attack(log, f"UPDATE audit_head SET key_print = '{print_}'")
    assert found(log) is not None


@pytest.mark.parametrize("cut_off", ["before", "after"])
def test_a_change_of_keys_cut_off_is_finished_by_the_next_act(
    log: flask.Flask, monkeypatch: pytest.MonkeyPatch, cut_off: str
) -> None:
    """Killed before the commit, the former key is in force; after it, the new one, wherever its file is."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt), log.app_context():
        place = "cbt.ops.keys.append" if cut_off == "before" else "cbt.audit.chain.settle"
        patched.setattr(place, killed)
        rotate_audit_key(lost=False, now=AT)
    forget_keys(log)
    act(log, "act.10")
    assert found(log) is None


def lose_key(app: flask.Flask) -> None:
    (keys_of(app) / "audit.key").unlink()
    forget_keys(app)
    with app.app_context():
        rotate_audit_key(lost=True, now=AT)
    act(app, "act.10")


def test_a_lost_key_ends_nothing_and_is_told(log: flask.Flask) -> None:
    lose_key(log)
    with log.app_context(), reading() as session:
        report = verify(session)
    assert (report.entries, report.broken_at, report.unproved) == (10, None, 8)


@pytest.mark.parametrize("number", [2, 8], ids=["an early entry", "the last one"])
def test_what_was_logged_under_a_lost_key_cannot_be_changed_any_more(log: flask.Flask, number: int) -> None:
    lose_key(log)
    attack(log, f"UPDATE audit_entry SET reason = '…' WHERE id = {number}")
    assert found(log) == 9


def test_a_key_that_is_there_is_not_given_up_as_lost(log: flask.Flask) -> None:
    with log.app_context(), pytest.raises(CbtError, match=r"audit\.key_not_lost"):
        rotate_audit_key(lost=True, now=AT)


def test_a_forged_loss_of_the_key_excuses_nothing(log: flask.Flask) -> None:
    def forge(session: Session) -> None:
        rewrite(session, 1, reason, under(STOLEN))
        session.execute(
            update(AuditEntry)
            .where(AuditEntry.id == 8)
            .values(act="audit.keyed", after='{"content":"x","key":"y"}')
        )

    attack(log, forge)
    assert found(log) == 8


# A log from before there was a key


@pytest.fixture
def former_log(app: flask.Flask) -> flask.Flask:
    """A log of four entries that a version without keys wrote."""
    with app.app_context(), unit_of_work() as session:
        last = GENESIS
        for number in range(1, 5):
            fields = ["cli", f"former.{number}", "room:1", "", "", ""]
            sealed = plainly(last, number, AT, fields)
            names = ("actor", "act", "subject", "reason", "before", "after")
            line = dict(zip(names, fields, strict=True))
            session.add(AuditEntry(id=number, at=AT, prev_hash=last, hash=sealed, **line))
            last = sealed
        session.add(AuditHead(id=1, last_id=4, hash=last, key_print="", mac=""))
    shutil.rmtree(keys_of(app).with_name("none"), ignore_errors=True)
    for path in keys_of(app).glob("audit*"):
        path.unlink()
    forget_keys(app)
    return app


def test_the_change_over_seals_what_was_there(former_log: flask.Flask) -> None:
    assert found(former_log) is None
    act(former_log, "act.5")
    assert found(former_log) is None
    with former_log.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts[4:] == ["audit.keyed", "act.5"]


@pytest.mark.parametrize("since", [1, 3, 4])
def test_the_part_without_a_key_rewritten_so_that_it_follows_on(former_log: flask.Flask, since: int) -> None:
    act(former_log, "act.5")

    def forge(session: Session) -> None:
        kept = session.get_one(AuditEntry, 5).hash
        session.execute(delete(AuditEntry).where(AuditEntry.id == 6))
        rewrite(session, since, reason, plainly)
        session.execute(update(AuditEntry).where(AuditEntry.id == 5).values(hash=kept))

    attack(former_log, forge)
    assert found(former_log) == 5


def test_the_change_over_cut_off(former_log: flask.Flask) -> None:
    act(former_log, "act.5")
    attack(former_log, lambda session: cut(session, 4), "UPDATE audit_head SET key_print = '', mac = ''")
    assert found(former_log) is not None
    act(former_log, "act.5")
    assert found(former_log) is not None


def test_a_key_made_for_a_change_over_that_failed_is_nobodys(
    former_log: flask.Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("cbt.audit.chain.append", failing)
        act(former_log, "act.5")
    assert not (keys_of(former_log) / "audit.key").exists()
    act(former_log, "act.5")
    assert found(former_log) is None


def test_entries_appended_by_hand_with_the_product_still_verify(log: flask.Flask) -> None:
    """The positive case beside all of these: nothing but the key makes the difference."""
    with log.app_context(), unit_of_work() as session:
        append(session, tail_of(session, at=AT), ())
    act(log, "act.9")
    assert found(log) is None
