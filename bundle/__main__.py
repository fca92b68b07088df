"""`python -m bundle`: builds dist/cbt-VERSION-offline-PLATFORM.tar.gz from the lock and this checkout.

One checkout and one lock give one archive, byte by byte: its files are sorted, root's, and as old as the epoch.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from bundle.wheelhouse import PYTHONS, own_wheel, wheels_of
from cbt.config import read_settings, variable
from cbt.ops.documents import copy_out
from cbt.ops.systemd import DATA, KEYS, NAME, Service, places_of, unit_text

CHECKOUT = Path(__file__).resolve().parent.parent
PLATFORM = "linux-x86_64"
SUMS = "SHA256SUMS"


def build(into: Path, *, pythons: list[str], cache: Path) -> Path:
    """Build the archive in the folder `into` and return its path."""
    with tempfile.TemporaryDirectory() as scratch:
        wheel = own_wheel(CHECKOUT, Path(scratch))
        version = wheel.name.split("-")[1]
        top = Path(scratch) / f"cbt-{version}-offline-{PLATFORM}"
        fill(top, wheel, pythons=pythons, cache=cache)
        into.mkdir(parents=True, exist_ok=True)
        archive = into / f"{top.name}.tar.gz"
        pack(top, archive)
    return archive


def fill(top: Path, wheel: Path, *, pythons: list[str], cache: Path) -> None:
    """Lay out what the archive holds in the folder `top`."""
    lock = CHECKOUT / "requirements" / "run.txt"
    wheels = top / "wheels"
    wheels.mkdir(parents=True)
    for path in [wheel, *wheels_of(lock, pythons, cache)]:
        shutil.copy(path, wheels)
    name, version = wheel.name.split("-")[:2]
    own = f"{name.replace('_', '-')}=={version} \\\n    --hash=sha256:{digest(wheel)}\n"
    (top / "requirements.txt").write_text(lock.read_text("utf-8") + own, "utf-8")
    (top / "PYTHONS").write_text("".join(f"{one}\n" for one in pythons), "utf-8")
    copy_out(top)
    (top / "cbt.service").write_text(usual_unit(), "utf-8")
    for name in ("install.sh", "INSTALL.txt"):
        shutil.copy(CHECKOUT / "bundle" / name, top / name)
    (top / "install.sh").chmod(0o755)
    lines = [f"{digest(path)}  {path.relative_to(top).as_posix()}\n" for path in files(top)]
    (top / SUMS).write_text("".join(lines), "utf-8")


def usual_unit() -> str:
    """Return the unit that `cbt service install` writes for an installation in the usual places."""
    prefix = Path("/opt/cbt")
    places = {variable("data_dir"): str(DATA), variable("key_dir"): str(KEYS)}
    settings = replace(read_settings(places), blueprint_dir=prefix, bank_dir=prefix)
    return unit_text(
        Service(NAME, prefix / "bin" / NAME, Path("/etc/cbt.env"), settings), places_of(settings)
    )


def files(top: Path) -> list[Path]:
    """Return every file below a folder, sorted."""
    return sorted(path for path in top.rglob("*") if path.is_file())


def digest(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def pack(top: Path, archive: Path) -> None:
    """Write the folder `top` as a .tar.gz, whole or not at all."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = "root"
        entry.mode = 0o755 if entry.mode & 0o100 else 0o644
        return entry

    fresh = archive.with_suffix(".new")
    with (
        fresh.open("wb") as raw,
        # Wheels are compressed already: more effort than this makes nothing smaller.
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files(top):
            tar.add(path, f"{top.name}/{path.relative_to(top).as_posix()}", filter=plain)
    fresh.replace(archive)


def main() -> None:
    """Build it and say where it is, and its sha256."""
    parser = argparse.ArgumentParser(prog="python -m bundle", description=__doc__)
    parser.add_argument("--into", type=Path, default=CHECKOUT / "dist")
    parser.add_argument(
        "--python", action="append", help=f"versions it serves (default: {' '.join(PYTHONS)})"
    )
    parser.add_argument("--cache", type=Path, default=CHECKOUT / "build" / "wheels")
    given = parser.parse_args()
    archive = build(given.into, pythons=given.python or list(PYTHONS), cache=given.cache)
    print(f"{digest(archive)}  {os.path.relpath(archive)}")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
