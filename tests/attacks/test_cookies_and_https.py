"""Attacks on cookies and on the way to the server: planted cookies, plain http, certificates for somebody else."""

from __future__ import annotations

import http.client
import socket
import ssl
import stat
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import flask
import pytest
from cryptography import x509
from werkzeug.test import TestResponse

from cbt.application.app import create_app
from cbt.config import read_settings
from cbt.errors import CbtError, Conflict, InvalidInput, Unavailable
from cbt.http import tls
from cbt.http.views import SHOWN
from cbt.storage.engine import begin_installation
from tests.conftest import Templates, base_settings, installation
from tests.helpers import FakeClock
from tests.packaging.served import Installation
from tests.world import PASSWORD, START, World
from torture.sites.waiting import wait_for

pytestmark = pytest.mark.once

NAMES = ("exam.test", "192.168.7.10", "localhost", "127.0.0.1")
NOW = datetime.now(UTC)
"""TLS itself looks at the machine's clock: certificates that shake hands are made at its time."""
SESSION, STAFF, MACHINE = "cbt", "cbt_staff", "cbt_machine"


@pytest.fixture
def secure(templates: Templates, database_kind: str, clock: FakeClock, tmp_path: Path) -> Iterator[World]:
    """The world of an installation that browsers reach over https."""
    with installation(templates, database_kind, tmp_path, clock, secure_cookies=True) as (_, made):
        assert made is not None
        yield made


def cookies(reply: TestResponse) -> dict[str, Morsel[str]]:
    """Return what a reply has the browser keep."""
    found: SimpleCookie = SimpleCookie()
    for line in reply.headers.getlist("Set-Cookie"):
        found.load(line)
    return dict(found)


def reply_with(world: World, what: str) -> TestResponse:
    client = world.app.test_client()
    if what == SESSION:
        return client.get("/", base_url="https://localhost")
    if what == STAFF:
        sent = {"login": world.people["officer"].login, "password": PASSWORD}
        return client.post("/staff/sign-in", data=sent, base_url="https://localhost")
    if what == MACHINE:
        sent = {"room_code": world.room_code, "number": "1"}
        return client.post("/seat/bind", data=sent, base_url="https://localhost")
    sent = {"locale": "en", "theme": "dark"}
    return client.post("/preferences", data=sent, base_url="https://localhost")


COOKIES = [SESSION, STAFF, MACHINE, "locale", "theme"]


@pytest.mark.parametrize("name", COOKIES)
def test_over_https_a_cookie_belongs_to_this_host_alone(secure: World, name: str) -> None:
    kept = cookies(reply_with(secure, name))
    assert name not in kept
    cookie = kept[f"__Host-{name}"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")


@pytest.mark.parametrize("name", COOKIES)
def test_over_plain_http_a_cookie_has_its_bare_name(world: World, name: str) -> None:
    cookie = cookies(reply_with(world, name))[name]
    assert not cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_session_planted_by_a_neighbour_is_nobody(secure: World) -> None:
    there = secure.app.test_client()
    sent = {"login": secure.people["officer"].login, "password": PASSWORD}
    there.post("/staff/sign-in", data=sent, base_url="https://localhost")
    stolen = there.get_cookie("__Host-cbt_staff")
    assert stolen is not None
    here = secure.app.test_client()
    here.set_cookie(STAFF, stolen.value)
    assert here.get("/staff", base_url="https://localhost").status_code == 303
    here.set_cookie("__Host-cbt_staff", stolen.value, secure=True)
    assert here.get("/staff", base_url="https://localhost").status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "mark"),
    [
        pytest.param("locale", "en", 'lang="en"', id="language"),
        pytest.param("theme", "dark", 'data-theme="dark"', id="theme"),
    ],
)
def test_a_planted_preference_is_not_read(secure: World, name: str, value: str, mark: str) -> None:
    client = secure.app.test_client()
    client.set_cookie(name, value)
    assert mark not in client.get("/staff/sign-in").text
    client.set_cookie(f"__Host-{name}", value, secure=True)
    assert mark in client.get("/staff/sign-in", base_url="https://localhost").text


def test_the_door_reads_the_same_names_as_the_pages(secure: World) -> None:
    from cbt.http.auth.wsgi_login import RequestDoor

    client = secure.candidate("theory")
    kept = client.get_cookie("__Host-cbt") or client.get_cookie(SESSION)
    assert kept is not None
    door = RequestDoor(secure.app)
    assert door.login({"PATH_INFO": "/exam/x", "HTTP_COOKIE": f"cbt={kept.value}"}) is None
    login = door.login(
        {"PATH_INFO": "/exam/x", "HTTP_COOKIE": f"__Host-cbt={kept.value}; __Host-locale=en; locale=zh"}
    )
    assert login is not None
    assert login.locale == "en"


PATHS = [
    pytest.param("/", id="the seat page"),
    pytest.param("/staff/sign-in", id="the sign-in page"),
    pytest.param("/staff", id="a redirect"),
    pytest.param("/nothing", id="a page that is not there"),
    pytest.param("/healthz", id="the health answer"),
    pytest.param("/static/x/ui/page.js", id="a script"),
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_over_https_says_never_again_without(secure: World, path: str) -> None:
    headers = secure.app.test_client().get(path, base_url="https://localhost").headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("path", PATHS)
def test_plain_http_promises_nothing_it_cannot_keep(world: World, path: str) -> None:
    assert "Strict-Transport-Security" not in world.app.test_client().get(path).headers


# Certificates.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an authority and a certificate for NAMES."""
    made = tmp_path / "tls"
    names = tls.read_names(NAMES)
    tls.make_authority(made, names, now=NOW)
    tls.make_server(made, names, now=NOW)
    return made


def shakes_hands(folder: Path, host: str) -> bool:
    """Return whether a browser that trusts the authority in `folder` talks to its server as `host`."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "server.crt", folder / "server.key")
    browser_side = ssl.create_default_context(cafile=str(folder / "authority.crt"))
    to_server, to_browser = ssl.MemoryBIO(), ssl.MemoryBIO()
    browser = browser_side.wrap_bio(to_browser, to_server, server_hostname=host)
    server = server_side.wrap_bio(to_server, to_browser, server_side=True)
    for _ in range(10):
        for side in (browser, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
        if browser.version() and browser.cipher():
            return True
    return False


@pytest.mark.parametrize("host", NAMES)
def test_a_machine_that_trusts_the_authority_trusts_the_server(folder: Path, host: str) -> None:
    assert shakes_hands(folder, host)


@pytest.mark.parametrize("host", ["bank.test", "other.exam.test", "192.168.7.11", "exam.test.evil.example"])
def test_it_is_not_taken_for_another_host(folder: Path, host: str) -> None:
    assert not shakes_hands(folder, host)


@pytest.mark.parametrize("host", ["bank.test", "192.168.7.11", "test"])
def test_even_with_its_key_the_authority_signs_for_nobody_else(
    folder: Path, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tls.read_names([host])
    with pytest.raises(InvalidInput) as refused:
        tls.make_server(folder, names, now=NOW)
    assert refused.value.code == "tls.not_permitted"
    monkeypatch.setattr(tls, "permitted_names", lambda authority: names)
    tls.make_server(folder, names, now=NOW)
    assert not shakes_hands(folder, host)


def test_keys_are_read_by_their_owner_alone(folder: Path) -> None:
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_renewal_keeps_the_authority_and_changes_the_key(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    names = tls.server_names(folder)
    tls.make_server(folder, names, now=NOW)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"server.crt", "server.key"}
    assert after.keys() == before.keys()
    assert shakes_hands(folder, "exam.test")


def test_an_authority_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(Conflict):
        tls.make_authority(folder, tls.read_names(NAMES), now=NOW)


def test_an_authority_that_ends_signs_no_more(folder: Path) -> None:
    names = tls.server_names(folder)
    with pytest.raises(Unavailable) as refused:
        tls.make_server(folder, names, now=NOW + timedelta(days=3400))
    assert refused.value.code == "tls.authority_over"


@pytest.mark.parametrize(
    "name", ["a_b", "*.exam.test", "exam..test", "", "1.2.3", "exam.test/x", "考试.test", "-a"]
)
def test_what_is_no_name_gets_no_certificate(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        tls.read_names([name])
    assert refused.value.code == "tls.name"


@pytest.mark.parametrize("harm", ["cut", "another key", "gone", "not readable as PEM"])
def test_a_certificate_that_cannot_be_served_is_told_at_the_start(
    folder: Path, harm: str, tmp_path: Path
) -> None:
    certificate, key = folder / "server.crt", folder / "server.key"
    if harm == "cut":
        certificate.write_bytes(certificate.read_bytes()[:200])
    elif harm == "another key":
        key.write_bytes((folder / "authority.key").read_bytes())
    elif harm == "gone":
        key.unlink()
    else:
        key.write_text("-----BEGIN nothing")
    settings = replace(base_settings(tmp_path), tls_cert=certificate, tls_key=key)
    begin_installation(settings)
    with pytest.raises(Unavailable) as refused:
        create_app(settings, clock=FakeClock(START))
    assert refused.value.code == "tls.unreadable"


@pytest.mark.parametrize("half", ["CBT_TLS_CERT", "CBT_TLS_KEY"])
def test_half_a_setting_is_refused(half: str) -> None:
    with pytest.raises(CbtError) as refused:
        read_settings({half: "/somewhere.pem"})
    assert refused.value.code == "config.tls_half"


# The page that tells how to trust it, and the end of a certificate.


def show(app: flask.Flask, folder: Path) -> tls.ServedCertificate:
    shown = tls.read_shown(folder / "server.crt", folder / "server.key")
    app.extensions[SHOWN] = shown
    return shown


def test_the_page_gives_the_certificate_and_no_key(world: World, folder: Path) -> None:
    shown = show(world.app, folder)
    client = world.app.test_client()
    page = client.get("/trust")
    assert page.status_code == 200
    sent = client.get("/trust/cbt-authority.crt")
    assert b"PRIVATE" not in sent.data
    certificate = x509.load_pem_x509_certificate(sent.data)
    assert tls.fingerprint(certificate) == shown.fingerprint
    assert shown.fingerprint in page.text
    assert sent.data == (folder / "authority.crt").read_bytes()
    assert sent.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/trust", "/trust/cbt-authority.crt"])
def test_without_a_certificate_of_its_own_there_is_nothing_to_trust(world: World, path: str) -> None:
    assert world.app.test_client().get(path).status_code == 404


@pytest.mark.parametrize(
    ("days", "warned"),
    [
        pytest.param(31, False, id="a month and a day"),
        pytest.param(30, True, id="thirty days"),
        pytest.param(0, True, id="on the last day"),
        pytest.param(-5, True, id="over"),
    ],
)
def test_a_certificate_that_ends_soon_is_told(world: World, folder: Path, days: int, warned: bool) -> None:
    shown = show(world.app, folder)
    world.clock.set(shown.expires_at - timedelta(days=days))
    health = world.app.test_client().get("/healthz").get_json()
    assert ("tls.ends" in health.get("warnings", [])) is warned
    assert health["ok"]
    assert ("证书即将到期" in world.staff("admin").get("/staff").text) is warned
    assert "证书即将到期" not in world.app.test_client().get("/").text


def test_the_served_product_speaks_https_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation(tmp_path)
    made = installation.run("tls", "make", "exam.test")
    assert made.returncode == 0, made.stderr
    keys = installation.keys / "tls"
    monkeypatch.setattr(
        Installation,
        "environment",
        property(
            lambda self, plain=installation.environment: (
                plain | {"CBT_TLS_CERT": str(keys / "server.crt"), "CBT_TLS_KEY": str(keys / "server.key")}
            )
        ),
    )
    trusting = ssl.create_default_context(cafile=str(keys / "authority.crt"))
    url = f"https://127.0.0.1:{installation.port}/staff/sign-in"

    def page() -> str:
        with urllib.request.urlopen(url, timeout=60, context=trusting) as reply:
            assert reply.headers["Strict-Transport-Security"]
            assert "__Host-cbt_staff=" in "\n".join(reply.headers.get_all("Set-Cookie"))
            return str(reply.read().decode())

    def answers() -> bool:
        try:
            return bool(page())
        except OSError:
            return False

    monkeypatch.setattr("tests.packaging.served.Server._answers", lambda server: answers())
    with installation.serving() as server:
        assert wait_for(answers)
        assert "工作人员登录" in page()
        assert "https://127.0.0.1" in server.said
        with pytest.raises((OSError, http.client.HTTPException)):
            urllib.request.urlopen(url.replace("https", "http"), timeout=5).read()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(url, timeout=5, context=ssl.create_default_context())
        spoken = {name: spoken_by(installation.port, version) for name, version in VERSIONS.items()}
        assert spoken == {"1.0": "", "1.1": "", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}, (
            "as docs/security.md says"
        )


VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def spoken_by(port: int, version: ssl.TLSVersion) -> str:
    """Return what a server and a browser that knows one version of TLS agree on; "" when it is refused."""
    browser = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    browser.check_hostname, browser.verify_mode = False, ssl.CERT_NONE
    browser.set_ciphers("ALL:@SECLEVEL=0")  # else this machine's own library refuses the old ones
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        browser.minimum_version = browser.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        try:
            with browser.wrap_socket(line) as secure:
                return secure.version() or ""
        except (ssl.SSLError, ConnectionResetError) as refused:
            return "not tried" if "NO_PROTOCOLS" in str(refused) else ""
