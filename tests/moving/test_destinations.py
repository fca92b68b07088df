"""Where `--to` leads, and what a place is refused for before anything is written there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.move import bar
from cbt.ops.move_endpoints import (
    EMBEDDED,
    PostgresFacts,
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
