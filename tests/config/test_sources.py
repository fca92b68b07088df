"""Where settings come from: the environment wins over the file, the file over defaults; what is wrong is named."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cbt.cli import build
from cbt.config import (
    as_environment,
    masked,
    near_language,
    near_zone,
    nearest,
    read_settings,
    read_sources,
    shown,
    spoken_language,
)
from cbt.errors import CbtError


def written(folder: Path, *lines: str) -> Path:
    """Return a settings file with these lines."""
    path = folder / "cbt.env"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, "CBT_PORT=8100", "CBT_WORKERS=3", "CBT_BACKUP_DIR=")
    read = read_sources({"CBT_SETTINGS": str(file), "CBT_PORT": "8200"})
    assert (read.settings.port, read.settings.workers, read.settings.threads) == (8200, 3, 256)
    assert read.settings.backup_dir is None
    assert read.sources == {"port": "environment", "workers": f"{file}:2"}
    assert read.file == file


def test_an_empty_variable_goes_before_the_file_or_is_refused_where_the_setting_cannot_be_empty(
    tmp_path: Path,
) -> None:
    file = written(
        tmp_path, "CBT_BACKUP_DIR=/b", "CBT_METRICS_FROM=10.0.0.1", "CBT_SECOND_FACTOR_ROLES=admin"
    )
    emptied = {f"CBT_{name}": " " for name in ("BACKUP_DIR", "METRICS_FROM", "SECOND_FACTOR_ROLES")}
    read = read_sources({"CBT_SETTINGS": str(file)} | emptied)
    assert (read.settings.backup_dir, read.settings.metrics_from) == (None, "")
    assert read.settings.factor_roles == frozenset()
    assert read.sources["backup_dir"] == "environment"
    assert read_settings(as_environment(read.settings)) == read.settings, "so is what a child is handed"
    for name in ("PORT", "WORKERS", "DB_ENCRYPTION", "HOST", "TIMEZONE", "LOCALE", "DATA_DIR", "BANK_DIR"):
        with pytest.raises(CbtError, match=r"config\.empty") as refused:
            read_settings({f"CBT_{name}": ""})
        assert refused.value.params["name"] == f"CBT_{name}"


def test_a_file_that_is_where_it_usually_is_is_found_and_a_named_one_goes_before_it(tmp_path: Path) -> None:
    usual = written(tmp_path, "CBT_PORT=8100")
    assert read_sources({}, usual=usual).settings.port == 8100
    assert read_sources({"CBT_SETTINGS": "none"}, usual=usual).settings.port == 8000
    assert read_sources({}, usual=tmp_path / "away").file is None


def test_a_relative_path_begins_at_the_file_or_where_the_command_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc").mkdir()
    file = written(tmp_path / "etc", "CBT_DATA_DIR=data", "CBT_KEY_DIR=/keys")
    read = read_sources({"CBT_SETTINGS": str(file), "CBT_BACKUP_DIR": "backups"})
    assert read.settings.data_dir == tmp_path / "etc" / "data"
    assert read.settings.key_dir == Path("/keys")
    assert read.settings.backup_dir == tmp_path / "backups"


@pytest.mark.parametrize(
    ("environ", "adrift"),
    [
        pytest.param({}, True, id="the default"),
        pytest.param({"CBT_DATA_DIR": "data"}, True, id="relative in the environment"),
        pytest.param({"CBT_DATA_DIR": "/var/lib/cbt/data"}, False, id="absolute"),
        pytest.param({"CBT_DATA_DIR": "~/data"}, False, id="at home"),
    ],
)
def test_a_data_folder_that_depends_on_where_a_command_is_run_is_noted(
    environ: dict[str, str], adrift: bool
) -> None:
    assert read_sources(environ).adrift is adrift


@pytest.mark.parametrize(
    ("name", "value", "code", "right"),
    [
        pytest.param("CBT_PROT", "1", "config.unknown_near", "CBT_PORT", id="letters exchanged"),
        pytest.param("CBT_DATADIR", "1", "config.unknown_near", "CBT_DATA_DIR", id="a line left out"),
        pytest.param("CBT_ZZZZZZZZ", "1", "config.unknown", None, id="nothing near"),
        pytest.param("CBT_PORT", "65536", "config.range", 65535, id="a port that is none"),
        pytest.param("CBT_PORT", "0", "config.number", None, id="port 0"),
        pytest.param("CBT_PORT", "８０", "config.number", None, id="wide digits"),
        pytest.param("CBT_WORKERS", "129", "config.range", 128, id="workers"),
        pytest.param("CBT_TIMEZONE", "Asia/Beijing", "config.zone", "Asia/Shanghai", id="Beijing"),
        pytest.param("CBT_TIMEZONE", "UTC+8", "config.zone", "Asia/Shanghai", id="an offset"),
        pytest.param("CBT_TIMEZONE", "asia/urumchi", "config.zone", "Asia/Urumqi", id="a slip"),
        pytest.param("CBT_TIMEZONE", "../etc/passwd", "config.zone", "Asia/Shanghai", id="a path"),
        pytest.param("CBT_LOCALE", "zh_CN.UTF-8", "config.language", "zh", id="a system's locale"),
        pytest.param("CBT_LOCALE", "English", "config.language", "en", id="a language's name"),
        pytest.param("CBT_DATABASE_URL", "postgres://u:p@h/n", "config.database", None, id="another driver"),
    ],
)
def test_what_cannot_be_is_refused_with_what_it_may_have_been(
    tmp_path: Path, name: str, value: str, code: str, right: object
) -> None:
    file = written(tmp_path, f"{name}='{value}'")
    for environ in ({name: value}, {"CBT_SETTINGS": str(file)}):
        with pytest.raises(CbtError) as refused:
            read_settings(environ)
        assert refused.value.code == code
        params = refused.value.params
        assert params.get("near", params.get("most")) == right
        assert str(params["name"]) == (f"{name} ({file}:1)" if "CBT_SETTINGS" in environ else name)
        assert ":p@" not in str(refused.value)


def test_what_belongs_to_tests_and_to_a_servers_own_processes_is_no_unknown_name(tmp_path: Path) -> None:
    read_settings({"CBT_TEST_ANYTHING": "1", "CBT_CLOCK_ANCHOR": "x", "PATH": "/bin"})
    with pytest.raises(CbtError):
        read_settings({"CBT_SETTINGS": str(written(tmp_path, "CBT_TEST_ANYTHING=1"))})


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path, body, code in (
        (tmp_path / "away.env", None, "config.file_missing"),
        (tmp_path, None, "config.file_unreadable"),
        (tmp_path / "gbk.env", "CBT_PORT=1\n# 端口".encode("gb18030"), "config.encoding"),
    ):
        if body is not None:
            path.write_bytes(body)
        with pytest.raises(CbtError) as refused:
            read_settings({"CBT_SETTINGS": str(path)})
        assert refused.value.code == code
    assert refused.value.params["where"] == f"{path}:2"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_file_of_another_user_names_whom_to_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "CBT_PORT=1")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CbtError) as refused:
        read_settings({"CBT_SETTINGS": str(file)})
    assert refused.value.code == "config.file_forbidden"
    assert refused.value.params["user"]


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        pytest.param("postgresql+psycopg://u:p@h/n", "postgresql+psycopg://u:***@h/n", id="in front"),
        pytest.param("postgresql+psycopg://u:p@@/:x@h/n", "postgresql+psycopg://u:***@h/n", id="odd signs"),
        pytest.param("postgresql+psycopg://h/n?user=u&password=p&x=1", None, id="behind"),
        pytest.param("postgresql+psycopg://u@h/n", "postgresql+psycopg://u@h/n", id="none"),
    ],
)
def test_a_password_is_never_shown(url: str, safe: str | None) -> None:
    safe = safe or "postgresql+psycopg://h/n?user=u&password=***&x=1"
    assert masked(url) == safe
    assert shown(read_settings({"CBT_DATABASE_URL": url}))["CBT_DATABASE_URL"] == safe


def test_near_names() -> None:
    assert nearest("CBT_BACKUP_DIRECTORY", ["CBT_BACKUP_DIR", "CBT_BANK_DIR"]) == "CBT_BACKUP_DIR"
    assert near_zone("Europe/Berln") == "Europe/Berlin"
    assert near_language("cn", ("zh", "en")) == "zh"


def test_a_refusal_is_explained_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path, "CBT_PROT=1", "CBT_LOCALE=en")
    assert spoken_language({"CBT_SETTINGS": str(file)}) == "en"
    assert spoken_language({"CBT_SETTINGS": str(file), "CBT_LOCALE": "zh"}) == "zh"
    assert spoken_language({"CBT_SETTINGS": str(tmp_path / "away")}) == "zh"
    assert spoken_language({"CBT_LOCALE": "tlh"}) == "zh"


def test_the_command_shows_each_value_its_source_and_its_default_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("CBT_")]:
        monkeypatch.delenv(name)
    data = tmp_path / "new" / "data"
    file = written(tmp_path, f"CBT_DATA_DIR={data}", "CBT_DATABASE_URL=postgresql+psycopg://u:geheim@h/n")
    monkeypatch.setenv("CBT_SETTINGS", "")  # the option sets it for the process: put back afterwards
    monkeypatch.setenv("CBT_PORT", "8200")
    said = CliRunner().invoke(build(), ["--settings", str(file), "settings", "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.output)
    rows = {row["name"]: (row["value"], row["source"], row["default"]) for row in found["settings"]}
    assert found["file"] == str(file)
    assert rows["CBT_DATA_DIR"] == (str(data), f"{file}:1", "data")
    assert rows["CBT_PORT"] == ("8200", "environment", "8000")
    assert rows["CBT_KEY_DIR"] == (f"{data}.keys", "default", "")
    assert rows["CBT_LOCALE"] == ("zh", "default", "zh")
    assert rows["CBT_DATABASE_URL"][0] == "postgresql+psycopg://u:***@h/n"
    table = CliRunner().invoke(build(), ["settings"])
    assert "geheim" not in said.output + table.output
    assert "CBT_DATABASE_URL" in table.output
    assert list(tmp_path.iterdir()) == [file]
