"""Fresh, lost or foreign: which keys and database belong together, and nothing is made where they do not."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.errors import CbtError, Unavailable
from cbt.ops import file_permissions, preflight
from cbt.ops.backup.restore import restore
from cbt.ops.backup.snapshot import back_up
from cbt.ops.preflight import Database, Intent, Remains, ask, decide, find, missing_mount, opened
from cbt.ops.preparation import prepare_app
from cbt.storage.crypto import named_keys, read_note
from cbt.storage.engine import WRITE, begin_installation, database_path
from cbt.storage.migrate import _config, migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from cbt.translations.compiler import LANGUAGES, texts_of
from tests.conftest import base_settings, close_engine
from tests.databases import PostgresServer
from tests.world import START, World

BOTH = {"database": "d1", "personal": "p1"}
OTHER = {"database": "d2", "personal": "p1"}
NODE = {"embedded": False, "wanted": ("personal",)}


def lies(database: Database, **facts: Any) -> Remains:
    return Remains(database, **facts)


CASES = [
    pytest.param(lies(Database.ABSENT), "none", "begins", "begins", id="a fresh machine"),
    pytest.param(lies(Database.ABSENT, keys=BOTH), "database_gone", "database_gone", "begins", id="keys alone"),
    pytest.param(
        lies(Database.ABSENT, keys={"personal": "p1"}),
        "database_gone", "database_gone", "begins", id="one key alone",
    ),
    pytest.param(lies(Database.STILLBORN), "stillborn", "stillborn", "begins", id="an empty file without keys"),
    pytest.param(lies(Database.STILLBORN, keys=BOTH), "stillborn", "stillborn", "begins", id="an empty file"),
    pytest.param(
        lies(Database.ABSENT, keys=BOTH, copy=True),
        "copy.orphan", "copy.orphan", "copy.orphan", id="a copy is left",
    ),
    pytest.param(
        lies(Database.ABSENT, copy=True), "copy.orphan", "copy.orphan", "copy.orphan", id="a copy alone is left"
    ),
    pytest.param(
        lies(Database.STILLBORN, keys=BOTH, copy=True),
        "stillborn_copy", "stillborn_copy", "stillborn_copy", id="an empty file beside a filled copy",
    ),
    pytest.param(
        lies(Database.STILLBORN, keys=BOTH, log_left=True), "log_left", "log_left", "log_left", id="a log is left"
    ),
    pytest.param(
        lies(Database.ABSENT, log_left=True, copy=True), "log_left", "log_left", "log_left", id="a log comes first"
    ),
    pytest.param(lies(Database.FILLED, keys=BOTH, named=BOTH), "goes on", "goes on", "already", id="all there"),
    pytest.param(lies(Database.FILLED, keys=BOTH), "goes on", "goes on", "already", id="of before, proved"),
    pytest.param(
        lies(Database.FILLED, keys=BOTH, proved=False),
        "unproved", "unproved", "unproved", id="of before, not proved",
    ),
    pytest.param(
        lies(Database.FILLED, keys={"database": "d1"}, named=BOTH),
        "keys_missing", "keys_missing", "keys_missing", id="personal.key is missing",
    ),
    pytest.param(
        lies(Database.FILLED, keys={"database": "d1", "personal": "p2"}, named=BOTH),
        "other_key", "other_key", "other_key", id="another's personal.key",
    ),
    pytest.param(
        lies(Database.SEALED), "keys_missing", "keys_missing", "keys_missing", id="a database without keys"
    ),
    pytest.param(
        lies(Database.SEALED, keys=OTHER, named=BOTH), "other_key", "other_key", "other_key", id="another's keys"
    ),
    pytest.param(
        lies(Database.SEALED, keys=OTHER, named=BOTH, opened_by="database-d1.key"),
        "former_key", "former_key", "former_key", id="the key of before a rotation",
    ),
    pytest.param(
        lies(Database.SEALED, keys=BOTH, named=BOTH), "damaged", "damaged", "damaged", id="its keys, a damaged file"
    ),
    pytest.param(
        lies(Database.SEALED, keys=BOTH),
        "db.unreadable", "db.unreadable", "db.unreadable", id="damaged or foreign, nobody noted which",
    ),
    pytest.param(lies(Database.STILLBORN, **NODE), "none", "begins", "begins", id="PostgreSQL, fresh"),
    pytest.param(
        lies(Database.STILLBORN, keys={"personal": "p1"}, **NODE),
        "database_empty", "database_empty", "begins", id="PostgreSQL, an empty database beside keys",
    ),
    pytest.param(
        lies(Database.FILLED, named={"personal": "p1"}, **NODE),
        "node_keys", "node_keys", "node_keys", id="a node without keys",
    ),
    pytest.param(
        lies(Database.FILLED, keys={"personal": "p2"}, named={"personal": "p1"}, **NODE),
        "other_key", "other_key", "other_key", id="a node with other keys",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("found", "use", "serve", "new"), CASES)
def test_what_is_there_and_what_it_means(found: Remains, use: str, serve: str, new: str) -> None:
    def said(asked: Intent) -> str:
        ruled = decide(found, asked)
        return ruled.refusal.removeprefix("belonging.") or ("begins" if ruled.begins else "goes on")

    assert [said(asked) for asked in (Intent.USE, Intent.SERVE, Intent.NEW)] == [use, serve, new]


def refusals() -> set[str]:
    source = Path(preflight.__file__).read_text("utf-8")
    return set(re.findall(r'"((?:belonging|copy)\.\w+)"', source)) | {
        "hands.other_user", "hands.other_file", "hands.root_serves",
    }  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_says_what_is_there_and_names_a_command(language: str) -> None:
    texts = texts_of(language)
    assert len(refusals()) > 12
    for code in refusals():
        what, fix = texts[f"error.{code}.what"], texts[f"error.{code}.fix"]
        assert what, code
        assert "%(command)s" in fix or "cbt " in fix, code
        assert not re.search(r"\brm\b|(?<!不要|不必)删除|(?<!not )(?<!be )\bdelete\b", what + fix), code


def tree(folder: Path) -> dict[str, bytes]:
    # SQLite's own log and index come into being where a database is read.
    files = (
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".db-wal", ".db-shm")
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def code_of(settings: Settings, asked: Intent = Intent.SERVE) -> str:
    """Ask, and return the refusal; whatever lies there lies there unchanged."""
    folders = [folder for folder in (settings.data_dir, settings.keys) if folder.exists()]
    before = {folder: tree(folder) for folder in folders}
    try:
        ask(settings, asked)
    except CbtError as error:
        code = error.code
    else:
        code = ""
    now = {folder: tree(folder) for folder in folders}
    assert now == before
    assert [folder for folder in (settings.data_dir, settings.keys) if folder.exists()] == folders
    return code


@pytest.fixture
def settings(templates: Any, tmp_path: Path) -> Settings:
    """An embedded installation that was used and stopped."""
    made, _ = templates.settings("sqlite", populated=True, target=tmp_path)
    return made  # type: ignore[no-any-return]


def test_a_command_where_there_is_nothing_makes_nothing(tmp_path: Path) -> None:
    assert code_of(base_settings(tmp_path / "deep" / "er"), Intent.USE) == "belonging.none"
    assert list(tmp_path.iterdir()) == []


def test_a_fresh_machine_begins_and_the_second_start_goes_on(tmp_path: Path) -> None:
    settings = base_settings(tmp_path)
    for _ in range(2):
        app = prepare_app(settings)
        with app.app_context(), reading() as session:
            assert named_keys(session) == {"personal": find(settings).keys["personal"]}
        close_engine(app)
    assert read_note(database_path(settings)) == find(settings).keys
    assert code_of(settings, Intent.USE) == ""
    assert code_of(settings, Intent.NEW) == "belonging.already"


def test_a_data_folder_that_is_not_mounted_is_no_new_installation(settings: Settings) -> None:
    settings.data_dir.rename(settings.data_dir.with_name("away"))
    assert code_of(settings) == "belonging.database_gone"
    settings.data_dir.mkdir()
    assert code_of(settings) == "belonging.database_gone"
    with opened(settings, Intent.NEW):
        assert database_path(settings).stat().st_size == 0
    assert code_of(settings) == "belonging.stillborn"


def test_a_stillborn_file_beside_a_filled_copy_is_kept_and_the_copy_rebuilt(
    settings: Settings, tmp_path: Path
) -> None:
    folder, _ = back_up(settings, tmp_path / "backups", now=START)
    settings = replace(settings, backup_dir=tmp_path / "backups", journal_copy_dir=tmp_path / "copy")
    shutil.rmtree(settings.data_dir)
    begin_installation(settings)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "copy.json").write_text("{}")
    assert code_of(settings) == "belonging.stillborn_copy"
    assert code_of(replace(settings, journal_copy_dir=None)) == "belonging.stillborn"
    restore(settings, folder)
    assert (settings.data_dir / "cbt.db.stillborn-1").stat().st_size == 0
    assert code_of(settings) == ""


def test_a_log_without_its_database_is_not_opened_which_would_drop_it(settings: Settings) -> None:
    database_path(settings).write_bytes(b"")
    log = settings.data_dir / "cbt.db-wal"
    log.write_bytes(b"answers")
    assert code_of(settings) == "belonging.log_left"
    assert log.read_bytes() == b"answers"


@pytest.mark.parametrize("name", ["database", "personal"])
def test_a_database_without_its_keys_and_with_anothers(settings: Settings, tmp_path: Path, name: str) -> None:
    path = settings.keys / f"{name}.key"
    mine = find(settings).keys[name]
    kept = path.rename(tmp_path / "kept")
    with pytest.raises(Unavailable) as refused:
        ask(settings, Intent.SERVE)
    assert (refused.value.code, refused.value.params["wanted"]) == ("belonging.keys_missing", mine)
    path.write_bytes(b"x" * 32)
    with pytest.raises(Unavailable) as refused:
        ask(settings, Intent.SERVE)
    assert (refused.value.code, refused.value.params["wanted"]) == ("belonging.other_key", mine)
    if name == "database":
        kept.rename(settings.keys / "database-former.key")
        assert code_of(settings) == "belonging.former_key"


def test_a_damaged_file_is_told_from_another_key(settings: Settings) -> None:
    path = database_path(settings)
    path.write_bytes(path.read_bytes()[:16] + b"\0" * 8000)
    assert code_of(settings) == "belonging.damaged"
    path.write_bytes(b"\0" * 8192)  # not even the salt that the note names
    assert code_of(settings) == "db.unreadable"


def forget(world: World) -> Settings:
    """Let the database name no keys, like one from before it did."""
    settings: Settings = world.app.extensions["cbt_settings"]
    with world.app.app_context(), db.engine.execution_options(**{WRITE: True}).begin() as connection:
        command.downgrade(_config(connection), "0020")
    close_engine(world.app)
    (settings.data_dir / "cbt.db.keys").unlink(missing_ok=True)
    return settings


def test_an_installation_from_before_names_its_keys_once_they_are_proved(world: World) -> None:
    settings = forget(world)
    ask(settings)
    app = create_app(settings)
    with app.app_context():
        migrate()
    with app.app_context(), reading() as session:
        assert named_keys(session) == {"personal": find(settings).keys["personal"]}
    close_engine(app)


def test_an_installation_from_before_does_not_take_anothers_key(world: World) -> None:
    settings = forget(world)
    (settings.keys / "personal.key").write_bytes(b"x" * 32)
    with pytest.raises(Unavailable) as refused:
        ask(settings)
    assert refused.value.code == "belonging.unproved"


@pytest.fixture
def server_settings(postgres: PostgresServer, tmp_path: Path) -> Settings:
    """An empty PostgreSQL database, and no keys."""
    return base_settings(tmp_path, postgres.create(f"belonging_{tmp_path.name}"[:60]))


def test_an_empty_postgresql_begins_and_a_node_without_its_keys_makes_none(
    server_settings: Settings, tmp_path: Path
) -> None:
    assert code_of(server_settings, Intent.USE) == "belonging.none"
    app = prepare_app(server_settings)
    close_engine(app)
    node = replace(server_settings, data_dir=tmp_path / "node", key_dir=tmp_path / "node.keys")
    assert code_of(node) == "belonging.node_keys"
    assert not (tmp_path / "node.keys").exists()
    node.keys.mkdir()
    (node.keys / "personal.key").write_bytes(b"x" * 32)
    assert code_of(node) == "belonging.other_key"
    shutil.copy(server_settings.keys / "personal.key", node.keys / "personal.key")
    assert code_of(node) == ""


def test_an_empty_postgresql_beside_keys_gets_no_table(server_settings: Settings) -> None:
    begin_installation(server_settings)
    with pytest.raises(Unavailable) as refused:
        prepare_app(server_settings)
    assert refused.value.code == "belonging.database_empty"
    app = create_app(server_settings)
    with app.app_context(), db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
    close_engine(app)
    close_engine(prepare_app(server_settings, Intent.NEW))


def test_a_running_server_does_not_make_a_database_that_went_away(settings: Settings) -> None:
    app = create_app(settings)
    database_path(settings).rename(settings.data_dir / "elsewhere")
    with app.app_context(), pytest.raises(Unavailable):
        migrate()
    assert not database_path(settings).exists()
    close_engine(app)


@pytest.mark.parametrize(
    ("fstab", "mount"),
    [
        pytest.param("UUID=1 /srv/exam ext4 defaults 0 2", "/srv/exam", id="above it"),
        pytest.param("UUID=1 /srv/exam/data ext4 defaults 0 2", "/srv/exam/data", id="itself"),
        pytest.param("# UUID=1 /srv/exam ext4", "", id="a comment"),
        pytest.param("UUID=1 / ext4 defaults 0 1\n\nproc /proc proc", "", id="what is mounted"),
        pytest.param("UUID=1 /srv/other ext4", "", id="another place"),
    ],
)
def test_a_mount_that_is_missing_is_named(fstab: str, mount: str) -> None:
    assert missing_mount(Path("/srv/exam/data"), fstab) == mount


def test_the_next_command_is_the_newest_backup_the_copy_or_the_mount(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(settings: Settings) -> object:
        with pytest.raises(Unavailable) as refused:
            ask(settings, Intent.SERVE)
        return refused.value.params["command"]

    folder, _ = back_up(settings, tmp_path / "backups", now=START)
    settings.data_dir.rename(tmp_path / "away")
    assert command(settings) == f"findmnt --target {settings.data_dir}"
    assert command(replace(settings, backup_dir=tmp_path / "backups")) == f"cbt restore {folder}"
    table = tmp_path / "fstab"
    table.write_text(f"UUID=1 {settings.data_dir} ext4")
    monkeypatch.setattr(preflight, "FSTAB", table)
    assert command(settings) == f"mount {settings.data_dir}"


def test_the_command_is_repeated_as_the_user_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CBT_KEY_DIR", "CBT_DATA_DIR"):
        monkeypatch.setenv(name, "/somewhere")
    told = file_permissions.as_user(0, ["/opt/cbt/bin/cbt", "audit", "head"])
    assert told.startswith("sudo -u root --preserve-env=")
    assert "CBT_DATA_DIR,CBT_KEY_DIR" in told
    assert told.endswith(" /opt/cbt/bin/cbt audit head")
