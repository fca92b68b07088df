"""Versions move with the tables: what was released is on record, and a new revision means a new version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from packaging.version import Version

from cbt import releases
from cbt.paths import migrations_dir, product_dir
from cbt.releases import RELEASES, ProductRelease, newest_revision, product_version, version_of
from cbt.translations.compiler import LANGUAGES, texts_of

CHECKOUT = product_dir("templates").parent
_NAMED = re.compile(r"\bcbt(?:_engine)?[:-](\d+\.\d+\.\d+)")
_HEADING = re.compile(r"^## \[(\d[^\]]*)\] - (\S+)$", re.MULTILINE)


def named_version() -> Version:
    """Return the version of the project file: what is installed may be from before it was changed."""
    return Version(tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def test_the_table_has_the_releases_of_the_changelog() -> None:
    told = _HEADING.findall((CHECKOUT / "CHANGELOG.md").read_text("utf-8"))
    assert [(one.version, one.released_on) for one in RELEASES] == sorted(
        told, key=lambda one: Version(one[0])
    )


def fits(version: Version, revision: str, last: ProductRelease) -> bool:
    """Return whether a project of `version` may have tables of `revision` after the release `last`."""
    if version == Version(last.version):
        return revision == last.revision
    return version > Version(last.version) and revision >= last.revision


@pytest.mark.parametrize(
    ("version", "revision", "right"),
    [
        pytest.param("0.1.0", "0006", True, id="the release itself"),
        pytest.param("0.1.0", "0007", False, id="a revision without a version"),
        pytest.param("0.2.0.dev0", "0007", True, id="under way"),
        pytest.param("0.2.0", "0007", True, id="about to be released"),
        pytest.param("0.1.0.dev1", "0007", False, id="a version from before"),
        pytest.param("0.1.1", "0006", True, id="a version without a revision"),
    ],
)
def test_a_new_revision_means_a_new_version(version: str, revision: str, right: bool) -> None:
    assert fits(Version(version), revision, ProductRelease("0.1.0", "0006", "2026-11-24")) is right


def test_the_project_s_does() -> None:
    assert fits(named_version(), newest_revision(), RELEASES[-1])
    released = not named_version().is_prerelease
    assert not released or str(named_version()) == RELEASES[-1].version, "a release has its line in the table"


def test_the_newest_revision_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()


def test_each_step_that_an_upgrade_can_take_is_named_in_both_languages() -> None:
    names = [path.name[:4] for path in (migrations_dir() / "versions").glob("[0-9]*.py")]
    for language in LANGUAGES:
        texts = texts_of(language)
        lacking = [
            one for one in names if one > RELEASES[0].revision and not texts.get(f"upgrade.step.{one}")
        ]
        assert lacking == [], f"upgrade.step.… of {language} in ops.po says what an upgrade does"


def test_no_document_names_another_version_than_the_one_under_way() -> None:
    files = [*(CHECKOUT / "docs").glob("operations*.md"), *(CHECKOUT / "docs" / "deploy").rglob("*")]
    texts = {path.name: path.read_text("utf-8") for path in files if path.is_file()}
    named = {(name, one) for name, text in texts.items() for one in _NAMED.findall(text)}
    assert len(named) >= 2
    assert {one for _, one in named} == {named_version().base_version}


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        pytest.param("0004", "", id="older than every release"),
        pytest.param("0006", "0.1.0", id="a release's"),
        pytest.param("0007", "0.1.0+", id="between releases"),
        pytest.param("0009", "0.2.0", id="this version's"),
        pytest.param("0010", "", id="a later version's"),
    ],
)
def test_which_version_left_a_revision(revision: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "newest_revision", lambda: "0009")
    monkeypatch.setattr(releases, "product_version", lambda: "0.2.0")
    assert version_of(revision) == said


def test_version_says_the_revision_and_loads_no_database() -> None:
    code = "import sys; from cbt.cli import main\ntry: main(['--version'])\nfinally: print('flask' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"cbt {product_version()}, revision {newest_revision()}", "False"]
