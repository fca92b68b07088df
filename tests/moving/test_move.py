"""`cbt move`: what arrives is what was there, both ways, and one of the two places is in use at any time."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from cbt.accounts.staff import create_staff
from cbt.audit.models import AuditEntry
from cbt.candidates.models import CandidatePhoto, Registration
from cbt.cli import build
from cbt.console.texts import text as _
from cbt.errors import CbtError
from cbt.http.app_context import register_factory
from cbt.ops import move, move_endpoints
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.ops.move_endpoints import EmbeddedTarget, PostgresTarget, RowDigest, read_destination
from cbt.ops.preparation import prepare_app
from cbt.rules.roles import Role
from cbt.runner.models import Attempt, Gap, Message
from cbt.sittings.models import RoomAdjustment
from cbt.storage.departure import check_not_moved, departure_of
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.moving.conftest import MakeDatabase, Mover, everything, settings_of
from tests.safety.conftest import begin_exam, end_everything
from tests.world import World

ODD = "𠮷\t\\N\\\"'\n{}\r "
EXACT = datetime(2026, 11, 24, 1, 2, 3, 456789, UTC)


def refused(call: Any, *args: Any) -> CbtError:
    """Return what a call is refused with."""
    with pytest.raises(CbtError) as error:
        call(*args)
    return error.value


def put_odd_values(world: World) -> None:
    """Store what one database might spell otherwise than another."""
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.scalars(select(Attempt).order_by(Attempt.id)).first()
        registration = session.scalars(select(Registration)).first()
        assert attempt is not None
        assert registration is not None
        for words in (ODD, "", "\\."):
            session.add(Message(attempt_id=attempt.id, text=words, sent_at=EXACT, by="staff:st-1"))
        session.add(
            Gap(
                attempt_id=attempt.id, from_at=EXACT, to_at=EXACT, usable=False, resent=0, granted=timedelta()
            )
        )
        session.add(
            RoomAdjustment(
                sitting_room_id=attempt.sitting_room_id,
                at=EXACT,
                amount=-timedelta(microseconds=1),
                kind="made_up",
                reason_code="other",
                reason="",
                by="staff:st-1",
                moves_earliest=True,
            )
        )
        session.add(
            CandidatePhoto(candidate_id=registration.candidate_id, mimetype="", image=bytes(range(256)))
        )
        registration.factor = Decimal("1.50")


def is_right(world_app: Any) -> None:
    """Everything stored is what it was, and new rows find numbers of their own."""
    with world_app.app_context():
        assert list(all_findings(verify_everything())) == []
        create_staff(login="newcomer", name="新人", roles=[Role.OFFICER], now=EXACT, actor="cli")
        with unit_of_work() as session:
            attempt = session.scalars(select(Attempt.id)).first()
            session.add(Message(attempt_id=attempt, text="new", sent_at=EXACT, by="staff:st-1"))


def test_a_finished_exam_moves_to_postgresql_and_back(
    planned: World, mover: Mover, empty_database: MakeDatabase, tmp_path: Path
) -> None:
    page = begin_exam(planned)
    for position in (1, 2):
        assert page.answer(position, "A").status_code == 200
    end_everything(planned)
    put_odd_values(planned)
    before = everything(planned.app)
    assert before["journal"]
    assert before["score"]
    assert before["candidate_photo"]

    moved = mover.to(empty_database(tables=False))
    assert moved.compared is not None
    assert moved.compared.rows == {name: len(rows) for name, rows in before.items()}
    assert moved.compared.attempts == len(before["attempt"])
    assert all(check.ok for check in moved.compared.checks)
    assert ("copy", "journal", 2, 2) in mover.told
    assert ("compare", "journal", 2, 2) in mover.told
    there = mover.on(moved.destination.settings)
    found = everything(there)
    assert set(found.pop("audit_entry")) > set(before.pop("audit_entry"))
    assert found.pop("audit_head") != before.pop("audit_head")
    assert found == before
    with there.app_context(), reading() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert last is not None
        assert (last.act, last.subject) == ("database.move", f"move:{moved.ref}")
        assert (last.actor, last.at) == ("cli", planned.clock.now())
        assert json.loads(last.after) == {"from": moved.source, "to": moved.destination.place}
        assert moved.source.endswith("/data/cbt.db")
    is_right(there)
    with planned.app.app_context(), reading() as session:
        left = departure_of(session)
    assert left is not None
    assert (left.ref, left.at, left.state) == (moved.ref, planned.clock.now(), "left")
    assert left.place == moved.destination.place
    with planned.app.app_context():
        arrived = [move.has_arrived(moved.destination, ref=ref) for ref in (moved.ref, "mv-other")]
    assert arrived == [True, False]

    on_postgres = everything(there)
    back = Mover(there, planned.clock).to(str(tmp_path / "back"))
    here = mover.on(back.destination.settings)
    again = everything(here)
    assert set(again.pop("audit_entry")) > set(on_postgres.pop("audit_entry"))
    assert again.pop("audit_head") != on_postgres.pop("audit_head")
    assert again == on_postgres
    with here.app_context():
        create_staff(login="another", name="又一人", roles=[Role.OFFICER], now=EXACT, actor="cli")
        assert list(all_findings(verify_everything())) == []
    assert sorted(path.name for path in (tmp_path / "back").glob("cbt.db.*")) == []


def test_the_words_say_what_to_change_and_what_was_moved_is_kept_and_not_served(
    planned: World, mover: Mover, empty_database: MakeDatabase
) -> None:
    url = empty_database().replace("cbt@", "cbt:geheim@")
    register_factory(lambda: planned.app)
    done = CliRunner().invoke(build(), ["move", "--to", url], catch_exceptions=False)
    assert done.exit_code == 0
    place = url.replace("geheim", "***")
    assert f"CBT_DATABASE_URL={place}" in done.output
    assert "geheim" not in done.output + done.stderr
    assert "#" in done.stderr, "a line of how far it is"

    said = refused(prepare_app, settings_of(planned.app))
    assert (said.code, said.params["place"]) == ("db.moved", place)
    assert refused(mover.to, empty_database()).code == "db.moved"
    listed = CliRunner().invoke(build(), ["sitting", "list", "--json"])
    assert (listed.exit_code, json.loads(listed.stdout)["error"]["code"]) == (2, "db.moved")
    assert CliRunner().invoke(build(), ["verify"], catch_exceptions=False).exit_code == 0
    with mover.on(read_destination(url, settings_of(planned.app)).settings).app_context():
        check_not_moved()


def test_what_a_move_answers_names_both_places_what_was_compared_and_what_to_change(
    planned: World, mover: Mover, empty_database: MakeDatabase, tmp_path: Path
) -> None:
    """There, and back into a folder, where other settings are to change."""
    here, there = settings_of(planned.app), empty_database()
    with planned.app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE form SET sha256 = 'none' WHERE id = 1"))
    moved = mover.to(there)
    told, words = move._as_data(moved), list(move._words(moved))
    compared = moved.compared
    assert compared is not None
    assert (told["moved"], told["from"], told["to"]) == (moved.ref, f"{here.data_dir}/cbt.db", there)
    assert (told["settings"], told["rows"]) == ({"CBT_DATABASE_URL": there}, compared.rows)
    assert [words.count(_("move.in_clear")), words.count(f"  CBT_DATABASE_URL={there}")] == [1, 1]
    assert _("move.done", place=there, tables=len(compared.rows), rows=sum(compared.rows.values())) in words
    assert _("move.compared", attempts=compared.attempts, head=compared.audit_head) in words
    assert _("move.as_before", check=_("safety.check.forms"), count=1) in words
    assert [line for line in words if "#" in line or "备份" in line] == [_("move.kept", place=told["from"])]
    assert words[-1] == _("move.next")

    back = Mover(mover.on(moved.destination.settings), planned.clock).to(str(tmp_path / "back"))
    told, words = move._as_data(back), list(move._words(back))
    assert (told["from"], told["to"]) == (there, str(tmp_path / "back" / "cbt.db"))
    for line in (
        "  " + _("move.take_out", name="CBT_DATABASE_URL"),
        f"  CBT_DATA_DIR={tmp_path / 'back'}",
        _("move.kept", place=there),
    ):
        assert line in words
    assert _("move.in_clear") not in words, "it is encrypted again"
    again = move.MoveResult("mv-1", there, back.destination, None)
    assert "rows" not in move._as_data(again)
    assert next(iter(move._words(again))) == _("move.finished", place=told["to"])


class Interrupted(BaseException):
    """Ctrl+C, at a chosen moment."""


def test_an_interrupted_move_changes_nothing_and_the_next_begins_anew(
    planned: World, mover: Mover, empty_database: MakeDatabase
) -> None:
    place = read_destination(empty_database(tables=False), settings_of(planned.app))

    def stop(step: str, *_: object) -> None:
        if step == "check":
            raise Interrupted

    before = everything(planned.app)
    with planned.app.app_context(), pytest.raises(Interrupted):
        move.move(settings_of(planned.app), place, now=EXACT, tell=stop)
    assert everything(planned.app) == before
    with planned.app.app_context():
        check_not_moved()
    with psycopg.connect(place.settings.database_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)
    assert mover.move(place).compared is not None


def test_a_move_that_was_cut_off_at_its_end_is_settled_by_running_it_again(
    planned: World, mover: Mover, empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = read_destination(empty_database(), settings_of(planned.app))

    def stop(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(PostgresTarget, "commit", stop)
        mover.move(place)
    assert refused(prepare_app, settings_of(planned.app)).code == "db.moving"
    assert refused(mover.to, empty_database()).code == "db.moving"

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(move, "_say_left", stop)
        mover.move(place)  # nothing had arrived: from the beginning
    assert refused(prepare_app, settings_of(planned.app)).code == "db.moving"

    finished = mover.move(place)
    assert finished.compared is None, "it had arrived: nothing is copied a second time"
    assert refused(prepare_app, settings_of(planned.app)).code == "db.moved"


def test_on_the_way_back_nothing_is_left_of_what_was_cut_off(
    planned: World,
    mover: Mover,
    empty_database: MakeDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = mover.on(mover.to(empty_database()).destination.settings)
    back = Mover(there, planned.clock)
    assert refused(back.to, "embedded").code == "move.there"

    def stop(*_: object) -> None:
        raise Interrupted

    folder = tmp_path / "back"
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(EmbeddedTarget, "settle", stop)
        back.to(str(folder))
    assert [path.name for path in folder.iterdir()] == ["server.lock"]
    (folder / "cbt.db.arriving").write_bytes(b"of one that was killed")
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(move, "_say_left", stop)
        back.to(str(folder))
    assert back.to(str(folder)).compared is None

    url = settings_of(there).database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT state FROM departure").fetchone() == ("left",)


def test_postgresql_is_not_left_while_somebody_is_connected(
    planned: World,
    mover: Mover,
    empty_database: MakeDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = mover.on(mover.to(empty_database()).destination.settings)
    monkeypatch.setattr(move_endpoints, "LEAVING_SECONDS", 0)
    with psycopg.connect(settings_of(there).database_url.replace("+psycopg", "")) as node:
        pid = node.info.backend_pid
        said = refused(Mover(there, planned.clock).to, str(tmp_path / "back"))
    assert said.code == "move.connected"
    assert said.params["who"] == [f"cbt@127.0.0.1 (pid {pid})"]


def test_who_has_just_left_is_waited_for(
    planned: World, mover: Mover, empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = mover.on(mover.to(empty_database()).destination.settings)
    node = psycopg.connect(settings_of(there).database_url.replace("+psycopg", ""))
    waiting = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _seconds: node.close())
    monkeypatch.setattr(move_endpoints, "time", waiting)
    monkeypatch.setattr(move_endpoints, "LEAVING_SECONDS", 60)
    with there.app_context(), db.engine.connect() as connection:
        move_endpoints.refuse_connected(connection)
    assert node.closed


def test_a_value_that_came_over_otherwise_is_found(
    planned: World, mover: Mover, empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = read_destination(empty_database(), settings_of(planned.app))
    settle = PostgresTarget.settle

    def with_a_slip(target: PostgresTarget) -> None:
        target.connection.execute(text("UPDATE staff SET created_at = created_at + interval '1 microsecond'"))
        settle(target)

    with monkeypatch.context() as patched:
        patched.setattr(PostgresTarget, "settle", with_a_slip)
        said = refused(mover.move, place)
    assert (said.code, said.params) == ("move.differs", {"what": "staff"})
    with planned.app.app_context():
        check_not_moved()


@pytest.mark.parametrize("what", ["audit_head", "journal", "forms"])
def test_what_the_product_makes_of_the_rows_is_compared_too(
    planned: World, mover: Mover, empty_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The head of the log, the journals, and what a check finds there and not here."""
    real = {"head_of": move.head_of, "journal_digests": move.journal_digests, "check_in": move.check_in}

    def otherwise(name: str) -> Any:
        def ask(session: Any, *more: Any) -> Any:
            told = real[name](session, *more)
            if session.get_bind().dialect.name != "postgresql":
                return told
            if name == "check_in":
                return replace(told, findings=("x",)) if more == ("forms",) else told
            return None if name == "head_of" else {}

        return ask

    name = {"audit_head": "head_of", "journal": "journal_digests", "forms": "check_in"}[what]
    with monkeypatch.context() as patched:
        patched.setattr(move, name, otherwise(name))
        said = refused(mover.to, empty_database())
    assert (said.code, said.params) == ("move.differs", {"what": what})
    assert refused(mover.to, "postgresql://cbt@127.0.0.1:1/none").code == "move.unreachable"


@pytest.mark.parametrize(
    ("words", "column"),
    [pytest.param("zero \0 byte", "", id="a zero byte"), pytest.param("长" * 81, "name", id="too long")],
)
def test_a_row_that_postgresql_cannot_hold_is_named_without_its_values(
    planned: World, mover: Mover, empty_database: MakeDatabase, words: str, column: str
) -> None:
    with planned.app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE staff SET name = :words WHERE id = 2"), {"words": words})
    said = refused(mover.to, empty_database())
    assert said.code == "move.row"
    assert (said.params["table"], said.params["column"]) == ("staff", column)
    assert words[:4] not in str(said)


def test_damage_from_before_the_move_is_told_and_moves_along(
    planned: World, mover: Mover, empty_database: MakeDatabase
) -> None:
    with planned.app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE form SET sha256 = 'none' WHERE id = 1"))
    moved = mover.to(empty_database())
    assert moved.compared is not None
    assert [check.name for check in moved.compared.checks if not check.ok] == ["forms"]


def test_the_order_of_rows_makes_no_difference_to_their_digest_and_any_value_does() -> None:
    one, other, changed, doubled = (RowDigest() for _ in range(4))
    one.add([(1, "a"), (2, None)])
    other.add([(2, None)])
    other.add([(1, "a")])
    changed.add([(1, "a"), (2, "")])
    doubled.add([(1, "a"), (1, "a")])
    assert one.digest == other.digest
    assert len({one.digest, changed.digest, doubled.digest, RowDigest().digest}) == 4


def test_a_bar_is_as_full_as_what_is_done() -> None:
    for done, of, full in ((0, 0, 1), (0, 1, 0), (1, 1, 1), (1, 2, 0.5), (3, 2, 1)):
        drawn = move.bar(done, of).strip("[]")
        assert drawn.count("#") == full * len(drawn), (done, of)
