"""`cbt doctor` beside a server and through the documented proxy: it finds what is so, and changes nothing."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cbt.http.tls import make_authority, make_server, read_names
from tests.packaging.served import Installation
from tests.torture.balancer import Front, configured, running
from tests.torture.test_balancers import installed
from torture.sites.waiting import free_port, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the proxies' packages")


class Behind(Installation):
    """An installation behind a proxy on the same machine."""

    @property
    def environment(self) -> dict[str, str]:
        """Its processes' environment names the proxy."""
        return super().environment | {"CBT_TRUSTED_PROXIES": "127.0.0.1", "CBT_SECURE_COOKIES": "on"}


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return every file below a folder with its inode, owner and mode."""
    found = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {str(path): (one.st_ino, one.st_uid, one.st_mode) for path, one in found.items()}


def mild(found: dict[str, list[str]]) -> int:
    """Return the exit code where nothing is wrong but, it may be, that tests keep their data in memory."""
    return 2 if "memory" in found["space"] else 1


def asked(site: Installation, *options: str) -> tuple[int, dict[str, list[str]]]:
    """Run the doctor; return its exit code and the codes of each check."""
    done = site.run("doctor", "--json", *options)
    said = json.loads(done.stdout)
    found: dict[str, list[str]] = {}
    for one in said["found"]:
        found.setdefault(one["check"], []).append(one["code"])
    return done.returncode, found


def test_before_the_first_start_beside_the_server_and_through_the_proxy(
    tmp_path: Path,
) -> None:
    installed("haproxy")
    site = Behind(tmp_path)
    code, found = asked(site)
    assert (found["belonging"], found["port"], found["pages"]) == (["none"], ["free"], ["not_running"])
    assert code == mild(found)
    assert listing(tmp_path) == {}, "nothing is made"

    names = read_names(["127.0.0.1"])
    tls = tmp_path / "tls"
    make_authority(tls, names, now=datetime.now(UTC))
    make_server(tls, names, now=datetime.now(UTC))
    pem = tls / "exam.pem"
    pem.write_bytes((tls / "server.crt").read_bytes() + (tls / "server.key").read_bytes())
    front = Front(free_port(), free_port(), pem)
    text = configured("haproxy", [site.port] * 3, front)
    with site.serving() as server, running("haproxy", text, tls):
        url = f"https://127.0.0.1:{front.tls}"
        assert wait_for(lambda: asked(site, "--url", url)[1]["pages"] == ["reached", "reached"], 30)
        before = listing(site.data) | listing(site.keys)
        code, found = asked(site, "--url", url)
        assert listing(site.data) | listing(site.keys) == before
        assert (code, found["belonging"], found["port"]) == (mild(found), ["ok"], ["saves"])
        assert (found["proxy"], found["hands"], found["limits"][0][:3] != "too") == (["named"], ["ok"], True)
        server.stop()
        code, found = asked(site, "--url", url)
        assert (code, found["pages"], found["port"]) == (2, ["unreached"], ["free"])
