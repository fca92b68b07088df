"""One browser with two logins: each in its own cookie, read at its own addresses; and what a wrong role is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cbt.http.auth.access import access_of
from cbt.http.auth.cookies import is_of_staff
from tests.delivery.driver import person_in
from tests.helpers import flat
from tests.world import PASSWORD, World

pytestmark = pytest.mark.once


def test_every_address_is_where_the_login_it_wants_is_read(world: World) -> None:
    for rule in world.app.url_map.iter_rules():
        access = access_of(world.app, rule.endpoint)
        if access is not None and access.kind in {"candidate", "lease", "staff"}:
            assert is_of_staff(rule.rule) == (access.kind == "staff"), rule.rule


def test_a_proctor_and_a_candidate_in_one_browser_leave_each_other_alone(world: World) -> None:
    world.admit_all()
    world.start()
    browser = world.candidate("theory")
    typed = {"login": world.people["proctor"].login, "password": PASSWORD}
    assert browser.post("/staff/sign-in", data=typed).location == "/staff"
    assert browser.get("/staff").status_code == 200
    paper = browser.get(f"/exam/{world.sitters['theory'].attempt_ref}")
    assert paper.status_code == 200
    assert person_in(paper.text)["candidate_name"] == "王小明"
    assert "王小明" in browser.get("/").text
    assert "/staff/sign-out" not in browser.get("/my/results").text  # no bar of staff over a candidate's page
    opened = browser.post(f"/attempts/{world.sitters['theory'].attempt_ref}/start", json={})
    assert opened.status_code == 200
    # Each chooses its language with the form token of its own session, and each leaves alone.
    for path, back in (("/preferences", "/"), ("/staff/preferences", "/staff")):
        assert browser.post(path, data={"locale": "zh", "next": back}).location == back
    assert browser.post("/staff/sign-out").location == "/staff/sign-in"
    assert "王小明" in browser.get("/").text
    assert browser.post("/staff/sign-in", data=typed).status_code == 303
    assert browser.post("/exam/leave").location == "/"
    assert "王小明" not in browser.get("/").text
    assert browser.get("/staff").status_code == 200


@pytest.mark.parametrize("kind", ["staff", "candidate"])
def test_a_login_is_nobodys_in_the_cookie_of_the_other_kind(world: World, kind: str) -> None:
    world.admit_all()
    browser = world.staff("officer") if kind == "staff" else world.candidate("theory")
    own, other = ("cbt_staff", "cbt") if kind == "staff" else ("cbt", "cbt_staff")
    kept = browser.get_cookie(own)
    assert kept is not None
    browser.set_cookie(other, kept.value)
    reply = browser.get("/exam/confirm" if kind == "staff" else "/staff")
    assert (reply.status_code, reply.location.partition("?")[0]) == (
        303,
        "/" if kind == "staff" else "/staff/sign-in",
    )


def test_a_picture_of_an_item_is_sent_to_either(world: World) -> None:
    world.admit_all()
    for browser in (world.staff("author"), world.candidate("theory")):
        reply = browser.get("/item-media/0000000000000000000000000000000000000000.png")
        assert reply.status_code == 404
    assert world.app.test_client().get("/item-media/x.png").status_code == 403


def test_a_wrong_role_is_told_whose_page_it_is_and_how_to_change(world: World) -> None:
    browser = world.staff("author")
    page = browser.get("/audit?act=door.query")
    assert page.status_code == 403
    said = flat(page.text)
    assert "督导员或系统管理员使用。" in said
    assert "（命题员）。" in said
    assert 'name="next" value="/audit?act=door.query"' in said
    left = browser.post("/staff/sign-out", data={"next": "/audit?act=door.query"})
    assert left.location == "/staff/sign-in?next=/audit?act%3Ddoor.query"
    part = world.staff("author").get("/audit", headers={"HX-Request": "true"})
    assert "本页供" in part.text


def test_a_candidate_whose_login_is_over_is_told_so(world: World) -> None:
    world.admit_all()
    browser = world.candidate("theory")
    world.clock.advance(timedelta(hours=15))
    reply = browser.get("/exam/wait")
    assert (reply.status_code, reply.location) == (303, "/?over=expired")
    assert "请重新登录，已保存的作答不受影响" in browser.get("/?over=expired").text
    assert "请重新登录，已保存的作答不受影响" not in browser.get("/").text


def test_who_is_not_signed_in_is_offered_the_sign_in_everywhere(world: World) -> None:
    world.admit_all()
    for browser in (world.app.test_client(), world.candidate("theory")):
        for path in ("/staff", "/office/batches", "/proctor", "/audit", "/doctor"):
            reply = browser.get(path)
            assert (reply.status_code, reply.location.partition("?")[0]) == (303, "/staff/sign-in")
        missing = browser.get("/office/nothing-here")
        assert missing.status_code == 404
        assert 'href="/staff/sign-in?next=/office/nothing-here"' in missing.text
    assert "/staff/sign-in" not in world.staff("officer").get("/office/nothing-here").text
