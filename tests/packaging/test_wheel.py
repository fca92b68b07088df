"""The wheel, installed where there is no checkout: it serves, in both languages, from any directory."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from cbt.paths import product_dir
from cbt.translations.compiler import texts_of
from tests.packaging.served import Installation, Visitor
from tests.product_processes import PATIENCE_SECONDS

CHECKOUT = product_dir("templates").parent
FRONT = ("README.md", "README.zh-CN.md", "CHANGELOG.md", "SECURITY.md")
FILES = ("pyproject.toml", "hatch_build.py", "LICENSE", ".gitignore", *FRONT)
FOLDERS = ("cbt", "blueprints", "docs", "question_bank", "static", "templates")
MADE = shutil.ignore_patterns("__pycache__", "*.mo", "_bundled")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
SHOWN = (
    "ui.product",
    "door.bind.submit",
    "door.bind.code",
    "door.bind.number",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this working tree, built from a copy that holds nothing that was made here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in FILES:
        shutil.copy(CHECKOUT / name, source)
    for name in FOLDERS:
        shutil.copytree(CHECKOUT / name, source / name, ignore=MADE)
    call("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, source)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`cbt` in an environment that holds the wheel; what it needs is borrowed from the tests' environment."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=sys.platform != "win32")
    python = next(
        path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists()
    )
    call("--python", python, "install", "--no-deps", "--no-index", wheel)
    own = folder.resolve()
    places = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, encoding="utf-8", timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    site = Path(places.stdout.strip())
    assert own in site.resolve().parents
    # A path line adds the folder behind the environment's own and runs none of its .pth files, so the
    # checkout that is installed there stays out of sight.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return next(path for path in (python.with_name("cbt"), python.with_name("cbt.exe")) if path.exists())


def call(*arguments: str | Path) -> None:
    """Run pip; a failure shows what it said."""
    done = subprocess.run(
        [*PIP, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_the_product_needs_is_inside(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"cbt/_bundled/{name}" for name in FRONT} <= names
    for folder in FOLDERS[1:]:
        for path in (CHECKOUT / folder).rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                assert f"cbt/_bundled/{folder}/{path.relative_to(CHECKOUT / folder).as_posix()}" in names
    for language in ("zh", "en"):
        assert f"cbt/translations/{language}/LC_MESSAGES/messages.mo" in names
    assert any(re.fullmatch(r"cbt/storage/migrations/versions/0001_\w+\.py", name) for name in names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_nothing_else_is_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cbt"}
    assert not [name for name in names if name.endswith((".db", ".key", ".pyc")) or "/tests/" in name]


def test_the_installed_product_serves_in_both_languages(command: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path, command=[str(command)], data="demo-data")
    built = installation.run("demo", "--build-only")
    assert built.returncode == 0, built.stderr
    assert "demo-accounts.txt" in built.stdout
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    installation.folder = elsewhere
    with installation.serving() as server:
        assert "一次性密码" not in server.said  # the demo's people are there, so it is no first start
        visitor = Visitor(server.port)
        page = visitor.open("/")
        assert_texts(page, "zh")
        help_page = visitor.open("/exam/help")
        picture = re.search(r'src="(/static/[^"]+/help/answering\.zh\.png)"', help_page)
        assert picture
        assert visitor.fetch(picture[1]).startswith(b"\x89PNG")
        assert_texts(visitor.fill_in("/", to="/preferences", next="/", locale="en"), "en")
        sheet = re.search(r'href="(/static/[^"]+/ui/tokens\.css)"', page)
        assert sheet
        assert visitor.fetch(sheet[1]) == (CHECKOUT / "static" / "ui" / "tokens.css").read_bytes()
    assert not list(elsewhere.glob("*.db"))


def assert_texts(page: str, language: str) -> None:
    """Check that the seat page speaks `language` and shows no id in place of a text."""
    messages = texts_of(language)
    for name in SHOWN:
        assert messages[name] in page
        assert name not in page


def test_the_documents_are_read_where_there_is_no_checkout(command: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path, command=[str(command)])
    assert installation.run("docs", "operations").stdout == (CHECKOUT / "docs" / "operations.md").read_text()
    assert installation.run("docs", "--copy", str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out" / "README.md").is_file()
    assert (tmp_path / "out" / "docs" / "deploy" / "haproxy.cfg").is_file()


def test_the_installed_product_is_the_wheels(command: Path, tmp_path: Path) -> None:
    python = next(path for path in command.parent.iterdir() if path.stem == "python")
    said = subprocess.run(
        [python, "-c", "import cbt; print(cbt.__file__)"],
        check=True, capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=PATIENCE_SECONDS,
        env=Installation(tmp_path, command=[str(command)]).environment,
    )  # fmt: skip
    assert command.parent.parent.resolve() in Path(said.stdout.strip()).resolve().parents
