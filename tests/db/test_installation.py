"""Migrations, keys and what a damaged, newer or keyless database says."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import flask
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Numeric, String, inspect, text

from cbt.application.app import create_app
from cbt.errors import Unavailable
from cbt.http import app_context
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import check_migrated, migrate
from cbt.storage.types import Base, db, is_of_models
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import base_settings, close_engine


def test_the_migrations_make_exactly_the_tables_of_the_models(app: flask.Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": False, "include_name": is_of_models}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrations_make_texts_as_long_and_numbers_as_exact_as_the_models_say(app: flask.Flask) -> None:
    """PostgreSQL refuses what is longer: a model that says otherwise would be found out by somebody's long name."""

    def extent(kind: object) -> tuple[object, ...]:
        return tuple(getattr(kind, name, None) for name in ("length", "precision", "scale"))

    with app.app_context(), db.engine.connect() as connection:
        dialect, made = connection.dialect, inspect(connection)
        differing = [
            f"{table.name}.{there['name']}"
            for table in Base.metadata.sorted_tables
            for there in made.get_columns(table.name)
            if there["name"] in table.c  # a generated one is none of the models'
            if isinstance(kind := table.c[there["name"]].type.dialect_impl(dialect), String | Numeric)
            if extent(kind) != extent(there["type"])
        ]
    assert differing == []


def test_migrating_again_changes_nothing(app: flask.Flask) -> None:
    with app.app_context():
        assert migrate() == migrate()


def test_a_newer_database_is_refused(app: flask.Flask) -> None:
    with app.app_context():
        with unit_of_work() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Unavailable) as refused:
            migrate()
    assert refused.value.code == "db.newer"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An embedded installation that has been used and stopped."""
    begin_installation(base_settings(tmp_path))
    app = create_app(base_settings(tmp_path))
    with app.app_context():
        migrate()
    close_engine(app)
    return tmp_path


def test_the_file_is_unreadable_without_its_key(installed: Path) -> None:
    head = (installed / "data" / "cbt.db").read_bytes()[:16]
    assert head != b"SQLite format 3\0"


def test_key_files_are_readable_by_their_owner_only_and_outside_the_data(installed: Path) -> None:
    for name in ("database", "personal", "cookies"):
        path = installed / "keys" / f"{name}.key"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size == 32
    assert not list((installed / "data").glob("*.key"))


@pytest.mark.parametrize("name", ["database", "personal"])
def test_a_lost_key_is_never_replaced_by_a_new_one(installed: Path, name: str) -> None:
    (installed / "keys" / f"{name}.key").unlink()
    with pytest.raises(Unavailable) as refused:
        create_app(base_settings(installed))
    assert refused.value.code == "db.key_missing"
    assert not (installed / "keys" / f"{name}.key").exists()


def test_a_cut_key_is_named_as_damaged(installed: Path) -> None:
    (installed / "keys" / "database.key").write_bytes(b"short")
    with pytest.raises(Unavailable) as refused:
        create_app(base_settings(installed))
    assert refused.value.code == "db.key_damaged"


def test_another_databases_key_is_refused(installed: Path, tmp_path: Path) -> None:
    (installed / "keys" / "database.key").write_bytes(b"x" * 32)
    app = create_app(base_settings(installed))
    with app.app_context(), pytest.raises(Unavailable) as refused:
        migrate()
    close_engine(app)
    assert refused.value.code == "db.unreadable"


def test_a_damaged_file_is_refused(installed: Path) -> None:
    path = installed / "data" / "cbt.db"
    path.write_bytes(b"\0" * 4096)
    app = create_app(base_settings(installed))
    with app.app_context(), pytest.raises(Unavailable) as refused:
        migrate()
    close_engine(app)
    assert refused.value.code == "db.unreadable"


def test_a_database_in_clear_warns_at_every_start(tmp_path: Path) -> None:
    settings = replace(base_settings(tmp_path), db_encryption=False)
    begin_installation(settings)
    with pytest.warns(UserWarning, match="in clear"):
        app = create_app(settings)
    close_engine(app)


def test_a_database_of_this_version_is_ready_for_commands(app: flask.Flask) -> None:
    with app.app_context():
        check_migrated()
        with unit_of_work() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Unavailable) as refused:
            check_migrated()
    assert refused.value.code == "db.newer"


def test_a_command_on_a_database_without_tables_is_refused_with_the_way_out(tmp_path: Path) -> None:
    begin_installation(base_settings(tmp_path))
    app = create_app(base_settings(tmp_path))
    former = list(app_context._factory)
    app_context.register_factory(lambda: app)
    try:
        with pytest.raises(Unavailable) as refused:
            app_context.with_app(lambda now: now)()
        app_context.with_any_database(lambda now: migrate())()
        app_context.with_app(lambda now: now)()
    finally:
        app_context._factory[:] = former
        close_engine(app)
    assert refused.value.code == "db.not_migrated"
    assert refused.value.params["place"] == str(tmp_path / "data" / "cbt.db")


def test_a_postgresql_that_does_not_answer_is_not_called_damaged(tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://cbt@127.0.0.1:1/nothing"
    begin_installation(base_settings(tmp_path, nowhere))
    app = create_app(base_settings(tmp_path, nowhere))
    with app.app_context(), pytest.raises(Unavailable) as refused:
        migrate()
    close_engine(app)
    assert refused.value.code == "db.unreachable"
