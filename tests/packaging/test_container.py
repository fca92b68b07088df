"""The image and the compose file: what they name exists, and they fit each other, the product and the proxy."""

from __future__ import annotations

import fnmatch
import http.server
import ipaddress
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from bundle.__main__ import PLATFORM
from cbt.cli import COMMANDS
from cbt.config import Settings, read_settings
from cbt.http.tls import make_authority, make_server, read_names
from cbt.paths import product_dir
from cbt.releases import product_version
from tests.conftest import IN_CI
from tests.packaging.containerfile import (
    FOLDER,
    compose,
    environment,
    health_command,
    instructions,
    only,
    words,
)
from tests.torture.balancer import program

DEPLOY = product_dir("docs") / "deploy"
NODES = ("node1", "node2", "node3")
PASSWORD = "secret"


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    """The compose file with a password."""
    return compose(DATABASE_PASSWORD=PASSWORD)


def inside(path: Path | None, volumes: list[str]) -> str:
    """Return the volume a path lies in."""
    [found] = [one for one in volumes if path is not None and path.is_relative_to(one)]
    return found


def test_the_image_is_an_ordinary_users_and_made_of_what_is_named() -> None:
    every = instructions()
    assert {word for word, _ in every} <= {
        "ARG", "FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
        "ENTRYPOINT", "CMD",
    }  # fmt: skip
    [base] = [rest for word, rest in every if word == "ARG"]
    assert re.fullmatch(r"BASE=docker\.io/library/python:3\.\d+-slim-\w+", base)
    assert all(rest.startswith("${BASE}") for word, rest in every if word == "FROM")
    user, _, group = only("USER").partition(":")
    accounts = next(rest for word, rest in every if word == "RUN" and "useradd" in rest)
    assert f"--uid {user} " in accounts
    assert f"--gid {group} " in accounts
    assert int(user) >= 10_000
    for word, rest in every:
        if "apt-get install" in rest:
            assert word == "RUN"
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest


def test_the_bundle_is_what_it_is_made_from() -> None:
    [copied] = [rest for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    pattern, place = copied.split()
    assert fnmatch.fnmatch(f"cbt-0.1.0-offline-{PLATFORM}.tar.gz", pattern)
    unpacked = next(rest for word, rest in instructions() if word == "RUN" and "install.sh" in rest)
    assert f"tar -xzf {place}{pattern}" in unpacked
    target = unpacked.split("install.sh --to ")[1].split()[0]
    assert ("COPY", f"--from=install {target} {target}") in instructions()
    assert environment()["PATH"].split(":")[0] == f"{target}/bin"


def test_data_keys_and_backups_lie_apart_in_folders_of_that_user(plan: dict[str, Any]) -> None:
    ours = {name: text for name, text in environment().items() if name.startswith("CBT_")}
    settings = read_settings(ours | plan["services"]["node1"]["environment"])
    volumes = words(only("VOLUME"))
    folders = (settings.data_dir, settings.keys, settings.backup_dir)
    assert sorted(inside(folder, volumes) for folder in folders) == sorted(volumes)
    made = next(rest for word, rest in instructions() if word == "RUN" and "install -d" in rest)
    assert set(made.split("-m 0700 ")[1].split()) == set(volumes)
    assert only("WORKDIR") in volumes


def test_it_serves_and_is_asked_for_its_health() -> None:
    entry, rest = words(only("ENTRYPOINT")), words(only("CMD"))
    assert entry == ["cbt"]
    assert rest[0] in COMMANDS
    assert only("EXPOSE") == str(Settings().port)
    with answering(200) as port:
        assert healthy(port)
    with answering(503) as port:
        assert not healthy(port)
    assert not healthy(port)


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Serve /healthz with one answer for the length of the block; yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def healthy(port: int) -> bool:
    """Run the health check of the image against a port."""
    python, *arguments = health_command()
    assert python == "python"
    here = [one.replace(f":{Settings().port}/", f":{port}/") for one in arguments]
    return subprocess.run([sys.executable, *here], capture_output=True, check=False).returncode == 0


def test_every_node_has_the_same_keys_and_a_data_folder_of_its_own(plan: dict[str, Any]) -> None:
    mounts = [dict(one.split(":")[:2] for one in plan["services"][name]["volumes"]) for name in NODES]
    assert all(sorted(one.values()) == sorted(words(only("VOLUME"))) for one in mounts)
    at = [{place: volume for volume, place in one.items()} for one in mounts]
    assert {one["/var/lib/cbt-keys"] for one in at} == {"keys"}
    assert {one["/var/backups/cbt"] for one in at} == {"backups"}
    assert sorted(one["/var/lib/cbt"] for one in at) == sorted(NODES)
    named = {volume for one in mounts for volume in one} | {"database"}
    assert named == set(plan["volumes"])


def test_the_nodes_settings_are_the_products_and_fit_the_others(plan: dict[str, Any]) -> None:
    services = plan["services"]
    address = {name: one["networks"]["exam"]["ipv4_address"] for name, one in services.items()}
    [network] = plan["networks"]["exam"]["ipam"]["config"]
    assert len(set(address.values())) == len(services)
    assert all(
        ipaddress.ip_address(one) in ipaddress.ip_network(network["subnet"]) for one in address.values()
    )
    database = services["database"]["environment"]
    for name in NODES:
        settings = read_settings(services[name]["environment"])
        url = sqlalchemy.make_url(settings.database_url)
        assert (url.host, url.username, url.password, url.database) == (
            address["database"], database["POSTGRES_USER"], database["POSTGRES_PASSWORD"], database["POSTGRES_DB"],
        )  # fmt: skip
        assert settings.trusted_proxies == address["proxy"]
        assert settings.https
    most = int(re.findall(r"max_connections=(\d+)", " ".join(services["database"]["command"]))[0])
    assert most > 80 * Settings().workers * len(NODES)


def test_image_and_compose_file_are_of_the_same_version(plan: dict[str, Any]) -> None:
    named = {plan["services"][name]["image"] for name in NODES}
    assert named == {f"cbt:{'.'.join(product_version().split('.')[:3])}"}
    pages = [FOLDER / "Containerfile", *product_dir("docs").glob("operations*.md")]
    said = "".join(page.read_text("utf-8") for page in pages)
    assert set(re.findall(r"\bcbt:\d[\w.]*", said)) == named


def test_what_is_run_in_a_container_begins_with_the_command_itself() -> None:
    """The image's entry is `cbt`: `run node1 cbt …` would be `cbt cbt …`, and `exec` needs the name."""
    text = (product_dir("docs") / "operations.md").read_text("utf-8")
    run = re.findall(r"compose run (?:--\w+ )*node1 ([\w-]+)", text)
    executed = re.findall(r"compose exec node1 ([\w-]+)", text)
    assert (set(run) <= set(COMMANDS), set(executed)) == (True, {"cbt"})
    assert run


def test_who_waits_for_somebodys_health_waits_for_one_that_tells_it(plan: dict[str, Any]) -> None:
    services = plan["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in services[other] or services[other]["image"].startswith("cbt:")
    assert [name for name in NODES if "database" in services[name]["depends_on"]] == ["node1"]
    assert all("node1" in services[name]["depends_on"] for name in NODES[1:])


def test_the_proxy_is_ours_and_leads_to_the_nodes(plan: dict[str, Any], tmp_path: Path) -> None:
    services = plan["services"]
    proxy, text = services["proxy"], (DEPLOY / "haproxy.cfg").read_text("utf-8")
    own = proxy["environment"]
    assert {name for name, _ in re.findall(r'"\$\{(\w+)-([^}]*)\}"', text)} == set(own)
    port = only("EXPOSE")
    assert [own[name.upper()] for name in NODES] == [
        f"{services[name]['networks']['exam']['ipv4_address']}:{port}" for name in NODES
    ]
    assert [one.split(":")[1] for one in proxy["ports"]] == re.findall(r"bind 0\.0\.0\.0:(\d+)", text)
    sources, places = zip(*(one.split(":")[:2] for one in proxy["volumes"]), strict=True)
    assert own["EXAM_PEM"] in places
    assert "haproxy.cfg" in {Path(one).name for one in sources}
    said = (FOLDER / "compose.yaml").read_text("utf-8").split("services:")[0]
    assert all(f"{Path(one).name}" in said for one in sources)
    if program("haproxy") is None:
        assert not IN_CI, "HAProxy is missing here: the file was not read by it"
        return
    names = read_names(["exam.example.org"])
    make_authority(tmp_path, names, now=datetime.now(UTC))
    make_server(tmp_path, names, now=datetime.now(UTC))
    pem = tmp_path / "exam.pem"
    pem.write_bytes((tmp_path / "server.crt").read_bytes() + (tmp_path / "server.key").read_bytes())
    done = subprocess.run(
        [str(program("haproxy")), "-c", "-f", DEPLOY / "haproxy.cfg"],
        env=own | {"EXAM_PEM": str(pem)}, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
