"""The answer page: whom it opens for, by the short way and by the view, and how it comes over the wire."""

from __future__ import annotations

import functools
import gzip
import re
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.engine import Engine
from werkzeug.test import EnvironBuilder

from cbt.candidates.models import Candidate, CandidatePhoto, Registration
from cbt.http.models import LoginSession
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server.deferred import PROMISE, PROMISES, Headers, Promise, PromisedRequest
from cbt.http.server.wsgi import call
from cbt.runner.models import Attempt
from cbt.runner.paper import handler
from cbt.runner.paper.page import FOLDER, KINDS, Shells, shell_of
from cbt.sittings.models import Centre, SittingRoom
from cbt.storage.unit_of_work import raw_reading, reading, unit_of_work
from tests.delivery.driver import person_in
from tests.delivery.starts import left_to_views, refuse_views
from tests.helpers import count_raw_readings, without_tokens
from tests.world import World


@pytest.fixture
def client(world: World) -> FlaskClient:
    world.admit_all()
    world.start()
    return world.candidate("theory")


def page_of(world: World, name: str = "theory") -> str:
    return f"/exam/{world.sitters[name].attempt_ref}"


def past_the_short_way(client: FlaskClient, path: str, **headers: str) -> Any:
    """Ask with a query, which no page of ours sends."""
    return client.get(f"{path}?", query_string="a=b", headers=headers)


def asked_together(world: World, *asked: tuple[FlaskClient, str]) -> list[tuple[int, Headers, bytes]]:
    """Ask for pages as a server process does; return the answers, in order. All but the first come meanwhile."""
    answers: dict[int, tuple[int, Headers, bytes]] = {}
    promises: list[Callable[[], None]] = []
    for place, (browser, page) in enumerate(asked):
        cookies = "; ".join(f"{one.key}={one.value}" for one in browser._cookies.values())
        environ = EnvironBuilder(page, headers={"Cookie": cookies}).get_environ()
        environ |= {"REMOTE_ADDR": "127.0.0.1", PROMISES: True}
        answers |= {} if (found := call(world.app, environ)) is None else {place: found}
        if (made := environ.pop(PROMISE, None)) is not None:
            promises.append(partial(_keep, made, answers, place, promises, partial(call, world.app, environ)))
    _keep_all(promises)
    return [answers[place] for place in range(len(asked))]


def _keep_all(promises: list[Callable[[], None]]) -> None:
    while promises:
        promises.pop(0)()


def _keep(
    made: Promise,
    answers: dict[int, Any],
    place: int,
    others: list[Callable[[], None]],
    again: Callable[[], Any],
) -> None:
    def answer(status: int, headers: Headers, body: bytes) -> None:
        answers[place] = status, headers, body
        _keep_all(others)

    def hand_on() -> None:
        answers[place] = again()
        _keep_all(others)

    made(PromisedRequest(answer, hand_on))


def test_the_short_way_and_the_view_say_the_same(client: FlaskClient, world: World) -> None:
    path = page_of(world)
    first = client.get(path)  # whose form token is new: by the view
    assert "Set-Cookie" in first.headers
    view = past_the_short_way(client, path)
    refuse_views(world)
    plain, packed = client.get(path), client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert without_tokens(view.text) == without_tokens(plain.text) == without_tokens(first.text)
    for reply in (view, plain, packed):
        assert reply.headers["Vary"] == "Accept-Encoding, Cookie"
        assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
        for name, value in SECURITY_HEADERS.items():
            assert reply.headers[name] == value
    assert "Set-Cookie" not in plain.headers
    sent = re.search(r'data-csrf="([^"]+)"', plain.text)
    assert sent is not None
    assert person_in(plain.text) == {
        "ref": world.sitters["theory"].attempt_ref,
        "paper_title": "客户服务管理员（三级）· 理论知识",
        "candidate_name": "王小明",
        "ticket_number": "261100010001",
        "seat_number": "01",
        "photo_url": None,
        "watermark": "王小明 261100010001",
        "lock_down": True,
    }


def test_the_form_token_of_the_short_way_opens_the_paper(client: FlaskClient, world: World) -> None:
    world.app.config["WTF_CSRF_ENABLED"] = True
    client.get(page_of(world))
    refuse_views(world)
    token = re.search(r'data-csrf="([^"]+)"', client.get(page_of(world)).text)
    assert token is not None
    start = f"/attempts/{world.sitters['theory'].attempt_ref}/start"
    assert client.post(start, json={}, headers={"X-CSRFToken": token[1]}).status_code == 200


def test_language_and_theme_are_the_browsers(client: FlaskClient, world: World) -> None:
    client.get(page_of(world))
    client.set_cookie("locale", "en")
    client.set_cookie("theme", "dark")
    view = past_the_short_way(client, page_of(world)).text
    refuse_views(world)
    page = client.get(page_of(world)).text
    assert '<html lang="en" data-theme="dark">' in page
    assert without_tokens(page) == without_tokens(view)


def _registration(**values: Any) -> Callable[[World], None]:
    def change(world: World) -> None:
        ref = world.sitters["theory"].registration_ref
        _do(world, update(Registration).where(Registration.ref == ref).values(**values))

    return change


def _do(world: World, statement: Any) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(statement)


def _at(name: str) -> Callable[[World], None]:
    return lambda world: _registration(**{name: world.clock.now()})(world)


ELSEWHERE: dict[str, tuple[Callable[[World], None], str]] = {
    "over": (lambda world: _do(world, update(Attempt).values(state="closed")), "/done"),
    "not confirmed": (_registration(confirmed_at=None), "/exam/confirm"),
    "a proctor is to compare": (_at("query_at"), "/exam/confirm"),
    "not pledged": (_registration(pledged_at=None), "/exam/notice"),
    "not started": (lambda world: _do(world, update(SittingRoom).values(started_at=None)), "/exam/wait"),
    "signed out": (
        lambda world: _do(world, update(LoginSession).values(revoked_at=world.clock.now())),
        "/?over=revoked",
    ),
    "signed in too long ago": (
        lambda world: _do(world, update(LoginSession).values(expires_at=world.clock.now())),
        "/?over=expired",
    ),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_who_belongs_elsewhere_is_led_there_as_by_the_view(
    client: FlaskClient, world: World, case: str
) -> None:
    change, target = ELSEWHERE[case]
    assert client.get(page_of(world)).status_code == 200
    change(world)
    for ask in (client.get, lambda path: past_the_short_way(client, path)):
        reply = ask(page_of(world))
        assert reply.status_code in (302, 303)
        assert reply.location.endswith(target)
    [(status, headers, _)] = asked_together(world, (client, page_of(world)))
    assert status in (302, 303)
    assert dict(headers)["Location"].endswith(target)


def test_nobody_else_gets_the_page(client: FlaskClient, world: World) -> None:
    path = page_of(world)
    other, elsewhere = world.candidate("second"), world.candidate("theory", machine="seat-99")
    stranger, staff = world.app.test_client(), world.staff("proctor")
    for browser in (client, other):
        own = page_of(world, "theory" if browser is client else "second")
        assert browser.get(own).status_code == 200
    assert elsewhere.get(path).status_code == 200  # signed in there, too
    machine = client.get_cookie("cbt_machine")
    assert machine is not None
    elsewhere.set_cookie("cbt_machine", machine.value)  # the login of one machine at another
    assert [other.get(path).status_code, elsewhere.get(path).status_code] == [404, 403]
    for browser in (stranger, staff):
        assert browser.get(path).location == "/"
    assert client.get("/exam/at-nobody").status_code == 404
    assert client.post(path).status_code == 405


def test_all_who_ask_at_once_are_read_with_one_query_and_get_their_own(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for another's page among them hears what the view says."""
    other = world.candidate("second")
    own, theirs = page_of(world), page_of(world, "second")
    expected = [without_tokens(browser.get(one).text) for browser, one in ((client, own), (other, theirs))]
    queries = count_raw_readings(monkeypatch, handler)
    replies = asked_together(world, (client, own), (other, theirs), (other, own), (client, own))
    assert [status for status, _, _ in replies] == [200, 200, 404, 200]
    texts = [without_tokens(body.decode()) for _, _, body in replies]
    assert [texts[0], texts[1], texts[3]] == [expected[0], expected[1], expected[0]]
    assert len(queries) == 2  # of the first, and of those who came meanwhile


def test_a_view_that_is_asked_first_gives_a_browser_its_form_token(
    client: FlaskClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A promise would be kept where there is no session to keep the token in."""
    path = page_of(world)
    with left_to_views(world.app):
        [(status, headers, body)] = asked_together(world, (client, path))
    assert (status, caplog.text) == (200, "")
    assert any(name == "Set-Cookie" for name, _ in headers)
    assert 'data-csrf=""' not in body.decode()
    assert without_tokens(body.decode()) == without_tokens(client.get(path).text)


@pytest.mark.parametrize("place", ["confirm", "notice", "wait"])
def test_no_paper_is_looked_for_to_open_a_page_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Its address looks like that of a paper, and a hall comes in by them."""
    world.admit_all()
    client = world.candidate("theory")
    assert client.get("/exam/wait").status_code == 200  # its browser has a form token by now
    queries = count_raw_readings(monkeypatch, handler)
    assert client.get(f"/exam/{place}").status_code in {200, 303}
    assert queries == []
    assert client.get("/exam/at-nobody").status_code == 404
    assert queries, "that is the way of a paper"


def test_where_the_query_fails_everybody_goes_to_the_view(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = world.candidate("second")
    asked = [(client, page_of(world)), (other, page_of(world, "second"))]
    for browser, one in asked:
        assert browser.get(one).status_code == 200

    fails = cycle([True, False])  # for the short way, not for the view

    def fail(engine: Engine) -> Any:
        if next(fails):
            raise OSError
        return raw_reading(engine)

    monkeypatch.setattr(handler, "raw_reading", fail)
    assert [status for status, _, _ in asked_together(world, *asked)] == [200, 200]
    assert caplog.text.count("1 answer pages were handed on") == 2


# ---- after the paper

ENDS = {
    "candidate": ("candidate", "R-2611-0001", "交卷成功"),
    "deadline": ("deadline", None, "时间到"),
    "proctor": ("proctor", None, "监考"),
    "violation": ("violation", None, "监考"),
    "evacuation": ("evacuation", None, "中断收卷"),
}


def ended(world: World, *, by: str = "deadline", receipt: str | None = None, name: str = "theory") -> str:
    """Have a paper closed; return the address of the page after it."""
    ref, now = world.sitters[name].attempt_ref, world.clock.now()
    values = {"state": "closed", "closed_by": by, "receipt": receipt, "closed_at": now}
    _do(world, update(Attempt).where(Attempt.ref == ref).values(**values))
    return f"{page_of(world, name)}/done"


@pytest.mark.parametrize("case", ENDS)
def test_the_page_after_the_paper_is_the_same_by_the_short_way_and_by_the_view(
    client: FlaskClient, world: World, case: str
) -> None:
    by, receipt, words = ENDS[case]
    client.get(page_of(world))
    path = ended(world, by=by, receipt=receipt)
    view = past_the_short_way(client, path)
    refuse_views(world)
    reply = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert without_tokens(reply.text) == without_tokens(view.text)
    for one in (reply, view):
        assert one.headers["Vary"] == "Cookie"
        assert one.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "Content-Encoding" not in one.headers
        for name, value in SECURITY_HEADERS.items():
            assert one.headers[name] == value
    main = reply.text[reply.text.index("<main") :]
    shown = re.findall(r"<dd[^>]*>([^<]*)</dd>", main)
    at = world.clock.now().astimezone(world.app.extensions["cbt_zone"]).strftime("%H:%M:%S")
    assert shown == [*([receipt] if receipt else []), at, "王小明", "261100010001", "01"]
    assert words in main
    assert "客户服务管理员（三级）· 理论知识" in main
    assert ("data-seat=" in main) == (by == "candidate")
    assert not re.search("[\ue000\ue001]", reply.text)


def test_the_page_after_the_paper_is_in_the_browsers_language_and_theme(
    client: FlaskClient, world: World
) -> None:
    client.get(page_of(world))
    path = ended(world)
    client.set_cookie("locale", "en")
    client.set_cookie("theme", "dark")
    view = past_the_short_way(client, path).text
    refuse_views(world)
    page = client.get(path).text
    assert page == view
    assert '<html lang="en" data-theme="dark">' in page


def test_a_name_is_a_text_on_the_page_after_the_paper(client: FlaskClient, world: World) -> None:
    client.get(page_of(world))
    name = "<b>王\ue000ticket\ue001&"
    _do(world, update(Candidate).where(Candidate.name == "王小明").values(name=name))
    path = ended(world)
    refuse_views(world)
    assert "<dd>&lt;b&gt;王\ue000ticket\ue001&amp;</dd>" in client.get(path).text


def test_only_whose_paper_is_over_sees_the_page_after_it(client: FlaskClient, world: World) -> None:
    other = world.candidate("second")
    own, theirs = page_of(world), page_of(world, "second")
    for browser, one in ((client, own), (other, theirs)):
        assert browser.get(one).status_code == 200
    for ask in (client.get, lambda path: past_the_short_way(client, path)):
        reply = ask(f"{own}/done")
        assert (reply.status_code, reply.location) == (303, own)
    path = ended(world)
    assert client.get(path).status_code == 200
    assert other.get(path).status_code == 404
    assert world.app.test_client().get(path).location == "/"
    _do(world, update(Attempt).values(state="in_progress"))  # the closing is undone
    assert client.get(path).location == own


def test_both_pages_asked_for_at_once_are_read_with_one_query(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.candidate("second")
    own, theirs = page_of(world), page_of(world, "second")
    for browser, one in ((client, own), (other, theirs)):
        assert browser.get(one).status_code == 200
    done = ended(world)
    expected = client.get(done).text
    queries = count_raw_readings(monkeypatch, handler)
    asked = [(other, theirs), (client, done), (other, theirs), (client, done)]
    replies = asked_together(world, *asked)
    assert [status for status, _, _ in replies] == [200] * 4
    assert [replies[1][2].decode(), replies[3][2].decode()] == [expected] * 2
    assert len(queries) == 2  # of the first, and of those who came meanwhile


def test_a_kiosk_browser_is_not_asked_for_after_the_paper(client: FlaskClient, world: World) -> None:
    client.get(page_of(world))
    _do(world, update(Centre).values(kiosk_origin="http://localhost"))
    path = ended(world)
    assert past_the_short_way(client, path).status_code == 200
    refuse_views(world)
    assert client.get(path).status_code == 200


# ---- where the view decides


def test_a_centre_that_asks_for_its_kiosk_is_asked_by_the_view(client: FlaskClient, world: World) -> None:
    assert client.get(page_of(world)).status_code == 200
    _do(world, update(Centre).values(kiosk_origin="http://localhost"))
    assert client.get(page_of(world)).status_code == 403


def test_a_photo_is_shown_where_there_is_one(client: FlaskClient, world: World) -> None:
    client.get(page_of(world))
    with world.app.app_context(), unit_of_work() as session:
        who = session.scalars(select(Candidate).where(Candidate.name == "王小明")).one()
        session.add(CandidatePhoto(candidate_id=who.id, mimetype="image/jpeg", image=b"x"))
    refuse_views(world)
    assert person_in(client.get(page_of(world)).text)["photo_url"] == "/exam/photo"


# ---- the shell


def test_a_shell_holds_nothing_of_anybody(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn while somebody asks, whoever that is: in their language nothing, and of their names nothing."""
    with world.app.app_context(), reading() as session:
        known = {
            name for row in session.execute(select(Candidate.name, Candidate.document_masked)) for name in row
        }
        known |= set(session.scalars(select(Registration.ref))) | set(session.scalars(select(Attempt.ref)))
    known |= {sitter.ticket for sitter in world.sitters.values()}
    asking = [
        (world.candidate("theory"), "door.wait", "/exam/wait"),
        (world.staff("admin"), "accounts.home", "/staff"),
        (world.app.test_client(), "door.seat_page", "/"),
    ]
    asking[0][0].set_cookie("locale", "en")
    texts: list[dict[str, str]] = []

    def drawing(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def draw() -> Any:
            shown = view()
            shells = Shells(world.app)
            texts.append({name: shells.of(kind).plain().decode() for name, kind in KINDS.items()})
            return shown

        return draw

    for browser, endpoint, address in asking:
        monkeypatch.setitem(world.app.view_functions, endpoint, drawing(world.app.view_functions[endpoint]))
        assert browser.get(address).status_code == 200
        known |= {cookie.value for name in ("cbt", "cbt_staff") if (cookie := browser.get_cookie(name))}
    assert texts[0] == texts[1] == texts[2]
    for name, text in texts[0].items():
        assert text, name
        assert {one for one in known if one in text} == set()
        assert "csrf" not in text
        assert f'data-theme="{KINDS[name].theme}"' in text
        assert f'lang="{"en" if KINDS[name].locale == "en" else "zh-CN"}"' in text
        assert ("purpose-edge" in text) == (KINDS[name].purpose != "official")
    assert len(set(texts[0].values())) == len(KINDS) == 36


def test_a_shell_is_a_file_that_a_browser_keeps(client: FlaskClient, world: World) -> None:
    url = world.app.extensions["cbt_assets"].url(f"{FOLDER}/zh-auto-official.html")
    reply = world.app.test_client().get(url, headers={"Accept-Encoding": "gzip"})
    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert reply.headers["Vary"] == "Accept-Encoding"
    assert "Set-Cookie" not in reply.headers
    assert reply.headers["Content-Security-Policy"] == SECURITY_HEADERS["Content-Security-Policy"]
    assert reply.mimetype == "text/html"
    page = client.get(page_of(world)).text
    assert page.startswith(
        gzip.decompress(reply.data).decode().partition('<script type="module"')[0].rstrip()
    )
    former = world.app.test_client().get(re.sub("/static/[^/]+/", "/static/0123456789ab/", url))
    assert (former.status_code, former.headers["Cache-Control"]) == (200, "no-cache")
    assert world.app.test_client().get(url.replace("auto", "blue")).status_code == 404


SHELL = shell_of("<p>候考</p>\ue000</html>")


@given(st.binary(max_size=200) | st.integers(0, 200_000).map(bytes))
def test_whoever_follows_the_shell_is_unpacked_as_they_are(person: bytes) -> None:
    assert gzip.decompress(SHELL.gzipped(person)) == SHELL.plain(person)


# ---- ahead of the start


def test_who_waits_is_told_what_to_fetch_and_who_they_are(world: World) -> None:
    world.admit_all()
    client = world.candidate("theory")
    told = client.get("/exam/wait/paper").get_json()
    shell = client.get(told["shell"]).text
    assert told["files"] == re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', shell)
    assert told["page"] == page_of(world)
    world.start()
    client.get(page_of(world))
    assert told["attempt"] == person_in(client.get(page_of(world)).text)
    # Who writes already is told what the same page needs where it is loaded again without a server: nobody's.
    kept = {name: told[name] for name in ("away", "files", "worker")}
    assert client.get("/exam/wait/paper").get_json() == {"shell": None, **kept}
    assert client.get(told["worker"]).headers["Service-Worker-Allowed"] == "/exam/"
    assert "Service-Worker-Allowed" not in client.get(told["files"][1]).headers


def test_a_kiosk_browser_opens_the_page_itself(world: World) -> None:
    world.admit_all()
    _do(world, update(Centre).values(kiosk_origin="http://localhost"))
    told = world.candidate("theory").get("/exam/wait/paper").get_json()
    assert told["shell"] is None
    assert "attempt" not in told
    assert told["away"].endswith(".html")


def test_scripts_and_style_sheets_carry_what_counts_for_files(client: FlaskClient, world: World) -> None:
    assets = world.app.extensions["cbt_assets"]
    for name in ("runner/main.js", "runner/paper/runner.css"):
        headers = client.get(assets.url(name)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "immutable" in headers["Cache-Control"]
        assert "Content-Security-Policy" not in headers
    picture = client.get(
        assets.url("ui/icon.svg")
    ).headers  # can be opened as a page, so it has a page's headers
    assert picture["Content-Security-Policy"] == SECURITY_HEADERS["Content-Security-Policy"]
