"""The offline bundle: built, installed where there is no network, served, upgraded, and taken back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from bundle.__main__ import SUMS, build, digest, files, pack
from tests.packaging.containerfile import health_command, only, words
from tests.packaging.served import Installation, Visitor
from tests.torture.wheels import wheels_at_hand

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bundle is for Linux")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NOWHERE = "http://127.0.0.1:9"
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "PIP_INDEX_URL", "PIP_FIND_LINKS"), NOWHERE)


@dataclass
class Target:
    """A folder that bundles are installed into."""

    folder: Path

    def install(self, bundle: Path, *options: str, python: str | Path = sys.executable) -> tuple[int, str]:
        """Run the bundle's install.sh; return its exit code and all it said."""
        apart = ["unshare", "--net"] if os.geteuid() == 0 and _may_unshare() else []
        done = subprocess.run(
            [*apart, "sh", str(bundle / "install.sh"), "--to", str(self.folder), "--no-service", *options,
             *([] if "--back" in options else ["--python", str(python)])],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)} | OFFLINE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=300, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    @property
    def current(self) -> str:
        """Return the name of the environment in use."""
        return (self.folder / "current").readlink().name


def _may_unshare() -> bool:
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of this checkout for the Python of the tests, unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    with wheels_at_hand(tmp_path_factory) as wheels:
        archive = build(folder, pythons=[PYTHON], cache=wheels)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    [top] = [path for path in folder.iterdir() if path.is_dir()]
    return top


@pytest.fixture(scope="module")
def target(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """Where the bundle was installed, over an installation that was cut off."""
    made = Target(tmp_path_factory.mktemp("opt") / "cbt")
    name = f"{re.split('-', bundle.name)[1]}-{digest(bundle / SUMS)[:8]}"
    (made.folder / "versions" / name / "lib").mkdir(parents=True)
    code, said = made.install(bundle)
    assert code == 0, said
    assert made.current == name
    return made


def another(bundle: Path, folder: Path) -> Path:
    """Return another bundle of the same version, with no more in it than `cbt --version` needs."""
    shutil.copytree(bundle, folder, copy_function=os.link)
    lines = (folder / "requirements.txt").read_text("utf-8")
    kept = re.findall(r"^(?:click|cbt-engine)==(?:.*\\\n)+.*\n", lines, re.MULTILINE)
    assert len(kept) == 2
    rewrite(folder / "requirements.txt", "".join(kept))
    sums = [f"{digest(path)}  {path.relative_to(folder)}\n" for path in files(folder) if path.name != SUMS]
    rewrite(folder / SUMS, "".join(sums))
    return folder


def rewrite(path: Path, text: str) -> None:
    """Give a file another text, not to its other names."""
    path.unlink()
    path.write_text(text, "utf-8")


def test_it_is_whole_and_everything_in_it_is_in_its_sums(bundle: Path) -> None:
    named = {line[66:] for line in (bundle / SUMS).read_text("utf-8").splitlines()}
    assert named == {str(path.relative_to(bundle)) for path in files(bundle)} - {SUMS}
    assert {"docs/operations.md", "docs/deploy/haproxy.cfg", "docs/deploy/nginx.conf", "README.md"} <= named
    assert {"docs/deploy/prometheus/cbt.rules.yml", "docs/deploy/container/compose.yaml"} <= named
    assert "ExecStart=/opt/cbt/bin/cbt " in (bundle / "cbt.service").read_text("utf-8")
    assert os.access(bundle / "install.sh", os.X_OK)


def test_it_serves_where_it_was_installed_without_a_network(target: Target, tmp_path: Path) -> None:
    installation = Installation(tmp_path, command=[str(target.folder / "bin" / words(only("ENTRYPOINT"))[0])])
    assert installation.run("--version").stdout.startswith("cbt 0.")
    unit = installation.run("service", "show").stdout
    assert f"ExecStart={target.folder}/bin/cbt " in unit, "the service outlives an upgrade"
    python, *rest = health_command()  # of the image, which is made by this install.sh
    with installation.serving() as server:
        assert b'"ok":true' in Visitor(server.port).fetch("/healthz")
        asked = [one.replace(":8000/", f":{server.port}/") for one in rest]
        assert subprocess.run([target.folder / "bin" / python, *asked], check=False).returncode == 0


def test_again_changes_nothing_and_an_upgrade_keeps_the_way_back(
    bundle: Path, target: Target, tmp_path: Path
) -> None:
    first, inode = target.current, (target.folder / "current" / "bin" / "cbt").stat().st_ino
    assert target.install(bundle)[0] == 0
    assert (target.current, (target.folder / "current" / "bin" / "cbt").stat().st_ino) == (first, inode)
    code, said = target.install(another(bundle, tmp_path / "next"))
    assert code == 0, said
    assert target.current != first
    assert (target.folder / "former").readlink().name == first
    assert "cbt upgrade --check" in said
    code, said = target.install(bundle, "--back")
    assert (code, target.current) == (0, first), said
    assert subprocess.run([target.folder / "bin" / "cbt", "--version"], check=True).returncode == 0


def pretend(folder: Path, said: str) -> Path:
    """Return a Python that says it is of the version `said` and cannot import anything."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) echo {said};; *) exit 1;; esac\n', "utf-8")
    path.chmod(0o755)
    return path


def test_what_stands_in_the_way_is_said_with_the_way_out(bundle: Path, tmp_path: Path) -> None:
    own = Target(tmp_path / "cbt")
    code, said = own.install(bundle, python=pretend(tmp_path, "3.9"))
    assert (code, PYTHON in said, "3.9" in said) == (2, True, True)
    assert re.search(r"(apt-get|dnf|yum|zypper) install python3|python3 \(", said)
    code, said = own.install(bundle, python=pretend(tmp_path, PYTHON))
    assert (code, "venv" in said) == (2, True)
    broken = tmp_path / "broken"
    shutil.copytree(bundle, broken, copy_function=os.link)
    rewrite(broken / "PYTHONS", f"{PYTHON}\n\n")
    code, said = own.install(broken)
    assert (code, SUMS in said) == (2, True)
    assert not (own.folder / "current").exists()
    by_hand = Target(tmp_path / "by-hand")
    by_hand.folder.mkdir()
    (by_hand.folder / "pyvenv.cfg").touch()
    code, said = by_hand.install(bundle)
    assert (code, f"mv {by_hand.folder} {by_hand.folder}-former" in said) == (2, True)
    (by_hand.folder / "pyvenv.cfg").rename(by_hand.folder / "letters")
    assert by_hand.install(bundle)[0] == 2
    assert [path.name for path in by_hand.folder.iterdir()] == ["letters"]


def test_an_archive_is_the_same_whoever_packs_it_and_when(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "one").write_text("1")
    pack(top, tmp_path / "a.tar.gz")
    os.utime(top / "one", (1, 1))
    (top / "one").chmod(0o600)
    pack(top, tmp_path / "b.tar.gz")
    assert digest(tmp_path / "a.tar.gz") == digest(tmp_path / "b.tar.gz")
