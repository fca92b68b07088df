"""Pages of results are kept: asked of nobody's database, never older than the log says, never another person's."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import update

from cbt.audit.store import ACTS
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.http import page_cache
from cbt.http.auth.cookies import session_cookie
from cbt.http.models import LoginSession
from cbt.http.page_cache import KEPT_SECONDS, PageCache
from cbt.http.server.deferred import PROMISES
from cbt.results import my_results
from cbt.results.handler import CHANGES_NO_RESULT
from cbt.results.publicity import store as publicity
from cbt.runner.news import watcher
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.starts import left_to_views
from tests.helpers import FORM_TOKEN, count_queries, count_raw_readings, without_tokens
from tests.results.scene import SECOND, finish, release, release_url, rescore, set_violation
from tests.results.test_publicity import AFTER, object_to, page_of, public
from tests.world import World

pytestmark = pytest.mark.once
FRONT = {PROMISES: True}
"""What the front of a serving process says of each request."""

_PREFERENCES = re.compile(r'action="([^"]*preferences[^"]*)"')


@pytest.fixture
def shown(world: World) -> World:
    """The results of a body that asks for five working days, on display."""
    finish(world)
    with world.app.app_context(), unit_of_work() as session:
        session.get_one(AssessmentBody, ONLY).publicity_days = 5
    assert world.staff("officer").post(page_of(world)).status_code == 303
    return world


@pytest.fixture
def released(world: World) -> World:
    """The results of everybody, released."""
    finish(world)
    release(world)
    return world


def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the queries that lists and results are drawn of, as they are asked from now on."""
    asked: list[str] = []

    def noted(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def note(*args: object, **named: object) -> object:
            asked.append(name)
            return call(*args, **named)

        return note

    for module, name in (
        (publicity, "open_publications"),
        (publicity, "published_page"),
        (my_results, "all_of"),
    ):
        monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    return asked


def test_what_everybody_may_read_is_drawn_once_and_asks_nothing_after(
    shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, other = shown.app.test_client(), shown.app.test_client()
    pages = ("/publicity", public(shown), "/verify", "/my/results")
    first = {path: stranger.get(path, environ_overrides=FRONT).text for path in pages}
    asked = drawn(monkeypatch)
    for path in pages:
        stranger.get(path, environ_overrides=FRONT)
        shown.app.extensions["cbt_news"]._looked_at = shown.app.extensions["cbt_news"]._timer()
        raw = count_raw_readings(monkeypatch, watcher)
        with count_queries(shown.app) as counted:
            again = other.get(path, environ_overrides=FRONT)
        assert (again.status_code, list(counted), raw) == (200, [], []), path
        assert without_tokens(again.text) == without_tokens(first[path]), path
        assert again.headers["Cache-Control"] == "no-store"
    assert asked == []


def test_a_kept_page_is_the_page_that_is_drawn_in_either_language(
    shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = ("/publicity", public(shown), "/verify", "/my/results")
    for language, title in (("zh", "成绩"), ("en", "esult")):
        client = shown.app.test_client()
        client.set_cookie("locale", language)
        kept = {path: client.get(path).text for path in pages}
        with monkeypatch.context() as patched:
            patched.setattr(page_cache, "_held", lambda: {"somebody"})
            for path in pages:
                assert without_tokens(client.get(path).text) == without_tokens(kept[path]), (path, language)
        assert title in kept["/publicity"]


def test_every_reader_gets_a_form_token_of_their_own_that_works(
    shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(shown.app.config, "WTF_CSRF_ENABLED", True)
    for path in ("/publicity", public(shown), "/verify"):
        tokens = []
        for _ in range(2):
            client = shown.app.test_client()
            page = client.get(path).text
            (action,), (token, *_rest) = _PREFERENCES.findall(page), FORM_TOKEN.findall(page)
            sent = {"csrf_token": token, "locale": "en", "next": path}
            assert client.post(action, data=sent).status_code == 303
            assert 'lang="en"' in client.get(path).text
            tokens.append(token)
        assert tokens[0] != tokens[1]


def test_what_the_office_does_is_seen_at_once(shown: World) -> None:
    stranger, officer = shown.app.test_client(), shown.staff("officer")
    address = public(shown)
    assert address in stranger.get("/publicity").text
    before = stranger.get(address).text
    set_violation(shown, "theory", "phone_used", ruled=False)
    assert object_to(shown, "extra") == 303  # an entry of the log: the office did something
    assert without_tokens(stranger.get(address).text) != without_tokens(before)
    assert officer.post(f"{page_of(shown)}/withdraw", data={"reason": "漏评一题"}).status_code == 303
    assert stranger.get(address).status_code == 404
    assert address not in stranger.get("/publicity").text
    assert officer.post(page_of(shown)).status_code == 303
    assert stranger.get("/publicity").text.count("/publicity/pu-") == 1


def test_another_day_is_another_page(shown: World) -> None:
    stranger = shown.app.test_client()
    assert "/publicity/pu-" in stranger.get("/publicity").text
    shown.clock.set(AFTER)
    assert "/publicity/pu-" not in stranger.get("/publicity").text


def test_an_own_page_follows_publicity_objection_release_and_correction(shown: World) -> None:
    mine = shown.candidate("extra")
    assert "公示" in mine.get("/my/results").text
    assert object_to(shown, "extra") == 303
    assert "异议" in mine.get("/my/results").text
    shown.clock.set(AFTER)
    theory = shown.candidate("theory")
    assert "72.5" not in theory.get("/my/results").text
    released = shown.staff("officer").post(release_url(shown), data=SECOND)
    assert released.status_code == 303, released.text
    assert "72.5" in theory.get("/my/results").text


def test_a_corrected_result_is_seen_at_once(released: World) -> None:
    mine = released.candidate("theory")
    assert "72.5" in mine.get("/my/results").text
    rescore(released, "theory", "75.5")
    told = {"act": "correct", "reason": "漏评一题"} | SECOND
    assert released.staff("officer").post(release_url(released), data=told).status_code == 303
    page = mine.get("/my/results").text
    assert "75.5" in page
    assert "72.5" not in page


def test_an_own_page_is_asked_again_of_its_login_alone(
    released: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = released.candidate("theory")
    mine.get("/my/results", environ_overrides=FRONT)
    asked = drawn(monkeypatch)
    with count_queries(released.app) as counted:
        assert "72.5" in mine.get("/my/results", environ_overrides=FRONT).text
    assert (asked, list(counted)) == ([], [])
    with released.app.app_context(), unit_of_work() as session:
        session.execute(update(LoginSession).values(revoked_at=released.clock.now()))
    ended = mine.get("/my/results", environ_overrides=FRONT).text
    assert "72.5" not in ended
    assert released.sitters["theory"].name not in ended


def test_what_the_view_drew_is_shown_at_the_door_without_a_view(
    released: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = released.candidate("theory")
    with left_to_views(released.app):
        by_view = mine.get("/my/results")
    monkeypatch.setitem(released.app.view_functions, "results.mine", None)  # whoever calls it fails
    at_the_door = mine.get("/my/results")
    assert without_tokens(at_the_door.text) == without_tokens(by_view.text)
    same = ("Content-Type", "Vary", "Content-Security-Policy", "Cache-Control")
    assert [at_the_door.headers.get(name) for name in same] == [by_view.headers.get(name) for name in same]
    token = FORM_TOKEN.search(at_the_door.text)
    assert token is not None
    monkeypatch.undo()
    released.app.config["WTF_CSRF_ENABLED"] = True
    assert mine.post("/my/results/slip", data={"csrf_token": token[1]}).mimetype == "application/pdf"


def test_nobody_is_shown_the_page_of_another(released: World) -> None:
    theory, extra = released.candidate("theory"), released.candidate("extra")
    for client, own, others in ((theory, "72.5", "59.9"), (extra, "59.9", "72.5")) * 2:
        page = client.get("/my/results").text
        assert own in page
        assert others not in page
    stranger = released.app.test_client().get("/my/results").text
    assert "72.5" not in stranger
    assert "59.9" not in stranger
    moved = released.candidate("theory", machine="elsewhere")
    name = session_cookie(released.app, staff=False)
    kept = theory.get_cookie(name)
    assert kept is not None
    moved.set_cookie(name, kept.value)
    assert "72.5" not in moved.get("/my/results").text


def test_who_is_signed_in_gets_a_list_of_their_own_and_leaves_nothing_in_the_kept_one(shown: World) -> None:
    officer, stranger = shown.staff("officer"), shown.app.test_client()
    for path in ("/publicity", public(shown), "/verify"):
        for client, known in ((officer, True), (stranger, False)) * 2:
            assert ('class="who"' in client.get(path).text) is known, path


def test_what_is_said_once_is_not_kept(released: World) -> None:
    mine = released.candidate("theory")
    with mine.session_transaction() as session:
        session["_flashes"] = [("ok", "只说一次")]
    assert "只说一次" in mine.get("/my/results").text
    assert "只说一次" not in mine.get("/my/results").text


def test_acts_that_change_no_result_are_acts_and_say_nothing_of_results() -> None:
    assert CHANGES_NO_RESULT < ACTS
    telling = (
        "results.",
        "publicity.",
        "objection.",
        "ruling.",
        "appeal.",
        "sitting.",
        "candidate.",
        "registration.",
        "body.",
    )
    assert not [act for act in CHANGES_NO_RESULT if act.startswith(telling) or act == "violation"]


def test_what_was_drawn_long_ago_or_asked_for_long_ago_is_let_go() -> None:
    now = [0.0]
    pages = PageCache(2, timer=lambda: now[0])
    for key in ("a", "b"):
        pages.keep(key, 1, (key,))
    assert pages.find("a", 1) == ("a",)
    pages.keep("c", 1, ("c",))
    assert (pages.find("b", 1), pages.find("a", 1), pages.find("a", 2)) == (None, ("a",), None)
    now[0] = KEPT_SECONDS
    assert pages.find("a", 1) == ("a",)
    now[0] += 0.001
    assert pages.find("a", 1) is None
