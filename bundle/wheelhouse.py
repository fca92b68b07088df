"""The wheels of a bundle: the product's own, and those of the lock for each Python that the bundle serves."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""What distributions of the last years bring; each has its own compiled wheels."""
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64")
"""glibc 2.28 and newer: Debian 10, Ubuntu 20.04, RHEL 8, openEuler 20.03, UOS 20, Kylin V10 SP3."""
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def own_wheel(checkout: Path, into: Path) -> Path:
    """Build the product's wheel from the checkout and return its path."""
    command = [
        *PIP,
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(into),
        str(checkout),
    ]
    subprocess.run(command, check=True)
    return next(into.glob("cbt_engine-*.whl"))


def wheels_of(lock: Path, pythons: Sequence[str], cache: Path) -> list[Path]:
    """Return the wheels of `lock` for each Python; those that `cache` lacks are downloaded into it.

    Whatever else lies in the cache, of a former lock, say, is left out: a wheel's hash has to stand in the lock.
    """
    cache.mkdir(parents=True, exist_ok=True)
    text = lock.read_text("utf-8")
    for python in pythons:
        # What a download brought is written down, so that a second build asks nobody.
        known = cache / f"{python}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.whole"
        if not known.exists():
            _download(lock, python, cache)
            known.touch()
    wanted = set(_HASH.findall(text))
    found = [path for path in sorted(cache.glob("*.whl")) if _digest(path) in wanted]
    return [path for path in found if _serves(path.name, pythons)]


def _download(lock: Path, python: str, cache: Path) -> None:
    platforms = [part for name in PLATFORMS for part in ("--platform", name)]
    subprocess.run(
        [*PIP, "download", "--require-hashes", "--requirement", str(lock), "--no-deps", "--only-binary", ":all:",
         "--python-version", python, "--implementation", "cp", *platforms, "--dest", str(cache)],
        check=True,
    )  # fmt: skip


def _serves(name: str, pythons: Sequence[str]) -> bool:
    """Return whether a wheel is of use to one of the Pythons, by its tag: cp312-cp312, cp38-abi3, py3-none."""
    tag, abi = name.removesuffix(".whl").split("-")[-3:-1]
    return not abi.startswith("cp") or tag in {f"cp{one.replace('.', '')}" for one in pythons}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
