"""Where `--to` leads, and what a place is refused for before anything is written there."""

from __future__ import annotations

import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DatabaseError, DataError, OperationalError

from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.move import _explaining, bar, explained
from cbt.ops.move_endpoints import (
    EMBEDDED,
    PostgresFacts,
    connect_file,
    embedded_database,
    postgres_database,
    prepare_postgres,
    read_destination,
    refusal,
)
from tests.databases import PostgresServer
from tests.moving.conftest import MakeDatabase

HERE = Settings(data_dir=Path("/srv/data"))
THERE = replace(HERE, database_url="postgresql+psycopg://cbt:geheim@db/cbt")
EMPTY = PostgresFacts("UTF8", only_reads=False, may_create=True, tables=0, revision="", filled=False)
READY = replace(EMPTY, tables=60, revision="0019")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        pytest.param(EMPTY, None, id="nothing in it"),
        pytest.param(READY, None, id="this version's tables without rows"),
        pytest.param(replace(READY, filled=True), "move.not_empty", id="rows"),
        pytest.param(replace(EMPTY, tables=1), "move.not_empty", id="somebody else's table"),
        pytest.param(replace(READY, revision="0018"), "move.revision", id="an older version's tables"),
        pytest.param(replace(READY, revision="0018", filled=True), "move.revision", id="and rows"),
        pytest.param(replace(EMPTY, encoding="SQL_ASCII"), "move.encoding", id="another encoding"),
        pytest.param(replace(EMPTY, only_reads=True), "move.only_reads", id="a standby"),
        pytest.param(replace(EMPTY, may_create=False), "move.no_rights", id="no rights"),
    ],
)
def test_what_a_database_is_refused_for(found: PostgresFacts, code: str | None) -> None:
    said = refusal(found, place="cbt", revision="0019")
    assert (None if said is None else said.code) == code
    if said is not None:
        told = {
            "move.encoding": {"encoding": found.encoding},
            "move.revision": {"found": found.revision, "wanted": "0019"},
        }
        assert said.params == {"place": "cbt"} | told.get(said.code, {})


@pytest.mark.parametrize(
    ("settings", "text", "place", "changes"),
    [
        pytest.param(
            HERE,
            "postgresql://cbt:geheim@db/cbt",
            "postgresql+psycopg://cbt:***@db/cbt",
            {"CBT_DATABASE_URL": "postgresql+psycopg://cbt:***@db/cbt"},
            id="to PostgreSQL",
        ),
        pytest.param(
            replace(HERE, journal_copy_dir=Path("/mnt/copy")),
            "postgresql+psycopg://db/cbt",
            "postgresql+psycopg://db/cbt",
            {"CBT_DATABASE_URL": "postgresql+psycopg://db/cbt", "CBT_JOURNAL_COPY_DIR": None},
            id="to PostgreSQL, from where a second copy was kept",
        ),
        pytest.param(THERE, EMBEDDED, "/srv/data/cbt.db", {"CBT_DATABASE_URL": None}, id="back"),
        pytest.param(
            THERE,
            "/srv/other",
            "/srv/other/cbt.db",
            {"CBT_DATABASE_URL": None, "CBT_DATA_DIR": "/srv/other", "CBT_KEY_DIR": "/srv/data.keys"},
            id="into another folder, whose keys stay where they are",
        ),
    ],
)
def test_where_it_leads_and_which_settings_follow(
    settings: Settings, text: str, place: str, changes: dict[str, str | None]
) -> None:
    found = read_destination(text, settings)
    assert (found.place, found.changes) == (place, changes)
    assert found.settings.keys == settings.keys
    assert found.settings.journal_copy_dir is None or found.settings.embedded


@pytest.mark.parametrize(
    ("settings", "text", "code"),
    [
        pytest.param(HERE, "mysql://db/cbt", "move.destination", id="a database we do not know"),
        pytest.param(HERE, "postgresql://db", "move.destination", id="no name of a database"),
        pytest.param(HERE, "postgresql://db:port/cbt", "move.destination", id="no URL"),
        pytest.param(HERE, "", "move.destination", id="nothing"),
        pytest.param(HERE, EMBEDDED, "move.same_kind", id="embedded to embedded"),
        pytest.param(THERE, "postgresql://db/other", "move.same_kind", id="PostgreSQL to PostgreSQL"),
    ],
)
def test_what_leads_nowhere(settings: Settings, text: str, code: str) -> None:
    with pytest.raises(CbtError) as error:
        read_destination(text, settings)
    assert error.value.code == code
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("prepared", "code"),
    [
        pytest.param(["CREATE TABLE other (id int)"], "move.not_empty", id="somebody else's table"),
        pytest.param(["REVOKE CREATE ON SCHEMA public FROM PUBLIC"], "move.no_rights", id="no rights"),
        pytest.param(
            ["ALTER DATABASE {name} SET default_transaction_read_only = on"], "move.only_reads", id="ro"
        ),
        pytest.param(None, "move.unreachable", id="not there"),
    ],
)
def test_a_database_says_itself_what_it_is_refused_for(
    empty_database: MakeDatabase, postgres: PostgresServer, prepared: list[str] | None, code: str
) -> None:
    url = empty_database(tables=False)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        for statement in prepared or ():
            admin.execute(statement.format(name=url.rsplit("/", 1)[1]).encode())
        admin.execute("DROP ROLE IF EXISTS guest").connection.execute("CREATE ROLE guest LOGIN")
    place = read_destination(url.replace("cbt@", "guest@") if prepared else f"{url}_not", HERE)
    with pytest.raises(CbtError) as error, postgres_database(place) as connection:
        prepare_postgres(connection, place=place.place)
    assert error.value.code == code


def test_one_without_utf_8_and_one_of_this_version(
    empty_database: MakeDatabase, postgres: PostgresServer
) -> None:
    postgres.drop("ascii")
    url = postgres.url("ascii")
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute(
            "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    place = read_destination(url, HERE)
    with pytest.raises(CbtError, match=r"^move\.encoding"), postgres_database(place) as connection:
        prepare_postgres(connection, place=place.place)
    postgres.drop("ascii")
    ready = read_destination(empty_database(), HERE)
    with postgres_database(ready) as connection:
        prepare_postgres(connection, place=ready.place)


@pytest.mark.parametrize(
    ("done", "of", "full"), [(0, 0, 30), (0, 10, 0), (5, 10, 15), (10, 10, 30), (11, 10, 30)]
)
def test_a_bar_is_as_full_as_the_table(done: int, of: int, full: int) -> None:
    assert bar(done, of) == f"[{'#' * full}{'-' * (30 - full)}]"


FULL, CUT, BAD = psycopg.errors.DiskFull(), psycopg.OperationalError(), psycopg.DataError()
DAMAGED = sqlite3.DatabaseError()
NO_ROOM, CUT_OFF, UNREADABLE = "move.no_room", "move.cut_off", "db.unreadable"


@pytest.mark.parametrize(
    ("error", "arrives", "told"),
    [
        (FULL, False, (NO_ROOM, {"place": "pg"})),
        (OperationalError("", None, FULL), True, (NO_ROOM, {"place": "pg"})),
        (CUT, True, (CUT_OFF, {"place": "pg", "detail": "OperationalError"})),
        (OperationalError("", None, CUT), False, (CUT_OFF, {"place": "pg", "detail": "OperationalError"})),
        (BAD, True, None),
        (DataError("", None, BAD), True, None),
        (OSError(), True, (NO_ROOM, {"place": "file"})),
        (OSError(), False, None),
        (DatabaseError("", None, DAMAGED), True, (NO_ROOM, {"place": "file"})),
        (DatabaseError("", None, DAMAGED), False, (UNREADABLE, {"detail": "DatabaseError"})),
        (DataError("", None, sqlite3.DataError()), False, None),
        (DataError("", None, sqlite3.DataError()), True, None),
        (sqlite3.OperationalError(), False, None),
    ],
)
def test_what_a_failure_means_depends_on_whose_it_is_and_which_place_is_filled(
    error: Exception, arrives: bool, told: tuple[str, dict[str, str]] | None
) -> None:
    said = explained(error, embedded="file", postgres="pg", arrives=arrives)
    assert (None if said is None else (said.code, said.params)) == told


def test_whatever_ends_a_move_is_told_by_the_place_it_is_of_and_what_is_ours_is_not() -> None:
    to, file, url = "postgresql://cbt@db/cbt", "/srv/data/cbt.db", "postgresql+psycopg://cbt@db/cbt"
    for settings, where, error, told in (
        (HERE, to, CUT, (CUT_OFF, url)),
        (HERE, to, FULL, (NO_ROOM, url)),
        (THERE, EMBEDDED, OSError(), (NO_ROOM, file)),
        (THERE, EMBEDDED, FULL, (NO_ROOM, url.replace("cbt@", "cbt:***@"))),
        (HERE, to, OSError(), None),
        (THERE, EMBEDDED, BAD, None),
    ):
        place = read_destination(where, settings)
        with pytest.raises((CbtError, type(error))) as said, _explaining(settings, place):
            raise error
        if told is None:
            assert said.value is error
        else:
            assert isinstance(said.value, CbtError)
            assert (said.value.code, said.value.params["place"]) == told


def test_a_folder_takes_a_database_where_none_is_and_where_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uncommitted it goes again; room to the byte is enough, and what lies beside a database is one."""
    place = read_destination(str(tmp_path), replace(THERE, key_dir=tmp_path / "keys"))
    disk = namedtuple("disk", "total used free")  # as shutil has it
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: disk(9, 9, 1000))
    with pytest.raises(CbtError) as full, embedded_database(place, needed=1001):
        pass
    assert (full.value.code, full.value.params) == ("move.no_room", {"place": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
    with embedded_database(place, needed=1000) as target:
        assert (tmp_path / "cbt.db.arriving").stat().st_mode & 0o077 == 0
        target.settle()
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]
    for name in ("cbt.db-wal", "cbt.db"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(CbtError) as there, embedded_database(place, needed=0):
            pass
        assert there.value.params == {"place": str(tmp_path / "cbt.db"), "other": f"{tmp_path}-2"}
        (tmp_path / name).unlink()


def test_a_file_that_the_disk_did_not_keep_gets_no_name(tmp_path: Path) -> None:
    place = read_destination(str(tmp_path), replace(THERE, key_dir=tmp_path / "keys"))
    with pytest.raises(CbtError) as error, embedded_database(place, needed=0) as target:
        arriving, commit = tmp_path / "cbt.db.arriving", target.connection.commit

        def spoil() -> None:
            commit()
            written = bytearray(arriving.read_bytes())
            written[5000] ^= 0xFF
            arriving.write_bytes(bytes(written))

        target.connection.commit = spoil  # type: ignore[method-assign]  # a disk that loses a bit
        target.commit()
    assert error.value.code == "db.unreadable"
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_what_a_file_is_refused_with_is_told_as_the_databases_own(tmp_path: Path) -> None:
    """With a key and without one it is another library."""
    for name, key in (("open.db", None), ("sealed.db", bytes(32))):
        (tmp_path / name).touch()
        with closing(connect_file(tmp_path / name, key)) as connection, pytest.raises(OperationalError):
            connection.exec_driver_sql("SELECT 1 FROM nowhere")
