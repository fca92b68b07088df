"""Input that tries to become part of a statement, a header, a path, an address, a cookie or another request."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select
from werkzeug.test import TestResponse

from cbt.http.auth.machine import MACHINE_COOKIE
from cbt.http.downloads import disposition
from cbt.http.models import LoginSession
from cbt.storage.unit_of_work import reading
from tests.attacks.stages import BANK, Stage
from tests.bank.sheets import truth, workbook
from tests.bank.test_import_pages import work
from tests.delivery.driver import Page
from tests.world import PASSWORD

pytestmark = pytest.mark.usefixtures("logins_known")

# ---- SQL, on both databases

SQL = {
    "a quote": "'",
    "a double quote": '"',
    "a backslash": "\\",
    "always true": "' OR '1'='1",
    "always true, commented": "' OR 1=1 --",
    "a second statement": "'; DROP TABLE attempt; --",
    "a second statement without quotes": "1; DELETE FROM journal",
    "a union": "' UNION SELECT password_hash, 1, 1, 1 FROM staff --",
    "a union of numbers": "-1 UNION SELECT 1,2,3,4,5,6,7,8",
    "a sub-query": "' || (SELECT token_hash FROM login_session LIMIT 1) || '",
    "a delay": "'; SELECT pg_sleep(5); --",
    "a comment": "/**/",
    "a dollar quote": "$$; DROP TABLE attempt; $$",
    "a bound parameter": ":subject %s %(a)s ? $1 {0}",
    "wildcards": "%_%",
    "a pattern's escape": "/%",
    "another encoding of a quote": "\u02bc OR \u02bc1\u02bc=\u02bc1",
    "a quote in GBK": "\xbf' OR 1=1 --",
    "JSON of an operator": '{"$ne": null}',
}
Ask = Callable[[Stage, str], TestResponse]
ENTRANCES: dict[str, Ask] = {
    "search of items": lambda s, t: s.client("author").get(
        f"/bank/{BANK}", query_string={"text": t, "point": t, "type": t, "difficulty": t, "page": t}
    ),
    "audit log": lambda s, t: s.client("officer").get("/audit", query_string={"act": t, "subject": t}),
    "a version of an item": lambda s, t: s.client("author").get(
        f"/bank/{BANK}/items/A-A-A-001-T1", query_string={"version": t}
    ),
    "a ref in a path": lambda s, t: s.client("officer").get(f"/office/sittings/{quote(t, safe='')}"),
    "a bank in a path": lambda s, t: s.client("author").get(
        f"/bank/{quote(t, safe='')}/items/{quote(t, safe='')}"
    ),
    "a room in a path": lambda s, t: s.client("proctor").get(f"/proctor/rooms/{quote(t, safe='')}"),
    "an attempt in a path": lambda s, t: s.client("unsigned").post(
        f"/attempts/{quote(t, safe='')}/answers",
        json={"epoch": 1, "entries": []},
        headers={"X-CBT-Lease": t[:9]},
    ),
    "a lease": lambda s, t: s.client("unsigned").post(
        f"/attempts/{s.pages['second'].ref}/answers",
        json={"epoch": 1, "entries": []},
        headers={"X-CBT-Lease": t.encode("utf-8").decode("latin-1")},
    ),
    "an answer": lambda s, t: s.pages["theory"].answer(4, t),
    "what a seat still holds": lambda s, t: s.client("unsigned").post(
        "/exam/held", json={"keys": [[t, 1, 1]], "attempts": [t]}
    ),
    "the board's selection": lambda s, t: s.client("proctor").get(
        f"/proctor/rooms/{s.world.room_ref}/acts/suspend", query_string={"seat": t, "gap": t, "minutes": t}
    ),
    "a staff ref in a form": lambda s, t: s.client("officer").post(
        f"/office/sittings/{s.world.sitting_ref}/rooms/{s.world.room_ref}/staff",
        data={"staff": f"proctor:{t}"},
    ),
    "a page of results": lambda s, t: s.client("officer").get("/results", query_string={"page": t}),
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in SQL.items()])
def test_a_text_never_becomes_a_statement(stage_of_each: Stage, text: str) -> None:
    stage = stage_of_each
    before = stage.exam()
    for name, ask in ENTRANCES.items():
        reply = ask(stage, text)
        assert reply.status_code < 500, name
        assert "$argon2" not in reply.text, name
    after = stage.exam()
    journal, former = after.pop("journal"), before.pop("journal")
    assert after == before
    assert len(journal) >= len(former)
    if len(text) > 2:  # a single sign may well stand in an item
        searched = stage.client("author").get(f"/bank/{BANK}", query_string={"text": text})
        assert "A-A-A-001-T1" not in searched.text


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in SQL.items()])
def test_nobody_signs_in_by_a_statement(stage_of_each: Stage, text: str) -> None:
    stage = stage_of_each
    sitter = stage.world.sitters["second"]
    for url, sent in (
        ("/sign-in", {"ticket": text, "document": text}),
        ("/sign-in", {"ticket": sitter.ticket, "document": text[:6]}),
        ("/my/results", {"ticket": sitter.ticket, "document": text}),
        ("/my/results", {"ticket": text, "document": sitter.document[-6:]}),
        ("/seat/bind", {"room_code": text, "number": "1"}),
    ):
        client = stage.fresh("unsigned")
        reply = client.post(url, data=sent)
        assert 400 <= reply.status_code < 500
        assert sitter.name not in reply.text
        assert client.get("/exam/wait/state", headers={"Accept": "application/json"}).status_code == 403


@pytest.mark.parametrize("text", list(SQL.values())[:8:3], ids=list(SQL)[:8:3])
def test_no_member_of_the_staff_signs_in_by_a_statement(stage_of_each: Stage, text: str) -> None:
    client = stage_of_each.fresh("unsigned")
    for sent in ({"login": f"admin{text}", "password": text}, {"login": text, "password": PASSWORD}):
        assert 400 <= client.post("/staff/sign-in", data=sent).status_code < 500
        assert client.get("/staff").status_code == 303


# ---- headers and file names

FILE_NAMES = {
    "a line of its own": "a\r\nSet-Cookie: cbt=1\r\n.xlsx",
    "a line of its own, escaped": "a%0d%0aSet-Cookie: cbt=1.xlsx",
    "the end of a quotation": 'a".html; filename="b.xlsx',
    "the end of a parameter": "a; filename=evil.html",
    "a second name": "a.xlsx\"; filename*=UTF-8''evil.html",
    "a path": "../../../etc/passwd.xlsx",
    "a path of Windows": "..\\..\\windows\\system32\\a.xlsx",
    "a NUL": "a\0.html.xlsx",
    "a text that runs backwards": "a\u202exslx.exe.xlsx",
    "Chinese": "题库.xlsx",
    "rare characters": "䶮𬭎.xlsx",
    "dots": "....xlsx",
    "very long": "长" * 300 + ".xlsx",
}


@pytest.mark.parametrize("name", [pytest.param(text, id=name) for name, text in FILE_NAMES.items()])
def test_a_file_name_does_not_leave_its_header(name: str) -> None:
    sent = disposition(name)
    assert sent.isascii()
    assert not set(sent) & set("\r\n\0\\/")
    assert sent.count('"') == 2
    assert sent.count(";") == 2
    assert len(sent) < 1400


@pytest.mark.parametrize(
    "name", [pytest.param(text, id=name) for name, text in FILE_NAMES.items() if "\0" not in text]
)
def test_a_workbook_comes_back_under_any_name_it_came_with(stage: Stage, name: str) -> None:
    """Uploaded under the name, marked and sent back: one header, no folder, no 500."""
    client = stage.client("author")
    sent = client.post(
        f"/bank/{BANK}/import", data={"file": (io.BytesIO(workbook([truth(answer="也许")])), name)}
    )
    assert sent.status_code in {303, 422}
    if sent.status_code == 303:
        work(stage.world, sent.location)
        found = re.search(r'href="([^"]*/marked/\d+\.xlsx)"', client.get(sent.location).text)
        assert found is not None
        reply = client.get(found[1])
        assert reply.status_code == 200
        assert "Set-Cookie" not in reply.headers or "cbt=1" not in reply.headers["Set-Cookie"]
        assert reply.headers["Content-Disposition"].isascii()


# ---- paths

PATHS = [
    "../cbt/config.py", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//....//etc/passwd",
    "..\\..\\windows\\win.ini", "..%5c..%5cwindows", "/etc/passwd", "//etc/passwd", "ui/../../data/cbt.db",
    "ui/%2e%2e/%2e%2e/keys/cookies.key", "ui/base.css%00.html", "ui/base.css/", "ui", "", ".git/config",
    "file:///etc/passwd", "ui/base.css~", "ui//base.css", "%c0%ae%c0%ae/etc/passwd", "ui/BASE.CSS",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leaves_the_static_tree(stage: Stage, path: str) -> None:
    digest = stage.app.extensions["cbt_assets"].digest
    reply = stage.client("unsigned").get(f"/static/{digest}/{path}")
    assert reply.status_code in {308, 404, 422}
    assert not any(secret in reply.text for secret in ("root:", "Settings", "SQLite", "[core]"))


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static", "/data/", "/keys/", "/.git/HEAD", "/.env", "/backup/", "/cbt.db", "/question_bank/",
     "/blueprints/", "/docs/", "/debug", "/console", "/admin", "/server-status", "/metrics/", "/api", "/swagger",
     "/openapi.json", "/robots.txt~", "/templates/base.html", "/cbt/app.py"],
)  # fmt: skip
def test_nothing_is_served_that_is_no_page(stage: Stage, path: str) -> None:
    reply = stage.client("admin").get(path)
    assert reply.status_code == 404
    assert "Index of" not in reply.text


@pytest.mark.parametrize("form", ["template", "marked", "export"])
@pytest.mark.parametrize("path", ["..", "../../etc/passwd", "%2e%2e%2f%2e%2e%2fkeys", "/etc/passwd"])
def test_no_download_follows_a_path(stage: Stage, form: str, path: str) -> None:
    target = quote(path, safe="%")
    url, method, who = {
        "template": (f"/bank/{target}/template.xlsx", "GET", "author"),
        "marked": (f"/bank/{BANK}/import/{target}/marked.xlsx", "GET", "author"),
        "export": (f"/office/sittings/{target}/export", "POST", "officer"),
    }[form]
    assert stage.client(who).open(url, method=method).status_code in {303, 308, 404, 405}


# ---- addresses

ELSEWHERE = [
    "//evil.example/", "///evil.example", "https://evil.example/", "http:evil.example", "/\\evil.example",
    "\\\\evil.example", "\\/evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example",
    "@evil.example", "//evil.example\\@localhost/", "https:///evil.example", "//%65vil.example/",
    "?next=//evil.example", " //evil.example", "ftp://evil.example", "//[::1]/",
]  # fmt: skip


def goes_elsewhere(location: str) -> bool:
    """Whether a browser on our page would leave it for this Location."""
    cleaned = "".join(sign for sign in location if sign not in "\t\r\n").strip()
    return not cleaned.startswith("/") or cleaned[:2] in {"//", "/\\"}


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_form_redirects_elsewhere(stage: Stage, target: str) -> None:
    client = stage.fresh("unsigned")
    reply = client.post("/preferences", data={"locale": "zh", "next": target})
    assert reply.status_code == 303
    assert not goes_elsewhere(reply.location)
    reply = stage.client("officer").get("/staff/sign-in", query_string={"next": target})
    assert reply.status_code == 303
    assert not goes_elsewhere(reply.location)


def test_signing_in_does_not_redirect_elsewhere(stage: Stage) -> None:
    for target in ELSEWHERE[:4]:
        sent = {"login": "officer", "password": PASSWORD, "next": target}
        reply = stage.fresh("unsigned").post("/staff/sign-in", data=sent)
        assert reply.status_code == 303
        assert not goes_elsewhere(reply.location)


STEERED = [
    "_external=1",
    "_scheme=javascript",
    "_anchor=x",
    "_method=POST",
    "ref=evil",
    "endpoint=x",
    "_external=1&_scheme=https",
]


@pytest.mark.parametrize("query", STEERED)
def test_a_query_does_not_steer_how_an_address_is_built(stage: Stage, query: str) -> None:
    sent = {"Host": "evil.example", "Cookie": f"cbt_staff={cookie_of(stage.client('author'))}"}
    reply = stage.app.test_client(use_cookies=False).get(f"/bank/{BANK}?{query}", headers=sent)
    assert reply.status_code == 200
    assert "evil.example" not in reply.text
    assert "javascript://" not in reply.text
    assert "page=2" in reply.text


HOSTS = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "Forwarded": "for=1.2.3.4;host=evil.example;proto=https",
    "X-Original-URL": "/audit",
    "X-Rewrite-URL": "/audit",
    "X-Forwarded-Prefix": "//evil.example",
    "X-Forwarded-Proto": "javascript",
    "X-Script-Name": "//evil.example",
}


@pytest.mark.parametrize("name", list(HOSTS))
def test_a_header_does_not_say_where_we_are(stage: Stage, name: str) -> None:
    for who, path in (("unsigned", "/office/batches"), ("officer", "/office/batches"), ("unsigned", "/")):
        reply = stage.client(who).get(path, headers={name: HOSTS[name]})
        assert "evil.example" not in (reply.location or "")
        assert "evil.example" not in reply.text
        assert "javascript:" not in (reply.location or "")
        assert reply.status_code in {200, 303}
    assert (reply.status_code, reply.request.path) == (200, "/")


# ---- requests that pretend to be others

OVERRIDES: dict[str, dict[str, Any]] = {
    "X-HTTP-Method-Override": {"headers": {"X-HTTP-Method-Override": "POST"}},
    "X-HTTP-Method": {"headers": {"X-HTTP-Method": "POST"}},
    "X-Method-Override": {"headers": {"X-Method-Override": "POST"}},
    "_method in the address": {"query_string": {"_method": "POST"}},
    "_method in a body": {"data": {"_method": "POST"}},
}


@pytest.mark.parametrize("sent", [pytest.param(one, id=name) for name, one in OVERRIDES.items()])
def test_a_get_never_becomes_a_post(stage: Stage, sent: dict[str, Any]) -> None:
    before = stage.exam()
    for url in (
        f"/office/sittings/{stage.world.sitting_ref}/cancel",
        f"/proctor/rooms/{stage.world.room_ref}/acts/hold",
        f"/staff/people/{stage.world.people['marker'].ref}/disable",
        "/staff/sign-out",
    ):
        who = {"/office": "officer", "/procto": "proctor", "/staff/": "admin"}[url[:7]]
        assert stage.client(who).get(url, **sent).status_code in {200, 303, 404, 405}
    assert stage.exam() == before
    assert stage.client("admin").get("/staff").status_code == 200


def test_a_field_said_twice_is_said_once(stage: Stage) -> None:
    """The first counts, whichever way a proxy would read it: nobody is checked by one and served by the other."""
    client = stage.fresh("unsigned")
    reply = client.post(
        "/staff/sign-in",
        data=f"login=nobody&login=officer&password=x&password={quote(PASSWORD)}",
        content_type="application/x-www-form-urlencoded",
    )
    assert reply.status_code in {403, 429}
    assert client.get("/staff").status_code == 303


@pytest.mark.parametrize(
    ("url", "who"),
    [
        pytest.param("/staff/sign-in", "unsigned", id="signing in"),
        pytest.param("/preferences", "unsigned", id="preferences"),
        pytest.param("/office/batches", "officer", id="a new batch"),
        pytest.param("/office/centres", "officer", id="a new centre"),
        pytest.param("/staff/people", "admin", id="a new person"),
    ],
)
def test_an_address_does_not_fill_a_form(stage: Stage, url: str, who: str) -> None:
    before, client = stage.exam(), stage.fresh(who)
    reply = client.post(
        url,
        query_string={
            "login": "officer",
            "password": PASSWORD,
            "name": "伪造",
            "locale": "en",
            "roles": "admin",
        },
    )
    assert reply.status_code in {303, 403, 422, 429}
    assert "locale=" not in reply.headers.get("Set-Cookie", "")
    assert stage.exam() == before
    if who == "unsigned":
        assert client.get("/staff").status_code == 303


@pytest.mark.parametrize(
    "extra", ["roles", "role", "must_change_password", "disabled_at", "id", "ref", "created_at"]
)
def test_a_field_that_no_form_has_is_not_taken(stage: Stage, extra: str) -> None:
    """Mass assignment: more fields than the form has change nothing."""
    before = stage.exam()
    for who, url in (
        ("officer", f"/office/registrations/{stage.world.sitters['second'].registration_ref}/correct"),
        ("proctor", "/staff/password"),
    ):
        stage.fresh(who).post(url, data={extra: "admin", "reason": "x"})
    assert stage.exam() == before


def test_a_json_name_said_twice_is_said_once(stage: Stage) -> None:
    page = stage.pages["second"]
    body = f'{{"epoch": 0, "epoch": {page.epoch}, "entries": [], "entries": []}}'
    reply = page.client.post(
        f"/attempts/{page.ref}/answers",
        data=body,
        content_type="application/json",
        headers={"X-CBT-Lease": page.lease},
    )
    assert reply.status_code in {200, 409, 422}


# ---- content types

TYPES = {
    "JSON as plain text": "text/plain",
    "JSON as plain text with a charset": "text/plain; charset=application/json",
    "JSON as a form": "application/x-www-form-urlencoded",
    "JSON as a form of parts": "multipart/form-data; boundary=x",
    "JSON as XML": "application/xml",
    "JSON as nothing": "",
    "JSON as HTML": "text/html",
    "JSON as a binary": "application/octet-stream",
}


@pytest.mark.parametrize("kind", [pytest.param(one, id=name) for name, one in TYPES.items()])
def test_a_request_another_site_could_send_changes_no_paper(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the victim's cookies, in a type that needs no preflight: neither lease nor form token can be in it."""
    monkeypatch.setitem(stage.app.config, "WTF_CSRF_ENABLED", True)
    before, page = stage.exam(), stage.pages["second"]
    body = json.dumps(
        {"epoch": page.epoch, "entries": [page.entry(2, "B")], "from_unit": 1, "lease": page.lease}
    )
    for path in ("start", "answers", "advance", "submit", f"messages/{stage.message_id}/read"):
        reply = page.client.post(f"/attempts/{page.ref}/{path}", data=body, content_type=kind)
        assert 400 <= reply.status_code < 500, path
    assert stage.exam() == before


@pytest.mark.parametrize("kind", [pytest.param(one, id=name) for name, one in TYPES.items()])
@pytest.mark.parametrize("url", ["/seat/undelivered", "/exam/held"])
def test_a_body_of_another_type_is_not_read_as_json(stage: Stage, url: str, kind: str) -> None:
    sent = json.dumps({"count": 3, "keys": [], "attempts": []})
    assert 400 <= stage.client("unsigned").post(url, data=sent, content_type=kind).status_code < 500


@pytest.mark.parametrize("url", ["/staff/sign-in", "/sign-in", "/my/results", "/seat/bind"])
def test_json_does_not_fill_a_form(stage: Stage, url: str) -> None:
    sent = {"login": "officer", "password": PASSWORD, "ticket": stage.world.sitters["second"].ticket}
    client = stage.fresh("unsigned")
    assert 400 <= client.post(url, json=sent).status_code < 500
    assert client.get("/staff").status_code == 303


XML = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">'
    b'<!ENTITY y "yyyyyyyyyy"><!ENTITY z "&y;&y;&y;&y;">]><a>&x;&z;</a>'
)


@pytest.mark.parametrize("url", ["/seat/undelivered", "/staff/sign-in", "/exam/held"])
def test_xml_is_no_language_of_ours(stage: Stage, url: str) -> None:
    reply = stage.fresh("unsigned").post(url, data=XML, content_type="application/xml")
    assert 400 <= reply.status_code < 500
    assert "root:" not in reply.text


# ---- cookies

Forge = Callable[[Stage, str], str]


def signed(key: bytes, value: dict[str, Any], salt: str = "cookie-session") -> str:
    """Return a session cookie as Flask would sign it under `key`."""
    app = flask.Flask("forger")
    app.secret_key = key
    interface = SecureCookieSessionInterface()
    interface.salt = salt
    signer = interface.get_signing_serializer(app)
    assert signer is not None
    return str(signer.dumps(value))


def content_of(cookie: str) -> dict[str, Any]:
    payload = cookie.lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    packed = cookie.startswith(".")  # whether it is shorter so depends on the letters of the token
    return dict(json.loads(zlib.decompress(raw) if packed else raw))


def flipped(text: str, place: int) -> str:
    """Return `text` with one letter changed."""
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


COOKIES: dict[str, Forge] = {
    "empty": lambda s, c: "",
    "nonsense": lambda s, c: "x.y.z",
    "without a signature": lambda s, c: c.rsplit(".", 1)[0],
    "an empty signature": lambda s, c: c.rsplit(".", 1)[0] + ".",
    "a changed signature": lambda s, c: flipped(c, len(c) - 5),
    "a changed content": lambda s, c: flipped(c, 6),
    "a changed instant": lambda s, c: ".".join([c.split(".")[0], "AAAAAA", c.rsplit(".", 1)[1]]),
    "cut short": lambda s, c: c[:-4],
    "doubled": lambda s, c: c + c,
    "signed by another key": lambda s, c: signed(b"k" * 32, content_of(c)),
    "signed by an empty key": lambda s, c: signed(b"\0" * 32, content_of(c)),
    "signed by the key's name": lambda s, c: signed(b"cookies", content_of(c)),
    "signed for another purpose": lambda s, c: signed(s.app.config["SECRET_KEY"], content_of(c), "other"),
    "signed for forms": lambda s, c: str(
        URLSafeTimedSerializer(s.app.config["SECRET_KEY"], salt="wtf-csrf-token").dumps(content_of(c))
    ),
    "ours, with an invented token": lambda s, c: signed(
        s.app.config["SECRET_KEY"], {"_user_id": "A" * 43, "_fresh": True}
    ),
    "ours, with a person's ref": lambda s, c: signed(
        s.app.config["SECRET_KEY"], {"_user_id": s.world.people["admin"].ref, "_fresh": True}
    ),
    "ours, with a stored hash": lambda s, c: signed(
        s.app.config["SECRET_KEY"], {"_user_id": stored_token(s), "_fresh": True}
    ),
    "ours, with nothing": lambda s, c: signed(s.app.config["SECRET_KEY"], {}),
    "very long": lambda s, c: "A" * 60_000,
    "not ASCII": lambda s, c: "登录",
}


def stored_token(stage: Stage) -> str:
    """Return what a copy of the database tells of a login session."""
    with stage.app.app_context(), reading() as session:
        return session.scalars(select(LoginSession.token_hash)).first() or ""


@pytest.mark.parametrize("forge", [pytest.param(one, id=name) for name, one in COOKIES.items()])
def test_a_forged_cookie_is_nobody(stage: Stage, forge: Forge) -> None:
    good = cookie_of(stage.client("officer"))
    client = stage.app.test_client(use_cookies=False)
    reply = client.get("/office/batches", headers={"Cookie": f"cbt_staff={forge(stage, good)}"})
    assert reply.status_code == 303
    assert str(reply.location).startswith("/staff/sign-in")
    page = stage.pages["second"]
    machine = page.client.get_cookie(MACHINE_COOKIE)
    assert machine is not None
    kept = f"{MACHINE_COOKIE}={machine.value}; cbt="
    start = client.post(
        f"/attempts/{page.ref}/start",
        json={},
        headers={"Cookie": kept + forge(stage, cookie_of(page.client)), "Accept": "application/json"},
    )
    assert start.status_code == 403
    whole = client.get("/office/batches", headers={"Cookie": f"cbt_staff={good}"})
    assert whole.status_code == 200


def cookie_of(client: FlaskClient) -> str:
    """Return the session cookie of a browser."""
    cookie = client.get_cookie("cbt_staff") or client.get_cookie("cbt")
    assert cookie is not None
    return str(cookie.value)


@pytest.mark.parametrize("who", ["theory", "elsewhere"])
def test_a_candidates_cookie_is_no_staff_and_the_other_way_round(stage: Stage, who: str) -> None:
    page, admin, bare = stage.pages[who], stage.client("admin"), stage.app.test_client(use_cookies=False)
    as_staff = {"Cookie": f"cbt_staff={cookie_of(page.client)}"}
    as_candidate = {"Cookie": f"cbt={cookie_of(admin)}"}
    ours, theirs = "/office/batches", f"/exam/{page.ref}"
    for reply in (page.client.get(ours), bare.get(ours, headers=as_staff)):
        assert (reply.status_code, reply.location) == (303, f"/staff/sign-in?next={ours}")
        assert not any(mark in reply.text for mark in stage.people)
    for reply in (admin.get(theirs), bare.get(theirs, headers=as_candidate)):
        assert (reply.status_code, reply.location) == (303, "/")
        assert not any(mark in reply.text for mark in stage.people)


@pytest.mark.parametrize("name", ["locale", "theme"])
@pytest.mark.parametrize("value", ["../../etc", "<script>", "zh'--", 'en" onload=x', "x" * 5000, "%00"])
def test_a_preference_is_one_of_those_there_are(stage: Stage, name: str, value: str) -> None:
    client = stage.app.test_client(use_cookies=False)
    reply = client.get("/", headers={"Cookie": f"{name}={value}"})
    assert reply.status_code == 200
    assert value not in reply.text


# ---- form tokens

Token = Callable[[Stage], str]


def form_token(client: FlaskClient, url: str = "/staff") -> str:
    """Return the form token on a page of this browser."""
    page = client.get(url).text
    start = page.index('name="csrf_token" value="') + len('name="csrf_token" value="')
    return page[start : page.index('"', start)]


TOKENS: dict[str, Token] = {
    "none": lambda s: "",
    "nonsense": lambda s: "x",
    "a colleague's": lambda s: form_token(s.client("admin")),
    "a candidate's": lambda s: form_token(s.pages["theory"].client, "/"),
    "a stranger's": lambda s: form_token(s.fresh("unsigned"), "/"),
    "of a browser of the same person": lambda s: form_token(s.fresh("officer")),
    "signed by another key": lambda s: str(
        URLSafeTimedSerializer(b"k" * 32, salt="wtf-csrf-token").dumps(raw_token(s))
    ),
    "signed for cookies": lambda s: str(
        URLSafeTimedSerializer(s.app.config["SECRET_KEY"], salt="cookie-session").dumps(raw_token(s))
    ),
    "not signed": lambda s: raw_token(s),
    "changed": lambda s: flipped(form_token(s.client("officer")), -3 % 80),
}


def raw_token(stage: Stage) -> str:
    """Return what the officer's session keeps of its form token."""
    client = stage.client("officer")
    client.get("/staff")
    with client.session_transaction("/staff") as kept:
        return str(kept["csrf_token"])


@pytest.mark.parametrize("where", ["in the form", "in the header", "in the address"])
@pytest.mark.parametrize("make", [pytest.param(one, id=name) for name, one in TOKENS.items()])
def test_a_form_token_belongs_to_one_session(
    stage: Stage, make: Token, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make(stage)
    monkeypatch.setitem(stage.app.config, "WTF_CSRF_ENABLED", True)
    before = stage.exam()
    sent: dict[str, Any] = {"data": {"name": "伪造"}}
    if where == "in the form":
        sent["data"] |= {"csrf_token": token}
    elif where == "in the header":
        sent["headers"] = {"X-CSRFToken": token}
    else:
        sent["query_string"] = {"csrf_token": token}
    assert stage.client("officer").post("/office/batches", **sent).status_code == 400
    assert stage.exam() == before


def test_the_sessions_own_form_token_is_taken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = stage.fresh("officer")
    token = form_token(client)
    monkeypatch.setitem(stage.app.config, "WTF_CSRF_ENABLED", True)
    reply = client.post("/office/batches", data={"name": "", "csrf_token": token})
    assert reply.status_code == 422


@pytest.mark.parametrize("make", [pytest.param(one, id=name) for name, one in TOKENS.items()])
def test_a_paper_is_not_started_by_another_sessions_form_token(
    stage: Stage, make: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door checks what Flask-WTF checks, before Flask is asked."""
    token = make(stage)
    monkeypatch.setitem(stage.app.config, "WTF_CSRF_ENABLED", True)
    page: Page = stage.pages["second"]
    before = stage.exam()
    for kind in ("application/json", "text/plain"):
        reply = page.client.post(
            f"/attempts/{page.ref}/start", data="{}", content_type=kind, headers={"X-CSRFToken": token}
        )
        assert reply.status_code == 400
    assert stage.exam() == before
